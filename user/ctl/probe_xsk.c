// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether an AF_XDP socket can be made and bound, with the least memory that the kernel takes. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <linux/if_xdp.h>

#include "probe.h"

enum { CHUNK = 4096, NR_CHUNKS = 4, RING = 4 };

static int bind_to(int fd, void *memory, __u32 ifindex)
{
	static const int rings[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING};
	struct xdp_umem_reg umem = {
		.addr = (__u64)(unsigned long)memory,
		.len = CHUNK * NR_CHUNKS,
		.chunk_size = CHUNK,
	};
	struct sockaddr_xdp addr = {
		.sxdp_family = AF_XDP,
		.sxdp_ifindex = ifindex,
		.sxdp_flags = XDP_COPY,
	};
	int size = RING;

	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)))
		return -errno;
	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (setsockopt(fd, SOL_XDP, rings[i], &size, sizeof(size)))
			return -errno;
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

int weir_probe_af_xdp(__u32 ifindex)
{
	__cleanup_close int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	void *memory;
	int rc;

	if (fd < 0)
		return -errno;
	memory = mmap(NULL, CHUNK * NR_CHUNKS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	rc = bind_to(fd, memory, ifindex);
	munmap(memory, CHUNK * NR_CHUNKS);
	return rc;
}
