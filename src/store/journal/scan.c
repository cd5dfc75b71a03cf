/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over the records of one segment.
 *
 * 1. Before each step [0, off) was valid, `chain` is the chain over it, `next_at` the place that
 *    must follow.
 * 2. NR_SCAN_BAD changes nothing: off stays at the record that is not valid.
 * 3. The window holds bytes [window_off, window_off + window_n) of the file, none of them from
 *    behind the limit of the step that read them.
 */
#include "store/journal/journal_int.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"

enum { BLOCK = 1 << 20 };

void nr_scan_init(struct nr_scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	scan->fd = -1;
}

void nr_scan_done(struct nr_scan *scan)
{
	if (scan->fd >= 0)
		(void)nr_io_close(scan->fd); /* only read */
	free(scan->window);
	nr_scan_init(scan);
}

static int read_head(struct nr_scan *s, struct nr_segment_head *head, struct nr_err *reterr)
{
	uint8_t bytes[NR_SEGMENT_HEAD];
	ssize_t n = nr_io_pread_full(s->fd, bytes, sizeof(bytes), 0);
	int ret;

	if (n < 0)
		return nr_segment_fail(reterr, (int)n, s->path, 0, nr_err_text((int)n));
	ret = nr_segment_head_get((struct nr_bytes){ bytes, (size_t)n }, head, reterr);
	if (ret < 0)
		nr_err_prefix(reterr, "%s", s->path);
	return ret;
}

int nr_scan_open(struct nr_scan *scan, const char *dir, uint64_t at, struct nr_err *reterr)
{
	int64_t size;
	int ret = nr_segment_path(dir, at, "", scan->path);

	if (scan->fd >= 0)
		(void)nr_io_close(scan->fd);
	scan->fd = -1;
	scan->window_n = 0;
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	scan->fd = nr_io_open(scan->path, O_RDONLY | O_NOCTTY | O_NOFOLLOW, 0);
	if (scan->fd < 0)
		return nr_segment_fail(reterr, scan->fd, scan->path, 0, nr_err_text(scan->fd));
	size = nr_io_size(scan->fd);
	if (size < 0)
		return nr_segment_fail(reterr, (int)size, scan->path, 0, nr_err_text((int)size));
	ret = read_head(scan, &scan->head, reterr);
	if (ret < 0)
		return ret;
	if (scan->head.first_at != at)
		return nr_segment_fail(reterr, NR_EDAMAGED, scan->path, 16,
				       "the segment has another first place than its name");
	scan->size = (uint64_t)size;
	scan->off = scan->commit_off = NR_SEGMENT_HEAD;
	scan->next_at = scan->commit_at = at;
	scan->chain = scan->head.chain;
	scan->records = scan->erased = 0;
	scan->first_ns = scan->last_ns = scan->head.made_ns;
	return 0;
}

int nr_scan_refresh(struct nr_scan *scan, struct nr_err *reterr)
{
	int64_t size = nr_io_size(scan->fd);

	if (size < 0)
		return nr_segment_fail(reterr, (int)size, scan->path, scan->off,
				       nr_err_text((int)size));
	scan->size = (uint64_t)size;
	scan->window_n = 0;
	return 0;
}

/* @p n bytes at @p off, which all lie before @p limit. @return 0; -errno */
static int look(struct nr_scan *s, uint64_t off, size_t n, uint64_t limit, const uint8_t **ret_p)
{
	if (off < s->window_off || off + n > s->window_off + s->window_n) {
		size_t want = (size_t)(limit - off < BLOCK ? limit - off : BLOCK);
		ssize_t got;

		want = nr_max_size(want, n);
		if (want > s->window_cap) {
			uint8_t *larger = realloc(s->window, want);

			if (larger == NULL)
				return -ENOMEM;
			s->window = larger;
			s->window_cap = want;
		}
		s->window_n = 0;
		s->window_off = off;
		got = nr_io_pread_full(s->fd, s->window, want, off);
		if (got < 0)
			return (int)got;
		s->window_n = (size_t)got;
		if (s->window_n < n)
			return -ENODATA; /* the file became shorter under us */
	}
	*ret_p = s->window + (off - s->window_off);
	return 0;
}

