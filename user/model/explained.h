/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the fast path would make of a packet, as its programs have told. */
#ifndef WEIR_MODEL_EXPLAINED_H
#define WEIR_MODEL_EXPLAINED_H

#include <weir/explained.h>

#include "model/packet.h"
#include "model/session.h"
#include "model/tables.h"

struct weir_explanation {
	enum weir_hook hook;
	enum weir_exit exit;
	bool punt_drop; /* a PUNT exit that `punt drop` turns into a drop */
	bool answered;	/* its sender is told */
	struct weir_explained found;
	bool has_session;	     /* found.session was there still: */
	struct weir_session session; /* as it was then */
	/* names as they are now, "" = none */
	char in[WEIR_DEV_NAME], out[WEIR_DEV_NAME]; /* found.iif, found.oif */
	char forward[WEIR_DEV_NAME],
		kernel[WEIR_DEV_NAME]; /* found.forward.oif, found.kernel.oif */
};

#endif
