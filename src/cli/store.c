/* SPDX-License-Identifier: Apache-2.0 */
/* The command group `noroshi store`: the observations of a hub that does not run, made again,
 * checked, asked. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/io.h"
#include "cli/cli.h"
#include "orient/enrich/locate.h"
#include "orient/enrich/prefixes.h"
#include "serve/hub/home.h"
#include "store/journal.h"
#include "store/observations.h"

enum {
	OUT_MAX = 64 << 20,
	OUT_FLUSH = 256 << 10,
	PARAMS_MAX = 16,
	SHOWN = 256,
	COMMIT_ENTRIES = 256, /* of a rebuild, in one transaction */
	COLUMNS_MAX = 32,
};

struct words {
	const char *prefixes;
	int64_t timeout;
	uint64_t memory;
	bool json, csv, quiet;
};

/* ---- what all of them need ---- */

static int usage(const struct nr_cli_command *command, const char *words)
{
	struct nr_err err;

	(void)nr_fail(&err, NR_EUSAGE, "%s", words);
	return nr_cli_fail(command, &err);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* DIR of a hub, or of a store alone. */
static void store_of(const char *dir, char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s/rollup.duckdb", dir);
	if (exists(out))
		(void)snprintf(out, PATH_MAX, "%s", dir);
	else
		(void)snprintf(out, PATH_MAX, "%s/store", dir);
}

/* ---- rebuild ---- */

struct rebuild {
	const struct words *words;
	struct nr_prefixes *prefixes;
	struct nr_journal_reader *reader;
	struct nr_store *store;
	uint64_t entries, at;
	struct nr_time drawn;
};

static void locate(void *ctx, struct nr_ip ip, struct nr_store_place *ret_place)
{
	const struct nr_prefixes *prefixes = ctx;
	struct nr_origin origin = nr_prefixes_origin(prefixes, nr_prefixes_find(prefixes, ip));

	ret_place->asn = origin.asn;
	memcpy(ret_place->economy, origin.economy, sizeof(ret_place->economy));
}

static int load_prefixes(struct rebuild *rebuild, struct nr_err *reterr)
{
	const char *named = rebuild->words->prefixes;
	char path[PATH_MAX];

	if (named != NULL && strcmp(named, "none") == 0)
		return 0;
	if (named == NULL && nr_locate(NR_LOCATE_PREFIXES, path, sizeof(path)) < 0) {
		(void)fprintf(stderr,
			      "noroshi store rebuild: no prefix data: AS and economy will be "
			      "unknown; 'make data' fetches it\n");
		return 0;
	}
	return nr_prefixes_load(named != NULL ? named : path, &rebuild->prefixes, reterr);
}

static void draw(struct rebuild *rebuild, bool last)
{
	struct nr_time now = nr_mono_now();

	if (rebuild->words->quiet || isatty(STDERR_FILENO) == 0 ||
	    (!last && now.ns - rebuild->drawn.ns < NR_NS_PER_S / 5))
		return;
	rebuild->drawn = now;
	(void)fprintf(stderr, "\r%llu entries, place %llu%s", (unsigned long long)rebuild->entries,
		      (unsigned long long)rebuild->at, last ? "\n" : " ");
}

static int copy_entries(struct rebuild *rebuild, struct nr_err *reterr)
{
	struct nr_entry entry;
	int ret;

	while ((ret = nr_journal_reader_next(rebuild->reader, &entry, reterr)) == 1) {
		ret = nr_store_add(rebuild->store, &entry, reterr);
		rebuild->at = entry.at;
		if (ret == 0 && ++rebuild->entries % COMMIT_ENTRIES == 0)
			ret = nr_store_commit(rebuild->store, reterr);
		if (ret < 0)
			return ret;
		draw(rebuild, false);
	}
	if (ret == 0)
		ret = nr_store_settle(rebuild->store, reterr);
	return ret;
}

/* Files of ours only; a directory that holds more stays. */
static void remove_store(const char *dir)
{
	static const char *const parts[] = { "raw", "tmp", "." };
	char path[2 * PATH_MAX], below[PATH_MAX + 16];

	for (size_t i = 0; i < NR_COUNT(parts); i++) {
		(void)snprintf(below, sizeof(below), "%s/%s", dir, parts[i]);
		DIR *d = opendir(below);
		const struct dirent *entry;

		while (d != NULL && (entry = readdir(d)) != NULL) {
			(void)snprintf(path, sizeof(path), "%s/%s", below, entry->d_name);
			if (strstr(entry->d_name, ".duckdb") != NULL)
				(void)nr_io_unlink(path);
		}
		if (d != NULL)
			(void)closedir(d);
		(void)rmdir(i + 1 < NR_COUNT(parts) ? below : dir);
	}
}

/* Made beside the old one, which is given up only when the new one is whole. */
static int rebuild_into(struct rebuild *rebuild, const char *journal, const char *store,
			struct nr_err *reterr)
{
	char making[PATH_MAX + 16], old[PATH_MAX + 16];
	struct nr_store_options options = { .dir = making,
					    .memory_bytes = rebuild->words->memory << 20,
					    .locate = rebuild->prefixes != NULL ? locate : NULL,
					    .locate_ctx = rebuild->prefixes };

	(void)snprintf(making, sizeof(making), "%s.making", store);
	(void)snprintf(old, sizeof(old), "%s.old", store);
	remove_store(making);
	remove_store(old);
	int ret = nr_journal_reader_open(journal, 1, NULL, &rebuild->reader, reterr);

	if (ret == 0)
		ret = nr_store_open(&options, &rebuild->store, reterr);
	if (ret == 0)
		ret = copy_entries(rebuild, reterr);
	nr_store_close(rebuild->store);
	nr_journal_reader_close(rebuild->reader);
	draw(rebuild, true);
	if (ret == 0 && exists(store))
		ret = nr_io_rename(store, old);
	if (ret == 0)
		ret = nr_io_rename(making, store);
	if (ret < 0) {
		remove_store(making);
		return ret;
	}
	remove_store(old);
	return 0;
}

static int rebuild_home(const struct nr_cli_command *command, const struct words *words,
			const char *dir)
{
	struct rebuild rebuild = { .words = words };
	char journal[PATH_MAX], store[PATH_MAX];
	struct nr_home home = { .lock_fd = -1 };
	struct nr_store_report report = { .days = 0 };
	struct nr_err err = { 0 };
	int ret = nr_home_open(dir, &home, &err); /* a running hub writes there */

	(void)snprintf(journal, sizeof(journal), "%s/journal", dir);
	(void)snprintf(store, sizeof(store), "%s/store", dir);
	if (ret == 0)
		ret = load_prefixes(&rebuild, &err);
	if (ret == 0) {
		ret = rebuild_into(&rebuild, journal, store, &err);
		if (ret < 0 && err.code == 0)
			(void)nr_fail(&err, ret, "%s: %s", store, nr_err_text(ret));
	}
	if (ret == 0)
		ret = nr_store_check(store, &report, &err);
	nr_prefixes_free(rebuild.prefixes);
	if (home.lock_fd >= 0)
		nr_home_close(&home);
	if (ret < 0)
		return nr_cli_fail(command, &err);
	(void)fprintf(stderr, "%s: %llu observations of %llu days from %llu entries\n", store,
		      (unsigned long long)report.rows, (unsigned long long)report.days,
		      (unsigned long long)rebuild.entries);
	return NR_CLI_DONE;
}

/* ---- check ---- */

static int print_report(const struct nr_store_report *report, bool as_json)
{
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = { { "days", report->days },
		     { "observations", report->rows },
		     { "bytes", report->bytes },
		     { "place", report->at } };
	struct nr_json json;
	struct nr_buf out;

	nr_buf_init(&out, OUT_MAX);
	nr_json_init(&json, &out);
	if (as_json)
		nr_json_object(&json);
	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		if (as_json) {
			nr_json_key(&json, rows[i].key);
			nr_json_u64(&json, rows[i].value);
		} else {
			nr_buf_addf(&out, "%14llu %s\n", (unsigned long long)rows[i].value,
				    rows[i].key);
		}
	}
	if (as_json) {
		nr_json_object_end(&json);
		nr_buf_add(&out, "\n", 1);
	}
	int ret = nr_cli_flush(&out);

	nr_buf_done(&out);
	return ret;
}

