/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet and its session: which it is of, and what becomes of its addresses and ports.
 *
 *	track_read   reads the packet, track_in finds its session        before routing
 *	track_dnat   a new one: where to
 *	track_out    a new one: where from; then its session is made     behind the filter
 *
 * What they find is in a struct track of the CPU's own, for who writes the packet (rewrite.h).
 */
#ifndef WEIR_BPF_TRACK_H
#define WEIR_BPF_TRACK_H

#include "addr.h"
#include "claim.h"
#include "route.h"
#include "fields.h"
#include "session.h"

/* The first bytes behind the IP header: ports, or type, code and id; TCP's flags. */
union l4 {
	struct {
		__be16 sport, dport;
	};
	struct {
		__u8 type, code;
		__sum16 check;
		__be16 id;
	};
	__u8 bytes[20];
	__be16 half[10];
};

enum tracked {
	TRACKED_NOT,   /* no packet that has a session */
	TRACKED_FOUND, /* of a session */
	TRACKED_NEW,   /* it may begin one */
	TRACKED_LATER, /* a later fragment, whose first was not seen */
	TRACKED_STRAY, /* of a session that is not there: an ICMP error, an answer */
};

/* Where others of a fragment's packet have gone: see fragment.h. */
enum { LEFT_NOT, LEFT_LED, LEFT_AHEAD };

#define ERROR_OWN   2
#define LOCAL_TRIES 16

struct track {
	enum tracked what;
	__u32 drop; /* enum weir_exit, one more: it may not go on */
	struct weir_tuple
		t; /* what it is found by; of an ICMP error: a packet of the other direction */
	__u32 l3_off, l4_off;
	__u32 len;  /* of the frame */
	__u8 frag;  /* enum weir_frag */
	__u8 error; /* an ICMP error: t is about what it holds; ERROR_OWN: this host's */
	__u8 tcp;   /* flags */
	__u8 state; /* enum weir_state */
	__u8 back, ref;
	__u8 turned; /* found by its answer's ends: see sent_find() */
	__u8 hairpin;
	__u8 left;		 /* LEFT_LED, LEFT_AHEAD: its fragments are the kernel's */
	__u8 given;		 /* it is being left to the kernel */
	__u8 done;		 /* its session is made, or there is none to be */
	__u8 from_outside, name; /* of `iif`, and of its destination: may_be_name() */
	__u32 session;		 /* number plus one; 0: none */
	__u32 serial;
	__u32 bucket, version; /* where it would be kept: see weir_flow.session */
	__u32 saddr, daddr;    /* what it becomes */
	__u16 sport, dport;
	__u32 iif, oif;
	__u32 oldsrc; /* the packet's own, outside of what an ICMP error holds */
	__u32 rule_src, rule_dst;
	__u32 outside;	  /* ifindex: of the rule */
	__u32 mapping_in; /* number plus one, of the mapping it comes in by */
	__u32 named;	  /* number plus one, of the mapping whose name it is for */
	struct iphdr ip;
	struct iphdr inner;
	union l4 l4;
	struct weir_rule_rec rule;
	struct looking look;
	struct weir_fields fields;
	struct mapping_ask map;
	struct {
		__u16 pool, port;
	} held[LOCAL_TRIES]; /* ports that are local sockets' */
	struct session_ask ask;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct track);
} tracks SEC(".maps");

static __always_inline struct track *track_of(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tracks, &zero);
}

/* --- what it is --- */

#define ICMP_ECHOREPLY 0
#define ICMP_ECHO      8

/* RFC 792, 950: 8, 13, 15 and 17 ask; 0, 14, 16 and 18 answer. */
static __always_inline bool icmp_asks(__u8 type)
{
	return type == 8 || type == 13 || type == 15 || type == 17;
}

static __always_inline bool icmp_answers(__u8 type)
{
	return type == 0 || type == 14 || type == 16 || type == 18;
}

