// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "cmd/cmd.h"

/* Copies up to one of @ends, and returns what follows. */
static const char *take(char to[WEIR_TERM_TEXT], const char *from, const char *ends)
{
	size_t n = strcspn(from, ends);

	snprintf(to, WEIR_TERM_TEXT, "%.*s", (int)n, from);
	return from + n;
}

bool weir_term_next(const char **syntax, struct weir_term *term)
{
	const char *p = *syntax + strspn(*syntax, " ");
	size_t len;

	if (!*p)
		return false;
	memset(term, 0, sizeof(*term));
	term->optional = *p == '[';
	p = take(term->word, p + term->optional, " ]|");
	term->plain = isupper((unsigned char)term->word[0]);
	if (*p == '|' || (term->optional && *p == ' '))
		p = take(term->value, p + 1, " ]");
	*syntax = p + (*p == ']');
	len = strlen(term->word);
	term->many = len > 3 && !strcmp(term->word + len - 3, "...");
	if (term->many)
		term->word[len - 3] = '\0';
	return true;
}

bool weir_choice_each(const char *choices, bool (*fn)(const char *word, void *arg), void *arg)
{
	char word[WEIR_TERM_TEXT];

	while (*choices) {
		choices = take(word, choices, "|");
		if (fn(word, arg))
			return true;
		choices += *choices == '|';
	}
	return false;
}

static bool is_word(const char *word, void *arg)
{
	return !strcmp(word, arg);
}

static bool is_choice(const char *choices, const char *word)
{
	return weir_choice_each(choices, is_word, (void *)word);
}

bool weir_is_dev_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > 15 || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return false;
	return true;
}

/* What is being parsed. */
struct parse {
	struct weir_args *args;
	const char *what;
	const char *syntax;
	struct weir_term plain; /* the plain word, if the syntax has one */
	struct weir_err *err;
};

static bool find_keyword(const char *syntax, const char *word, struct weir_term *term)
{
	while (weir_term_next(&syntax, term)) {
		if (!term->plain && !strcmp(term->word, word))
			return true;
		if (term->plain && is_choice(term->value, word)) {
			snprintf(term->word, sizeof(term->word), "%s", word);
			term->value[0] = '\0';
			return true;
		}
	}
	return false;
}

/* Words offered live only while they are offered: the nearest is kept by value. */
struct nearest {
	struct weir_nearest best;
	char word[WEIR_TERM_TEXT];
};

static bool offer(const char *word, void *arg)
{
	struct nearest *n = arg;
	struct weir_nearest try = n->best;

	weir_nearest_offer(&try, word);
	if (try.word == word) {
		snprintf(n->word, sizeof(n->word), "%s", word);
		n->best = try;
		n->best.word = n->word;
	}
	return false;
}

static int unknown_word(const struct parse *p, const char *word)
{
	struct nearest nearest = {.best.typed = word};
	const char *syntax = p->syntax;
	struct weir_term term;

	if (weir_is_option(word))
		return weir_fail(p->err, WEIR_USAGE, 0,
			"option '%s' stands before the object: weir %s %s", word, word, p->what);
	while (weir_term_next(&syntax, &term)) {
		if (!term.plain)
			offer(term.word, &nearest);
		else
			weir_choice_each(term.value, offer, &nearest);
	}
	if (nearest.best.word)
		return weir_fail(p->err, WEIR_USAGE, 0,
			"unknown word '%s' after '%s': did you mean '%s'?", word, p->what,
			nearest.word);
	return weir_fail(p->err, WEIR_USAGE, 0, "unknown word '%s': weir %s%s%s", word, p->what,
		*p->syntax ? " " : "", p->syntax);
}

static int bad_choice(const struct parse *p, const struct weir_term *term, const char *word)
{
	struct nearest nearest = {.best.typed = word};

	weir_choice_each(term->value, offer, &nearest);
	if (nearest.best.word)
		return weir_fail(p->err, WEIR_USAGE, 0,
			"unknown word '%s' after '%s': did you mean '%s'?", word, term->word,
			nearest.word);
	return weir_fail(
		p->err, WEIR_USAGE, 0, "unknown word '%s': %s %s", word, term->word, term->value);
}

static int bad_dev(const struct parse *p, const char *word)
{
	return weir_fail(p->err, WEIR_USAGE, 0,
		"'%s' is no name of a device: 1 to 15 characters without blank, '/' and ':'", word);
}

