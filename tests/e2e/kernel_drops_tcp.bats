#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Segments that TCP has no use for, told by cause, stage, device, namespace and number. See kernel.bash.

load helper
load kernel

setup_file() {
	start_kernel_lab drops
}

teardown_file() {
	stop_kernel_lab
}

setup() {
	need python3 jq
}

teardown() {
	forget_failure
}

# stray SEQ ACK FLAGS BYTES: three segments into a connection from the client to the router, so far from
# what comes next; flags in hex.
stray() {
	hold r listen 8000 5
	hold c stray "$R0_ADDR" 8000 c0 "$(lab_mac r0)" 3 "$@"
}

# The end of a connection is no loss either.
stray_dropped() {
	dropped "$@" && end_background
}

# --- in a connection ---

lose_out_of_window() {
	stray 10000000 0 18 10
	stray_dropped "r r0 tcp_rcv TCP_INVALID_SEQUENCE 3"
}
@test "data far beyond the window" { lose_out_of_window; }

lose_old_data() {
	stray -200000 0 18 10
	stray_dropped "r r0 tcp_rcv TCP_OLD_SEQUENCE 3"
}
@test "data that was received long ago" { lose_old_data; }

# As a keep-alive and a probe of a closed window come: the byte before the next, and no data.
lose_no_probes() {
	stray -1 0 10 0
	in_ns c ping -qc 1 "$R0_ADDR" >/dev/null # what follows has come, too
	inject_quietly 1 "$(to=02:00:00:00:99:99 ipv4)"
	stray_dropped "r r0 ip_rcv OTHERHOST 1"
}
@test "keep-alives and probes of a window are no loss" { lose_no_probes; }

lose_old_acks() {
	stray 0 -50000000 10 0
	stray_dropped "r r0 tcp_rcv TCP_TOO_OLD_ACK 3"
}
@test "an acknowledgement older than a whole window" { lose_old_acks; }

lose_early_acks() {
	stray 0 5000 10 0
	stray_dropped "r r0 tcp_rcv TCP_ACK_UNSENT_DATA 3"
}
@test "an acknowledgement of what was not sent yet" { lose_early_acks; }

lose_syns() {
	stray 0 0 02 0
	stray_dropped "r r0 tcp_rcv TCP_INVALID_SYN 3"
}
@test "a SYN inside a connection" { lose_syns; }

lose_resets() {
	stray 100 0 04 0
	stray_dropped "r r0 tcp_rcv TCP_RESET 3"
}
@test "a reset that is not exact: it ends nothing" { lose_resets; }

lose_without_flags() {
	stray 0 0 00 10
	stray_dropped "r r0 tcp_rcv TCP_FLAGS 3"
}
@test "a segment without flags" { lose_without_flags; }

# --- without one ---

# segment PORT FLAGS: of the client to the router.
segment() {
	dst=$R0_ADDR proto=6 payload=$(tcp_segment "$R0_ADDR" "$2" "$1") ipv4
}

lose_at_closed_port() {
	inject_quietly 3 "$(segment 7777 04)" # not answered
	inject_quietly 4 "$(segment 7777 10)" # by a reset, of which the client knows nothing
	dropped "r r0 tcp_rcv NO_SOCKET 7" "c c0 tcp_rcv NO_SOCKET 4"
}
@test "a reset and an acknowledgement to a closed port" { lose_at_closed_port; }

lose_at_listener() {
	hold r listen 8000 5
	inject_quietly 3 "$(segment 8000 04)"
	inject_quietly 4 "$(segment 8000 01)"
	inject_quietly 5 "$(segment 8000 10)"
	dropped "r r0 tcp_rcv TCP_RESET 3" "r r0 tcp_rcv TCP_FLAGS 9" "c c0 tcp_rcv NO_SOCKET 5"
	end_background
}
@test "a reset, a FIN and an acknowledgement to a listening socket" { lose_at_listener; }

@test "all of these, each packet observed: the same, and the ledger balances" { all_at full; }
