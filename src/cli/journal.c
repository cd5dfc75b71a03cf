/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi journal verify | list | export | replay: what a hub has acknowledged, and what follows from it. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/journal_words.h"
#include "orient/enrich/benign.h"
#include "orient/enrich/locate.h"
#include "orient/online.h"
#include "serve/hub/settings.h"
#include "store/journal.h"

enum { OUT_MAX = NR_ENTRY_MAX + (4 << 20), OUT_FLUSH = 1 << 20, SHOWN = 320 };

struct words {
	const char *key, *out, *prefixes;
	uint64_t from, to, workers;
	bool json;
};

#define FROM                                                                      \
	{                                                                         \
		.name = "from", .type = NR_OPT_U64, .value = "PLACE",             \
		.offset = offsetof(struct words, from),                           \
		.help = "Begin with this place; without it with the oldest kept." \
	}
#define TO                                                                 \
	{                                                                  \
		.name = "to", .type = NR_OPT_U64, .value = "PLACE",        \
		.offset = offsetof(struct words, to),                      \
		.help = "End with this place; without it with the newest." \
	}

static const struct nr_option verify_options[] = {
	{ .name = "key",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct words, key),
	  .help = "Public key that must have signed every closed segment; without it "
		  "keys/journal.pub of the hub." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "One object." },
};
static const struct nr_option list_options[] = {
	FROM,
	TO,
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "One object a line." },
};
static const struct nr_option export_options[] = {
	FROM,
	TO,
	{ .name = "out",
	  .letter = 'o',
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct words, out),
	  .help = "Write the observations to FILE, which 'noroshi flows print' and 'noroshi "
		  "observe' read." },
};
static const struct nr_option replay_options[] = {
	FROM,
	TO,
	{ .name = "prefixes",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct words, prefixes),
	  .help = "Use this prefix file; 'none' for none." },
	{ .name = "workers",
	  .type = NR_OPT_U64,
	  .lo = 1,
	  .hi = 64,
	  .fallback = "1",
	  .value = "N",
	  .offset = offsetof(struct words, workers),
	  .help = "Threads of the detectors; the findings are the same for any number." },
};

struct call {
	struct words words;
	struct nr_option_list operands;
	char dir[PATH_MAX], home[PATH_MAX]; /* of the journal, of the hub */
	struct nr_buf out;
};

/* A hub's directory holds its journal in journal/; a journal alone may be named too. */
static int find_dir(struct call *call, struct nr_err *reterr)
{
	struct stat st;
	int n;

	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	n = snprintf(call->home, PATH_MAX, "%s", call->operands.items[0].p);
	if (n < 0 || n >= PATH_MAX - 32)
		return nr_fail(reterr, -ENAMETOOLONG, "%s", nr_err_text(-ENAMETOOLONG));
	(void)snprintf(call->dir, PATH_MAX, "%.*s/journal", PATH_MAX - 16, call->home);
	if (stat(call->dir, &st) < 0 || !S_ISDIR(st.st_mode))
		(void)snprintf(call->dir, PATH_MAX, "%s", call->home);
	if (stat(call->dir, &st) < 0)
		return nr_fail(reterr, -errno, "%s: %s", call->dir, nr_err_text(-errno));
	return 0;
}

/* Every entry from --from to --to, in order. */
static int each_entry(struct call *call,
		      int (*take)(struct call *call, void *ctx, const struct nr_entry *entry,
				  struct nr_err *reterr),
		      void *ctx, struct nr_err *reterr)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	int ret = nr_journal_reader_open(call->dir, call->words.from, NULL, &reader, reterr);

	while (ret == 0 && (ret = nr_journal_reader_next(reader, &entry, reterr)) == 1) {
		if (call->words.to != 0 && entry.at > call->words.to) {
			ret = 0;
			break;
		}
		ret = take(call, ctx, &entry, reterr);
		if (ret == 0 && call->out.n >= OUT_FLUSH && nr_cli_flush(&call->out) < 0)
			ret = nr_fail(reterr, -EIO, "standard output: cannot write");
	}
	nr_journal_reader_close(reader);
	return ret;
}

/* ---- verify ---- */

static int read_key(struct call *call, uint8_t key[NR_PUBLIC_KEY_SIZE], bool *ret_has,
		    struct nr_err *reterr)
{
	char path[PATH_MAX];
	struct nr_bytes bytes;
	int ret;

