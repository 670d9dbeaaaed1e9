#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# weir trace plane kernel: single packets through every stage of the kernel's road, by what is sent between the
# namespaces of the lab; files that it writes; and what it leaves behind, which is nothing.

load helper
load objects
load tracing

setup_file() {
	start_lab
}

teardown_file() {
	stop_lab
}

setup() {
	need jq tcpdump socat nft bpftool python3
	in_ns c ping -q -c 1 -W 5 "$S_ADDR" >/dev/null # neighbours are known
}

teardown() {
	end_background
	in_ns r nft flush ruleset
	in_ns s nft flush ruleset
}

# udp PORT [SPORT]: one datagram from c to s.
udp() {
	echo weir | in_ns c socat -u - "UDP4-SENDTO:$S_ADDR:$1,sourceport=${2:-4000}"
}

# asks FILTER: that is true of all that was traced, a list.
asks() {
	jq -se --arg c "$LAB-c" --arg r "$LAB-r" --arg s "$LAB-s" --arg c_addr "$C_ADDR" \
		--arg r1_addr "$R1_ADDR" --arg s_addr "$S_ADDR" "$1" "$out" >/dev/null && return
	echo "not so: $1; traced was:"
	cat "$out" "$said"
	return 1
}

@test "a datagram to a closed port: through both devices to its drop, in order" {
	tracing udp and port 9 plane kernel netns "$(ALL)" count 1
	udp 9
	ended
	asks 'length == 1 and (.[0] | .version == 1 and .plane == "kernel" and .netns == $c and .end == "dropped"
		and .stage == "udp_rcv" and .cause == "NO_SOCKET" and .reason == "NO_SOCKET"
		and (.location | startswith("__udp4_lib_rcv+")) and .src == $c_addr and .dst == $s_addr
		and .dport == 9 and .sport == 4000)'
	asks '.[0].events[-1] | .what == "drop" and .netns == $s and .device == "s0" and .stage == "udp_rcv"'
	asks '[.[0].events[].after_ns] as $t | $t == ($t | sort) and $t[0] == 0 and $t[-1] > 0'
	# the order along the road; what another CPU does meanwhile (the hand-off ends) may come later
	asks '[.[0].events[] | select(.stage == "xmit" and .what == "leave" | not) | "\(.netns)/\(.device) \(.stage)"]
		as $e | ["\($c)/c0 xmit", "\($r)/r0 rps_backlog", "\($r)/r0 core", "\($r)/r1 xmit", "\($s)/s0 rps_backlog",
		"\($s)/s0 core", "\($s)/s0 udp_rcv"] as $want | [$e[] | select(. as $x | $want | index($x))] == $want'
	asks '[.[0].events[] | select(.stage == "xmit" and .what == "leave") | .device] == ["c0", "r1"]'
	grep -q '1 packets; not followed: 0 for want of room, 0 to the limit of the rate' "$said"
}

@test "netfilter's hooks, their first place and their last, where the kernel has links" {
	tracing udp and port 9 plane kernel netns "$(ALL)" count 1
	udp 9
	ended
	! grep -q 'does not show:.*nf_forward' "$said" || skip 'this kernel has no netfilter links (Linux 6.4)'
	asks '[.[0].events[] | select(.stage | startswith("nf_")) | "\(.netns) \(.stage) \(.what)"] == ([
		[$c, "nf_local_out"], [$c, "nf_postrouting"], [$r, "nf_prerouting"], [$r, "nf_forward"],
		[$r, "nf_postrouting"], [$s, "nf_prerouting"], [$s, "nf_local_in"]] |
		map("\(.[0]) \(.[1]) enter", "\(.[0]) \(.[1]) leave"))'
}

@test "in one namespace, nothing of others is told" {
	tracing udp and port 9 plane kernel
	udp 9
	wait_until in_ns s true
	sleep 0.3
	stopped
	asks 'length == 1 and .[0].end == "sent" and ([.[0].events[].netns] | unique) == [$r]
		and ([.[0].events[].device] | unique) == ["r0", "r1"]'
}

