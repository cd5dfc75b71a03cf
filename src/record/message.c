/* SPDX-License-Identifier: Apache-2.0 */
#include "record/message.h"

#include "record/message_int.h"

enum {
	DIGEST_HEAD = 48, /* epoch, seq, previous */
	HELLO_FIXED = 24,
	WELCOME_BODY = 64,
	BEAT_BODY = 101,
	BEAT_BACK_BODY = 24,
	ACK_BODY = 16,
	REFUSE_FIXED = 21,
};

/* How long a body may be: known before anybody waits for it. */
static const struct {
	uint32_t least, most;
} limits[] = {
	[NR_MESSAGE_HELLO] = { HELLO_FIXED, HELLO_FIXED + NR_MESSAGE_TEXT - 1 },
	[NR_MESSAGE_WELCOME] = { WELCOME_BODY, WELCOME_BODY },
	[NR_MESSAGE_BATCH] = { NR_MESSAGE_BATCH_FIXED, NR_MESSAGE_BATCH_FIXED + NR_BATCH_SIZE_MAX },
	[NR_MESSAGE_GAP] = { NR_MESSAGE_GAP_BODY, NR_MESSAGE_GAP_BODY },
	[NR_MESSAGE_BEAT] = { BEAT_BODY, BEAT_BODY },
	[NR_MESSAGE_BEAT_BACK] = { BEAT_BACK_BODY, BEAT_BACK_BODY },
	[NR_MESSAGE_ACK] = { ACK_BODY, ACK_BODY },
	[NR_MESSAGE_REFUSE] = { REFUSE_FIXED, REFUSE_FIXED + NR_MESSAGE_TEXT - 1 },
	[NR_MESSAGE_RENEW] = { 1, NR_MESSAGE_PEM },
	[NR_MESSAGE_RENEWED] = { 1, NR_MESSAGE_PEM },
};
_Static_assert(NR_MESSAGE_BATCH_FIXED + NR_BATCH_SIZE_MAX <= NR_MESSAGE_MAX, "a batch fits");

/* ---- parts ---- */

static int64_t read_i64(struct nr_reader *r)
{
	return (int64_t)nr_read_le64(r);
}

static void write_i64(struct nr_buf *out, int64_t v)
{
	nr_write_le64(out, (uint64_t)v);
}

static void read_digest(struct nr_reader *r, struct nr_digest *digest)
{
	const uint8_t *p = nr_read_bytes(r, sizeof(digest->b));

	*digest = (struct nr_digest){ { 0 } };
	if (p != NULL)
		memcpy(digest->b, p, sizeof(digest->b));
}

static struct nr_bytes read_rest(struct nr_reader *r)
{
	size_t n = nr_reader_left(r);

	return (struct nr_bytes){ nr_read_bytes(r, n), n };
}

static bool is_control(char c)
{
	return (uint8_t)c < 0x20 || c == 0x7f;
}

void nr_message_put_text(struct nr_buf *out, const char *text, size_t cap)
{
	for (size_t i = 0; i + 1 < cap && text[i] != '\0'; i++)
		nr_write_u8(out, is_control(text[i]) ? '?' : (uint8_t)text[i]);
}

bool nr_message_get_text(struct nr_reader *r, char *out, size_t cap)
{
	struct nr_bytes text = read_rest(r);

	if (!nr_reader_ok(r) || text.n >= cap)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (is_control((char)text.p[i]))
			return false;
	memset(out, 0, cap);
	memcpy(out, text.p, text.n);
	return true;
}

/* Half of all numbers: one more is always a number too. */
static bool is_number(uint64_t seq)
{
	return seq != 0 && seq <= INT64_MAX;
}

void nr_message_put_batch(struct nr_buf *out, const struct nr_message_batch *batch)
{
	nr_write_le64(out, batch->epoch);
	nr_write_le64(out, batch->seq);
	nr_buf_add(out, batch->previous.b, sizeof(batch->previous.b));
	write_i64(out, batch->made_ns);
	nr_buf_add(out, batch->payload.p, batch->payload.n);
}

