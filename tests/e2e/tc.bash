# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the tests of the TC hooks share: the lab, and how its devices are attached. Loaded by tc.bats and
# tc_late.bats.

load helper
load objects
load frame

HOOKS='r0/tc_ingress r0/tc_egress r1/tc_ingress r1/tc_egress'
KILLS=${KILLS:-14}

setup_file() {
	start_lab && read_cookie || return
	local x

	in_ns r ethtool -K r0 gro on # so that without XDP it takes what weir-gen sends
	confirm_once
	for x in c r s; do # by the mask: a rate of 0 empties the bucket of ip_error() too
		in_ns "$x" sysctl -qw net.ipv4.icmp_ratemask=0
	done
	route_to_hosts
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool tcpdump socat tc
	unattached
}

teardown() {
	local end

	end_background
	in_ns r tc qdisc del dev r1 root 2>/dev/null
	polls_after 0
	for end in c/c0 r/r0 r/r1 s/s0; do
		ip -n "$LAB-${end%/*}" link set "${end#*/}" up mtu 1500
	done
	in_ns r ethtool -K r1 tso on gso on
	ip -n "$LAB-r" route flush root 203.0.113.0/24
	route_to_hosts
	ip -n "$LAB-c" route replace default via "$R0_ADDR"
	ip -n "$LAB-s" route replace default via "$R1_ADDR"
	ip -n "$LAB-c" route flush cache
	ip -n "$LAB-r" neigh flush nud permanent dev r1
	weir_r --pin "$BPFFS/$LAB-other" dev detach all 2>/dev/null || true
	weir_r dev detach all
}

# tc_only: both devices by TC alone, next hops confirmed.
tc_only() {
	weir_r dev attach r0 r1 xdp off tc on
	wait_until forwarded_by r0/tc_ingress r1/tc_ingress
	mark $HOOKS
}

# both: by XDP and TC.
both() {
	weir_r dev attach r0 r1 xdp native tc on
	wait_until forwarded_by r0/xdp r1/xdp
	mark r0/xdp r1/xdp $HOOKS
}

# forwarded_by HOOK HOOK: a ping's way there and back.
forwarded_by() {
	mark "$@" && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since "$1" xmit_OUT_NONE)/$(since "$2" xmit_OUT_NONE)" = 1/1 ]
}

# How many packets the router's kernel has forwarded by itself.
kernel_forwarded() {
	in_ns r awk '/^Ip: [0-9]/ { print $7 }' /proc/net/snmp
}

# balanced: by exit code and by each residual of each hook.
balanced() {
	run -0 weir_r -j ledger show
	equal residuals "$(jq -c '[.devices[], .total | .residual, .verdict_residual,
		.queue_residual] | unique' <<<"$output")" "[0]"
	equal "balanced, exact" "$(jq -c '[.balanced, .exact]' <<<"$output")" "[true,true]"
}

# generate WORD...: frames of 60 bytes to the server's side, until they are sent or end_background.
# What it says of them is in $REPORT.
generate() {
	REPORT=$BATS_TEST_TMPDIR/report
	background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" \
		dst 198.19.0.1 json "$@" >"$REPORT"
}

# sent: how many frames they were; some.
sent() {
	jq -e '.sent | select(. > 0)' "$REPORT"
}

# bulk FROM TO BYTES: one TCP connection, compared by its sum.
bulk() {
	local from=$1 to=$2 bytes=$3 addr=${4:-} got=$BATS_TEST_TMPDIR/got-$1 sent=$BATS_TEST_TMPDIR/sent-$1

	[ -n "$addr" ] || { [ "$to" = c ] && addr=$C_ADDR || addr=$S_ADDR; }
	head -c "$bytes" /dev/urandom >"$sent"
	background in_ns "$to" socat -u TCP4-LISTEN:9001,reuseaddr "CREATE:$got"
	wait_until listens "$to" tcp 9001
	in_ns "$from" socat -u -b 65536 "OPEN:$sent" "TCP4:$addr:9001"
	wait_until cmp "$sent" "$got"
	equal sha256 "$(sha256sum <"$got")" "$(sha256sum <"$sent")"
}

# polls_after NS: s0 is not polled again within that time, however full its ring becomes.
polls_after() {
	in_ns s unshare -m sh -c "mount -t sysfs sysfs /sys && cd /sys/class/net/s0 &&
		echo $(($1 > 0)) >napi_defer_hard_irqs && echo $1 >gro_flush_timeout"
}
