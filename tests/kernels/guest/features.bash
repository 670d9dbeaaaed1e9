# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `weir doctor` finds here against what a Debian kernel of this version is known to have: a
# feature told present where it cannot be is as wrong as one not found.

# Check of `weir doctor`, and the first version of Linux to have what it is about.
FEATURES="
btf            5.2
jit            3.0
xdp_native     4.19
xdp_generic    4.12
xdp_frags      5.18
devmap         4.14
tp_btf         5.5
kern_ctx       6.2
xdp_metadata   6.8
xdp_flags      6.3
tcx            6.6
clsact         4.5
netfilter_link 6.4
fentry         5.5
kprobe         4.1
sk_lookup      5.9
cgroup         4.10
af_xdp         4.18
timer          5.15
tproxy         4.19
"

findings() {
	[ -e /tmp/doctor ] || "$WEIR" -j doctor >/tmp/doctor
	jq -r '.findings[] | select(.area == "kernel") | "\(.check) \(.state) \(.why)"' /tmp/doctor
}

# feature NAME SINCE
feature() {
	local state wanted=missing

	state=$(findings | awk -v n="$1" '$1 == n { print $2 }')
	echo "# feature $1 ${state:-unknown}"
	kernel_at_least "$2" && wanted=ok
	equal "$1 ($(findings | grep "^$1 "))" "$state" "$wanted"
}

while read -r name since; do
	[ -z "$name" ] || check "doctor is right about $name" feature "$name" "$since"
done <<<"$FEATURES"
