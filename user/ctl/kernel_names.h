/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The running kernel's own names: of its drop reasons by BTF, of its functions by /proc/kallsyms
 * or by asking it. */
#ifndef WEIR_CTL_KERNEL_NAMES_H
#define WEIR_CTL_KERNEL_NAMES_H

#include <stdbool.h>

#include "base/err.h"
#include "model/kernel.h"

struct weir_kernel_reasons;
struct weir_kernel_symbols;

/* Reads `enum skb_drop_reason`; the caller frees *@reasons. A kernel without it (before 5.17) has 0
 * names. */
int weir_kernel_reasons_open(struct weir_kernel_reasons **reasons, struct weir_err *err);
void weir_kernel_reasons_free(struct weir_kernel_reasons *reasons);

/*
 * The name of @value without SKB_DROP_REASON_, in @buf, which is returned: "NO_SOCKET"; "SUBSYS2/7"
 * for the 7th of subsystem 2 (mac80211, Open vSwitch), which the core does not name; "REASON130"
 * for a value that BTF does not have.
 */
const char *weir_kernel_reason_name(
	const struct weir_kernel_reasons *reasons, __u32 value, char buf[WEIR_KERNEL_REASON_MAX]);

/* How many values have names; the @i-th of them, and its value. */
unsigned int weir_kernel_reasons_count(const struct weir_kernel_reasons *reasons);
const char *weir_kernel_reasons_at(
	const struct weir_kernel_reasons *reasons, unsigned int i, __u32 *value);

/*
 * Reads the functions of @path, NULL = /proc/kallsyms; the caller frees *@symbols. Fails where the
 * kernel hides addresses (kernel.kptr_restrict), with the remedy.
 */
int weir_kernel_symbols_open(
	struct weir_kernel_symbols **symbols, const char *path, struct weir_err *err);
/* The same without names: each is asked for, by @namer, program `symbol` of the observers, which
 * stays the caller's. NULL without memory. */
struct weir_kernel_symbols *weir_kernel_symbols_asked(int namer);
void weir_kernel_symbols_free(struct weir_kernel_symbols *symbols);

/*
 * The function that @address lies in, and how far from its begin; NULL below the first, and where names
 * are asked for. The name lives as long as @symbols. Where a function has several names it is the first
 * of the file.
 */
const char *weir_kernel_symbol(
	const struct weir_kernel_symbols *symbols, __u64 address, __u64 *offset);

/* Its addresses, to the next function's; false where there is none of that name. */
bool weir_kernel_function(
	const struct weir_kernel_symbols *symbols, const char *name, struct weir_krange *range);

/* "SYMBOL+0xOFF", or "0xADDRESS" where it lies in no function, or without @symbols. Returns @buf.
 */
const char *weir_kernel_location(
	const struct weir_kernel_symbols *symbols, __u64 address, char *buf, size_t size);

/* Fills reason, location and caller of a drop by its key. Without @symbols (NULL) the latter are
 * addresses. */
void weir_kernel_name_drop(const struct weir_kernel_reasons *reasons,
	const struct weir_kernel_symbols *symbols, struct weir_kernel_drop *drop);

#endif