	(void)snprintf(path, PATH_MAX, "%.*s/keys/journal.pub", PATH_MAX - 32, call->home);
	*ret_has = false;
	ret = nr_io_slurp(call->words.key != NULL ? call->words.key : path, 4096, &bytes, reterr);
	if (ret == -ENOENT && call->words.key == NULL)
		return 0;
	if (ret < 0)
		return ret;
	if (bytes.n == NR_PUBLIC_KEY_SIZE) {
		memcpy(key, bytes.p, NR_PUBLIC_KEY_SIZE);
		*ret_has = true;
	} else {
		ret = nr_fail(reterr, NR_EFORMAT, "a public key has %d bytes, this file %zu",
			      NR_PUBLIC_KEY_SIZE, bytes.n);
	}
	free((void *)(uintptr_t)bytes.p);
	return ret;
}

static void report_json(struct nr_buf *out, const struct nr_journal_report *r)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
#define ROW(name)                  \
	nr_json_key(&json, #name); \
	nr_json_u64(&json, r->name)
	ROW(segments);
	ROW(records);
	ROW(bytes);
	ROW(erased);
	ROW(signed_heads);
	ROW(bad_heads);
	ROW(first_at);
	ROW(last_at);
	ROW(faults);
	ROW(torn_bytes);
#undef ROW
	nr_json_key(&json, "chain");
	nr_json_hex(&json, (struct nr_bytes){ r->chain.b, NR_DIGEST_SIZE });
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
}

static void report_text(struct nr_buf *out, const struct nr_journal_report *r, bool has_key)
{
	nr_buf_addf(out,
		    "%llu segments, %llu records (places %llu to %llu), %.1f MB, %llu erased\n",
		    (unsigned long long)r->segments, (unsigned long long)r->records,
		    (unsigned long long)r->first_at, (unsigned long long)r->last_at,
		    (double)r->bytes / 1e6, (unsigned long long)r->erased);
	nr_buf_addf(out, "%llu heads signed, %llu not as they should be%s\n",
		    (unsigned long long)r->signed_heads, (unsigned long long)r->bad_heads,
		    has_key ? "" : " (no key given: each by the key it names)");
	if (r->torn_bytes > 0)
		nr_buf_addf(out, "%llu bytes at the end were never acknowledged\n",
			    (unsigned long long)r->torn_bytes);
	nr_buf_addf(out, "%llu faults; the chain ends in ", (unsigned long long)r->faults);
	for (size_t i = 0; i < NR_DIGEST_SIZE; i++)
		nr_buf_addf(out, "%02x", r->chain.b[i]);
	nr_buf_add(out, "\n", 1);
}

static int verify(struct call *call, struct nr_err *reterr)
{
	struct nr_journal_report report = { .segments = 0 };
	uint8_t key[NR_PUBLIC_KEY_SIZE];
	bool has_key = false;
	int ret = read_key(call, key, &has_key, reterr);

	if (ret < 0)
		return ret;
	ret = nr_journal_verify(call->dir, has_key ? key : NULL, &report, reterr);
	if (ret < 0 && report.faults == 0)
		return ret;
	if (call->words.json)
		report_json(&call->out, &report);
	else
		report_text(&call->out, &report, has_key);
	return ret;
}

/* ---- list ---- */

static int list_one(struct call *call, void *ctx, const struct nr_entry *e, struct nr_err *reterr)
{
	(void)ctx;
	(void)reterr;
	if (call->words.json)
		nr_journal_words_json(e, &call->out);
	else
		nr_journal_words_text(e, &call->out);
	return call->out.err;
}

static int list(struct call *call, struct nr_err *reterr)
{
	return each_entry(call, list_one, NULL, reterr);
}

/* ---- export ---- */

struct flows {
	int fd;
	uint64_t batches, bytes;
};

static int export_one(struct call *call, void *ctx, const struct nr_entry *e, struct nr_err *reterr)
{
	struct flows *f = ctx;
	struct nr_bytes payload = e->batch.batch.payload;
	int ret;

	(void)call;
	if (e->type != NR_ENTRY_BATCH || e->erased)
		return 0;
	ret = nr_io_write_all(f->fd, payload.p, payload.n);
	if (ret < 0)
		return nr_fail(reterr, ret, "cannot write: %s", nr_err_text(ret));
	f->batches++;
	f->bytes += payload.n;
	return 0;
}