static int check_home(const struct nr_cli_command *command, const struct words *words,
		      const char *dir)
{
	char store[PATH_MAX];
	struct nr_store_report report;
	struct nr_err err;

	store_of(dir, store);
	if (nr_store_check(store, &report, &err) < 0)
		return nr_cli_fail(command, &err);
	int ret = print_report(&report, words->json);

	return ret < 0 && ret != -EPIPE ? NR_CLI_FAILED : NR_CLI_DONE;
}

/* ---- query ---- */

struct answer {
	const struct words *words;
	struct nr_buf out;
	char *names[COLUMNS_MAX];
};

static void cell_text(const struct nr_store_value *value, char *out, size_t cap,
		      struct nr_str *ret_text)
{
	size_t n = 0;

	switch ((enum nr_store_cell)value->kind) {
	case NR_CELL_NULL:
		break;
	case NR_CELL_I64:
		n = (size_t)snprintf(out, cap, "%lld", (long long)value->i64);
		break;
	case NR_CELL_F64:
		n = (size_t)snprintf(out, cap, "%.6g", value->f64);
		break;
	case NR_CELL_TIME:
		n = nr_time_print((struct nr_time){ value->i64 }, out);
		break;
	case NR_CELL_TEXT:
		*ret_text = value->text;
		return;
	}
	*ret_text = (struct nr_str){ out, n };
}

