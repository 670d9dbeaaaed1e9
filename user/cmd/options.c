// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Global options stand before the object. Not getopt_long: it takes any prefix of a name, so that a
 * new option could change what an old script means.
 */
#include <string.h>

#include "base/word.h"
#include "cmd/cmd.h"

enum { JSON, PRETTY, COLOR, NETNS, PIN, BATCH, HELP, VERSION, NR_OPTIONS };

const struct weir_option_info weir_option_info[] = {
	[JSON] = {'j', "json", NULL, "print JSON"},
	[PRETTY] = {'p', "pretty", NULL, "print indented JSON"},
	[COLOR] = {0, "color", "WHEN", "auto, always or never"},
	[NETNS] = {'n', "netns", "NAME", "act in that network namespace"},
	[PIN] = {0, "pin", "DIR", "keep programs and maps pinned in DIR"},
	[BATCH] = {'b', "batch", "FILE", "run the commands of FILE, - for standard input"},
	[HELP] = {'h', "help", NULL, "print this help"},
	[VERSION] = {'V', "version", NULL, "print the version"},
};

const size_t weir_nr_options = NR_OPTIONS;

static int set_color(struct weir_options *o, const char *value, struct weir_err *err)
{
	static const char *const words[] = {
		[WEIR_COLOR_AUTO] = "auto",
		[WEIR_COLOR_ALWAYS] = "always",
		[WEIR_COLOR_NEVER] = "never",
	};
	struct weir_nearest nearest = {.typed = value};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++) {
		weir_nearest_offer(&nearest, words[i]);
		if (!strcmp(value, words[i])) {
			o->color = i;
			return 0;
		}
	}
	return weir_fail(err, WEIR_USAGE, 0,
		"unknown word '%s' after '--color': did you mean '%s'?", value,
		nearest.word ? nearest.word : "auto");
}

static int apply(struct weir_options *o, const struct weir_option_info *info, const char *value,
	struct weir_err *err)
{
	if (info->value && !*value)
		return weir_fail(err, WEIR_USAGE, 0, "option '--%s' needs a value: --%s %s",
			info->name, info->name, info->value);
	switch (info - weir_option_info) {
	case PRETTY:
		o->pretty = true;
		/* fallthrough */
	case JSON:
		o->json = true;
		break;
	case COLOR:
		return set_color(o, value, err);
	case NETNS:
		o->netns = value;
		break;
	case PIN:
		o->pin = value;
		break;
	case BATCH:
		o->batch = value;
		break;
	case HELP:
		o->help = true;
		break;
	case VERSION:
		o->version = true;
		break;
	}
	return 0;
}

static int unknown_option(const char *word, struct weir_err *err)
{
	struct weir_nearest nearest = {.typed = word + strspn(word, "-")};

	for (size_t i = 0; i < weir_nr_options; i++)
		weir_nearest_offer(&nearest, weir_option_info[i].name);
	if (nearest.word && nearest.typed[0] && nearest.typed[1])
		return weir_fail(err, WEIR_USAGE, 0, "unknown option '%s': did you mean '--%s'?",
			word, nearest.word);
	return weir_fail(err, WEIR_USAGE, 0, "unknown option '%s': 'weir --help' lists them", word);
}

/* --name, --name=value, --name value. Returns how many words were used. */
static int long_option(struct weir_options *o, int argc, char **argv, struct weir_err *err)
{
	const char *word = argv[0] + 2, *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);

	for (size_t i = 0; i < weir_nr_options; i++) {
		const struct weir_option_info *info = &weir_option_info[i];
		const char *value = equals ? equals + 1 : "";
		int used = 1, ret;

		if (strlen(info->name) != len || memcmp(info->name, word, len))
			continue;
		if (equals && !info->value)
			return weir_fail(
				err, WEIR_USAGE, 0, "option '--%s' takes no value", info->name);
		if (info->value && !equals && argc > 1) {
			value = argv[1];
			used = 2;
		}
		ret = apply(o, info, value, err);
		return ret ? ret : used;
	}
	return unknown_option(argv[0], err);
}

static const struct weir_option_info *by_letter(char letter)
{
	for (size_t i = 0; i < weir_nr_options; i++)
		if (letter && weir_option_info[i].letter == letter)
			return &weir_option_info[i];
	return NULL;
}

/* -j, -jp, -n NAME, -nNAME. Returns how many words were used. */
static int short_options(struct weir_options *o, int argc, char **argv, struct weir_err *err)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const struct weir_option_info *info = by_letter(*p);
		const char *value = p + 1;
		int used = 1, ret;

		if (!info)
			return unknown_option(argv[0], err);
		if (info->value && !*value && argc > 1) {
			value = argv[1];
			used = 2;
		}
		ret = apply(o, info, info->value ? value : "", err);
		if (ret)
			return ret;
		if (info->value)
			return used;
	}
	return 1;
}

bool weir_is_option(const char *word)
{
	struct weir_options ignored;
	struct weir_err err;
	char value[] = "auto", *words[] = {(char *)word, value};

	return word[0] == '-' && word[1] && weir_options_parse(&ignored, 2, words, &err) > 0;
}

int weir_options_parse(struct weir_options *options, int argc, char **argv, struct weir_err *err)
{
	int i = 0, used;

	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		if (!strcmp(argv[i], "--"))
			return i + 1;
		if (argv[i][1] == '-')
			used = long_option(options, argc - i, argv + i, err);
		else
			used = short_options(options, argc - i, argv + i, err);
		if (used < 0)
			return used;
		i += used;
	}
	return i;
}
