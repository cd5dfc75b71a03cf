/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_journal DIR [SECONDS]: what a journal in DIR takes, beside plain pwrite() and fdatasync()
 * of the same bytes in commits of the same sizes into a preallocated file, in the same run.
 *
 * full     one thread appends batches as fast as it may, another commits every 256 KiB or 5 ms, as
 *          a hub does
 * paced    a given number of observations a second: how long from append() to durable
 * start    how long nr_journal_open() takes behind as many segments as 10 GB have, when the last
 *          one is full, from the disk and from memory
 *
 * A batch here is bytes of the size real ones have (12.2 bytes an observation, docs/bench.md); its
 * content is nothing that a journal looks at.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/time.h"
#include "store/journal.h"

enum {
	COMMITS = 1 << 20,
	WAIT_MAX = 8 << 20,
	COMMIT_BYTES = 256 << 10,
	COMMIT_US = 5000,
	SEGMENTS = 160,
	SMALL_SEGMENT = 2 << 20
};

struct run {
	const char *dir;
	uint32_t rows; /* of a batch */
	double rate;   /* observations a second; 0: as many as go in */
	int seconds;
	struct nr_journal *journal;
	atomic_bool done;
	uint64_t observations, bytes;
	int64_t *took_ns; /* of each commit, or of each batch from append to durable when paced */
	uint64_t *sizes;
	size_t n, n_acks;
	int64_t *acks_ns;
	int64_t *appended_ns; /* ring by place */
	double elapsed;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_journal: %s\n", what);
	exit(1);
}

static int by_size(const void *va, const void *vb)
{
	const int64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

static double ms_at(int64_t *values, size_t n, double share)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(values[0]), by_size);
	return (double)values[(size_t)((double)(n - 1) * share)] / 1e6;
}

static void *appender(void *arg)
{
	struct run *r = arg;
	size_t n = (size_t)(r->rows * 12.2);
	uint8_t *payload = malloc(n);
	int64_t start = nr_mono_now().ns, end = start + r->seconds * NR_NS_PER_S;
	uint64_t seq = 0;

	if (payload == NULL)
		die("no memory");
	nr_random(payload, n);
	for (int64_t now = start; now < end; now = nr_mono_now().ns) {
		struct nr_entry entry = { .type = NR_ENTRY_BATCH };

		if (nr_journal_waiting(r->journal) > WAIT_MAX ||
		    (r->rate > 0 &&
		     (double)r->observations > r->rate * (double)(now - start) / 1e9)) {
			usleep(200);
			continue;
		}
		entry.batch.batch.epoch = 1;
		entry.batch.batch.seq = ++seq;
		entry.batch.batch.payload = (struct nr_bytes){ payload, n };
		memcpy(payload, &seq, sizeof(seq));
		if (nr_journal_append(r->journal, &entry) < 0)
			die("append failed");
		r->appended_ns[entry.at % COMMITS] = nr_mono_now().ns;
		r->observations += r->rows;
	}
	free(payload);
	atomic_store(&r->done, true);
	return NULL;
}

static void commit(struct run *r)
{
	uint64_t from = nr_journal_durable(r->journal), waiting = nr_journal_waiting(r->journal);
	int64_t start = nr_mono_now().ns, now;
	struct nr_err err;

	if (waiting == 0)
		return;
	if (nr_journal_commit(r->journal, &err) < 0)
		die(err.msg);
	now = nr_mono_now().ns;
	if (r->n >= COMMITS || r->n_acks + COMMITS / 2 >= COMMITS)
		return;
	r->took_ns[r->n] = now - start;
	r->sizes[r->n++] = waiting;
	r->bytes += waiting;
	for (uint64_t at = from + 1; at <= nr_journal_durable(r->journal); at++)
		if (r->appended_ns[at % COMMITS] != 0 && r->n_acks < COMMITS)
			r->acks_ns[r->n_acks++] = now - r->appended_ns[at % COMMITS];
}

