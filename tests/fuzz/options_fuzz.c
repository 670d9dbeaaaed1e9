// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Global options, a word a line, and any command's arguments: the first line is its syntax. */
#include "cmd/cmd.h"
#include "fuzz.h"

static void check_options(int nr, char **words)
{
	struct weir_options options = {0};
	struct weir_err err = {0};
	int used = weir_options_parse(&options, nr, words, &err);

	MUST(used <= nr);
	MUST(used >= 0 || (err.status == WEIR_USAGE && err.what[0]));
	if (used >= 0 && used < nr && strcmp(words[used ? used - 1 : 0], "--"))
		MUST(words[used][0] != '-' || !words[used][1]);
	for (int i = 0; i < nr; i++)
		weir_is_option(words[i]);
}

/* What is taken is what was given: each plain word and value is one of the words. */
static void check_args(const char *syntax, int nr, char **words)
{
	struct weir_err err = {0};
	struct weir_args args;
	unsigned int found = 0;

	if (weir_args_parse(&args, "object command", syntax, nr, words, &err)) {
		MUST(err.status == WEIR_USAGE && err.what[0]);
		return;
	}
	MUST(args.nr_plain <= (unsigned int)nr && args.nr_keys <= WEIR_KEYS_MAX);
	for (unsigned int i = 0; i < args.nr_plain; i++)
		for (int w = 0; w < nr; w++)
			found += args.plain[i] == words[w];
	MUST(found == args.nr_plain);
	for (unsigned int i = 0; i < args.nr_keys; i++)
		MUST(weir_arg(&args, args.key[i].word));
	weir_args_done(&args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), *words[64];
	int nr = words_of(text, words, 64);

	check_options(nr, words);
	for (size_t i = 0; i < weir_nr_commands; i++)
		check_args(weir_commands[i].syntax, nr, words);
	if (nr)
		check_args(words[0], nr - 1, words + 1);
	free(text);
	return 0;
}
