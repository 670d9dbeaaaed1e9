// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the kernel's numbers are called: namespaces by name, reasons by its types, addresses by its
 * symbols. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <bpf/btf.h>

#include "kernel_trace_priv.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define NETNS_DIR "/run/netns"

struct symbol {
	__u64 address;
	char name[56];
};

struct named {
	__u64 cookie;
	char name[64];
};

struct weir_trace_book {
	struct symbol *symbols;
	size_t nr_symbols, room_symbols;
	bool symbols_read;
	char (*reasons)[48];
	__u32 nr_reasons;
	struct named *netns;
	size_t nr_netns;
};

/* --- reasons --- */

static void read_reasons(struct weir_trace_book *b, const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	const size_t prefix = strlen("SKB_DROP_REASON_");

	if (!t)
		return;
	b->reasons = calloc(btf_vlen(t), sizeof(*b->reasons));
	b->nr_reasons = b->reasons ? btf_vlen(t) : 0;
	for (unsigned int i = 0; i < b->nr_reasons; i++) {
		const struct btf_enum *e = &btf_enum(t)[i];
		const char *name = btf__name_by_offset(btf, e->name_off);

		if (!name || e->val < 0 || (__u32)e->val >= b->nr_reasons)
			continue;
		if (!strncmp(name, "SKB_DROP_REASON_", prefix))
			name += prefix;
		else if (!strncmp(name, "SKB_", 4))
			name += 4;
		snprintf(b->reasons[e->val], sizeof(*b->reasons), "%s", name);
	}
}

static const char *reason_name(void *ctx, __u32 reason, char buf[WEIR_TRACE_NAME_MAX])
{
	const struct weir_trace_book *b = ctx;

	/* a module's: its number in the upper half */
	if (reason >= b->nr_reasons || !b->reasons[reason][0])
		snprintf(buf, WEIR_TRACE_NAME_MAX, "REASON_%u", reason);
	else
		snprintf(buf, WEIR_TRACE_NAME_MAX, "%s", b->reasons[reason]);
	return buf;
}

/* --- symbols --- */

static int by_address(const void *a, const void *b)
{
	const struct symbol *s = a, *t = b;

	return s->address < t->address ? -1 : s->address > t->address;
}

static bool symbol_add(struct weir_trace_book *b, const struct symbol *s)
{
	if (b->nr_symbols == b->room_symbols) {
		size_t room = b->room_symbols ? b->room_symbols * 2 : 65536;
		struct symbol *more = realloc(b->symbols, room * sizeof(*more));

		if (!more)
			return false;
		b->symbols = more;
		b->room_symbols = room;
	}
	b->symbols[b->nr_symbols++] = *s;
	return true;
}

/* Once, when a drop is to be told of. */
static void read_symbols(struct weir_trace_book *b)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	struct symbol s;
	char line[512], kind;

	b->symbols_read = true;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %c %55s", &address, &kind, s.name) != 3 || !address ||
			!strchr("tTwW", kind))
			continue;
		s.address = address;
		if (!symbol_add(b, &s))
			break;
	}
	if (f)
		fclose(f);
	if (b->nr_symbols)
		qsort(b->symbols, b->nr_symbols, sizeof(*b->symbols), by_address);
}

