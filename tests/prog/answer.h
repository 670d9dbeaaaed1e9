/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs that answer every refused packet, loaded for a device (answer_*.bpf.c). */
#ifndef TESTS_ANSWER_H
#define TESTS_ANSWER_H

#include "prog.h"

/* @veth: by native XDP answers are redirected, for which tx_ports must hold the device. Of the members of @p those are filled that running frames and reading rows need. */
void answer_load(struct prog *p, enum weir_hook hook, __u32 ifindex, bool generic, bool veth);
void answer_unload(struct prog *p);
/* A map in memory. */
void *answer_map(const struct prog *p, const char *name);

#endif
