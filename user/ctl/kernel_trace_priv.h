/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the kernel trace share. */
#ifndef WEIR_CTL_KERNEL_TRACE_PRIV_H
#define WEIR_CTL_KERNEL_TRACE_PRIV_H

#include "model/kernel_trace.h"
#include "priv.h"

struct bpf_object;

/* --- kernel_trace_names.c: what namespaces, reasons and addresses are called --- */

struct weir_trace_book;

/* The caller frees *@book. 0 or -errno. */
int weir_trace_book_new(
	const struct weir_ns *ns, struct weir_trace_book **book, struct weir_err *err);
void weir_trace_book_free(struct weir_trace_book *book);
/* Tells the programs where drops have their places, where that is known. 0 or -errno. */
int weir_trace_book_set_places(const struct weir_trace_book *book, struct bpf_object *obj);
struct weir_trace_names weir_trace_book_names(struct weir_trace_book *book);

/*
 * Calls @fn within each of the namespaces named, with commas between (NULL: all that have a name),
 * and comes back. WEIR_NOT_FOUND for a name that there is not, or what @fn has answered, quiet.
 * Once only.
 */
int weir_trace_book_each(struct weir_trace_book *book, const char *names,
	int (*fn)(void *ctx, __u64 cookie), void *ctx, struct weir_err *err);

#endif
