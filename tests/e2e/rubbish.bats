#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Pins full of rubbish: whatever lies wherever weir looks, no command crashes, hangs or does harm
# outside; each works or says why and what to type; and `dev detach all` makes all good. The weir that
# is run here checks itself (ASan, UBSan). pins.bats has the faults that one would think of.
#
#	sudo RUBBISH_RUNS=200 RUBBISH_SEED=1 tests/run tests/e2e/rubbish.bats

load helper
load objects

RUNS=${RUBBISH_RUNS:-8}
SEED=${RUBBISH_SEED:-7}
WEIR=$BUILD/sanitized/weir

# A place of its own: there is more to spoil than a namespace's folder.
setup_file() {
	export BASE=$BPFFS/$LAB-base STASH
	start_lab && read_cookie || return
	STASH=$BPFFS/$LAB-stash
	BASE=$BPFFS/$LAB-base
	PINS=$BASE/$COOKIE
	fill_stash
}

teardown_file() {
	weir_r dev detach all 2>/dev/null
	rm -rf "$BPFFS/$LAB-base" "$BPFFS/$LAB-stash"
	stop_lab
}

setup() {
	need jq bpftool
	[ -x "$WEIR" ] || skip "there is no $WEIR: make tests builds it"
	export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1
	mapfile -t WIDE < <(yes 0xa5 | head -n 4096)
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir -p "$VICTIM/deep"
	touch "$VICTIM/file" "$VICTIM/deep/file"
	rm -rf "$BASE"
	nothing_left
}

weir_r() {
	"$WEIR" -n "$LAB-r" --pin "$BASE" "$@"
}

# One of each kind of object that is not weir's.
fill_stash() {
	mkdir -p "$STASH"
	bpftool map create "$STASH/array8" type array key 4 value 8 entries 1 name rubbish &&
		bpftool map create "$STASH/array9000" type array key 4 value 9000 entries 3 name rubbish &&
		bpftool map create "$STASH/wide" type hash key 8 value 4096 entries 4 name rubbish &&
		bpftool map create "$STASH/hash" type hash key 4 value 32 entries 4 name rubbish &&
		bpftool map create "$STASH/lru" type lru_hash key 8 value 8 entries 8 name rubbish &&
		bpftool map create "$STASH/percpu" type percpu_array key 4 value 8 entries 2 name rubbish &&
		bpftool map create "$STASH/ringbuf" type ringbuf entries 4096 name rubbish &&
		bpftool map create "$STASH/devmap" type devmap_hash key 4 value 8 entries 4 name rubbish &&
		bpftool map create "$STASH/of_maps" type hash_of_maps key 4 value 4 entries 4 \
			name rubbish inner_map pinned "$STASH/array8" &&
		bpftool prog loadall "$BUILD/bpf/peers.bpf.o" "$STASH/progs"
}

