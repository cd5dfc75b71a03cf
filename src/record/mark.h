/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * mark: the signs by which tools and malware families betray themselves in headers, in one table.
 *
 * Code, documentation (docs/internals/dissection.md) and tests read this table. Predicates over single packets stand
 * in observe/classify/mark.c, those over pairs of packets of one source in observe/classify/pair.c.
 * Order    the enum is a wire format: append only.
 */
#include "base/def.h"

enum nr_mark {
	NR_MARK_MIRAI,	     /* TCP SYN, seq == destination address */
	NR_MARK_MASSCAN,     /* ip.id == (dst ^ dport ^ seq) & 0xffff */
	NR_MARK_ZMAP,	     /* ip.id 54321: classic ZMap */
	NR_MARK_ZMAP_NEW,    /* window 65535, Windows-order options, TTL > 200 */
	NR_MARK_NMAP,	     /* pair: nmap's header, and equal halves of seq1 ^ seq2 */
	NR_MARK_UNICORNSCAN, /* pair: seq1 ^ seq2 == dst1 ^ dst2 ^ sp1 ^ sp2 ^ (dp1 ^ dp2) << 16 */
	NR_MARK_HAJIME,	     /* window 14600 to its ports: weak */
	NR_MARK_CONFICKER,   /* TCP 445, 2nd and 4th octet of destination < 128: weak, needs many */
	NR_MARK_SAME_SEQ,    /* pair: other destination, same sequence number: corroborates */
	NR_MARK_EXPLOIT,     /* payload that orders a download and a run */
	NR_MARK_N,
	NR_MARK_SLOTS = 12, /* room on the wire */
};

/** What the mark names when it decides. */
enum nr_mark_kind { NR_MARK_KIND_TOOL, NR_MARK_KIND_MALWARE, NR_MARK_KIND_TRAIT };

struct nr_mark_info {
	const char *name; /* as printed in `tools`: "mirai", "masscan", ... */
	enum nr_mark_kind kind;
	bool pair;	    /* needs two packets of one source */
	const char *fields; /* header fields it reads */
	uint8_t packets;    /* marked packets (or pairs) needed to decide */
	uint8_t packets_alone; /* this few suffice when every packet that could carry it does; 0: never */
	float min_share;       /* of the source's packets that could carry it and do, to decide */
	float chance_log2;  /* chance that a random packet carries it, log2 */
	bool travels;	    /* false: computed at the sensor, carried as a count */
	const char *source; /* where the rule comes from */
	const char *help;
};

extern const struct nr_mark_info nr_marks[NR_MARK_N];
/** Name of a mark; "unknown" beyond the table. */
const char *nr_mark_name(uint8_t mark);
