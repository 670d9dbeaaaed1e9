// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reading what observers of the kernel plane have counted, and naming it. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "kernel_counters.h"
#include "kernel_names.h"
#include "kernel_priv.h"

struct reading {
	const struct weir_ns *k;
	struct weir_kernel_snapshot *snap;
	struct weir_netns_names names;
	const struct weir_kernel_reasons *reasons;
	struct weir_kernel_symbols *symbols;
	int namer; /* -errno: the kernel cannot be asked */
};

/* --- namespaces and devices --- */

static bool named_at(const struct reading *r, __u64 cookie, struct weir_kns *value)
{
	__cleanup_close int map = weir_k_map(r->k, "kns");
	struct weir_kns_key key = {.netns_cookie = cookie};

	return !bpf_map_lookup_elem(map, &key, value);
}

/* "" for the one that weir runs in. */
static void name_netns(const struct reading *r, __u64 cookie, char name[64])
{
	const struct weir_netns_name *ns = weir_netns_name_of(&r->names, cookie);
	struct weir_kns was;

	if (cookie == r->k->cookie || !cookie)
		name[0] = 0;
	else if (ns)
		snprintf(name, 64, "%.63s", ns->name);
	else if (named_at(r, cookie, &was)) /* another may have the name by now */
		snprintf(name, 64, "%.53s (deleted)", was.name);
	else
		snprintf(name, 64, "%llu", cookie);
}

/* Whether it was among those that were to be watched. */
static bool is_named(const struct reading *r, __u64 cookie)
{
	struct weir_kns value;

	return r->snap->watch.all || named_at(r, cookie, &value);
}

/* The device's name today, in its own namespace. */
static void name_dev(const struct reading *r, struct weir_kernel_dev *dev)
{
	const struct weir_netns_name *ns = weir_netns_name_of(&r->names, dev->netns_cookie);
	__cleanup_close int own = -1;
	bool here = dev->netns_cookie == r->k->cookie;

	name_netns(r, dev->netns_cookie, dev->netns);
	snprintf(dev->name, sizeof(dev->name),
		dev->ifindex	    ? "if%u"
		: dev->netns_cookie ? "-"
				    : "machine",
		dev->ifindex);
	if (!dev->ifindex)
		return;
	if (!here && ns) {
		own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (own < 0 || setns(ns->fd, CLONE_NEWNET))
			return;
	}
	if (here || ns) {
		char name[IFNAMSIZ];

		if (if_indextoname(dev->ifindex, name))
			snprintf(dev->name, sizeof(dev->name), "%s", name);
	}
	if (own >= 0 && setns(own, CLONE_NEWNET))
		return;
}

static int dev_at(struct reading *r, __u64 cookie, __u32 ifindex)
{
	struct weir_kernel_snapshot *s = r->snap;
	struct weir_kernel_dev *grown;
	void *p;

	for (unsigned int i = 0; i < s->nr_devs; i++)
		if (s->devs[i].netns_cookie == cookie && s->devs[i].ifindex == ifindex)
			return (int)i;
	p = aligned_alloc(64, (s->nr_devs + 1) * sizeof(*grown));
	if (!p)
		return -ENOMEM;
	grown = p;
	if (s->nr_devs)
		memcpy(grown, s->devs, s->nr_devs * sizeof(*grown));
	free(s->devs);
	s->devs = grown;
	grown += s->nr_devs;
	memset(grown, 0, sizeof(*grown));
	grown->netns_cookie = cookie;
	grown->ifindex = ifindex;
	name_dev(r, grown);
	return (int)s->nr_devs++;
}

/* --- rows --- */

static void *map_whole(const struct weir_ns *k, const char *name, size_t entry, size_t *len)
{
	__cleanup_close int fd = weir_k_map(k, name);
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	void *at;

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &size) || info.value_size != entry)
		return NULL;
	*len = entry * info.max_entries;
	at = mmap(NULL, *len, PROT_READ, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static void add_words(void *to, const void *from, size_t size)
{
	__u64 *t = to;
	const __u64 *f = from;

	for (size_t i = 0; i < size / sizeof(*t); i++)
		t[i] += f[i];
}

static void add_lat(struct weir_klat *to, const struct weir_klat *from)
{
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		__u64 max = from->stage[i].max_ns, was = to->stage[i].max_ns;

		add_words(&to->stage[i], &from->stage[i], sizeof(to->stage[i]));
		to->stage[i].max_ns = max > was ? max : was;
		to->total_ns[i] += from->total_ns[i];
	}
}

