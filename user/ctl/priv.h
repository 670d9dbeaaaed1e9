/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of ctl share among themselves. */
#ifndef WEIR_CTL_PRIV_H
#define WEIR_CTL_PRIV_H

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl.h"

struct xdp_bpf;

struct weir_ns {
	char name[256];	     /* as the user named it, "" = the caller's own */
	char base[PATH_MAX]; /* where all namespaces' pins are, "" = no bpffs found */
	char dir[PATH_MAX];  /* this namespace's pins: base/cookie */
	__u64 cookie;
	bool may_mount; /* bpffs is missing and this process may mount it where it belongs */
};

/* --- ns.c: places --- */

/* A path below the namespace's pins; the buffer is the caller's. Returns @buf. */
const char *weir_pin_path(const struct weir_ns *ns, char buf[PATH_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Makes sure that bpffs is there and the namespace's folder in it. */
int weir_ns_prepare(struct weir_ns *ns, struct weir_notes *notes, struct weir_err *err);
/* Holds the namespace's pins against other weirs; the fd is the lock. -errno, quiet. */
int weir_ns_lock(const struct weir_ns *ns, const char *sub);
/* The same of any folder; -EAGAIN where it is held and @wait is not. */
int weir_lock_dir(const char *path, bool wait);
/* Removes a folder of pins and all in it; clear: what is in it. */
void weir_remove_tree(const char *path);
void weir_clear_tree(const char *path);
/* Calls @fn for each ifindex that has a folder of pins. Stops at the first that is not 0. */
int weir_each_dev(const struct weir_ns *ns, int (*fn)(void *ctx, __u32 ifindex), void *ctx);
/* The option that names the namespace in a command to type: " -n NAME" or "". Returns @buf. */
const char *weir_ns_option(const struct weir_ns *ns, char buf[300]);
/* What a failure with @error means to a user without the capability. */
int weir_fail_sys(struct weir_err *err, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static inline void weir_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
#define __cleanup_close __attribute__((cleanup(weir_close)))

/* --- link.c: devices --- */

struct weir_link {
	__u32 ifindex;
	char name[16];
	char kind[16]; /* veth, tun, bridge, ...; "" for hardware */
	__u8 mac[6];
	unsigned short type; /* ARPHRD_* */
	__u32 mtu;
	__u32 rx_queues;
	__u32 peer_ifindex; /* of a veth */
	int peer_nsid;	    /* -1: this namespace */
};

int weir_link_get(const char *name, struct weir_link *link, struct weir_err *err);
/* Each of this host's own addresses and broadcasts, network order; 0 or -errno. */
int weir_each_local(void (*fn)(void *ctx, __u32 addr, __u32 type), void *ctx);
bool weir_link_is_virtual(const struct weir_link *link);
/* Whether the driver takes redirected frames: 1 yes, 0 no, -errno unknown (kernels before 6.3). */
int weir_link_takes_frames(const struct weir_link *link);
/* Turns on GRO at the other end of a veth, in whichever namespace it is, if that can be found. */
int weir_peer_gro_on(const struct weir_link *link, char where[256]);
/* A number below /proc/sys/net/ipv4, -errno. */
long weir_sysctl(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- load.c: one device's program --- */

/* One device being attached. */
struct weir_job {
	struct weir_ns *ns;
	const struct weir_attach *what;
	struct weir_notes *notes;
	struct weir_link link;
	struct xdp_bpf *skel;
	bool generic;
	int own;	     /* our link that is on the hook already, -1 = none */
	int hooked;	     /* our new link, -1 = none */
	int old_prog;	     /* what is on the hook before, ours or foreign, -1 = nothing */
	__u32 foreign_id;    /* 0 = no foreign program */
	bool was_generic;    /* how it is there */
	struct weir_conf old_conf; /* of ours */
	bool committed;
};

/* Loads the program with the device's maps, pinned or reused where they are pinned already. */
int weir_job_load(struct weir_job *j, struct weir_err *err);
/* Puts a program on the hook, where it stays as long as j->hooked is open. */
int weir_job_hook(struct weir_job *j, int prog, bool generic, struct weir_err *err);
/* Pins what was hooked, if anything was: from then on the device is attached. Comes last. */
int weir_job_pin(struct weir_job *j, struct weir_err *err);
/* Lets frames be redirected to the device: by generic XDP always, natively if the driver can. */
int weir_job_open_port(struct weir_job *j);

/* --- detach.c --- */

/* The device's pinned XDP link; -errno, quiet. The caller closes it. */
int weir_dev_link(const struct weir_ns *ns, __u32 ifindex);
/* The device's settings; -errno, quiet, and *@conf zeroed, where they cannot be read. */
int weir_dev_conf(const struct weir_ns *ns, __u32 ifindex, struct weir_conf *conf);
/* Whether the device is attached by generic XDP. */
bool weir_dev_generic(const struct weir_ns *ns, __u32 ifindex);
/* Takes our program off the hook; maps and counters stay. */
void weir_dev_unhook(const struct weir_ns *ns, __u32 ifindex);
/* Whether the device was attached to the end: a killed weir leaves a folder without a link. */
bool weir_dev_has_link(const struct weir_ns *ns, __u32 ifindex);
/* Detaches and removes all that is pinned for a device, whole or in parts. */
void weir_dev_remove(const struct weir_ns *ns, __u32 ifindex);

/* --- check.c --- */

/*
 * Refuses pins of another ABI, broken or incomplete ones. 0 where there are none, or nothing was
 * attached yet. The caller holds the lock: what is being removed is incomplete, too.
 */
int weir_shared_check(struct weir_ns *ns, struct weir_err *err);

/* --- maps.c: what is pinned for the whole namespace --- */

/* Loads and pins the tracepoint programs and the shared maps, unless they are there. */
int weir_shared_up(struct weir_ns *ns, struct weir_err *err);
/* Points a device's skeleton at the shared maps. */
int weir_shared_use(struct weir_ns *ns, struct xdp_bpf *skel);
/* Follows generic XDP's tracepoint, one event a frame, only while a device needs it. */
int weir_shared_generic(struct weir_ns *ns, bool on, struct weir_err *err);
/* Tells the programs this host's own addresses as they are now. 0 or -errno, quiet. */
int weir_shared_locals(const struct weir_ns *ns);
/* Opens a pinned map. -errno, quiet. */
int weir_shared_map(const struct weir_ns *ns, const char *name);
/* Removes what no device needs any more, killed weirs' leavings too: all, once none is left. */
void weir_shared_settle(struct weir_ns *ns);
/* Removes the pins of namespaces that are gone. */
void weir_collect_dead(const struct weir_ns *ns);
/* Waits until every program now running has ended (a grace period). */
int weir_grace(const struct weir_ns *ns);
/* Silences libbpf and keeps its first complaint, for messages. */
void weir_libbpf_quiet(void);
const char *weir_libbpf_said(void);

#endif
