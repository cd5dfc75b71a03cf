/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * benign_read: the two forms in which lists of addresses come, MISP JSON and plain text.
 *
 * Limits  NR_BENIGN_FILE bytes, NR_BENIGN_DEPTH levels of JSON, NR_BENIGN_PREFIXES entries: all
 *         checked before the JSON library sees the bytes
 */
#include "base/err.h"
#include "base/inet.h"

enum {
	NR_BENIGN_FILE = 128 << 20,
	NR_BENIGN_DEPTH = 8,
	NR_BENIGN_PREFIXES = 4000000,
	NR_BENIGN_NAME = 200
};

/** Takes one prefix of a list. @return 0 or a negative code, which ends the reading */
typedef int nr_benign_take(void *ctx, struct nr_prefix prefix);

/**
 * @param path  for errors and, for text, the list's name
 * @param ret_name  NR_BENIGN_NAME + 1 bytes, escaped
 * @return 0; NR_EFORMAT; NR_ELIMIT; what @p take returned
 */
NR_MUST_CHECK int nr_benign_read_json(const char *path, struct nr_bytes bytes, nr_benign_take *take,
				      void *ctx, char *ret_name, struct nr_err *reterr);
NR_MUST_CHECK int nr_benign_read_text(const char *path, struct nr_bytes bytes, nr_benign_take *take,
				      void *ctx, char *ret_name, struct nr_err *reterr);
