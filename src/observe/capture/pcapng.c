/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * pcapng: sections of blocks; each block carries its length at both ends.
 *
 * Read     section headers in both byte orders, interface descriptions (link type, snapshot length,
 *          if_tsresol with base 10 and 2, if_tsoffset), enhanced, simple and obsolete packet blocks
 * Skipped  every other block type, counted; also blocks too long to be held, passed over unseen
 * Damage   what breaks the chain of blocks: length below 12 or no multiple of 4, lengths that differ, an
 *          unknown byte-order magic, no section header at the start
 * Refused  sound blocks with contradictions inside: a frame longer than its block or than
 *          NR_CAPTURE_SNAP_MAX, an unknown interface, options past the block, more than 1,024
 *          interfaces. They are passed over and counted; the file reports them when it ends.
 * Time     a simple packet block has none: it gets the newest time seen before it, flagged
 * Source   draft-ietf-opsawg-pcapng
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "observe/capture/capture_int.h"
#include "observe/capture/ticks.h"

enum {
	INTERFACES_MAX = 1024,
	BLOCK_LEAST = 12, /* type and two lengths */
	BLOCK_HEAD = 8,	  /* what stands before the body */
	SECTION_LEAST = 28,
	AHEAD = 512, /* as in pcap.c */
};

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OLD = 2,
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
};

static const uint32_t order_magic = 0x1a2b3c4d;

enum { OPTION_END = 0, OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };

struct interface {
	uint16_t link;
	bool refused; /* its description was: frames that name it are refused too */
	uint32_t snaplen;
	struct nr_ticks ticks;
};

struct pcapng {
	bool swapped, started;
	size_t n_interfaces;
	struct interface *interfaces;
	size_t interfaces_cap;
	int64_t newest;
};

/** A whole block in memory. */
struct chunk {
	const uint8_t *at; /* its first byte */
	const uint8_t *body;
	size_t n; /* of the body */
	uint32_t type;
};

static inline uint32_t get32(const uint8_t *p, bool swapped)
{
	uint32_t v = nr_get_le32(p);

	return swapped ? __builtin_bswap32(v) : v;
}

