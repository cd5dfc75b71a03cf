/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ingest/intake.h"

enum { SHIFT_S = 2 }; /* clocks further off are corrected: orient/online.h */
#define KEEP_NS (60 * NR_NS_PER_S)

static struct nr_intake_answer refuse(enum nr_ledger_verdict verdict, enum nr_refusal why,
				      const char *words)
{
	return (struct nr_intake_answer){ .verdict = (uint8_t)verdict,
					  .refusal = (uint8_t)why,
					  .words = words };
}

/* @return 0: appended, or answered that there is no room; negative: final */
static int append(struct nr_intake *intake, struct nr_entry *entry, enum nr_ledger_verdict verdict,
		  struct nr_intake_answer *answer)
{
	int ret = nr_journal_append(intake->journal, entry);

	if (ret == -EWOULDBLOCK) {
		*answer = refuse(verdict, NR_REFUSE_BUSY, "the disk does not keep up");
		return 0;
	}
	if (ret < 0)
		return ret;
	intake->last_at = entry->at;
	*answer = (struct nr_intake_answer){ .verdict = (uint8_t)verdict, .at = entry->at };
	return 0;
}

static int append_gap(struct nr_intake *intake, struct nr_uuid sensor,
		      const struct nr_message_gap *gap, enum nr_ledger_verdict verdict,
		      struct nr_intake_answer *answer)
{
	struct nr_entry entry = { .type = NR_ENTRY_GAP, .gap = { .sensor = sensor, .gap = *gap } };
	int ret = append(intake, &entry, verdict, answer);

	if (ret < 0 || answer->refusal != 0)
		return ret;
	return nr_ledger_apply(intake->ledger, &entry);
}

/*
 * Numbers that are missing before @p seq, and nobody said why. @p last: digest of the last of them,
 * when known
 */
static int append_hole(struct nr_intake *intake, struct nr_uuid sensor, uint64_t epoch,
		       uint64_t seq, const struct nr_digest *last, struct nr_intake_answer *answer)
{
	const struct nr_ledger_row *row = nr_ledger_find(intake->ledger, sensor);
	struct nr_message_gap gap = {
		.epoch = epoch,
		.from_seq = row != NULL && row->epoch == epoch ? row->seq + 1 : 1,
		.to_seq = seq - 1,
		.last = *last,
		.reason = NR_GAP_UNEXPLAINED,
	};

	return append_gap(intake, sensor, &gap, NR_LEDGER_HOLE, answer);
}

/* Seconds by which the engine will move this sensor's ticks (orient/online.h). */
static int64_t shift_of(int64_t offset_ns)
{
	int64_t half = offset_ns < 0 ? -NR_NS_PER_S / 2 : NR_NS_PER_S / 2;

	if (offset_ns >= -SHIFT_S * NR_NS_PER_S && offset_ns <= SHIFT_S * NR_NS_PER_S)
		return 0;
	return offset_ns / NR_NS_PER_S + (offset_ns % NR_NS_PER_S + half) / NR_NS_PER_S;
}

static int append_batch(struct nr_intake *intake, const struct nr_intake_batch *b,
			enum nr_ledger_verdict verdict, struct nr_intake_answer *answer)
{
	struct nr_entry entry = {
		.type = NR_ENTRY_BATCH,
		.batch = { .sensor = b->sensor, .offset_ns = b->offset_ns, .batch = b->batch }
	};
	/* The second a full batch ends in goes on in the next. */
	int64_t tick = b->info.last_tick - (b->info.n_rows == NR_BATCH_ROWS);
	int ret = append(intake, &entry, verdict, answer);

	if (ret < 0 || answer->refusal != 0)
		return ret;
	ret = nr_ledger_apply_batch(intake->ledger, b->sensor, &b->batch, &b->digest);
	if (ret < 0 || intake->watch == NULL)
		return ret;
	if (__builtin_add_overflow(tick, shift_of(b->offset_ns), &tick))
		return 0; /* a clock that is this wrong has no second */
	ret = nr_watch_batch(intake->watch, b->sensor, tick, b->now_ns);
	return ret == -EWOULDBLOCK ? 0 : ret; /* no room for a remark; the batch is in */
}

/*
 * Is it the first contradiction of this sensor within a minute? Eight remembered: more at once are
 * kept once more.
 */
static bool may_keep(struct nr_intake *intake, struct nr_uuid sensor, int64_t now_ns)
{
	size_t oldest = 0;

	for (size_t i = 0; i < NR_COUNT(intake->kept_ns); i++) {
		if (nr_uuid_eq(intake->kept_of[i], sensor) && intake->kept_ns[i] != 0) {
			if (now_ns - intake->kept_ns[i] < KEEP_NS)
				return false;
			oldest = i;
			break;
		}
		if (intake->kept_ns[i] < intake->kept_ns[oldest])
			oldest = i;
	}
	intake->kept_of[oldest] = sensor;
	intake->kept_ns[oldest] = now_ns;
	return true;
}

/* The batch as it travelled, kept where nobody uses it. */
static int quarantine(struct nr_intake *intake, const struct nr_intake_batch *b,
		      struct nr_intake_answer *answer)
{
	struct nr_message message = { .type = NR_MESSAGE_BATCH, .batch = b->batch };
	struct nr_buf bytes;
	int ret = 0;

