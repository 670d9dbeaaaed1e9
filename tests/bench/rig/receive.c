// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The flood's reader: a socket at the router, read by a thread that goes before the sender on the
 * sender's core. So each batch is read before the next is sent, nothing need be lost, and all that
 * a packet costs is on that core. It counts where the sink counts frames.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "peers.skel.h"
#include "rig.h"

enum {
	BATCH = 64,
	PORT = 9,
	SMALL = 64,	    /* bytes of a datagram at most */
	ROOM = 256 << 20,   /* bytes of the receive buffer */
	LOOK_UP_US = 20000, /* how often it looks whether it is over */
};

static void count(struct peers_bpf__bss *b, __u64 got)
{
	volatile __u64 *packets = &b->sink.packets;
	__u64 before = *packets, after = before + got;

	if (before < b->sink.warm && after >= b->sink.warm)
		b->sink.start_ns = rig_now_ns();
	if (before < b->sink.expect && after >= b->sink.expect)
		b->sink.end_ns = rig_now_ns();
	*packets = after;
}

static void *read_all(void *arg)
{
	const struct sched_param first = {.sched_priority = 2};
	static char payload[BATCH][SMALL];
	struct rig_reader *reader = arg;
	volatile __u64 *expect = &reader->bss->sink.expect;
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];

	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){payload[i], SMALL};
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	if (rig_pin(SEND_CPU) || sched_setscheduler(0, SCHED_FIFO, &first))
		return NULL;
	while (*expect) {
		int n = recvmmsg(reader->fd, msgs, BATCH, MSG_WAITFORONE, NULL);

		if (n > 0)
			count(reader->bss, (__u64)n);
		if (n > 0 && reader->delay_us)
			usleep(reader->delay_us);
	}
	return NULL;
}

static int listen_at(const struct rig *rig)
{
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	const struct timeval wait = {.tv_usec = LOOK_UP_US};
	const int room = ROOM;
	int fd, err;

	if (setns(rig->router, CLONE_NEWNET))
		return rig_fail("setns", errno);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) ||
			      setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
			      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait))
		      ? rig_fail("the reader's socket", errno)
		      : 0;
	if (setns(rig->home, CLONE_NEWNET) && !err)
		err = rig_fail("setns", errno);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int rig_read_start(struct rig *rig, struct rig_reader *reader)
{
	int err;

	reader->bss = rig->peers->bss;
	reader->fd = listen_at(rig);
	if (reader->fd < 0)
		return reader->fd;
	err = pthread_create(&reader->thread, NULL, read_all, reader);
	if (err) {
		close(reader->fd);
		return rig_fail("pthread_create", err);
	}
	return 0;
}

void rig_read_end(struct rig_reader *reader)
{
	pthread_join(reader->thread, NULL);
	close(reader->fd);
}
