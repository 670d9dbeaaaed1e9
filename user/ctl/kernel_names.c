// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel_names.h"

#define KALLSYMS "/proc/kallsyms"

struct reason {
	char name[WEIR_KERNEL_REASON_MAX];
	__u32 value;
};

struct weir_kernel_reasons {
	unsigned int nr;
	struct reason reason[];
};

struct symbol {
	__u64 address;
	__u32 name; /* where in text */
	__u32 line; /* order in the file */
};

struct weir_kernel_symbols {
	char *text; /* the file, its names with NULs behind them */
	struct symbol *symbol;
	size_t nr;
	int namer; /* the program that is asked instead; 0 = none is */
};

/* --- reasons --- */

/* What the enumeration has beside reasons: how many there are, and the mask of their subsystems. */
static bool is_no_reason(const char *name)
{
	return !strcmp(name, "SKB_DROP_REASON_MAX") || !strcmp(name, "SKB_DROP_REASON_SUBSYS_MASK");
}

static const char *without_prefix(const char *name)
{
	static const char *const prefixes[] = {"SKB_DROP_REASON_", "SKB_"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return name + strlen(prefixes[i]);
	return name;
}

/* Of `enum skb_drop_reason`, which is @type, or of nothing where that is NULL. */
static struct weir_kernel_reasons *read_reasons(const struct btf *btf, const struct btf_type *type)
{
	unsigned int nr = type ? btf_vlen(type) : 0;
	struct weir_kernel_reasons *reasons;

	reasons = calloc(1, sizeof(*reasons) + nr * sizeof(reasons->reason[0]));
	for (unsigned int i = 0; reasons && i < nr; i++) {
		const struct btf_enum *value = &btf_enum(type)[i];
		const char *name = btf__name_by_offset(btf, value->name_off);
		struct reason *reason = &reasons->reason[reasons->nr];

		if (!name || is_no_reason(name))
			continue;
		snprintf(reason->name, sizeof(reason->name), "%s", without_prefix(name));
		reason->value = (__u32)value->val;
		reasons->nr++;
	}
	return reasons;
}

int weir_kernel_reasons_open(struct weir_kernel_reasons **reasons, struct weir_err *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct weir_kernel_reasons *read;
	int id, ret = -errno;

	if (!btf) {
		ret = weir_fail(err, WEIR_REFUSED, ret ? ret : -ENOENT,
			"reading the kernel's type information (BTF)");
		weir_remedy(err, "a kernel built with CONFIG_DEBUG_INFO_BTF: ls -l "
				 "/sys/kernel/btf/vmlinux");
		return ret;
	}
	id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	read = read_reasons(btf, id < 0 ? NULL : btf__type_by_id(btf, (__u32)id));
	btf__free(btf);
	if (!read)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading the kernel's drop reasons");
	*reasons = read;
	return 0;
}

void weir_kernel_reasons_free(struct weir_kernel_reasons *reasons)
{
	free(reasons);
}

unsigned int weir_kernel_reasons_count(const struct weir_kernel_reasons *reasons)
{
	return reasons->nr;
}

const char *weir_kernel_reasons_at(
	const struct weir_kernel_reasons *reasons, unsigned int i, __u32 *value)
{
	*value = reasons->reason[i].value;
	return reasons->reason[i].name;
}

const char *weir_kernel_reason_name(
	const struct weir_kernel_reasons *reasons, __u32 value, char buf[WEIR_KERNEL_REASON_MAX])
{
	const struct reason *reason = reasons->reason;

	/* values are dense and in order, but nothing says that they must be */
	if (value >= reasons->nr || reason[value].value != value)
		for (; reason < reasons->reason + reasons->nr && reason->value != value; reason++)
			;
	else
		reason += value;
	if (reason < reasons->reason + reasons->nr)
		snprintf(buf, WEIR_KERNEL_REASON_MAX, "%s", reason->name);
	else if (value >> 16)
		snprintf(buf, WEIR_KERNEL_REASON_MAX, "SUBSYS%u/%u", value >> 16, value & 0xffff);
	else
		snprintf(buf, WEIR_KERNEL_REASON_MAX, "REASON%u", value);
	return buf;
}

/* --- symbols --- */

/* All of a file whose size nobody tells, with a NUL behind it; NULL with errno. */
static char *read_all(const char *path, size_t *length)
{
	size_t room = 1 << 20, size = 0, n;
	char *text = malloc(room + 1), *more;
	FILE *file = fopen(path, "re");

	if (!file || !text)
		goto fail;
	while ((n = fread(text + size, 1, room - size, file))) {
		size += n;
		if (size < room)
			continue;
		room *= 2;
		more = realloc(text, room + 1);
		if (!more)
			goto fail;
		text = more;
	}
	if (ferror(file))
		goto fail;
	fclose(file);
	text[size] = '\0';
	*length = size;
	return text;
fail:
	if (file)
		fclose(file);
	free(text);
	return NULL;
}

/* One line "ADDRESS TYPE NAME[\t[MODULE]]", which is written into; false where it is none. */
static bool read_line(char *line, __u64 *address, char *type, char **name)
{
	char *end;

	*address = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ' || !end[3])
		return false;
	*type = end[1];
	*name = end + 3;
	end = *name + strcspn(*name, " \t");
	*end = '\0';
	return end > *name;
}

/* Padding before a function has a name of its own, and is called by nobody. */
static bool is_function(char type, const char *name)
{
	return strchr("tTwW", type) && strncmp(name, "__pfx_", strlen("__pfx_"));
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static int fail_line(struct weir_err *err, const char *path, __u32 line)
{
	int ret = weir_fail(err, WEIR_REFUSED, -EBADMSG, "%s: line %u is no symbol", path, line);

	weir_remedy(err, "tail -n 3 %s: does it end in the middle?", path);
	return ret;
}

/* Keeps functions alone, in order. */
static int parse(struct weir_kernel_symbols *s, const char *path, struct weir_err *err)
{
	__u32 line = 0;
	__u64 any = 0;
	size_t room = 0;

	for (char *at = s->text, *next, *name; *at; at = next) {
		struct symbol *more, symbol = {.line = ++line};
		char type;

		next = at + strcspn(at, "\n");
		if (*next)
			*next++ = '\0';
		if (!read_line(at, &symbol.address, &type, &name))
			return fail_line(err, path, line);
		any |= symbol.address;
		if (!is_function(type, name))
			continue;
		if (s->nr == room) {
			room = room ? 2 * room : 1 << 16;
			more = realloc(s->symbol, room * sizeof(*more));
			if (!more)
				return weir_fail(err, WEIR_REFUSED, -ENOMEM, "%s", path);
			s->symbol = more;
		}
		symbol.name = (__u32)(name - s->text);
		s->symbol[s->nr++] = symbol;
	}
	if (!s->nr || !any) {
		int ret = weir_fail(err, WEIR_REFUSED, s->nr ? -EPERM : -ENODATA,
			s->nr ? "%s hides the addresses of the kernel's functions"
			      : "%s names no function",
			path);

		weir_remedy(err, geteuid() ? "run it as root (sudo weir ...)"
					   : "sysctl -w kernel.kptr_restrict=1");
		return ret;
	}
	qsort(s->symbol, s->nr, sizeof(*s->symbol), by_address);
	return 0;
}

int weir_kernel_symbols_open(
	struct weir_kernel_symbols **symbols, const char *path, struct weir_err *err)
{
	struct weir_kernel_symbols *s = calloc(1, sizeof(*s));
	size_t length;
	int ret = -ENOMEM;

	path = path ? path : KALLSYMS;
	if (s)
		s->text = read_all(path, &length);
	if (!s || !s->text) {
		ret = weir_fail(err, WEIR_REFUSED, errno ? -errno : ret, "%s", path);
		weir_remedy(err, "as root, on a kernel built with CONFIG_KALLSYMS");
		goto out;
	}
	if (memchr(s->text, '\0', length) || length > UINT32_MAX) {
		ret = weir_fail(err, WEIR_REFUSED, -EBADMSG, "%s is no list of symbols", path);
		goto out;
	}
	ret = parse(s, path, err);
	if (ret)
		goto out;
	*symbols = s;
	return 0;
out:
	weir_kernel_symbols_free(s);
	return ret;
}

struct weir_kernel_symbols *weir_kernel_symbols_asked(int namer)
{
	struct weir_kernel_symbols *s = calloc(1, sizeof(*s));

	if (s)
		s->namer = namer;
	return s;
}

void weir_kernel_symbols_free(struct weir_kernel_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->symbol);
	free(symbols->text);
	free(symbols);
}

const char *weir_kernel_symbol(
	const struct weir_kernel_symbols *symbols, __u64 address, __u64 *offset)
{
	const struct symbol *first = symbols->symbol;
	size_t low = 0, high = symbols->nr;

	/* the last that begins at or before it */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (first[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	for (low--; low && first[low - 1].address == first[low].address; low--)
		;
	*offset = address - first[low].address;
	return symbols->text + first[low].name;
}

/* "SYMBOL+0xOFF" in @buf; false where the kernel knows none. */
static bool ask(int namer, __u64 address, char *buf, size_t size)
{
	struct weir_ksymbol ask = {.address = address};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ask, .ctx_size_in = sizeof(ask));

	if (bpf_prog_test_run_opts(namer, &opts) || !memchr(ask.name, '\0', sizeof(ask.name)) ||
		!strchr(ask.name, '+'))
		return false;
	snprintf(buf, size, "%.*s", (int)strcspn(ask.name, "/"), ask.name);
	return true;
}

const char *weir_kernel_location(
	const struct weir_kernel_symbols *symbols, __u64 address, char *buf, size_t size)
{
	__u64 offset;
	const char *name;

	if (symbols && symbols->namer && ask(symbols->namer, address, buf, size))
		return buf;
	name = symbols ? weir_kernel_symbol(symbols, address, &offset) : NULL;
	if (name)
		snprintf(buf, size, "%s+0x%llx", name, (unsigned long long)offset);
	else
		snprintf(buf, size, "0x%llx", (unsigned long long)address);
	return buf;
}

bool weir_kernel_function(
	const struct weir_kernel_symbols *symbols, const char *name, struct weir_krange *range)
{
	for (size_t i = 0; i < symbols->nr; i++) {
		if (strcmp(symbols->text + symbols->symbol[i].name, name))
			continue;
		range->from = range->to = symbols->symbol[i].address;
		while (++i < symbols->nr && range->to == range->from)
			range->to = symbols->symbol[i].address;
		return true;
	}
	return false;
}

void weir_kernel_name_drop(const struct weir_kernel_reasons *reasons,
	const struct weir_kernel_symbols *symbols, struct weir_kernel_drop *d)
{
	weir_kernel_reason_name(reasons, d->key.reason, d->reason);
	weir_kernel_location(symbols, d->key.location, d->location, sizeof(d->location));
	if (d->key.caller)
		weir_kernel_location(symbols, d->key.caller, d->caller, sizeof(d->caller));
}
