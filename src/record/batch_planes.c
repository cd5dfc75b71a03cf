/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of integers <-> planes of bytes: plane k holds byte k of every value. Equal digits stand together there,
 * so that an entropy coder alone does nearly as well as one that knew the values, at a fraction of the time.
 * Loops run over whole blocks of constant length: the compiler turns them into vector instructions.
 */
#include "record/batch_int.h"

enum {
	RAW_BELOW = 48,
	THOUSAND = 1000,
	SAMPLE = 2048,	     /* bytes of a plane that are looked at before compressing it */
	SAMPLE_FROM = 16384, /* shorter planes are compressed unseen */
};

static size_t blocks(size_t n)
{
	return (n + NR_BATCH_BLOCK - 1) / NR_BATCH_BLOCK;
}

/* ---- codings ---- */

static void pad32(uint32_t *v, size_t n)
{
	for (size_t i = n; i % NR_BATCH_BLOCK != 0; i++)
		v[i] = 0;
}

/* @return whether all are multiples of a thousand: then @p out has them divided */
static bool thousands32(const uint32_t *restrict v, size_t n, uint32_t *restrict out)
{
	uint32_t rest = 0;

	for (size_t b = 0; b < blocks(n) && rest == 0; b++)
		for (size_t i = b * NR_BATCH_BLOCK, k = 0; k < NR_BATCH_BLOCK; k++) {
			out[i + k] = v[i + k] / THOUSAND;
			rest |= v[i + k] - out[i + k] * THOUSAND;
		}
	return rest == 0;
}

/* @p out begins with one free place before it. */
static void delta32(const uint32_t *restrict v, size_t n, uint32_t *restrict out)
{
	out[0] = v[0];
	for (size_t b = 0; b < blocks(n); b++)
		for (size_t i = b * NR_BATCH_BLOCK + 1, k = 0; k < NR_BATCH_BLOCK; k++)
			out[i + k] = v[i + k] - v[i + k - 1];
}

static void delta64(uint64_t *v, size_t n)
{
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t now = v[i];

		v[i] = now - last;
		last = now;
	}
}

static void swap_values(struct nr_batch_columns *columns, unsigned col)
{
	void *values = columns->values[col];

	columns->values[col] = columns->scratch;
	columns->scratch = values;
}

static void encode(struct nr_batch_columns *columns, unsigned col)
{
	size_t n = columns->n[col];

	if (nr_batch_columns[col].bytes != 4) {
		if ((columns->coding[col] & NR_CODING_DELTA) != 0)
			delta64(columns->values[col], n);
		return;
	}
	if ((columns->coding[col] & NR_CODING_THOUSANDS) != 0) {
		pad32(columns->values[col], n);
		if (thousands32(columns->values[col], n, columns->scratch))
			swap_values(columns, col);
		else
			columns->coding[col] &= (uint8_t)~NR_CODING_THOUSANDS;
	}
	if ((columns->coding[col] & NR_CODING_DELTA) != 0) {
		delta32(columns->values[col], n, columns->scratch);
		swap_values(columns, col);
	}
}

/* Inverse; columns of 4 and 8 bytes alone have codings. */
static int decode(struct nr_batch_columns *columns, unsigned col)
{
	size_t n = columns->n[col];
	unsigned coding = columns->coding[col];

	if (coding == 0)
		return 0;
	if (nr_batch_columns[col].bytes == 8) {
		uint64_t sum = 0, *v = columns->values[col];

		for (size_t i = 0; i < n; i++)
			v[i] = sum += v[i];
		return coding == NR_CODING_DELTA ? 0 : NR_EDAMAGED;
	}
	if (nr_batch_columns[col].bytes != 4)
		return NR_EDAMAGED;
	uint32_t sum = 0, most = 0, *v = columns->values[col];

	if ((coding & NR_CODING_DELTA) != 0)
		for (size_t i = 0; i < n; i++)
			v[i] = sum += v[i];
	if ((coding & NR_CODING_THOUSANDS) == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		most = v[i] > most ? v[i] : most;
		v[i] *= THOUSAND;
	}
	return most <= UINT32_MAX / THOUSAND ? 0 : NR_EDAMAGED;
}

