// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "cmd/cmd.h"

int weir_enter(struct weir_run *run, struct weir_err *err)
{
	if (run->ns)
		return 0;
	return weir_ns_open(run->options.netns, run->options.pin, &run->ns, err);
}

static bool has(const struct weir_snapshot *snap, const char *name)
{
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (!strcmp(snap->devs[i].name, name))
			return true;
	return false;
}

/* XDP meets a VLAN's frames at the device below, and counts them there. */
static int refuse_vlan(const struct weir_snapshot *snap, const char *name, struct weir_err *err)
{
	const char *on = "the device it lies on";
	int ret;

	for (unsigned int v = 0; v < snap->nr_vlans; v++) {
		if (strcmp(snap->vlans[v].name, name))
			continue;
		for (unsigned int i = 0; i < snap->nr_devs; i++)
			if (snap->devs[i].conf.ifindex == snap->vlans[v].on)
				on = snap->devs[i].name;
		ret = weir_fail(err, WEIR_NOT_FOUND, 0,
			"'%s' has no counters of its own: XDP counts its frames at %s", name, on);
		weir_remedy(err, "name %s instead; weir dev show %s", on, name);
		return ret;
	}
	return 0;
}

int weir_read(struct weir_run *run, const char *only, bool exact, struct weir_snapshot *snap,
	struct weir_err *err)
{
	struct weir_view *view;
	int ret;

	ret = weir_enter(run, err);
	if (ret)
		return ret;
	ret = weir_view_open(run->ns, &view, err);
	if (ret)
		return ret;
	ret = weir_view_read(view, exact, snap, err);
	weir_view_free(view);
	if (ret || !only || has(snap, only))
		return ret;
	ret = refuse_vlan(snap, only, err);
	weir_snapshot_done(snap);
	if (ret)
		return ret;
	ret = weir_fail(err, WEIR_NOT_FOUND, 0, "'%s' is not attached", only);
	weir_remedy(err, "weir dev attach %s", only);
	return ret;
}

static int read_by(struct weir_run *run, struct weir_view **view, bool exact,
	struct weir_snapshot *snap, struct weir_err *err)
{
	int ret;

	if (*view && weir_view_stale(*view)) {
		weir_view_free(*view);
		*view = NULL;
	}
	if (!*view) {
		ret = weir_view_open(run->ns, view, err);
		if (ret)
			return ret;
	}
	return weir_view_read(*view, exact, snap, err);
}

/* Devices that come or go while we read would look broken: then it is read once more. */
int weir_read_again(struct weir_run *run, struct weir_view **view, bool exact,
	struct weir_snapshot *snap, struct weir_err *err)
{
	int ret = read_by(run, view, exact, snap, err);

	if (ret || !weir_view_stale(*view))
		return ret;
	weir_snapshot_done(snap);
	return read_by(run, view, exact, snap, err);
}

void weir_where(const struct weir_run *run, char *buf, size_t size)
{
	const struct weir_options *o = &run->options;

	snprintf(buf, size, "%s%s%s%s", o->netns ? " -n " : "", o->netns ? o->netns : "",
		o->pin ? " --pin " : "", o->pin ? o->pin : "");
}
