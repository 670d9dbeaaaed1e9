#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Attaching and detaching: what is refused, how, and that a refusal changes nothing.

load helper
load objects

setup_file() {
	start_lab && read_cookie && load_foreign
}

teardown_file() {
	unload_foreign
	stop_lab
}

setup() {
	need jq bpftool
	unattached
}

teardown() {
	local dev

	end_background
	for dev in r0 r1; do
		in_ns r ip link set dev "$dev" xdp off 2>/dev/null
		in_ns r ip link set dev "$dev" xdpgeneric off 2>/dev/null
	done
	weir_r --pin "$BPFFS/$LAB-other" dev detach all 2>/dev/null
	in_ns r ip link del br0 2>/dev/null
	in_ns r ip link del odd 2>/dev/null
	in_ns c ethtool -K c0 gro on
	in_ns s ethtool -K s0 gro on
}

# odd_device NAME: a veth pair in the router; the other end is called odd.
odd_device() {
	in_ns r ip link add name "$1" up type veth peer name odd && in_ns r ip link set odd up
}

# --- attach, and gone again ---

@test "attach forwards with no weir process alive; detach gives all back to the kernel" {
	weir_r dev attach r0 r1
	equal states "$(states)" 'r0=attached r1=attached'
	remember
	fast_path_carries
	run -0 in_ns r bpftool -j net show
	equal 'attached programs' "$(jq -r '.[0].xdp | map(.devname) | join(" ")' <<<"$output")" 'r0 r1'

	weir_r dev detach r0 r1
	nothing_left
	kernel_carries
	equal states "$(states)" ''
}

@test "detach of one device leaves the other attached, and its frames to the kernel" {
	weir_r dev attach r0 r1
	weir_r dev detach r1
	equal states "$(states)" 'r0=attached'
	no_xdp r1
	pings 3
	mark r0
	pings 5
	expect r0 xmit_PUNT_EGRESS_NOT_ATTACHED 5
	ledger_balances
	weir_r dev detach r0
	nothing_left
}

@test "detach of what is not attached: not found, and nothing is detached" {
	fails 3 weir_r dev detach r0
	says 'weir: r0 is not attached'
	advises '*weir*dev show'
	weir_r dev attach r0
	fails 3 weir_r dev detach r0 r1
	says '*r1*'
	equal states "$(states)" 'r0=attached'
	fails 3 weir_r dev show r1
	weir_r dev detach all
	run -0 weir_r dev detach all
	nothing_left
}

@test "an unknown device: not found, nothing attached" {
	fails 3 weir_r dev attach r0 nosuch
	says '*nosuch*'
	advises '*ip -br link*'
	nothing_left
	fails 3 weir_r dev attach nosuch
	nothing_left
}

# --- already there ---

# One round of pings first, which brings next hops up to date: from then on each ping is redirected.
@test "attached already: refused, with force loaded anew and the counters kept" {
	local before

	weir_r dev attach r0 r1
	pings 5
	mark
	before=$(prog_on r0)
	fails 2 weir_r dev attach r0
	says "*r0*already*$before*"
	advises "*weir -n $LAB-r dev attach r0 force*"
	equal 'program of r0' "$(prog_on r0)" "$before"

	pings 5
	run -0 weir_r dev attach r0 force
	[[ $output == *'counters kept'* ]]
	[ "$(prog_on r0)" != "$before" ]
	expect r0 xmit_OUT_NONE 5
	fast_path_carries
}

# A program that came by netlink: as `ip link set dev D xdp ...` puts it there.
refuses_foreign_then_replaces() {
	local mode=$1 id

	in_ns r ip link set dev r0 "$mode" pinned "$FOREIGN/xdp_fib"
	id=$(prog_on r0)
	[ -n "$id" ]
	fails 2 weir_r dev attach r0
	says "*r0*another XDP program*$id*"
	advises "*weir -n $LAB-r dev attach r0 force"
	equal 'program of r0' "$(prog_on r0)" "$id"
	fails 2 weir_r dev attach r1 r0
	equal 'program of r0' "$(prog_on r0)" "$id"
	no_xdp r1
	[ ! -e "$PINS" ]
	wait_until has_no_objects
	pings 3

	run -0 weir_r dev attach r0 r1 force
	[[ $output == *"$id"* ]]
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
}

@test "another XDP program, native by netlink: refused by its id and untouched; force replaces it" {
	refuses_foreign_then_replaces xdpdrv
}

@test "another XDP program, generic by netlink: refused by its id and untouched; force replaces it" {
	refuses_foreign_then_replaces xdpgeneric
}

