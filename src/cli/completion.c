/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noroshi completion: a script for each shell, made from the tables of commands and options.
 *
 * Values      of an option with choices: these; called FILE, DIR or PATH: files; otherwise nothing
 * Operands    "a|b|c": these; with FILE, DIR or SOURCE in them: files; otherwise nothing
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { OUT_MAX = 4 << 20 };

struct name {
	struct nr_str noun, verb; /* verb empty: a command of one word */
};

static struct name name_of(const struct nr_command_help *help)
{
	struct nr_str rest = nr_str_from(help->name);
	struct name name;

	(void)nr_str_word(&rest);
	name.noun = nr_str_word(&rest);
	name.verb = nr_str_word(&rest);
	return name;
}

static bool is_files(const char *what)
{
	static const char *const words[] = { "FILE", "DIR", "PATH", "SOURCE" };

	for (size_t i = 0; what != NULL && i < NR_COUNT(words); i++)
		if (strstr(what, words[i]) != NULL)
			return true;
	return false;
}

/* The choices of the first operand, separated by blanks; false: it has none. */
static bool operand_words(const struct nr_command_help *help, struct nr_buf *out)
{
	struct nr_str rest = nr_str_from(help->operands), first = nr_str_word(&rest);

	if (memchr(first.p, '|', first.n) == NULL || first.p[0] == '[' || is_files(help->operands))
		return false;
	for (bool more = false; first.n > 0; more = true) {
		struct nr_str word = nr_str_cut(&first, '|');

		nr_buf_addf(out, "%s" NR_STR_FMT, more ? " " : "", NR_STR_ARG(word));
	}
	return true;
}

static void choice_words(const struct nr_option *opt, struct nr_buf *out)
{
	for (size_t i = 0; opt->choices != NULL && opt->choices[i] != NULL; i++)
		nr_buf_addf(out, "%s%s", i > 0 ? " " : "", opt->choices[i]);
}

/* Is this the first command with its noun? */
static bool first_of_noun(size_t at)
{
	struct nr_str noun = name_of(&nr_cli_commands[at]->help).noun;

	for (size_t i = 0; i < at; i++)
		if (nr_str_eq(name_of(&nr_cli_commands[i]->help).noun, noun))
			return false;
	return true;
}

/* Verbs of a noun, "list, show"; none: it is a command itself. */
static void verbs_of(struct nr_str noun, const char *between, struct nr_buf *out)
{
	bool more = false;

	for (size_t i = 0; nr_cli_commands[i] != NULL; i++) {
		struct name name = name_of(&nr_cli_commands[i]->help);

		if (!nr_str_eq(name.noun, noun) || name.verb.n == 0)
			continue;
		nr_buf_addf(out, "%s" NR_STR_FMT, more ? between : "", NR_STR_ARG(name.verb));
		more = true;
	}
}

/* Single quotes close, escape and open again. */
static void quoted(struct nr_buf *out, const char *text)
{
	nr_buf_add_str(out, NR_STR("'"));
	for (const char *p = text; *p != '\0'; p++)
		nr_buf_addf(out, *p == '\'' ? "'\\''" : "%c", *p);
	nr_buf_add_str(out, NR_STR("'"));
}

/* ---- bash ---- */

static const char bash_head[] =
	"_noroshi() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} words= options= files=\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ $cur == = ]]; then cur=\n"
	"\telif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	"\tfi\n";

static const char bash_tail[] = "\tif [[ $files == only ]]; then\n"
				"\t\twords= options=\n"
				"\tfi\n"
				"\tif [[ $cur == -* ]]; then\n"
				"\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
				"\telif [[ -n $words ]]; then\n"
				"\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
				"\telif [[ -n $files ]]; then\n"
				"\t\tcompopt -o filenames 2>/dev/null\n"
				"\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
				"\tfi\n"
				"}\n"
				"complete -F _noroshi noroshi\n";

/* What may follow an option that takes a value. */
static void bash_values(const struct nr_command_help *help, struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR("\t\tcase $prev in\n"));
	for (size_t i = 0; i < help->n_options; i++) {
		const struct nr_option *opt = &help->options[i];

		if (opt->type == NR_OPT_FLAG)
			continue;
		nr_buf_addf(out, "\t\t--%s", opt->name);
		if (opt->letter != 0)
			nr_buf_addf(out, "|-%c", opt->letter);
		nr_buf_add_str(out, NR_STR(") options= words='"));
		choice_words(opt, out);
		nr_buf_addf(out, "' files=%s ;;\n", is_files(opt->value) ? "only" : "");
	}
	nr_buf_add_str(out, NR_STR("\t\tesac ;;\n"));
}

