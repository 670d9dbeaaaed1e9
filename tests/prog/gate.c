// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "model/ruleset.h"

enum { XDP, TC, HOOKS };

static struct prog ins[HOOKS], outs[HOOKS], sent, back;
static struct gate gates[HOOKS] = {
	[XDP] = {"xdp", &ins[XDP], &outs[XDP], &sent, &back},
	[TC] = {"tc_ingress", &ins[TC], &outs[TC], &sent, &back},
};
static struct prog_opts common;
static bool xdp_only;
static struct ran ran;

const unsigned int gate_protos[3] = {PROTO_UDP, PROTO_TCP, PROTO_ICMP};

unsigned int gate_server_port(unsigned int proto)
{
	return proto == PROTO_ICMP ? ECHO : 53;
}

/* --- the gateway --- */

static void load(struct prog *p, enum weir_hook hook, enum port port)
{
	struct prog_opts o = common;

	o.hook = hook;
	o.port = port;
	o.track = true;
	o.share = p == &ins[XDP] ? NULL : &ins[XDP];
	prog_load(p, &o);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	load(&ins[XDP], WEIR_HOOK_xdp, PORT_IN);
	load(&outs[XDP], WEIR_HOOK_xdp, PORT_OUT);
	load(&sent, WEIR_HOOK_tc_egress, PORT_OUT);
	load(&back, WEIR_HOOK_tc_egress, PORT_IN);
	if (!xdp_only) {
		load(&ins[TC], WEIR_HOOK_tc_ingress, PORT_IN);
		load(&outs[TC], WEIR_HOOK_tc_ingress, PORT_OUT);
	}
	return 0;
}

static int down(void **state)
{
	(void)state;
	for (int i = 0; i < HOOKS; i++) {
		prog_unload(&outs[i]);
		prog_unload(&ins[HOOKS - 1 - i]);
	}
	prog_unload(&sent);
	prog_unload(&back);
	return 0;
}

static int reset(void **state)
{
	struct gate *g = *state;
	struct prog *all[] = {g->in, g->out, g->sent, g->back};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		prog_reset(all[i]);
		prog_local(all[i], ROUTER, true); /* as 'dev attach' finds them */
		prog_local(all[i], OUTSIDE, true);
	}
	/* the kernel forwards: IN's packets to OUT, OUT's to IN */
	sent.ingress = PORT_IN;
	back.ingress = PORT_OUT;
	sent.local = back.local = false;
	gate_rules(g, "");
	if (common.filter)
		gate_filter(g, "");
	return 0;
}

int gate_run(const char *name, const struct CMUnitTest *tests, size_t nr, struct prog_opts opts)
{
	size_t hooks = xdp_only ? 1 : HOOKS, n = 0;
	struct CMUnitTest *all;
	char(*names)[96];
	int failed = -1;

	if (!net_allowed())
		return 0;
	common = opts;
	all = calloc(hooks * nr, sizeof(*all));
	names = calloc(hooks * nr, sizeof(*names));
	for (size_t h = 0; all && names && h < hooks; h++)
		for (size_t i = 0; i < nr; i++, n++) {
			snprintf(names[n], sizeof(names[n]), "%s:%s", gates[h].name, tests[i].name);
			all[n] = tests[i];
			all[n].name = names[n];
			all[n].initial_state = &gates[h];
			all[n].setup_func = reset;
		}
	if (all && names)
		failed = _cmocka_run_group_tests(name, all, n, up, down);
	free(names);
	free(all);
	return failed;
}

int gate_run_xdp(const char *name, const struct CMUnitTest *tests, size_t nr, struct prog_opts opts)
{
	xdp_only = true;
	return gate_run(name, tests, nr, opts);
}

void gate_changed(struct gate *g)
{
	g->in->ctl->generation++;
	g->out->ctl->generation++;
	g->sent->ctl->generation++;
	g->back->ctl->generation++;
}

