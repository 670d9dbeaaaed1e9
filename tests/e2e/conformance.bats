#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The table of what RFCs ask is made of its source, and names tests that there are; and tools/conformance
# tells where that is not so.

load helper

setup() {
	cd "$ROOT" || return
	cp tests/conformance/nat.tsv "$BATS_TEST_TMPDIR/nat.tsv"
	cp tests/CONFORMANCE.md "$BATS_TEST_TMPDIR/table.md"
	export LOGS=$BATS_TEST_TMPDIR/build/test-logs
	mkdir -p "$LOGS"
}

# With a source and a table of this test's own.
own() {
	SOURCE=$BATS_TEST_TMPDIR/nat.tsv TABLE=$BATS_TEST_TMPDIR/table.md B=$BATS_TEST_TMPDIR/build \
		tools/conformance "$@"
}

# row RFC REQUIREMENT LEVEL SHORT STATE TESTS REASON: the source is this alone.
row() {
	(IFS=$'\t' && echo "$*") >"$BATS_TEST_TMPDIR/nat.tsv"
}

@test "the table is the source's, and each test that it names is there" {
	run tools/conformance check
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a table that is stale is told" {
	echo more >>"$BATS_TEST_TMPDIR/table.md"
	run own check
	[ "$status" -eq 1 ]
	[[ $output = *"run tools/conformance"* ]]
	own
	own check
}

@test "a test that there is not is told, of C and of bats" {
	row 4787 1 MUST words met 'prog/nat_test.c:no_such_test e2e/forward.bats:"no such test"' ''
	own
	run own check
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} = *"RFC 4787, REQ-1"*"no_such_test"* ]]
	[[ ${lines[1]} = *"no such test"* ]]
}

@test "what is met without a test, or not met without a reason, is told" {
	row 4787 1 MUST words met '' ''
	run own
	[ "$status" -eq 1 ]
	[[ $output = *"no test says so"* ]]
	row 4787 1 MUST words not '' ''
	run own
	[ "$status" -eq 1 ]
	[[ $output = *"no reason"* ]]
}

@test "results are of every hook's tests, as they ran last" {
	row 4787 1 MUST words met 'prog/nat_test.c:a_test e2e/forward.bats:"one, two"' ''
	run own results
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 2 ]
	echo 'ok 3 - one, two' >"$LOGS/e2e-forward.bats.log"
	printf 'ok 1 - xdp:a_test\nnot ok 2 - tc_ingress:a_test\n' >"$LOGS/prog-nat_test.log"
	run own results
	[ "$status" -eq 1 ]
	[[ $output = *"'a_test' of prog/nat_test.c failed" ]]
	printf 'ok 1 - xdp:a_test # SKIP no reason\n' >"$LOGS/prog-nat_test.log"
	run own results
	[ "$status" -eq 1 ]
	[[ $output = *skipped ]]
	printf 'ok 1 - xdp:a_test\nok 2 - tc_ingress:a_test\n' >"$LOGS/prog-nat_test.log"
	own results
}
