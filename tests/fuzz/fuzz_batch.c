/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of observations from a hostile peer. The first byte chooses:
 *   even      the rest is a batch: its magic, version, size and checksum are made right, so that what lies behind
 *             them is reached. What decodes has the rows it promises, and encoding these again gives them back.
 *   odd       the rest is observations, 112 bytes each, the last one repeated with a change: what goes in comes out
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "record/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOME = 256, REPEAT = 200 };

static struct nr_batch_encoder *encoder;
static struct nr_batch_decoder *decoder;
static struct nr_observation *rows;

static void require(bool good)
{
	if (!good)
		abort();
}

static void round_trip(const struct nr_observation *obs, size_t n)
{
	struct nr_observation got[SOME];
	struct nr_batch_info info;
	struct nr_buf out;
	size_t at = 0;

	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	require(nr_batch_encoder_add(encoder, obs, n) == n);
	require(nr_batch_encoder_finish(encoder, &out) == 0);
	require(nr_batch_decoder_open(decoder, (struct nr_bytes){ out.p, out.n }, &info, NULL) ==
		0);
	require(info.n_rows == n && info.size == out.n);
	for (size_t k; (k = nr_batch_decoder_next(decoder, got, SOME)) > 0; at += k)
		require(at + k <= n && memcmp(got, obs + at, k * sizeof(got[0])) == 0);
	require(at == n);
	nr_buf_done(&out);
}

static void run_batch(const uint8_t *data, size_t size)
{
	struct nr_batch_info info;
	uint8_t *batch = malloc(size > 0 ? size : 1); /* exact: ASan sees a read behind it */
	size_t n = 0;

	require(batch != NULL);
	memcpy(batch, data, size);
	if (size >= NR_BATCH_HEADER) {
		uint32_t body = (uint32_t)(size - NR_BATCH_HEADER);

		memcpy(batch, "NRBT\1", 6);
		memcpy(batch + 12, &body, 4);
		uint32_t crc = nr_crc32c(nr_crc32c(0, batch, 8), batch + 12, size - 12);

		memcpy(batch + 8, &crc, 4);
	}
	if (nr_batch_decoder_open(decoder, (struct nr_bytes){ batch, size }, &info, NULL) == 0) {
		for (size_t k;
		     (k = nr_batch_decoder_next(decoder, rows + n, NR_BATCH_ROWS - n)) > 0;)
			n += k;
		require(n == info.n_rows);
		round_trip(rows, n);
	} else {
		require(nr_batch_decoder_next(decoder, rows, 1) == 0);
	}
	free(batch);
}

static void run_rows(const uint8_t *data, size_t size)
{
	size_t n = 0;

	for (; size >= sizeof(rows[0]) && n < NR_BATCH_ROWS;
	     size -= sizeof(rows[0]), data += sizeof(rows[0]))
		memcpy(&rows[n++], data, sizeof(rows[0]));
	for (size_t i = 0; n > 0 && i < REPEAT && size > 0 && n < NR_BATCH_ROWS; i++, n++) {
		rows[n] = rows[n - 1];
		((uint8_t *)&rows[n])[data[i % size] % sizeof(rows[0])] ^= data[(i + 1) % size];
	}
	if (n > 0)
		round_trip(rows, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (rows == NULL) {
		rows = calloc(NR_BATCH_ROWS, sizeof(rows[0]));
		require(rows != NULL && nr_batch_encoder_new(&encoder) == 0 &&
			nr_batch_decoder_new(&decoder) == 0);
	}
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		run_batch(data + 1, size - 1);
	else
		run_rows(data + 1, size - 1);
	return 0;
}
