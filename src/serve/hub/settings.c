/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/settings.h"

#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

enum { FILE_MAX = 64 << 10 };

const char nr_settings_example[] =
	"# SPDX-License-Identifier: Apache-2.0\n"
	"# Settings of a noroshi hub. What stands here behind # is the default.\n"
	"\n"
	"#listen: 127.0.0.1:7443       # HTTPS: API\n"
	"#ingest: 127.0.0.1:7444       # TLS: sensors\n"
	"#advertise: hub.example:7444  # what sensors are told to reach; without it the same as ingest\n"
	"#api:\n"
	"#  rate: 50                   # requests a second that a token may make,\n"
	"#  burst: 100                 # and more at once up to this many\n"
	"#  streams: 8                 # of events, open at once for a session or token\n"
	"#  recheck_s: 10              # how often a stream asks whether its reader still may\n"
	"#journal:\n"
	"#  segment_mib: 64\n"
	"#  reserve_mib: 256           # given up when the disk is full, so that the hub can still work\n"
	"#  keep_days: 365             # 0: for ever\n"
	"#  keep_gib: 0                # 0: no limit\n"
	"#store:\n"
	"#  enabled: true\n"
	"#  memory_mib: 256\n"
	"#  threads: 2\n"
	"#  keep_days: 365             # 0: for ever\n"
	"#share:\n"
	"#  quorum: 3                  # sensors that must have seen what other members learn of, at least\n"
	"#engine:\n"
	"#  workers: 1\n"
	"#  entries: 0                 # per shard and table; 0: a size for a small hub\n"
	"#  waiting: 1048576           # observations that wait for their second to close\n"
	"#  lateness_s: 3\n"
	"#  silence_s: 60\n"
	"#  prefixes: /path/prefixes   # 'noroshi prefixes build'; names networks and economies\n"
	"#  benign: []                 # lists of known survey scanners\n"
	"#  snapshot_s: 60\n"
	"#  snapshot_mib: 64\n";

/* ---- the schema ---- */

/* As in the file: what is absent is NULL, so that 0 can be said. */
struct file_api {
	uint32_t *rate, *burst, *streams, *recheck_s;
};
struct file_journal {
	uint32_t *segment_mib, *reserve_mib, *keep_days, *keep_gib;
};
struct file_store {
	uint32_t *enabled;
	uint32_t *memory_mib, *threads, *keep_days;
};
struct file_share {
	uint32_t *quorum;
};
struct file_engine {
	uint32_t *workers, *entries, *waiting, *lateness_s, *silence_s, *snapshot_s, *snapshot_mib;
	char *prefixes;
	char **benign;
	unsigned n_benign;
};
struct file {
	char *listen, *ingest, *advertise;
	struct file_api *api;
	struct file_journal *journal;
	struct file_store *store;
	struct file_share *share;
	struct file_engine *engine;
};

struct nr_settings_file {
	struct file *file;
	struct nr_settings settings;
};

#define NUMBER(of, key) \
	CYAML_FIELD_UINT_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct of, key)
#define TEXT(of, key, max)                                                                        \
	CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct of, key, 1, \
			       max)
#define PART(key)                                                                                 \
	CYAML_FIELD_MAPPING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, key, \
				key##_fields)

static const cyaml_strval_t yes_no[] = { { "false", 0 }, { "true", 1 } };
static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, NR_SETTINGS_TEXT),
};
static const cyaml_schema_field_t api_fields[] = { NUMBER(file_api, rate), NUMBER(file_api, burst),
						   NUMBER(file_api, streams),
						   NUMBER(file_api, recheck_s), CYAML_FIELD_END };