static int bad(struct nr_scan *s, const char *why)
{
	s->why = why;
	return NR_SCAN_BAD;
}

/* The head at s->off fits behind what was read: NULL, or why not. */
static const char *misfit(const struct nr_scan *s, const struct nr_record *rec, uint64_t limit)
{
	if (s->off + nr_record_size(rec->length) > limit)
		return "the record is longer than the file";
	if (s->head.kind == NR_SEGMENT_WHOLE && rec->link != nr_record_link(&s->chain))
		return "a record that does not follow the one before it";
	if (rec->type == NR_RECORD_CLOSE)
		return rec->at + 1 != s->next_at ? "the close of another segment" : NULL;
	if (rec->at != s->next_at)
		return "a record with another place than the one that must follow";
	if (rec->commit_at < s->commit_at || rec->commit_at > rec->at)
		return "a record of a commit that cannot be";
	if (rec->arrived_ns < s->last_ns)
		return "a record that arrived before the one before it";
	return NULL;
}

static int step_close(struct nr_scan *s, const struct nr_scan_record *rec)
{
	struct nr_close c = { 0 };

	if (!nr_close_get(rec->body, &c) || c.first_at != s->head.first_at ||
	    c.last_at + 1 != s->next_at || c.last_at != rec->head.at)
		return bad(s, "a close that is not of this segment");
	if (s->head.kind == NR_SEGMENT_WHOLE &&
	    (!nr_digest_eq(&c.chain, &s->chain) || c.records != s->records || c.bytes != s->off))
		return bad(s, "the chain of the records is not the one that was closed");
	s->close = c;
	s->chain = c.chain;
	s->last_ns = c.last_ns;
	return NR_SCAN_CLOSED;
}

/* Was it erased since we opened the file? */
static bool is_erased(struct nr_scan *s, uint64_t at)
{
	struct nr_segment_head head = { 0 };

	if (at <= s->head.erased_to)
		return true;
	if (read_head(s, &head, NULL) < 0 || head.first_at != s->head.first_at)
		return false;
	s->head.erased_to = head.erased_to;
	return at <= head.erased_to;
}

static int read_body(struct nr_scan *s, uint64_t limit, struct nr_scan_record *rec)
{
	size_t size = (size_t)nr_record_size(rec->head.length), n = rec->head.length;
	const uint8_t *p;
	int ret;

	rec->erased = rec->head.type != NR_RECORD_CLOSE && rec->head.at <= s->head.erased_to;
	if (rec->erased)
		return 0;
	ret = look(s, s->off, size, limit, &p);
	if (ret < 0)
		return ret;
	p += NR_RECORD_HEAD;
	if (nr_crc32c(0, p, n) != rec->head.crc) {
		rec->erased = rec->head.type != NR_RECORD_CLOSE && is_erased(s, rec->head.at);
		return rec->erased ? 0 : NR_EDAMAGED;
	}
	for (size_t i = n; i < size - NR_RECORD_HEAD; i++)
		if (p[i] != 0)
			return NR_EDAMAGED;
	rec->body = (struct nr_bytes){ p, n };
	return 0;
}

static void step_over(struct nr_scan *s, const struct nr_scan_record *rec)
{
	if (rec->head.commit_at != s->commit_at) {
		s->commit_at = rec->head.commit_at;
		s->commit_off = s->off;
	}
	if (s->records++ == 0)
		s->first_ns = rec->head.arrived_ns;
	s->erased += rec->erased;
	s->last_ns = rec->head.arrived_ns;
	s->next_at = rec->head.at + 1;
	s->chain = nr_record_chain(&s->chain, rec->raw);
	s->off += nr_record_size(rec->head.length);
}

