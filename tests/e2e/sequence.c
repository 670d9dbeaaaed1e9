// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Receives what weir-gen sends, and tells at its end which of the frames arrived:
 *
 *	sequence PORT
 *
 * {"received": N, "missing": N, "again": N, "late": N, "refused": N}: of the numbers up to the
 * highest those that never came; datagrams whose number had come already; those with a lower number
 * than one before; and those that this socket had no room for.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <endian.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256, ROOM = 256 << 20, NUMBERS = 1 << 28 };

struct seen {
	uint64_t received, again, late, refused, highest, different;
	unsigned char *bits; /* by number */
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void note(struct seen *s, uint64_t number)
{
	unsigned char bit = (unsigned char)(1 << number % 8);

	if (number >= NUMBERS)
		return;
	s->late += s->received && number < s->highest;
	s->received++;
	if (number > s->highest)
		s->highest = number;
	if (s->bits[number / 8] & bit)
		s->again++;
	else
		s->different++;
	s->bits[number / 8] |= bit;
}

/* How many have found no room, as the kernel counts them (SO_RXQ_OVFL). */
static void note_refused(struct seen *s, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		uint32_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&count, CMSG_DATA(c), sizeof(count));
		s->refused = count;
	}
}

static int receive(int fd, struct seen *s)
{
	static uint64_t payload[BATCH];
	static char control[BATCH][CMSG_SPACE(sizeof(uint32_t))];
	struct mmsghdr m[BATCH] = {0};
	struct iovec iov[BATCH];
	int nr;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){&payload[i], sizeof(payload[i])};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = sizeof(control[i])};
	}
	nr = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
	if (nr < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	for (int i = 0; i < nr; i++) {
		if (m[i].msg_len == sizeof(payload[i]))
			note(s, be64toh(payload[i]));
		note_refused(s, &m[i].msg_hdr);
	}
	return 0;
}

static int listen_at(const char *port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	struct timeval often = {.tv_usec = 100000};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1, room = ROOM;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one)) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &often, sizeof(often)) ||
		bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	struct seen s = {.bits = calloc(1, NUMBERS / 8)};
	int fd = argc == 2 ? listen_at(argv[1]) : -1, rc = 0;

	if (fd < 0 || !s.bits) {
		fprintf(stderr, "usage: sequence PORT (%s)\n", strerror(errno));
		return 1;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	while (!stop && !rc)
		rc = receive(fd, &s);
	printf("{\"received\": %" PRIu64 ", \"missing\": %" PRIu64 ", \"again\": %" PRIu64
	       ", \"late\": %" PRIu64 ", \"refused\": %" PRIu64 "}\n",
		s.received, s.received ? s.highest + 1 - s.different : 0, s.again, s.late,
		s.refused);
	free(s.bits);
	close(fd);
	return rc != 0;
}
