/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_store DIR ROWS [HOURS] [flows=FILE] [batch=N] [commit=N] [only-write] [rows-only]: what the
 * observation store costs. Writes ROWS observations to a new store in DIR, then asks the named queries, each
 * three times; ROWS 0 only asks. Observations are made up here, with the skew of a telescope (few
 * ports and sources send most), spread evenly over HOURS (24); or they come from FILE (noroshi
 * observe --write-flows), repeated as often as needed. Making a batch is not in the times.
 * Environment: MEMORY_MIB and THREADS of DuckDB.
 *
 * Times are of processor and clock; memory is what the process holds (VmHWM).
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/hash.h"
#include "base/io.h"
#include "record/payload.h"
#include "record/proto.h"
#include "store/duck/rollup.h"
#include "store/observations.h"

enum { SENSORS = 5, SOURCES = 400000, PORTS = 65536, ASES = 40000, PATH = 4096 };
static const uint32_t START = 1767571200; /* 2026-01-05 */

struct bench {
	uint64_t rows, seconds, batch, commit;
	const char *dir, *flows;
	bool only_write;
	struct nr_observation *obs;
	size_t n_obs;
	struct nr_batch_encoder *encoder;
	struct nr_buf out;
	uint64_t at, made, seed;
	struct nr_uuid sensors[SENSORS];
	struct nr_bytes file;
	size_t file_at;
	struct nr_batch_decoder *decoder;
};

/* rows-only: what remains when no sums are kept (linked with --wrap). */
static bool rows_only;
int __real_nr_rollup_add(struct nr_rollup *rollup, uint32_t sensor,
			 const struct nr_observation *const *obs,
			 const struct nr_rollup_place *places, size_t n);
int __wrap_nr_rollup_add(struct nr_rollup *rollup, uint32_t sensor,
			 const struct nr_observation *const *obs,
			 const struct nr_rollup_place *places, size_t n);

int __wrap_nr_rollup_add(struct nr_rollup *rollup, uint32_t sensor,
			 const struct nr_observation *const *obs,
			 const struct nr_rollup_place *places, size_t n)
{
	return rows_only ? 0 : __real_nr_rollup_add(rollup, sensor, obs, places, n);
}

static void die(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(1);
}

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next(struct bench *b)
{
	return nr_mix64(b->seed++);
}

static double uniform(struct bench *b)
{
	return (double)(next(b) >> 11) * 0x1p-53;
}

/* Rank of a Zipf-like choice among n, exponent about 1. */
static uint64_t skewed(struct bench *b, uint64_t n)
{
	double rank = exp(uniform(b) * log((double)n + 1)) - 1;

	return rank < 0 ? 0 : rank >= (double)n ? n - 1 : (uint64_t)rank;
}

static struct nr_observation make(struct bench *b, int64_t tick)
{
	/* A third is of few heavy sources, the rest of the long tail; a source keeps its tool. */
	uint64_t who = next(b) % 3 == 0 ? skewed(b, SOURCES) : next(b) % SOURCES;
	uint64_t self = nr_mix64(who + 77), roll = next(b);
	uint16_t port = self % 4 == 0 ? (uint16_t)nr_mix64(skewed(b, PORTS) + 5)
				      : (uint16_t)nr_mix64(self % 41 + 900);
	bool udp = self % 11 == 0;
	struct nr_observation obs = {
		.src = nr_ip_v4((uint32_t)(self >> 8)),
		.dst = nr_ip_v4(0xc6330000 | (uint32_t)(roll & 0xffff)),
		.tick = tick,
		.packets = roll % 16 == 0 ? 1 + (uint32_t)(roll >> 60) : 1,
		.first = (uint32_t)(roll >> 20 & 0xfffff) % 1000000 * 1000,
		.sport = self % 3 == 0 ? 61000 : (uint16_t)(roll >> 40),
		.dport = port,
		.window = udp ? 0 : (uint16_t[]){ 65535, 1024, 64240, 14600, 0xffff }[self % 5],
		.proto = udp ? NR_PROTO_UDP : NR_PROTO_TCP,
		.traffic_class = self % 29 == 0 ? NR_CLASS_BACKSCATTER : NR_CLASS_SCAN,
		.payload = NR_PAYLOAD_NONE,
		.payload_hash = udp ? (uint32_t)nr_mix64(port) : 0,
		.opt_hash = udp || self % 5 == 1 ? 0 : (uint32_t)nr_mix64(self % 13),
		.tcp_flags = udp ? 0 : 2,
		.ttl_min = (uint8_t)(40 + self % 200),
	};
	obs.ttl_max = obs.ttl_min;
	obs.last = obs.first;
	obs.bytes = (uint64_t)obs.packets * (udp ? 60 : self % 5 == 1 ? 40 : 60);
	if (self % 7 == 0 && !udp)
		obs.marks[NR_MARK_MIRAI] = (uint8_t)obs.packets;
	return obs;
}

