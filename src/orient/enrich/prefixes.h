/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * prefixes: longest prefix -> origin AS number and name, economy.
 *
 * In       the formats of readers.h: CSV of npm @ip-location-db/asn (first,last,asn,name) and
 *          asn-country (first,last,economy), CAIDA pfx2as, iptoasn, tor-geoipdb, .mmdb
 * Shape    one immutable file, read whole at start: IPv4 as DIR-24-8 whose equal neighbours are
 *          folded (4 MiB and the runs, not 64 MiB); IPv6 as a sorted table with an index; a table
 *          of (asn, economy, name) records that entries point to, deduplicated. Built once by
 *          nr_prefixes_build().
 * Rule     AS and economy are separate sets. In each, the source named first that knows an address
 *          decides; within a source the more specific range, then the one that stands first.
 * Cost     IPv4: two loads, rarely four. IPv6: binary search within a /20.
 * Threads  any number may look up at once
 * Limits   2^24 distinct records; the file is checked (magic, version, CRC32C, bounds) at load
 * Source   RFC 4632 5.1; Gupta et al. 1998 (DIR-24-8); Asai and Ohara 2015 (counting bits for an
 *          index)
 */
#include "base/err.h"
#include "base/inet.h"
#include "base/str.h"

struct nr_origin {
	uint32_t asn;	     /* 0: unknown */
	const char *as_name; /* NULL: unknown; lives as long as the table */
	char economy[3];     /* "" unknown */
};

struct nr_prefixes;

struct nr_prefixes_source {
	const char *path;
	const char *format; /* a name of nr_readers[], NULL: found from the content */
};

/** Order is precedence: the four paths, then `more`. Zero-initialise what is not used. */
struct nr_prefixes_sources {
	const char *asn_v4, *asn_v6, *country_v4, *country_v6; /* paths, NULL: none */
	const struct nr_prefixes_source *more;
	size_t n_more;
};

/** Read the sources and write the compact file to @p out_path (replaced atomically, or left as it was). */
NR_MUST_CHECK int nr_prefixes_build(const struct nr_prefixes_sources *sources, const char *out_path,
				    struct nr_err *reterr);
/** @return 0; NR_EFORMAT, NR_EVERSION, NR_EDAMAGED; -errno */
NR_MUST_CHECK int nr_prefixes_load(const char *path, struct nr_prefixes **ret_prefixes,
				   struct nr_err *reterr);
struct nr_prefixes *nr_prefixes_free(struct nr_prefixes *prefixes);
static inline void nr_prefixes_autofree(struct nr_prefixes **p)
{
	nr_prefixes_free(*p);
}

/**
 * The same for a file that is in memory. @p bytes are borrowed until the table is freed and begin
 * at a multiple of 8. @p name stands in errors.
 */
NR_MUST_CHECK int nr_prefixes_load_bytes(struct nr_bytes bytes, const char *name,
					 struct nr_prefixes **ret_prefixes, struct nr_err *reterr);

/**
 * Index of the record of @p ip, 0 when nothing is known. Small dense integers: callers may keep
 * counters per index (below nr_prefixes_n()).
 */
uint32_t nr_prefixes_find(const struct nr_prefixes *prefixes, struct nr_ip ip);
uint32_t nr_prefixes_find_v4(const struct nr_prefixes *prefixes, uint32_t ip_host_order);
/** Bring the line that nr_prefixes_find_v4() reads first near; call it some 10 lookups ahead. */
void nr_prefixes_prefetch_v4(const struct nr_prefixes *prefixes, uint32_t ip_host_order);
/** The same answers for @p n addresses, their loads overlapped. */
void nr_prefixes_find_v4_batch(const struct nr_prefixes *prefixes, const uint32_t *ips_host_order,
			       uint32_t *ret_indexes, size_t n);
/** The record; @p index 0 gives an empty one. @p prefixes may be NULL. */
struct nr_origin nr_prefixes_origin(const struct nr_prefixes *prefixes, uint32_t index);
uint32_t nr_prefixes_n(const struct nr_prefixes *prefixes);
/** Version text of the data for reports: source names and dates. */
const char *nr_prefixes_version(const struct nr_prefixes *prefixes);

struct nr_prefixes_info {
	uint64_t n_bytes;
	uint32_t n_records;
	uint32_t n_v4_runs, n_v4_fine; /* runs of equal /24; /24 that are cut within */
	uint32_t n_v6_segments, n_v6_fine;
	uint32_t crc32c;
};
struct nr_prefixes_info nr_prefixes_info(const struct nr_prefixes *prefixes);
