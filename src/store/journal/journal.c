/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal as its users see it.
 *
 *   append() any thread: entry -> coming (memory)                        under `lock`
 *   commit() one thread: coming <-> going, then going -> disk, part by part; then `place` and
 *   `durable` move
 *
 * 1. durable moves only after the fdatasync (or fsync) of the bytes it speaks of returned 0.
 * 2. Once `error` is set it stays, nothing is written and durable stands still.
 * 3. going is touched by the committing thread alone; what could not be written for want of room
 *    waits in it.
 */
#include "store/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/crash.h"
#include "store/journal/journal_retain.h"
#include "store/journal/journal_write.h"

enum { SEGMENT_DEFAULT = 64 << 20, SEGMENT_MIN = 4096 };

struct nr_journal {
	struct nr_journal_options options;
	char *dir;
	pthread_mutex_t lock; /* encoder, coming, coming_bytes, place */
	struct nr_encoder encoder;
	struct nr_pending coming, going;
	size_t going_bytes; /* of going, not yet on the disk; written under lock */
	struct nr_journal_place place;
	atomic_uint_fast64_t durable;
	atomic_int error;
	struct nr_writer writer;
	bool is_swept; /* a retention was finished since the start */
};

int nr_journal_error(const struct nr_journal *journal)
{
	return atomic_load_explicit(&journal->error, memory_order_acquire);
}

uint64_t nr_journal_durable(const struct nr_journal *journal)
{
	return atomic_load_explicit(&journal->durable, memory_order_acquire);
}

static pthread_mutex_t *lock_of(const struct nr_journal *journal)
{
	return (pthread_mutex_t *)(uintptr_t)&journal->lock; /* locking does not change it */
}

struct nr_journal_place nr_journal_place(const struct nr_journal *journal)
{
	struct nr_journal_place place;

	(void)pthread_mutex_lock(lock_of(journal));
	place = journal->place;
	(void)pthread_mutex_unlock(lock_of(journal));
	return place;
}

uint64_t nr_journal_waiting(const struct nr_journal *journal)
{
	uint64_t n;

	(void)pthread_mutex_lock(lock_of(journal));
	n = journal->coming.bytes.n + journal->going_bytes;
	(void)pthread_mutex_unlock(lock_of(journal));
	return n;
}

struct nr_journal *nr_journal_close(struct nr_journal *journal)
{
	if (journal == NULL)
		return NULL;
	nr_writer_close(&journal->writer);
	nr_pending_done(&journal->coming);
	nr_pending_done(&journal->going);
	(void)pthread_mutex_destroy(&journal->lock);
	free(journal->dir);
	free(journal);
	return NULL;
}

static struct nr_journal *journal_new(const struct nr_journal_options *options)
{
	struct nr_journal *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->options = *options;
	j->writer.fd = j->writer.dir_fd = j->writer.lock_fd = -1;
	(void)pthread_mutex_init(&j->lock, NULL);
	if (j->options.segment_bytes == 0)
		j->options.segment_bytes = SEGMENT_DEFAULT;
	if (j->options.segment_bytes < SEGMENT_MIN)
		j->options.segment_bytes = SEGMENT_MIN;
	j->dir = nr_segment_dir(options->dir);
	if (j->dir == NULL)
		return nr_journal_close(j);
	j->writer.dir = j->options.dir = j->dir;
	j->writer.segment_bytes = j->options.segment_bytes;
	j->writer.reserve_bytes = j->options.reserve_bytes;
	return j;
}

int nr_journal_open(const struct nr_journal_options *options, struct nr_journal **ret_journal,
		    struct nr_journal_recovery *ret_recovery, struct nr_err *reterr)
{
	struct nr_journal_recovery rec;
	struct nr_journal *j;
	int ret = nr_crypt_init();

	if (ret < 0)
		return nr_fail(reterr, ret, "no random source");
	j = journal_new(options);
	if (j == NULL)
		return nr_fail(reterr, -ENOMEM, "%s", nr_err_text(-ENOMEM));
	ret = nr_journal_recover(&j->writer, &j->encoder, &rec, reterr);
	if (ret < 0) {
		nr_journal_close(j);
		return ret;
	}
	ret = nr_writer_ready(&j->writer);
	if (ret < 0)
		j->writer.has_reserve =
			false; /* a disk that is full now may have room later: commit() asks again */
	j->place = (struct nr_journal_place){ .at = rec.last_at,
					      .segment = j->writer.segment,
					      .end = j->writer.end };
	atomic_store(&j->durable, rec.last_at);
	*ret_journal = j;
	*ret_recovery = rec;
	return 0;
}

