#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What whoever types, and whatever script calls, may rely on: exit codes, errors in one line, help
# that fits, JSON that parses, colour only where it is wanted.

load helper

ESC=$'\033'
OBJECTS="dev path drop ledger filter set watch trace top monitor doctor version help"
SHOWS=(
	"dev show"
	"dev show r0"
	"path show"
	"path show dev r1"
	"path coverage"
	"drop show"
	"drop show dev r0"
	"drop explain IP_CSUM"
	"ledger show"
	"ledger show dev r1"
	"watch show"
	"top -b -n 1 -d 0.1"
	"doctor"
	"doctor r0"
	"version"
)

setup_file() {
	start_lab || return
	weir_r dev attach r0 r1
	in_ns c ping -q -c 5 -i 0.05 "$S_ADDR" >/dev/null
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	in_ns c ping -q -c 2 -i 0.05 -W 0.1 203.0.113.1 >/dev/null || :
}

teardown_file() {
	stop_lab
}

setup() {
	need jq script
}

# refused STATUS TEXT WORD...: exits so, says so in one line (two with a remedy) on stderr, and
# nothing on stdout; with -j in JSON.
refused() {
	local status=$1 text=$2 lines_max=1

	shift 2
	[ "$status" -eq 1 ] || lines_max=2
	run --separate-stderr "-$status" weir_r "$@"
	equal stdout "$output" ""
	[[ $stderr = *"$text"* ]] || { echo "no '$text' in: $stderr"; return 1; }
	[ "${#stderr_lines[@]}" -le "$lines_max" ] || { echo "long: $stderr"; return 1; }
	run --separate-stderr "-$status" weir_r -j "$@"
	equal stdout "$output" ""
	jq -e --arg text "$text" --argjson status "$status" '.error.status == $status
		and (.error | .message + .remedy | contains($text))' <<<"$stderr"
}

fits() {
	awk -v what="$1" 'length($0) > 80 { print what ": " length($0) " columns: " $0; bad = 1 }
		END { if (NR > 24) { print what ": " NR " lines"; bad = 1 }
		if (NR < 2) { print what ": no help"; bad = 1 } exit bad }'
}

# in_terminal COMMAND: what it would write to a terminal.
in_terminal() {
	script -qec "$1" /dev/null </dev/null
}

@test "help of everything goes to stdout, exits 0 and fits in 80x24" {
	local object

	run -0 --separate-stderr "$WEIR" --help
	equal stderr "$stderr" ""
	fits "weir --help" <<<"$output"
	for object in $OBJECTS; do
		[[ $output = *"$object"* ]]
	done
	for object in $OBJECTS; do
		run -0 --separate-stderr "$WEIR" "$object" --help
		equal stderr "$stderr" ""
		fits "weir $object --help" <<<"$output"
		run -0 diff <("$WEIR" help "$object") - <<<"$output"
	done
}

@test "a misspelt word: exit 1, one line, the nearest word" {
	refused 1 "did you mean 'dev'?" dve show
	refused 1 "did you mean 'show'?" ledger shwo
	refused 1 "did you mean 'generic'?" dev attach r0 xdp genric
	refused 1 "did you mean 'latency'?" watch on latnecy 1/2
	refused 1 "did you mean '--pretty'?" --prety dev show
	refused 1 "did you mean 'always'?" --color alwys dev show
}

@test "usage that is wrong in another way: exit 1, one line" {
	refused 1 "what to do?"
	refused 1 "needs a command" dev
	refused 1 "lists them" frobnicate
	refused 1 "" dev attach
	refused 1 "" dev show r0 r1 r2
	refused 1 "1/0" watch on latency 1/0
	refused 1 "'0'" top -b -n 0
	refused 1 "'x'" top -b -d x
	refused 1 "needs a value" --netns
	refused 1 "-x" -x
}

@test "what the kernel or this version refuses: exit 2, and a remedy" {
	refused 2 "attached already" dev attach r0
	refused 2 "not in this version" dev attach r0 punt stack
	refused 2 "no native XDP" dev attach lo
	refused 2 "not observed" path show plane stack
}

