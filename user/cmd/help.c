// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Help, manual page and completion, all from the tables of table.c and options.c. */
#include <string.h>

#include "base/version.h"
#include "cmd/cmd.h"
#include "model/kernel_cause.h"
#include "tui/keys.h"

static const char *const exit_codes[] = {
	[WEIR_DONE] = "done",
	[WEIR_USAGE] = "usage",
	[WEIR_REFUSED] = "refused",
	[WEIR_NOT_FOUND] = "not found",
	[WEIR_PARTLY] = "partly done",
	[WEIR_CHECK_FAILED] = "check failed",
};

enum { NR_EXIT_CODES = sizeof(exit_codes) / sizeof(exit_codes[0]) };

enum { WIDTH = 80, SECOND = 39, SUMMARY = 36 }; /* columns */

static const char tagline[] = "where packets go, who drops them, and a faster way through";

/* "attach | detach | show", as many as fit */
static void print_names(FILE *file, const char *object, int width)
{
	const char *between = "";

	for (size_t i = 0; i < weir_nr_commands; i++) {
		const struct weir_command *c = &weir_commands[i];

		if (strcmp(c->object, object))
			continue;
		if (width < (int)(strlen(between) + strlen(c->name) + strlen(" | ..."))) {
			bool last = i + 1 == weir_nr_commands ||
				    strcmp(weir_commands[i + 1].object, object);

			if (!last || width < (int)(strlen(between) + strlen(c->name))) {
				width -= fprintf(file, "%s...", between);
				break;
			}
		}
		width -= fprintf(file, "%s%s", between, c->name);
		between = " | ";
	}
	fprintf(file, "%*s", width > 0 ? width : 0, "");
}

static void option_text(const struct weir_option_info *o, char *buf, size_t size)
{
	snprintf(buf, size, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		o->letter ? ", " : "  ", o->name, o->value ? " " : "", o->value ? o->value : "");
}

/* Two in a line, where they fit: the whole is to fit a small terminal. */
static void print_options(FILE *file)
{
	char text[64], line[256];
	int column = 0;

	for (size_t i = 0; i < weir_nr_options; i++) {
		int len;

		option_text(&weir_option_info[i], text, sizeof(text));
		len = snprintf(line, sizeof(line), "  %-18s  %s", text, weir_option_info[i].text);
		if (column && (column >= SECOND || SECOND + len > WIDTH)) {
			fputc('\n', file);
			column = 0;
		}
		column = column ? fprintf(file, "%*s%s", SECOND - column, "", line) + SECOND
				: fprintf(file, "%s", line);
	}
	fputc('\n', file);
}

void weir_help_top(FILE *file)
{
	fprintf(file, "weir: %s\nweir [OPTION...] OBJECT COMMAND ...\n", tagline);
	for (size_t i = 0; i < weir_nr_objects; i++) {
		fprintf(file, "  %-8s ", weir_objects[i].name);
		print_names(file, weir_objects[i].name, 24);
		fprintf(file, "%s\n", weir_objects[i].summary);
	}
	print_options(file);
	fprintf(file, "exit:");
	for (int i = 0; i < NR_EXIT_CODES; i++)
		fprintf(file, "%s %d %s", i ? "," : "", i, exit_codes[i]);
	fprintf(file, "\n");
}

static void print_usage(FILE *file, const struct weir_command *c)
{
	fprintf(file, "%s%s%s%s%s", c->object, *c->name ? " " : "", c->name, *c->syntax ? " " : "",
		c->syntax);
}

bool weir_help_object(FILE *file, const char *object)
{
	bool found = false, roomy;
	unsigned int nr = 0;
	char usage[1024];

	for (size_t i = 0; i < weir_nr_commands; i++)
		nr += !strcmp(weir_commands[i].object, object);
	roomy = nr < 6; /* so that it fits a screen */
	for (size_t i = 0; i < weir_nr_commands; i++) {
		const struct weir_command *c = &weir_commands[i];

		if (strcmp(c->object, object))
			continue;
		snprintf(usage, sizeof(usage), "weir %s%s%s%s%s", c->object, *c->name ? " " : "",
			c->name, *c->syntax ? " " : "", c->syntax);
		if (found && roomy)
			fputc('\n', file);
		if (!roomy && strlen(usage) < SUMMARY && SUMMARY + strlen(c->summary) <= WIDTH) {
			fprintf(file, "%-*s%s\n", SUMMARY, usage, c->summary);
		} else {
			weir_wrap(file, usage, 0, 8);
			weir_wrap(file, c->summary, fprintf(file, "    "), 4);
		}
		found = true;
	}
	return found;
}

/* A leading point or quote is a command to roff, a backslash starts an escape, - would be a hyphen.
 */
