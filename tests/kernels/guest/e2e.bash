# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The end-to-end tests (tests/e2e), each file a check. Not those of the build, which need a compiler,
# and of rubbish, which need a build of their own.

e2e_test() {
	local rc

	timeout -k 10 1500 bats --formatter tap "$1" >/tmp/bats 2>&1
	rc=$?
	sed -En 's/^ok [0-9]+ (.*) # skip ?(.*)/# skipped: \1: \2/p' /tmp/bats
	[ "$rc" -ne 0 ] || return 0
	grep -vE '^ok ' /tmp/bats
	exit 1
}

for file in tests/e2e/*.bats; do
	case $file in
	*/build.bats | */rubbish.bats) ;;
	*) check "$file passes" e2e_test "$file" ;;
	esac
done
