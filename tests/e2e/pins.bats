#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Pins that are old, broken, missing or not ours: refused or made good, never believed, and never in
# the way of `dev detach all`.

load helper
load objects

setup_file() {
	start_lab && read_cookie
}

teardown_file() {
	rm -rf "$BPFFS/$LAB-rubbish"
	stop_lab
}

setup() {
	need jq bpftool
	unattached
	RUBBISH=$BPFFS/$LAB-rubbish
	rm -rf "$RUBBISH"
	mkdir "$RUBBISH"
}

teardown() {
	rm -rf "$BPFFS/$LAB-rubbish"
}

# rubbish_map VALUE_SIZE: pinned as $RUBBISH/map.
rubbish_map() {
	rm -f "$RUBBISH/map"
	bpftool map create "$RUBBISH/map" type array key 4 value "$1" entries 1 name rubbish
}

# What must hold whatever the pins were: all can be removed, and then weir works, attached.
works_again() {
	run -0 --separate-stderr weir_r dev detach all
	nothing_left || return
	weir_r dev attach r0 r1 && fast_path_carries 5 || { echo 'not attachable'; return 1; }
}

recovers() {
	works_again && weir_r dev detach all && nothing_left
}

# refuses_pins WHY: every command but detach refuses, says where and why, and names `detach all`.
refuses_pins() {
	local words before

	before=$(find "$PINS" | sort)
	for words in 'dev show' 'ledger show' 'path show' 'drop show' 'top -b -n 1' \
		'watch on latency 1/8' 'dev attach r0' 'dev attach r0 r1 force'; do
		# shellcheck disable=SC2086
		fails 2 weir_r $words && says "*$PINS*$1*" && advises "*weir -n $LAB-r dev detach all*" ||
			{ echo "of: $words"; return 1; }
	done
	equal pins "$(find "$PINS" | sort)" "$before"
}

@test "pins of another ABI: refused, removed by detach all, and attachable again" {
	local value

	weir_r dev attach r0 r1
	value=$(bpftool -j map dump pinned "$PINS/ctl" | jq -r '.[0].value | .[4] = "0xff" | join(" ")')
	# shellcheck disable=SC2086
	bpftool map update pinned "$PINS/ctl" key 0 0 0 0 value $value
	refuses_pins 'another version of weir'
	pings 3
	recovers
}

@test "pins of a layout with another size: the same" {
	weir_r dev attach r0 r1
	bpftool map create "$RUBBISH/map" type array key 4 value 64 entries 1 name ctl
	rm "$PINS/ctl"
	mv "$RUBBISH/map" "$PINS/ctl"
	refuses_pins 'another version of weir'
	recovers
}

@test "a pin that is a program, or a map of another kind: refused as not weir's" {
	weir_r dev attach r0 r1
	rm "$PINS/ctl"
	bpftool prog pin id "$(prog_on r0)" "$PINS/ctl"
	refuses_pins "not weir's, or broken"
	recovers

	weir_r dev attach r0 r1
	rm "$PINS/ctl"
	bpftool map create "$PINS/ctl" type hash key 4 value 32 entries 4 name ctl
	refuses_pins "not weir's, or broken"
	recovers
}

# sane AFTER: each command works or refuses with a remedy; what is shown as attached carries.
sane() {
	local words

	for words in 'dev show' 'ledger show' 'path show' 'top -b -n 1 -d 0.1'; do
		# shellcheck disable=SC2086
		timeout 60 "$WEIR" -n "$LAB-r" $words >/dev/null 2>&1 ||
			{ fails 2 weir_r $words && advises '*dev detach all*'; } ||
			{ echo "'$words' after $1"; return 1; }
	done
	if weir_r dev attach r0 r1 force >/dev/null 2>&1; then
		fast_path_carries 5 || { echo "attached, and does not carry, after $1"; return 1; }
	else
		{ fails 2 weir_r dev attach r0 r1 force && advises '*dev detach all*'; } ||
			{ echo "attach after $1"; return 1; }
	fi
	pings 2 || { echo "no traffic after $1"; return 1; }
}