@test "a drop of nft's is its hook's" {
	in_ns r nft -f - <<-END
		table ip t {
			chain f {
				type filter hook forward priority 0
				udp dport 9 drop
			}
		}
	END
	tracing udp and port 9 plane kernel count 1
	udp 9
	ended
	asks 'length == 1 and (.[0] | .end == "dropped" and .stage == "nf_forward"
		and .cause == "NETFILTER_DROP/forward" and .reason == "NETFILTER_DROP")'
	asks '.[0].events[-1] | .device == "r0" and .netns == $r'
}

@test "a route that refuses it is the cause, as drop show has it" {
	in_ns r ip route add blackhole 198.51.100.77
	tracing udp and port 9 plane kernel count 1
	echo weir | in_ns c socat -u - UDP4-SENDTO:198.51.100.77:9
	ended
	in_ns r ip route del blackhole 198.51.100.77
	asks 'length == 1 and (.[0] | .end == "dropped" and .stage == "route_in" and .cause == "BLACKHOLE")'
}

@test "a reply of which ping has a copy is no drop" {
	# a raw socket, which no ping_group_range stands in for
	in_ns c sysctl -qw net.ipv4.ping_group_range='1 0'
	where=c tracing 'icmp[icmptype] == icmp-echoreply' plane kernel count 1
	in_ns c ping -q -c 1 -W 5 "$S_ADDR" >/dev/null
	ended
	asks 'length == 1 and .[0].end != "dropped" and all(.[0].events[]; .what != "drop")'
}

@test "what the expression does not match is not recorded" {
	tracing udp and dst port 9 and src port 4001 plane kernel netns "$(ALL)"
	udp 9 4000
	udp 10 4001
	in_ns c ping -q -c 3 -i 0.02 "$S_ADDR" >/dev/null
	udp 9 4001
	sleep 0.3
	stopped
	asks 'length == 1 and .[0].sport == 4001 and .[0].dport == 9'
}

@test "with a device, packets are followed from where they meet it" {
	tracing udp plane kernel dev r1
	udp 9
	stopped
	asks 'length == 1 and (.[0].events[0] | .device == "r1" and .stage == "nf_postrouting" or
		.stage == "tc_egress")'
}

@test "one that nft masquerades is one packet before and after" {
	in_ns r nft -f - <<-END
		table ip t {
			chain p {
				type nat hook postrouting priority 100
				oifname r1 masquerade
			}
		}
	END
	tracing udp and src host "$C_ADDR" and dst port 9 plane kernel netns "$(ALL)" count 1
	udp 9
	ended
	asks 'length == 1 and .[0].src == $c_addr and .[0].end == "dropped" and .[0].stage == "udp_rcv"'
	asks '[.[0].events[] | select(.packet) | .packet.src] == [$r1_addr]'
	asks '.[0].events[-1].netns == $s'
}

@test "delivered to a socket, with its cgroup" {
	background in_ns s socat -u UDP4-RECV:5353 OPEN:/dev/null
	wait_until listens s udp 5353
	tracing udp and port 5353 plane kernel netns "$(ALL)" count 1
	udp 5353
	ended
	asks 'length == 1 and .[0].end == "delivered" and .[0].events[-1].netns == $s
		and (.[0].events[-1].stage | . == "sock_wake" or . == "sock_recv") and .[0].events[-1].device == "s0"'
}

@test "TCP: each segment is a packet of its own, and data comes to its socket" {
	background in_ns s socat -u TCP4-LISTEN:8080 OPEN:/dev/null
	wait_until listens s tcp 8080
	tracing tcp and port 8080 and '(ip[2:2] - ((ip[0] & 15) << 2) - ((tcp[12] & 0xf0) >> 2) > 0)' \
		plane kernel netns "$(ALL)" count 1
	echo weir | in_ns c socat -u - "TCP4:$S_ADDR:8080"
	ended
	asks 'length == 1 and .[0].end == "delivered" and .[0].netns == $c and .[0].events[-1].netns == $s'
}

@test "an expression about data that is not in hand is said to be one, and no other is" {
	local data='tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420' # "GET "

	background in_ns s socat -u TCP4-LISTEN:8080,reuseaddr,fork OPEN:/dev/null
	wait_until listens s tcp 8080
	tracing "$data" plane kernel netns "$(ALL)"
	echo "GET /" | in_ns c socat -u - "TCP4:$S_ADDR:8080"
	stopped
	grep -q 'not all could be matched: .* beyond the first 256, or in pages' "$said" || { cat "$said"; return 1; }
	tracing tcp and port 8080 plane kernel netns "$(ALL)"
	echo "GET /" | in_ns c socat -u - "TCP4:$S_ADDR:8080"
	stopped
	asks 'length > 5'
	! grep 'not all could be matched' "$said"
}

