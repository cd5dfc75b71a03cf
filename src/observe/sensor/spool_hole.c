/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/io.h"
#include "observe/sensor/spool_int.h"

enum { FIXED = 16 + 4 + 4 + 5 * 8 + NR_DIGEST_SIZE + 2 * 8 + 8, MARK = 24 };
static const char magic[16] = "NOROSHI HOLE \r\n\x1a";

static void path_of(const char *dir, uint64_t epoch, char out[NR_SPOOL_PATH])
{
	(void)snprintf(out, NR_SPOOL_PATH, "%s/hole-%016llx", dir, (unsigned long long)epoch);
}

static bool parse(struct nr_bytes bytes, struct nr_spool_hole *hole)
{
	struct nr_reader in = nr_reader_of(bytes.p, bytes.n);

	if (bytes.n < FIXED || memcmp(nr_read_bytes(&in, 16), magic, 16) != 0 ||
	    nr_read_le32(&in) != NR_SPOOL_VERSION)
		return false;
	if (nr_read_le32(&in) != nr_crc32c(0, in.p, nr_reader_left(&in)))
		return false;
	hole->epoch = nr_read_le64(&in);
	hole->from = nr_read_le64(&in);
	hole->to = nr_read_le64(&in);
	hole->rows = nr_read_le64(&in);
	hole->packets = nr_read_le64(&in);
	memcpy(hole->last.b, nr_read_bytes(&in, NR_DIGEST_SIZE), NR_DIGEST_SIZE);
	hole->first_tick = (int64_t)nr_read_le64(&in);
	hole->last_tick = (int64_t)nr_read_le64(&in);
	uint64_t n = nr_read_le64(&in);

	if (n > NR_SPOOL_MARKS || nr_reader_left(&in) != n * MARK)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		struct nr_spool_mark *mark = &hole->marks[i];

		mark->epoch = hole->epoch;
		mark->seq = nr_read_le64(&in);
		mark->rows = nr_read_le64(&in);
		mark->packets = nr_read_le64(&in);
	}
	hole->n_marks = (size_t)n;
	hole->any = hole->from <= hole->to && hole->from > 0;
	return hole->any;
}

int nr_spool_hole_load(const char *dir, uint64_t epoch, struct nr_spool_hole *ret_hole)
{
	char path[NR_SPOOL_PATH];
	struct nr_bytes bytes;

	path_of(dir, epoch, path);
	memset(ret_hole, 0, sizeof(*ret_hole));
	int r = nr_io_slurp(path, FIXED + NR_SPOOL_MARKS * MARK, &bytes, NULL);

	if (r == -ENOENT || r == NR_ELIMIT)
		return 0;
	if (r < 0)
		return r;
	if (!parse(bytes, ret_hole) || ret_hole->epoch != epoch)
		memset(ret_hole, 0, sizeof(*ret_hole));
	free((void *)(uintptr_t)bytes.p);
	return 0;
}

int nr_spool_hole_save(const char *dir, const struct nr_spool_hole *hole, struct nr_err *reterr)
{
	char path[NR_SPOOL_PATH];
	struct nr_buf out;

	path_of(dir, hole->epoch, path);
	nr_buf_init(&out, FIXED + NR_SPOOL_MARKS * MARK);
	nr_buf_add(&out, magic, 16);
	nr_write_le32(&out, NR_SPOOL_VERSION);
	nr_write_le32(&out, 0);
	nr_write_le64(&out, hole->epoch);
	nr_write_le64(&out, hole->from);
	nr_write_le64(&out, hole->to);
	nr_write_le64(&out, hole->rows);
	nr_write_le64(&out, hole->packets);
	nr_buf_add(&out, hole->last.b, NR_DIGEST_SIZE);
	nr_write_le64(&out, (uint64_t)hole->first_tick);
	nr_write_le64(&out, (uint64_t)hole->last_tick);
	nr_write_le64(&out, hole->n_marks);
	for (size_t i = 0; i < hole->n_marks; i++) {
		nr_write_le64(&out, hole->marks[i].seq);
		nr_write_le64(&out, hole->marks[i].rows);
		nr_write_le64(&out, hole->marks[i].packets);
	}
	int r = out.err;

	if (r == 0) {
		uint32_t crc = nr_crc32c(0, out.p + 24, out.n - 24);

		for (unsigned i = 0; i < 4; i++)
			out.p[20 + i] = (uint8_t)(crc >> 8 * i);
		r = nr_io_replace(path, out.p, out.n, reterr);
	} else {
		nr_fail(reterr, r, "no memory");
	}
	nr_buf_done(&out);
	return r;
}

void nr_spool_hole_remove(const char *dir, uint64_t epoch)
{
	char path[NR_SPOOL_PATH];

	path_of(dir, epoch, path);
	(void)nr_io_unlink(path); /* one that stays is one that says what is known already */
}

void nr_spool_hole_mark(struct nr_spool_hole *hole, struct nr_spool_mark mark)
{
	if (hole->n_marks > 0 && hole->marks[hole->n_marks - 1].seq >= mark.seq)
		return;
	if (hole->n_marks ==
	    NR_SPOOL_MARKS) { /* the one before the last is the least likely to be asked for */
		hole->marks[NR_SPOOL_MARKS - 1] = mark;
		return;
	}
	hole->marks[hole->n_marks++] = mark;
}