@test "another XDP program, by a bpf link: refused by its id and untouched; force replaces it" {
	local id other=$BPFFS/$LAB-other

	weir_r --pin "$other" dev attach r0
	id=$(prog_on r0)
	fails 2 weir_r dev attach r0 r1
	says "*r0*another XDP program*$id*"
	equal 'program of r0' "$(prog_on r0)" "$id"
	equal states "$(weir_r --pin "$other" -j dev show | jq -r .devices[0].state)" attached
	no_xdp r1

	weir_r dev attach r0 r1 force
	fast_path_carries
	equal states "$(weir_r --pin "$other" -j dev show | jq -r .devices[0].state)" replaced
	weir_r --pin "$other" dev detach all
	[ ! -e "$other" ]
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
}

@test "replaced by another program behind our back: dev show says so, detach leaves that alone" {
	local other=$BPFFS/$LAB-other id

	weir_r dev attach r0 r1
	weir_r --pin "$other" dev attach r0 force
	id=$(prog_on r0)
	equal states "$(states)" 'r0=replaced r1=attached'
	run -0 weir_r dev detach r0
	equal states "$(states)" 'r1=attached'
	equal 'program of r0' "$(prog_on r0)" "$id"
	fails 2 weir_r dev attach r0
	says "*r0*another XDP program*$id*"
	weir_r --pin "$other" dev detach all
	weir_r dev detach r1
	nothing_left
}

@test "replaced by another program behind our back: force takes the device back" {
	local other=$BPFFS/$LAB-other

	weir_r dev attach r0 r1
	weir_r --pin "$other" dev attach r0 force
	equal states "$(states)" 'r0=replaced r1=attached'
	fails 2 weir_r dev attach r0
	equal states "$(states)" 'r0=replaced r1=attached'
	run -0 weir_r dev attach r0 force
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
}

# --- all or none ---

@test "two devices, the second with another program: the first is rolled back" {
	in_ns r ip link set dev r1 xdpdrv pinned "$FOREIGN/xdp_fib"
	fails 2 weir_r dev attach r0 r1
	no_xdp r0
	[ ! -e "$PINS" ]
	wait_until has_no_objects
}

@test "two devices, the second without native XDP: the first is rolled back" {
	in_ns r ip link add br0 up type bridge
	fails 2 weir_r dev attach r0 br0
	says '*br0*native XDP*'
	nothing_left
	kernel_carries
}

@test "a failed attach of several keeps one that was attached, as it was" {
	in_ns r ip link add br0 up type bridge
	weir_r dev attach r0 punt kernel
	fails 2 weir_r dev attach r0 br0 punt drop force
	equal 'r0 still' "$(weir_r -j dev show | jq -c '[.devices[] | .device, .state, .punt]')" \
		'["r0","attached","kernel"]'
}

@test "a failed attach of several puts a replaced foreign program back, in its mode" {
	local mode id

	in_ns r ip link add br0 up type bridge
	for mode in xdpdrv xdpgeneric; do
		in_ns r ip link set dev r0 "$mode" pinned "$FOREIGN/xdp_fib"
		id=$(prog_on r0)
		fails 2 weir_r dev attach r0 br0 force
		equal 'program of r0' "$(prog_on r0)" "$id"
		in_ns r ip link set dev r0 "$mode" off # refused, were it there in the other mode
		nothing_left
	done
}

# --- native, generic ---

@test "no native XDP: refused with generic offered, and generic works" {
	in_ns r ip link add br0 up type bridge
	fails 2 weir_r dev attach br0
	says '*br0*bridge*native XDP*'
	advises "*weir -n $LAB-r dev attach br0 xdp generic*"
	nothing_left
	weir_r dev attach br0 xdp generic
	equal mode "$(weir_r -j dev show br0 | jq -r .devices[0].mode)" generic
	in_ns r ip -d link show br0 | grep -q xdpgeneric
	remember
	weir_r dev detach br0
	nothing_left
	no_xdp br0
}

@test "loopback has no native XDP either, and takes generic" {
	fails 2 weir_r dev attach lo
	says '*lo*native XDP*'
	advises '*xdp generic*'
	weir_r dev attach lo xdp generic
	in_ns r ping -q -c 2 -i 0.02 127.0.0.1
	weir_r dev detach lo
	nothing_left
}

@test "generic XDP forwards, counts and balances" {
	weir_r dev attach r0 r1 xdp generic
	fast_path_carries
	weir_r dev detach all
	nothing_left
}

@test "a device of another link layer is refused" {
	in_ns r ip tuntap add dev odd mode tun
	fails 2 weir_r dev attach odd
	says '*odd is not an Ethernet device'
	nothing_left
}

# --- a veth that takes no redirected frames ---

