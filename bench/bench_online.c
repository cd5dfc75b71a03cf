/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The on-line engine over what sensors would send: processor time and memory.
 *
 *   bench_online make CAPTURE NET SENSORS FILE
 *           an off-line run over the capture, timed; its flows as batches in FILE
 *   bench_online run FILE SENSORS N [WORKERS]
 *           decoding alone, then the engine over the same batches
 *
 * FILE: records of sensor (u32; 0: a watermark), length (u32), bytes. Sensors part the addresses by
 * their low bits.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "orient/online.h"

enum { SENSORS_MAX = 64 };

static double cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long rss_kib(const char *key)
{
	char line[256];
	long v = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtol(line + strlen(key), NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return v;
}

/* ---- making ---- */

struct maker {
	FILE *out;
	unsigned n_sensors;
	struct nr_batch_encoder *encoders[SENSORS_MAX];
	int64_t tick;
	uint64_t n;
};

static int record(FILE *out, uint32_t sensor, const void *bytes, uint32_t n)
{
	return fwrite(&sensor, 4, 1, out) == 1 && fwrite(&n, 4, 1, out) == 1 &&
			       fwrite(bytes, 1, n, out) == n
		       ? 0
		       : -EIO;
}

static int flush(struct maker *m, unsigned s)
{
	struct nr_buf out;
	int r;

	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	r = nr_batch_encoder_finish(m->encoders[s], &out);
	if (r == 0 && out.n > 0)
		r = record(m->out, s + 1, out.p, (uint32_t)out.n);
	nr_buf_done(&out);
	return r;
}

static int second_over(struct maker *m)
{
	int64_t w = m->tick + 1;
	int r = 0;

	for (unsigned s = 0; s < m->n_sensors && r == 0; s++)
		r = flush(m, s);
	return r == 0 ? record(m->out, 0, &w, sizeof(w)) : r;
}

static int on_flows(void *ctx, const struct nr_observation *obs, size_t n)
{
	struct maker *m = ctx;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		unsigned s = obs[i].dst.b[15] % m->n_sensors;

		if (obs[i].tick > m->tick) {
			if (m->tick != INT64_MIN)
				r = second_over(m);
			m->tick = obs[i].tick;
		}
		if (r == 0 && nr_batch_encoder_add(m->encoders[s], &obs[i], 1) == 0) {
			r = flush(m, s);
			(void)nr_batch_encoder_add(m->encoders[s], &obs[i], 1);
		}
	}
	m->n += n;
	return r;
}

static int observe(const char *path, const char *net, struct nr_engine_out out, double *ret_s,
		   uint64_t *ret_flows)
{
	struct nr_str name = nr_str_from(path);
	struct nr_capture_options capture = { .paths = &name, .n_paths = 1 };
	struct nr_nets nets = { 0 };
	struct nr_prefix prefix;
	struct nr_capture *c;
	struct nr_observe_result result;
	struct nr_err err;
	double from;
	int r = nr_prefix_parse(nr_str_from(net), &prefix);

	if (r == 0)
		r = nr_nets_add(&nets, prefix);
	if (r == 0)
		r = nr_capture_open(&capture, &c, &err);
	if (r < 0)
		return r;
	struct nr_observe_options options = { .captures = &c,
					      .n_captures = 1,
					      .nets = &nets,
					      .n_threads = 1,
					      .until = { INT64_MAX },
					      .out = out };

	from = cpu_s();
	r = nr_observe_run(&options, &result, &err);
	*ret_s = cpu_s() - from;
	*ret_flows = result.flows;
	nr_observe_result_done(&result);
	nr_capture_free(c);
	return r;
}

static int make(char **argv)
{
	struct maker m = { .n_sensors = (unsigned)strtoul(argv[4], NULL, 10), .tick = INT64_MIN };
	double s = 0;
	uint64_t flows = 0;
	int r = 0;

	m.out = fopen(argv[5], "w");
	if (m.out == NULL || m.n_sensors < 1 || m.n_sensors > SENSORS_MAX)
		return 1;
	for (unsigned i = 0; i < m.n_sensors && r == 0; i++)
		r = nr_batch_encoder_new(&m.encoders[i]);
	if (r == 0)
		r = observe(argv[2], argv[3],
			    (struct nr_engine_out){ .ctx = &m, .flows = on_flows }, &s, &flows);
	if (r == 0)
		r = second_over(&m);
	for (unsigned i = 0; i < m.n_sensors; i++)
		nr_batch_encoder_free(m.encoders[i]);
	r = fclose(m.out) != 0 && r == 0 ? -errno : r;
	if (r == 0)
		r = observe(argv[2], argv[3], (struct nr_engine_out){ 0 }, &s, &flows);
	printf("off line, capture to findings: %llu observations, %.2f s, %.0f k/s\n",
	       (unsigned long long)flows, s, (double)flows / s / 1e3);
	return r != 0;
}

/* ---- running ---- */

struct seen {
	uint64_t n[4];
};

static int on_revision(void *ctx, const struct nr_revision *revision)
{
	((struct seen *)ctx)->n[revision->state]++;
	return 0;
}

struct file {
	const uint8_t *p;
	size_t n;
};

