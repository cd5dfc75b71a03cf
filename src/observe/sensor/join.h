/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * join: how a sensor gets its identity: a key made here, a request signed by the hub, and a token
 * that says which hub.
 *
 * Talk     POST /api/v1/enrol over TLS 1.3 to a hub whose authority has the token's pin; nothing is
 *          sent to another. Body and answer: record/enrol.h
 * Limits   an answer of NR_ENROL_TEXT bytes and 16 KiB of head; 30 s
 */
#include "observe/sensor/settings.h"

/**
 * @param url  https://HOST:PORT or HOST:PORT
 * @param ret_words  what to tell: the sensor's UUID and where the hub takes batches; appended
 * @return 0; NR_EUSAGE; -EACCES; -EEXIST: it has joined before; other codes
 */
NR_MUST_CHECK int nr_join(const char *dir, const char *url, const char *token,
			  struct nr_buf *ret_words, struct nr_err *reterr);