@test "a file that cannot be written is named, and what was seen is told" {
	run -2 weir_r trace plane kernel seconds 0.3 write /dev/full
	[[ $output == *"packets written to /dev/full"* ]]
	[[ $output == *"writing /dev/full: No space left on device"*"df /dev/full"* ]]
}

@test "a tap's copy does not end the packet" {
	background_capture r r0 'udp port 9'
	tracing udp and port 9 plane kernel netns "$(ALL)" count 1
	udp 9
	ended
	asks 'length == 1 and .[0].end == "dropped" and .[0].stage == "udp_rcv" and .[0].events[-1].netns == $s'
}

@test "an address used again is another packet" {
	local n

	tracing udp and port 9 plane kernel netns "$(ALL)"
	for n in 1 2 3 4 5 6 7 8 9 10; do
		udp 9
	done
	sleep 0.3
	stopped
	asks 'length == 10 and all(.end == "dropped" and .netns == $c and ([.events[] | select(.what == "drop")] |
		length) == 1)'
}

# Most of it is freed in namespaces that are not watched, and TCP tells of no free.
@test "TCP's memory is used again and again, and no segment is taken for another" {
	background in_ns s socat -u TCP4-LISTEN:8080 OPEN:/dev/null
	wait_until listens s tcp 8080
	tracing tcp plane kernel rate 1000000
	head -c 6000000 /dev/zero | in_ns c socat -u - "TCP4:$S_ADDR:8080"
	sleep 0.3
	stopped
	asks 'length > 50 and all([.events[] | select(.stage == "core" and .what == "enter")] | length <= 1)'
	# those whose memory was moved are still followed
	asks '(map(select(.end == "sent")) | length) >= length * 9 / 10'
}

@test "the rate is a limit, and what it took is counted, a packet once" {
	local shown limited

	tracing icmp plane kernel rate 2 netns "$(ALL)"
	in_ns c ping -q -i 0.002 -c 200 "$S_ADDR" >/dev/null
	sleep 0.3
	stopped
	shown=$(wc -l <"$out")
	limited=$(sed -n 's/.* \([0-9]*\) to the limit of the rate.*/\1/p' "$said")
	# two a second, for as long as that took
	[ "$shown" -ge 2 ] && [ "$shown" -le 100 ] || { cat "$said"; return 1; }
	equal 'requests and replies' $((shown + limited)) 400
	# none begins in the middle of its way
	asks 'all(.events[0] | .netns != $r)'
}

# flood COUNT: datagrams to a closed port of s.
flood() {
	in_ns c python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[1])):
    s.sendto(b"x", (sys.argv[2], 7777))' "$1" "$S_ADDR"
}

# told: events that were shown.
told() {
	jq -s 'map(.events | length) | add' "$out"
}

@test "a reader that is held up: what the ring has no room for is counted, to the last event" {
	local each lost

	tracing udp dst port 7777 plane kernel rate 1000000 netns "$(ALL)"
	flood 10
	sleep 0.3
	stopped
	each=$(($(told) / 10))
	tracing udp dst port 7777 plane kernel rate 1000000 netns "$(ALL)"
	kill -STOP "$tracer"
	flood 5000
	kill -CONT "$tracer"
	stopped
	lost=$(sed -n 's/.*events lost: \([0-9]*\) for want of room.*/\1/p' "$said")
	[ "$lost" -gt 1000 ] || { cat "$said"; return 1; }
	equal 'events told, and lost' "$(($(told) + lost))" "$((5000 * each))"
}

