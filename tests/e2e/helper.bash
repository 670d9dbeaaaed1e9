# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the end-to-end tests share. A file has one lab, made in setup_file by start_lab and removed
# in teardown_file by stop_lab, or by a watcher when the file ends in any other way. Client, router
# and server are `c`, `r` and `s` here.
#
# Nothing depends on speed: wait_until waits for what must come, up to a bound that is only
# reached where it does not.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${B:-build}
[[ $BUILD = /* ]] || BUILD=$ROOT/$BUILD
WEIR=$BUILD/weir
# shellcheck source=tools/lab/lab.sh
. "$ROOT/tools/lab/lab.sh"

C_ADDR=192.0.2.1 R0_ADDR=192.0.2.254 R1_ADDR=198.51.100.254 S_ADDR=198.51.100.1

# need TOOL...: skips the test where one is not there. For setup and tests; bats 1.8 cannot skip in
# setup_file.
need() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "there is no '$tool' here: tools/deps installs it"
	done
}

# Ends what still runs in the lab, and the lab.
remove_lab() {
	local x

	for x in c r s; do
		[ ! -e "/run/netns/$1-$x" ] || ip netns pids "$1-$x" | xargs -r kill -9 2>/dev/null
	done
	[ ! -e "/run/netns/$1-r" ] || "$WEIR" -n "$1-r" dev detach all >/dev/null 2>&1
	lab_down "$1"
}

# start_lab [nogro]
start_lab() {
	local file=${BATS_TEST_FILENAME##*/}

	export LAB=weir-${file%.bats}-$$
	lab_up "$LAB" "$@" || return 1
	export -f remove_lab lab_down lab_in
	# A session of its own, so that the signal which ends the file does not end the watcher.
	WEIR=$WEIR setsid bash -c 'tail --pid="$1" -s 0.5 -f /dev/null; remove_lab "$2"' \
		- $$ "$LAB" </dev/null >/dev/null 2>&1 3>&- &
	disown
}

stop_lab() {
	remove_lab "$LAB"
}

