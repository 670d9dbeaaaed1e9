// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernel_stage.h"

/* Whose counters are asked for. */
enum level { LEVEL_DEV, LEVEL_NS, LEVEL_MACHINE };

struct term {
	enum weir_kcounter counter;
	int sign; /* 0 = no term, or needed only to be there */
};

/*
 * A number of a stage as a sum of counters. The first of a stage whose counters are all there is
 * taken, so that another kernel may count in another way.
 */
struct formula {
	enum weir_stage stage;
	size_t number; /* its place in struct weir_kstage */
	enum weir_kseen seen;
	struct term term[5];
};

#define OF(stage_, number_, seen_)                                                                 \
	.stage = WEIR_STAGE_##stage_, .number = offsetof(struct weir_kstage, number_),             \
	.seen = WEIR_KSEEN_##seen_
#define PLUS(id)                                                                                   \
	{                                                                                          \
		WEIR_KCOUNTER_##id, 1                                                              \
	}
#define MINUS(id)                                                                                  \
	{                                                                                          \
		WEIR_KCOUNTER_##id, -1                                                             \
	}
#define WITH(id)                                                                                   \
	{                                                                                          \
		WEIR_KCOUNTER_##id, 0                                                              \
	}
#define END                                                                                        \
	{                                                                                          \
		WEIR_KCOUNTER_none, 0                                                              \
	}

static const struct formula formulas[] = {
	{OF(nic_rx, packets, exact), {PLUS(rx_packets), END}},
	{OF(nic_rx, bytes, exact), {PLUS(rx_bytes), END}},
	{OF(nic_rx, merged, exact), {PLUS(q_gro_wire), MINUS(q_gro_packets), END}},
	{OF(softirq, runs, exact), {PLUS(softirq_rx), END}},
	{OF(napi_poll, squeezed, exact), {PLUS(softnet_squeeze), END}},
	{OF(xdp, packets, exact), {PLUS(eth_xdp_packets), END}},
	{OF(core, packets, exact), {PLUS(softnet_processed), END}},
	{OF(rps_backlog, runs, exact), {PLUS(softnet_rps), END}},
	{OF(ip_rcv, packets, exact), {PLUS(ip_receives), END}},
	{OF(ip_rcv, bytes, exact), {PLUS(ip_in_octets), END}},
	/* not of packets whose header is bad, which are as many segments as packets */
	{OF(ip_rcv, segments, least),
		{PLUS(ip_no_ect), PLUS(ip_ect1), PLUS(ip_ect0), PLUS(ip_ce), END}},
	{OF(ip_defrag, packets, exact), {PLUS(ip_reasm_reqds), END}},
	{OF(ip_defrag, made, exact), {PLUS(ip_reasm_oks), END}},
	/* not those whose TTL ended */
	{OF(ip_forward, packets, least), {PLUS(ip_forwards), END}},
	/* behind nf_local_in, which may have dropped some */
	{OF(ip_local_deliver, packets, least), {PLUS(ip_delivers), END}},
	/* what waits in a socket's queue is counted when it is read */
	{OF(udp_rcv, packets, least), {PLUS(udp_in), PLUS(udp_no_ports), PLUS(udp_in_errors), END}},
	{OF(tcp_rcv, packets, exact), {PLUS(tcp_in), END}},
	{OF(sock_queue, merged, exact), {PLUS(tcp_coalesced), PLUS(tcp_backlog_coalesced), END}},
	{OF(sock_recv, packets, least), {PLUS(udp_in), END}}, /* TCP counts none */
	{OF(udp_send, packets, least), {PLUS(udp_out), PLUS(udp_sndbuf), END}},
	{OF(tcp_send, segments, exact), {PLUS(tcp_out), END}},
	{OF(ip_local_out, packets, exact), {PLUS(ip_out_requests), WITH(ip_out_transmits), END}},
	/* before Linux 6.7 OutRequests is counted in ip_output() */
	{OF(ip_local_out, packets, least), {PLUS(ip_out_requests), MINUS(ip_forwards), END}},
	/* those that nf_postrouting let through; each fragment counts as transmitted */
	{OF(ip_output, packets, least),
		{PLUS(ip_out_transmits), PLUS(ip_frag_oks), MINUS(ip_frag_creates), END}},
	{OF(ip_output, packets, exact), {PLUS(ip_out_requests), END}}, /* before Linux 6.7 */
	{OF(ip_fragment, packets, exact), {PLUS(ip_frag_oks), PLUS(ip_frag_fails), END}},
	{OF(ip_fragment, made, exact), {PLUS(ip_frag_creates), END}},
	{OF(neigh, packets, exact), {PLUS(ip_out_transmits), END}},
	{OF(neigh, bytes, exact), {PLUS(ip_out_octets), WITH(ip_out_transmits), END}},
	{OF(qdisc, packets, most), {PLUS(qdisc_packets), END}},
	{OF(qdisc, segments, exact), {PLUS(qdisc_packets), END}},
	{OF(qdisc, bytes, exact), {PLUS(qdisc_bytes), END}},
	{OF(qdisc, squeezed, exact), {PLUS(qdisc_overlimits), END}},
	{OF(qdisc, runs, exact), {PLUS(qdisc_requeues), END}},
	{OF(xmit, packets, exact), {PLUS(tx_packets), END}},
	{OF(xmit, bytes, exact), {PLUS(tx_bytes), END}},
	{OF(xmit, squeezed, exact), {PLUS(q_tx_stop), END}},
	{OF(tx_complete, packets, exact), {PLUS(q_tx_packets), END}},
	{OF(tx_complete, bytes, exact), {PLUS(q_tx_bytes), END}},
	{OF(tx_complete, runs, exact), {PLUS(softirq_tx), END}},
};

