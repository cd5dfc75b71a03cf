/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_make: what the tests and fuzz targets of this room share: writing capture files in memory, and
 * reading any bytes into a list of frames that can be compared.
 */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/cursor.h"
#include "observe/capture/capture_int.h"

enum { MAKE_MAX = 64 << 20, SECOND = 1700000000 };

/** How integers are written. */
struct maker {
	struct nr_buf *out;
	bool big;
};

static inline void make16(struct maker m, uint16_t v)
{
	if (m.big)
		nr_write_be16(m.out, v);
	else
		nr_write_le16(m.out, v);
}

static inline void make32(struct maker m, uint32_t v)
{
	if (m.big)
		nr_write_be32(m.out, v);
	else
		nr_write_le32(m.out, v);
}

/* ---- pcap ---- */

static inline void make_pcap(struct maker m, uint32_t magic, uint32_t snaplen, uint32_t link)
{
	make32(m, magic);
	make16(m, 2);
	make16(m, 4);
	make32(m, 0);
	make32(m, 0);
	make32(m, snaplen);
	make32(m, link);
}

/** A frame of @p caplen bytes, each of them @p fill. */
static inline void make_bytes(struct maker m, size_t caplen, uint8_t fill)
{
	for (size_t i = 0; i < caplen; i++)
		nr_write_u8(m.out, fill);
}

static inline void make_record(struct maker m, uint32_t s, uint32_t fraction, uint32_t caplen,
			       uint8_t fill)
{
	make32(m, s);
	make32(m, fraction);
	make32(m, caplen);
	make32(m, caplen + 4); /* what was on the wire: a little more */
	make_bytes(m, caplen, fill);
}

/** A pcap file of @p n frames of changing length, at most @p longest. */
static inline void make_pcap_file(struct maker m, uint32_t n, uint32_t longest)
{
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	for (uint32_t i = 0; i < n; i++)
		make_record(m, SECOND + i / 1000, i % 1000 * 1000, i * 7919 % (longest + 1),
			    (uint8_t)i);
}

/* ---- pcapng ---- */

/** A whole block; @p body is padded. */
static inline void make_block(struct maker m, uint32_t type, const void *body, size_t n)
{
	uint32_t padded = (uint32_t)((n + 3) & ~(size_t)3);

	make32(m, type);
	make32(m, padded + 12);
	nr_buf_add(m.out, body, n);
	make_bytes(m, padded - n, 0);
	make32(m, padded + 12);
}

static inline void make_section(struct maker m)
{
	make32(m, 0x0a0d0d0a);
	make32(m, 28);
	make32(m, 0x1a2b3c4d);
	make16(m, 1);
	make16(m, 0);
	make32(m, UINT32_MAX);
	make32(m, UINT32_MAX);
	make32(m, 28);
}

struct make_interface {
	uint16_t link;
	uint32_t snaplen;
	bool resolved; /* write if_tsresol */
	uint8_t resolution;
	bool shifted; /* write if_tsoffset */
	int64_t offset_s;
};

static inline void make_interface(struct maker m, struct make_interface inf)
{
	uint32_t options = (inf.resolved ? 8u : 0u) + (inf.shifted ? 12u : 0u);
	uint32_t length = 20 + (options > 0 ? options + 4 : 0);

	make32(m, 1);
	make32(m, length);
	make16(m, inf.link);
	make16(m, 0);
	make32(m, inf.snaplen);
	if (inf.resolved) {
		make16(m, 9);
		make16(m, 1);
		nr_write_u8(m.out, inf.resolution);
		make_bytes(m, 3, 0);
	}
	if (inf.shifted) {
		make16(m, 14);
		make16(m, 8);
		make32(m,
		       m.big ? (uint32_t)((uint64_t)inf.offset_s >> 32) : (uint32_t)inf.offset_s);
		make32(m,
		       m.big ? (uint32_t)inf.offset_s : (uint32_t)((uint64_t)inf.offset_s >> 32));
	}
	if (options > 0)
		make32(m, 0);
	make32(m, length);
}

static inline void make_enhanced(struct maker m, uint32_t interface, uint64_t ticks,
				 uint32_t caplen, uint8_t fill)
{
	uint32_t padded = (caplen + 3) & ~3u;

	make32(m, 6);
	make32(m, padded + 32);
	make32(m, interface);
	make32(m, (uint32_t)(ticks >> 32));
	make32(m, (uint32_t)ticks);
	make32(m, caplen);
	make32(m, caplen + 4);
	make_bytes(m, caplen, fill);
	make_bytes(m, padded - caplen, 0);
	make32(m, padded + 32);
}

