#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Attached and detached again and again: no program, map, link, descriptor or byte is left, neither in
# the kernel nor in the process. What an attach costs is the kernel's verifier, so this takes minutes:
#
#	limit: 3600 s
#	sudo CYCLES=20 tests/run tests/e2e/cycles.bats

load helper
load objects

CYCLES=${CYCLES:-2000}    # in one process
COMMANDS=${COMMANDS:-100} # of two devices, by commands

setup_file() {
	start_lab && read_cookie
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool
	unattached
}

teardown() {
	end_background || true
}

# What the namespace has in the kernel: how many of each kind, and the bytes of its maps and programs.
footprint() {
	local ids

	ids=$(objects | sort -u)
	cut -d ' ' -f 1 <<<"$ids" | sort | uniq -c | xargs
	{
		bpftool -j map show | jq -r '.[] | "map \(.id) \(.bytes_memlock // 0)"'
		bpftool -j prog show | jq -r '.[] | "prog \(.id) \(.bytes_memlock // 0)"'
	} | awk 'NR == FNR { ours[$1 " " $2] = 1; next } ($1 " " $2) in ours { n += $3 }
		END { print n + 0 " bytes" }' <(echo "$ids") -
}

@test "$COMMANDS attachments by commands: no program, map or link is left, and none takes more" {
	local i first

	for ((i = 1; i <= COMMANDS; i++)); do
		weir_r dev attach r0 r1
		[ "$i" -ne 1 ] || first=$(footprint)
		[ "$i" -ne "$COMMANDS" ] || equal footprint "$(footprint)" "$first"
		[ "$i" -ne "$COMMANDS" ] || remember
		weir_r dev detach r0 r1
	done
	nothing_left
	kernel_carries
}

# --- in one process ---

# feed N WORDS: so many cycles, then a line that says that they are done; waits for it.
feed() {
	local i

	for ((i = 0; i < $1; i++)); do
		printf 'dev attach %s\ndev detach %s\n' "$2" "$2"
	done >&"$TO"
	echo version >&"$TO"
	DONE=$((DONE + 1))
	until_done
}

# As long as the process lives: a verifier may be slow.
until_done() {
	while [ "$(grep -c '^weir ' "$SAID")" -lt "$DONE" ]; do
		kill -0 "$BATCH" 2>/dev/null || { cat "$SAID.err"; return 1; }
		sleep 0.1
	done
}

descriptors() {
	find "/proc/$BATCH/fd" -mindepth 1 -printf '%f %l\n' | sed 's/[0-9]*\]$//' | sort -n
}

rss_kb() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$BATCH/status"
}

start_batch() {
	SAID=$BATS_TEST_TMPDIR/said DONE=0
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec {TO}<>"$BATS_TEST_TMPDIR/fifo" # both ways: one alone waits for the other end
	# the process must not hold its own writing end
	eval 'background "$1" -n "$LAB-r" -b "$BATS_TEST_TMPDIR/fifo" >"$SAID" 2>"$SAID.err"' "$TO>&-"
	BATCH=$!
}

end_batch() {
	exec {TO}>&-
	wait "$BATCH"
}

@test "$CYCLES attachments in one process: it does not grow, and nothing is left" {
	local first rss fds early=$((CYCLES / 10))

	start_batch "$WEIR"
	printf 'dev attach r0\nversion\n' >&"$TO"
	DONE=1
	until_done
	first=$(footprint)
	echo 'dev detach r0' >&"$TO"
	feed "$early" r0
	rss=$(rss_kb)
	fds=$(descriptors)

	feed $((CYCLES - early)) r0
	equal descriptors "$(descriptors)" "$fds"
	# a leak of 300 bytes in each cycle is twice of this
	[ $(($(rss_kb) - rss)) -le 256 ] || { echo "it grew from $rss kB to $(rss_kb) kB"; return 1; }
	printf 'dev attach r0\nversion\n' >&"$TO"
	DONE=$((DONE + 1))
	until_done
	equal footprint "$(footprint)" "$first"
	remember
	echo 'dev detach r0' >&"$TO"
	end_batch || { cat "$SAID.err"; return 1; }
	nothing_left
	kernel_carries
}

@test "attachments in a weir that counts its bytes: not one is lost" {
	local sanitized=$BUILD/sanitized/weir

	[ -x "$sanitized" ] || skip "there is no $sanitized: make tests builds it"
	export ASAN_OPTIONS=exitcode=99
	start_batch "$sanitized"
	feed 5 'r0 r1'
	printf 'dev attach r0 r1\ndev attach r1 r0 force\ndev show\nledger show\ntop -b -n 1 -d 0.1\n' \
		>&"$TO"
	echo 'dev attach r0' >&"$TO" # it is there: the last one fails, and frees what it has
	exec {TO}>&-
	status=0
	wait "$BATCH" || status=$?
	equal status "$status" 2
	run ! grep -E 'Sanitizer|runtime error' "$SAID.err"
	grep -q 'r0 is attached already' "$SAID.err"
	weir_r dev detach all
	nothing_left
}
