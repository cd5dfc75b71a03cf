/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data leaves, its proof stays.
 *
 *   whole --partly too old: head says `erased_to`, fsync; bodies punched out, fsync--> whole,
 *   partly erased whole --too old or too much: its head and its close in a new file, fsync,
 *   rename, fsync directory--> stub
 *
 * 1. The head lies in one sector, so it is the old one or the new one. From then on the bodies
 *    count as erased, whether or not the punching came to the disk; what a crash left unpunched is
 *    punched at the first retention after a start.
 * 2. The last segment is never touched, nor is any chain, digest or signature.
 */
#include <fcntl.h>
#include <stdio.h>

#include "base/crash.h"
#include "store/journal/journal_retain.h"
#include "store/journal/journal_write.h"

enum { CLOSE_SIZE = NR_RECORD_HEAD + NR_CLOSE_BODY, STUB_SIZE = NR_SEGMENT_HEAD + CLOSE_SIZE };

struct old { /* a segment that is closed */
	uint64_t at, size;
	struct nr_segment_head head;
	struct nr_close close;
};

static int fail(const struct nr_retain *r, int code, uint64_t at, const char *what,
		struct nr_err *reterr)
{
	return nr_fail(reterr, code, "%s/%020llu.nrj: %s: %s", r->dir, (unsigned long long)at, what,
		       nr_err_text(code));
}

/* ---- partly ---- */

/* Punch the bodies up to the place that the head names. */
static int punch_bodies(struct nr_scan *s, int fd, struct nr_err *reterr)
{
	uint64_t to = s->head.erased_to;
	struct nr_scan_record rec;
	int ret;

	while ((ret = nr_scan_next(s, s->size, UINT64_MAX, &rec, reterr)) == NR_SCAN_RECORD &&
	       rec.head.at <= to) {
		uint64_t n = nr_record_size(rec.head.length) - NR_RECORD_HEAD;

		ret = n == 0 ? 0 : nr_io_punch(fd, rec.off + NR_RECORD_HEAD, n);
		if (ret < 0)
			return nr_segment_fail(reterr, ret, s->path, rec.off, nr_err_text(ret));
	}
	if (ret == NR_SCAN_BAD)
		return nr_segment_fail(reterr, NR_EDAMAGED, s->path, s->off, s->why);
	return ret < 0 ? ret : 0;
}

static int erase_with(const struct nr_retain *r, struct nr_scan *s, int fd, uint64_t to,
		      struct nr_err *reterr)
{
	uint8_t head[NR_SEGMENT_HEAD];
	int ret = 0;

	if (to > s->head.erased_to) {
		s->head.erased_to = to;
		nr_segment_head_put(&s->head, head);
		ret = nr_io_pwrite_all(fd, head, sizeof(head), 0);
		NR_CRASH_POINT("journal.retain.head_written");
		if (ret == 0)
			ret = nr_io_fdatasync(fd);
	}
	NR_CRASH_POINT("journal.retain.head_synced");
	if (ret < 0)
		return fail(r, ret, s->head.first_at, "cannot erase", reterr);
	ret = punch_bodies(s, fd, reterr);
	if (ret < 0)
		return ret;
	NR_CRASH_POINT("journal.retain.punched");
	ret = nr_io_fsync(fd);
	return ret < 0 ? fail(r, ret, s->head.first_at, "cannot erase", reterr) : 0;
}

/* Erase what is in segment @p at up to place @p to; 0: what its head says already. */
static int erase_to(const struct nr_retain *r, uint64_t at, uint64_t to, struct nr_err *reterr)
{
	struct nr_scan scan;
	int fd, ret;

	nr_scan_init(&scan);
	ret = nr_scan_open(&scan, r->dir, at, reterr);
	if (ret == 0) {
		fd = nr_io_open(scan.path, O_RDWR | O_NOFOLLOW, 0);
		ret = fd < 0 ? fail(r, fd, at, "cannot open", reterr)
			     : erase_with(r, &scan, fd, to, reterr);
		if (fd >= 0)
			(void)nr_io_close(fd); /* fsynced */
	}
	nr_scan_done(&scan);
	return ret;
}

