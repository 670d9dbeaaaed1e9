/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sessions: made by a packet that nothing refuses, and ended when none has come for a while, by a
 * timer of the kernel's that looks at a part of them 80 times a second, as long as there are any.
 */
#ifndef WEIR_BPF_SESSION_H
#define WEIR_BPF_SESSION_H

#include "chores.h"
#include "mapping.h"

#define SWEEP_NS     12500000ULL
#define SWEEP_PARTS  64 /* all are looked at within 0.8 s */
#define EPOCHS_PER_S (1000000000 / WEIR_EPOCH_NS)

static __always_inline __u32 epoch_now(void)
{
	return (__u32)(bpf_ktime_get_coarse_ns() / WEIR_EPOCH_NS);
}

/* --- keys --- */

/* What packets of a kind look like: @l->key. Field by field, for a whole key would be made on the
 * stack. */
__checked_once int key_of(struct looking *l, const struct weir_session *s, __u32 ref)
{
	bool back = ref == WEIR_REF_reply || ref == WEIR_REF_mid_reply;
	bool out = ref == WEIR_REF_reply; /* who began, as it is called outside */
	struct weir_tuple *k;
	__u32 a, b;
	__u16 ap, bp;

	if (!l || !s)
		return 0;
	k = &l->key;
	a = out ? s->xsaddr : s->saddr;
	ap = out ? s->xsport : s->sport;
	b = ref == WEIR_REF_orig ? s->daddr : s->xdaddr;
	bp = ref == WEIR_REF_orig ? s->dport : s->xdport;
	k->saddr = back ? b : a;
	k->sport = back ? bp : ap;
	k->daddr = back ? a : b;
	k->dport = back ? ap : bp;
	k->proto = s->proto;
	k->kind = WEIR_KEY_tuple;
	k->_pad = 0;
	k->more = 0;
	return 0;
}

/* Where both ends are translated the kernel sees what nobody sends. */
static __always_inline __u32 keys_nr(const struct weir_session *s)
{
	__u32 both = WEIR_SESSION_SRC | WEIR_SESSION_DST;

	return (s->flags & both) == both ? 4 : 2;
}

/* --- the end --- */

/* Whether answers are found by the name that they are for: then they need no key. */
static __always_inline bool first_take(const struct weir_session *s, __u32 number)
{
	struct weir_mapping *m = s->mapping ? mapping_at(s->mapping - 1) : NULL;

	return m && *(volatile __u32 *)&m->first == number + 1 &&
	       __sync_val_compare_and_swap(&m->first, number + 1, 0) == number + 1;
}

/* Takes the keys before the one numbered @nr away. */
__checked_once int keys_take(
	struct looking *l, const struct weir_session *s, __u32 number, __u32 nr)
{
	__u32 ref;

	if (!l || !s)
		return 0;
	for (ref = WEIR_REF_orig; ref <= WEIR_REF_mid_reply && ref < nr; ref++) {
		if (ref == WEIR_REF_reply && first_take(s, number))
			continue;
		key_of(l, s, ref);
		index_take(l, ENTRY(ref, number));
	}
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct looking);
} ending SEC(".maps");

/* Nothing leads to it any more. */
static __always_inline void session_free(struct weir_session *s, __u32 number)
{
	*(volatile __u32 *)&s->life = WEIR_LIFE_FREE;
	bpf_map_push_elem(&free_sessions, &number, 0);
}

/* From the next packet on there is no such session. 1 where this call has ended it. @l is for what
 * it needs. */
__checked_once int session_end_by(struct looking *l, __u32 number, __u32 serial)
{
	struct weir_session *s = session_at(number);

	if (!s || !l || s->serial != serial ||
		__sync_val_compare_and_swap(&s->life, WEIR_LIFE_LIVE, WEIR_LIFE_ENDING) !=
			WEIR_LIFE_LIVE)
		return 0;
	__sync_fetch_and_add(&s->serial, 1);
	keys_take(l, s, number, keys_nr(s));
	if (s->mapping)
		mapping_release(l, s->mapping - 1);
	if (s->mapping_in)
		mapping_release(l, s->mapping_in - 1);
	if (s->permit)
		mapping_release(l, s->permit - 1);
	session_free(s, number);
	__sync_fetch_and_add(&nat.ended, 1);
	return 1;
}

/* The same for who runs in softirq context, as packets and timers do: on a CPU one after the other.
 */
static __always_inline int session_end(__u32 number, __u32 serial)
{
	__u32 zero = 0;
	struct looking *l = bpf_map_lookup_elem(&ending, &zero);

	return l ? session_end_by(l, number, serial) : 0;
}

