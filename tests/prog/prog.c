// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A hook's program, loaded as user/ctl does it but without pins, and run on single frames. */
#include <arpa/inet.h>
#include <errno.h>
#include <libelf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pkt_cls.h>
#include <sys/mman.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "tc_egress.skel.h"
#include "tc_ingress.skel.h"
#include "xdp.skel.h"
#include "base/clock.h"
#include "prog.h"

static const struct {
	const void *(*bytes)(size_t *size);
	const char *prog;
	__u32 out, pass, drop; /* verdicts */
} hooks[WEIR_HOOK_COUNT] = {
	[WEIR_HOOK_xdp] = {xdp_bpf__elf_bytes, "weir_xdp", XDP_REDIRECT, XDP_PASS, XDP_DROP},
	[WEIR_HOOK_tc_ingress] = {tc_ingress_bpf__elf_bytes, "weir_tc_ingress", TC_ACT_REDIRECT,
		(__u32)TC_ACT_UNSPEC, TC_ACT_SHOT},
	/* it stops nothing and sends nothing elsewhere */
	[WEIR_HOOK_tc_egress] = {tc_egress_bpf__elf_bytes, "weir_tc_egress", (__u32)TC_ACT_UNSPEC,
		(__u32)TC_ACT_UNSPEC, (__u32)TC_ACT_UNSPEC},
};

bool prog_on_cpu(unsigned int nr)
{
	static cpu_set_t all;
	static size_t first; /* where the process happened to be: as good as any, and idle */
	cpu_set_t one;
	size_t i;

	if (!CPU_COUNT(&all)) {
		if (sched_getaffinity(0, sizeof(all), &all))
			return false;
		first = prog_cpu();
	}
	for (i = first; i < first + CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i % CPU_SETSIZE, &all) || nr--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(i % CPU_SETSIZE, &one);
		return !sched_setaffinity(0, sizeof(one), &one);
	}
	return false;
}

__u32 prog_cpu(void)
{
	return (__u32)sched_getcpu();
}

/* A question one byte short, which the kernel's helper refuses: every call of it is spoilt. */
static int break_calls(struct bpf_insn *insn, size_t n)
{
	int calls = 0;

	for (size_t i = 0, j; i < n; i++) {
		if (insn[i].code != (BPF_JMP | BPF_CALL) || insn[i].src_reg ||
			insn[i].imm != BPF_FUNC_fib_lookup)
			continue;
		calls++;
		for (j = i; j-- > 0;) /* the length is the third argument */
			if ((insn[j].code | BPF_ALU64) == (BPF_ALU64 | BPF_MOV | BPF_K) &&
				insn[j].dst_reg == BPF_REG_3)
				break;
		assert_true(j < i);
		assert_int_equal(insn[j].imm, sizeof(struct bpf_fib_lookup));
		insn[j].imm = sizeof(struct bpf_fib_lookup) - 1;
	}
	return calls;
}

/* In all sections with code of an object file in memory. */
static void break_fib(char *bytes, size_t size)
{
	Elf *elf;
	Elf_Scn *section = NULL;
	int calls = 0;

	assert_int_not_equal(elf_version(EV_CURRENT), EV_NONE);
	elf = elf_memory(bytes, size);
	assert_non_null(elf);
	while ((section = elf_nextscn(elf, section))) {
		Elf64_Shdr *head = elf64_getshdr(section);

		assert_non_null(head);
		if (head->sh_flags & SHF_EXECINSTR)
			calls += break_calls((struct bpf_insn *)(bytes + head->sh_offset),
				head->sh_size / sizeof(struct bpf_insn));
	}
	assert_true(calls > 0);
	elf_end(elf);
}

static struct bpf_map *map_of(const struct prog *p, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(p->obj, name);

	assert_non_null(map);
	return map;
}

static int map_fd(const struct prog *p, const char *name)
{
	return bpf_map__fd(map_of(p, name));
}

int prog_map(const struct prog *p, const char *name)
{
	return map_fd(p, name);
}

static void *map_memory(const struct prog *p, const char *name)
{
	const struct bpf_map *map = map_of(p, name);
	size_t len = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(m, MAP_FAILED);
	return m;
}

void prog_put(const struct prog *p, const char *name, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(map_fd(p, name), key, value, BPF_ANY), 0);
}

