// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>
#include <arpa/inet.h>

#include "base/num.h"
#include "model/rule.h"
#include "model/tables.h"
#include "out/doc.h"

enum { TEXT_MAX = 256 };

/* What an event's numbers look like. */
struct words {
	char addr[INET_ADDRSTRLEN], mac[18], old_mac[18];
	unsigned long long before, now, count;
	const char *hook;
};

/* Empty where none is known. */
static void mac_text(char text[18], const __u8 m[6])
{
	static const __u8 none[6];

	text[0] = '\0';
	if (!memcmp(m, none, sizeof(none)))
		return;
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static void tell_dev(const struct weir_event *e, const struct words *w, char text[TEXT_MAX],
	char remedy[TEXT_MAX])
{
	switch (e->kind) {
	case WEIR_EVENT_attached:
		snprintf(text, TEXT_MAX, "%s runs program %llu", w->hook, w->now);
		break;
	case WEIR_EVENT_reloaded:
		snprintf(text, TEXT_MAX, "%s runs program %llu, before %llu; counters kept",
			w->hook, w->now, w->before);
		break;
	case WEIR_EVENT_detached:
		snprintf(text, TEXT_MAX, "%s no longer runs program %llu", w->hook, w->before);
		break;
	case WEIR_EVENT_replaced:
		if (e->now)
			snprintf(text, TEXT_MAX, "%s runs program %llu in place of weir's %llu",
				w->hook, w->now, w->before);
		else
			snprintf(text, TEXT_MAX, "weir's program %llu was taken off %s", w->before,
				w->hook);
		snprintf(remedy, TEXT_MAX, "weir dev attach %s force", e->dev);
		break;
	case WEIR_EVENT_vlan_attached:
		snprintf(text, TEXT_MAX, "VLAN device, attached at %s", e->other);
		break;
	case WEIR_EVENT_vlan_detached:
		snprintf(text, TEXT_MAX, "VLAN device, no longer attached at %s", e->other);
		break;
	case WEIR_EVENT_gone:
		snprintf(text, TEXT_MAX, "the device is gone; its counters stand still");
		snprintf(remedy, TEXT_MAX, "weir dev detach %s", e->dev);
		break;
	case WEIR_EVENT_recreated:
		snprintf(text, TEXT_MAX, "there again, as number %llu, before %llu, not attached",
			w->now, w->before);
		snprintf(
			remedy, TEXT_MAX, "weir dev detach %s; weir dev attach %s", e->dev, e->dev);
		break;
	case WEIR_EVENT_link_up:
		snprintf(text, TEXT_MAX, "up");
		break;
	case WEIR_EVENT_link_down:
		snprintf(text, TEXT_MAX, e->now ? "down: no carrier" : "down");
		snprintf(remedy, TEXT_MAX,
			e->now ? "ethtool %s; is the other end up?" : "ip link set %s up", e->dev);
		break;
	case WEIR_EVENT_mtu:
		snprintf(text, TEXT_MAX, "MTU %llu, before %llu", w->now, w->before);
		break;
	case WEIR_EVENT_mac:
		snprintf(text, TEXT_MAX, "MAC address %s, before %s: weir goes on with the old one",
			w->mac, w->old_mac);
		snprintf(remedy, TEXT_MAX, "weir dev attach %s force", e->dev);
		break;
	default:
		break;
	}
}

static void tell_neigh(const struct weir_event *e, const struct words *w, char text[TEXT_MAX],
	char remedy[TEXT_MAX])
{
	switch (e->kind) {
	case WEIR_EVENT_neigh_reachable:
		snprintf(text, TEXT_MAX, "next hop %s answers: %s", w->addr, w->mac);
		break;
	case WEIR_EVENT_neigh_stale:
		snprintf(text, TEXT_MAX, "next hop %s is stale: %s", w->addr, w->mac);
		break;
	case WEIR_EVENT_neigh_failed:
		snprintf(text, TEXT_MAX, "next hop %s does not answer", w->addr);
		snprintf(remedy, TEXT_MAX, "ip neigh show dev %s; is it up?", e->dev);
		break;
	case WEIR_EVENT_neigh_moved:
		snprintf(text, TEXT_MAX, "next hop %s moved from %s to %s", w->addr, w->old_mac,
			w->mac);
		break;
	case WEIR_EVENT_neigh_removed:
		snprintf(text, TEXT_MAX, "next hop %s was removed%s%s", w->addr,
			*w->mac ? ": " : "", w->mac);
		break;
	default:
		break;
	}
}

static void tell_limit(const struct weir_event *e, const struct words *w, char text[TEXT_MAX],
	char remedy[TEXT_MAX])
{
	switch (e->kind) {
	case WEIR_EVENT_flows_full:
		snprintf(text, TEXT_MAX, "%llu packets asked the FIB: the table of flows was full",
			w->count);
		break;
	case WEIR_EVENT_answers_limited:
		snprintf(text, TEXT_MAX, "%llu refused packets not answered: the rate was reached",
			w->count);
		break;
	case WEIR_EVENT_neigh_full:
		snprintf(text, TEXT_MAX, "%llu next hops not confirmed: their table was full",
			w->count);
		break;
	case WEIR_EVENT_xmit_full:
		snprintf(text, TEXT_MAX, "%llu packets dropped: the driver's queue was full",
			w->count);
		snprintf(remedy, TEXT_MAX, "weir drop explain %s",
			weir_cause_info[WEIR_CAUSE_XMIT_FULL].name);
		break;
	case WEIR_EVENT_qdisc_full:
		snprintf(text, TEXT_MAX, "%llu packets dropped by the outgoing device's qdisc",
			w->count);
		snprintf(remedy, TEXT_MAX, "weir drop explain %s",
			weir_cause_info[WEIR_CAUSE_QDISC_DROP].name);
		break;
	case WEIR_EVENT_lost:
		snprintf(text, TEXT_MAX, "weir lost sight of %llu packets that it sent", w->count);
		snprintf(remedy, TEXT_MAX, "weir ledger show dev %s", e->dev);
		break;
	case WEIR_EVENT_log_lost:
		snprintf(text, TEXT_MAX, "%llu packets were not logged: there were too many",
			w->count);
		break;
	case WEIR_EVENT_buckets_full:
		snprintf(text, TEXT_MAX,
			"%llu packets taken for over their limit: the table of limits was full",
			w->count);
		break;
	case WEIR_EVENT_devices_full:
		snprintf(text, TEXT_MAX, "%llu devices are attached: weir holds no more", w->count);
		break;
	default:
		break;
	}
}

static void tell_nat(const struct weir_event *e, const struct words *w, char text[TEXT_MAX],
	char remedy[TEXT_MAX])
{
	static const char began[] = "packets began no session";

	switch (e->kind) {
	case WEIR_EVENT_sessions_full:
		snprintf(text, TEXT_MAX, "%llu %s: there are as many as may be", w->count, began);
		snprintf(remedy, TEXT_MAX, "weir nat limit; weir nat session flush");
		break;
	case WEIR_EVENT_mappings_full:
		snprintf(text, TEXT_MAX, "%llu %s: there are as many mappings as may be", w->count,
			began);
		snprintf(remedy, TEXT_MAX, "weir nat limit; weir nat session flush");
		break;
	case WEIR_EVENT_index_full:
		snprintf(text, TEXT_MAX, "%llu %s: their place in the index was full", w->count,
			began);
		snprintf(remedy, TEXT_MAX, "a larger one: weir nat limit SESSIONS");
		break;
	case WEIR_EVENT_ports_full:
		snprintf(text, TEXT_MAX, "%llu %s: the pool had no free port", w->count, began);
		snprintf(remedy, TEXT_MAX, "weir nat show; more addresses in the rule's pool");
		break;
	case WEIR_EVENT_session_clashes:
		snprintf(text, TEXT_MAX, "%llu %s: answers would have been another's", w->count,
			began);
		break;
	case WEIR_EVENT_frags_full:
		snprintf(text, TEXT_MAX,
			"%llu fragmented packets not remembered: there are too many at once", w->count);
		break;
	default:
		break;
	}
}

static void tell_rest(const struct weir_event *e, const struct words *w, char text[TEXT_MAX],
	char remedy[TEXT_MAX])
{
	switch (e->kind) {
	case WEIR_EVENT_sampling:
		if (e->now)
			snprintf(text, TEXT_MAX, "latency of 1 packet in %llu is measured", w->now);
		else
			snprintf(text, TEXT_MAX, "no latency is measured any more");
		break;
	case WEIR_EVENT_address_added:
	case WEIR_EVENT_address_removed:
		snprintf(text, TEXT_MAX, "address %s %s; weir does not know that yet", w->addr,
			e->kind == WEIR_EVENT_address_added ? "added" : "removed");
		snprintf(remedy, TEXT_MAX, "weir dev attach %s force", e->other);
		break;
	case WEIR_EVENT_logged:
		if (e->log.verdict < WEIR_VERDICT_COUNT)
			snprintf(text, TEXT_MAX, "rule %u logs, rule %u says %s:", e->log.rule,
				e->log.decided, weir_verdict_name(e->log.verdict));
		else
			snprintf(text, TEXT_MAX, "rule %u logs, no rule decides:", e->log.rule);
		break;
	case WEIR_EVENT_overrun:
		snprintf(text, TEXT_MAX,
			"more happened than could be told; what lasted of it follows");
		break;
	default:
		break;
	}
}

static void put_log(json_t *doc, const struct weir_event *e)
{
	const struct weir_log *l = &e->log;

	json_object_set_new(doc, "rule", json_integer(l->rule));
	json_object_set_new(doc, "decided", l->decided ? json_integer(l->decided) : json_null());
	json_object_set_new(doc, "verdict",
		l->verdict < WEIR_VERDICT_COUNT ? json_string(weir_verdict_name(l->verdict))
						: json_null());
	json_object_set_new(doc, "out", text_or_null(e->other));
	json_object_set_new(doc, "length", json_integer(l->len));
	weir_put_packet(doc, l->head, l->head_len < WEIR_LOG_HEAD ? l->head_len : WEIR_LOG_HEAD, 0);
}

json_t *weir_doc_event(const struct weir_event *e, __u64 wall_s)
{
	const struct weir_event_info *info = &weir_event_info[e->kind];
	struct words w = {.before = e->before,
		.now = e->now,
		.count = e->count,
		.hook = weir_hook_info[e->hook].name};
	char text[TEXT_MAX] = "", remedy[TEXT_MAX] = "";
	json_t *doc = json_pack("{s:I, s:I, s:s, s:o, s:o}", "time_s", weir_json_int(wall_s),
		"time_ns", weir_json_int(e->time_ns), "event", info->name, "device",
		*e->dev ? weir_json_text(e->dev) : json_null(), "ifindex",
		e->ifindex ? json_integer(e->ifindex) : json_null());

	inet_ntop(AF_INET, &e->addr, w.addr, sizeof(w.addr));
	mac_text(w.mac, e->mac);
	mac_text(w.old_mac, e->old_mac);
	if (info->has & WEIR_HAS_HOOK)
		json_object_set_new(doc, "hook", json_string(w.hook));
	if (info->has & WEIR_HAS_ON)
		json_object_set_new(doc, "on", weir_json_text(e->other));
	if (info->has & WEIR_HAS_PACKET)
		put_log(doc, e);
	if (info->has & WEIR_HAS_BEFORE)
		json_object_set_new(doc, "before", json_integer(weir_json_int(e->before)));
	if (info->has & WEIR_HAS_NOW)
		json_object_set_new(doc, "now", json_integer(weir_json_int(e->now)));
	if (info->has & WEIR_HAS_COUNT)
		json_object_set_new(doc, "count", json_integer(weir_json_int(e->count)));
	if (info->has & WEIR_HAS_ADDR)
		json_object_set_new(doc, "address", json_string(w.addr));
	if (info->has & WEIR_HAS_OLD_MAC)
		json_object_set_new(doc, "old_mac", text_or_null(w.old_mac));
	if (info->has & WEIR_HAS_MAC)
		json_object_set_new(doc, "mac", text_or_null(w.mac));
	tell_dev(e, &w, text, remedy);
	tell_neigh(e, &w, text, remedy);
	tell_limit(e, &w, text, remedy);
	tell_nat(e, &w, text, remedy);
	tell_rest(e, &w, text, remedy);
	if (json_object_set_new(doc, "text", weir_json_text(text)) ||
		json_object_set_new(doc, "remedy", weir_json_text(remedy))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

void weir_text_event(const struct weir_face *face, const json_t *doc)
{
	const char *dev = weir_get_text(doc, "device"), *remedy = weir_get_text(doc, "remedy");
	char clock[16];

	weir_format_clock(clock, sizeof(clock), (uint64_t)weir_get_int(doc, "time_s"));
	weir_ink(face, WEIR_PLAIN, "%s  %-15s  ", clock, weir_get_text(doc, "event"));
	if (*dev)
		weir_ink(face, WEIR_PLAIN, "%-8s  ", dev);
	else
		weir_ink(face, WEIR_PLAIN, "%s         ", weir_dot(face));
	weir_ink(face, *remedy ? WEIR_ALARM : WEIR_PLAIN, "%s", weir_get_text(doc, "text"));
	if (json_object_get(doc, "ethertype")) {
		weir_ink(face, WEIR_PLAIN, " ");
		weir_text_packet(face, doc);
		weir_ink(face, WEIR_PLAIN, ", %lld bytes", (long long)weir_get_int(doc, "length"));
	}
	if (*remedy)
		weir_ink(face, WEIR_PLAIN, "  try: %s", remedy);
	weir_ink(face, WEIR_PLAIN, "\n");
}