static const char *location_name(void *ctx, __u64 address, char buf[WEIR_TRACE_NAME_MAX])
{
	struct weir_trace_book *b = ctx;
	size_t low = 0, high;

	if (!b->symbols_read)
		read_symbols(b);
	high = b->nr_symbols;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (b->symbols[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		snprintf(buf, WEIR_TRACE_NAME_MAX, "0x%llx", address);
	else
		snprintf(buf, WEIR_TRACE_NAME_MAX, "%s+0x%llx", b->symbols[low - 1].name,
			address - b->symbols[low - 1].address);
	return buf;
}

/* --- namespaces --- */

static void netns_add(struct weir_trace_book *b, __u64 cookie, const char *name)
{
	struct named *more;

	for (size_t i = 0; i < b->nr_netns; i++)
		if (b->netns[i].cookie == cookie)
			return;
	more = realloc(b->netns, (b->nr_netns + 1) * sizeof(*more));
	if (!more)
		return;
	b->netns = more;
	more[b->nr_netns].cookie = cookie;
	snprintf(more[b->nr_netns++].name, sizeof(more->name), "%s", name);
}

static const char *netns_name(void *ctx, __u64 cookie, char buf[WEIR_TRACE_NAME_MAX])
{
	const struct weir_trace_book *b = ctx;

	snprintf(buf, WEIR_TRACE_NAME_MAX, "%llu", cookie);
	for (size_t i = 0; i < b->nr_netns; i++)
		if (b->netns[i].cookie == cookie)
			snprintf(buf, WEIR_TRACE_NAME_MAX, "%s", b->netns[i].name);
	return buf;
}

static __u64 cookie_here(void)
{
	__cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(__u64);
	__u64 cookie = 0;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		return 0;
	return cookie;
}

/* Enters one and asks its cookie; 0 or -errno. The caller goes home. */
static int enter(const char *name, __u64 *cookie)
{
	__cleanup_close int fd = -1;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET))
		return -errno;
	*cookie = cookie_here();
	return *cookie ? 0 : -errno;
}

static bool is_wanted(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (; *names; names += strcspn(names, ","), names += *names == ',')
		if (strcspn(names, ",") == len && !strncmp(names, name, len))
			return true;
	return false;
}

/* Each named namespace, of which some are wanted. */
static int each(
	struct weir_trace_book *b, const char *names, int (*fn)(void *ctx, __u64 cookie), void *ctx)
{
	__cleanup_close int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	DIR *d = home < 0 ? NULL : opendir(NETNS_DIR);
	struct dirent *e;
	int rc = home < 0 ? -errno : 0;

	while (d && !rc && (e = readdir(d))) {
		__u64 cookie;

		if (e->d_name[0] == '.' || enter(e->d_name, &cookie))
			continue; /* it may have gone since */
		netns_add(b, cookie, e->d_name);
		if (fn && (!names || is_wanted(names, e->d_name)))
			rc = fn(ctx, cookie);
	}
	if (d)
		closedir(d);
	if (home >= 0 && setns(home, CLONE_NEWNET) && !rc)
		rc = -errno;
	return rc;
}

/* Refuses a name that there is not. */
static int check_names(const char *names, struct weir_err *err)
{
	while (names && *names) {
		size_t len = strcspn(names, ",");
		char path[PATH_MAX];

		snprintf(path, sizeof(path), NETNS_DIR "/%.*s", (int)len, names);
		if (!len || memchr(names, '/', len) || access(path, F_OK)) {
			weir_fail(err, WEIR_NOT_FOUND, -ENOENT, "network namespace '%.*s'",
				(int)len, names);
			weir_remedy(err, "ip netns list");
			return -ENOENT;
		}
		names += len;
		names += *names == ',';
	}
	return 0;
}

int weir_trace_book_each(struct weir_trace_book *b, const char *names,
	int (*fn)(void *ctx, __u64 cookie), void *ctx, struct weir_err *err)
{
	int rc = check_names(names, err);

	return rc ? rc : each(b, names, fn, ctx);
}

/* --- */

struct weir_trace_book *weir_trace_book_new(const struct btf *btf, const struct weir_ns *ns)
{
	struct weir_trace_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	read_reasons(b, btf);
	if (ns->name[0] && !strchr(ns->name, '/'))
		netns_add(b, ns->cookie, ns->name);
	each(b, NULL, NULL, NULL);
	return b;
}

void weir_trace_book_free(struct weir_trace_book *b)
{
	if (!b)
		return;
	free(b->symbols);
	free(b->reasons);
	free(b->netns);
	free(b);
}

struct weir_trace_names weir_trace_book_names(struct weir_trace_book *b)
{
	return (struct weir_trace_names){
		.ctx = b, .netns = netns_name, .reason = reason_name, .location = location_name};
}
