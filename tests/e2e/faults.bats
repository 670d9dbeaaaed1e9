#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Faults around weir: no rights, no BPF file system, devices and namespaces that change under it,
# batch files of rubbish.

load helper
load objects

setup_file() {
	start_lab && read_cookie
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool
	unattached
}

teardown() {
	end_background
	in_ns r ip link del odd 2>/dev/null
	[ ! -e "/run/netns/$LAB-x" ] || ip netns del "$LAB-x"
	# as the lab made them
	if ! in_ns r ip link show r0 >/dev/null 2>&1 || ! in_ns r ip link show r1 >/dev/null 2>&1; then
		weir_r dev detach all
		lab_down "$LAB"
		lab_up "$LAB"
		weir_r dev detach all
		read_cookie
	fi
}

# --- no rights ---

# refused_as 'WORDS' CMD...: run by CMD, weir refuses, names the remedy, and changes nothing.
refused_as() {
	local before words=$1

	shift
	before=$(states; prog_on r0; prog_on r1)
	# shellcheck disable=SC2086
	fails 2 in_ns r "$@" "$WEIR" $words && advises '*root*CAP_BPF*' || { echo "of: $words"
		return 1; }
	equal "after $words" "$(states; prog_on r0; prog_on r1)" "$before"
}

# The kernel lets whoever owns the pins use them, whatever he may otherwise: root reads and detaches
# without any capability. So that must work to its end, or be refused.
works_or_is_refused_as() {
	local words=$1

	shift
	# shellcheck disable=SC2086
	in_ns r "$@" "$WEIR" $words >/dev/null 2>&1 || refused_as "$words" "$@"
}

root_without_rights() {
	local words

	weir_r dev attach r0
	refused_as 'dev attach r1' "$@"
	refused_as 'dev attach r0 r1 force' "$@"
	refused_as 'dev attach r0 force' "$@"
	weir_r dev attach r1
	for words in 'dev show' 'ledger show' 'path show' 'drop show' 'top -b -n 1 -d 0.1'; do
		works_or_is_refused_as "$words" "$@"
	done
	fast_path_carries
	remember
	works_or_is_refused_as 'dev detach r0' "$@"
	if [ "$(states)" = r1=attached ]; then
		mark r1
		in_ns s ping -q -i 0.02 -W 2 -c 5 "$C_ADDR"
		expect r1 xmit_PUNT_EGRESS_NOT_ATTACHED 5 # not redirected to what is detached
		weir_r dev attach r0
	fi
	fast_path_carries
	works_or_is_refused_as 'dev detach all' "$@"
	[ -n "$(states)" ] || nothing_left
}

@test "root without any capability: attach is refused with the remedy and changes nothing" {
	need setpriv
	root_without_rights setpriv --bounding-set=-all --inh-caps=-all --
}

@test "root without CAP_BPF and CAP_SYS_ADMIN: attach is refused with the remedy and changes nothing" {
	need capsh
	root_without_rights capsh --drop=cap_bpf,cap_sys_admin -- -c '"$@"' sh
}

@test "an unprivileged user: every command is refused with the remedy and changes nothing" {
	local words WEIR=$WEIR

	need setpriv
	cp "$WEIR" "$BATS_TEST_TMPDIR/weir"
	chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_TEST_TMPDIR"
	weir_r dev attach r0 r1
	WEIR=$BATS_TEST_TMPDIR/weir
	for words in 'dev attach r0' 'dev attach r0 r1 force' 'dev show' 'ledger show' 'path show' \
		'drop show' 'watch on latency 1/8' 'watch off' 'top -b -n 1' 'dev detach r0' \
		'dev detach all'; do
		refused_as "$words" setpriv --reuid=65534 --regid=65534 --clear-groups --
	done
	fast_path_carries
}

