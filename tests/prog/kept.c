// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tables of flows and next hops, in memory: what a program keeps, as tests want it to be. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prog.h"

void prog_forget_flows(struct prog *p)
{
	if (p->nat)
		prog_settle(p);
	memset(p->flows, 0, p->nr_flows * sizeof(*p->flows));
	memset(p->hops, 0, p->cpus * HOPS_EACH * sizeof(*p->hops));
}

static bool is_kept(const struct weir_flow *r)
{
	return r->epoch;
}

struct weir_hop *prog_hop(const struct prog *p, const struct weir_flow *r)
{
	return &p->hops[prog_cpu() * HOPS_EACH + r->hop];
}

/* A next hop of its own, since others may share what the FIB named. */
void prog_forge(struct prog *p, const struct frame *f)
{
	struct weir_flow *r = prog_flow(p, f);
	__u16 from, i = HOPS_EACH;

	assert_non_null(r);
	from = r->hop;
	do {
		assert_true(i > 0);
		r->hop = --i;
	} while (prog_hop(p, r)->epoch);
	*prog_hop(p, r) = p->hops[prog_cpu() * HOPS_EACH + from];
	prog_hop(p, r)->macs[2] = htons(FORGED);
}

void prog_flow_age(struct weir_flow *r)
{
	r->epoch = 1;
	r->asked = 1;
}

static bool is_aged(const struct weir_flow *r)
{
	return r->epoch == 1;
}

__u32 prog_kept(const struct prog *p)
{
	__u32 i = prog_cpu() * p->flows_each, end = i + p->flows_each, kept = 0;

	for (; i < end; i++)
		kept += is_kept(&p->flows[i]);
	return kept;
}

struct weir_flow *prog_flow(struct prog *p, const struct frame *f)
{
	struct weir_flow *r = p->flows + prog_cpu() * p->flows_each, *end = r + p->flows_each;

	for (; r < end; r++)
		if (is_kept(r) && !memcmp(&r->saddr, f->data + AT_IP_SRC, 4) &&
			!memcmp(&r->daddr, f->data + AT_IP_DST, 4) &&
			r->proto_tos >> 8 == f->data[AT_IP_TOS])
			return r;
	return NULL;
}

__u32 prog_epoch(const struct prog *p)
{
	return prog_cursor(p)->epoch;
}

__u32 clock_epoch(unsigned int ms_ago)
{
	struct timespec t;
	__u64 ns;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	ns = (__u64)t.tv_sec * 1000000000ULL + (__u64)t.tv_nsec;
	return (__u32)((ns - ms_ago * 1000000ULL) / WEIR_EPOCH_NS);
}

/* So many epochs ago, all of it. */
static void age_all(struct prog *p, __u32 then)
{
	for (__u32 i = 0; i < p->nr_flows; i++)
		if (is_kept(&p->flows[i]) && !is_aged(&p->flows[i]))
			p->flows[i].epoch = p->flows[i].asked = then;
	for (__u32 i = 0; i < p->cpus * HOPS_EACH; i++)
		if (p->hops[i].epoch)
			p->hops[i].epoch = then;
}

/* Run at an epoch's end, a packet may be in the next: then all is put back and done again. */
enum weir_exit prog_exit_at(struct prog *p, const struct frame *in, struct ran *ran, __u32 age)
{
	size_t len = p->nr_flows * sizeof(*p->flows);
	size_t hops_len = p->cpus * HOPS_EACH * sizeof(*p->hops);
	struct weir_flow *before = malloc(len);
	struct weir_hop *hops_before = malloc(hops_len);
	unsigned int tries;
	enum weir_exit exit = WEIR_EXIT_COUNT;
	__u32 now;

	assert_non_null(before);
	assert_non_null(hops_before);
	memcpy(before, p->flows, len);
	memcpy(hops_before, p->hops, hops_len);
	for (tries = 0; tries < 10000; tries++) {
		memcpy(p->flows, before, len);
		memcpy(p->hops, hops_before, hops_len);
		now = clock_epoch(0);
		age_all(p, now - age);
		exit = prog_exit(p, in, ran);
		if (prog_epoch(p) == now)
			break;
	}
	free(before);
	free(hops_before);
	assert_true(tries < 10000); /* else the program's epoch is not the clock's */
	return exit;
}
