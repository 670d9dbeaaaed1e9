# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A terminal to look at: a shell in tmux, of a server of this file's own. What `weir top` draws there
# is what a user sees; so is what it leaves behind.

# shellcheck source=tests/e2e/helper.bash
. "${BASH_SOURCE[0]%/*}/../e2e/helper.bash"

tm() {
	tmux -u -L "$LAB" -f /dev/null "$@"
}

# open_terminal W H [NAME=VALUE...]: with a shell at its prompt, `$`.
open_terminal() {
	local w=$1 h=$2

	shift 2
	# 3>&-: bats waits for whoever holds it, and the server outlives this call
	tm new-session -d -x "$w" -y "$h" -s t \
		"env LC_ALL=C.UTF-8 PS1='\$ ' $* bash --norc --noprofile" 3>&-
	tm set -g status off
	tm resize-window -t t -x "$w" -y "$h"
	wait_until shows '$'
}

close_terminal() {
	tm kill-server 2>/dev/null || :
}

# type KEY...: as tmux names them; text goes as it is.
type_keys() {
	tm send-keys -t t "$@"
}

screen() {
	tm capture-pane -p -t t
}

shows() {
	screen | grep -qF -- "$1"
}

shows_not() {
	! shows "$1"
}

# start_top [OPTION...]: on the terminal; TOP is its process.
start_top() {
	type_keys "clear; $WEIR -n $LAB-r top $*; echo sta''tus \$?" Enter
	wait_until find_top
	wait_until shows nic_rx
}

find_top() {
	TOP=$(pgrep -nf "^$WEIR -n $LAB-r top")
}

ended() {
	[ ! -e "/proc/$TOP" ] || [ "$(awk '{ print $3 }' "/proc/$TOP/stat" 2>/dev/null)" = Z ]
}

# The terminal is a shell's again: no other screen, the cursor there, keys echoed and in lines.
given_back() {
	[ "$(tm display -p -t t '#{alternate_on} #{cursor_flag} #{keypad_cursor_flag}')" = "0 1 0" ] ||
		return
	[ "$(settings)" = "$SETTINGS" ]
}

# The modes of the terminal, as bash leaves them for programs.
settings() {
	# what is typed is shown too: it must not look like the answer
	type_keys "clear; stty -g >$BATS_TEST_TMPDIR/stty; echo wr''itten" Enter
	wait_until shows written
	cat "$BATS_TEST_TMPDIR/stty"
}