@test "without capabilities and with nothing attached: attach is refused, nothing is made" {
	need setpriv
	fails 2 in_ns r setpriv --bounding-set=-all --inh-caps=-all -- "$WEIR" dev attach r0 r1
	advises '*root*CAP_BPF*'
	nothing_left
	fails 2 setpriv --bounding-set=-all --inh-caps=-all -- "$WEIR" -n "$LAB-r" dev attach r0
	says "*entering network namespace $LAB-r*"
	advises '*root*'
	nothing_left
}

@test "version, help and coverage need no rights" {
	need setpriv
	local words

	for words in version help 'path coverage' 'drop explain IP_TTL' --help; do
		# shellcheck disable=SC2086
		run -0 setpriv --bounding-set=-all --inh-caps=-all -- "$WEIR" $words
	done
}

# --- bpffs hidden, missing, read-only ---

@test "under ip netns exec, which hides bpffs: pinned through the ancestor, and seen by weir -n" {
	run -0 ip netns exec "$LAB-r" "$WEIR" dev attach r0 r1
	[ -e "$PINS/dev/$(ifindex_of r0)/xdp/link" ]
	equal states "$(states)" 'r0=attached r1=attached'
	equal 'states from inside' "$(ip netns exec "$LAB-r" "$WEIR" -j dev show |
		jq -r '[.devices[].state] | join(" ")')" 'attached attached'
	fast_path_carries
	ip netns exec "$LAB-r" "$WEIR" ledger show
	fails 2 ip netns exec "$LAB-r" "$WEIR" dev attach r0
	ip netns exec "$LAB-r" "$WEIR" dev detach r0 r1
	nothing_left
}

# In a PID namespace of its own no ancestor can lend a BPF file system. Mounts here are private.
# sealed SCRIPT: runs it there, in the router, without a BPF file system.
sealed() {
	in_ns r unshare --mount --pid --fork --mount-proc --propagation private \
		bash -c 'umount -l /sys/fs/bpf && ! grep -q " /sys/fs/bpf " /proc/mounts && eval "$1"' \
		- "$1"
}

@test "no BPF file system anywhere, and it may be mounted: mounted, with a note" {
	export WEIR
	run -0 sealed '"$WEIR" dev show && "$WEIR" dev attach r0 r1 && "$WEIR" -j dev show &&
		grep " /sys/fs/bpf bpf " /proc/mounts && "$WEIR" dev detach all'
	[[ $output == *'no device is attached'*'mounted the BPF file system on /sys/fs/bpf'* ]]
	[[ $output == *'"state":"attached"'* ]]
	nothing_left
}

@test "no BPF file system, and no right to mount it: refused with the remedy" {
	export WEIR
	need setpriv
	fails 2 sealed 'setpriv --bounding-set=-all --inh-caps=-all -- "$WEIR" dev attach r0'
	says '*BPF file system*'
	advises '*mount -t bpf*'
	nothing_left
}

@test "no BPF file system in a mount namespace that ends with the command: refused with the remedy" {
	export WEIR
	fails 2 sealed 'unshare --mount "$WEIR" dev attach r0 r1'
	says '*no BPF file system is in sight*'
	advises '*weir -n NAMESPACE*mount -t bpf*'
	nothing_left
}

# read_only CMD...: with this machine's BPF file system, read-only.
read_only() {
	in_ns r unshare --mount --propagation private bash -c 'mount --bind /sys/fs/bpf /sys/fs/bpf &&
		mount -o remount,bind,ro /sys/fs/bpf && exec "$@"' - "$@"
}

@test "a read-only BPF file system: attach and detach are refused with the remedy, show works" {
	fails 2 read_only "$WEIR" dev attach r0 r1
	says '*Read-only file system'
	advises '*mount -o remount,rw /sys/fs/bpf*'
	nothing_left
	weir_r dev attach r0
	fails 2 read_only "$WEIR" dev attach r1
	advises '*mount -o remount,rw /sys/fs/bpf*'
	equal states "$(read_only "$WEIR" -j dev show | jq -r .devices[].state)" attached
	fails 2 read_only "$WEIR" dev detach r0
	advises '*mount -o remount,rw /sys/fs/bpf*'
	fails 2 read_only "$WEIR" dev detach all
	equal states "$(states)" 'r0=attached'
	pings 5
	weir_r dev attach r1
	fast_path_carries
}