static const cyaml_schema_field_t journal_fields[] = {
	NUMBER(file_journal, segment_mib), NUMBER(file_journal, reserve_mib),
	NUMBER(file_journal, keep_days), NUMBER(file_journal, keep_gib), CYAML_FIELD_END
};
static const cyaml_schema_field_t store_fields[] = {
	CYAML_FIELD_ENUM_PTR("enabled",
			     CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
			     struct file_store, enabled, yes_no, NR_COUNT(yes_no)),
	NUMBER(file_store, memory_mib), NUMBER(file_store, threads), NUMBER(file_store, keep_days),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t share_fields[] = { NUMBER(file_share, quorum), CYAML_FIELD_END };
static const cyaml_schema_field_t engine_fields[] = {
	NUMBER(file_engine, workers),
	NUMBER(file_engine, entries),
	NUMBER(file_engine, waiting),
	NUMBER(file_engine, lateness_s),
	NUMBER(file_engine, silence_s),
	NUMBER(file_engine, snapshot_s),
	NUMBER(file_engine, snapshot_mib),
	TEXT(file_engine, prefixes, 4096),
	CYAML_FIELD_SEQUENCE_COUNT("benign", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct file_engine, benign, n_benign, &text_entry, 0,
				   NR_SETTINGS_LISTS),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t top_fields[] = { TEXT(file, listen, NR_SETTINGS_TEXT),
						   TEXT(file, ingest, NR_SETTINGS_TEXT),
						   TEXT(file, advertise, NR_SETTINGS_TEXT),
						   PART(api),
						   PART(journal),
						   PART(store),
						   PART(share),
						   PART(engine),
						   CYAML_FIELD_END };
static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, top_fields),
};

/* ---- bounds and defaults ---- */

struct number {
	const char *part, *key;
	size_t in_part; /* of the pointer */
	size_t to;	/* in struct nr_settings */
	uint32_t fallback, lo, hi;
};

#define ROW(p, k, member, fallback_, lo_, hi_)                                                    \
	{                                                                                         \
		.part = #p, .key = #k, .in_part = offsetof(struct file_##p, k),                   \
		.to = offsetof(struct nr_settings, member), .fallback = (fallback_), .lo = (lo_), \
		.hi = (hi_)                                                                       \
	}

static const struct number numbers[] = {
	ROW(api, rate, rate, 50, 1, 1000000),
	ROW(api, burst, burst, 100, 1, 1000000),
	ROW(api, streams, streams, 8, 1, 2000),
	ROW(api, recheck_s, recheck_s, 10, 1, 30),
	ROW(journal, segment_mib, segment_mib, 64, 1, 1024),
	ROW(journal, reserve_mib, reserve_mib, 256, 0, 65536),
	ROW(journal, keep_days, journal_days, 365, 0, 36500),
	ROW(journal, keep_gib, journal_gib, 0, 0, 1000000),
	ROW(store, enabled, store, 1, 0, 1),
	ROW(store, memory_mib, store_memory_mib, 256, 64, 1000000),
	ROW(store, threads, store_threads, 2, 1, 256),
	ROW(store, keep_days, store_days, 365, 0, 36500),
	ROW(share, quorum, quorum, 3, 3, 1000),
	ROW(engine, workers, workers, 1, 1, 64),
	ROW(engine, entries, entries, 0, 0, 1 << 24),
	ROW(engine, waiting, waiting, 1 << 20, 1024, 1 << 30),
	ROW(engine, lateness_s, lateness_s, 3, 0, 600),
	ROW(engine, silence_s, silence_s, 60, 2, 86400),
	ROW(engine, snapshot_s, snapshot_s, 60, 1, 86400),
	ROW(engine, snapshot_mib, snapshot_mib, 64, 1, 65536),
};

static const void *part_of(const struct file *file, const char *part)
{
	if (strcmp(part, "api") == 0)
		return file->api;
	if (strcmp(part, "journal") == 0)
		return file->journal;
	if (strcmp(part, "share") == 0)
		return file->share;
	return strcmp(part, "store") == 0 ? (const void *)file->store : file->engine;
}

/*
 * Line of the first `key:`, or of the last; 0: not there. For messages: the words of libcyaml give the
 * place before the fault.
 */
static unsigned line_of(struct nr_str text, struct nr_str key, bool last)
{
	unsigned found = 0;

	for (unsigned line = 1; text.n > 0; line++) {
		struct nr_str row = nr_str_trim(nr_str_cut(&text, '\n'));

		if (!nr_str_starts(row, key) || row.n == key.n || row.p[key.n] != ':')
			continue;
		found = line;
		if (!last)
			break;
	}
	return found;
}

static int take_numbers(const struct file *file, struct nr_str text, struct nr_settings *settings,
			struct nr_err *reterr)
{
	for (size_t i = 0; i < NR_COUNT(numbers); i++) {
		const struct number *number = &numbers[i];
		const char *part = part_of(file, number->part);
		uint32_t v = number->fallback, *const *said = NULL;

		if (part != NULL)
			said = (uint32_t *const *)(const void *)(part + number->in_part);
		if (said != NULL && *said != NULL)
			v = **said;
		if (v < number->lo || v > number->hi)
			return nr_fail(reterr, NR_EFORMAT, "line %u: %s.%s is from %u to %u",
				       line_of(text, nr_str_from(number->key), false), number->part,
				       number->key, number->lo, number->hi);
		memcpy((char *)settings + number->to, &v, sizeof(v));
	}
	return 0;
}

