// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <pcap.h>
#include <stdlib.h>

#include "expr_oracle.h"

struct expr_oracle {
	struct bpf_program program;
};

struct expr_oracle *expr_oracle_new(const char *text, bool raw)
{
	struct expr_oracle *o = calloc(1, sizeof(*o));
	pcap_t *pcap = pcap_open_dead(raw ? DLT_RAW : DLT_EN10MB, 262144);

	if (pcap_compile(pcap, &o->program, text, 1, PCAP_NETMASK_UNKNOWN)) {
		free(o);
		o = NULL;
	}
	pcap_close(pcap);
	return o;
}

void expr_oracle_free(struct expr_oracle *o)
{
	pcap_freecode(&o->program);
	free(o);
}

bool expr_oracle_matches(
	const struct expr_oracle *o, const __u8 *bytes, __u32 caplen, __u32 wirelen)
{
	struct pcap_pkthdr header = {.caplen = caplen, .len = wirelen};

	return pcap_offline_filter(&o->program, &header, bytes) != 0;
}
