/* SPDX-License-Identifier: Apache-2.0 */
/* Sources -> pool -> image -> file. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "orient/enrich/image.h"
#include "orient/enrich/prefixes.h"
#include "orient/enrich/prefixes_file.h"
#include "orient/enrich/readers.h"

enum { VERSION_MAX = 64 << 10 };

static int read_source(struct nr_pool *pool, const struct nr_prefixes_source *source,
		       struct nr_buf *version, struct nr_err *reterr)
{
	const struct nr_reader_format *format = NULL;
	struct nr_buf one;
	int ret = 0;

	if (source->format != NULL) {
		format = nr_reader_by_name(source->format);
		if (format == NULL)
			return nr_fail(reterr, NR_EUSAGE, "unknown format of prefix data: %s",
				       source->format);
	}
	nr_buf_init(&one, 1024);
	ret = nr_reader_run(pool, source->path, format, &one, reterr);
	/* two files of one package need naming once */
	if (ret == 0 && (version->n == 0 || memmem(version->p, version->n, one.p, one.n) == NULL)) {
		if (version->n > 0)
			nr_buf_add_str(version, NR_STR(", "));
		nr_buf_add_str(version, nr_buf_str(&one));
	}
	nr_buf_done(&one);
	pool->rank++;
	return ret;
}

/* Two files of one package are one source: IPv4 and IPv6 do not meet. */
static int read_all(struct nr_pool *pool, const struct nr_prefixes_sources *sources,
		    struct nr_buf *version, struct nr_err *reterr)
{
	const char *const paths[] = { sources->asn_v4, sources->asn_v6, sources->country_v4,
				      sources->country_v6 };
	int ret = 0;

	for (size_t i = 0; i < NR_COUNT(paths) && ret == 0; i++) {
		struct nr_prefixes_source source = { .path = paths[i] };

		if (source.path != NULL)
			ret = read_source(pool, &source, version, reterr);
	}
	for (size_t i = 0; i < sources->n_more && ret == 0; i++)
		ret = read_source(pool, &sources->more[i], version, reterr);
	if (ret == 0 && pool->n_rows == 0)
		return nr_fail(reterr, NR_EFORMAT, "the sources hold no prefixes");
	return ret;
}

int nr_prefixes_build(const struct nr_prefixes_sources *sources, const char *out_path,
		      struct nr_err *reterr)
{
	struct nr_buf version, file;
	struct nr_pool pool;
	int ret = nr_pool_init(&pool);

	nr_buf_init(&version, VERSION_MAX);
	nr_buf_init(&file, NR_PREFIXES_FILE_MAX);
	if (ret < 0)
		ret = nr_fail(reterr, ret, "%s", nr_err_text(ret));
	else
		ret = read_all(&pool, sources, &version, reterr);
	if (ret == 0) {
		ret = nr_image_make(&pool, nr_buf_str(&version), &file);
		if (ret < 0)
			ret = nr_fail(reterr, ret, "%s: %s", out_path, nr_err_text(ret));
	}
	nr_pool_done(&pool);
	if (ret == 0)
		ret = nr_io_replace(out_path, file.p, file.n, reterr);
	nr_buf_done(&version);
	nr_buf_done(&file);
	return ret;
}