/* ---- planes ---- */

static uint64_t bits_of(const void *values, size_t n, unsigned bytes)
{
	const uint8_t *p = values;
	uint64_t word, all = 0;
	size_t size = n * bytes, i = 0;

	if (bytes == 1)
		return UINT8_MAX;
	for (; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		all |= word;
	}
	word = 0;
	memcpy(&word, p + i, size - i);
	all |= word;
	if (bytes < 8)
		all |= all >> 32;
	if (bytes < 4)
		all |= all >> 16;
	return bytes == 2 ? (uint16_t)all : bytes == 4 ? (uint32_t)all : all;
}

static void split16(const uint16_t *restrict v, size_t n, unsigned shift, uint8_t *restrict plane)
{
	for (size_t b = 0; b < blocks(n); b++)
		for (size_t i = 0; i < NR_BATCH_BLOCK; i++)
			plane[b * NR_BATCH_BLOCK + i] = (uint8_t)(v[b * NR_BATCH_BLOCK + i] >>
								  shift);
}

static void split32(const uint32_t *restrict v, size_t n, unsigned shift, uint8_t *restrict plane)
{
	for (size_t b = 0; b < blocks(n); b++)
		for (size_t i = 0; i < NR_BATCH_BLOCK; i++)
			plane[b * NR_BATCH_BLOCK + i] = (uint8_t)(v[b * NR_BATCH_BLOCK + i] >>
								  shift);
}

static void split64(const uint64_t *restrict v, size_t n, unsigned shift, uint8_t *restrict plane)
{
	for (size_t i = 0; i < n; i++)
		plane[i] = (uint8_t)(v[i] >> shift);
}

static const uint8_t *split(const struct nr_batch_columns *columns, unsigned col, unsigned k)
{
	const void *values = columns->values[col];
	size_t n = columns->n[col];

	switch (nr_batch_columns[col].bytes) {
	case 1:
		return values;
	case 2:
		split16(values, n, 8 * k, columns->plane);
		break;
	case 4:
		split32(values, n, 8 * k, columns->plane);
		break;
	default:
		split64(values, n, 8 * k, columns->plane);
	}
	return columns->plane;
}

static void plane_head(uint8_t *at, enum nr_batch_method method, size_t size)
{
	at[0] = (uint8_t)method;
	at[1] = (uint8_t)size;
	at[2] = (uint8_t)(size >> 8);
	at[3] = (uint8_t)(size >> 16);
}

/*
 * Is there too little to gain? The sum of squares of a sample estimates the collision entropy, which is never above
 * the entropy that a coder reaches; 6.3 bits of 8 leave at most a fifth.
 */
static bool is_noise(const uint8_t *plane, size_t n)
{
	uint16_t counts[256] = { 0 };
	uint64_t squares = 0;
	size_t step = n / SAMPLE;

	if (n < SAMPLE_FROM)
		return false;
	for (size_t i = 0; i < SAMPLE; i++)
		counts[plane[i * step]]++;
	for (size_t i = 0; i < 256; i++)
		squares += (uint64_t)counts[i] * counts[i];
	return (squares - SAMPLE) * 79 < (uint64_t)SAMPLE * SAMPLE; /* 2 ^ 6.3 */
}

static void plane_write(const uint8_t *plane, size_t n, ZSTD_CCtx *zstd, struct nr_buf *out)
{
	size_t room = ZSTD_compressBound(n), size = n;
	uint8_t *at = nr_buf_reserve(out, NR_BATCH_PLANE + room);
	enum nr_batch_method method = NR_METHOD_RAW;

	if (at == NULL)
		return;
	if (memcmp(plane, plane + 1, n - 1) == 0) {
		method = NR_METHOD_CONST;
		size = 1;
	} else if (n >= RAW_BELOW && !is_noise(plane, n)) {
		size_t packed = ZSTD_compress2(zstd, at + NR_BATCH_PLANE, room, plane, n);

		/* a gain below 1 in 64 is not worth the reader's time */
		if (ZSTD_isError(packed) == 0 && packed < n - n / 64) {
			method = NR_METHOD_ZSTD;
			size = packed;
		}
	}
	if (method != NR_METHOD_ZSTD)
		memcpy(at + NR_BATCH_PLANE, plane, size);
	plane_head(at, method, size);
	nr_buf_commit(out, NR_BATCH_PLANE + size);
}