static void bash_command(const struct nr_command_help *help, struct nr_buf *out)
{
	struct name name = name_of(help);

	if (name.verb.n > 0)
		nr_buf_addf(out, "\t'" NR_STR_FMT " " NR_STR_FMT "')\n", NR_STR_ARG(name.noun),
			    NR_STR_ARG(name.verb));
	else
		nr_buf_addf(out, "\t'" NR_STR_FMT " '*)\n", NR_STR_ARG(name.noun));
	nr_buf_add_str(out, NR_STR("\t\toptions='"));
	for (size_t i = 0; i < help->n_options; i++)
		nr_buf_addf(out, "--%s ", help->options[i].name);
	nr_buf_add_str(out, NR_STR("--help' words='"));
	(void)operand_words(help, out);
	nr_buf_addf(out, "' files=%s\n", is_files(help->operands) ? "too" : "");
	bash_values(help, out);
}

static void bash_script(struct nr_buf *out)
{
	nr_buf_add_str(out, nr_str_from(bash_head));
	nr_buf_add_str(out, NR_STR("\tif ((COMP_CWORD == 1)); then\n\t\tnoun= verb= "
				   "options='--help --version' words='"));
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++)
		if (first_of_noun(i))
			nr_buf_addf(out, NR_STR_FMT " ",
				    NR_STR_ARG(name_of(&nr_cli_commands[i]->help).noun));
	nr_buf_add_str(out, NR_STR("'\n\tfi\n\tif ((COMP_CWORD == 2)); then case $noun in\n"));
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++) {
		struct name name = name_of(&nr_cli_commands[i]->help);

		if (!first_of_noun(i) || name.verb.n == 0)
			continue;
		nr_buf_addf(out, "\t" NR_STR_FMT ") verb= words='", NR_STR_ARG(name.noun));
		verbs_of(name.noun, " ", out);
		nr_buf_add_str(out, NR_STR("' ;;\n"));
	}
	nr_buf_add_str(out, NR_STR("\tesac; fi\n\tcase \"$noun $verb\" in\n"));
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++)
		bash_command(&nr_cli_commands[i]->help, out);
	nr_buf_add_str(out, NR_STR("\tesac\n"));
	nr_buf_add_str(out, nr_str_from(bash_tail));
}

/* ---- zsh ---- */

/* Inside a specification of _arguments, itself in single quotes. */
static void zsh_text(struct nr_buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (strchr(":[]\\", *p) != NULL)
			nr_buf_add_str(out, NR_STR("\\"));
		nr_buf_addf(out, *p == '\'' ? "'\\''" : "%c", *p);
	}
}

static void zsh_option(const struct nr_option *opt, struct nr_buf *out)
{
	bool is_list = opt->type == NR_OPT_LIST;

	if (opt->letter != 0 && !is_list)
		nr_buf_addf(out, " '(-%c --%s)'{-%c,--%s}'[", opt->letter, opt->name, opt->letter,
			    opt->name);
	else
		nr_buf_addf(out, " '%s--%s[", is_list ? "*" : "", opt->name);
	zsh_text(out, opt->help);
	nr_buf_add_str(out, NR_STR("]"));
	if (opt->type != NR_OPT_FLAG) {
		nr_buf_add_str(out, NR_STR(":"));
		zsh_text(out, opt->value != NULL ? opt->value : "value");
		nr_buf_add_str(out, NR_STR(":"));
		if (opt->choices != NULL) {
			nr_buf_add_str(out, NR_STR("("));
			choice_words(opt, out);
			nr_buf_add_str(out, NR_STR(")"));
		} else if (is_files(opt->value)) {
			nr_buf_add_str(out, NR_STR("_files"));
		}
	}
	nr_buf_add_str(out, NR_STR("' \\\n\t\t"));
}

static void zsh_command(const struct nr_command_help *help, struct nr_buf *out)
{
	struct name name = name_of(help);

	if (name.verb.n > 0)
		nr_buf_addf(out,
			    "\t'" NR_STR_FMT " " NR_STR_FMT "') shift 2 words; ((CURRENT -= 2))\n",
			    NR_STR_ARG(name.noun), NR_STR_ARG(name.verb));
	else
		nr_buf_addf(out, "\t'" NR_STR_FMT " '*) shift words; ((CURRENT -= 1))\n",
			    NR_STR_ARG(name.noun));
	nr_buf_add_str(out, NR_STR("\t\t_arguments -s"));
	for (size_t i = 0; i < help->n_options; i++)
		zsh_option(&help->options[i], out);
	nr_buf_add_str(out, NR_STR(" '(-h --help)'{-h,--help}'[explain]'"));
	if (is_files(help->operands)) {
		nr_buf_add_str(out, NR_STR(" '*:file:_files'"));
	} else {
		struct nr_buf words;

		nr_buf_init(&words, OUT_MAX);
		if (operand_words(help, &words))
			nr_buf_addf(out, " '1:what:(" NR_STR_FMT ")'",
				    NR_STR_ARG(nr_buf_str(&words)));
		nr_buf_done(&words);
	}
	nr_buf_add_str(out, NR_STR(" ;;\n"));
}