static void print_roff(FILE *file, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", file);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", file);
		else if (*text == '-')
			fputs("\\-", file);
		else
			fputc(*text, file);
	}
}

static void man_item(FILE *file, const char *tag, const char *text)
{
	fputs(".TP\n.B ", file);
	print_roff(file, tag);
	fputc('\n', file);
	print_roff(file, text);
	fputc('\n', file);
}

static void man_keys(FILE *file)
{
	fputs(".SH KEYS\nThose of the live screen,\n.BR \"weir top\" .\n", file);
	for (unsigned int i = 0; i < ACTION_COUNT; i++)
		man_item(file, weir_action_info[i].keys, weir_action_info[i].what);
}

static void man_cause(FILE *file, const struct weir_cause_info *cause, const char *counter)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s%s%s%s Remedy: %s.", cause->text,
		*counter ? " Counter: " : "", counter, *counter ? "." : "", cause->remedy);
	man_item(file, cause->name, text);
}

static void man_causes(FILE *file)
{
	fputs(".SH CAUSES\n", file);
	for (unsigned int i = WEIR_CAUSE_NONE + 1; i < WEIR_CAUSE_COUNT; i++)
		man_cause(file, &weir_cause_info[i], "");
	fputs(".SH CAUSES OF THE KERNEL\nBeside these, those above that it has too.\n", file);
	for (unsigned int i = 0; i < weir_kernel_nr_causes; i++)
		if (!weir_kernel_cause_info[i].shared)
			man_cause(file, weir_kernel_cause_info[i].what,
				weir_kernel_cause_info[i].counter);
}

void weir_help_man(FILE *file)
{
	char tag[64];

	fprintf(file, ".TH WEIR 8 \"\" \"weir %s\"\n.SH NAME\nweir \\- %s\n", WEIR_VERSION,
		tagline);
	fputs(".SH SYNOPSIS\n.B weir\n[\\fIOPTION\\fR...] \\fIOBJECT COMMAND\\fR ...\n"
	      ".SH COMMANDS\n"
	      "Words are exact; a mistyped one is answered with the nearest. A device that is\n"
	      "named like a keyword is given as\n.BI dev \" NAME\" .\n",
		file);
	for (size_t i = 0; i < weir_nr_commands; i++) {
		fputs(".TP\n.B ", file);
		print_usage(file, &weir_commands[i]);
		fputc('\n', file);
		print_roff(file, weir_commands[i].summary);
		fputc('\n', file);
	}
	fputs(".SH OPTIONS\nThey stand before the object.\n", file);
	for (size_t i = 0; i < weir_nr_options; i++) {
		option_text(&weir_option_info[i], tag, sizeof(tag));
		man_item(file, tag + strspn(tag, " "), weir_option_info[i].text);
	}
	man_keys(file);
	fputs(".SH BATCH FILES\nOne command a line, without the word weir; # starts a comment.\n"
	      "The first error ends the run and is printed as FILE:LINE: message.\n"
	      ".SH EXIT STATUS\n",
		file);
	for (int i = 0; i < NR_EXIT_CODES; i++) {
		snprintf(tag, sizeof(tag), "%d", i);
		man_item(file, tag, exit_codes[i]);
	}
	fputs(".SH STAGES\n", file);
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++)
		man_item(file, weir_stage_info[i].name, weir_stage_info[i].text);
	man_causes(file);
}

static bool print_word(const char *word, void *file)
{
	fprintf(file, " %s", word);
	return false; /* go on */
}

static void print_causes(FILE *file)
{
	for (unsigned int i = 0; i < WEIR_CAUSE_COUNT; i++)
		print_word(weir_cause_info[i].name, file);
	for (unsigned int i = 0; i < weir_kernel_nr_causes; i++)
		if (!weir_kernel_cause_info[i].shared)
			print_word(weir_kernel_cause_info[i].what->name, file);
}

/* What may stand for a plain word or a value: words to choose from, or a list that the shell makes.
 */
static void print_values(FILE *file, const char *name)
{
	if (!strcmp(name, "DEV"))
		fputs(" $(ls /sys/class/net)", file);
	else if (!strncmp(name, "NAMES", strlen("NAMES"))) /* a NAME may be a set's */
		fputs(" all $(ls /run/netns 2>/dev/null)", file);
	else if (!strcmp(name, "CAUSE"))
		print_causes(file);
	else if (!strcmp(name, "WHEN"))
		fputs(" auto always never", file);
	else if (!strcmp(name, "OBJECT"))
		for (size_t i = 0; i < weir_nr_objects; i++)
			print_word(weir_objects[i].name, file);
	else if (*name == '-' || (*name >= 'a' && *name <= 'z'))
		weir_choice_each(name, print_word, file);
}

