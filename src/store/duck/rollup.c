/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duck/rollup.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/table.h"
#include "store/duck/duck.h"
#include "store/duck/sketch.h"

enum {
	SUMS_MAX = 1 << 20,
	SUMS_FULL = 200000,
	MEMORY_FULL = 48 << 20,
	TOPS_MAX = 1 << 16, /* sources followed */
	TOPS_KEPT = TOPS_MAX / 2,
	TOPS_WRITTEN = 1024, /* of each sensor and hour, at each writing */
	MINUTE_S = 60,
	HOUR_S = 3600,
	DAY_S = 86400,
};

struct sum_key {
	uint64_t key;
	uint32_t start, sensor;
	uint8_t kind;
};

struct sum {
	struct sum_key key;
	uint64_t packets, bytes, flows;
	struct nr_sketch sources;
};

struct top {
	struct nr_ip src;
	uint32_t start, sensor;
	struct nr_rollup_place place;
	uint64_t packets, bytes, flows;
};

struct nr_rollup {
	struct nr_hash_key hash_key;
	struct nr_table sums, tops;
	size_t sketch_bytes;
};

/* What a row adds to, kept while the next row adds to the same. */
struct cursor {
	struct sum *port, *economy_port, *class, *sensor, *as, *economy;
	struct top *top;
};

static uint64_t sum_hash(const void *entry, const void *ctx)
{
	const struct sum_key *key = entry;
	const struct nr_rollup *rollup = ctx;

	return nr_hash64(&rollup->hash_key, key->key,
			 (uint64_t)key->start << 32 ^ (uint64_t)key->sensor << 8 ^ key->kind);
}

static bool sum_eq(const void *entry, const void *key)
{
	const struct sum_key *a = entry, *b = key;

	return a->key == b->key && a->start == b->start && a->sensor == b->sensor &&
	       a->kind == b->kind;
}

static uint64_t top_hash(const void *entry, const void *ctx)
{
	const struct top *top = entry;
	const struct nr_rollup *rollup = ctx;
	uint64_t hi, lo;

	memcpy(&hi, top->src.b, 8);
	memcpy(&lo, top->src.b + 8, 8);
	return nr_hash64(&rollup->hash_key, hi ^ top->start,
			 lo ^ (uint64_t)top->sensor << 32 ^ 0x746f70);
}

static bool top_eq(const void *entry, const void *key)
{
	const struct top *a = entry, *b = key;

	return nr_ip_eq(a->src, b->src) && a->start == b->start && a->sensor == b->sensor;
}

int nr_rollup_new(struct nr_rollup **ret_rollup)
{
	struct nr_rollup *rollup = calloc(1, sizeof(*rollup));

	if (rollup == NULL)
		return -ENOMEM;
	int ret = nr_hash_key_random(&rollup->hash_key);

	if (ret == 0)
		ret = nr_table_init(&rollup->sums, sizeof(struct sum), SUMS_MAX, sum_hash, rollup);
	if (ret == 0)
		ret = nr_table_init(&rollup->tops, sizeof(struct top), TOPS_MAX, top_hash, rollup);
	if (ret < 0) {
		nr_rollup_free(rollup);
		return ret;
	}
	*ret_rollup = rollup;
	return 0;
}

void nr_rollup_clear(struct nr_rollup *rollup)
{
	for (uint32_t i = 0; i < rollup->sums.n; i++)
		nr_sketch_done(&((struct sum *)nr_table_at(&rollup->sums, i))->sources);
	nr_table_clear(&rollup->sums);
	nr_table_clear(&rollup->tops);
	rollup->sketch_bytes = 0;
}

struct nr_rollup *nr_rollup_free(struct nr_rollup *rollup)
{
	if (rollup == NULL)
		return NULL;
	if (rollup->sums.chunks != NULL)
		nr_rollup_clear(rollup);
	nr_table_done(&rollup->sums);
	nr_table_done(&rollup->tops);
	free(rollup);
	return NULL;
}

static struct sum *find_sum(struct nr_rollup *rollup, struct sum_key key)
{
	bool fresh;
	struct sum *sum = nr_table_find_or_add(&rollup->sums, sum_hash(&key, rollup), sum_eq, &key,
					       &fresh);

	if (sum != NULL && fresh)
		*sum = (struct sum){ .key = key };
	return sum;
}

/* *at, when it is this sum already; else the sum is looked for. */
static int aim(struct nr_rollup *rollup, struct sum **at, struct sum_key key)
{
	if (*at == NULL || !sum_eq(&(*at)->key, &key))
		*at = find_sum(rollup, key);
	return *at == NULL ? -ENOMEM : 0;
}