@test "what is not there: exit 3, and a remedy" {
	refused 3 nosuch dev attach nosuch
	refused 3 nosuch dev detach nosuch
	refused 3 nosuch dev show nosuch
	refused 3 nosuch path show dev nosuch
	refused 3 nosuch ledger show dev nosuch
	refused 3 IP_CSUM drop explain IP_CSUMM
	refused 3 nosuch -n nosuch dev show
}

@test "a ledger that does not balance: exit 5, the residual shown" {
	local id value

	id=$(weir_r -j dev show r0 | jq '.devices[0].rows_map_id')
	# one packet more has come in (the second word of row 0) than has left
	value=$(bpftool -j map dump id "$id" | jq -r '.[0].value | map(.[2:]) | .[8] = "ff" | join(" ")')
	weir_r dev attach r0 force
	run -0 weir_r -j ledger show
	# shellcheck disable=SC2086
	bpftool map update id "$id" key hex 00 00 00 00 value hex $value
	run -5 --separate-stderr weir_r ledger show
	[[ $output = *r0*+* ]]
	run -5 --separate-stderr weir_r -j ledger show
	jq -e '.balanced == false and (.devices[] | select(.device == "r0") | .residual > 0 and
		.balanced == false) and (.devices[] | select(.device == "r1") | .balanced)' <<<"$output"
	run -5 weir_r ledger show dev r0
	run -0 weir_r ledger show dev r1
	weir_r dev detach all
	weir_r dev attach r0 r1
	run -0 weir_r ledger show
}

# The keys of a document, but those of causes and drops, which a stray ARP frame adds between two.
keys() {
	jq -c 'paths | select(index("causes") == null and index("drops") == null) |
		map(if type == "number" then 0 else . end)' | sort -u
}

@test "every show is JSON with a version, and the same when pretty" {
	local words

	for words in "${SHOWS[@]}"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr weir_r -j $words
		equal "stderr of $words" "$stderr" ""
		equal "lines of $words" "${#lines[@]}" 1
		jq -e '.version == 1' <<<"$output" >/dev/null || { echo "$words: $output"; return 1; }
		local keys
		keys=$(keys <<<"$output")
		# shellcheck disable=SC2086
		run -0 weir_r -p $words
		[ "${#lines[@]}" -gt 3 ]
		equal "keys of $words" "$(keys <<<"$output")" "$keys"
	done
}

@test "every show has a text, in plain characters when piped" {
	local words

	for words in "${SHOWS[@]}"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr weir_r $words
		equal "stderr of $words" "$stderr" ""
		[ -n "$output" ]
		[[ $output != *"$ESC"* ]]
	done
}

@test "numbers of 64 bits stay numbers" {
	run -0 weir_r -j ledger show
	jq -e '[.time_ns, .total.in, .total.out] | all(type == "number")' <<<"$output"
}

@test "every cause explains itself and names a remedy" {
	local cause causes

	causes=$(sed -n 's/^\tCAUSE(\([A-Z0-9_]*\),.*/\1/p' "$ROOT/include/weir/stages.h")
	[ "$(wc -l <<<"$causes")" -gt 30 ]
	for cause in $causes; do
		run -0 weir_r drop explain "$cause"
		[[ ${lines[0]} = "$cause: "*. ]] || { echo "$cause: $output"; return 1; }
		[[ $output = *remedy:\ * ]]
		run -0 weir_r -j drop explain "$cause"
		jq -e --arg cause "$cause" '.cause == $cause and (.text | length > 9) and
			(.remedy | length > 3) and (.exits | length > 0)' <<<"$output" >/dev/null ||
			{ echo "$cause: $output"; return 1; }
	done
}

