// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reading the counters of all attached devices, through memory that the kernel shares.
 *
 * A consistent cut: packets count in one of two banks, named by the lowest bit of ctl.seq. A cut
 * reads the bank at rest, moves seq, waits for a grace period and reads the other, now at rest too.
 * Every packet is then wholly before the cut or wholly after it: each CPU follows seq only between
 * bulks (bpf/lib/packet.h), and the grace period outlasts every bulk. A reader that was killed half
 * way leaves cut_open set; the next one waits once more before it begins.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "model/account.h"
#include "priv.h"

/* How old what the kernel says of the hooks may get: in a quick reading, and where a cut is made.
 */
#define ASK_EVERY_NS 3000000000ull
#define ASK_CUT_NS   500000000ull

/* One array map in memory. */
struct window {
	void *at;
	size_t len, entry;
	__u32 entries, map_id;
};

/* One hook of one device. */
struct view_dev {
	struct weir_hook_at at;
	__u32 queues, cpus;
	struct window rows, lat, conf_map;
	int link; /* or filter */
	bool filter;
	struct weir_row *at_rest; /* one for each row of a bank: the cut's first half */
	/* what the kernel said of the device when it was last asked */
	bool gone, detached;
	__u32 prog_id, link_id;
	char name[16];
};

struct weir_view {
	struct weir_ns *ns;
	struct window ctl, cursor, cursor_tc;
	__u64 devs_mtime_ns;
	unsigned int nr_vlans;
	struct weir_vlan_snapshot *vlans;
	__u64 asked_ns; /* when the kernel was last asked what became of the devices */
	unsigned int nr_devs;
	struct view_dev dev[WEIR_DEV_MAX * WEIR_HOOK_COUNT];
};

/* Rows are aligned to cache lines, which calloc knows nothing of. */
static void *alloc_rows(size_t n, size_t size)
{
	void *p = aligned_alloc(64, (n ? n : 1) * size);

	return p ? memset(p, 0, (n ? n : 1) * size) : NULL;
}

static int window_open(struct window *w, int fd, size_t entry, int prot)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (fd < 0)
		return fd;
	if (bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != entry ||
		!(info.map_flags & BPF_F_MMAPABLE))
		return -EINVAL;
	w->entry = (entry + 7) / 8 * 8;
	w->entries = info.max_entries;
	w->map_id = info.id;
	w->len = w->entry * info.max_entries;
	w->at = mmap(NULL, w->len, prot, MAP_SHARED, fd, 0);
	if (w->at == MAP_FAILED) {
		w->at = NULL;
		return -errno;
	}
	return 0;
}

static void window_close(struct window *w)
{
	if (w->at)
		munmap(w->at, w->len);
	w->at = NULL;
}

static const void *window_entry(const struct window *w, __u32 i)
{
	return (const char *)w->at + w->entry * i;
}

static int open_pin(const char *path, size_t entry, struct window *w)
{
	int fd = bpf_obj_get(path);
	int rc = window_open(w, fd < 0 ? -errno : fd, entry, PROT_READ);

	if (fd >= 0)
		close(fd);
	return rc;
}

static void close_dev(struct view_dev *d)
{
	window_close(&d->rows);
	window_close(&d->lat);
	window_close(&d->conf_map);
	weir_close(&d->link);
	free(d->at_rest);
}

static int open_maps(const struct weir_ns *ns, struct view_dev *d)
{
	char path[PATH_MAX];
	int rc;

	weir_pin_path(ns, path, "dev/%u/conf", d->at.ifindex);
	rc = open_pin(path, sizeof(struct weir_conf), &d->conf_map);
	if (!rc)
		rc = open_pin(
			weir_hook_pin(ns, &d->at, path, "rows"), sizeof(struct weir_row), &d->rows);
	if (!rc)
		rc = open_pin(
			weir_hook_pin(ns, &d->at, path, "lat"), sizeof(struct weir_lat), &d->lat);
	if (rc)
		return rc;
	d->queues = ((const struct weir_row *)d->rows.at)->queues;
	d->cpus = ((const struct weir_conf *)d->conf_map.at)->cpus;
	if (!d->queues || d->rows.entries != d->queues * d->cpus * 2 ||
		d->lat.entries != d->queues * d->cpus)
		return -EINVAL;
	d->at_rest = alloc_rows((size_t)d->queues * d->cpus, sizeof(*d->at_rest));
	return d->at_rest ? 0 : -ENOMEM;
}

