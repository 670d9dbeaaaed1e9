# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Traffic for the kernel plane, and what is counted of it.

# udp FROM ADDR PORT COUNT [SIZE]: sends datagrams, whatever becomes of them.
udp() {
	in_ns "$1" python3 - "$2" "$3" "$4" "${5:-20}" <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	for i in range(int(sys.argv[3])):
	    s.sendto(b"x" * int(sys.argv[4]), (sys.argv[1], int(sys.argv[2])))
	END
}

# sink NS PORT: reads datagrams until it is ended.
sink() {
	background in_ns "$1" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
s.bind(("0.0.0.0", int(sys.argv[1])))
while True:
    s.recv(65536)' "$2"
	wait_until listens "$1" udp "$2"
}

# stage DEV STAGE: packets there.
stage() {
	weir_r -j path show plane kernel | jq "[.devices[] | select(.device == \"$1\" and .netns == \"\") |
		.stages[] | select(.stage == \"$2\") | .packets] | add // 0"
}

ledger() {
	run -0 weir_r -j ledger show plane kernel
	[ "$(jq .balanced <<<"$output")" = true ]
	[ "$(jq .observed <<<"$output")" = true ]
}

# each_balances: and of each device.
each_balances() {
	ledger
	equal "residual of each device" "$(jq -c '[.devices[].residual] | unique' <<<"$output")" "[0]"
}
