// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A packet of the kernel's road as a document, as text, and as a file from which the same document
 * comes. */
#include <errno.h>

#include "made_trace.h"
#include "out/doc_trace.h"
#include "test.h"

#define E(time, dev, point, stage, what)                                                           \
	made_event(3, time, dev, WEIR_TRACE_##point, WEIR_STAGE_##stage, WEIR_TRACE_WHAT_##what)

static struct weir_trace_event event[WEIR_TRACED_MAX];
static struct weir_traced packet;
static char *bytes; /* of a file */
static size_t size;

/* Sent by this host, NATed, and dropped by a rule. */
static int setup(void **state)
{
	unsigned int n = 0;

	(void)state;
	event[n] = E(1000, "r0", nf_first, nf_local_out, enter);
	made_head(&event[n++], 4000, true);
	event[n] = E(1500, "r0", nf_last, nf_postrouting, leave);
	made_head(&event[n++], 5000, true);
	event[n] = E(2000, "r0", dev_queue, tc_egress, leave);
	made_head(&event[n++], 5000, false);
	event[n] = E(2500, "c0", nf_first, nf_prerouting, enter);
	event[n++].mark = 6;
	event[n] = E(3000, "", kfree, core, drop);
	event[n].drop.reason = 8;
	event[n++].drop.location = 2;
	packet = (struct weir_traced){.id = 3, .number = 3, .nr = n, .event = event};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(bytes);
	bytes = NULL;
	return 0;
}

static json_t *doc_of_packet(void)
{
	json_t *doc = weir_doc_traced(&packet, &made_names, 1700000000000000000);

	assert_non_null(doc);
	return doc;
}

static char *text_of(json_t *doc, bool json)
{
	struct weir_face face = {.json = json};
	char *text = NULL;
	size_t len;

	face.file = open_memstream(&text, &len);
	assert_int_equal(weir_show(&face, doc, weir_text_traced, NULL), 0);
	fclose(face.file);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void a_document_has_all_that_is_known(void **state)
{
	char *text = text_of(doc_of_packet(), true);

	(void)state;
	assert_has(text, "\"plane\":\"kernel\",\"number\":3,\"netns\":\"ns7\",\"device\":\"r0\"");
	assert_has(text, "\"time_ns\":1700000000000001000");
	assert_has(text, "\"src\":\"192.0.2.1\"");
	assert_has(text, "\"sport\":4000,\"dport\":9");
	assert_has(text, "\"end\":\"dropped\",\"stage\":\"nf_prerouting\","
			 "\"cause\":\"NETFILTER_DROP/prerouting\",\"reason\":\"NETFILTER_DROP\","
			 "\"location\":\"nft_do_chain+0x2\"");
	assert_has(text, "\"after_ns\":1500");
	assert_has(text, "\"mark\":6");
	free(text);
}

/* A ping's reply, of which a raw socket has a copy. */
static void what_has_done_its_work_is_no_drop(void **state)
{
	char *text;

	(void)state;
	event[packet.nr - 1].drop.reason = 3;
	event[packet.nr - 1].drop.location = 4;
	text = text_of(doc_of_packet(), true);
	assert_has(text,
		"\"end\":\"consumed\",\"stage\":\"ip_local_deliver\",\"verdict\":\"consumed\"");
	assert_has(text,
		"\"stage\":\"ip_local_deliver\",\"what\":\"done\",\"cause\":\"PING_NO_SOCKET\"");
	free(text);
	text = text_of(doc_of_packet(), false);
	assert_null(strstr(text, "drop"));
	free(text);
}

/* A link header that comes before it is no change. */
static void what_nat_has_made_of_it_is_told_once(void **state)
{
	json_t *doc = doc_of_packet(), *events = json_object_get(doc, "events");

	(void)state;
	assert_int_equal(json_array_size(events), 5);
	assert_null(json_object_get(json_array_get(events, 0), "packet"));
	assert_int_equal(
		weir_get_int(json_object_get(json_array_get(events, 1), "packet"), "sport"), 5000);
	for (size_t i = 2; i < 5; i++)
		assert_null(json_object_get(json_array_get(events, i), "packet"));
	json_decref(doc);
}

static void text_has_a_line_for_each_event(void **state)
{
	char *text = text_of(doc_of_packet(), false);
	unsigned int lines = 0;

	(void)state;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 6);
	assert_has(text, "ns7/r0  udp 192.0.2.1:4000 > 198.51.100.1:9 ttl 64, 31 bytes  dropped at "
			 "nf_prerouting: NETFILTER_DROP/prerouting\n");
	assert_has(text, "leave  as udp 192.0.2.1:5000 > 198.51.100.1:9 ttl 64\n");
	assert_has(text, "drop NETFILTER_DROP/prerouting at nft_do_chain+0x2\n");
	free(text);
}

/* Forwarded by XDP, with NAT, as one of two that look the same. */
static void a_verdict_is_told_in_the_fast_planes_words(void **state)
{
	struct weir_trace_event *e = &event[2];
	char *text;

	(void)state;
	*e = E(2000, "r0", dev_queue, xdp, forward);
	e->point = WEIR_TRACE_FAST;
	e->verdict = (struct weir_trace_verdict){
		.exit = WEIR_EXIT_xmit_NONE, .hook = WEIR_HOOK_xdp, .oif = 7, .out = "r1"};
	packet.nr = 3;
	packet.link[0] = 5;
	packet.nr_links = 1;
	text = text_of(doc_of_packet(), true);
	assert_has(text,
		"\"stage\":\"xdp\",\"what\":\"forward\",\"plane\":\"fast\",\"kind\":\"out\","
		"\"at\":\"xmit\",\"cause\":\"NONE\",\"out\":\"r1\","
		"\"verdict\":\"forwarded to r1\"");
	assert_has(text, "\"end\":\"forwarded\",\"stage\":\"xmit\",\"cause\":\"NONE\","
			 "\"verdict\":\"forwarded to r1\"");
	assert_has(text, "\"linked\":[5]");
	free(text);
	text = text_of(doc_of_packet(), false);
	assert_has(text, "31 bytes  forwarded to r1\n");
	assert_has(text, "xdp              forwarded to r1\n");
	assert_has(text, "  packet 3 may be one with 5, which looks the same\n");
	free(text);
}

static void a_verdict_that_drops_is_the_end(void **state)
{
	struct weir_trace_event *e = &event[3];
	char *text;

	(void)state;
	*e = E(2500, "c0", dev_queue, xdp, drop);
	e->point = WEIR_TRACE_FAST;
	e->verdict = (struct weir_trace_verdict){
		.exit = WEIR_EXIT_nf_forward_FILTER, .hook = WEIR_HOOK_xdp};
	text = text_of(doc_of_packet(), true); /* and the kernel's drop of it follows */
	assert_has(text, "\"end\":\"dropped\",\"stage\":\"nf_forward\",\"cause\":\"FILTER\","
			 "\"verdict\":\"dropped at nf_forward: FILTER\"");
	free(text);
	e->verdict.exit = WEIR_EXIT_ip_forward_IP_TTL;
	e->verdict.punt_drop = 1;
	text = text_of(doc_of_packet(), false);
	assert_has(text, "dropped at ip_forward: IP_TTL, by 'punt drop'\n");
	free(text);
}

/* --- files --- */

static void write_file(unsigned int times)
{
	static struct weir_pcapng p;
	FILE *file;

	free(bytes);
	file = open_memstream(&bytes, &size);
	assert_int_equal(weir_pcapng_begin(&p, file), 0);
	for (unsigned int i = 0; i < times; i++) {
		json_t *doc = doc_of_packet();

		assert_int_equal(weir_write_traced(&p, &packet, doc), 0);
		json_decref(doc);
	}
	assert_int_equal(weir_pcapng_end(&p, 7, 4, 5), 0);
	fclose(file);
}

static unsigned int nr_read;
static json_t *last;

static int on_read(void *ctx, json_t *doc)
{
	(void)ctx;
	nr_read++;
	json_decref(last);
	last = doc;
	return 0;
}

static struct weir_pcapng_losses losses;
static struct weir_err err;

static int read_file(size_t len)
{
	FILE *file = len ? fmemopen(bytes, len, "r") : fopen("/dev/null", "r");
	int rc;

	nr_read = 0;
	losses = (struct weir_pcapng_losses){0};
	err = (struct weir_err){0};
	rc = weir_pcapng_read(file, "x.pcapng", on_read, NULL, &losses, &err);
	fclose(file);
	return rc;
}

static void what_is_read_is_what_was_shown(void **state)
{
	char *live, *again;

	(void)state;
	write_file(3);
	assert_int_equal(read_file(size), 0);
	assert_int_equal(nr_read, 3);
	assert_int_equal(losses.packets, 3);
	assert_int_equal(losses.dropped, 9);
	for (int json = 0; json < 2; json++) {
		live = text_of(doc_of_packet(), json);
		again = text_of(json_incref(last), json);
		assert_string_equal(live, again);
		free(live);
		free(again);
	}
	json_decref(last);
	last = NULL;
}

/* The most events, each with the longest names: the document must be in the file, whole. */
static void the_longest_packet_fits(void **state)
{

	(void)state;
	for (unsigned int i = 0; i < WEIR_TRACED_MAX; i++) {
		event[i] = E(1000 + i, "a_device_of_15_", kfree, core, drop);
		event[i].mark = ~0U;
		event[i].cgroup = ~0ull;
		event[i].netns = ~0ull;
		event[i].drop.location = ~0ull;
		made_head(&event[i], (__u16)(i * 7), i % 2);
	}
	packet.nr = WEIR_TRACED_MAX;
	write_file(1);
	assert_int_equal(read_file(size), 0);
	assert_int_equal(json_array_size(json_object_get(last, "events")), WEIR_TRACED_MAX);
	json_decref(last);
	last = NULL;
}

static void a_file_cut_anywhere_is_refused_or_shorter(void **state)
{
	(void)state;
	write_file(2);
	for (size_t len = 0; len < size; len++) {
		int rc = read_file(len);

		assert_true(!rc || (rc < 0 && err.status == WEIR_USAGE && *err.what));
		assert_true(nr_read <= 2);
		assert_true(rc || len);
	}
	json_decref(last);
	last = NULL;
}

static void refused(const char *part)
{
	assert_true(read_file(size) < 0);
	assert_int_equal(err.status, WEIR_USAGE);
	assert_has(err.what, "x.pcapng");
	assert_has(err.what, part);
}

static void what_is_no_such_file_is_refused(void **state)
{
	char *at;

	(void)state;
	write_file(1);
	memcpy(bytes, "\xa1\xb2\xc3\xd4", 4); /* pcap's */
	refused("no pcapng file");

	write_file(1);
	memcpy(bytes + 8, "\x1a\x2b\x3c\x4d", 4);
	refused("byte order");

	write_file(1);
	at = memmem(bytes, size, WEIR_PCAPNG_JSON, strlen(WEIR_PCAPNG_JSON));
	assert_non_null(at);
	memcpy(at, "somebody's", 10);
	refused("none of its 1 packets");

	write_file(1);
	at = memmem(bytes, size, "\"events\"", 8);
	assert_non_null(at);
	at[1] = 'x';
	refused("not as weir has written it");

	write_file(1);
	bytes[4] = 8; /* the section's length */
	refused("length");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_has_all_that_is_known),
		TEST(what_has_done_its_work_is_no_drop),
		TEST(what_nat_has_made_of_it_is_told_once),
		TEST(text_has_a_line_for_each_event),
		TEST(a_verdict_is_told_in_the_fast_planes_words),
		TEST(a_verdict_that_drops_is_the_end),
		TEST(what_is_read_is_what_was_shown),
		TEST(the_longest_packet_fits),
		TEST(a_file_cut_anywhere_is_refused_or_shorter),
		TEST(what_is_no_such_file_is_refused),
	};

	return WEIR_RUN(tests);
}
