// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command line, a word a line: options, commands, their arguments, their answers. */
#include "cmd/cmd.h"
#include "fake_ctl.h"
#include "fuzz.h"

/* What a failed command says can be shown, and says something. */
static void check_error(const struct weir_run *run, const struct weir_err *err)
{
	MUST(err->status >= WEIR_USAGE && err->status <= WEIR_CHECK_FAILED);
	MUST(err->what[0] && memchr(err->what, 0, sizeof(err->what)));
	MUST(memchr(err->remedy, 0, sizeof(err->remedy)));
	MUST(err->status != WEIR_USAGE || !fake_asked); /* what is misused has done nothing */
	weir_print_error(run, err, "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *void_;
	FILE *screen = stderr;
	struct weir_run run = {0};
	struct weir_err err = {0};
	char *text = text_of(data, size), *words[64];
	int nr = words_of(text, words, 64), used, ret;

	if (!void_)
		void_ = fopen("/dev/null", "w");
	MUST(void_);
	fake_reset();
	used = ret = weir_options_parse(&run.options, nr, words, &err);
	MUST(used <= nr);
	weir_face_init(&run.face, void_, run.options.color);
	run.face.json = run.options.json;
	run.face.pretty = run.options.pretty;
	stderr = void_;
	if (ret >= 0)
		ret = weir_dispatch(&run, nr - used, words + used, &err);
	if (ret < 0)
		check_error(&run, &err);
	stderr = screen;
	MUST(ret <= 0);
	weir_ns_free(run.ns);
	free(text);
	return 0;
}
