/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * readers: the formats in which prefix data is published, one row each in nr_readers[].
 *
 * A text format is a list of columns and needs no code of its own. When no format is named, the
 * first line that is not a comment decides: the first row of the table that can read it.
 *
 * Limits  files of NR_READERS_FILE bytes (gzip: after unpacking), lines of NR_READERS_LINE bytes
 * Source  README of each package of github.com/sapics/ip-location-db; iptoasn.com; CAIDA
 *         routeviews-prefix2as README; MaxMind DB file format 2.0; header of Debian's tor-geoipdb
 */
#include "base/buf.h"
#include "orient/enrich/pool.h"

enum { NR_READERS_FILE = 1 << 30, NR_READERS_LINE = 8192 };

enum nr_reader_column {
	NR_COLUMN_END,	 /* ends the list of columns */
	NR_COLUMN_FIRST, /* address or its decimal number */
	NR_COLUMN_LAST,
	NR_COLUMN_NET, /* address of a prefix */
	NR_COLUMN_LEN, /* its length */
	NR_COLUMN_ASN,
	NR_COLUMN_ASN_SET, /* pfx2as: "1_2" several origins, "1,2" an AS set: the first one counts */
	NR_COLUMN_NAME,
	NR_COLUMN_ECONOMY,
};

enum { NR_READERS_COLUMNS = 6 };

struct nr_reader_format {
	const char *name, *summary;
	char separator; /* 0: not text */
	bool quoted;	/* RFC 4180 quotes */
	enum nr_reader_column columns[NR_READERS_COLUMNS];
};

extern const struct nr_reader_format nr_readers[];
extern const size_t nr_readers_n;

const struct nr_reader_format *nr_reader_by_name(const char *name);

/**
 * Add all rows of the file at @p path to @p pool. @p format NULL: found from the content.
 * @param version  what to call this data is appended: package and version, or file name and
 *         checksum
 * @return 0; NR_EFORMAT, naming file and line; NR_ELIMIT; -errno. Drop the pool
 * then: it holds a part.
 */
NR_MUST_CHECK int nr_reader_run(struct nr_pool *pool, const char *path,
				const struct nr_reader_format *format, struct nr_buf *version,
				struct nr_err *reterr);

/** mmdb.c: the same for the bytes of a MaxMind DB at @p path. */
NR_MUST_CHECK int nr_mmdb_read(struct nr_pool *pool, const char *path, struct nr_buf *version,
			       struct nr_err *reterr);
/** text.c: the same for text. */
NR_MUST_CHECK int nr_text_read(struct nr_pool *pool, const char *path, struct nr_str text,
			       const struct nr_reader_format *format, struct nr_err *reterr);
/** Whether @p format can read the first line of @p text that says something. */
bool nr_text_fits(struct nr_str text, const struct nr_reader_format *format);
