/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * prefixes: longest prefix -> origin AS number and name, economy.
 *
 * In       CSV of npm @ip-location-db/asn (start,end,asn,name) and asn-country (start,end,economy);
 *          later: CAIDA pfx2as; or a .mmdb file as second source
 * Shape    one immutable file, loaded read-only (mmap) at start: IPv4 as DIR-24-8 with 32-bit
 *          entries; IPv6 as a sorted range table with an index; a table of (asn, economy, name)
 *          records that entries point to, deduplicated. Built once by nr_prefixes_build().
 * Cost     IPv4: one load, rarely two. IPv6: binary search below a 16-bit index.
 * Threads  any number may look up at once
 * Limits   2^24 distinct records; the file is checked (magic, version, CRC32C, bounds) at load
 * Source   RFC 4632 5.1; Gupta et al. 1998 (DIR-24-8)
 */
#include "base/err.h"
#include "base/inet.h"
#include "base/str.h"

struct nr_origin {
	uint32_t asn;	      /* 0: unknown */
	const char *as_name;  /* NULL: unknown; lives as long as the table */
	char economy[3];      /* "" unknown */
};

struct nr_prefixes;

/** Read the CSV sources and write the compact file to @p out_path (replaced atomically). */
struct nr_prefixes_sources {
	const char *asn_v4, *asn_v6, *country_v4, *country_v6; /* paths, NULL: none */
};
NR_MUST_CHECK int nr_prefixes_build(const struct nr_prefixes_sources *sources, const char *out_path,
				    struct nr_err *reterr);
NR_MUST_CHECK int nr_prefixes_load(const char *path, struct nr_prefixes **ret_prefixes, struct nr_err *reterr);
struct nr_prefixes *nr_prefixes_free(struct nr_prefixes *prefixes);
static inline void nr_prefixes_autofree(struct nr_prefixes **p)
{
	nr_prefixes_free(*p);
}

/**
 * Index of the record of @p ip, 0 when nothing is known. Small dense integers: callers may keep
 * counters per index (below nr_prefixes_n()).
 */
uint32_t nr_prefixes_find(const struct nr_prefixes *prefixes, struct nr_ip ip);
uint32_t nr_prefixes_find_v4(const struct nr_prefixes *prefixes, uint32_t ip_host_order);
/** The record; @p index 0 gives an empty one. @p prefixes may be NULL. */
struct nr_origin nr_prefixes_origin(const struct nr_prefixes *prefixes, uint32_t index);
uint32_t nr_prefixes_n(const struct nr_prefixes *prefixes);
/** Version text of the data for reports: source names and dates. */
const char *nr_prefixes_version(const struct nr_prefixes *prefixes);
