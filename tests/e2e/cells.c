// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a pinned array holds, however large; bpftool takes ten seconds for a million elements:
 *
 *	cells PIN
 *
 * A line for each element that is not 0: its number, and its bytes in hex. At the end how many
 * elements there are.
 */
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

enum { BATCH = 4096 };

static void put(__u32 number, const unsigned char *bytes, __u32 len)
{
	if (!*bytes && !memcmp(bytes, bytes + 1, len - 1))
		return;
	printf("%u ", number);
	for (__u32 i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	putchar('\n');
}

/* 0, or -errno. */
static int put_all(int map, __u32 len, __u32 *nr)
{
	unsigned char *values = calloc(BATCH, len);
	__u32 numbers[BATCH], at, got;
	int rc = values ? 0 : -ENOMEM;

	while (!rc) {
		got = BATCH;
		rc = bpf_map_lookup_batch(map, *nr ? &at : NULL, &at, numbers, values, &got, NULL);
		if (rc && rc != -ENOENT)
			break;
		for (__u32 i = 0; i < got; i++)
			put(numbers[i], values + i * len, len);
		*nr += got;
	}
	free(values);
	return rc == -ENOENT ? 0 : rc;
}

int main(int argc, char **argv)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info), nr = 0;
	int map = argc == 2 ? bpf_obj_get(argv[1]) : -EINVAL, rc = map;

	if (map >= 0)
		rc = bpf_map_get_info_by_fd(map, &info, &size);
	if (!rc && info.type != BPF_MAP_TYPE_ARRAY)
		rc = -EINVAL;
	if (!rc)
		rc = put_all(map, info.value_size, &nr);
	if (!rc && nr != info.max_entries)
		rc = -EIO;
	if (rc < 0) {
		fprintf(stderr, "cells: %s: %s\n", argc == 2 ? argv[1] : "PIN?", strerror(-rc));
		return 1;
	}
	printf("of %u\n", nr);
	return 0;
}