static enum level level_of(enum weir_kcounter counter)
{
	switch (weir_kcounter_scope(counter)) {
	case WEIR_KSCOPE_dev:
	case WEIR_KSCOPE_queue:
		return LEVEL_DEV;
	case WEIR_KSCOPE_machine:
		return LEVEL_MACHINE;
	default:
		return LEVEL_NS;
	}
}

/* A namespace has what its devices have. */
static bool is_of(enum weir_kcounter counter, enum level level)
{
	enum level own = level_of(counter);

	return own == level || (own == LEVEL_DEV && level == LEVEL_NS);
}

struct sum {
	__u64 count;
	bool known, reset;
};

/* The first value of @counter, or where it would stand: they are sorted. */
static unsigned int first_of(const struct weir_kreading *r, enum weir_kcounter counter)
{
	unsigned int from = 0, to = r->nr;

	while (from < to) {
		unsigned int mid = from + (to - from) / 2;

		if (r->value[mid].counter < counter)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* What @counter has at a level: of all its CPUs, queues, sockets; of one device, or with 0 of all.
 */
static struct sum sum_of(const struct weir_kreading *delta, enum weir_kcounter counter,
	enum level level, __u32 ifindex)
{
	struct sum s = {};

	if (!is_of(counter, level))
		return s;
	for (unsigned int i = first_of(delta, counter);
		i < delta->nr && delta->value[i].counter == counter; i++) {
		const struct weir_kvalue *v = &delta->value[i];

		if (ifindex && v->scope != ifindex)
			continue;
		s.count += v->value;
		s.reset = s.reset || v->reset;
		s.known = true;
	}
	return s;
}

/* False where a counter is not there. */
static bool work_out(const struct formula *f, const struct weir_kreading *delta, enum level level,
	__u32 ifindex, struct sum *out)
{
	__u64 plus = 0, minus = 0;

	*out = (struct sum){.known = true};
	for (const struct term *t = f->term; t->counter != WEIR_KCOUNTER_none; t++) {
		struct sum s = sum_of(delta, t->counter, level, ifindex);

		if (!s.known)
			return false;
		if (t->sign > 0)
			plus += s.count;
		else if (t->sign < 0)
			minus += s.count;
		out->reset = out->reset || (t->sign && s.reset);
	}
	/* counters are not read at one moment */
	out->count = plus > minus ? plus - minus : 0;
	return true;
}

static void put(struct weir_kstage *stage, struct weir_knumber *number, const struct sum *s,
	enum weir_kseen seen)
{
	number->count = s->count;
	number->seen = s->reset ? WEIR_KSEEN_least : seen;
	stage->reset = stage->reset || s->reset;
}

/* Without what its parts have. */
static struct sum own_drops(const struct weir_kreading *delta, enum weir_kcounter counter,
	enum level level, __u32 ifindex)
{
	struct sum s = sum_of(delta, counter, level, ifindex);

	for (unsigned int i = 0; s.known && i < WEIR_KCOUNTER_COUNT; i++) {
		struct sum part;

		if (weir_kcounter_info[i].of != counter)
			continue;
		part = sum_of(delta, i, level, ifindex);
		s.count -= part.count < s.count ? part.count : s.count;
		s.reset = s.reset || part.reset;
	}
	return s;
}

static void add_drops(struct weir_kstage *stages, const struct weir_kreading *delta,
	enum level level, __u32 ifindex)
{
	for (unsigned int i = 0; i < WEIR_KCOUNTER_COUNT; i++) {
		const struct weir_kcounter_info *info = &weir_kcounter_info[i];
		struct weir_kstage *stage = &stages[info->stage];
		struct sum s;

		if (info->what != WEIR_KWHAT_drops || info->event == WEIR_KEVENT_again)
			continue;
		s = own_drops(delta, i, level, ifindex);
		if (!s.known)
			continue;
		s.count += stage->drops.count;
		/* other causes at this stage may have no counter */
		put(stage, &stage->drops, &s, WEIR_KSEEN_least);
	}
}

static void fill(struct weir_kstage *stages, const struct weir_kreading *delta, enum level level,
	__u32 ifindex)
{
	for (size_t i = 0; i < sizeof(formulas) / sizeof(formulas[0]); i++) {
		const struct formula *f = &formulas[i];
		struct weir_kstage *stage = &stages[f->stage];
		struct weir_knumber *number = (void *)((char *)stage + f->number);
		struct sum s;

		if (number->seen == WEIR_KSEEN_no && work_out(f, delta, level, ifindex, &s))
			put(stage, number, &s, f->seen);
	}
	add_drops(stages, delta, level, ifindex);
}

int weir_kstages_init(struct weir_kstages *out, const struct weir_kreading *delta)
{
	memset(out, 0, sizeof(*out));
	if (delta->nr_devs) {
		out->dev = calloc(delta->nr_devs, sizeof(*out->dev));
		if (!out->dev)
			return -ENOMEM;
	}
	fill(out->ns, delta, LEVEL_NS, 0);
	fill(out->machine, delta, LEVEL_MACHINE, 0);
	for (unsigned int i = 0; i < delta->nr_devs; i++) {
		struct weir_kdev_stages *dev = &out->dev[out->nr_devs++];

		dev->ifindex = delta->dev[i].ifindex;
		snprintf(dev->name, sizeof(dev->name), "%s", delta->dev[i].name);
		fill(dev->stage, delta, LEVEL_DEV, dev->ifindex);
	}
	return 0;
}

void weir_kstages_done(struct weir_kstages *stages)
{
	free(stages->dev);
	memset(stages, 0, sizeof(*stages));
}

/* --- drops by counter --- */

bool weir_kcounted_next(
	const struct weir_kreading *delta, unsigned int *at, struct weir_kcounted *out)
{
	for (; *at < delta->nr;) {
		const struct weir_kvalue *v = &delta->value[*at];
		enum level level = level_of(v->counter);
		__u32 ifindex = level == LEVEL_DEV ? v->scope : 0;
		struct sum s;

		/* CPUs, queues and sockets together */
		do
			++*at;
		while (*at < delta->nr && delta->value[*at].counter == v->counter &&
			(level != LEVEL_DEV || delta->value[*at].scope == v->scope));
		if (weir_kcounter_info[v->counter].what != WEIR_KWHAT_drops)
			continue;
		s = own_drops(delta, v->counter, level, ifindex);
		if (!s.count && !s.reset)
			continue;
		*out = (struct weir_kcounted){.counter = v->counter,
			.ifindex = ifindex,
			.packets = s.count,
			.reset = s.reset};
		return true;
	}
	return false;
}

__u64 weir_kcounted_silent(const struct weir_kcounted *drop, __u64 events)
{
	switch (weir_kcounter_info[drop->counter].event) {
	case WEIR_KEVENT_silent:
		return drop->packets;
	case WEIR_KEVENT_some:
	case WEIR_KEVENT_again:
		return drop->packets > events ? drop->packets - events : 0;
	default:
		return 0;
	}
}

/* --- the check on our own events --- */

const struct weir_kcheck_info weir_kcheck_info[WEIR_KCHECK_COUNT] = {
#define CHECK(id, events, counter) {#id, events, WEIR_KCOUNTER_##counter},
	WEIR_KCHECKS(CHECK)
#undef CHECK
};

static bool is_meant(const char *meant, const struct weir_kevent_count *event)
{
	size_t reason = strlen(event->reason);

	while (*meant) {
		size_t len = strcspn(meant, " "), name = strcspn(meant, "@ ");

		if (name == reason && !memcmp(meant, event->reason, name) &&
			(name == len ||
				!strncmp(event->function, meant + name + 1, len - name - 1)))
			return true;
		meant += len;
		meant += *meant == ' ';
	}
	return false;
}

void weir_kcheck_run(const struct weir_kreading *delta, enum weir_kcheck check,
	const struct weir_kevent_count *events, unsigned int nr, struct weir_kcheck_result *out)
{
	const struct weir_kcheck_info *info = &weir_kcheck_info[check];

	enum level level = level_of(info->counter) == LEVEL_MACHINE ? LEVEL_MACHINE : LEVEL_NS;
	struct sum s = sum_of(delta, info->counter, level, 0);

	*out = (struct weir_kcheck_result){.known = s.known && !s.reset, .counted = s.count};
	for (unsigned int i = 0; i < nr; i++)
		if (is_meant(info->events, &events[i]))
			out->told += events[i].packets;
}

__u64 weir_kcheck_untold(const struct weir_kreading *delta, enum weir_kcounter counter,
	const struct weir_kevent_count *events, unsigned int nr)
{
	struct weir_kcheck_result result;

	if (level_of(counter) != LEVEL_NS)
		return 0;
	for (unsigned int i = 0; i < WEIR_KCHECK_COUNT; i++) {
		if (weir_kcheck_info[i].counter != counter)
			continue;
		weir_kcheck_run(delta, i, events, nr, &result);
		return result.known && result.counted > result.told ? result.counted - result.told
								    : 0;
	}
	return 0;
}