bool nr_message_get_batch(struct nr_reader *r, struct nr_message_batch *ret_batch)
{
	ret_batch->epoch = nr_read_le64(r);
	ret_batch->seq = nr_read_le64(r);
	read_digest(r, &ret_batch->previous);
	ret_batch->made_ns = read_i64(r);
	ret_batch->payload = read_rest(r);
	return nr_reader_ok(r) && ret_batch->epoch != 0 && is_number(ret_batch->seq) &&
	       ret_batch->payload.n <= NR_BATCH_SIZE_MAX;
}

void nr_message_put_gap(struct nr_buf *out, const struct nr_message_gap *gap)
{
	nr_write_le64(out, gap->epoch);
	nr_write_le64(out, gap->from_seq);
	nr_write_le64(out, gap->to_seq);
	nr_buf_add(out, gap->last.b, sizeof(gap->last.b));
	nr_write_le64(out, gap->observations);
	nr_write_le64(out, gap->packets);
	write_i64(out, gap->first_tick);
	write_i64(out, gap->last_tick);
	nr_write_u8(out, gap->reason);
}

bool nr_message_get_gap(struct nr_reader *r, struct nr_message_gap *ret_gap)
{
	ret_gap->epoch = nr_read_le64(r);
	ret_gap->from_seq = nr_read_le64(r);
	ret_gap->to_seq = nr_read_le64(r);
	read_digest(r, &ret_gap->last);
	ret_gap->observations = nr_read_le64(r);
	ret_gap->packets = nr_read_le64(r);
	ret_gap->first_tick = read_i64(r);
	ret_gap->last_tick = read_i64(r);
	ret_gap->reason = nr_read_u8(r);
	return nr_reader_ok(r) && ret_gap->epoch != 0 && is_number(ret_gap->from_seq) &&
	       is_number(ret_gap->to_seq) && ret_gap->from_seq <= ret_gap->to_seq &&
	       ret_gap->reason >= NR_GAP_SPOOL_FULL && ret_gap->reason <= NR_GAP_UNEXPLAINED;
}

/* ---- bodies: each pair names its fields in the order in which they travel ---- */

static void put_hello(struct nr_buf *out, const struct nr_message_hello *m)
{
	nr_write_le64(out, m->epoch);
	nr_write_le64(out, m->next_seq);
	write_i64(out, m->clock_ns);
	nr_message_put_text(out, m->program, sizeof(m->program));
}

static bool get_hello(struct nr_reader *r, struct nr_message_hello *m)
{
	m->epoch = nr_read_le64(r);
	m->next_seq = nr_read_le64(r);
	m->clock_ns = read_i64(r);
	return nr_message_get_text(r, m->program, sizeof(m->program));
}

static void put_welcome(struct nr_buf *out, const struct nr_message_welcome *m)
{
	nr_write_le64(out, m->epoch);
	nr_write_le64(out, m->acked_seq);
	nr_buf_add(out, m->acked.b, sizeof(m->acked.b));
	write_i64(out, m->clock_ns);
	nr_write_le32(out, m->batch_interval_ms);
	nr_write_le32(out, m->beat_interval_ms);
}

static bool get_welcome(struct nr_reader *r, struct nr_message_welcome *m)
{
	m->epoch = nr_read_le64(r);
	m->acked_seq = nr_read_le64(r);
	read_digest(r, &m->acked);
	m->clock_ns = read_i64(r);
	m->batch_interval_ms = nr_read_le32(r);
	m->beat_interval_ms = nr_read_le32(r);
	return true;
}

static void put_beat(struct nr_buf *out, const struct nr_message_beat *m)
{
	nr_write_le64(out, m->beat);
	write_i64(out, m->clock_ns);
	write_i64(out, m->newest_tick);
	write_i64(out, m->parser_ns);
	nr_write_le64(out, m->received);
	nr_write_le64(out, m->classified);
	nr_write_le64(out, m->kernel_dropped);
	nr_write_le64(out, m->spool_dropped);
	nr_write_le64(out, m->spool_bytes);
	nr_write_le64(out, m->spool_limit);
	nr_write_le64(out, m->disk_free);
	nr_write_le64(out, m->monitored_v4);
	nr_write_le32(out, m->resident_kib);
	nr_write_u8(out, m->unsafe);
}

