// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What weir is measured against, and what weir itself is measured as.
 *
 * A peer is put up before each of its runs and taken down after it. Whatever it needs is in the
 * router's namespace, which is the lab's own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "peers.skel.h"
#include "rig.h"

#define ATTACH	  "dev attach r0 r1 xdp native"
#define NO_WATCH  "watch off"
#define RULES_10K "filter load \"$RULES/10000.weir\""
#define MASQ	  "nat add masquerade out dev r1"
#define POOL	  "nat add snat out dev r1 to 198.51.100.200:1024-65535"
#define NO_RULES  "filter load /dev/null"
#define NO_NAT	  "nat session flush", "nat flush"

#define NFT_MASQ                                                                                   \
	"nft 'table ip bench { chain post { type nat hook postrouting priority srcnat; "           \
	"oifname r1 masquerade; }; }'"
#define NO_NFT	   "nft flush ruleset"
#define NO_NFT_NAT "nft flush ruleset && conntrack -F"

#define R1	  "198.51.100.254"
#define POOL_ADDR "198.51.100.200"

/* The kernel plane's. What is watched in slices is so for this share of time: N, and percent. */
#define UNWATCH	  "watch off plane kernel"
#define LATENCY_N "12"
#define DUTY	  "1"

#define SIX                                                                                        \
	EVENT(net, napi_gro_receive_entry)                                                         \
	EVENT(net, netif_receive_skb)                                                              \
	EVENT(net, net_dev_queue)                                                                  \
	EVENT(net, net_dev_start_xmit)                                                             \
	EVENT(net, net_dev_xmit)                                                                   \
	EVENT(skb, skb_copy_datagram_iovec)
#define EVENT(group, name) "tracepoint:" #group ":" #name " { @" #name " = count(); } "
static const char bpftrace[] = "exec bpftrace -e '" SIX "'";
#undef EVENT
#define EVENT(group, name) " -e " #group ":" #name
static const char perf[] = "exec perf stat -x , -a" SIX;
#undef EVENT
/* Whether it counts at all: a kernel may have tracepoints that these cannot hang by. */
#define TRY(command, counted)                                                                      \
	"out=$(unshare --net sh -c 'ip link set lo up; (sleep 1; exec ping -qc 5 -i 0.2 "          \
	"127.0.0.1) >/dev/null & timeout -s INT 3 " command "' 2>&1); "                            \
	"echo \"$out\" | grep -q '" counted "' || { echo \"it counts nothing: $out\"; false; }"
static const char try_bpftrace[] =
	TRY("bpftrace -e \"tracepoint:net:netif_receive_skb { @n = count(); }\"", "@n: [1-9]");
static const char try_perf[] =
	TRY("perf stat -x , -a -e net:netif_receive_skb", "^[1-9][0-9]*,.*netif_receive_skb");

/* The pool has 64,512 ports. As many frames count where it is empty as where it is nearly full. */
enum { POOL_WARM = 576, POOL_99_PERCENT = 63872 };

