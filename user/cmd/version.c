// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <sys/utsname.h>

#include "base/version.h"
#include "cmd/cmd.h"

static void text_version(const struct weir_face *face, const json_t *doc)
{
	weir_ink(face, WEIR_PLAIN, "weir %s, ABI %lld, libbpf %s, Linux %s\n",
		weir_get_text(doc, "weir"), (long long)weir_get_int(doc, "abi"),
		weir_get_text(doc, "libbpf"), weir_get_text(doc, "kernel"));
}

int weir_version_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct utsname name;

	(void)args;
	if (uname(&name))
		name.release[0] = '\0';
	return weir_show(&run->face,
		json_pack("{s:s, s:i, s:s, s:o}", "weir", WEIR_VERSION, "abi", WEIR_ABI, "libbpf",
			weir_ctl_libbpf(), "kernel", weir_json_text(name.release)),
		text_version, err);
}
