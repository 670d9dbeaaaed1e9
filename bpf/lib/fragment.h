/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments that the kernel gets. Where sessions are followed it puts packets together before it
 * forwards them (user/ctl/defrag.c), so it is to have all fragments of a packet, or none: what goes
 * there is remembered, and the others follow. That is how a later fragment that comes before the
 * first finds its session: the kernel waits for both, and sends the first one first, by TC egress.
 */
#ifndef WEIR_BPF_FRAGMENT_H
#define WEIR_BPF_FRAGMENT_H

#include "device.h"
#include "track.h"

/* Where the packet is remembered. */
struct frag_place {
	struct weir_frag_line *line;
	__u64 mark; /* of its slot: the hash above */
	__u32 now;
};

#define FRAG_HASH (~(WEIR_FRAG_AHEAD | 0xffffffffULL))

/* The seed keeps who chooses ids from choosing lines. */
static __always_inline struct frag_place frag_place(const struct track *t)
{
	__u64 h = *(volatile __u32 *)&nat.seed;
	__u32 i;

	h = (h ^ ((__u64)t->ip.saddr << 32 | t->ip.daddr)) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 32 ^ (t->ip.id | (__u32)t->ip.protocol << 16)) * 0xd6e8feb86659fd93ULL;
	h ^= h >> 29;
	i = (__u32)h % WEIR_FRAG_LINES;
	return (struct frag_place){.line = bpf_map_lookup_elem(&frags_left, &i),
		.mark = h & FRAG_HASH,
		.now = epoch_now()};
}

static __always_inline bool frag_over(const struct frag_place *at, __u64 slot)
{
	return !slot || at->now - (__u32)slot >= WEIR_FRAG_EPOCHS;
}

/* Its slot's number, WEIR_FRAG_SLOTS where it has none, and what is there. */
static __always_inline __u32 frag_find(const struct frag_place *at, __u64 *slot)
{
	__u32 i;

	for (i = 0; i < WEIR_FRAG_SLOTS; i++) {
		*slot = *(volatile __u64 *)&at->line->slot[i];
		if ((*slot & FRAG_HASH) == at->mark && !frag_over(at, *slot))
			break;
	}
	return i;
}

/* False where there is no room for it. */
static __always_inline bool frag_put(const struct frag_place *at, __u64 ahead)
{
	__u64 slot;
	__u32 i;

	if (self.dry)
		return true;
	for (i = 0; i < WEIR_FRAG_SLOTS; i++) {
		slot = *(volatile __u64 *)&at->line->slot[i];
		if (frag_over(at, slot) && __sync_val_compare_and_swap(&at->line->slot[i], slot,
						   at->mark | ahead | at->now) == slot)
			return true;
	}
	__sync_fetch_and_add(&nat.frags_full, 1);
	return false;
}

/* Whether the kernel would put the packet together: it is one that is forwarded. */
static __always_inline bool is_reassembled(const struct track *t)
{
	return t->frag != WEIR_FRAG_NONE && t->iif && t->oif && *(volatile __u32 *)&nat.defrag;
}

/*
 * Whether a later fragment of no known packet may wait for its first in the kernel: only where TC
 * egress stands behind it, which lets nothing pass that it cannot translate, and where the first
 * will not have its destination translated here, and so be another packet to the kernel.
 */
__checked_once int fragment_waits(struct track *t, __u32 oif)
{
	return t && t->what == TRACKED_LATER && t->iif && oif && *(volatile __u32 *)&nat.defrag &&
	       is_outside(oif) && bpf_map_lookup_elem(&ports, &oif) && !is_pool(t->ip.daddr);
}

/*
 * Whether the fragment, which leaves by t->oif, is to go to the kernel like others of its packet,
 * or is the first that does since it came ahead: t->left says which. It is remembered, but where
 * the device drops what is punted, so that no other would follow.
 */
__checked_once int fragment_follows(hook_ctx *ctx)
{
	struct track *t = track_of();
	struct frag_place at;
	__u64 slot;

	if (!t || !ctx || !is_reassembled(t))
		return 0;
	if (t->left)
		return 1;
	at = frag_place(t);
	if (!at.line)
		return 0;
	if (frag_find(&at, &slot) < WEIR_FRAG_SLOTS) {
		t->left = slot & WEIR_FRAG_AHEAD ? LEFT_AHEAD : LEFT_LED;
		return 1;
	}
	if (!fragment_waits(t, t->oif))
		return 0;
	if (conf.punt != WEIR_PUNT_DROP && !frag_put(&at, WEIR_FRAG_AHEAD))
		return 0;
	t->left = LEFT_AHEAD;
	return 1;
}

/* The fragment goes to the kernel, whatever for: so will the others. */
static __always_inline void fragment_leads(const struct track *t)
{
	struct frag_place at = frag_place(t);

	if (at.line)
		frag_put(&at, 0);
}

/*
 * A fragment that is about to leave, or is being left to the kernel: 0, or the exit that it takes
 * instead, plus one. Of those that came ahead the kernel has had one with the destination that it
 * came with, so a first that is to have another is of no use there.
 */
static __always_inline int fragment_out(hook_ctx *ctx, struct track *t)
{
	bool follows = fragment_follows(ctx);

	if (!t->given)
		return follows ? WEIR_EXIT_nf_forward_IP_REASSEMBLE + 1 : 0;
	if (!follows)
		fragment_leads(t);
	else if (t->left == LEFT_AHEAD && t->frag == WEIR_FRAG_FIRST && dst_changes(t))
		return WEIR_EXIT_nf_postrouting_NAT_FRAGMENT + 1;
	return 0;
}

/* The kernel has put the packet together, and sends it: nobody need be remembered. */
__checked_once int fragment_through(struct track *t)
{
	struct frag_place at;
	__u64 slot;
	__u32 i;

	if (!t || self.dry || !*(volatile __u32 *)&nat.defrag)
		return 0;
	at = frag_place(t);
	if (!at.line)
		return 0;
	i = frag_find(&at, &slot);
	if (i < WEIR_FRAG_SLOTS)
		__sync_val_compare_and_swap(&at.line->slot[i], slot, 0);
	return 0;
}

#endif
