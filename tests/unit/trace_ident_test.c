// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What tells packets apart, wherever they are seen. */
#include <stdio.h>
#include <stdlib.h>

#include "model/trace_ident.h"
#include "test.h"

static struct weir_trace_event head(const char *hex, bool raw)
{
	struct weir_trace_event e = {.flags = raw ? WEIR_TRACE_RAW : 0};
	unsigned int byte;
	int n;

	while (sscanf(hex, " %2x%n", &byte, &n) == 1) {
		e.head[e.head_len++] = (__u8)byte;
		hex += n;
	}
	return e;
}

#define IP4(id, ttl, from, proto) "4500001c" id "4000" ttl proto "0000c00002" from "c6336401"

/* Whether both are of one packet, with what NAT changes and without. */
static bool same(struct weir_trace_event a, struct weir_trace_event b, bool *ends)
{
	struct weir_trace_ident i, j;

	assert_true(weir_trace_identify(&a, &i) && weir_trace_identify(&b, &j));
	*ends = i.ends == j.ends;
	return i.key == j.key && weir_trace_same_bytes(&i, &j);
}

static void packets_are_told_apart_by_what_stays(void **state)
{
	const char *udp = IP4("0001", "40", "01", "11") "0fa0000900080000";
	const char *icmp = IP4("0001", "40", "01", "01") "0800123400070001";
	const char *v6 = "600fffff00083a40"
			 "20010db8000000000000000000000001"
			 "20010db8000000000000000000000002"
			 "8000123400070001";
	bool ends;

	(void)state;
	assert_true(same(head(udp, true),
		head("020000000001020000000002"
		     "0800" IP4("0001", "3f", "01", "11") "0fa0000900081234",
			false),
		&ends));
	assert_true(ends); /* TTL and checksum are another's, and a link header there */
	assert_true(same(head(udp, true),
		head("020000000001020000000002"
		     "81000005"
		     "0800" IP4("0001", "40", "07", "11") "0fa1000900080000",
			false),
		&ends));
	assert_false(ends);
	assert_false(same(head(udp, true),
		head(IP4("0002", "40", "01", "11") "0fa0000900080000", true), &ends));
	assert_true(same(head(icmp, true),
		head(IP4("0001", "40", "02", "01") "0800999900080001", true), &ends));
	assert_false(ends); /* another id is NAT's */
	assert_false(same(head(icmp, true),
		head(IP4("0001", "40", "01", "01") "0800123400070002", true), &ends));
	assert_false(same(head("4500001d00014000400100"
			       "00c0000201c6336401"
			       "080012340007000155",
				  true),
		head("4500001d00014000400100"
		     "00c0000201c6336401"
		     "080012340007000156",
			true),
		&ends)); /* data */
	assert_true(same(head(v6, true), head(v6, true), &ends));
	assert_true(ends);
	assert_false(same(head(v6, true),
		head("600fffff00083a40"
		     "20010db8000000000000000000000001"
		     "20010db8000000000000000000000002"
		     "8000123400070002",
			true),
		&ends));
}

static void heads_may_be_of_any_length(void **state)
{
	struct weir_trace_event e = head("020000000002"
					 "020000000001"
					 "0800" IP4("0001", "40", "01", "11") "0fa0000900080000"
									      "010203",
		false);
	unsigned int full = e.head_len;
	struct weir_trace_ident ident;

	(void)state;
	for (unsigned int n = 0; n <= full; n++) {
		struct weir_trace_event *cut =
			malloc(sizeof(*cut)); /* so that a reader beyond is seen */

		assert_non_null(cut);
		*cut = e;
		cut->head_len = (__u16)n;
		assert_int_equal(weir_trace_identify(cut, &ident), n >= 34);
		assert_true(n < 34 || ident.nr == (n < 34 + 8 ? n - 34 : 8));
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_told_apart_by_what_stays),
		cmocka_unit_test(heads_may_be_of_any_length),
	};

	return WEIR_RUN(tests);
}
