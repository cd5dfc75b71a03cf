/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * prefixes_int: the loaded table, shared by those who look up in it and the one who checks it.
 */
#include "orient/enrich/prefixes.h"
#include "orient/enrich/prefixes_file.h"

/* The portable build has no instruction that counts bits; a function with this mark may use it. */
#if defined(__x86_64__)
#define NR_COUNT_BITS_TARGET __attribute__((target("popcnt")))
#define NR_CPU_COUNTS_BITS   (__builtin_cpu_supports("popcnt") != 0)
#else
#define NR_COUNT_BITS_TARGET
#define NR_CPU_COUNTS_BITS true
#endif
#define NR_ALWAYS_INLINE static inline __attribute__((always_inline))

struct nr_prefixes {
	/* what a lookup touches first */
	const struct nr_prefixes_group *v4_top, *v4_fine;
	const uint32_t *v4_runs, *v4_fine_runs;
	bool counts_bits; /* the processor has an instruction for it */

	const uint64_t *v6_starts, *v6_fine_starts;
	const uint32_t *v6_index, *v6_values, *v6_fine, *v6_fine_values;
	uint32_t n[NR_SECTIONS]; /* elements of each section */

	const struct nr_prefixes_record *records;
	const char *names, *version;
	const uint8_t *bytes;
	size_t n_bytes;
	void *mapped; /* owned, munmap; NULL when the bytes are borrowed */
	size_t n_mapped;
	uint32_t crc32c;
};

/**
 * Check all of @p prefixes->bytes and fill the pointers. @p name stands in errors.
 * @return 0; NR_EFORMAT, NR_EVERSION, NR_EDAMAGED
 */
NR_MUST_CHECK int nr_prefixes_check(struct nr_prefixes *prefixes, const char *name,
				    struct nr_err *reterr);
/** The part behind the checksum: for a file that has a header at all, whatever it says. The same errors. */
NR_MUST_CHECK int nr_prefixes_check_content(struct nr_prefixes *prefixes, const char *name,
					    struct nr_err *reterr);