static int add_row(struct reading *r, struct weir_kdev_key key, __u32 row,
	const struct weir_krow *rows, const struct weir_klat *lat)
{
	const struct weir_kwatch *w = &r->snap->watch;
	int i = dev_at(r, key.netns_cookie, key.ifindex);

	for (__u32 cpu = 0; i >= 0 && cpu < w->cpus; cpu++) {
		size_t n = (size_t)cpu * w->devs + row;

		add_words(&r->snap->devs[i].row, &rows[n], sizeof(rows[n]));
		add_lat(&r->snap->devs[i].lat, &lat[n]);
	}
	return i < 0 ? i : 0;
}

/* Where a stage's packets are a term of the ledger they are counted once. */
static void fill_stages(struct weir_krow *row)
{
	static const enum weir_stage out[] = {
		WEIR_STAGE_make_skb, WEIR_STAGE_ip_local_out, WEIR_STAGE_nf_local_out};
	static const enum weir_stage post[] = {WEIR_STAGE_ip_output, WEIR_STAGE_nf_postrouting};

	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		row->stage[out[i]].packets += row->out_first;
	for (size_t i = 0; i < sizeof(post) / sizeof(post[0]); i++)
		row->stage[post[i]].packets += row->post_first;
}

static int read_rows(struct reading *r)
{
	const struct weir_kwatch *w = &r->snap->watch;
	size_t rows_len = 0, lat_len = 0;
	struct weir_krow *rows = map_whole(r->k, "krows", sizeof(*rows), &rows_len);
	struct weir_klat *lat = map_whole(r->k, "klat", sizeof(*lat), &lat_len);
	__cleanup_close int fd = weir_k_map(r->k, "kdevs");
	struct weir_kdev_key key, *at = NULL;
	struct weir_kdev dev;
	int rc = 0;

	if (rows && lat) /* the machine's own */
		rc = add_row(r, (struct weir_kdev_key){0}, WEIR_KROW_OTHER, rows, lat);
	while (rows && lat && !rc && !bpf_map_get_next_key(fd, at, &key)) {
		at = &key;
		if (!bpf_map_lookup_elem(fd, &key, &dev) && dev.row < w->devs)
			rc = add_row(r, key, dev.row, rows, lat);
	}
	for (unsigned int i = 0; i < r->snap->nr_devs; i++)
		fill_stages(&r->snap->devs[i].row);
	if (rows)
		munmap(rows, rows_len);
	if (lat)
		munmap(lat, lat_len);
	return rc;
}

/* --- drops --- */

/* The head of the very last one is kept. */
static void add_count(struct weir_kdrop *sum, const struct weir_kdrop *more)
{
	struct weir_kdrop last = *more;

	if (!last.packets)
		return;
	if (last.last_ns < sum->last_ns) {
		last = *sum;
		last.first_ns = more->first_ns;
	}
	last.packets = sum->packets + more->packets;
	last.bytes = sum->bytes + more->bytes;
	if (sum->packets && sum->first_ns < last.first_ns)
		last.first_ns = sum->first_ns;
	*sum = last;
}

static void sum_cpus(struct weir_kdrop *sum, const struct weir_kdrop *cell, int cpus)
{
	*sum = (struct weir_kdrop){0};
	for (int i = 0; i < cpus; i++)
		add_count(sum, &cell[i]);
}

static int most_first(const void *a, const void *b)
{
	const struct weir_kernel_drop *x = a, *y = b;

	return (x->count.packets < y->count.packets) - (x->count.packets > y->count.packets);
}

/* The last drop is of what a queueing discipline made: where the packet came to that was at its
 * address before means nothing. */