void gate_rules(struct gate *g, const char *text)
{
	prog_nat(&ins[XDP], text);
	gate_changed(g);
}

void gate_filter(struct gate *g, const char *text)
{
	struct weir_ruleset_model model;

	ins[XDP].nat->states = strstr(text, "state ") != NULL;
	prog_rules(&ins[XDP], text, &model);
	weir_ruleset_done(&model);
	gate_changed(g);
}

/* --- frames --- */

static bool icmp_asks(unsigned int type)
{
	return type == 8 || type == 13 || type == 15 || type == 17;
}

static __u32 head_of(const struct frame *f)
{
	return (f->data[AT_IP_START] & 0xfU) * 4;
}

void gate_put_ends(struct frame *f, struct ends e)
{
	unsigned int at = AT_IP_START + head_of(f), proto = f->data[AT_IP_PROTO];

	put_addr(f, AT_IP_SRC, e.src);
	put_addr(f, AT_IP_DST, e.dst);
	if (get16(f, AT_IP_FRAG) & 0x1fff)
		return;
	if (proto == PROTO_UDP || proto == PROTO_TCP) {
		put16(f, at, e.sport);
		put16(f, at + 2, e.dport);
	} else if (proto == PROTO_ICMP && (e.sport | e.dport)) {
		put16(f, at + 4, icmp_asks(f->data[at]) ? e.sport : e.dport);
	}
}

/* Of the packet at @at, of which there are @len bytes. */
static void seal_packet(struct frame *f, __u32 at, __u32 len)
{
	__u32 head = (f->data[at] & 0xfU) * 4, total = get16(f, at + 2), l4 = at + head;
	unsigned int proto = f->data[at + 9], frag = get16(f, at + 6), check;
	__u32 sum = 0, where = 0;

	if (len < head)
		return;
	put16(f, at + 10, 0);
	put16(f, at + 10, ~sum16(f->data + at, head, 0) & 0xffff);
	if (len < total || total < head || frag & 0x3fff)
		return;
	len = total - head;
	if (proto == PROTO_ICMP && len >= 8) {
		where = l4 + 2;
		if (f->data[l4] == 3 || f->data[l4] == 11 || f->data[l4] == 12 || f->data[l4] == 4)
			seal_packet(f, l4 + 8, len - 8);
	} else if ((proto == PROTO_UDP && len >= 8) || (proto == PROTO_TCP && len >= 20)) {
		where = l4 + (proto == PROTO_UDP ? 6 : 16);
		sum = sum16(f->data + at + 12, 8, proto + len);
	}
	if (!where || (proto == PROTO_UDP && !get16(f, where)))
		return;
	put16(f, where, 0);
	check = ~sum16(f->data + l4, len, sum) & 0xffff;
	put16(f, where, check || proto != PROTO_UDP ? check : 0xffff);
}

void gate_seal(struct frame *f)
{
	seal_packet(f, AT_IP_START, f->len - AT_IP_START);
}

void gate_frame(struct frame *f, unsigned int proto, struct ends e)
{
	bool asks = icmp_asks(e.dport);

	frame_make(f, proto, e.dst, proto == PROTO_TCP ? 30 : 26);
	if (proto == PROTO_TCP)
		put8(f, AT_L4 + 13, SYN);
	if (proto == PROTO_ICMP)
		put16(f, AT_L4, (asks ? e.dport : e.sport == ECHO ? 0 : e.sport + 1) << 8);
	gate_put_ends(f, e);
	gate_seal(f);
}

void gate_from_outside(struct frame *f)
{
	net_mac(PORT_OUT, f->data + AT_ETH_DST);
	net_hop_mac(PORT_OUT, f->data + AT_ETH_SRC);
}

void gate_frame_out(struct frame *f, unsigned int proto, struct ends e)
{
	gate_frame(f, proto, e);
	gate_from_outside(f);
}

void gate_answer(struct frame *f, unsigned int proto, struct ends e)
{
	gate_frame_out(f, proto, e);
	if (proto == PROTO_TCP)
		gate_tcp(f, SYN | ACK);
}