/* 'word:what it does', for _describe. */
static void zsh_described(struct nr_buf *out, struct nr_str word, const char *help)
{
	nr_buf_addf(out, " '" NR_STR_FMT ":", NR_STR_ARG(word));
	zsh_text(out, help);
	nr_buf_add_str(out, NR_STR("'"));
}

static void zsh_nouns(struct nr_buf *out)
{
	struct nr_buf verbs;

	nr_buf_init(&verbs, OUT_MAX);
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++) {
		struct name name = name_of(&nr_cli_commands[i]->help);

		if (!first_of_noun(i))
			continue;
		nr_buf_reset(&verbs);
		verbs_of(name.noun, ", ", &verbs);
		nr_buf_add(&verbs, "", 1);
		zsh_described(out, name.noun,
			      name.verb.n == 0 ? nr_cli_commands[i]->help.summary
					       : (const char *)verbs.p);
	}
	nr_buf_done(&verbs);
}

static void zsh_script(struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR("#compdef noroshi\n_noroshi() {\n\tlocal -a found\n"
				   "\tif ((CURRENT == 2)); then\n\t\tfound=("));
	zsh_nouns(out);
	nr_buf_add_str(out, NR_STR(")\n\t\t_describe command found\n\t\treturn\n\tfi\n"
				   "\tif ((CURRENT == 3)); then\n\t\tfound=()\n"
				   "\t\tcase $words[2] in\n"));
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++) {
		struct name name = name_of(&nr_cli_commands[i]->help);

		if (name.verb.n == 0)
			continue;
		nr_buf_addf(out, "\t\t" NR_STR_FMT ") found+=(", NR_STR_ARG(name.noun));
		zsh_described(out, name.verb, nr_cli_commands[i]->help.summary);
		/* the commands of a noun stand together in the table */
		bool more = nr_cli_commands[i + 1] != NULL &&
			    nr_str_eq(name_of(&nr_cli_commands[i + 1]->help).noun, name.noun);

		nr_buf_add_str(out, NR_STR(")"));
		for (; more;
		     more = nr_cli_commands[i + 1] != NULL &&
			    nr_str_eq(name_of(&nr_cli_commands[i + 1]->help).noun, name.noun)) {
			i++;
			nr_buf_add_str(out, NR_STR("; found+=("));
			zsh_described(out, name_of(&nr_cli_commands[i]->help).verb,
				      nr_cli_commands[i]->help.summary);
			nr_buf_add_str(out, NR_STR(")"));
		}
		nr_buf_add_str(out, NR_STR(" ;;\n"));
	}
	nr_buf_add_str(out, NR_STR("\t\tesac\n\t\tif (($#found)); then\n"
				   "\t\t\t_describe command found\n\t\t\treturn\n\t\tfi\n\tfi\n"
				   "\tcase \"$words[2] $words[3]\" in\n"));
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++)
		zsh_command(&nr_cli_commands[i]->help, out);
	nr_buf_add_str(out, NR_STR("\tesac\n}\n"
				   "if [[ $funcstack[1] == _noroshi ]]; then _noroshi \"$@\"; else "
				   "compdef _noroshi noroshi; fi\n"));
}

/* ---- fish ---- */

static const char fish_head[] =
	"function __noroshi_in\n"
	"\tset -l words (commandline -opc)\n"
	"\ttest (count $words) -gt (count $argv); or return 1\n"
	"\tfor i in (seq (count $argv))\n"
	"\t\ttest $words[(math $i + 1)] = $argv[$i]; or return 1\n"
	"\tend\n"
	"end\n"
	"function __noroshi_next\n"
	"\ttest (count (commandline -opc)) -eq (math (count $argv) + 1); and __noroshi_in $argv\n"
	"end\n"
	"complete -c noroshi -f\n";

static void fish_option(const struct nr_command_help *help, const struct nr_option *opt,
			struct nr_buf *out)
{
	nr_buf_addf(out, "complete -c noroshi -n '__noroshi_in %s' -l %s",
		    help->name + strlen("noroshi "), opt->name);
	if (opt->letter != 0)
		nr_buf_addf(out, " -s %c", opt->letter);
	if (opt->type != NR_OPT_FLAG)
		nr_buf_add_str(out, is_files(opt->value) ? NR_STR(" -r -F") : NR_STR(" -x"));
	if (opt->choices != NULL) {
		nr_buf_add_str(out, NR_STR(" -a '"));
		choice_words(opt, out);
		nr_buf_add_str(out, NR_STR("'"));
	}
	nr_buf_add_str(out, NR_STR(" -d "));
	quoted(out, opt->help);
	nr_buf_add_str(out, NR_STR("\n"));
}

