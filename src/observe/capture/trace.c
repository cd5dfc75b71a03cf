/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * trace: one stream and its format, cut into blocks.
 *
 * A block is filled by: bytes left over from the last one, then one read behind them, then a walk
 * that turns them into frames; what the walk did not consume is kept for the next block.
 *
 * Invariants
 *  1  offset is the place in the uncompressed stream of the first byte in `carry`.
 *  2  What is read at once follows from the bytes alone (size of the records seen so far), so the same
 *     file gives the same blocks, and little is left over to be copied.
 *  3  After a failure the trace has ended; every frame before it was delivered.
 *  4  Refused records do not end a trace. They are reported, once, when it ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "observe/capture/capture_int.h"

enum {
	WANT_FIRST = 256 << 10,
	WANT_LEAST = 16 << 10,
	PAGE = 4096,
};

struct nr_trace {
	struct nr_stream *stream;
	char *name;			/* escaped, for messages */
	const struct nr_format *format; /* NULL until the first bytes were seen */
	void *self;
	uint8_t *carry;
	size_t carry_n, carry_cap;
	uint64_t offset;
	uint64_t skip; /* bytes of the stream to pass over before the next record */
	size_t need;   /* least number of bytes that let the next walk go on */
	size_t want;   /* bytes to have in memory before the next walk */
	size_t limit;  /* ceiling of want */
	uint64_t raw_seen;
	uint64_t n_refused, refused_at;
	char refused_why[NR_CAPTURE_WHY];
	bool ended;
};

int nr_trace_new(struct nr_stream *stream, const char *name, struct nr_trace **ret_trace)
{
	struct nr_trace *t = calloc(1, sizeof(*t));
	struct nr_str raw = nr_str_from(strcmp(name, "-") == 0 ? "standard input" : name);
	size_t cap = raw.n * 6 + 1; /* worst case of an escape */

	if (t != NULL)
		t->name = malloc(cap);
	if (t == NULL || t->name == NULL) {
		nr_stream_free(stream);
		free(t);
		return -ENOMEM;
	}
	nr_str_escape(raw, t->name, cap);
	t->stream = stream;
	t->want = WANT_FIRST;
	t->limit = NR_CAPTURE_BLOCK_BYTES;
	t->need = 4;
	*ret_trace = t;
	return 0;
}

struct nr_trace *nr_trace_free(struct nr_trace *t)
{
	if (t == NULL)
		return NULL;
	if (t->format != NULL)
		t->format->close(t->self);
	nr_stream_free(t->stream);
	free(t->carry);
	free(t->name);
	free(t);
	return NULL;
}

bool nr_trace_ended(const struct nr_trace *t)
{
	return t->ended;
}

struct nr_stream *nr_trace_stream(struct nr_trace *t)
{
	return t->stream;
}

void nr_trace_limit(struct nr_trace *t, size_t max_bytes)
{
	t->limit = max_bytes;
	t->want = nr_min_size(t->want, max_bytes);
}

int nr_block_grow(struct nr_block *block, size_t n)
{
	uint8_t *mem;

	if (n <= block->mem_cap)
		return 0;
	n = (n + PAGE - 1) / PAGE * PAGE;
	mem = aligned_alloc(PAGE, n);
	if (mem == NULL)
		return -ENOMEM;
	free(block->mem);
	block->mem = mem;
	block->mem_cap = n;
	return 0;
}

/** Keep the bytes that were not consumed for the next block. */
static int carry_keep(struct nr_trace *t, const uint8_t *p, size_t n)
{
	if (n > t->carry_cap) {
		size_t cap = nr_max_size(n, t->carry_cap * 2);
		uint8_t *mem = malloc(cap);

		if (mem == NULL)
			return -ENOMEM;
		free(t->carry);
		t->carry = mem;
		t->carry_cap = cap;
	}
	if (n > 0)
		memcpy(t->carry, p, n);
	t->carry_n = n;
	return 0;
}

static int damage(struct nr_trace *t, uint64_t at, int code, const char *why, struct nr_err *reterr)
{
	t->ended = true;
	if (code != NR_EDAMAGED)
		return nr_fail(reterr, code, "%s: %s", t->name, why);
	return nr_fail(reterr, code, "%s: damaged at byte %llu%s: %s", t->name,
		       (unsigned long long)at,
		       nr_stream_is_compressed(t->stream) ? " of the uncompressed stream" : "",
		       why);
}

