# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# NAT between VLAN devices, and between them and what is untagged, in each mode; and that 'weir explain'
# says of such packets what becomes of them. The server has no way back to the inside: what leaves
# untranslated is never answered.

. tests/kernels/guest/vlan_lab.bash

ECHOES=50
INSIDE_10=203.0.113.1 INSIDE=192.0.2.1 # of r0.10 and r0
OUTSIDE_20=198.18.20.254 OUTSIDE=198.51.100.254 # r1.20's and r1's
SERVER_20=198.18.20.1

# echoing X: at port 9007.
echoing() {
	nsenter --net="/run/netns/$LAB-$1" socat UDP4-RECVFROM:9007,fork PIPE >/dev/null 2>&1 &
	wait_until listens "$1"
}

listens() {
	[ "$(in_ns "$1" ss -Hlnu sport = 9007 | wc -l)" = 1 ]
}

lab_for_nat() {
	lab_is_up
	vlan_devices
	ip -n "$LAB-c" route replace 198.18.20.0/24 via 203.0.113.254
	echoing c
	echoing s
}

# device_of ADDR: by which the router reaches it.
device_of() {
	case $1 in
	"$INSIDE_10") echo r0.10 ;;
	"$INSIDE") echo r0 ;;
	"$SERVER_20") echo r1.20 ;;
	"$S_ADDR") echo r1 ;;
	esac
}

# address_of DEV: the router's own.
address_of() {
	case $1 in
	r1) echo $OUTSIDE ;;
	r1.20) echo $OUTSIDE_20 ;;
	esac
}

# way_from FROM TO: the client's address towards the server's.
way_from() {
	ip -n "$LAB-c" route replace "${2%.*}.0/24" via "${1%.*}.254" src "$1"
}

# With a way back for a moment, so that no packet is the kernel's to confirm its next hop.
attach_for_nat() {
	local from to

	weir_r dev attach r0 r1 r0.10 r1.20 "$@" || fail "refused"
	ip -n "$LAB-s" route replace default via $OUTSIDE
	for to in $SERVER_20 $S_ADDR; do
		for from in $INSIDE_10 $INSIDE; do
			way_from "$from" "$to"
			wait_until in_ns c ping -q -c 3 -i 0.05 -W 1 "$to"
		done
	done
	ip -n "$LAB-s" route flush root 203.0.113.0/24
	ip -n "$LAB-s" route del default
}

# exchange X ADDR: datagrams to its port 9007, each of which is echoed before the next.
exchange() {
	in_ns "$1" bash -c 'exec 3<>/dev/udp/'"$2"'/9007
		for ((i = 0; i < '$ECHOES'; i++)); do
			echo "$i" >&3
			[ "$(timeout 5 head -n 1 <&3)" = "$i" ] || { echo "no echo of $i"; exit 1; }
		done' || { weir_r path show; weir_r nat session show; fail "no echo"; }
}

# session FIELD: of the only one there is.
session() {
	jq -r ".sessions[0].$1" /tmp/sessions
}

# explained END WORDS: what 'weir explain' says of a packet of the session: forwarded by which device, as what.
explained() {
	# shellcheck disable=SC2086
	weir_r -j explain $2 >/tmp/explained || fail "refused: $2"
	equal "explain $2" "$(jq -r '"\(.end.what) \(.end.device) \(.session.number) \(.session.direction)" +
		([.source, .destination] | map(if . then " \(.to)" else " as it was" end) | add)' \
		/tmp/explained)" "$1"
}

# agrees RULE IN OUT: the session is shown as it was, and explained both ways.
agrees() {
	local there back

	weir_r -j nat session show >/tmp/sessions
	equal sessions "$(jq .all /tmp/sessions)" 1
	equal 'in, out, rules' "$(session in) $(session out) $(session rule_src) $(session rule_dst)" "$2 $3 $1"
	equal 'packets there and back' "$(session packets_there) $(session packets_back)" \
		"$ECHOES $ECHOES"
	there="udp $(session src):$(session sport) to $(session dst):$(session dport) in dev $2"
	back="udp $(session xdst):$(session xdport) to $(session xsrc):$(session xsport) in dev $3"
	if [ "$(session translation)" = source ]; then
		explained "forwarded $3 $(session number) there $(session xsrc):$(session xsport) as it was" "$there"
		explained "forwarded $2 $(session number) back as it was $(session src):$(session sport)" "$back"
	else
		explained "forwarded $3 $(session number) there as it was $(session xdst):$(session xdport)" "$there"
		explained "forwarded $2 $(session number) back $(session dst):$(session dport) as it was" "$back"
	fi
}