@test "a file: tcpdump reads it, its comments tell the stages, and trace read shows the same" {
	local file=$BATS_TEST_TMPDIR/x.pcapng

	tracing udp and port 9 plane kernel netns "$(ALL)" count 2 write "$file"
	udp 9 4000
	udp 9 4001
	ended
	[ ! -s "$out" ]
	grep -q "2 packets written to $file" "$said"
	equal packets "$(tcpdump -nr "$file" 2>/dev/null | grep -c "$C_ADDR.400[01] > $S_ADDR.9: UDP")" 2
	grep -aq 'dropped at udp_rcv: NO_SOCKET' "$file"
	grep -aq "$LAB-r/r0 *core" "$file"
	if command -v tshark >/dev/null; then
		tshark -r "$file" -T fields -e frame.comment 2>/dev/null | grep -q 'dropped at udp_rcv: NO_SOCKET'
	fi
	"$WEIR" -j trace read "$file" >"$out" 2>"$said"
	asks 'length == 2 and all(.cause == "NO_SOCKET" and .version == 1) and ([.[].sport] | sort) == [4000, 4001]
		and all(.events[-1].device == "s0")'
	grep -q '2 packets; not captured: 0' "$said"
	"$WEIR" trace read - <"$file" >"$BATS_TEST_TMPDIR/text" 2>/dev/null
	equal packets "$(grep -c 'dropped at udp_rcv: NO_SOCKET' "$BATS_TEST_TMPDIR/text")" 2
	grep -q "$LAB-s/s0 *udp_rcv *drop NO_SOCKET at __udp4_lib_rcv" "$BATS_TEST_TMPDIR/text"
	# without the last block, which begins and ends with its length
	head -c "-$(tail -c 4 "$file" | od -An -tu4 | tr -d ' ')" "$file" >"$file.killed"
	"$WEIR" trace read "$file.killed" 2>&1 >/dev/null | grep -q '2 packets; .* did not come to its end'
}

@test "what was shown live and what is read again are the same, to the byte" {
	local file=$BATS_TEST_TMPDIR/x.pcapng

	# two readers of the same packet, side by side; what differs is when it was seen, and its number
	tracing udp and port 9 plane kernel netns "$(ALL)" count 1
	"$WEIR" -n "$LAB-r" trace udp and port 9 plane kernel netns "$(ALL)" count 1 write "$file" \
		2>"$BATS_TEST_TMPDIR/said2" 3>&- &
	local other=$!
	wait_until grep -q 'stages seen' "$BATS_TEST_TMPDIR/said2"
	udp 9
	ended
	wait "$other"
	jq -c 'del(.time_ns, .number, .events[].after_ns)' "$out" >"$BATS_TEST_TMPDIR/live"
	"$WEIR" -j trace read "$file" 2>/dev/null | jq -c 'del(.time_ns, .number, .events[].after_ns)' |
		diff "$BATS_TEST_TMPDIR/live" -
}

@test "killed, it leaves no program, map or link" {
	local ids

	tracing udp plane kernel netns "$(ALL)"
	ids=$(sed -n 's/^prog_id:[[:space:]]*//p' /proc/"$tracer"/fdinfo/* | sort -u)
	[ "$(wc -w <<<"$ids")" -ge 10 ]
	kill -KILL "$tracer"
	wait "$tracer" || true
	gone() {
		local id

		for id in $ids; do
			! bpftool prog show id "$id" 2>/dev/null || return 1
		done
	}
	wait_until gone
}

@test "what is wrong is said: expressions, namespaces, devices, files" {
	fails 1 weir_r trace udp prt 9 plane kernel
	says "*'udp prt 9'*syntax error*"
	fails 1 weir_r trace ip6 protochain 6 plane kernel
	says "*'ip6 protochain 6'*cannot be applied in the kernel*"
	fails 3 weir_r trace plane kernel netns "$LAB-r,nope"
	says "*'nope'*" && advises '*ip netns list*'
	fails 3 weir_r trace plane kernel dev r9
	says '*device r9*'
	fails 2 weir_r trace plane kernel count 1 write "$BATS_TEST_TMPDIR"
	fails 3 "$WEIR" trace read "$BATS_TEST_TMPDIR/nope"
	head -c 1000 /dev/urandom >"$BATS_TEST_TMPDIR/rubbish"
	fails 1 "$WEIR" trace read "$BATS_TEST_TMPDIR/rubbish"
	says '*no pcapng file*'
	: >"$BATS_TEST_TMPDIR/empty"
	fails 1 "$WEIR" trace read "$BATS_TEST_TMPDIR/empty"
}
