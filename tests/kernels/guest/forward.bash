# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The fast path by native XDP on this kernel.

. tests/kernels/guest/fast_path.bash

check "native: the lab is up" lab_is_up
checks_of native driver
check "native: the kernel said nothing bad" lab_is_down
