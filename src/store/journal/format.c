/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"
#include "base/hash.h"
#include "store/journal/journal_int.h"

/* Writers of fields at a place; the mirror of nr_reader. */
static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	return put(p, &v, sizeof(v)); /* little-endian hosts: base/cursor.c */
}

static uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	return put(p, &v, sizeof(v));
}

static void get_bytes(struct nr_reader *r, void *out, size_t n)
{
	const uint8_t *p = nr_read_bytes(r, n);

	if (p != NULL)
		memcpy(out, p, n);
}

/* ---- segment head: magic 8, version 4, CRC32C of what follows 4, fields, zeros ---- */

void nr_segment_head_put(const struct nr_segment_head *head, uint8_t out[NR_SEGMENT_HEAD])
{
	uint8_t *p = out + 16;

	memset(out, 0, NR_SEGMENT_HEAD);
	p = put_u64(p, head->first_at);
	p = put_u64(p, head->salt);
	p = put_u64(p, (uint64_t)head->made_ns);
	p = put_u64(p, head->erased_to);
	p = put_u64(p, head->kind);
	(void)put(p, head->chain.b, NR_DIGEST_SIZE);
	memcpy(out, NR_SEGMENT_MAGIC, 8);
	(void)put_u32(out + 8, NR_SEGMENT_VERSION);
	(void)put_u32(out + 12, nr_crc32c(0, out + 16, NR_SEGMENT_HEAD - 16));
}

int nr_segment_head_get(struct nr_bytes bytes, struct nr_segment_head *ret_head,
			struct nr_err *reterr)
{
	static const uint8_t zeros[NR_SEGMENT_HEAD];
	struct nr_reader r = nr_reader_of(bytes.p, bytes.n);
	struct nr_segment_head h = { .first_at = 0 };
	const uint8_t *magic = nr_read_bytes(&r, 8);
	uint32_t version = nr_read_le32(&r), crc = nr_read_le32(&r);
	uint64_t kind;

	if (bytes.n < NR_SEGMENT_HEAD || magic == NULL)
		return nr_fail(reterr, NR_EDAMAGED, "byte 0: %zu bytes are no segment head",
			       bytes.n);
	if (memcmp(magic, NR_SEGMENT_MAGIC, 8) != 0)
		return nr_fail(reterr, NR_EFORMAT, "byte 0: not a journal segment");
	if (version != NR_SEGMENT_VERSION)
		return nr_fail(reterr, NR_EVERSION,
			       "byte 8: journal version %u; this program knows %d", version,
			       NR_SEGMENT_VERSION);
	if (nr_crc32c(0, bytes.p + 16, NR_SEGMENT_HEAD - 16) != crc)
		return nr_fail(reterr, NR_EDAMAGED, "byte 12: the segment head is damaged");
	h.first_at = nr_read_le64(&r);
	h.salt = nr_read_le64(&r);
	h.made_ns = (int64_t)nr_read_le64(&r);
	h.erased_to = nr_read_le64(&r);
	kind = nr_read_le64(&r);
	get_bytes(&r, h.chain.b, NR_DIGEST_SIZE);
	if (kind > NR_SEGMENT_STUB || h.first_at == 0 ||
	    memcmp(r.p, zeros, NR_SEGMENT_HEAD - (size_t)(r.p - bytes.p)) != 0)
		return nr_fail(reterr, NR_EDAMAGED, "byte 16: a segment head that cannot be");
	h.kind = (uint8_t)kind;
	*ret_head = h;
	return 0;
}

/* ---- record head: mark 4, CRC32C 4, fields 72 ---- */

static uint32_t head_crc(const uint8_t *head, uint64_t salt)
{
	return nr_crc32c(nr_crc32c(0, &salt, sizeof(salt)), head + 8, NR_RECORD_HEAD - 8);
}

