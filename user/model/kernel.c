// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "model/kernel.h"
#include "model/rule.h"

void weir_kernel_snapshot_done(struct weir_kernel_snapshot *snap)
{
	free(snap->devs);
	free(snap->drops);
	for (unsigned int i = 0; i < snap->nr_nets; i++) {
		weir_kreading_done(&snap->nets[i].delta);
		weir_kstages_done(&snap->nets[i].stages);
	}
	free(snap->nets);
	*snap = (struct weir_kernel_snapshot){0};
}

__u64 weir_kernel_drops_at(
	const struct weir_kernel_snapshot *snap, unsigned int dev, enum weir_stage stage)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < snap->nr_drops; i++)
		if (snap->drops[i].dev == dev && snap->drops[i].stage == stage &&
			!snap->drops[i].aside)
			sum += snap->drops[i].count.packets;
	return sum;
}

/* The counters' own stage: of a device, a namespace, or the machine. */
static const struct weir_kstage *counted_stage(const struct weir_kernel_snapshot *snap,
	const struct weir_kernel_dev *dev, enum weir_stage stage)
{
	for (unsigned int i = 0; i < snap->nr_nets; i++) {
		const struct weir_kstages *s = &snap->nets[i].stages;

		if (!snap->nets[i].counted ||
			(dev->netns_cookie && snap->nets[i].netns_cookie != dev->netns_cookie))
			continue;
		if (!dev->netns_cookie)
			return &s->machine[stage];
		if (!dev->ifindex)
			return &s->ns[stage];
		for (unsigned int d = 0; d < s->nr_devs; d++)
			if (s->dev[d].ifindex == dev->ifindex)
				return &s->dev[d].stage[stage];
	}
	return NULL;
}

void weir_kernel_number_of(const struct weir_kernel_snapshot *snap, unsigned int dev,
	enum weir_stage stage, struct weir_kernel_number *n)
{
	const struct weir_kernel_dev *d = &snap->devs[dev];
	const struct weir_count *event = &d->row.stage[stage];
	const struct weir_kstage *counted = counted_stage(snap, d, stage);
	const struct weir_knumber *best = NULL;

	*n = (struct weir_kernel_number){0};
	if (event->packets && snap->watch.share == 1000000) {
		*n = (struct weir_kernel_number){
			event->packets, event->bytes, WEIR_KSEEN_exact, true};
		return;
	}
	if (!counted)
		return;
	best = counted->packets.seen	? &counted->packets
	       : counted->segments.seen ? &counted->segments
					: &counted->runs;
	n->packets = best->count;
	n->bytes = counted->bytes.count;
	n->seen = best->seen;
}

static enum weir_kernel_sock sock_of(const struct weir_kdrop_key *key)
{
	switch (key->sock_state) {
	case WEIR_KSOCK_UNTOLD:
		return WEIR_KERNEL_SOCK_UNTOLD;
	case 0:
		return WEIR_KERNEL_SOCK_NONE;
	case TCP_TIME_WAIT:
		return WEIR_KERNEL_SOCK_TIMEWAIT;
	default:
		return WEIR_KERNEL_SOCK_OTHER;
	}
}

