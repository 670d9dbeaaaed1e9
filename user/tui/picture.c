// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "model/tables.h"
#include "tui/picture.h"

const struct weir_dev_delta *picture_dev(const struct picture *p)
{
	for (unsigned int i = 0; p->state->dev && i < p->delta->nr_devs; i++)
		if (dev_key(p->delta->devs[i].dev) == p->state->dev)
			return &p->delta->devs[i];
	return NULL;
}

const char *picture_dev_name(const struct weir_dev_snapshot *dev, char buf[40])
{
	bool xdp = dev->hook == WEIR_HOOK_xdp;

	snprintf(buf, 40, "%s%s%s", dev->name, xdp ? "" : "/",
		xdp ? "" : weir_hook_info[dev->hook].name);
	return buf;
}

const char *picture_hook(const struct weir_dev_snapshot *dev)
{
	if (dev->hook != WEIR_HOOK_xdp)
		return dev->filter ? "clsact" : "tcx";
	return dev->mode == WEIR_XDP_GENERIC ? "generic" : "native";
}

void picture_figures(const struct picture *p, struct figures *f)
{
	const struct weir_dev_delta *dev = picture_dev(p);

	f->known = false;
	f->row = dev ? &dev->row : &p->delta->row;
	f->lat = dev ? &dev->lat : &p->delta->lat;
	f->series = history_of(p->history, dev ? p->state->dev : 0);
	for (unsigned int i = 0; i < p->delta->nr_devs; i++)
		if (!dev || dev == &p->delta->devs[i])
			f->known = f->known || weir_delta_known(&p->delta->devs[i]);
	f->sum = dev ? dev->stage : p->delta->stage;
	f->hooks = dev ? 1u << dev->dev->hook : p->delta->hooks;
	if (!f->hooks)
		f->hooks = 1u << WEIR_HOOK_xdp; /* what would be there */
}

const char *picture_state(const struct weir_dev_delta *dev)
{
	if (dev->dev->gone)
		return "gone";
	if (dev->dev->detached)
		return "replaced";
	if (dev->change == WEIR_CHANGE_NEW)
		return "new";
	if (dev->change == WEIR_CHANGE_RESET)
		return "reset";
	return "";
}

const struct weir_kernel_part *picture_part(const struct picture *p)
{
	return p->state->part ? weir_kernel_part(p->kernel->delta, p->state->part) : NULL;
}

const struct weir_kernel_part *picture_part_shown(const struct picture *p)
{
	const struct weir_kernel_part *part = picture_part(p);

	return part ? part : p->kernel->delta->nr_parts ? &p->kernel->delta->parts[0] : NULL;
}

const char *picture_part_name(const struct weir_kernel_part *part, char buf[96])
{
	snprintf(buf, 96, "%s%s%s", part->name, *part->netns ? "@" : "", part->netns);
	return buf;
}

const char *picture_stage(unsigned int stage)
{
	return stage < WEIR_STAGE_COUNT ? weir_stage_info[stage].name : "unknown";
}