static int decode_all(const struct file *f, uint64_t *ret_rows)
{
	static struct nr_observation rows[64];
	struct nr_batch_decoder *decoder;
	struct nr_batch_info info;
	int r = nr_batch_decoder_new(&decoder);

	for (size_t at = 0; r == 0 && at < f->n; at += 8 + nr_get_le32(f->p + at + 4)) {
		size_t n;

		if (nr_get_le32(f->p + at) == 0)
			continue;
		r = nr_batch_decoder_open(decoder,
					  (struct nr_bytes){ f->p + at + 8,
							     nr_get_le32(f->p + at + 4) },
					  &info, NULL);
		while (r == 0 && (n = nr_batch_decoder_next(decoder, rows, 64)) > 0)
			*ret_rows += n;
	}
	nr_batch_decoder_free(decoder);
	return r;
}

static int feed_all(struct nr_online *online, const struct file *f, unsigned n_sensors,
		    uint64_t monitored, long *ret_peak)
{
	struct nr_entry e = { .type = NR_ENTRY_SENSOR };
	int64_t tick = 0;
	int r = 0;

	for (unsigned s = 1; s <= n_sensors && r == 0; s++) {
		e.at++;
		e.sensor = (struct nr_entry_sensor){ .sensor = { { (uint8_t)s } },
						     .event = NR_SENSOR_APPEARED,
						     .monitored_v4 = monitored / n_sensors };
		r = nr_online_feed(online, &e, NULL);
	}
	for (size_t at = 0; r == 0 && at < f->n; at += 8 + nr_get_le32(f->p + at + 4)) {
		uint32_t sensor = nr_get_le32(f->p + at);
		struct nr_bytes bytes = { f->p + at + 8, nr_get_le32(f->p + at + 4) };

		e.at++;
		e.arrived_ns = INT64_MAX / 4;
		if (sensor == 0) {
			memcpy(&tick, bytes.p, 8);
			e.type = NR_ENTRY_WATERMARK;
			e.watermark.tick = tick;
		} else {
			e.type = NR_ENTRY_BATCH;
			e.batch = (struct nr_entry_batch){ .sensor = { { (uint8_t)sensor } },
							   .batch = { .payload = bytes } };
		}
		/* arrival matters for backlog only before the first watermark */
		e.arrived_ns = (tick + 1) * NR_NS_PER_S;
		if (tick == 0)
			e.arrived_ns = INT64_C(1767571200) * NR_NS_PER_S;
		r = nr_online_feed(online, &e, NULL);
		if (sensor == 0 && tick % 30 == 0) {
			long kib = rss_kib("RssAnon:");

			*ret_peak = kib > *ret_peak ? kib : *ret_peak;
		}
	}
	return r;
}

static int run(int argc, char **argv)
{
	struct seen seen = { { 0 } };
	struct nr_online_options options = {
		.revision = on_revision,
		.ctx = &seen,
		.n_workers = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 1
	};
	int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct nr_online *online;
	struct nr_online_counts c;
	struct nr_buf state;
	uint64_t rows = 0;
	long before, idle, peak = 0;
	double from, decode, feed, save;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 1;
	struct file f = { mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0),
			  (size_t)st.st_size };

	before = rss_kib("RssAnon:");
	if (f.p == MAP_FAILED || nr_online_new(&options, &online, NULL) < 0)
		return 1;
	idle = rss_kib("RssAnon:");
	from = cpu_s();
	int r = feed_all(online, &f, (unsigned)strtoul(argv[3], NULL, 10),
			 strtoull(argv[4], NULL, 10), &peak);
	feed = cpu_s() - from;
	nr_online_counts(online, &c);
	nr_buf_init(&state, (size_t)1 << 32);
	from = cpu_s();
	if (r == 0)
		r = nr_online_save(online, &state);
	save = cpu_s() - from;
	from = cpu_s();
	if (r == 0)
		r = decode_all(&f, &rows);
	decode = cpu_s() - from;
	printf("on line, batches to revisions: %llu observations, %.2f s, %.0f k/s; decoding alone %.2f s, %.0f k/s\n"
	       "revisions: new %llu continuing %llu ended %llu withdrawn %llu; refused at caps %llu, late %llu\n"
	       "memory, KiB anonymous: start %ld, engine idle %ld, most %ld; snapshot %zu KiB in %.2f s\n",
	       (unsigned long long)c.observations, feed, (double)c.observations / feed / 1e3,
	       decode, (double)rows / decode / 1e3, (unsigned long long)seen.n[0],
	       (unsigned long long)seen.n[1], (unsigned long long)seen.n[2],
	       (unsigned long long)seen.n[3], (unsigned long long)c.table_refused,
	       (unsigned long long)c.late, before, idle, peak, state.n >> 10, save);
	nr_buf_done(&state);
	nr_online_free(online);
	return r != 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "make") == 0)
		return make(argv);
	if (argc >= 5 && strcmp(argv[1], "run") == 0)
		return run(argc, argv);
	(void)fprintf(stderr,
		      "usage: bench_online make CAPTURE NET SENSORS FILE | run FILE SENSORS N "
		      "[WORKERS]\n");
	return 2;
}
