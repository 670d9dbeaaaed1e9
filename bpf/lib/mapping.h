/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mappings: what an endpoint of the inside is called outside (RFC 4787, section 4), and, where a
 * rule filters by address, who outside may send there. A mapping lasts as long as a session holds
 * it.
 */
#ifndef WEIR_BPF_MAPPING_H
#define WEIR_BPF_MAPPING_H

#include "name.h"
#include "pool.h"
#include "self.h"

#define HOLD_TRIES 4
#define RETRIES	   6 /* each as long as another CPU takes to make the same */

/* A record that is in use by nobody; the kind's highest is *@used. */
static __always_inline bool record_new(void *queue, __u32 *used, __u32 max, __u32 *number)
{
	__u32 n;

	if (self.dry) /* which one does not matter */
		return !bpf_map_peek_elem(queue, number) || *used < max;
	if (!bpf_map_pop_elem(queue, number))
		return true;
	n = __sync_fetch_and_add(used, 1);
	if (n < max) {
		*number = n;
		return true;
	}
	__sync_fetch_and_add(used, -1);
	return false;
}

static __always_inline bool mapping_hold(struct weir_mapping *m)
{
	int i;

	for (i = 0; i < HOLD_TRIES; i++) {
		__u32 refs = *(volatile __u32 *)&m->refs;

		if (!refs)
			return false;
		if (self.dry)
			return true;
		if (__sync_val_compare_and_swap(&m->refs, refs, refs + 1) == refs)
			return true;
	}
	return false;
}

static __always_inline void key_in(struct looking *l, const struct weir_mapping *m)
{
	l->key = (struct weir_tuple){
		.kind = m->key,
		.proto = m->proto,
		.saddr = m->key == WEIR_KEY_permit ? m->addr : m->inside,
		.sport = m->key == WEIR_KEY_permit ? m->port : m->inside_port,
		.daddr = m->key == WEIR_KEY_permit ? m->remote : mapping_remote(m),
		.dport = m->key == WEIR_KEY_permit ? 0 : m->remote_port,
		.more = m->key == WEIR_KEY_permit ? 0 : m->rule,
	};
}

static __always_inline __u32 entry_in(const struct weir_mapping *m, __u32 number)
{
	return ENTRY(m->key == WEIR_KEY_permit ? WEIR_REF_permit : WEIR_REF_map_in, number);
}

/* UDP, TCP, ICMP: whose ports are counted; WEIR_PORT_PROTOS: of no other protocol. */
static __always_inline __u32 port_proto(__u8 proto)
{
	return proto == IPPROTO_UDP    ? 0
	       : proto == IPPROTO_TCP  ? 1
	       : proto == IPPROTO_ICMP ? 2
				       : WEIR_PORT_PROTOS;
}

/* Without its keys it is nobody's. */
static __always_inline void mapping_free(struct weir_mapping *m, __u32 number)
{
	__u32 *slot = m->aside ? name_slot(m->aside - 1) : NULL;

	if (slot)
		aside_less(slot);
	m->aside = 0;
	if (m->pool)
		port_give(m->pool - 1, port_proto(m->proto), bpf_ntohs(m->port));
	m->pool = 0;
	bpf_map_push_elem(&free_mappings, &number, 0);
}

/* One session less holds it. @l is for what it needs. */
__checked_once int mapping_release(struct looking *l, __u32 number)
{
	struct weir_mapping *m = mapping_at(number);

	if (!m || !l || self.dry || __sync_fetch_and_add(&m->refs, -1) != 1)
		return 0;
	if (m->key == WEIR_KEY_permit || m->aside) {
		key_in(l, m);
		index_take(l, entry_in(m, number));
	}
	if (m->key == WEIR_KEY_map_in)
		name_take(l, number);
	mapping_free(m, number);
	return 0;
}

#endif
