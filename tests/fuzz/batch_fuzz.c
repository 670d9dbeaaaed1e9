// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A batch file, byte for byte. */
#include "cmd/cmd.h"
#include "fake_ctl.h"
#include "fuzz.h"

/* As a shell would read it, a line goes into words and back. */
static void check_split(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	char *line = text_of(data, end ? (size_t)(end - data) : size), **words, *quoted, *to;
	size_t len = strlen(line), room = 1;
	int nr, again;

	if (weir_split(line, &words, &nr)) {
		free(line);
		return;
	}
	MUST(nr >= 0 && (size_t)nr <= len);
	for (int i = 0; i < nr; i++)
		room += 2 * strlen(words[i]) + 3;
	to = quoted = malloc(room);
	MUST(quoted);
	for (int i = 0; i < nr; i++) {
		*to++ = '"';
		for (const char *p = words[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				*to++ = '\\';
			*to++ = *p;
		}
		*to++ = '"';
		*to++ = ' ';
	}
	*to = '\0';
	{
		char **same;

		MUST(!weir_split(quoted, &same, &again));
		MUST(again == nr);
		for (int i = 0; i < nr; i++)
			MUST(!strcmp(words[i], same[i]));
		free(same);
	}
	free(words);
	free(quoted);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *void_;
	FILE *screen = stderr, *input = stdin;
	struct weir_run run = {0};
	struct weir_err err = {0};
	int ret;

	if (!void_)
		void_ = fopen("/dev/null", "w");
	MUST(void_);
	check_split(data, size);
	fake_reset();
	weir_face_init(&run.face, void_, WEIR_COLOR_AUTO);
	stdin = size ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");
	MUST(stdin);
	stderr = void_;
	ret = weir_batch(&run, "-", &err);
	stderr = screen;
	fclose(stdin);
	stdin = input;
	MUST(ret <= 0);
	MUST(!ret || (err.status >= WEIR_USAGE && err.status <= WEIR_CHECK_FAILED));
	weir_ns_free(run.ns);
	return 0;
}
