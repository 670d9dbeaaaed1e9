// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that follow single packets through the kernel: loaded, attached, read. */
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "expr.h"
#include "kernel_trace.h"
#include "kernel_trace.skel.h"
#include "kernel_priv.h"
#include "kernel_trace_priv.h"
#include "priv.h"

#define SWEEP_NS     1000000000ull
#define ENDED_NS     2000000000ull  /* what has ended is kept so long: a reader may be slow */
#define FORGOTTEN_NS 60000000000ull /* what was not heard of for so long has ended untold */
#define HOOKS_MAX    (2 * NF_INET_NUMHOOKS * 2 * WEIR_TRACE_NETNS)
#define LINKS_MAX    (HOOKS_MAX + WEIR_TRACE_POINT_COUNT)
#define PRIO_TRIES   16 /* others may have taken the outermost place of a hook */

struct weir_tracing {
	struct kernel_trace_bpf *skel;
	struct ring_buffer *ring;
	struct weir_trace_book *book;
	struct weir_trace_taps *taps;
	struct weir_expr expr[WEIR_EXPR_KINDS];
	struct weir_notes notes;
	const struct weir_ns *ns; /* while it is opened */
	struct weir_err *err;	  /* likewise */
	bool all;
	unsigned int named,
		watched; /* namespaces to watch; those that are, with all that there is */
	struct bpf_link *nf[LINKS_MAX];
	unsigned int nr_nf;
	__u32 points;
	__u64 swept_ns;
	int (*fn)(void *ctx, const struct weir_trace_event *event);
	void *ctx;
};

static const char *program_of(enum weir_trace_point point)
{
	static const char *const name[WEIR_TRACE_POINT_COUNT] = {
#define POINT(id, kernel, args) #id,
		WEIR_TRACE_POINTS(POINT)
#undef POINT
	};

	return name[point];
}

/* Loads what this kernel has a place for. */
static void choose(struct weir_tracing *t, const struct btf *btf)
{
	bool sock = weir_k_args(btf, "kfree_skb") >= 4;

	for (unsigned int i = 0; i < WEIR_TRACE_POINT_COUNT; i++) {
		const struct weir_trace_point_info *info = &weir_trace_point_info[i];
		bool there =
			info->args ? weir_k_args(btf, info->kernel) >= (int)info->args
				   : btf__find_by_name_kind(btf, "bpf_nf_ctx", BTF_KIND_STRUCT) > 0;
		struct bpf_program *p = bpf_object__find_program_by_name(
			t->skel->obj, program_of((enum weir_trace_point)i));

		if (i == WEIR_TRACE_kfree && there && sock) {
			bpf_program__set_autoload(p, false);
			t->points |= 1U << i;
			continue;
		}
		bpf_program__set_autoload(p, there);
		t->points |= (__u32)there << i;
	}
	bpf_program__set_autoload(t->skel->progs.kfree_sock, sock);
}

static int configure(struct weir_tracing *t, const struct weir_ns *ns,
	const struct weir_trace_wish *wish, struct weir_err *err)
{
	int rc = weir_expr_compile(wish->expr, t->expr, err);
	__u64 window_ns, per_window;
	__u32 ifindex = 0;

	if (rc)
		return rc;
	if (wish->dev) {
		ifindex = if_nametoindex(wish->dev);
		if (!ifindex) {
			rc = weir_fail(err, WEIR_NOT_FOUND, -ENODEV, "device %s", wish->dev);
			weir_remedy(err, "ip link show");
			return rc;
		}
	}
	memcpy((void *)t->skel->rodata_expr->expr, t->expr, sizeof(t->expr));
	t->skel->rodata_conf->conf.own_netns = ns->cookie;
	t->skel->rodata_conf->conf.ifindex = ifindex;
	t->skel->rodata_conf->conf.all = t->all;
	weir_trace_rate(wish->rate, &window_ns, &per_window);
	t->skel->rodata_conf->conf.window_ns = window_ns;
	t->skel->rodata_conf->conf.per_window = per_window;
	t->taps = weir_trace_taps_new(&t->expr[WEIR_EXPR_FRAME], ns->cookie, ifindex);
	return t->taps ? 0 : weir_fail(err, WEIR_REFUSED, -ENOMEM, "opening the trace");
}

static int load(struct weir_tracing *t, const struct weir_ns *ns,
	const struct weir_trace_wish *wish, struct weir_err *err)
{
	struct btf *btf;
	int rc = weir_trace_book_new(ns, &t->book, err);

	if (rc)
		return rc;
	t->skel = kernel_trace_bpf__open();
	btf = btf__load_vmlinux_btf();
	if (!t->skel || !btf) {
		rc = weir_fail_sys(err, -errno, "opening the tracing programs");
		btf__free(btf);
		return rc;
	}
	choose(t, btf);
	btf__free(btf);
	rc = configure(t, ns, wish, err);
	if (rc)
		return rc;
	rc = weir_trace_book_set_places(t->book, t->skel->obj);
	if (!rc)
		rc = kernel_trace_bpf__load(t->skel);
	return rc ? weir_fail_sys(err, rc, "loading the tracing programs (%s)", weir_libbpf_said())
		  : 0;
}