static int take(const struct file *file, struct nr_str text, struct nr_settings *settings,
		struct nr_err *reterr)
{
	*settings = (struct nr_settings){
		.listen = file->listen != NULL ? file->listen : "127.0.0.1:7443",
		.ingest = file->ingest != NULL ? file->ingest : "127.0.0.1:7444",
		.advertise = file->advertise,
	};
	if (file->engine != NULL) {
		settings->prefixes = file->engine->prefixes;
		settings->benign = (const char *const *)file->engine->benign;
		settings->n_benign = file->engine->n_benign;
	}
	return take_numbers(file, text, settings, reterr);
}

/* ---- reading ---- */

struct log {
	char first[160]; /* what is wrong */
	char where[160]; /* the innermost place */
};

/* The format is libcyaml's. */
__attribute__((format(printf, 3, 0))) static void on_log(cyaml_log_t level, void *ctx,
							 const char *fmt, va_list args)
{
	struct log *log = ctx;
	char line[160];

	(void)level;
	if (vsnprintf(line, sizeof(line), fmt, args) < 0)
		return;
	line[strcspn(line, "\n")] = '\0';
	if (log->first[0] == '\0')
		(void)snprintf(log->first, sizeof(log->first), "%s", line);
	else if (log->where[0] == '\0' && strstr(line, "(line: ") != NULL)
		(void)snprintf(log->where, sizeof(log->where), "%s", line);
}

static int explain(const struct log *log, struct nr_str text, struct nr_err *reterr)
{
	static const char unknown[] = "Load: Unexpected key: ";
	static const char twice[] = "Load: Mapping field already seen: ";
	const char *at = strstr(log->where, "(line: ");
	const char *what = strncmp(log->first, "Load: ", 6) == 0 ? log->first + 6 : log->first;
	char shown[128];
	unsigned line = 0;

	if (strncmp(log->first, unknown, sizeof(unknown) - 1) == 0)
		line = line_of(text, nr_str_from(log->first + sizeof(unknown) - 1), false);
	if (strncmp(log->first, twice, sizeof(twice) - 1) == 0)
		line = line_of(text, nr_str_from(log->first + sizeof(twice) - 1), true);
	if (line == 0 && at != NULL) {
		struct nr_str rest = { at + 7, strspn(at + 7, "0123456789") };
		uint64_t n;

		if (nr_str_u64(rest, 0, UINT32_MAX, &n) == 0)
			line = (unsigned)n;
	}
	nr_str_escape(nr_str_from(what), shown, sizeof(shown));
	return nr_fail(reterr, NR_EFORMAT, "line %u: %s", line,
		       shown[0] != '\0' ? shown : "this is no YAML");
}

static int parse(struct nr_str text, struct file **ret_file, struct nr_err *reterr)
{
	struct log log = { 0 };
	cyaml_config_t config = { .log_fn = on_log,
				  .log_ctx = &log,
				  .log_level = CYAML_LOG_ERROR,
				  .mem_fn = cyaml_mem,
				  .flags = CYAML_CFG_NO_ALIAS };
	cyaml_err_t err = cyaml_load_data((const uint8_t *)text.p, text.n, &config, &top_schema,
					  (cyaml_data_t **)ret_file, NULL);

	if (err == CYAML_ERR_OOM)
		return nr_fail(reterr, -ENOMEM, "no memory");
	if (err != CYAML_OK)
		return explain(&log, text, reterr);
	return 0;
}

