// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <sys/utsname.h>

#include "cmd/cmd.h"
#include "out/doc.h"

int weir_doctor_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_findings found = {0};
	struct utsname name;
	int ret;

	ret = weir_enter(run, err);
	if (!ret)
		ret = weir_doctor(run->ns, weir_arg_plain(args), &found, err);
	if (ret)
		return ret;
	if (uname(&name))
		name.release[0] = '\0';
	ret = weir_show(&run->face, weir_doc_doctor(&found, name.release), weir_text_doctor, err);
	weir_findings_done(&found);
	return ret;
}
