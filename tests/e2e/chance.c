// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rules and packets by chance, for filter_nft.bats: prints the rules, sends the packets, and tells
 * which arrive, and which are to.
 *
 *	chance weir|nft SEED RULES DEV0 DEV1          the same rules, as a file for either
 *	chance expect SEED PACKETS FILE DEV0 DEV1     by the reference: what FILE says of the packets
 *	chance carry SEED PACKETS FILE DEV0 DEV1 NETNS0 PORT0 MAC0 NETNS1 PORT1 MAC1
 *
 * The router's DEV0 and DEV1 have the addresses MAC0 and MAC1; packets are sent, and arrive, by the
 * ports at the other ends. A line `packet N` is for each that arrives, in order, N being its
 * identification; `expect` tells as well how many packets matched which rule: `rule PLACE PACKETS`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "../unit/rule_chance.h"
#include "../unit/rule_ref.h"
#include "model/ruleset.h"

enum {
	PACKETS_MAX = 65536, /* identifications there are */
	ROOM = 1 << 28,	     /* bytes of a socket's queue: all packets, whoever reads when */
	BATCH = 64,
	WAIT_MS = 20000, /* only reached where packets are missing */
	QUIET_MS = 300,
};

static struct rule_chance chance_state;
static struct weir_ruleset_model model;
static __u8 arrived[PACKETS_MAX];

static int die(const char *what)
{
	fprintf(stderr, "chance: %s: %s\n", what, errno ? strerror(errno) : "is wrong");
	exit(2);
}

static __u32 number(const char *text, __u32 max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !n || n > max)
		die(text);
	return (__u32)n;
}

static void begin(const char *seed, char **devs)
{
	chance_state = (struct rule_chance){.random = number(seed, 1U << 31),
		.dev = {devs[0], devs[1]},
		.ifindex = {1, 2},
		.sets = true};
}

static int print_rules(char **words, bool nft)
{
	__u32 nr = number(words[1], WEIR_RULES_MAX);
	struct chance_rule sets[3], rule;

	begin(words[0], &words[2]);
	chance_sets(&chance_state, sets);
	if (nft)
		printf("table ip weir {\n");
	for (int i = 0; i < 3; i++)
		puts(nft ? sets[i].nft : sets[i].weir);
	if (nft)
		printf("chain forward {\ntype filter hook forward priority 0; policy accept;\n");
	while (nr--) {
		chance_rule(&chance_state, &rule);
		puts(nft ? rule.nft : rule.weir);
	}
	if (nft)
		printf("}\n}\n");
	return 0;
}

/* --- the reference --- */

static void load(const char *file)
{
	struct weir_err err = {0};
	char *text = malloc(1 << 24);
	FILE *in = fopen(file, "re");
	size_t len;

	if (!in || !text)
		die(file);
	len = fread(text, 1, 1 << 24, in);
	if (weir_ruleset_load(&model, file, text, len, &err))
		die(err.what);
	fclose(in);
	free(text);
}

static __u32 ifindex_of(void *ctx, const char *name)
{
	(void)ctx;
	return chance_state.ifindex[strcmp(name, chance_state.dev[0]) != 0];
}

static bool set_has(void *ctx, const char *name, __u32 value)
{
	const struct weir_set *set = weir_ruleset_set(&model, name);

	(void)ctx;
	for (__u32 i = 0; set && i < set->nr; i++)
		if (value >= set->elems[i].lo && value <= set->elems[i].hi)
			return true;
	return false;
}

static bool passes(const struct chance_packet *p, struct weir_rule_count *counts)
{
	const struct rule_ref ref = {.ifindex_of = ifindex_of, .set_has = set_has};
	long rule = rule_ref_decide(model.rules, model.nr, &p->is, &ref, counts);

	return rule < 0 || model.rules[rule].verdict != WEIR_drop;
}