/* --- the sweeper --- */

struct sweep {
	__u32 from, epoch;
};

static long sweep_step(__u32 i, const struct sweep *sweep)
{
	__u32 at = sweep->from + i, idle, timeout;
	struct weir_session *s = session_at(at);

	if (!s || s->life != WEIR_LIFE_LIVE)
		return 0;
	timeout = weir_session_timeout(s->proto, s->flags);
	idle = sweep->epoch - *(volatile __u32 *)&s->seen;
	barrier_var(timeout);
	if (timeout >= WEIR_TIMEOUT_COUNT || (__s32)idle < 0 ||
		idle / EPOCHS_PER_S < *(volatile __u32 *)&nat.timeout_s[timeout])
		return 0;
	if (session_end(at, s->serial))
		__sync_fetch_and_add(&nat.expired, 1);
	return 0;
}

static int sweep_do(void *map, __u32 *key, struct chores *c)
{
	struct sweep sweep = {.epoch = epoch_now(), .from = nat.sweep};
	__u32 used = *(volatile __u32 *)&nat.sessions_used, nr = used / SWEEP_PARTS + 1;

	if (sweep.from >= used)
		sweep.from = 0;
	bpf_loop(nr, sweep_step, &sweep, 0);
	nat.sweep = sweep.from + nr;
	/* before it is looked whether there are any: who makes one looks in the other order */
	chores_done(c);
	if (*(volatile __u64 *)&nat.created != *(volatile __u64 *)&nat.ended)
		chores_again(c, SWEEP_NS);
	return 0;
}

/* --- the beginning --- */

enum made { MADE, MADE_FULL, MADE_CLASH, MADE_FOUND, MADE_AGAIN };

/* A session to be made, but for its life. */
struct session_ask {
	struct weir_session s;
	__u32 number, serial;
	__u32 entry;  /* whose it is already */
	__u8 known;   /* the packet's own key was looked for, and `look` says where it belongs */
	__u8 by_name; /* answers are nobody else's, so that their name is enough */
	struct looking look;
};

static __always_inline void session_copy(struct weir_session *to, const struct session_ask *a)
{
	to->seen = a->s.seen;
	to->flags = a->s.flags;
	to->mapping = a->s.mapping;
	to->mapping_in = a->s.mapping_in;
	to->permit = a->s.permit;
	to->count[0] = to->count[1] = (struct weir_count){};
	to->rule_src = a->s.rule_src;
	to->rule_dst = a->s.rule_dst;
	to->saddr = a->s.saddr;
	to->daddr = a->s.daddr;
	to->sport = a->s.sport;
	to->dport = a->s.dport;
	to->xsaddr = a->s.xsaddr;
	to->xdaddr = a->s.xdaddr;
	to->xsport = a->s.xsport;
	to->xdport = a->s.xdport;
	to->proto = a->s.proto;
	to->iif = a->s.iif;
	to->oif = a->s.oif;
	to->born = a->s.seen;
	to->outside = a->s.outside;
}

/* Puts one key in. MADE_FOUND: the same packet's session is there already. MADE_AGAIN: once more.
 */
static __always_inline int key_try(struct session_ask *a, __u32 ref)
{
	int put, got;

	key_of(&a->look, &a->s, ref);
	got = a->known ? INDEX_NONE : index_find(&a->look);
	a->known = 0;
	if (got != INDEX_NONE)
		return got == INDEX_BUSY      ? MADE_AGAIN
		       : ref == WEIR_REF_orig ? MADE_FOUND
					      : MADE_CLASH;
	put = index_put(&a->look, ENTRY(ref, a->number));
	if (put == INDEX_FULL)
		__sync_fetch_and_add(&nat.index_full, 1);
	return put == INDEX_PUT ? MADE : put == INDEX_FULL ? MADE_FULL : MADE_AGAIN;
}

__checked_once int session_key(struct session_ask *a, __u32 ref)
{
	int i, got;

	if (!a)
		return MADE_FULL;
	for (i = 0; i < RETRIES; i++) {
		got = key_try(a, ref);
		if (got != MADE_AGAIN)
			return got;
	}
	return MADE_CLASH;
}

static __always_inline void session_begin(struct session_ask *a, struct weir_session *s)
{
	__sync_fetch_and_add(&s->serial, 1);
	*(volatile __u32 *)&s->life = WEIR_LIFE_MAKING;
	session_copy(s, a);
}

/* The session is the first that its mapping leads to. */
static __always_inline bool first_put(const struct session_ask *a)
{
	struct weir_mapping *m = a->by_name ? mapping_at(a->s.mapping - 1) : NULL;

	if (self.dry)
		return a->by_name && (!m || !m->first);
	return m && !*(volatile __u32 *)&m->first &&
	       !__sync_val_compare_and_swap(&m->first, 0, a->number + 1);
}

