/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. Every row of a full-length column (NR_DOMAIN_ROWS) is written when the row is added; values that only some rows
 *    have are appended to their columns in the order of rows.
 * 2. The table finds a shape within PROBES steps or not at all; then the shape is listed once more. So whoever
 *    chooses packets to collide makes the batch longer and nothing slower, without a secret key.
 * 3. A destination port gets a place, a window enters the shape, when this batch has seen it often enough: ports and
 *    windows drawn at random must not fill the tables.
 */
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "record/batch_int.h"

enum {
	SLOTS = 1 << 17,
	PROBES = 8,
	PORT_SEEN = 4,
	WINDOW_SEEN = 16,
	AHEAD = 12, /* observations fetched before they are needed */
	COUNTERS_SIZE = NR_BATCH_COUNTERS * (1 + NR_BATCH_COUNTER_NAME + 8),
};

/*
 * What rows share, as numbers: a struct of small members would be stored in pieces and loaded whole, which stalls.
 * a: opt_hash, bytes << 32, marks << 48
 * b: kind, proto << 8, class << 16, payload << 24, tcp_flags << 32, flags << 40, window << 48
 */
struct shape {
	uint64_t a, b;
};

struct nr_batch_encoder {
	ZSTD_CCtx *zstd;
	uint32_t n;
	int64_t first_tick, last_tick, tick;
	uint64_t monitored_v4;
	size_t n_counters;
	struct nr_batch_columns columns;
	struct shape *shapes;
	uint32_t *slots;      /* number of a shape + 1; 0: free */
	uint32_t *slots_used; /* slot of each shape; SLOTS: in none */
	uint32_t n_shapes;
	uint8_t port_code[65536], port_seen[65536], window_seen[65536];
	struct nr_batch_counter counters[NR_BATCH_COUNTERS];
};

static void begin(struct nr_batch_encoder *e)
{
	for (uint32_t i = 0; i < e->n_shapes; i++)
		if (e->slots_used[i] < SLOTS)
			e->slots[e->slots_used[i]] = 0;
	e->n = e->n_shapes = 0;
	e->monitored_v4 = 0;
	e->n_counters = 0;
	memset(e->port_code, 0, sizeof(e->port_code));
	memset(e->port_seen, 0, sizeof(e->port_seen));
	memset(e->window_seen, 0, sizeof(e->window_seen));
	memset(e->columns.n, 0, sizeof(e->columns.n));
}

/* Planes hold hardly a repetition that is worth looking for: a small table and long matches leave nearly everything to
 * the entropy coder, which takes half the time of level 1 as it comes, and no byte more. */
static int zstd_settings(ZSTD_CCtx *zstd)
{
	static const struct {
		ZSTD_cParameter name;
		int value;
	} settings[] = { { ZSTD_c_compressionLevel, 1 },
			 { ZSTD_c_hashLog, 8 },
			 { ZSTD_c_minMatch, 7 } };

	for (size_t i = 0; i < NR_COUNT(settings); i++)
		if (ZSTD_isError(
			    ZSTD_CCtx_setParameter(zstd, settings[i].name, settings[i].value)) != 0)
			return -EINVAL;
	return 0;
}

int nr_batch_encoder_new(struct nr_batch_encoder **ret_encoder)
{
	nr_auto(nr_batch_encoder) e = calloc(1, sizeof(*e));

	if (e == NULL || nr_batch_columns_init(&e->columns) < 0)
		return -ENOMEM;
	e->zstd = ZSTD_createCCtx();
	e->shapes = malloc(NR_BATCH_ROWS * sizeof(e->shapes[0]));
	e->slots = calloc(SLOTS, sizeof(e->slots[0]));
	e->slots_used = malloc(NR_BATCH_ROWS * sizeof(e->slots_used[0]));
	if (e->zstd == NULL || e->shapes == NULL || e->slots == NULL || e->slots_used == NULL)
		return -ENOMEM;
	if (zstd_settings(e->zstd) < 0)
		return -EINVAL;
	begin(e);
	*ret_encoder = NR_TAKE(e);
	return 0;
}

