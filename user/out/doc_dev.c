// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "out/doc.h"

const char *weir_dev_state(const struct weir_dev_snapshot *dev)
{
	if (dev->gone)
		return "device gone";
	return dev->detached ? "replaced" : "attached";
}

bool weir_is_chosen(const struct weir_dev_snapshot *dev, const char *only)
{
	return !only || !strcmp(dev->name, only);
}

bool weir_text_no_device(const struct weir_face *face, const json_t *doc)
{
	if (json_array_size(json_object_get(doc, "devices")))
		return false;
	weir_ink(face, WEIR_PLAIN, "no device is attached; to attach one: weir dev attach DEV\n");
	return true;
}

static const char *mode_name(enum weir_xdp_mode mode)
{
	switch (mode) {
	case WEIR_XDP_NATIVE:
		return "native";
	case WEIR_XDP_GENERIC:
		return "generic";
	case WEIR_XDP_OFF:
		return "off";
	case WEIR_XDP_AUTO:
		break;
	}
	return "auto";
}

static json_t *device(const struct weir_dev_snapshot *dev)
{
	const __u8 *m = dev->conf.mac;
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		m[5]);
	return json_pack("{s:o, s:I, s:s, s:s, s:b, s:s, s:i, s:s, s:b, s:I, s:I, s:I, s:I, s:I}",
		"device", weir_json_text(dev->name), "ifindex", (json_int_t)dev->conf.ifindex,
		"state", weir_dev_state(dev), "mode", mode_name(dev->mode), "frags", dev->frags,
		"punt", dev->conf.punt == WEIR_PUNT_DROP ? "drop" : "kernel", "queues",
		dev->conf.queues, "mac", mac, "virtual", dev->conf.virtual_link, "prog_id",
		(json_int_t)dev->prog_id, "link_id", (json_int_t)dev->link_id, "rows_map_id",
		(json_int_t)dev->rows_map_id, "lat_map_id", (json_int_t)dev->lat_map_id,
		"conf_map_id", (json_int_t)dev->conf_map_id);
}

json_t *weir_doc_dev(const struct weir_snapshot *snap, const char *only)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (weir_is_chosen(&snap->devs[i], only))
			if (json_array_append_new(list, device(&snap->devs[i])))
				goto fail;
	return json_pack("{s:o}", "devices", list);
fail:
	json_decref(list);
	return NULL;
}

void weir_text_dev(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"device", "device", .format = WEIR_TEXT},
		{"ifindex", "ifindex", .format = WEIR_COUNT},
		{"state", "state", .format = WEIR_TEXT, .alarm = true, .fine = "attached"},
		{"xdp", "mode", .format = WEIR_TEXT},
		{"frags", "frags", .format = WEIR_FLAG},
		{"punt", "punt", .format = WEIR_TEXT},
		{"queues", "queues", .format = WEIR_COUNT},
		{"prog", "prog_id", .format = WEIR_COUNT},
		{"link", "link_id", .format = WEIR_COUNT},
		{"rows", "rows_map_id", .format = WEIR_COUNT},
		{"lat", "lat_map_id", .format = WEIR_COUNT},
		{"conf", "conf_map_id", .format = WEIR_COUNT},
	};

	if (!weir_text_no_device(face, doc))
		WEIR_TABLE(face, columns, json_object_get(doc, "devices"));
}

json_t *weir_doc_sampling(__u32 every)
{
	return json_pack("{s:s, s:I}", "plane", "fast", "sample_every", (json_int_t)every);
}

void weir_text_sampling(const struct weir_face *face, const json_t *doc)
{
	json_int_t every = weir_get_int(doc, "sample_every");

	if (every)
		weir_ink(face, WEIR_PLAIN,
			"fast plane: latency of 1 packet in %" JSON_INTEGER_FORMAT " measured\n",
			every);
	else
		weir_ink(face, WEIR_PLAIN, "fast plane: no latency measured\n");
}