static bool get_beat(struct nr_reader *r, struct nr_message_beat *m)
{
	m->beat = nr_read_le64(r);
	m->clock_ns = read_i64(r);
	m->newest_tick = read_i64(r);
	m->parser_ns = read_i64(r);
	m->received = nr_read_le64(r);
	m->classified = nr_read_le64(r);
	m->kernel_dropped = nr_read_le64(r);
	m->spool_dropped = nr_read_le64(r);
	m->spool_bytes = nr_read_le64(r);
	m->spool_limit = nr_read_le64(r);
	m->disk_free = nr_read_le64(r);
	m->monitored_v4 = nr_read_le64(r);
	m->resident_kib = nr_read_le32(r);
	m->unsafe = nr_read_u8(r);
	return m->unsafe <= 1;
}

static void put_beat_back(struct nr_buf *out, const struct nr_message_beat_back *m)
{
	nr_write_le64(out, m->beat);
	write_i64(out, m->sensor_ns);
	write_i64(out, m->hub_ns);
}

static bool get_beat_back(struct nr_reader *r, struct nr_message_beat_back *m)
{
	m->beat = nr_read_le64(r);
	m->sensor_ns = read_i64(r);
	m->hub_ns = read_i64(r);
	return true;
}

static void put_ack(struct nr_buf *out, const struct nr_message_ack *m)
{
	nr_write_le64(out, m->epoch);
	nr_write_le64(out, m->seq);
}

static bool get_ack(struct nr_reader *r, struct nr_message_ack *m)
{
	m->epoch = nr_read_le64(r);
	m->seq = nr_read_le64(r);
	return true;
}

static void put_refuse(struct nr_buf *out, const struct nr_message_refuse *m)
{
	nr_write_u8(out, m->why);
	nr_write_le32(out, m->retry_ms);
	nr_write_le64(out, m->epoch);
	nr_write_le64(out, m->seq);
	nr_message_put_text(out, m->words, sizeof(m->words));
}

static bool get_refuse(struct nr_reader *r, struct nr_message_refuse *m)
{
	m->why = nr_read_u8(r);
	m->retry_ms = nr_read_le32(r);
	m->epoch = nr_read_le64(r);
	m->seq = nr_read_le64(r);
	return nr_message_get_text(r, m->words, sizeof(m->words)) && m->why >= NR_REFUSE_VERSION &&
	       m->why <= NR_REFUSE_STOPPING;
}

static bool get_pem(struct nr_reader *r, struct nr_message_pem *m)
{
	m->pem = read_rest(r);
	return nr_reader_ok(r) && m->pem.n > 0 && m->pem.n <= NR_MESSAGE_PEM &&
	       memchr(m->pem.p, '\0', m->pem.n) == NULL;
}

/* ---- messages ---- */

static void put_body(const struct nr_message *m, struct nr_buf *out)
{
	switch ((enum nr_message_type)m->type) {
	case NR_MESSAGE_HELLO:
		put_hello(out, &m->hello);
		break;
	case NR_MESSAGE_WELCOME:
		put_welcome(out, &m->welcome);
		break;
	case NR_MESSAGE_BATCH:
		nr_message_put_batch(out, &m->batch);
		break;
	case NR_MESSAGE_GAP:
		nr_message_put_gap(out, &m->gap);
		break;
	case NR_MESSAGE_BEAT:
		put_beat(out, &m->beat);
		break;
	case NR_MESSAGE_BEAT_BACK:
		put_beat_back(out, &m->beat_back);
		break;
	case NR_MESSAGE_ACK:
		put_ack(out, &m->ack);
		break;
	case NR_MESSAGE_REFUSE:
		put_refuse(out, &m->refuse);
		break;
	case NR_MESSAGE_RENEW:
	case NR_MESSAGE_RENEWED:
		nr_buf_add(out, m->pem.pem.p, m->pem.pem.n);
		break;
	}
}

