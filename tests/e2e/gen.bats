#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# weir-gen, which other tests and the bench rely on: which flows it sends, and that they are whole.

load helper

setup_file() {
	start_lab || return
	in_ns r ethtool -K r0 gro on
}

teardown_file() {
	stop_lab
}

setup() {
	need tcpdump ethtool
}

teardown() {
	end_background
}

# gen N WORDS...: N frames; "SOURCE.PORT > DESTINATION.PORT" of each, in order, goes to $FLOWS.
gen() {
	background_capture r r0 'udp and net 198.18.0.0/15' -vv
	run -0 in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src 198.18.0.0/16 \
		dst 198.19.0.0/16 dport 1-65535 count "$@"
	wait_until captured_times "$1" 'udp sum ok'
	end_background
	FLOWS=$(sed -n 's/^ *\(198[^:]*\): .*udp sum ok.*/\1/p' "$CAPTURE")
	equal frames "$(wc -l <<<"$FLOWS")" "$1"
}

# different N: how many there are of a field: 1 source, 2 its port, 4 destination, 5 its port.
different() {
	sed 's/\.\([0-9]*\) > \(.*\)\.\([0-9]*\)$/ \1 > \2 \3/' <<<"$FLOWS" |
		cut -d' ' -f"$1" | sort -u | wc -l
}

@test "flows in turn differ in the source's port, and come again" {
	gen 12 flows 4
	equal flows "$FLOWS" "$(for i in {0..11}; do
		echo "198.18.0.1.$((1024 + i % 4)) > 198.19.0.1.1"
	done)"
}

@test "random flows differ in everything, and come again in the same order" {
	gen 200 flows 100 random
	equal "flows" "$(sort -u <<<"$FLOWS" | wc -l)" 100
	equal "the second time" "$(tail -100 <<<"$FLOWS")" "$(head -100 <<<"$FLOWS")"
	for field in 1 2 4 5; do
		[ "$(different $field)" -ge 95 ]
	done
	before=$FLOWS
	gen 200 flows 100 random
	equal "another time" "$FLOWS" "$before"
}

@test "random flows keep to what each field may be" {
	gen 100 flows 100 random dst 198.19.7.0/30 sport 2000-2001 dport 9
	equal ports "$(different 2)" 2
	equal destinations "$(sed 's/.*> \(.*\)\.9$/\1/' <<<"$FLOWS" | sort -u | xargs)" \
		"198.19.7.1 198.19.7.2"
}
