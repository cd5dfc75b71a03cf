/* SPDX-License-Identifier: Apache-2.0 */
/* An entry's way in: decoded, put in order, each row to the open transaction of its day, all of
 * it into the sums. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/duck/columns.h"
#include "store/duck/order.h"
#include "store/duck/store_int.h"

enum {
	SQL = 256,
	OFFSET_MAX_S = 2,	  /* a clock that is off by more is corrected */
	AHEAD_S = NR_STORE_DAY_S, /* of the hub's clock: what claims more was never observed */
};

/* One batch at work. */
struct nr_store_work {
	struct nr_observation obs[NR_BATCH_ROWS];
	const struct nr_observation *sorted[NR_BATCH_ROWS];
	struct nr_rollup_place places[NR_BATCH_ROWS];
	struct nr_order order;
};

struct nr_store_work *nr_store_work_free(struct nr_store_work *work)
{
	free(work);
	return NULL;
}

/* ---- days at work ---- */

static int read_at(struct nr_store_day *day, struct nr_err *reterr)
{
	char sql[SQL];

	(void)snprintf(sql, sizeof(sql), "SELECT place FROM %s.meta", day->name);
	return nr_duck_number(day->con, sql, &day->at, reterr);
}

static void close_writer(struct nr_store *store, struct nr_store_day *day)
{
	if (day->con == NULL)
		return;
	day->append = nr_duck_append_close(day->append);
	if (day->writing)
		nr_duck_try(day->con, "ROLLBACK"); /* what was not committed is read again */
	day->con = nr_duck_disconnect(day->con);
	day->writing = false;
	day->n_chunk = 0;
	day->n_new = 0;
	nr_store_day_leave(store, day);
}

void nr_store_writers_close(struct nr_store *store)
{
	for (size_t i = 0; i < store->n_days; i++)
		close_writer(store, store->days[i]);
}

static int open_writer(struct nr_store *store, struct nr_store_day *day, struct nr_err *reterr)
{
	int ret = nr_duck_connect(store->duck, &day->con, reterr);

	if (ret == 0)
		ret = read_at(day, reterr);
	if (ret == 0)
		ret = nr_duck_append_open(day->con, day->name, "observations", nr_column_types,
					  NR_COLUMN_N, &day->append, reterr);
	return ret;
}

/* The day's file. It stays in use until it is committed and others are wanted more. */
static int write_to(struct nr_store *store, uint32_t number, struct nr_store_day **ret_day,
		    struct nr_err *reterr)
{
	struct nr_store_day *day = NULL;
	int ret = nr_store_day_use(store, number, true, &day, reterr);

	if (ret < 0)
		return ret;
	if (day->con != NULL)
		nr_store_day_leave(store,
				   day); /* one use for the writer, however often it comes by */
	else
		ret = open_writer(store, day, reterr);
	if (ret == 0)
		*ret_day = day;
	return ret;
}

static int commit_day(struct nr_store *store, struct nr_store_day *day, struct nr_err *reterr)
{
	struct nr_duck_query *query = NULL;
	char sql[SQL];
	int ret = 0;

	if (day->n_chunk > 0)
		ret = nr_duck_append_chunk(day->append, day->n_chunk, reterr);
	day->n_chunk = 0;
	if (ret == 0)
		ret = nr_duck_append_flush(day->append, reterr);
	(void)snprintf(sql, sizeof(sql), "UPDATE %s.meta SET place = $place, n_rows = n_rows + $n",
		       day->name);
	if (ret == 0)
		ret = nr_duck_prepare(day->con, sql, &query, reterr);
	if (ret == 0 && (nr_duck_bind_i64(query, "place", (int64_t)store->read_at) < 0 ||
			 nr_duck_bind_i64(query, "n", (int64_t)day->n_new) < 0))
		ret = nr_fail(reterr, -EINVAL, "DuckDB does not take a number");
	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, reterr);
	nr_duck_query_close(query);
	if (ret == 0)
		ret = nr_duck_run(day->con, "COMMIT", reterr);
	if (ret < 0) {
		char path[NR_STORE_PATH];

		nr_store_day_path(store, day->number, path);
		return nr_store_file_fail(reterr, path);
	}
	day->writing = false;
	day->at = store->read_at;
	day->n_new = 0;
	return 0;
}

int nr_store_days_commit(struct nr_store *store, struct nr_err *reterr)
{
	size_t n_open = 0;
	int ret = 0;

	/* Newest first: those are asked for, and stay open. */
	for (size_t i = store->n_days; i-- > 0 && ret == 0;) {
		struct nr_store_day *day = store->days[i];

		if (day->writing)
			ret = commit_day(store, day, reterr);
		if (ret == 0 && day->con != NULL && ++n_open > 2)
			close_writer(store, day);
	}
	return ret;
}

/* ---- rows ---- */

static int64_t shift_of(int64_t offset_ns)
{
	if (offset_ns >= -OFFSET_MAX_S * NR_NS_PER_S && offset_ns <= OFFSET_MAX_S * NR_NS_PER_S)
		return 0;
	return (offset_ns + (offset_ns > 0 ? NR_NS_PER_S / 2 : -NR_NS_PER_S / 2)) / NR_NS_PER_S;
}

static void place_of(const struct nr_store *store, struct nr_ip ip, struct nr_rollup_place *ret)
{
	struct nr_store_place place = { .asn = 0 };

	if (store->locate != NULL)
		store->locate(store->locate_ctx, ip, &place);
	ret->asn = place.asn;
	ret->economy = place.economy[0] == '\0' ? 0
						: (uint16_t)((uint8_t)place.economy[0] << 8 |
							     (uint8_t)place.economy[1]);
}