static int count(struct nr_rollup *rollup, struct sum *sum, const struct nr_observation *obs,
		 uint64_t hash)
{
	size_t before = nr_sketch_memory(&sum->sources);
	int ret = nr_sketch_add(&sum->sources, hash);

	sum->packets += obs->packets;
	sum->bytes += obs->bytes;
	sum->flows++;
	rollup->sketch_bytes += nr_sketch_memory(&sum->sources) - before;
	return ret;
}

struct keep {
	uint64_t packets;
};

static bool keep_top(void *entry, void *ctx)
{
	const struct top *top = entry;
	const struct keep *keep = ctx;

	return top->packets > keep->packets;
}

/* Sources that sent little so far are forgotten when there are too many: what is written of a
 * source is a lower bound. */
static void thin(struct nr_rollup *rollup)
{
	struct keep keep = { .packets = 1 };

	while (rollup->tops.n > TOPS_KEPT) {
		nr_table_sweep(&rollup->tops, keep_top, &keep);
		keep.packets *= 2;
	}
}

static struct top *find_top(struct nr_rollup *rollup, const struct top *key)
{
	bool fresh;

	if (rollup->tops.n >= TOPS_MAX - 1)
		thin(rollup);
	struct top *top = nr_table_find_or_add(&rollup->tops, top_hash(key, rollup), top_eq, key,
					       &fresh);

	if (top != NULL && fresh)
		*top = *key;
	return top;
}

static int count_top(struct nr_rollup *rollup, struct cursor *at, uint32_t sensor,
		     const struct nr_observation *obs, const struct nr_rollup_place *place)
{
	uint32_t second = (uint32_t)obs->tick;
	struct top key = { .src = obs->src,
			   .start = second - second % HOUR_S,
			   .sensor = sensor,
			   .place = *place };

	if (at->top == NULL || !top_eq(at->top, &key))
		at->top = find_top(rollup, &key);
	if (at->top == NULL)
		return -ENOMEM;
	at->top->packets += obs->packets;
	at->top->bytes += obs->bytes;
	at->top->flows++;
	return 0;
}

static int add_one(struct nr_rollup *rollup, struct cursor *at, uint32_t sensor,
		   const struct nr_observation *obs, const struct nr_rollup_place *place)
{
	uint32_t second = (uint32_t)obs->tick, minute = second - second % MINUTE_S;
	uint64_t port = (uint64_t)obs->proto << 16 | obs->dport;
	uint64_t hash = nr_sketch_hash(&obs->src);
	const struct {
		struct sum **at;
		struct sum_key key;
	} sums[] = {
		{ &at->port,
		  { .key = port, .start = minute, .sensor = sensor, .kind = NR_ROLLUP_PORT } },
		{ &at->economy,
		  { .key = place->economy,
		    .start = minute,
		    .sensor = sensor,
		    .kind = NR_ROLLUP_ECONOMY } },
		{ &at->as,
		  { .key = place->asn, .start = minute, .sensor = sensor, .kind = NR_ROLLUP_AS } },
		{ &at->class,
		  { .key = obs->traffic_class,
		    .start = minute,
		    .sensor = sensor,
		    .kind = NR_ROLLUP_CLASS } },
		{ &at->sensor,
		  { .key = 0, .start = minute, .sensor = sensor, .kind = NR_ROLLUP_SENSOR } },
		{ &at->economy_port,
		  { .key = (uint64_t)place->economy << 24 | port,
		    .start = second - second % HOUR_S,
		    .sensor = sensor,
		    .kind = NR_ROLLUP_ECONOMY_PORT } },
	};
	int ret = 0;

	for (size_t i = 0; i < NR_COUNT(sums) && ret == 0; i++) {
		ret = aim(rollup, sums[i].at, sums[i].key);
		if (ret == 0)
			ret = count(rollup, *sums[i].at, obs, hash);
	}
	return ret == 0 ? count_top(rollup, at, sensor, obs, place) : ret;
}

int nr_rollup_add(struct nr_rollup *rollup, uint32_t sensor,
		  const struct nr_observation *const *obs, const struct nr_rollup_place *places,
		  size_t n)
{
	struct cursor at = { .port = NULL };
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++)
		ret = add_one(rollup, &at, sensor, obs[i], &places[i]);
	return ret;
}

size_t nr_rollup_memory(const struct nr_rollup *rollup)
{
	return nr_table_bytes(&rollup->sums) + nr_table_bytes(&rollup->tops) + rollup->sketch_bytes;
}

bool nr_rollup_is_full(const struct nr_rollup *rollup)
{
	return rollup->sums.n >= SUMS_FULL ||
	       rollup->sums.n * sizeof(struct sum) + rollup->sketch_bytes >= MEMORY_FULL;
}