/* Whether the object is a command by itself; it may have others beside. */
static bool is_command(const char *object)
{
	for (size_t i = 0; i < weir_nr_commands; i++)
		if (!strcmp(weir_commands[i].object, object) && !*weir_commands[i].name)
			return true;
	return false;
}

static void completion_case(FILE *file, const struct weir_command *c)
{
	const char *syntax = c->syntax;
	struct weir_term term;

	/* behind a keyword with a value */
	while (weir_term_next(&syntax, &term)) {
		if (term.plain || !*term.value)
			continue;
		fprintf(file, "\t%s/%s/%s) words=\"", c->object, c->name, term.word);
		print_values(file, term.value);
		fputs("\" ;;\n", file);
	}
	fprintf(file, "\t%s/%s/*) words=\"", c->object, c->name);
	for (size_t i = 0; !*c->name && i < weir_nr_commands; i++)
		if (!strcmp(weir_commands[i].object, c->object) && *weir_commands[i].name)
			print_word(weir_commands[i].name, file);
	for (syntax = c->syntax; weir_term_next(&syntax, &term);) {
		print_values(file, term.plain ? term.word : "");
		if (term.plain)
			print_values(file, term.value);
		else
			print_word(term.word, file);
	}
	fputs("\" ;;\n", file);
}

/* The value of an option is no object. */
static void completion_skips(FILE *file)
{
	for (size_t i = 0; i < weir_nr_options; i++) {
		const struct weir_option_info *o = &weir_option_info[i];

		if (!o->value)
			continue;
		if (o->letter)
			fprintf(file, "-%c|", o->letter);
		fprintf(file, "--%s|", o->name);
	}
	fputs("-) [[ $object ]] || ((i++)) ;;\n", file);
}

/* Where nothing is offered the shell offers files, by "complete -o default". */
static void completion_option_values(FILE *file)
{
	for (size_t i = 0; i < weir_nr_options; i++) {
		const struct weir_option_info *o = &weir_option_info[i];

		if (!o->value)
			continue;
		fputs("\t", file);
		if (o->letter)
			fprintf(file, "//-%c|", o->letter);
		fprintf(file, "//--%s) words=\"", o->name);
		if (!strcmp(o->value, "NAME"))
			fputs(" $(ls /run/netns 2>/dev/null)", file);
		else
			print_values(file, o->value);
		fputs("\" ;;\n", file);
	}
}

static void completion_objects(FILE *file)
{
	completion_option_values(file);
	fputs("\t//*) words=\"", file);
	print_values(file, "OBJECT");
	for (size_t i = 0; i < weir_nr_options; i++)
		fprintf(file, " --%s", weir_option_info[i].name);
	fputs("\" ;;\n", file);
	/* where an object is the command, its own case stands already */
	for (size_t i = 0; i < weir_nr_commands; i++) {
		const struct weir_command *c = &weir_commands[i];
		bool first = !i || strcmp(c->object, c[-1].object);
		bool last = i + 1 == weir_nr_commands || strcmp(c->object, c[1].object);

		if (is_command(c->object))
			continue;
		if (first)
			fprintf(file, "\t%s//*) words=\"", c->object);
		print_word(c->name, file);
		if (last)
			fputs(" help\" ;;\n", file);
	}
}

void weir_help_completion(FILE *file)
{
	fputs("# bash completion for weir, made by 'weir help completion'\n"
	      "_weir() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal object='' command='' words='' i\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t",
		file);
	completion_skips(file);
	fputs("\t\t-*) ;;\n"
	      "\t\t*) if [[ -z $object ]]; then object=${COMP_WORDS[i]}\n"
	      "\t\t   elif [[ -z $command ]]; then command=${COMP_WORDS[i]}; fi ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcase $object in\n",
		file);
	for (size_t i = 0; i < weir_nr_commands; i++)
		if (!*weir_commands[i].name)
			fprintf(file, "\t%s) command='' ;;\n", weir_commands[i].object);
	fputs("\tesac\n\tcase $object/$command/$prev in\n", file);
	for (size_t i = 0; i < weir_nr_commands; i++)
		completion_case(file, &weir_commands[i]);
	completion_objects(file);
	fputs("\tesac\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	      "}\n"
	      "complete -o default -F _weir weir\n",
		file);
}

int weir_help_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *object = weir_arg_plain(args);

	if (weir_arg(args, "man"))
		weir_help_man(run->face.file);
	else if (weir_arg(args, "completion"))
		weir_help_completion(run->face.file);
	else if (!object)
		weir_help_top(run->face.file);
	else if (!weir_help_object(run->face.file, object))
		return weir_unknown_object(object, err);
	return 0;
}
