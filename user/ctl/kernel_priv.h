/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the kernel plane share. `k` is the place of its pins, weir_ns_kernel(). */
#ifndef WEIR_CTL_KERNEL_PRIV_H
#define WEIR_CTL_KERNEL_PRIV_H

#include "kernel.h"
#include "priv.h"

struct bpf_object;
struct bpf_map;
struct btf;
struct weir_kernel_symbols;

/* A pinned map or program of the observers; -errno, quiet. */
int weir_k_map(const struct weir_ns *k, const char *name);
/* `kwatch` in memory, NULL with errno. The caller unmaps it. */
struct weir_kwatch *weir_k_watch(const struct weir_ns *k);
/* Whether the cycler is there: it holds this lock. */
bool weir_k_cycling(const struct weir_ns *k);

/* Sizes an object's maps, and has those that observers share pinned, or reused where they are. Sets its
 * constants. @only: the one namespace that is watched, 0 = what `kns` and kwatch.all say. 0 or -errno. */
int weir_k_prepare(const struct weir_ns *k, struct bpf_object *obj, const struct weir_kwatch *w,
	__u64 only);
/* How many arguments the running kernel's tracepoint has; -1 where it has no such tracepoint. */
int weir_k_args(const struct btf *btf, const char *tracepoint);
/* Fits an object to the running kernel: programs of what it has not are left out. */
void weir_k_fit(struct bpf_object *obj);

/* Tells an object that explains drops where their places are. 0 or -EINVAL: it is none. */
int weir_k_set_places(struct bpf_object *obj, const struct weir_kernel_symbols *symbols);

/* Events for which the kernel ran no observer, because it was running on that CPU already. */
__u64 weir_k_interrupted(const struct weir_ns *k);

/*
 * Begins the process that observes stages in the namespaces whose descriptors are given, and returns
 * when it does, or when it cannot: then @err says why.
 */
int weir_k_cycler(const struct weir_ns *k, __u64 only, const int *netns, unsigned int nr,
	struct weir_err *err);

/*
 * Gives drops of netfilter in a namespace the names of the rules of today: its cause is told with
 * TABLE/CHAIN where one base chain can drop there, and its candidates where several can. @netns:
 * its descriptor, -1 = the caller is in it. What cannot be read is left as it is.
 */
void weir_k_name_rules(struct weir_kernel_snapshot *snap, __u64 cookie, int netns);

/* --- netns.c --- */

/* Whether anything but this process keeps a network namespace alive: a name, or a process in it. */
bool weir_netns_used(int netns);
/* Whether a descriptor is of a namespace, and not of a file that lies where one was mounted. */
bool weir_is_netns(int fd);
/* Calls @fn for each namespace that has a name in /run/netns. */
void weir_each_netns(void (*fn)(void *ctx, const char *name, int fd), void *ctx);
/* The cookie of the namespace behind a descriptor; 0 where it cannot be told. */
__u64 weir_netns_cookie(int fd);

/* A namespace that has a name. */
struct weir_netns_name {
	__u64 cookie; /* 0 where it could not be told */
	char name[256];
	int fd;
};

struct weir_netns_names {
	struct weir_netns_name *list;
	unsigned int nr;
};

/* All that have one now. The caller ends *@n, which is all zero before, by weir_netns_names_done(). */
void weir_netns_names_read(struct weir_netns_names *n);
void weir_netns_names_done(struct weir_netns_names *n);
/* NULL where none is known. */
const struct weir_netns_name *weir_netns_name_of(const struct weir_netns_names *n, __u64 cookie);
/* Closes the descriptors, which keep namespaces alive: names are left. */
void weir_netns_names_let_go(struct weir_netns_names *n);

#endif
