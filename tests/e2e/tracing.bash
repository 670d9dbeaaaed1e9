# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A trace of the kernel plane in the background, for the files that test it.

ALL() { echo "$LAB-c,$LAB-r,$LAB-s"; }

# tracing WORD...: in the background, once it is attached. JSON goes to $out, what it says to $said.
tracing() {
	out=$BATS_TEST_TMPDIR/out said=$BATS_TEST_TMPDIR/said
	"$WEIR" -n "$LAB-${where:-r}" -j trace "$@" >"$out" 2>"$said" 3>&- &
	tracer=$!
	wait_until grep -q 'stages seen' "$said"
}

ended() {
	status=0
	wait "$tracer" || status=$?
	equal 'exit status' "$status" 0 || { cat "$said"; return 1; }
}

# stopped: it is told to end, and does.
stopped() {
	kill -INT "$tracer"
	ended
}
