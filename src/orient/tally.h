/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * tally: what the report counts: packets, bytes and sources over time, by class, port, network and tool.
 *
 * In       observations (time, class, port) and source records of scan.v1 (network, economy, tool, level)
 * Shape    commutative: the result depends on the multiset of what was fed, not on its order, on cuts or
 *          on how many tallies shared the work before nr_tally_merge().
 *          time: at most NR_TALLY_BINS bins of 2^k seconds, aligned to 1970, k as small as fits;
 *          every row also keeps 8 coarse bins, from which the change of the second half of the
 *          covered time against the first follows (the bin that holds the middle is shared out by time).
 *          Distinct sources of bins and ports are sketches (nr_hll of nr_mix64 of the address; error
 *          3.3 % a bin, 1.6 % for ports below 1024 and common ones, 6.5 % for other ports). Sources of
 *          networks, economies and tools are counts of source records: an address that returns after
 *          the timeout of scan.v1 counts again, as it does in the output. Their packets are
 *          shared out over time evenly between first and last.
 * Cost     feed: about 8 ns an observation in batches of 64; two cache lines a row, both prefetched
 * Memory   51 MB of address space for ports (touched pages only), 104 bytes a prefix record
 * Limits   coarse bins of ports saturate at 2^32 - 1 packets: the change is then unknown. Nothing is refused.
 * Threads  one at a time each; merge afterwards
 * Units    ticks: seconds since 1970
 */
#include "base/cursor.h"
#include "observe/flow/flow4.h"
#include "orient/enrich/prefixes.h"
#include "record/observation.h"
#include "record/source.h"

enum { NR_TALLY_BINS = 128, NR_TALLY_COARSE = 8 };

struct nr_tally;

/** @p prefixes may be NULL; it is borrowed and must outlive the tally. @return 0; -ENOMEM */
NR_MUST_CHECK int nr_tally_new(const struct nr_prefixes *prefixes, struct nr_tally **ret_tally);
struct nr_tally *nr_tally_free(struct nr_tally *tally);
static inline void nr_tally_autofree(struct nr_tally **t)
{
	nr_tally_free(*t);
}

/** Observations with NR_OBS_MIRROR are skipped. */
void nr_tally_feed(struct nr_tally *tally, const struct nr_observation *obs, size_t n);
/** The same for IPv4 in the packed form. */
void nr_tally_feed_packed(struct nr_tally *tally, const struct nr_flow4 *flows, size_t n);
void nr_tally_source(struct nr_tally *tally, const struct nr_source *source);
/** Add all of @p from, made with the same prefixes. */
void nr_tally_merge(struct nr_tally *into, const struct nr_tally *from);
/** Versioned snapshot. Rows of networks are kept by AS number and economy, so the prefix data may change. */
void nr_tally_save(const struct nr_tally *tally, struct nr_buf *out);
/** Into a fresh tally. @return 0; NR_EVERSION; NR_EDAMAGED; -ENOMEM */
NR_MUST_CHECK int nr_tally_load(struct nr_tally *tally, struct nr_reader *in);

struct nr_tally_bin {
	uint64_t packets[NR_CLASS_N];
	uint64_t bytes;
	double sources; /* estimate */
};

struct nr_tally_time {
	bool any;
	int64_t first, last; /* ticks of the first and last observation */
	int64_t start;	     /* tick at which bins[0] begins */
	int64_t width;	     /* seconds a bin */
	size_t n;
	struct nr_tally_bin bins[NR_TALLY_BINS];
};
void nr_tally_time(const struct nr_tally *tally, struct nr_tally_time *ret_time);

enum nr_tally_kind {
	NR_TALLY_PORT,
	NR_TALLY_CLASS,
	NR_TALLY_AS,
	NR_TALLY_ECONOMY,
	NR_TALLY_TOOL,
	NR_TALLY_LEVEL
};

struct nr_tally_row {
	uint8_t proto;		 /* NR_TALLY_PORT */
	uint16_t port;		 /* NR_TALLY_PORT; ICMP: the type */
	uint8_t index;		 /* enum nr_class, nr_mark or nr_level */
	uint32_t asn;		 /* NR_TALLY_AS; 0: unknown */
	const char *as_name;	 /* NR_TALLY_AS; NULL: unknown; lives as long as the prefixes */
	char economy[3];	 /* NR_TALLY_AS, NR_TALLY_ECONOMY; "" unknown */
	uint64_t packets, bytes; /* bytes: ports and classes only */
	double sources;
	bool estimated; /* sources is an estimate */
	bool has_halves;
	double half[2]; /* packets in the first and second half of the covered time */
};

/** The @p max rows with most packets, most first; ties in order of key. @return number of rows written */
size_t nr_tally_top(const struct nr_tally *tally, enum nr_tally_kind kind,
		    struct nr_tally_row *rows, size_t max);
/** Number of rows with packets. */
size_t nr_tally_count(const struct nr_tally *tally, enum nr_tally_kind kind);
uint64_t nr_tally_packets(const struct nr_tally *tally);
uint64_t nr_tally_bytes(const struct nr_tally *tally);