void nr_record_put(const struct nr_record *record, uint64_t salt, uint8_t out[NR_RECORD_HEAD])
{
	uint8_t *p = out + 8;

	p = put_u64(p, record->at);
	p = put_u64(p, record->commit_at);
	p = put_u64(p, (uint64_t)record->arrived_ns);
	p = put_u32(p, record->length);
	p = put_u32(p, record->crc);
	p = put_u32(p, record->type);
	p = put_u32(p, record->link);
	(void)put(p, record->digest.b, NR_DIGEST_SIZE);
	(void)put_u32(out, (uint32_t)salt);
	(void)put_u32(out + 4, head_crc(out, salt));
}

bool nr_record_get(const uint8_t bytes[NR_RECORD_HEAD], uint64_t salt, struct nr_record *ret_record)
{
	struct nr_reader r = nr_reader_of(bytes, NR_RECORD_HEAD);
	struct nr_record record;
	uint32_t type;

	if (nr_read_le32(&r) != (uint32_t)salt || nr_read_le32(&r) != head_crc(bytes, salt))
		return false;
	record.at = nr_read_le64(&r);
	record.commit_at = nr_read_le64(&r);
	record.arrived_ns = (int64_t)nr_read_le64(&r);
	record.length = nr_read_le32(&r);
	record.crc = nr_read_le32(&r);
	type = nr_read_le32(&r);
	record.link = nr_read_le32(&r);
	get_bytes(&r, record.digest.b, NR_DIGEST_SIZE);
	record.type = (uint8_t)type;
	*ret_record = record;
	return type <= UINT8_MAX && record.length <= NR_ENTRY_MAX && record.at > 0;
}

struct nr_digest nr_record_chain(const struct nr_digest *chain, const uint8_t head[NR_RECORD_HEAD])
{
	return nr_digest_join(chain->b, NR_DIGEST_SIZE, head + 8, NR_RECORD_HEAD - 8);
}

/* ---- the record that closes a segment ---- */

void nr_close_put(const struct nr_close *close, const struct nr_sign_key *key,
		  uint8_t out[NR_CLOSE_BODY])
{
	uint8_t text[sizeof(NR_SEGMENT_SIGNED) - 1 + NR_CLOSE_SIGNED], *p = out;

	memset(out, 0, NR_CLOSE_BODY);
	p = put_u64(p, close->first_at);
	p = put_u64(p, close->last_at);
	p = put_u64(p, close->records);
	p = put_u64(p, close->bytes);
	p = put_u64(p, (uint64_t)close->first_ns);
	p = put_u64(p, (uint64_t)close->last_ns);
	p = put(p, close->chain.b, NR_DIGEST_SIZE);
	if (key == NULL)
		return;
	p = put(p, key->public_key, NR_PUBLIC_KEY_SIZE);
	memcpy(text, NR_SEGMENT_SIGNED, sizeof(NR_SEGMENT_SIGNED) - 1);
	memcpy(text + sizeof(NR_SEGMENT_SIGNED) - 1, out, NR_CLOSE_SIGNED);
	nr_sign(key, (struct nr_bytes){ text, sizeof(text) }, p);
}

bool nr_close_get(struct nr_bytes body, struct nr_close *ret_close)
{
	struct nr_reader r = nr_reader_of(body.p, body.n);
	struct nr_close c;

	if (body.n != NR_CLOSE_BODY)
		return false;
	c.first_at = nr_read_le64(&r);
	c.last_at = nr_read_le64(&r);
	c.records = nr_read_le64(&r);
	c.bytes = nr_read_le64(&r);
	c.first_ns = (int64_t)nr_read_le64(&r);
	c.last_ns = (int64_t)nr_read_le64(&r);
	get_bytes(&r, c.chain.b, NR_DIGEST_SIZE);
	get_bytes(&r, c.public_key, NR_PUBLIC_KEY_SIZE);
	get_bytes(&r, c.signature, NR_SIGNATURE_SIZE);
	*ret_close = c;
	return nr_reader_ok(&r);
}
