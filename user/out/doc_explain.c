// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the fast path would make of a packet: its stages, the rules, NAT, the next hop, the end. */
#include <string.h>
#include <arpa/inet.h>

#include "out/doc.h"

enum { RULE_SHOWN = 300, LABEL = 13 };

/* --- parts --- */

static json_t *name_or_null(const char *name)
{
	return *name ? weir_json_text(name) : json_null();
}

static json_t *proto_doc(__u8 proto)
{
	const char *name = weir_proto_name(proto);

	return name ? json_string(name) : json_sprintf("%u", proto);
}

static json_t *addr_doc(__u32 addr)
{
	char text[WEIR_SPAN_MAX];

	weir_addr_text(text, addr);
	return json_string(text);
}

static json_t *mac_doc(const __u8 mac[6])
{
	static const __u8 none[6];

	return memcmp(mac, none, sizeof(none))
		       ? json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
				 mac[3], mac[4], mac[5])
		       : json_null();
}

static json_t *packet_doc(const struct weir_packet *p)
{
	bool ports = weir_proto_has_ports(p->proto) && p->frag != WEIR_FRAG_LATER;
	json_t *doc = json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:s, s:o}", "proto",
		proto_doc(p->proto), "src", addr_doc(p->saddr), "sport",
		ports ? json_integer(p->sport) : json_null(), "dst", addr_doc(p->daddr), "dport",
		ports ? json_integer(p->dport) : json_null(), "len", (int)p->len, "ttl",
		(int)p->ttl, "direction", p->out ? "out" : "in", "device", weir_json_text(p->dev));

	if (doc && p->proto == IPPROTO_ICMP && p->frag != WEIR_FRAG_LATER) {
		const char *type = weir_icmp_name(p->icmp_type);

		json_object_set_new(doc, "icmp_type",
			type ? json_string(type) : json_sprintf("%u", p->icmp_type));
		json_object_set_new(doc, "icmp_id", json_integer(p->icmp_id));
	}
	return doc;
}

/* Those that the packet has crossed. */
static json_t *stages_doc(const struct weir_explanation *e)
{
	const struct weir_exit_info *exit = &weir_exit_info[e->exit];
	enum weir_fast_stage last = exit->fast;
	json_t *list = json_array();

	for (unsigned int s = weir_hook_entry(e->hook); s < WEIR_FAST_STAGE_COUNT; s++) {
		bool ends = s == last && exit->kind != WEIR_KIND_OUT;

		if (!weir_hook_crosses(e->hook, s) || s == WEIR_FAST_nic_rx)
			continue;
		if (json_array_append_new(list, json_pack("{s:s, s:b}", "stage",
							weir_stage_info[weir_fast_to_stage[s]].name,
							"passed", !ends))) {
			json_decref(list);
			return NULL;
		}
		if (s == last)
			break;
	}
	return list;
}

/* --- the filter --- */

/* The policy that decided: those of `in` are asked first, and to accept is to say nothing. */
static const struct weir_policy *find_policy(
	const struct weir_explanation *e, const struct weir_ruleset_model *filter)
{
	for (int out = 0; out < 2; out++)
		for (__u32 i = 0; i < filter->nr_policies; i++) {
			const struct weir_policy *p = &filter->policies[i];

			if (p->out == (out != 0) && p->verdict != WEIR_accept &&
				!strcmp(p->dev, out ? e->out : e->in))
				return p;
		}
	return NULL;
}

/* The rule's text; null where it is none any more. */
static json_t *text_of(const struct weir_ruleset_model *set, __u32 id)
{
	long at = id ? weir_ruleset_find(set, id) : -1;

	return at < 0 ? json_null() : weir_doc_rule_text(&set->rules[at]);
}

static json_t *decider_text(
	const struct weir_explanation *e, const struct weir_ruleset_model *filter)
{
	const struct weir_policy *p;

	if (e->found.rule || e->found.verdict >= WEIR_VERDICT_COUNT)
		return text_of(filter, e->found.rule);
	p = find_policy(e, filter);
	return p ? json_sprintf("policy %s dev %s %s", p->out ? "out" : "in", p->dev,
			   weir_verdict_name(p->verdict))
		 : json_null();
}