static size_t from_file(struct bench *b, size_t want)
{
	struct nr_batch_info info;
	struct nr_err err;
	size_t n = 0;

	while (n < want) {
		size_t got = b->file_at == 0
				     ? 0
				     : nr_batch_decoder_next(b->decoder, b->obs + n, want - n);

		if (got == 0) {
			struct nr_bytes rest = { b->file.p + b->file_at, b->file.n - b->file_at };

			if (b->file_at == 0 || rest.n == 0)
				b->file_at = NR_BATCH_MAGIC_SIZE;
			rest = (struct nr_bytes){ b->file.p + b->file_at, b->file.n - b->file_at };
			if (nr_batch_decoder_open(b->decoder, rest, &info, &err) < 0)
				die(err.msg);
			b->file_at += info.size;
		}
		n += got;
	}
	return n;
}

/* The next batch, encoded: what a journal would hand over. */
static size_t make_batch(struct bench *b)
{
	int64_t tick = START + (int64_t)((double)b->made / (double)b->rows * (double)b->seconds);
	size_t n = (size_t)(b->rows - b->made < b->batch ? b->rows - b->made : b->batch);

	if (b->file.p != NULL)
		n = from_file(b, n);
	else
		for (size_t i = 0; i < n; i++)
			b->obs[i] = make(b, tick);
	if (nr_batch_encoder_add(b->encoder, b->obs, n) != n)
		die("a batch takes no more");
	nr_buf_reset(&b->out);
	if (nr_batch_encoder_finish(b->encoder, &b->out) < 0)
		die("encoder");
	b->made += n;
	return n;
}

static void locate(void *ctx, struct nr_ip ip, struct nr_store_place *ret_place)
{
	uint64_t net = nr_mix64(nr_ip_to_v4(ip) >> 12);
	double rank = exp((double)(net >> 11) * 0x1p-53 * log(ASES));

	(void)ctx;
	ret_place->asn = 1 + (uint32_t)rank;
	ret_place->economy[0] = (char)('A' + ret_place->asn % 20);
	ret_place->economy[1] = (char)('A' + ret_place->asn % 11);
}

static uint64_t bytes_below(const char *dir)
{
	char path[PATH];
	uint64_t bytes = 0;
	struct stat st;
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.' && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	}
	if (d != NULL)
		(void)closedir(d);
	return bytes;
}

static uint64_t resident_kib(const char *what)
{
	char line[256];
	uint64_t kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, what, strlen(what)) == 0)
			kib = strtoull(line + strlen(what) + 1, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return kib;
}

static struct nr_store *open_store(const struct bench *b, bool read_only)
{
	const char *memory = getenv("MEMORY_MIB"), *threads = getenv("THREADS");
	struct nr_store_options options = {
		.dir = b->dir,
		.memory_bytes = memory != NULL ? strtoull(memory, NULL, 10) << 20 : 0,
		.threads = threads != NULL ? (unsigned)strtoul(threads, NULL, 10) : 0,
		.read_only = read_only,
		.locate = locate,
	};
	struct nr_store *store = NULL;
	struct nr_err err;

