/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ending sessions: a program of bpf/nat.bpf.c, which holds the locks that others hold when they do.
 */
#ifndef WEIR_FLUSH_H
#define WEIR_FLUSH_H

#include <weir/sessions.h>

#include "priv.h"

struct weir_flusher;

int weir_flusher_open(struct weir_ns *ns, struct weir_flusher **flusher, struct weir_err *err);
/* Ends the sessions that @match means; match->ended: how many. May be called again. */
int weir_flusher_run(struct weir_flusher *flusher, struct weir_flush *match, struct weir_err *err);
void weir_flusher_close(struct weir_flusher *flusher);

#endif