static void fish_command(const struct nr_command_help *help, struct nr_buf *out)
{
	struct name name = name_of(help);
	const char *words = help->name + strlen("noroshi ");

	if (name.verb.n > 0)
		nr_buf_addf(out,
			    "complete -c noroshi -n '__noroshi_next " NR_STR_FMT "' -a " NR_STR_FMT
			    " -d ",
			    NR_STR_ARG(name.noun), NR_STR_ARG(name.verb));
	else
		nr_buf_addf(out, "complete -c noroshi -n __noroshi_next -a " NR_STR_FMT " -d ",
			    NR_STR_ARG(name.noun));
	quoted(out, help->summary);
	nr_buf_add_str(out, NR_STR("\n"));
	for (size_t i = 0; i < help->n_options; i++)
		fish_option(help, &help->options[i], out);
	if (is_files(help->operands)) {
		nr_buf_addf(out, "complete -c noroshi -n '__noroshi_in %s' -F\n", words);
	} else {
		struct nr_buf choices;

		nr_buf_init(&choices, OUT_MAX);
		if (operand_words(help, &choices))
			nr_buf_addf(out,
				    "complete -c noroshi -n '__noroshi_next %s' -a '" NR_STR_FMT
				    "'\n",
				    words, NR_STR_ARG(nr_buf_str(&choices)));
		nr_buf_done(&choices);
	}
}

static void fish_script(struct nr_buf *out)
{
	struct nr_buf verbs;

	nr_buf_init(&verbs, OUT_MAX);
	nr_buf_add_str(out, nr_str_from(fish_head));
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++) {
		struct name name = name_of(&nr_cli_commands[i]->help);

		if (first_of_noun(i) && name.verb.n > 0) {
			nr_buf_reset(&verbs);
			verbs_of(name.noun, ", ", &verbs);
			nr_buf_addf(out,
				    "complete -c noroshi -n __noroshi_next -a " NR_STR_FMT
				    " -d '" NR_STR_FMT "'\n",
				    NR_STR_ARG(name.noun), NR_STR_ARG(nr_buf_str(&verbs)));
		}
		fish_command(&nr_cli_commands[i]->help, out);
	}
	nr_buf_done(&verbs);
}

/* ---- the command ---- */

static int write_script(struct nr_str shell, struct nr_err *reterr)
{
	static const struct {
		const char *name;
		void (*write)(struct nr_buf *out);
	} shells[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };
	struct nr_buf out;

	for (size_t i = 0; i < NR_COUNT(shells); i++) {
		if (!nr_str_eq(shell, nr_str_from(shells[i].name)))
			continue;
		nr_buf_init(&out, OUT_MAX);
		shells[i].write(&out);
		int ret = nr_cli_flush(&out);

		nr_buf_done(&out);
		return ret < 0 ? nr_fail(reterr, ret, "cannot write: %s", nr_err_text(ret)) : 0;
	}
	return nr_fail(reterr, NR_EUSAGE, "name the shell: bash, zsh or fish");
}

static int completion_run(int argc, char **argv)
{
	struct nr_option_list operands;
	struct nr_err err = { 0 };
	int status = nr_cli_begin(&nr_cli_completion, argc, argv, NULL, &operands);

	if (status == NR_CLI_GO_ON) {
		struct nr_str shell = operands.n == 1 ? operands.items[0] : NR_STR("");

		status = write_script(shell, &err) < 0 ? nr_cli_fail(&nr_cli_completion, &err)
						       : NR_CLI_DONE;
	}
	nr_option_release(NULL, 0, NULL, &operands);
	return status;
}

static const char about[] =
	"Prints a script that teaches a shell the commands of noroshi, their options and what these take.\n"
	"\n"
	"    bash    noroshi completion bash > ~/.local/share/bash-completion/completions/noroshi\n"
	"    zsh     noroshi completion zsh > DIR/_noroshi, for a DIR of $fpath\n"
	"    fish    noroshi completion fish > ~/.config/fish/completions/noroshi.fish";

const struct nr_cli_command nr_cli_completion = {
	.help = { .name = "noroshi completion",
		  .summary = "print a completion script for a shell",
		  .operands = "bash|zsh|fish",
		  .about = about,
		  .examples = "source <(noroshi completion bash)\n    complete in this shell\n" },
	.run = completion_run,
};
