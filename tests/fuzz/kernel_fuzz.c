// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Texts as if /proc had them: what the kernel counted, at two moments, and what is made of the two.
 * Files are separated by a byte of 0, and the first byte of each says which one it is.
 */
#include "fuzz.h"
#include "model/kernel_coverage.h"
#include "model/kernel_stage.h"

static void read_one(struct weir_kreading *r, const char *text)
{
	unsigned int before = r->nr;
	bool any;

	switch (*text ? *text++ : 0) {
	case 'm':
		any = weir_kproc_mib(r, WEIR_KSOURCE_snmp, text);
		break;
	case 'n':
		any = weir_kproc_mib(r, WEIR_KSOURCE_netstat, text);
		break;
	case 'k':
		any = weir_kproc_sockstat(r, text);
		break;
	case 's':
		any = weir_kproc_softnet(r, text);
		break;
	case 'i':
		any = weir_kproc_softirqs(r, text);
		break;
	case 'a':
		any = weir_kproc_stat(r, WEIR_KSOURCE_neigh, text);
		break;
	case 'c':
		any = weir_kproc_stat(r, WEIR_KSOURCE_conntrack, text);
		break;
	default:
		return;
	}
	MUST(any || r->nr == before);
}

/* A driver's names, and values that no text has: of devices and queues. */
static void read_driver(struct weir_kreading *r, const char *name, __u32 ifindex)
{
	unsigned int queue = 0x10000;
	enum weir_kcounter counter = weir_kcounter_of_driver(name, &queue);

	if (counter == WEIR_KCOUNTER_none) {
		MUST(queue == 0x10000);
		return;
	}
	MUST(queue < 0x10000 && weir_kcounter_info[counter].source == WEIR_KSOURCE_ethtool);
	r->sources |= 1U << WEIR_KSOURCE_ethtool;
	weir_kreading_add(r, counter, queue, ifindex, strlen(name));
	weir_kreading_add(r, WEIR_KCOUNTER_rx_packets, 0, ifindex, queue);
	weir_kreading_add_dev(r, ifindex, name);
}

static void check_order(const struct weir_kreading *r)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		const struct weir_kvalue *v = &r->value[i];

		MUST(v->counter < WEIR_KCOUNTER_COUNT);
		MUST(weir_kreading_find(r, v->counter, v->queue, v->scope) == v);
	}
}

static void check_delta(const struct weir_kreading *now, const struct weir_kreading *d)
{
	struct weir_kstages stages;
	struct weir_kcounted drop;
	unsigned int at = 0;

	check_order(d);
	for (unsigned int i = 0; i < d->nr; i++) {
		const struct weir_kvalue *v = &d->value[i];
		const struct weir_kvalue *w =
			weir_kreading_find(now, v->counter, v->queue, v->scope);

		MUST(w);
		/* never a spike */
		if (weir_ksource_info[weir_kcounter_info[v->counter].source].bits == 64)
			MUST(v->value <= w->value);
		MUST(!v->reset || !v->value);
	}
	while (weir_kcounted_next(d, &at, &drop)) {
		MUST(at <= d->nr && weir_kcounter_info[drop.counter].cause);
		MUST(weir_kcounted_silent(&drop, drop.packets / 2) <= drop.packets);
	}
	MUST(!weir_kstages_init(&stages, d));
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++)
		MUST(stages.ns[i].packets.seen || !stages.ns[i].packets.count);
	weir_kstages_done(&stages);
}

static void check_same(const struct weir_kreading *r)
{
	struct weir_kreading d;

	MUST(!weir_kreading_delta(r, r, &d));
	MUST(d.nr == r->nr);
	for (unsigned int i = 0; i < d.nr; i++)
		MUST(!d.value[i].reset &&
			(!d.value[i].value ||
				weir_kcounter_info[d.value[i].counter].what == WEIR_KWHAT_level));
	weir_kreading_done(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_kreading r[2] = {}, d;
	unsigned int which = 0;

	while (size) {
		const uint8_t *end = memchr(data, 0, size);
		size_t len = end ? (size_t)(end - data) : size;
		char *text = text_of(data, len);

		if (*text == '|')
			which = 1;
		else if (*text == 'd')
			read_driver(&r[which], text + 1, (__u32)len);
		else
			read_one(&r[which], text);
		free(text);
		len += !!end;
		data += len;
		size -= len;
	}
	for (unsigned int i = 0; i < 2; i++) {
		weir_kreading_sort(&r[i]);
		check_order(&r[i]);
		check_same(&r[i]);
	}
	MUST(!weir_kreading_delta(&r[0], &r[1], &d));
	check_delta(&r[1], &d);
	weir_kreading_done(&d);
	weir_kreading_done(&r[0]);
	weir_kreading_done(&r[1]);
	return 0;
}