static int open_hook(struct weir_view *v, struct weir_hook_at at)
{
	struct view_dev *d = &v->dev[v->nr_devs];
	int rc;

	memset(d, 0, sizeof(*d));
	d->at = at;
	d->link = weir_hook_open(v->ns, &at, &d->filter);
	if (d->link < 0)
		return d->link == -ENOENT ? 0 : d->link; /* half attached by one that was killed */
	rc = open_maps(v->ns, d);
	if (rc)
		close_dev(d);
	else
		v->nr_devs++;
	return rc;
}

static int open_dev(void *ctx, __u32 ifindex)
{
	struct weir_hook_at at = {.ifindex = ifindex};
	struct weir_view *v = ctx;
	int rc = 0;

	if (v->nr_devs > (WEIR_DEV_MAX - 1) * WEIR_HOOK_COUNT)
		return -E2BIG;
	for (at.hook = 0; at.hook < WEIR_HOOK_COUNT && !rc; at.hook++)
		rc = open_hook(v, at);
	return rc;
}

static __u64 devs_mtime(const struct weir_ns *ns)
{
	char path[PATH_MAX];
	struct stat st;

	if (!ns->dir[0] || stat(weir_pin_path(ns, path, "dev"), &st))
		return 0;
	return (__u64)st.st_mtim.tv_sec * 1000000000ULL + (__u64)st.st_mtim.tv_nsec +
	       (__u64)st.st_ino;
}

bool weir_view_stale(const struct weir_view *v)
{
	return devs_mtime(v->ns) != v->devs_mtime_ns;
}

static int open_shared_map(
	struct weir_view *v, const char *name, size_t entry, int prot, struct window *w)
{
	int fd = weir_shared_map(v->ns, name);
	int rc = window_open(w, fd, entry, prot);

	if (fd >= 0)
		close(fd);
	return rc;
}

/* Maps the shared maps; -ENOENT where nothing was ever attached. */
static int open_shared(struct weir_view *v)
{
	int rc =
		open_shared_map(v, "ctl", sizeof(struct weir_ctl), PROT_READ | PROT_WRITE, &v->ctl);

	if (!rc)
		rc = open_shared_map(
			v, "cursor", sizeof(struct weir_cursor), PROT_READ, &v->cursor);
	if (!rc)
		rc = open_shared_map(
			v, "cursor_tc", sizeof(struct weir_cursor), PROT_READ, &v->cursor_tc);
	return rc;
}

static int open_vlan(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan)
{
	struct weir_view *v = ctx;
	struct weir_vlan_snapshot *all, *one;

	all = realloc(v->vlans, (v->nr_vlans + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	v->vlans = all;
	one = &all[v->nr_vlans++];
	*one = (struct weir_vlan_snapshot){.ifindex = vlan->ifindex, .on = key->ifindex};
	memcpy(one->tags, key->tags, sizeof(one->tags));
	one->gone = !if_indextoname(vlan->ifindex, one->name);
	if (one->gone)
		memcpy(one->name, vlan->name, sizeof(one->name) - 1);
	return 0;
}

/* What became of the device: some system calls. */
static void ask_state(struct view_dev *d)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct weir_hook_state state;

	memcpy(d->name, ((const struct weir_conf *)d->conf_map.at)->name, sizeof(d->name));
	if (weir_hook_look(&d->at, d->link, d->filter, &state))
		return;
	d->prog_id = state.prog_id;
	d->link_id = state.link_id;
	d->gone = !if_indextoname(d->at.ifindex, d->name);
	if (d->gone)
		memcpy(d->name, ((const struct weir_conf *)d->conf_map.at)->name, sizeof(d->name));
	d->detached = !d->gone && state.ifindex != d->at.ifindex;
	if (d->at.hook == WEIR_HOOK_xdp && !d->gone && !d->detached &&
		!bpf_xdp_query((int)d->at.ifindex, 0, &q))
		d->detached = q.prog_id != d->prog_id && q.drv_prog_id != d->prog_id &&
			      q.skb_prog_id != d->prog_id;
}

static void ask_states(struct weir_view *v, __u64 now)
{
	v->asked_ns = now;
	for (unsigned int i = 0; i < v->nr_devs; i++)
		ask_state(&v->dev[i]);
}

int weir_view_open(struct weir_ns *ns, struct weir_view **out, struct weir_err *err)
{
	__cleanup_close int lock =
		weir_ns_lock(ns, ""); /* not while somebody attaches or detaches */
	int rc = weir_shared_check(ns, err);
	struct weir_view *v;

	if (rc)
		return rc;
	v = calloc(1, sizeof(*v));
	if (!v)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "opening the counters");
	v->ns = ns;
	v->devs_mtime_ns = devs_mtime(ns);
	rc = open_shared(v);
	if (!rc)
		rc = weir_each_dev(ns, open_dev, v);
	if (!rc)
		rc = weir_each_vlan(ns, open_vlan, v);
	if (!rc)
		ask_states(v, weir_now_ns());
	weir_close(&lock);
	if (rc && rc != -ENOENT) {
		weir_view_free(v);
		return weir_fail_pins(ns, err, rc, "opening the counters");
	}
	*out = v;
	return 0;
}

