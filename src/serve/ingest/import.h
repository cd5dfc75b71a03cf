/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * import: old captures into the journal, in their own time; the same file twice changes nothing.
 *
 * Shape    a file's import is named by (sensor, digest of its content): its epoch. Batches are
 *          numbered from 1; one that is
 *          in the journal already is left out. After a crash the journal says how far it came;
 *          the pipeline makes the
 *          same batches from the same file, so it goes on there.
 * Who      the hub for `noroshi hub import` over its socket, or the command itself on an open
 *          core
 * Threads  any
 */
#include "serve/hub/core.h"

struct nr_import; /* those at work, one a core */

struct nr_import_begun {
	struct nr_uuid sensor;
	uint64_t epoch, next_seq;
	uint64_t batches; /* when done */
	bool done;
};

NR_MUST_CHECK int nr_import_new(struct nr_core *core, struct nr_import **ret_import);
struct nr_import *nr_import_free(struct nr_import *import);
/** @p sensor is a name: made when new (state imported). */
NR_MUST_CHECK int nr_import_begin(struct nr_import *import, const char *sensor,
				  const struct nr_digest *content, const char *name,
				  const struct nr_registry_act *act,
				  struct nr_import_begun *ret_begun, struct nr_err *reterr);
/**
 * Append; durable only after nr_core_wait(*ret_at) (0: was there). @return 0; -EINVAL not the
 * next; -ENOSPC; NR_EDAMAGED no batch; ...
 */
NR_MUST_CHECK int nr_import_batch(struct nr_import *import, struct nr_uuid sensor, uint64_t epoch,
				  uint64_t seq, struct nr_bytes payload, uint64_t *ret_at,
				  struct nr_err *reterr);
/** All of it is durable: never again. */
NR_MUST_CHECK int nr_import_end(struct nr_import *import, struct nr_uuid sensor, uint64_t epoch,
				const struct nr_registry_act *act, uint64_t *ret_batches,
				struct nr_err *reterr);
