/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_flows FILE [RUNS]: what carrying observations costs. Observations come from a pcap through the engine, once,
 * and wait in memory; then each way of writing them runs over the same ones, in batches of 65,536, in turns in the
 * same run. Processor time, smallest of RUNS (5): neighbours on the machine can only add to it.
 *
 * copy     memcpy of the observations, 112 bytes each: what merely reading them costs
 * rows     plain reference: rows of 40 bytes (IPv4 alone, no option and payload hash, times in microseconds, marks
 *          as bits), zstd level -1 over the whole batch
 * batch    record/batch, read back and compared before anything is timed
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

#include "orient/engine.h"
#include "record/batch.h"

enum { SKIP = 2000000, WANT = 16 * NR_BATCH_ROWS, ROW = 40, REFERENCE_LEVEL = -1 };

struct row {
	uint32_t tick, first_us, src, dst;
	uint16_t sport, dport, window, marks;
	uint32_t packets, bytes;
	uint8_t proto, traffic_class, payload, tcp_flags, ttl_min, ttl_max, flags, pad;
};
_Static_assert(sizeof(struct row) == ROW, "the reference writes rows of 40 bytes");

struct bench {
	struct nr_observation *obs, *copy;
	size_t n, seen;
	struct row *rows;
	struct nr_buf out; /* what the reference or the batches take */
	size_t sizes[WANT / NR_BATCH_ROWS + 1];
	size_t n_batches;
	ZSTD_CCtx *zstd;
	ZSTD_DCtx *unzstd;
	struct nr_batch_encoder *encoder;
	struct nr_batch_decoder *decoder;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_flows: %s\n", what);
	exit(1);
}

static int collect(void *ctx, const struct nr_observation *obs, size_t n)
{
	struct bench *b = ctx;

	for (size_t i = 0; i < n; i++)
		if (b->seen++ >= SKIP && b->n < WANT)
			b->obs[b->n++] = obs[i];
	return b->n == WANT ? -ECANCELED : 0;
}

static void collect_file(struct bench *b, const char *file)
{
	struct nr_str path = nr_str_from(file);
	struct nr_capture_options opt = { .paths = &path, .n_paths = 1 };
	struct nr_capture *capture = NULL;
	struct nr_observe_result result;
	struct nr_err err = { 0 };

	if (nr_capture_open(&opt, &capture, &err) < 0)
		die(err.msg);
	struct nr_observe_options run = { .captures = &capture,
					  .n_captures = 1,
					  .n_threads = 1,
					  .until = { INT64_MAX },
					  .out = { .ctx = b, .flows = collect } };
	int ret = nr_observe_run(&run, &result, &err);

	if (ret < 0 && ret != -ECANCELED)
		die(err.msg);
	nr_observe_result_done(&result);
	nr_capture_free(capture);
	if (b->n == 0)
		die("fewer than 2 M observations in the file");
}

/* ---- the ways ---- */

static size_t part(const struct bench *b, size_t at)
{
	return nr_min_size(NR_BATCH_ROWS, b->n - at);
}

static void copy(struct bench *b)
{
	memcpy(b->copy, b->obs, b->n * sizeof(b->obs[0]));
}

static void row_of(const struct nr_observation *o, struct row *row)
{
	*row = (struct row){ .tick = (uint32_t)o->tick,
			     .first_us = o->first / 1000,
			     .src = nr_ip_to_v4(o->src),
			     .dst = nr_ip_to_v4(o->dst),
			     .sport = o->sport,
			     .dport = o->dport,
			     .window = o->window,
			     .packets = o->packets,
			     .bytes = (uint32_t)o->bytes,
			     .proto = o->proto,
			     .traffic_class = o->traffic_class,
			     .payload = o->payload,
			     .tcp_flags = o->tcp_flags,
			     .ttl_min = o->ttl_min,
			     .ttl_max = o->ttl_max,
			     .flags = o->flags };
	for (unsigned m = 0; m < NR_MARK_SLOTS; m++)
		row->marks = (uint16_t)(row->marks | (o->marks[m] != 0) << m);
}

static void rows_write(struct bench *b)
{
	nr_buf_reset(&b->out);
	b->n_batches = 0;
	for (size_t at = 0; at < b->n; at += NR_BATCH_ROWS) {
		size_t n = part(b, at), room = ZSTD_compressBound(n * ROW);
		uint8_t *p = nr_buf_reserve(&b->out, room);

		for (size_t i = 0; i < n; i++)
			row_of(&b->obs[at + i], &b->rows[i]);
		size_t size = ZSTD_compressCCtx(b->zstd, p, room, b->rows, n * ROW,
						REFERENCE_LEVEL);

		nr_buf_commit(&b->out, size);
		b->sizes[b->n_batches++] = size;
	}
}

