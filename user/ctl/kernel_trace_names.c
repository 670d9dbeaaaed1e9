// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a trace calls the kernel's numbers, and the namespaces that it is to watch. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_names.h"
#include "kernel_priv.h"
#include "kernel_trace_priv.h"

struct weir_trace_book {
	struct weir_kernel_reasons *reasons;
	struct weir_kernel_symbols *symbols; /* NULL: the kernel hides them */
	struct weir_netns_names netns;
	__u64 own_cookie;
	char own_name[256]; /* "" = as the list has it */
};

static void drop_names(void *ctx, struct weir_kernel_drop *drop)
{
	const struct weir_trace_book *b = ctx;

	weir_kernel_name_drop(b->reasons, b->symbols, drop);
}

static const char *netns_name(void *ctx, __u64 cookie, char buf[WEIR_TRACE_NAME_MAX])
{
	const struct weir_trace_book *b = ctx;
	const struct weir_netns_name *ns = weir_netns_name_of(&b->netns, cookie);

	if (cookie == b->own_cookie && b->own_name[0])
		snprintf(buf, WEIR_TRACE_NAME_MAX, "%.95s", b->own_name);
	else if (ns)
		snprintf(buf, WEIR_TRACE_NAME_MAX, "%.95s", ns->name);
	else
		snprintf(buf, WEIR_TRACE_NAME_MAX, "%llu", cookie);
	return buf;
}

/* --- namespaces --- */

/* Calls @fn within the namespace. What @fn answers, or -errno. */
static int within(
	const struct weir_netns_name *ns, int home, int (*fn)(void *ctx, __u64 cookie), void *ctx)
{
	int rc;

	if (setns(ns->fd, CLONE_NEWNET))
		return -errno;
	rc = fn(ctx, ns->cookie);
	if (setns(home, CLONE_NEWNET) && !rc)
		rc = -errno;
	return rc;
}

static const struct weir_netns_name *named(
	const struct weir_trace_book *b, const char *name, size_t len)
{
	for (unsigned int i = 0; i < b->netns.nr; i++) {
		const struct weir_netns_name *ns = &b->netns.list[i];

		if (ns->cookie && strlen(ns->name) == len && !memcmp(ns->name, name, len))
			return ns;
	}
	return NULL;
}

static int not_found(const char *name, size_t len, struct weir_err *err)
{
	weir_fail(err, WEIR_NOT_FOUND, -ENOENT, "network namespace '%.*s'", (int)len, name);
	weir_remedy(err, "ip netns list");
	return -ENOENT;
}

int weir_trace_book_each(struct weir_trace_book *b, const char *names,
	int (*fn)(void *ctx, __u64 cookie), void *ctx, struct weir_err *err)
{
	__cleanup_close int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int rc = home < 0 ? -errno : 0;

	for (unsigned int i = 0; !names && !rc && i < b->netns.nr; i++)
		if (b->netns.list[i].cookie)
			rc = within(&b->netns.list[i], home, fn, ctx);
	while (names && *names && !rc) {
		size_t len = strcspn(names, ",");
		const struct weir_netns_name *ns = named(b, names, len);

		rc = ns ? within(ns, home, fn, ctx) : not_found(names, len, err);
		names += len;
		names += *names == ',';
	}
	weir_netns_names_let_go(&b->netns); /* a trace keeps no namespace alive by its name */
	return rc;
}

/* --- */

int weir_trace_book_new(
	const struct weir_ns *ns, struct weir_trace_book **out, struct weir_err *err)
{
	struct weir_trace_book *b = calloc(1, sizeof(*b));
	struct weir_err hidden;
	int rc;

	if (!b)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "opening the trace");
	rc = weir_kernel_reasons_open(&b->reasons, err);
	if (rc) {
		weir_trace_book_free(b);
		return rc;
	}
	if (weir_kernel_symbols_open(&b->symbols, NULL, &hidden))
		b->symbols = NULL; /* addresses are shown as they are */
	b->own_cookie = ns->cookie;
	if (!strchr(ns->name, '/'))
		snprintf(b->own_name, sizeof(b->own_name), "%s", ns->name);
	weir_netns_names_read(&b->netns);
	*out = b;
	return 0;
}

void weir_trace_book_free(struct weir_trace_book *b)
{
	if (!b)
		return;
	weir_kernel_symbols_free(b->symbols);
	weir_kernel_reasons_free(b->reasons);
	weir_netns_names_done(&b->netns);
	free(b);
}

struct weir_trace_names weir_trace_book_names(struct weir_trace_book *b)
{
	return (struct weir_trace_names){.ctx = b, .netns = netns_name, .drop = drop_names};
}

int weir_trace_book_set_places(const struct weir_trace_book *b, struct bpf_object *obj)
{
	return b->symbols ? weir_k_set_places(obj, b->symbols) : 0;
}
