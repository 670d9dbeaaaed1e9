#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Real programs through NAT, by native and generic XDP and by TC: web, DNS, SIP, bulk. The outside has no
# way back to the inside, so whatever left untranslated would have no answer. What ICMP says is in
# nat_icmp.bats.

load helper
load objects
load frame
load nat

setup_file() {
	start_nat_lab
}

teardown_file() {
	stop_nat_lab
}

setup() {
	need jq bpftool socat curl nginx iperf3 dig dnsmasq sipp
}

teardown() {
	end_background
	weir_r dev detach all # first: with the last rule programs would be loaded anew
	weir_r nat flush >/dev/null
}

# --- web ---

masqueraded_web() {
	weir_r nat add masquerade out dev r1
	web s
	fetch c "$S_ADDR"
	asked_by "$R1_ADDR" 1
	translated 100
	equal rules "$(weir_r -j nat session show | jq -c '[.sessions[] | .rule_src] | unique')" '[1]'
}

@test "nginx outside, curl inside, masqueraded: 10 MB are the same, and who asked is the router" {
	in_each_mode masqueraded_web
}

dnatted_web() {
	weir_r nat add dnat in dev r1 proto tcp dport 80 to "$C_ADDR:8080"
	web c 8080
	fetch s "$R1_ADDR"
	asked_by "$S_ADDR" 1
	run -7 in_ns s curl -sS --max-time 5 "http://$R1_ADDR:8080/big" # the router's own port
	translated 100
}

@test "nginx inside behind a dnat with another port, curl outside" {
	in_each_mode dnatted_web
}

# fetch_200 NS HOST SERVER: as many processes at once, each whole.
fetch_200() {
	local want got=$BATS_TEST_TMPDIR/got

	want=$(sum_of <"$BATS_TEST_TMPDIR/web-$3/small")
	rm -rf "$got"
	mkdir "$got"
	seq 200 | in_ns "$1" xargs -P 200 -I{} curl -sS --max-time 60 -o "$got/{}" "http://$2/small"
	equal sums "$(sha256sum "$got"/* | cut -d' ' -f1 | sort | uniq -c | xargs)" "200 $want"
}

at_once() {
	weir_r nat add masquerade out dev r1
	weir_r nat add dnat in dev r1 proto tcp dport 80 to "$C_ADDR:8080"
	web s
	fetch_200 c "$S_ADDR" s
	asked_by "$R1_ADDR" 200
	equal 'ports outside' "$(cut -d' ' -f2 "$WEB_LOG" | sort -u | wc -l)" 200
	web c 8080
	fetch_200 s "$R1_ADDR" c
	asked_by "$S_ADDR" 200
	equal sessions "$(sessions)" 400
	equal 'ports taken' "$(ports_used)" 200
}

@test "200 curls at once, masqueraded and through a dnat: each whole, each by a port of its own" {
	in_each_mode at_once
}

# --- bulk ---

# overruns: UDP datagrams that reached a socket which nobody had emptied, on either side.
overruns() {
	local x

	for x in c s; do
		in_ns "$x" cat /proc/net/snmp
	done | awk '/^Udp: [0-9]/ { n += $6 } END { print n }'
}

# iperf NS HOST: TCP and UDP, both ways; at this rate UDP loses none on the way.
iperf() {
	local way had

	for way in '' -R; do
		# shellcheck disable=SC2086
		in_ns "$1" iperf3 -c "$2" -n 20M $way >/dev/null
		had=$(overruns)
		# shellcheck disable=SC2086
		run -0 in_ns "$1" iperf3 -c "$2" -u -b 8M -l 1000 -t 1 -w 200K -J $way
		jq -e ".end.sum.lost_packets <= $(overruns) - $had" <<<"$output" >/dev/null ||
			equal "UDP lost ($way)" "$(jq .end.sum.lost_packets <<<"$output")" 0
		[ "$(jq .end.sum.packets <<<"$output")" -ge 100 ]
	done
}

iperf_both() {
	weir_r nat add masquerade out dev r1
	background in_ns s iperf3 -s >/dev/null
	wait_until listens s tcp 5201
	iperf c "$S_ADDR"
	weir_r nat add dnat in dev r1 proto tcp dport 5201 to "$C_ADDR"
	weir_r nat add dnat in dev r1 proto udp dport 5201 to "$C_ADDR"
	background in_ns c iperf3 -s >/dev/null
	wait_until listens c tcp 5201
	iperf s "$R1_ADDR"
	translated 5000
}

@test "iperf3 masqueraded and through a dnat: TCP both ways, UDP both ways loses nothing" {
	in_each_mode iperf_both
}

# --- DNS ---

# dns NS: a server of a name, and of one whose text takes more than one packet.
dns() {
	local texts i

	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		texts+=,$(printf '%0200d' "$i")
	done
	background in_ns "$1" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
		--user=root --pid-file= --edns-packet-max=4096 --address=/name.test/203.0.113.77 \
		--txt-record="large.test$texts" --log-queries --log-facility=- 2>"$BATS_TEST_TMPDIR/dns-$1"
	wait_until listens "$1" udp 53
	wait_until listens "$1" tcp 53
}

