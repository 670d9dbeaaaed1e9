// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What user space has done to sessions: it runs this program, since to end one is more than to write. */
#include "lib/session.h"


static __always_inline bool is_end(const struct weir_flush *f, __u32 addr, __u16 port)
{
	return !((addr ^ f->addr) & f->mask) && (!f->port || f->port == port);
}

/* Either end, as it is inside or outside. */
static __always_inline bool is_meant(const struct weir_flush *f, const struct weir_session *s)
{
	if (f->proto && f->proto != s->proto)
		return false;
	if (f->rule && f->rule != s->rule_src && f->rule != s->rule_dst)
		return false;
	return is_end(f, s->saddr, s->sport) || is_end(f, s->daddr, s->dport) ||
	       is_end(f, s->xsaddr, s->xsport) || is_end(f, s->xdaddr, s->xdport);
}

static long flush_step(__u32 i, struct weir_flush *f)
{
	struct weir_session *s = session_at(i);

	if (!s)
		return 1;
	if (s->life == WEIR_LIFE_LIVE && is_meant(f, s))
		f->ended += (__u32)session_end(i, s->serial);
	return 0;
}

SEC("syscall")
int weir_flush(struct weir_flush *ctx)
{
	struct weir_flush f = *ctx;

	f.ended = 0;
	bpf_loop(*(volatile __u32 *)&nat.sessions_used, flush_step, &f, 0);
	ctx->ended = f.ended;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