int nr_settings_read(const char *path, struct nr_settings_file **ret_file, struct nr_err *reterr)
{
	struct nr_settings_file *file = calloc(1, sizeof(*file));
	struct nr_bytes text = { 0 };
	int ret;

	if (file == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	ret = nr_io_slurp(path, FILE_MAX, &text, reterr);
	if (ret == NR_ELIMIT)
		(void)nr_fail(reterr, ret, "%s: too large: settings have at most %d KiB", path,
			      FILE_MAX >> 10);
	if (ret < 0) {
		free(file);
		return ret;
	}
	struct nr_str str = { (const char *)text.p, text.n };

	ret = parse(str, &file->file, reterr);
	if (ret == 0 && file->file == NULL) { /* nothing but comments */
		file->file = calloc(1, sizeof(*file->file));
		ret = file->file == NULL ? nr_fail(reterr, -ENOMEM, "no memory") : 0;
	}
	if (ret == 0 && file->file != NULL)
		ret = take(file->file, str, &file->settings, reterr);
	free((void *)(uintptr_t)text.p);
	if (ret < 0) {
		nr_settings_free(file);
		return nr_err_prefix(reterr, "%s", path);
	}
	*ret_file = file;
	return 0;
}

const struct nr_settings *nr_settings_of(const struct nr_settings_file *file)
{
	return &file->settings;
}

struct nr_settings_file *nr_settings_free(struct nr_settings_file *file)
{
	static const cyaml_config_t config = { .log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem };

	if (file != NULL && file->file != NULL)
		(void)cyaml_free(&config, &top_schema, file->file, 0);
	free(file);
	return NULL;
}

/* ---- printing ---- */

static void print_text(struct nr_buf *out, const char *key, const char *value)
{
	if (value != NULL)
		nr_buf_addf(out, "%s: %s\n", key, value);
}

void nr_settings_print(const struct nr_settings *settings, struct nr_buf *out)
{
	const char *part = "";

	print_text(out, "listen", settings->listen);
	print_text(out, "ingest", settings->ingest);
	print_text(out, "advertise", settings->advertise);
	for (size_t i = 0; i < NR_COUNT(numbers); i++) {
		const char *at = (const char *)settings + numbers[i].to;
		uint32_t v;

		memcpy(&v, at, sizeof(v));
		if (strcmp(part, numbers[i].part) != 0)
			nr_buf_addf(out, "%s:\n", part = numbers[i].part);
		if (strcmp(numbers[i].key, "enabled") == 0)
			nr_buf_addf(out, "  enabled: %s\n", v != 0 ? "true" : "false");
		else
			nr_buf_addf(out, "  %s: %u\n", numbers[i].key, v);
	}
	print_text(out, "  prefixes", settings->prefixes); /* engine is the last part */
	if (settings->n_benign > 0)
		nr_buf_addf(out, "  benign:\n");
	for (unsigned i = 0; i < settings->n_benign; i++)
		nr_buf_addf(out, "    - %s\n", settings->benign[i]);
}

/* ---- comparing ---- */

/* What is read anew each time it is used, or is handed on by nr_hub_reload(). */
static const char *const live_keys[] = {
	"advertise",	       "api.rate",	   "api.burst",
	"journal.keep_days",   "journal.keep_gib", "store.keep_days",
	"engine.lateness_s",   "engine.silence_s", "engine.snapshot_s",
	"engine.snapshot_mib", "engine.benign",
};

static bool is_live(const char *key)
{
	for (size_t i = 0; i < NR_COUNT(live_keys); i++)
		if (strcmp(live_keys[i], key) == 0)
			return true;
	return false;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_lists(const struct nr_settings *a, const struct nr_settings *b)
{
	bool same = a->n_benign == b->n_benign;

	for (unsigned i = 0; same && i < a->n_benign; i++)
		same = strcmp(a->benign[i], b->benign[i]) == 0;
	return same;
}

void nr_settings_compare(const struct nr_settings *a, const struct nr_settings *b,
			 void (*each)(void *ctx, const char *key, bool live), void *ctx)
{
	const struct {
		const char *key;
		bool same;
	} texts[] = {
		{ "listen", same_text(a->listen, b->listen) },
		{ "ingest", same_text(a->ingest, b->ingest) },
		{ "advertise", same_text(a->advertise, b->advertise) },
		{ "engine.prefixes", same_text(a->prefixes, b->prefixes) },
		{ "engine.benign", same_lists(a, b) },
	};
	char key[64];

	for (size_t i = 0; i < NR_COUNT(texts); i++)
		if (!texts[i].same)
			each(ctx, texts[i].key, is_live(texts[i].key));
	for (size_t i = 0; i < NR_COUNT(numbers); i++) {
		size_t to = numbers[i].to;

		if (memcmp((const char *)a + to, (const char *)b + to, sizeof(uint32_t)) == 0)
			continue;
		(void)snprintf(key, sizeof(key), "%s.%s", numbers[i].part, numbers[i].key);
		each(ctx, key, is_live(key));
	}
}