@test "a read-only BPF file system elsewhere, named by --pin: refused with the remedy" {
	export WEIR
	mkdir -p "$BATS_TEST_TMPDIR/bpf"
	in_ns r unshare --mount --propagation private bash -c 'mount -t bpf bpf "$1" &&
		mount -o remount,ro "$1" && "$WEIR" --pin "$1/weir" dev attach r0 r1' \
		- "$BATS_TEST_TMPDIR/bpf" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" &&
		return 1
	grep -q 'Read-only file system' "$BATS_TEST_TMPDIR/stderr"
	grep -q "try: mount -o remount,rw $BATS_TEST_TMPDIR/bpf" "$BATS_TEST_TMPDIR/stderr" ||
		{ cat "$BATS_TEST_TMPDIR/stderr"; return 1; }
	no_xdp
	nothing_left
}

@test "a read-only root: all works, since nothing but pins is ever written" {
	local words

	for words in 'dev attach r0 r1' 'dev show' 'ledger show' 'path show' 'watch on latency 1/8' \
		'top -b -n 1 -d 0.1' 'dev attach r0 force' 'dev detach r0'; do
		# shellcheck disable=SC2086
		run -0 in_ns r unshare --mount --propagation private bash -c '
			mount --rbind / /mnt && mount -o remount,bind,ro /mnt && exec chroot /mnt "$@"' \
			- "$WEIR" $words
	done
	equal states "$(states)" r1=attached
	weir_r dev detach all
	nothing_left
}

@test "no /sys/fs/bpf at all: refused with the remedy" {
	export WEIR
	need setpriv
	fails 2 sealed 'mount -t tmpfs none /sys/fs && "$WEIR" dev attach r0 r1'
	says '*BPF file system*/sys/fs/bpf*'
	advises '*mount*bpf*'
	no_xdp
	run -0 sealed 'mount -t tmpfs none /sys/fs && "$WEIR" dev show && "$WEIR" dev detach all'
	[[ $output == *'no device is attached'* ]]
	nothing_left
}

# Its pins were all that held the programs.
@test "the BPF file system unmounted while attached: the kernel carries, and attach begins anew" {
	export WEIR
	run -0 sealed 'ip() { command ip -j link show dev "$1" | jq ".[0].xdp.prog.id // empty"; }
		"$WEIR" dev attach r0 r1 && [ -n "$(ip r0)" ] &&
		umount /sys/fs/bpf && for try in $(seq 100); do
			[ -z "$(ip r0)$(ip r1)" ] && break; sleep 0.1; done
		[ -z "$(ip r0)$(ip r1)" ] && "$WEIR" dev show && "$WEIR" ledger show &&
		"$WEIR" dev attach r0 r1 && [ -n "$(ip r0)" ] && "$WEIR" dev detach all'
	[[ $output == *'no device is attached'* ]]
	nothing_left
	kernel_carries
}

@test "a namespace that is not there, or is none: not found" {
	fails 3 "$WEIR" -n "$LAB-nosuch" dev show
	says "*$LAB-nosuch*"
	advises '*ip netns list*'
	fails 3 "$WEIR" -n /dev/null dev show
	fails 3 "$WEIR" -n ../../etc/passwd dev show
}

# --- devices that change ---

# A pair in the router, named as told, whose ends are up and whose GRO is on.
add_pair() {
	in_ns r ip link add "$1" type veth peer name far &&
		in_ns r ip link set "$1" up && in_ns r ip link set far up
}