/* The last place of the segment that arrived before @p before_ns; 0: none. */
static int last_before(const struct nr_retain *r, uint64_t at, int64_t before_ns, uint64_t *ret_at,
		       struct nr_err *reterr)
{
	struct nr_scan_record rec;
	struct nr_scan scan;
	uint64_t found = 0;
	int ret;

	nr_scan_init(&scan);
	ret = nr_scan_open(&scan, r->dir, at, reterr);
	if (ret == 0) {
		while ((ret = nr_scan_next(&scan, scan.size, UINT64_MAX, &rec, reterr)) ==
			       NR_SCAN_RECORD &&
		       rec.head.arrived_ns < before_ns)
			found = rec.head.at;
		if (ret == NR_SCAN_BAD)
			ret = nr_segment_fail(reterr, NR_EDAMAGED, scan.path, scan.off, scan.why);
	}
	nr_scan_done(&scan);
	if (ret < 0)
		return ret;
	*ret_at = found;
	return 0;
}

/* ---- wholly ---- */

static int write_stub(const char *temp, const uint8_t *bytes)
{
	int fd = nr_io_open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600), ret, closed;

	if (fd < 0)
		return fd;
	ret = nr_io_pwrite_all(fd, bytes, STUB_SIZE, 0);
	NR_CRASH_POINT("journal.retain.stub_written");
	if (ret == 0)
		ret = nr_io_fsync(fd);
	closed = nr_io_close(fd);
	return ret < 0 ? ret : closed;
}

