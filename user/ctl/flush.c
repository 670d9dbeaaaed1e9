// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flush.h"
#include "nat.skel.h"

struct weir_flusher {
	struct weir_ns *ns;
	struct nat_bpf *skel;
};

/* Its maps are the pinned ones, as a hook's are. */
static int load(struct weir_ns *ns, struct nat_bpf *skel)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(skel->obj, ".rodata.self");
	struct weir_self unasked = {0}, *self = &unasked;
	size_t size = sizeof(*self);
	int rc;

	if (rodata)
		self = bpf_map__initial_value(rodata, &size);
	rc = self && size == sizeof(*self) ? weir_shared_use(ns, skel->obj, self) : -EINVAL;
	return rc ? rc : nat_bpf__load(skel);
}

int weir_flusher_open(struct weir_ns *ns, struct weir_flusher **flusher, struct weir_err *err)
{
	struct weir_flusher *f = calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	if (f) {
		f->ns = ns;
		f->skel = nat_bpf__open();
	}
	if (f && f->skel)
		rc = load(ns, f->skel);
	if (rc) {
		weir_flusher_close(f);
		return weir_fail_sys(
			err, rc, "loading the program that ends sessions (%s)", weir_libbpf_said());
	}
	*flusher = f;
	return 0;
}

int weir_flusher_run(struct weir_flusher *f, struct weir_flush *match, struct weir_err *err)
{
	static const char frame[64]; /* none is looked at */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	struct weir_flush *run = &f->skel->data_flush->flush;
	volatile const __u32 *used = &f->skel->data_nat->nat.sessions_used;
	int rc = 0;

	*run = *match;
	run->from = run->ended = 0;
	while (!rc && run->from < *used)
		rc = bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.weir_flush), &opts);
	match->ended = run->ended;
	weir_shared_moved(f->ns); /* flows may know of them still */
	return rc ? weir_fail_sys(err, rc, "ending sessions") : 0;
}

void weir_flusher_close(struct weir_flusher *f)
{
	if (!f)
		return;
	nat_bpf__destroy(f->skel);
	free(f);
}