int nr_batch_column_write(struct nr_batch_columns *columns, unsigned col, ZSTD_CCtx *zstd,
			  struct nr_buf *out)
{
	size_t n = columns->n[col];
	int k = 0;

	encode(columns, col);
	for (uint64_t bits = bits_of(columns->values[col], n, nr_batch_columns[col].bytes);
	     bits != 0; bits >>= 8)
		plane_write(split(columns, col, (unsigned)k++), n, zstd, out);
	return out->err < 0 ? out->err : k;
}

/* ---- and back ---- */

/* One plane from the front of @p bytes. @return its n bytes, in place or in columns->plane; NULL: damaged */
static const uint8_t *plane_read(const struct nr_batch_columns *columns, size_t n,
				 struct nr_bytes *bytes, ZSTD_DCtx *zstd)
{
	if (bytes->n < NR_BATCH_PLANE)
		return NULL;
	const uint8_t *head = bytes->p, *at = head + NR_BATCH_PLANE;
	size_t size = (size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16;

	if (size > bytes->n - NR_BATCH_PLANE)
		return NULL;
	bytes->p = at + size;
	bytes->n -= NR_BATCH_PLANE + size;
	if (head[0] == NR_METHOD_RAW)
		return size == n ? at : NULL;
	if (head[0] == NR_METHOD_CONST && size == 1) {
		memset(columns->plane, at[0], n);
		return columns->plane;
	}
	if (head[0] != NR_METHOD_ZSTD || ZSTD_getFrameContentSize(at, size) != n ||
	    ZSTD_decompressDCtx(zstd, columns->plane, n, at, size) != n)
		return NULL;
	return columns->plane;
}

static void join16(uint16_t *restrict v, size_t n, unsigned shift, const uint8_t *restrict plane)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (uint16_t)(v[i] | plane[i] << shift);
}

static void join32(uint32_t *restrict v, size_t n, unsigned shift, const uint8_t *restrict plane)
{
	for (size_t i = 0; i < n; i++)
		v[i] |= (uint32_t)plane[i] << shift;
}

static void join64(uint64_t *restrict v, size_t n, unsigned shift, const uint8_t *restrict plane)
{
	for (size_t i = 0; i < n; i++)
		v[i] |= (uint64_t)plane[i] << shift;
}

static void join(struct nr_batch_columns *columns, unsigned col, unsigned k, const uint8_t *plane)
{
	void *values = columns->values[col];
	size_t n = columns->n[col];

	switch (nr_batch_columns[col].bytes) {
	case 1:
		memcpy(values, plane, n);
		break;
	case 2:
		join16(values, n, 8 * k, plane);
		break;
	case 4:
		join32(values, n, 8 * k, plane);
		break;
	default:
		join64(values, n, 8 * k, plane);
	}
}

int nr_batch_column_read(struct nr_batch_columns *columns, unsigned col, unsigned n_planes,
			 struct nr_bytes bytes, ZSTD_DCtx *zstd)
{
	size_t n = columns->n[col];

	if (n_planes > nr_batch_columns[col].bytes)
		return NR_EDAMAGED;
	memset(columns->values[col], 0, n * nr_batch_columns[col].bytes);
	for (unsigned k = 0; k < n_planes; k++) {
		const uint8_t *plane = plane_read(columns, n, &bytes, zstd);

		if (plane == NULL)
			return NR_EDAMAGED;
		join(columns, col, k, plane);
	}
	return bytes.n == 0 ? decode(columns, col) : NR_EDAMAGED;
}