static void join_pieces(struct weir_kernel_snapshot *s)
{
	struct weir_kernel_drop *d = &s->drops[s->nr_drops - 1];

	d->key.left = WEIR_STAGE_COUNT;
	for (struct weir_kernel_drop *other = s->drops; other < d; other++) {
		if (memcmp(&other->key, &d->key, sizeof(d->key)))
			continue;
		add_count(&other->count, &d->count);
		s->nr_drops--;
		return;
	}
}

static int add_drop(
	struct reading *r, const struct weir_kdrop_key *key, const struct weir_kdrop *sum)
{
	struct weir_kernel_snapshot *s = r->snap;
	struct weir_kernel_drop *d = reallocarray(s->drops, s->nr_drops + 1, sizeof(*s->drops));
	int dev;

	if (!d)
		return -ENOMEM;
	s->drops = d;
	dev = dev_at(r, key->netns_cookie, key->ifindex);
	if (dev < 0)
		return dev;
	d += s->nr_drops++;
	*d = (struct weir_kernel_drop){.key = *key, .count = *sum, .dev = (unsigned int)dev};
	if (key->kind == WEIR_KDROP_SEND) {
		d->witness = WEIR_KERNEL_SEND;
		weir_kernel_send_cause(d, key->error);
		return 0;
	}
	weir_kernel_name_drop(r->reasons, r->symbols, d);
	if (!weir_kernel_drop_cause(d) && !d->aside)
		s->nr_drops--; /* no packet of the network */
	else if (d->stage == WEIR_STAGE_qdisc && d->key.left != WEIR_STAGE_tc_egress)
		join_pieces(s);
	return 0;
}

static int read_drops(struct reading *r)
{
	__cleanup_close int fd = weir_k_map(r->k, "kdrops");
	int cpus = libbpf_num_possible_cpus(), rc = 0;
	struct weir_kdrop *cell = calloc((size_t)cpus, sizeof(*cell)), sum;
	struct weir_kdrop_key key, *at = NULL;

	if (!cell)
		return -ENOMEM;
	while (!rc && !bpf_map_get_next_key(fd, at, &key)) {
		at = &key;
		if (bpf_map_lookup_elem(fd, &key, cell))
			continue;
		sum_cpus(&sum, cell, cpus);
		if (sum.packets)
			rc = add_drop(r, &key, &sum);
	}
	free(cell);
	return rc;
}

static void name_rules(struct reading *r)
{
	weir_k_name_rules(r->snap, r->k->cookie, -1);
	for (unsigned int i = 0; i < r->names.nr; i++)
		if (r->names.list[i].cookie != r->k->cookie)
			weir_k_name_rules(r->snap, r->names.list[i].cookie, r->names.list[i].fd);
}

/* --- the kernel's own counters --- */

