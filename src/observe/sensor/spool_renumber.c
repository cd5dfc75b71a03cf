/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that waits is copied under the numbers of a new epoch; the file `epoch` switches from one to
 * the other at once, and whichever files it does not name are leftovers. So this needs the room of
 * what waits once more, and may end anywhere.
 */
#include <stdlib.h>

#include "base/io.h"
#include "observe/sensor/spool_int.h"

struct copy {
	struct nr_spool *from, *to;
	struct nr_buf payload;
};

/*
 * What was before the first record that is left: a hole in the new numbers too, as long as it was.
 */
static int hole_copy(struct nr_spool *from, struct nr_spool *to, struct nr_err *reterr)
{
	struct nr_spool_hole *hole = &to->hole;

	if (!from->hole.any || from->hole.to <= from->acked.seq)
		return 0;
	*hole = (struct nr_spool_hole){ .any = true,
					.epoch = to->epoch,
					.from = 1,
					.to = from->hole.to - from->acked.seq,
					.rows = from->hole.rows - from->acked.rows,
					.packets = from->hole.packets - from->acked.packets,
					.first_tick = from->hole.first_tick,
					.last_tick = from->hole.last_tick };
	to->next_seq = hole->to + 1;
	to->rows = hole->rows;
	to->packets = hole->packets;
	return nr_spool_hole_save(to->dir, hole, reterr);
}

static int item_copy(struct copy *c, const struct nr_spool_item *item, struct nr_err *reterr)
{
	const struct nr_spool *from = c->from;

	if (item->kind == NR_SPOOL_GAP) {
		/* the next record's number and counts say what is missing before it */
		c->to->next_seq += item->gap.to_seq - item->gap.from_seq + 1;
		c->to->rows += item->gap.observations;
		c->to->packets += item->gap.packets;
		return 0;
	}
	struct nr_spool_entry entry = { .made_ns = item->batch.made_ns,
					.rows = from->sent_head.rows,
					.packets = from->sent_head.packets,
					.first_tick = from->sent_head.first_tick,
					.last_tick = from->sent_head.last_tick,
					.payload = item->batch.payload };

	return nr_spool_append(c->to, &entry, reterr);
}

static int copy_all(struct copy *c, struct nr_err *reterr)
{
	struct nr_spool *from = c->from;
	struct nr_spool_item item;
	int r = 0;

	nr_spool_read_close(from);
	from->n_refused = 0; /* under its new number it is offered once more */
	from->in_session = true;
	from->sent = from->acked;
	from->sent_tick = INT64_MIN;
	for (;;) {
		from->n_window = 0; /* nobody acknowledges */
		r = nr_spool_next(from, &c->payload, &item, reterr);
		if (r == 0 && item.kind == NR_SPOOL_NOTHING)
			break;
		if (r == 0)
			r = item_copy(c, &item, reterr);
		if (r < 0)
			break;
	}
	from->in_session = false;
	nr_spool_read_close(from);
	return r == 0 ? nr_spool_sync(c->to, reterr) : r;
}

/* The first segment of the copy stands behind the hole. */
static int first_segment(struct nr_spool *to)
{
	struct nr_spool_file_head head = {
		.epoch = to->epoch, .first = to->next_seq, .rows = to->rows, .packets = to->packets
	};
	struct nr_spool_segment segment = { .name = head.first,
					    .first = head.first,
					    .rows = head.rows,
					    .packets = head.packets,
					    .bytes = NR_SPOOL_FILE_HEAD };
	int fd = nr_spool_file_new(to->dir, &head);

	if (fd < 0)
		return fd;
	to->fd = fd;
	to->total = segment.bytes;
	return nr_spool_list_add(&to->list, segment);
}

/* What cannot be deleted now is at the next start. */
static void files_delete(const struct nr_spool *spool)
{
	char path[NR_SPOOL_PATH];

	for (size_t i = 0; i < spool->list.n; i++) {
		nr_spool_path(spool->dir, spool->epoch, spool->list.items[i].name, path);
		(void)nr_io_unlink(path);
	}
	nr_spool_hole_remove(spool->dir, spool->epoch);
}

static void exchange(struct nr_spool *spool, struct nr_spool *fresh)
{
	struct nr_spool old = *spool;

	fresh->stats = old.stats;
	fresh->stats.unsynced = 0;
	fresh->synced_seq = fresh->next_seq - 1;
	*spool = *fresh;
	*fresh = old;
}

int nr_spool_renumber(struct nr_spool *spool, uint64_t above, struct nr_err *reterr)
{
	struct copy c = { .from = spool, .to = calloc(1, sizeof(*spool)) };
	int r = nr_spool_sync(spool, reterr);

	if (c.to == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	memcpy(c.to->dir, spool->dir, sizeof(spool->dir));
	c.to->limit = spool->limit;
	c.to->segment_bytes = spool->segment_bytes;
	c.to->epoch = (above > spool->epoch ? above : spool->epoch) + 1;
	c.to->next_seq = 1;
	c.to->fd = c.to->scan.fd = -1;
	nr_buf_init(&c.payload, NR_BATCH_SIZE_MAX);
	if (r == 0)
		r = hole_copy(spool, c.to, reterr);
	if (r == 0)
		r = first_segment(c.to);
	if (r == 0)
		r = copy_all(&c, reterr);
	if (r == 0)
		r = nr_spool_epoch_save(spool->dir, c.to->epoch, reterr);
	nr_buf_done(&c.payload);
	if (r == 0) {
		files_delete(spool);
		exchange(spool, c.to);
	}
	nr_spool_free(c.to); /* what is left of either is removed at the next start */
	return r;
}
