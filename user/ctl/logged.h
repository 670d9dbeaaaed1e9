/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that rules log, as events of what is watched. */
#ifndef WEIR_LOGGED_H
#define WEIR_LOGGED_H

#include "priv.h"

struct weir_logged;

/* NULL without memory. What is to be read need not be there yet; of no namespace, NULL, nothing is. */
struct weir_logged *weir_logged_new(const struct weir_ns *ns, struct weir_watch *watch);
void weir_logged_free(struct weir_logged *logged);
/* To be polled, beside other things; -1: there is nothing yet. */
int weir_logged_fd(const struct weir_logged *logged);
/* Adds an event for each packet logged since, and for what was lost. */
void weir_logged_take(struct weir_logged *logged);

#endif
