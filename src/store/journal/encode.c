/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries become bytes.
 *
 * 1. The bytes of a part are exactly what one commit writes; every record in it names the first
 *    place of the part.
 * 2. encoder.size is where the next record will stand in its segment.
 * 3. A function that fails leaves encoder and pending as they were (struct mark).
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"
#include "store/journal/journal_write.h"

enum {
	FIELDS = 512, /* more than the fixed fields of any entry */
	KEEP = 4 << 20,
	PENDING_MAX = NR_JOURNAL_PENDING + 3 * NR_ENTRY_MAX,
};

struct mark {
	struct nr_encoder encoder;
	struct nr_part part;
	size_t n, n_parts;
};

static struct mark mark_of(const struct nr_encoder *e, const struct nr_pending *p)
{
	struct mark m = { .encoder = *e, .n = p->bytes.n, .n_parts = p->n_parts };

	if (p->n_parts > 0)
		m.part = p->parts[p->n_parts - 1];
	return m;
}

static void go_back(const struct mark *m, struct nr_encoder *e, struct nr_pending *p)
{
	*e = m->encoder;
	p->bytes.n = m->n;
	p->bytes.err = 0;
	p->n_parts = m->n_parts;
	if (p->n_parts > 0)
		p->parts[p->n_parts - 1] = m->part;
}

void nr_pending_done(struct nr_pending *pending)
{
	nr_buf_done(&pending->bytes);
	free(pending->parts);
	memset(pending, 0, sizeof(*pending));
}

void nr_pending_reset(struct nr_pending *pending)
{
	if (pending->bytes.cap > KEEP) {
		nr_buf_done(&pending->bytes);
		nr_buf_init(&pending->bytes, PENDING_MAX);
	}
	nr_buf_reset(&pending->bytes);
	pending->n_parts = pending->n_done = 0;
}