static int expect(char **words)
{
	struct weir_rule_count *counts;
	__u32 nr = number(words[1], PACKETS_MAX);
	struct chance_packet p;

	begin(words[0], &words[3]);
	load(words[2]);
	counts = calloc(model.nr, sizeof(*counts));
	if (!counts)
		die("memory");
	for (__u32 i = 0; i < nr; i++) {
		chance_packet(&chance_state, i, &p);
		if (passes(&p, counts))
			printf("packet %u\n", i);
	}
	for (__u32 i = 0; i < model.nr; i++)
		printf("rule %u %llu\n", i, (unsigned long long)counts[i].packets);
	free(counts);
	return 0;
}

/* --- the wire --- */

/* One end of the wire. */
struct port {
	int fd;
	__u8 to[6];
};

static void open_port(struct port *p, char **words)
{
	int ns = open(words[0], O_RDONLY | O_CLOEXEC), one = 1, room = ROOM;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(words[0]);
	close(ns);
	at.sll_ifindex = (int)if_nametoindex(words[1]);
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!at.sll_ifindex || p->fd < 0 ||
		setsockopt(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
		setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		bind(p->fd, (struct sockaddr *)&at, sizeof(at)))
		die(words[1]);
	if (sscanf(words[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &p->to[0], &p->to[1], &p->to[2],
		    &p->to[3], &p->to[4], &p->to[5]) != 6)
		die(words[2]);
}

/* Takes what has arrived; how many packets of ours. */
static __u32 drain(struct port port[2])
{
	__u8 frame[2048];
	__u32 nr = 0;
	ssize_t n;

	for (int i = 0; i < 2; i++)
		while ((n = recv(port[i].fd, frame, sizeof(frame), 0)) > 0) {
			const __u8 *ip = frame + 14;

			if (n < CHANCE_FRAME - 14 || ip[12] != 198 || (ip[13] & 0xfe) != 18)
				continue;
			arrived[ip[4] << 8 | ip[5]]++;
			nr++;
		}
	return nr;
}

/* Waits for packets up to @ms, and takes them. */
static __u32 wait_for(struct port port[2], int ms)
{
	struct pollfd fds[2] = {
		{.fd = port[0].fd, .events = POLLIN}, {.fd = port[1].fd, .events = POLLIN}};

	return poll(fds, 2, ms) > 0 ? drain(port) : 0;
}

static void send_packet(const struct port *port, __u32 nr, bool *pass)
{
	struct chance_packet p;
	const struct port *from;

	chance_packet(&chance_state, nr, &p);
	from = &port[p.back];
	memcpy(p.frame, from->to, 6);
	p.frame[6] = 2;
	if (send(from->fd, p.frame, sizeof(p.frame), 0) != sizeof(p.frame))
		die("send");
	*pass = passes(&p, NULL);
}

/*
 * No queue overflows: no more are sent before those have come that are to. That they are missing
 * is seen by the one that compares.
 */
static int carry(char **words)
{
	__u32 nr = number(words[1], PACKETS_MAX), come = 0, due = 0;
	struct port port[2];
	bool pass, missing = false;

	begin(words[0], &words[3]);
	load(words[2]);
	open_port(&port[0], &words[5]);
	open_port(&port[1], &words[8]);
	for (__u32 i = 0; i < nr; i++) {
		send_packet(port, i, &pass);
		due += pass;
		come += drain(port);
		while (!missing && (i % BATCH == 0 || i + 1 == nr) && come < due) {
			__u32 more = wait_for(port, WAIT_MS);

			come += more;
			missing = !more;
		}
	}
	while (wait_for(port, QUIET_MS))
		;
	for (__u32 i = 0; i < PACKETS_MAX; i++)
		while (arrived[i]--)
			printf("packet %u\n", i);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && (!strcmp(argv[1], "weir") || !strcmp(argv[1], "nft")))
		return print_rules(&argv[2], *argv[1] == 'n');
	if (argc == 7 && !strcmp(argv[1], "expect"))
		return expect(&argv[2]);
	if (argc == 13 && !strcmp(argv[1], "carry"))
		return carry(&argv[2]);
	fputs("chance: see the head of its source\n", stderr);
	return 1;
}
