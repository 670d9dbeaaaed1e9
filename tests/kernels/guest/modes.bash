# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The fast path by generic XDP, and by TC alone.

. tests/kernels/guest/fast_path.bash

# What the hooks are called, with `xdp off`: tcx, or clsact before there was tcx.
tc_kind() {
	if kernel_at_least 6.6; then echo tcx; else echo clsact; fi
}

check "modes: the lab is up" lab_is_up
checks_of generic generic xdp generic
checks_of "$(tc_kind)" "$(tc_kind)/egress $(tc_kind)/ingress" xdp off
check "modes: the kernel said nothing bad" lab_is_down