# asks NS HOST ADDR: 100 questions by 100 ports of ADDR's, then a large answer by fragments, then by TCP.
asks() {
	local port

	for ((port = 20000; port < 20100; port++)); do
		echo "-b $3#$port +short +tries=1 +time=5 @$2 name.test"
	done | in_ns "$1" dig -f - >"$BATS_TEST_TMPDIR/answers"
	equal answers "$(sort "$BATS_TEST_TMPDIR/answers" | uniq -c | xargs)" '100 203.0.113.77'
	run -0 in_ns "$1" dig -b "$3" +bufsize=4096 +ignore +tries=1 +time=5 "@$2" large.test TXT
	[[ $output = *flags:\ qr* && $output != *flags:\ qr*\ tc* ]] || { echo "$output"; return 1; }
	equal 'text, in fragments' "$(grep -o '"0*[0-9]*"' <<<"$output" | wc -l)" 12
	[[ $output =~ 'MSG SIZE  rcvd: '([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -gt 2400 ]
	run -0 in_ns "$1" dig -b "$3" +tcp +tries=1 +time=5 "@$2" large.test TXT
	equal 'text, by TCP' "$(grep -o '"0*[0-9]*"' <<<"$output" | wc -l)" 12
}

dns_both() {
	weir_r nat add masquerade out dev r1
	dns s
	asks c "$S_ADDR" "$C_ADDR"
	equal 'who asked' "$(sed -n 's/.*query.* from //p' "$BATS_TEST_TMPDIR/dns-s" | sort -u)" "$R1_ADDR"
	equal sessions "$(sessions)" 102
	weir_r nat add dnat in dev r1 proto udp dport 53 to "$C_ADDR"
	weir_r nat add dnat in dev r1 proto tcp dport 53 to "$C_ADDR"
	dns c
	asks s "$R1_ADDR" "$S_ADDR"
	equal 'who asked' "$(sed -n 's/.*query.* from //p' "$BATS_TEST_TMPDIR/dns-c" | sort -u)" "$S_ADDR"
	equal sessions "$(sessions)" 204
}

@test "DNS both ways: 100 ports, an answer in fragments, the same by TCP" {
	in_each_mode dns_both
}

# --- two-way UDP ---

# call CALLER ADDR CALLEE ADDR TO: 20 calls, each set up and taken down.
call() {
	background in_ns "$3" sipp -sn uas -i "$4" -p 5060 -nostdin >/dev/null
	wait_until listens "$3" udp 5060
	in_ns "$1" sipp -sn uac "$5:5060" -i "$2" -p 5062 -m 20 -r 50 -timeout 60s -timeout_error \
		-d 100 -nostdin >"$BATS_TEST_TMPDIR/sipp" 2>&1 || { tail -40 "$BATS_TEST_TMPDIR/sipp"; return 1; }
	end_background
}

sip() {
	cd "$BATS_TEST_TMPDIR" # where it leaves its logs
	weir_r nat add masquerade out dev r1
	weir_r nat add dnat in dev r1 proto udp dport 5060 to "$C_ADDR"
	call c "$C_ADDR" s "$S_ADDR" "$S_ADDR"
	call s "$S_ADDR" c "$C_ADDR" "$R1_ADDR"
	# a call from the phone inside by the very port that is reached from outside
	equal sessions "$(weir_r -j nat session show | jq -c '[.sessions[] | [.translation, .xsrc]] | sort')" \
		"$(jq -nc '[["destination","'"$S_ADDR"'"],["source","'"$R1_ADDR"'"]]')"
	translated 200
}

@test "SIP: calls from inside, and from outside through a dnat" {
	in_each_mode sip
}

# say NS ADDR:PORT TO:PORT WORD: sends it, and prints what comes back; where nothing does, for 3 s, nothing.
say() {
	local back='' from to pid

	coproc in_ns "$1" socat -t 0.1 - "UDP4:$3,bind=$2,reuseaddr"
	from=${COPROC[0]} to=${COPROC[1]} pid=$! # they go with it
	echo "$4" >&"$to"
	read -r -t 3 -u "$from" back || :
	exec {to}>&-
	wait "$pid" || :
	echo "$back"
}

echo_at() { # NS ADDR:PORT
	background in_ns "$1" socat -T 5 "UDP4-RECVFROM:${2#*:},bind=${2%:*},reuseaddr,fork" EXEC:cat
	wait_until listens "$1" udp "${2#*:}"
}

two_way() {
	weir_r nat add masquerade out dev r1
	echo_at s "$S_ADDR:6000"
	echo_at c "$C_ADDR:5004"
	# nobody outside may begin before the inside has
	equal 'before' "$(say s "$S2_ADDR:7000" "$R1_ADDR:5004" early || :)" ''
	equal 'inside first' "$(say c "$C_ADDR:5004" "$S_ADDR:6000" hello)" hello
	# by the mapping, a third address that was never spoken to begins
	equal 'a third host first' "$(say s "$S2_ADDR:7001" "$R1_ADDR:5004" third)" third
	equal 'the same host, another port' "$(say s "$S_ADDR:7002" "$R1_ADDR:5004" other)" other
	equal 'inside again' "$(say c "$C_ADDR:5004" "$S_ADDR:6000" again)" again
	equal inbound "$(weir_r -j nat session show | jq -c '[.sessions[] | select(.inbound) |
		[.src, .sport, .xdst, .xdport]] | sort')" \
		"[[\"$S_ADDR\",7002,\"$C_ADDR\",5004],[\"$S2_ADDR\",7001,\"$C_ADDR\",5004]]"
	equal 'ports taken' "$(ports_used)" 1
	# through a dnat, the outside first, then the inside
	weir_r nat add dnat in dev r1 proto udp dport 5005 to "$C_ADDR:5006"
	echo_at c "$C_ADDR:5006"
	equal 'outside first' "$(say s "$S2_ADDR:7003" "$R1_ADDR:5005" in)" in
	equal 'inside then' "$(say c "$C_ADDR:5006" "$S_ADDR:6000" out)" out
}

@test "two-way UDP: either end begins, by a dnat, and by a mapping from an address never spoken to" {
	in_each_mode two_way
}

# --- the router as one of the hosts ---

own_server() {
	weir_r nat add masquerade out dev r1
	weir_r nat add dnat in dev r1 proto tcp dport 8080 to "$C_ADDR:8080"
	web r
	fetch c "$R0_ADDR"
	fetch s "$R1_ADDR"
	fetch c "$R1_ADDR"
	equal 'who asked' "$(cut -d' ' -f1 "$WEB_LOG" | sort | uniq -c | xargs)" "2 $C_ADDR 1 $S_ADDR"
	dns r
	asks c "$R0_ADDR" "$C_ADDR"
	asks s "$R1_ADDR" "$S_ADDR"
}

@test "servers on the router itself, asked from both sides, are reached as if there were no NAT" {
	in_each_mode own_server
}

# The router asks by its own address and port, as if it were alone: the inside's mapping moves.
own_client() {
	local port

	weir_r nat add masquerade out dev r1
	web s
	dns s
	for port in $((FROM_PORT += 3)) $((FROM_PORT + 1)) $((FROM_PORT + 2)); do
		equal inside "$(in_ns c dig -b "$C_ADDR#$port" +short +tries=1 +time=5 "@$S_ADDR" name.test)" \
			203.0.113.77
		equal own "$(in_ns r dig -b "$R1_ADDR#$port" +short +tries=1 +time=5 "@$S_ADDR" name.test)" \
			203.0.113.77
		equal 'inside again' "$(in_ns c dig -b "$C_ADDR#$port" +short +tries=1 +time=5 "@$S_ADDR" \
			name.test)" 203.0.113.77
		in_ns r curl -sS --limit-rate 10M --local-port "$port" --max-time 60 "http://$S_ADDR/big" |
			sum_of >"$BATS_TEST_TMPDIR/own" &
		equal "sum inside" "$(in_ns c curl -sS --limit-rate 10M --local-port "$port" --max-time 60 \
			"http://$S_ADDR/big" | sum_of)" "$WEB_SUM"
		wait $!
		equal "sum of the router's own" "$(cat "$BATS_TEST_TMPDIR/own")" "$WEB_SUM"
	done
	asked_by "$R1_ADDR" 6
	# one of each two has its own port, the other another
	equal 'ports outside' "$(cut -d' ' -f2 "$WEB_LOG" | sort -u | wc -l)" 6
}

@test "the router's own dig and curl, while the inside asks by the same ports" {
	FROM_PORT=4000 # others in each mode: what was closed in the one before still waits
	in_each_mode own_client
}

# --- hairpin ---

hairpin() {
	weir_r nat add masquerade out dev r1
	weir_r nat add dnat in dev r1 proto tcp dport 80 to "$C2_ADDR:8080"
	weir_r nat add dnat in dev r1 proto udp dport 53 to "$C2_ADDR:53"
	weir_r nat add dnat in dev r1 proto tcp dport 53 to "$C2_ADDR:53"
	web c 8080
	in_ns c curl -sS --interface "$C_ADDR" --max-time 60 "http://$R1_ADDR/big" | sum_of \
		>"$BATS_TEST_TMPDIR/sum"
	equal sum "$(cat "$BATS_TEST_TMPDIR/sum")" "$WEB_SUM"
	equal 'who asked, and whom' "$(cut -d' ' -f1,3 "$WEB_LOG")" "$R1_ADDR $C2_ADDR"
	dns c
	asks c "$R1_ADDR" "$C_ADDR"
	equal 'who asked' "$(sed -n 's/.*query.* from //p' "$BATS_TEST_TMPDIR/dns-c" | sort -u)" "$R1_ADDR"
	equal hairpins "$(weir_r -j nat session show | jq -c '[.sessions[] | .hairpin] | unique')" '[true]'
	fetch s "$R1_ADDR"
}

@test "hairpin: the inside asks its own outside address, and the server sees the outside's" {
	in_each_mode hairpin
}
