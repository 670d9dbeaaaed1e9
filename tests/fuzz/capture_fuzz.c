// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A captured packet: its description, then its first bytes, as JSON, as a line, in a file. The
 * input is the names of two devices, a line each, and the record.
 */
#include "fuzz.h"
#include "model/tables.h"
#include "out/doc.h"
#include "out/pcapng.h"

/* As ctl/capture.c hands it on: what is out of range is not. */
static void fill(struct feed *f, struct weir_capture *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < sizeof(*c); i++)
		((__u8 *)c)[i] = feed8(f);
	c->exit %= WEIR_EXIT_COUNT;
	c->hook %= WEIR_HOOK_COUNT;
	c->head_len %= WEIR_CAPTURE_HEAD + 1;
}

static void show(const struct weir_capture *c, __u64 wall_ns, const char *dev, const char *out)
{
	static FILE *void_;
	json_t *doc = weir_doc_capture(c, wall_ns, dev, out);
	struct weir_face face = {0};

	if (!void_)
		void_ = fopen("/dev/null", "w");
	MUST(void_ && doc);
	face.file = void_;
	face.color = true;
	MUST(!weir_show(&face, json_incref(doc), weir_text_capture, NULL));
	face.json = true;
	MUST(!weir_show(&face, doc, weir_text_capture, NULL));
}

/* Blocks end where their lengths say, both of them, and the file with the last one. */
static void check_blocks(const char *data, size_t size)
{
	while (size) {
		__u32 len, again;

		MUST(size >= 12);
		memcpy(&len, data + 4, 4);
		MUST(len >= 12 && len % 4 == 0 && len <= size);
		memcpy(&again, data + len - 4, 4);
		MUST(len == again);
		data += len;
		size -= len;
	}
}

static void write_file(
	const struct weir_capture *c, __u64 wall_ns, const char *dev, const char *out)
{
	static struct weir_pcapng p;
	char words[128], *data = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&data, &size);

	MUST(file);
	weir_capture_words(c, out, words, sizeof(words));
	MUST(!weir_pcapng_begin(&p, file));
	for (int i = 0; i < 2; i++)
		MUST(!weir_pcapng_packet(&p, c, wall_ns, dev, words));
	MUST(!weir_pcapng_end(&p, wall_ns, c->time_ns, c->len));
	fclose(file);
	check_blocks(data, size);
	free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* to its end, so that a step beyond is seen */
	struct weir_capture *c = malloc(sizeof(*c));
	char *text = text_of(data, size), *words[2] = {"", ""}, names[2][16];
	int nr = words_of(text, words, 2);
	struct feed f = {data, data + size};
	__u64 wall_ns;

	MUST(c);
	for (int i = 0; i < 2; i++)
		snprintf(names[i], sizeof(names[i]), "%s", i < nr ? words[i] : "");
	for (int i = 0; i < nr; i++)
		f.at += strlen(words[i]) + (f.at + strlen(words[i]) < f.end);
	free(text);
	wall_ns = feed64(&f);
	fill(&f, c);
	show(c, wall_ns, names[0], names[1]);
	write_file(c, wall_ns, names[0], names[1]);
	free(c);
	return 0;
}
