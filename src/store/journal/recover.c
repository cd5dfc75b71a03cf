/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a crash left, made whole.
 *
 * 1. Nothing that a record proves to have been acknowledged is changed; damage there ends in
 *    NR_EDAMAGED and nothing is written.
 * 2. What is cut from a tail is kept beside the segment as PLACE.cut.
 * 3. The last commit is written and fsynced once more: the page cache may show what an fsync that
 *    failed, or a process that was killed before it, never brought to the disk; and what is read
 *    here will be acknowledged.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/hash.h"
#include "store/journal/journal_write.h"

enum { COPY = 1 << 20, CLOSE_SIZE = NR_RECORD_HEAD + NR_CLOSE_BODY };

static int fail_dir(struct nr_err *reterr, int code, const char *dir, const char *what)
{
	char shown[320];

	(void)nr_str_escape(nr_str_from(dir), shown, sizeof(shown));
	return nr_fail(reterr, code, "%s: %s: %s", shown, what, nr_err_text(code));
}

/* ---- the directory ---- */

/* The parent must name it for good, else all of it may vanish. */
static int make_dir(const char *dir)
{
	char parent[PATH_MAX];
	size_t n = strlen(dir);
	int ret = nr_io_mkdir(dir, 0700);

	if (ret == -EEXIST)
		return 0;
	if (ret < 0)
		return ret;
	while (n > 1 && dir[n - 1] == '/')
		n--;
	while (n > 0 && dir[n - 1] != '/')
		n--;
	(void)snprintf(parent, sizeof(parent), "%.*s", n > 0 ? (int)n : 1, n > 0 ? dir : ".");
	return nr_io_fsync_dir(parent);
}

/* A temporary never had a name that counts. */
static int sweep(void *ctx, const char *name)
{
	const char *dir = ctx;
	char path[PATH_MAX];
	int n;

	if (!nr_str_ends(nr_str_from(name), NR_STR(".nrj.tmp")))
		return 0;
	n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : nr_io_unlink(path);
}

static int lock_dir(struct nr_writer *w, struct nr_err *reterr)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/lock", w->dir), ret;

	if (n < 0 || n >= PATH_MAX)
		return fail_dir(reterr, -ENAMETOOLONG, w->dir, "lock");
	w->lock_fd = nr_io_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (w->lock_fd < 0)
		return fail_dir(reterr, w->lock_fd, w->dir, "lock");
	ret = nr_io_lock(w->lock_fd);
	if (ret == -EWOULDBLOCK)
		return nr_fail(reterr, -EBUSY, "%s: another process writes this journal", w->dir);
	return ret < 0 ? fail_dir(reterr, ret, w->dir, "lock") : 0;
}

static int open_dir(struct nr_writer *w, struct nr_err *reterr)
{
	int ret = make_dir(w->dir);

	if (ret < 0)
		return fail_dir(reterr, ret, w->dir, "cannot create");
	ret = lock_dir(w, reterr);
	if (ret < 0)
		return ret;
	w->dir_fd = nr_io_open(w->dir, O_RDONLY | O_DIRECTORY, 0);
	if (w->dir_fd < 0)
		return fail_dir(reterr, w->dir_fd, w->dir, "cannot open");
	ret = nr_io_list(w->dir, sweep, (void *)(uintptr_t)w->dir);
	if (ret < 0)
		return fail_dir(reterr, ret, w->dir, "cannot list");
	return 0;
}

/* First place of the newest segment there ever was; 0: not known, which is no fault. */
static uint64_t read_note(const struct nr_writer *w)
{
	uint8_t note[NR_LOCK_NOTE];
	uint64_t newest;
	uint32_t crc;

	if (nr_io_pread_full(w->lock_fd, note, sizeof(note), 0) != (ssize_t)sizeof(note) ||
	    memcmp(note, "NRJLOCK1", 8) != 0)
		return 0;
	memcpy(&newest, note + 8, 8);
	memcpy(&crc, note + 16, 4);
	return crc == nr_crc32c(0, note, 16) ? newest : 0;
}