struct nr_batch_encoder *nr_batch_encoder_free(struct nr_batch_encoder *encoder)
{
	if (encoder == NULL)
		return NULL;
	ZSTD_freeCCtx(encoder->zstd);
	nr_batch_columns_done(&encoder->columns);
	free(encoder->shapes);
	free(encoder->slots);
	free(encoder->slots_used);
	free(encoder);
	return NULL;
}

uint32_t nr_batch_encoder_rows(const struct nr_batch_encoder *encoder)
{
	return encoder->n;
}

/* ---- adding ---- */

static void push8(struct nr_batch_columns *c, unsigned col, uint8_t value)
{
	nr_col8(c, col)[c->n[col]++] = value;
}

static void push16(struct nr_batch_columns *c, unsigned col, uint16_t value)
{
	nr_col16(c, col)[c->n[col]++] = value;
}

static void push32(struct nr_batch_columns *c, unsigned col, uint32_t value)
{
	nr_col32(c, col)[c->n[col]++] = value;
}

static void push_ip6(struct nr_batch_columns *c, unsigned col, struct nr_ip ip)
{
	for (unsigned i = 0; i < 3; i++)
		push32(c, col + i, nr_get_be32(ip.b + 4 * i));
}

/* 255 ports have a place; the others stand in a column of their own. */
static uint8_t rare_port(struct nr_batch_encoder *e, uint16_t port)
{
	struct nr_batch_columns *c = &e->columns;

	if (e->port_seen[port] == PORT_SEEN && c->n[NR_COL_PORT] < NR_BATCH_PORTS) {
		push16(c, NR_COL_PORT, port);
		return e->port_code[port] = (uint8_t)c->n[NR_COL_PORT];
	}
	e->port_seen[port] = (uint8_t)(e->port_seen[port] + (e->port_seen[port] < PORT_SEEN));
	push16(c, NR_COL_RARE_PORT, port);
	return 0;
}

static uint16_t new_shape(struct nr_batch_encoder *e, struct shape shape, uint32_t slot)
{
	uint32_t number = e->n_shapes++;

	e->shapes[number] = shape;
	e->slots_used[number] = slot;
	if (slot < SLOTS)
		e->slots[slot] = number + 1;
	return (uint16_t)number;
}

static uint16_t find_shape(struct nr_batch_encoder *e, struct shape shape)
{
	uint64_t hash = nr_fold64(shape.a ^ UINT64_C(0x9e3779b97f4a7c15),
				  shape.b ^ UINT64_C(0xd6e8feb86659fd93));

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t slot = (uint32_t)(hash + i) & (SLOTS - 1), number = e->slots[slot];

		if (number == 0)
			return new_shape(e, shape, slot);
		const struct shape *have = &e->shapes[number - 1];

		if (NR_LIKELY(((have->a ^ shape.a) | (have->b ^ shape.b)) == 0))
			return (uint16_t)(number - 1);
	}
	return new_shape(e, shape, SLOTS);
}

struct mark_words {
	uint64_t lo;
	uint32_t hi;
};

static struct mark_words marks_of(const struct nr_observation *o)
{
	struct mark_words w;

	memcpy(&w.lo, o->marks, 8);
	memcpy(&w.hi, o->marks + 8, 4);
	return w;
}

/* Bytes of 0 and 1 to bits, the first lowest. */
static uint16_t mark_bits(struct mark_words w)
{
	return (uint16_t)((w.lo * UINT64_C(0x0102040810204080)) >> 56 |
			  ((w.hi * UINT32_C(0x10204080)) >> 28) << 8);
}

static bool is_many(const struct nr_observation *o, struct mark_words w)
{
	return ((o->packets ^ 1) | (o->first ^ o->last) | (uint32_t)(o->ttl_min ^ o->ttl_max)) !=
		       0 ||
	       o->bytes > UINT16_MAX ||
	       ((w.lo & ~UINT64_C(0x0101010101010101)) | (w.hi & ~UINT32_C(0x01010101))) != 0;
}

