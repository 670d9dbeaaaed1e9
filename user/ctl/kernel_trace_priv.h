/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the kernel trace share. */
#ifndef WEIR_CTL_KERNEL_TRACE_PRIV_H
#define WEIR_CTL_KERNEL_TRACE_PRIV_H

#include "model/kernel_trace.h"
#include "priv.h"

struct bpf_object;
struct weir_expr;

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

/* --- kernel_trace_fast.c: verdicts of the fast plane --- */

struct weir_trace_taps;

/* @expr, which the caller keeps, and @only, a device of @own_netns (0 = any), say which verdicts
 * packets may begin with. NULL: no memory. */
struct weir_trace_taps *weir_trace_taps_new(
	const struct weir_expr *expr, __u64 own_netns, __u32 only);
void weir_trace_taps_free(struct weir_trace_taps *taps);
/* Captures in the namespace that this process is in, if the fast plane is attached there; where it
 * is and cannot be read, @said is why. 0 or -errno. */
int weir_trace_tap(struct weir_trace_taps *taps, const struct weir_ns *own, char said[256],
	struct weir_err *err);
/* In how many namespaces. */
unsigned int weir_trace_taps_nr(const struct weir_trace_taps *taps);
/* As weir_capture_poll(), without waiting, and weir_capture_drain(). */
int weir_trace_taps_poll(struct weir_trace_taps *taps,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx,
	struct weir_err *err);
int weir_trace_taps_drain(struct weir_trace_taps *taps,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx,
	struct weir_err *err);
void weir_trace_taps_losses(const struct weir_trace_taps *taps, __u64 *full, __u64 *limited);

#endif
