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
#include "orient/enrich/locate.h"
#include "orient/online.h"
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

static const char *type_name(uint8_t type)
{
	switch ((enum nr_entry_type)type) {
	case NR_ENTRY_LEDGER:
		return "ledger";
	case NR_ENTRY_BATCH:
		return "batch";
	case NR_ENTRY_GAP:
		return "gap";
	case NR_ENTRY_WATERMARK:
		return "watermark";
	case NR_ENTRY_SENSOR:
		return "sensor";
	case NR_ENTRY_DATA:
		return "data";
	case NR_ENTRY_CONFIG:
		return "config";
	case NR_ENTRY_QUARANTINE:
		return "quarantine";
	}
	return "unknown";
}

static const char *event_name(uint8_t event)
{
	static const char *const names[NR_SENSOR_EVENT_N] = {
		[NR_SENSOR_APPEARED] = "appeared",     [NR_SENSOR_SILENT] = "silent",
		[NR_SENSOR_RETURNED] = "returned",     [NR_SENSOR_FROZEN] = "frozen",
		[NR_SENSOR_THAWED] = "thawed",	       [NR_SENSOR_CLOCK_OFF] = "clock_off",
		[NR_SENSOR_CLOCK_GOOD] = "clock_good", [NR_SENSOR_MONITORED] = "monitored",
		[NR_SENSOR_REVOKED] = "revoked",       [NR_SENSOR_CAUGHT_UP] = "caught_up",
	};

	return event < NR_SENSOR_EVENT_N && names[event] != NULL ? names[event] : "unknown";
}

static void key_uuid(struct nr_json *json, struct nr_uuid uuid)
{
	char text[NR_UUID_TEXT];

	nr_uuid_print(uuid, text);
	nr_json_key(json, "sensor");
	nr_json_str(json, nr_str_from(text));
}