const struct peer_info peer_info[PEER_COUNT] = {
	[PEER_FLOOR] = {"floor", "redirects without asking anything", .prog = "xdp_floor"},
	[PEER_XDP_FIB] = {"xdp_fib", "the bare XDP FIB forward", .prog = "xdp_fib"},
	[PEER_WEIR] = {"weir", "attached, all counters on", .weir = {ATTACH, NO_WATCH}},
	[PEER_WEIR_LATENCY] = {"weir_latency", "and the latency of one packet in 128",
		.weir = {ATTACH, "watch on latency 1/128 plane fast"}},
	[PEER_WEIR_CAPTURE] = {"weir_capture", "and one packet in 1000 captured",
		.weir = {ATTACH, NO_WATCH}, .traced = true},
	[PEER_IP_FORWARD] = {"ip_forward", "the kernel's own path"},
	[PEER_TC_FIB] = {"tc_fib", "the bare tcx FIB redirect", .prog = "tc_fib"},
	[PEER_WEIR_TC] = {"weir_tc", "weir attached by TC alone",
		.weir = {"dev attach r0 r1 xdp off", NO_WATCH}},
	[PEER_WEIR_10] = {"weir_10", "weir with 10 rules",
		.weir = {ATTACH, NO_WATCH, "filter load \"$RULES/10.weir\""}, .undo = {NO_RULES},
		.rules = true},
	[PEER_WEIR_10K] = {"weir_10k", "with 10,000 of the same kinds",
		.weir = {ATTACH, NO_WATCH, RULES_10K}, .undo = {NO_RULES}, .rules = true},
	[PEER_NFT_SETS] = {"nft_sets", "these as nft's sets of ranges (pipapo)",
		.up = "nft -f \"$RULES/10000.nft_sets\"", .down = NO_NFT, .rules = true,
		.slower = 16},
	[PEER_NFT_LINEAR] = {"nft_linear", "these as rules of nft",
		.up = "nft -f \"$RULES/10000.nft\"", .down = NO_NFT, .rules = true, .slower = 128},
	/* The older one: iptables-nft takes five times as long. */
	[PEER_IPTABLES] = {"iptables", "these as rules of iptables-legacy",
		.try = "unshare --net iptables-legacy -nL",
		.up = "iptables-legacy-restore \"$RULES/10000.iptables\"",
		.down = "iptables-legacy -F && iptables-legacy -P FORWARD ACCEPT", .rules = true,
		.slower = 128},
	[PEER_WEIR_NAT] = {"weir_nat", "weir, masquerade", .weir = {ATTACH, NO_WATCH, MASQ},
		.undo = {NO_NAT}, .source = R1},
	[PEER_NFT_NAT] = {"nft_nat", "nft masquerade", .up = NFT_MASQ, .down = NO_NFT_NAT,
		.source = R1, .slower = 4},
	/* It costs the same by iptables-legacy, whose hooks would stay. */
	[PEER_IPTABLES_NAT] = {"iptables_nat", "iptables-nft MASQUERADE",
		.up = "iptables-nft -t nat -A POSTROUTING -o r1 -j MASQUERADE", .down = NO_NFT_NAT,
		.source = R1, .slower = 4},
	[PEER_WEIR_ALL] = {"weir_all", "weir, 10,000 rules and masquerade",
		.weir = {ATTACH, NO_WATCH, RULES_10K, MASQ}, .undo = {NO_RULES, NO_NAT},
		.source = R1, .rules = true},
	[PEER_WEIR_POOL] = {"weir_pool", "weir, snat to one address, few ports taken",
		.weir = {ATTACH, NO_WATCH, POOL}, .undo = {NO_NAT}, .source = POOL_ADDR,
		.warm = POOL_WARM},
	[PEER_WEIR_POOL_FULL] = {"weir_pool_full", "the same, 99 % of the ports taken",
		.weir = {ATTACH, NO_WATCH, POOL}, .undo = {NO_NAT}, .source = POOL_ADDR,
		.warm = POOL_99_PERCENT},
	[PEER_UNTRACED] = {"untraced", "the kernel's own path, which nobody watches"},
	[PEER_K_COUNTERS] = {"k_counters", "weir watches drops and counters of the kernel's path",
		.weir = {"watch on drops counters plane kernel"}, .undo = {UNWATCH},
		.witness = WITNESS_COUNTER},
	[PEER_K_FULL] = {"k_full", "and each packet at each stage",
		.weir = {"watch on full plane kernel"}, .undo = {UNWATCH},
		.witness = WITNESS_EVENT},
	[PEER_K_LATENCY] = {"k_latency_1/" LATENCY_N, "the same, one part in " LATENCY_N " of time",
		.weir = {"watch on latency 1/" LATENCY_N " plane kernel"}, .undo = {UNWATCH},
		.witness = WITNESS_PART},
	[PEER_K_DUTY] = {"k_duty_" DUTY, "the same, " DUTY " % of time",
		.weir = {"watch on full duty " DUTY "% plane kernel"}, .undo = {UNWATCH},
		.witness = WITNESS_PART},
	[PEER_LRU] = {"lru_skb", "six tracepoints, and an LRU map by skb", .witness = WITNESS_LRU},
	[PEER_BPFTRACE] = {"bpftrace", "bpftrace counts at these six", .try = try_bpftrace,
		.beside = bpftrace, .witness = WITNESS_BESIDE},
	[PEER_PERF] = {"perf", "perf counts at these six", .try = try_perf, .beside = perf,
		.witness = WITNESS_BESIDE},
};

static bool is_weir(enum peer peer)
{
	return peer_info[peer].weir[0];
}

/* Runs a command of weir, as a shell reads it, in the router's namespace. Its exit code, or -errno.
 */
static int weir_line(const struct rig *rig, const char *command, char *out, size_t size)
{
	char path[300], netns[64], line[300];
	char *argv[] = {"sh", "-c", line, path, netns, NULL};

	snprintf(path, sizeof(path), "%s/weir", rig->build);
	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	snprintf(line, sizeof(line), "exec \"$0\" -n \"$1\" %s", command);
	return rig_exit_code(-1, argv, out, size);
}

static int weir_lines(const struct rig *rig, const char *const commands[PEER_COMMANDS])
{
	char out[2048];

	for (int i = 0; i < PEER_COMMANDS && commands[i]; i++) {
		int err = weir_line(rig, commands[i], out, sizeof(out));

		if (err) {
			fprintf(stderr, "bench: weir %s: %s\n", commands[i], out);
			return err > 0 ? -ECHILD : err;
		}
	}
	return 0;
}

int rig_weir(const struct rig *rig, char *const words[])
{
	char path[300], netns[64], out[2048];
	char *argv[12] = {path, "-n", netns};
	size_t n = 3;
	int err;

	snprintf(path, sizeof(path), "%s/weir", rig->build);
	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	for (size_t i = 0; words[i] && n + 1 < sizeof(argv) / sizeof(argv[0]); i++)
		argv[n++] = words[i];
	err = rig_spawn(-1, argv, out, sizeof(out));
	if (err)
		fprintf(stderr, "bench: weir %s %s: %s\n", words[0], words[1], out);
	return err;
}