static int net_at(struct reading *r, __u64 cookie)
{
	struct weir_kernel_snapshot *s = r->snap;
	const struct weir_netns_name *ns = weir_netns_name_of(&r->names, cookie);
	__cleanup_close int map = weir_k_map(r->k, "kbase");
	__cleanup_close int own = -1;
	struct weir_kreading base = {0}, now = {0};
	struct weir_kernel_net *net;
	int rc;

	for (unsigned int i = 0; i < s->nr_nets; i++)
		if (s->nets[i].netns_cookie == cookie)
			return 0;
	net = reallocarray(s->nets, s->nr_nets + 1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	s->nets = net;
	net += s->nr_nets++;
	*net = (struct weir_kernel_net){.netns_cookie = cookie};
	name_netns(r, cookie, net->name);
	if (!ns && cookie != r->k->cookie)
		return 0; /* it cannot be entered */
	own = ns ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (weir_kbase_load(map, cookie, &base, NULL))
		return 0; /* it came later */
	rc = weir_kcounters_read_in(ns ? ns->fd : own, &now, NULL);
	if (!rc)
		rc = weir_kreading_delta(&base, &now, &net->delta);
	if (!rc)
		rc = weir_kstages_init(&net->stages, &net->delta);
	net->counted = !rc;
	weir_kreading_done(&base);
	weir_kreading_done(&now);
	return rc == -ENOMEM ? rc : 0;
}

/* What counters tell of has its place among the devices, the namespace, and the machine. */
static int net_devs(struct reading *r, const struct weir_kernel_net *net)
{
	int rc = dev_at(r, net->netns_cookie, 0);

	if (rc >= 0)
		rc = dev_at(r, 0, 0);
	for (unsigned int i = 0; rc >= 0 && i < net->stages.nr_devs; i++)
		rc = dev_at(r, net->netns_cookie, net->stages.dev[i].ifindex);
	return rc < 0 ? rc : 0;
}

static int read_nets(struct reading *r)
{
	int rc = net_at(r, r->k->cookie);

	for (unsigned int i = 0; !rc && i < r->names.nr; i++)
		if (is_named(r, r->names.list[i].cookie))
			rc = net_at(r, r->names.list[i].cookie);
	for (unsigned int i = 0; !rc && i < r->snap->nr_nets; i++)
		if (r->snap->nets[i].counted)
			rc = net_devs(r, &r->snap->nets[i]);
	return rc;
}

/* Packets of events that the counter has counted, of the device or, 0, of all. */
static __u64 told(const struct weir_kernel_snapshot *s, __u64 cookie, __u32 ifindex,
	enum weir_kcounter counter)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < s->nr_drops; i++) {
		const struct weir_kernel_drop *d = &s->drops[i];

		if (d->key.netns_cookie == cookie && (!ifindex || d->key.ifindex == ifindex) &&
			weir_kernel_counted_by(counter, d))
			sum += d->count.packets;
	}
	return sum;
}

/* What the counter has counted and events should have told. */
static __u64 untold(const struct weir_kernel_snapshot *s, const struct weir_kernel_net *net,
	enum weir_kcounter counter)
{
	struct weir_kevent_count *events = calloc(s->nr_drops + 1, sizeof(*events));
	unsigned int nr = 0;
	__u64 packets = 0;

	for (unsigned int i = 0; events && i < s->nr_drops; i++) {
		const struct weir_kernel_drop *d = &s->drops[i];

		if (d->witness == WEIR_KERNEL_EVENT && d->key.netns_cookie == net->netns_cookie)
			events[nr++] = (struct weir_kevent_count){.reason = d->reason,
				.function = d->location,
				.packets = d->count.packets};
	}
	if (events)
		packets = weir_kcheck_untold(&net->delta, counter, events, nr);
	free(events);
	return packets;
}

static int add_counted(
	struct reading *r, __u64 cookie, const struct weir_kcounted *counted, __u64 packets)
{
	const struct weir_kcounter_info *info = &weir_kcounter_info[counted->counter];
	struct weir_kernel_snapshot *s = r->snap;
	struct weir_kernel_drop *d;
	int dev = dev_at(r, cookie, counted->ifindex);

	d = reallocarray(s->drops, s->nr_drops + 1, sizeof(*d));
	if (dev < 0 || !d)
		return -ENOMEM;
	s->drops = d;
	d += s->nr_drops++;
	*d = (struct weir_kernel_drop){.witness = WEIR_KERNEL_COUNTER,
		.aside = counted->counter == WEIR_KCOUNTER_packet_drops,
		.key = {.netns_cookie = cookie, .ifindex = counted->ifindex},
		.count = {.packets = packets},
		.dev = (unsigned int)dev,
		.stage = info->stage,
		.text = info->text,
		.remedy = info->remedy,
		.counter = info->name};
	snprintf(d->cause, sizeof(d->cause), "%s", info->cause);
	snprintf(d->location, sizeof(d->location), "%s", info->name);
	return 0;
}

/* Drops that no event told of: silent ones, and those that we have lost. */
static int add_silent(struct reading *r, const struct weir_kernel_net *net)
{
	struct weir_kernel_snapshot *s = r->snap;
	__u64 cookie = net->netns_cookie;
	struct weir_kcounted counted;
	unsigned int at = 0;
	int rc = 0;

	while (!rc && weir_kcounted_next(&net->delta, &at, &counted)) {
		__u64 silent = weir_kcounted_silent(
			&counted, told(s, cookie, counted.ifindex, counted.counter));
		__u64 lost = untold(s, net, counted.counter);

		s->lost.untold += lost;
		if (silent + lost)
			rc = add_counted(r, cookie, &counted, silent + lost);
	}
	return rc;
}

