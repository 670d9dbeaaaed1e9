// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel plane's ledger of namespaces and of single devices, fragments joined and made. */
#include "made_kernel.h"
#include "model/kernel_ledger.h"

#define K(id) WEIR_KCOUNTER_##id

struct books {
	struct made_kernel made;
	struct weir_kernel_snapshot snap;
	struct weir_kernel_net net;
	struct weir_kernel_dev_ledger *dev; /* -, r0, r1 */
	struct weir_kernel_ledger whole;
};

static void begin(struct books *b)
{
	made_kernel_init(&b->made, WEIR_KLEVEL_full);
	b->made.snap.watch.whole = 1;
	b->net = (struct weir_kernel_net){.netns_cookie = MADE_KERNEL_COOKIE, .counted = true};
	b->dev = NULL;
}

/* @n packets come by @in and leave by @out, 0 = they are delivered. */
static void pass(struct books *b, unsigned int in, unsigned int out, __u64 n)
{
	struct weir_krow *from = &b->made.dev[in].row, *to = &b->made.dev[out].row;

	from->stage[WEIR_STAGE_core].packets += n;
	from->ip_in += n;
	from->pre_first += n;
	if (!out) {
		from->in_last += n;
		return;
	}
	from->forward_last += n;
	to->post_first += n;
	to->queued += n;
	to->ip_queued += n;
	to->sent += n;
}

static void balance(struct books *b)
{
	weir_kreading_sort(&b->net.delta);
	b->snap = b->made.snap;
	b->snap.nr_devs = MADE_KERNEL_DEVS;
	b->snap.devs = b->made.dev;
	b->snap.nr_nets = 1;
	b->snap.nets = &b->net;
	b->snap.nr_drops = b->made.nr_drops;
	b->snap.drops = b->made.drop;
	weir_kernel_ledger_of(&b->snap, MADE_KERNEL_COOKIE, &b->whole);
	free(b->dev);
	b->dev = weir_kernel_dev_ledgers(&b->snap);
	assert_non_null(b->dev);
}

static void end(struct books *b)
{
	free(b->dev);
	weir_kreading_done(&b->net.delta);
}

static void add(struct books *b, enum weir_kcounter counter, __u64 value)
{
	weir_kreading_add(&b->net.delta, counter, 0, 0, value);
}

/* @n datagrams in three fragments each come by @dev and are delivered. */
static void join(struct books *b, unsigned int dev, __u64 n)
{
	pass(b, dev, 0, n);
	b->made.dev[dev].row.stage[WEIR_STAGE_core].packets += 2 * n;
	b->made.dev[dev].row.ip_in += 2 * n;
}

static void packets_balance(void **state)
{
	struct books b = {0};

	(void)state;
	begin(&b);
	pass(&b, 1, 2, 10);
	pass(&b, 2, 0, 5);
	balance(&b);
	assert_int_equal(b.whole.residual, 0);
	assert_true(weir_kernel_ledger_holds(&b.snap));
	/* one that nobody knows of */
	b.made.dev[1].row.forward_last--;
	balance(&b);
	assert_int_equal(b.dev[1].residual, 1);
	assert_false(weir_kernel_ledger_holds(&b.snap));
	end(&b);
}

/* Wherever the packet had come to that was at the address of a tap's copy before. */
static void copies_are_no_losses(void **state)
{
	struct books b = {0};

	(void)state;
	begin(&b);
	pass(&b, 1, 2, 10);
	for (unsigned int left = 0; left < WEIR_STAGE_COUNT; left++) {
		struct weir_kernel_drop *d = &b.made.drop[b.made.nr_drops++];

		*d = (struct weir_kernel_drop){.key = {.left = (__u8)left, .protocol = 0x0800},
			.dev = 2,
			.stage = WEIR_STAGE_tap_tx,
			.witness = WEIR_KERNEL_EVENT,
			.location = "packet_rcv",
			.count.packets = 1};
		d->key.netns_cookie = MADE_KERNEL_COOKIE;
		balance(&b);
		assert_int_equal(b.whole.residual, 0);
		assert_int_equal(b.dev[2].residual, 0);
		b.made.nr_drops--;
	}
	end(&b);
}

static void joined_fragments_are_the_devices(void **state)
{
	struct books b = {0};

	(void)state;
	begin(&b);
	pass(&b, 2, 1, 7);
	join(&b, 1, 4);
	add(&b, K(ip_reasm_reqds), 12);
	add(&b, K(ip_reasm_oks), 4);
	balance(&b);
	assert_int_equal(b.whole.residual, 0);
	assert_true(b.dev[1].told);
	assert_int_equal(b.dev[1].joined, 8);
	assert_int_equal(b.dev[1].residual, 0);
	assert_int_equal(b.dev[2].joined, 0);
	assert_true(weir_kernel_ledger_holds(&b.snap));
	/* and are not taken for what is missing: the kernel counts them */
	b.made.dev[1].row.in_last--;
	balance(&b);
	assert_int_equal(b.dev[1].residual, 1);
	assert_false(weir_kernel_ledger_holds(&b.snap));
	end(&b);
}

static void made_fragments_are_the_devices(void **state)
{
	struct books b = {0};

	(void)state;
	begin(&b);
	pass(&b, 1, 2, 6);
	b.made.dev[2].row.queued += 12;
	b.made.dev[2].row.ip_queued += 12;
	b.made.dev[2].row.sent += 12;
	add(&b, K(ip_frag_creates), 18);
	add(&b, K(ip_frag_oks), 6);
	balance(&b);
	assert_int_equal(b.whole.residual, 0);
	assert_int_equal(b.dev[2].made, 12);
	assert_int_equal(b.dev[2].residual, 0);
	assert_true(weir_kernel_ledger_holds(&b.snap));
	b.made.dev[2].row.sent--;
	balance(&b);
	assert_int_equal(b.dev[2].residual, 1);
	end(&b);
}

static void of_two_devices_it_cannot_be_told(void **state)
{
	struct books b = {0};

	(void)state;
	begin(&b);
	join(&b, 1, 4);
	join(&b, 2, 1);
	add(&b, K(ip_reasm_reqds), 15);
	add(&b, K(ip_reasm_oks), 5);
	balance(&b);
	assert_int_equal(b.whole.residual, 0);
	assert_false(b.dev[1].told);
	assert_false(b.dev[2].told);
	assert_int_equal(b.dev[1].joined, 0);
	assert_true(weir_kernel_ledger_holds(&b.snap));
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_balance),
		cmocka_unit_test(copies_are_no_losses),
		cmocka_unit_test(joined_fragments_are_the_devices),
		cmocka_unit_test(made_fragments_are_the_devices),
		cmocka_unit_test(of_two_devices_it_cannot_be_told),
	};

	return WEIR_RUN(tests);
}