@test "a device deleted while attached: shown as gone, detachable, and attachable when it is back" {
	local old

	weir_r dev attach r0 r1
	add_pair odd
	weir_r dev attach odd
	old=$(ifindex_of odd)
	in_ns r ip link del odd
	equal states "$(states)" 'odd=device gone r0=attached r1=attached'
	weir_r ledger show
	run -0 weir_r dev show odd
	[[ $output == *odd*'device gone'* ]]
	fast_path_carries

	add_pair odd
	[ "$(ifindex_of odd)" != "$old" ]
	weir_r dev attach odd
	[[ " $(states) " == *" odd=attached "* ]]
	weir_r dev detach odd # the living one
	no_xdp odd
	equal states "$(states)" 'odd=device gone r0=attached r1=attached'
	weir_r dev detach odd
	fails 3 weir_r dev detach odd
	equal states "$(states)" 'r0=attached r1=attached'
	remember
	weir_r dev detach r0 r1
	nothing_left
}

@test "a deleted device is detached by its name" {
	weir_r dev attach r0
	add_pair odd
	weir_r dev attach odd
	remember
	in_ns r ip link del odd
	weir_r dev detach odd
	equal states "$(states)" 'r0=attached'
	fails 3 weir_r dev detach odd
	weir_r dev detach r0
	nothing_left
}

@test "a namespace deleted while attached: the next attach in another collects its pins" {
	local pins

	ip netns add "$LAB-x"
	ip -n "$LAB-x" link add odd type veth peer name far
	ip -n "$LAB-x" link set odd up
	ip -n "$LAB-x" link set far up
	"$WEIR" -n "$LAB-x" dev attach odd
	pins=$(cookie_of_link "$LAB-x" odd)
	[ -d "$BPFFS/weir/$pins" ]
	ip netns del "$LAB-x"
	wait_until has_collected "$pins"
	equal states "$(states)" 'r0=attached'
	wait_until has_no_objects "$pins"
	weir_r dev detach all
	nothing_left
}

