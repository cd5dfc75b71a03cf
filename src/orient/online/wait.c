/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/online/wait.h"

#include <stdlib.h>

/* ---- chunks ---- */

static struct nr_wait_chunk *chunk_new(struct nr_wait *wait)
{
	struct nr_wait_chunk *chunk = wait->spare;

	if (chunk != NULL) {
		wait->spare = chunk->next;
		wait->n_spare--;
	} else {
		chunk = malloc(sizeof(*chunk));
	}
	if (chunk != NULL) {
		chunk->next = NULL;
		chunk->n = 0;
	}
	return chunk;
}

static void chunk_give(struct nr_wait *wait, struct nr_wait_chunk *chunk)
{
	if (wait->n_spare >= NR_WAIT_SPARE) {
		free(chunk);
		return;
	}
	chunk->next = wait->spare;
	wait->spare = chunk;
	wait->n_spare++;
}

void nr_wait_empty(struct nr_wait *wait, struct nr_wait_second *second)
{
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		for (struct nr_wait_chunk *c = second->shards[s].first, *next; c != NULL;
		     c = next) {
			next = c->next;
			chunk_give(wait, c);
		}
	}
	*second = (struct nr_wait_second){ .tick = second->tick };
}

void nr_wait_give(struct nr_wait *wait, struct nr_wait_second *second)
{
	if (second == NULL)
		return;
	nr_wait_empty(wait, second);
	free(second);
}

