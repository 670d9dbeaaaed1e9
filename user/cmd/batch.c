// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Moves one word from *@from to *@to, without its quotes. Returns NULL or what is wrong. */
static const char *take_word(char **from, char **to)
{
	char *p = *from, *out = *to, quote = 0;

	for (; *p && (quote || !is_blank(*p)); p++) {
		if (quote && *p == quote) {
			quote = 0;
		} else if (!quote && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (*p == '\\' && quote != '\'') {
			if (!*++p || *p == '\n')
				return "a backslash at the end of the line";
			*out++ = *p;
		} else {
			*out++ = *p;
		}
	}
	if (quote)
		return quote == '"' ? "a \" without its other half" : "a ' without its other half";
	*from = p + (*p != '\0');
	*out++ = '\0';
	*to = out;
	return NULL;
}

const char *weir_split(char *line, char ***words, int *nr)
{
	/* no more words than every second character */
	char **list = calloc(strlen(line) / 2 + 2, sizeof(char *));
	char *from = line, *to = line;
	const char *wrong = NULL;
	int n = 0;

	if (!list)
		return "out of memory";
	while (!wrong) {
		while (is_blank(*from))
			from++;
		if (!*from || *from == '#')
			break;
		list[n++] = to;
		wrong = take_word(&from, &to);
	}
	if (wrong) {
		free(list);
		return wrong;
	}
	*words = list;
	*nr = n;
	return NULL;
}

static int run_line(struct weir_run *run, char *line, size_t len, struct weir_err *err)
{
	const char *wrong;
	char **words;
	int nr, ret;

	if (strlen(line) != len)
		return weir_fail(err, WEIR_USAGE, 0, "a NUL byte: commands are text");
	wrong = weir_split(line, &words, &nr);
	if (wrong)
		return weir_fail(err, WEIR_USAGE, 0, "%s", wrong);
	if (nr && words[0][0] == '-')
		ret = weir_fail(err, WEIR_USAGE, 0,
			"options stand before '-b', not in the file: '%s'", words[0]);
	else
		ret = nr ? weir_dispatch(run, nr, words, err) : 0;
	free(words);
	return ret;
}

static int run_lines(
	struct weir_run *run, FILE *file, unsigned long long *number, struct weir_err *err)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int ret = 0;

	for (;;) {
		errno = 0;
		len = getline(&line, &size, file);
		if (len < 0)
			break;
		++*number;
		ret = run_line(run, line, (size_t)len, err);
		if (!ret)
			ret = weir_flush(run->face.file, err);
		if (ret)
			break;
	}
	if (!ret && !feof(file))
		ret = weir_fail(err, WEIR_REFUSED, errno ? -errno : -EIO, "cannot read it");
	free(line);
	return ret;
}

int weir_batch(struct weir_run *run, const char *path, struct weir_err *err)
{
	bool standard = !strcmp(path, "-");
	FILE *file = standard ? stdin : fopen(path, "re");
	unsigned long long number = 0;
	char where[512];
	int ret;

	if (!file)
		return weir_fail(err, errno == ENOENT ? WEIR_NOT_FOUND : WEIR_REFUSED, -errno,
			"cannot open '%s'", path);
	ret = run_lines(run, file, &number, err);
	if (ret < 0) {
		path = standard ? "<stdin>" : path;
		if (number)
			snprintf(where, sizeof(where), "%s:%llu", path, number);
		else
			snprintf(where, sizeof(where), "%s", path);
		weir_print_error(run, err, where);
		err->what[0] = '\0';
	}
	if (!standard)
		fclose(file);
	return ret < 0 ? ret : 0;
}