/* As far out as there is room: at one priority of a hook there is one program. */
static struct bpf_link *hook(const struct bpf_program *p, __u32 pf, __u32 hooknum, bool first)
{
	struct bpf_link *link = NULL;

	for (int i = 1; !link && i <= PRIO_TRIES; i++) {
		LIBBPF_OPTS(bpf_netfilter_opts, opts, .pf = pf, .hooknum = hooknum,
			.priority = first ? INT_MIN + i : INT_MAX - i);

		link = bpf_program__attach_netfilter(p, &opts);
		if (!link && errno != EBUSY)
			break;
	}
	return link;
}

/* In the namespace that this process is in. A family that the kernel lacks is left out. */
static void watch_hooks(struct weir_tracing *t)
{
	static const __u32 families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

	if (!(t->points & 1U << WEIR_TRACE_nf_first))
		return;
	for (unsigned int i = 0; i < 2 * NF_INET_NUMHOOKS * 2; i++) {
		bool first = i % 2;
		struct bpf_link *link = hook(
			first ? t->skel->progs.nf_first : t->skel->progs.nf_last,
			families[i / 2 / NF_INET_NUMHOOKS], i / 2 % NF_INET_NUMHOOKS, first);

		if (link && t->nr_nf < LINKS_MAX)
			t->nf[t->nr_nf++] = link;
		else
			bpf_link__destroy(link);
	}
}

static int watch_fast(struct weir_tracing *t, __u64 cookie)
{
	char said[256], name[WEIR_TRACE_NAME_MAX];
	struct weir_trace_names names = weir_trace_book_names(t->book);
	int rc = weir_trace_tap(t->taps, t->ns, said, t->err);

	if (!rc && *said)
		weir_note(&t->notes, "%s: no verdicts of the fast plane: %.120s",
			names.netns(names.ctx, cookie, name), said);
	return rc;
}

static int watch_one(void *ctx, __u64 cookie)
{
	struct weir_tracing *t = ctx;
	__u8 yes = 1;
	int rc =
		bpf_map_update_elem(bpf_map__fd(t->skel->maps.watched), &cookie, &yes, BPF_NOEXIST);

	if (rc == -EEXIST)
		return 0; /* named twice */
	t->named++;
	if (rc == -E2BIG && t->all)
		return 0; /* the rest by tracepoints alone */
	if (rc)
		return rc;
	t->watched++;
	watch_hooks(t);
	return watch_fast(t, cookie);
}

static int watch(
	struct weir_tracing *t, const struct weir_ns *ns, const char *netns, struct weir_err *err)
{
	int rc = 0;

	t->ns = ns;
	t->err = err;
	if (!netns || t->all)
		rc = watch_one(t, ns->cookie);
	if (!rc && netns)
		rc = weir_trace_book_each(t->book, t->all ? NULL : netns, watch_one, t, err);
	if (t->watched < t->named && !rc)
		weir_note(&t->notes,
			"of %u namespaces %u are watched in full; of the others netfilter's "
			"stages and the fast plane's verdicts are not shown",
			t->named, t->watched);
	if (rc == -E2BIG)
		return weir_fail(err, WEIR_USAGE, 0, "more than %d namespaces", WEIR_TRACE_NETNS);
	return rc && !err->what[0] ? weir_fail_sys(err, rc, "watching a namespace") : rc;
}

static int attach(struct weir_tracing *t, struct weir_err *err)
{
	struct bpf_program *p = NULL;

	while ((p = bpf_object__next_program(t->skel->obj, p))) {
		struct bpf_link *link;

		if (!bpf_program__autoload(p) || bpf_program__type(p) != BPF_PROG_TYPE_TRACING)
			continue;
		link = bpf_program__attach(p);
		if (!link)
			return weir_fail_sys(
				err, -errno, "attaching to %s", bpf_program__section_name(p));
		if (t->nr_nf == LINKS_MAX) {
			bpf_link__destroy(link);
			return weir_fail(err, WEIR_REFUSED, -ENOSPC, "keeping links");
		}
		t->nf[t->nr_nf++] = link;
	}
	return 0;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct weir_tracing *t = ctx;
	struct weir_trace_event e = {0};
	const struct weir_trace_event *from = data;

	if (size < offsetof(struct weir_trace_event, head) || from->head_len > WEIR_TRACE_HEAD ||
		size < offsetof(struct weir_trace_event, head) + from->head_len ||
		from->point >= WEIR_TRACE_POINT_COUNT || from->stage >= WEIR_STAGE_COUNT ||
		from->what >= WEIR_TRACE_WHAT_COUNT)
		return 0;
	memcpy(&e, from, offsetof(struct weir_trace_event, head) + from->head_len);
	e.dev[sizeof(e.dev) - 1] = '\0';
	return t->fn(t->ctx, &e);
}

