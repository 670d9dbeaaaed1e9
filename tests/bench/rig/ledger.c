// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ledger, read again and again while the generator sends as fast as it can: each reading must
 * balance to the packet, no counter may go back, and in the end every frame is where it should be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bench.h"

enum { READINGS = 1000 };

/* One reading: frames in and out so far; *@wrong counts readings that do not balance. */
static int read_once(struct rig *rig, json_int_t *in, json_int_t *out, int *wrong)
{
	char path[300], netns[64], text[32768];
	char *argv[] = {path, "-n", netns, "-j", "ledger", "show", NULL};
	json_t *root, *total;
	int err;

	snprintf(path, sizeof(path), "%s/weir", rig->build);
	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	err = rig_spawn(-1, argv, text, sizeof(text)); /* fails where it does not balance, too */
	root = json_loads(text, 0, NULL);
	total = json_object_get(root, "total");
	if (!total) {
		fprintf(stderr, "bench: ledger show: %s\n", text);
		json_decref(root);
		return -EPROTO;
	}
	if (err || json_integer_value(json_object_get(total, "residual")) ||
		json_integer_value(json_object_get(total, "lost")) ||
		json_integer_value(json_object_get(total, "in")) < *in ||
		json_integer_value(json_object_get(total, "out")) < *out)
		(*wrong)++;
	*in = json_integer_value(json_object_get(total, "in"));
	*out = json_integer_value(json_object_get(total, "out"));
	json_decref(root);
	return 0;
}

int bench_ledger(struct rig *rig, const struct bench *bench, struct report *report)
{
	json_int_t in = 0, out = 0;
	int fd = -1, wrong = 0, done = 0, err;
	__u64 sent = 0;
	pid_t load;

	if (!bench_wants(bench, "ledger") || !bench->peer[PEER_WEIR])
		return 0;
	err = rig_warm(rig);
	if (!err)
		err = rig_step_aside();
	if (!err)
		err = rig_peer_on(rig, PEER_WEIR);
	if (err)
		return err;
	load = rig_load_start(rig, 0, &fd);
	for (; done < READINGS && load > 0 && !err && !rig_interrupted; done++)
		err = read_once(rig, &in, &out, &wrong);
	if (load > 0)
		sent = rig_load_end(load, fd);
	if (!err && !rig_interrupted)
		err = read_once(rig, &in, &out, &wrong);
	rig_peer_off(rig);
	if (err || rig_interrupted || load < 0 || !sent)
		return err ? err : -EINTR;
	report_ledger(report, done, wrong, sent, (__u64)in);
	return 0;
}
