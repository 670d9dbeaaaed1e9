// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Commands from words to output and exit code, over a control plane made of one variable. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "fake_ctl.h"
#include "fake_filter.h"
#include "fake_kernel.h"
#include "fake_nat.h"
#include "fake_trace.h"
#include "model/tables.h"
#include "test.h"
#include "tui/keys.h"

/* One run of a command: what it printed, returned and complained of. */
static struct weir_run run;
static struct weir_err err;
static char *output;

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&run, 0, sizeof(run));
	fake.nr_devs = 2;
	for (unsigned int i = 0; i < 2; i++) {
		fake.dev[i].name[0] = i ? 'b' : 'a';
		fake.dev[i].conf.ifindex = 5 + i;
		fake.dev[i].rows_map_id = 7 + i;
		fake.dev[i].conf.queues = 2;
		fake.dev[i].mode = WEIR_XDP_NATIVE;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(output);
	output = NULL;
	return 0;
}

static int command(const char *line)
{
	char text[256], **words;
	size_t size;
	int nr, ret;

	free(output);
	memset(&err, 0, sizeof(err));
	run.face.file = open_memstream(&output, &size);
	snprintf(text, sizeof(text), "%s", line);
	assert_null(weir_split(text, &words, &nr));
	ret = weir_dispatch(&run, nr, words, &err);
	fclose(run.face.file);
	free(words);
	return ret < 0 ? (int)err.status : ret;
}

static void says(const char *line, int status, const char *part)
{
	assert_int_equal(command(line), status);
	if (!strstr(status ? err.what : output, part))
		fail_msg("'%s' says '%s%s', not '%s'", line, output, err.what, part);
}

static json_t *json_of(const char *line)
{
	json_t *doc;

	run.face.json = true;
	assert_int_equal(command(line), 0);
	run.face.json = false;
	doc = json_loads(output, 0, NULL);
	assert_non_null(doc);
	assert_int_equal(weir_get_int(doc, "version"), 1);
	return doc;
}

static void attach_passes_on_what_was_typed(void **state)
{
	(void)state;
	assert_int_equal(command("dev attach x y xdp generic punt drop force tc off"), 0);
	assert_int_equal(fake.nr_attached, 2);
	assert_int_equal(fake.attached.mode, WEIR_XDP_GENERIC);
	assert_int_equal(fake.attached.punt, WEIR_PUNT_DROP);
	assert_true(fake.attached.force);
	assert_string_equal(output, "");
	assert_int_equal(command("dev attach x punt kernel"), 0);
	assert_int_equal(fake.attached.mode, WEIR_XDP_AUTO);
	assert_int_equal(fake.attached.punt, WEIR_PUNT_KERNEL);
	assert_false(fake.attached.force);
	assert_int_equal(command("dev detach all"), 0);
	assert_int_equal(fake.nr_detached, 0);
	assert_int_equal(command("dev detach x y"), 0);
	assert_int_equal(fake.nr_detached, 2);
}

static void attach_takes_xdp_tc_or_both(void **state)
{
	(void)state;
	assert_int_equal(command("dev attach x"), 0);
	assert_false(fake.attached.tc);
	assert_int_equal(command("dev attach x tc on"), 0);
	assert_true(fake.attached.tc);
	assert_int_equal(fake.attached.mode, WEIR_XDP_AUTO);
	assert_int_equal(command("dev attach x xdp off"), 0);
	assert_true(fake.attached.tc);
	assert_int_equal(fake.attached.mode, WEIR_XDP_OFF);
	fake.nr_attached = 0;
	says("dev attach x xdp off tc off", WEIR_USAGE, "leaves no hook");
	assert_int_equal(fake.nr_attached, 0);
}

static void what_is_not_in_this_version_says_so(void **state)
{
	(void)state;
	says("dev attach x punt stack", WEIR_REFUSED, "not in this version");
	says("trace plane stack", WEIR_REFUSED, "not observed in this version");
	says("path show plane stack", WEIR_REFUSED, "not observed in this version");
	assert_int_equal(fake.nr_attached, 0);
	assert_int_equal(fake.every, 0);
	assert_int_equal(fake.opened, 0);
}

static void trace_hands_on_its_expression(void **state)
{
	(void)state;
	says("trace udp port 9 and not src 192.0.2.1 plane kernel dev r0 netns a,b rate 7",
		WEIR_REFUSED, "tracing");
	assert_string_equal(fake_trace.expr, "udp port 9 and not src 192.0.2.1");
	assert_string_equal(fake_trace.dev, "r0");
	assert_string_equal(fake_trace.netns, "a,b");
	assert_int_equal(fake_trace.rate, 7);
	says("trace plane kernel", WEIR_REFUSED, "tracing");
	assert_string_equal(fake_trace.expr, "");
	assert_int_equal(fake_trace.rate, 1000);
	says("trace read /nonexistent", WEIR_NOT_FOUND, "/nonexistent");
}

