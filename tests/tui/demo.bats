#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The demo on a terminal: it opens the live screen, and leaves nothing behind whatever ends it.

load terminal

setup() {
	need tmux
	[ -x "$ROOT/build/weir" ] || skip "the demo runs what is in build/, and it is not built there"
	LAB=weir-demotest-$$ # the name of the terminal's server; the demo's lab is its own
	open_terminal 100 32
	type_keys "clear; $ROOT/tools/demo; echo sta''tus \$?" Enter
	wait_until find_demo
}

teardown() {
	close_terminal
}

find_demo() {
	DEMO=$(pgrep -nf "^bash $ROOT/tools/demo|^/bin/bash $ROOT/tools/demo") &&
		[ -e "/run/netns/weir-demo-$DEMO-r" ]
}

nothing_left() {
	[ ! -e "/proc/$DEMO" ] && ! compgen -G "/run/netns/weir-demo-$DEMO-*" &&
		! pgrep -f "weir-demo-$DEMO"
}

@test "the demo shows the map with traffic and trouble, then a ledger that balances" {
	wait_until shows "▼ out"
	wait_until shows "route_in drops"
	screen | grep -E 'passed → kernel +[0-9.]+ +NOT_FORWARDED'
	screen | grep -E 'punt → kernel +[0-9.]+ +IP_TTL'
	type_keys q
	wait_until shows "status 0"
	shows "it balances"
	wait_until nothing_left
}

@test "the demo leaves nothing behind, whatever ends it" {
	local way

	for way in "type_keys C-c" "kill -TERM" "kill -HUP"; do
		wait_until shows "▼ out"
		if [ "${way% *}" = kill ]; then $way "$DEMO"; else $way; fi
		wait_until shows "status 130"
		wait_until nothing_left
		type_keys "clear; $ROOT/tools/demo; echo sta''tus \$?" Enter
		wait_until find_demo
	done
	wait_until shows "▼ out"
	close_terminal
	wait_until nothing_left
}