/* Rows that are plainly not true are left out and counted. @return how many stay */
static size_t read_rows(struct nr_store *store, const struct nr_entry *entry)
{
	struct nr_store_work *work = store->work;
	int64_t shift = shift_of(entry->batch.offset_ns), now = entry->arrived_ns / NR_NS_PER_S;
	int64_t first = (int64_t)store->first_day * NR_STORE_DAY_S;
	size_t n = 0, got;

	while ((got = nr_batch_decoder_next(store->decoder, work->obs + n, NR_BATCH_ROWS - n)) >
	       0) {
		size_t kept = n;

		for (size_t i = n; i < n + got; i++) {
			int64_t tick = work->obs[i].tick;

			if (tick < 0 || tick > UINT32_MAX || tick + shift < first ||
			    tick + shift > now + AHEAD_S || tick + shift > UINT32_MAX) {
				store->refused++;
				continue;
			}
			work->obs[kept] = work->obs[i];
			work->obs[kept].tick = tick + shift;
			if (tick + shift <= now && tick + shift > store->newest)
				store->newest = (uint32_t)(tick + shift);
			kept++;
		}
		n = kept;
	}
	return n;
}

static int append_rows(struct nr_store *store, const struct nr_entry *entry, uint32_t sensor,
		       size_t n, struct nr_err *reterr)
{
	struct nr_store_work *work = store->work;
	struct nr_store_day *day = NULL;
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++) {
		struct nr_store_row row = { .at = entry->at,
					    .row = (uint32_t)i,
					    .sensor = sensor,
					    .obs = *work->sorted[i] };
		uint32_t number = (uint32_t)(row.obs.tick / NR_STORE_DAY_S);

		if (day == NULL || day->number != number)
			ret = write_to(store, number, &day, reterr);
		if (ret < 0 || day == NULL || entry->at <= day->at)
			/* it is in: this day was written before a crash, the sums were not */
			continue;
		if (!day->writing)
			ret = nr_duck_run(day->con, "BEGIN", reterr);
		if (ret < 0)
			continue;
		day->writing = true;
		nr_columns_put(day->append, day->n_chunk++, &row, &work->places[i]);
		day->n_new++;
		if (day->n_chunk == NR_DUCK_CHUNK) {
			day->n_chunk = 0;
			ret = nr_duck_append_chunk(day->append, NR_DUCK_CHUNK, reterr);
		}
	}
	return ret;
}

static int add_rows(struct nr_store *store, const struct nr_entry *entry, struct nr_err *reterr)
{
	struct nr_store_work *work = store->work;
	uint32_t sensor = 0;
	size_t n = read_rows(store, entry);
	int ret = nr_store_sensor(store, entry->batch.sensor, &sensor);

	if (ret < 0)
		return nr_fail(reterr, ret, "cannot number a sensor: %s", nr_err_text(ret));
	nr_order_sort(&work->order, work->obs, n, work->sorted);
	for (size_t i = 0; i < n; i++)
		if (i > 0 && nr_ip_eq(work->sorted[i]->src, work->sorted[i - 1]->src))
			work->places[i] = work->places[i - 1];
		else
			place_of(store, work->sorted[i]->src, &work->places[i]);
	for (size_t i = 0; i < n; i++) {
		int64_t tick = work->obs[i].tick;

		if (tick * NR_NS_PER_S <= entry->arrived_ns &&
		    tick - tick % 60 > store->sensors[sensor - 1].seen)
			store->sensors[sensor - 1].seen = (uint32_t)(tick - tick % 60);
	}
	ret = append_rows(store, entry, sensor, n, reterr);
	if (ret == 0) {
		ret = nr_rollup_add(store->rollup, sensor, work->sorted, work->places, n);
		if (ret < 0)
			(void)nr_fail(reterr, ret, "no memory for sums");
	}
	return ret;
}

static int add_batch(struct nr_store *store, const struct nr_entry *entry, struct nr_err *reterr)
{
	struct nr_batch_info info;
	int ret = 0;

	if (store->work == NULL && (store->work = malloc(sizeof(*store->work))) == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	ret = nr_batch_decoder_open(store->decoder, entry->batch.batch.payload, &info, reterr);
	if (ret == NR_EDAMAGED || ret == NR_EFORMAT || ret == NR_EVERSION) {
		store->refused++; /* acknowledged, but nobody can read it: the journal keeps it */
		return 0;
	}
	return ret < 0 ? ret : add_rows(store, entry, reterr);
}

int nr_store_add(struct nr_store *store, const struct nr_entry *entry, struct nr_err *reterr)
{
	int ret = 0;

	if (store->failed < 0)
		return nr_fail(reterr, store->failed, "the store failed before: open it again");
	if (entry->at <= store->read_at)
		return 0; /* it is in */
	store->read_at = entry->at;
	if (entry->type != NR_ENTRY_BATCH || entry->erased)
		return 0;
	if (nr_rollup_is_full(store->rollup)) {
		/* Up to the entry before: this one is not in yet. */
		store->read_at = entry->at - 1;
		ret = nr_store_settle(store, reterr);
		store->read_at = entry->at;
	}
	if (ret == 0)
		ret = add_batch(store, entry, reterr);
	if (ret < 0)
		store->failed = ret;
	return ret;
}
