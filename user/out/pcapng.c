// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "model/tables.h"
#include "out/pcapng.h"

/* Block types and options, by their sections in the draft. */
enum {
	SECTION_HEADER = 0x0a0d0d0a, /* 4.1 */
	INTERFACE = 1,		     /* 4.2 */
	STATISTICS = 5,		     /* 4.6 */
	PACKET = 6,		     /* 4.3 */
	ORDER_MAGIC = 0x1a2b3c4d,
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
	EPB_QUEUE = 6,
	EPB_VERDICT = 7,
	ISB_IFRECV = 4,
	ISB_OSDROP = 7,
	NANOSECONDS = 9,
	INBOUND = 1,
	OUTBOUND = 2,
	VERDICT_TC = 1,
	VERDICT_XDP = 2,
};

#define FRAME_MAX (WEIR_CAPTURE_HEAD + 4) /* with a tag that was beside it */

/* Two comments as long as they may be, and all else. */
#define BLOCK_MAX (2 * 65536 + 1024)

/* One block under way: its length stands at both ends. */
struct block {
	unsigned int len;
	__u8 at[BLOCK_MAX];
};

static void put(struct block *b, const void *data, unsigned int len)
{
	memcpy(b->at + b->len, data, len);
	b->len += len;
	while (b->len % 4)
		b->at[b->len++] = 0;
}

static void put32(struct block *b, __u32 v)
{
	put(b, &v, sizeof(v));
}

static void put16(struct block *b, __u16 v, __u16 w)
{
	put32(b, v | (__u32)w << 16);
}

static void option(struct block *b, __u16 code, const void *data, size_t len)
{
	if (len > 65535 || b->len + len + 16 > sizeof(b->at))
		return;
	put16(b, code, (__u16)len);
	put(b, data, (unsigned int)len);
}

static void begin(struct block *b, __u32 type)
{
	b->len = 0;
	put32(b, type);
	put32(b, 0);
}

static int end(struct block *b, FILE *file)
{
	__u32 len;

	put32(b, 0); /* opt_endofopt */
	len = b->len + 4;
	put32(b, len);
	memcpy(b->at + 4, &len, 4);
	errno = 0;
	return fwrite(b->at, 1, len, file) == len ? 0 : errno ? -errno : -EIO;
}

int weir_pcapng_begin(struct weir_pcapng *p, FILE *file)
{
	static const __u64 unknown = ~0ull; /* the section's length */
	struct block b;

	*p = (struct weir_pcapng){.file = file};
	begin(&b, SECTION_HEADER);
	put32(&b, ORDER_MAGIC);
	put16(&b, 1, 0);
	put(&b, &unknown, sizeof(unknown));
	option(&b, SHB_USERAPPL, "weir", 4);
	return end(&b, file);
}

static int interface_add(
	struct weir_pcapng *p, struct weir_pcapng_key key, __u16 link, const char *name)
{
	static const __u8 resolution = NANOSECONDS;
	struct block b;

	begin(&b, INTERFACE);
	put16(&b, link, 0);
	put32(&b, FRAME_MAX);
	option(&b, IF_NAME, name, strlen(name));
	option(&b, IF_TSRESOL, &resolution, 1);
	p->interface[p->nr++] = key;
	return end(&b, p->file);
}

/* The number of an interface in the file, or -errno. */
static int interface_of(
	struct weir_pcapng *p, struct weir_pcapng_key key, __u16 link, const char *name)
{
	int rc;

	for (unsigned int i = 0; i < p->nr; i++)
		if (!memcmp(&p->interface[i], &key, sizeof(key)))
			return (int)i;
	if (p->nr == WEIR_DEV_MAX)
		return WEIR_DEV_MAX - 1;
	rc = interface_add(p, key, link, name);
	return rc ? rc : (int)p->nr - 1;
}

static int hook_interface(struct weir_pcapng *p, const struct weir_capture *c, const char *dev)
{
	struct weir_pcapng_key key = {.ifindex = c->ifindex, .kind = c->hook};
	char name[64];

	snprintf(name, sizeof(name), "%s %s", dev, weir_hook_info[c->hook].name);
	return interface_of(p, key, LINK_ETHERNET, name);
}

/* The frame as on the wire: a tag that the kernel holds beside it stands in it again. */
static unsigned int frame(const struct weir_capture *c, __u8 to[FRAME_MAX])
{
	unsigned int macs = c->head_len < 12 ? c->head_len : 12;

	if (!c->tag || macs < 12) {
		memcpy(to, c->head, c->head_len);
		return c->head_len;
	}
	memcpy(to, c->head, 12);
	memcpy(to + 12, &c->tag, 4);
	memcpy(to + 16, c->head + 12, c->head_len - 12u);
	return c->head_len + 4u;
}

