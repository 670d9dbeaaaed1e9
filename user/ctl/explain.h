/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the fast path would make of a packet: asked of its own programs, on the live maps. */
#ifndef WEIR_CTL_EXPLAIN_H
#define WEIR_CTL_EXPLAIN_H

#include "ctl/ctl.h"
#include "model/explained.h"

/*
 * Runs @packet through a dry instance of the program of the hook that would meet it. Nothing that
 * other programs or commands see is changed. WEIR_NOT_FOUND where the device has no such hook.
 */
int weir_explain(struct weir_ns *ns, const struct weir_packet *packet,
	struct weir_explanation *explanation, struct weir_err *err);

#endif