/* Returns how many words were used, or a negative error. */
static int take_keyword(struct parse *p, const struct weir_term *term, int argc, char **argv)
{
	struct weir_args *args = p->args;
	const char *value = "";

	if (weir_arg(args, term->word))
		return weir_fail(p->err, WEIR_USAGE, 0, "'%s' is given twice", term->word);
	if (*term->value) {
		if (argc < 2)
			return weir_fail(p->err, WEIR_USAGE, 0, "'%s' needs a value: %s %s",
				term->word, term->word, term->value);
		value = argv[1];
		if (islower((unsigned char)term->value[0]) && !is_choice(term->value, value))
			return bad_choice(p, term, value);
		if (!strcmp(term->value, "DEV") && !weir_is_dev_name(value))
			return bad_dev(p, value);
	}
	if (args->nr_keys == WEIR_KEYS_MAX)
		return weir_fail(p->err, WEIR_USAGE, 0, "too many words");
	snprintf(args->key[args->nr_keys].word, WEIR_TERM_TEXT, "%s", term->word);
	args->key[args->nr_keys++].value = value;
	return *term->value ? 2 : 1;
}

static int take_plain(struct parse *p, const char *word)
{
	struct weir_args *args = p->args;

	if (args->nr_plain && !p->plain.many)
		return weir_fail(p->err, WEIR_USAGE, 0, "'%s' is one %s too many for '%s'", word,
			p->plain.word, p->what);
	if (!strcmp(p->plain.word, "DEV") && !weir_is_dev_name(word))
		return bad_dev(p, word);
	args->plain[args->nr_plain++] = word;
	return 0;
}

/* Returns how many words were used, or a negative error. */
static int take_words(struct parse *p, int argc, char **argv)
{
	struct weir_term term;
	int ret;

	if (find_keyword(p->syntax, argv[0], &term))
		return take_keyword(p, &term, argc, argv);
	if (!p->plain.plain)
		return unknown_word(p, argv[0]);
	if (!strcmp(p->plain.word, "DEV") && !strcmp(argv[0], "dev")) {
		if (argc < 2)
			return weir_fail(p->err, WEIR_USAGE, 0, "'dev' needs a name: dev NAME");
		ret = take_plain(p, argv[1]);
		return ret ? ret : 2;
	}
	/* behind a keyword a plain word is rather a mistyped keyword */
	if (p->args->nr_keys || argv[0][0] == '-')
		return unknown_word(p, argv[0]);
	ret = take_plain(p, argv[0]);
	return ret ? ret : 1;
}

static int check_plain(const struct parse *p)
{
	const struct weir_args *args = p->args;

	if (!p->plain.plain)
		return 0;
	for (unsigned int i = 0; i < args->nr_keys; i++) {
		if (!is_choice(p->plain.value, args->key[i].word))
			continue;
		if (args->nr_plain)
			return weir_fail(p->err, WEIR_USAGE, 0, "'%s' or '%s', not both",
				args->key[i].word, args->plain[0]);
		return 0;
	}
	if (args->nr_plain || p->plain.optional)
		return 0;
	return weir_fail(p->err, WEIR_USAGE, 0, "'%s' needs %s: weir %s %s", p->what, p->plain.word,
		p->what, p->syntax);
}

int weir_args_parse(struct weir_args *args, const char *what, const char *syntax, int argc,
	char **argv, struct weir_err *err)
{
	struct weir_args result = {.plain = calloc((size_t)argc + 1, sizeof(char *))};
	struct parse p = {.args = &result, .what = what, .syntax = syntax, .err = err};
	const char *rest = syntax;
	struct weir_term term;
	int ret = 0;

	if (!result.plain)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "cannot read the arguments");
	while (weir_term_next(&rest, &term))
		if (term.plain)
			p.plain = term;
	for (int i = 0; i < argc && ret >= 0; i += ret)
		ret = take_words(&p, argc - i, argv + i);
	if (ret >= 0)
		ret = check_plain(&p);
	if (ret < 0) {
		weir_args_done(&result);
		return ret;
	}
	*args = result;
	return 0;
}

int weir_args_take(struct weir_args *args, int argc, char **argv, struct weir_err *err)
{
	struct weir_args result = {.plain = calloc((size_t)argc + 1, sizeof(char *))};

	if (!result.plain)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "cannot read the arguments");
	for (int i = 0; i < argc; i++)
		result.plain[result.nr_plain++] = argv[i];
	*args = result;
	return 0;
}

void weir_args_done(struct weir_args *args)
{
	free(args->plain);
	memset(args, 0, sizeof(*args));
}

const char *weir_arg(const struct weir_args *args, const char *word)
{
	for (unsigned int i = 0; i < args->nr_keys; i++)
		if (!strcmp(args->key[i].word, word))
			return args->key[i].value;
	return NULL;
}

const char *weir_arg_plain(const struct weir_args *args)
{
	return args->nr_plain ? args->plain[0] : NULL;
}
