/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. Rows are handed out only after open() has seen that every index points to something and that each column has
 *    exactly as many values as its rows will ask for: next() needs no check.
 * 2. Work and memory are bounded by NR_BATCH_ROWS and NR_BATCH_SIZE_MAX, whatever the bytes say: a column appears
 *    once, has at most as many values as its place allows, and each plane is taken apart into exactly that many.
 */
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "record/batch_int.h"

enum { MARK_BITS = (1 << NR_MARK_SLOTS) - 1 };

struct nr_batch_decoder {
	ZSTD_DCtx *zstd;
	uint32_t n, row;
	struct nr_batch_columns columns;
	bool seen[NR_COL_N];
	size_t at[NR_COL_N]; /* next value of columns that only some rows have */
	uint32_t left_of_run;
	size_t run;
	struct nr_observation *shapes; /* what every row of a shape begins as */
	size_t n_counters;
	struct nr_batch_counter counters[NR_BATCH_COUNTERS];
};

int nr_batch_decoder_new(struct nr_batch_decoder **ret_decoder)
{
	nr_auto(nr_batch_decoder) d = calloc(1, sizeof(*d));

	if (d == NULL || nr_batch_columns_init(&d->columns) < 0)
		return -ENOMEM;
	d->zstd = ZSTD_createDCtx();
	d->shapes = malloc(NR_BATCH_ROWS * sizeof(d->shapes[0]));
	if (d->zstd == NULL || d->shapes == NULL)
		return -ENOMEM;
	*ret_decoder = NR_TAKE(d);
	return 0;
}

struct nr_batch_decoder *nr_batch_decoder_free(struct nr_batch_decoder *decoder)
{
	if (decoder == NULL)
		return NULL;
	ZSTD_freeDCtx(decoder->zstd);
	nr_batch_columns_done(&decoder->columns);
	free(decoder->shapes);
	free(decoder);
	return NULL;
}

const struct nr_batch_counter *nr_batch_decoder_counters(const struct nr_batch_decoder *decoder)
{
	return decoder->counters;
}

/* ---- reading ---- */

static int damaged(struct nr_err *reterr, const char *what)
{
	return nr_fail(reterr, NR_EDAMAGED, "the batch contradicts itself: %s", what);
}

static int counters_read(struct nr_batch_decoder *d, struct nr_reader *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct nr_batch_counter *counter = &d->counters[i];
		size_t size = nr_read_u8(in);
		const uint8_t *name = nr_read_bytes(in, size);

		*counter = (struct nr_batch_counter){ 0 };
		if (name == NULL || size == 0 || size >= sizeof(counter->name))
			return NR_EDAMAGED;
		memcpy(counter->name, name, size);
		counter->value = nr_read_le64(in);
		if (strspn(counter->name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != size)
			return NR_EDAMAGED;
	}
	d->n_counters = n;
	return nr_reader_ok(in) ? 0 : NR_EDAMAGED;
}

static size_t most_values(unsigned col, uint32_t n_rows)
{
	if (nr_batch_columns[col].domain == NR_DOMAIN_PORTS)
		return NR_BATCH_PORTS;
	return nr_batch_columns[col].domain == NR_DOMAIN_MARKS ? (size_t)n_rows * NR_MARK_SLOTS
							       : n_rows;
}

static int column_read(struct nr_batch_decoder *d, const uint8_t entry[NR_BATCH_ENTRY],
		       struct nr_reader *in, struct nr_err *reterr)
{
	unsigned col = entry[0];
	size_t n = nr_get_le32(entry + 4);
	struct nr_bytes bytes = { .n = nr_get_le32(entry + 8) };

	bytes.p = nr_read_bytes(in, bytes.n);
	if (bytes.p == NULL)
		return damaged(reterr, "a column is longer than the body");
	if (col >= NR_COL_OPTIONAL)
		return 0;
	if (col == 0 || col >= NR_COL_N || entry[3] != 0 || entry[1] > NR_CODING_ALL)
		return nr_fail(reterr, NR_EVERSION,
			       "the batch has a column that this program does not know");
	if (d->seen[col] || n == 0 || n > most_values(col, d->n))
		return damaged(reterr, "number of values of a column");
	d->seen[col] = true;
	d->columns.n[col] = n;
	d->columns.coding[col] = entry[1];
	if (nr_batch_column_read(&d->columns, col, entry[2], bytes, d->zstd) < 0)
		return damaged(reterr, "a column does not decode");
	return 0;
}

