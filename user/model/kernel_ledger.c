// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "model/kernel_ledger.h"

#define IPV4 0x0800 /* EtherType */

enum part {
	BEFORE, /* it was not counted in yet */
	RECEIVE,
	LOCAL_IN, /* it had passed local delivery's hooks */
	SEND,
	APART, /* a copy, or what a socket had already */
};

/* How far the packet had come when it was dropped. Generic XDP may make another of it, at an
 * address that was some other packet's. */
static enum part part_of(const struct weir_kernel_drop *d)
{
	enum weir_stage left = d->key.left;

	if (d->stage == WEIR_STAGE_xdp && strstr(d->location, "generic"))
		return RECEIVE;

	if (left < WEIR_STAGE_core && left != WEIR_STAGE_gro)
		return BEFORE;
	if (left == WEIR_STAGE_nf_local_in)
		return LOCAL_IN;
	if (left <= WEIR_STAGE_nf_local_in)
		return RECEIVE;
	if (left <= WEIR_STAGE_sock_recv)
		return APART;
	return left < WEIR_STAGE_xmit ? SEND : APART;
}

static void add_drop(struct weir_kernel_ledger *l, const struct weir_kernel_drop *d)
{
	__u64 packets = d->count.packets;

	if (d->witness != WEIR_KERNEL_EVENT)
		return;
	switch (part_of(d)) {
	case BEFORE: /* came in, and no further */
		l->in += packets;
		l->dropped += packets;
		break;
	case LOCAL_IN:
		l->delivered -= packets;
		l->dropped += packets;
		break;
	case RECEIVE:
		if (d->key.protocol != IPV4)
			l->delivered -= packets;
		if (d->stage == WEIR_STAGE_ip_defrag) /* it had been asked to be joined */
			l->joined -= packets;
		l->dropped += packets;
		break;
	case SEND:
		l->dropped += packets;
		break;
	case APART:
		l->apart += packets;
		break;
	}
}

static void add_row(struct weir_kernel_ledger *l, const struct weir_krow *row)
{
	__u64 core = row->stage[WEIR_STAGE_core].packets;

	l->in += core;
	l->delivered += core - row->ip_in + row->in_last;
	l->local += row->out_first + row->queued - row->ip_queued + row->raw;
	l->made += row->split;
	l->out += row->sent;
	l->merged += row->merged;
}

/* Of all devices and queues together. */
static __u64 counted(const struct weir_kernel_net *net, enum weir_kcounter counter)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < net->delta.nr; i++)
		if (net->delta.value[i].counter == counter)
			sum += net->delta.value[i].value;
	return sum;
}

void weir_kernel_ledger_of(const struct weir_kernel_snapshot *snap, __u64 cookie,
	struct weir_kernel_ledger *ledger)
{
	struct weir_kernel_ledger l = {0};

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (snap->devs[i].netns_cookie == cookie)
			add_row(&l, &snap->devs[i].row);
	for (unsigned int i = 0; i < snap->nr_drops; i++)
		if (snap->drops[i].key.netns_cookie == cookie)
			add_drop(&l, &snap->drops[i]);
	for (unsigned int i = 0; i < snap->nr_nets; i++) {
		const struct weir_kernel_net *net = &snap->nets[i];

		if (net->netns_cookie != cookie)
			continue;
		l.joined += counted(net, WEIR_KCOUNTER_ip_reasm_reqds) -
			    counted(net, WEIR_KCOUNTER_ip_reasm_oks);
		l.made += counted(net, WEIR_KCOUNTER_ip_frag_creates) -
			  counted(net, WEIR_KCOUNTER_ip_frag_oks);
		l.in_flight += counted(net, WEIR_KCOUNTER_qdisc_qlen);
	}
	l.residual = (__s64)(l.in + l.local + l.made - l.delivered - l.out - l.dropped - l.joined -
			     l.in_flight);
	*ledger = l;
}

/* Of the device's own queues. */
static __u64 queued_at(const struct weir_kernel_net *net, __u32 ifindex)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < net->delta.nr; i++)
		if (net->delta.value[i].counter == WEIR_KCOUNTER_qdisc_qlen &&
			net->delta.value[i].scope == ifindex)
			sum += net->delta.value[i].value;
	return sum;
}

static void add_dev_drop(struct weir_kernel_dev_ledger *l, const struct weir_kernel_drop *d)
{
	__u64 packets = d->count.packets;

	switch (part_of(d)) {
	case BEFORE:
		l->in += packets;
		l->dropped_in += packets;
		break;
	case LOCAL_IN:
		l->delivered -= packets;
		l->dropped_in += packets;
		break;
	case RECEIVE:
		if (d->key.protocol != IPV4)
			l->delivered -= packets;
		l->dropped_in += packets;
		break;
	case SEND: /* before ip_output it was not the device's yet */
		if (d->key.left >= WEIR_STAGE_ip_output)
			l->dropped_out += packets;
		break;
	case APART:
		break;
	}
}

void weir_kernel_dev_ledger_of(const struct weir_kernel_snapshot *snap, unsigned int dev,
	struct weir_kernel_dev_ledger *ledger)
{
	const struct weir_kernel_dev *d = &snap->devs[dev];
	const struct weir_krow *row = &d->row;
	__u64 core = row->stage[WEIR_STAGE_core].packets;
	struct weir_kernel_dev_ledger l = {.in = core,
		.delivered = core - row->ip_in + row->in_last,
		.forwarded = row->forward_last,
		.to_send = row->post_first + row->queued - row->ip_queued + row->raw,
		.made = row->split,
		.out = row->sent,
		.told = true};

	for (unsigned int i = 0; i < snap->nr_drops; i++)
		if (snap->drops[i].dev == dev && snap->drops[i].witness == WEIR_KERNEL_EVENT)
			add_dev_drop(&l, &snap->drops[i]);
	for (unsigned int i = 0; i < snap->nr_nets; i++) {
		const struct weir_kernel_net *net = &snap->nets[i];

		if (net->netns_cookie != d->netns_cookie)
			continue;
		l.in_flight = queued_at(net, d->ifindex);
		l.told = !counted(net, WEIR_KCOUNTER_ip_reasm_reqds) &&
			 !counted(net, WEIR_KCOUNTER_ip_frag_creates);
	}
	l.residual = (__s64)(l.in - l.delivered - l.forwarded - l.dropped_in + l.to_send + l.made -
			     l.out - l.dropped_out - l.in_flight);
	*ledger = l;
}

bool weir_kernel_ledger_is(const struct weir_kernel_snapshot *snap)
{
	return snap->on && snap->cycling && snap->watch.whole &&
	       snap->watch.level == WEIR_KLEVEL_full && snap->watch.share == 1000000;
}

bool weir_kernel_ledger_holds(const struct weir_kernel_snapshot *snap)
{
	struct weir_kernel_ledger ledger;

	for (unsigned int i = 0; weir_kernel_ledger_is(snap) && i < snap->nr_nets; i++) {
		weir_kernel_ledger_of(snap, snap->nets[i].netns_cookie, &ledger);
		if (ledger.residual)
			return false;
	}
	for (unsigned int i = 0; weir_kernel_ledger_is(snap) && i < snap->nr_devs; i++) {
		struct weir_kernel_dev_ledger of;

		weir_kernel_dev_ledger_of(snap, i, &of);
		if (snap->devs[i].ifindex && of.told && of.residual)
			return false;
	}
	return true;
}
