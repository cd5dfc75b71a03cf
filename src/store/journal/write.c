/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes come to the disk.
 *
 *   no segment --part opens: write a temporary, fsync, rename, fsync directory--> segment at work
 *   segment at work --part: write, fdatasync--> segment at work
 *   segment at work --part closes: write, truncate, fsync--> no segment
 *
 * 1. Bytes [0, end) of the segment at work are on the disk.
 * 2. A segment has its name only when its first commit is on the disk: every *.nrj has a valid
 *    head.
 * 3. What returns nr_writer_may_retry() has moved neither `end` nor `segment`.
 */
#include "store/journal/journal_write.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/hash.h"

enum { ZEROS = 1 << 20 };

static int full(int code)
{
	return code == -EDQUOT ? -ENOSPC : code;
}

/* ---- the reserve ---- */

static int reserve_path(const struct nr_writer *w, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/reserve", w->dir);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int fill_zeros(int fd, uint64_t n)
{
	uint8_t *zeros = calloc(1, ZEROS);
	int ret = zeros == NULL ? -ENOMEM : 0;

	for (uint64_t off = 0; off < n && ret == 0; off += ZEROS)
		ret = nr_io_pwrite_all(fd, zeros, (size_t)(n - off < ZEROS ? n - off : ZEROS), off);
	free(zeros);
	return ret;
}

int nr_writer_ready(struct nr_writer *writer)
{
	char path[PATH_MAX];
	int fd, ret;

	if (writer->reserve_bytes == 0 || writer->has_reserve)
		return 0;
	ret = reserve_path(writer, path);
	if (ret < 0)
		return ret;
	fd = nr_io_open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return full(fd);
	ret = nr_io_allocate(fd, 0, writer->reserve_bytes);
	if (ret == -EOPNOTSUPP)
		ret = fill_zeros(fd, writer->reserve_bytes);
	(void)nr_io_close(fd); /* its bytes mean nothing */
	if (ret == 0)
		writer->has_reserve = true;
	else
		(void)nr_io_unlink(path); /* half a reserve is of no use */
	return full(ret);
}

static bool give_up_reserve(struct nr_writer *w)
{
	char path[PATH_MAX];

	if (!w->has_reserve || reserve_path(w, path) < 0)
		return false;
	w->has_reserve = false;
	return nr_io_unlink(path) == 0;
}

/* ---- room ---- */

/* Room for [from, to) of the file: as much as wished, else what is needed, else from the reserve. */
static int take_room(struct nr_writer *w, int fd, uint64_t from, uint64_t to, uint64_t wish)
{
	int ret = wish > to ? nr_io_allocate(fd, from, wish - from) : -ENOSPC;

	if (ret == 0) {
		w->allocated = wish;
		return 0;
	}
	if (full(ret) == -ENOSPC)
		ret = nr_io_allocate(fd, from, to - from);
	if (full(ret) == -ENOSPC && give_up_reserve(w))
		ret = nr_io_allocate(fd, from, to - from);
	if (ret == -EOPNOTSUPP) {
		w->allocated = 0; /* the file grows as it is written */
		return 0;
	}
	if (ret == 0)
		w->allocated = to;
	return full(ret);
}

static int fail(struct nr_writer *w, int code, uint64_t segment, const char *what,
		struct nr_err *reterr)
{
	return nr_fail(reterr, code, "%s/%020llu.nrj: %s: %s", w->dir, (unsigned long long)segment,
		       what, nr_err_text(code));
}

/* ---- parts ---- */

static int sync_part(struct nr_writer *w, const struct nr_part *part, uint64_t end,
		     struct nr_err *reterr)
{
	int ret = 0;

	if (part->closes)
		ret = nr_io_truncate(w->fd, end);
	if (ret < 0)
		return fail(w, ret, part->segment, "cannot cut to its size", reterr);
	ret = part->closes ? nr_io_fsync(w->fd) : nr_io_fdatasync(w->fd);
	if (ret < 0)
		return fail(w, ret == -ENOSPC ? -EIO : ret, part->segment, "cannot fsync", reterr);
	return 0;
}

static void close_file(struct nr_writer *w)
{
	if (w->fd >= 0)
		(void)nr_io_close(w->fd); /* all of it is on the disk */
	w->fd = -1;
}

static int write_on(struct nr_writer *w, const struct nr_part *part, struct nr_bytes bytes,
		    struct nr_err *reterr)
{
	uint64_t end = w->end + bytes.n;
	int ret = 0;

	if (w->allocated != 0 && end > w->allocated)
		ret = take_room(w, w->fd, w->allocated, end, 0);
	if (ret == 0) {
		NR_CRASH_POINT("journal.commit.before_write");
		ret = full(nr_io_pwrite_all(w->fd, bytes.p, bytes.n, w->end));
		if (ret == -ENOSPC && give_up_reserve(w))
			ret = full(nr_io_pwrite_all(w->fd, bytes.p, bytes.n, w->end));
	}
	if (ret < 0)
		return fail(w, ret, part->segment, "cannot write", reterr);
	NR_CRASH_POINT("journal.commit.written");
	ret = sync_part(w, part, end, reterr);
	if (ret < 0)
		return ret;
	NR_CRASH_POINT("journal.commit.synced");
	w->end = end;
	return 0;
}

/* Head and first commit under a temporary name. @return the descriptor; negative: nothing is left */
static int write_temp(struct nr_writer *w, const struct nr_part *part, struct nr_bytes bytes,
		      const char *temp, struct nr_err *reterr)
{
	uint64_t wish = part->closes ? 0 : w->segment_bytes;
	const char *what = "cannot create";
	int fd = nr_io_open(temp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600), ret;

	if (fd == -ENOSPC && give_up_reserve(w))
		fd = nr_io_open(temp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(w, full(fd), part->segment, what, reterr);
	NR_CRASH_POINT("journal.segment.created");
	ret = take_room(w, fd, 0, bytes.n, wish);
	if (ret == 0) {
		NR_CRASH_POINT("journal.segment.allocated");
		what = "cannot write";
		ret = full(nr_io_pwrite_all(fd, bytes.p, bytes.n, 0));
	}
	if (ret == 0) {
		NR_CRASH_POINT("journal.segment.written");
		what = "cannot fsync";
		ret = nr_io_fsync(fd);
		if (ret == -ENOSPC)
			ret = -EIO; /* what an fsync lost is lost: final, whatever it says */
	}
	if (ret == 0)
		return fd;
	(void)nr_io_close(fd); /* nobody will read it */
	(void)nr_io_unlink(temp);
	return fail(w, ret, part->segment, what, reterr);
}

static int write_first(struct nr_writer *w, const struct nr_part *part, struct nr_bytes bytes,
		       struct nr_err *reterr)
{
	char path[PATH_MAX], temp[PATH_MAX];
	int fd, ret = nr_segment_path(w->dir, part->segment, "", path);

	if (ret == 0)
		ret = nr_segment_path(w->dir, part->segment, ".tmp", temp);
	if (ret < 0)
		return fail(w, ret, part->segment, "name", reterr);
	close_file(w);
	fd = write_temp(w, part, bytes, temp, reterr);
	if (fd < 0)
		return fd;
	NR_CRASH_POINT("journal.segment.synced");
	ret = full(nr_io_rename(temp, path));
	if (ret < 0) {
		(void)nr_io_close(fd);
		(void)nr_io_unlink(temp);
		return fail(w, ret, part->segment, "cannot rename", reterr);
	}
	NR_CRASH_POINT("journal.segment.renamed");
	w->fd = fd;
	ret = nr_io_fsync(w->dir_fd);
	if (ret == 0)
		ret = nr_writer_note(w, part->segment);
	if (ret < 0)
		return fail(w, ret == -ENOSPC ? -EIO : ret, part->segment,
			    "cannot fsync the directory", reterr);
	NR_CRASH_POINT("journal.segment.durable");
	w->segment = part->segment;
	w->end = bytes.n;
	return 0;
}

int nr_writer_part(struct nr_writer *writer, const struct nr_part *part, struct nr_bytes bytes,
		   struct nr_err *reterr)
{
	int ret = part->opens ? write_first(writer, part, bytes, reterr)
			      : write_on(writer, part, bytes, reterr);

	if (ret == 0 && part->closes)
		close_file(writer);
	return ret;
}

int nr_writer_note(struct nr_writer *writer, uint64_t newest)
{
	uint8_t note[NR_LOCK_NOTE] = "NRJLOCK1";
	uint32_t crc;
	int ret;

	memcpy(note + 8, &newest, 8);
	crc = nr_crc32c(0, note, 16);
	memcpy(note + 16, &crc, 4);
	ret = nr_io_pwrite_all(writer->lock_fd, note, sizeof(note), 0);
	return ret < 0 ? ret : nr_io_fdatasync(writer->lock_fd);
}

void nr_writer_close(struct nr_writer *writer)
{
	close_file(writer);
	if (writer->dir_fd >= 0)
		(void)nr_io_close(writer->dir_fd);
	if (writer->lock_fd >= 0)
		(void)nr_io_close(writer->lock_fd);
	writer->dir_fd = writer->lock_fd = -1;
}