static uint16_t push_many(struct nr_batch_columns *c, const struct nr_observation *o)
{
	uint16_t bits = 0;

	push32(c, NR_COL_PACKETS, o->packets);
	nr_col64(c, NR_COL_BYTES)[c->n[NR_COL_BYTES]++] = o->bytes;
	push32(c, NR_COL_LAST, o->last - o->first);
	push8(c, NR_COL_TTL_MAX, o->ttl_max);
	for (unsigned i = 0; i < NR_MARK_SLOTS; i++) {
		if (o->marks[i] == 0)
			continue;
		bits = (uint16_t)(bits | 1u << i);
		push8(c, NR_COL_MARKS, o->marks[i]);
	}
	return bits;
}

static uint8_t push_quoted(struct nr_batch_columns *c, const struct nr_observation *o)
{
	push32(c, NR_COL_QUOTED_DST, nr_get_be32(o->quoted_dst.b + 12));
	push16(c, NR_COL_QUOTED_DPORT, o->quoted_dport);
	push8(c, NR_COL_QUOTED_PROTO, o->quoted_proto);
	if (nr_ip_is_v4(o->quoted_dst))
		return NR_KIND_QUOTED;
	push_ip6(c, NR_COL_QUOTED_DST6, o->quoted_dst);
	return NR_KIND_QUOTED | NR_KIND_QUOTED6;
}

static bool has_quoted(const struct nr_observation *o)
{
	uint64_t w[2];

	memcpy(w, &o->quoted_dst, 16);
	return (w[0] | w[1] | o->quoted_dport | o->quoted_proto) != 0;
}

/* What is not the common row: IPv6, quoted packets. @return bits of the kind */
static uint8_t push_rare(struct nr_batch_columns *c, const struct nr_observation *o)
{
	uint8_t kind = 0;

	if (!nr_ip_is_v4(o->src)) {
		push_ip6(c, NR_COL_SRC6, o->src);
		kind |= NR_KIND_SRC6;
	}
	if (!nr_ip_is_v4(o->dst)) {
		push_ip6(c, NR_COL_DST6, o->dst);
		kind |= NR_KIND_DST6;
	}
	if (has_quoted(o))
		kind |= push_quoted(c, o);
	return kind;
}

static uint16_t shape_of(struct nr_batch_encoder *e, const struct nr_observation *o)
{
	struct nr_batch_columns *c = &e->columns;
	struct mark_words words = marks_of(o);
	uint64_t kind = 0, bytes = o->bytes, marks, window = o->window;

	if (NR_UNLIKELY(!nr_ip_is_v4(o->src) || !nr_ip_is_v4(o->dst) || has_quoted(o)))
		kind = push_rare(c, o);
	if (NR_LIKELY(!is_many(o, words))) {
		marks = mark_bits(words);
	} else {
		marks = push_many(c, o);
		bytes = 0;
		kind |= NR_KIND_MANY;
	}
	if (o->payload_hash != 0) {
		push32(c, NR_COL_PAYLOAD_HASH, o->payload_hash);
		kind |= NR_KIND_HASHED;
	}
	if (NR_UNLIKELY(e->window_seen[o->window] < WINDOW_SEEN)) {
		e->window_seen[o->window]++;
		push16(c, NR_COL_WINDOW, o->window);
		kind |= NR_KIND_WINDOW;
		window = 0;
	}
	struct shape shape = {
		.a = o->opt_hash | bytes << 32 | marks << 48,
		.b = kind | (uint64_t)o->proto << 8 | (uint64_t)o->traffic_class << 16 |
		     (uint64_t)o->payload << 24 | (uint64_t)o->tcp_flags << 32 |
		     (uint64_t)o->flags << 40 | window << 48,
	};

	return find_shape(e, shape);
}