int nr_journal_append(struct nr_journal *journal, struct nr_entry *entry)
{
	int ret = nr_journal_error(journal);

	if (ret < 0)
		return ret;
	(void)pthread_mutex_lock(&journal->lock);
	if (journal->coming.bytes.n + journal->going_bytes >= NR_JOURNAL_PENDING)
		ret = -EWOULDBLOCK;
	else
		ret = nr_encode_entry(&journal->encoder, &journal->coming, &journal->options,
				      entry);
	(void)pthread_mutex_unlock(&journal->lock);
	return ret;
}

/* ---- commit ---- */

static void written(struct nr_journal *j, const struct nr_part *part, size_t n)
{
	(void)pthread_mutex_lock(&j->lock);
	/* before the place, by which readers go: none sees an entry that is not called durable yet */
	atomic_store_explicit(&j->durable, part->last_at, memory_order_release);
	j->place = (struct nr_journal_place){ .at = part->last_at,
					      .segment = part->segment,
					      .end = j->writer.end };
	j->going_bytes -= n;
	(void)pthread_mutex_unlock(&j->lock);
}

static int write_going(struct nr_journal *j, struct nr_err *reterr)
{
	struct nr_pending *g = &j->going;
	int ret;

	if (g->n_done == g->n_parts)
		return 0;
	ret = nr_writer_ready(&j->writer);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s: no room for the reserve: %s", j->dir,
			       nr_err_text(ret));
	while (g->n_done < g->n_parts) {
		const struct nr_part *part = &g->parts[g->n_done];
		size_t end = g->n_done + 1 < g->n_parts ? part[1].off : g->bytes.n;
		struct nr_bytes bytes = { g->bytes.p + part->off, end - part->off };

		ret = nr_writer_part(&j->writer, part, bytes, reterr);
		if (ret < 0)
			return ret;
		g->n_done++;
		written(j, part, bytes.n);
		NR_CRASH_POINT("journal.commit.durable");
	}
	nr_pending_reset(g);
	return 0;
}

static void take_coming(struct nr_journal *j)
{
	struct nr_pending empty;

	(void)pthread_mutex_lock(&j->lock);
	empty = j->going;
	j->going = j->coming;
	j->coming = empty;
	j->going_bytes = j->going.bytes.n;
	(void)pthread_mutex_unlock(&j->lock);
}

int nr_journal_commit(struct nr_journal *journal, struct nr_err *reterr)
{
	int ret = nr_journal_error(journal);

	if (ret < 0)
		return nr_fail(reterr, ret, "%s: writing failed before: %s", journal->dir,
			       nr_err_text(ret));
	/* First what had no room the last time, then what came since. */
	ret = write_going(journal, reterr);
	if (ret == 0) {
		take_coming(journal);
		ret = write_going(journal, reterr);
	}
	if (ret < 0 && !nr_writer_may_retry(ret))
		atomic_store_explicit(&journal->error, ret, memory_order_release);
	return ret;
}

int nr_journal_roll(struct nr_journal *journal, struct nr_err *reterr)
{
	int ret = nr_journal_error(journal);

	if (ret == 0) {
		(void)pthread_mutex_lock(&journal->lock);
		ret = nr_encode_roll(&journal->encoder, &journal->coming, &journal->options);
		(void)pthread_mutex_unlock(&journal->lock);
	}
	if (ret < 0)
		return nr_fail(reterr, ret, "%s: cannot close the segment: %s", journal->dir,
			       nr_err_text(ret));
	return nr_journal_commit(journal, reterr);
}

int nr_journal_retain(struct nr_journal *journal, uint64_t max_bytes, int64_t before_ns,
		      uint64_t *ret_erased, struct nr_err *reterr)
{
	struct nr_retain retain = { .dir = journal->dir,
				    .dir_fd = journal->writer.dir_fd,
				    .last = journal->writer.segment,
				    .last_bytes = journal->writer.end,
				    .max_bytes = max_bytes,
				    .before_ns = before_ns,
				    .max_segments = NR_JOURNAL_RETAIN,
				    .is_swept = journal->is_swept };
	int ret = nr_journal_error(journal);

	if (ret < 0)
		return nr_fail(reterr, ret, "%s: writing failed before: %s", journal->dir,
			       nr_err_text(ret));
	ret = nr_retain_run(&retain, reterr);
	if (ret < 0 && ret != NR_EDAMAGED && ret != -ENOMEM && !nr_writer_may_retry(ret))
		atomic_store_explicit(&journal->error, ret, memory_order_release);
	if (ret < 0)
		return ret;
	if (retain.n_segments < NR_JOURNAL_RETAIN)
		journal->is_swept = true;
	*ret_erased = retain.erased;
	return 0;
}