static __u64 verdict(const struct weir_capture *c)
{
	enum weir_kind kind = weir_exit_info[c->exit].kind;
	bool out = kind == WEIR_KIND_OUT && c->hook != WEIR_HOOK_tc_egress;
	bool drop = kind == WEIR_KIND_DROP || c->punt_drop;

	if (c->hook == WEIR_HOOK_xdp)
		return drop ? 1 : out ? 4 : 2; /* XDP_DROP, XDP_REDIRECT, XDP_PASS */
	return drop ? 2 : out ? 7 : ~0ull;     /* TC_ACT_SHOT, TC_ACT_REDIRECT, TC_ACT_UNSPEC */
}

/* The head of a packet's block: times, lengths, bytes. */
static void packet_begin(
	struct block *b, int interface, __u64 wall_ns, const __u8 *bytes, __u32 len, __u32 wire_len)
{
	begin(b, PACKET);
	put32(b, (__u32)interface);
	put32(b, (__u32)(wall_ns >> 32));
	put32(b, (__u32)wall_ns);
	put32(b, len);
	put32(b, wire_len);
	put(b, bytes, len);
}

int weir_pcapng_packet(struct weir_pcapng *p, const struct weir_capture *c, __u64 wall_ns,
	const char *dev, const char *words)
{
	__u32 flags = c->hook == WEIR_HOOK_tc_egress ? OUTBOUND : INBOUND, queue = c->queue;
	__u8 bytes[FRAME_MAX], verdict_option[9];
	unsigned int len = frame(c, bytes);
	int number = hook_interface(p, c, dev);
	__u64 v = verdict(c);
	struct block b;

	if (number < 0)
		return number;
	p->received[number]++;
	packet_begin(&b, number, wall_ns, bytes, len, c->len + (c->tag ? 4 : 0));
	option(&b, OPT_COMMENT, words, strlen(words));
	option(&b, EPB_FLAGS, &flags, sizeof(flags));
	option(&b, EPB_QUEUE, &queue, sizeof(queue));
	verdict_option[0] = c->hook == WEIR_HOOK_xdp ? VERDICT_XDP : VERDICT_TC;
	memcpy(verdict_option + 1, &v, sizeof(v));
	option(&b, EPB_VERDICT, verdict_option, sizeof(verdict_option));
	return end(&b, p->file);
}

int weir_pcapng_traced(struct weir_pcapng *p, const struct weir_pcapng_traced *t)
{
	/* interfaces of the file are of one link type, so the last is kept for what has no room of
	 * its own */
	struct weir_pcapng_key key = {.netns = t->netns, .ifindex = t->ifindex, .kind = t->raw};
	char json[65536];
	struct block b;
	int number = interface_of(p, key, t->raw ? LINK_RAW : LINK_ETHERNET, t->name);

	if (number < 0)
		return number;
	if (snprintf(json, sizeof(json), WEIR_PCAPNG_JSON "%s", t->json) >= (int)sizeof(json))
		return -E2BIG;
	p->received[number]++;
	packet_begin(&b, number, t->wall_ns, t->bytes, t->len,
		t->wire_len < t->len ? t->len : t->wire_len);
	option(&b, OPT_COMMENT, t->words, strlen(t->words));
	option(&b, OPT_COMMENT, json, strlen(json));
	return end(&b, p->file);
}

int weir_pcapng_end(struct weir_pcapng *p, __u64 wall_ns, __u64 full, __u64 limited)
{
	char text[96];
	int rc = 0;

	snprintf(text, sizeof(text),
		"not captured: %llu, the ring being full, %llu, to the limit of the rate", full,
		limited);
	if (!p->nr && full + limited) /* statistics are an interface's */
		rc = interface_add(p, (struct weir_pcapng_key){0}, LINK_ETHERNET, "not captured");
	for (unsigned int i = 0; i < p->nr && !rc; i++) {
		__u64 lost = i ? 0 : full + limited; /* of all: which interface's is not known */
		struct block b;

		begin(&b, STATISTICS);
		put32(&b, i);
		put32(&b, (__u32)(wall_ns >> 32));
		put32(&b, (__u32)wall_ns);
		option(&b, ISB_IFRECV, &p->received[i], sizeof(p->received[i]));
		option(&b, ISB_OSDROP, &lost, sizeof(lost));
		if (!i && lost)
			option(&b, OPT_COMMENT, text, strlen(text));
		rc = end(&b, p->file);
	}
	return rc;
}
