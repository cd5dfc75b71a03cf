/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * inflate: gzip and zstd, streamed: output goes where the caller says, as much as he says, so a
 * file that decompresses to a terabyte costs time but no memory.
 *
 * Both formats allow several members one after another; rotating tools write such files.
 * Limits  zstd windows up to 128 MiB (the library's default); larger ones are NR_EDAMAGED
 * Source  RFC 1952, RFC 8878
 */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "observe/capture/capture_int.h"

enum { GZIP_WINDOW = 15 + 16 /* zlib's way to say: with a gzip header */ };

struct nr_inflate {
	ZSTD_DStream *zstd; /* NULL: gzip */
	z_stream gzip;
	size_t hint;  /* zstd: how much input the next step takes */
	bool between; /* no member has begun that has not ended */
};

int nr_inflate_new(bool zstd, struct nr_inflate **ret_inflate)
{
	struct nr_inflate *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->between = true;
	if (zstd)
		f->zstd = ZSTD_createDStream();
	if (zstd ? f->zstd == NULL : inflateInit2(&f->gzip, GZIP_WINDOW) != Z_OK) {
		free(f);
		return -ENOMEM;
	}
	if (zstd)
		f->hint = ZSTD_initDStream(f->zstd);
	*ret_inflate = f;
	return 0;
}

struct nr_inflate *nr_inflate_free(struct nr_inflate *f)
{
	if (f == NULL)
		return NULL;
	if (f->zstd != NULL)
		ZSTD_freeDStream(f->zstd);
	else
		inflateEnd(&f->gzip);
	free(f);
	return NULL;
}

bool nr_inflate_may_end(const struct nr_inflate *f)
{
	return f->between;
}

static int gzip_run(struct nr_inflate *f, struct nr_raw *raw, uint8_t *dst, size_t n, size_t *ret_n,
		    struct nr_err *reterr)
{
	z_stream *z = &f->gzip;
	int ret;

	if (f->between) {
		if (raw->n == 0)
			return 0;
		inflateReset(z);
		f->between = false;
	}
	z->next_in = (z_const Bytef *)raw->p;
	z->avail_in = (uInt)nr_min_size(raw->n, UINT32_MAX);
	z->next_out = dst;
	z->avail_out = (uInt)nr_min_size(n, UINT32_MAX);
	ret = inflate(z, Z_NO_FLUSH);
	raw->n -= (size_t)(z->next_in - raw->p);
	raw->p = z->next_in;
	*ret_n = (size_t)(z->next_out - dst);
	if (ret == Z_STREAM_END)
		f->between = true;
	if (ret == Z_OK || ret == Z_STREAM_END || ret == Z_BUF_ERROR)
		return 0;
	return nr_fail(reterr, ret == Z_MEM_ERROR ? -ENOMEM : NR_EDAMAGED,
		       "the gzip data is broken");
}

static int zstd_run(struct nr_inflate *f, struct nr_raw *raw, uint8_t *dst, size_t n, size_t *ret_n,
		    struct nr_err *reterr)
{
	/* One step at a time: the library forgets what it had put out in a call that then fails. */
	ZSTD_inBuffer in = { .src = raw->p, .size = nr_min_size(raw->n, f->hint) };
	ZSTD_outBuffer out = { .dst = dst, .size = n };
	size_t ret;

	if (f->between && raw->n == 0)
		return 0;
	ret = ZSTD_decompressStream(f->zstd, &out, &in);
	raw->p += in.pos;
	raw->n -= in.pos;
	*ret_n = out.pos;
	if (ZSTD_isError(ret))
		return nr_fail(reterr, NR_EDAMAGED, "the zstd data is broken (%s)",
			       ZSTD_getErrorName(ret));
	f->between = ret == 0;
	f->hint = ret > 0 ? ret : ZSTD_initDStream(f->zstd);
	return 0;
}

int nr_inflate_run(struct nr_inflate *f, struct nr_raw *raw, uint8_t *dst, size_t n, size_t *ret_n,
		   struct nr_err *reterr)
{
	*ret_n = 0;
	return f->zstd != NULL ? zstd_run(f, raw, dst, n, ret_n, reterr)
			       : gzip_run(f, raw, dst, n, ret_n, reterr);
}
