// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/word.h"
#include "cmd/cmd.h"

static bool is_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

int weir_unknown_object(const char *word, struct weir_err *err)
{
	struct weir_nearest nearest = {.typed = word};

	for (size_t i = 0; i < weir_nr_objects; i++)
		weir_nearest_offer(&nearest, weir_objects[i].name);
	if (nearest.word)
		return weir_fail(err, WEIR_USAGE, 0, "unknown object '%s': did you mean '%s'?",
			word, nearest.word);
	return weir_fail(err, WEIR_USAGE, 0, "unknown object '%s': 'weir help' lists them", word);
}

/* Finds the command, or fills @err; @used tells how many words name it. */
static const struct weir_command *find(int argc, char **argv, int *used, struct weir_err *err)
{
	struct weir_nearest nearest = {.typed = argc > 1 ? argv[1] : ""};
	const char *first = NULL;

	for (size_t i = 0; i < weir_nr_commands; i++) {
		const struct weir_command *c = &weir_commands[i];

		if (strcmp(c->object, argv[0]))
			continue;
		*used = *c->name ? 2 : 1;
		if (!*c->name || (argc > 1 && !strcmp(c->name, argv[1])))
			return c;
		if (!first)
			first = c->name;
		weir_nearest_offer(&nearest, c->name);
	}
	if (!first)
		weir_unknown_object(argv[0], err);
	else if (argc < 2)
		weir_fail(err, WEIR_USAGE, 0,
			"'%s' needs a command, such as '%s': 'weir help %s' lists them", argv[0],
			first, argv[0]);
	else if (nearest.word)
		weir_fail(err, WEIR_USAGE, 0, "unknown command '%s' of '%s': did you mean '%s'?",
			argv[1], argv[0], nearest.word);
	else
		weir_fail(err, WEIR_USAGE, 0, "unknown command '%s': 'weir help %s' lists them",
			argv[1], argv[0]);
	return NULL;
}

int weir_dispatch(struct weir_run *run, int argc, char **argv, struct weir_err *err)
{
	const struct weir_command *command;
	struct weir_args args;
	char what[64];
	int used, ret;

	if (argc < 1)
		return weir_fail(
			err, WEIR_USAGE, 0, "what to do? 'weir --help' lists the commands");
	if (argc > 1 && is_help(argv[1]) && strcmp(argv[0], "help") &&
		weir_help_object(run->face.file, argv[0]))
		return 0;
	command = find(argc, argv, &used, err);
	if (!command)
		return -EINVAL;
	if (argc > used && is_help(argv[used]) && strcmp(argv[used], "help")) {
		weir_help_object(run->face.file, argv[0]);
		return 0;
	}
	snprintf(what, sizeof(what), "%s%s%s", command->object, *command->name ? " " : "",
		command->name);
	if (command->raw)
		ret = weir_args_take(&args, argc - used, argv + used, err);
	else
		ret = weir_args_parse(
			&args, what, command->syntax, argc - used, argv + used, err);
	if (ret)
		return ret;
	ret = command->handler(run, &args, err);
	weir_args_done(&args);
	return ret;
}

/* Words that a user typed may hold line breaks; an error is one line. */
static void print_line(const struct weir_face *face, const char *text)
{
	char line[sizeof(((struct weir_err *)0)->what)];

	snprintf(line, sizeof(line), "%s", text);
	for (char *p = line; *p; p++)
		if (*p == '\n')
			*p = '?';
	weir_ink(face, WEIR_PLAIN, "%s", line);
}

static void put_place(json_t *doc, const struct weir_place *at)
{
	if (*at->file)
		json_object_set_new(doc, "file", weir_json_text(at->file));
	if (at->line)
		json_object_set_new(doc, "line", json_integer(at->line));
	if (at->column)
		json_object_set_new(doc, "column", json_integer(at->column));
}