bool weir_kernel_drop_cause(struct weir_kernel_drop *d)
{
	static const char *const asks[] = {
		[WEIR_KHOOK_AT_prerouting] = "ip_rcv",
		[WEIR_KHOOK_AT_local_in] = "ip_local_deliver",
		[WEIR_KHOOK_AT_forward] = "ip_forward",
		[WEIR_KHOOK_AT_local_out] = "__ip_local_out",
		[WEIR_KHOOK_AT_postrouting] = "ip_output",
	};
	const struct weir_kdrop_key *key = &d->key;
	struct weir_kernel_drop_site site = {.reason = d->reason,
		.location = d->location,
		.caller = d->caller,
		.rule = "",
		.sending = key->sending,
		.multicast = key->to == WEIR_KDROP_TO_group,
		.to_one = key->to == WEIR_KDROP_TO_host,
		.bare = key->bare,
		.stopped = key->stopped,
		.outgoing = key->outgoing,
		.frags_full = key->detail == WEIR_KDROP_DETAIL_frags_full,
		.vlan = key->detail == WEIR_KDROP_DETAIL_vlan,
		.udp_header = key->detail == WEIR_KDROP_DETAIL_udp_header ||
			      key->detail == WEIR_KDROP_DETAIL_udp_byte,
		.udp_byte = key->detail == WEIR_KDROP_DETAIL_udp_byte,
		.sock = sock_of(key),
		.route_error = key->error};
	struct weir_kernel_cause cause;

	if (!d->caller[0] && key->hook && key->hook < sizeof(asks) / sizeof(asks[0]))
		snprintf(d->caller, sizeof(d->caller), "%s", asks[key->hook]);
	weir_kernel_cause_of(&site, &cause);
	d->aside = cause.aside;
	d->stage = cause.stage;
	snprintf(d->cause, sizeof(d->cause), "%s", cause.name);
	d->text = cause.what->text;
	d->remedy = cause.what->remedy;
	d->counter = cause.counter;
	return cause.network;
}

/* What a send may fail for that is no fault of the caller's words. */
static const struct {
	int error;
	enum weir_stage stage;
	const char *cause, *text, *remedy;
} sends[] = {
	{ENETUNREACH, WEIR_STAGE_route_out, "IP_OUTNOROUTES",
		"no route leads to where this host would send it.", "ip route get ADDR"},
	{EHOSTUNREACH, WEIR_STAGE_route_out, "SEND_EHOSTUNREACH",
		"the next hop does not answer, or a route says that ADDR cannot be reached.",
		"ip route get ADDR; ip neigh show"},
	{EACCES, WEIR_STAGE_route_out, "SEND_EACCES",
		"a prohibit route, or a broadcast that the socket was not allowed.",
		"ip route get ADDR; a program sets SO_BROADCAST"},
	{EMSGSIZE, WEIR_STAGE_make_skb, "SEND_EMSGSIZE",
		"it is larger than the path's MTU, and may not be cut in fragments.",
		"ip route get ADDR shows the MTU; a program sets IP_MTU_DISCOVER, or sends less"},
	{ENOBUFS, WEIR_STAGE_make_skb, "SEND_ENOBUFS",
		"there was no room in the socket's send buffer, or in the device's queue.",
		"sysctl net.core.wmem_max; tc -s qdisc show dev DEV"},
	{ENOMEM, WEIR_STAGE_make_skb, "SEND_ENOMEM", "there was no memory for it.", "free -m"},
	{EAGAIN, WEIR_STAGE_make_skb, "SEND_EAGAIN",
		"the socket's send buffer was full, and its program was told to try again: no "
		"loss.",
		"none needed; a larger SO_SNDBUF, up to 'sysctl -w net.core.wmem_max=N'"},
	{EINVAL, WEIR_STAGE_sock_send, "SEND_EINVAL",
		"a blackhole route, or what the program asked for cannot be.",
		"ip route get ADDR; strace -e trace=network -p PID shows the call"},
	{EADDRNOTAVAIL, WEIR_STAGE_autobind, "SEND_EADDRNOTAVAIL",
		"no local port or address was left for the socket.",
		"sysctl net.ipv4.ip_local_port_range; ss -s"},
	{ECONNREFUSED, WEIR_STAGE_sock_send, "SEND_ECONNREFUSED",
		"an earlier packet was refused, so this one was not sent.",
		"nobody listens there: ss -ulnp on the other host"},
	{EPIPE, WEIR_STAGE_sock_send, "SEND_EPIPE", "the connection was closed.", "ss -tn"},
};