/* Head, marked as a stub, and the close as it stands at the end of the file. */
static int stub_bytes(const struct nr_retain *r, const struct old *o, uint8_t *bytes)
{
	struct nr_segment_head head = o->head;
	char path[PATH_MAX];
	int fd, ret = nr_segment_path(r->dir, o->at, "", path);
	ssize_t n;

	if (ret < 0)
		return ret;
	head.kind = NR_SEGMENT_STUB;
	head.erased_to = o->close.last_at;
	nr_segment_head_put(&head, bytes);
	fd = nr_io_open(path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	n = nr_io_pread_full(fd, bytes + NR_SEGMENT_HEAD, CLOSE_SIZE, o->size - CLOSE_SIZE);
	(void)nr_io_close(fd); /* only read */
	return n == CLOSE_SIZE ? 0 : n < 0 ? (int)n : -ENODATA;
}

/* Each is on the disk before the next: what is left is always one piece. */
static int make_stub(const struct nr_retain *r, const struct old *o, struct nr_err *reterr)
{
	char path[PATH_MAX], temp[PATH_MAX];
	uint8_t bytes[STUB_SIZE];
	int ret = stub_bytes(r, o, bytes);

	if (ret == 0)
		ret = nr_segment_path(r->dir, o->at, "", path);
	if (ret == 0)
		ret = nr_segment_path(r->dir, o->at, ".tmp", temp);
	if (ret == 0) {
		ret = write_stub(temp, bytes);
		NR_CRASH_POINT("journal.retain.stub_synced");
		if (ret == 0)
			ret = nr_io_rename(temp, path);
		if (ret < 0)
			(void)nr_io_unlink(temp); /* the first error is the one to tell */
	}
	NR_CRASH_POINT("journal.retain.stub_renamed");
	if (ret == 0)
		ret = nr_io_fsync(r->dir_fd);
	return ret < 0 ? fail(r, ret, o->at, "cannot erase", reterr) : 0;
}

/* On a full disk there is no room for a stub: then erase in place, which makes some, and try again. */
static int erase_whole(const struct nr_retain *r, const struct old *o, struct nr_err *reterr)
{
	int ret = make_stub(r, o, reterr);

	if (ret != -ENOSPC && ret != -EDQUOT)
		return ret;
	ret = erase_to(r, o->at, o->close.last_at, reterr);
	if (ret < 0)
		return ret;
	ret = make_stub(r, o, reterr);
	return ret == -ENOSPC || ret == -EDQUOT ? 0 : ret; /* the next retention does it */
}

/* ---- which ---- */

static uint64_t already_erased(const struct old *o)
{
	return o->head.erased_to >= o->at ? o->head.erased_to - o->at + 1 : 0;
}

static int retain_one(struct nr_retain *r, const struct old *o, struct nr_err *reterr)
{
	bool too_much = r->bytes > r->max_bytes, too_old = o->close.last_ns < r->before_ns;
	uint64_t to = 0;
	int ret = 0;

	if (r->n_segments >= r->max_segments)
		return 0;
	if (too_much || too_old) {
		ret = erase_whole(r, o, reterr);
		to = o->close.last_at;
		r->bytes -= o->size - STUB_SIZE;
	} else if (o->close.first_ns < r->before_ns) {
		ret = last_before(r, o->at, r->before_ns, &to, reterr);
		if (ret == 0 && (to > o->head.erased_to || !r->is_swept))
			ret = erase_to(r, o->at, to, reterr);
	} else if (o->head.erased_to > 0 && !r->is_swept) {
		ret = erase_to(r, o->at, 0, reterr);
	}
	if (ret == 0 && to > o->head.erased_to) {
		r->erased += to - o->at + 1 - already_erased(o);
		r->erased_to = to;
		r->n_segments++;
	}
	return ret;
}

static int look_at(const struct nr_retain *r, uint64_t at, struct old *o, struct nr_err *reterr)
{
	o->at = at;
	return nr_segment_peek(r->dir, at, &o->head, &o->close, &o->size, reterr);
}

/* What recovery cut from a tail goes when its neighbours go. */
static int drop_cut(void *ctx, const char *name)
{
	const struct nr_retain *r = ctx;
	struct nr_str text = nr_str_from(name);
	char path[PATH_MAX];
	uint64_t at;
	int n;

	if (text.n != 24 || !nr_str_ends(text, NR_STR(".cut")))
		return 0;
	text.n = 20;
	if (nr_str_u64(text, 1, UINT64_MAX, &at) < 0 || at > r->erased_to)
		return 0;
	n = snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : nr_io_unlink(path);
}

static int retain_all(struct nr_retain *r, const struct nr_segments *s, struct nr_err *reterr)
{
	int ret = 0;

	for (size_t i = 0; i < s->n && ret == 0; i++) {
		struct old o = { .size = 0 };

		if (s->at[i] >= r->last)
			break;
		ret = look_at(r, s->at[i], &o, reterr);
		if (ret == 0 && o.head.kind == NR_SEGMENT_WHOLE)
			ret = retain_one(r, &o, reterr);
	}
	return ret;
}

static int sum_up(struct nr_retain *r, const struct nr_segments *s, struct nr_err *reterr)
{
	r->bytes = r->last_bytes;
	for (size_t i = 0; i < s->n && s->at[i] < r->last; i++) {
		struct old o = { .size = 0 };
		int ret = look_at(r, s->at[i], &o, reterr);

		if (ret < 0)
			return ret;
		r->bytes += o.size;
	}
	return 0;
}

int nr_retain_run(struct nr_retain *retain, struct nr_err *reterr)
{
	struct nr_segments segments = { .at = NULL };
	int ret = nr_segments_list(retain->dir, &segments, reterr);

	if (ret == 0)
		ret = sum_up(retain, &segments, reterr);
	if (ret == 0)
		ret = retain_all(retain, &segments, reterr);
	nr_segments_done(&segments);
	if (ret == 0) {
		ret = nr_io_list(retain->dir, drop_cut, retain);
		if (ret < 0)
			return nr_fail(reterr, ret, "%s: %s", retain->dir, nr_err_text(ret));
	}
	return ret;
}
