// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "model/tables.h"
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

/* How our program hangs there. */
static const char *mode_name(const struct weir_dev_snapshot *dev)
{
	if (dev->hook != WEIR_HOOK_xdp)
		return dev->filter ? "clsact" : "tcx";
	return dev->mode == WEIR_XDP_GENERIC ? "generic" : "native";
}

/* TC is asked for at both its hooks: egress alone is there since sessions are followed. */
static bool is_for_nat(const struct weir_snapshot *snap, const struct weir_dev_snapshot *dev)
{
	if (dev->hook != WEIR_HOOK_tc_egress)
		return false;
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (snap->devs[i].hook == WEIR_HOOK_tc_ingress &&
			snap->devs[i].conf.ifindex == dev->conf.ifindex)
			return false;
	return true;
}

static json_t *device(const struct weir_snapshot *snap, const struct weir_dev_snapshot *dev)
{
	const __u8 *m = dev->conf.mac;
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		m[5]);
	return json_pack(
		"{s:o, s:s, s:I, s:s, s:s, s:b, s:s, s:i, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:b}",
		"device", weir_json_text(dev->name), "hook", weir_hook_info[dev->hook].name,
		"ifindex", (json_int_t)dev->conf.ifindex, "state", weir_dev_state(dev), "mode",
		mode_name(dev), "frags", dev->frags, "punt",
		dev->conf.punt == WEIR_PUNT_DROP ? "drop" : "kernel", "queues", dev->conf.queues,
		"mac", mac, "virtual", dev->conf.virtual_link, "prog_id", (json_int_t)dev->prog_id,
		"link_id", (json_int_t)dev->link_id, "rows_map_id", (json_int_t)dev->rows_map_id,
		"lat_map_id", (json_int_t)dev->lat_map_id, "conf_map_id",
		(json_int_t)dev->conf_map_id, "for_nat", is_for_nat(snap, dev));
}

static const char *name_of(const struct weir_snapshot *snap, __u32 ifindex)
{
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (snap->devs[i].conf.ifindex == ifindex)
			return snap->devs[i].name;
	return "?";
}

/* "802.1Q 10", outer first. */
static json_t *tags_doc(const __u32 tags[WEIR_TAGS_MAX])
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < WEIR_TAGS_MAX && tags[i]; i++) {
		const __u8 *t = (const __u8 *)&tags[i];

		json_array_append_new(
			list, json_sprintf("%s %u", t[0] == 0x88 ? "802.1ad" : "802.1Q",
				      (t[2] & 15u) << 8 | t[3]));
	}
	return list;
}

static json_t *vlans(const struct weir_snapshot *snap, const char *only)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_vlans; i++) {
		const struct weir_vlan_snapshot *v = &snap->vlans[i];
		const char *on = name_of(snap, v->on);

		if (only && strcmp(only, v->name) && strcmp(only, on))
			continue;
		json_array_append_new(
			list, json_pack("{s:o, s:I, s:s, s:o, s:o}", "device",
				      weir_json_text(v->name), "ifindex", (json_int_t)v->ifindex,
				      "state", v->gone ? "device gone" : "attached", "on",
				      weir_json_text(on), "tags", tags_doc(v->tags)));
	}
	return list;
}

json_t *weir_doc_dev(const struct weir_snapshot *snap, const char *only)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (weir_is_chosen(&snap->devs[i], only))
			if (json_array_append_new(list, device(snap, &snap->devs[i])))
				goto fail;
	return json_pack("{s:o, s:o}", "devices", list, "vlans", vlans(snap, only));
fail:
	json_decref(list);
	return NULL;
}

/* Hooks that nobody asked for are said to be meant. */
static void text_for_nat(const struct weir_face *face, const json_t *devices)
{
	const json_t *dev;
	bool any = false;
	size_t i;

	json_array_foreach (devices, i, dev) {
		if (!json_is_true(json_object_get(dev, "for_nat")))
			continue;
		weir_ink(face, WEIR_PLAIN, "%s%s", any ? ", " : "tc_egress of ",
			weir_get_text(dev, "device"));
		any = true;
	}
	if (any)
		weir_ink(face, WEIR_PLAIN,
			": since sessions are followed, so that nothing leaves untranslated\n");
}

void weir_text_dev(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"device", "device", .format = WEIR_TEXT},
		{"hook", "hook", .format = WEIR_TEXT},
		{"ifindex", "ifindex", .format = WEIR_COUNT},
		{"state", "state", .format = WEIR_TEXT, .alarm = true, .fine = "attached"},
		{"mode", "mode", .format = WEIR_TEXT},
		{"frags", "frags", .format = WEIR_FLAG},
		{"punt", "punt", .format = WEIR_TEXT},
		{"queues", "queues", .format = WEIR_COUNT},
		{"prog", "prog_id", .format = WEIR_COUNT},
		{"link", "link_id", .format = WEIR_COUNT},
		{"rows", "rows_map_id", .format = WEIR_COUNT},
		{"lat", "lat_map_id", .format = WEIR_COUNT},
		{"conf", "conf_map_id", .format = WEIR_COUNT},
	};

	const json_t *vlan, *tag;
	size_t i, t;

	if (json_array_size(json_object_get(doc, "devices")) ||
		!json_array_size(json_object_get(doc, "vlans"))) {
		if (weir_text_no_device(face, doc))
			return;
		WEIR_TABLE(face, columns, json_object_get(doc, "devices"));
		text_for_nat(face, json_object_get(doc, "devices"));
	}
	json_array_foreach (json_object_get(doc, "vlans"), i, vlan) {
		weir_ink(face, WEIR_PLAIN, "%s: VLAN ", weir_get_text(vlan, "device"));
		json_array_foreach (json_object_get(vlan, "tags"), t, tag)
			weir_ink(face, WEIR_PLAIN, "%s%s", t ? " within " : "",
				json_string_value(tag));
		weir_ink(face, WEIR_PLAIN, " of %s, ", weir_get_text(vlan, "on"));
		weir_ink(face,
			strcmp(weir_get_text(vlan, "state"), "attached") ? WEIR_ALARM : WEIR_PLAIN,
			"%s", weir_get_text(vlan, "state"));
		weir_ink(face, WEIR_PLAIN, "; counted at %s\n", weir_get_text(vlan, "on"));
	}
}
