# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What weir leaves in the kernel, and how it fails. Sourced after helper.bash.
#
# Other labs on the machine hold programs and maps of the same names, so nothing here counts by
# name: objects are a namespace's, told by the cookie in the map `ctl` that its programs use.

BPFFS=/sys/fs/bpf

# fails STATUS CMD...: the command ends with STATUS, prints nothing on stdout, and on stderr one
# message, in $what, and at most one remedy, in $remedy.
fails() {
	local want=$1 err=$BATS_TEST_TMPDIR/stderr lines

	shift
	status=0
	"$@" >"$BATS_TEST_TMPDIR/stdout" 2>"$err" || status=$?
	what='' remedy=''
	mapfile -t lines <"$err"
	equal 'exit status' "$status" "$want" || { cat "$err"; return 1; }
	[ ! -s "$BATS_TEST_TMPDIR/stdout" ] || { echo 'it printed:'; cat "$BATS_TEST_TMPDIR/stdout"
		return 1; }
	what=${lines[0]:-}
	remedy=${lines[1]:-}
	[[ $what == *': '* ]] || { echo 'no message'; return 1; }
	[[ -z $remedy || $remedy == '       try: '* ]] && [ "${#lines[@]}" -le 2 ] ||
		{ echo 'not a message and a remedy:'; cat "$err"; return 1; }
}

# says PATTERN, advises PATTERN: in what the last `fails` got.
says() {
	# shellcheck disable=SC2053
	[[ $what == $1 ]] || { echo "message '$what' is not '$1'"; return 1; }
}

advises() {
	# shellcheck disable=SC2053
	[[ $remedy == $1 ]] || { echo "remedy '$remedy' is not '$1'"; return 1; }
}

# --- devices ---

# The id of the XDP program on a device of the router; nothing where there is none.
prog_on() {
	in_ns r ip -j link show dev "$1" | sed -nE 's/.*"xdp":\{"mode":[0-9]+,"prog":\{"id":([0-9]+).*/\1/p'
}

ifindex_of() {
	ip -n "$LAB-r" -o link show dev "$1" | cut -d: -f1
}

# states: DEV=STATE of all that weir shows, in order of names.
states() {
	weir_r -j dev show | jq -r '[.devices[] | "\(.device)=\(.state)"] | join(" ")'
}

