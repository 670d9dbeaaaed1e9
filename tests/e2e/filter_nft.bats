#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# 2,000 rules by chance, as weir has them and as nft has them, and 50,000 packets by chance on the
# wire: both let the same packets pass, and count the same for each rule. So does the reference of
# tests/unit/rule_ref.h.
#
#	sudo CHANCE_SEED=9 CHANCE_RULES=5000 tests/run tests/e2e/filter_nft.bats

load helper

SEED=${CHANCE_SEED:-20261124}
RULES=${CHANCE_RULES:-2000}
PACKETS=${CHANCE_PACKETS:-50000}

setup_file() {
	start_lab || return
	confirm_once
	route_to_hosts
	# nothing but rules keeps a packet from going on
	ip -n "$LAB-r" neigh replace "$C_ADDR" lladdr "$(lab_mac c0)" dev r0 nud permanent
	ip -n "$LAB-r" neigh replace "$S_ADDR" lladdr "$(lab_mac s0)" dev r1 nud permanent
}

teardown_file() {
	stop_lab
}

setup() {
	need nft jq
	CHANCE=$BUILD/tests/e2e/chance
	[ -x "$CHANCE" ] || skip "there is no $CHANCE: make tests builds it"
	DIR=$BATS_TEST_TMPDIR
	"$CHANCE" weir "$SEED" "$RULES" r0 r1 >"$DIR/rules"
	"$CHANCE" expect "$SEED" "$PACKETS" "$DIR/rules" r0 r1 >"$DIR/expected"
	grep packet "$DIR/expected" >"$DIR/pass"
	grep rule "$DIR/expected" >"$DIR/counts"
}

teardown() {
	in_ns r nft flush ruleset
	: >"$DIR/none"
	weir_r filter load "$DIR/none" >/dev/null
	for set in $(weir_r -j set show | jq -r '.sets[].name'); do
		weir_r set del "$set" >/dev/null
	done
	weir_r dev detach all
}

# Which packets pass, in the file NAME.
carry() {
	"$CHANCE" carry "$SEED" "$PACKETS" "$DIR/rules" r0 r1 "/run/netns/$LAB-c" c0 "$(lab_mac r0)" \
		"/run/netns/$LAB-s" s0 "$(lab_mac r1)" >"$DIR/$1"
}

# same WHAT FILE FILE
same() {
	cmp -s "$2" "$3" && return
	echo "$1: $(diff "$2" "$3" | grep -c '^[<>]') lines differ, CHANCE_SEED=$SEED:"
	diff "$2" "$3" | head -n 20
	return 1
}

weir_counts() {
	weir_r -j filter show | jq -r '.rules | to_entries[] | "rule \(.key) \(.value.packets)"'
}

weir_says_the_same() {
	weir_r filter load "$DIR/rules"
	mark
	carry got
	same 'packets that pass' "$DIR/got" "$DIR/pass"
	weir_counts >"$DIR/counted"
	same 'packets of rules' "$DIR/counted" "$DIR/counts"
	equal dropped $(($(since r0 nf_forward_DROP_FILTER) + $(since r1 nf_forward_DROP_FILTER))) \
		$((PACKETS - $(wc -l <"$DIR/pass")))
	weir_r ledger show >/dev/null
}

@test "the rules say something: enough is dropped, enough passes, most rules match" {
	[ "$(wc -l <"$DIR/pass")" -gt $((PACKETS / 10)) ]
	[ "$(wc -l <"$DIR/pass")" -lt $((PACKETS * 9 / 10)) ]
	[ "$(grep -vc ' 0$' "$DIR/counts")" -gt $((RULES / 2)) ]
}

@test "nft, given the same rules, says what the reference says of each packet and rule" {
	"$CHANCE" nft "$SEED" "$RULES" r0 r1 >"$DIR/nft"
	in_ns r nft -f "$DIR/nft"
	carry got
	same 'packets that pass' "$DIR/got" "$DIR/pass"
	in_ns r nft -j list chain ip weir forward | jq -r '[.nftables[].rule.expr // empty |
		.[].counter // empty | .packets] | to_entries[] | "rule \(.key) \(.value)"' >"$DIR/counted"
	same 'packets of rules' "$DIR/counted" "$DIR/counts"
}

@test "weir says the same of each, at XDP" {
	weir_r dev attach r0 r1
	weir_says_the_same
}

@test "weir says the same of each, at TC" {
	weir_r dev attach r0 r1 xdp off
	weir_says_the_same
}
