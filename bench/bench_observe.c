/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_observe FILE [RUNS]: packets per second of the whole engine over one file in the page cache, beside
 * plain references that do less, in the same run. Prints medians and ratios; absolute rates depend on
 * the machine and are shown only to make the ratios readable.
 *
 * read     read() of the file in 1 MiB blocks, nothing else
 * counter  plain FlowTuple counter: blocks, Ethernet + IPv4 + ports without checks of anything else, multiply-fold
 *          hash of (src, dst, ports, protocol), prefetch in batches of 32, one open-addressing table of
 *          32-byte entries in huge pages, sized beforehand (2^20 slots), started anew each minute of capture
 *          time as CAIDA's FlowTuple does
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "orient/engine.h"

enum { BLOCK = 1 << 20, BATCH = 32, SLOTS_LOG = 20, RUNS_MAX = 31 };

struct tuple {
	uint64_t addr, ports;
	uint32_t packets, minute; /* minute + 1 in which it was filled; older: free */
	uint64_t bytes;
};

struct counter {
	struct tuple *table;
	struct nr_hash_key key;
	struct tuple batch[BATCH];
	uint64_t hashes[BATCH];
	size_t n;
	uint64_t flows, packets;
	uint32_t minute;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_observe: %s\n", what);
	exit(1);
}

static void counter_flush(struct counter *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct tuple *t = &c->batch[i];
		size_t at = c->hashes[i] & ((1u << SLOTS_LOG) - 1);

		while (c->table[at].minute == c->minute + 1 &&
		       (c->table[at].addr != t->addr || c->table[at].ports != t->ports))
			at = (at + 1) & ((1u << SLOTS_LOG) - 1);
		struct tuple *e = &c->table[at];

		if (e->minute != c->minute + 1) {
			*e = (struct tuple){ .addr = t->addr,
					     .ports = t->ports,
					     .minute = c->minute + 1 };
			c->flows++;
		}
		e->packets++;
		e->bytes += t->bytes;
	}
	c->n = 0;
}

static void counter_packet(struct counter *c, uint32_t s, const uint8_t *p, uint32_t caplen)
{
	if (s / 60 != c->minute) {
		counter_flush(c);
		c->minute = s / 60;
	}
	if (caplen < 38 || p[12] != 8 || p[13] != 0)
		return;
	uint64_t addr;
	uint32_t ports = 0;

	memcpy(&addr, p + 26, 8);
	memcpy(&ports, p + 14 + (p[14] & 15) * 4, 4);
	struct tuple *t = &c->batch[c->n];

	t->addr = addr;
	t->ports = (uint64_t)ports << 8 | p[23];
	t->bytes = nr_get_be16(p + 16);
	c->hashes[c->n] = nr_hash64(&c->key, addr, t->ports);
	__builtin_prefetch(&c->table[c->hashes[c->n] & ((1u << SLOTS_LOG) - 1)], 1);
	if (++c->n == BATCH)
		counter_flush(c);
}

static uint8_t *block_mem;

/* Native-order pcap only: that is what the generator writes here. */
static void run_counter(const char *path, struct counter *c)
{
	int fd = open(path, O_RDONLY);
	size_t have = 0;
	ssize_t n;

	if (fd < 0 || read(fd, block_mem, 24) != 24)
		die("cannot read the file");
	while ((n = read(fd, block_mem + have, BLOCK)) > 0) {
		size_t at = 0;

		have += (size_t)n;
		while (have - at >= 16) {
			uint32_t h[4];

			memcpy(h, block_mem + at, 16);
			if (have - at - 16 < h[2])
				break;
			counter_packet(c, h[0], block_mem + at + 16, h[2]);
			c->packets++;
			at += 16 + h[2];
		}
		memmove(block_mem, block_mem + at, have - at);
		have -= at;
	}
	counter_flush(c);
	close(fd);
}

static void run_read(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		die("cannot open the file");
	while (read(fd, block_mem, BLOCK) > 0)
		;
	close(fd);
}

struct job {
	const char *path;
	const struct nr_prefixes *prefixes;
	unsigned threads;
	struct nr_engine_out out;
	struct nr_observe_result result;
};