/* All are attached; BARE's driver takes no redirected frames. */
static void open_ports(struct prog *p)
{
	enum port port;

	for (port = PORT_IN; port < PORT_NOFWD; port++) {
		struct bpf_devmap_val v = {.ifindex = net_ifindex(port)};

		prog_reachable(p, port, 3600 * 1000);
		prog_put(p, "tx_ports_generic", &v.ifindex, &v);
		if (port != PORT_BARE)
			prog_put(p, "tx_ports", &v.ifindex, &v);
	}
}

static void fill(struct prog *p)
{
	int rows_fd = map_fd(p, "rows"), lat_fd = map_fd(p, "lat");
	__u32 i, ifindex = net_ifindex(p->own);
	struct weir_hook_key key = {ifindex, p->hook};

	*p->ctl = (struct weir_ctl){.magic = WEIR_MAGIC, .abi = WEIR_ABI};
	memset(p->ctl->addrs, 0xff, sizeof(p->ctl->addrs)); /* tests fill `local` and `pools` as they go */
	p->conf->abi = WEIR_ABI;
	p->conf->ifindex = ifindex;
	net_mac(p->own, p->conf->mac);
	prog_put(p, "rows_of", &key, &rows_fd);
	prog_put(p, "lat_of", &key, &lat_fd);
	for (i = 0; i < p->nr_rows; i++) {
		p->rows[i].cpu = (__u16)(i / 2 / p->queues);
		p->rows[i].queue = (__u16)(i / 2 % p->queues);
		p->rows[i].bank = i % 2;
		p->rows[i].queues = (__u16)p->queues;
	}
	open_ports(p);
	prog_confirm(p);
}

static void reuse(const struct prog *p, const struct prog *of, const char *name)
{
	if (of)
		assert_int_equal(bpf_map__reuse_fd(map_of(p, name), map_fd(of, name)), 0);
}

static void size_map(const struct prog *p, const char *name, __u32 entries)
{
	assert_int_equal(bpf_map__set_max_entries(map_of(p, name), entries), 0);
}

/* In memory, so that tests see what is kept, and may put there what no FIB has said. */
static void size_flows(struct prog *p, const struct prog *share)
{
	size_map(p, "flows", p->nr_flows);
	assert_int_equal(bpf_map__set_map_flags(map_of(p, "flows"), BPF_F_MMAPABLE), 0);
	size_map(p, "hops", p->cpus * HOPS_EACH);
	assert_int_equal(bpf_map__set_map_flags(map_of(p, "hops"), BPF_F_MMAPABLE), 0);
	reuse(p, share, "flows");
	reuse(p, share, "hops");
}

/* Sessions are a namespace's, whichever device's program follows them. */
static void size_sessions(struct prog *p, const struct prog *share)
{
	static const char *const sized[] = {
		"sessions", "mappings", "names", "session_index", "free_sessions", "free_mappings"};
	static const char *const shared[] = {"sessions", "mappings", "names", "session_index",
		"free_sessions", "free_mappings", "pools", "pool_ports", "frags", "frags_left",
		".data.nat", "rulesets", "counts"};

	for (size_t i = 0; i < ARRAY_SIZE(sized); i++)
		size_map(p, sized[i], PROG_SESSIONS);
	for (size_t i = 0; i < ARRAY_SIZE(shared) && share && share->nat; i++)
		reuse(p, share, shared[i]);
}

static void set_self(struct prog *p, const struct prog_opts *o)
{
	size_t size;
	struct weir_self *self = bpf_map__initial_value(map_of(p, ".rodata.self"), &size);

	assert_non_null(self);
	assert_int_equal(size, sizeof(*self));
	*self = (struct weir_self){
		.ifindex = net_ifindex(o->port),
		.flows_mask = p->flows_each - 1,
		.hops_mask = HOPS_EACH - 1,
		.filter = o->filter,
		.track = o->track,
		.rule_slots = o->filter || o->track ? PROG_SLOTS : 1,
		.queues = p->queues,
		.virtual_link = !o->physical,
		.generic = o->generic,
		.loaded_ns = weir_now_ns(),
	};
}

static void open_object(struct prog *p, bool fib_refuses)
{
	size_t size;
	const void *bytes = hooks[p->hook].bytes(&size);
	char *copy = malloc(size);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	if (fib_refuses)
		break_fib(copy, size);
	p->obj = bpf_object__open_mem(copy, size, NULL);
	free(copy);
	assert_non_null(p->obj);
	p->prog = bpf_object__find_program_by_name(p->obj, hooks[p->hook].prog);
	assert_non_null(p->prog);
}

