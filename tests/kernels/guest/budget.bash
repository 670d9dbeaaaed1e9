# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What this kernel's verifier walks of each program: it differs from kernel to kernel.

check "the verifier walks no more than half of what it may" prog_test build/tests/prog/budget_test