static inline uint16_t get16(const uint8_t *p, bool swapped)
{
	return (uint16_t)(swapped ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static bool pcapng_is(const uint8_t head[4])
{
	return nr_get_le32(head) == BLOCK_SECTION;
}

static int pcapng_open(void **ret_self)
{
	struct pcapng *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	*ret_self = self;
	return 0;
}

static void pcapng_close(void *vself)
{
	struct pcapng *self = vself;

	if (self != NULL)
		free(self->interfaces);
	free(self);
}

NR_PRINTF(2, 3) static int damaged(struct nr_walk *walk, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(walk->why, sizeof(walk->why), fmt, ap);
	va_end(ap);
	return NR_EDAMAGED;
}

/** Count a refused block; the first one of a walk says why. @p at is its offset from the walk's start. */
NR_PRINTF(3, 4) static void refuse(struct nr_walk *walk, uint64_t at, const char *fmt, ...)
{
	va_list ap;

	if (walk->n_refused++ > 0)
		return;
	walk->refused_at = at;
	va_start(ap, fmt);
	vsnprintf(walk->why, sizeof(walk->why), fmt, ap);
	va_end(ap);
}

static int section_begin(struct pcapng *self, struct nr_walk *walk, const uint8_t *block)
{
	uint32_t magic = nr_get_le32(block + 8);
	unsigned major;

	if (magic != order_magic && __builtin_bswap32(magic) != order_magic)
		return damaged(walk, "section header with unknown byte-order magic %08x", magic);
	self->swapped = magic != order_magic;
	major = get16(block + 12, self->swapped);
	if (major != 1) {
		(void)damaged(walk, "pcapng version %u.%u, want 1.x", major,
			      get16(block + 14, self->swapped));
		return self->started ? NR_EDAMAGED : NR_EVERSION;
	}
	self->started = true;
	self->n_interfaces = 0;
	return 0;
}

/** The two options that change the meaning of time stamps. @return false when they run past the block */
static bool options_read(const struct pcapng *self, const uint8_t *p, size_t n,
			 struct interface *inf)
{
	uint8_t resolution = 6; /* microseconds */
	int64_t offset_s = 0;

	while (n >= 4) {
		uint16_t code = get16(p, self->swapped), len = get16(p + 2, self->swapped);
		size_t padded = ((size_t)len + 3) & ~(size_t)3;

		if (code == OPTION_END)
			break;
		p += 4;
		n -= 4;
		if (padded > n)
			return false;
		if (code == OPTION_TSRESOL && len == 1)
			resolution = p[0];
		if (code == OPTION_TSOFFSET && len == 8) {
			uint64_t lo = get32(p, self->swapped), hi = get32(p + 4, self->swapped);

			offset_s = (int64_t)(self->swapped ? lo << 32 | hi : hi << 32 | lo);
		}
		p += padded;
		n -= padded;
	}
	inf->ticks = nr_ticks_of(resolution, offset_s);
	return true;
}

static int interface_place(struct pcapng *self, struct interface **ret_place)
{
	if (self->n_interfaces >= self->interfaces_cap) {
		size_t cap = nr_max_size(8, self->interfaces_cap * 2);
		struct interface *mem = realloc(self->interfaces, cap * sizeof(mem[0]));

		if (mem == NULL)
			return -ENOMEM;
		self->interfaces = mem;
		self->interfaces_cap = cap;
	}
	*ret_place = &self->interfaces[self->n_interfaces];
	return 0;
}

/** Every description takes a number, also a refused one, so that the next get theirs. */
static int interface_add(struct pcapng *self, struct nr_walk *walk, const struct chunk *b,
			 uint64_t at)
{
	struct interface *inf;

	if (self->n_interfaces >= INTERFACES_MAX) {
		refuse(walk, at, "more than %d interfaces in a section", INTERFACES_MAX);
		return 0;
	}
	if (interface_place(self, &inf) < 0) {
		(void)damaged(walk, "no memory for interfaces");
		return -ENOMEM;
	}
	*inf = (struct interface){ .refused = b->n < 8 };
	if (!inf->refused) {
		inf->link = get16(b->body, self->swapped);
		inf->snaplen = get32(b->body + 4, self->swapped);
		if (inf->snaplen == 0)
			inf->snaplen = UINT32_MAX;
		inf->refused = !options_read(self, b->body + 8, b->n - 8, inf);
	}
	if (inf->refused)
		refuse(walk, at, "interface description with fields or options past its end");
	self->n_interfaces++;
	return 0;
}

/** Interface @p id if frames may name it; NULL counts a refusal. */
static const struct interface *interface_get(const struct pcapng *self, struct nr_walk *walk,
					     uint32_t id, uint64_t at)
{
	if (NR_LIKELY(id < self->n_interfaces && !self->interfaces[id].refused))
		return &self->interfaces[id];
	refuse(walk, at, "packet of interface %u, which has no valid description", id);
	return NULL;
}

static inline void frame_add(struct nr_walk *walk, const struct interface *inf,
			     const struct nr_frame *frame)
{
	walk->n_oversize += frame->caplen > inf->snaplen;
	walk->block->frames[walk->block->n++] = *frame;
}

/** Enhanced and obsolete packet blocks: they differ in how the interface is written. */
static void packet_add(struct pcapng *self, struct nr_walk *walk, const struct chunk *b,
		       uint64_t at)
{
	const bool swapped = self->swapped;
	const struct interface *inf;
	struct nr_frame frame;
	uint64_t ticks;
	uint32_t id;

	if (NR_UNLIKELY(b->n < 20)) {
		refuse(walk, at, "packet block of %zu bytes", b->n + BLOCK_LEAST);
		return;
	}
	id = b->type == BLOCK_PACKET ? get32(b->body, swapped) : get16(b->body, swapped);
	inf = interface_get(self, walk, id, at);
	if (NR_UNLIKELY(inf == NULL))
		return;
	frame.caplen = get32(b->body + 12, swapped);
	if (NR_UNLIKELY(frame.caplen > b->n - 20 || frame.caplen > NR_CAPTURE_SNAP_MAX)) {
		refuse(walk, at, "packet block says %u captured bytes and has room for %zu",
		       frame.caplen, b->n - 20);
		return;
	}
	ticks = (uint64_t)get32(b->body + 4, swapped) << 32 | get32(b->body + 8, swapped);
	frame.flags = nr_ticks_to_ns(&inf->ticks, ticks, &frame.ts) ? 0 : NR_FRAME_TIME_ODD;
	frame.data = b->body + 20;
	frame.wirelen = get32(b->body + 16, swapped);
	frame.link = inf->link;
	if (frame.flags == 0 && frame.ts > self->newest)
		self->newest = frame.ts;
	frame_add(walk, inf, &frame);
}

static void simple_add(struct pcapng *self, struct nr_walk *walk, const struct chunk *b,
		       uint64_t at)
{
	const struct interface *inf;
	uint32_t wirelen, caplen;

	if (b->n < 4) {
		refuse(walk, at, "simple packet block of %zu bytes", b->n + BLOCK_LEAST);
		return;
	}
	inf = interface_get(self, walk, 0, at);
	if (inf == NULL)
		return;
	wirelen = get32(b->body, self->swapped);
	caplen = wirelen < inf->snaplen ? wirelen : inf->snaplen;
	if (caplen > b->n - 4 || caplen > NR_CAPTURE_SNAP_MAX) {
		refuse(walk, at, "simple packet block says %u bytes and has room for %zu", caplen,
		       b->n - 4);
		return;
	}
	frame_add(walk, inf,
		  &(struct nr_frame){ .ts = self->newest,
				      .data = b->body + 4,
				      .caplen = caplen,
				      .wirelen = wirelen,
				      .link = inf->link,
				      .flags = NR_FRAME_TIME_ODD });
}

static int block_use(struct pcapng *self, struct nr_walk *walk, const struct chunk *b, uint64_t at)
{
	switch (b->type) {
	case BLOCK_PACKET:
	case BLOCK_PACKET_OLD:
		packet_add(self, walk, b, at);
		return 0;
	case BLOCK_PACKET_SIMPLE:
		simple_add(self, walk, b, at);
		return 0;
	case BLOCK_INTERFACE:
		return interface_add(self, walk, b, at);
	case BLOCK_SECTION:
		return section_begin(self, walk, b->at);
	default:
		walk->n_skipped++;
		return 0;
	}
}

/** A block too long to be held: say so if we had wanted it, and pass over it. */
static int block_pass(struct pcapng *self, struct nr_walk *walk, uint32_t type, uint64_t length,
		      uint64_t at)
{
	size_t left = (size_t)(walk->end - walk->p);
	int ret = 0;

	if (type == BLOCK_SECTION)
		ret = section_begin(self, walk, walk->p);
	else if (type == BLOCK_PACKET || type == BLOCK_PACKET_OLD || type == BLOCK_PACKET_SIMPLE ||
		 type == BLOCK_INTERFACE)
		refuse(walk, at, "block of type %u is %llu bytes long, the limit is %d", type,
		       (unsigned long long)length, NR_CAPTURE_RECORD_MAX);
	else
		walk->n_skipped++;
	if (ret < 0)
		return ret;
	if (type == BLOCK_INTERFACE && self->n_interfaces < INTERFACES_MAX) {
		struct interface *inf;

		ret = interface_place(self, &inf);
		if (ret < 0)
			return ret;
		*inf = (struct interface){ .refused = true };
		self->n_interfaces++;
	}
	walk->p = length < left ? walk->p + length : walk->end;
	walk->skip = length < left ? 0 : length - left;
	return 0;
}

/**
 * Read type and length of the block at walk->p; a section header brings its own byte order.
 * @return 0; 1 need was set; NR_EDAMAGED
 */
static inline int head_read(struct pcapng *self, struct nr_walk *walk, uint32_t *ret_type,
			    uint32_t *ret_length)
{
	const uint8_t *p = walk->p;
	size_t left = (size_t)(walk->end - p);
	bool swapped = self->swapped;
	uint32_t type, length;

	if (left < BLOCK_LEAST) {
		walk->need = BLOCK_LEAST;
		return 1;
	}
	type = get32(p, swapped);
	if (NR_UNLIKELY(type == BLOCK_SECTION)) {
		uint32_t magic = nr_get_le32(p + 8);

		if (magic != order_magic && __builtin_bswap32(magic) != order_magic)
			return damaged(walk, "section header with unknown byte-order magic %08x",
				       magic);
		swapped = magic != order_magic;
	} else if (NR_UNLIKELY(!self->started)) {
		return damaged(walk, "no section header");
	}
	length = get32(p + 4, swapped);
	if (NR_UNLIKELY(length < (type == BLOCK_SECTION ? SECTION_LEAST : BLOCK_LEAST) ||
			length % 4 != 0))
		return damaged(walk, "block of type %u with a length of %u", type, length);
	/* a longer one is passed over, but a section header must be seen */
	size_t want = length <= NR_CAPTURE_RECORD_MAX ? length : SECTION_LEAST;
	if (left < want) {
		walk->need = want;
		return 1;
	}
	if (NR_UNLIKELY(length <= NR_CAPTURE_RECORD_MAX &&
			get32(p + length - 4, swapped) != length))
		return damaged(walk, "block of type %u whose two lengths differ, %u and %u", type,
			       length, get32(p + length - 4, swapped));
	*ret_type = type;
	*ret_length = length;
	return 0;
}

static int pcapng_walk(void *vself, struct nr_walk *walk)
{
	struct pcapng *self = vself;
	const uint8_t *start = walk->p;

	while (walk->block->n < NR_CAPTURE_BLOCK_FRAMES && walk->skip == 0) {
		uint64_t at = (uint64_t)(walk->p - start);
		uint32_t type = 0, length = 0;
		int ret;

		__builtin_prefetch(walk->p + AHEAD);
		ret = head_read(self, walk, &type, &length);
		if (ret != 0)
			return ret < 0 ? ret : 0;
		if (NR_UNLIKELY(length > NR_CAPTURE_RECORD_MAX)) {
			ret = block_pass(self, walk, type, length, at);
		} else {
			ret = block_use(self, walk,
					&(struct chunk){ .at = walk->p,
							 .body = walk->p + BLOCK_HEAD,
							 .n = length - BLOCK_LEAST,
							 .type = type },
					at);
			if (ret == 0)
				walk->p += length;
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

const struct nr_format nr_format_pcapng = {
	.name = "pcapng",
	.is = pcapng_is,
	.open = pcapng_open,
	.walk = pcapng_walk,
	.close = pcapng_close,
};