/* The maps in memory, and where in struct prog. */
static const struct {
	const char *name;
	size_t at;
	bool nat;
} memory[] = {
#define MEMORY(name, member, nat) {name, offsetof(struct prog, member), nat}
	MEMORY(".data.ctl", ctl, false),
	MEMORY(".data.conf", conf, false),
	MEMORY("cursor", cursor, false),
	MEMORY("cursor_tc", cursor_tc, false),
	MEMORY("rows", rows, false),
	MEMORY("lat", lat, false),
	MEMORY("flows", flows, false),
	MEMORY("hops", hops, false),
	MEMORY(".data.nat", nat, true),
	MEMORY("sessions", sessions, true),
	MEMORY("mappings", mappings, true),
	MEMORY("names", names, true),
	MEMORY("session_index", index, true),
#undef MEMORY
};

static void map_all(struct prog *p, bool nat)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory); i++)
		if (nat || !memory[i].nat)
			*(void **)((char *)p + memory[i].at) = map_memory(p, memory[i].name);
}

static void unmap_all(struct prog *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
		const struct bpf_map *map = map_of(p, memory[i].name);
		void **m = (void **)((char *)p + memory[i].at);

		if (*m)
			munmap(*m, (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map));
		*m = NULL;
	}
}

static struct prog *loaded[32];

static void loaded_swap(struct prog *from, struct prog *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(loaded); i++)
		if (loaded[i] == from) {
			loaded[i] = to;
			return;
		}
	fail_msg("more programs are loaded than there is room for");
}

void prog_all_moved(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(loaded); i++)
		if (loaded[i])
			loaded[i]->ctl->generation++;
}

void prog_load(struct prog *p, const struct prog_opts *o)
{
	__u32 cpus = (__u32)libbpf_num_possible_cpus(), queues = o->queues ? o->queues : 1;
	__u32 rows = o->small_rows ? queues : cpus * queues;

	*p = (struct prog){.hook = o->hook,
		.cpus = cpus,
		.queues = queues,
		.nr_rows = rows * 2,
		.flows_each = o->one_pair ? WEIR_FLOW_WAYS : WEIR_FLOWS_MIN,
		.own = o->port,
		.ingress = o->port};
	p->nr_flows = o->small_flows ? p->flows_each : cpus * p->flows_each;
	open_object(p, o->fib_refuses);
	set_self(p, o);
	size_map(p, "rows", rows * 2);
	size_map(p, "lat", rows);
	size_map(p, "cursor", cpus);
	size_map(p, "cursor_tc", cpus * 2);
	size_flows(p, o->share);
	if (o->filter || o->track)
		size_map(p, "counts", cpus * PROG_SLOTS);
	if (o->track)
		size_sessions(p, o->share);
	reuse(p, o->chores, "chores");
	if (o->neigh_full) { /* the real one throws out the oldest, which may fail, but not when
				asked to */
		assert_int_equal(bpf_map__set_type(map_of(p, "neigh"), BPF_MAP_TYPE_HASH), 0);
		size_map(p, "neigh", PROG_HOPS);
	}
	assert_int_equal(bpf_object__load(p->obj), 0);
	map_all(p, o->track);
	loaded_swap(NULL, p);
	fill(p);
}

void prog_unload(struct prog *p)
{
	if (!p->obj)
		return;
	loaded_swap(p, NULL);
	unmap_all(p);
	bpf_object__close(p->obj);
	p->obj = NULL;
}

void prog_load_ingress(struct prog progs[WEIR_HOOK_COUNT], struct prog_opts o)
{
	for (o.hook = WEIR_HOOK_xdp; o.hook <= WEIR_HOOK_tc_ingress; o.hook++)
		prog_load(&progs[o.hook], &o);
}

int prog_fresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(loaded); i++)
		if (loaded[i])
			prog_reset(loaded[i]);
	return 0;
}

int prog_down(void **state)
{
	(void)state;
	for (size_t i = ARRAY_SIZE(loaded); i-- > 0;)
		if (loaded[i])
			prog_unload(loaded[i]);
	return 0;
}

struct weir_cursor *prog_cursor(const struct prog *p)
{
	if (p->hook == WEIR_HOOK_xdp)
		return &p->cursor[prog_cpu()];
	return &p->cursor_tc[prog_cpu() * 2 + (p->hook == WEIR_HOOK_tc_egress)];
}

