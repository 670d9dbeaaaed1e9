// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which of the kernel plane's ways this kernel has. */
#include <errno.h>
#include <string.h>
#include <bpf/btf.h>

#include "kernel.h"
#include "kernel_counters.h"
#include "model/finding.h"
#include "probe.h"

/* A tracepoint that programs can hang by has a type of this name, and needs no tracefs. */
static const char prefix[] = "btf_trace_";

static void look_at(const struct btf *btf, struct weir_kfeatures *out)
{
	__u32 nr = btf__type_cnt(btf);

	for (__u32 i = 1; i < nr; i++) {
		const struct btf_type *type = btf__type_by_id(btf, i);
		const char *name;

		if (!btf_is_typedef(type))
			continue;
		name = btf__name_by_offset(btf, type->name_off);
		if (!name || strncmp(name, prefix, sizeof(prefix) - 1))
			continue;
		for (unsigned int t = 0; t < WEIR_KTRACE_COUNT; t++)
			if (!strcmp(name + sizeof(prefix) - 1, weir_ktrace_info[t].name))
				out->trace[t] = true;
	}
}

static void look_for(const struct weir_findings *found, struct weir_kfeatures *out)
{
	static const struct {
		enum weir_look check;
		enum weir_khook hook;
	} known[] = {
		{WEIR_CHECK_netfilter_link, WEIR_KHOOK_netfilter},
		{WEIR_CHECK_tcx, WEIR_KHOOK_tcx},
		{WEIR_CHECK_clsact, WEIR_KHOOK_clsact},
		{WEIR_CHECK_xdp_native, WEIR_KHOOK_xdp},
		{WEIR_CHECK_fentry, WEIR_KHOOK_fentry},
	};

	for (unsigned int i = 0; i < found->nr; i++)
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (found->list[i].check == known[k].check &&
				found->list[i].state == WEIR_FOUND_ok)
				out->hook[known[k].hook] = true;
}

int weir_kfeatures_read(const struct weir_kreading *r, const struct weir_findings *found,
	struct weir_kfeatures *out, struct weir_err *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct weir_kfeatures f = {};

	if (!btf) {
		weir_fail_sys(err, -errno, "reading the kernel's types (BTF)");
		weir_remedy(err, "a kernel with CONFIG_DEBUG_INFO_BTF");
		return -ENOENT;
	}
	look_at(btf, &f);
	btf__free(btf);
	if (found)
		look_for(found, &f);
	for (unsigned int i = 0; r && i < r->nr; i++)
		f.counter[r->value[i].counter] = true;
	/* of a socket, it comes with the socket */
	f.counter[WEIR_KCOUNTER_packet_drops] = r && r->sources & 1U << WEIR_KSOURCE_packet;
	*out = f;
	return 0;
}

int weir_kernel_features(struct weir_ns *ns, struct weir_kfeatures *have, struct weir_err *err)
{
	struct weir_findings found = {0};
	struct weir_kreading now;
	int rc = weir_kcounters_read(&now, err);

	if (rc)
		return rc;
	weir_probe_kernel(ns, &found);
	rc = weir_kfeatures_read(&now, &found, have, err);
	weir_findings_done(&found);
	weir_kreading_done(&now);
	return rc;
}
