/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_states N [FIRST_SEED]: N states that a power cut could leave of a spool at work. TAP
 * output.
 *
 * A run appends, syncs, hands out, is acknowledged, drops and rolls, while every call that changes
 * the disk is recorded. For random places in that list the directory is built as a crash may have
 * left it (tests/crash/crash_fs.h), opened, and sent to the hub as the hub was then.
 *
 * Invariants: it opens; what was synced and neither acknowledged nor dropped comes as a batch with
 * its bytes; every number up to the end comes once, as a batch or in a gap; batches follow from
 * each other; nothing that was never spooled comes. Gaps whose counts are not exact are counted:
 * docs/internals/spool.md says when that may be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../crash/crash_fs.h"
#include "base/crypt.h"
#include "observe/sensor/spool_int.h"

enum { STEPS = 60, BATCHES = 400, STATES_A_RUN = 60, PATH = 256, SIZE_MAX_ = 9000 };
#define EPOCH UINT64_C(1700000000)

/* How things stood when an operation had ended. */
struct moment {
	size_t calls;
	uint64_t synced, acked, dropped, made;
};

struct run {
	uint64_t rng;
	char dir[PATH], built[PATH];
	struct crash_fs *fs;
	struct nr_spool *spool;
	struct moment moments[STEPS + 1];
	size_t n_moments;
	uint64_t rows[BATCHES + 1]; /* cumulative: behind batch i */
	struct nr_digest digests[BATCHES + 1];
	uint64_t n_made;
	uint64_t lost, inexact, states;
	const char *fault;
};

static void entry_bytes(uint64_t number, uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
	memcpy(bytes, &number, 8);
}

static size_t size_of(uint64_t number)
{
	uint64_t rng = number * 77 + 1;

	return 64 + crash_below(&rng, SIZE_MAX_ - 64);
}

static void moment_take(struct run *run)
{
	struct nr_spool *spool = run->spool;

	run->moments[run->n_moments++] =
		(struct moment){ .calls = crash_fs_calls(run->fs),
				 .synced = spool->synced_seq,
				 .acked = spool->acked.seq,
				 .dropped = spool->hole.any ? spool->hole.to : spool->acked.seq,
				 .made = spool->next_seq - 1 };
}

static void step_append(struct run *run)
{
	uint8_t bytes[SIZE_MAX_];
	uint64_t number = run->n_made + 1;
	struct nr_spool_entry entry = { .rows = 1 + (uint32_t)(number % 50),
					.packets = 1 + number % 50,
					.first_tick = (int64_t)number,
					.last_tick = (int64_t)number,
					.payload = { bytes, size_of(number) } };

	if (number > BATCHES)
		return;
	entry_bytes(number, bytes, entry.payload.n);
	if (nr_spool_append(run->spool, &entry, NULL) < 0)
		run->fault = "append";
	run->n_made = number;
	run->rows[number] = run->spool->rows;
	run->digests[number] = run->spool->last;
}

static void step_talk(struct run *run, struct nr_buf *payload)
{
	struct nr_spool_item item;

	if (!run->spool->in_session &&
	    nr_spool_seek(run->spool, run->spool->acked.seq > 0 ? EPOCH : 0, run->spool->acked.seq,
			  &run->digests[run->spool->acked.seq], NULL) < 0)
		run->fault = "seek";
	for (uint64_t n = crash_below(&run->rng, 12); n > 0; n--)
		if (nr_spool_next(run->spool, payload, &item, NULL) < 0)
			run->fault = "next";
	if (crash_below(&run->rng, 2) == 0 && run->spool->n_window > 0) {
		uint64_t which = crash_below(&run->rng, run->spool->n_window);

		if (nr_spool_ack(run->spool, EPOCH, run->spool->window[which].seq, NULL) < 0)
			run->fault = "ack";
	}
}

/* ---- one state ---- */

static void check_batch(struct run *run, const struct nr_message_batch *batch, uint64_t expected)
{
	uint8_t bytes[SIZE_MAX_];

	if (batch->seq != expected || batch->seq > run->n_made) {
		run->fault = "a number out of turn";
		return;
	}
	entry_bytes(batch->seq, bytes, size_of(batch->seq));
	if (batch->payload.n != size_of(batch->seq) ||
	    memcmp(batch->payload.p, bytes, batch->payload.n) != 0)
		run->fault = "other bytes than were spooled";
	if (!nr_digest_eq(&batch->previous, &run->digests[batch->seq - 1]))
		run->fault = "a batch that does not follow";
}

static void check_gap(struct run *run, const struct nr_message_gap *gap, uint64_t expected,
		      const struct moment *now)
{
	if (gap->from_seq != expected || gap->to_seq > run->n_made)
		run->fault = "a gap out of turn";
	/* what was dropped, and what the operation at work may just have dropped */
	for (uint64_t s = gap->from_seq; s <= gap->to_seq && s <= BATCHES; s++)
		run->lost += s > now[1].dropped && s <= now->synced;
	if (gap->to_seq <= BATCHES)
		run->inexact += gap->observations !=
				run->rows[gap->to_seq] - run->rows[gap->from_seq - 1];
}