# rubbish_at PATH: something in its place, told in $done.
rubbish_at() {
	local path=$1 kinds what stash progs

	stash=("$STASH"/[a-o]* "$STASH/percpu" "$STASH/ringbuf" "$STASH/wide")
	progs=("$STASH"/progs/*)
	kinds=(gone folder deep map map map prog link swap content content content link_nowhere
		link_itself link_file link_victim link_pin)
	what=${kinds[RANDOM % ${#kinds[@]}]}
	[ -d "${path%/*}" ] && [ ! -L "${path%/*}" ] || return 0
	if [ "$what" = content ]; then
		random_content "$path" || return 0
		told+=("$what of $path")
		return
	fi
	[ "$what" = swap ] || rm -rf "$path"
	case $what in
	folder) mkdir "$path" ;;
	deep) mkdir -p "$path/deep/deeper" && bpftool map pin pinned "$STASH/hash" "$path/deep/map" ;;
	map) bpftool map pin pinned "${stash[RANDOM % ${#stash[@]}]}" "$path" ;;
	prog) bpftool prog pin pinned "${progs[RANDOM % ${#progs[@]}]}" "$path" ;;
	link) bpftool link pin id "$(bpftool -j link show | jq '[.[] | select(.type == "tracing" or
		.type == "raw_tracepoint")][0].id')" "$path" || true ;;
	swap) swap "$path" "${places[RANDOM % ${#places[@]}]}" ;;
	link_nowhere) ln -s "$BPFFS/nowhere" "$path" ;;
	link_itself) ln -s "$path" "$path" ;;
	link_file) ln -s /etc/hostname "$path" ;;
	link_victim) ln -s "$VICTIM" "$path" ;;
	link_pin) ln -s "${places[RANDOM % ${#places[@]}]}" "$path" ;;
	esac
	told+=("$what at $path")
}

swap() {
	[[ -e $1 && -e $2 && $1 != "$2"/* && $2 != "$1"/* && $1 != "$2" ]] || return 0
	mv -T "$1" "$BASE/swap" && { mv -T "$2" "$1" || true; } && { mv -T "$BASE/swap" "$2" || true; }
}

# The map is the right one, and what is in it is not.
random_content() {
	local info size key value

	[ -f "$1" ] && [ ! -L "$1" ] && info=$(bpftool -j map show pinned "$1" 2>/dev/null) || return
	[ "$(jq -r '.type // "" | test("array$|^hash$|^lru_hash$")' <<<"$info")" = true ] || return
	size=$(jq .bytes_value <<<"$info")
	key=$(jq .bytes_key <<<"$info")
	[ "$(jq -r .type <<<"$info")" = array ] && key='0 0 0 0' || key=$(bytes "$key")
	case $((RANDOM % 3)) in
	0) value=$(bytes "$size") ;;
	1) value=$(yes 0xff | head -n "$size" | tr '\n' ' ') ;;
	2) value=$(yes 0 | head -n "$size" | tr '\n' ' ') ;;
	esac
	# shellcheck disable=SC2086
	bpftool map update pinned "$1" key $key value $value 2>/dev/null
}

# bytes N: for bpftool, of this shell's RANDOM, so that a seed says all.
bytes() {
	local i

	for ((i = 0; i < $1; i++)); do
		printf '%d ' $((RANDOM & 255))
	done
}

# bears WORD...: the command ends in time, with one of its own exit codes, having said what to do.
bears() {
	local err=$BATS_TEST_TMPDIR/err status=0

	timeout -k 5 60 "$WEIR" -n "$LAB-r" --pin "$BASE" "$@" >/dev/null 2>"$err" || status=$?
	if grep -qE 'Sanitizer|runtime error' "$err"; then
		echo "weir $*:"
		cat "$err"
		return 1
	fi
	case $status in
	0 | 5) return 0 ;;
	2 | 3 | 4) grep -qE 'try: |"remedy":"[^"]' "$err" && return 0 ;;
	esac
	echo "weir $*: status $status"
	cat "$err"
	return 1
}

bears_all() {
	local words commands=('dev show' 'dev show r0' 'path show' 'drop show dev r1' 'ledger show'
		'watch show' 'watch on latency 1/8' 'top -b -n 1 -d 0.1' '-j dev show'
		'dev attach r1' 'dev detach r0' '-j path show' 'watch off' 'dev attach r0 r1 force'
		'dev show' 'ledger show')

	for words in "${commands[@]}"; do
		# shellcheck disable=SC2086
		bears $words || return
	done
}

# What lies outside is as it was.
no_harm() {
	[ -e "$VICTIM/file" ] && [ -e "$VICTIM/deep/file" ] && [ -s /etc/hostname ] &&
		[ -e "$STASH/array8" ] && [ -e "$STASH/progs" ] && return
	echo 'harm was done outside the pins'
	return 1
}

# A folder or a file that no device can be told from is the user's to remove: weir says so.
recovers() {
	bears dev detach all || return
	no_harm || return
	if [ ! -d "$BASE" ] || [ -L "$BASE" ] || { [ -e "$PINS" ] && [ ! -d "$PINS" ]; }; then
		rm -rf "$BASE"
	fi
	weir_r dev detach all || return
	nothing_left || return
	weir_r dev attach r0 r1 && fast_path_carries 5 && weir_r dev detach all && nothing_left
}

@test "any rubbish at any place: every command bears it, nothing outside is touched, all is made good" {
	local run n places told

	RANDOM=$SEED
	for ((run = 1; run <= RUNS; run++)); do
		told=()
		weir_r dev attach r0 r1
		mapfile -t places < <(find "$BASE" | sort)
		places+=("$PINS/rubbish" "$PINS/dev/rubbish" "$PINS/dev/0" "$PINS/dev/4294967296" \
			"$PINS/link_redirect" "$BASE/rubbish" "$BASE/ffffffff")
		for ((n = 1 + RANDOM % 4; n; n--)); do
			rubbish_at "${places[RANDOM % ${#places[@]}]}"
		done
		bears_all && no_harm && recovers || {
			printf 'RUBBISH_SEED=%s, run %s:\n' "$SEED" "$run"
			printf '  %s\n' "${told[@]}"
			find "$BASE"
			return 1
		}
	done
}

@test "the content of every map that a device has, random: every command bears it" {
	local place places run

	RANDOM=$SEED
	for ((run = 1; run <= (RUNS + 3) / 4; run++)); do
		weir_r dev attach r0 r1
		mapfile -t places < <(find "$PINS" -type f | sort)
		for place in "${places[@]}"; do
			random_content "$place" || true
		done
		bears_all && recovers || { echo "RUBBISH_SEED=$SEED, run $run"; return 1; }
	done
}

@test "a folder that is a symbolic link: what it leads to is nobody's to remove" {
	local place

	for place in "$BASE" "$PINS" "$PINS/dev" "$PINS/dev/$(ifindex_of r0)" "$PINS/rubbish"; do
		rm -rf "$BASE"
		weir_r dev attach r0 r1
		rm -rf "$place"
		ln -s "$VICTIM" "$place"
		bears_all && no_harm && recovers || { echo "$place"; return 1; }
	done
}

@test "a map that is larger than ours, in each place: detach reads no more than it has room for" {
	local place places

	weir_r dev attach r0 r1
	mapfile -t places < <(find "$PINS" -type f | sort)
	for place in "${places[@]}"; do
		[ -d "$PINS" ] || weir_r dev attach r0 r1
		rm "$place"
		bpftool map pin pinned "$STASH/wide" "$place"
		bpftool map update pinned "$STASH/wide" key 1 0 0 0 1 0 0 0 value "${WIDE[@]}"
		bears dev detach r0 && bears dev detach all && nothing_left || { echo "$place"; return 1; }
	done
}
