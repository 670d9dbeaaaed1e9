// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The fast plane's verdicts for a trace of the kernel plane: captures of each namespace that is
 * watched and in which it is attached, as events. Each packet is captured, up to the rate of
 * captures, and chosen here; so nothing is asked of programs that 'weir trace' does not ask anyway.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "expr.h"
#include "kernel_trace_priv.h"
#include "model/tables.h"

#define TAG_LEN 4
#define TAG_AT	12

/* A device, and the other end of its wire where that is on this host. */
struct wire {
	__u32 ifindex;
	char name[16];
	__u64 peer_netns; /* 0: none that is known */
	__u32 peer_ifindex;
};

struct tap {
	struct weir_ns *ns;
	struct weir_capturing *captures;
	struct wire *wire;
	unsigned int nr;
};

struct weir_trace_taps {
	struct tap tap[WEIR_TRACE_NETNS];
	unsigned int nr;
	const struct weir_expr *expr;
	__u64 own_netns;
	__u32 only; /* ifindex in own_netns by which packets begin; 0 = any */
	const struct tap *reading;
	int (*fn)(void *ctx, const struct weir_trace_event *event);
	void *ctx;
};

/* --- wires --- */

static int peer_place(void *ctx, const char *name)
{
	struct wire *w = ctx;
	__u64 netns;

	w->peer_ifindex = if_nametoindex(name);
	if (w->peer_ifindex && !weir_ns_cookie(&netns, NULL))
		w->peer_netns = netns;
	return 0;
}

static void add_wire(void *ctx, const struct weir_link *link)
{
	struct tap *tap = ctx;
	struct wire *grown = reallocarray(tap->wire, tap->nr + 1, sizeof(*grown));
	char where[256];

	if (!grown)
		return;
	tap->wire = grown;
	grown += tap->nr++;
	*grown = (struct wire){.ifindex = link->ifindex};
	snprintf(grown->name, sizeof(grown->name), "%s", link->name);
	if (!strcmp(link->kind, "veth"))
		weir_peer_do(link, peer_place, grown, where);
}

static const struct wire *wire_of(const struct tap *tap, __u32 ifindex)
{
	for (unsigned int i = 0; i < tap->nr; i++)
		if (tap->wire[i].ifindex == ifindex)
			return &tap->wire[i];
	return NULL;
}

/* Devices that are younger than the trace have a number. */
static void put_name(char name[16], const struct wire *wire, __u32 ifindex)
{
	if (wire)
		snprintf(name, 16, "%s", wire->name);
	else if (ifindex)
		snprintf(name, 16, "if%u", ifindex);
}

/* --- captures as events --- */

static __u8 what_of(const struct weir_capture *c)
{
	switch (weir_exit_info[c->exit].kind) {
	case WEIR_KIND_PASS:
		return WEIR_TRACE_WHAT_pass;
	case WEIR_KIND_PUNT:
		return c->punt_drop ? WEIR_TRACE_WHAT_drop : WEIR_TRACE_WHAT_punt;
	case WEIR_KIND_OUT:
		return c->hook == WEIR_HOOK_tc_egress ? WEIR_TRACE_WHAT_pass
						      : WEIR_TRACE_WHAT_forward;
	default:
		return WEIR_TRACE_WHAT_drop;
	}
}

static __u8 stage_of(const struct weir_capture *c)
{
	static const __u8 stage[WEIR_HOOK_COUNT] = {
		[WEIR_HOOK_xdp] = WEIR_STAGE_xdp,
		[WEIR_HOOK_tc_ingress] = WEIR_STAGE_tc_ingress,
		[WEIR_HOOK_tc_egress] = WEIR_STAGE_tc_egress,
	};

	return stage[c->hook];
}

/* The frame as it is on the wire: with the tag that the kernel holds beside it. Its length. */
static unsigned int frame_of(const struct weir_capture *c, __u8 frame[WEIR_CAPTURE_HEAD + TAG_LEN])
{
	unsigned int tag = c->tag && c->head_len >= TAG_AT ? TAG_LEN : 0;

	if (!tag) {
		memcpy(frame, c->head, c->head_len);
		return c->head_len;
	}
	memcpy(frame, c->head, TAG_AT);
	memcpy(frame + TAG_AT, &c->tag, TAG_LEN);
	memcpy(frame + TAG_AT + TAG_LEN, c->head + TAG_AT, c->head_len - (size_t)TAG_AT);
	return c->head_len + tag;
}

static void put_verdict(
	struct weir_trace_verdict *v, const struct tap *tap, const struct weir_capture *c)
{
	const struct wire *in = wire_of(tap, c->ifindex), *out = wire_of(tap, c->oif);