# no_xdp [DEV...]: none of them has an XDP program.
no_xdp() {
	local dev

	[ $# -gt 0 ] || set -- r0 r1
	for dev; do
		[ -z "$(prog_on "$dev")" ] || { echo "$dev has XDP program $(prog_on "$dev")"
			return 1; }
	done
}

# --- traffic ---

pings() {
	in_ns c ping -q -i 0.005 -W 2 -c "$1" "${2:-$S_ADDR}" >/dev/null
}

# fast_path_carries [N]: N pings (20) come back, and weir has forwarded them both ways: but for one
# a next hop that goes to the kernel to be confirmed.
fast_path_carries() {
	local dev out n=${1:-20}

	pings 3 || { echo 'pings are lost'; return 1; }
	mark || return
	pings "$n" || { echo 'pings are lost'; return 1; }
	for dev in r0 r1; do
		out=$(since "$dev" xmit_OUT_NONE)
		[ "$out" -ge $((n - 1)) ] || { echo "$dev sent $out of $n:"; grown "$dev"
			return 1; }
	done
	ledger_balances
}

kernel_carries() {
	no_xdp || return
	pings 5 || { echo 'pings are lost'; return 1; }
}

ledger_balances() {
	weir_r ledger show >/dev/null
}

# --- objects ---

# Removes what killed files have pinned beside weir's own folder: $LAB-WHAT, as below.
remove_dead_pins() {
	local path

	for path in "$BPFFS"/weir-*-*-*; do
		[[ $path =~ -([0-9]+)-[a-z]+$ ]] && [ ! -e "/proc/${BASH_REMATCH[1]}" ] && rm -rf "$path"
	done
	return 0
}

# The namespace's cookie, as its folder of pins is called: of the lab, which is unattached.
read_cookie() {
	local pin=$BPFFS/$LAB-cookie

	remove_dead_pins
	weir_r --pin "$pin" dev attach r0 >/dev/null || return
	COOKIE=$(ls "$pin")
	weir_r --pin "$pin" dev detach r0 || return
	export COOKIE PINS=$BPFFS/weir/$COOKIE
}

# Lines `map ID`, `prog ID`, `link ID` of all that a namespace has in the kernel. Tests ask this all the
# time, and jq alone would take longer than the rest.
objects() {
	local cookie=${1:-$COOKIE} ctl='' id

	for id in $(bpftool map show | awk '/^[0-9]+: / && $4 ~ /ctl$/ { print $1 + 0 }'); do
		bpftool map dump id "$id" 2>/dev/null | grep -q "\"netns_cookie\": $((16#$cookie))," &&
			ctl+="$id "
	done
	[ -n "$ctl" ] || return 0 # so nobody uses it, either
	{
		bpftool prog show
		bpftool link show
	} | awk -v ctl="$ctl" '
		function tell(what) { if (!told[what]++) print what }
		BEGIN { for (n = split(ctl, ids, " "); n; n--) { ours[ids[n]]; tell("map " ids[n]) } }
		/^[0-9]+: .*  prog [0-9]+ / { if ($4 in progs) tell("link " ($1 + 0)); next }
		/^[0-9]+: / { prog = $1 + 0; next }
		match($0, /map_ids [0-9,]+/) {
			n = split(substr($0, RSTART + 8, RLENGTH - 8), ids, ",")
			for (i = 1; i <= n && !(ids[i] in ours); i++)
				;
			if (i > n)
				next
			progs[prog]
			tell("prog " prog)
			for (i = 1; i <= n; i++)
				tell("map " ids[i])
		}'
}

has_no_objects() {
	[ -z "$(objects "$@")" ]
}

# remember: what the namespace has now; forgotten: nothing of that is left. Maps that no program
# uses any more are seen this way only.
remember() {
	objects | sort -u >"$BATS_TEST_TMPDIR/remembered"
	[ -s "$BATS_TEST_TMPDIR/remembered" ]
}

has_forgotten() {
	local ids kind

	ids=$(for kind in map prog link; do
		bpftool "$kind" show | awk -v kind="$kind" '/^[0-9]+: / { print kind, $1 + 0 }'
	done | sort -u | comm -12 - "$BATS_TEST_TMPDIR/remembered")
	[ -z "$ids" ]
}

# nothing_left: no program on a device, no pin, no program, map or link of the namespace. The
# kernel frees behind our back, so this waits.
nothing_left() {
	no_xdp || return
	[ ! -e "$PINS" ] || { echo 'pins are left:'; find "$PINS"; return 1; }
	wait_until has_no_objects || { objects; return 1; }
	[ ! -e "$BATS_TEST_TMPDIR/remembered" ] || wait_until has_forgotten
}

# The state in which every test begins.
unattached() {
	weir_r dev detach all >/dev/null 2>&1 || true
	nothing_left
}

# --- killed half way ---

# How long CMD takes, in ms: only to spread the moments of a kill over it.
duration_ms() {
	local begin=${EPOCHREALTIME/./}

	"$@" >/dev/null || return
	echo $(((${EPOCHREALTIME/./} - begin) / 1000 + 1))
}

# kill_within MS CMD...: kill -9 at a random moment.
kill_within() {
	local ms=$((RANDOM % $1))

	shift
	# not the function: $! would be a shell, whose end does not end the program
	[ "$1" != weir_r ] || set -- "$WEIR" -n "$LAB-r" "${@:2}"
	( # whose standard error takes what the shell says of the dead
		"$@" >/dev/null 3>&- &
		sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		kill -9 $!
		wait $!
	) 2>/dev/null || true
}

# --- programs that are not weir's ---

# Pins the programs of the bench below $FOREIGN: xdp_fib forwards, as weir would.
load_foreign() {
	export FOREIGN=$BPFFS/$LAB-foreign

	bpftool prog loadall "$BUILD/bpf/peers.bpf.o" "$FOREIGN"
}

unload_foreign() {
	rm -rf "${FOREIGN:?}"
}
