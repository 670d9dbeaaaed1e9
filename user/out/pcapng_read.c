// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reading what weir_pcapng_traced() has written, and other programs may have copied: nothing is
 * taken on trust. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "out/face.h"
#include "out/pcapng.h"

enum {
	SECTION_HEADER = 0x0a0d0d0a,
	STATISTICS = 5,
	PACKET = 6,
	ORDER_MAGIC = 0x1a2b3c4d,
	ORDER_OTHER = 0x4d3c2b1a,
	OPT_END = 0,
	OPT_COMMENT = 1,
	ISB_OSDROP = 7,
	BLOCK_MAX = 1 << 24, /* what Wireshark takes, too */
};

struct reader {
	FILE *file;
	const char *name;
	struct weir_err *err;
	__u8 *body; /* of the block in hand, behind type and length */
	__u32 type, len;
	__u64 offset; /* where it begins */
	__u64 frames; /* packets without our JSON */
	int (*fn)(void *ctx, json_t *doc);
	void *ctx;
	struct weir_pcapng_losses *losses;
};

static int bad(const struct reader *r, const char *what)
{
	return weir_fail(r->err, WEIR_USAGE, 0, "%s: %s, at byte %llu", r->name, what,
		(unsigned long long)r->offset);
}

static __u32 at32(const __u8 *at)
{
	__u32 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static __u16 at16(const __u8 *at)
{
	__u16 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Reads the next block; 0 at the end of the file, 1, or -errno. */
static int next(struct reader *r)
{
	__u8 head[8], *body;
	size_t n = fread(head, 1, sizeof(head), r->file);

	if (ferror(r->file))
		return weir_fail(
			r->err, WEIR_REFUSED, errno ? -errno : -EIO, "reading %s", r->name);
	if (!n && r->offset)
		return 0;
	r->type = at32(head);
	if (n < sizeof(head) || (!r->offset && r->type != SECTION_HEADER))
		return r->offset ? bad(r, "it is cut off") : bad(r, "this is no pcapng file");
	r->len = at32(head + 4);
	if (r->type == SECTION_HEADER && r->len > BLOCK_MAX)
		return bad(r, "a machine of another byte order has written it");
	if (r->len < 12 || r->len % 4 || r->len > BLOCK_MAX)
		return bad(r, "a block's length is wrong");
	body = realloc(r->body, r->len - 8);
	if (!body)
		return weir_fail(r->err, WEIR_REFUSED, -ENOMEM, "reading %s", r->name);
	r->body = body;
	if (fread(body, 1, r->len - 8, r->file) != r->len - 8)
		return bad(r, "it is cut off");
	if (at32(body + r->len - 12) != r->len)
		return bad(r, "a block's two lengths differ");
	return 1;
}

/* The next option at *@at of the block in hand; false at the end. What is malformed is the end,
 * too. */
static bool option(const struct reader *r, __u32 *at, __u16 *code, const __u8 **value, __u16 *len)
{
	__u32 end = r->len - 12;

	if (*at > end || end - *at < 4)
		return false;
	*code = at16(r->body + *at);
	*len = at16(r->body + *at + 2);
	*value = r->body + *at + 4;
	if (*code == OPT_END || *len > end - *at - 4)
		return false;
	*at += 4 + (*len + 3U) / 4 * 4;
	return true;
}

static int on_json(struct reader *r, const char *text, size_t len)
{
	json_error_t error;
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(doc) || !json_is_array(json_object_get(doc, "events"))) {
		json_decref(doc);
		return bad(r, "a packet's comment is not as weir has written it");
	}
	r->losses->packets++;
	return r->fn(r->ctx, doc);
}

static int on_packet(struct reader *r)
{
	const size_t prefix = strlen(WEIR_PCAPNG_JSON);
	__u32 caplen, at = 20;
	__u16 code, len;
	const __u8 *value;

	if (r->len < 12 + 20)
		return bad(r, "a packet's block is too short");
	caplen = at32(r->body + 12);
	if (caplen > r->len - 12 - 20)
		return bad(r, "a packet is longer than its block");
	at += (caplen + 3) / 4 * 4;
	while (option(r, &at, &code, &value, &len))
		if (code == OPT_COMMENT && len > prefix && !memcmp(value, WEIR_PCAPNG_JSON, prefix))
			return on_json(r, (const char *)value + prefix, len - prefix);
	r->frames++;
	return 0;
}

static void on_statistics(struct reader *r)
{
	__u32 at = 12;
	__u16 code, len;
	const __u8 *value;

	while (option(r, &at, &code, &value, &len)) {
		__u64 n;

		if (code != ISB_OSDROP || len != sizeof(n))
			continue;
		memcpy(&n, value, sizeof(n));
		r->losses->dropped += n;
	}
}

static int on_block(struct reader *r)
{
	switch (r->type) {
	case SECTION_HEADER:
		if (r->len < 12 + 16)
			return bad(r, "a section's head is too short");
		if (at32(r->body) == ORDER_OTHER)
			return bad(r, "a machine of another byte order has written it");
		return at32(r->body) == ORDER_MAGIC ? 0 : bad(r, "this is no pcapng file");
	case PACKET:
		return on_packet(r);
	case STATISTICS:
		r->losses->ended = true;
		on_statistics(r);
	}
	return 0;
}

int weir_pcapng_read(FILE *file, const char *name, int (*fn)(void *ctx, json_t *doc), void *ctx,
	struct weir_pcapng_losses *losses, struct weir_err *err)
{
	struct weir_pcapng_losses found = {0};
	struct reader r = {
		.file = file, .name = name, .err = err, .fn = fn, .ctx = ctx, .losses = &found};
	int rc;

	errno = 0;
	while ((rc = next(&r)) > 0) {
		rc = on_block(&r);
		if (rc)
			break;
		r.offset += r.len;
	}
	if (!rc && r.frames && !found.packets)
		rc = weir_fail(err, WEIR_USAGE, 0,
			"%s: none of its %llu packets is of 'weir trace plane kernel'", name,
			(unsigned long long)r.frames);
	if (!rc)
		*losses = found;
	free(r.body);
	return rc;
}
