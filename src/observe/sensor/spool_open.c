/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/io.h"
#include "observe/sensor/spool_int.h"

enum {
	SEGMENT_MIN = 32 << 10,
	SEGMENT_MAX = 16 << 20,
	SEGMENTS_A_LIMIT = 32,
	UNSURE = 4 * NR_MESSAGE_WINDOW,
};

static int begin_new(struct nr_spool *spool, int64_t now_s, uint64_t above, struct nr_err *reterr)
{
	struct nr_spool_segment segment = { .name = 1, .first = 1, .bytes = NR_SPOOL_FILE_HEAD };

	spool->epoch = now_s > 0 ? (uint64_t)now_s : 1;
	if (spool->epoch <= above)
		spool->epoch = above + 1;
	spool->next_seq = 1;
	struct nr_spool_file_head head = { .epoch = spool->epoch, .first = 1 };
	int r = nr_spool_epoch_save(spool->dir, spool->epoch, reterr);

	if (r < 0)
		return r;
	r = spool->fd = nr_spool_file_new(spool->dir, &head);
	if (r >= 0)
		r = nr_spool_list_add(&spool->list, segment);
	return r < 0 ? nr_spool_fail(reterr, r, spool->dir, "cannot begin") : 0;
}

/* The digest of the batch whose record stands at @p at. */
static int digest_read(int fd, uint64_t at, const struct nr_spool_head *head,
		       struct nr_digest *ret_digest)
{
	uint8_t *payload = malloc(head->length + (size_t)1);

	if (payload == NULL)
		return -ENOMEM;
	int r = nr_spool_read_at(fd, at + NR_SPOOL_HEAD, payload, head->length);

	if (r == 0) {
		struct nr_message_batch batch = { .epoch = head->epoch,
						  .seq = head->seq,
						  .previous = head->previous,
						  .payload = { payload, head->length } };

		*ret_digest = nr_message_digest(&batch);
	}
	free(payload);
	return r;
}

static void acked_take(struct nr_spool *spool, struct nr_spool_mark mark)
{
	if (mark.epoch == spool->epoch && mark.seq > spool->acked.seq)
		spool->acked = mark;
}

/* Read the newest segment to its end: numbers and counts go on behind its last record. */
static int tail_read(struct nr_spool *spool, int fd, uint64_t *ret_end)
{
	const struct nr_spool_segment *segment = nr_spool_active(spool);
	struct nr_spool_head head, last = { 0 };
	struct nr_spool_scan scan;
	uint64_t at, last_at = 0;
	int r;

	spool->next_seq = segment->first;
	spool->rows = segment->rows;
	spool->packets = segment->packets;
	spool->last = segment->previous;
	nr_spool_scan_begin(&scan, fd, NR_SPOOL_FILE_HEAD, segment->bytes, true);
	while ((r = nr_spool_scan_next(&scan, &head, &at)) == 1) {
		if (head.kind == NR_SPOOL_RECORD_ACKED) {
			acked_take(spool,
				   (struct nr_spool_mark){ head.epoch, head.seq, head.rows_before,
							   head.packets_before });
			continue;
		}
		if (head.epoch != spool->epoch || head.seq < spool->next_seq)
			continue;
		spool->next_seq = head.seq + 1;
		spool->rows = head.rows_before + head.rows;
		spool->packets = head.packets_before + head.packets;
		last = head;
		last_at = at;
	}
	spool->stats.damaged_records += scan.n_damaged;
	*ret_end = scan.end;
	return r < 0 || last_at == 0 ? r : digest_read(fd, last_at, &last, &spool->last);
}