static int body_read(struct nr_batch_decoder *d, struct nr_reader *in, size_t n_columns,
		     struct nr_err *reterr)
{
	const uint8_t *directory = nr_read_bytes(in, n_columns * NR_BATCH_ENTRY);
	int ret = 0;

	if (directory == NULL)
		return damaged(reterr, "directory longer than the body");
	memset(d->seen, 0, sizeof(d->seen));
	memset(d->columns.n, 0, sizeof(d->columns.n));
	for (size_t i = 0; i < n_columns && ret == 0; i++)
		ret = column_read(d, directory + i * NR_BATCH_ENTRY, in, reterr);
	if (ret == 0 && nr_reader_left(in) != 0)
		return damaged(reterr, "bytes behind the last column");
	return ret;
}

/* ---- checking ---- */

/* Runs cover the rows exactly, and the header tells their ticks. */
static bool ticks_are_good(const struct nr_batch_decoder *d, const struct nr_batch_info *info)
{
	const uint32_t *run = nr_col32(&d->columns, NR_COL_TICK_RUN);
	const uint64_t *tick = nr_col64(&d->columns, NR_COL_TICK);
	int64_t first = INT64_MAX, last = INT64_MIN;
	uint64_t rows = 0;

	for (size_t i = 0; i < d->columns.n[NR_COL_TICK_RUN]; i++) {
		int64_t now = (int64_t)tick[i];

		if (run[i] == 0)
			return false;
		rows += run[i];
		first = now < first ? now : first;
		last = now > last ? now : last;
	}
	return rows == d->n && first == info->first_tick && last == info->last_tick;
}

static bool shapes_are_good(const struct nr_batch_decoder *d)
{
	const uint8_t *kind = nr_col8(&d->columns, NR_COL_KIND);
	const uint16_t *marks = nr_col16(&d->columns, NR_COL_SHAPE_MARKS);

	for (size_t i = 0; i < d->columns.n[NR_COL_KIND]; i++)
		if (kind[i] > NR_KIND_ALL || marks[i] > MARK_BITS ||
		    (kind[i] & (NR_KIND_QUOTED | NR_KIND_QUOTED6)) == NR_KIND_QUOTED6)
			return false;
	return true;
}

/* How many values each domain must have. @return whether all indexes hold */
static bool count_rows(const struct nr_batch_decoder *d, size_t want[NR_DOMAIN_N])
{
	static const struct {
		uint8_t kind, domain;
	} parts[] = { { NR_KIND_WINDOW, NR_DOMAIN_WINDOW }, { NR_KIND_HASHED, NR_DOMAIN_HASHED },
		      { NR_KIND_SRC6, NR_DOMAIN_SRC6 },	    { NR_KIND_DST6, NR_DOMAIN_DST6 },
		      { NR_KIND_QUOTED, NR_DOMAIN_QUOTED }, { NR_KIND_QUOTED6, NR_DOMAIN_QUOTED6 },
		      { NR_KIND_MANY, NR_DOMAIN_MANY } };
	const uint16_t *shape = nr_col16(&d->columns, NR_COL_SHAPE);
	const uint8_t *port = nr_col8(&d->columns, NR_COL_DPORT),
		      *kind = nr_col8(&d->columns, NR_COL_KIND);
	const uint16_t *marks = nr_col16(&d->columns, NR_COL_SHAPE_MARKS);
	size_t kinds[NR_KIND_ALL + 1] = { 0 };

	for (uint32_t i = 0; i < d->n; i++) {
		if (shape[i] >= want[NR_DOMAIN_SHAPES] || port[i] > want[NR_DOMAIN_PORTS])
			return false;
		unsigned k = kind[shape[i]];

		kinds[k]++;
		want[NR_DOMAIN_RARE] += port[i] == 0;
		if ((k & NR_KIND_MANY) != 0)
			want[NR_DOMAIN_MARKS] += (size_t)__builtin_popcount(marks[shape[i]]);
	}
	for (size_t k = 0; k <= NR_KIND_ALL; k++)
		for (size_t p = 0; p < NR_COUNT(parts); p++)
			want[parts[p].domain] += (k & parts[p].kind) != 0 ? kinds[k] : 0;
	return true;
}

static int check(const struct nr_batch_decoder *d, const struct nr_batch_info *info,
		 struct nr_err *reterr)
{
	size_t want[NR_DOMAIN_N] = { 0 };

