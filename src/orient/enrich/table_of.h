/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * table_of: for tests and benches: a prefix table made from text in memory, without files.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "orient/enrich/image.h"
#include "orient/enrich/prefixes.h"
#include "orient/enrich/prefixes_file.h"
#include "orient/enrich/readers.h"

/** Bytes of the file made from @p pool; the pool is done with. Initialises @p file. */
static inline int image_of_pool(struct nr_pool *pool, struct nr_buf *file)
{
	int ret = 0;

	nr_buf_init(file, NR_PREFIXES_FILE_MAX);
	ret = nr_image_make(pool, NR_STR("test 1"), file);
	nr_pool_done(pool);
	return ret;
}

/** The texts are sources in order of precedence. */
static inline int image_of_texts(const char *const *texts, size_t n, struct nr_buf *file)
{
	struct nr_pool pool;
	int ret = nr_pool_init(&pool);

	for (size_t i = 0; i < n && ret == 0; i++) {
		struct nr_str text = nr_str_from(texts[i]);

		ret = NR_EFORMAT;
		for (size_t f = 0; f < nr_readers_n && ret == NR_EFORMAT; f++)
			if (nr_readers[f].separator != '\0' && nr_text_fits(text, &nr_readers[f]))
				ret = nr_text_read(&pool, "test", text, &nr_readers[f], NULL);
		pool.rank++;
	}
	if (ret < 0) {
		nr_pool_done(&pool);
		nr_buf_init(file, 0);
		return ret;
	}
	return image_of_pool(&pool, file);
}

/** @p file must outlive the table. */
static inline int table_of_file(const struct nr_buf *file, struct nr_prefixes **ret_prefixes,
				struct nr_err *reterr)
{
	return nr_prefixes_load_bytes((struct nr_bytes){ file->p, file->n }, "test", ret_prefixes,
				      reterr);
}

/** Make the checksum right again after a change. */
static inline void fix_checksum(struct nr_buf *file)
{
	struct nr_prefixes_header *header = (struct nr_prefixes_header *)(void *)file->p;

	header->crc32c = 0;
	header->crc32c = nr_crc32c(0, file->p, file->n);
}