void gate_tcp(struct frame *f, unsigned int flags)
{
	put8(f, AT_L4 + 13, flags);
	gate_seal(f);
}

void gate_fragment(struct frame *f, unsigned int frag)
{
	put16(f, AT_IP_FRAG, frag);
	frame_seal_ip(f);
}

void gate_options(struct frame *f, unsigned int words)
{
	memmove(f->data + AT_L4 + words * 4, f->data + AT_L4, f->len - AT_L4);
	memset(f->data + AT_L4, 1, words * 4);
	f->len += words * 4;
	put8(f, AT_IP_START, 0x45 + words);
	put16(f, AT_IP_LEN, get16(f, AT_IP_LEN) + words * 4);
	gate_seal(f);
}

void gate_error(struct frame *f, unsigned int type, unsigned int code, __u32 rest, const char *src,
	const char *dst, const struct frame *about, __u32 held)
{
	frame_make(f, PROTO_ICMP, dst, 8 + held);
	put_addr(f, AT_IP_SRC, src);
	put8(f, AT_L4, type);
	put8(f, AT_L4 + 1, code);
	put16(f, AT_L4 + 2, 0);
	put32(f, AT_L4 + 4, rest);
	memcpy(f->data + AT_L4 + 8, about->data + AT_IP_START, held);
	frame_seal_ip(f);
	put16(f, AT_L4 + 2, ~sum16(f->data + AT_L4, 8 + held, 0) & 0xffff);
}

void gate_error_out(struct frame *f, unsigned int type, unsigned int code, __u32 rest,
	const char *src, const char *dst, const struct frame *about, __u32 held)
{
	gate_error(f, type, code, rest, src, dst, about, held);
	gate_from_outside(f);
}

/* --- runs --- */

struct ran *gate_ran(void)
{
	return &ran;
}

void gate_goes(struct prog *p, const struct frame *f, const struct frame *as, enum port port)
{
	struct frame want;

	assert_exit(prog_exit(p, f, &ran), X(xmit, NONE));
	assert_only_exit(p, X(xmit, NONE), false, f->len);
	assert_int_equal(ran.verdict, prog_verdict(p, WEIR_KIND_OUT, false));
	frame_forwarded(&want, as, port);
	assert_frame(&ran.out, &want, "forwarded", 0);
}

void gate_becomes(struct prog *p, const struct frame *f, enum port port, struct ends e)
{
	struct frame as = *f;

	gate_put_ends(&as, e);
	gate_seal(&as);
	gate_goes(p, f, &as, port);
}

void gate_left_as(
	struct prog *p, const struct frame *f, enum weir_exit exit, const struct frame *want)
{
	assert_exit(prog_exit(p, f, &ran), exit);
	assert_only_exit(p, exit, false, f->len);
	assert_int_equal(ran.verdict, prog_verdict(p, WEIR_KIND_PASS, false));
	assert_frame(&ran.out, want, exit_name(exit), 0);
}

void gate_left(struct prog *p, const struct frame *f, enum weir_exit exit, struct ends e)
{
	struct frame want = *f;

	gate_put_ends(&want, e);
	gate_seal(&want);
	gate_left_as(p, f, exit, &want);
}

void gate_drops(struct prog *p, const struct frame *f, enum weir_exit exit)
{
	static const __u32 drop[] = {1 /* XDP_DROP */, 2 /* TC_ACT_SHOT */, 2};

	assert_exit(prog_exit(p, f, &ran), exit);
	assert_only_exit(p, exit, false, f->len);
	assert_int_equal(ran.verdict, drop[p->hook]);
}

unsigned int gate_port(struct prog *p, const struct frame *f)
{
	assert_exit(prog_exit(p, f, &ran), X(xmit, NONE));
	return get16(&ran.out, f->data[AT_IP_PROTO] == PROTO_ICMP ? AT_L4 + 4 : AT_L4);
}
