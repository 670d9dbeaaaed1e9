// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The generator's kernel half.
 *
 * The kernel runs `gen` on its own frames (BPF_F_TEST_XDP_LIVE_FRAMES) and sends what it redirects.
 * Their buffers come back used by whoever received them, so every byte is written anew each time.
 * A verdict is not a frame on the wire: what the driver took is told by the tracepoint behind it.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
#include "gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Of the kernel's structs, the fields used here. */
struct net {
	__u64 net_cookie;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct bpf_prog_aux {
	__u32 id;
} __attribute__((preserve_access_index));

struct bpf_prog {
	struct bpf_prog_aux *aux;
} __attribute__((preserve_access_index));

const volatile struct gen_conf conf;
const volatile __u64 frame[GEN_FRAME_MAX / 8]; /* headers, sequence number and sums still 0 */

/* One writer each: the generator runs on one CPU. */
__u32 self_id; /* of program `gen`, known after loading */
__u64 offered;
__u64 due; /* when the next frame is due, 1/1024 ns since start_ns */
__u64 start_ns;
__u64 flow_index;
__u32 step[GEN_DIMS]; /* position in sport, src, dport, dst: a counter with four wheels */
__u64 chance;

__u64 sent;
__u64 dropped;
__u64 refused;
__u64 last_ns;

/* A bucket of one batch: a generator that was held up does not make up for it with a long burst. */
static __always_inline int over_rate(void)
{
	__u64 now, depth = conf.interval * GEN_BURST;

	if (!start_ns)
		start_ns = bpf_ktime_get_ns();
	if (!conf.interval)
		return 0;
	now = (bpf_ktime_get_ns() - start_ns) << GEN_RATE_SHIFT;
	if (now < due)
		return 1;
	if (now - due > depth)
		due = now - depth;
	due += conf.interval;
	return 0;
}

/* xorshift64. Its upper half times the count, so that no division is needed. */
static __always_inline __u32 below(__u32 count)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance >> 32) * count >> 32;
}

/* The same flows again after the last: from the seed. */
static __always_inline void random_flow(void)
{
	if (!flow_index)
		chance = GEN_SEED;
	if (++flow_index >= conf.flows)
		flow_index = 0;
	for (int i = 0; i < GEN_DIMS; i++)
		step[i] = below(conf.dim[i].count);
}

static __always_inline void next_flow(void)
{
	if (++flow_index >= conf.flows) {
		flow_index = 0;
		step[0] = step[1] = step[2] = step[3] = 0;
		return;
	}
	for (int i = 0; i < GEN_DIMS; i++) {
		if (++step[i] < conf.dim[i].count)
			return;
		step[i] = 0;
	}
}

static __always_inline __u64 halves(__u32 v)
{
	return (v & 0xffff) + (v >> 16);
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

SEC("xdp")
int gen(struct xdp_md *ctx)
{
	__u64 *words = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)words;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	__be64 *seq = (void *)(udp + 1);
	__u64 addresses;
	__u16 sum;

	if (offered >= conf.count || over_rate())
		return XDP_DROP; /* recycled, never seen by anyone */
	if ((void *)words + GEN_FRAME_MIN > end)
		return XDP_ABORTED;
	for (int i = 0; i < GEN_FRAME_MIN / 8; i++)
		words[i] = frame[i];
	*(__u32 *)&words[GEN_FRAME_MIN / 8] = frame[GEN_FRAME_MIN / 8];
	if (conf.bytes > GEN_FRAME_MIN &&
		bpf_xdp_store_bytes(ctx, GEN_FRAME_MIN, (__u8 *)frame + GEN_FRAME_MIN,
			conf.bytes - GEN_FRAME_MIN))
		return XDP_ABORTED;

	/* The helper call ends the verifier's trust in the pointers. */
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	ip = (void *)(eth + 1);
	udp = (void *)(ip + 1);
	seq = (void *)(udp + 1);
	if ((void *)(seq + 1) > end)
		return XDP_ABORTED;
	if (conf.random)
		random_flow();
	udp->source = bpf_htons(conf.dim[GEN_SPORT].first + step[GEN_SPORT]);
	udp->dest = bpf_htons(conf.dim[GEN_DPORT].first + step[GEN_DPORT]);
	ip->saddr = bpf_htonl(conf.dim[GEN_SRC].first + step[GEN_SRC]);
	ip->daddr = bpf_htonl(conf.dim[GEN_DST].first + step[GEN_DST]);
	*seq = bpf_cpu_to_be64(offered);
	addresses = halves(ip->saddr) + halves(ip->daddr);
	ip->check = fold(conf.ip_sum + addresses);
	sum = fold(conf.udp_sum + addresses + udp->source + udp->dest + halves(*seq >> 32) +
		   halves(*seq));
	udp->check = sum ? sum : 0xffff; /* RFC 768: 0 would mean that there is none */
	offered++;
	if (!conf.random)
		next_flow();
	return bpf_redirect(conf.ifindex, 0);
}

/*
 * Ends the system call that offers frames. The kernel finishes the batch first, so the frames in it
 * still meet their fate. Without a rate the call is for as many frames as there are, and ends
 * itself.
 */
static __always_inline void done(void)
{
	if (offered >= conf.count && conf.interval)
		bpf_send_signal(GEN_SIGNAL_DONE);
}

/* Sends on this device by other processes fire the same tracepoint. */
static __always_inline int ours(const struct net_device *to)
{
	struct bpf_pidns_info pid;

	return to->ifindex == conf.ifindex && to->nd_net.net->net_cookie == conf.netns_cookie &&
	       !bpf_get_ns_current_pid_tgid(conf.pidns_dev, conf.pidns_ino, &pid, sizeof(pid)) &&
	       pid.tgid == conf.tgid;
}

SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(devmap_xmit, const struct net_device *from, const struct net_device *to, int taken,
	int drops, int err)
{
	if (!ours(to))
		return 0;
	sent += taken;
	dropped += drops;
	last_ns = bpf_ktime_get_ns();
	done();
	return 0;
}

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(redirect_err, const struct net_device *dev, const struct bpf_prog *xdp)
{
	if (xdp->aux->id != self_id)
		return 0;
	refused++;
	done();
	return 0;
}
