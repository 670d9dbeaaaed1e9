// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* path, drop, ledger: what is read once and shown. */
#include <string.h>
#include <strings.h>
#include <time.h>
#include <net/if.h>

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

/* What a command shows of each plane. */
struct planes {
	const char *plane; /* asked for; NULL: what there is */
	const char *only;
	bool exact;
	json_t *(*fast)(const struct weir_snapshot *snap, const char *only);
	weir_text_fn *fast_text;
	json_t *(*kernel)(const struct weir_kernel_snapshot *snap, const char *only);
	weir_text_fn *kernel_text, *both_text;
	/* fails where what was shown does not hold; may be NULL */
	int (*check_fast)(const struct weir_snapshot *snap, const char *only, struct weir_err *err);
	int (*check_kernel)(const struct weir_kernel_snapshot *snap, struct weir_err *err);
};

static int read_kernel(struct weir_run *run, const struct planes *p,
	struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	const struct timespec moment = {.tv_nsec = 50000000};
	int ret = weir_enter(run, err);

	if (!ret)
		ret = weir_kernel_read(run->ns, snap, err);
	/* exact once traffic rests: what is on its way is given a moment */
	for (int i = 0; !ret && p->exact && i < 8 && !weir_kernel_ledger_holds(snap); i++) {
		nanosleep(&moment, NULL);
		weir_kernel_snapshot_done(snap);
		ret = weir_kernel_read(run->ns, snap, err);
	}
	return ret;
}

/* Whether there is something to be said of it: it was seen, or nothing has come by it yet. */
static int check_dev(
	const struct weir_kernel_snapshot *snap, const char *only, struct weir_err *err)
{
	int ret;

	if (!only || !snap->on || if_nametoindex(only))
		return 0;
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (!strcmp(snap->devs[i].name, only))
			return 0;
	ret = weir_fail(err, WEIR_NOT_FOUND, 0, "the kernel plane knows no device '%s'", only);
	weir_remedy(err, "weir path show plane kernel");
	return ret;
}

static int show_kernel(struct weir_run *run, const struct planes *p, struct weir_err *err)
{
	struct weir_kernel_snapshot snap;
	int ret = read_kernel(run, p, &snap, err);

	if (ret)
		return ret;
	ret = check_dev(&snap, p->only, err);
	if (!ret)
		ret = weir_show(&run->face, p->kernel(&snap, p->only), p->kernel_text, err);
	if (!ret && p->check_kernel)
		ret = p->check_kernel(&snap, err);
	weir_kernel_snapshot_done(&snap);
	return ret;
}

static int show_fast(struct weir_run *run, const struct planes *p, struct weir_err *err)
{
	struct weir_snapshot snap;
	int ret = weir_read(run, p->only, p->exact, &snap, err);

	if (ret)
		return ret;
	ret = weir_show(&run->face, p->fast(&snap, p->only), p->fast_text, err);
	if (!ret && p->check_fast)
		ret = p->check_fast(&snap, p->only, err);
	weir_snapshot_done(&snap);
	return ret;
}

/* The fast plane's document, and in it, as "kernel", the other's. */
static int show_both(struct weir_run *run, const struct planes *p, struct weir_err *err)
{
	struct weir_kernel_snapshot kernel;
	struct weir_snapshot fast;
	json_t *doc;
	int ret = weir_read(run, NULL, p->exact, &fast, err);

	if (ret)
		return ret;
	ret = read_kernel(run, p, &kernel, err);
	if (ret)
		goto out;
	ret = check_dev(&kernel, p->only, err);
	doc = ret ? NULL : p->fast(&fast, p->only);
	if (doc)
		json_object_set_new(doc, "kernel", p->kernel(&kernel, p->only));
	if (!ret)
		ret = weir_show(&run->face, doc, p->both_text, err);
	if (!ret && p->check_fast)
		ret = p->check_fast(&fast, p->only, err);
	if (!ret && p->check_kernel && weir_kernel_ledger_is(&kernel))
		ret = p->check_kernel(&kernel, err);
	weir_kernel_snapshot_done(&kernel);
out:
	weir_snapshot_done(&fast);
	return ret;
}

/* Both planes where both have something, and the device asked for is there. */
static int show_planes(struct weir_run *run, const struct planes *p, struct weir_err *err)
{
	struct weir_snapshot fast;
	bool kernel, attached;
	int ret;

	if (p->plane && !strcmp(p->plane, "kernel"))
		return show_kernel(run, p, err);
	if (p->plane && strcmp(p->plane, "fast"))
		return refuse_plane(p->plane, err);
	ret = weir_enter(run, err);
	if (!ret)
		ret = weir_kernel_is_on(run->ns, &kernel, err);
	if (ret || p->plane || !kernel)
		return ret ? ret : show_fast(run, p, err);
	ret = weir_read(run, NULL, false, &fast, err);
	if (ret)
		return ret;
	attached = fast.nr_devs;
	weir_snapshot_done(&fast);
	return attached ? show_both(run, p, err) : show_kernel(run, p, err);
}

int weir_path_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const struct planes planes = {.plane = weir_arg(args, "plane"),
		.only = weir_arg(args, "dev"),
		.fast = weir_doc_path,
		.fast_text = weir_text_path,
		.kernel = weir_doc_kernel_path,
		.kernel_text = weir_text_kernel_path,
		.both_text = weir_text_paths};

	return show_planes(run, &planes, err);
}

/* Without the right to try, the ways are shown that there are in general. */
int weir_path_coverage_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_kfeatures have;
	struct weir_err quiet = {0};
	bool tried;

	(void)args;
	tried = !weir_enter(run, &quiet) && !weir_kernel_features(run->ns, &have, &quiet);
	return weir_show(
		&run->face, weir_doc_coverage(tried ? &have : NULL), weir_text_coverage, err);
}

int weir_drop_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const struct planes planes = {.plane = weir_arg(args, "plane"),
		.only = weir_arg(args, "dev"),
		.fast = weir_doc_drops,
		.fast_text = weir_text_drops,
		.kernel = weir_doc_kernel_drops,
		.kernel_text = weir_text_kernel_drops,
		.both_text = weir_text_all_drops};

	return show_planes(run, &planes, err);
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

static int check_kernel_ledger(const struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	int ret;

	if (!weir_kernel_ledger_is(snap)) {
		ret = weir_fail(
			err, WEIR_CHECK_FAILED, 0, "the kernel plane is not observed whole");
		weir_remedy(err, "weir watch on full%s",
			snap->on && snap->cycling && !snap->watch.whole
				? "  (needs netfilter links, Linux 6.4: weir doctor)"
				: "");
		return ret;
	}
	if (weir_kernel_ledger_holds(snap))
		return 0;
	ret = weir_fail(err, WEIR_CHECK_FAILED, 0, "the kernel plane's ledger does not balance");
	weir_remedy(err, "it is exact once traffic rests: read it again then");
	return ret;
}

int weir_ledger_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const struct planes planes = {.plane = weir_arg(args, "plane"),
		.only = weir_arg(args, "dev"),
		.exact = true,
		.fast = weir_doc_ledger,
		.fast_text = weir_text_ledger,
		.kernel = weir_doc_kernel_ledger,
		.kernel_text = weir_text_kernel_ledger,
		.both_text = weir_text_ledgers,
		.check_fast = check_ledger,
		.check_kernel = check_kernel_ledger};

	return show_planes(run, &planes, err);
}