void nr_wait_done(struct nr_wait *wait)
{
	for (uint32_t i = 0; i < wait->n_seconds; i++)
		nr_wait_give(wait, wait->seconds[i]);
	for (struct nr_wait_chunk *c = wait->spare, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	*wait = (struct nr_wait){ 0 };
}

/* ---- rows ---- */

static int put(struct nr_wait *wait, struct nr_wait_second *second, unsigned shard,
	       const struct nr_observation *row, uint32_t sensor)
{
	struct nr_wait_chunk *chunk = second->shards[shard].last;

	if (chunk == NULL || chunk->n == NR_WAIT_CHUNK) {
		struct nr_wait_chunk *fresh = chunk_new(wait);

		if (fresh == NULL)
			return -ENOMEM;
		if (chunk == NULL)
			second->shards[shard].first = fresh;
		else
			chunk->next = fresh;
		second->shards[shard].last = chunk = fresh;
	}
	chunk->rows[chunk->n] = *row;
	chunk->sensor[chunk->n++] = sensor;
	second->shards[shard].n++;
	return 0;
}

int nr_wait_add_to(struct nr_wait *wait, struct nr_wait_second *second,
		   const struct nr_observation *row, uint32_t sensor)
{
	int r = put(wait, second, nr_shard_of(row->src), row, sensor);

	if (r < 0)
		return r;
	second->n++;
	if (!(row->flags & NR_OBS_QUOTED) || nr_ip_eq(row->quoted_dst, row->src))
		return 0;
	struct nr_observation copy = *row;

	copy.flags |= NR_OBS_MIRROR;
	return put(wait, second, nr_shard_of(row->quoted_dst), &copy, sensor);
}

/* Where a second with this tick is or would be. Rows come mostly for the newest ones. */
static uint32_t place_of(const struct nr_wait *wait, int64_t tick)
{
	uint32_t lo = 0, hi = wait->n_seconds;

	if (hi > 0 && wait->seconds[hi - 1]->tick <= tick)
		return wait->seconds[hi - 1]->tick == tick ? hi - 1 : hi;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (wait->seconds[mid]->tick < tick)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int nr_wait_add(struct nr_wait *wait, const struct nr_observation *row, uint32_t sensor)
{
	uint32_t at = place_of(wait, row->tick);

	if (at == wait->n_seconds || wait->seconds[at]->tick != row->tick) {
		if (wait->n_seconds == NR_WAIT_SECONDS)
			return NR_ELIMIT;
		struct nr_wait_second *fresh = calloc(1, sizeof(*fresh));

		if (fresh == NULL)
			return -ENOMEM;
		fresh->tick = row->tick;
		memmove(&wait->seconds[at + 1], &wait->seconds[at],
			(wait->n_seconds - at) * sizeof(wait->seconds[0]));
		wait->seconds[at] = fresh;
		wait->n_seconds++;
	}
	int r = nr_wait_add_to(wait, wait->seconds[at], row, sensor);

	wait->n += r == 0;
	return r;
}

struct nr_wait_second *nr_wait_take(struct nr_wait *wait)
{
	if (wait->n_seconds == 0)
		return NULL;
	struct nr_wait_second *second = wait->seconds[0];

	wait->n_seconds--;
	memmove(&wait->seconds[0], &wait->seconds[1], wait->n_seconds * sizeof(wait->seconds[0]));
	wait->n -= second->n;
	return second;
}

bool nr_wait_row_ok(const struct nr_observation *row)
{
	return !(row->flags & NR_OBS_MINUTE) && row->traffic_class < NR_CLASS_N &&
	       row->first < NR_NS_PER_S && row->last < NR_NS_PER_S && row->packets > 0;
}

/* ---- order ---- */

void nr_wait_sorter_done(struct nr_wait_sorter *sorter)
{
	free(sorter->keys);
	free(sorter->other);
	free(sorter->runs);
	*sorter = (struct nr_wait_sorter){ 0 };
}

static int sorter_fit(struct nr_wait_sorter *sorter, size_t n)
{
	size_t room = sorter->room == 0 ? 1024 : sorter->room;

	if (n <= sorter->room)
		return 0;
	while (room < n)
		room *= 2;
	nr_wait_sorter_done(sorter);
	sorter->keys = malloc(room * sizeof(sorter->keys[0]));
	sorter->other = malloc(room * sizeof(sorter->other[0]));
	sorter->runs = malloc((room + 1) * sizeof(sorter->runs[0]));
	if (sorter->keys == NULL || sorter->other == NULL || sorter->runs == NULL)
		return -ENOMEM;
	sorter->room = room;
	return 0;
}

/* Equal rows keep the order in which they came. */
static inline bool is_before(const struct nr_wait_key *b, const struct nr_wait_key *a)
{
	if (NR_LIKELY(b->at != a->at))
		return b->at < a->at;
	return b->sensor != a->sensor && b->sensor != NULL && a->sensor != NULL &&
	       memcmp(b->sensor, a->sensor, sizeof(*b->sensor)) < 0;
}

static void merge(const struct nr_wait_key *from, uint32_t a, uint32_t mid, uint32_t end,
		  struct nr_wait_key *to)
{
	uint32_t b = mid, k = a, i = a;

	while (i < mid && b < end)
		to[k++] = is_before(&from[b], &from[i]) ? from[b++] : from[i++];
	memcpy(&to[k], &from[i], (mid - i) * sizeof(to[0]));
	k += mid - i;
	memcpy(&to[k], &from[b], (end - b) * sizeof(to[0]));
}

/* Neighbouring runs are merged until there is one. @return where it is */
static struct nr_wait_key *merge_runs(struct nr_wait_sorter *sorter, uint32_t n_runs)
{
	struct nr_wait_key *from = sorter->keys, *to = sorter->other;
	uint32_t *runs = sorter->runs; /* starts, then the end */

	while (n_runs > 1) {
		uint32_t k = 0, end = runs[n_runs];

		for (uint32_t i = 0; i < n_runs; i += 2) {
			uint32_t stop = i + 2 <= n_runs ? runs[i + 2] : end;

			merge(from, runs[i], i + 1 < n_runs ? runs[i + 1] : stop, stop, to);
			runs[k++] = runs[i];
		}
		runs[k] = end;
		n_runs = k;
		struct nr_wait_key *swap = from;

		from = to;
		to = swap;
	}
	return from;
}

int nr_wait_sort(const struct nr_wait_second *second, unsigned shard,
		 const struct nr_uuid *(*sensor)(const void *ctx, uint32_t number), const void *ctx,
		 struct nr_wait_sorter *sorter, const struct nr_wait_key **ret_keys)
{
	uint32_t n = 0, n_runs = 0, last_sensor = UINT32_MAX;
	const struct nr_uuid *uuid = NULL;

	if (sorter_fit(sorter, second->shards[shard].n) < 0)
		return -ENOMEM;
	for (const struct nr_wait_chunk *c = second->shards[shard].first; c != NULL; c = c->next) {
		for (uint32_t i = 0; i < c->n; i++, n++) {
			struct nr_wait_key *key = &sorter->keys[n];

			if (c->sensor[i] != last_sensor)
				uuid = sensor(ctx, last_sensor = c->sensor[i]);
			*key = (struct nr_wait_key){ nr_observation_first(&c->rows[i]).ns,
						     &c->rows[i], uuid };
			if (n == 0 || is_before(key, key - 1))
				sorter->runs[n_runs++] = n;
		}
	}
	if (n > 0)
		sorter->runs[n_runs] = n;
	*ret_keys = merge_runs(sorter, n_runs);
	return 0;
}

/* ---- snapshot: copies too, so that the order of equals stays ---- */

static void second_save(const struct nr_wait_second *second, struct nr_buf *out)
{
	nr_write_le64(out, (uint64_t)second->tick);
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		nr_write_le32(out, second->shards[s].n);
		for (const struct nr_wait_chunk *c = second->shards[s].first; c != NULL;
		     c = c->next) {
			nr_buf_add(out, c->sensor, c->n * sizeof(c->sensor[0]));
			nr_buf_add(out, c->rows, c->n * sizeof(c->rows[0]));
		}
	}
}

void nr_wait_save(const struct nr_wait *wait, struct nr_buf *out)
{
	nr_write_le32(out, wait->n_seconds);
	for (uint32_t i = 0; i < wait->n_seconds; i++)
		second_save(wait->seconds[i], out);
}

static bool row_belongs(const struct nr_observation *row, int64_t tick, unsigned shard)
{
	bool copy = row->flags & NR_OBS_MIRROR, quoted = row->flags & NR_OBS_QUOTED;

	return nr_wait_row_ok(row) && row->tick == tick && (quoted || !copy) &&
	       nr_shard_of(copy ? row->quoted_dst : row->src) == shard;
}

static int shard_load(struct nr_wait *wait, struct nr_wait_second *second, unsigned shard,
		      struct nr_reader *in, uint32_t n_sensors)
{
	uint32_t left = nr_read_le32(in);

	while (left > 0) {
		uint32_t n = left < NR_WAIT_CHUNK ? left : NR_WAIT_CHUNK;
		const uint8_t *sensors = nr_read_bytes(in, n * sizeof(uint32_t)),
			      *rows = nr_read_bytes(in, n * sizeof(struct nr_observation));

		for (uint32_t i = 0; i < n; i++) {
			struct nr_observation row;

			if (rows == NULL || nr_get_le32(sensors + (size_t)4 * i) >= n_sensors)
				return NR_EDAMAGED;
			memcpy(&row, rows + i * sizeof(row), sizeof(row));
			if (!row_belongs(&row, second->tick, shard))
				return NR_EDAMAGED;
			int r = put(wait, second, shard, &row,
				    nr_get_le32(sensors + (size_t)4 * i));

			if (r < 0)
				return r;
			second->n += !(row.flags & NR_OBS_MIRROR);
		}
		left -= n;
	}
	return 0;
}

int nr_wait_load(struct nr_wait *wait, struct nr_reader *in, uint32_t n_sensors)
{
	uint32_t n = nr_read_le32(in);

	if (n > NR_WAIT_SECONDS)
		return NR_EDAMAGED;
	for (uint32_t i = 0; i < n; i++) {
		int64_t tick = (int64_t)nr_read_le64(in);
		struct nr_wait_second *second;

		if (tick < 0 || tick > UINT32_MAX || (i > 0 && tick <= wait->seconds[i - 1]->tick))
			return NR_EDAMAGED;
		if ((second = calloc(1, sizeof(*second))) == NULL)
			return -ENOMEM;
		second->tick = tick;
		wait->seconds[wait->n_seconds++] = second;
		for (unsigned s = 0; s < NR_SHARDS; s++) {
			int r = shard_load(wait, second, s, in, n_sensors);

			if (r < 0)
				return r;
		}
		wait->n += second->n;
	}
	return nr_reader_ok(in) ? 0 : NR_EDAMAGED;
}
