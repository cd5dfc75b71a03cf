/* SPDX-License-Identifier: Apache-2.0 */
/* What the program says of itself: schema and manual pages. All of it from its tables. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/summary.h"
#include "orient/detect/detect.h"

enum { OUT_MAX = 4 << 20 };

static const struct nr_record_type *const types[] = { &nr_observation_type, &nr_source_type,
						      &nr_finding_type, &nr_summary_type };

static int write_out(const struct nr_cli_command *command, struct nr_buf *out)
{
	struct nr_err err = { 0 };
	int ret = nr_cli_flush(out);

	nr_buf_done(out);
	if (ret == 0)
		return NR_CLI_DONE;
	(void)nr_fail(&err, ret, "cannot write: %s", nr_err_text(ret));
	return nr_cli_fail(command, &err);
}

/* The one operand of a command, or NULL. @return NR_CLI_GO_ON or the exit status */
static int one_operand(const struct nr_cli_command *command, int argc, char **argv,
		       const char **ret_word)
{
	struct nr_option_list operands;
	int status = nr_cli_begin(command, argc, argv, NULL, &operands);

	*ret_word = operands.n > 0 ? operands.items[0].p : NULL; /* argv outlives the list */
	if (status == NR_CLI_GO_ON && operands.n > 1) {
		struct nr_err err = { 0 };

		(void)nr_fail(&err, NR_EUSAGE, "one word at most");
		status = nr_cli_fail(command, &err);
	}
	nr_option_release(NULL, 0, NULL, &operands);
	return status;
}

/* ---- schema ---- */

/* What "evidence" holds depends on the detector: each has its own table. */
static void evidence_schemas(struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR(",\"allOf\":["));
	for (size_t i = 0; nr_detectors[i] != NULL; i++) {
		const struct nr_detector *detector = nr_detectors[i];

		nr_buf_addf(out,
			    "%s{\"if\":{\"properties\":{\"detector\":{\"const\":\"%s\"}}},"
			    "\"then\":{\"properties\":{\"evidence\":",
			    i > 0 ? "," : "", detector->name);
		nr_fields_schema(detector->fields, detector->n_fields, out);
		nr_buf_add_str(out, NR_STR("}}}"));
	}
	nr_buf_add_str(out, NR_STR("]"));
}

static void schema_members(const struct nr_record_type *type, struct nr_buf *out)
{
	nr_record_schema_members(type, out);
	if (type == &nr_finding_type)
		evidence_schemas(out);
}

static void schema_of_any(struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR("{\"$schema\":\"" NR_SCHEMA_DIALECT
				   "\",\"title\":\"one line of noroshi observe --json\","
				   "\"oneOf\":["));
	for (size_t i = 0; i < NR_COUNT(types); i++) {
		nr_buf_addf(out, "%s{", i > 0 ? "," : "");
		schema_members(types[i], out);
		nr_buf_add_str(out, NR_STR("}"));
	}
	nr_buf_add_str(out, NR_STR("]}\n"));
}

static int schema_run(int argc, char **argv)
{
	const char *name;
	struct nr_err err = { 0 };
	struct nr_buf out;
	int status = one_operand(&nr_cli_schema, argc, argv, &name);

	if (status != NR_CLI_GO_ON)
		return status;
	nr_buf_init(&out, OUT_MAX);
	if (name == NULL) {
		schema_of_any(&out);
		return write_out(&nr_cli_schema, &out);
	}
	for (size_t i = 0; i < NR_COUNT(types); i++) {
		if (strcmp(types[i]->name, name) != 0)
			continue;
		nr_buf_add_str(&out, NR_STR("{\"$schema\":\"" NR_SCHEMA_DIALECT "\","));
		schema_members(types[i], &out);
		nr_buf_add_str(&out, NR_STR("}\n"));
		return write_out(&nr_cli_schema, &out);
	}
	nr_buf_done(&out);
	(void)nr_fail(&err, NR_EUSAGE,
		      "no such record; there are flow, source, finding and summary");
	return nr_cli_fail(&nr_cli_schema, &err);
}

const struct nr_cli_command nr_cli_schema = {
	.help = { .name = "noroshi schema",
		  .summary = "print the JSON Schema of the output",
		  .operands = "[RECORD]",
		  .about = "Prints the JSON Schema (2020-12) of one line of 'noroshi observe "
			   "--json', or of one kind of\n"
			   "record: flow, source, finding or summary. It is made from the same "
			   "tables as the output." },
	.run = schema_run,
};

/* ---- man ---- */