static void json_value(struct nr_json *json, const struct nr_store_value *value)
{
	switch ((enum nr_store_cell)value->kind) {
	case NR_CELL_NULL:
		nr_json_null(json);
		break;
	case NR_CELL_I64:
		nr_json_i64(json, value->i64);
		break;
	case NR_CELL_F64:
		nr_json_f64(json, value->f64);
		break;
	case NR_CELL_TIME:
		nr_json_time(json, (struct nr_time){ value->i64 });
		break;
	case NR_CELL_TEXT:
		nr_json_str(json, value->text);
		break;
	}
}

static int write_json(struct answer *answer, uint64_t row, const struct nr_store_value *values,
		      size_t n)
{
	struct nr_json json;

	if (row == 0) {
		for (size_t i = 0; i < n; i++) {
			answer->names[i] = strndup(values[i].text.p, values[i].text.n);
			if (answer->names[i] == NULL)
				return -ENOMEM;
		}
		return 0;
	}
	nr_json_init(&json, &answer->out);
	nr_json_object(&json);
	for (size_t i = 0; i < n; i++) {
		nr_json_key(&json, answer->names[i]);
		json_value(&json, &values[i]);
	}
	nr_json_object_end(&json);
	nr_buf_add(&answer->out, "\n", 1);
	return 0;
}

static void write_text(struct answer *answer, const struct nr_store_value *values, size_t n)
{
	char text[NR_TIME_TEXT + 8], shown[SHOWN];
	struct nr_str cell;

	for (size_t i = 0; i < n; i++) {
		cell_text(&values[i], text, sizeof(text), &cell);
		if (answer->words->csv) {
			nr_csv_cell(&answer->out, cell, i == 0);
			continue;
		}
		(void)nr_str_escape(cell, shown, sizeof(shown));
		nr_buf_addf(&answer->out, i + 1 < n ? "%-20s " : "%s", cell.n == 0 ? "-" : shown);
	}
	if (answer->words->csv)
		nr_csv_end(&answer->out);
	else
		nr_buf_add(&answer->out, "\n", 1);
}

