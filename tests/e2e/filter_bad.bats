#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rules that are wrong, whichever way: what is said, where it points, and that nothing in the kernel
# has changed: not a byte of the rules, the sets, the programs.

load helper
load objects
load bad

OBJECT=filter GOOD_RULE='proto udp dport 1-2 drop'

setup() {
	need jq bpftool
	RULES=$BATS_TEST_TMPDIR/rules.txt
	printf '%s\n' 'set add good 192.0.2.1,192.0.2.64/26' 'set add ports 53,80-90' \
		'id 7 proto udp dport @ports drop' 'src @good limit 5/s count' 'policy in dev r0 punt' >"$RULES"
	weir_r filter load "$RULES"
	before=$(kernel_has)
}

# All that rules are: the set in use, page for page, named sets, the count of changes, the programs.
kernel_has() {
	local rulesets

	rulesets=$(bpftool map dump pinned "$PINS/rulesets")
	echo "$rulesets"
	bpftool -j map dump id "$(sed -n 's/.*inner_map_id: *\([0-9]*\).*/\1/p' <<<"$rulesets")" | cksum
	bpftool map dump pinned "$PINS/sets"
	bpftool map dump pinned "$PINS/set_info" | cksum
	bpftool map dump pinned "$PINS/ctl" | grep -E 'generation|filter'
	echo "$(prog_on r0) $(prog_on r1)"
	bpftool -j prog show | jq --arg r "$(prog_on r0)" '.[] | select(.id == ($r | tonumber)) | .map_ids'
}

@test "contradictions: what no packet can be" {
	wrong_rule 11 "no packet is both" 'proto udp tcp-flags syn/syn drop'
	wrong_rule 11 "no packet is both" 'proto udp icmp 8 drop'
	wrong_rule 8 "no packet is both" 'icmp 8 tcp-flags syn/syn drop'
	wrong_rule 11 "no packet matches" 'tcp-flags syn/ack drop'
	wrong_rule 11 "looks at nothing" 'tcp-flags syn/none drop'
	wrong_rule 22 "first fragment alone" 'proto udp frag later dport 53 drop'
	wrong_rule 12 "first fragment alone" 'frag later icmp 8 drop'
	wrong_rule 6 "second verdict" 'drop accept'
	wrong_rule 13 "stands twice" 'src 1.1.1.1 src 1.1.1.2 drop'
	wrong_rule 11 "stands twice" 'proto udp proto tcp drop'
}

@test "ports where there are none" {
	wrong_rule 8 "no ports" 'icmp 8 dport 53 drop'
	wrong_rule 12 "no ports" 'proto icmp sport 53 drop'
	wrong_rule 11 "no ports" 'proto gre dport 53 drop'
	wrong_rule 1 "without a protocol" 'dport 53 drop'
}

@test "ranges reversed, numbers too large, prefixes with more bits" {
	wrong_rule 17 "runs backwards" 'proto udp dport 200-100 drop'
	wrong_rule 5 "runs backwards" 'src 192.0.2.9-192.0.2.1 drop'
	wrong_rule 17 "no port" 'proto udp dport 65536 drop'
	wrong_rule 17 "no port" 'proto udp dport 53-99999999999999999999 drop'
	wrong_rule 7 "no protocol" 'proto 256 drop'
	wrong_rule 6 "no type of ICMP" 'icmp 256 drop'
	wrong_rule 5 "no length of a prefix" 'src 10.0.0.0/33 drop'
	wrong_rule 5 "behind its prefix" 'src 10.0.0.1/8 drop'
	wrong_rule 5 "no address" 'src 10.0.0.256 drop'
	wrong_rule 7 "no number of packets" 'limit 0/s drop'
	wrong_rule 7 "no number of packets" 'limit 99999999999/s drop'
	wrong_rule 17 "no burst" 'limit 1/s burst 9999999 drop'
	wrong_rule 8 "too long for a device" 'in dev abcdefghijklmnopq drop'
	wrong_rule 4 "no id" 'id 4294967295 drop'
}

@test "words that are none" {
	wrong_rule 1 "did you mean 'proto'" 'protp udp drop'
	wrong_rule 7 "did you mean 'udp'" 'proto upd drop'
	wrong_rule 5 "no IPv4 address" 'src 2001:db8::1 drop'
	wrong_rule 5 "cannot be negated" 'src !10.0.0.1 drop'
	wrong_rule 13 "no word of a filter rule" 'in dev eth0 to 10.0.0.1 drop'
	wrong_rule 11 "needs a verdict" 'proto udp'
	wrong_rule 1 "unknown word" 'zzzzzzzzzzz'
}