static __always_inline bool icmp_is_error(__u8 type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* The ends of a packet whose header is @ip and what follows it @l4, of which @have bytes were read.
 * False: it has none that sessions go by. */
static __always_inline bool tuple_read(
	struct weir_tuple *t, const struct iphdr *ip, const union l4 *l4, __u32 have)
{
	*t = (struct weir_tuple){.saddr = ip->saddr, .daddr = ip->daddr, .proto = ip->protocol};
	if (proto_has_ports(ip->protocol)) {
		if (have < 4)
			return false;
		t->sport = l4->sport;
		t->dport = l4->dport;
	} else if (ip->protocol == IPPROTO_ICMP) {
		if (have < 8)
			return false;
		if (icmp_asks(l4->type)) {
			t->sport = l4->id;
			t->dport = bpf_htons(l4->type);
		} else if (icmp_answers(l4->type)) {
			t->sport = bpf_htons(l4->type ? l4->type - 1 : ICMP_ECHO);
			t->dport = l4->id;
		} else {
			return false;
		}
	}
	return true;
}

static __always_inline void tuple_turn(struct weir_tuple *t)
{
	__u32 addr = t->saddr;
	__u16 port = t->sport;

	t->saddr = t->daddr;
	t->sport = t->dport;
	t->daddr = addr;
	t->dport = port;
}

/* Up to 20 bytes at @off, of @len that there are; how many were read. */
static __always_inline __u32 l4_load(hook_ctx *ctx, union l4 *l4, __u32 off, __u32 len)
{
	if (len >= 20 && !hook_load(ctx, off, l4, 20))
		return 20;
	if (len >= 8 && !hook_load(ctx, off, l4, 8))
		return 8;
	return 0;
}

/* An ICMP error holds the head of a packet that went the other way. */
static __always_inline enum tracked error_read(hook_ctx *ctx, struct track *t, __u32 len)
{
	__u32 off = t->l4_off + 8, head, have;

	t->error = 1;
	if (len < 8 + 20 + 8 || hook_load(ctx, off, &t->inner, sizeof(t->inner)) ||
		t->inner.version != 4 || t->inner.ihl < 5)
		return TRACKED_STRAY;
	head = t->inner.ihl * 4;
	if (t->inner.frag_off & bpf_htons(IP_OFFSET) || len < 8 + head + 8)
		return TRACKED_STRAY;
	have = l4_load(ctx, &t->l4, off + head, len - 8 - head);
	if (!tuple_read(&t->t, &t->inner, &t->l4, have))
		return TRACKED_STRAY;
	tuple_turn(&t->t);
	return TRACKED_NEW;
}

static __always_inline enum tracked packet_read(hook_ctx *ctx, struct track *t)
{
	__u32 head, len, have, off;

	if (hook_load(ctx, t->l3_off, &t->ip, sizeof(t->ip)) || t->ip.version != 4 || t->ip.ihl < 5)
		return TRACKED_NOT;
	head = t->ip.ihl * 4;
	len = t->ip.tot_len ? bpf_ntohs(t->ip.tot_len) : 0x10000; /* BIG TCP */
	if (len < head)
		return TRACKED_NOT;
	/* what the kernel forwards of multicast has no session, and is not to go out as it is */
	if (bpf_ntohl(t->ip.daddr) >> 28 >= 0xe)
		return t->iif ? TRACKED_STRAY : TRACKED_NOT;
	len -= head;
	t->l4_off = t->l3_off + head;
	t->oldsrc = t->saddr = t->ip.saddr;
	t->daddr = t->ip.daddr;
	off = bpf_ntohs(t->ip.frag_off);
	t->frag = off & IP_OFFSET ? WEIR_FRAG_LATER
		  : off & IP_MF	  ? WEIR_FRAG_FIRST
				  : WEIR_FRAG_NONE;
	t->t = (struct weir_tuple){
		.saddr = t->ip.saddr, .daddr = t->ip.daddr, .proto = t->ip.protocol};
	if (t->frag == WEIR_FRAG_LATER)
		return TRACKED_LATER;
	have = l4_load(ctx, &t->l4, t->l4_off, len);
	if (t->ip.protocol == IPPROTO_TCP && have >= 14)
		t->tcp = t->l4.bytes[13];
	/* its checksum, which has to follow addresses and ports, is in another fragment: no sender
	 * cuts there (RFC 791: 68 octets go anywhere), and RFC 1858 would not have it pass */
	if (t->ip.protocol == IPPROTO_TCP && have < 20 && t->frag == WEIR_FRAG_FIRST)
		return TRACKED_STRAY;
	if (t->ip.protocol == IPPROTO_ICMP && have >= 8 && icmp_is_error(t->l4.type) &&
		t->frag == WEIR_FRAG_NONE)
		return error_read(ctx, t, len);
	return tuple_read(&t->t, &t->ip, &t->l4, have) ? TRACKED_NEW : TRACKED_STRAY;
}

/* Whether a packet of no session may begin one, as nf_conntrack has it: a TCP connection that was
 * there before us is taken up, for its ends would not begin it anew. */
static __always_inline bool may_begin(const struct track *t)
{
	if (t->error)
		return false;
	if (t->t.proto == IPPROTO_ICMP)
		return icmp_asks(t->l4.type);
	if (t->t.proto != IPPROTO_TCP)
		return true;
	if (t->tcp & (TH_RST | TH_FIN))
		return false;
	return (t->tcp & (TH_SYN | TH_ACK)) == TH_SYN || (t->tcp & (TH_SYN | TH_ACK)) == TH_ACK;
}

/* --- whose names there are --- */

/* Whether packets that leave by the device are translated by some rule. */
static __always_inline bool is_outside(__u32 ifindex)
{
	struct weir_pool_key key = {.dev = ifindex};

	return bpf_map_lookup_elem(&pools, &key);
}

/* Whether NAT gives the address out. */
static __always_inline bool is_pool(__u32 addr)
{
	struct weir_pool_key key = {.addr = addr};

	return addr_may_be_ours(addr) && bpf_map_lookup_elem(&pools, &key);
}

/* Most packets from inside are for nobody's name: it would be an address that NAT gives out, or, as
 * far as is known without asking the kernel, this host's. */
static __always_inline bool may_be_name(const struct track *t)
{
	__u32 daddr = t->t.daddr;

	return t->from_outside || is_pool(daddr) || local_of(daddr);
}

/* --- of which session --- */

/* What a packet of session @s becomes that was found by @ref. False where the record is another's
 * by now. */
static __always_inline bool track_take(
	struct track *t, const struct weir_session *s, __u32 number, __u32 ref, __u32 serial)
{
	t->ref = (__u8)ref;
	t->back = ref == WEIR_REF_reply || ref == WEIR_REF_mid_reply;
	t->session = number + 1;
	t->serial = serial;
	if (t->back) {
		t->saddr = s->daddr;
		t->sport = s->dport;
		t->daddr = s->saddr;
		t->dport = s->sport;
	} else {
		t->saddr = s->xsaddr;
		t->sport = s->xsport;
		t->daddr = s->xdaddr;
		t->dport = s->xdport;
	}
	t->outside = s->outside;
	t->state = t->error					? WEIR_STATE_related
		   : t->back || s->flags & WEIR_SESSION_REPLIED ? WEIR_STATE_established
								: WEIR_STATE_new;
	barrier();
	if (*(volatile __u32 *)&s->serial == serial && s->life == WEIR_LIFE_LIVE)
		return true;
	t->session = 0;
	return false;
}

/* A device that masquerades has another address now: its sessions are of no use to anyone. */
static __always_inline bool address_gone(hook_ctx *ctx, const struct weir_session *s)
{
	return s->flags & WEIR_SESSION_MASQUERADE && !has_lately(ctx, s->outside, s->xsaddr);
}

static __always_inline bool track_session(hook_ctx *ctx, struct track *t)
{
	__u32 number = t->look.entry & WEIR_REF_RECORD;
	struct weir_session *s = session_at(number);

	if (!s)
		return false;
	if (!t->error && address_gone(ctx, s)) {
		if (!self.dry)
			session_end(number, t->look.serial);
		return false;
	}
	return track_take(t, s, number, ENTRY_REF(t->look.entry), t->look.serial);
}

/* What was found is the answer's, and nothing but that: the packet keeps its ends. */
static __always_inline void track_turned(struct track *t)
{
	t->turned = 1;
	t->back = !t->back;
	t->saddr = t->t.saddr;
	t->sport = t->t.sport;
	t->daddr = t->t.daddr;
	t->dport = t->t.dport;
}

/* A later fragment is of the first one's session. */
static __always_inline enum tracked track_fragment(struct track *t, bool egress)
{
	struct weir_frag_key key = {.saddr = t->ip.saddr,
		.daddr = t->ip.daddr,
		.id = t->ip.id,
		.proto = t->ip.protocol,
		.egress = egress};
	struct weir_frag_session *f = bpf_map_lookup_elem(&frags, &key);
	struct weir_session *s;

	if (!f || epoch_now() - f->seen >= WEIR_FRAG_EPOCHS)
		return TRACKED_LATER;
	if (!f->session)
		return TRACKED_NOT;
	s = session_at(f->session - 1);
	if (!s || s->serial != f->serial || !track_take(t, s, f->session - 1, f->ref, f->serial))
		return TRACKED_LATER;
	if (f->turned)
		track_turned(t);
	t->sport = t->dport = 0;
	return TRACKED_FOUND;
}

/* What the first fragment was found to be, for those that follow. */
static __always_inline void fragment_keep(const struct track *t, bool egress)
{
	struct weir_frag_key key = {.saddr = t->ip.saddr,
		.daddr = t->ip.daddr,
		.id = t->ip.id,
		.proto = t->ip.protocol,
		.egress = egress};
	struct weir_frag_session f = {.session = t->session,
		.serial = t->serial,
		.seen = epoch_now(),
		.ref = t->ref,
		.turned = t->turned};

	if (self.dry)
		return;
	if (bpf_map_update_elem(&frags, &key, &f, BPF_ANY))
		__sync_fetch_and_add(&nat.frags_full, 1);
}

/* The session of t->look.key; who makes or ends it at this moment is waited for. */
static __always_inline bool track_find(hook_ctx *ctx, struct track *t)
{
	int i, got = INDEX_BUSY;

	for (i = 0; i < RETRIES && got == INDEX_BUSY; i++) {
		got = index_find(&t->look);
		if (got == INDEX_FOUND && !track_session(ctx, t))
			got = INDEX_BUSY;
	}
	t->ask.known = got == INDEX_NONE;
	return got == INDEX_FOUND;
}

/* What a packet for the name may be an answer to: the mapping's first session. */
__checked_once int first_find(struct looking *l, __u32 mapping)
{
	struct weir_mapping *m = mapping_at(mapping);
	struct weir_session *s;
	__u32 first, i;

	if (!l)
		return INDEX_NONE;
	for (i = 0; i < RETRIES && m; i++) {
		first = *(volatile __u32 *)&m->first;
		s = first ? session_at(first - 1) : NULL;
		if (!s)
			return INDEX_NONE;
		l->serial = *(volatile __u32 *)&s->serial;
		if (!is_session(&l->key, WEIR_REF_reply, s))
			return INDEX_NONE;
		l->entry = ENTRY(WEIR_REF_reply, first - 1);
		if (*(volatile __u32 *)&s->life == WEIR_LIFE_LIVE)
			return INDEX_FOUND;
		entry_wait(l->entry);
	}
	return INDEX_NONE;
}

/* The session of an answer that is found by its name; or t->named says whose name that is. */
__checked_once int named_find(hook_ctx *ctx)
{
	struct track *t = track_of();

	if (!t || !ctx)
		return 0;
	t->named = name_find(&t->look, t->t.daddr, t->t.dport, t->t.proto);
	if (!t->named)
		return 0;
	t->look.key = t->t;
	if (first_find(&t->look, t->named - 1) != INDEX_FOUND || !track_session(ctx, t))
		return 0;
	t->what = TRACKED_FOUND;
	return 1;
}

/*
 * As the kernel sends it the packet's destination is translated already, where it is to be; and of
 * a session whose source stays it looks as an answer would, turned round. WEIR_SESSION_PORT: what
 * goes there has both ends translated already, and what comes back has neither.
 */
static __always_inline bool sent_find(hook_ctx *ctx, struct track *t)
{
	struct weir_session *s;

	t->look.key = t->t;
	if (track_find(ctx, t)) {
		s = session_at(t->session - 1);
		if (s && *(volatile __u32 *)&s->flags & WEIR_SESSION_PORT)
			return true;
		t->daddr = t->t.daddr;
		t->dport = t->t.dport;
		return true;
	}
	tuple_turn(&t->look.key);
	if (!track_find(ctx, t))
		return false;
	s = session_at(t->session - 1);
	track_turned(t);
	/* where the source is translated it is not sent as it is then: a local sender has chosen
	 * that port */
	if (s && !(*(volatile __u32 *)&s->flags & WEIR_SESSION_SRC))
		return true;
	t->session = t->serial = t->outside = 0;
	t->turned = t->back = t->ref = 0;
	return false;
}

/*
 * What this host itself tells of a packet that it could not send on, holds that packet with its
 * destination translated, and of WEIR_SESSION_PORT its source, too: who sent it is told of what was
 * sent.
 */
static __always_inline bool told_find(hook_ctx *ctx, struct track *t)
{
	struct weir_session *s;

	t->error = ERROR_OWN;
	t->look.key = t->t;
	if (track_find(ctx, t)) {
		s = session_at(t->session - 1);
		if (s && *(volatile __u32 *)&s->flags & WEIR_SESSION_PORT)
			return true;
	} else {
		tuple_turn(&t->look.key);
		if (!track_find(ctx, t))
			return false;
		s = session_at(t->session - 1);
		if (!s)
			return false;
		t->saddr = t->ref == WEIR_REF_mid_orig	  ? s->daddr
			   : t->ref == WEIR_REF_mid_reply ? s->xsaddr
							  : t->t.saddr;
		t->sport = t->ref == WEIR_REF_mid_orig	  ? s->dport
			   : t->ref == WEIR_REF_mid_reply ? s->xsport
							  : t->t.sport;
	}
	t->daddr = t->t.daddr;
	t->dport = t->t.dport;
	return true;
}

/* Reads the packet; a later fragment is of its first one's session. */
__checked_once int track_read(hook_ctx *ctx, __u32 l3_off, __u32 iif)
{
	struct track *t = track_of();

	if (!t)
		return TRACKED_NOT;
	t->l3_off = l3_off;
	t->len = hook_len(ctx);
	t->iif = iif;
	t->oif = t->drop = t->session = t->serial = t->rule_src = t->rule_dst = 0;
	t->outside = t->mapping_in = t->named = 0;
	t->error = t->tcp = t->state = t->back = t->ref = t->turned = 0;
	t->hairpin = t->done = t->frag = t->left = t->given = t->from_outside = t->name =
		t->ask.known = 0;
	t->bucket = WEIR_FLOW_UNTRACKED;
	t->what = packet_read(ctx, t);
	t->sport = t->t.sport;
	t->dport = t->t.dport;
	if (t->what == TRACKED_LATER)
		t->what = track_fragment(t, THIS_HOOK == WEIR_HOOK_tc_egress);
	if (t->what != TRACKED_NEW && t->what != TRACKED_FOUND)
		t->state =
			bpf_ntohl(t->ip.daddr) >> 28 >= 0xe ? WEIR_STATE_new : WEIR_STATE_invalid;
	return t->what;
}

/* Of a packet that has come in, whether it may be for a name. */
static __always_inline bool track_name(struct track *t)
{
	t->from_outside = is_outside(t->iif);
	t->name = may_be_name(t);
	return t->name;
}

/* Finds the session of a packet that was read, and is not found by its name. */
__checked_once int track_in(hook_ctx *ctx)
{
	const bool egress = THIS_HOOK == WEIR_HOOK_tc_egress;
	struct track *t = track_of();
	bool found;

	if (!t || !ctx)
		return TRACKED_NOT;
	if (egress && t->error && t->iif)
		return t->what = TRACKED_NOT; /* it was translated as it came in */
	t->look.key = t->t;
	found = !egress ? track_find(ctx, t) : t->error ? told_find(ctx, t) : sent_find(ctx, t);
	t->bucket = t->look.at & *(volatile __u32 *)&nat.index_mask;
	t->version = t->look.version;
	t->ask.known &= !egress; /* there another key may have been looked for last */
	t->ask.look.at = t->look.at;
	t->ask.look.tag = t->look.tag;
	t->ask.look.version = t->look.version;
	if (found)
		t->what = TRACKED_FOUND;
	else if (!may_begin(t))
		t->what = TRACKED_STRAY;
	if (t->what != TRACKED_FOUND)
		t->state = t->what == TRACKED_NEW ? WEIR_STATE_new : WEIR_STATE_invalid;
	return t->what;
}

/* Whether the packet's source, or its destination, becomes another. */
static __always_inline bool src_changes(const struct track *t)
{
	return (t->session || t->rule_src) &&
	       (t->saddr != t->t.saddr || (t->frag != WEIR_FRAG_LATER && t->sport != t->t.sport));
}

static __always_inline bool dst_changes(const struct track *t)
{
	return (t->session || t->rule_dst) &&
	       (t->daddr != t->t.daddr || (t->frag != WEIR_FRAG_LATER && t->dport != t->t.dport));
}

#endif