static int take_row(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	struct answer *answer = ctx;
	int ret = 0;

	n = nr_min_size(n, COLUMNS_MAX);
	if (answer->words->json)
		ret = write_json(answer, row, values, n);
	else
		write_text(answer, values, n);
	if (ret == 0 && answer->out.n >= OUT_FLUSH)
		ret = nr_cli_flush(&answer->out);
	return ret < 0 ? ret : answer->out.err;
}

/* NAME=VALUE; the name is copied to its end, the value is the rest of the word. */
static int split_params(const struct nr_option_list *operands, char names[PARAMS_MAX][32],
			struct nr_store_param *params, struct nr_err *reterr)
{
	for (size_t i = 2; i < operands->n; i++) {
		struct nr_str value = operands->items[i], name = nr_str_cut(&value, '=');

		if (name.n == operands->items[i].n || name.n >= sizeof(names[0]) ||
		    i - 2 >= PARAMS_MAX)
			return nr_fail(reterr, NR_EUSAGE, "want NAME=VALUE, not '" NR_STR_FMT "'",
				       NR_STR_ARG(operands->items[i]));
		memcpy(names[i - 2], name.p, name.n);
		names[i - 2][name.n] = '\0';
		params[i - 2] = (struct nr_store_param){
			.name = names[i - 2], .value = { .kind = NR_CELL_TEXT, .text = value }
		};
	}
	return 0;
}

static int query_store(const struct words *words, const struct nr_option_list *operands,
		       struct nr_err *reterr)
{
	char names[PARAMS_MAX][32], dir[PATH_MAX];
	struct nr_store_param params[PARAMS_MAX];
	struct nr_store_options options = { .dir = dir,
					    .memory_bytes = words->memory << 20,
					    .read_only = true };
	struct answer answer = { .words = words };
	struct nr_store *store = NULL;
	int64_t given = 0;
	int ret = split_params(operands, names, params, reterr);

	if (ret < 0)
		return ret;
	store_of(operands->items[0].p, dir);
	ret = nr_store_open(&options, &store, reterr);
	if (ret < 0)
		return ret;
	nr_buf_init(&answer.out, OUT_MAX);
	given = nr_store_query(store, operands->items[1].p, params, operands->n - 2,
			       (int)(words->timeout / 1000000), take_row, &answer, reterr);
	ret = given < 0 ? (int)given : nr_cli_flush(&answer.out);
	if (given >= 0 && ret < 0)
		(void)nr_fail(reterr, ret, "output: %s", nr_err_text(ret));
	nr_buf_done(&answer.out);
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		free(answer.names[i]);
	nr_store_close(store);
	return ret;
}

static void list_queries(void)
{
	(void)fprintf(stderr, "queries:\n");
	for (const struct nr_store_named *query = nr_store_queries; query->name != NULL; query++)
		(void)fprintf(stderr, "  %-20s %s\n", query->name, query->help);
}

/* ---- commands ---- */

static const struct nr_option rebuild_options[] = {
	{ .name = "prefixes",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct words, prefixes),
	  .help = "Prefix data that names AS and economy of sources; none goes without." },
	{ .name = "memory",
	  .type = NR_OPT_U64,
	  .value = "N",
	  .unit = "MiB",
	  .lo = 64,
	  .hi = 1 << 20,
	  .fallback = "256",
	  .offset = offsetof(struct words, memory),
	  .help = "Memory for DuckDB." },
	{ .name = "quiet",
	  .letter = 'q',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, quiet),
	  .help = "No progress on the terminal." },
};

static const struct nr_option check_options[] = {
	{ .name = "json",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "One object." },
};

static const struct nr_option query_options[] = {
	{ .name = "json",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "One object a row." },
	{ .name = "csv",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, csv),
	  .help = "Comma-separated, with a head." },
	{ .name = "timeout",
	  .type = NR_OPT_SPAN,
	  .value = "SPAN",
	  .fallback = "60s",
	  .offset = offsetof(struct words, timeout),
	  .help = "Stop the query after so long." },
	{ .name = "memory",
	  .type = NR_OPT_U64,
	  .value = "N",
	  .unit = "MiB",
	  .lo = 64,
	  .hi = 1 << 20,
	  .fallback = "256",
	  .offset = offsetof(struct words, memory),
	  .help = "Memory for DuckDB." },
};