static void run_journal(struct run *r)
{
	struct nr_journal_options options = { .dir = r->dir };
	struct nr_journal_recovery recovery;
	struct nr_err err;
	pthread_t thread;
	int64_t start, last;

	if (nr_journal_open(&options, &r->journal, &recovery, &err) < 0)
		die(err.msg);
	start = last = nr_mono_now().ns;
	if (pthread_create(&thread, NULL, appender, r) != 0)
		die("no thread");
	while (!atomic_load(&r->done)) {
		if (nr_journal_waiting(r->journal) < COMMIT_BYTES &&
		    nr_mono_now().ns - last < COMMIT_US * INT64_C(1000)) {
			usleep(200);
			continue;
		}
		last = nr_mono_now().ns;
		commit(r);
	}
	pthread_join(thread, NULL);
	commit(r);
	r->elapsed = (double)(nr_mono_now().ns - start) / 1e9;
	r->journal = nr_journal_close(r->journal);
}

/* The same commits, without a journal. @return seconds */
static double run_plain(const struct run *r, int64_t *took_ns)
{
	uint64_t most = 0, off = 0;
	char path[4096];
	uint8_t *bytes;
	int64_t start;
	int fd;

	for (size_t i = 0; i < r->n; i++)
		most = r->sizes[i] > most ? r->sizes[i] : most;
	bytes = malloc(most + 1);
	(void)snprintf(path, sizeof(path), "%s/plain", r->dir);
	fd = nr_io_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || bytes == NULL)
		die("cannot create the plain file");
	nr_random(bytes, most);
	start = nr_mono_now().ns;
	for (size_t i = 0; i < r->n; i++) {
		int64_t begun = nr_mono_now().ns;

		/* Room ahead, 64 MiB at a time, as the journal takes it. */
		if ((off >> 26) != ((off + r->sizes[i]) >> 26) || off == 0)
			if (nr_io_allocate(fd, off, (64 << 20) + most) < 0 || nr_io_fsync(fd) < 0)
				die("cannot allocate");
		if (nr_io_pwrite_all(fd, bytes, r->sizes[i], off) < 0 || nr_io_fdatasync(fd) < 0)
			die("cannot write");
		off += r->sizes[i];
		took_ns[i] = nr_mono_now().ns - begun;
	}
	double elapsed = (double)(nr_mono_now().ns - start) / 1e9;

	(void)nr_io_close(fd);
	(void)nr_io_unlink(path);
	free(bytes);
	return elapsed;
}

static int remove_one(void *ctx, const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, name);
	return nr_io_unlink(path);
}

static void measure(const char *dir, const char *name, uint32_t rows, double rate, int seconds)
{
	struct run r = { .dir = dir, .rows = rows, .rate = rate, .seconds = seconds };
	int64_t *plain = calloc(COMMITS, sizeof(*plain));
	double plain_s;

	r.took_ns = calloc(COMMITS, sizeof(*r.took_ns));
	r.sizes = calloc(COMMITS, sizeof(*r.sizes));
	r.acks_ns = calloc(COMMITS, sizeof(*r.acks_ns));
	r.appended_ns = calloc(COMMITS, sizeof(*r.appended_ns));
	if (plain == NULL || r.took_ns == NULL || r.sizes == NULL || r.acks_ns == NULL ||
	    r.appended_ns == NULL)
		die("no memory");
	run_journal(&r);
	plain_s = run_plain(&r, plain);
	printf("| %s | %u | %.2f | %.0f | %.1f | %.2f | %.2f | %.1f | %.1f |", name, rows,
	       (double)r.observations / r.elapsed / 1e6, (double)r.bytes / r.elapsed / 1e6,
	       (double)r.bytes / (double)r.observations, ms_at(r.took_ns, r.n, 0.5),
	       ms_at(r.took_ns, r.n, 0.99), ms_at(r.acks_ns, r.n_acks, 0.99),
	       ms_at(plain, r.n, 0.99));
	if (rate > 0) /* it waited for its pace */
		printf(" - |\n");
	else
		printf(" %.2f |\n", plain_s / r.elapsed);
	(void)fflush(stdout);
	free(plain);
	free(r.took_ns);
	free(r.sizes);
	free(r.acks_ns);
	free(r.appended_ns);
	if (nr_io_list(dir, remove_one, (void *)(uintptr_t)dir) < 0)
		die("cannot clear the directory");
}

