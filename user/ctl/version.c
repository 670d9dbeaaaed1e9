// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/libbpf.h>

#include "ctl.h"

const char *weir_ctl_libbpf(void)
{
	const char *text = libbpf_version_string();

	return *text == 'v' ? text + 1 : text;
}