static void key_u64(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void batch_json(struct nr_json *json, const struct nr_entry_batch *batch)
{
	struct nr_batch_info info;

	key_uuid(json, batch->sensor);
	key_u64(json, "epoch", batch->batch.epoch);
	key_u64(json, "seq", batch->batch.seq);
	key_u64(json, "bytes", batch->batch.payload.n);
	if (nr_batch_peek(batch->batch.payload, &info, NULL) == 0)
		key_u64(json, "observations", info.n_rows);
	nr_json_key(json, "imported");
	nr_json_bool(json, batch->imported != 0);
}

static void fields_json(struct nr_json *json, const struct nr_entry *e)
{
	switch ((enum nr_entry_type)e->type) {
	case NR_ENTRY_BATCH:
		batch_json(json, &e->batch);
		break;
	case NR_ENTRY_GAP:
		key_uuid(json, e->gap.sensor);
		key_u64(json, "epoch", e->gap.gap.epoch);
		key_u64(json, "from_seq", e->gap.gap.from_seq);
		key_u64(json, "to_seq", e->gap.gap.to_seq);
		key_u64(json, "observations", e->gap.gap.observations);
		key_u64(json, "reason", e->gap.gap.reason);
		break;
	case NR_ENTRY_WATERMARK:
		nr_json_key(json, "tick");
		nr_json_i64(json, e->watermark.tick);
		break;
	case NR_ENTRY_SENSOR:
		key_uuid(json, e->sensor.sensor);
		nr_json_key(json, "event");
		nr_json_str(json, nr_str_from(event_name(e->sensor.event)));
		nr_json_key(json, "name");
		nr_json_str(json, nr_str_from(e->sensor.name));
		key_u64(json, "monitored_v4", e->sensor.monitored_v4);
		nr_json_key(json, "value");
		nr_json_i64(json, e->sensor.value);
		break;
	case NR_ENTRY_QUARANTINE:
		key_uuid(json, e->text.sensor);
		key_u64(json, "bytes", e->text.text.n);
		break;
	case NR_ENTRY_LEDGER:
	case NR_ENTRY_DATA:
	case NR_ENTRY_CONFIG:
		key_u64(json, "bytes", e->text.text.n);
		break;
	}
}

static int list_json(struct call *call, void *ctx, const struct nr_entry *e, struct nr_err *reterr)
{
	struct nr_json json;

	(void)ctx;
	(void)reterr;
	nr_json_init(&json, &call->out);
	nr_json_object(&json);
	key_u64(&json, "at", e->at);
	nr_json_key(&json, "arrived");
	nr_json_time(&json, (struct nr_time){ e->arrived_ns });
	nr_json_key(&json, "type");
	nr_json_str(&json, nr_str_from(type_name(e->type)));
	nr_json_key(&json, "erased");
	nr_json_bool(&json, e->erased);
	if (!e->erased)
		fields_json(&json, e);
	nr_json_object_end(&json);
	nr_buf_add(&call->out, "\n", 1);
	return call->out.err;
}

/* The same words as the objects have, with blanks between. */
static int list_text(struct call *call, void *ctx, const struct nr_entry *e, struct nr_err *reterr)
{
	char time[NR_TIME_TEXT], uuid[NR_UUID_TEXT] = "";

	(void)ctx;
	(void)reterr;
	(void)nr_time_print((struct nr_time){ e->arrived_ns }, time);
	nr_buf_addf(&call->out, "%10llu  %s  %-10s", (unsigned long long)e->at, time,
		    type_name(e->type));
	if (e->erased) {
		nr_buf_addf(&call->out, "  erased\n");
		return call->out.err;
	}
	if (e->type == NR_ENTRY_BATCH) {
		nr_uuid_print(e->batch.sensor, uuid);
		nr_buf_addf(&call->out, "  %s  %llu/%llu  %zu bytes%s", uuid,
			    (unsigned long long)e->batch.batch.epoch,
			    (unsigned long long)e->batch.batch.seq, e->batch.batch.payload.n,
			    e->batch.imported ? "  imported" : "");
	} else if (e->type == NR_ENTRY_GAP) {
		nr_uuid_print(e->gap.sensor, uuid);
		nr_buf_addf(&call->out, "  %s  %llu/%llu-%llu", uuid,
			    (unsigned long long)e->gap.gap.epoch,
			    (unsigned long long)e->gap.gap.from_seq,
			    (unsigned long long)e->gap.gap.to_seq);
	} else if (e->type == NR_ENTRY_SENSOR) {
		nr_uuid_print(e->sensor.sensor, uuid);
		nr_buf_addf(&call->out, "  %s  %s", uuid, event_name(e->sensor.event));
	} else if (e->type == NR_ENTRY_WATERMARK) {
		nr_buf_addf(&call->out, "  %lld", (long long)e->watermark.tick);
	} else {
		nr_buf_addf(&call->out, "  %zu bytes", e->text.text.n);
	}
	nr_buf_add(&call->out, "\n", 1);
	return call->out.err;
}

static int list(struct call *call, struct nr_err *reterr)
{
	return each_entry(call, call->words.json ? list_json : list_text, NULL, reterr);
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

static int replay(struct call *call, struct nr_err *reterr)
{
	struct nr_online_options options = { .n_workers = (unsigned)call->words.workers,
					     .revision = on_revision,
					     .ctx = call };
	struct nr_prefixes *prefixes = NULL;
	struct nr_online *online = NULL;
	struct nr_online_counts counts;
	char found[PATH_MAX];
	const char *path = call->words.prefixes;
	int ret = 0;

	if (path == NULL && nr_locate(NR_LOCATE_PREFIXES, found, sizeof(found)) == 0)
		path = found;
	if (path != NULL && strcmp(path, "none") != 0)
		ret = nr_prefixes_load(path, &prefixes, reterr);
	options.prefixes = prefixes;
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
	nr_prefixes_free(prefixes);
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
			  "Prints every revision of every finding as a JSON line. The same journal "
			  "and the same prefix data give the same bytes as the hub found when it "
			  "was live.",
		  .examples = "noroshi journal replay /var/lib/noroshi\n    all of it\n",
		  .options = replay_options,
		  .n_options = NR_COUNT(replay_options) },
	.run = run_replay,
};