static int export(struct call *call, struct nr_err *reterr)
{
	struct flows f = { .fd = -1 };
	char *temp = NULL;
	int ret;

	if (call->words.out == NULL)
		return nr_fail(reterr, NR_EUSAGE, "where to? name a file with --out FILE");
	f.fd = nr_io_temp_open(call->words.out, &temp);
	if (f.fd < 0)
		return nr_fail(reterr, f.fd, "%s: %s", call->words.out, nr_err_text(f.fd));
	ret = nr_io_write_all(f.fd, NR_BATCH_MAGIC, NR_BATCH_MAGIC_SIZE);
	if (ret < 0)
		(void)nr_fail(reterr, ret, "%s: %s", call->words.out, nr_err_text(ret));
	if (ret == 0)
		ret = each_entry(call, export_one, &f, reterr);
	if (ret < 0) {
		nr_io_temp_drop(f.fd, temp);
	} else {
		ret = nr_io_temp_commit(f.fd, temp, call->words.out);
		if (ret < 0)
			(void)nr_fail(reterr, ret, "%s: %s", call->words.out, nr_err_text(ret));
		else
			(void)fprintf(stderr, "%s: %llu batches, %.1f MB\n", call->words.out,
				      (unsigned long long)f.batches, (double)f.bytes / 1e6);
	}
	free(temp);
	return ret;
}

/* ---- replay ---- */

static int on_revision(void *ctx, const struct nr_revision *revision)
{
	struct call *call = ctx;

	nr_revision_json(revision, &call->out);
	nr_buf_add(&call->out, "\n", 1);
	return call->out.err;
}

static int feed(struct call *call, void *ctx, const struct nr_entry *entry, struct nr_err *reterr)
{
	int ret = nr_online_feed(ctx, entry, reterr);

	(void)call;
	return ret == NR_EDAMAGED ? 0 : ret; /* left out and counted, as the hub does */
}

/* What a hub's detectors are given beside the journal. */
struct given {
	struct nr_settings_file *file; /* NULL: a journal without a hub */
	struct nr_prefixes *prefixes;
	struct nr_benign_lists *benign;
};

static void given_done(struct given *g)
{
	nr_prefixes_free(g->prefixes);
	nr_benign_free(g->benign);
	nr_settings_free(g->file);
}

static int read_settings(const struct call *call, struct given *g, struct nr_err *reterr)
{
	char path[PATH_MAX];
	int ret;

	(void)snprintf(path, PATH_MAX, "%.*s/hub.yaml", PATH_MAX - 16, call->home);
	ret = nr_settings_read(path, &g->file, reterr);
	return ret == -ENOENT ? 0 : ret;
}

/* The same way as the hub: serve/follow_engine.c. */
static int read_data(const struct call *call, struct given *g, struct nr_err *reterr)
{
	const struct nr_settings *set = g->file != NULL ? nr_settings_of(g->file) : NULL;
	const char *path = call->words.prefixes;
	char found[PATH_MAX];
	int ret = 0;

	if (path == NULL && set != NULL)
		path = set->prefixes;
	if (path == NULL && nr_locate(NR_LOCATE_PREFIXES, found, sizeof(found)) == 0)
		path = found;
	if (path != NULL && strcmp(path, "none") != 0)
		ret = nr_prefixes_load(path, &g->prefixes, reterr);
	if (ret == 0 && nr_benign_new(&g->benign) < 0)
		ret = nr_fail(reterr, -ENOMEM, "no memory");
	for (unsigned i = 0; ret == 0 && set != NULL && i < set->n_benign; i++)
		ret = nr_benign_add(g->benign, set->benign[i], reterr);
	return ret;
}

static int replay(struct call *call, struct nr_err *reterr)
{
	struct nr_online_options options = { .n_workers = (unsigned)call->words.workers,
					     .revision = on_revision,
					     .ctx = call };
	struct nr_online *online = NULL;
	struct nr_online_counts counts;
	struct given g = { .file = NULL };
	int ret = read_settings(call, &g, reterr);

	if (ret == 0)
		ret = read_data(call, &g, reterr);
	options.prefixes = g.prefixes;
	options.benign = g.benign;
	if (g.file != NULL) {
		options.max_entries = nr_settings_of(g.file)->entries;
		options.max_waiting = nr_settings_of(g.file)->waiting;
	}
	if (ret == 0)
		ret = nr_online_new(&options, &online, reterr);
	if (ret == 0)
		ret = each_entry(call, feed, online, reterr);
	if (ret == 0) {
		nr_online_counts(online, &counts);
		(void)fprintf(stderr,
			      "place %llu: %llu observations, %llu findings, %llu revisions\n",
			      (unsigned long long)counts.at,
			      (unsigned long long)counts.observations,
			      (unsigned long long)counts.findings,
			      (unsigned long long)counts.revisions);
	}
	nr_online_free(online);
	given_done(&g);
	return ret;
}