static const char *state_name(__u8 state)
{
	static const char *const names[] = {
#define STATE(id, text) #id,
		WEIR_STATES(STATE)
#undef STATE
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (state == 1u << i)
			return names[i];
	return NULL;
}

static json_t *filter_doc(const struct weir_explanation *e, const struct weir_ruleset_model *filter)
{
	const struct weir_explained *f = &e->found;
	bool decided = f->verdict < WEIR_VERDICT_COUNT;
	const char *state = state_name(f->state);

	if (!f->asked)
		return json_null();
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:b, s:I}", "verdict",
		decided ? weir_verdict_name(f->verdict) : "accept", "by",
		!decided  ? "none"
		: f->rule ? "rule"
			  : "policy",
		"rule", (json_int_t)f->rule, "text", decider_text(e, filter), "in",
		name_or_null(e->in), "out", name_or_null(e->out), "state",
		state ? json_string(state) : json_null(), "limited", f->checks & WEIR_CHECK_LIMIT,
		"log", (json_int_t)f->log);
}

/* --- sessions and NAT --- */

static json_t *session_doc(const struct weir_explanation *e)
{
	const struct weir_session *s = &e->session;

	if (!e->found.session)
		return json_null();
	if (e->found.session == WEIR_SESSION_NEW)
		return json_pack("{s:b}", "new", 1);
	if (!e->has_session) /* it ended meanwhile */
		return json_pack(
			"{s:b, s:I}", "new", 0, "number", (json_int_t)e->found.session - 1);
	return json_pack("{s:b, s:I, s:s, s:s, s:I, s:I}", "new", 0, "number",
		(json_int_t)e->found.session - 1, "state", weir_state_name(weir_session_state(s)),
		"direction", e->found.back ? "back" : "there", "packets_there",
		weir_json_int(s->count[0].packets), "packets_back",
		weir_json_int(s->count[1].packets));
}

/* One of the two ends: an address, and its port where it has one; @any: whichever is free. */
static json_t *end_doc(const struct weir_explained *f, __u32 addr, __u16 port, bool any)
{
	bool ports = weir_proto_has_ports(f->is.proto) && !f->later;
	char text[WEIR_SPAN_MAX];

	weir_addr_text(text, ntohl(addr));
	if (any)
		return json_sprintf("%s:any", text);
	return ports ? json_sprintf("%s:%u", text, ntohs(port)) : json_string(text);
}

/* @rule: whose doing it is. */
static json_t *change_doc(
	json_t *from, json_t *to, __u32 rule, const struct weir_ruleset_model *nat)
{
	if (json_equal(from, to)) {
		json_decref(from);
		json_decref(to);
		return json_null();
	}
	return json_pack("{s:o, s:o, s:I, s:o}", "from", from, "to", to, "rule", (json_int_t)rule,
		"text", text_of(nat, rule));
}

/* What becomes of ids of ICMP's queries: its asker's port is one. */
static json_t *icmp_id_doc(const struct weir_explained *f)
{
	bool asks = f->is.dport && !f->back;
	__u16 from = asks ? f->is.sport : f->is.dport;
	__u16 to = asks ? f->becomes.sport : f->becomes.dport;

	if (f->is.proto != IPPROTO_ICMP || f->later || from == to)
		return json_null();
	return json_pack("{s:i, s:o}", "from", (int)ntohs(from), "to",
		f->port_any ? json_null() : json_integer(ntohs(to)));
}