static void fill(struct nr_journal *journal, size_t bytes)
{
	static uint8_t payload[100000];
	struct nr_err err;

	for (size_t done = 0; done < bytes; done += sizeof(payload)) {
		struct nr_entry entry = { .type = NR_ENTRY_BATCH };

		nr_random(payload, 1000);
		entry.batch.batch.payload = (struct nr_bytes){ payload, sizeof(payload) };
		if (nr_journal_append(journal, &entry) < 0 ||
		    (done / sizeof(payload) % 100 == 0 && nr_journal_commit(journal, &err) < 0))
			die("cannot fill");
	}
	if (nr_journal_commit(journal, &err) < 0)
		die(err.msg);
}

static int forget_one(void *ctx, const char *name)
{
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, name);
	fd = nr_io_open(path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return nr_io_close(fd);
}

static void measure_start(const char *dir)
{
	struct nr_journal_options options = { .dir = dir, .segment_bytes = SMALL_SEGMENT };
	struct nr_journal_recovery recovery;
	struct nr_journal *journal = NULL;
	struct nr_err err;
	double took[2];

	if (nr_journal_open(&options, &journal, &recovery, &err) < 0)
		die(err.msg);
	fill(journal, (size_t)SEGMENTS * (SMALL_SEGMENT - 100000));
	nr_journal_close(journal);
	options.segment_bytes = 64 << 20;
	if (nr_journal_open(&options, &journal, &recovery, &err) < 0)
		die(err.msg);
	fill(journal, 60 << 20);
	nr_journal_close(journal);
	if (nr_io_list(dir, forget_one, (void *)(uintptr_t)dir) < 0)
		die("cannot forget");
	for (int i = 0; i < 2; i++) {
		int64_t start = nr_mono_now().ns;

		if (nr_journal_open(&options, &journal, &recovery, &err) < 0)
			die(err.msg);
		took[i] = (double)(nr_mono_now().ns - start) / 1e6;
		nr_journal_close(journal);
	}
	printf("\nstart behind %llu segments, the last of 60 MiB: %.0f ms from the disk, %.0f ms from "
	       "memory\n",
	       (unsigned long long)recovery.segments, took[0], took[1]);
	if (nr_io_list(dir, remove_one, (void *)(uintptr_t)dir) < 0)
		die("cannot clear the directory");
}

int main(int argc, char **argv)
{
	int seconds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 10;
	int made;

	if (argc < 2)
		die("name a directory that is not there yet");
	made = nr_io_mkdir(argv[1], 0700);
	if (made < 0)
		die("the directory must be new: it is cleared");
	printf("| case | observations a batch | M observations/s | MB/s | bytes/observation | commit "
	       "p50 ms | commit p99 ms | append to durable p99 ms | plain p99 ms | plain s / journal s |\n");
	printf("|---|---|---|---|---|---|---|---|---|---|\n");
	measure(argv[1], "full", 8192, 0, seconds);
	measure(argv[1], "full", 1000, 0, seconds);
	measure(argv[1], "full", 100, 0, seconds);
	measure(argv[1], "paced, 1 M/s", 8192, 1e6, seconds);
	measure(argv[1], "paced, 1 M/s", 1000, 1e6, seconds);
	measure(argv[1], "paced, 20 k/s", 2000, 2e4, seconds);
	measure_start(argv[1]);
	return rmdir(argv[1]) == 0 ? 0 : 1;
}