void weir_view_free(struct weir_view *v)
{
	if (!v)
		return;
	for (unsigned int i = 0; i < v->nr_devs; i++)
		close_dev(&v->dev[i]);
	window_close(&v->ctl);
	window_close(&v->cursor);
	window_close(&v->cursor_tc);
	free(v->vlans);
	free(v);
}

/* --- sums --- */

static void add_lat(struct weir_lat *to, const struct weir_lat *from)
{
	for (unsigned int s = 0; s < WEIR_FAST_STAGE_COUNT; s++) {
		to->stage[s].samples += from->stage[s].samples;
		if (from->stage[s].max_ns > to->stage[s].max_ns)
			to->stage[s].max_ns = from->stage[s].max_ns;
		for (unsigned int b = 0; b < WEIR_HIST_BUCKETS; b++)
			to->stage[s].bucket[b] += from->stage[s].bucket[b];
	}
}

/* Sums one device's rows. In an exact reading the bank that was at rest before the cut comes from
 * the copy taken then. */
static void sum_dev(const struct view_dev *d, struct weir_dev_snapshot *s, int rest_bank)
{
	for (__u32 i = 0; i < d->queues * d->cpus; i++) {
		__u32 q = i % d->queues;

		for (int bank = 0; bank < 2; bank++) {
			const struct weir_row *row =
				bank == rest_bank ? &d->at_rest[i]
						  : window_entry(&d->rows, i * 2 + (__u32)bank);

			weir_row_add(&s->queue[q], row);
			weir_row_add(&s->cpu[i / d->queues], row);
		}
		add_lat(&s->queue_lat[q], window_entry(&d->lat, i));
	}
	for (__u32 q = 0; q < d->queues; q++) {
		s->queue[q].queue = (__u16)q;
		weir_row_add(&s->total, &s->queue[q]);
		add_lat(&s->lat, &s->queue_lat[q]);
	}
}

static void copy_at_rest(const struct weir_view *v, __u32 bank)
{
	for (unsigned int i = 0; i < v->nr_devs; i++) {
		const struct view_dev *d = &v->dev[i];

		for (__u32 r = 0; r < d->queues * d->cpus; r++)
			memcpy(&d->at_rest[r], window_entry(&d->rows, r * 2 + bank),
				sizeof(struct weir_row));
	}
}

/*
 * Takes the cut; *@rest_bank is the bank whose copy is to be used. Must hold the cut's lock until
 * the sums are made, since the next cut writes to the bank that is at rest now.
 */
static int cut(const struct weir_view *v, int *rest_bank)
{
	struct weir_ctl *c = v->ctl.at;
	int rc;

	if (c->cut_open) {
		rc = weir_grace(v->ns);
		if (rc)
			return rc;
	}
	*rest_bank = !(c->seq & 1);
	copy_at_rest(v, (__u32)*rest_bank);
	__atomic_store_n(&c->cut_open, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->seq, c->seq + 1, __ATOMIC_SEQ_CST);
	rc = weir_grace(v->ns);
	if (!rc)
		__atomic_store_n(&c->cut_open, 0, __ATOMIC_SEQ_CST);
	return rc;
}

/* A frame that is given up is its queue's, too, as the ledger asks of all that is counted. */
static void give_up(struct weir_dev_snapshot *d, const struct weir_cursor *cur, __u32 n)
{
	__u32 queue = d->nr_queues ? cur->row / 2 % d->nr_queues : 0;

	d->total.lost += n;
	if (d->nr_queues)
		d->queue[queue].lost += n;
}

/*
 * Frames that are under way right now, in a quick reading, and those that the last cut waited for
 * in vain: nothing tells of them any more, and their row counts them with the next packet.
 */
static void read_inflight(const struct weir_view *v, struct weir_snapshot *snap)
{
	const struct weir_ctl *c = v->ctl.at;
	/* before the cursors: another's cut may begin meanwhile */
	__u32 seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
	bool open = __atomic_load_n(&c->cut_open, __ATOMIC_ACQUIRE);

	for (__u32 cpu = 0; cpu < v->cursor.entries; cpu++) {
		const struct weir_cursor *cur = window_entry(&v->cursor, cpu);
		__u32 n = __atomic_load_n(&cur->inflight, __ATOMIC_ACQUIRE);
		bool behind = (__s32)(seq - __atomic_load_n(&cur->seq, __ATOMIC_RELAXED)) > 0;

		for (unsigned int i = 0; n && i < snap->nr_devs; i++) {
			struct weir_dev_snapshot *d = &snap->devs[i];

			if (d->conf.ifindex != cur->ifindex || d->hook != WEIR_HOOK_xdp)
				continue;
			if (behind && !open)
				give_up(d, cur, n);
			else if (!snap->exact)
				d->inflight += n;
		}
	}
}