bool nr_rollup_is_empty(const struct nr_rollup *rollup)
{
	return rollup->sums.n == 0;
}

/* ---- writing ---- */

enum {
	START,
	LABEL,
	SENSOR,
	KIND,
	KEY,
	PACKETS,
	BYTES,
	FLOWS,
	SOURCES,
	N_SUM,
	FLOOR = N_SUM,
	N_HEAD
};
static const uint8_t sum_types[N_HEAD] = {
	[START] = NR_DUCK_U32, [LABEL] = NR_DUCK_U32, [SENSOR] = NR_DUCK_U32,
	[KIND] = NR_DUCK_U8,   [KEY] = NR_DUCK_U64,   [PACKETS] = NR_DUCK_U64,
	[BYTES] = NR_DUCK_U64, [FLOWS] = NR_DUCK_U64, [SOURCES] = NR_DUCK_BLOB,
	[FLOOR] = NR_DUCK_U64,
};

static int by_kind_key(const void *va, const void *vb)
{
	const struct sum_key *a = &(*(const struct sum *const *)va)->key;
	const struct sum_key *b = &(*(const struct sum *const *)vb)->key;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->sensor > b->sensor) - (a->sensor < b->sensor);
}

static void put_sum(struct nr_duck_append *append, size_t row, const struct sum *sum,
		    uint32_t period)
{
	uint8_t bytes[NR_SKETCH_BYTES];
	size_t n = nr_sketch_write(&sum->sources, bytes);

	((uint32_t *)nr_duck_append_column(append, START))[row] = sum->key.start -
								  sum->key.start % period;
	((uint32_t *)nr_duck_append_column(append, LABEL))[row] = 0;
	((uint32_t *)nr_duck_append_column(append, SENSOR))[row] = sum->key.sensor;
	((uint8_t *)nr_duck_append_column(append, KIND))[row] = sum->key.kind;
	((uint64_t *)nr_duck_append_column(append, KEY))[row] = sum->key.key;
	((uint64_t *)nr_duck_append_column(append, PACKETS))[row] = sum->packets;
	((uint64_t *)nr_duck_append_column(append, BYTES))[row] = sum->bytes;
	((uint64_t *)nr_duck_append_column(append, FLOWS))[row] = sum->flows;
	nr_duck_append_bytes(append, SOURCES, row, bytes, n);
}

struct target {
	const char *table;
	uint32_t from, before; /* start of the sums it takes */
	uint32_t period;       /* of its rows, in seconds */
	bool is_head;	       /* ports and AS only, with a floor */
};

static bool belongs(const struct sum_key *key, const struct target *to)
{
	if (key->start < to->from || key->start >= to->before)
		return false;
	if (to->is_head)
		return key->kind == NR_ROLLUP_PORT || key->kind == NR_ROLLUP_AS;
	return key->kind != NR_ROLLUP_ECONOMY_PORT || to->period != MINUTE_S;
}

static int write_table(struct sum *const *sums, size_t n_sums, struct nr_duck_con *con,
		       const struct target *to, struct nr_err *reterr)
{
	struct nr_duck_append *append = NULL;
	size_t n = 0;
	int ret = nr_duck_append_open(con, "rollup", to->table, sum_types,
				      to->is_head ? N_HEAD : N_SUM, &append, reterr);

	for (size_t i = 0; i < n_sums && ret == 0; i++) {
		if (!belongs(&sums[i]->key, to))
			continue;
		if (to->is_head) /* late: what no other key exceeds is not known of it */
			((uint64_t *)nr_duck_append_column(append, FLOOR))[n] = 0;
		put_sum(append, n++, sums[i], to->period);
		if (n == NR_DUCK_CHUNK) {
			ret = nr_duck_append_chunk(append, n, reterr);
			n = 0;
		}
	}
	if (ret == 0 && n > 0)
		ret = nr_duck_append_chunk(append, n, reterr);
	if (ret == 0)
		ret = nr_duck_append_flush(append, reterr);
	nr_duck_append_close(append);
	return ret;
}

enum {
	T_START,
	T_LABEL,
	T_SENSOR,
	T_SRC,
	T_SRC6,
	T_ASN,
	T_ECONOMY,
	T_PACKETS,
	T_BYTES,
	T_FLOWS,
	N_TOP
};
static const uint8_t top_types[N_TOP] = {
	[T_START] = NR_DUCK_U32,   [T_LABEL] = NR_DUCK_U32,   [T_SENSOR] = NR_DUCK_U32,
	[T_SRC] = NR_DUCK_U32,	   [T_SRC6] = NR_DUCK_U128,   [T_ASN] = NR_DUCK_U32,
	[T_ECONOMY] = NR_DUCK_U16, [T_PACKETS] = NR_DUCK_U64, [T_BYTES] = NR_DUCK_U64,
	[T_FLOWS] = NR_DUCK_U64,
};