static void read_losses(struct reading *r)
{
	size_t len = 0;
	struct weir_klost *lost = map_whole(r->k, "klost", sizeof(*lost), &len);

	for (__u32 i = 0; lost && i < r->snap->watch.cpus; i++)
		add_words(&r->snap->lost, &lost[i], sizeof(lost[i]));
	if (lost)
		munmap(lost, len);
	r->snap->lost.interrupted += weir_k_interrupted(r->k);
}

static int read_all(struct reading *r, struct weir_err *err)
{
	int rc;

	weir_netns_names_read(&r->names);
	rc = read_rows(r);
	if (!rc) /* before events: what a counter has by then was told by then */
		rc = read_nets(r);
	if (!rc)
		rc = read_drops(r);
	name_rules(r);
	for (unsigned int i = 0; !rc && i < r->snap->nr_nets; i++)
		rc = add_silent(r, &r->snap->nets[i]);
	read_losses(r);
	if (r->snap->nr_drops)
		qsort(r->snap->drops, r->snap->nr_drops, sizeof(*r->snap->drops), most_first);
	return rc ? weir_fail_sys(err, rc, "reading the kernel plane") : 0;
}

/* --- what is read once --- */

struct weir_kernel_view {
	struct weir_ns *ns;
	struct weir_kernel_reasons *reasons; /* NULL until something is observed */
};

int weir_kernel_view_open(struct weir_ns *ns, struct weir_kernel_view **out, struct weir_err *err)
{
	struct weir_kernel_view *view = calloc(1, sizeof(*view));

	if (!view)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading the kernel plane");
	view->ns = ns;
	*out = view;
	return 0;
}

void weir_kernel_view_free(struct weir_kernel_view *view)
{
	if (!view)
		return;
	weir_kernel_reasons_free(view->reasons);
	free(view);
}

/* The names of this reading. */
static int open_names(struct weir_kernel_view *view, struct reading *r, struct weir_err *err)
{
	int rc = 0;

	if (!view->reasons)
		rc = weir_kernel_reasons_open(&view->reasons, err);
	if (rc)
		return rc;
	r->reasons = view->reasons;
	r->namer = weir_k_map(r->k, "symbol");
	if (r->namer < 0)
		return weir_kernel_symbols_open(&r->symbols, NULL, err);
	r->symbols = weir_kernel_symbols_asked(r->namer);
	return r->symbols ? 0 : weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading the kernel plane");
}

static void close_names(struct reading *r)
{
	weir_netns_names_done(&r->names);
	weir_kernel_symbols_free(r->symbols);
	if (r->namer >= 0)
		close(r->namer);
}

int weir_kernel_view_read(
	struct weir_kernel_view *view, struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	struct weir_kernel_snapshot s = {0};
	struct weir_ns k;
	struct reading r = {.k = &k, .snap = &s, .namer = -1};
	struct weir_kwatch *w;
	int rc = 0;

	s.time_ns = weir_now_ns();
	weir_ns_kernel(view->ns, &k);
	w = weir_k_watch(&k);
	if (!w && errno != ENOENT)
		return weir_fail_pins(&k, err, -errno, "reading the kernel plane");
	if (w) {
		s.watch = *w;
		munmap(w, sizeof(*w));
		s.on = s.watch.level != WEIR_KLEVEL_off;
		s.cycling = weir_k_cycling(&k);
		rc = open_names(view, &r, err);
		s.time_ns = weir_now_ns(); /* names take their time, and were no part of it */
		if (!rc)
			rc = read_all(&r, err);
		close_names(&r);
	}
	if (rc)
		weir_kernel_snapshot_done(&s);
	else
		*snap = s;
	return rc;
}

int weir_kernel_read(struct weir_ns *ns, struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	struct weir_kernel_view *view = NULL;
	int rc = weir_kernel_view_open(ns, &view, err);

	if (rc)
		return rc;
	rc = weir_kernel_view_read(view, snap, err);
	weir_kernel_view_free(view);
	return rc;
}