static void read_state(const struct view_dev *d, struct weir_dev_snapshot *s)
{
	s->hook = d->at.hook;
	s->filter = d->filter;
	s->rows_map_id = d->rows.map_id;
	s->lat_map_id = d->lat.map_id;
	s->conf_map_id = d->conf_map.map_id;
	s->conf = *(const struct weir_conf *)d->conf_map.at;
	s->conf.name[sizeof(s->conf.name) - 1] = '\0'; /* whoever has written it */
	s->mode = s->hook != WEIR_HOOK_xdp ? WEIR_XDP_OFF
		  : s->conf.generic	   ? WEIR_XDP_GENERIC
					   : WEIR_XDP_NATIVE;
	s->frags = s->hook == WEIR_HOOK_xdp; /* always loaded for multi-buffer frames */
	memcpy(s->name, d->name, sizeof(s->name));
	s->prog_id = d->prog_id;
	s->link_id = d->link_id;
	s->gone = d->gone;
	s->detached = d->detached;
}

/* Seldom, so that a quick reading is one of memory alone. */
static void read_states(struct weir_view *v, struct weir_snapshot *snap)
{
	if (snap->time_ns - v->asked_ns >= (snap->exact ? ASK_CUT_NS : ASK_EVERY_NS))
		ask_states(v, snap->time_ns);
	for (unsigned int i = 0; i < v->nr_devs; i++)
		read_state(&v->dev[i], &snap->devs[i]);
}

static int by_name(const void *a, const void *b)
{
	const struct weir_dev_snapshot *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)x->hook - (int)y->hook;
}

static int fill(struct weir_view *v, struct weir_snapshot *snap, int rest_bank)
{
	snap->devs = alloc_rows(v->nr_devs, sizeof(*snap->devs));
	if (!snap->devs)
		return -ENOMEM;
	if (v->nr_vlans) {
		snap->vlans = malloc(v->nr_vlans * sizeof(*snap->vlans));
		if (!snap->vlans)
			return -ENOMEM;
		memcpy(snap->vlans, v->vlans, v->nr_vlans * sizeof(*snap->vlans));
		snap->nr_vlans = v->nr_vlans;
	}
	for (unsigned int i = 0; i < v->nr_devs; i++) {
		struct weir_dev_snapshot *s = &snap->devs[i];

		s->nr_queues = v->dev[i].queues;
		s->queue = alloc_rows(s->nr_queues, sizeof(*s->queue));
		s->queue_lat = calloc(s->nr_queues, sizeof(*s->queue_lat));
		s->nr_cpus = v->dev[i].cpus;
		s->cpu = alloc_rows(s->nr_cpus, sizeof(*s->cpu));
		snap->nr_devs++;
		if (!s->queue || !s->queue_lat || !s->cpu)
			return -ENOMEM;
		sum_dev(&v->dev[i], s, rest_bank);
	}
	return 0;
}

int weir_view_read(struct weir_view *v, bool exact, struct weir_snapshot *out, struct weir_err *err)
{
	struct weir_snapshot snap = {.exact = exact, .netns_cookie = v->ns->cookie};
	const struct weir_ctl *c = v->ctl.at;
	int rc = 0, lock = -1, rest_bank = -1;

	snap.time_ns = weir_now_ns();
	if (exact && c) {
		lock = weir_ns_lock(v->ns, "dev");
		if (lock == -ENOENT) /* all was detached meanwhile: nothing counts any more */
			rc = weir_grace(v->ns);
		else
			rc = lock < 0 ? lock : cut(v, &rest_bank);
		snap.time_ns = weir_now_ns();
	}
	snap.sample_every = c ? c->sample_every : 0;
	if (!rc)
		rc = fill(v, &snap, rest_bank);
	if (!rc && c) {
		read_states(v, &snap);
		read_inflight(v, &snap);
		qsort(snap.devs, snap.nr_devs, sizeof(*snap.devs), by_name);
	}
	if (lock >= 0)
		close(lock);
	if (rc) {
		weir_snapshot_done(&snap);
		return weir_fail_pins(v->ns, err, rc, "reading the counters");
	}
	*out = snap;
	return 0;
}
