#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The kernel plane on a terminal: real drops of Linux's own path, and whether the screen says who, where
# and why. The fast path is attached only where both planes are looked at.

load terminal

setup_file() {
	start_lab || return
	# frames that weir-gen redirects into r0 are the kernel's there
	in_ns r ethtool -K r0 gro on
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	in_ns r nft -f - <<-END
		table ip edge {
			chain forw {
				type filter hook forward priority 0
				udp dport 5353 drop
			}
		}
	END
}

teardown_file() {
	stop_lab
}

setup() {
	need tmux nft ethtool
	weir_r watch on full
}

teardown() {
	close_terminal
	end_background
	weir_r watch off
	weir_r dev detach all
}

# flow RATE WORD...: datagrams from the client, until the test ends.
flow() {
	local rate=$1

	shift
	background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" \
		rate "$rate" seconds 600 "$@" >/dev/null
}

# start_kernel_top: it shows the kernel plane by itself, since no device is attached.
start_kernel_top() {
	start_top "$@"
	wait_until shows "[kernel]"
}

@test "a closed port: stage, cause, device, an example, and what to do" {
	flow 300 dst "$R0_ADDR" dport 9
	open_terminal 100 32
	start_kernel_top
	wait_until shows "udp_rcv drops"
	shows "for NO_SOCKET on r0: no socket is open at its address and port."
	shows "weir drop explain NO_SOCKET"
	screen | grep -E '│ udp_rcv +[0-9.]+ +[0-9.]+ '
	screen | grep -E 'DROPPED +[0-9.]+ ?k?/s'
	# both ways, meeting where packets are forwarded
	screen | grep -E '│ nf_forward .*──▶│ ip_output'
	type_keys d
	wait_until shows "is lost at udp_rcv (UDP finds its socket) on r0 for NO_SOCKET"
	screen | grep -E 'when: since [0-9:]{8}, the last at [0-9:]{8}, [0-9]+ in all'
	shows "who:  the kernel in __udp4_lib_rcv"
	screen | grep -E "such: udp $C_ADDR:[0-9]+ > $R0_ADDR:9$"
	shows "ss -lunp"
}

@test "an nft rule and a blackhole: the worst first, each with its own diagnosis" {
	flow 400 dst "$S_ADDR" dport 5353
	flow 50 dst 203.0.113.9
	open_terminal 120 40
	start_kernel_top
	wait_until shows "nf_forward drops"
	wait_until shows "route_in BLACKHOLE r0"
	type_keys d
	wait_until shows "is lost at nf_forward (filter of what is forwarded) on r0 for NETFILTER_DROP/forward"
	screen | grep -E "such: udp $C_ADDR:[0-9]+ > $S_ADDR:5353"
	shows "nft"
	type_keys Down
	wait_until shows "is lost at route_in (route lookup) on r0 for BLACKHOLE"
	# the remedy is of this very packet
	wait_until shows "ip route get 203.0.113.9"
	type_keys Enter
	wait_until shows "route_in: route lookup"
	wait_until shows "dropped: BLACKHOLE"
}

@test "it ends, and the screen says so" {
	flow 300 dst "$R0_ADDR" dport 9
	open_terminal 100 32
	start_kernel_top
	wait_until shows "udp_rcv drops"
	end_background
	wait_until shows "the kernel drops nothing"
	wait_until shows "nothing is dropped now"
	type_keys d
	wait_until shows "none now; it was at udp_rcv"
}

@test "planes by Tab, side by side, and what the other one is in trouble for" {
	weir_r dev attach r0 r1
	flow 300 dst "$R0_ADDR" dport 9
	flow 100 dst 203.0.113.9
	open_terminal 120 40
	start_top
	wait_until shows "[fast]"
	wait_until shows "kernel!"
	wait_until shows "route_in drops"
	shows "kernel plane, too: Tab"
	type_keys b
	# handed to the kernel where the fast path finds that it is for this host
	wait_until eval 'screen | grep -qE "│ route_in .* ──▶ NOT_FORWARDED"'
	wait_until eval 'screen | grep -qE "│ udp_rcv +[0-9.]+ +[0-9.]+"'
	type_keys Tab
	wait_until shows "the stack plane is not observed"
	type_keys Tab
	wait_until shows "[kernel]"
	wait_until shows "fast!"
	wait_until shows "udp_rcv drops"
	type_keys '>' '>'
	wait_until shows "[r0]"
}

@test "the last packets traced, by the words of 'weir trace'" {
	weir_r dev attach r0 r1
	flow 100 dst 203.0.113.9 dport 9
	open_terminal 140 32
	start_top -d 0.2
	type_keys t
	wait_until eval 'screen | grep -qE "r0 +udp $C_ADDR:[0-9]+ > 203.0.113.9:9 .* dropped at route_in: BLACKHOLE"'
	type_keys t
	wait_until shows "▼ out"
	# nobody holds the capture any more
	run -0 weir_r trace count 1
	[[ $output = *BLACKHOLE* ]]
}

@test "both planes' traces, in turns: each is shown the fast plane's verdicts" {
	weir_r dev attach r0 r1
	flow 50 dst 203.0.113.9 dport 9
	open_terminal 140 32
	start_top -d 0.2
	type_keys t
	wait_until eval 'screen | grep -qE "r0 +udp $C_ADDR:[0-9]+ > 203.0.113.9:9 .* dropped at route_in: BLACKHOLE"'
	type_keys Tab Tab t
	wait_until shows "xdp drop +"
	type_keys Tab t
	flow 50 dst 203.0.113.9 dport 10
	wait_until eval 'screen | grep -qE "r0 +udp $C_ADDR:[0-9]+ > 203.0.113.9:10 .* dropped at route_in: BLACKHOLE"'
}

@test "the kernel's last packets traced, with the road of the chosen one" {
	flow 20 dst "$R0_ADDR" dport 9
	open_terminal 140 32
	start_kernel_top -d 0.2
	type_keys t
	wait_until eval 'screen | grep -qE "r0 +udp $C_ADDR:[0-9]+ > $R0_ADDR:9 .* dropped at udp_rcv: NO_SOCKET"'
	wait_until shows "core enter +"
	wait_until shows "udp_rcv drop +"
	type_keys Escape
	wait_until shows "│ udp_rcv"
}

@test "not watched: what to type, and never a zero; watched while it is looked at" {
	weir_r watch off
	open_terminal 100 32
	start_top -d 0.2
	type_keys Tab Tab
	wait_until shows "the kernel plane is not watched; to watch it: weir -n $LAB-r watch on drops"
	run ! eval 'screen | grep -E "pkts/s"'
	weir_r watch on drops
	wait_until shows "watch drops"
	flow 300 dst "$R0_ADDR" dport 9
	wait_until shows "udp_rcv drops"
	weir_r watch off
	wait_until shows "the kernel plane is not watched"
}

@test "the kernel's map follows the size of the screen" {
	flow 300 dst "$R0_ADDR" dport 9
	open_terminal 160 50
	start_kernel_top
	wait_until shows "udp_rcv drops"
	for size in "100 32" "80 24" "60 15" "40 10" "300 90"; do
		# shellcheck disable=SC2086
		tm resize-window -t t -x ${size% *} -y ${size#* }
		wait_until fills ${size#* }
	done
	shows "tx_complete"
	tm resize-window -t t -x 20 -y 5
	wait_until shows "needs 40x10"
}

# fills H: the map is there, and the last line is that of the keys.
fills() {
	shows "nic_rx" && [ "$(screen | sed -n "$1p" | grep -c 'q quit')" = 1 ]
}