static void drain(struct run *run, struct nr_spool *spool, uint64_t hub, const struct moment *now)
{
	struct nr_spool_item item;
	struct nr_buf payload;
	uint64_t seq = hub;

	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	while (run->fault == NULL) {
		if (nr_spool_next(spool, &payload, &item, NULL) < 0)
			run->fault = "next";
		if (item.kind == NR_SPOOL_NOTHING)
			break;
		if (item.kind == NR_SPOOL_BATCH) {
			check_batch(run, &item.batch, seq + 1);
			seq = item.batch.seq;
		} else {
			check_gap(run, &item.gap, seq + 1, now);
			seq = item.gap.to_seq;
		}
		if (nr_spool_ack(spool, EPOCH, seq, NULL) < 0)
			run->fault = "ack";
	}
	if (seq < now->synced)
		run->lost += now->synced - seq;
	nr_buf_done(&payload);
}

static void check_state(struct run *run, size_t calls)
{
	struct nr_spool_options opt = { .dir = run->built,
					.limit = NR_SPOOL_LIMIT_MIN * 2,
					.now_s = EPOCH };
	const struct moment *now = run->moments;
	struct nr_spool *spool = NULL;

	while (now + 2 < run->moments + run->n_moments && now[1].calls <= calls)
		now++;
	crash_fs_build(run->fs, calls, &run->rng, run->built);
	run->states++;
	if (nr_spool_open(&opt, &spool, NULL) < 0) {
		run->fault = "does not open";
		return;
	}
	/*
	 * the hub holds something between the last acknowledgement and what was sent: nothing
	 * unsynced
	 */
	uint64_t hub = now->acked;

	if (spool->epoch != EPOCH)
		run->lost += now->synced > hub ? now->synced - hub : 0;
	else if (nr_spool_seek(spool, hub > 0 ? EPOCH : 0, hub, &run->digests[hub], NULL) < 0)
		run->fault = "the hub's place is not known";
	else
		drain(run, spool, hub, now);
	nr_spool_free(spool);
}

static void run_seed(struct run *run, uint64_t seed)
{
	struct nr_spool_options opt = { .dir = run->dir,
					.limit = NR_SPOOL_LIMIT_MIN * 2,
					.now_s = EPOCH };
	struct nr_buf payload;

	run->rng = seed;
	run->n_moments = 0;
	run->n_made = 0;
	crash_fs_clear(run->dir);
	run->fs = crash_fs_new();
	crash_fs_load(run->fs, run->dir);
	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	nr_io_record(crash_fs_call, run->fs);
	if (nr_spool_open(&opt, &run->spool, NULL) < 0)
		run->fault = "open";
	for (int i = 0; i < STEPS && run->fault == NULL; i++) {
		moment_take(run);
		uint64_t what = crash_below(&run->rng, 10);

		for (uint64_t n = 1 + crash_below(&run->rng, 6); what < 6 && n > 0; n--)
			step_append(run);
		if (what < 8 && nr_spool_sync(run->spool, NULL) < 0)
			run->fault = "sync";
		if (what >= 6)
			step_talk(run, &payload);
	}
	if (run->fault == NULL)
		moment_take(run);
	nr_io_record(NULL, NULL);
	run->spool = nr_spool_free(run->spool);
	for (int i = 0; i < STATES_A_RUN && run->fault == NULL; i++)
		check_state(run, (size_t)crash_below(&run->rng, crash_fs_calls(run->fs) + 1));
	nr_buf_done(&payload);
	run->fs = crash_fs_free(run->fs);
}

static int words(int argc, char **argv, uint64_t *goal, uint64_t *seed)
{
	if (argc > 1 && nr_str_u64(nr_str_from(argv[1]), 1, UINT64_MAX, goal) < 0)
		return -EINVAL;
	return argc > 2 ? nr_str_u64(nr_str_from(argv[2]), 1, UINT64_MAX, seed) : 0;
}

static int make_dirs(struct run *run)
{
	const char *tmp = getenv("TMPDIR");

	tmp = tmp != NULL ? tmp : "/tmp";
	(void)snprintf(run->dir, PATH, "%s/nr_states_%d", tmp, (int)getpid());
	(void)snprintf(run->built, PATH, "%s/nr_states_%d_b", tmp, (int)getpid());
	return mkdir(run->dir, 0700) < 0 || mkdir(run->built, 0700) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	uint64_t goal = 1000, seed = 1;
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL || nr_crypt_init() < 0 || words(argc, argv, &goal, &seed) < 0 ||
	    make_dirs(run) < 0)
		return 2;
	uint64_t first = seed;

	for (; run->states < goal && run->fault == NULL && run->lost == 0; seed++)
		run_seed(run, seed);
	crash_fs_clear(run->dir);
	crash_fs_clear(run->built);
	(void)rmdir(run->dir);
	(void)rmdir(run->built);
	bool good = run->fault == NULL && run->lost == 0;

	printf("1..1\n%sok 1 - %llu crash states of seeds %llu to %llu: %llu lost, %llu gaps inexact",
	       good ? "" : "not ", (unsigned long long)run->states, (unsigned long long)first,
	       (unsigned long long)seed - 1, (unsigned long long)run->lost,
	       (unsigned long long)run->inexact);
	printf("%s%s\n", run->fault != NULL ? "; " : "", run->fault != NULL ? run->fault : "");
	free(run);
	return good ? 0 : 1;
}
