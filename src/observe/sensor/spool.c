/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/spool_int.h"

#include <fcntl.h>

#include "base/hash.h"
#include "base/io.h"

enum { ACKED_RESERVE = 4096 }; /* below the limit, for acknowledgements */

uint64_t nr_spool_segment_last(const struct nr_spool *spool, size_t i)
{
	return (i + 1 < spool->list.n ? spool->list.items[i + 1].first : spool->next_seq) - 1;
}

/* ---- room ---- */

/* Begin a new segment. The old one is complete on the disk before. */
static int roll(struct nr_spool *spool, struct nr_err *reterr)
{
	struct nr_spool_file_head head = { .epoch = spool->epoch,
					   .first = spool->next_seq,
					   .rows = spool->rows,
					   .packets = spool->packets,
					   .previous = spool->last,
					   .acked = spool->acked };
	struct nr_spool_segment segment = { .name = head.first,
					    .first = head.first,
					    .rows = head.rows,
					    .packets = head.packets,
					    .previous = head.previous,
					    .bytes = NR_SPOOL_FILE_HEAD };
	int r = nr_spool_sync(spool, reterr);

	if (r < 0)
		return r;
	int fd = nr_spool_file_new(spool->dir, &head);

	if (fd < 0)
		return nr_spool_fail(reterr, fd, spool->dir, "cannot begin a segment");
	r = nr_spool_list_add(&spool->list, segment);
	if (r < 0) {
		(void)nr_io_close(fd); /* empty; the next start removes it */
		return nr_spool_fail(reterr, r, spool->dir, "too many segments");
	}
	(void)nr_io_close(spool->fd); /* synced above */
	spool->fd = fd;
	spool->total += segment.bytes;
	return 0;
}

static int segment_remove(struct nr_spool *spool, struct nr_err *reterr)
{
	struct nr_spool_segment *first = &spool->list.items[0];
	char path[NR_SPOOL_PATH];

	if (spool->scan.fd >= 0 && spool->scan_first == first->first)
		nr_spool_read_close(spool);
	nr_spool_path(spool->dir, spool->epoch, first->name, path);
	int r = nr_io_unlink(path);

	if (r < 0 && r != -ENOENT)
		return nr_spool_fail(reterr, r, spool->dir, "cannot remove a segment");
	spool->total -= first->bytes;
	memmove(first, first + 1, (spool->list.n - 1) * sizeof(*first));
	spool->list.n--;
	return 0;
}

int nr_spool_forget(struct nr_spool *spool, struct nr_err *reterr)
{
	uint64_t upto = spool->acked.seq;
	int r = 0;

	if (spool->hole.any && spool->hole.to > upto)
		upto = spool->hole.to; /* a drop that was cut short */
	while (r == 0 && spool->list.n > 1 && nr_spool_segment_last(spool, 0) <= upto)
		r = segment_remove(spool, reterr);
	if (r == 0 && spool->hole.any && spool->hole.to <= spool->acked.seq) {
		spool->hole.any = false;
		spool->hole.n_marks = 0;
		nr_spool_hole_remove(spool->dir, spool->epoch);
	}
	return r;
}