/** Find the format by the first four bytes. @return 0; NR_EFORMAT */
static int format_find(struct nr_trace *t, const uint8_t *head, struct nr_err *reterr)
{
	for (size_t i = 0; nr_formats[i] != NULL; i++) {
		if (!nr_formats[i]->is(head))
			continue;
		int ret = nr_formats[i]->open(&t->self);
		if (ret < 0)
			return nr_fail(reterr, ret, "%s: %s", t->name, nr_err_text(ret));
		t->format = nr_formats[i];
		return 0;
	}
	t->ended = true;
	return nr_fail(reterr, NR_EFORMAT,
		       "%s: neither pcap nor pcapng (first bytes %02x %02x %02x %02x)", t->name,
		       head[0], head[1], head[2], head[3]);
}

int nr_trace_recognise(struct nr_trace *t, struct nr_err *reterr)
{
	uint8_t head[4];
	struct nr_err err;
	size_t got;
	int ret;

	if (t->format != NULL || t->carry_n > 0 || nr_stream_is_pipe(t->stream))
		return 0;
	ret = nr_stream_read(t->stream, head, sizeof(head), 0, &got, &err);
	if (ret < 0 && ret != NR_EDAMAGED) {
		t->ended = true;
		return nr_fail(reterr, ret, "%s: %s", t->name, err.msg);
	}
	if (got == sizeof(head)) {
		ret = format_find(t, head, reterr);
		if (ret < 0)
			return ret;
	}
	return carry_keep(t, head, got);
}

/** What was read at once becomes what a full block of frames took, and a little more. */
static void want_adapt(struct nr_trace *t, const struct nr_block *block, size_t used, size_t had)
{
	if (block->n == NR_CAPTURE_BLOCK_FRAMES)
		t->want = used + used / 32;
	else if (had >= t->want)
		t->want += t->want / 4;
	t->want = nr_max_size((t->want + PAGE - 1) / PAGE * PAGE, WANT_LEAST);
	t->want = nr_min_size(t->want, t->limit);
}

/** Pass over bytes nobody needs. @return 0; negative code of the stream */
static int skip_run(struct nr_trace *t, struct nr_block *block, int wait_ms, struct nr_err *reterr)
{
	while (t->skip > 0) {
		size_t n = (size_t)(t->skip < block->mem_cap ? t->skip : block->mem_cap), got;
		int ret = nr_stream_read(t->stream, block->mem, n, wait_ms, &got, reterr);

		t->skip -= got;
		t->offset += got;
		if (ret < 0)
			return ret;
		if (got < n)
			break;
	}
	return 0;
}

/**
 * Carry and fresh bytes into block->mem. @return 0 or the stream's failure, bytes in any case;
 * ret_idle: more was wanted and nothing came
 */
static int block_fill(struct nr_trace *t, struct nr_block *block, int wait_ms, size_t *ret_n,
		      bool *ret_idle, struct nr_err *reterr)
{
	size_t target = nr_max_size(nr_max_size(t->want, t->need), t->carry_n), got;
	int ret;

	*ret_n = 0;
	*ret_idle = false;
	ret = nr_block_grow(block, nr_max_size(target, NR_CAPTURE_BLOCK_BYTES));
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	if (t->carry_n > 0)
		memcpy(block->mem, t->carry, t->carry_n);
	*ret_n = t->carry_n;
	if (t->skip > 0) { /* nothing was carried then */
		ret = skip_run(t, block, wait_ms, reterr);
		*ret_idle = t->skip > 0;
		if (ret < 0 || t->skip > 0)
			return ret;
	}
	if (target == t->carry_n)
		return 0;
	ret = nr_stream_read(t->stream, block->mem + t->carry_n, target - t->carry_n, wait_ms, &got,
			     reterr);
	*ret_n += got;
	*ret_idle = got == 0;
	return ret;
}

static void walk_count(struct nr_trace *t, const struct nr_walk *walk, const struct nr_block *block,
		       struct nr_capture_stats *stats)
{
	uint64_t captured = 0, wire = 0;