	if (may_keep(intake, b->sensor, b->now_ns)) {
		nr_buf_init(&bytes, NR_MESSAGE_HEAD + NR_MESSAGE_MAX);
		ret = nr_message_write(&message, &bytes);
		if (ret == 0) {
			struct nr_entry entry = { .type = NR_ENTRY_QUARANTINE,
						  .text = { .sensor = b->sensor,
							    .text = { bytes.p, bytes.n } } };

			ret = append(intake, &entry, NR_LEDGER_CONFLICT, answer);
		}
		nr_buf_done(&bytes);
	}
	if (ret == -ENOMEM) /* it is only a copy for people */
		ret = 0;
	*answer = refuse(NR_LEDGER_CONFLICT, NR_REFUSE_CONFLICT,
			 "this number, or what stands before it, has other content already");
	return ret;
}

static struct nr_intake_answer refuse_epoch(enum nr_ledger_verdict verdict)
{
	if (verdict == NR_LEDGER_OLD_EPOCH)
		return refuse(verdict, NR_REFUSE_OLD_EPOCH, "a newer epoch has begun");
	if (verdict == NR_LEDGER_FUTURE_EPOCH)
		return refuse(verdict, NR_REFUSE_DAMAGED, "the epoch is more than a day ahead");
	return refuse(verdict, NR_REFUSE_BUSY, "the hub has no room for another sensor");
}

static int take_batch(struct nr_intake *intake, const struct nr_intake_batch *b,
		      struct nr_intake_answer *answer)
{
	enum nr_ledger_verdict verdict = nr_ledger_judge(intake->ledger, b->sensor, &b->batch,
							 &b->digest, b->now_ns);
	int ret = 0;

	switch (verdict) {
	case NR_LEDGER_HOLE:
		ret = append_hole(intake, b->sensor, b->batch.epoch, b->batch.seq,
				  &b->batch.previous, answer);
		if (ret < 0 || answer->refusal != 0)
			return ret;
		return append_batch(intake, b, verdict, answer);
	case NR_LEDGER_NEXT:
		return append_batch(intake, b, verdict, answer);
	case NR_LEDGER_REPEAT:
	case NR_LEDGER_OLD:
		*answer = (struct nr_intake_answer){ .verdict = (uint8_t)verdict,
						     .at = intake->last_at };
		return 0;
	case NR_LEDGER_CONFLICT:
		return quarantine(intake, b, answer);
	case NR_LEDGER_OLD_EPOCH:
	case NR_LEDGER_FUTURE_EPOCH:
	case NR_LEDGER_FULL:
		break;
	}
	*answer = refuse_epoch(verdict);
	return 0;
}

int nr_intake_batch(struct nr_intake *intake, const struct nr_intake_batch *batch,
		    struct nr_intake_answer *ret_answer)
{
	struct nr_intake_answer answer = { 0 };
	int ret;

	(void)pthread_mutex_lock(intake->lock);
	ret = take_batch(intake, batch, &answer);
	(void)pthread_mutex_unlock(intake->lock);
	if (ret == 0)
		*ret_answer = answer;
	return ret;
}

static int take_gap(struct nr_intake *intake, struct nr_uuid sensor,
		    const struct nr_message_gap *told, int64_t now_ns,
		    struct nr_intake_answer *answer)
{
	static const struct nr_digest unknown;
	struct nr_message_gap gap = *told;
	enum nr_ledger_verdict verdict = nr_ledger_judge_gap(intake->ledger, sensor, &gap, now_ns);
	int ret;

	switch (verdict) {
	case NR_LEDGER_HOLE:
		ret = append_hole(intake, sensor, gap.epoch, gap.from_seq, &unknown, answer);
		if (ret < 0 || answer->refusal != 0)
			return ret;
		return append_gap(intake, sensor, &gap, verdict, answer);
	case NR_LEDGER_NEXT:
		return append_gap(intake, sensor, &gap, verdict, answer);
	case NR_LEDGER_REPEAT:
	case NR_LEDGER_OLD:
	case NR_LEDGER_CONFLICT:
		*answer = (struct nr_intake_answer){ .verdict = (uint8_t)verdict,
						     .at = intake->last_at };
		return 0;
	case NR_LEDGER_OLD_EPOCH:
	case NR_LEDGER_FUTURE_EPOCH:
	case NR_LEDGER_FULL:
		break;
	}
	*answer = refuse_epoch(verdict);
	return 0;
}

int nr_intake_gap(struct nr_intake *intake, struct nr_uuid sensor, const struct nr_message_gap *gap,
		  int64_t now_ns, struct nr_intake_answer *ret_answer)
{
	struct nr_intake_answer answer = { 0 };
	int ret;

	(void)pthread_mutex_lock(intake->lock);
	ret = take_gap(intake, sensor, gap, now_ns, &answer);
	(void)pthread_mutex_unlock(intake->lock);
	if (ret == 0)
		*ret_answer = answer;
	return ret;
}

void nr_intake_known(struct nr_intake *intake, struct nr_uuid sensor,
		     struct nr_message_welcome *ret_welcome, uint64_t *ret_at)
{
	const struct nr_ledger_row *row;

	(void)pthread_mutex_lock(intake->lock);
	row = nr_ledger_find(intake->ledger, sensor);
	if (row != NULL) {
		ret_welcome->epoch = row->epoch;
		ret_welcome->acked_seq = row->seq;
		ret_welcome->acked = row->digest;
	}
	*ret_at = intake->last_at;
	(void)pthread_mutex_unlock(intake->lock);
}