/* ---- how segments hang together ---- */

int nr_segment_peek(const char *dir, uint64_t at, struct nr_segment_head *ret_head,
		    struct nr_close *ret_close, uint64_t *ret_size, struct nr_err *reterr)
{
	uint8_t bytes[CLOSE_SIZE];
	struct nr_scan scan;
	struct nr_record rec;
	ssize_t n = 0;
	int ret;

	nr_scan_init(&scan);
	ret = nr_scan_open(&scan, dir, at, reterr);
	if (ret == 0 && scan.size >= NR_SEGMENT_HEAD + CLOSE_SIZE)
		n = nr_io_pread_full(scan.fd, bytes, sizeof(bytes), scan.size - sizeof(bytes));
	if (ret == 0 && n < 0)
		ret = nr_segment_fail(reterr, (int)n, scan.path, scan.size, nr_err_text((int)n));
	if (ret == 0 &&
	    (n != (ssize_t)sizeof(bytes) || !nr_record_get(bytes, scan.head.salt, &rec) ||
	     rec.type != NR_RECORD_CLOSE || rec.length != NR_CLOSE_BODY ||
	     nr_crc32c(0, bytes + NR_RECORD_HEAD, NR_CLOSE_BODY) != rec.crc ||
	     !nr_close_get((struct nr_bytes){ bytes + NR_RECORD_HEAD, NR_CLOSE_BODY }, ret_close)))
		ret = nr_segment_fail(
			reterr, NR_EDAMAGED, scan.path, scan.size,
			"the segment does not end with its close, and another follows");
	if (ret == 0) {
		*ret_head = scan.head;
		if (ret_size != NULL)
			*ret_size = scan.size;
	}
	nr_scan_done(&scan);
	return ret;
}

/* Every segment but the last: closed, and the next begins where it ends. */
static int check_links(const struct nr_writer *w, const struct nr_segments *s,
		       const struct nr_scan *last, struct nr_journal_recovery *rec,
		       struct nr_err *reterr)
{
	struct nr_digest chain = { { 0 } };
	uint64_t next = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct nr_segment_head head = last->head;
		struct nr_close c = { .last_at = 0 };
		char path[PATH_MAX];
		uint64_t size = last->size;
		int ret = 0;

		if (i + 1 < s->n)
			ret = nr_segment_peek(w->dir, s->at[i], &head, &c, &size, reterr);
		if (ret == 0)
			ret = nr_segment_path(w->dir, s->at[i], "", path);
		if (ret < 0)
			return ret;
		if (i > 0 && head.first_at != next)
			return nr_segment_fail(reterr, NR_EDAMAGED, path, 0,
					       "the segment before it is missing");
		if (i > 0 && !nr_digest_eq(&head.chain, &chain))
			return nr_segment_fail(
				reterr, NR_EDAMAGED, path, 56,
				"its chain does not go on where the segment before it ends");
		next = c.last_at + 1;
		chain = c.chain;
		rec->bytes += size;
	}
	return 0;
}

/* ---- the last segment ---- */

struct tail {
	struct nr_scan scan;
	bool closed;
	uint64_t end; /* of what is valid */
	uint64_t torn;
};

static int read_last(struct tail *t, struct nr_err *reterr)
{
	struct nr_scan_record rec;
	int step;

	do {
		step = nr_scan_next(&t->scan, t->scan.size, 0, &rec, reterr);
	} while (step == NR_SCAN_RECORD);
	if (step < 0)
		return step;
	t->end = t->scan.off;
	t->closed = step == NR_SCAN_CLOSED;
	if (t->closed) {
		t->end += CLOSE_SIZE;
		if (rec.head.commit_at != t->scan.commit_at) {
			t->scan.commit_at = rec.head.commit_at;
			t->scan.commit_off = t->scan.off;
		}
	}
	if (step == NR_SCAN_BAD) {
		int ret = nr_scan_judge_tail(&t->scan, &t->torn, reterr);

		if (ret < 0)
			return ret;
		if (t->scan.records == 0)
			return nr_segment_fail(reterr, NR_EDAMAGED, t->scan.path, t->scan.off,
					       "the segment lost its first record");
	}
	return 0;
}