@test "the kernel's causes explain themselves: stage, counter, remedy" {
	local cause causes

	causes=$(sed -n 's/^\t\(REASON\|SHARED\)(\([A-Z0-9_]*\),.*/\2/p' \
		"$ROOT"/user/model/kernel_{reasons,reasons_tcp,places}.h)
	[ "$(wc -l <<<"$causes")" -gt 150 ]
	for cause in $causes; do
		run -0 weir_r drop explain "$cause"
		[[ ${lines[0]} = "$cause: "*. && $output = *$'\nkernel: '*$'\nremedy: '* ]] ||
			{ echo "$cause: $output"; return 1; }
	done
	run -0 weir_r drop explain socket_rcvbuff
	[[ $output = *"kernel: sock_queue"*"count:  nstat -az UdpRcvbufErrors"*"net.core.rmem_max"* ]]
	run -0 weir_r -j drop explain Netfilter_Drop/forward/nft:filter
	jq -e '.cause == "NETFILTER_DROP/forward/nft:filter" and .kernel.stage == "nf_forward" and
		(.kernel.counter | length > 3) and .exits == []' <<<"$output"
	run -0 weir_r -j drop explain BLACKHOLE # both planes have it
	jq -e '.kernel.stage == null and .kernel.counter == null and
		.exits[0].stage == "route_in"' <<<"$output"
	run -0 weir_r -j drop explain NAT_CLASH # the fast plane alone
	jq -e '.kernel == null and (.exits | length > 0)' <<<"$output"
	refused 3 SOCKET_RCVBUFF drop explain socket_rcvbuf
	refused 3 NETFILTER_DROP/forward drop explain netfilter_drop/forwrd
}

@test "a drop is shown with its stage, its cause and what to do" {
	in_ns c ping -q -c 2 -i 0.05 -W 0.1 203.0.113.1 || :
	run -0 weir_r drop show
	[[ $output = *r0*route_in*BLACKHOLE*"a blackhole route swallows it."* ]]
	[[ $output = *"weir drop explain BLACKHOLE"* ]]
	run -0 weir_r drop show dev r1
	[[ $output != *BLACKHOLE* ]]
}

@test "a batch runs in order, and stops at what is wrong, told by file and line" {
	local file=$BATS_TEST_TMPDIR/batch

	printf '# a comment\n\nwatch on latency 1/7\nwatch show\nwatch off\nwatch show\n' >"$file"
	run -0 weir_r -j -b "$file"
	equal shares "$(jq -s -c 'map(.sample_every)' <<<"$output")" "[7,7,0,0]"
	run -0 weir_r -j -b - <"$file"
	equal shares "$(jq -s -c 'map(.sample_every)' <<<"$output")" "[7,7,0,0]"
	printf 'watch show\n\npath sho\nwatch on latency 1/9\n' >"$file"
	run -1 --separate-stderr weir_r -b "$file"
	[[ $stderr = "$file:3: "*"did you mean 'show'?"* ]]
	run -0 weir_r -j watch show
	equal share "$(jq .sample_every <<<"$output")" 0
	run -1 --separate-stderr weir_r -j -b "$file"
	jq -e --arg where "$file:3" '.error.where == $where' <<<"$stderr"
	printf 'dev show nosuch\n' >"$file"
	run -3 weir_r -b "$file"
	run -3 weir_r -b "$file.nosuch"
	run -1 weir_r -b "$file" dev show
}

@test "colour only in a terminal, never with NO_COLOR, always when told" {
	local show="$WEIR -n $LAB-r ledger show"

	run -0 in_terminal "$show"
	[[ $output = *"$ESC["* ]]
	run -0 in_terminal "NO_COLOR=1 $show"
	[[ $output != *"$ESC"* ]]
	[[ $output = *"it balances"* ]]
	run -0 in_terminal "$show --color never 2>&1 | cat"
	run -0 in_terminal "$WEIR --color never -n $LAB-r ledger show"
	[[ $output != *"$ESC"* ]]
	run -0 env NO_COLOR=1 "$WEIR" --color always -n "$LAB-r" ledger show
	[[ $output = *"$ESC["* ]]
	run -0 env TERM=xterm "$WEIR" -n "$LAB-r" ledger show
	[[ $output != *"$ESC"* ]]
	# nor in JSON, whatever is told
	run -0 "$WEIR" -j --color always -n "$LAB-r" ledger show
	[[ $output != *"$ESC"* ]]
}

@test "output that cannot be written: exit 2" {
	local words

	for words in "ledger show" "-j ledger show" "-p dev show" "--help" "help man" "version" \
		"path show" "top -b -n 1 -d 0.1" "-j top -b -n 1 -d 0.1"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr eval "weir_r $words >/dev/full"
		[[ $stderr = *"No space left on device"* ]] || { echo "$words: $stderr"; return 1; }
	done
}

@test "a reader that goes away is no error" {
	run -0 --separate-stderr bash -c 'set -o pipefail
		{ sleep 0.2; "$1" -n "$2" path show; } | true' - "$WEIR" "$LAB-r"
	equal stderr "$stderr" ""
}
