// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How closely packets are observed: the kernel plane's level, and how many are timed of the fast
 * one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "ctl/kernel.h"
#include "model/tables.h"
#include "out/doc.h"

#define WHOLE 1000000 /* parts of time */

static bool wants(const char *plane, const char *which)
{
	return !plane || !strcmp(plane, which);
}

/* "P%" or "P", with up to four decimals, as parts of a million. */
static bool parse_share(const char *text, __u32 *share)
{
	__u32 part = WHOLE / 1000;
	char number[32], *end;
	unsigned long whole;

	snprintf(number, sizeof(number), "%s", text);
	if (number[0] < '0' || number[0] > '9')
		return false;
	whole = strtoul(number, &end, 10);
	if (whole > 100)
		return false;
	*share = (__u32)whole * (WHOLE / 100);
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9' && part; end++, part /= 10)
			*share += (__u32)(*end - '0') * part;
	return (!*end || !strcmp(end, "%")) && *share && *share <= WHOLE;
}

/* The closest level that was asked for. */
static enum weir_klevel level_of(const struct weir_args *args)
{
	enum weir_klevel level = WEIR_KLEVEL_off;

	for (unsigned int i = 0; i < WEIR_KLEVEL_COUNT; i++)
		if (weir_arg(args, weir_klevel_info[i].name))
			level = i;
	return level;
}

static int parse(const struct weir_args *args, struct weir_kernel_wish *wish, uint32_t *every,
	struct weir_err *err)
{
	const char *ratio = weir_arg(args, "latency"), *duty = weir_arg(args, "duty");
	const char *plane = weir_arg(args, "plane"), *netns = weir_arg(args, "netns");

	*every = 0;
	*wish = (struct weir_kernel_wish){.level = level_of(args), .share = WHOLE};
	if (!wish->level)
		return weir_fail(err, WEIR_USAGE, 0,
			"'watch on' needs what to watch: drops, counters, latency 1/N or full");
	if (ratio && !weir_parse_ratio(ratio, every))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no share of packets: 1/N, N from 1 to 2147483648", ratio);
	if (wish->level == WEIR_KLEVEL_latency)
		wish->share = *every > WHOLE ? 1 : WHOLE / *every;
	if (duty && !parse_share(duty, &wish->share))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no share of time: P%%, more than 0 and at most 100", duty);
	if (plane && !strcmp(plane, "fast") && !*every)
		return weir_fail(
			err, WEIR_USAGE, 0, "of the fast plane only times are set: latency 1/N");
	if (netns && strspn(netns, ",") == strlen(netns))
		return weir_fail(err, WEIR_USAGE, 0, "'netns' needs names, or all");
	if (duty && wish->level < WEIR_KLEVEL_latency)
		return weir_fail(err, WEIR_USAGE, 0,
			"'duty' is of stages that are observed: with latency or full");
	return 0;
}

/* "A,B,C" in place. The caller frees what is returned. */
static const char **split(char *names, unsigned int *nr)
{
	const char **list = NULL, **grown;
	char *save, *name;

	*nr = 0;
	for (name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		grown = reallocarray(list, *nr + 1, sizeof(*list));
		if (!grown)
			break;
		list = grown;
		list[(*nr)++] = name;
	}
	return list;
}

static int kernel_on(struct weir_run *run, const struct weir_args *args,
	struct weir_kernel_wish *wish, struct weir_err *err)
{
	const char *netns = weir_arg(args, "netns");
	char *names = netns ? strdup(netns) : NULL;
	struct weir_notes notes = {0};
	const char **list = NULL;
	int ret;

	wish->all = netns && !strcmp(netns, "all");
	if (names && !wish->all)
		list = split(names, &wish->nr_netns);
	wish->netns = list;
	if (wish->nr_netns > WEIR_KNS_MAX)
		ret = weir_fail(err, WEIR_USAGE, 0, "no more than %d namespaces", WEIR_KNS_MAX);
	else
		ret = weir_kernel_on(run->ns, wish, &notes, err);
	for (unsigned int i = 0; i < notes.nr && !run->face.json; i++)
		fprintf(stderr, "weir: note: %s\n", notes.line[i]);
	free(list);
	free(names);
	return ret;
}

int weir_watch_on_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *plane = weir_arg(args, "plane");
	struct weir_kernel_wish wish;
	uint32_t every;
	int ret;

	ret = parse(args, &wish, &every, err);
	if (!ret)
		ret = weir_enter(run, err);
	/* without a device attached there is no fast plane to be timed */
	if (!ret && every && wants(plane, "fast")) {
		ret = weir_sampling_set(run->ns, every, err);
		if (ret && err->status == WEIR_NOT_FOUND && wants(plane, "kernel"))
			ret = 0;
	}
	if (!ret && wants(plane, "kernel"))
		ret = kernel_on(run, args, &wish, err);
	return ret ? ret : weir_show(&run->face, weir_doc_watch(every, NULL, NULL), NULL, err);
}

int weir_watch_off_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *plane = weir_arg(args, "plane");
	int ret = weir_enter(run, err);

	if (!ret && wants(plane, "kernel"))
		ret = weir_kernel_off(run->ns, err);
	if (!ret && wants(plane, "fast")) {
		ret = weir_sampling_set(run->ns, 0, err);
		if (ret && err->status == WEIR_NOT_FOUND)
			ret = 0; /* nothing is timed there */
	}
	return ret ? ret : weir_show(&run->face, weir_doc_watch(0, NULL, NULL), NULL, err);
}

int weir_watch_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_kernel_costs costs = {0};
	struct weir_kernel_snapshot kernel;
	struct weir_snapshot snap;
	int ret;

	(void)args;
	ret = weir_read(run, NULL, false, &snap, err);
	if (ret)
		return ret;
	ret = weir_kernel_read(run->ns, &kernel, err);
	if (!ret) {
		if (kernel.on)
			ret = weir_kernel_cost(run->ns, &costs, err);
		if (!ret)
			ret = weir_show(&run->face,
				weir_doc_watch(snap.sample_every, &kernel, &costs), weir_text_watch,
				err);
		weir_kernel_snapshot_done(&kernel);
	}
	weir_snapshot_done(&snap);
	return ret;
}
