// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "cmd/cmd.h"
#include "out/doc.h"

/* Not in this version, and said so rather than ignored. */
static int refuse_later(const struct weir_args *args, struct weir_err *err)
{
	static const struct {
		const char *word, *value, *what, *remedy;
	} later[] = {
		{"punt", "stack", "'punt stack' is not in this version: it has no stack plane",
			"punt kernel"},
	};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		const char *value = weir_arg(args, later[i].word);
		int ret;

		if (!value || strcmp(value, later[i].value))
			continue;
		ret = weir_fail(err, WEIR_REFUSED, 0, "%s", later[i].what);
		weir_remedy(err, "%s", later[i].remedy);
		return ret;
	}
	return 0;
}

static int refuse_twice(const struct weir_args *args, struct weir_err *err)
{
	for (unsigned int i = 0; i < args->nr_plain; i++)
		for (unsigned int j = 0; j < i; j++)
			if (!strcmp(args->plain[i], args->plain[j]))
				return weir_fail(err, WEIR_USAGE, 0, "device '%s' is named twice",
					args->plain[i]);
	return 0;
}

/* What was done is told as JSON, or by silence; remarks are told in both. */
static int finish(struct weir_run *run, const char *done, const struct weir_args *args,
	const struct weir_notes *notes, struct weir_err *err)
{
	json_t *names = json_array(), *lines = json_array();

	for (unsigned int i = 0; i < args->nr_plain; i++)
		json_array_append_new(names, weir_json_text(args->plain[i]));
	for (unsigned int i = 0; i < notes->nr; i++) {
		json_array_append_new(lines, weir_json_text(notes->line[i]));
		if (!run->face.json)
			fprintf(stderr, "weir: note: %s\n", notes->line[i]);
	}
	return weir_show(
		&run->face, json_pack("{s:o, s:o}", done, names, "notes", lines), NULL, err);
}

int weir_dev_attach_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *xdp = weir_arg(args, "xdp"), *punt = weir_arg(args, "punt");
	const char *tc = weir_arg(args, "tc");
	struct weir_attach what = {
		.devs = args->plain,
		.nr_devs = args->nr_plain,
		.mode = WEIR_XDP_AUTO,
		.punt = punt && !strcmp(punt, "drop") ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL,
		.force = weir_arg(args, "force"),
	};
	struct weir_notes notes = {0};
	int ret;

	if (xdp)
		what.mode = !strcmp(xdp, "native")    ? WEIR_XDP_NATIVE
			    : !strcmp(xdp, "generic") ? WEIR_XDP_GENERIC
						      : WEIR_XDP_OFF;
	what.tc = tc ? !strcmp(tc, "on") : what.mode == WEIR_XDP_OFF;
	if (what.mode == WEIR_XDP_OFF && !what.tc)
		return weir_fail(err, WEIR_USAGE, 0,
			"'xdp off tc off' leaves no hook to attach to; to detach: weir dev detach "
			"DEV");
	ret = refuse_twice(args, err);
	if (!ret)
		ret = refuse_later(args, err);
	if (!ret)
		ret = weir_enter(run, err);
	if (!ret)
		ret = weir_dev_attach(run->ns, &what, &notes, err);
	return ret ? ret : finish(run, "attached", args, &notes, err);
}

int weir_dev_detach_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_notes notes = {0};
	int ret;

	ret = refuse_twice(args, err);
	if (!ret)
		ret = weir_enter(run, err);
	if (!ret)
		ret = weir_dev_detach(run->ns, args->plain, args->nr_plain, &notes, err);
	return ret ? ret : finish(run, "detached", args, &notes, err);
}

static bool is_attached(const struct weir_snapshot *snap, const char *name)
{
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (!strcmp(snap->devs[i].name, name))
			return true;
	for (unsigned int i = 0; i < snap->nr_vlans; i++)
		if (!strcmp(snap->vlans[i].name, name))
			return true;
	return false;
}

int weir_dev_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *only = weir_arg_plain(args);
	struct weir_snapshot snap;
	int ret;

	ret = weir_read(run, NULL, false, &snap, err);
	if (!ret && only && !is_attached(&snap, only)) {
		weir_snapshot_done(&snap);
		ret = weir_fail(err, WEIR_NOT_FOUND, 0, "'%s' is not attached", only);
		weir_remedy(err, "weir dev attach %s", only);
	}
	if (ret)
		return ret;
	ret = weir_show(&run->face, weir_doc_dev(&snap, only), weir_text_dev, err);
	weir_snapshot_done(&snap);
	return ret;
}