/* Times and counts of what goes with the oldest segment. */
static int hole_look(struct nr_spool *spool, struct nr_spool_hole *hole)
{
	const struct nr_spool_segment *segment = &spool->list.items[0];
	char path[NR_SPOOL_PATH];
	struct nr_spool_head head;
	struct nr_spool_scan scan;
	uint64_t at;
	int r;

	nr_spool_path(spool->dir, spool->epoch, segment->name, path);
	int fd = nr_io_open(path, O_RDONLY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	nr_spool_scan_begin(&scan, fd, NR_SPOOL_FILE_HEAD, segment->bytes, false);
	while ((r = nr_spool_scan_next(&scan, &head, &at)) == 1) {
		if (head.kind != NR_SPOOL_RECORD_BATCH || head.epoch != spool->epoch ||
		    head.seq <= spool->acked.seq)
			continue;
		if (head.first_tick < hole->first_tick)
			hole->first_tick = head.first_tick;
		if (head.last_tick > hole->last_tick)
			hole->last_tick = head.last_tick;
		if (head.seq <= spool->unsure_seq)
			nr_spool_hole_mark(hole, (struct nr_spool_mark){
							 head.epoch, head.seq,
							 head.rows_before + head.rows,
							 head.packets_before + head.packets });
	}
	(void)nr_io_close(fd); /* only read */
	return r;
}

/* Counts behind what is already acknowledged or known as dropped. */
static struct nr_spool_mark gone_before(const struct nr_spool *spool)
{
	const struct nr_spool_segment *oldest = &spool->list.items[0];
	struct nr_spool_mark mark = { spool->epoch, oldest->first - 1, oldest->rows,
				      oldest->packets };

	if (spool->hole.any && spool->hole.to > mark.seq)
		mark = (struct nr_spool_mark){ spool->epoch, spool->hole.to, spool->hole.rows,
					       spool->hole.packets };
	return spool->acked.seq > mark.seq ? spool->acked : mark;
}

/* The oldest of at least two segments goes: first the hole is on disk, then the file is removed. */
static int hole_grow(struct nr_spool *spool, struct nr_err *reterr)
{
	const struct nr_spool_segment *next = &spool->list.items[1];
	struct nr_spool_mark before = gone_before(spool);
	struct nr_spool_hole hole = spool->hole;

	if (!hole.any)
		hole = (struct nr_spool_hole){ .any = true,
					       .epoch = spool->epoch,
					       .from = before.seq + 1,
					       .first_tick = INT64_MAX,
					       .last_tick = INT64_MIN };
	if (hole.n_marks == 0 && before.seq > 0)
		nr_spool_hole_mark(&hole, before);
	int r = hole_look(spool, &hole);

	if (r < 0 && r != -EIO)
		return nr_spool_fail(reterr, r, spool->dir, "oldest segment");
	hole.to = next->first - 1;
	for (size_t i = 0; i < spool->n_window && spool->window[i].seq <= hole.to; i++)
		nr_spool_hole_mark(&hole, spool->window[i]);
	hole.rows = next->rows;
	hole.packets = next->packets;
	hole.last = next->previous;
	r = nr_spool_hole_save(spool->dir, &hole, reterr);
	if (r < 0)
		return r;
	spool->hole = hole;
	spool->stats.dropped_batches += hole.to - before.seq;
	spool->stats.dropped_rows += hole.rows - before.rows;
	return segment_remove(spool, reterr);
}

/* @return 0; -ENOSPC there is nothing to drop; -errno */
static int drop_oldest(struct nr_spool *spool, struct nr_err *reterr)
{
	if (spool->list.n == 1) {
		if (nr_spool_active(spool)->bytes == NR_SPOOL_FILE_HEAD)
			return -ENOSPC;
		int r = roll(spool, reterr);

		if (r < 0)
			return r;
	}
	if (nr_spool_segment_last(spool, 0) <= spool->acked.seq)
		return segment_remove(spool, reterr);
	return hole_grow(spool, reterr);
}

static int make_room(struct nr_spool *spool, uint64_t need, struct nr_err *reterr)
{
	int r = 0;

	while (r == 0 && spool->total + need + ACKED_RESERVE > spool->limit)
		r = drop_oldest(spool, reterr);
	return r;
}

/* ---- append ---- */

static struct nr_spool_head head_of(const struct nr_spool *spool,
				    const struct nr_spool_entry *entry)
{
	return (struct nr_spool_head){
		.kind = NR_SPOOL_RECORD_BATCH,
		.length = (uint32_t)entry->payload.n,
		.payload_crc = nr_crc32c(0, entry->payload.p, entry->payload.n),
		.rows = entry->rows,
		.epoch = spool->epoch,
		.seq = spool->next_seq,
		.packets = entry->packets,
		.rows_before = spool->rows,
		.packets_before = spool->packets,
		.made_ns = entry->made_ns,
		.first_tick = entry->first_tick,
		.last_tick = entry->last_tick,
		.previous = spool->last,
	};
}

/* One record, whole or not at all. */
static int record_write(struct nr_spool *spool, const struct nr_spool_head *head,
			struct nr_bytes payload)
{
	static const uint8_t zero[8];
	uint8_t room[NR_SPOOL_HEAD];
	struct nr_buf bytes;
	uint64_t size = nr_spool_record_size(head->length);
	int r;

	nr_buf_init(&bytes, sizeof(room));
	nr_spool_head_write(head, &bytes);
	r = bytes.err;
	if (r == 0)
		r = nr_io_write_all(spool->fd, bytes.p, bytes.n);
	nr_buf_done(&bytes);
	if (r == 0 && payload.n > 0)
		r = nr_io_write_all(spool->fd, payload.p, payload.n);
	if (r == 0 && size > NR_SPOOL_HEAD + payload.n)
		r = nr_io_write_all(spool->fd, zero, size - NR_SPOOL_HEAD - payload.n);
	if (r == 0) {
		nr_spool_active(spool)->bytes += size;
		spool->total += size;
		spool->stats.unsynced += size;
		return 0;
	}
	if (nr_io_truncate(spool->fd, nr_spool_active(spool)->bytes) < 0)
		spool->failed = r;
	return r;
}

static void number_taken(struct nr_spool *spool, const struct nr_spool_entry *entry)
{
	struct nr_message_batch batch = { .epoch = spool->epoch,
					  .seq = spool->next_seq,
					  .previous = spool->last,
					  .made_ns = entry->made_ns,
					  .payload = entry->payload };

	spool->last = nr_message_digest(&batch);
	spool->next_seq++;
	spool->rows += entry->rows;
	spool->packets += entry->packets;
}

static bool is_full(int code)
{
	return code == -ENOSPC || code == -EDQUOT;
}

static bool is_too_large(const struct nr_spool *spool, const struct nr_spool_entry *entry)
{
	return nr_spool_record_size((uint32_t)entry->payload.n) >
	       spool->limit - 2 * NR_SPOOL_FILE_HEAD - ACKED_RESERVE;
}

static int append_inner(struct nr_spool *spool, const struct nr_spool_entry *entry,
			struct nr_err *reterr)
{
	uint64_t size = nr_spool_record_size((uint32_t)entry->payload.n);
	struct nr_spool_head head = head_of(spool, entry);
	int r = 0;

	if (is_too_large(spool, entry))
		return -ENOSPC;
	if (nr_spool_active(spool)->bytes > NR_SPOOL_FILE_HEAD &&
	    nr_spool_active(spool)->bytes + size > spool->segment_bytes)
		r = roll(spool, reterr);
	if (r == 0)
		r = make_room(spool, size, reterr);
	if (r == 0)
		r = record_write(spool, &head, entry->payload);
	return r < 0 && !is_full(r) ? nr_spool_fail(reterr, r, spool->dir, "cannot write") : r;
}

int nr_spool_append(struct nr_spool *spool, const struct nr_spool_entry *entry,
		    struct nr_err *reterr)
{
	if (spool->failed < 0)
		return nr_spool_fail(reterr, spool->failed, spool->dir, "failed before");
	int r = append_inner(spool, entry, reterr);

	while (is_full(r) && spool->failed == 0 && !is_too_large(spool, entry)) {
		/*
		 * The disk is fuller than our limit: what is oldest gives way, as it would at the
		 * limit.
		 */
		if (drop_oldest(spool, NULL) < 0)
			break;
		r = append_inner(spool, entry, reterr);
	}
	if (r < 0 && !is_full(r))
		return r;
	if (spool->failed < 0)
		return nr_spool_fail(reterr, spool->failed, spool->dir, "cannot write");
	if (r < 0) { /* its number is used up: whoever reads on finds the hole and what was in it */
		spool->stats.dropped_batches++;
		spool->stats.dropped_rows += entry->rows;
		spool->stats.unwritten_rows += entry->rows;
		spool->stats.unwritten_packets += entry->packets;
	} else {
		spool->stats.unwritten_rows = spool->stats.unwritten_packets = 0;
	}
	number_taken(spool, entry);
	return 0;
}

int nr_spool_sync(struct nr_spool *spool, struct nr_err *reterr)
{
	if (spool->failed < 0)
		return nr_spool_fail(reterr, spool->failed, spool->dir, "failed before");
	if (spool->stats.unsynced == 0) {
		spool->synced_seq = spool->next_seq - 1;
		return 0;
	}
	int r = nr_io_fdatasync(spool->fd);

	if (r < 0) {
		spool->failed = r;
		return nr_spool_fail(reterr, r, spool->dir, "cannot sync");
	}
	spool->stats.unsynced = 0;
	spool->synced_seq = spool->next_seq - 1;
	return 0;
}

/* ---- acknowledgements ---- */

void nr_spool_acked_write(struct nr_spool *spool)
{
	struct nr_spool_head head = { .kind = NR_SPOOL_RECORD_ACKED,
				      .epoch = spool->acked.epoch,
				      .seq = spool->acked.seq,
				      .rows_before = spool->acked.rows,
				      .packets_before = spool->acked.packets };

	if (spool->failed == 0 && spool->total + NR_SPOOL_HEAD <= spool->limit)
		(void)record_write(spool, &head, (struct nr_bytes){ NULL, 0 });
}

int nr_spool_ack(struct nr_spool *spool, uint64_t epoch, uint64_t seq, struct nr_err *reterr)
{
	size_t n = 0;

	if (epoch != spool->epoch)
		return 0;
	while (n < spool->n_window && spool->window[n].seq <= seq)
		n++;
	if (n == 0)
		return 0;
	spool->acked = spool->window[n - 1];
	spool->n_window -= n;
	memmove(spool->window, spool->window + n, spool->n_window * sizeof(spool->window[0]));
	int r = nr_spool_forget(spool, reterr);

	if (r == 0)
		nr_spool_acked_write(spool);
	return r;
}

void nr_spool_stats(const struct nr_spool *spool, struct nr_spool_stats *ret_stats)
{
	*ret_stats = spool->stats;
	ret_stats->epoch = spool->epoch;
	ret_stats->next_seq = spool->next_seq;
	ret_stats->acked_epoch = spool->acked.epoch;
	ret_stats->acked_seq = spool->acked.seq;
	ret_stats->bytes = spool->total;
	ret_stats->limit = spool->limit;
	ret_stats->segments = spool->list.n;
	ret_stats->rows = spool->rows;
	ret_stats->packets = spool->packets;
	ret_stats->waiting = spool->next_seq - 1 - spool->acked.seq;
}
