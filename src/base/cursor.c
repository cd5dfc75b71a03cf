/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "nr_get_* and the functions here load and store little-endian words");

enum { VARINT_MAX = 10 };

uint8_t nr_read_u8(struct nr_reader *r)
{
	const uint8_t *p = nr_read_bytes(r, 1);

	return p != NULL ? *p : 0;
}

uint16_t nr_read_be16(struct nr_reader *r)
{
	return __builtin_bswap16(nr_read_le16(r));
}

uint32_t nr_read_be32(struct nr_reader *r)
{
	return __builtin_bswap32(nr_read_le32(r));
}

uint64_t nr_read_be64(struct nr_reader *r)
{
	return __builtin_bswap64(nr_read_le64(r));
}

uint16_t nr_read_le16(struct nr_reader *r)
{
	const uint8_t *p = nr_read_bytes(r, sizeof(uint16_t));
	uint16_t v = 0;

	if (p != NULL)
		memcpy(&v, p, sizeof(v));
	return v;
}

uint32_t nr_read_le32(struct nr_reader *r)
{
	const uint8_t *p = nr_read_bytes(r, sizeof(uint32_t));
	uint32_t v = 0;

	if (p != NULL)
		memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t nr_read_le64(struct nr_reader *r)
{
	const uint8_t *p = nr_read_bytes(r, sizeof(uint64_t));
	uint64_t v = 0;

	if (p != NULL)
		memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t nr_read_varint(struct nr_reader *r)
{
	size_t left = r->failed ? 0 : nr_min_size(nr_reader_left(r), VARINT_MAX);
	uint64_t v = 0;

	for (size_t i = 0; i < left; i++) {
		uint8_t byte = r->p[i];

		if (i == VARINT_MAX - 1 && byte > 1)
			break; /* more than 64 bits */
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		if (byte == 0 && i > 0)
			break; /* not the shortest form */
		r->p += i + 1;
		return v;
	}
	r->failed = true;
	return 0;
}

void nr_write_u8(struct nr_buf *w, uint8_t v)
{
	nr_buf_add(w, &v, sizeof(v));
}

void nr_write_be16(struct nr_buf *w, uint16_t v)
{
	nr_write_le16(w, __builtin_bswap16(v));
}

void nr_write_be32(struct nr_buf *w, uint32_t v)
{
	nr_write_le32(w, __builtin_bswap32(v));
}

void nr_write_le16(struct nr_buf *w, uint16_t v)
{
	nr_buf_add(w, &v, sizeof(v));
}

void nr_write_le32(struct nr_buf *w, uint32_t v)
{
	nr_buf_add(w, &v, sizeof(v));
}

void nr_write_le64(struct nr_buf *w, uint64_t v)
{
	nr_buf_add(w, &v, sizeof(v));
}

void nr_write_varint(struct nr_buf *w, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	nr_buf_add(w, bytes, n);
}
