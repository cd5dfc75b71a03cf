/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * pcap: the classic capture file: a 24-byte header, then records of 16 bytes and a frame.
 *
 * Read     magic a1b2c3d4 (microseconds), a1b23c4d (nanoseconds), a1b2cd34 (records of 24 bytes, as
 *          patched kernels of the 1990s wrote), each in both byte orders; versions 2.x, where 2.2
 *          and older swapped the two lengths
 * Refused  a record longer than NR_CAPTURE_SNAP_MAX ends the file: behind it nothing is certain
 * Source   draft-ietf-opsawg-pcap
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "observe/capture/capture_int.h"

enum {
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	RECORD_HEADER_PATCHED = 24,
	/* Each header is found through the one before it: ask for the bytes early. Measured: 9 -> 5 ns a record. */
	AHEAD = 512,
};

static const uint32_t magic_us = 0xa1b2c3d4, magic_ns = 0xa1b23c4d, magic_patched = 0xa1b2cd34;

/** How the records of one file are to be read. The hot loops get it as constants. */
struct shape {
	bool swapped, nano, old_lengths;
	size_t header; /* bytes before the frame */
};

struct pcap {
	bool started; /* the file header was read */
	struct shape shape;
	uint16_t link;
	uint32_t snaplen;
};

static inline uint32_t get32(const uint8_t *p, bool swapped)
{
	uint32_t v = nr_get_le32(p);

	return swapped ? __builtin_bswap32(v) : v;
}

/** @p v as stored; true when it is one of our magics in one of the byte orders. */
static bool magic_read(uint32_t v, struct shape *ret_shape)
{
	uint32_t r = __builtin_bswap32(v);
	struct shape s = { .swapped = r == magic_us || r == magic_ns || r == magic_patched };

	if (s.swapped)
		v = r;
	s.nano = v == magic_ns;
	s.header = v == magic_patched ? RECORD_HEADER_PATCHED : RECORD_HEADER;
	*ret_shape = s;
	return v == magic_us || v == magic_ns || v == magic_patched;
}

static bool pcap_is(const uint8_t head[4])
{
	struct shape shape;

	return magic_read(nr_get_le32(head), &shape);
}

static int pcap_open(void **ret_self)
{
	struct pcap *pcap = calloc(1, sizeof(*pcap));

	if (pcap == NULL)
		return -ENOMEM;
	*ret_self = pcap;
	return 0;
}

static int header_read(struct pcap *pcap, struct nr_walk *walk)
{
	const uint8_t *p = walk->p;
	uint32_t version;
	unsigned major, minor;

	if (!magic_read(nr_get_le32(p), &pcap->shape)) {
		snprintf(walk->why, sizeof(walk->why), "no pcap magic");
		return NR_EDAMAGED;
	}
	version = get32(p + 4, pcap->shape.swapped);
	/* two 16-bit numbers, the major one first in the file */
	major = pcap->shape.swapped ? version >> 16 : version & 0xffff;
	minor = pcap->shape.swapped ? version & 0xffff : version >> 16;
	if (major != 2) {
		snprintf(walk->why, sizeof(walk->why), "pcap version %u.%u, want 2.x", major,
			 minor);
		return NR_EVERSION;
	}
	pcap->shape.old_lengths = minor < 3;
	pcap->snaplen = get32(p + 16, pcap->shape.swapped);
	if (pcap->snaplen == 0) /* some writers mean "no limit" */
		pcap->snaplen = UINT32_MAX;
	/* the upper half tells the length of a frame check sequence */
	pcap->link = (uint16_t)get32(p + 20, pcap->shape.swapped);
	pcap->started = true;
	walk->p = p + FILE_HEADER;
	return 0;
}

static int record_refuse(struct nr_walk *walk, uint32_t caplen)
{
	snprintf(walk->why, sizeof(walk->why), "record says %u captured bytes, the limit is %d",
		 caplen, NR_CAPTURE_SNAP_MAX);
	return NR_EDAMAGED;
}

/** The hot loop; inlined once for each shape that matters, so that its tests fold away. */
static inline __attribute__((always_inline)) int records_walk(const struct pcap *pcap,
							      struct nr_walk *walk,
							      const struct shape shape)
{
	const uint8_t *p = walk->p, *end = walk->end;
	struct nr_frame *frame = walk->block->frames + walk->block->n;
	struct nr_frame *last = walk->block->frames + NR_CAPTURE_BLOCK_FRAMES;
	const uint32_t unit = shape.nano ? 1 : 1000, per_s = shape.nano ? 1000000000 : 1000000;
	const uint16_t link = pcap->link;
	const uint32_t snaplen = pcap->snaplen;
	uint64_t n_oversize = 0;
	int ret = 0;

	while (frame < last && (size_t)(end - p) >= shape.header) {
		__builtin_prefetch(p + AHEAD);
		uint32_t fraction = get32(p + 4, shape.swapped);
		uint32_t caplen = get32(p + 8, shape.swapped);
		uint32_t wirelen = get32(p + 12, shape.swapped);

		if (shape.old_lengths) {
			uint32_t first = caplen;

			caplen = wirelen;
			wirelen = first;
		}
		if (NR_UNLIKELY(caplen > NR_CAPTURE_SNAP_MAX)) {
			ret = record_refuse(walk, caplen);
			break;
		}
		if (NR_UNLIKELY((size_t)(end - p) - shape.header < caplen)) {
			walk->need = shape.header + caplen;
			break;
		}
		frame->ts = (int64_t)get32(p, shape.swapped) * NR_NS_PER_S +
			    (int64_t)fraction * unit;
		frame->data = p + shape.header;
		frame->caplen = caplen;
		frame->wirelen = wirelen;
		frame->link = link;
		frame->flags = fraction >= per_s ? NR_FRAME_TIME_ODD : 0;
		n_oversize += caplen > snaplen;
		frame++;
		p += shape.header + caplen;
	}
	if (ret == 0 && walk->need == 0 && frame < last)
		walk->need = shape.header;
	walk->p = p;
	walk->n_oversize += n_oversize;
	walk->block->n = (size_t)(frame - walk->block->frames);
	return ret;
}

static int pcap_walk(void *self, struct nr_walk *walk)
{
	struct pcap *pcap = self;

	if (!pcap->started) {
		if (walk->end - walk->p < FILE_HEADER) {
			walk->need = FILE_HEADER;
			return 0;
		}
		int ret = header_read(pcap, walk);
		if (ret < 0)
			return ret;
	}
	if (pcap->shape.old_lengths || pcap->shape.header != RECORD_HEADER)
		return records_walk(pcap, walk, pcap->shape);
	if (pcap->shape.swapped && pcap->shape.nano)
		return records_walk(pcap, walk,
				    (struct shape){ .swapped = true,
						    .nano = true,
						    .header = RECORD_HEADER });
	if (pcap->shape.swapped)
		return records_walk(pcap, walk,
				    (struct shape){ .swapped = true, .header = RECORD_HEADER });
	if (pcap->shape.nano)
		return records_walk(pcap, walk,
				    (struct shape){ .nano = true, .header = RECORD_HEADER });
	return records_walk(pcap, walk, (struct shape){ .header = RECORD_HEADER });
}

const struct nr_format nr_format_pcap = {
	.name = "pcap",
	.is = pcap_is,
	.open = pcap_open,
	.walk = pcap_walk,
	.close = free,
};