# The folder of the pins of an attached device, told by the id of its link.
cookie_of_link() {
	local id path

	id=$("$WEIR" -n "$1" -j dev show "$2" | jq .devices[0].link_id)
	for path in "$BPFFS"/weir/*/dev/*/xdp/link; do
		[ "$(bpftool -j link show pinned "$path" 2>/dev/null | jq .id)" = "$id" ] || continue
		path=${path#"$BPFFS/weir/"}
		echo "${path%%/*}"
		return
	done
	return 1
}

# The kernel takes a namespace down behind our back, so its devices may live on for a while.
has_collected() {
	weir_r dev attach r0 force && [ ! -e "$BPFFS/weir/$1" ]
}

@test "a device renamed while attached: shown, read and detached by today's name" {
	weir_r dev attach r0 r1
	in_ns r ip link set r0 name odd
	equal states "$(states)" 'odd=attached r1=attached'
	pings 5
	weir_r dev show odd >/dev/null
	weir_r ledger show dev odd
	fails 3 weir_r dev show r0
	fails 3 weir_r dev detach r0
	remember
	weir_r dev detach odd r1
	in_ns r ip link set odd name r0
	nothing_left
}

@test "names of two devices exchanged while attached: each is told by today's name" {
	local r0 r1

	weir_r dev attach r0 r1
	r0=$(ifindex_of r0) r1=$(ifindex_of r1)
	in_ns r ip link set r0 name odd
	in_ns r ip link set r1 name r0
	in_ns r ip link set odd name r1
	equal 'ifindexes' "$(weir_r -j dev show | jq -r '[.devices[] | .device, .ifindex] | join(" ")')" \
		"r0 $r1 r1 $r0"
	weir_r dev detach r0
	[ -z "$(in_ns r ip -j link show | jq ".[] | select(.ifindex == $r1).xdp.prog.id // empty")" ]
	equal states "$(states)" 'r1=attached'
	weir_r dev detach r1
	in_ns r ip link set r0 name odd
	in_ns r ip link set r1 name r0
	in_ns r ip link set odd name r1
	nothing_left
	kernel_carries
}

@test "the MAC address changed while attached: the kernel forwards, and force reads it again" {
	local old

	old=$(lab_mac r0)
	weir_r dev attach r0 r1
	fast_path_carries
	in_ns r ip link set r0 address 02:00:00:00:09:fe
	in_ns c ip neigh flush dev c0
	pings 3
	mark
	pings 10
	equal 'r0 redirected' "$(since r0 xmit_OUT_NONE)" 0
	[ "$(since r0 xdp_PASS_OTHERHOST)" -ge 10 ]
	weir_r ledger show
	weir_r dev attach r0 force
	equal mac "$(weir_r -j dev show r0 | jq -r .devices[0].mac)" 02:00:00:00:09:fe
	fast_path_carries
	in_ns r ip link set r0 address "$old"
	in_ns c ip neigh flush dev c0
	weir_r dev detach all
	pings 3
}

@test "the MTU changed while attached: honoured from the next packet on" {
	weir_r dev attach r0 r1
	pings 5
	mark
	in_ns c ping -q -c 5 -i 0.02 -s 1400 "$S_ADDR"
	expect r0 ip_forward_PUNT_IP_FRAGMENT 0
	in_ns r ip link set r1 mtu 1000
	in_ns s ip link set s0 mtu 1000
	mark
	in_ns c ping -q -c 5 -i 0.02 -s 1400 -M dont "$S_ADDR" # the kernel cuts them
	expect r0 ip_forward_PUNT_IP_FRAGMENT 5
	run ! in_ns c ping -c 1 -W 2 -s 1400 -M 'do' "$S_ADDR"
	[[ $output == *'mtu = 1000'* ]]
	in_ns r ip link set r1 mtu 1500
	in_ns s ip link set s0 mtu 1500
	in_ns c ip route flush cache
	fast_path_carries
	weir_r dev detach all
	nothing_left
}

@test "links down and up again while attached: no packet is forwarded blindly, then all are" {
	local dev

	weir_r dev attach r0 r1
	fast_path_carries
	for dev in r1 r0; do
		in_ns r ip link set "$dev" down
		run ! in_ns c ping -q -c 2 -i 0.02 -W 1 "$S_ADDR"
		equal states "$(states)" 'r0=attached r1=attached'
		weir_r ledger show
		in_ns r ip link set "$dev" up
		wait_until pings 1
		fast_path_carries
	done
	weir_r dev detach all
	nothing_left
}

# --- batch files ---

@test "batch files of rubbish, of endless lines and with NUL bytes: a usage error with its line" {
	local file=$BATS_TEST_TMPDIR/batch seed

	for seed in {1..8}; do
		awk -v seed="$seed" 'BEGIN { srand(seed); LC_ALL = "C"
			for (i = 0; i < 4096; i++) printf "%c", 1 + int(rand() * 255) }' >"$file"
		fails 1 weir_r -b "$file"
		says "$file:*: *"
	done
	head -c 3000000 /dev/zero | tr '\0' 'x' >"$file"
	fails 1 weir_r -b "$file"
	says "$file:1: *"
	printf 'version\ndev \0show\n' >"$file"
	run -1 --separate-stderr weir_r -b "$file"
	[[ $stderr == "$file:2: a NUL byte"* ]]
	printf 'dev show "' >"$file"
	fails 1 weir_r -b "$file"
	says "$file:1: *other half*"
	printf 'dev attach r0\ndev attach nosuch\ndev attach r1\n' >"$file"
	fails 3 weir_r -b "$file"
	says "$file:2: *nosuch*"
	equal states "$(states)" 'r0=attached'
	fails 3 weir_r -b "$file.nosuch"
	fails 2 weir_r -b "$BATS_TEST_TMPDIR"
}