void prog_reset(struct prog *p)
{
	const size_t lat_label = offsetof(struct weir_lat, stage);
	int local_fd = map_fd(p, "local");
	__u32 i, addr;

	prog_zero(p);
	for (i = 0; i < p->nr_rows / 2; i++) {
		memset((char *)&p->lat[i] + lat_label, 0, sizeof(p->lat[i]) - lat_label);
		p->lat[i].untimed = 0;
	}
	prog_forget(p);
	memset(p->cursor, 0, p->cpus * sizeof(*p->cursor));
	memset(p->cursor_tc, 0, p->cpus * 2 * sizeof(*p->cursor_tc));
	open_ports(p);
	prog_confirm(p);
	p->ctl->seq = 0;
	p->ctl->sample_every = 0;
	p->ctl->capture_every = 0;
	p->ctl->tc = 0;
	p->conf->punt = WEIR_PUNT_KERNEL;
	p->conf->rp_filter = 0;
	p->conf->unmarked = 0;
	p->conf->vlans_only = 0;
	while (!bpf_map_get_next_key(local_fd, NULL, &addr))
		assert_int_equal(bpf_map_delete_elem(local_fd, &addr), 0);
	p->ingress = p->own;
	p->local = false;
	p->queue = 0;
	p->linear = 0;
	p->meta = 0;
	p->gso_size = p->gso_segs = 0;
}

/* What lies before the frame goes in before it, and comes out before it. */
static int try_xdp(
	struct prog *p, const struct frame *in, struct bpf_test_run_opts *opts, __u32 *meta_len)
{
	static __u8 with_meta[META_MAX + FRAME_MAX];
	struct xdp_md md = {
		.data = p->meta,
		.data_end = p->meta + (p->linear ? p->linear : in->len),
		.ingress_ifindex = net_ifindex(p->ingress),
		.rx_queue_index = p->queue,
	};

	if (p->meta) {
		memcpy(with_meta + p->meta, in->data, in->len);
		opts->data_in = with_meta;
		opts->data_size_in += p->meta;
	}
	opts->ctx_in = &md;
	opts->ctx_size_in = sizeof(md);
	opts->ctx_out = &md;
	opts->ctx_size_out = sizeof(md);
	if (bpf_prog_test_run_opts(bpf_program__fd(p->prog), opts))
		return -errno;
	*meta_len = md.data; /* counted from where the meta data begins */
	return 0;
}

static int try_tc(struct prog *p, struct bpf_test_run_opts *opts)
{
	struct __sk_buff skb = {
		.ifindex = net_ifindex(p->own),
		.ingress_ifindex = p->local ? 0 : net_ifindex(p->ingress),
		.gso_size = p->gso_size,
		.gso_segs = p->gso_segs,
	};

	opts->ctx_in = &skb;
	opts->ctx_size_in = sizeof(skb);
	return bpf_prog_test_run_opts(bpf_program__fd(p->prog), opts);
}

int prog_try(struct prog *p, const struct frame *in, struct ran *ran)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
		.data_out = ran->out.data, .data_size_out = sizeof(ran->out.data));
	__u32 meta_len = 0;
	int rc = p->hook == WEIR_HOOK_xdp ? try_xdp(p, in, &opts, &meta_len) : try_tc(p, &opts);

	if (rc)
		return rc;
	ran->verdict = opts.retval;
	ran->meta_len = meta_len;
	memcpy(ran->meta, ran->out.data, ran->meta_len);
	ran->out.len = opts.data_size_out - ran->meta_len;
	memmove(ran->out.data, ran->out.data + ran->meta_len, ran->out.len);
	ran->inflight = prog_cursor(p)->inflight;
	prog_cursor(p)->inflight = 0; /* no driver is there to tell */
	return 0;
}

__u32 prog_verdict(const struct prog *p, enum weir_kind kind, bool punt_drop)
{
	if (kind == WEIR_KIND_OUT)
		return hooks[p->hook].out;
	return kind == WEIR_KIND_DROP || punt_drop ? hooks[p->hook].drop : hooks[p->hook].pass;
}

void prog_run(struct prog *p, const struct frame *in, struct ran *ran)
{
	assert_int_equal(prog_try(p, in, ran), 0);
}

/* --- next hops --- */