static void run_engine(struct job *job)
{
	struct nr_str path = nr_str_from(job->path);
	struct nr_capture_options opt = { .paths = &path, .n_paths = 1 };
	struct nr_capture *capture = NULL;
	struct nr_nets nets = { 0 };
	struct nr_prefix net;
	struct nr_err err = { 0 };

	if (nr_prefix_parse(NR_STR("198.18.0.0/16"), &net) < 0 || nr_nets_add(&nets, net) < 0 ||
	    nr_capture_open(&opt, &capture, &err) < 0)
		die(err.msg);
	struct nr_observe_options run = { .captures = &capture,
					  .n_captures = 1,
					  .nets = &nets,
					  .prefixes = job->prefixes,
					  .n_threads = job->threads,
					  .until = { INT64_MAX },
					  .out = job->out };

	if (nr_observe_run(&run, &job->result, &err) < 0)
		die(err.msg);
	nr_observe_result_done(&job->result);
	nr_capture_free(capture);
}

static int cmp(const void *va, const void *vb)
{
	double a = *(const double *)va, b = *(const double *)vb;

	return (a > b) - (a < b);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(v[0]), cmp);
	return v[n / 2];
}

static double now_s(void)
{
	return (double)nr_mono_now().ns / 1e9;
}

enum { READ, COUNTER, ONE, TWO, N_CASES };

int main(int argc, char **argv)
{
	static const char *const names[] = { "read() only", "plain FlowTuple counter",
					     "engine, 1 thread", "engine, 2 threads" };
	double seconds[N_CASES][RUNS_MAX] = { 0 };
	size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 5;
	const char *data = getenv("NOROSHI_PREFIXES");
	struct nr_prefixes *prefixes = NULL;
	struct nr_err err = { 0 };
	const char *only = getenv("BENCH_ONLY"); /* digits: numbers of cases, for a profiler */
	uint64_t packets = 0, flows = 0;
	struct job job = { .path = argc > 1 ? argv[1] : NULL };

	if (argc < 2 || runs == 0 || runs > RUNS_MAX)
		die("usage: bench_observe FILE [RUNS]");
	if (data != NULL && nr_prefixes_load(data, &prefixes, &err) < 0)
		die(err.msg);
	job.prefixes = prefixes;
	block_mem = malloc(2 * BLOCK);
	struct counter c = { .table = mmap(NULL, sizeof(struct tuple) << SLOTS_LOG,
					   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
					   0) };

	if (block_mem == NULL || c.table == MAP_FAILED || nr_hash_key_random(&c.key) < 0)
		die("out of memory");
	madvise(c.table, sizeof(struct tuple) << SLOTS_LOG, MADV_HUGEPAGE);
	run_read(job.path);
	memset(c.table, 0, sizeof(struct tuple) << SLOTS_LOG);
	for (size_t r = 0; r < runs; r++) {
		for (unsigned k = 0; k < N_CASES; k++) {
			double start = now_s();

			if (only != NULL && strchr(only, (int)('0' + k)) == NULL)
				continue;

			if (k == READ) {
				run_read(job.path);
			} else if (k == COUNTER) {
				c.packets = c.flows = 0;
				run_counter(job.path, &c);
				packets = c.packets;
			} else {
				job.threads = k == ONE ? 1 : 2;
				run_engine(&job);
				flows = job.result.flows;
				packets = job.result.counts.received;
			}
			seconds[k][r] = now_s() - start;
		}
	}
	double reference = median(seconds[COUNTER], runs), one = median(seconds[ONE], runs);
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("%-26s %10s %12s %12s %10s\n", "case", "M packets/s", "x counter", "x 1 thread",
	       "ns, least");
	for (unsigned k = 0; k < N_CASES; k++) {
		double s = median(seconds[k], runs); /* sorts them */

		if (s > 0)
			printf("%-26s %10.1f %12.2f %12.2f %10.1f\n", names[k],
			       (double)packets / s / 1e6, reference / s, one / s,
			       seconds[k][0] * 1e9 / (double)packets);
	}
	printf("packets %llu, flow tuples by minute %llu, flow deltas %llu; runs %zu, medians; "
	       "peak memory of all %ld MB\n",
	       (unsigned long long)packets, (unsigned long long)c.flows, (unsigned long long)flows,
	       runs, usage.ru_maxrss / 1024);
	return 0;
}