static void rows_read(struct bench *b)
{
	const uint8_t *p = b->out.p;

	for (size_t i = 0; i < b->n_batches; p += b->sizes[i++])
		if (ZSTD_isError(ZSTD_decompressDCtx(b->unzstd, b->rows, NR_BATCH_ROWS * ROW, p,
						     b->sizes[i])))
			die("reference does not read");
}

static void batch_write(struct bench *b)
{
	nr_buf_reset(&b->out);
	for (size_t at = 0; at < b->n;) {
		at += nr_batch_encoder_add(b->encoder, b->obs + at, nr_min_size(64, b->n - at));
		if (nr_batch_encoder_rows(b->encoder) == NR_BATCH_ROWS || at == b->n)
			if (nr_batch_encoder_finish(b->encoder, &b->out) < 0)
				die("batch does not write");
	}
}

static void batch_read(struct bench *b)
{
	struct nr_bytes left = { b->out.p, b->out.n };
	struct nr_batch_info info;
	size_t at = 0;

	for (; left.n > 0; left.p += info.size, left.n -= info.size) {
		if (nr_batch_decoder_open(b->decoder, left, &info, NULL) < 0)
			die("batch does not read");
		for (size_t k; (k = nr_batch_decoder_next(b->decoder, b->copy + at, 256)) > 0;)
			at += k;
	}
	if (at != b->n)
		die("batch reads another number");
}

/* ---- timing ---- */

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct way {
	const char *name;
	void (*write)(struct bench *b);
	void (*read)(struct bench *b);
	double write_ns, read_ns;
	size_t bytes;
};

static double timed(struct bench *b, void (*run)(struct bench *b), double best)
{
	double start = cpu_ns(), ns;

	run(b);
	ns = (cpu_ns() - start) / (double)b->n;
	return best == 0 || ns < best ? ns : best;
}

int main(int argc, char **argv)
{
	struct way ways[] = {
		{ .name = "copy of memory", .write = copy },
		{ .name = "rows of 40 bytes, zstd -1", .write = rows_write, .read = rows_read },
		{ .name = "batch", .write = batch_write, .read = batch_read }
	};
	size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 5;
	struct bench b = { .obs = calloc(WANT, sizeof(*b.obs)),
			   .copy = calloc(WANT, sizeof(*b.copy)),
			   .rows = calloc(NR_BATCH_ROWS, sizeof(*b.rows)),
			   .zstd = ZSTD_createCCtx(),
			   .unzstd = ZSTD_createDCtx() };

	if (argc < 2 || runs == 0)
		die("usage: bench_flows FILE [RUNS]");
	nr_buf_init(&b.out, (size_t)1 << 30);
	if (b.obs == NULL || b.copy == NULL || b.rows == NULL || b.zstd == NULL ||
	    b.unzstd == NULL || nr_batch_encoder_new(&b.encoder) < 0 ||
	    nr_batch_decoder_new(&b.decoder) < 0)
		die("out of memory");
	collect_file(&b, argv[1]);
	batch_write(&b);
	batch_read(&b);
	if (memcmp(b.obs, b.copy, b.n * sizeof(b.obs[0])) != 0)
		die("what was read is not what was written");
	for (size_t r = 0; r < runs; r++)
		for (size_t w = 0; w < NR_COUNT(ways); w++) {
			ways[w].write_ns = timed(&b, ways[w].write, ways[w].write_ns);
			ways[w].bytes = ways[w].read != NULL ? b.out.n : b.n * sizeof(b.obs[0]);
			if (ways[w].read != NULL)
				ways[w].read_ns = timed(&b, ways[w].read, ways[w].read_ns);
		}
	printf("%-28s %12s %12s %12s\n", "way", "write ns", "read ns", "bytes");
	for (size_t w = 0; w < NR_COUNT(ways); w++)
		printf("%-28s %12.1f %12.1f %12.2f\n", ways[w].name, ways[w].write_ns,
		       ways[w].read_ns, (double)ways[w].bytes / (double)b.n);
	printf("per observation; %zu observations, processor time, smallest of %zu runs\n", b.n,
	       runs);
	free(b.obs);
	free(b.copy);
	free(b.rows);
	ZSTD_freeCCtx(b.zstd);
	ZSTD_freeDCtx(b.unzstd);
	nr_batch_encoder_free(b.encoder);
	nr_batch_decoder_free(b.decoder);
	nr_buf_done(&b.out);
	return 0;
}