void weir_kernel_send_cause(struct weir_kernel_drop *d, int error)
{
	d->stage = WEIR_STAGE_sock_send;
	d->text = "the kernel refused to send it.";
	d->remedy = "strace -e trace=network -p PID shows the call";
	d->counter = "";
	d->aside = error == -EAGAIN;
	snprintf(d->cause, sizeof(d->cause), "SEND_%s",
		strerrorname_np(-error) ? strerrorname_np(-error) : "ERROR");
	for (size_t i = 0; i < sizeof(sends) / sizeof(sends[0]); i++)
		if (sends[i].error == -error) {
			d->stage = sends[i].stage;
			d->text = sends[i].text;
			d->remedy = sends[i].remedy;
			snprintf(d->cause, sizeof(d->cause), "%s", sends[i].cause);
		}
}

/* In the words of rules, where they have one. */
static const char *l4_name(__u8 l4, char buf[8])
{
	const char *name = weir_proto_name(l4);

	if (!name)
		snprintf(buf, 8, "ip-%u", l4);
	return name ? name : buf;
}

void weir_kernel_example(const struct weir_kdrop *d, char *text, size_t size)
{
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN], buf[8];

	text[0] = 0;
	if (d->version != 4)
		return;
	inet_ntop(AF_INET, &d->saddr, from, sizeof(from));
	inet_ntop(AF_INET, &d->daddr, to, sizeof(to));
	if (d->sport || d->dport)
		snprintf(text, size, "%s %s:%u > %s:%u", l4_name(d->l4, buf), from, ntohs(d->sport),
			to, ntohs(d->dport));
	else
		snprintf(text, size, "%s %s > %s", l4_name(d->l4, buf), from, to);
}

/* --- what counters and events both tell of --- */

enum whose { ANY, UDP, SENT, SENT_UDP };

static const struct cover {
	enum weir_kcounter counter;
	enum weir_stage from, to;
	enum whose whose;
	const char *causes;
} covers[] = {
#define COVER(id, from, to, whose, causes)                                                         \
	{WEIR_KCOUNTER_##id, WEIR_STAGE_##from, WEIR_STAGE_##to, whose, causes},
	WEIR_KCOVERS(COVER)
#undef COVER
};

static bool is_among(const char *causes, const char *cause)
{
	if (!*causes)
		return true;
	if (*causes == '!')
		return strcmp(causes + 1, cause);
	while (*causes) {
		size_t length = strcspn(causes, " "), known = strcspn(causes, "* ");

		if (!strncmp(causes, cause, known) && (known < length || !cause[known]))
			return true;
		causes += length;
		causes += strspn(causes, " ");
	}
	return false;
}

static bool is_theirs(enum whose whose, const struct weir_kernel_drop *d)
{
	bool send = d->witness == WEIR_KERNEL_SEND;
	bool is_told = d->key.error == -ENOBUFS || d->key.error == -EAGAIN ||
		       d->key.error == -ECONNREFUSED;
	unsigned int l4 = send ? d->key.protocol : d->count.l4;

	switch (whose) {
	case UDP:
		return !send && l4 == IPPROTO_UDP;
	case SENT: /* by calls that learn of it: not those of TCP's connections */
		return send ? is_told
			    : d->key.sending && (l4 != IPPROTO_TCP ||
							d->key.detail == WEIR_KDROP_DETAIL_reply);
	case SENT_UDP:
		return l4 == IPPROTO_UDP && (send ? is_told : (bool)d->key.sending);
	default:
		return !send;
	}
}

bool weir_kernel_counted_by(enum weir_kcounter counter, const struct weir_kernel_drop *d)
{
	if (d->witness == WEIR_KERNEL_COUNTER)
		return false;
	if (!strcmp(d->cause, weir_kcounter_info[counter].cause))
		return true;
	if (d->aside && d->witness == WEIR_KERNEL_EVENT)
		return false; /* a copy */
	for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++) {
		const struct cover *c = &covers[i];

		if (c->counter == counter && d->stage >= c->from && d->stage <= c->to &&
			is_theirs(c->whose, d) && is_among(c->causes, d->cause))
			return true;
	}
	return false;
}