/* ---- commands ---- */

static int run(const struct nr_cli_command *command, int argc, char **argv,
	       int (*act)(struct call *call, struct nr_err *reterr))
{
	struct call *call = calloc(1, sizeof(*call));
	struct nr_err err = { .code = 0 };
	int status;

	if (call == NULL) {
		(void)nr_fail(&err, -ENOMEM, "no memory");
		return nr_cli_fail(command, &err);
	}
	nr_buf_init(&call->out, OUT_MAX);
	status = nr_cli_begin(command, argc, argv, &call->words, &call->operands);
	if (status == NR_CLI_GO_ON) {
		int ret = find_dir(call, &err);

		if (ret == 0)
			ret = act(call, &err);
		status = NR_CLI_DONE;
		if (nr_cli_flush(&call->out) < 0)
			status = NR_CLI_FAILED;
		if (ret < 0)
			status = nr_cli_fail(command, &err);
	}
	nr_option_release(command->help.options, command->help.n_options, &call->words,
			  &call->operands);
	nr_buf_done(&call->out);
	free(call);
	return status;
}

static int run_verify(int argc, char **argv)
{
	return run(&nr_cli_journal_verify, argc, argv, verify);
}
static int run_list(int argc, char **argv)
{
	return run(&nr_cli_journal_list, argc, argv, list);
}
static int run_export(int argc, char **argv)
{
	return run(&nr_cli_journal_export, argc, argv, export);
}
static int run_replay(int argc, char **argv)
{
	return run(&nr_cli_journal_replay, argc, argv, replay);
}

const struct nr_cli_command nr_cli_journal_verify = {
	.help = { .name = "noroshi journal verify",
		  .summary = "read all of a hub's journal and doubt all of it",
		  .operands = "DIR",
		  .about =
			  "Checks every sum and digest, the chain through all records, how segments "
			  "follow each other, and the signature of each closed segment. Goes on "
			  "behind a fault; the first is named with file and byte.\n\n"
			  "DIR is the hub's directory, or a journal alone. It may be in use.",
		  .examples = "noroshi journal verify /var/lib/noroshi\n    before a backup\n",
		  .options = verify_options,
		  .n_options = NR_COUNT(verify_options) },
	.run = run_verify,
};
const struct nr_cli_command nr_cli_journal_list = {
	.help = { .name = "noroshi journal list",
		  .summary = "list the entries of a hub's journal",
		  .operands = "DIR",
		  .about = "One line an entry: place, arrival, type, and what it is of.",
		  .examples = "noroshi journal list --json --from 1000 --to 1999 /var/lib/noroshi\n"
			      "    a thousand entries as JSON lines\n",
		  .options = list_options,
		  .n_options = NR_COUNT(list_options) },
	.run = run_list,
};
const struct nr_cli_command nr_cli_journal_export = {
	.help = { .name = "noroshi journal export",
		  .summary = "write the observations of a hub's journal to a file",
		  .operands = "DIR",
		  .about = "What was erased is left out. Batches are written as they came.",
		  .examples = "noroshi journal export --out all.flows /var/lib/noroshi\n"
			      "    for 'noroshi flows print all.flows'\n",
		  .options = export_options,
		  .n_options = NR_COUNT(export_options) },
	.run = run_export,
};
const struct nr_cli_command nr_cli_journal_replay = {
	.help = { .name = "noroshi journal replay",
		  .summary = "run the detectors over a hub's journal again",
		  .operands = "DIR",
		  .about =
			  "Prints every revision of every finding as a JSON line. The same journal, "
			  "settings, prefix data and lists give the same bytes as the hub found "
			  "when it was live; the settings are those of its hub.yaml.",
		  .examples = "noroshi journal replay /var/lib/noroshi\n    all of it\n",
		  .options = replay_options,
		  .n_options = NR_COUNT(replay_options) },
	.run = run_replay,
};
