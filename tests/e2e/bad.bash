# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rules that are wrong, of the filter or of NAT: $OBJECT. A file that loads this has kernel_has(), which prints
# all that its rules are in the kernel, and has noted that in $before; a rule that is right, $GOOD_RULE; and the file
# with its rules, $RULES. Loaded after helper and objects.

setup_file() {
	start_lab && read_cookie || return
	weir_r dev attach r0 r1
}

teardown_file() {
	stop_lab
}

unchanged() {
	local now

	now=$(kernel_has)
	[ "$now" = "$before" ] && return
	echo "something has changed in the kernel:"
	diff <(echo "$before") <(echo "$now")
	return 1
}

# refused STATUS COMMAND...: of $OBJECT, with nothing on stdout, and a caret.
refused() {
	local want=$1

	shift
	status=0
	weir_r "$OBJECT" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	equal "status of $1" "$status" "$want" && [ ! -s "$BATS_TEST_TMPDIR/out" ] &&
		grep -qE '^ +\^~*$' "$BATS_TEST_TMPDIR/err" && return
	cat "$BATS_TEST_TMPDIR"/{out,err}
	return 1
}

# wrong STATUS WHERE MESSAGE: the file is refused by load and by check: by its name and WHERE, and by what
# is said; and nothing changes.
wrong() {
	local verb

	for verb in load check; do
		refused "$1" "$verb" "$RULES" || return
		[[ $(head -n 1 "$BATS_TEST_TMPDIR/err") = "$RULES:$2: "*"$3"* ]] && continue
		echo "not '$2: $3':"
		cat "$BATS_TEST_TMPDIR/err"
		return 1
	done
	unchanged
}

# wrong_rule COLUMN MESSAGE RULE: in the second line of a file, and as words of `add`.
wrong_rule() {
	printf '%s\n' "$GOOD_RULE" "$3" >"$RULES"
	wrong 1 "2:$1" "$2" || { echo "'$3'"; return 1; }
	# shellcheck disable=SC2086
	refused 1 add $3 || return
	grep -qF -- "$2" "$BATS_TEST_TMPDIR/err" || { cat "$BATS_TEST_TMPDIR/err"; return 1; }
	unchanged
}