static void man_overview(struct nr_buf *out)
{
	nr_buf_addf(out,
		    ".TH NOROSHI 1 \"\" \"Noroshi\" \"Noroshi Manual\"\n.SH NAME\nnoroshi \\- see "
		    "attacks on the "
		    "Internet together, understand them, and warn\n.SH SYNOPSIS\n\\fBnoroshi\\fR "
		    "\\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIOPERAND\\fR...]\n.SH COMMANDS\n");
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++)
		nr_buf_addf(out, ".TP\n\\fB%s\\fR\n%s.\n", nr_cli_commands[i]->help.name,
			    nr_cli_commands[i]->help.summary);
	nr_buf_add_str(
		out,
		NR_STR(".SH EXIT STATUS\n0 when done, 1 when something failed, 2 when the words "
		       "of the "
		       "command are wrong.\n.SH SEE ALSO\n\\fBnoroshi\\-observe\\fR(1), "
		       "\\fBnoroshi\\-records\\fR(5)\n"));
}

static void roff_cell(struct nr_buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		nr_buf_addf(out, *p == '-' ? "\\-" : *p == '\\' ? "\\e" : "%c", *p);
}

static void man_record(const struct nr_record_type *type, struct nr_buf *out)
{
	nr_buf_addf(out, ".SH RECORD: %s\n", type->name);
	roff_cell(out, type->help);
	nr_buf_add_str(out, NR_STR("\n"));
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct nr_field *field = &type->fields[i];
		bool optional = field->present != NULL || field->type == NR_FIELD_CSTR;

		nr_buf_addf(out, ".TP\n\\fB%s\\fR (%s%s%s%s)\n", field->name,
			    nr_field_type_name(field->type), field->unit != NULL ? ", " : "",
			    field->unit != NULL ? field->unit : "", optional ? ", optional" : "");
		roff_cell(out, field->help);
		nr_buf_add_str(out, NR_STR("\n"));
	}
}

static void man_records(struct nr_buf *out)
{
	nr_buf_add_str(
		out,
		NR_STR(".TH NOROSHI\\-RECORDS 5 \"\" \"Noroshi\" \"Noroshi Manual\"\n.SH NAME\n"
		       "noroshi\\-records \\- what the output of noroshi observe consists of\n"
		       ".SH DESCRIPTION\n\\fBnoroshi observe \\-\\-json\\fR prints one JSON "
		       "object a line; its "
		       "member \\fBrecord\\fR says of which kind it is. The summary comes last. "
		       "Times are "
		       "UTC (RFC 3339), ports decimal, intervals 95 %. An optional member is "
		       "absent where it "
		       "has no meaning. \\fBnoroshi schema\\fR prints the same as a JSON "
		       "Schema.\n"));
	for (size_t i = 0; i < NR_COUNT(types); i++)
		man_record(types[i], out);
	for (size_t i = 0; nr_detectors[i] != NULL; i++) {
		const struct nr_record_type evidence = { .name = nr_detectors[i]->name,
							 .help = nr_detectors[i]->summary,
							 .fields = nr_detectors[i]->fields,
							 .n_fields = nr_detectors[i]->n_fields };

		nr_buf_add_str(out, NR_STR(".SH EVIDENCE OF A FINDING\n"));
		man_record(&evidence, out);
	}
}

/* "noroshi-lab-generate" and "lab generate" both name "noroshi lab generate". */
static bool names(const char *word, const char *command)
{
	if (strncmp(word, "noroshi", 7) != 0)
		command += strlen("noroshi ");
	for (; *word != '\0' && *command != '\0'; word++, command++)
		if (*word != *command && !(*word == '-' && *command == ' '))
			return false;
	return *word == *command;
}

static int man_run(int argc, char **argv)
{
	const char *name;
	struct nr_err err = { 0 };
	struct nr_buf out;
	int status = one_operand(&nr_cli_man, argc, argv, &name);
	bool found = true;

	if (status != NR_CLI_GO_ON)
		return status;
	nr_buf_init(&out, OUT_MAX);
	if (name == NULL || strcmp(name, "noroshi") == 0) {
		man_overview(&out);
	} else if (strcmp(name, "records") == 0 || strcmp(name, "noroshi-records") == 0) {
		man_records(&out);
	} else {
		found = false;
		for (size_t i = 0; nr_cli_commands[i] != NULL && !found; i++) {
			found = names(name, nr_cli_commands[i]->help.name);
			if (found)
				nr_option_man(&nr_cli_commands[i]->help, &out);
		}
	}
	if (found)
		return write_out(&nr_cli_man, &out);
	nr_buf_done(&out);
	(void)nr_fail(&err, NR_EUSAGE, "no such page; name a command, or 'records'");
	return nr_cli_fail(&nr_cli_man, &err);
}

const struct nr_cli_command nr_cli_man = {
	.help = { .name = "noroshi man",
		  .summary = "print a manual page (roff)",
		  .operands = "[PAGE]",
		  .about = "Prints the page of a command, of 'records' (section 5) or the "
			   "overview, made from the same\n"
			   "tables as --help.",
		  .examples = "noroshi man observe | man -l -\n    read it\n" },
	.run = man_run,
};