@test "what is found once all is read points at its line, too" {
	printf 'id 3 drop\ncount\nid 3 accept\n' >"$RULES"
	wrong 1 3:1 'id 3 is that of line 1 already'
	printf 'count\n\n  src @nosuch drop\n' >"$RULES"
	wrong 3 3:3 "there is no set 'nosuch'"
	printf 'set add new 10.0.0.1\nset add good 10.0.0.2\nsrc @new drop\nsrc @nosuch drop\n' >"$RULES"
	wrong 3 4:1 "there is no set 'nosuch'"
	printf 'count\nproto udp dport @good drop\n' >"$RULES"
	wrong 1 2:1 "set 'good' holds addresses, not ports"
	printf 'count\nin dev nosuch0 drop\n' >"$RULES"
	wrong 3 2:1 "there is no device 'nosuch0'"
	printf 'count\npolicy in dev nosuch0 drop\n' >"$RULES"
	wrong 3 2:1 'there is no device nosuch0'
	{ echo count; printf 'proto udp'; for key in src dst; do
		printf ' %s %s' "$key" "$(seq -s , -f 10.0.%.0f.1 0 255 | sed 's/,$//'),$(seq -s , -f 10.1.%.0f.1 0 9)"
	done; echo ' drop'; } >"$RULES"
	wrong 1 2:1 'combinations: 65536 at most'
}

@test "sets and policies that are wrong" {
	printf 'set add x 192.0.2.1,53\nsrc @x drop\n' >"$RULES"
	wrong 1 1:21 'among addresses'
	printf 'set add x 53\nset add x 192.0.2.1\n' >"$RULES"
	wrong 1 2:11 'the set holds ports'
	seq -f 'set add s%.0f 192.0.2.1' 1 1100 >"$RULES"
	wrong 1 1025:1 'more than 1024 sets'
	printf 'policy in dev r0 reject\n' >"$RULES"
	wrong 1 1:18 'is no policy'
	printf 'policy in dev r0 drop\npolicy in dev r0 punt\n' >"$RULES"
	wrong 1 2:1 'a second policy'
}

@test "a million lines: by the first that is too many, in little room" {
	yes 'proto udp dport 53 drop' | head -n 1000000 >"$RULES" || :
	(ulimit -v 1000000 && wrong 1 131073:1 'more than 131072 rules')
	yes 'set add x 10.0.0.1-10.255.255.254' | head -n 1000000 >"$RULES" || :
	(ulimit -v 1000000 && wrong 1 22796:1 'more than 1048576 elements')
	{ yes '# nothing' | head -n 1000000; echo 'drop it'; } >"$RULES" || :
	(ulimit -v 1000000 && wrong 1 1000001:6 "unknown word 'it'")
	yes '# nothing' | head -n 1000000 >"$RULES" || :
	run -0 weir_r filter check "$RULES"
	unchanged
}

# Sets are filled before the rules are there: a file that ends half way would have changed what rules in force drop.
@test "a file whose sets have no room leaves those that it names first as they are" {
	local verb

	seq -f 'set add s%.0f 192.0.2.1' 1 1020 >"$RULES"
	weir_r filter load "$RULES"
	before=$(kernel_has)
	printf '%s\n' 'set add s1 198.51.100.1' 'set add x1 53' 'set add x2 53' 'set add x3 53' \
		'set add x4 53' >"$RULES"
	for verb in check load; do
		run -2 weir_r filter "$verb" "$RULES"
		[[ $output = *'there is room for no more'* ]]
		unchanged
	done
	printf 'set add s1 192.0.2.1\nset add x1 53\n' >"$RULES"
	weir_r filter load "$RULES"
	seq -f 'set del s%.0f' 1 1020 | weir_r -b - # the next test has sets of its own
	weir_r set del x1
}

@test "lines and files that are too long" {
	{ echo drop; head -c 5000000 /dev/zero | tr '\0' x; } >"$RULES"
	wrong 1 2:1 'a line of 5000000 bytes'
	{ printf 'comment "'; head -c 300 /dev/zero | tr '\0' x; echo '" drop'; } >"$RULES"
	wrong 1 1:9 'a comment of 300 bytes: 255 at most'
}

@test "binary rubbish" {
	local i

	head -c 100000 /dev/zero >"$RULES"
	wrong 1 1:1 'a line of 100000 bytes'
	cp "$WEIR" "$RULES"
	wrong 1 1:1 'byte 0x7f: a line is text'
	gzip -c "$WEIR" >"$RULES"
	wrong 1 1:1 'byte 0x1f: a line is text'
	printf 'drop\n\xff\xfe\x00d\x00\n' >"$RULES"
	wrong 1 2:3 'byte 0x00: a line is text'
	printf 'drop\naccept \033[31m\n' >"$RULES"
	wrong 1 2:8 'byte 0x1b: a line is text'
	printf 'drop \xc3\x28 \xf0\x9f\x92\xa9\n' >"$RULES"
	wrong 1 1:6 'unknown word'
	for ((i = 0; i < 20; i++)); do
		head -c $((RANDOM * 4 + 100)) /dev/urandom >"$RULES"
		for verb in load check; do
			status=0
			weir_r filter "$verb" "$RULES" 2>"$RULES.err" || status=$?
			equal status "$status" 1 && head -n 1 "$RULES.err" | grep -qaE ':[0-9]+:[0-9]+: ' ||
				{ cat -v "$RULES.err"; return 1; }
		done
	done
	unchanged
}

@test "no file, a folder, no rights to read" {
	run -3 weir_r filter load "$BATS_TEST_TMPDIR/nosuch"
	run -1 weir_r filter load "$BATS_TEST_TMPDIR"
	run -1 weir_r filter check "$BATS_TEST_TMPDIR"
	unchanged
}
