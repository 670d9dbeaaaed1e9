// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
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

	/* no hook sees a copy: the packet at its address was another */
	if (d->stage == WEIR_STAGE_tap_tx)
		return APART;
	/* likewise a segment */
	if (d->stage == WEIR_STAGE_qdisc || d->stage == WEIR_STAGE_xmit)
		return SEND;
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

/* What its queueing disciplines made of superframes, less these. As long as none has been cut those
 * that are not to be seen wait. */
static __u64 made_in_queues(const struct weir_kernel_snapshot *snap, unsigned int dev)
{
	const struct weir_krow *row = &snap->devs[dev].row;
	__u64 pieces = row->pieces;

	for (unsigned int i = 0; i < snap->nr_drops; i++) {
		const struct weir_kernel_drop *d = &snap->drops[i];

		if (d->dev == dev && d->witness == WEIR_KERNEL_EVENT &&
			d->stage == WEIR_STAGE_qdisc && d->key.left == WEIR_STAGE_COUNT)
			pieces += d->count.packets;
	}
	return pieces > row->cut ? pieces - row->cut : 0;
}

static void add_row(struct weir_kernel_ledger *l, const struct weir_krow *row)
{
	__u64 core = row->stage[WEIR_STAGE_core].packets;

	l->in += core - row->in_again;
	l->delivered += core - row->ip_in + row->in_last;
	l->local += row->out_first + row->queued - row->ip_queued + row->raw;
	l->made += row->split + row->copied;
	l->out += row->sent - row->sent_again + row->xdp_out + row->taken;
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

/* Fragments that the kernel made, less the packets that it made them of. */
static __u64 made_of(const struct weir_kernel_net *net)
{
	return counted(net, WEIR_KCOUNTER_ip_frag_creates) -
	       counted(net, WEIR_KCOUNTER_ip_frag_oks);
}

void weir_kernel_ledger_of(
	const struct weir_kernel_snapshot *snap, __u64 cookie, struct weir_kernel_ledger *ledger)
{
	struct weir_kernel_ledger l = {0};

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (snap->devs[i].netns_cookie == cookie) {
			add_row(&l, &snap->devs[i].row);
			l.made += made_in_queues(snap, i);
		}
	for (unsigned int i = 0; i < snap->nr_drops; i++)
		if (snap->drops[i].key.netns_cookie == cookie)
			add_drop(&l, &snap->drops[i]);
	for (unsigned int i = 0; i < snap->nr_nets; i++) {
		const struct weir_kernel_net *net = &snap->nets[i];

		if (net->netns_cookie != cookie)
			continue;
		l.joined += counted(net, WEIR_KCOUNTER_ip_reasm_reqds) -
			    counted(net, WEIR_KCOUNTER_ip_reasm_oks);
		l.made += made_of(net);
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

	enum part part = part_of(d);

	/* traffic control did not let it pass either */
	if (part == RECEIVE && d->key.left == WEIR_STAGE_core && d->key.protocol == IPV4 &&
		d->stage != WEIR_STAGE_xdp)
		l->redirected -= packets;
	switch (part) {
	case BEFORE:
		l->in += packets;
		l->dropped_in += packets;
		break;
	case LOCAL_IN:
		l->delivered -= (__s64)packets;
		l->dropped_in += packets;
		break;
	case RECEIVE:
		if (d->key.protocol != IPV4)
			l->delivered -= (__s64)packets;
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

/* Without fragments that are joined or made. */
static void begin_dev(struct weir_kernel_dev_ledger *l, const struct weir_kernel_dev *d)
{
	const struct weir_krow *row = &d->row;
	__u64 core = row->stage[WEIR_STAGE_core].packets;

	*l = (struct weir_kernel_dev_ledger){.in = core,
		.delivered = (__s64)(core - row->ip_in + row->in_last),
		.forwarded = row->forward_last,
		.redirected = row->tc_ip - row->tc_ip_passed + row->xdp_out + row->stolen,
		.to_send = row->post_first - row->looped + row->queued - row->ip_queued + row->raw +
			   row->past_ip + row->sent_again + row->copied,
		.made = row->split,
		.out = row->sent,
		.told = true};
}

static __s64 lacks(const struct weir_kernel_dev_ledger *l)
{
	return (__s64)(l->in - (__u64)l->delivered - l->forwarded - l->redirected - l->dropped_in -
		       l->joined);
}

static __s64 has_more(const struct weir_kernel_dev_ledger *l)
{
	return (__s64)(l->out + l->dropped_out + l->in_flight - l->to_send - l->made);
}

/* Gives the fragments of a namespace to the device whose they are. */
static void give_fragments(const struct weir_kernel_snapshot *snap,
	const struct weir_kernel_net *net, struct weir_kernel_dev_ledger *ledgers)
{
	struct weir_kernel_dev_ledger *in = NULL, *out = NULL;
	unsigned int nr_in = 0, nr_out = 0;
	struct weir_kernel_ledger whole;
	__u64 made;

	weir_kernel_ledger_of(snap, net->netns_cookie, &whole);
	made = made_of(net);
	if (!whole.joined && !made)
		return;
	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		struct weir_kernel_dev_ledger *l = &ledgers[i];

		if (snap->devs[i].netns_cookie != net->netns_cookie)
			continue;
		if (whole.joined && lacks(l)) {
			l->told = !nr_in++;
			if (in)
				in->told = false;
			in = l;
		}
		if (made && has_more(l)) {
			l->told &= !nr_out++;
			if (out)
				out->told = false;
			out = l;
		}
	}
	if (nr_in == 1)
		in->joined = whole.joined;
	if (nr_out == 1)
		out->made += made;
}

/* Where devices hand packets to others of the namespace it is not told whose they are. */
static void let_handlers(const struct weir_kernel_snapshot *snap, const struct weir_kernel_net *net,
	struct weir_kernel_dev_ledger *ledgers)
{
	__u64 handled = 0;

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (snap->devs[i].netns_cookie == net->netns_cookie)
			handled += snap->devs[i].row.handled;
	for (unsigned int i = 0; handled && i < snap->nr_devs; i++)
		if (snap->devs[i].netns_cookie == net->netns_cookie &&
			(lacks(&ledgers[i]) || has_more(&ledgers[i])))
			ledgers[i].told = false;
}

struct weir_kernel_dev_ledger *weir_kernel_dev_ledgers(const struct weir_kernel_snapshot *snap)
{
	struct weir_kernel_dev_ledger *ledgers = calloc(snap->nr_devs + 1, sizeof(*ledgers));

	if (!ledgers)
		return NULL;
	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		begin_dev(&ledgers[i], &snap->devs[i]);
		ledgers[i].made += made_in_queues(snap, i);
	}
	for (unsigned int i = 0; i < snap->nr_drops; i++)
		if (snap->drops[i].witness == WEIR_KERNEL_EVENT)
			add_dev_drop(&ledgers[snap->drops[i].dev], &snap->drops[i]);
	for (unsigned int n = 0; n < snap->nr_nets; n++) {
		const struct weir_kernel_net *net = &snap->nets[n];

		for (unsigned int i = 0; i < snap->nr_devs; i++)
			if (snap->devs[i].netns_cookie == net->netns_cookie)
				ledgers[i].in_flight = queued_at(net, snap->devs[i].ifindex);
		give_fragments(snap, net, ledgers);
		let_handlers(snap, net, ledgers);
	}
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		ledgers[i].residual = lacks(&ledgers[i]) - has_more(&ledgers[i]);
	return ledgers;
}

bool weir_kernel_ledger_is(const struct weir_kernel_snapshot *snap)
{
	return snap->on && snap->cycling && snap->watch.whole &&
	       snap->watch.level == WEIR_KLEVEL_full && snap->watch.share == 1000000;
}

bool weir_kernel_ledger_holds(const struct weir_kernel_snapshot *snap)
{
	struct weir_kernel_dev_ledger *ledgers;
	struct weir_kernel_ledger ledger;
	bool holds;

	if (!weir_kernel_ledger_is(snap))
		return true;
	for (unsigned int i = 0; i < snap->nr_nets; i++) {
		weir_kernel_ledger_of(snap, snap->nets[i].netns_cookie, &ledger);
		if (ledger.residual)
			return false;
	}
	ledgers = weir_kernel_dev_ledgers(snap);
	holds = ledgers;
	for (unsigned int i = 0; holds && i < snap->nr_devs; i++)
		holds = !snap->devs[i].ifindex || !ledgers[i].told || !ledgers[i].residual;
	free(ledgers);
	return holds;
}
