# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Frames made by hand, byte by byte in hex, and sent from the client's end of the wire. What a frame
# is not to be by default is said before the call:
#
#	ttl=1 inject 3 "$(ipv4)"

# The Internet checksum over hex (RFC 1071).
checksum() {
	local hex=$1 sum

	[ $((${#hex} % 4)) -eq 0 ] || hex+=00
	sum=$((0 $(sed 's/..../+ 0x&/g' <<<"$hex"))) # in a loop bats would count each round
	while [ $((sum >> 16)) -ne 0 ]; do
		sum=$(((sum & 0xffff) + (sum >> 16)))
	done
	printf '%04x' $((~sum & 0xffff))
}

# hex_addr A.B.C.D
hex_addr() {
	local IFS=.

	# shellcheck disable=SC2086
	printf '%02x%02x%02x%02x' $1
}

# bytes N: of no meaning, in hex.
bytes() {
	local zeros

	printf -v zeros '%0*d' "$1" 0
	echo "${zeros//0/a5}"
}

# An Ethernet header: to, from, type.
ether() {
	local to=${to:-$(lab_mac r0)} from=${from:-$(lab_mac c0)}

	echo "${to//:/}${from//:/}${type:-0800}"
}

# A UDP datagram's frame: version and header length in first, then tot_len, frag (hex), ttl, proto,
# ipid (hex), check (hex), src, dst, options (hex), payload (hex; a UDP header without checksum, and 18 bytes).
ipv4() {
	local payload=${payload-04d2270f001a0000$(printf 'a5%.0s' {1..18})} options=${options:-}
	local first=${first:-$(printf '%02x' $((0x45 + ${#options} / 8)))} head tail
	local tot_len=${tot_len:-$(((40 + ${#options} + ${#payload}) / 2))}

	head=${first}00$(printf '%04x' "$tot_len")${ipid:-beef}${frag:-4000}
	head+=$(printf '%02x%02x' "${ttl:-64}" "${proto:-17}")
	tail=$(hex_addr "${src:-$C_ADDR}")$(hex_addr "${dst:-$S_ADDR}")$options
	echo "$(ether)$head${check:-$(checksum "${head}0000$tail")}$tail$payload"
}

# tcp_segment ADDR FLAGS [PORT]: a payload of ipv4, from the client's port 1234; flags in hex.
tcp_segment() {
	local head

	head=$(printf '04d2%04x' "${3:-8000}")000000010000000050${2}2000
	echo "$head$(checksum "$(hex_addr "$C_ADDR")$(hex_addr "$1")00060014${head}00000000")0000"
}

# inject COUNT HEX: puts frames on the wire at c0, unpadded.
inject() {
	local count=$1 hex=$2 file=$BATS_TEST_TMPDIR/frames frame i

	frame=$(sed 's/../\\x&/g' <<<"$hex")
	for ((i = 0; i < count; i++)); do
		# shellcheck disable=SC2059
		printf "$frame"
	done >"$file"
	in_ns c socat -u -b $((${#hex} / 2)) "OPEN:$file" INTERFACE:c0
}