static int rebuild_run(int argc, char **argv)
{
	const struct nr_cli_command *command = &nr_cli_store_rebuild;
	struct nr_option_list operands = { .items = NULL };
	struct words words = { .prefixes = NULL };
	int status = nr_cli_begin(command, argc, argv, &words, &operands);

	if (status == NR_CLI_GO_ON)
		status = operands.n != 1 ? usage(command, "takes one DIR, that of a hub")
					 : rebuild_home(command, &words, operands.items[0].p);
	nr_option_release(rebuild_options, NR_COUNT(rebuild_options), &words, &operands);
	return status;
}

static int check_run(int argc, char **argv)
{
	const struct nr_cli_command *command = &nr_cli_store_check;
	struct nr_option_list operands = { .items = NULL };
	struct words words = { .json = false };
	int status = nr_cli_begin(command, argc, argv, &words, &operands);

	if (status == NR_CLI_GO_ON)
		status = operands.n != 1 ? usage(command, "takes one DIR, that of a hub")
					 : check_home(command, &words, operands.items[0].p);
	nr_option_release(check_options, NR_COUNT(check_options), &words, &operands);
	return status;
}

static int query_run(int argc, char **argv)
{
	const struct nr_cli_command *command = &nr_cli_store_query;
	struct nr_option_list operands = { .items = NULL };
	struct words words = { .json = false };
	struct nr_err err;
	int status = nr_cli_begin(command, argc, argv, &words, &operands);

	if (status == NR_CLI_GO_ON && (operands.n < 2 || (words.json && words.csv))) {
		status = usage(command, operands.n < 2 ? "takes DIR and the NAME of a query"
						       : "--json or --csv, not both");
		list_queries();
	} else if (status == NR_CLI_GO_ON) {
		int ret = query_store(&words, &operands, &err);

		status = ret == 0 || ret == -EPIPE ? NR_CLI_DONE : nr_cli_fail(command, &err);
	}
	nr_option_release(query_options, NR_COUNT(query_options), &words, &operands);
	return status;
}

const struct nr_cli_command nr_cli_store_rebuild = {
	.help = { .name = "noroshi store rebuild",
		  .summary = "make the observation store again from the journal",
		  .operands = "DIR",
		  .about =
			  "Reads all of DIR/journal into a new store and puts it in the place of DIR/store "
			  "when it is whole. The hub must not run.\n\n"
			  "What the journal no longer holds is not in the new store.",
		  .options = rebuild_options,
		  .n_options = NR_COUNT(rebuild_options) },
	.run = rebuild_run,
};

const struct nr_cli_command nr_cli_store_check = {
	.help = { .name = "noroshi store check",
		  .summary = "do the files of the observation store agree?",
		  .operands = "DIR",
		  .about =
			  "Opens every file, counts the observations of every day and compares them with what "
			  "the file says and with the sums of minutes and hours. The hub must not run.",
		  .options = check_options,
		  .n_options = NR_COUNT(check_options) },
	.run = check_run,
};

const struct nr_cli_command nr_cli_store_query = {
	.help = { .name = "noroshi store query",
		  .summary = "ask the observation store one of its named questions",
		  .operands = "DIR NAME [PARAMETER=VALUE...]",
		  .about =
			  "Without NAME the questions are listed. Times are 2026-11-20T00:00:00Z, or a span "
			  "like 24h: so long before the newest observation. The hub must not run; a running "
			  "one answers by its API.",
		  .examples = "noroshi store query hub top_ports since=6h n=10\n"
			      "    the ten ports that received most in the last six hours\n"
			      "noroshi store query hub port_minutes port=23 --csv\n"
			      "    one port, minute by minute, for a spreadsheet\n",
		  .options = query_options,
		  .n_options = NR_COUNT(query_options) },
	.run = query_run,
};
