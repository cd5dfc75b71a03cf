/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * backup: a hub's directory into a pack (pack.h) while the hub works, and out of it again.
 *
 * Whole    taken in this order: the newest snapshot is opened; the registry copied as of one moment;
 *          the segment of the journal at work closed; then the closed segments copied. So engine's
 *          place <= registry's <= journal's, and what was acknowledged before the copy began is in it.
 * Not in   store/ (made anew from the journal), what was acknowledged behind the closed segment
 * Restore  every digest is checked before the first byte is written, and again as it is; NOROSHI is
 *          written last, so a restore that was broken off is half-made and no hub. The hub gets a new
 *          epoch: cursors that were given out before are refused.
 * Errors   -EEXIST the target is there; NR_EDAMAGED which member; NR_EVERSION; -ENOSPC before
 *          anything is copied; NR_ELIMIT a member of 8 GiB or more
 */
#include "serve/hub/pack.h"

struct nr_backup_watch {
	/** Bytes of @p total done; now and then. Negative: give up. */
	int (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total);
	/** Close the journal's segment at work, and let nothing be erased for a while. */
	int (*roll)(void *ctx, struct nr_err *reterr);
	void *ctx;
};

/**
 * DIR into FILE, mode 0600, which must not exist; it has its name when it is whole.
 * @param without_keys leave keys/NAME.key out
 */
NR_MUST_CHECK int nr_backup_make(const char *dir, const char *file, bool without_keys,
				 const char *program, const struct nr_backup_watch *watch,
				 struct nr_pack *ret_pack, struct nr_err *reterr);
/** Check all of FILE. */
NR_MUST_CHECK int nr_backup_check(const char *file, const struct nr_backup_watch *watch,
				  struct nr_pack *ret_pack, struct nr_err *reterr);

struct nr_restored {
	struct nr_pack pack;
	char epoch[NR_UUID_TEXT]; /* the new one */
	uint64_t records;	  /* of the journal, all of them verified */
};
/**
 * FILE into DIR, which is made or is empty.
 * @param keys a directory to take keys/NAME.key from when FILE has none; else NULL
 */
NR_MUST_CHECK int nr_restore(const char *file, const char *dir, const char *keys, const char *actor,
			     const struct nr_backup_watch *watch, struct nr_restored *ret_restored,
			     struct nr_err *reterr);