	want[NR_DOMAIN_RUNS] = d->columns.n[NR_COL_TICK_RUN];
	want[NR_DOMAIN_ROWS] = d->n;
	want[NR_DOMAIN_SHAPES] = d->columns.n[NR_COL_KIND];
	want[NR_DOMAIN_PORTS] = d->columns.n[NR_COL_PORT];
	for (unsigned col = 1; col < NR_COL_N; col++)
		if (nr_batch_columns[col].domain <= NR_DOMAIN_PORTS &&
		    d->columns.n[col] != want[nr_batch_columns[col].domain])
			return damaged(reterr, "columns of different length");
	if (!ticks_are_good(d, info))
		return damaged(reterr, "seconds");
	if (!shapes_are_good(d))
		return damaged(reterr, "shapes");
	if (!count_rows(d, want))
		return damaged(reterr, "an index points nowhere");
	for (unsigned col = 1; col < NR_COL_N; col++)
		if (d->columns.n[col] != want[nr_batch_columns[col].domain])
			return damaged(reterr, "values missing or left over");
	return 0;
}

static void make_shapes(struct nr_batch_decoder *d)
{
	const struct nr_batch_columns *c = &d->columns;

	for (size_t i = 0; i < c->n[NR_COL_KIND]; i++) {
		struct nr_observation *o = &d->shapes[i];
		unsigned marks = nr_col16(c, NR_COL_SHAPE_MARKS)[i];

		*o = (struct nr_observation){
			.src = nr_ip_v4(0),
			.dst = nr_ip_v4(0),
			.packets = 1,
			.bytes = nr_col16(c, NR_COL_SHAPE_BYTES)[i],
			.opt_hash = nr_col32(c, NR_COL_OPT_HASH)[i],
			.window = nr_col16(c, NR_COL_SHAPE_WINDOW)[i],
			.proto = nr_col8(c, NR_COL_PROTO)[i],
			.traffic_class = nr_col8(c, NR_COL_CLASS)[i],
			.payload = nr_col8(c, NR_COL_PAYLOAD)[i],
			.tcp_flags = nr_col8(c, NR_COL_TCP_FLAGS)[i],
			.flags = nr_col8(c, NR_COL_FLAGS)[i],
		};
		for (unsigned m = 0; m < NR_MARK_SLOTS; m++)
			o->marks[m] = marks >> m & 1;
	}
}

int nr_batch_verify(struct nr_bytes bytes, struct nr_batch_info *ret_info, struct nr_err *reterr)
{
	struct nr_batch_info info;
	int ret = nr_batch_peek(bytes, &info, reterr);

	if (ret < 0)
		return ret;
	if (info.size > bytes.n)
		return nr_fail(reterr, NR_EDAMAGED, "the batch ends early: %zu of %zu bytes",
			       bytes.n, info.size);
	if (nr_crc32c(nr_crc32c(0, bytes.p, 8), bytes.p + 12, info.size - 12) !=
	    nr_get_le32(bytes.p + 8))
		return nr_fail(reterr, NR_EDAMAGED, "the checksum of the batch does not match");
	*ret_info = info;
	return 0;
}

int nr_batch_decoder_open(struct nr_batch_decoder *d, struct nr_bytes bytes,
			  struct nr_batch_info *ret_info, struct nr_err *reterr)
{
	struct nr_batch_info info = { 0 };
	int ret = nr_batch_verify(bytes, &info, reterr);

	d->n = d->row = 0;
	if (ret < 0)
		return ret;
	struct nr_reader in = nr_reader_of(bytes.p + NR_BATCH_HEADER, info.size - NR_BATCH_HEADER);

	d->n = info.n_rows;
	ret = counters_read(d, &in, info.n_counters) < 0 ? damaged(reterr, "counters") : 0;
	if (ret == 0)
		ret = body_read(d, &in, (size_t)bytes.p[6] | (size_t)bytes.p[7] << 8, reterr);
	if (ret == 0)
		ret = check(d, &info, reterr);
	if (ret < 0) {
		d->n = 0;
		return ret;
	}
	make_shapes(d);
	memset(d->at, 0, sizeof(d->at));
	d->run = 0;
	d->left_of_run = nr_col32(&d->columns, NR_COL_TICK_RUN)[0];
	*ret_info = info;
	return 0;
}

/* ---- rows ---- */

static void put_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t take32(struct nr_batch_decoder *d, unsigned col)
{
	return nr_col32(&d->columns, col)[d->at[col]++];
}

static void take_ip6(struct nr_batch_decoder *d, unsigned col, struct nr_ip *ip)
{
	for (unsigned i = 0; i < 3; i++)
		put_be32(ip->b + 4 * i, take32(d, col + i));
}

