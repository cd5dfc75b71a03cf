/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * cursor: the one bounds-checked reader of hostile bytes, and the writer that is its mirror.
 *
 * A reader remembers its first failure: after it every get returns 0 and moves nothing, so a parser
 * checks nr_reader_ok() once at the end. The writer appends to a struct nr_buf and shares its error.
 * Varints are LEB128, at most 10 bytes, shortest form only.
 */
#include "base/buf.h"

struct nr_reader {
	const uint8_t *p, *end;
	bool failed;
};

static inline struct nr_reader nr_reader_of(const void *bytes, size_t n)
{
	return (struct nr_reader){ .p = bytes, .end = (const uint8_t *)bytes + n };
}
static inline bool nr_reader_ok(const struct nr_reader *r)
{
	return !r->failed;
}
static inline size_t nr_reader_left(const struct nr_reader *r)
{
	return (size_t)(r->end - r->p);
}
/** Next @p n bytes, or NULL (and failed) when fewer are left. */
static inline const uint8_t *nr_read_bytes(struct nr_reader *r, size_t n)
{
	const uint8_t *at = r->p;

	if (NR_UNLIKELY(r->failed || nr_reader_left(r) < n)) {
		r->failed = true;
		return NULL;
	}
	r->p += n;
	return at;
}
static inline void nr_read_skip(struct nr_reader *r, size_t n)
{
	(void)nr_read_bytes(r, n);
}

static inline uint16_t nr_get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t nr_get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}
static inline uint32_t nr_get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v; /* little-endian hosts; big-endian build swaps in cursor.c's static assertion */
}

uint8_t nr_read_u8(struct nr_reader *r);
uint16_t nr_read_be16(struct nr_reader *r);
uint32_t nr_read_be32(struct nr_reader *r);
uint64_t nr_read_be64(struct nr_reader *r);
uint16_t nr_read_le16(struct nr_reader *r);
uint32_t nr_read_le32(struct nr_reader *r);
uint64_t nr_read_le64(struct nr_reader *r);
uint64_t nr_read_varint(struct nr_reader *r);

void nr_write_u8(struct nr_buf *w, uint8_t v);
void nr_write_be16(struct nr_buf *w, uint16_t v);
void nr_write_be32(struct nr_buf *w, uint32_t v);
void nr_write_le16(struct nr_buf *w, uint16_t v);
void nr_write_le32(struct nr_buf *w, uint32_t v);
void nr_write_le64(struct nr_buf *w, uint64_t v);
void nr_write_varint(struct nr_buf *w, uint64_t v);
