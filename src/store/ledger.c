/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1  A row exists for every sensor of which a batch or a gap was applied; rows are never removed.
 * 2  row.digest is the digest of batch row.seq of row.epoch, or all zero when a gap ended there and nobody said.
 * 3  recent[s % NR_LEDGER_RECENT] is the start of the digest of batch s, for the last NR_LEDGER_RECENT numbers s
 *    up to row.seq; 0: not known (a gap, or before the epoch's first).
 */
#include "store/ledger.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/table.h"

enum { VERSION = 1, SAVED = NR_MESSAGE_WINDOW, DAY_S = 86400 };

struct row {
	struct nr_ledger_row known;
	uint64_t *recent; /* NR_LEDGER_RECENT of them */
};

struct nr_ledger {
	struct nr_table rows;
	struct nr_hash_key key;
};

static uint64_t hash_uuid(const struct nr_ledger *ledger, const struct nr_uuid *uuid)
{
	return nr_siphash13(&ledger->key, uuid->b, sizeof(uuid->b));
}

static uint64_t hash_row(const void *entry, const void *ctx)
{
	return hash_uuid(ctx, &((const struct row *)entry)->known.sensor);
}

static bool is_sensor(const void *entry, const void *key)
{
	return nr_uuid_eq(((const struct row *)entry)->known.sensor, *(const struct nr_uuid *)key);
}

int nr_ledger_new(struct nr_ledger **ret_ledger)
{
	struct nr_ledger *ledger = calloc(1, sizeof(*ledger));
	int ret;

	if (ledger == NULL)
		return -ENOMEM;
	nr_random(&ledger->key, sizeof(ledger->key));
	ret = nr_table_init(&ledger->rows, sizeof(struct row), NR_LEDGER_SENSORS, hash_row, ledger);
	if (ret < 0) {
		free(ledger);
		return ret;
	}
	*ret_ledger = ledger;
	return 0;
}

static struct row *row_at(const struct nr_ledger *ledger, uint32_t i)
{
	return nr_table_at(&ledger->rows, i);
}

struct nr_ledger *nr_ledger_free(struct nr_ledger *ledger)
{
	if (ledger == NULL)
		return NULL;
	for (uint32_t i = 0; i < ledger->rows.n; i++)
		free(row_at(ledger, i)->recent);
	nr_table_done(&ledger->rows);
	free(ledger);
	return NULL;
}

static struct row *find(const struct nr_ledger *ledger, struct nr_uuid sensor)
{
	return nr_table_find(&ledger->rows, hash_uuid(ledger, &sensor), is_sensor, &sensor);
}

static int find_or_add(struct nr_ledger *ledger, struct nr_uuid sensor, struct row **ret_row)
{
	struct row *row = find(ledger, sensor);
	uint64_t *recent;

	*ret_row = row;
	if (row != NULL)
		return 0;
	recent = calloc(NR_LEDGER_RECENT, sizeof(*recent));
	if (recent == NULL)
		return -ENOMEM;
	if (ledger->rows.n < NR_LEDGER_SENSORS)
		row = nr_table_insert(&ledger->rows, hash_uuid(ledger, &sensor));
	if (row == NULL) {
		free(recent);
		return ledger->rows.n < NR_LEDGER_SENSORS ? -ENOMEM : NR_ELIMIT;
	}
	*row = (struct row){ .known.sensor = sensor, .recent = recent };
	*ret_row = row;
	return 0;
}

/* What is remembered of a digest; never 0, which means that nothing is. */
static uint64_t mark_of(const struct nr_digest *digest)
{
	uint64_t mark;

	memcpy(&mark, digest->b, sizeof(mark));
	return mark != 0 ? mark : 1;
}

static bool is_zero(const struct nr_digest *digest)
{
	static const struct nr_digest zero;

	return nr_digest_eq(digest, &zero);
}

static bool is_future(uint64_t epoch, int64_t now_ns)
{
	int64_t limit = nr_time_floor_s((struct nr_time){ now_ns }) + DAY_S;

	return limit < 0 || epoch > (uint64_t)limit;
}

/* Of a number that was acknowledged before. */
static enum nr_ledger_verdict judge_past(struct row *row, uint64_t seq,
					 const struct nr_digest *digest)
{
	uint64_t mark = row->recent[seq % NR_LEDGER_RECENT];

	if (row->known.seq - seq >= NR_LEDGER_RECENT || mark == 0) {
		row->known.old++;
		return NR_LEDGER_OLD;
	}
	if (mark != mark_of(digest)) {
		row->known.conflicts++;
		return NR_LEDGER_CONFLICT;
	}
	row->known.repeats++;
	return NR_LEDGER_REPEAT;
}

/* Before the first batch of an epoch stands nothing: seq 0, digest all zero. */
static enum nr_ledger_verdict judge_next(struct row *row, const struct nr_message_batch *batch,
					 const struct nr_digest *before, bool is_known)
{
	if (!is_known || nr_digest_eq(&batch->previous, before))
		return NR_LEDGER_NEXT;
	if (row != NULL)
		row->known.conflicts++;
	return NR_LEDGER_CONFLICT;
}

enum nr_ledger_verdict nr_ledger_judge(struct nr_ledger *ledger, struct nr_uuid sensor,
				       const struct nr_message_batch *batch,
				       const struct nr_digest *digest, int64_t now_ns)
{
	static const struct nr_digest zero;
	struct row *row = find(ledger, sensor);

	if (row == NULL && ledger->rows.n >= NR_LEDGER_SENSORS)
		return NR_LEDGER_FULL;
	if (row != NULL && batch->epoch < row->known.epoch)
		return NR_LEDGER_OLD_EPOCH;
	if (row == NULL || batch->epoch > row->known.epoch) {
		if (is_future(batch->epoch, now_ns))
			return NR_LEDGER_FUTURE_EPOCH;
		return batch->seq == 1 ? judge_next(row, batch, &zero, true) : NR_LEDGER_HOLE;
	}
	if (batch->seq <= row->known.seq)
		return judge_past(row, batch->seq, digest);
	if (batch->seq - row->known.seq > 1)
		return NR_LEDGER_HOLE;
	return judge_next(row, batch, &row->known.digest,
			  row->known.seq == 0 || !is_zero(&row->known.digest));
}

enum nr_ledger_verdict nr_ledger_judge_gap(struct nr_ledger *ledger, struct nr_uuid sensor,
					   struct nr_message_gap *gap, int64_t now_ns)
{
	struct row *row = find(ledger, sensor);
	uint64_t acked = 0;

	if (row == NULL && ledger->rows.n >= NR_LEDGER_SENSORS)
		return NR_LEDGER_FULL;
	if (row != NULL && gap->epoch < row->known.epoch)
		return NR_LEDGER_OLD_EPOCH;
	if (row == NULL || gap->epoch > row->known.epoch) {
		if (is_future(gap->epoch, now_ns))
			return NR_LEDGER_FUTURE_EPOCH;
	} else {
		acked = row->known.seq;
	}
	if (acked > 0 && gap->to_seq <= acked) {
		row->known.repeats++;
		return NR_LEDGER_REPEAT;
	}
	if (gap->from_seq <= acked)
		gap->from_seq = acked + 1;
	return gap->from_seq > acked + 1 ? NR_LEDGER_HOLE : NR_LEDGER_NEXT;
}

/* ---- applying ---- */

/* The row in which @p seq comes next; of a new epoch it begins anew. What does not fit changes nothing. */
static int open_row(struct nr_ledger *ledger, struct nr_uuid sensor, uint64_t epoch, uint64_t seq,
		    struct row **ret_row)
{
	struct row *row = find(ledger, sensor);
	bool same = row != NULL && row->known.epoch == epoch;
	int ret;

	if (epoch == 0 || (row != NULL && epoch < row->known.epoch) ||
	    seq != (same ? row->known.seq : 0) + 1)
		return -EINVAL;
	ret = find_or_add(ledger, sensor, &row);
	if (ret < 0)
		return ret;
	if (!same) {
		row->known.epoch = epoch;
		row->known.seq = 0;
		row->known.digest = (struct nr_digest){ { 0 } };
		memset(row->recent, 0, NR_LEDGER_RECENT * sizeof(row->recent[0]));
	}
	*ret_row = row;
	return 0;
}

int nr_ledger_apply_batch(struct nr_ledger *ledger, struct nr_uuid sensor,
			  const struct nr_message_batch *batch, const struct nr_digest *digest)
{
	struct row *row;
	int ret = open_row(ledger, sensor, batch->epoch, batch->seq, &row);

	if (ret < 0)
		return ret;
	row->known.seq = batch->seq;
	row->known.digest = *digest;
	row->known.batches++;
	row->recent[batch->seq % NR_LEDGER_RECENT] = mark_of(digest);
	return 0;
}

static int apply_gap(struct nr_ledger *ledger, const struct nr_entry_gap *entry)
{
	const struct nr_message_gap *gap = &entry->gap;
	struct row *row;
	uint64_t n;
	int ret;

	if (gap->to_seq < gap->from_seq)
		return -EINVAL;
	ret = open_row(ledger, entry->sensor, gap->epoch, gap->from_seq, &row);
	if (ret < 0)
		return ret;
	n = gap->to_seq - gap->from_seq + 1;
	for (uint64_t i = 0; i < n && i < NR_LEDGER_RECENT; i++)
		row->recent[(gap->to_seq - i) % NR_LEDGER_RECENT] = 0;
	row->known.seq = gap->to_seq;
	row->known.digest = gap->last;
	if (!is_zero(&gap->last))
		row->recent[gap->to_seq % NR_LEDGER_RECENT] = mark_of(&gap->last);
	row->known.gaps++;
	row->known.lost += n;
	row->known.observations_lost += gap->observations;
	return 0;
}

int nr_ledger_apply(struct nr_ledger *ledger, const struct nr_entry *entry)
{
	if (entry->erased)
		return 0;
	if (entry->type == NR_ENTRY_BATCH && entry->batch.imported)
		return 0; /* numbered by the file's content: the registry knows which files are in */
	if (entry->type == NR_ENTRY_BATCH) {
		struct nr_digest digest = nr_message_digest(&entry->batch.batch);

		return nr_ledger_apply_batch(ledger, entry->batch.sensor, &entry->batch.batch,
					     &digest);
	}
	return entry->type == NR_ENTRY_GAP ? apply_gap(ledger, &entry->gap) : 0;
}

/* ---- asking ---- */

const struct nr_ledger_row *nr_ledger_find(const struct nr_ledger *ledger, struct nr_uuid sensor)
{
	const struct row *row = find(ledger, sensor);

	return row != NULL ? &row->known : NULL;
}

size_t nr_ledger_count(const struct nr_ledger *ledger)
{
	return ledger->rows.n;
}

const struct nr_ledger_row *nr_ledger_at(const struct nr_ledger *ledger, size_t i)
{
	return i < ledger->rows.n ? &row_at(ledger, (uint32_t)i)->known : NULL;
}

/* ---- saving: docs/internals/wire.md ---- */

static uint64_t *counter(struct nr_ledger_row *row, size_t i)
{
	uint64_t *const all[] = {
		&row->batches, &row->repeats,		&row->old, &row->conflicts, &row->gaps,
		&row->lost,    &row->observations_lost,
	};

	return i < NR_COUNT(all) ? all[i] : NULL;
}

static void save_row(const struct row *row, struct nr_buf *out)
{
	struct nr_ledger_row known = row->known;
	uint8_t n = (uint8_t)(known.seq < SAVED ? known.seq : SAVED);

	nr_buf_add(out, known.sensor.b, sizeof(known.sensor.b));
	nr_write_le64(out, known.epoch);
	nr_write_le64(out, known.seq);
	nr_buf_add(out, known.digest.b, sizeof(known.digest.b));
	for (size_t i = 0; counter(&known, i) != NULL; i++)
		nr_write_le64(out, *counter(&known, i));
	nr_write_u8(out, n);
	for (uint64_t i = 0; i < n; i++)
		nr_write_le64(out, row->recent[(known.seq - i) % NR_LEDGER_RECENT]);
}

int nr_ledger_save(const struct nr_ledger *ledger, struct nr_buf *out)
{
	nr_write_u8(out, VERSION);
	nr_write_le32(out, ledger->rows.n);
	for (uint32_t i = 0; i < ledger->rows.n; i++)
		save_row(row_at(ledger, i), out);
	return out->err;
}

static int load_row(struct nr_ledger *ledger, struct nr_reader *r)
{
	const uint8_t *uuid = nr_read_bytes(r, NR_UUID_SIZE), *digest;
	struct nr_ledger_row known = { .epoch = nr_read_le64(r), .seq = nr_read_le64(r) };
	struct row *row;
	uint8_t n;
	int ret;

	digest = nr_read_bytes(r, NR_DIGEST_SIZE);
	for (size_t i = 0; counter(&known, i) != NULL; i++)
		*counter(&known, i) = nr_read_le64(r);
	n = nr_read_u8(r);
	if (!nr_reader_ok(r) || known.epoch == 0 || known.seq == 0 ||
	    n != (known.seq < SAVED ? known.seq : SAVED) || nr_reader_left(r) < 8u * n)
		return NR_EDAMAGED;
	memcpy(known.sensor.b, uuid, NR_UUID_SIZE);
	memcpy(known.digest.b, digest, NR_DIGEST_SIZE);
	if (find(ledger, known.sensor) != NULL)
		return NR_EDAMAGED;
	ret = find_or_add(ledger, known.sensor, &row);
	if (ret < 0)
		return ret;
	row->known = known;
	for (uint64_t i = 0; i < n; i++)
		row->recent[(known.seq - i) % NR_LEDGER_RECENT] = nr_read_le64(r);
	return 0;
}

int nr_ledger_load(struct nr_ledger *ledger, struct nr_bytes text, struct nr_err *reterr)
{
	struct nr_reader r = nr_reader_of(text.p, text.n);
	uint8_t version = nr_read_u8(&r);
	uint32_t n = nr_read_le32(&r);
	int ret = 0;

	if (!nr_reader_ok(&r) || ledger->rows.n != 0)
		return nr_fail(reterr, NR_EDAMAGED, "ledger of %zu bytes", text.n);
	if (version != VERSION)
		return nr_fail(reterr, NR_EVERSION, "ledger in version %u, known is %d", version,
			       VERSION);
	if (n > NR_LEDGER_SENSORS)
		return nr_fail(reterr, NR_EDAMAGED, "ledger of %u sensors, limit %d", n,
			       NR_LEDGER_SENSORS);
	for (uint32_t i = 0; i < n && ret == 0; i++)
		ret = load_row(ledger, &r);
	if (ret == 0 && nr_reader_left(&r) != 0)
		ret = NR_EDAMAGED;
	return ret < 0 ? nr_fail(reterr, ret, "ledger of %u sensors: fields that cannot be", n) : 0;
}