static void take_many(struct nr_batch_decoder *d, struct nr_observation *o)
{
	const struct nr_batch_columns *c = &d->columns;

	o->packets = take32(d, NR_COL_PACKETS);
	o->bytes = nr_col64(c, NR_COL_BYTES)[d->at[NR_COL_BYTES]++];
	o->last = o->first + take32(d, NR_COL_LAST);
	o->ttl_max = nr_col8(c, NR_COL_TTL_MAX)[d->at[NR_COL_TTL_MAX]++];
	for (unsigned m = 0; m < NR_MARK_SLOTS; m++)
		if (o->marks[m] != 0)
			o->marks[m] = nr_col8(c, NR_COL_MARKS)[d->at[NR_COL_MARKS]++];
}

static void take_quoted(struct nr_batch_decoder *d, unsigned kind, struct nr_observation *o)
{
	const struct nr_batch_columns *c = &d->columns;

	o->quoted_dst = nr_ip_v4(take32(d, NR_COL_QUOTED_DST));
	o->quoted_dport = nr_col16(c, NR_COL_QUOTED_DPORT)[d->at[NR_COL_QUOTED_DPORT]++];
	o->quoted_proto = nr_col8(c, NR_COL_QUOTED_PROTO)[d->at[NR_COL_QUOTED_PROTO]++];
	if ((kind & NR_KIND_QUOTED6) != 0)
		take_ip6(d, NR_COL_QUOTED_DST6, &o->quoted_dst);
}

static void take_parts(struct nr_batch_decoder *d, unsigned kind, struct nr_observation *o)
{
	const struct nr_batch_columns *c = &d->columns;

	if ((kind & NR_KIND_HASHED) != 0)
		o->payload_hash = take32(d, NR_COL_PAYLOAD_HASH);
	if ((kind & NR_KIND_WINDOW) != 0)
		o->window = nr_col16(c, NR_COL_WINDOW)[d->at[NR_COL_WINDOW]++];
	if ((kind & NR_KIND_SRC6) != 0)
		take_ip6(d, NR_COL_SRC6, &o->src);
	if ((kind & NR_KIND_DST6) != 0)
		take_ip6(d, NR_COL_DST6, &o->dst);
	if ((kind & NR_KIND_QUOTED) != 0)
		take_quoted(d, kind, o);
	if ((kind & NR_KIND_MANY) != 0)
		take_many(d, o);
}

static int64_t take_tick(struct nr_batch_decoder *d)
{
	if (d->left_of_run == 0)
		d->left_of_run = nr_col32(&d->columns, NR_COL_TICK_RUN)[++d->run];
	d->left_of_run--;
	return (int64_t)nr_col64(&d->columns, NR_COL_TICK)[d->run];
}

size_t nr_batch_decoder_next(struct nr_batch_decoder *d, struct nr_observation *obs, size_t max)
{
	const struct nr_batch_columns *c = &d->columns;
	const uint32_t *src = nr_col32(c, NR_COL_SRC), *dst = nr_col32(c, NR_COL_DST);
	const uint32_t *first = nr_col32(c, NR_COL_FIRST);
	const uint16_t *shape = nr_col16(c, NR_COL_SHAPE), *sport = nr_col16(c, NR_COL_SPORT);
	const uint16_t *port = nr_col16(c, NR_COL_PORT);
	const uint8_t *dport = nr_col8(c, NR_COL_DPORT), *ttl = nr_col8(c, NR_COL_TTL);
	const uint8_t *kind = nr_col8(c, NR_COL_KIND);
	size_t n = nr_min_size(max, d->n - d->row);

	for (size_t i = 0; i < n; i++, d->row++) {
		uint32_t row = d->row;
		struct nr_observation *o = &obs[i];

		*o = d->shapes[shape[row]];
		put_be32(o->src.b + 12, src[row]);
		put_be32(o->dst.b + 12, dst[row]);
		o->tick = take_tick(d);
		o->first = o->last = first[row];
		o->sport = sport[row];
		o->dport = NR_LIKELY(dport[row] != 0)
				   ? port[dport[row] - 1]
				   : nr_col16(c, NR_COL_RARE_PORT)[d->at[NR_COL_RARE_PORT]++];
		o->ttl_min = o->ttl_max = ttl[row];
		if (kind[shape[row]] != 0)
			take_parts(d, kind[shape[row]], o);
	}
	return n;
}
