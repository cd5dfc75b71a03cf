/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * prefixes_file: the layout of the compact prefix file, shared by the one who writes it and the one
 * who reads it. docs/internals/prefixes.md draws it.
 *
 * Shape   header, then the sections of the table in the header, in the order of enum
 *         nr_prefixes_section, each at a multiple of 64 bytes, zeros between, nothing behind
 * Units   all integers little-endian
 */
#include "base/def.h"

#define NR_PREFIXES_MAGIC "NRPFX\r\n\x1a"

enum { NR_PREFIXES_FORMAT = 1, NR_PREFIXES_ALIGN = 64, NR_PREFIXES_FILE_MAX = 1 << 30 };

/** Set in a value of a first level: the rest is the number of a fine block. */
#define NR_PREFIXES_FINE UINT32_C(0x80000000)

/**
 * 32 neighbouring slots. Bit i of `starts`: slot i begins a new run. `base` is the number of the
 * run that the slot before the first one belongs to (0 for the first group), so that slot i belongs
 * to run base + popcount(starts & bits 0..i).
 */
struct nr_prefixes_group {
	uint32_t starts;
	uint32_t base;
};

struct nr_prefixes_record {
	uint32_t asn;
	uint32_t name; /* offset in the names section; 0: none */
	char economy[2];
	uint16_t zero;
};

enum nr_prefixes_section {
	NR_SECTION_VERSION, /* text, NUL at the end */
	NR_SECTION_RECORDS, /* record 0 is empty */
	NR_SECTION_NAMES,   /* NUL-terminated, the first one empty */
	NR_SECTION_V4_TOP,  /* groups over the 2^24 blocks of 256 addresses */
	NR_SECTION_V4_RUNS, /* value of each run: record, or NR_PREFIXES_FINE and a block number */
	NR_SECTION_V4_FINE, /* 8 groups per fine block, over its 256 addresses */
	NR_SECTION_V4_FINE_RUNS, /* records */
	NR_SECTION_V6_INDEX, /* 2^17 + 1: the segment that holds the first address of each /20 of 2000::/3 */
	NR_SECTION_V6_STARTS,	   /* upper halves, 64 bits, rising, the first 0 */
	NR_SECTION_V6_VALUES,	   /* record, or NR_PREFIXES_FINE and a block number */
	NR_SECTION_V6_FINE,	   /* blocks + 1: where in the lower halves each begins */
	NR_SECTION_V6_FINE_STARTS, /* lower halves, rising within a block, each block's first 0 */
	NR_SECTION_V6_FINE_VALUES, /* records */
	NR_SECTIONS,
};

enum {
	NR_PREFIXES_SLOTS = 32,
	NR_PREFIXES_TOP_GROUPS = (1 << 24) / NR_PREFIXES_SLOTS,
	NR_PREFIXES_FINE_GROUPS = 256 / NR_PREFIXES_SLOTS,
	NR_PREFIXES_V6_INDEX = (1 << 17) + 1,
	NR_PREFIXES_V6_SHIFT = 44, /* of the upper half: /20 */
};
#define NR_PREFIXES_V6_FIRST (UINT64_C(0x2000000000000000) >> NR_PREFIXES_V6_SHIFT)

struct nr_prefixes_header {
	char magic[8];
	uint32_t format;
	uint32_t crc32c; /* of the whole file with this field zero */
	uint64_t size;	 /* of the file */
	uint32_t n_sections;
	uint32_t zero;
	struct {
		uint64_t at, n_bytes;
	} sections[NR_SECTIONS];
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the prefix file is used as it lies in memory");
_Static_assert(sizeof(struct nr_prefixes_record) == 12 && sizeof(struct nr_prefixes_group) == 8,
	       "no padding");
_Static_assert(sizeof(struct nr_prefixes_header) == 32 + 16 * NR_SECTIONS, "no padding");

/** Bytes of one element of each section. */
static inline size_t nr_prefixes_element(enum nr_prefixes_section section)
{
	switch (section) {
	case NR_SECTION_VERSION:
	case NR_SECTION_NAMES:
		return 1;
	case NR_SECTION_RECORDS:
		return sizeof(struct nr_prefixes_record);
	case NR_SECTION_V4_TOP:
	case NR_SECTION_V4_FINE:
		return sizeof(struct nr_prefixes_group);
	case NR_SECTION_V6_STARTS:
	case NR_SECTION_V6_FINE_STARTS:
		return sizeof(uint64_t);
	case NR_SECTION_V4_RUNS:
	case NR_SECTION_V4_FINE_RUNS:
	case NR_SECTION_V6_INDEX:
	case NR_SECTION_V6_VALUES:
	case NR_SECTION_V6_FINE:
	case NR_SECTION_V6_FINE_VALUES:
		return sizeof(uint32_t);
	case NR_SECTIONS:
		break;
	}
	return 0;
}
