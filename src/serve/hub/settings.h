/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * settings: hub.yaml, read through libcyaml: every key has a safe default; an unknown one, a
 * wrong type or a value out of
 * bounds is an error with its line.
 *
 * Limits  64 KiB of text
 */
#include "base/buf.h"

enum { NR_SETTINGS_TEXT = 256, NR_SETTINGS_LISTS = 16 };

struct nr_settings {
	const char *listen;    /* HTTPS: API */
	const char *ingest;    /* TLS: sensors */
	const char *advertise; /* what sensors are told to reach; NULL: where ingest listens */
	uint32_t rate, burst;  /* requests of a token */
	uint32_t streams, recheck_s; /* of events */
	uint32_t segment_mib, reserve_mib;
	uint32_t journal_days, journal_gib; /* 0: no limit */
	uint32_t store;			    /* 0: observations are kept in the journal only */
	uint32_t store_memory_mib, store_threads, store_days;
	uint32_t workers, entries, waiting, lateness_s, silence_s, snapshot_s, snapshot_mib;
	uint32_t quorum;      /* sensors that must have seen what others may know, at least */
	const char *prefixes; /* NULL: none */
	const char *const *benign;
	unsigned n_benign;
};

struct nr_settings_file;

/** What init writes: every key with its default, as a comment. */
extern const char nr_settings_example[];

/** @return 0; -ENOENT; NR_EFORMAT: reterr says "FILE: line N: ..." */
NR_MUST_CHECK int nr_settings_read(const char *path, struct nr_settings_file **ret_file,
				   struct nr_err *reterr);
/** Lives as long as the file. */
const struct nr_settings *nr_settings_of(const struct nr_settings_file *file);
struct nr_settings_file *nr_settings_free(struct nr_settings_file *file);
/**
 * Each key in which two settings differ, as "journal.keep_days"; @p live: a hub that runs can take it
 * over.
 */
void nr_settings_compare(const struct nr_settings *a, const struct nr_settings *b,
			 void (*each)(void *ctx, const char *key, bool live), void *ctx);
/** The settings in force, as a file that reads back the same. */
void nr_settings_print(const struct nr_settings *settings, struct nr_buf *out);