static void misuse_is_a_usage_error_with_the_nearest_word(void **state)
{
	(void)state;
	says("", WEIR_USAGE, "--help");
	says("drp show", WEIR_USAGE, "'drop'");
	says("dev", WEIR_USAGE, "needs a command");
	says("dev shw", WEIR_USAGE, "'show'");
	says("rout add", WEIR_USAGE, "unknown object");
	says("dev attach x y x", WEIR_USAGE, "named twice");
	says("watch on", WEIR_USAGE, "latency 1/N");
	says("watch on drops duty 5%", WEIR_USAGE, "with latency or full");
	says("watch on full duty 0%", WEIR_USAGE, "'0%'");
	says("watch on full duty 100.5%", WEIR_USAGE, "'100.5%'");
	says("watch on drops plane fast", WEIR_USAGE, "latency 1/N");
	says("watch on drops netns ,", WEIR_USAGE, "netns");
	says("watch on latency 1/0", WEIR_USAGE, "1/0");
	says("watch on latency 1/2147483649", WEIR_USAGE, "1/2147483649");
	says("trace sample 1/0", WEIR_USAGE, "1/0");
	says("trace count 0", WEIR_USAGE, "'0'");
	says("trace seconds x", WEIR_USAGE, "'x'");
	says("trace udp", WEIR_USAGE, "'plane kernel'");
	says("trace rate 5", WEIR_USAGE, "'plane kernel'");
	says("trace plane kernel rate 0", WEIR_USAGE, "'0'");
	says("trace plane kernel count 0", WEIR_USAGE, "'0'");
	says("trace plane kernel sample 1/2", WEIR_USAGE, "'sample'");
	says("trace plane kernel udp", WEIR_USAGE, "'udp'");
	says("trace read", WEIR_USAGE, "needs FILE");
	says("top -b -n 0", WEIR_USAGE, "'0'");
	says("top -b -d 0.05", WEIR_USAGE, "0.05");
	says("drop explain", WEIR_USAGE, "weir drop explain");
	assert_int_equal(fake.opened, 0);
}

static void what_is_not_there_is_not_found(void **state)
{
	(void)state;
	says("path show dev zz", WEIR_NOT_FOUND, "'zz'");
	assert_string_equal(err.remedy, "weir dev attach zz");
	says("dev show zz", WEIR_NOT_FOUND, "'zz'");
	says("ledger show dev zz", WEIR_NOT_FOUND, "'zz'");
	says("drop explain ip_csun", WEIR_NOT_FOUND, "ip_csun");
	assert_string_equal(err.remedy, "weir drop explain IP_CSUM");
	run.ns = NULL;
	run.options.netns = "nope";
	says("dev show", WEIR_NOT_FOUND, "nope");
}

static void shows_may_be_limited_to_a_device(void **state)
{
	json_t *doc;

	(void)state;
	doc = json_of("path show dev b");
	assert_int_equal(json_array_size(json_object_get(doc, "devices")), 1);
	assert_string_equal(
		weir_get_text(json_array_get(json_object_get(doc, "devices"), 0), "device"), "b");
	json_decref(doc);
	doc = json_of("dev show");
	assert_int_equal(json_array_size(json_object_get(doc, "devices")), 2);
	json_decref(doc);
}

static void watch_sets_and_shows_sampling(void **state)
{
	(void)state;
	assert_int_equal(command("watch on latency 1/128"), 0);
	assert_int_equal(fake.every, 128);
	says("watch show", 0, "1 packet in 128");
	assert_int_equal(command("watch off"), 0);
	assert_int_equal(fake.every, 0);
	says("watch show", 0, "no latency");
}

