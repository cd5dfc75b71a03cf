/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/io.h"
#include "observe/sensor/spool_int.h"

void nr_spool_read_close(struct nr_spool *spool)
{
	if (spool->scan.fd >= 0)
		(void)nr_io_close(spool->scan.fd); /* only read */
	spool->scan.fd = -1;
}

/* The segment that holds @p seq, or the next one behind it. */
static size_t segment_of(const struct nr_spool *spool, uint64_t seq)
{
	size_t low = 0, high = spool->list.n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (spool->list.items[middle].first <= seq)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int read_open(struct nr_spool *spool, size_t i)
{
	const struct nr_spool_segment *segment = &spool->list.items[i];
	char path[NR_SPOOL_PATH];

	nr_spool_read_close(spool);
	nr_spool_path(spool->dir, spool->epoch, segment->name, path);
	int fd = nr_io_open(path, O_RDONLY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	nr_spool_scan_begin(&spool->scan, fd, NR_SPOOL_FILE_HEAD, segment->bytes, false);
	spool->scan_first = segment->first;
	return 0;
}

/* ---- where to go on ---- */

struct place {
	struct nr_spool_mark mark;
	bool known; /* counts */
	bool has_digest;
	struct nr_digest digest; /* of batch mark.seq */
};

/* From the records of the segment where @p place->mark.seq was, or would be. */
static int place_in_segment(struct nr_spool *spool, struct place *place)
{
	uint64_t seq = place->mark.seq, at;
	struct nr_spool_head head;
	int r = read_open(spool, segment_of(spool, seq));

	while (r == 0 && (r = nr_spool_scan_next(&spool->scan, &head, &at)) == 1) {
		r = 0;
		if (head.kind != NR_SPOOL_RECORD_BATCH || head.epoch != spool->epoch)
			continue;
		if (head.seq == seq) {
			place->mark.rows = head.rows_before + head.rows;
			place->mark.packets = head.packets_before + head.packets;
			place->known = true;
		} else if (head.seq == seq + 1) {
			place->mark.rows = head.rows_before;
			place->mark.packets = head.packets_before;
			place->digest = head.previous;
			place->known = place->has_digest = true;
		}
		if (head.seq > seq)
			break;
	}
	nr_spool_read_close(spool);
	return r < 0 ? r : 0;
}

static void place_known(const struct nr_spool *spool, struct place *place)
{
	const struct nr_spool_hole *hole = &spool->hole;
	uint64_t seq = place->mark.seq;

	if (seq == spool->acked.seq && spool->acked.epoch == spool->epoch) {
		place->mark = spool->acked;
		place->known = true;
	}
	if (seq == spool->next_seq - 1) {
		place->mark.rows = spool->rows;
		place->mark.packets = spool->packets;
		place->digest = spool->last;
		place->known = place->has_digest = true;
	}
	for (size_t i = 0; i < spool->list.n; i++) {
		const struct nr_spool_segment *segment = &spool->list.items[i];

		if (segment->first != seq + 1)
			continue;
		place->mark.rows = segment->rows;
		place->mark.packets = segment->packets;
		place->digest = segment->previous;
		place->known = place->has_digest = true;
	}
	for (size_t i = 0; hole->any && i < hole->n_marks; i++) {
		if (hole->marks[i].seq != seq)
			continue;
		place->mark = hole->marks[i];
		place->known = true;
	}
}

static int place_find(struct nr_spool *spool, uint64_t seq, struct place *place)
{
	int r = 0;

	*place = (struct place){ .mark = { .epoch = spool->epoch, .seq = seq } };
	if (seq == 0) {
		place->known = true;
		return 0;
	}
	place_known(spool, place);
	if (!place->has_digest && seq + 1 > spool->list.items[0].first)
		r = place_in_segment(spool, place);
	/* Nobody knows how much was before it: then nothing of it is said to be missing. */
	if (r == 0 && !place->known) {
		const struct nr_spool_segment *next = &spool->list.items[segment_of(spool, seq)];

		place->mark.rows = next->rows;
		place->mark.packets = next->packets;
	}
	return r;
}

int nr_spool_seek(struct nr_spool *spool, uint64_t epoch, uint64_t seq,
		  const struct nr_digest *digest, struct nr_err *reterr)
{
	struct place place;

	spool->in_session = false;
	spool->sent_tick = INT64_MIN;
	spool->damaged = false;
	nr_spool_read_close(spool);
	if (epoch > spool->epoch || (epoch == spool->epoch && seq >= spool->next_seq))
		return nr_fail(reterr, NR_EDAMAGED,
			       "the hub holds batch %llu of epoch %llu, which is not in the spool",
			       (unsigned long long)seq, (unsigned long long)epoch);
	if (epoch < spool->epoch)
		seq = 0;
	int r = place_find(spool, seq, &place);

	if (r < 0)
		return nr_spool_fail(reterr, r, spool->dir, "cannot read");
	if (place.has_digest && seq > 0 && !nr_digest_eq(&place.digest, digest))
		return nr_fail(reterr, NR_EDAMAGED,
			       "the hub holds another batch %llu of epoch %llu than the spool",
			       (unsigned long long)seq, (unsigned long long)epoch);
	spool->n_window = 0; /* what of it arrived is known now */
	spool->sent = place.mark;
	if (seq > 0 && (spool->acked.seq != seq || spool->acked.epoch != spool->epoch)) {
		spool->acked = place.mark;
		nr_spool_acked_write(spool);
	} else if (seq == 0) {
		spool->acked = (struct nr_spool_mark){ .epoch = spool->epoch };
	}
	spool->in_session = true;
	spool->unsure_seq = 0;
	return nr_spool_forget(spool, reterr);
}

/* ---- what comes next ---- */

static void window_push(struct nr_spool *spool)
{
	spool->damaged = false;
	spool->window[spool->n_window++] = spool->sent;
}

/* Everything behind what was sent and before @p next is not there. */
static void gap_make(struct nr_spool *spool, const struct nr_spool_head *next,
		     struct nr_spool_item *item)
{
	const struct nr_spool_hole *hole = &spool->hole;
	uint64_t from = spool->sent.seq + 1;
	bool in_hole = hole->any && from >= hole->from && from <= hole->to;
	struct nr_message_gap *gap = &item->gap;

	item->kind = NR_SPOOL_GAP;
	*gap = (struct nr_message_gap){
		.epoch = spool->epoch,
		.from_seq = from,
		.to_seq = next->seq - 1,
		.last = next->previous,
		.observations = next->rows_before - spool->sent.rows,
		.packets = next->packets_before - spool->sent.packets,
		.first_tick = spool->sent_tick != INT64_MIN ? spool->sent_tick : next->first_tick,
		.last_tick = next->first_tick,
		.reason = NR_GAP_SPOOL_FULL,
	};
	if (in_hole && hole->first_tick <= hole->last_tick) {
		gap->first_tick = hole->first_tick;
		gap->last_tick = hole->last_tick;
	} else if (spool->damaged) {
		spool->stats.damaged_records++;
		gap->reason = NR_GAP_SPOOL_DAMAGED;
	} else if (!in_hole && from < spool->list.items[0].first) {
		gap->reason = NR_GAP_UNEXPLAINED;
	}
	spool->sent = (struct nr_spool_mark){ spool->epoch, next->seq - 1, next->rows_before,
					      next->packets_before };
	window_push(spool);
}

bool nr_spool_refused(struct nr_spool *spool, uint64_t epoch, uint64_t seq)
{
	size_t n = 0;

	if (epoch != spool->epoch || seq <= spool->acked.seq || seq > spool->sent.seq)
		return false;
	for (size_t i = 0; i < spool->n_refused; i++)
		if (spool->refused[i] > spool->acked.seq && spool->refused[i] != seq)
			spool->refused[n++] = spool->refused[i];
	spool->n_refused = n;
	/* no more than a window can be on its way; what is forgotten is refused again */
	if (n < NR_MESSAGE_WINDOW)
		spool->refused[spool->n_refused++] = seq;
	return true;
}

static bool is_refused(const struct nr_spool *spool, uint64_t seq)
{
	for (size_t i = 0; i < spool->n_refused; i++)
		if (spool->refused[i] == seq)
			return true;
	return false;
}

/* The hub does not take this batch: how much it held is told in its place. */
static void batch_to_gap(struct nr_spool *spool, const struct nr_spool_head *head,
			 struct nr_spool_item *item)
{
	struct nr_message_gap gap = {
		.epoch = head->epoch,
		.from_seq = head->seq,
		.to_seq = head->seq,
		.last = nr_message_digest(&item->batch),
		.observations = head->rows,
		.packets = head->packets,
		.first_tick = head->first_tick,
		.last_tick = head->last_tick,
		.reason = NR_GAP_SPOOL_DAMAGED,
	};

	*item = (struct nr_spool_item){ .kind = NR_SPOOL_GAP, .gap = gap };
	spool->stats.damaged_records++;
}

/* @return 1 taken; 0 the payload is damaged; -errno */
static int batch_make(struct nr_spool *spool, const struct nr_spool_head *head, uint64_t at,
		      struct nr_buf *payload, struct nr_spool_item *item)
{
	nr_buf_reset(payload);
	uint8_t *p = nr_buf_reserve(payload, head->length);

	if (p == NULL)
		return payload->err < 0 ? payload->err : -ENOMEM;
	int r = nr_spool_read_at(spool->scan.fd, at + NR_SPOOL_HEAD, p, head->length);

	if (r == -EIO || (r == 0 && nr_crc32c(0, p, head->length) != head->payload_crc))
		return 0;
	if (r < 0)
		return r;
	nr_buf_commit(payload, head->length);
	item->kind = NR_SPOOL_BATCH;
	item->batch = (struct nr_message_batch){ .epoch = head->epoch,
						 .seq = head->seq,
						 .previous = head->previous,
						 .made_ns = head->made_ns,
						 .payload = { payload->p, payload->n } };
	if (is_refused(spool, head->seq))
		batch_to_gap(spool, head, item);
	spool->sent = (struct nr_spool_mark){ head->epoch, head->seq,
					      head->rows_before + head->rows,
					      head->packets_before + head->packets };
	spool->sent_tick = head->last_tick;
	spool->sent_head = *head;
	window_push(spool);
	return 1;
}

/* The head that a segment begins with, as if its first record stood there. */
static struct nr_spool_head head_of_segment(const struct nr_spool *spool, size_t i)
{
	const struct nr_spool_segment *segment = &spool->list.items[i];

	return (struct nr_spool_head){ .kind = NR_SPOOL_RECORD_BATCH,
				       .epoch = spool->epoch,
				       .seq = segment->first,
				       .rows_before = segment->rows,
				       .packets_before = segment->packets,
				       .previous = segment->previous,
				       .first_tick = spool->sent_tick };
}

/* Read on in the open segment. @return 1 an item; 0 nothing here; -errno */
static int segment_next(struct nr_spool *spool, struct nr_buf *payload, struct nr_spool_item *item)
{
	struct nr_spool_head head;
	uint64_t at;
	int r;

	for (;;) {
		uint64_t n_damaged = spool->scan.n_damaged, back = spool->scan.at;

		r = nr_spool_scan_next(&spool->scan, &head, &at);
		if (r <= 0)
			return r;
		spool->damaged = spool->damaged || spool->scan.n_damaged != n_damaged;
		if (head.kind != NR_SPOOL_RECORD_BATCH || head.epoch != spool->epoch ||
		    head.seq <= spool->sent.seq)
			continue;
		if (head.seq > spool->synced_seq) {
			spool->scan.at = back;
			return 0;
		}
		if (head.seq > spool->sent.seq + 1) {
			spool->scan.at = at;
			gap_make(spool, &head, item);
			return 1;
		}
		r = batch_make(spool, &head, at, payload, item);
		if (r != 0)
			return r;
		spool->damaged = true;
	}
}

/*
 * Open the segment with the next number; what the spool no longer has becomes a gap. @return 1 a
 * gap; 0; -errno
 */
static int segment_turn(struct nr_spool *spool, struct nr_spool_item *item)
{
	size_t i = segment_of(spool, spool->sent.seq + 1);
	const struct nr_spool_segment *segment = &spool->list.items[i];

	if (segment->first > spool->sent.seq + 1) {
		struct nr_spool_head head = head_of_segment(spool, i);

		gap_make(spool, &head, item);
		return 1;
	}
	return read_open(spool, i);
}

static int next_inner(struct nr_spool *spool, struct nr_buf *payload, struct nr_spool_item *item)
{
	int r = 0;

	if (spool->scan.fd < 0)
		r = segment_turn(spool, item);
	while (r == 0) {
		size_t i = segment_of(spool, spool->scan_first);

		spool->scan.size = spool->list.items[i].bytes; /* the active one has grown */
		r = segment_next(spool, payload, item);
		if (r != 0 || i + 1 == spool->list.n || spool->scan.at < spool->scan.size)
			return r;
		/* the rest of this segment may be missing */
		if (spool->list.items[i + 1].first > spool->sent.seq + 1) {
			struct nr_spool_head head = head_of_segment(spool, i + 1);

			nr_spool_read_close(spool);
			gap_make(spool, &head, item);
			return 1;
		}
		r = read_open(spool, i + 1);
	}
	return r;
}

int nr_spool_next(struct nr_spool *spool, struct nr_buf *payload, struct nr_spool_item *ret_item,
		  struct nr_err *reterr)
{
	*ret_item = (struct nr_spool_item){ .kind = NR_SPOOL_NOTHING };
	if (!spool->in_session || spool->n_window == NR_MESSAGE_WINDOW ||
	    spool->sent.seq >= spool->synced_seq)
		return 0;
	int r = next_inner(spool, payload, ret_item);

	return r < 0 ? nr_spool_fail(reterr, r, spool->dir, "cannot read") : 0;
}