void weir_print_error(const struct weir_run *run, const struct weir_err *err, const char *where)
{
	struct weir_face face = {.file = stderr};
	char place[320], caret[WEIR_CARET_MAX];
	json_t *doc;

	if (run->options.json) {
		doc = json_pack("{s:{s:o, s:o, s:i}}", "error", "message",
			weir_json_text(err->what), "remedy", weir_json_text(err->remedy), "status",
			(int)err->status);
		if (*where)
			json_object_set_new(
				json_object_get(doc, "error"), "where", weir_json_text(where));
		put_place(json_object_get(doc, "error"), &err->at);
		json_dumpf(doc, stderr, JSON_COMPACT);
		fputc('\n', stderr);
		json_decref(doc);
		return;
	}
	face.color = run->face.color && isatty(STDERR_FILENO);
	weir_err_where(err, place, sizeof(place));
	if (*where || !*place)
		weir_ink(&face, WEIR_HEAD, "%s: ", *where ? where : "weir");
	if (*place)
		weir_ink(&face, WEIR_HEAD, "%s: ", place);
	print_line(&face, err->what);
	/* what was typed wrong is said in one line */
	if (*err->remedy) {
		bool usage = err->status == WEIR_USAGE;

		weir_ink(&face, WEIR_PLAIN, "%s", usage ? "; " : "\n       try: ");
		print_line(&face, err->remedy);
	}
	fputc('\n', stderr);
	if (weir_err_caret(err, caret, sizeof(caret)))
		fprintf(stderr, "%s\n", caret);
}

/*
 * A descriptor that was closed before us would be given to the first map we open, and our output
 * would go there. What takes its place is open the wrong way, so that use is still an error.
 */
static void hold_standard_files(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			return;
}

/* A file error of long ago has lost its errno; a pipe still tells that its reader has gone. */
bool weir_reader_gone(FILE *file)
{
	struct pollfd fd = {.fd = fileno(file)};

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLERR;
}

int weir_flush(FILE *file, struct weir_err *err)
{
	int error;

	errno = 0;
	if (!fflush(file) && !ferror(file))
		return 0;
	error = errno ? errno : EIO;
	if (error == EPIPE || weir_reader_gone(file))
		return 1;
	return weir_fail(err, WEIR_REFUSED, -error, "cannot write standard output");
}

static int run_words(struct weir_run *run, int argc, char **argv, struct weir_err *err)
{
	char version[] = "version", *words[] = {version};
	const struct weir_options *o = &run->options;

	if (o->help) {
		if (argc < 1)
			weir_help_top(stdout);
		else if (!weir_help_object(stdout, argv[0]))
			return weir_unknown_object(argv[0], err);
		return 0;
	}
	if (o->version)
		return weir_dispatch(run, 1, words, err);
	return weir_dispatch(run, argc, argv, err);
}

int weir_main(int argc, char **argv)
{
	struct weir_run run = {0};
	struct weir_err err = {0};
	int used, ret;

	hold_standard_files();
	signal(SIGPIPE, SIG_IGN);
	if (argc > 0) {
		argc--;
		argv++;
	}
	used = ret = weir_options_parse(&run.options, argc, argv, &err);
	weir_face_init(&run.face, stdout, run.options.color);
	run.face.json = run.options.json;
	run.face.pretty = run.options.pretty;
	if (ret >= 0 && run.options.batch && used < argc)
		ret = weir_fail(
			&err, WEIR_USAGE, 0, "'-b' or a command, not both: '%s'", argv[used]);
	else if (ret >= 0 && run.options.batch && !run.options.help && !run.options.version)
		ret = weir_batch(&run, run.options.batch, &err);
	else if (ret >= 0)
		ret = run_words(&run, argc - used, argv + used, &err);
	if (ret < 0 && err.what[0])
		weir_print_error(&run, &err, "");
	if (ret >= 0) {
		ret = weir_flush(stdout, &err);
		if (ret < 0)
			weir_print_error(&run, &err, "");
	}
	weir_ns_free(run.ns);
	if (ret >= 0)
		return WEIR_DONE;
	return err.status ? (int)err.status : WEIR_REFUSED;
}
