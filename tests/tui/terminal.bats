#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The terminal is as it was after `weir top`, whatever ended or stopped it; and what is no terminal
# is refused with what to type instead.

load terminal
load ../e2e/objects

setup_file() {
	start_lab && read_cookie
}

teardown_file() {
	stop_lab
}

setup() {
	need tmux
	weir_r dev attach r0 r1
	open_terminal 80 24
	SETTINGS=$(settings)
}

teardown() {
	close_terminal
	weir_r dev detach all
}

@test "q, F10 and ^C end it with 0, and the terminal is as it was" {
	for key in q F10 C-c; do
		start_top
		type_keys "$key"
		wait_until shows "status"
		wait_until ended
		[ "$key" = C-c ] || shows "status 0"
		given_back
	done
}

@test "signals that end it give the terminal back" {
	for signal in TERM HUP INT; do
		start_top
		kill -"$signal" "$TOP"
		wait_until ended
		wait_until given_back
	done
}

@test "a crash gives the terminal back, and is still a crash" {
	for signal in SEGV ABRT BUS FPE QUIT; do
		start_top
		kill -"$signal" "$TOP"
		wait_until ended
		wait_until shows "status $((128 + $(kill -l "$signal")))"
		given_back
	done
}

@test "an error gives the terminal back before it is told" {
	start_top -d 0.2
	rm "$(find "$PINS/dev" -name rows | head -n 1)"
	mkdir "$PINS/dev/0" # the devices changed
	wait_until shows "status 2"
	shows "are incomplete"
	shows "dev detach all"
	given_back
	rmdir "$PINS/dev/0"
}

@test "^Z stops it, the shell has its terminal, and fg goes on" {
	start_top -d 0.2
	type_keys C-z
	wait_until shows Stopped
	given_back
	type_keys fg Enter
	wait_until shows "▼ out"
	equal "another screen" "$(tm display -p -t t '#{alternate_on}')" 1
	type_keys d
	wait_until shows "nothing was ever dropped"
	type_keys q
	wait_until ended
	given_back
}

# The terminal forgets what it shows; what was written before may still be on its way.
forgotten() {
	tm send-keys -R -t t
	shows_not nic_rx
}

@test "stopped and continued from outside, it draws all of it again" {
	type_keys "exec $WEIR -n $LAB-r top -d 0.2" Enter # no shell to take the terminal
	wait_until find_top
	wait_until shows "▼ out"
	kill -STOP "$TOP"
	wait_until forgotten
	stty -F "$(tm display -p -t t '#{pane_tty}')" sane # as a shell would
	kill -CONT "$TOP"
	wait_until shows "▼ out"
	type_keys d # and no Enter
	wait_until shows "nothing was ever dropped"
}

@test "a terminal that is closed ends it at once" {
	start_top
	close_terminal
	wait_until ended
}

@test "a terminal that is closed ends it, even where nobody sends a signal" {
	type_keys "trap '' HUP" Enter
	start_top
	close_terminal
	wait_until ended
}

@test "what is no terminal is refused, with the remedy" {
	run -2 --separate-stderr weir_r top
	[[ $stderr == *"needs a terminal"*"try: weir -n $LAB-r top -b"* ]]
	run -2 --separate-stderr weir_r -j top
	jq -e '.error.remedy | endswith("top -b")' <<<"$stderr"
	type_keys "clear; $WEIR -n $LAB-r top </dev/null; echo sta''tus \$?" Enter
	wait_until shows "status 2"
	shows "needs a terminal to read keys from"
	shows "try: weir -n $LAB-r top -b"
	given_back
}

@test "a terminal that cannot is refused, with the remedy" {
	type_keys "clear; TERM=dumb $WEIR -n $LAB-r top; echo sta''tus \$?" Enter
	wait_until shows "status 2"
	shows "'dumb' cannot place its cursor"
	shows "top -b"
	type_keys "clear; TERM=nope $WEIR -n $LAB-r top; echo sta''tus \$?" Enter
	wait_until shows "status 2"
	shows "'nope' is not known"
	given_back
}

@test "^S does not hold up the screen" {
	start_top -d 0.2
	type_keys C-s d
	wait_until shows "nothing was ever dropped"
	type_keys q
	wait_until ended
	given_back
}