@test "veth peers without GRO: it is turned on, with a note, and nothing is lost" {
	in_ns c ethtool -K c0 gro off
	in_ns s ethtool -K s0 gro off
	run -0 weir_r dev attach r0 r1
	[[ $output == *"r0"*"GRO"*"c0 in namespace $LAB-c"* ]]
	[[ $output == *"r1"*"GRO"*"s0 in namespace $LAB-s"* ]]
	in_ns s ethtool -k s0 | grep -q '^generic-receive-offload: on'
	fast_path_carries
}

# The kernel forgets that such a peer takes frames, and turning GRO on again would change nothing.
@test "a veth peer whose GRO was turned on while it was down: it takes frames afterwards" {
	in_ns r ip link add far up type veth peer name odd
	in_ns r ethtool -K odd gro on
	fails 2 weir_r dev attach far
	says '*other end of veth far is down*'
	advises '*ip link set PEER up*'
	in_ns r ip link set odd up
	run -0 weir_r dev attach far
	[[ $output == *far*GRO*'odd in this namespace'* ]]
	weir_r dev detach far
	nothing_left
}

is_in() {
	[ "$(ip netns identify "$2")" = "$1" ]
}

@test "a veth peer in a namespace that only a process holds: GRO is turned on there" {
	local held
	ip netns add "$LAB-held"
	exec {held}<"/run/netns/$LAB-held"
	background nsenter --net="/run/netns/$LAB-held" sleep 1000
	wait_until is_in "$LAB-held" "$!"
	ip netns del "$LAB-held"
	in_ns r ip link add odd up type veth peer name far netns "$!"
	nsenter --net="/proc/$!/ns/net" ip link set far up
	run -0 weir_r dev attach odd
	[[ $output == *odd*GRO*'far in the namespace of process'* ]]
	nsenter --net="/proc/$!/ns/net" ethtool -k far | grep -q '^generic-receive-offload: on'
	exec {held}<&-
}

# Its namespace has neither a name nor a process: only an open file holds it.
@test "a veth peer out of reach: refused with the command; with force the kernel carries" {
	local held ns
	ip netns add "$LAB-x"
	exec {held}<"/run/netns/$LAB-x"
	ip netns del "$LAB-x"
	ns=/proc/$BASHPID/fd/$held
	in_ns r ip link add odd up type veth peer name far
	in_ns r ip addr add 203.0.113.254/24 dev odd
	in_ns r ip link set far netns "$ns"
	nsenter --net="$ns" ip link set far up
	nsenter --net="$ns" ip addr add 203.0.113.1/24 dev far
	nsenter --net="$ns" ip route add default via 203.0.113.254
	pings 2 203.0.113.1

	fails 2 weir_r dev attach r0 odd
	says '*veth odd*GRO*lost'
	advises '*ethtool -K PEER gro on*'
	nothing_left
	no_xdp odd

	run -0 weir_r dev attach r0 odd force
	[[ $output == *odd*'no redirected frames'* ]]
	mark r0 odd
	pings 20 203.0.113.1
	# one may go to the kernel before it comes to that, to have the next hop confirmed
	equal 'given to the kernel' "$(($(since r0 xmit_PUNT_EGRESS_NOT_ATTACHED) +
		$(since r0 neigh_PASS_NEIGH_CONFIRM)))" 20
	equal 'redirected' "$(since r0 xmit_OUT_NONE)" 0
	ledger_balances
	weir_r dev detach all
	exec {held}<&-
}

# --- where the pins are ---

@test "--pin in a BPF file system: pinned there, seen there only" {
	local dir=$BPFFS/$LAB-other

	weir_r --pin "$dir" dev attach r0 r1
	[ -e "$dir/$COOKIE/dev/$(ifindex_of r0)/xdp/link" ]
	[ ! -e "$PINS" ]
	equal states "$(states)" ''
	equal states "$(weir_r --pin "$dir" -j dev show | jq -r '.devices | length')" 2
	pings 5
	weir_r --pin "$dir" ledger show
	weir_r --pin "$dir" dev detach all
	[ ! -e "$dir" ]
	nothing_left
}

@test "--pin outside a BPF file system: refused with the remedy, nothing made" {
	fails 2 weir_r --pin "$BATS_TEST_TMPDIR/pins" dev attach r0
	says "*--pin $BATS_TEST_TMPDIR/pins: not in a BPF file system"
	advises '*mount -t bpf*'
	[ ! -e "$BATS_TEST_TMPDIR/pins" ]
	fails 2 weir_r --pin "$BATS_TEST_TMPDIR/pins" dev show
	fails 2 weir_r --pin nosuch/pins dev attach r0
	nothing_left
}

@test "--pin with a path that is too long, or with a name that bpffs has reserved" {
	local long

	long=$(printf '/x%.0s' {1..2100})
	fails 1 weir_r --pin "$BPFFS$long" dev attach r0
	says '*too long*'
	fails 2 weir_r --pin "$BPFFS/$LAB.dot" dev attach r0
	[[ $remedy != *root* ]] # it is root
	nothing_left
}

