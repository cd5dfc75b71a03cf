/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * pool: what the readers of prefix sources have found, before it is made into a table.
 *
 * Shape   two independent sets, origins (AS number and name) and economies, each with IPv4 and IPv6
 *         ranges. A range's value is an id of `origins`, or the two letters of an economy.
 * Limits  names of NR_POOL_NAME bytes, the ranges of ranges.h
 */
#include "base/inet.h"
#include "orient/enrich/intern.h"
#include "orient/enrich/ranges.h"

enum nr_pool_family { NR_POOL_V4, NR_POOL_V6 };
enum { NR_POOL_FAMILIES = 2, NR_POOL_NAME = 255 };

struct nr_pool {
	struct nr_ranges origin[NR_POOL_FAMILIES], economy[NR_POOL_FAMILIES];
	struct nr_intern *names;
	struct nr_intern *origins; /* of struct nr_pool_origin */
	uint32_t rank;		   /* of the source being read: 0 for the first */
	uint64_t n_rows;	   /* rows with something to say */
};

struct nr_pool_origin {
	uint32_t asn;
	uint32_t name; /* id in names */
};

/** One statement of a source about addresses. */
struct nr_pool_row {
	enum nr_pool_family family;
	nr_u128 lo, hi;	    /* closed; IPv4 as its 32-bit number */
	uint32_t asn;	    /* 0: says nothing about the origin */
	struct nr_str name; /* any bytes; may be empty */
	char economy[3];    /* "": says nothing about the economy */
};

NR_MUST_CHECK int nr_pool_init(struct nr_pool *pool);
void nr_pool_done(struct nr_pool *pool);
/** @return 0; -EINVAL when lo > hi or beyond the family; NR_ELIMIT; -ENOMEM */
NR_MUST_CHECK int nr_pool_add(struct nr_pool *pool, const struct nr_pool_row *row);
struct nr_pool_origin nr_pool_origin(const struct nr_pool *pool, uint32_t id);

/** "JP" from two letters of either case. @return 0, @p out "" for the words of "unknown"; -EINVAL */
NR_MUST_CHECK int nr_pool_economy(struct nr_str text, char out[3]);
/** The family's last address. */
nr_u128 nr_pool_last(enum nr_pool_family family);
/** Family and number of @p ip. */
enum nr_pool_family nr_pool_number(struct nr_ip ip, nr_u128 *ret_number);
