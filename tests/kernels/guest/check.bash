# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What sets of checks share. A set names its checks by `check TITLE FUNCTION [ARG...]`; each is run in
# a shell of its own, passes with status 0, and is skipped where it calls `skip WHY`. What a failed
# one said is shown; so is each line of any that begins with `# `.

WEIR=build/weir
# shellcheck source=tools/lab/lab.sh
. tools/lab/lab.sh

SKIPPED=75
TITLES=() CHECKS=()

check() {
	TITLES+=("$1")
	shift
	CHECKS+=("$(printf '%q ' "$@")")
}

skip() {
	echo "# skip: $*"
	exit $SKIPPED
}

# fail WHY: with the caller's name, as bash has it.
fail() {
	echo "${FUNCNAME[1]}: $*"
	exit 1
}

# equal WHAT GOT WANTED
equal() {
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# wait_until CMD...: until it succeeds, at most 30 s.
wait_until() {
	local end=$((SECONDS + 30))

	while [ $SECONDS -lt $end ]; do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "waited in vain for: $*"
}

# kernel_at_least 6.6
kernel_at_least() {
	printf '%s\n%s\n' "$1" "$(uname -r | grep -o '^[0-9]*\.[0-9]*')" | sort -CV
}

# prog_test PROGRAM: a test of cmocka's; the lines that begin with a source's name are its figures.
prog_test() {
	local rc

	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 600 "$1" >/tmp/prog 2>&1
	rc=$?
	grep -E '^# bpf/' /tmp/prog
	awk '/^ok .*# SKIP/ { n++ } END { if (n) print "# " n " of its tests skipped themselves" }' \
		/tmp/prog
	[ "$rc" -ne 0 ] || return 0
	grep -vE '^ok ' /tmp/prog
	exit 1
}

run_checks() {
	local i out rc why

	out=/tmp/check.out
	echo "1..${#CHECKS[@]}"
	for i in "${!CHECKS[@]}"; do
		SECONDS=0
		(eval "${CHECKS[$i]}") >$out 2>&1
		rc=$?
		[ $SECONDS -lt 10 ] || echo "# the next took $SECONDS s"
		case $rc in
		0) echo "ok $((i + 1)) - ${TITLES[$i]}" ;;
		"$SKIPPED")
			why=$(sed -n 's/^# skip: //p' $out | tail -1)
			echo "ok $((i + 1)) - ${TITLES[$i]} # SKIP $why"
			;;
		*)
			echo "not ok $((i + 1)) - ${TITLES[$i]}"
			echo "# ended with $rc:"
			sed 's/^\(# \)*/# /' $out | tail -40
			continue
			;;
		esac
		grep -v '^# skip: ' $out | grep '^# '
	done
}
