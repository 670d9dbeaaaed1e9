/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The command line. One table (table.c) declares every command; dispatch, argument checks, help,
 * man page and completion are made from it. Handlers parse, call and print, nothing else.
 */
#ifndef WEIR_CMD_H
#define WEIR_CMD_H

#include "cmd/args.h"
#include "ctl/ctl.h"
#include "out/face.h"

struct weir_options {
	bool json, pretty, help, version;
	enum weir_color color;
	const char *netns; /* NULL: the caller's own */
	const char *pin;   /* NULL: bpffs */
	const char *batch; /* NULL: none; "-": standard input */
};

struct weir_option_info {
	char letter;
	const char *name;
	const char *value; /* NULL: takes none */
	const char *text;
};

extern const struct weir_option_info weir_option_info[];
extern const size_t weir_nr_options;

/*
 * Reads the global options at the head of @argv (without the program's name). Returns how many
 * words they take, or a negative error.
 */
int weir_options_parse(struct weir_options *options, int argc, char **argv, struct weir_err *err);

/* Whether a word, found behind the object, is a global option. */
bool weir_is_option(const char *word);

/* What a run of the program keeps from command to command. */
struct weir_run {
	struct weir_options options;
	struct weir_face face;
	struct weir_ns *ns; /* entered by the first command that needs it */
};

typedef int weir_handler_fn(
	struct weir_run *run, const struct weir_args *args, struct weir_err *err);

struct weir_object {
	const char *name;
	const char *summary;
};

struct weir_command {
	const char *object;
	const char *name;    /* "" where the object is the command */
	const char *syntax;  /* what follows, as args.h reads it */
	const char *summary; /* one sentence */
	weir_handler_fn *handler;
	bool raw; /* the handler reads the words itself; the syntax is for people */
};

extern const struct weir_object weir_objects[];
extern const size_t weir_nr_objects;
extern const struct weir_command weir_commands[];
extern const size_t weir_nr_commands;

/* Runs the command that the words name. */
int weir_dispatch(struct weir_run *run, int argc, char **argv, struct weir_err *err);

/* The program: returns its exit code. */
int weir_main(int argc, char **argv);

/* Runs the commands of a file; an error is printed here, with its line: @err keeps its status. */
int weir_batch(struct weir_run *run, const char *path, struct weir_err *err);

/*
 * Splits a line into words in place, as a shell would: blanks, '...', "...", backslash, # comments.
 * Returns NULL, or what is wrong with it. *@words is the caller's to free.
 */
const char *weir_split(char *line, char ***words, int *nr);

/* Prints an error once, on standard error; @where is "" or "FILE:LINE". */
void weir_print_error(const struct weir_run *run, const struct weir_err *err, const char *where);

/*
 * Brings everything printed out. Returns 0; 1 where nobody reads it any more, which is no failure;
 * or a negative error.
 */
int weir_flush(FILE *file, struct weir_err *err);

/* Whether @file is a pipe whose reader has gone. */
bool weir_reader_gone(FILE *file);

/* help.c */
void weir_help_top(FILE *file);
bool weir_help_object(FILE *file, const char *object); /* false where there is no such object */
void weir_help_man(FILE *file);
void weir_help_completion(FILE *file);

/* Fills @err with a usage error for an unknown word, naming the nearest of the objects. */
int weir_unknown_object(const char *word, struct weir_err *err);

/* read.c: what handlers share */
int weir_enter(struct weir_run *run, struct weir_err *err);

/*
 * Reads a snapshot. @only is NULL or a device that must be attached: WEIR_NOT_FOUND otherwise. The
 * caller owns *@snap.
 */
int weir_read(struct weir_run *run, const char *only, bool exact, struct weir_snapshot *snap,
	struct weir_err *err);

/*
 * Reads a snapshot once more by *@view, which is opened where it is NULL or devices were attached or
 * detached since. The caller owns *@snap and *@view.
 */
int weir_read_again(struct weir_run *run, struct weir_view **view, bool exact,
	struct weir_snapshot *snap, struct weir_err *err);

/* The options that make another weir look where this one does: " -n NAME --pin DIR", or "". */
void weir_where(const struct weir_run *run, char *buf, size_t size);

/* live.c: the screen of `weir top`; @nr readings, one each @every_ns. */
int weir_top_live(struct weir_run *run, __u64 nr, __u64 every_ns, struct weir_err *err);

/* trace_kernel.c: `weir trace` where that is of the kernel plane. */
int weir_trace_kernel(struct weir_run *run, const struct weir_args *args, struct weir_err *err);

/* Handlers, one file an object. */
weir_handler_fn weir_dev_attach_cmd, weir_dev_detach_cmd, weir_dev_show_cmd;
weir_handler_fn weir_path_show_cmd, weir_path_coverage_cmd;
weir_handler_fn weir_drop_show_cmd, weir_drop_explain_cmd;
weir_handler_fn weir_ledger_show_cmd;
weir_handler_fn weir_watch_on_cmd, weir_watch_off_cmd, weir_watch_show_cmd;
weir_handler_fn weir_filter_add_cmd, weir_filter_del_cmd, weir_filter_show_cmd;
weir_handler_fn weir_filter_load_cmd, weir_filter_check_cmd, weir_filter_flush_cmd;
weir_handler_fn weir_filter_policy_cmd;
weir_handler_fn weir_nat_add_cmd, weir_nat_del_cmd, weir_nat_show_cmd, weir_nat_flush_cmd;
weir_handler_fn weir_nat_load_cmd, weir_nat_check_cmd, weir_nat_timeout_cmd, weir_nat_limit_cmd;
weir_handler_fn weir_nat_session_cmd, weir_nat_explain_cmd;
weir_handler_fn weir_set_add_cmd, weir_set_del_cmd, weir_set_show_cmd;
weir_handler_fn weir_explain_cmd, weir_doctor_cmd, weir_monitor_cmd;
weir_handler_fn weir_trace_cmd, weir_trace_read_cmd, weir_top_cmd, weir_version_cmd, weir_help_cmd;

#endif
