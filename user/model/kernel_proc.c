// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The texts of /proc that have counters. What columns there are differs from kernel to kernel, so
 * columns are known by their names where there are names, and one that is not there is not 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernel_reading.h"

struct span {
	const char *at;
	size_t len;
};

/* The next word of the line at *@text, which is left behind it; empty at the line's end. */
static struct span word(const char **text)
{
	struct span w = {.at = *text + strspn(*text, " \t\r")};

	w.len = strcspn(w.at, " \t\r\n");
	*text = w.at + w.len;
	return w;
}

static const char *next_line(const char *text)
{
	text += strcspn(text, "\n");
	return *text ? text + 1 : text;
}

/* A whole word as a number without sign. */
static bool number(struct span w, int base, __u64 *value)
{
	char *end;

	if (!w.len || *w.at == '-' || *w.at == '+')
		return false;
	errno = 0;
	*value = strtoull(w.at, &end, base);
	return !errno && end == w.at + w.len;
}

static void keep(struct weir_kreading *r, enum weir_ksource source, struct span group,
	struct span field, __u32 scope, __u64 value)
{
	enum weir_kcounter counter =
		weir_kcounter_find(source, group.at, group.len, field.at, field.len);

	if (counter != WEIR_KCOUNTER_none)
		weir_kreading_add(r, counter, 0, scope, value);
}

/* A word that ends with a colon, without it; false for another. */
static bool label(const char **line, struct span *w)
{
	*w = word(line);
	if (!w->len || w->at[w->len - 1] != ':')
		return false;
	w->len--;
	return true;
}

bool weir_kproc_mib(struct weir_kreading *r, enum weir_ksource source, const char *text)
{
	bool any = false;

	/* a line of names, and one of numbers with the same label */
	for (; *text; text = next_line(text)) {
		const char *names = text, *numbers = next_line(text);
		struct span group, again, field;
		__u64 value;

		if (!label(&names, &group) || !label(&numbers, &again) || group.len != again.len ||
			memcmp(group.at, again.at, group.len))
			continue;
		for (field = word(&names); field.len; field = word(&names))
			if (number(word(&numbers), 10, &value))
				keep(r, source, group, field, 0, value);
		any = true;
		text = next_line(text);
	}
	if (any)
		r->sources |= 1U << source;
	return any;
}

bool weir_kproc_sockstat(struct weir_kreading *r, const char *text)
{
	bool any = false;

	for (; *text; text = next_line(text)) {
		char name[16];
		const char *line = text;
		struct span group, field;
		__u64 value;

		if (!label(&line, &group) || group.len + 1 >= sizeof(name))
			continue;
		memcpy(name, group.at, group.len);
		name[group.len] = ' ';
		group = (struct span){name, group.len + 1};
		for (field = word(&line); field.len; field = word(&line))
			if (number(word(&line), 10, &value))
				keep(r, WEIR_KSOURCE_sockstat, group, field, 0, value);
		any = true;
	}
	if (any)
		r->sources |= 1U << WEIR_KSOURCE_sockstat;
	return any;
}

/* Columns that have no names: net/core/net-procfs.c, softnet_seq_show(). Column 12 is the CPU. */
static const struct {
	unsigned int column;
	enum weir_kcounter counter;
} softnet_columns[] = {
	{0, WEIR_KCOUNTER_softnet_processed},
	{1, WEIR_KCOUNTER_softnet_dropped},
	{2, WEIR_KCOUNTER_softnet_squeeze},
	{9, WEIR_KCOUNTER_softnet_rps},
	{10, WEIR_KCOUNTER_softnet_flow_limit},
	{11, WEIR_KCOUNTER_softnet_backlog},
};

#define SOFTNET_CPU	13 /* columns of a line that tells its CPU */
#define SOFTNET_COLUMNS 32

static void softnet_line(struct weir_kreading *r, const __u64 *column, unsigned int nr, __u32 cpu)
{
	/* offline CPUs have no line, so the line's number is not the CPU's */
	if (nr >= SOFTNET_CPU)
		cpu = (__u32)column[SOFTNET_CPU - 1];
	for (size_t i = 0; i < sizeof(softnet_columns) / sizeof(softnet_columns[0]); i++)
		if (softnet_columns[i].column < nr)
			weir_kreading_add(r, softnet_columns[i].counter, 0, cpu,
				column[softnet_columns[i].column]);
}

bool weir_kproc_softnet(struct weir_kreading *r, const char *text)
{
	__u64 column[SOFTNET_COLUMNS];
	__u32 lines = 0;

	for (; *text; text = next_line(text)) {
		const char *line = text;
		unsigned int nr = 0;

		while (nr < SOFTNET_COLUMNS && number(word(&line), 16, &column[nr]))
			nr++;
		if (nr < 3)
			continue;
		softnet_line(r, column, nr, lines++);
	}
	if (lines)
		r->sources |= 1U << WEIR_KSOURCE_softnet;
	return lines;
}

#define CPUS 4096

/* "CPU12": its number. */
static bool cpu_of(struct span w, __u32 *cpu)
{
	__u64 n;

	if (w.len < 4 || memcmp(w.at, "CPU", 3) ||
		!number((struct span){w.at + 3, w.len - 3}, 10, &n) || n >= CPUS)
		return false;
	*cpu = (__u32)n;
	return true;
}

bool weir_kproc_softirqs(struct weir_kreading *r, const char *text)
{
	static const char group[] = "softirqs ";
	const char *heads = text, *line, *head;
	__u32 cpu;
	__u64 value;

	if (!cpu_of(word(&heads), &cpu))
		return false;
	r->sources |= 1U << WEIR_KSOURCE_softirqs;
	for (heads = text, line = next_line(text); *line; line = next_line(line)) {
		const char *at = line;
		struct span name;

		if (!label(&at, &name))
			continue;
		for (head = heads; cpu_of(word(&head), &cpu);)
			if (number(word(&at), 10, &value))
				keep(r, WEIR_KSOURCE_softirqs,
					(struct span){group, sizeof(group) - 1}, name, cpu, value);
	}
	return true;
}

bool weir_kproc_stat(struct weir_kreading *r, enum weir_ksource source, const char *text)
{
	const char *group = source == WEIR_KSOURCE_neigh ? "arp_cache " : "nf_conntrack ";
	const char *heads = text, *head;
	struct span name = word(&heads);
	__u32 cpu = 0;
	__u64 value;

	if (name.len != strlen("entries") || memcmp(name.at, "entries", name.len))
		return false;
	r->sources |= 1U << source;
	for (heads = text, text = next_line(text); *text; text = next_line(text), cpu++) {
		const char *at = text;

		head = heads;
		for (name = word(&head); name.len; name = word(&head))
			if (number(word(&at), 16, &value))
				keep(r, source, (struct span){group, strlen(group)}, name, cpu,
					value);
	}
	return true;
}