/* Runs a shell's command, in the router's namespace or in this one (-1). */
static int shell(int netns, const char *command, char *out, size_t size)
{
	char *argv[] = {"sh", "-c", (char *)command, NULL};

	return rig_spawn(netns, argv, out, size);
}

static int router_shell(const struct rig *rig, const char *command)
{
	char out[2048];
	int err = shell(rig->router, command, out, sizeof(out));

	if (err)
		fprintf(stderr, "bench: %s: %s\n", command, out);
	return err;
}

/* Why the build of weir cannot be @peer. What it does not know is a usage error. */
static void try_weir(struct rig *rig, enum peer peer, char *why, size_t size)
{
	enum { USAGE_ERROR = 1 };
	const struct peer_info *info = &peer_info[peer];
	char out[2048];

	for (int i = 0; i < PEER_COMMANDS && info->weir[i]; i++) {
		if (strncmp(info->weir[i], "nat ", 4) && strncmp(info->weir[i], "watch on ", 9))
			continue;
		if (weir_line(rig, info->weir[i], out, sizeof(out)) == USAGE_ERROR)
			snprintf(why, size, "'weir %.70s': %.*s", info->weir[i],
				(int)strcspn(out, "\n"), out);
		else
			weir_lines(rig, info->undo);
		return;
	}
}

bool rig_find_lacking(struct rig *rig, const bool *wanted)
{
	bool built, all = true;
	char path[300], out[2048];

	snprintf(path, sizeof(path), "%s/weir", rig->build);
	built = !access(path, X_OK);
	for (int p = 0; p < PEER_COUNT; p++) {
		char *why = rig->lacks[p];

		if (!wanted[p])
			continue;
		/* In no namespace of the lab: what is tried may leave its hooks. */
		if (peer_info[p].try && shell(-1, peer_info[p].try, out, sizeof(out)))
			snprintf(why, sizeof(rig->lacks[p]), "%.*s", (int)strcspn(out, "\n"), out);
		if (!is_weir((enum peer)p))
			continue;
		all = all && built;
		if (built)
			try_weir(rig, (enum peer)p, why, sizeof(rig->lacks[p]));
		else
			snprintf(why, sizeof(rig->lacks[p]), "weir is not built");
	}
	return all;
}

/* Leaves `weir trace` running, once it has said that it captures. */
static int trace_on(struct rig *rig)
{
	char path[300], netns[64], line[256] = "";
	char *argv[] = {path, "-n", netns, "trace", "sample", "1/1000", "write", "/dev/null", NULL};
	int out[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/weir", rig->build);
	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	if (pipe2(out, O_CLOEXEC))
		return rig_fail("pipe", errno);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
		dup2(out[1], STDERR_FILENO);
		execv(path, argv);
		_exit(127);
	}
	close(out[1]);
	if (pid > 0 && read(out[0], line, sizeof(line) - 1) <= 0)
		snprintf(line, sizeof(line), "it ended");
	close(out[0]);
	rig->tracer = pid > 0 ? pid : 0;
	if (strstr(line, "capturing"))
		return 0;
	fprintf(stderr, "bench: weir trace: %s\n", line);
	return -EIO;
}

static void trace_off(struct rig *rig)
{
	if (!rig->tracer)
		return;
	kill(rig->tracer, SIGTERM);
	waitpid(rig->tracer, NULL, 0);
	rig->tracer = 0;
}

static int attach_prog(struct rig *rig, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(rig->peers->obj, name);
	int err = prog ? rig_attach(rig, rig->router, prog, "r0", &rig->r0) : -ENOENT;

	return err ? err : rig_attach(rig, rig->router, prog, "r1", &rig->r1);
}

int rig_peer_on(struct rig *rig, enum peer peer)
{
	const struct peer_info *info = &peer_info[peer];
	int err = 0;

	rig->peer = peer;
	rig->peer_on = true;
	rig->peers->bss->sink.source = info->source ? inet_addr(info->source) : 0;
	if (info->prog)
		err = attach_prog(rig, info->prog);
	if (!err && info->up)
		err = router_shell(rig, info->up);
	/* what it leaves running is no part of the sender's */
	if (!err && info->witness)
		err = rig_step_aside();
	if (!err)
		err = weir_lines(rig, info->weir);
	if (!err && info->witness)
		err = rig_tracer_on(rig);
	if (info->witness && rig_pin(SEND_CPU) && !err)
		err = -EPERM;
	if (!err && info->traced)
		err = trace_on(rig);
	return err;
}

int rig_peer_off(struct rig *rig)
{
	static const char *const detach[PEER_COMMANDS] = {"dev detach all"};
	const struct peer_info *info = &peer_info[rig->peer];
	int err = 0, undone;

	if (!rig->peer_on)
		return 0;
	rig->peer_on = false;
	rig_tracer_off(rig);
	trace_off(rig);
	bpf_link__destroy(rig->r0);
	bpf_link__destroy(rig->r1);
	rig->r0 = rig->r1 = NULL;
	if (info->down)
		err = router_shell(rig, info->down);
	if (is_weir(rig->peer)) {
		err = weir_lines(rig, detach);
		undone = weir_lines(rig, info->undo);
		err = err ? err : undone;
	}
	return err;
}