/* A stub's close is the one of the whole segment, wherever that ended. */
static int step_stub(struct nr_scan *s, uint64_t limit, struct nr_scan_record *rec)
{
	if (rec->head.type != NR_RECORD_CLOSE)
		return bad(s, "a record in a segment of which only the head is left");
	if (s->off + nr_record_size(rec->head.length) > limit)
		return bad(s, "the record is longer than the file");
	s->next_at = rec->head.at + 1;
	return 0;
}

int nr_scan_next(struct nr_scan *scan, uint64_t limit, uint64_t skip,
		 struct nr_scan_record *ret_record, struct nr_err *reterr)
{
	struct nr_scan_record rec = { .off = scan->off };
	const uint8_t *p = NULL;
	const char *why;
	int ret;

	if (scan->off == limit)
		return NR_SCAN_END;
	if (limit < scan->off || limit - scan->off < NR_RECORD_HEAD)
		return bad(scan, "the file ends in a record");
	ret = look(scan, scan->off, NR_RECORD_HEAD, limit, &p);
	if (ret < 0)
		return nr_segment_fail(reterr, ret, scan->path, scan->off, nr_err_text(ret));
	memcpy(rec.raw, p, NR_RECORD_HEAD);
	if (!nr_record_get(rec.raw, scan->head.salt, &rec.head))
		return bad(scan, "no valid record");
	if (scan->head.kind == NR_SEGMENT_STUB) {
		ret = step_stub(scan, limit, &rec);
		if (ret != 0)
			return ret;
	}
	why = misfit(scan, &rec.head, limit);
	if (why != NULL)
		return bad(scan, why);
	ret = rec.head.type != NR_RECORD_CLOSE && rec.head.at < skip ? 0
								     : read_body(scan, limit, &rec);
	if (ret == NR_EDAMAGED)
		return bad(scan, "the body of the record is damaged");
	if (ret < 0)
		return nr_segment_fail(reterr, ret, scan->path, scan->off, nr_err_text(ret));
	*ret_record = rec;
	if (rec.head.type == NR_RECORD_CLOSE)
		return step_close(scan, &rec);
	step_over(scan, &rec);
	return NR_SCAN_RECORD;
}

/* Look in @p n bytes at @p p for the head of a record that was written after `next_at` was acknowledged. */
static bool find_proof(const struct nr_scan *s, const uint8_t *p, size_t n, size_t *ret_at)
{
	uint32_t mark = (uint32_t)s->head.salt;

	for (size_t i = 0; i + NR_RECORD_HEAD <= n; i += 8) {
		struct nr_record rec;

		if (NR_LIKELY(nr_get_le32(p + i) != mark) ||
		    !nr_record_get(p + i, s->head.salt, &rec) || rec.commit_at <= s->next_at)
			continue;
		*ret_at = i;
		return true;
	}
	return false;
}

static size_t last_nonzero(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n;
}

int nr_scan_judge_tail(struct nr_scan *scan, uint64_t *ret_torn, struct nr_err *reterr)
{
	uint64_t torn = 0, off = scan->off;

	/* Windows overlap by what a head may stretch over. */
	while (off < scan->size) {
		size_t n = (size_t)(scan->size - off < BLOCK ? scan->size - off : BLOCK), at, used;
		const uint8_t *p;
		int ret = look(scan, off, n, scan->size, &p);

		if (ret < 0)
			return nr_segment_fail(reterr, ret, scan->path, off, nr_err_text(ret));
		if (find_proof(scan, p, n, &at))
			return nr_segment_fail(reterr, NR_EDAMAGED, scan->path, scan->off,
					       scan->why);
		used = last_nonzero(p, n);
		if (used > 0)
			torn = off + used - scan->off;
		off += n == BLOCK ? BLOCK - NR_RECORD_HEAD : n;
	}
	*ret_torn = torn;
	return 0;
}