static int put_nat(
	json_t *doc, const struct weir_explanation *e, const struct weir_ruleset_model *nat)
{
	const struct weir_explained *f = &e->found;
	__u32 src = e->has_session ? e->session.rule_src : f->rule_src;
	__u32 dst = e->has_session ? e->session.rule_dst : f->rule_dst;
	bool ports = weir_proto_has_ports(f->is.proto);
	json_t *source, *destination;

	if (!f->tracked)
		return json_object_set_new(doc, "source", json_null()) ||
		       json_object_set_new(doc, "destination", json_null()) ||
		       json_object_set_new(doc, "icmp_id", json_null());
	source = change_doc(end_doc(f, f->is.saddr, f->is.sport, false),
		end_doc(f, f->becomes.saddr, f->becomes.sport, f->port_any && ports),
		f->back ? dst : src, nat);
	destination = change_doc(end_doc(f, f->is.daddr, f->is.dport, false),
		end_doc(f, f->becomes.daddr, f->becomes.dport, false), f->back ? src : dst, nat);
	return json_object_set_new(doc, "source", source) ||
	       json_object_set_new(doc, "destination", destination) ||
	       json_object_set_new(doc, "icmp_id", icmp_id_doc(f));
}

/* --- the way out, and the end --- */

static json_t *hop_doc(const struct weir_explanation *e)
{
	const struct weir_explained *f = &e->found;
	bool forward = f->forward.oif != 0;
	const struct weir_explained_way *way = forward ? &f->forward : &f->kernel;
	const char *dev = forward ? e->forward : e->kernel;

	if (!way->oif)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "device", name_or_null(dev), "address",
		addr_doc(ntohl(way->nexthop)), "mac", mac_doc(way->dmac), "own_mac",
		mac_doc(way->smac), "mtu", way->mtu ? json_integer(way->mtu) : json_null());
}

static const char *end_name(const struct weir_explanation *e)
{
	switch (weir_exit_info[e->exit].kind) {
	case WEIR_KIND_OUT:
		return e->hook == WEIR_HOOK_tc_egress ? "sent" : "forwarded";
	case WEIR_KIND_PUNT:
		return e->punt_drop ? "dropped" : "kernel";
	case WEIR_KIND_PASS:
		return "kernel";
	default:
		return "dropped";
	}
}

static json_t *end_of(const struct weir_packet *packet, const struct weir_explanation *e)
{
	const struct weir_exit_info *exit = &weir_exit_info[e->exit];
	const struct weir_cause_info *cause = &weir_cause_info[exit->cause];
	const char *dev = packet->out ? packet->dev : e->forward;

	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "what", end_name(e),
		"device", exit->kind == WEIR_KIND_OUT ? name_or_null(dev) : json_null(), "stage",
		weir_stage_info[exit->stage].name, "kind", weir_kind_info[exit->kind].name, "cause",
		cause->name, "text", cause->text, "remedy", cause->remedy, "punt_drop",
		e->punt_drop, "answered", e->answered);
}

json_t *weir_doc_explanation(const struct weir_packet *packet, const struct weir_explanation *e,
	const struct weir_ruleset_model *filter, const struct weir_ruleset_model *nat)
{
	json_t *doc = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "packet", packet_doc(packet),
		"hook", weir_hook_info[e->hook].name, "stages", stages_doc(e), "filter",
		filter_doc(e, filter), "session", session_doc(e), "next_hop", hop_doc(e), "end",
		end_of(packet, e));

	if (!doc || !put_nat(doc, e, nat))
		return doc;
	json_decref(doc);
	return NULL;
}

/* --- text --- */

static void label(const struct weir_face *face, const char *text)
{
	weir_ink(face, WEIR_HEAD, "%-*s", LABEL, text);
}

static void text_port(const struct weir_face *face, const json_t *packet, const char *key)
{
	const json_t *port = json_object_get(packet, key);

	if (json_is_integer(port))
		weir_ink(face, WEIR_PLAIN, ":%" JSON_INTEGER_FORMAT, json_integer_value(port));
}

