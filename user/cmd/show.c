// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* path, drop, ledger: what is read once and shown. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/word.h"
#include "cmd/cmd.h"
#include "ctl/kernel.h"
#include "model/kernel_ledger.h"
#include "model/tables.h"
#include "out/doc.h"

static int refuse_plane(const char *plane, struct weir_err *err)
{
	int ret = weir_fail(
		err, WEIR_REFUSED, 0, "the %s plane is not observed in this version", plane);

	weir_remedy(err, "weir path coverage");
	return ret;
}

/* One document of the kernel plane. */
static int show_kernel(struct weir_run *run, const char *only,
	json_t *(*make)(const struct weir_kernel_snapshot *snap, const char *only),
	weir_text_fn *text, struct weir_err *err)
{
	struct weir_kernel_snapshot snap;
	int ret = weir_enter(run, err);

	if (!ret)
		ret = weir_kernel_read(run->ns, &snap, err);
	if (ret)
		return ret;
	ret = weir_show(&run->face, make(&snap, only), text, err);
	weir_kernel_snapshot_done(&snap);
	return ret;
}

int weir_path_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *only = weir_arg(args, "dev"), *plane = weir_arg(args, "plane");
	struct weir_snapshot snap;
	int ret;

	if (plane && !strcmp(plane, "kernel"))
		return show_kernel(run, only, weir_doc_kernel_path, weir_text_kernel_path, err);
	if (plane && strcmp(plane, "fast"))
		return refuse_plane(plane, err);
	ret = weir_read(run, only, false, &snap, err);
	if (ret)
		return ret;
	ret = weir_show(&run->face, weir_doc_path(&snap, only), weir_text_path, err);
	weir_snapshot_done(&snap);
	return ret;
}

int weir_path_coverage_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	(void)args;
	return weir_show(&run->face, weir_doc_coverage(), weir_text_coverage, err);
}

int weir_drop_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *only = weir_arg(args, "dev"), *plane = weir_arg(args, "plane");
	struct weir_snapshot snap;
	int ret;

	if (plane && !strcmp(plane, "kernel"))
		return show_kernel(run, only, weir_doc_kernel_drops, weir_text_kernel_drops, err);
	ret = weir_read(run, only, false, &snap, err);
	if (ret)
		return ret;
	ret = weir_show(&run->face, weir_doc_drops(&snap, only), weir_text_drops, err);
	weir_snapshot_done(&snap);
	return ret;
}

int weir_drop_explain_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *name = weir_arg_plain(args);
	struct weir_nearest nearest = {.typed = name};
	struct weir_kernel_cause kernel;
	unsigned int fast = 0;
	bool known;
	int ret;

	while (fast < WEIR_CAUSE_COUNT && strcasecmp(name, weir_cause_info[fast].name))
		weir_nearest_offer(&nearest, weir_cause_info[fast++].name);
	known = weir_kernel_cause_named(name, &kernel);
	if (known || fast < WEIR_CAUSE_COUNT)
		return weir_show(&run->face, weir_doc_cause(fast, known ? &kernel : NULL),
			weir_text_cause, err);
	for (unsigned int i = 0; i < weir_kernel_nr_causes; i++)
		weir_nearest_offer(&nearest, weir_kernel_cause_info[i].what->name);
	ret = weir_fail(err, WEIR_NOT_FOUND, 0, "no cause is called '%s'", name);
	if (nearest.word)
		weir_remedy(err, "weir drop explain %s", nearest.word);
	else
		weir_remedy(err, "weir drop show");
	return ret;
}

/* Names the first line that does not hold. */
static int check_ledger(const struct weir_snapshot *snap, const char *only, struct weir_err *err)
{
	struct weir_ledger l;
	int ret;

	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		const struct weir_dev_snapshot *dev = &snap->devs[i];

		if (!weir_is_chosen(dev, only))
			continue;
		weir_ledger_of(dev, &l);
		if (weir_ledger_holds(&l))
			continue;
		ret = weir_fail(err, WEIR_CHECK_FAILED, 0,
			"the ledger of %s does not balance: residual %+lld, verdicts %+lld, "
			"queues %llu",
			dev->name, (long long)l.residual, (long long)l.verdict_residual,
			(unsigned long long)l.queue_residual);
		weir_remedy(err, "read it again; if it stays, report it with 'weir -p path show'");
		return ret;
	}
	return 0;
}

/* The kernel plane's: exact once traffic rests, so what is on its way is given a moment. */
static int read_kernel_ledger(
	struct weir_run *run, struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	const struct timespec moment = {.tv_nsec = 50000000};
	int ret = weir_kernel_read(run->ns, snap, err);

	for (int tries = 0; !ret && tries < 8 && !weir_kernel_ledger_holds(snap); tries++) {
		nanosleep(&moment, NULL);
		weir_kernel_snapshot_done(snap);
		ret = weir_kernel_read(run->ns, snap, err);
	}
	return ret;
}

static int check_kernel_ledger(const struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	int ret;

	if (weir_kernel_ledger_holds(snap))
		return 0;
	ret = weir_fail(err, WEIR_CHECK_FAILED, 0, "the kernel plane's ledger does not balance");
	weir_remedy(err, "it is exact once traffic rests: read it again then");
	return ret;
}

static int kernel_ledger(struct weir_run *run, struct weir_err *err)
{
	struct weir_kernel_snapshot snap;
	int ret = weir_enter(run, err);

	if (!ret)
		ret = read_kernel_ledger(run, &snap, err);
	if (ret)
		return ret;
	ret = weir_show(&run->face, weir_doc_kernel_ledger(&snap), weir_text_kernel_ledger, err);
	if (!ret && !weir_kernel_ledger_is(&snap)) {
		ret = weir_fail(err, WEIR_CHECK_FAILED, 0, "the kernel plane is not observed whole");
		weir_remedy(err, "weir watch on full");
	}
	if (!ret)
		ret = check_kernel_ledger(&snap, err);
	weir_kernel_snapshot_done(&snap);
	return ret;
}

int weir_ledger_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *only = weir_arg(args, "dev"), *plane = weir_arg(args, "plane");
	struct weir_snapshot snap;
	int ret;

	if (plane && !strcmp(plane, "kernel"))
		return kernel_ledger(run, err);
	ret = weir_read(run, only, true, &snap, err);
	if (ret)
		return ret;
	ret = weir_show(&run->face, weir_doc_ledger(&snap, only), weir_text_ledger, err);
	if (!ret)
		ret = check_ledger(&snap, only, err);
	weir_snapshot_done(&snap);
	return ret;
}
