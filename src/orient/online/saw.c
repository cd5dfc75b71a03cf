/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. Every entry of `entries` whose episode is its subject's stands in the subject's chain, once;
 *    the rest are left over from an interval that ended, and stand in none.
 * 2. Chains hold numbers of entries, which change only in nr_saw_advance() and at loading: both
 *    build the chains anew.
 */
#include "orient/online/saw.h"

#include <stdlib.h>

enum { SWEEP_S = 600, HOUR = 3600, DAY = 86400 };

struct subject {
	struct nr_ip ip;
	uint32_t kind;	  /* enum nr_saw_kind */
	uint32_t pins;	  /* bits of enum nr_saw_pin */
	uint32_t head;	  /* of its chain, from 1; 0: none */
	uint32_t episode; /* of the interval that is */
};
_Static_assert(sizeof(struct nr_saw_seen) == 48 && sizeof(struct subject) == 32,
	       "no padding: they are saved");

/* What a sensor saw of a subject. */
struct entry {
	struct nr_ip ip;
	uint32_t kind;
	uint32_t number; /* its own, from 1 */
	struct nr_saw_seen seen;
};
_Static_assert(sizeof(struct entry) == 72, "no padding: it is saved");

struct subject_key {
	struct nr_ip ip;
	uint32_t kind, sensor;
};

/* ---- tables ---- */

static uint64_t key_hash(const struct nr_hash_key *key, const struct nr_ip *ip, uint64_t more)
{
	uint64_t w[2];

	memcpy(w, ip, sizeof(w));
	return nr_hash64(key, w[0] ^ (more << 40), w[1] ^ more);
}

static uint64_t subject_hash(const void *entry, const void *ctx)
{
	const struct subject *s = entry;

	return key_hash(ctx, &s->ip, s->kind + UINT64_C(1));
}

static uint64_t entry_hash(const void *record, const void *ctx)
{
	const struct entry *o = record;

	return key_hash(ctx, &o->ip, (uint64_t)o->seen.sensor << 1 | o->kind);
}

static inline bool subject_eq(const void *entry, const void *key)
{
	const struct subject *s = entry;
	const struct subject_key *k = key;

	return nr_ip_eq(s->ip, k->ip) && s->kind == k->kind;
}

static inline bool entry_eq(const void *record, const void *key)
{
	const struct entry *o = record;
	const struct subject_key *k = key;

	return nr_ip_eq(o->ip, k->ip) && o->seen.sensor == k->sensor && o->kind == k->kind;
}

int nr_saw_init(struct nr_saw *saw, size_t max, const struct nr_hash_key *key,
		uint32_t (*number)(const struct nr_uuid *sensor))
{
	uint32_t n = (uint32_t)nr_min_size(max, NR_TABLE_MAX);
	uint32_t few = 256;
	int r;

	while (few < n && few < 1U << 20)
		few *= 2;
	saw->key = key;
	saw->number = number;
	saw->swept = saw->thinned = INT64_MIN;
	saw->few_mask = 4 * few - 1;
	saw->few = calloc(4, few);
	if (saw->few == NULL)
		return -ENOMEM;
	r = nr_table_init(&saw->subjects, sizeof(struct subject), n, subject_hash, key);
	return r < 0 ? r
		     : nr_table_init(&saw->entries, sizeof(struct entry),
				     (uint32_t)nr_min_size(2 * (size_t)n, NR_TABLE_MAX), entry_hash,
				     key);
}

void nr_saw_done(struct nr_saw *saw)
{
	nr_table_done(&saw->subjects);
	nr_table_done(&saw->entries);
	free(saw->few);
	saw->few = NULL;
}

uint64_t nr_saw_refused(const struct nr_saw *saw)
{
	return saw->subjects.n_refused + saw->entries.n_refused;
}

static struct subject *subject_find(const struct nr_saw *saw, struct nr_ip ip, uint32_t kind)
{
	struct subject_key key = { ip, kind, 0 };

	return nr_table_find(&saw->subjects, key_hash(saw->key, &ip, kind + UINT64_C(1)),
			     subject_eq, &key);
}