static bool get_body(uint8_t type, struct nr_reader *r, struct nr_message *m)
{
	switch ((enum nr_message_type)type) {
	case NR_MESSAGE_HELLO:
		return get_hello(r, &m->hello);
	case NR_MESSAGE_WELCOME:
		return get_welcome(r, &m->welcome);
	case NR_MESSAGE_BATCH:
		return nr_message_get_batch(r, &m->batch);
	case NR_MESSAGE_GAP:
		return nr_message_get_gap(r, &m->gap);
	case NR_MESSAGE_BEAT:
		return get_beat(r, &m->beat);
	case NR_MESSAGE_BEAT_BACK:
		return get_beat_back(r, &m->beat_back);
	case NR_MESSAGE_ACK:
		return get_ack(r, &m->ack);
	case NR_MESSAGE_REFUSE:
		return get_refuse(r, &m->refuse);
	case NR_MESSAGE_RENEW:
	case NR_MESSAGE_RENEWED:
		return get_pem(r, &m->pem);
	}
	return false;
}

static bool is_type(uint8_t type)
{
	return type >= NR_MESSAGE_HELLO && type < NR_COUNT(limits);
}

int nr_message_write(const struct nr_message *frame, struct nr_buf *out)
{
	size_t start = out->n, length;
	uint8_t head[NR_MESSAGE_HEAD] = { [4] = NR_MESSAGE_VERSION, [5] = frame->type };

	nr_require(is_type(frame->type));
	nr_buf_add(out, head, sizeof(head));
	put_body(frame, out);
	if (out->err != 0)
		return out->err;
	length = out->n - start - sizeof(head);
	if (length < limits[frame->type].least || length > limits[frame->type].most) {
		out->n = start;
		return NR_ELIMIT;
	}
	for (size_t i = 0; i < 4; i++)
		out->p[start + i] = (uint8_t)(length >> (8 * i));
	return 0;
}

int nr_message_head(const uint8_t head[NR_MESSAGE_HEAD], uint8_t *ret_type, uint32_t *ret_length,
		    struct nr_err *reterr)
{
	uint32_t length = nr_get_le32(head);
	uint8_t version = head[4], type = head[5];

	if (version == 0 || head[6] != 0 || head[7] != 0)
		return nr_fail(reterr, NR_EFORMAT, "not a message of this protocol");
	if (version != NR_MESSAGE_VERSION)
		return nr_fail(reterr, NR_EVERSION, "protocol version %u, this program speaks %d",
			       version, NR_MESSAGE_VERSION);
	if (!is_type(type))
		return nr_fail(reterr, NR_EFORMAT, "message of unknown type %u", type);
	if (length < limits[type].least)
		return nr_fail(reterr, NR_EFORMAT, "message of type %u with %u bytes, least is %u",
			       type, length, limits[type].least);
	if (length > limits[type].most)
		return nr_fail(reterr, NR_ELIMIT, "message of type %u with %u bytes, limit is %u",
			       type, length, limits[type].most);
	*ret_type = type;
	*ret_length = length;
	return 0;
}

int nr_message_read(uint8_t type, struct nr_bytes body, struct nr_message *ret_frame,
		    struct nr_err *reterr)
{
	struct nr_reader r = nr_reader_of(body.p, body.n);
	struct nr_message m = { .type = type };

	if (!is_type(type) || body.n > limits[type].most)
		return nr_fail(reterr, NR_EDAMAGED, "message of type %u with %zu bytes", type,
			       body.n);
	if (!get_body(type, &r, &m) || !nr_reader_ok(&r) || nr_reader_left(&r) != 0)
		return nr_fail(reterr, NR_EDAMAGED, "message of type %u: fields that cannot be",
			       type);
	*ret_frame = m;
	return 0;
}

struct nr_digest nr_message_digest(const struct nr_message_batch *batch)
{
	uint8_t head[DIGEST_HEAD];

	for (size_t i = 0; i < 8; i++) {
		head[i] = (uint8_t)(batch->epoch >> (8 * i));
		head[8 + i] = (uint8_t)(batch->seq >> (8 * i));
	}
	memcpy(head + 16, batch->previous.b, sizeof(batch->previous.b));
	return nr_digest_join(head, sizeof(head), batch->payload.p, batch->payload.n);
}