/* session_make() without making it. What it is found by first was looked for before. */
static __always_inline int session_would(struct session_ask *a)
{
	__u32 ref, nr = keys_nr(&a->s);

	a->number = WEIR_SESSION_NEW - 1;
	for (ref = WEIR_REF_reply; ref <= WEIR_REF_mid_reply && ref < nr; ref++) {
		if (ref == WEIR_REF_reply && first_put(a))
			continue;
		key_of(&a->look, &a->s, ref);
		if (index_find(&a->look) != INDEX_NONE)
			return MADE_CLASH;
	}
	return MADE;
}

/*
 * Makes the session. Where a part of it is another's already nothing is made, and a->entry says
 * whose; what it holds of mappings stays held.
 */
__checked_once int session_make(struct session_ask *a)
{
	struct weir_session *s;
	__u32 ref, nr, number;
	int got = MADE;

	if (!a)
		return MADE_FULL;
	if (!record_new(&free_sessions, &nat.sessions_used, nat.sessions_max, &number)) {
		__sync_fetch_and_add(&nat.sessions_full, 1);
		return MADE_FULL;
	}
	if (self.dry)
		return session_would(a);
	s = session_at(number);
	if (!s)
		return MADE_FULL;
	a->number = number;
	session_begin(a, s);
	nr = keys_nr(&a->s);
	for (ref = WEIR_REF_orig; ref <= WEIR_REF_mid_reply && ref < nr; ref++) {
		if (ref == WEIR_REF_reply && first_put(a))
			continue;
		got = session_key(a, ref);
		if (got != MADE)
			break;
	}
	if (got != MADE) {
		a->entry = a->look.entry;
		keys_take(&a->look, &a->s, a->number, ref);
		session_free(s, a->number);
		return got;
	}
	a->serial = s->serial;
	__sync_fetch_and_add(&nat.created, 1);
	__sync_val_compare_and_swap(&s->life, WEIR_LIFE_MAKING, WEIR_LIFE_LIVE);
	chores_set(CHORE_SWEEP, sweep_do, SWEEP_NS);
	return MADE;
}

/* --- its packets --- */

#define TH_FIN 0x01
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_ACK 0x10

/* What TCP's flags say of a session's ends; a SYN on one that was closing begins anew (RFC 5382,
 * 5). */
__checked_once int session_tcp(struct weir_session *s, __u32 back, __u32 tcp)
{
	__u32 bits = 0, flags, closing;

	if (!s)
		return 0;
	flags = *(volatile __u32 *)&s->flags;
	closing = WEIR_TCP_RST | WEIR_TCP_RST << WEIR_TCP_REPLY | WEIR_TCP_FIN |
		  WEIR_TCP_FIN << WEIR_TCP_REPLY;
	if (tcp & TH_SYN && !(tcp & TH_ACK) && flags & closing)
		__sync_fetch_and_and(&s->flags, ~WEIR_TCP_ALL);
	bits |= tcp & TH_SYN ? WEIR_TCP_SYN : 0;
	bits |= tcp & TH_ACK ? WEIR_TCP_ACK : 0;
	bits |= tcp & TH_FIN ? WEIR_TCP_FIN : 0;
	bits |= tcp & TH_RST ? WEIR_TCP_RST : 0;
	if (back)
		bits <<= WEIR_TCP_REPLY;
	if ((s->flags & bits) != bits)
		__sync_fetch_and_or(&s->flags, bits);
	return 0;
}

/* Whether a TCP segment says of its session what was not known. */
static __always_inline bool tcp_tells(const struct weir_session *s, __u32 back, __u32 tcp)
{
	return tcp & (TH_SYN | TH_FIN | TH_RST) ||
	       (tcp & TH_ACK &&
		       !(s->flags & (back ? WEIR_TCP_ACK << WEIR_TCP_REPLY : WEIR_TCP_ACK)));
}

static __always_inline void session_count(
	struct weir_session *s, __u32 back, __u32 epoch, __u32 packets, __u32 bytes)
{
	struct weir_count *c = back ? &s->count[1] : &s->count[0];

	__sync_fetch_and_add(&c->packets, packets);
	__sync_fetch_and_add(&c->bytes, bytes);
	if (s->seen != epoch)
		*(volatile __u32 *)&s->seen = epoch;
	if (back && !(s->flags & WEIR_SESSION_REPLIED))
		__sync_fetch_and_or(&s->flags, WEIR_SESSION_REPLIED);
}

#endif