static void new_tick(struct nr_batch_encoder *e, int64_t tick)
{
	struct nr_batch_columns *c = &e->columns;

	e->first_tick = e->n == 0 || tick < e->first_tick ? tick : e->first_tick;
	e->last_tick = e->n == 0 || tick > e->last_tick ? tick : e->last_tick;
	e->tick = tick;
	nr_col64(c, NR_COL_TICK)[c->n[NR_COL_TICK]++] = (uint64_t)tick;
	push32(c, NR_COL_TICK_RUN, 0);
}

size_t nr_batch_encoder_add(struct nr_batch_encoder *e, const struct nr_observation *obs, size_t n)
{
	struct nr_batch_columns *c = &e->columns;
	uint32_t *src = nr_col32(c, NR_COL_SRC) + e->n, *dst = nr_col32(c, NR_COL_DST) + e->n;
	uint32_t *first = nr_col32(c, NR_COL_FIRST) + e->n;
	uint16_t *sport = nr_col16(c, NR_COL_SPORT) + e->n,
		 *shape = nr_col16(c, NR_COL_SHAPE) + e->n;
	uint8_t *dport = nr_col8(c, NR_COL_DPORT) + e->n, *ttl = nr_col8(c, NR_COL_TTL) + e->n;

	n = nr_min_size(n, NR_BATCH_ROWS - e->n);
	for (size_t i = 0; i < n; i++) {
		const struct nr_observation *o = &obs[i];
		uint8_t code = e->port_code[o->dport];

		__builtin_prefetch((const uint8_t *)(o + AHEAD));
		__builtin_prefetch((const uint8_t *)(o + AHEAD) + 64);
		if (NR_UNLIKELY(e->n == 0 || o->tick != e->tick))
			new_tick(e, o->tick);
		nr_col32(c, NR_COL_TICK_RUN)[c->n[NR_COL_TICK_RUN] - 1]++;
		src[i] = nr_ip_to_v4(o->src);
		dst[i] = nr_ip_to_v4(o->dst);
		first[i] = o->first;
		sport[i] = o->sport;
		dport[i] = NR_LIKELY(code != 0) ? code : rare_port(e, o->dport);
		ttl[i] = o->ttl_min;
		shape[i] = shape_of(e, o);
		e->n++;
	}
	return n;
}

/* ---- the batch ---- */

static bool name_is_good(const char name[NR_BATCH_COUNTER_NAME])
{
	size_t n = strnlen(name, NR_BATCH_COUNTER_NAME);

	return n > 0 && n < NR_BATCH_COUNTER_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == n;
}

int nr_batch_encoder_state(struct nr_batch_encoder *e, uint64_t monitored_v4,
			   const struct nr_batch_counter *counters, size_t n)
{
	if (n > NR_BATCH_COUNTERS)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!name_is_good(counters[i].name))
			return -EINVAL;
	if (n > 0)
		memcpy(e->counters, counters, n * sizeof(counters[0]));
	e->n_counters = n;
	e->monitored_v4 = monitored_v4;
	return 0;
}

static void shapes_to_columns(struct nr_batch_encoder *e)
{
	struct nr_batch_columns *c = &e->columns;

	for (uint32_t i = 0; i < e->n_shapes; i++) {
		const struct shape *s = &e->shapes[i];

		nr_col8(c, NR_COL_KIND)[i] = (uint8_t)s->b;
		nr_col8(c, NR_COL_PROTO)[i] = (uint8_t)(s->b >> 8);
		nr_col8(c, NR_COL_CLASS)[i] = (uint8_t)(s->b >> 16);
		nr_col8(c, NR_COL_PAYLOAD)[i] = (uint8_t)(s->b >> 24);
		nr_col8(c, NR_COL_TCP_FLAGS)[i] = (uint8_t)(s->b >> 32);
		nr_col8(c, NR_COL_FLAGS)[i] = (uint8_t)(s->b >> 40);
		nr_col16(c, NR_COL_SHAPE_WINDOW)[i] = (uint16_t)(s->b >> 48);
		nr_col16(c, NR_COL_SHAPE_BYTES)[i] = (uint16_t)(s->a >> 32);
		nr_col16(c, NR_COL_SHAPE_MARKS)[i] = (uint16_t)(s->a >> 48);
		nr_col32(c, NR_COL_OPT_HASH)[i] = (uint32_t)s->a;
	}
	for (unsigned col = 1; col < NR_COL_N; col++) {
		if (nr_batch_columns[col].domain == NR_DOMAIN_ROWS)
			c->n[col] = e->n;
		if (nr_batch_columns[col].domain == NR_DOMAIN_SHAPES)
			c->n[col] = e->n_shapes;
		c->coding[col] = 0;
	}
	c->coding[NR_COL_TICK] = NR_CODING_DELTA;
	c->coding[NR_COL_FIRST] = NR_CODING_DELTA | NR_CODING_THOUSANDS;
	c->coding[NR_COL_LAST] = NR_CODING_THOUSANDS;
}