# speaks X ADDR RULES IN OUT: what X sends to ADDR is echoed, by the fast path but for what confirms next hops.
speaks() {
	local out

	weir_r nat session flush
	out=$(forwarded)
	exchange "$1" "$2"
	out=$(($(forwarded) - out))
	echo "# of $((2 * ECHOES)) datagrams the fast path sent $out"
	agrees "$3" "$4" "$5"
	[ $out -ge $((2 * ECHOES - 6)) ] || { weir_r path show; fail "the fast path sent $out"; }
	ledger_balances
}

# masquerades RULE FROM TO
masquerades() {
	way_from "$2" "$3"
	speaks c "$3" "$1 0" "$(device_of "$2")" "$(device_of "$3")"
	equal 'outside address' "$(session xsrc)" "$(address_of "$(session out)")"
}

# forwards_port RULE FROM TO: an address of the outside leads to one of the inside.
forwards_port() {
	way_from "$3" "$2"
	speaks s "$(address_of "$(device_of "$2")")" "0 $1" "$(device_of "$2")" "$(device_of "$3")"
	equal inside "$(session xdst)" "$3"
}

detach_vlans() {
	weir_r nat flush
	weir_r dev detach all || fail "refused"
	[ ! -e /sys/fs/bpf/weir ] || fail "pins are left: $(find /sys/fs/bpf/weir)"
}

# Options make it the kernel's, which sends it by the VLAN device and the one below, where programs see it too.
by_the_kernel() {
	weir_r nat session flush
	way_from $INSIDE_10 $SERVER_20
	in_ns c ping -q -R -c 5 -i 0.05 -W 2 $SERVER_20 | grep '5 received' || {
		weir_r path show
		weir_r nat session show
		fail "pings were lost"
	}
	weir_r -j nat session show >/tmp/sessions
	equal sessions "$(jq -c '[.sessions[] | [.in, .out, .xsrc, .packets_there]]' /tmp/sessions)" \
		'[["r0.10","r1.20","'$OUTSIDE_20'",5]]'
	ledger_balances
}

of_this_host() {
	weir_r nat session flush
	exchange r $SERVER_20
	weir_r -j nat session show >/tmp/sessions
	equal sessions "$(jq -c '[.sessions[] | [.out, .local, .packets_there]]' /tmp/sessions)" \
		"[[\"r1.20\",true,$ECHOES]]"
	ledger_balances
}

# All at once: each first rule loads all programs anew, which takes a guest without KVM minutes.
rules() {
	cat >/tmp/rules <<-END
	id 1 masquerade out dev r1
	id 2 masquerade out dev r1.20
	id 3 dnat in dev r1.20 proto udp dport 9007 to $INSIDE_10
	id 4 dnat in dev r1 proto udp dport 9007 to $INSIDE_10
	END
	weir_r nat load /tmp/rules || fail "refused"
}

check "vlan_nat: the lab is up" lab_for_nat
check "vlan_nat: attaches" attach_for_nat
check "vlan_nat: rules" rules
check "vlan_nat: masquerade, 10 to 20" masquerades 2 $INSIDE_10 $SERVER_20
check "vlan_nat: masquerade, 10 to untagged" masquerades 1 $INSIDE_10 $S_ADDR
check "vlan_nat: masquerade, untagged to 20" masquerades 2 $INSIDE $SERVER_20
check "vlan_nat: dnat, 20 to 10" forwards_port 3 $SERVER_20 $INSIDE_10
check "vlan_nat: dnat, untagged to 10" forwards_port 4 $S_ADDR $INSIDE_10
check "vlan_nat: by way of the kernel" by_the_kernel
check "vlan_nat: this host's own" of_this_host
check "vlan_nat: detaches" detach_vlans
check "vlan_nat: the kernel said nothing bad" lab_is_down
