# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Single packets on the kernel's own road: which stages this kernel shows, and that a packet is one.

check "expressions are interpreted as libpcap says" prog_test build/tests/prog/expr_test
check "packets are followed" prog_test build/tests/prog/kernel_trace_test