static void watch_observes_the_kernel_plane(void **state)
{
	(void)state;
	assert_int_equal(command("watch on drops"), 0);
	assert_int_equal(fake_kernel.wish.level, WEIR_KLEVEL_drops);
	says("watch show", 0, "kernel plane: drops");
	assert_int_equal(command("watch on drops counters"), 0);
	assert_int_equal(fake_kernel.wish.level, WEIR_KLEVEL_counters);
	assert_int_equal(command("watch on latency 1/8 plane kernel"), 0);
	assert_int_equal(fake_kernel.wish.level, WEIR_KLEVEL_latency);
	assert_int_equal(fake_kernel.wish.share, 125000);
	assert_int_equal(fake.every, 0);
	assert_int_equal(command("watch on full duty 2.5%"), 0);
	assert_int_equal(fake_kernel.wish.share, 25000);
	assert_int_equal(command("watch on full netns a,b"), 0);
	assert_string_equal(fake_kernel.netns[1], "b");
	assert_int_equal(command("watch on full netns all"), 0);
	assert_true(fake_kernel.wish.all);
	assert_int_equal(command("watch off"), 0);
	says("watch show", 0, "kernel plane: not observed");
	says("path show plane kernel", 0, "weir watch on drops");
}

static void ledger_reads_exactly_and_fails_when_it_must(void **state)
{
	json_t *doc;

	(void)state;
	says("ledger show", 0, "it balances");
	assert_true(fake.last_exact);
	fake.dev[1].total.in.packets += 3;
	says("ledger show", WEIR_CHECK_FAILED, "ledger of b does not balance: residual +3");
	assert_non_null(strstr(output, "b: in is not"));
	assert_null(strstr(output, "it balances"));
	says("ledger show dev a", 0, "it balances");
	fake.dev[1].total.in.packets -= 3;
	doc = json_of("ledger show");
	assert_true(json_is_true(json_object_get(doc, "balanced")));
	json_decref(doc);
}

static void top_prints_rates_and_what_is_wrong(void **state)
{
	json_t *doc;

	(void)state;
	says("top -b -n 1 -d 0.1", 0, "DROPPED 1.00 k/s (100.0 %)");
	assert_non_null(strstr(output, "IP_CSUM 1.00 k"));
	assert_non_null(strstr(output, "ip_rcv drops 1.00 k/s for IP_CSUM on a"));
	assert_non_null(strstr(output, "weir drop explain IP_CSUM"));
	doc = json_of("top -b -n 1 -d 0.1");
	assert_int_equal((int)json_number_value(json_object_get(doc, "in_pps")), 1000);
	assert_string_equal(weir_get_text(json_object_get(doc, "trouble"), "kind"), "drops");
	json_decref(doc);
	assert_int_equal(strchr(output, '\n') - output, (ptrdiff_t)strlen(output) - 1);
}

static void the_doctor_shows_what_was_found(void **state)
{
	json_t *doc;

	(void)state;
	says("doctor", 0, "kernel ");
	assert_non_null(strstr(output, "\na\n  !!  MTU               too large\n"));
	assert_non_null(strstr(output, "      try: make it smaller\n"));
	says("doctor b", 0, "\nb\n");
	says("doctor nope", WEIR_NOT_FOUND, "nope");
	says("doctor a b", WEIR_USAGE, "one DEV too many");
	doc = json_of("doctor");
	assert_int_equal(json_array_size(json_object_get(doc, "findings")), 2);
	json_decref(doc);
}

static void the_monitor_tells_until_it_is_interrupted(void **state)
{
	json_t *doc;

	(void)state;
	says("monitor", 0, "replaced         a         xdp runs program 1005 in place of weir's 0");
	assert_non_null(strstr(output, "try: weir dev attach a force\n"));
	assert_int_equal(strchr(output, '\n') - output, (ptrdiff_t)strlen(output) - 1);
	fake.dev[0].detached = false;
	fake.waits = 0;
	doc = json_of("monitor");
	assert_string_equal(weir_get_text(doc, "event"), "replaced");
	assert_int_equal(weir_get_int(doc, "now"), 1005);
	json_decref(doc);
	says("monitor old", WEIR_USAGE, "'old'");
}

static void every_cause_explains_itself(void **state)
{
	char line[64];

	(void)state;
	for (unsigned int i = 0; i < WEIR_CAUSE_COUNT; i++) {
		snprintf(line, sizeof(line), "drop explain %s", weir_cause_info[i].name);
		says(line, 0, weir_cause_info[i].remedy);
	}
	says("drop explain ip_csum", 0, "where:  ip_rcv");
}

/* No line of the output is longer than 80 columns; returns how many lines, and makes them one. */
static unsigned int unfold(void)
{
	unsigned int lines = 0;
	char *to = output;

	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
		assert_true(strlen(line) <= 80);
		line += strspn(line, " ");
		memmove(to, line, strlen(line));
		to += strlen(line);
		*to++ = ' ';
		lines++;
	}
	*to = '\0';
	return lines;
}