	if (nr_store_open(&options, &store, &err) < 0)
		die(err.msg);
	return store;
}

static void write_all(struct bench *b)
{
	struct nr_store *store = open_store(b, false);
	double spent = 0, worst = 0, processor = 0;
	uint64_t since_commit = 0;
	struct nr_err err;

	while (b->made < b->rows) {
		struct nr_entry entry = { .at = ++b->at,
					  .arrived_ns = INT64_MAX,
					  .type = NR_ENTRY_BATCH,
					  .batch = { .sensor = b->sensors[b->at % SENSORS] } };

		since_commit += make_batch(b);
		entry.batch.batch.payload = (struct nr_bytes){ b->out.p, b->out.n };
		double t = seconds_of(CLOCK_MONOTONIC), p = seconds_of(CLOCK_PROCESS_CPUTIME_ID);

		if (nr_store_add(store, &entry, &err) < 0)
			die(err.msg);
		if (since_commit >= b->commit || b->made == b->rows) {
			double c = seconds_of(CLOCK_MONOTONIC);

			if (nr_store_commit(store, &err) < 0)
				die(err.msg);
			since_commit = 0;
			c = seconds_of(CLOCK_MONOTONIC) - c;
			worst = c > worst ? c : worst;
		}
		spent += seconds_of(CLOCK_MONOTONIC) - t;
		processor += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - p;
	}
	double t = seconds_of(CLOCK_MONOTONIC), p = seconds_of(CLOCK_PROCESS_CPUTIME_ID);

	if (nr_store_settle(store, &err) < 0)
		die(err.msg);
	uint64_t now = resident_kib("VmRSS:");

	nr_store_close(store); /* writes what still stands in write-ahead logs */
	spent += seconds_of(CLOCK_MONOTONIC) - t;
	processor += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - p;
	char raw[PATH];

	(void)snprintf(raw, sizeof(raw), "%s/raw", b->dir);
	uint64_t bytes = bytes_below(raw), sums = bytes_below(b->dir);

	printf("written  %llu observations, %.1f s, %.1f s of processor: %.0f k/s, %.0f k/s of one core\n",
	       (unsigned long long)b->rows, spent, processor, (double)b->rows / spent / 1e3,
	       (double)b->rows / processor / 1e3);
	printf("         longest commit %.0f ms; %.2f bytes an observation, %.2f of roll-ups\n",
	       worst * 1e3, (double)bytes / (double)b->rows, (double)sums / (double)b->rows);
	printf("         resident %llu MiB at the end, %llu MiB at most\n",
	       (unsigned long long)now >> 10, (unsigned long long)resident_kib("VmHWM:") >> 10);
}

static int count(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	(void)values;
	(void)n;
	*(uint64_t *)ctx = row;
	return 0;
}

static int first_row(void *ctx, const struct nr_store_row *row)
{
	*(struct nr_store_row *)ctx = *row;
	return -ECANCELED;
}

static int any_row(void *ctx, const struct nr_store_row *row)
{
	(void)row;
	++*(uint64_t *)ctx;
	return 0;
}

static void ask(struct nr_store *store, const char *name, const struct nr_store_param *params,
		size_t n)
{
	double best = 1e9, first = 0, least = 1e9;
	struct nr_err err = { 0 };
	uint64_t rows = 0;

	for (int i = 0; i < 3; i++) {
		double t = seconds_of(CLOCK_MONOTONIC), p = seconds_of(CLOCK_PROCESS_CPUTIME_ID);

		rows = 0;
		if (nr_store_query(store, name, params, n, 120000, count, &rows, &err) < 0) {
			printf("%-20s %s\n", name, err.msg);
			return;
		}
		t = seconds_of(CLOCK_MONOTONIC) - t;
		p = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - p;
		least = p < least ? p : least;
		if (i == 0)
			first = t;
		best = t < best ? t : best;
	}
	printf("%-20s %8.1f ms first, %8.1f ms best, %8.1f ms of processor, %llu rows\n", name,
	       first * 1e3, best * 1e3, least * 1e3, (unsigned long long)rows);
	(void)fflush(stdout);
}