static void text_packet(const struct weir_face *face, const json_t *p, const char *hook)
{
	label(face, "packet");
	weir_ink(face, WEIR_PLAIN, "%s %s", weir_get_text(p, "proto"), weir_get_text(p, "src"));
	text_port(face, p, "sport");
	weir_ink(face, WEIR_PLAIN, " > %s", weir_get_text(p, "dst"));
	text_port(face, p, "dport");
	if (*weir_get_text(p, "icmp_type"))
		weir_ink(face, WEIR_PLAIN, ", %s, id %" JSON_INTEGER_FORMAT,
			weir_get_text(p, "icmp_type"), weir_get_int(p, "icmp_id"));
	weir_ink(face, WEIR_PLAIN,
		", %" JSON_INTEGER_FORMAT " bytes, TTL %" JSON_INTEGER_FORMAT ", %s dev %s (%s)\n",
		weir_get_int(p, "len"), weir_get_int(p, "ttl"), weir_get_text(p, "direction"),
		weir_get_text(p, "device"), hook);
}

/* "xdp, ip_rcv, route_in", and where it ends by itself. */
static void text_stages(const struct weir_face *face, const json_t *stages)
{
	const char *between = "";
	const json_t *stage;
	size_t i;

	label(face, "passes");
	json_array_foreach (stages, i, stage) {
		if (!json_is_true(json_object_get(stage, "passed")))
			continue;
		weir_ink(face, WEIR_PLAIN, "%s%s", between, weir_get_text(stage, "stage"));
		between = ", ";
	}
	weir_ink(face, WEIR_PLAIN, "%s\n", *between ? "" : "no stage");
}

static void text_rule(const struct weir_face *face, const json_t *of)
{
	const char *text = weir_get_text(of, "text");

	weir_ink(face, WEIR_PLAIN, "rule %" JSON_INTEGER_FORMAT "%s%.*s%s\n",
		weir_get_int(of, "rule"), *text ? ": " : "", RULE_SHOWN, text,
		strlen(text) > RULE_SHOWN ? "..." : "");
}

static void text_filter(const struct weir_face *face, const json_t *f)
{
	const char *by = weir_get_text(f, "by"), *state = weir_get_text(f, "state");

	if (json_is_null(f))
		return;
	label(face, "filter");
	if (!strcmp(by, "none"))
		weir_ink(face, WEIR_PLAIN, "accept: no rule or policy decides\n");
	else
		weir_ink(face, WEIR_PLAIN, "%s by ", weir_get_text(f, "verdict"));
	if (!strcmp(by, "rule"))
		text_rule(face, f);
	else if (!strcmp(by, "policy"))
		weir_ink(face, WEIR_PLAIN, "%s\n", weir_get_text(f, "text"));
	if (*state) {
		label(face, "state");
		weir_ink(face, WEIR_PLAIN, "%s\n", state);
	}
	if (json_is_true(json_object_get(f, "limited"))) {
		label(face, "limit");
		weir_ink(face, WEIR_PLAIN,
			"a rule's limit was asked: once its bucket is empty the answer is "
			"another\n");
	}
	if (weir_get_int(f, "log")) {
		label(face, "log");
		weir_ink(face, WEIR_PLAIN, "by rule %" JSON_INTEGER_FORMAT "\n",
			weir_get_int(f, "log"));
	}
}

static void text_session(const struct weir_face *face, const json_t *s)
{
	if (json_is_null(s))
		return;
	label(face, "session");
	if (json_is_true(json_object_get(s, "new")))
		weir_ink(face, WEIR_PLAIN, "none yet: would make a new one\n");
	else if (!*weir_get_text(s, "state"))
		weir_ink(face, WEIR_PLAIN, "%" JSON_INTEGER_FORMAT ", which has ended\n",
			weir_get_int(s, "number"));
	else
		weir_ink(face, WEIR_PLAIN,
			"%" JSON_INTEGER_FORMAT ": %s, %" JSON_INTEGER_FORMAT
			" packets there, %" JSON_INTEGER_FORMAT " back; this one goes %s\n",
			weir_get_int(s, "number"), weir_get_text(s, "state"),
			weir_get_int(s, "packets_there"), weir_get_int(s, "packets_back"),
			weir_get_text(s, "direction"));
}