# confirm_once [DEV...]: one confirmation for each next hop there and lab, however slow the machine.
confirm_once() {
	local dev

	[ $# -gt 0 ] || set -- r0 r1
	for dev; do
		in_ns r sysctl -qw "net.ipv4.neigh.$dev.base_reachable_time_ms=3600000"
	done
}

# The hosts swallow what is sent to these in silence, since they do not forward.
route_to_hosts() {
	ip -n "$LAB-r" route replace 198.18.0.0/16 via "$C_ADDR"
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
}

# in_ns c|r|s CMD...
in_ns() {
	local x=$1

	shift
	lab_in "$LAB-$x" "$@"
}

weir_r() {
	"$WEIR" -n "$LAB-r" "$@"
}

# wait_until CMD...: until it succeeds, at most 20 s.
wait_until() {
	local try

	for ((try = 0; try < 200; try++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "waited in vain for: $*"
	return 1
}

# background [in_ns c|r|s] PROGRAM...: its id is $!; end_background, which a file's teardown calls,
# ends them all, and what they began.
BACKGROUND=()
background() {
	# not the function: $! would be a shell, whose end does not end the program
	[ "$1" != in_ns ] || set -- nsenter --net="/run/netns/$LAB-$2" -- "${@:3}"
	setsid "$@" 3>&- & # a group of its own
	BACKGROUND+=($!)
}

end_background() {
	local pid

	for pid in "${BACKGROUND[@]}"; do
		kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null || :
	done
	BACKGROUND=()
}

# equal WHAT GOT WANTED
equal() {
	[ "$2" = "$3" ] && return
	echo "$1: got '$2', wanted '$3'"
	return 1
}

# --- counters as bpftool reads them ---

# Everything a device has counted, over its CPUs, queues and banks: lines `NAME PACKETS BYTES`.
# NAME is an exit as in include/weir/exits.h (ip_rcv_DROP_IP_CSUM), punt_drop_ and a PUNT exit,
# in, sent, lost, or another member of struct weir_row. Of a device with several hooks, r0/tc_ingress;
# without a hook, the first.
counters() {
	local id

	id=$(weir_r -j dev show "${1%/*}" | awk -v RS='}' -v hook="${1#"${1%/*}"}" '
		match($0, /"rows_map_id":[0-9]+/) &&
		(hook == "" || index($0, "\"hook\":\"" substr(hook, 2) "\"")) {
			print substr($0, RSTART + 14, RLENGTH - 14)
			exit
		}') && [ -n "$id" ] && bpftool map dump id "$id" | awk -F '[":, ]+' '
		# member N: the Nth of an array that has no names of its own
		function add(field, n) { sum[member == "" ? name : member " " at, field] += n }
		/"cpu": / { named = 0 }
		/"(exit|punt_drop)": \[/ { member = $2; at = 0; next }
		/\},\{/ { at++; next }
		/^ *\]/ { member = ""; next }
		/"": \{/ { next }
		/": \{/ { names[name = $2]; if (name != "in" && name != "value") exits[named++] = name; next }
		$2 == "packets" || $2 == "bytes" { add($2, $3); next }
		$2 !~ /^(key|cpu|queue|bank|queues)?$/ && $3 ~ /^[0-9]/ { name = $2; names[name]; add("packets", $3) }
		END {
			delete names["value"]
			for (name in names)
				print name, sum[name, "packets"] + 0, sum[name, "bytes"] + 0
			for (at = 0; at < named; at++)
				print "punt_drop_" exits[at], sum["punt_drop " at, "packets"] + 0,
					sum["punt_drop " at, "bytes"] + 0
		}'
}

# mark [DEV...]; ...; since DEV NAME [bytes]: how far it has counted since. DEV as for counters.
mark() {
	local dev

	[ $# -gt 0 ] || set -- r0 r1
	for dev; do
		counters "$dev" >"$BATS_TEST_TMPDIR/mark-${dev/\//-}" || return
	done
}

# Lines `NAME PACKETS BYTES` of what has grown since mark; also for what a failing test prints.
grown() {
	counters "$1" | awk 'NR == FNR { packets[$1] = $2; bytes[$1] = $3; next }
		$2 != packets[$1] { print $1, $2 - packets[$1], $3 - bytes[$1] }' \
		"$BATS_TEST_TMPDIR/mark-${1/\//-}" -
}

since() {
	grown "$1" | awk -v name="$2" -v field="$([ "${3:-}" = bytes ] && echo 3 || echo 2)" \
		'$1 == name { n = $field } END { print n + 0 }'
}

counts() {
	[ "$(since "$1" "$2")" = "$3" ]
}

# expect DEV NAME N: the counter has grown by exactly N since mark, once traffic rests.
expect() {
	wait_until counts "$@" && return
	echo "$1 $2: $(since "$1" "$2"), wanted $3; all that has grown:"
	grown "$1"
	return 1
}

# --- the wire ---

# listens c|r|s udp|tcp PORT
listens() {
	[ -n "$(in_ns "$1" ss -Hnl --"$2" "sport = :$3")" ]
}

# background_capture c|r|s DEV FILTER [OPTION...]: tcpdump, from when this returns. Frames that XDP
# redirects are seen only where they arrive, at c0 and s0.
background_capture() {
	local ns=$1 dev=$2 filter=$3

	shift 3
	CAPTURE=$BATS_TEST_TMPDIR/capture
	# -s, since the ring has room for few frames of the size that it takes by itself
	background in_ns "$ns" tcpdump -nl --immediate-mode -s 16384 -B 16384 -i "$dev" "$@" "$filter" \
		>"$CAPTURE" 2>"$CAPTURE.err"
	wait_until grep -q "listening on" "$CAPTURE.err"
}

# captured TEXT
captured() {
	grep -qF -- "$1" "$CAPTURE"
}

# captured_times N TEXT
captured_times() {
	[ "$(grep -cF -- "$2" "$CAPTURE")" = "$1" ]
}