static int by_hour_packets(const void *va, const void *vb)
{
	const struct top *a = *(const struct top *const *)va, *b = *(const struct top *const *)vb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->sensor != b->sensor)
		return a->sensor < b->sensor ? -1 : 1;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	return nr_ip_cmp(a->src, b->src);
}

static void put_top(struct nr_duck_append *append, size_t row, const struct top *top)
{
	uint64_t hi, lo;

	memcpy(&hi, top->src.b, 8);
	memcpy(&lo, top->src.b + 8, 8);
	((uint32_t *)nr_duck_append_column(append, T_START))[row] = top->start;
	((uint32_t *)nr_duck_append_column(append, T_LABEL))[row] = 0;
	((uint32_t *)nr_duck_append_column(append, T_SENSOR))[row] = top->sensor;
	if (nr_ip_is_v4(top->src)) {
		((uint32_t *)nr_duck_append_column(append, T_SRC))[row] = nr_ip_to_v4(top->src);
		nr_duck_append_null(append, T_SRC6, row);
	} else {
		((uint32_t *)nr_duck_append_column(append, T_SRC))[row] = 0;
		((struct nr_duck_u128 *)nr_duck_append_column(append, T_SRC6))[row] =
			(struct nr_duck_u128){ .lo = __builtin_bswap64(lo),
					       .hi = __builtin_bswap64(hi) };
	}
	((uint32_t *)nr_duck_append_column(append, T_ASN))[row] = top->place.asn;
	((uint16_t *)nr_duck_append_column(append, T_ECONOMY))[row] = top->place.economy;
	((uint64_t *)nr_duck_append_column(append, T_PACKETS))[row] = top->packets;
	((uint64_t *)nr_duck_append_column(append, T_BYTES))[row] = top->bytes;
	((uint64_t *)nr_duck_append_column(append, T_FLOWS))[row] = top->flows;
}

static int write_tops(struct nr_rollup *rollup, struct nr_duck_con *con, struct nr_err *reterr)
{
	const struct top **tops = calloc(rollup->tops.n + 1, sizeof(*tops));
	struct nr_duck_append *append = NULL;
	size_t n = 0, n_group = 0;
	int ret = 0;

	if (tops == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < rollup->tops.n; i++)
		tops[i] = nr_table_at(&rollup->tops, i);
	qsort(tops, rollup->tops.n, sizeof(*tops), by_hour_packets);
	ret = nr_duck_append_open(con, "rollup", "top_source", top_types, N_TOP, &append, reterr);
	for (uint32_t i = 0; i < rollup->tops.n && ret == 0; i++) {
		bool same = i > 0 && tops[i]->start == tops[i - 1]->start &&
			    tops[i]->sensor == tops[i - 1]->sensor;

		n_group = same ? n_group + 1 : 0;
		if (n_group >= TOPS_WRITTEN)
			continue;
		put_top(append, n++, tops[i]);
		if (n == NR_DUCK_CHUNK) {
			ret = nr_duck_append_chunk(append, n, reterr);
			n = 0;
		}
	}
	if (ret == 0 && n > 0)
		ret = nr_duck_append_chunk(append, n, reterr);
	if (ret == 0)
		ret = nr_duck_append_flush(append, reterr);
	nr_duck_append_close(append);
	free(tops);
	return ret;
}

int nr_rollup_write(struct nr_rollup *rollup, struct nr_duck_con *con, uint32_t hours_end,
		    uint32_t days_end, struct nr_err *reterr)
{
	const struct target targets[] = {
		{ "recent", hours_end, UINT32_MAX, 1, false },
		{ "minute", 0, hours_end, MINUTE_S, false },
		{ "hour", 0, hours_end, HOUR_S, false },
		{ "hour_head", 0, hours_end, HOUR_S, true },
		{ "day", 0, days_end, DAY_S, false },
		{ "day_head", 0, days_end, DAY_S, true },
	};
	size_t n = rollup->sums.n;
	struct sum **sums = calloc(n + 1, sizeof(*sums));
	int ret = 0;

	if (sums == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < n; i++)
		sums[i] = nr_table_at(&rollup->sums, i);
	qsort(sums, n, sizeof(*sums), by_kind_key);
	for (size_t i = 0; i < NR_COUNT(targets) && ret == 0; i++)
		if (targets[i].before > targets[i].from)
			ret = write_table(sums, n, con, &targets[i], reterr);
	free(sums);
	return ret == 0 ? write_tops(rollup, con, reterr) : ret;
}