static void help_fits_a_small_terminal(void **state)
{
	static const char *const ways[] = {"help %s", "%s --help"};
	unsigned int lines;

	(void)state;
	assert_int_equal(command("help"), 0);
	lines = unfold();
	assert_true(lines > 10 && lines <= 24);
	for (size_t i = 0; i < 2 * weir_nr_commands; i++) {
		const struct weir_command *c = &weir_commands[i / 2];
		char words[64];

		snprintf(words, sizeof(words), ways[i % 2], c->object);
		assert_int_equal(command(words), 0);
		assert_true(unfold() <= 22);
		assert_non_null(strstr(output, c->summary));
		assert_non_null(strstr(output, c->syntax));
	}
	says("dev show -h", 0, "weir dev show [DEV]");
	says("help man", 0, ".SH EXIT STATUS");
	for (unsigned int i = 0; i < ACTION_COUNT; i++)
		assert_non_null(strstr(output, weir_action_info[i].what));
	says("help completion", 0, "complete -o default -F _weir weir");
	says("help completion", 0, "//--color) words=\" auto always never\"");
	says("help completion", 0, "//-n|//--netns) words=\" $(ls /run/netns 2>/dev/null)\"");
	says("help completion", 0, "//-b|//--batch) words=\"\"");
	says("help completion", 0, "trace//netns) words=\" all $(ls /run/netns 2>/dev/null)\"");
	says("help completion", 0, "set/del/*) words=\" \"");
	says("help completion", 0, "filter/load/*) words=\" -\"");
	says("help drp", WEIR_USAGE, "'drop'");
}

/* Runs a batch file made of @text with its complaint thrown away. */
static int batch(const char *text, size_t size)
{
	char path[] = "/tmp/weir-batch-XXXXXX";
	int fd = mkstemp(path), keep = dup(STDERR_FILENO), ret;
	size_t printed;

	assert_true(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	close(fd);
	free(output);
	memset(&err, 0, sizeof(err));
	run.face.file = open_memstream(&output, &printed);
	assert_non_null(freopen("/dev/null", "w", stderr));
	ret = weir_batch(&run, path, &err);
	fflush(stderr);
	dup2(keep, STDERR_FILENO);
	close(keep);
	fclose(run.face.file);
	unlink(path);
	return ret < 0 ? (int)err.status : ret;
}

static void batch_stops_at_the_first_error(void **state)
{
	static const char good[] = "# x\n\nwatch on latency 1/7\n  dev attach 'a' # b";
	static const char bad[] = "watch on latency 1/8\ndrop explain nope\nwatch off\n";
	static const char nul[] = "watch on latency 1/9\nwatch off\0 x\n";
	static const char option[] = "-j version\n";

	(void)state;
	assert_int_equal(batch(good, sizeof(good) - 1), 0);
	assert_int_equal(fake.every, 7);
	assert_int_equal(fake.nr_attached, 1);
	assert_int_equal(batch(bad, sizeof(bad) - 1), WEIR_NOT_FOUND);
	assert_int_equal(fake.every, 8);
	assert_int_equal(batch(nul, sizeof(nul) - 1), WEIR_USAGE);
	assert_int_equal(fake.every, 9);
	assert_int_equal(batch(option, sizeof(option) - 1), WEIR_USAGE);
	assert_int_equal(batch("", 0), 0);
	assert_int_equal(fake.opened, 1);
}

static void batch_bears_long_lines(void **state)
{
	size_t size = 1 << 20;
	char *text = malloc(size);

	(void)state;
	memset(text, ' ', size);
	memcpy(text + size - 21, "watch on latency 1/5\n", 21);
	assert_int_equal(batch(text, size), 0);
	assert_int_equal(fake.every, 5);
	memset(text, 'x', size - 1);
	assert_int_equal(batch(text, size), WEIR_USAGE);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(attach_passes_on_what_was_typed),
		TEST(attach_takes_xdp_tc_or_both),
		TEST(what_is_not_in_this_version_says_so),
		TEST(trace_hands_on_its_expression),
		TEST(misuse_is_a_usage_error_with_the_nearest_word),
		TEST(what_is_not_there_is_not_found),
		TEST(shows_may_be_limited_to_a_device),
		TEST(watch_sets_and_shows_sampling),
		TEST(watch_observes_the_kernel_plane),
		TEST(ledger_reads_exactly_and_fails_when_it_must),
		TEST(top_prints_rates_and_what_is_wrong),
		TEST(the_doctor_shows_what_was_found),
		TEST(the_monitor_tells_until_it_is_interrupted),
		TEST(every_cause_explains_itself),
		TEST(help_fits_a_small_terminal),
		TEST(batch_stops_at_the_first_error),
		TEST(batch_bears_long_lines),
	};

	return WEIR_RUN(tests);
}