@test "any one pin missing: made good or refused, and never half believed" {
	local pin

	weir_r dev attach r0 r1
	for pin in $(cd "$PINS" && find . ! -type d | sort); do
		rm "$PINS/$pin"
		sane "rm $pin"
		works_again || { echo "after rm $pin"; return 1; }
	done
	recovers
}

@test "any one pin replaced by a map that is not ours: made good or refused, and never half believed" {
	local pin

	weir_r dev attach r0 r1
	for pin in $(cd "$PINS" && find . ! -type d | sort); do
		rubbish_map 8192
		rm "$PINS/$pin"
		mv "$RUBBISH/map" "$PINS/$pin"
		sane "rubbish as $pin"
		works_again || { echo "after rubbish as $pin"; return 1; }
	done
	recovers
}

@test "a link replaced by a program: not shown as attached" {
	local pin

	weir_r dev attach r0 r1
	pin=$PINS/dev/$(ifindex_of r0)/xdp/link
	bpftool prog pin id "$(prog_on r0)" "$RUBBISH/prog"
	rm "$pin"
	mv "$RUBBISH/prog" "$pin"
	wait_until no_xdp r0
	if weir_r dev show >/dev/null 2>&1; then
		[[ $(states) != *r0=attached* ]]
	else
		fails 2 weir_r dev show
		advises '*dev detach all*'
	fi
	sane 'a program as link'
	recovers
}

@test "pins of one device exchanged for the other's: refused, or counted to none" {
	local a b

	weir_r dev attach r0 r1
	a=$PINS/dev/$(ifindex_of r0)/xdp b=$PINS/dev/$(ifindex_of r1)/xdp
	mv "$a/link" "$RUBBISH/link"
	mv "$b/link" "$a/link"
	mv "$RUBBISH/link" "$b/link"
	sane 'exchanged links'
	recovers
}

@test "rubbish beside the pins: no command minds it, and detach all removes it" {
	local path

	weir_r dev attach r0 r1
	mkdir "$PINS/rubbish" "$PINS/rubbish/deep" "$PINS/dev/rubbish" "$PINS/dev/99999" \
		"$PINS/dev/4294967296" "$PINS/dev/-1" "$PINS/dev/0"
	for path in rubbish/map rubbish/deep/map dev/rubbish/link dev/99999/rows dev/4294967296/link; do
		bpftool map create "$PINS/$path" type array key 4 value 8 entries 1 name rubbish
	done
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries 5
	fails 3 weir_r dev detach rubbish
	weir_r dev detach r1
	weir_r dev attach r1
	fast_path_carries 5
	recovers
}

@test "a file where a device's folder belongs: refused, or made good" {
	mkdir -p "$PINS/dev"
	bpftool map create "$PINS/dev/$(ifindex_of r0)" type array key 4 value 8 entries 1 name rubbish
	sane 'a map as folder of a device'
	recovers

	mkdir -p "${PINS%/*}"
	bpftool map create "$PINS" type array key 4 value 8 entries 1 name rubbish
	fails 2 weir_r dev attach r0 r1
	no_xdp
	rm "$PINS"
	recovers
}

@test "only rubbish in the namespace's folder: attach makes it good" {
	mkdir -p "$PINS/dev"
	rubbish_map 16
	mv "$RUBBISH/map" "$PINS/cursor"
	run -0 weir_r dev show
	weir_r dev attach r0 r1
	fast_path_carries 5
	recovers
}

@test "rubbish among the namespaces' folders disturbs nobody" {
	mkdir -p "$BPFFS/weir/$LAB-rubbish/dev"
	weir_r dev attach r0 r1
	fast_path_carries 5
	weir_r dev detach all
	rm -rf "$BPFFS/weir/$LAB-rubbish"
	rmdir "$BPFFS/weir" 2>/dev/null || true
	nothing_left
}