# --- names ---

@test "a name of 15 characters is a device's, one of 16 no device's" {
	odd_device abcdefghijklmno
	weir_r dev attach abcdefghijklmno
	equal states "$(states)" 'abcdefghijklmno=attached'
	weir_r dev detach abcdefghijklmno
	nothing_left
	fails 1 weir_r dev attach abcdefghijklmnop
	says "*'abcdefghijklmnop' is no name of a device*"
}

@test "names that no device can have are a usage error, whatever is in them" {
	local name
	for name in '' . .. ../r0 r/0 'r 0' $'r\n0' r:0 $'\t' "$(printf 'x%.0s' {1..200})"; do
		fails 1 weir_r dev attach "$name"
		says 'weir: *is no name of a device*'
		fails 1 weir_r dev detach "$name"
		fails 1 weir_r dev show dev "$name"
	done
	nothing_left
}

@test "a name with control characters is looked for, and printed harmlessly" {
	fails 3 weir_r dev attach $'r\033[31m'
	run ! grep -q $'\033' "$BATS_TEST_TMPDIR/stderr"
	fails 3 weir_r -j dev attach $'r\001\377'
	jq -e .error.message "$BATS_TEST_TMPDIR/stderr"
	fails 3 weir_r dev attach '%s%n%s'
	says '*%s%n%s*'
}

@test "a device that is named like a keyword is written 'dev NAME'" {
	local name
	for name in force dev xdp drop; do
		odd_device "$name"
		weir_r dev attach r0 dev "$name"
		equal 'attached' "$(weir_r -j dev show | jq '.devices | length')" 2
		weir_r dev show dev "$name" >/dev/null
		weir_r dev detach dev "$name"
		equal states "$(states)" 'r0=attached'
		weir_r dev detach r0
		in_ns r ip link del odd
	done
	nothing_left
}

# --- words ---

# usage 'TEXT' WORD...: one line, exit 1, and nothing done.
usage() {
	local text=$1

	shift
	fails 1 weir_r "$@" && says "$text" && equal remedy "$remedy" '' || { echo "of: $*"; return 1; }
}

@test "unknown words are named, with the nearest known one" {
	usage "*'dve'*'dev'?" dve attach r0
	usage "*'atach'*'attach'?" dev atach r0
	usage "*'forse'*'force'?" dev attach r0 xdp native forse
	usage "*'nativ'*'native'?" dev attach r0 xdp nativ
	usage "*'krnel'*'kernel'?" dev attach r0 punt krnel
	usage "*'--jsn'*'--json'?" --jsn dev show
	nothing_left
}

@test "truncated command lines are a usage error" {
	usage '*' dev
	usage '*' dev attach
	usage '*' dev detach
	usage '*' dev attach xdp native
	usage "*'xdp' needs a value*" dev attach r0 xdp
	usage "*'punt' needs a value*" dev attach r0 punt
	usage "*'tc' needs a value*" dev attach r0 tc
	usage "*'dev' needs a name*" dev attach r0 dev
	usage "*needs a value*" --pin
	usage "*needs a value*" --pin= dev show
	usage "*needs a value*" -n
	usage "*stands before*" dev attach r0 --json
	usage '*' ''
	usage '*' dev ''
	nothing_left
}

@test "devices and keywords named twice are a usage error" {
	usage "*'r0' is named twice" dev attach r0 r1 r0
	usage "*'r0' is named twice" dev detach r0 dev r0
	usage "*'force' is given twice" dev attach r0 force force
	usage "*'all' or 'r0', not both" dev detach r0 all
	nothing_left
}

@test "what is not in this version is refused, with what to do instead" {
	fails 2 weir_r dev attach r0 punt stack
	says "*'punt stack'*" && advises '?*'
	weir_r dev attach r0 tc off xdp native punt kernel
	weir_r dev detach r0
	nothing_left
}

# --- punt drop ---

@test "punt drop drops what would be punted; ARP, local traffic and forwarding go on" {
	weir_r dev attach r0 r1 punt drop
	equal punt "$(weir_r -j dev show r0 | jq -r .devices[0].punt)" drop
	fast_path_carries
	mark r0
	run ! in_ns c ping -q -c 3 -i 0.02 -W 1 -t 1 "$S_ADDR"
	expect r0 punt_drop_ip_forward_PUNT_IP_TTL 3
	expect r0 ip_forward_PUNT_IP_TTL 0
	pings 3 "$R0_ADDR"
	in_ns c ip neigh flush dev c0
	pings 3
	ledger_balances

	weir_r dev attach r0 force # back to the kernel
	run -1 in_ns c ping -c 1 -W 2 -t 1 "$S_ADDR"
	[[ $output == *'Time to live exceeded'* ]]
}