static void text_change(const struct weir_face *face, const json_t *doc, const char *what)
{
	const json_t *c = json_object_get(doc, what);
	const char *to = weir_get_text(c, "to");
	size_t len = strlen(to);

	if (json_is_null(c))
		return;
	label(face, what);
	weir_ink(face, WEIR_PLAIN, "%s becomes ", weir_get_text(c, "from"));
	if (len > 4 && !strcmp(to + len - 4, ":any"))
		weir_ink(face, WEIR_PLAIN, "%.*s, another port of the pool", (int)len - 4, to);
	else
		weir_ink(face, WEIR_PLAIN, "%s", to);
	if (weir_get_int(c, "rule")) {
		weir_ink(face, WEIR_PLAIN, " by NAT ");
		text_rule(face, c);
	} else {
		weir_ink(face, WEIR_PLAIN, "\n");
	}
}

static void text_icmp_id(const struct weir_face *face, const json_t *id)
{
	const json_t *to = json_object_get(id, "to");

	if (json_is_null(id))
		return;
	label(face, "icmp id");
	weir_ink(face, WEIR_PLAIN, "%" JSON_INTEGER_FORMAT " becomes ", weir_get_int(id, "from"));
	if (json_is_null(to))
		weir_ink(face, WEIR_PLAIN, "another\n");
	else
		weir_ink(face, WEIR_PLAIN, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(to));
}

static void text_hop(const struct weir_face *face, const json_t *hop)
{
	const char *mac = weir_get_text(hop, "mac");

	if (json_is_null(hop))
		return;
	label(face, "next hop");
	weir_ink(face, WEIR_PLAIN, "%s by %s", weir_get_text(hop, "address"),
		weir_get_text(hop, "device"));
	if (*mac)
		weir_ink(face, WEIR_PLAIN, ", at %s", mac);
	if (weir_get_int(hop, "mtu"))
		weir_ink(face, WEIR_PLAIN, ", MTU %" JSON_INTEGER_FORMAT, weir_get_int(hop, "mtu"));
	fputc('\n', face->file);
}

static void text_end(const struct weir_face *face, const json_t *doc)
{
	const json_t *end = json_object_get(doc, "end");
	const char *what = weir_get_text(end, "what"), *cause = weir_get_text(end, "cause");
	bool dropped = !strcmp(what, "dropped"), kernel = !strcmp(what, "kernel");

	label(face, "end");
	if (!dropped && !kernel) {
		weir_ink(face, WEIR_PLAIN, "%s out of %s\n", what, weir_get_text(end, "device"));
		return;
	}
	weir_ink(face, dropped ? WEIR_ALARM : WEIR_PLAIN, "%s at %s: %s",
		dropped ? "dropped" : "given to the kernel", weir_get_text(end, "stage"), cause);
	weir_ink(face, WEIR_PLAIN, ": %s\n", weir_get_text(end, "text"));
	if (json_is_true(json_object_get(end, "punt_drop")))
		weir_ink(face, WEIR_PLAIN, "%-*sit is not given to the kernel: 'punt drop'\n",
			LABEL, "");
	if (json_is_true(json_object_get(end, "answered")))
		weir_ink(face, WEIR_PLAIN, "%-*sits sender is told\n", LABEL, "");
	if (kernel && !json_is_null(json_object_get(doc, "source")))
		weir_ink(face, WEIR_PLAIN,
			"%-*sthe kernel's copy has its source translated at tc_egress\n", LABEL,
			"");
	label(face, "remedy");
	weir_ink(face, WEIR_PLAIN, "%s\n", weir_get_text(end, "remedy"));
}

void weir_text_explanation(const struct weir_face *face, const json_t *doc)
{
	text_packet(face, json_object_get(doc, "packet"), weir_get_text(doc, "hook"));
	text_stages(face, json_object_get(doc, "stages"));
	text_filter(face, json_object_get(doc, "filter"));
	text_session(face, json_object_get(doc, "session"));
	text_change(face, doc, "destination");
	text_change(face, doc, "source");
	text_icmp_id(face, json_object_get(doc, "icmp_id"));
	text_hop(face, json_object_get(doc, "next_hop"));
	text_end(face, doc);
}