static void ask_all(const struct bench *b)
{
	static const char *const plain[] = { "top_ports",     "top_as",
					     "economy_ports", "top_sources",
					     "sums",	      "top_ports_raw",
					     "top_as_raw",    "economy_ports_raw" };
	struct nr_store *store = open_store(b, true);
	struct nr_store_filter filter = { .until = { INT64_MAX }, .limit = 1 };
	struct nr_store_row row;
	char address[NR_IP_TEXT];
	struct nr_err err = { 0 };
	uint64_t given = 0;

	if (nr_store_rows(store, &filter, first_row, &row, &err) != -ECANCELED)
		die(err.msg);
	size_t n = nr_ip_print(row.obs.src, address);
	struct nr_store_param port = { "port", { .kind = NR_CELL_I64, .i64 = row.obs.dport } };
	struct nr_store_param source = { "address",
					 { .kind = NR_CELL_TEXT, .text = { address, n } } };

	ask(store, "port_minutes", &port, 1);
	ask(store, "source_history", &source, 1);
	for (size_t i = 0; i < NR_COUNT(plain); i++)
		ask(store, plain[i], NULL, 0);
	ask(store, "port_minutes_raw", &port, 1);
	filter.limit = 1000;
	filter.after_at = b->at / 2;
	double t = seconds_of(CLOCK_MONOTONIC);

	if (nr_store_rows(store, &filter, any_row, &given, &err) < 0)
		die(err.msg);
	printf("%-20s %8.1f ms, %llu rows from the middle on\n", "rows",
	       (seconds_of(CLOCK_MONOTONIC) - t) * 1e3, (unsigned long long)given);
	printf("resident %llu MiB at most\n", (unsigned long long)resident_kib("VmHWM:") >> 10);
	nr_store_close(store);
}

static void read_words(struct bench *b, int argc, char **argv)
{
	for (int i = 3; i < argc; i++) {
		if (strncmp(argv[i], "flows=", 6) == 0)
			b->flows = argv[i] + 6;
		else if (strncmp(argv[i], "batch=", 6) == 0)
			b->batch = strtoull(argv[i] + 6, NULL, 10);
		else if (strncmp(argv[i], "commit=", 7) == 0)
			b->commit = strtoull(argv[i] + 7, NULL, 10);
		else if (strcmp(argv[i], "only-write") == 0)
			b->only_write = true;
		else if (strcmp(argv[i], "rows-only") == 0)
			rows_only = b->only_write = true;
		else
			b->seconds = 3600 * strtoull(argv[i], NULL, 10);
	}
}

int main(int argc, char **argv)
{
	struct bench b = { .seconds = 86400, .batch = 4000, .commit = 20000 };
	struct nr_err err;

	if (argc < 3)
		die("bench_store DIR ROWS [HOURS] [flows=FILE] [batch=N] [commit=N]; ROWS 0 only asks");
	b.dir = argv[1];
	b.rows = strtoull(argv[2], NULL, 10);
	read_words(&b, argc, argv);
	b.obs = calloc(NR_BATCH_ROWS, sizeof(*b.obs));
	nr_buf_init(&b.out, NR_BATCH_SIZE_MAX);
	if (b.obs == NULL || nr_batch_encoder_new(&b.encoder) < 0 ||
	    nr_batch_decoder_new(&b.decoder) < 0)
		die("no memory");
	if (b.flows != NULL && nr_io_slurp(b.flows, (size_t)1 << 32, &b.file, &err) < 0)
		die(err.msg);
	for (uint8_t i = 0; i < SENSORS; i++)
		b.sensors[i].b[0] = (uint8_t)(i + 1);
	if (b.rows > 0)
		write_all(&b);
	if (!b.only_write)
		ask_all(&b);
	free(b.obs);
	free((void *)(uintptr_t)b.file.p);
	nr_buf_done(&b.out);
	nr_batch_encoder_free(b.encoder);
	nr_batch_decoder_free(b.decoder);
	return 0;
}