	*v = (struct weir_trace_verdict){
		.oif = c->oif, .exit = c->exit, .hook = c->hook, .punt_drop = c->punt_drop};
	put_name(v->out, out, c->oif);
	if (in) {
		v->from_netns = in->peer_netns;
		v->from_ifindex = in->peer_ifindex;
	}
	if (out) {
		v->to_netns = out->peer_netns;
		v->to_ifindex = out->peer_ifindex;
	}
}

static int on_capture(void *ctx, const struct weir_capture *c)
{
	const struct weir_trace_taps *t = ctx;
	__u8 frame[WEIR_CAPTURE_HEAD + TAG_LEN];
	unsigned int n = frame_of(c, frame), wire_len = c->len + n - c->head_len;
	__u64 netns = t->reading->ns->cookie;
	struct weir_trace_event e = {.time_ns = c->time_ns,
		.netns = netns,
		.ifindex = c->ifindex,
		.len = c->len,
		.frame_len = wire_len,
		.protocol = n >= TAG_AT + 2 ? (__u16)(frame[TAG_AT] << 8 | frame[TAG_AT + 1]) : 0,
		.cpu = c->cpu,
		.point = WEIR_TRACE_FAST,
		.stage = stage_of(c),
		.what = what_of(c)};

	if ((!t->only || (c->ifindex == t->only && netns == t->own_netns)) &&
		weir_expr_matches(t->expr, frame, n, wire_len))
		e.flags = WEIR_TRACE_BEGINS;
	put_name(e.dev, wire_of(t->reading, c->ifindex), c->ifindex);
	put_verdict(&e.verdict, t->reading, c);
	e.head_len = (__u16)(n > WEIR_TRACE_HEAD ? WEIR_TRACE_HEAD : n);
	memcpy(e.head, frame, e.head_len);
	return t->fn(t->ctx, &e);
}

/* --- */

struct weir_trace_taps *weir_trace_taps_new(
	const struct weir_expr *expr, __u64 own_netns, __u32 only)
{
	struct weir_trace_taps *t = calloc(1, sizeof(*t));

	if (t) {
		t->expr = expr;
		t->own_netns = own_netns;
		t->only = only;
	}
	return t;
}

static void tap_close(struct tap *tap)
{
	weir_capture_close(tap->captures);
	weir_ns_free(tap->ns);
	free(tap->wire);
	*tap = (struct tap){0};
}

void weir_trace_taps_free(struct weir_trace_taps *t)
{
	if (!t)
		return;
	while (t->nr)
		tap_close(&t->tap[--t->nr]);
	free(t);
}

int weir_trace_tap(
	struct weir_trace_taps *t, const struct weir_ns *own, char said[256], struct weir_err *err)
{
	struct tap tap = {0};
	struct weir_err why = {0};
	int rc;

	*said = '\0';
	if (t->nr == WEIR_TRACE_NETNS)
		return 0;
	rc = weir_ns_open(NULL, own->pin[0] ? own->pin : NULL, &tap.ns, err);
	if (rc)
		return rc;
	rc = weir_capture_open(tap.ns, 1, &tap.captures, &why);
	if (rc) {
		if (why.status != WEIR_NOT_FOUND)
			snprintf(said, 256, "%.255s", why.what);
		tap_close(&tap);
		return 0;
	}
	weir_each_link(add_wire, &tap);
	t->tap[t->nr++] = tap;
	return 0;
}

unsigned int weir_trace_taps_nr(const struct weir_trace_taps *t)
{
	return t->nr;
}

static int each(struct weir_trace_taps *t, bool drain,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx, struct weir_err *err)
{
	int rc = 0;

	t->fn = fn;
	t->ctx = ctx;
	for (unsigned int i = 0; i < t->nr && !rc; i++) {
		t->reading = &t->tap[i];
		rc = drain ? weir_capture_drain(t->tap[i].captures, on_capture, t, err)
			   : weir_capture_poll(t->tap[i].captures, 0, on_capture, t, err);
	}
	return rc;
}

int weir_trace_taps_poll(struct weir_trace_taps *t,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx, struct weir_err *err)
{
	return each(t, false, fn, ctx, err);
}

int weir_trace_taps_drain(struct weir_trace_taps *t,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx, struct weir_err *err)
{
	return each(t, true, fn, ctx, err);
}

void weir_trace_taps_losses(const struct weir_trace_taps *t, __u64 *full, __u64 *limited)
{
	*full = *limited = 0;
	for (unsigned int i = 0; i < t->nr; i++) {
		__u64 f, l;

		weir_capture_losses(t->tap[i].captures, &f, &l);
		*full += f;
		*limited += l;
	}
}
