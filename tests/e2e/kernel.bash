# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Scenarios with a known truth: so many packets are lost, at a known place, for a known reason. What
# weir tells is compared with all of it: nothing more may be told, of no device and no namespace of
# the lab, from the beginning of a file to its end.
#
# A scenario is a function lose_X: it has packets lost, and says which by `dropped`. Each is a test of
# its own at level `drops`; `all_at full` repeats all of a file with each packet observed, where the
# ledger must balance after each.

load frame

# KERNEL_PIN=DIR: a folder of their own for pins, where another version of weir runs meanwhile.
KERNEL_PIN=${KERNEL_PIN:-}

weir_k() {
	"$WEIR" ${KERNEL_PIN:+--pin "$KERNEL_PIN"} -n "$LAB-r" "$@"
}

# watch_lab LEVEL: all namespaces of the lab, counted from 0.
watch_lab() {
	weir_k watch on "$1" netns "$LAB-c,$LAB-r,$LAB-s" &&
		echo "$1" >"$BATS_FILE_TMPDIR/level" && : >"$BATS_FILE_TMPDIR/told"
}

# knows c|r|s DEV ADDR PEER: a neighbour, for good, even without a carrier.
knows() {
	in_ns "$1" ip neigh replace "$3" lladdr "$(lab_mac "$4")" dev "$2" nud permanent
}

# The lab with all its neighbours known, so that no ARP comes in between.
start_known_lab() {
	start_lab && knows c c0 "$R0_ADDR" r0 && knows r r0 "$C_ADDR" c0 &&
		knows r r1 "$S_ADDR" s0 && knows s s0 "$R1_ADDR" r1
}

# start_kernel_lab LEVEL
start_kernel_lab() {
	start_known_lab && watch_lab "$1"
}

stop_kernel_lab() {
	weir_k watch off
	stop_lab
}

# What a failed scenario leaves is not told of the next.
forget_failure() {
	end_background
	[ -n "$BATS_TEST_COMPLETED" ] || watch_lab "$(<"$BATS_FILE_TMPDIR/level")"
}

# Lines `NAMESPACE DEVICE STAGE CAUSE PACKETS`, behind it `send` or `counter` where no event told.
told() {
	weir_k -j drop show plane kernel | tee "$BATS_FILE_TMPDIR/shown" | jq -r --arg lab "$LAB-" '
		[.devices[].drops[] | {packets, key: [
			if .netns == "" then "r" else .netns | ltrimstr($lab) end,
			.device, .stage, .cause, .source]}] | group_by(.key)[] |
		[.[0].key[:4][], (map(.packets) | add), if .[0].key[4] == "event" then empty
			else .[0].key[4] end] | map(tostring) | join(" ")'
}

# What has come since the last scenario ended. $1: what is told now.
news() {
	awk -v before="$BATS_FILE_TMPDIR/told" '
		function key() { return $1 " " $2 " " $3 " " $4 " " $6 }
		BEGIN {
			while ((getline <before) > 0)
				was[key()] = $5
		}
		NF && $5 != was[key()] { $5 -= was[key()]; print }' <<<"$1" | sort
}

is_told() {
	now=$(told)
	[ "$(news "$now")" = "$1" ]
}

# dropped LINE...: these, as `told` has them, and nothing else, since the last scenario.
dropped() {
	local wanted now

	wanted=$(printf '%s\n' "$@" | sort)
	if ! wait_until is_told "$wanted" >/dev/null; then
		printf 'told:\n%s\nwanted:\n%s\n' "$(news "$(told)")" "$wanted"
		weir_k drop show plane kernel
		return 1
	fi
	now=$(told)
	equal "told a moment later" "$(news "$now")" "$wanted" || return
	echo "$now" >"$BATS_FILE_TMPDIR/told"
	nothing_lost && balanced
}

# No loss of the observers' own that would make what was told last less than the truth.
nothing_lost() {
	equal "own losses" "$(jq -c '.lost | [.drops_full, .devs_full]' "$BATS_FILE_TMPDIR/shown")" "[0,0]"
}

is_balanced() {
	weir_k -j ledger show plane kernel 2>/dev/null | jq -e '.observed and .balanced'
}

# The ledger, where there is one: the client's, the router's and the server's.
balanced() {
	[ "$(<"$BATS_FILE_TMPDIR/level")" = full ] || return 0
	wait_until is_balanced && return
	weir_k ledger show plane kernel
	return 1
}

# all_at LEVEL: all scenarios of the file again. By itself, never behind `!` nor before `||` or `&&`: bash
# would go on behind whatever fails inside.
all_at() {
	local scenario

	watch_lab "$1"
	for scenario in $(compgen -A function lose_); do
		echo "# $scenario at level $1"
		"$scenario"
	done
}

# sock c|r|s COMMAND...: of kernel_sock.py. hold: in the background, once it is ready.
sock() {
	in_ns "$1" python3 "$BATS_TEST_DIRNAME/kernel_sock.py" "${@:2}"
}

hold() {
	local said

	said=$(mktemp -p "$BATS_TEST_TMPDIR")
	background in_ns "$1" python3 "$BATS_TEST_DIRNAME/kernel_sock.py" "${@:2}" >"$said"
	wait_until grep -q ready "$said"
}

# inject_quietly COUNT HEX...: as inject, by a socket that takes no copy of what comes back.
inject_quietly() {
	sock c frames c0 "$@"
}

# nft_r RULES: the whole rule set of the router.
nft_r() {
	in_ns r nft -f - <<<"flush ruleset
$1"
}