	for (size_t i = 0; i < block->n; i++) {
		captured += block->frames[i].caplen;
		wire += block->frames[i].wirelen;
	}
	stats->frames += block->n;
	stats->bytes_captured += captured;
	stats->bytes_wire += wire;
	stats->blocks_skipped += walk->n_skipped;
	stats->records_refused += walk->n_refused;
	stats->frames_oversize += walk->n_oversize;
	if (walk->n_refused > 0 && t->n_refused == 0) {
		t->refused_at = t->offset + walk->refused_at;
		memcpy(t->refused_why, walk->why, sizeof(t->refused_why));
	}
	t->n_refused += walk->n_refused;
}

/** At the end of the stream with @p left bytes that make no record. */
static int end_check(struct nr_trace *t, size_t left, struct nr_err *reterr)
{
	char why[NR_CAPTURE_WHY + 64];

	t->ended = true;
	if (t->format == NULL && t->offset == 0 && left == 0)
		return damage(t, 0, NR_EDAMAGED, "the file is empty", reterr);
	if (t->skip > 0) {
		snprintf(why, sizeof(why), "the file ends inside a block, %llu bytes early",
			 (unsigned long long)t->skip);
		return damage(t, t->offset, NR_EDAMAGED, why, reterr);
	}
	if (t->format == NULL)
		return damage(t, 0, NR_EDAMAGED, "the file ends inside its first four bytes",
			      reterr);
	if (left > 0) {
		snprintf(why, sizeof(why),
			 "the file ends inside a record, after %zu of at least %zu bytes", left,
			 t->need);
		return damage(t, t->offset, NR_EDAMAGED, why, reterr);
	}
	if (t->n_refused > 0) {
		snprintf(why, sizeof(why), "%s (records refused in this file: %llu)",
			 t->refused_why, (unsigned long long)t->n_refused);
		return damage(t, t->refused_at, NR_EDAMAGED, why, reterr);
	}
	return 0;
}

/** One fill and one walk. @return as nr_trace_next(); ret_idle: there is nothing more now */
static int step(struct nr_trace *t, struct nr_block *block, int wait_ms,
		struct nr_capture_stats *stats, bool *ret_idle, struct nr_err *reterr)
{
	struct nr_walk walk = { .block = block };
	struct nr_err err = { 0 };
	size_t had, left;
	int stream_ret = block_fill(t, block, wait_ms, &had, ret_idle, &err), ret = 0;

	if (t->format == NULL && had >= 4) {
		ret = format_find(t, block->mem, reterr);
		if (ret < 0)
			return ret;
	}
	walk.p = block->mem;
	walk.end = block->mem + had;
	t->need = t->format == NULL ? 4 : 0;
	if (t->format != NULL && had > 0) {
		ret = t->format->walk(t->self, &walk);
		t->need = walk.need;
		t->skip = walk.skip;
		want_adapt(t, block, (size_t)(walk.p - block->mem), had);
		walk_count(t, &walk, block, stats);
	}
	left = (size_t)(walk.end - walk.p);
	t->offset += (uint64_t)(walk.p - block->mem);
	if (ret < 0)
		return damage(t, t->offset, ret, walk.why, reterr);
	ret = carry_keep(t, walk.p, left);
	if (ret < 0)
		return damage(t, t->offset, ret, nr_err_text(ret), reterr);
	if (block->n == NR_CAPTURE_BLOCK_FRAMES)
		return 0; /* what is left may be whole records; a failure of the stream comes again */
	nr_require(left == 0 || t->need > left);
	if (stream_ret < 0)
		return damage(t, t->offset + left, stream_ret, err.msg, reterr);
	if (nr_stream_ended(t->stream))
		return end_check(t, left, reterr);
	return 0;
}

int nr_trace_next(struct nr_trace *t, struct nr_block *block, int wait_ms,
		  struct nr_capture_stats *stats, struct nr_err *reterr)
{
	bool idle = false;
	int ret = 0;

	block->n = 0;
	while (!t->ended && block->n == 0 && ret == 0 && !idle)
		ret = step(t, block, wait_ms, stats, &idle, reterr);
	uint64_t raw = nr_stream_raw_bytes(t->stream);
	stats->bytes_read += raw - t->raw_seen;
	t->raw_seen = raw;
	return ret;
}
