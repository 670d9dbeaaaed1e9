/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of ctl share among themselves. */
#ifndef WEIR_CTL_PRIV_H
#define WEIR_CTL_PRIV_H

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl.h"

struct bpf_object;

struct weir_ns {
	char name[256];	     /* as the user named it, "" = the caller's own */
	char pin[256];	     /* as the user gave it, "" = not at all */
	char base[PATH_MAX]; /* where all namespaces' pins are, "" = no bpffs found */
	char dir[PATH_MAX];  /* this namespace's pins: base/cookie */
	const char *kind;    /* what the folder's name begins with: "", or "k" of the kernel plane's */
	__u64 cookie;
	bool may_mount; /* bpffs is missing and this process may mount it where it belongs */
};

/* --- ns.c: places --- */

/* A path below the namespace's pins; the buffer is the caller's. Returns @buf. */
const char *weir_pin_path(const struct weir_ns *ns, char buf[PATH_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The cookie of the namespace that the calling thread is in. */
int weir_ns_cookie(__u64 *cookie, struct weir_err *err);
/* Makes sure that bpffs is there and the namespace's folder in it. */
int weir_ns_prepare(struct weir_ns *ns, struct weir_notes *notes, struct weir_err *err);
/* Both: the folder is there, and ours. */
int weir_ns_make_and_lock(
	struct weir_ns *ns, int *lock, struct weir_notes *notes, struct weir_err *err);
/* The same namespace, and the place of what observes the kernel plane there. */
void weir_ns_kernel(const struct weir_ns *ns, struct weir_ns *kernel);
/* Holds the namespace's pins against other weirs; the fd is the lock. -errno, quiet. */
int weir_ns_lock(const struct weir_ns *ns, const char *sub);
/* The same of any folder; -EAGAIN where it is held and @wait is not. */
int weir_lock_dir(const char *path, bool wait);
/* Removes a folder of pins and all in it; clear: what is in it. */
void weir_remove_tree(const char *path);
void weir_clear_tree(const char *path);
/* Calls @fn for each ifindex that has a folder of pins. Stops at the first that is not 0. */
int weir_each_dev(const struct weir_ns *ns, int (*fn)(void *ctx, __u32 ifindex), void *ctx);
/* Whether the pins are folders of a BPF file system, or not there: no symbolic link leads elsewhere,
 * where we would read and remove what is not ours. */
bool weir_place_is_ours(const struct weir_ns *ns);
/* Removes what leads elsewhere. */
void weir_place_make_ours(const struct weir_ns *ns);
/* The options that name the place in a command to type: " -n NAME --pin DIR" or "". Returns @buf. */
const char *weir_ns_option(const struct weir_ns *ns, char buf[300]);
/* What a failure with @error means to a user without the capability. */
int weir_fail_sys(struct weir_err *err, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same of something in the folder of the pins: "@what in DIR: ...", with how to mend them. */
int weir_fail_pins(
	const struct weir_ns *ns, struct weir_err *err, int error, const char *what);

static inline void weir_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
#define __cleanup_close __attribute__((cleanup(weir_close)))

/* --- netlink.c --- */

struct nlmsghdr;
struct nlattr;

/* Whether a datagram is made of whole messages. */
bool weir_nl_is_whole(const char *buf, size_t n);
/* The struct at the head of a message; NULL, with errno, where the message is shorter. */
const void *weir_nl_head(const struct nlmsghdr *nlh, size_t size);
/* An attribute's value, cut to the room there is for a text: MNL_CB_OK, or MNL_CB_ERROR where the
 * attribute is too short for it, and *@value untouched. */
int weir_nl_u16(const struct nlattr *a, __u16 *value);
int weir_nl_u32(const struct nlattr *a, __u32 *value);
int weir_nl_text(const struct nlattr *a, char *text, size_t size);

/*
 * Sends one request over the bus (NETLINK_ROUTE, ...) and hands each answer to @cb, an mnl_cb_t;
 * @flags NLM_F_DUMP for all there are. 0, or -errno; -EINTR where a dump was not of one moment.
 */
int weir_nl_ask(int bus, struct nlmsghdr *nlh, __u16 flags,
	int (*cb)(const struct nlmsghdr *nlh, void *ctx), void *ctx);

/* --- link.c: devices --- */

/* IFF_LOWER_UP of linux/if.h, which cannot be included beside net/if.h. At once, not like
 * IFF_RUNNING only when a worker has been round. */
#define WEIR_LOWER_UP (1U << 16)

struct weir_link {
	__u32 ifindex;
	char name[16];
	char kind[16]; /* veth, tun, bridge, ...; "" for hardware */
	__u8 mac[6];
	unsigned short type; /* ARPHRD_* */
	__u32 mtu;
	__u32 flags; /* IFF_*, and WEIR_LOWER_UP: it has a carrier */
	__u32 rx_queues, tx_queues;
	__u32 master;	  /* ifindex, 0 = none */
	char port_of[16]; /* the kind of the master: bridge, bond, vrf, ... */
	__u32 peer_ifindex;	   /* of a veth; of a VLAN device, the device below */
	int peer_nsid;		   /* -1: this namespace */
	__u16 vlan_proto, vlan_id; /* of a VLAN device; network, host order */
};

int weir_link_get(const char *name, struct weir_link *link, struct weir_err *err);
/* The same by number. 0 or -errno, quiet. */
int weir_link_by_index(__u32 ifindex, struct weir_link *link);
/* Reads an RTM_NEWLINK or RTM_DELLINK. Negative where it is malformed. */
int weir_link_parse(const struct nlmsghdr *nlh, struct weir_link *link);
/* Each device of the namespace; 0 or -errno. */
int weir_each_link(void (*fn)(void *ctx, const struct weir_link *link), void *ctx);
/* Each of this host's own addresses and broadcasts, network order; 0 or -errno. */
int weir_each_local(void (*fn)(void *ctx, __u32 addr, __u32 type), void *ctx);
bool weir_link_is_virtual(const struct weir_link *link);
/* Whether the driver takes redirected frames: 1 yes, 0 no, -errno unknown (kernels before 6.3). */
int weir_link_takes_frames(const struct weir_link *link);
/*
 * Calls @fn with the name of a veth's other end, in whichever namespace it is, if that can be found:
 * it returns what @fn does, or -errno. @where then says "NAME in namespace NS".
 */
int weir_peer_do(const struct weir_link *link, int (*fn)(void *ctx, const char *name), void *ctx,
	char where[256]);
/* Turns on GRO there. */
int weir_peer_gro_on(const struct weir_link *link, char where[256]);
/* XDP sees VLAN tags only in the frame: makes sure that they stand there, by turning off what keeps
 * them beside it, here and at a veth's other end. 1 where something was changed, 0, or -errno. */
int weir_link_show_tags(const struct weir_link *link, char where[256]);
/* A number below /proc/sys/net/ipv4, -errno. */
long weir_sysctl(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- hook.c: where programs hang --- */

struct weir_hook_at {
	__u32 ifindex;
	enum weir_hook hook;
};

struct weir_hook_state {
	__u32 prog_id, link_id; /* link_id 0: a filter */
	__u32 ifindex;		/* 0: the hook no longer runs our program */
};

/* Puts a program on a hook, where it stays as long as what is returned is open, or, if *@filter,
 * until it is detached. -errno, quiet. */
int weir_hook_attach(const struct weir_hook_at *at, int prog, bool generic, bool *filter);
/* Another program in place of @own's: no packet is missed. 0 or -errno, quiet. */
int weir_hook_replace(const struct weir_hook_at *at, int own, bool filter, int prog);
void weir_hook_detach(const struct weir_hook_at *at, int own, bool filter);
/* -EINVAL where @own is none of this hook's. */
int weir_hook_look(
	const struct weir_hook_at *at, int own, bool filter, struct weir_hook_state *state);
/* The path of a pin of the hook. Returns @path. */
const char *weir_hook_pin(const struct weir_ns *ns, const struct weir_hook_at *at,
	char path[PATH_MAX], const char *what);
/* What is pinned of the hook: a link, or a filter's program. -errno, quiet. The caller closes it.
 */
int weir_hook_open(const struct weir_ns *ns, const struct weir_hook_at *at, bool *filter);
/* Whether the hook was attached to the end: a killed weir leaves a folder without a link. */
bool weir_hook_pinned(const struct weir_ns *ns, const struct weir_hook_at *at);
/* Takes our program off the hook; maps and counters stay. */
void weir_hook_unhook(const struct weir_ns *ns, const struct weir_hook_at *at);

/* --- vlan.c: VLAN devices, whose frames XDP meets at the device below --- */

/* A VLAN device and the way to the wire. */
struct weir_vlan_way {
	struct weir_link link;	   /* the VLAN device */
	struct weir_link root;	   /* the device with the wire */
	__u32 tags[WEIR_TAGS_MAX]; /* outer first, as in a frame */
};

static inline bool weir_link_is_vlan(const struct weir_link *link)
{
	return link->vlan_proto != 0;
}

/* Finds the way to the wire. */
int weir_vlan_way(const struct weir_link *link, struct weir_vlan_way *way, struct weir_err *err);
/* Tagged frames are its own from now on, and it may be redirected to. 0 or -errno, quiet. */
int weir_vlan_attach(const struct weir_ns *ns, const struct weir_vlan_way *way);
/* Calls @fn for each attached VLAN device. Stops at the first that is not 0. */
int weir_each_vlan(const struct weir_ns *ns,
	int (*fn)(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan),
	void *ctx);
/* Whether a VLAN device is attached, and the device that it lies on. 0: it is not. */
__u32 weir_vlan_root(const struct weir_ns *ns, __u32 ifindex);
/* By today's name, else by that at attach. 0: none. */
__u32 weir_vlan_find(const struct weir_ns *ns, const char *name);
/* Frames with its tags are the kernel's again. */
void weir_vlan_remove(const struct weir_ns *ns, __u32 ifindex);
/* Those of a device that goes; how many there are of one. */
void weir_vlans_remove(const struct weir_ns *ns, __u32 root);
unsigned int weir_vlans_of(const struct weir_ns *ns, __u32 root);

/* --- load.c: one hook's program --- */

/* One hook of one device being attached. */
struct weir_job {
	struct weir_ns *ns;
	const struct weir_attach *what; /* NULL: as it is, with another program */
	struct weir_notes *notes;
	struct weir_link link;
	struct weir_hook_at at;
	struct bpf_object *obj;
	bool generic;
	bool vlans_only; /* XDP: attached for its VLAN devices alone */
	int own;	 /* our link that is on the hook already, -1 = none */
	bool own_filter;
	int hooked; /* our new link, -1 = none */
	bool hooked_filter;
	int old_prog;		   /* what is on the hook before, ours or foreign, -1 = nothing */
	__u32 foreign_id;	   /* XDP: 0 = no foreign program */
	bool was_generic;	   /* how it is there */
	struct weir_conf old_conf; /* of ours */
	bool committed;
};

/* Loads the program with the hook's maps, pinned or reused where they are pinned already. */
int weir_job_load(struct weir_job *j, struct weir_err *err);

/* The object that is loaded for a hook, and its program. */
struct weir_hook_object {
	const void *(*bytes)(size_t *size);
	const char *prog;
};

const struct weir_hook_object *weir_hook_object(enum weir_hook hook);
/* The loaded program. */
int weir_job_prog(const struct weir_job *j);
/* The descriptor of one of the loaded maps. */
int weir_job_map(const struct weir_job *j, const char *name);
/* Puts a program on the hook, where it stays as long as j->hooked is open. */
int weir_job_hook(struct weir_job *j, int prog, bool generic, struct weir_err *err);
/* Pins what was hooked, if anything was: from then on the hook is attached. Comes last. */
int weir_job_pin(struct weir_job *j, struct weir_err *err);
/* Lets frames be redirected to the device: by generic XDP always, natively if the driver can. */
int weir_job_open_port(struct weir_job *j);

/* --- detach.c --- */

/* The device's settings; -errno, quiet, and *@conf zeroed, where they cannot be read. */
int weir_dev_conf(const struct weir_ns *ns, __u32 ifindex, struct weir_conf *conf);
/* Whether untagged frames are the kernel's, the device being attached for its VLANs. 0 or -errno.
 */
int weir_dev_vlans_only(const struct weir_ns *ns, __u32 ifindex, bool on);
/* Whether any hook of the device is attached. */
bool weir_dev_pinned(const struct weir_ns *ns, __u32 ifindex);
/* Detaches and removes all that is pinned for a hook; what is the device's stays. */
void weir_hook_remove(const struct weir_ns *ns, const struct weir_hook_at *at);
/* Detaches and removes all that is pinned for a device, whole or in parts. */
void weir_dev_remove(const struct weir_ns *ns, __u32 ifindex);
/* Views of the counters see that they are stale, though no device came or went. */
void weir_devs_touch(const struct weir_ns *ns);

/* --- check.c --- */

/* Opens a pinned map, if it is what it should be: the kernel writes entries of its own size into our
 * memory. -errno, quiet; -EINVAL where it is something else. */
int weir_shared_map(const struct weir_ns *ns, const char *name);
/* Refuses pins that lead elsewhere. */
int weir_place_check(const struct weir_ns *ns, struct weir_err *err);
/*
 * Refuses pins of another ABI, broken or incomplete ones. 0 where there are none, or nothing was
 * attached yet. The caller holds the lock: what is being removed is incomplete, too.
 */
int weir_shared_check(struct weir_ns *ns, struct weir_err *err);

/* --- maps.c: what is pinned for the whole namespace --- */

/* Loads and pins the tracepoint programs and the shared maps, unless they are there. */
int weir_shared_up(struct weir_ns *ns, struct weir_err *err);
/* Points a hook's object at the shared maps, and says how large they are. */
int weir_shared_use(struct weir_ns *ns, struct bpf_object *obj, struct weir_self *self);
/* Whether XDP is to mark what it passes, for TC. */
int weir_shared_mark(struct weir_ns *ns, bool on);
/* Nothing that programs decided about a flow before is used from the next packet on. */
void weir_shared_moved(const struct weir_ns *ns);
/* Follows tracepoints that come once a frame, only while a hook needs them. */
enum weir_follow { WEIR_FOLLOW_GENERIC, WEIR_FOLLOW_TC };
int weir_shared_follow(struct weir_ns *ns, enum weir_follow what, bool on, struct weir_err *err);
/* Tells the programs this host's own addresses as they are now. 0 or -errno, quiet. */
int weir_shared_locals(const struct weir_ns *ns);
/* The word on which all programs look, in memory; NULL with errno. The caller unmaps it. */
struct weir_ctl *weir_ctl_map(const struct weir_ns *ns);

/* Before an address, in network order, comes into `local` or `pools`. */
void weir_addr_mark(struct weir_ctl *ctl, __u32 addr);
/* Removes all that is pinned for the namespace. */
void weir_shared_remove(const struct weir_ns *ns);
/* Removes what no device needs any more, killed weirs' leavings too: all, once none is left. */
void weir_shared_settle(struct weir_ns *ns);
/* Removes the pins of namespaces that are gone. */
void weir_collect_dead(const struct weir_ns *ns);
/* Waits until every program now running has ended (a grace period). */
int weir_grace(const struct weir_ns *ns);

/* --- rules.c: what rules and sessions need of the kernel --- */

/* Says how large the maps of rules and sessions are in a hook's object, and what it is loaded for. */
int weir_rules_size(const struct weir_ns *ns, struct bpf_object *obj, const struct weir_ctl *ctl,
	struct weir_self *self);
/*
 * Makes sure that the maps of rules, and of sessions, are there, and that all programs ask the filter, and
 * follow sessions; also where no device is attached yet. The caller holds the lock, as of the next.
 */
int weir_shared_ask(struct weir_ns *ns, bool filter, bool track, struct weir_err *err);
/* No program follows sessions any more, and there are none. */
int weir_shared_untrack(struct weir_ns *ns, struct weir_err *err);
/* Makes maps of the size that they should have, where that is another now; programs use them once they are loaded
 * anew, in place of those that run. */
int weir_shared_maps(struct weir_ns *ns, struct weir_err *err);
int weir_shared_reload(struct weir_ns *ns, struct weir_err *err);
/* Whether sessions are followed. */
bool weir_is_tracking(const struct weir_ns *ns);
/* Whether there are rules, policies or named sets: pins stay for them when the last device goes. */
bool weir_rules_any(const struct weir_ns *ns);

/* --- libbpf --- */

/* Silences libbpf and keeps its first complaint, for messages. */
void weir_libbpf_quiet(void);
const char *weir_libbpf_said(void);

#endif