static struct entry *entry_at(const struct nr_saw *saw, uint32_t number)
{
	return number == 0 ? NULL : nr_table_at(&saw->entries, number - 1);
}

/* ---- rows ---- */

static uint32_t marked_of(const struct nr_observation *row)
{
	static const uint8_t malware[] = { NR_MARK_MIRAI, NR_MARK_HAJIME, NR_MARK_CONFICKER,
					   NR_MARK_EXPLOIT };
	uint64_t any;
	uint8_t most = 0;

	memcpy(&any, row->marks, sizeof(any));
	if (NR_LIKELY((any | row->marks[NR_MARK_EXPLOIT]) == 0))
		return 0;
	for (size_t i = 0; i < NR_COUNT(malware); i++)
		most = row->marks[malware[i]] > most ? row->marks[malware[i]] : most;
	return most;
}

/* What rows of one second bring: of one subject, from one sensor. */
struct step {
	struct subject_key key;
	uint32_t marked;
	int64_t tick, first, last;
	uint64_t packets, bytes;
	uint64_t hash;
};

static void step_start(struct step *step, const struct nr_observation *row)
{
	int64_t last = nr_observation_last(row).ns;

	step->tick = row->tick;
	/* rows come from outside: one that ends before it begins is of one moment */
	step->first = row->first < row->last ? nr_observation_first(row).ns : last;
	step->last = last;
	step->packets = row->packets;
	step->bytes = row->bytes;
	step->marked = marked_of(row);
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint32_t add32(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void step_add(struct step *step, const struct nr_observation *row)
{
	struct step more;

	step_start(&more, row);
	step->first = more.first < step->first ? more.first : step->first;
	step->last = more.last > step->last ? more.last : step->last;
	step->packets += more.packets;
	step->bytes = add(step->bytes, more.bytes);
	step->marked = add32(step->marked, more.marked);
}

static void seen_start(struct nr_saw_seen *seen, const struct step *step, uint32_t episode)
{
	*seen = (struct nr_saw_seen){ .sensor = step->key.sensor,
				      .episode = episode,
				      .marked = step->marked,
				      .first = step->first,
				      .last = step->last,
				      .packets = step->packets,
				      .bytes = step->bytes };
}

static void seen_add(struct nr_saw_seen *seen, const struct step *step)
{
	seen->first = step->first < seen->first ? step->first : seen->first;
	seen->last = step->last > seen->last ? step->last : seen->last;
	seen->packets = add(seen->packets, step->packets);
	seen->bytes = add(seen->bytes, step->bytes);
	seen->marked = add32(seen->marked, step->marked);
}

/* The subject of a row. @return false: it has none here */
static bool subject_of(const struct nr_observation *row, struct subject_key *key)
{
	bool mirror = row->flags & NR_OBS_MIRROR, quoted = row->flags & NR_OBS_QUOTED;

	key->sensor = 0;
	key->ip = row->src;
	key->kind = row->traffic_class == NR_CLASS_BACKSCATTER ? NR_SAW_ANSWERS : NR_SAW_SENDS;
	if (key->kind == NR_SAW_SENDS)
		return !mirror;
	if (quoted)
		key->ip = row->quoted_dst;
	return mirror == (quoted && !nr_ip_eq(row->quoted_dst, row->src));
}

static int64_t idle_ns(uint32_t kind)
{
	return (kind == NR_SAW_ANSWERS ? 300 : DAY) * NR_NS_PER_S;
}

/* ---- few: who sent little is not kept ---- */

/*
 * By a fixed hash, since what is kept must not depend on the key. Who shares a counter is kept a little
 * earlier.
 */
static uint32_t few_at(const struct nr_saw *saw, const struct nr_ip *ip)
{
	uint64_t w[2];

	memcpy(w, ip, sizeof(w));
	return (uint32_t)nr_mix64(w[0] ^ nr_mix64(w[1])) & saw->few_mask;
}

/* @return whether it is to be kept */
static bool few_passed(struct nr_saw *saw, uint32_t at)
{
	if (saw->few[at] >= NR_SAW_FEW)
		return true;
	saw->few[at]++;
	return false;
}

/* ---- a batch, step by step, so that memory is fetched while entries are looked at ---- */

struct span {
	int64_t first, last;
};

/* Of a subject at all sensors. @return false: nothing is known of it */
static bool subject_span(const struct nr_saw *saw, const struct subject *s, struct span *ret)
{
	*ret = (struct span){ INT64_MAX, INT64_MIN };
	for (const struct entry *o = entry_at(saw, s->head); o != NULL;
	     o = entry_at(saw, o->seen.next)) {
		ret->first = o->seen.first < ret->first ? o->seen.first : ret->first;
		ret->last = o->seen.last > ret->last ? o->seen.last : ret->last;
	}
	return s->head != 0;
}

/* The subject of a step that its sensor has not seen lately. @return NULL: it counts for nobody */
static struct subject *subject_for(struct nr_saw *saw, const struct step *step)
{
	uint64_t hash = key_hash(saw->key, &step->key.ip, step->key.kind + UINT64_C(1));
	int64_t idle = idle_ns(step->key.kind);
	struct span span;
	bool fresh;
	struct subject *s = nr_table_find_or_add(&saw->subjects, hash, subject_eq, &step->key,
						 &fresh);

	if (s == NULL)
		return NULL;
	if (fresh) {
		*s = (struct subject){ .ip = step->key.ip, .kind = step->key.kind };
	} else if (subject_span(saw, s, &span)) {
		if (step->last < span.first - idle)
			return NULL; /* of an interval before: no late row ends the one that is */
		if (s->pins == 0 && step->first > span.last + idle) {
			s->episode++;
			s->head = 0;
		}
	}
	return s;
}

/* @p o: the sensor's entry, which may be left over from an interval that ended; NULL: none */
static void step_link(struct nr_saw *saw, const struct step *step, struct entry *o)
{
	struct subject *s = subject_for(saw, step);
	bool fresh;

	if (s == NULL)
		return;
	if (o != NULL && o->seen.episode == s->episode) {
		seen_add(&o->seen, step);
		return;
	}
	uint32_t number = o != NULL ? o->number : saw->entries.n + 1;

	if (o == NULL)
		o = nr_table_find_or_add(&saw->entries, step->hash, entry_eq, &step->key, &fresh);
	if (o == NULL)
		return;
	*o = (struct entry){ .ip = s->ip, .kind = s->kind, .number = number };
	seen_start(&o->seen, step, s->episode);
	o->seen.next = s->head;
	s->head = number;
}

/* A sensor that goes on seeing a subject needs no more than its own entry. */
static void step_do(struct nr_saw *saw, const struct step *step)
{
	struct entry *o = nr_table_find(&saw->entries, step->hash, entry_eq, &step->key);
	int64_t idle = idle_ns(step->key.kind);

	if (NR_LIKELY(o != NULL && step->first <= o->seen.last + idle &&
		      step->last >= o->seen.first - idle))
		seen_add(&o->seen, step);
	else
		step_link(saw, step, o);
}

struct batch {
	struct step steps[NR_SAW_BATCH];
	uint16_t of[2 * NR_SAW_BATCH]; /* by a fixed hash: number of the newest step + 1 */
	uint32_t n;
};

static bool step_is(const struct step *step, const struct subject_key *key, int64_t tick)
{
	return nr_ip_eq(step->key.ip, key->ip) && step->key.kind == key->kind &&
	       step->key.sensor == key->sensor && step->tick == tick;
}

/*
 * Who may be worth it, each once: heavy sources have many rows a second. Rows of other seconds (late
 * ones) stay apart, so adding up first changes nothing.
 */
static void batch_fill(struct nr_saw *saw, const struct nr_wait_key *rows, uint32_t n,
		       struct batch *b)
{
	uint32_t at[NR_SAW_BATCH];

	b->n = 0;
	memset(b->of, 0, sizeof(b->of));
	for (uint32_t i = 0; i < n; i++) {
		if (i + 8 < n) {
			__builtin_prefetch(rows[i + 8].row);
			__builtin_prefetch((const uint8_t *)rows[i + 8].row + 64);
		}
		__builtin_prefetch(&saw->few[at[i] = few_at(saw, &rows[i].row->src)], 1);
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct nr_observation *row = rows[i].row;
		struct step *step = &b->steps[b->n];

		if (!subject_of(row, &step->key) ||
		    (step->key.kind == NR_SAW_SENDS && !few_passed(saw, at[i]) &&
		     marked_of(row) == 0))
			continue;
		step->key.sensor = saw->number(rows[i].sensor);
		uint16_t *of = &b->of[(at[i] + step->key.sensor * 37) % NR_COUNT(b->of)];

		if (*of != 0 && step_is(&b->steps[*of - 1], &step->key, row->tick)) {
			step_add(&b->steps[*of - 1], row);
			continue;
		}
		step_start(step, row);
		step->hash = key_hash(saw->key, &step->key.ip,
				      (uint64_t)step->key.sensor << 1 | step->key.kind);
		nr_table_prefetch_slot(&saw->entries, step->hash);
		*of = (uint16_t)++b->n;
	}
}

/* Both of its cache lines: they are more than one wide. */
static inline void entry_prefetch(const struct nr_table *table, uint64_t hash)
{
	uint32_t slot = table->index[(uint32_t)hash & table->mask];

	if (slot == 0)
		return;
	const uint8_t *entry = nr_table_at(table, (slot & 0xffffff) - 1);

	__builtin_prefetch(entry, 1);
	__builtin_prefetch(entry + 64, 1);
}

static void batch_add(struct nr_saw *saw, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		entry_prefetch(&saw->entries, b->steps[i].hash);
	for (uint32_t i = 0; i < b->n; i++)
		step_do(saw, &b->steps[i]);
}

void nr_saw_rows(struct nr_saw *saw, const struct nr_wait_key *rows, uint32_t n)
{
	NR_UNINITIALIZED struct batch b;

	for (uint32_t i = 0, k; i < n; i += k) {
		k = n - i < NR_SAW_BATCH ? n - i : NR_SAW_BATCH;
		batch_fill(saw, rows + i, k, &b);
		batch_add(saw, &b);
	}
}

/* ---- forgetting ---- */

struct sweep {
	const struct nr_saw *saw;
	int64_t now; /* s */
};

static bool subject_keep(void *record, void *ctx)
{
	const struct subject *s = record;
	const struct sweep *sweep = ctx;
	struct span span;

	return s->pins != 0 ||
	       (subject_span(sweep->saw, s, &span) &&
		sweep->now - span.last / NR_NS_PER_S <= idle_ns(s->kind) / NR_NS_PER_S + HOUR);
}

static bool entry_keep(void *record, void *ctx)
{
	const struct entry *o = record;
	const struct subject *s = subject_find(ctx, o->ip, o->kind);

	return s != NULL && s->episode == o->seen.episode;
}

static void chains_build(struct nr_saw *saw)
{
	for (uint32_t i = 0; i < saw->subjects.n; i++)
		((struct subject *)nr_table_at(&saw->subjects, i))->head = 0;
	for (uint32_t i = 0; i < saw->entries.n; i++) {
		struct entry *o = nr_table_at(&saw->entries, i);
		struct subject *s = subject_find(saw, o->ip, o->kind);

		o->number = i + 1;
		o->seen.next = 0;
		if (s == NULL || s->episode != o->seen.episode)
			continue;
		o->seen.next = s->head;
		s->head = i + 1;
	}
}

/* Each day all count half: who sends a packet an hour is kept at last, who sent one is forgotten. */
static void few_thin(struct nr_saw *saw, int64_t now)
{
	if (saw->thinned != INT64_MIN && now < saw->thinned + DAY)
		return;
	if (saw->thinned != INT64_MIN)
		for (uint32_t i = 0; i <= saw->few_mask; i++)
			saw->few[i] /= 2;
	saw->thinned = now;
}

void nr_saw_advance(struct nr_saw *saw, int64_t now)
{
	uint32_t n = saw->subjects.n, entries = saw->entries.n;

	if (saw->swept != INT64_MIN && now < saw->swept + SWEEP_S)
		return;
	saw->swept = now;
	few_thin(saw, now);
	nr_table_sweep(&saw->subjects, subject_keep, &(struct sweep){ saw, now });
	nr_table_sweep(&saw->entries, entry_keep, saw);
	if (saw->subjects.n != n || saw->entries.n != entries)
		chains_build(saw);
}

/* ---- collecting ---- */

static int by_sensor(const void *va, const void *vb)
{
	const struct nr_saw_seen *a = va, *b = vb;

	return (a->sensor > b->sensor) - (a->sensor < b->sensor);
}

static void sums_merge(struct nr_saw_sums *sums)
{
	size_t to = 0;

	if (sums->merged == sums->n)
		return;
	qsort(sums->list, sums->n, sizeof(sums->list[0]), by_sensor);
	for (size_t i = 1; i < sums->n; i++) {
		struct nr_saw_seen *a = &sums->list[to];
		const struct nr_saw_seen *b = &sums->list[i];

		if (a->sensor != b->sensor) {
			sums->list[++to] = *b;
			continue;
		}
		a->first = b->first < a->first ? b->first : a->first;
		a->last = b->last > a->last ? b->last : a->last;
		a->packets = add(a->packets, b->packets);
		a->bytes = add(a->bytes, b->bytes);
		a->marked = add32(a->marked, b->marked);
	}
	sums->n = sums->merged = to + 1;
}

static int sums_add(struct nr_saw_sums *sums, const struct nr_saw_seen *seen, int64_t from,
		    int64_t to)
{
	if (seen->last < from || seen->first > to)
		return 0;
	if (sums->n == sums->room)
		sums_merge(sums);
	if (2 * sums->n >= sums->room) {
		size_t room = sums->room == 0 ? 16 : 2 * sums->room;
		void *list = realloc(sums->list, room * sizeof(sums->list[0]));

		if (list == NULL)
			return -ENOMEM;
		sums->list = list;
		sums->room = room;
	}
	sums->list[sums->n++] = *seen;
	return 0;
}

static int collect(const struct nr_saw *saw, const struct subject *s, int64_t from, int64_t to,
		   struct nr_saw_sums *sums)
{
	int r = 0;

	for (const struct entry *o = entry_at(saw, s->head); o != NULL && r == 0;
	     o = entry_at(saw, o->seen.next))
		r = sums_add(sums, &o->seen, from, to);
	return r;
}

int nr_saw_collect(const struct nr_saw *saw, struct nr_ip ip, enum nr_saw_kind kind, int64_t from,
		   int64_t to, struct nr_saw_sums *sums)
{
	const struct subject *s = subject_find(saw, ip, kind);

	return s == NULL ? 0 : collect(saw, s, from, to, sums);
}

int nr_saw_collect_prefix(const struct nr_saw *saw, struct nr_prefix prefix, enum nr_saw_kind kind,
			  int64_t from, int64_t to, struct nr_saw_sums *sums)
{
	int r = 0;

	for (uint32_t i = 0; i < saw->subjects.n && r == 0; i++) {
		const struct subject *s = nr_table_at(&saw->subjects, i);

		if (s->kind == kind && nr_prefix_has(prefix, s->ip))
			r = collect(saw, s, from, to, sums);
	}
	return r;
}

static void pin_set(struct subject *s, enum nr_saw_pin pin, bool on)
{
	s->pins = on ? s->pins | (uint32_t)pin : s->pins & ~(uint32_t)pin;
}

void nr_saw_pin(struct nr_saw *saw, struct nr_ip ip, enum nr_saw_kind kind, enum nr_saw_pin pin,
		bool on)
{
	struct subject *s = subject_find(saw, ip, kind);

	if (s != NULL)
		pin_set(s, pin, on);
}

void nr_saw_pin_prefix(struct nr_saw *saw, struct nr_prefix prefix, enum nr_saw_kind kind,
		       enum nr_saw_pin pin, bool on)
{
	for (uint32_t i = 0; i < saw->subjects.n; i++) {
		struct subject *s = nr_table_at(&saw->subjects, i);

		if (s->kind == kind && nr_prefix_has(prefix, s->ip))
			pin_set(s, pin, on);
	}
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

int nr_saw_sums_out(struct nr_saw_sums *sums, int64_t from, int64_t to,
		    const struct nr_uuid *(*sensor)(const void *ctx, uint32_t number),
		    const void *ctx, struct nr_sighting **ret_list, size_t *ret_n)
{
	struct nr_sighting *list = NULL;

	*ret_list = NULL;
	*ret_n = 0;
	sums_merge(sums);
	if (sums->n == 0)
		return 0;
	list = calloc(sums->n, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < sums->n; i++) {
		const struct nr_saw_seen *s = &sums->list[i];

		list[i] = (struct nr_sighting){ .sensor = *sensor(ctx, s->sensor),
						.packets = s->packets,
						.marked = s->marked,
						.bytes = s->bytes,
						.first = { clamp(s->first, from, to) },
						.last = { clamp(s->last, from, to) } };
	}
	qsort(list, sums->n, sizeof(*list), nr_sighting_cmp);
	*ret_list = list;
	*ret_n = sums->n;
	return 0;
}

void nr_saw_sums_done(struct nr_saw_sums *sums)
{
	free(sums->list);
	*sums = (struct nr_saw_sums){ 0 };
}

/* ---- snapshot ---- */

/* Most are zero: runs of (zeros, then one that is not), and an end. */
static void few_save(const struct nr_saw *saw, struct nr_buf *out)
{
	uint32_t zeros = 0;

	for (uint32_t i = 0; i <= saw->few_mask; i++) {
		if (saw->few[i] == 0) {
			zeros++;
			continue;
		}
		nr_write_varint(out, zeros);
		nr_write_u8(out, saw->few[i]);
		zeros = 0;
	}
	nr_write_varint(out, zeros);
	nr_write_u8(out, 0);
}

static int few_load(struct nr_saw *saw, struct nr_reader *in)
{
	uint64_t at = 0;

	memset(saw->few, 0, (size_t)saw->few_mask + 1);
	for (;;) {
		uint64_t zeros = nr_read_varint(in);
		uint8_t v = nr_read_u8(in);

		if (!nr_reader_ok(in) || zeros > saw->few_mask + UINT64_C(1) - at || v > NR_SAW_FEW)
			return NR_EDAMAGED;
		at += zeros;
		if (v == 0)
			return at == saw->few_mask + UINT64_C(1) ? 0 : NR_EDAMAGED;
		if (at > saw->few_mask)
			return NR_EDAMAGED;
		saw->few[at++] = v;
	}
}

void nr_saw_save(const struct nr_saw *saw, struct nr_buf *out)
{
	nr_write_le64(out, (uint64_t)saw->swept);
	nr_write_le64(out, (uint64_t)saw->thinned);
	few_save(saw, out);
	nr_table_save(&saw->subjects, out);
	nr_table_save(&saw->entries, out);
}

static bool seen_ok(const struct nr_saw_seen *seen, uint32_t n_sensors)
{
	int64_t end = (UINT32_MAX + INT64_C(2)) * NR_NS_PER_S;

	return seen->sensor < n_sensors && seen->packets > 0 && seen->first >= 0 &&
	       seen->first <= seen->last && seen->last < end;
}

static bool second_ok(int64_t s)
{
	return s == INT64_MIN || (s >= 0 && s <= UINT32_MAX + INT64_C(1));
}

int nr_saw_load(struct nr_saw *saw, struct nr_reader *in, uint32_t n_sensors)
{
	saw->swept = (int64_t)nr_read_le64(in);
	saw->thinned = (int64_t)nr_read_le64(in);
	int r = few_load(saw, in);

	if (r == 0)
		r = nr_table_load(&saw->subjects, in);

	if (r == 0)
		r = nr_table_load(&saw->entries, in);
	if (r < 0)
		return r;
	if (!second_ok(saw->swept) || !second_ok(saw->thinned))
		return NR_EDAMAGED;
	for (uint32_t i = 0; i < saw->subjects.n; i++) {
		const struct subject *s = nr_table_at(&saw->subjects, i);

		if (s->kind > NR_SAW_ANSWERS)
			return NR_EDAMAGED;
	}
	for (uint32_t i = 0; i < saw->entries.n; i++) {
		const struct entry *o = nr_table_at(&saw->entries, i);

		if (!seen_ok(&o->seen, n_sensors) || o->kind > NR_SAW_ANSWERS)
			return NR_EDAMAGED;
	}
	chains_build(saw);
	return 0;
}