static inline void make_simple(struct maker m, uint32_t wirelen, uint32_t caplen, uint8_t fill)
{
	uint32_t padded = (caplen + 3) & ~3u;

	make32(m, 3);
	make32(m, padded + 16);
	make32(m, wirelen);
	make_bytes(m, caplen, fill);
	make_bytes(m, padded - caplen, 0);
	make32(m, padded + 16);
}

static inline void make_pcapng_file(struct maker m, uint32_t n, uint32_t longest)
{
	make_section(m);
	make_interface(m, (struct make_interface){ .link = 1 });
	for (uint32_t i = 0; i < n; i++)
		make_enhanced(m, 0, SECOND * UINT64_C(1000000) + i, i * 7919 % (longest + 1),
			      (uint8_t)i);
}

/* ---- compression ---- */

static inline bool make_gzip(const struct nr_buf *in, struct nr_buf *out)
{
	z_stream z = { 0 };
	size_t room = in->n + in->n / 1000 + 1000;
	uint8_t *dst = nr_buf_reserve(out, room);

	if (dst == NULL || deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.next_in = in->p;
	z.avail_in = (uInt)in->n;
	z.next_out = dst;
	z.avail_out = (uInt)room;
	int ret = deflate(&z, Z_FINISH);
	nr_buf_commit(out, z.total_out);
	deflateEnd(&z);
	return ret == Z_STREAM_END;
}

static inline bool make_zstd(const struct nr_buf *in, struct nr_buf *out)
{
	size_t room = ZSTD_compressBound(in->n);
	uint8_t *dst = nr_buf_reserve(out, room);

	if (dst == NULL)
		return false;
	size_t n = ZSTD_compress(dst, room, in->p, in->n, 3);

	if (ZSTD_isError(n))
		return false;
	nr_buf_commit(out, n);
	return true;
}

/* ---- reading back ---- */

/** Everything that one run over some bytes gave. */
struct seen {
	struct nr_buf frames; /* each frame with all its fields and bytes, one after the other */
	size_t n, n_blocks;
	struct nr_frame first, last; /* without data */
	int code;
	struct nr_err err;
	struct nr_capture_stats stats;
};

static inline void seen_add(struct seen *seen, const struct nr_frame *frame)
{
	struct nr_frame copy;

	memset(&copy, 0, sizeof(copy)); /* padding too: the copies are compared as bytes */
	copy.ts = frame->ts;
	copy.caplen = frame->caplen;
	copy.wirelen = frame->wirelen;
	copy.link = frame->link;
	copy.flags = frame->flags;
	if (seen->n++ == 0)
		seen->first = copy;
	seen->last = copy;
	nr_buf_add(&seen->frames, &copy, sizeof(copy));
	nr_buf_add(&seen->frames, frame->data, frame->caplen);
}

/** How the bytes are handed over; zero: all at once. */
struct chop {
	size_t chunk; /* most bytes a raw read gives */
	size_t limit; /* most bytes the trace reads at once */
};

/** @return 0 when the run could be made at all; the block is kept from run to run, for speed */
static inline int see(const void *bytes, size_t n, struct chop chop, struct seen *seen)
{
	struct nr_stream *stream;
	struct nr_trace *trace;
	static struct nr_block *block;

	memset(seen, 0, sizeof(*seen));
	nr_buf_init(&seen->frames, MAKE_MAX * 2);
	if (block == NULL && nr_block_new(&block) < 0)
		return -ENOMEM;
	if (nr_stream_of_memory(bytes, n, chop.chunk > 0 ? chop.chunk : SIZE_MAX >> 1, &stream) <
		    0 ||
	    nr_trace_new(stream, "trace", &trace) < 0)
		return -ENOMEM;
	if (chop.limit > 0)
		nr_trace_limit(trace, chop.limit);
	while (!nr_trace_ended(trace)) {
		int ret = nr_trace_next(trace, block, -1, &seen->stats, &seen->err);

		if (ret < 0)
			seen->code = ret;
		for (size_t i = 0; i < block->n; i++)
			seen_add(seen, &block->frames[i]);
		seen->n_blocks++;
	}
	nr_trace_free(trace);
	return seen->frames.err;
}

static inline void seen_done(struct seen *seen)
{
	nr_buf_done(&seen->frames);
}

static inline bool seen_same(const struct seen *a, const struct seen *b)
{
	return a->code == b->code && a->n == b->n && a->frames.n == b->frames.n &&
	       (a->frames.n == 0 || memcmp(a->frames.p, b->frames.p, a->frames.n) == 0);
}
