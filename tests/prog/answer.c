// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "answer_tc_egress.skel.h"
#include "answer_tc_ingress.skel.h"
#include "answer_xdp.skel.h"
#include "answer.h"

static const struct {
	const void *(*bytes)(size_t *size);
	const char *prog;
} hooks[WEIR_HOOK_COUNT] = {
	[WEIR_HOOK_xdp] = {answer_xdp_bpf__elf_bytes, "answer_xdp"},
	[WEIR_HOOK_tc_ingress] = {answer_tc_ingress_bpf__elf_bytes, "answer_tc"},
	[WEIR_HOOK_tc_egress] = {answer_tc_egress_bpf__elf_bytes, "answer_tc"},
};

static struct bpf_map *map_of(const struct prog *p, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(p->obj, name);

	assert_non_null(map);
	return map;
}

void *answer_map(const struct prog *p, const char *name)
{
	struct bpf_map *map = map_of(p, name);
	size_t len = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(m, MAP_FAILED);
	return m;
}

static void size_map(const struct prog *p, const char *name, __u32 n)
{
	assert_int_equal(bpf_map__set_max_entries(map_of(p, name), n), 0);
}

static struct bpf_object *open_bytes(const void *(*bytes)(size_t *size))
{
	size_t size;
	const void *b = bytes(&size);

	return bpf_object__open_mem(b, size, NULL);
}

void answer_load(struct prog *p, enum weir_hook hook, __u32 ifindex, bool generic, bool veth)
{
	__u32 cpus = (__u32)libbpf_num_possible_cpus();
	struct weir_self *self;
	size_t size;

	*p = (struct prog){.hook = hook, .queues = 1, .cpus = cpus, .nr_rows = cpus * 2};
	p->obj = open_bytes(hooks[hook].bytes);
	assert_non_null(p->obj);
	p->prog = bpf_object__find_program_by_name(p->obj, hooks[hook].prog);
	self = bpf_map__initial_value(map_of(p, ".rodata.self"), &size);
	assert_int_equal(size, sizeof(*self));
	*self = (struct weir_self){.ifindex = ifindex,
		.queues = 1,
		.generic = generic,
		.virtual_link = veth,
		.loaded_ns = 1};
	size_map(p, "rows", cpus * 2);
	size_map(p, "lat", cpus);
	size_map(p, "cursor", cpus);
	size_map(p, "cursor_tc", cpus * 2);
	assert_int_equal(bpf_object__load(p->obj), 0);
	p->rows = answer_map(p, "rows");
	p->cursor = answer_map(p, "cursor");
	p->cursor_tc = answer_map(p, "cursor_tc");
	p->ctl = answer_map(p, ".data.ctl");
	memset(p->ctl->addrs, 0xff, sizeof(p->ctl->addrs)); /* tests fill `local` as they go */
}

void answer_unload(struct prog *p)
{
	if (!p->obj)
		return;
	munmap(p->rows, p->nr_rows * sizeof(*p->rows));
	munmap(p->cursor, p->cpus * sizeof(*p->cursor));
	munmap(p->cursor_tc, p->cpus * 2 * sizeof(*p->cursor_tc));
	munmap(p->ctl, sizeof(*p->ctl));
	bpf_object__close(p->obj);
	p->obj = NULL;
}