int weir_tracing_open(struct weir_ns *ns, const struct weir_trace_wish *wish,
	struct weir_tracing **out, struct weir_err *err)
{
	struct weir_tracing *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "opening the trace");
	t->all = wish->netns && !strcmp(wish->netns, "all");
	rc = load(t, ns, wish, err);
	if (!rc)
		rc = watch(t, ns, wish->netns, err);
	if (!rc) {
		t->ring = ring_buffer__new(bpf_map__fd(t->skel->maps.events), on_record, t, NULL);
		if (!t->ring)
			rc = weir_fail_sys(err, -errno, "opening the ring");
	}
	if (!rc)
		rc = attach(t, err);
	if (rc) {
		weir_tracing_close(t);
		return rc;
	}
	*out = t;
	return 0;
}

static void detach(struct weir_tracing *t)
{
	while (t->nr_nf)
		bpf_link__destroy(t->nf[--t->nr_nf]);
}

void weir_tracing_close(struct weir_tracing *t)
{
	if (!t)
		return;
	detach(t);
	ring_buffer__free(t->ring);
	weir_trace_taps_free(t->taps);
	kernel_trace_bpf__destroy(t->skel);
	weir_trace_book_free(t->book);
	free(t);
}

__u32 weir_tracing_points(const struct weir_tracing *t)
{
	return t->points;
}

unsigned int weir_tracing_fast(const struct weir_tracing *t)
{
	return weir_trace_taps_nr(t->taps);
}

const struct weir_notes *weir_tracing_notes(const struct weir_tracing *t)
{
	return &t->notes;
}

/* What ended untold would fill the table: TCP frees much without a word. */
static void sweep(struct weir_tracing *t, __u64 now_ns)
{
	int packets = bpf_map__fd(t->skel->maps.packets), heads = bpf_map__fd(t->skel->maps.heads);
	__u64 key, next, *at = NULL;
	struct weir_trace_packet p;

	while (!bpf_map_get_next_key(packets, at, &next)) {
		/* the key to go on from must still be there */
		if (at && !bpf_map_lookup_elem(packets, &key, &p) && p.time_ns < now_ns &&
			now_ns - p.time_ns > (p.ended ? ENDED_NS : FORGOTTEN_NS)) {
			bpf_map_delete_elem(packets, &key);
			bpf_map_delete_elem(heads, &p.skb);
		}
		key = next;
		at = &key;
	}
}

/* What ring_buffer__*() has answered. */
static int answer(int rc, struct weir_err *err)
{
	if (rc == -EINTR || rc >= 0)
		return rc == -EINTR ? rc : 0;
	return rc == -ECANCELED ? rc : weir_fail_sys(err, rc, "reading events");
}

int weir_tracing_poll(struct weir_tracing *t, int timeout_ms,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx, struct weir_err *err)
{
	__u64 now_ns = weir_now_ns();
	int rc;

	t->fn = fn;
	t->ctx = ctx;
	if (now_ns - t->swept_ns > SWEEP_NS) {
		sweep(t, now_ns);
		t->swept_ns = now_ns;
	}
	rc = answer(ring_buffer__poll(t->ring, timeout_ms), err);
	return rc ? rc : weir_trace_taps_poll(t->taps, fn, ctx, err);
}

int weir_tracing_drain(struct weir_tracing *t,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx, struct weir_err *err)
{
	int rc;

	t->fn = fn;
	t->ctx = ctx;
	detach(t);
	rc = answer(ring_buffer__consume(t->ring), err);
	return rc ? rc : weir_trace_taps_drain(t->taps, fn, ctx, err);
}

void weir_tracing_losses(const struct weir_tracing *t, struct weir_trace_losses *losses)
{
	const struct weir_trace_counts *c = &t->skel->bss_counts->counts;
	struct bpf_program *p = NULL;

	*losses = (struct weir_trace_losses){.limited = c->limited,
		.full = c->full,
		.lost = c->lost,
		.missed = c->busy,
		.blind = c->blind != 0};
	weir_trace_taps_losses(t->taps, &losses->fast_full, &losses->fast_limited);
	while ((p = bpf_object__next_program(t->skel->obj, p))) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(p);

		if (fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &len))
			losses->missed += info.recursion_misses;
	}
}

struct weir_trace_names weir_tracing_names(struct weir_tracing *t)
{
	return weir_trace_book_names(t->book);
}
