/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ctl/kernel_trace.h as functions that only remember what they were asked. */
#ifndef TESTS_FAKE_TRACE_H
#define TESTS_FAKE_TRACE_H

#include <stdio.h>
#include <string.h>

#include "ctl/kernel_trace.h"

static struct {
	unsigned int opened;
	char expr[1024], dev[16], netns[64];
	__u32 rate;
} fake_trace;

int weir_tracing_open(struct weir_ns *ns, const struct weir_trace_wish *wish,
	struct weir_tracing **t, struct weir_err *err)
{
	(void)ns;
	(void)t;
	fake_trace.opened++;
	fake_trace.rate = wish->rate;
	snprintf(fake_trace.expr, sizeof(fake_trace.expr), "%s", wish->expr ? wish->expr : "");
	snprintf(fake_trace.dev, sizeof(fake_trace.dev), "%s", wish->dev ? wish->dev : "");
	snprintf(fake_trace.netns, sizeof(fake_trace.netns), "%s", wish->netns ? wish->netns : "");
	return weir_fail(err, WEIR_REFUSED, -EPERM, "tracing");
}

void weir_tracing_close(struct weir_tracing *t)
{
	(void)t;
}

__u32 weir_tracing_points(const struct weir_tracing *t)
{
	(void)t;
	return 0;
}

unsigned int weir_tracing_fast(const struct weir_tracing *t)
{
	(void)t;
	return 0;
}

const struct weir_notes *weir_tracing_notes(const struct weir_tracing *t)
{
	static const struct weir_notes none;

	(void)t;
	return &none;
}

int weir_tracing_poll(struct weir_tracing *t, int timeout_ms,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx, struct weir_err *err)
{
	(void)t;
	(void)timeout_ms;
	(void)fn;
	(void)ctx;
	(void)err;
	return -ECANCELED;
}

int weir_tracing_drain(struct weir_tracing *t,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx, struct weir_err *err)
{
	return weir_tracing_poll(t, 0, fn, ctx, err);
}

void weir_tracing_losses(const struct weir_tracing *t, struct weir_trace_losses *losses)
{
	(void)t;
	memset(losses, 0, sizeof(*losses));
}

struct weir_trace_names weir_tracing_names(struct weir_tracing *t)
{
	(void)t;
	return (struct weir_trace_names){0};
}

#endif
