/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every BPF file of weir starts with. */
#ifndef WEIR_BPF_BASE_H
#define WEIR_BPF_BASE_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include <weir/abi.h>

/*
 * A function that the verifier checks by itself, once, and not again for each caller: its arguments
 * are the context, numbers, and memory that may be NULL; it returns a number.
 */
#define __checked_once __attribute__((noinline))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define AF_INET 2 /* linux/socket.h has it for the kernel only */

/*
 * @n, which is from 1 to @max, a power of two, and what the verifier can see to be so: on Linux 6.1 it
 * learns nothing from a comparison with 0, nor from one of a copy of the register.
 */
static __always_inline __u32 one_to(__u32 max, __u32 n)
{
	barrier_var(n);
	return ((n - 1) & (max - 1)) + 1;
}

#endif