/* Keep what is cut: whoever was not told that it arrived may still want to know. */
static int keep_cut(const struct nr_writer *w, const struct tail *t, const uint8_t *bytes, size_t n)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%020llu.cut", w->dir,
			   (unsigned long long)t->scan.next_at);
	int fd, ret;

	if (len < 0 || len >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = nr_io_open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	ret = nr_io_write_all(fd, bytes, n);
	(void)nr_io_close(fd); /* a comfort, not a promise */
	return ret;
}

static int cut_tail(struct nr_writer *w, const struct tail *t)
{
	uint8_t *bytes = malloc(COPY);
	uint64_t off = t->end;
	int ret = bytes == NULL ? -ENOMEM : 0;

	while (ret == 0 && off < t->end + t->torn) {
		uint64_t left = t->end + t->torn - off;
		ssize_t n = nr_io_pread_full(w->fd, bytes, left < COPY ? (size_t)left : COPY, off);

		if (n <= 0) {
			ret = n < 0 ? (int)n : -ENODATA;
			break;
		}
		/* A full disk must not keep us from starting. */
		if (keep_cut(w, t, bytes, (size_t)n) < 0)
			break;
		off += (uint64_t)n;
	}
	free(bytes);
	NR_CRASH_POINT("journal.recover.before_cut");
	if (ret == 0)
		ret = nr_io_truncate(w->fd, t->end);
	NR_CRASH_POINT("journal.recover.cut");
	return ret;
}

/* Write [from, to) over itself, so that the fsync that follows has something to bring to the disk. */
static int write_again(const struct nr_writer *w, uint64_t from, uint64_t to)
{
	uint8_t *bytes = malloc(COPY);
	int ret = bytes == NULL ? -ENOMEM : 0;

	while (ret == 0 && from < to) {
		size_t want = to - from < COPY ? (size_t)(to - from) : COPY;
		ssize_t n = nr_io_pread_full(w->fd, bytes, want, from);

		if (n != (ssize_t)want)
			ret = n < 0 ? (int)n : -ENODATA;
		else
			ret = nr_io_pwrite_all(w->fd, bytes, want, from);
		from += want;
	}
	free(bytes);
	return ret;
}

static int mend(struct nr_writer *w, const struct tail *t)
{
	int ret = 0;

	w->fd = nr_io_open(t->scan.path, O_RDWR | O_NOFOLLOW, 0);
	if (w->fd < 0)
		return w->fd;
	if (t->torn > 0)
		ret = cut_tail(w, t);
	else if (t->closed && t->scan.size > t->end)
		ret = nr_io_truncate(w->fd, t->end);
	if (ret == 0)
		ret = write_again(w, t->scan.commit_off, t->end);
	NR_CRASH_POINT("journal.recover.rewritten");
	if (ret == 0 && !t->closed && t->end < w->segment_bytes) {
		ret = nr_io_allocate(w->fd, t->end, w->segment_bytes - t->end);
		w->allocated = ret == 0 ? w->segment_bytes : t->end;
		if (ret == -EOPNOTSUPP)
			w->allocated = 0;
		if (ret == -EOPNOTSUPP || ret == -ENOSPC || ret == -EDQUOT)
			ret = 0; /* commit() will see for itself */
	} else {
		w->allocated = t->end;
	}
	if (ret == 0)
		ret = nr_io_fsync(w->fd);
	NR_CRASH_POINT("journal.recover.synced");
	w->segment = t->scan.head.first_at;
	w->end = t->end;
	if (ret == 0 && t->closed) {
		(void)nr_io_close(w->fd); /* fsynced */
		w->fd = -1;
	}
	return ret;
}

