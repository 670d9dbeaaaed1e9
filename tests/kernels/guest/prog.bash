# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The tests of single frames (tests/prog), each file a check: the same frames must have the same fate
# on every kernel.

for prog in build/tests/prog/*_test; do
	[ "${prog##*/}" = budget_test ] ||
		check "tests/prog/${prog##*/} passes" prog_test "$prog"
done
