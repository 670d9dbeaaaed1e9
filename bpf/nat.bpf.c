// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What user space has done to sessions: it runs this program, since to end one is more than to write. */
#include "lib/session.h"

static long flush_step(__u32 i, struct weir_flush *f)
{
	struct weir_session *s = session_at(i);
	struct looking l = {}; /* not the CPU's own, which a packet may take from us */

	if (!s)
		return 1;
	if (s->life == WEIR_LIFE_LIVE && weir_session_matches(s, f))
		f->ended += (__u32)session_end_by(&l, i, s->serial);
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