static void go_on(const struct tail *t, struct nr_encoder *e, struct nr_journal_recovery *rec)
{
	const struct nr_scan *s = &t->scan;

	*e = (struct nr_encoder){ .next_at = s->next_at,
				  .last_ns = s->last_ns,
				  .chain = s->chain,
				  .is_open = !t->closed,
				  .segment = s->head.first_at,
				  .salt = s->head.salt,
				  .size = t->end,
				  .records = s->records,
				  .segment_ns = s->first_ns };
	rec->last_at = s->next_at - 1;
	rec->ledger_at = s->head.first_at;
	rec->torn_bytes = t->torn;
	rec->bytes -= s->size - t->end;
}

static int recover_last(struct nr_writer *w, struct nr_encoder *e, const struct nr_segments *s,
			struct nr_journal_recovery *rec, struct nr_err *reterr)
{
	struct tail t = { .closed = false };
	uint64_t newest = s->at[s->n - 1];
	int ret;

	nr_scan_init(&t.scan);
	ret = nr_scan_open(&t.scan, w->dir, newest, reterr);
	if (ret == 0)
		ret = check_links(w, s, &t.scan, rec, reterr);
	if (ret == 0)
		ret = read_last(&t, reterr);
	if (ret == 0) {
		ret = mend(w, &t);
		if (ret < 0)
			(void)nr_segment_fail(reterr, ret, t.scan.path, t.end, nr_err_text(ret));
	}
	if (ret == 0)
		go_on(&t, e, rec);
	nr_scan_done(&t.scan);
	return ret;
}

static int recover_segments(struct nr_writer *w, struct nr_encoder *e, const struct nr_segments *s,
			    struct nr_journal_recovery *rec, struct nr_err *reterr)
{
	uint64_t noted = read_note(w), newest = s->n > 0 ? s->at[s->n - 1] : 0;
	int ret = 0;

	if (noted > newest) {
		char path[PATH_MAX];

		ret = nr_segment_path(w->dir, noted, "", path);
		return ret < 0 ? ret
			       : nr_segment_fail(reterr, NR_EDAMAGED, path, 0,
						 "the newest segment is missing");
	}
	rec->segments = s->n;
	rec->first_at = s->n > 0 ? s->at[0] : 0;
	if (s->n > 0) {
		ret = recover_last(w, e, s, rec, reterr);
	} else {
		*e = (struct nr_encoder){ .next_at = 1 };
		nr_random(e->chain.b, NR_DIGEST_SIZE); /* no two journals have a chain in common */
	}
	return ret;
}

/* Names first, then the note that says which there are. */
static int settle(struct nr_writer *w, const struct nr_segments *s, struct nr_err *reterr)
{
	uint64_t newest = s->n > 0 ? s->at[s->n - 1] : 0;
	int ret = nr_io_fsync(w->dir_fd);

	if (ret < 0)
		return fail_dir(reterr, ret, w->dir, "cannot fsync");
	NR_CRASH_POINT("journal.recover.dir_synced");
	if (newest == 0 || read_note(w) == newest)
		return 0;
	ret = nr_writer_note(w, newest);
	return ret < 0 ? fail_dir(reterr, ret, w->dir, "lock") : 0;
}

int nr_journal_recover(struct nr_writer *writer, struct nr_encoder *encoder,
		       struct nr_journal_recovery *ret_recovery, struct nr_err *reterr)
{
	struct nr_journal_recovery rec = { .first_at = 0 };
	struct nr_segments segments = { .at = NULL };
	int ret = open_dir(writer, reterr);

	if (ret == 0)
		ret = nr_segments_list(writer->dir, &segments, reterr);
	if (ret == 0)
		ret = recover_segments(writer, encoder, &segments, &rec, reterr);
	if (ret == 0)
		ret = settle(writer, &segments, reterr);
	nr_segments_done(&segments);
	if (ret == 0)
		*ret_recovery = rec;
	return ret;
}