static void counters_write(const struct nr_batch_encoder *e, struct nr_buf *out)
{
	for (size_t i = 0; i < e->n_counters; i++) {
		size_t n = strlen(e->counters[i].name);

		nr_write_u8(out, (uint8_t)n);
		nr_buf_add(out, e->counters[i].name, n);
		nr_write_le64(out, e->counters[i].value);
	}
}

/* Directory and columns; the directory is filled in as the sizes become known. */
static int columns_write(struct nr_batch_encoder *e, unsigned n_columns, struct nr_buf *out)
{
	struct nr_batch_columns *c = &e->columns;
	size_t entry = out->n;

	if (nr_buf_reserve(out, n_columns * NR_BATCH_ENTRY) == NULL)
		return out->err;
	nr_buf_commit(out, n_columns * NR_BATCH_ENTRY);
	for (unsigned col = 1; col < NR_COL_N; col++) {
		if (c->n[col] == 0)
			continue;
		size_t at = out->n;
		int planes = nr_batch_column_write(c, col, e->zstd, out);

		if (planes < 0)
			return planes;
		uint32_t numbers[2] = { (uint32_t)c->n[col], (uint32_t)(out->n - at) };
		uint8_t head[4] = { (uint8_t)col, c->coding[col], (uint8_t)planes, 0 };

		memcpy(out->p + entry, head, sizeof(head));
		memcpy(out->p + entry + sizeof(head), numbers, sizeof(numbers));
		entry += NR_BATCH_ENTRY;
	}
	return 0;
}

static int batch_write(struct nr_batch_encoder *e, struct nr_buf *out)
{
	size_t start = out->n;
	unsigned n_columns = 0;

	for (unsigned col = 1; col < NR_COL_N; col++)
		n_columns += e->columns.n[col] != 0;
	nr_buf_add(out, "NRBT", 4);
	nr_write_le16(out, NR_BATCH_VERSION);
	nr_write_le16(out, (uint16_t)n_columns);
	nr_write_le32(out, 0); /* checksum, below */
	nr_write_le32(out, 0); /* size of the body, below */
	nr_write_le32(out, e->n);
	nr_write_le64(out, (uint64_t)e->first_tick);
	nr_write_le64(out, (uint64_t)e->last_tick);
	nr_write_le64(out, e->monitored_v4);
	nr_write_le32(out, (uint32_t)e->n_counters);
	counters_write(e, out);
	int ret = out->err < 0 ? out->err : columns_write(e, n_columns, out);

	if (ret < 0)
		return ret;
	uint32_t body = (uint32_t)(out->n - start - NR_BATCH_HEADER);

	memcpy(out->p + start + 12, &body, sizeof(body));
	uint32_t crc = nr_crc32c(nr_crc32c(0, out->p + start, 8), out->p + start + 12,
				 out->n - start - 12);

	memcpy(out->p + start + 8, &crc, sizeof(crc));
	return 0;
}

int nr_batch_encoder_finish(struct nr_batch_encoder *e, struct nr_buf *out)
{
	size_t start = out->n;
	int ret = 0;

	if (e->n == 0)
		return 0;
	shapes_to_columns(e);
	ret = batch_write(e, out);
	if (ret < 0 && out->n > start)
		out->n = start; /* no half batch */
	begin(e);
	return ret;
}