static int add_part(struct nr_pending *p, const struct nr_part *part)
{
	if (p->n_parts == p->cap_parts) {
		size_t cap = p->cap_parts == 0 ? 16 : p->cap_parts * 2;
		struct nr_part *larger = realloc(p->parts, cap * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		p->parts = larger;
		p->cap_parts = cap;
	}
	if (p->bytes.max == 0)
		nr_buf_init(&p->bytes, PENDING_MAX);
	p->parts[p->n_parts++] = *part;
	return 0;
}

static int begin_part(const struct nr_encoder *e, struct nr_pending *p, bool opens)
{
	return add_part(p, &(struct nr_part){ .off = p->bytes.n,
					      .segment = e->segment,
					      .first_at = e->next_at,
					      .last_at = e->next_at - 1,
					      .opens = opens });
}

/* The part to write into: a new one where nothing waits yet. */
static int have_part(const struct nr_encoder *e, struct nr_pending *p)
{
	return p->n_parts > 0 ? 0 : begin_part(e, p, false);
}

/* Head and padding around the body that stands at @p body. */
static void seal(struct nr_encoder *e, struct nr_pending *p, size_t body, struct nr_record *rec)
{
	static const uint8_t zeros[8];
	struct nr_buf *out = &p->bytes;

	rec->length = (uint32_t)(out->n - body);
	rec->crc = nr_crc32c(0, out->p + body, rec->length);
	rec->digest = nr_digest_of(out->p + body, rec->length);
	rec->commit_at = p->parts[p->n_parts - 1].first_at;
	rec->link = nr_record_link(&e->chain);
	nr_buf_add(out, zeros, (8 - rec->length % 8) % 8);
	if (out->err != 0)
		return;
	nr_record_put(rec, e->salt, out->p + body - NR_RECORD_HEAD);
	e->size += nr_record_size(rec->length);
}

static int put_entry(struct nr_encoder *e, struct nr_pending *p, const struct nr_journal_options *o,
		     struct nr_entry *entry)
{
	struct nr_buf *out = &p->bytes;
	struct nr_record rec = { .at = e->next_at, .type = entry->type };
	int64_t now = o->now_ns != NULL ? o->now_ns(o->now_ctx) : nr_time_now().ns;
	size_t body;
	int ret;

	if (nr_buf_reserve(out, NR_RECORD_HEAD) == NULL)
		return out->err;
	nr_buf_commit(out, NR_RECORD_HEAD);
	body = out->n;
	ret = nr_entry_write(entry, out);
	if (ret < 0)
		return ret;
	rec.arrived_ns = now > e->last_ns ? now : e->last_ns;
	seal(e, p, body, &rec);
	if (out->err != 0)
		return out->err;
	e->chain = nr_record_chain(&e->chain, out->p + body - NR_RECORD_HEAD);
	if (e->records++ == 0)
		e->segment_ns = rec.arrived_ns;
	e->last_ns = rec.arrived_ns;
	p->parts[p->n_parts - 1].last_at = e->next_at++;
	entry->at = rec.at;
	entry->arrived_ns = rec.arrived_ns;
	return 0;
}

static int close_segment(struct nr_encoder *e, struct nr_pending *p,
			 const struct nr_journal_options *o)
{
	struct nr_buf *out = &p->bytes;
	struct nr_record rec = { .at = e->next_at - 1,
				 .type = NR_RECORD_CLOSE,
				 .arrived_ns = e->last_ns };
	struct nr_close c = { .first_at = e->segment,
			      .last_at = e->next_at - 1,
			      .records = e->records,
			      .bytes = e->size,
			      .first_ns = e->segment_ns,
			      .last_ns = e->last_ns,
			      .chain = e->chain };
	int ret = have_part(e, p);

	if (ret < 0)
		return ret;
	if (nr_buf_reserve(out, NR_RECORD_HEAD + NR_CLOSE_BODY) == NULL)
		return out->err;
	nr_buf_commit(out, NR_RECORD_HEAD);
	nr_close_put(&c, o->key, out->p + out->n);
	nr_buf_commit(out, NR_CLOSE_BODY);
	seal(e, p, out->n - NR_CLOSE_BODY, &rec);
	p->parts[p->n_parts - 1].closes = true;
	e->is_open = false;
	return out->err;
}

static int put_ledger(struct nr_encoder *e, struct nr_pending *p,
		      const struct nr_journal_options *o)
{
	struct nr_entry entry = { .type = NR_ENTRY_LEDGER };
	struct nr_buf text;
	int ret = 0;

	nr_buf_init(&text, NR_ENTRY_MAX - FIELDS);
	if (o->ledger != NULL)
		ret = o->ledger(o->ledger_ctx, &text);
	if (ret == 0)
		ret = text.err;
	entry.text.text = (struct nr_bytes){ text.p, text.n };
	if (ret == 0)
		ret = put_entry(e, p, o, &entry);
	nr_buf_done(&text);
	return ret;
}

static int open_segment(struct nr_encoder *e, struct nr_pending *p,
			const struct nr_journal_options *o)
{
	struct nr_segment_head head = { .first_at = e->next_at, .chain = e->chain };
	uint8_t *at;
	int ret;

	nr_random(&head.salt, sizeof(head.salt));
	head.made_ns = e->last_ns;
	e->segment = e->next_at;
	ret = begin_part(e, p, true);
	if (ret < 0)
		return ret;
	at = nr_buf_reserve(&p->bytes, NR_SEGMENT_HEAD);
	if (at == NULL)
		return p->bytes.err;
	nr_segment_head_put(&head, at);
	nr_buf_commit(&p->bytes, NR_SEGMENT_HEAD);
	e->is_open = true;
	e->salt = head.salt;
	e->size = NR_SEGMENT_HEAD;
	e->records = 0;
	return put_ledger(e, p, o);
}

/* About how many bytes the record of an entry will have; never less. */
static uint64_t foreseen(const struct nr_entry *entry)
{
	size_t n = FIELDS;

	switch ((enum nr_entry_type)entry->type) {
	case NR_ENTRY_BATCH:
		n += entry->batch.batch.payload.n;
		break;
	case NR_ENTRY_LEDGER:
	case NR_ENTRY_DATA:
	case NR_ENTRY_CONFIG:
	case NR_ENTRY_QUARANTINE:
		n += entry->text.text.n;
		break;
	case NR_ENTRY_GAP:
	case NR_ENTRY_WATERMARK:
	case NR_ENTRY_SENSOR:
		break;
	}
	return nr_record_size(n);
}

static int room_in_segment(struct nr_encoder *e, struct nr_pending *p,
			   const struct nr_journal_options *o, uint64_t need)
{
	uint64_t close = nr_record_size(NR_CLOSE_BODY);
	int ret = 0;

	/* The ledger alone is no reason to close: a segment holds one entry at least. */
	if (e->is_open && e->records > 1 && e->size + need + close > o->segment_bytes)
		ret = close_segment(e, p, o);
	if (ret == 0 && !e->is_open)
		ret = open_segment(e, p, o);
	return ret;
}

int nr_encode_entry(struct nr_encoder *encoder, struct nr_pending *pending,
		    const struct nr_journal_options *options, struct nr_entry *entry)
{
	struct mark before = mark_of(encoder, pending);
	int ret = room_in_segment(encoder, pending, options, foreseen(entry));

	if (ret == 0)
		ret = have_part(encoder, pending);
	if (ret == 0)
		ret = put_entry(encoder, pending, options, entry);
	if (ret < 0)
		go_back(&before, encoder, pending);
	return ret;
}

int nr_encode_roll(struct nr_encoder *encoder, struct nr_pending *pending,
		   const struct nr_journal_options *options)
{
	struct mark before = mark_of(encoder, pending);
	int ret = 0;

	if (!encoder->is_open || encoder->records <= 1)
		return 0;
	ret = close_segment(encoder, pending, options);
	if (ret == 0)
		ret = open_segment(encoder, pending, options);
	if (ret < 0)
		go_back(&before, encoder, pending);
	return ret;
}