static int tail_open(struct nr_spool *spool, struct nr_err *reterr)
{
	struct nr_spool_segment *segment = nr_spool_active(spool);
	char path[NR_SPOOL_PATH];
	uint64_t end;

	nr_spool_path(spool->dir, spool->epoch, segment->name, path);
	int r = spool->fd = nr_io_open(path, O_RDWR | O_APPEND | O_NOFOLLOW, 0);

	if (r >= 0)
		r = tail_read(spool, spool->fd, &end);
	if (r == 0 && end < segment->bytes) {
		r = nr_io_truncate(spool->fd, end);
		spool->stats.cut_bytes = segment->bytes - end;
		segment->bytes = end;
	}
	return r < 0 ? nr_spool_fail(reterr, r, spool->dir, "newest segment") : 0;
}

/* What stands in files reached the disk, or was read from it just now. */
static int continue_old(struct nr_spool *spool, struct nr_err *reterr)
{
	int r = nr_spool_hole_load(spool->dir, spool->epoch, &spool->hole);

	if (r < 0)
		return nr_spool_fail(reterr, r, spool->dir, "file hole");
	for (size_t i = 0; i < spool->list.n; i++)
		acked_take(spool, spool->list.items[i].acked);
	r = tail_open(spool, reterr);
	if (r < 0)
		return r;
	if (spool->hole.any) /* whether its end was told to the hub is not known */
		nr_spool_hole_mark(&spool->hole,
				   (struct nr_spool_mark){ spool->epoch, spool->hole.to,
							   spool->hole.rows, spool->hole.packets });
	spool->unsure_seq = NR_MESSAGE_WINDOW +
			    (spool->hole.any && spool->hole.to > spool->acked.seq
				     ? spool->hole.to
				     : spool->acked.seq);
	r = nr_io_fdatasync(spool->fd);
	return r < 0 ? nr_spool_fail(reterr, r, spool->dir, "cannot sync") : 0;
}

static int open_inner(struct nr_spool *spool, int64_t now_s, struct nr_err *reterr)
{
	int r = nr_spool_epoch_load(spool->dir, &spool->epoch, reterr);

	if (r == -ENOENT)
		return begin_new(spool, now_s, 0, reterr);
	if (r == 0)
		r = nr_spool_list_load(spool->dir, spool->epoch, &spool->list, reterr);
	if (r < 0)
		return r;
	if (spool->list.n == 0)
		return begin_new(spool, now_s, spool->epoch, reterr);
	r = continue_old(spool, reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < spool->list.n; i++)
		spool->total += spool->list.items[i].bytes;
	return 0;
}

int nr_spool_open(const struct nr_spool_options *options, struct nr_spool **ret_spool,
		  struct nr_err *reterr)
{
	nr_auto(nr_spool) spool = calloc(1, sizeof(*spool));

	if (spool == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	spool->fd = spool->scan.fd = -1;
	if (strlen(options->dir) >= sizeof(spool->dir) - NR_SPOOL_NAME)
		return nr_fail(reterr, -ENAMETOOLONG,
			       "spool: the name of the directory is too long");
	memcpy(spool->dir, options->dir, strlen(options->dir) + 1);
	spool->limit = options->limit < NR_SPOOL_LIMIT_MIN ? NR_SPOOL_LIMIT_MIN : options->limit;
	spool->segment_bytes = spool->limit / SEGMENTS_A_LIMIT;
	if (spool->segment_bytes > SEGMENT_MAX)
		spool->segment_bytes = SEGMENT_MAX;
	if (spool->segment_bytes < SEGMENT_MIN)
		spool->segment_bytes = SEGMENT_MIN;
	int r = open_inner(spool, options->now_s, reterr);

	if (r < 0)
		return r;
	if (spool->total == 0)
		spool->total = NR_SPOOL_FILE_HEAD;
	spool->synced_seq = spool->next_seq - 1;
	r = nr_spool_forget(spool, reterr);
	if (r < 0)
		return r;
	*ret_spool = NR_TAKE(spool);
	return 0;
}

struct nr_spool *nr_spool_free(struct nr_spool *spool)
{
	if (spool == NULL)
		return NULL;
	nr_spool_read_close(spool);
	if (spool->fd >= 0)
		(void)nr_io_close(spool->fd); /* what was to be durable was synced */
	free(spool->list.items);
	free(spool);
	return NULL;
}
