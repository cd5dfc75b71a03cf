/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * intake: what a batch that came in becomes: an entry of the journal, a repeat, a gap, or a refusal.
 *
 * The one way by which what sensors send gets into a journal. Imported files, which no sensor numbered: serve/import.h
 * Shape    judge by the ledger, append, apply to the ledger, tell the watch: all under one lock, in this order
 * Promise  may be acknowledged once the journal is durable up to `at` of the answer, and not before; that holds for a
 *          repeat too, whose first copy may still be on its way to the disk
 * Quarantine  of a sensor's contradictions one a minute is kept, at most; all are counted
 * Threads  any; nobody else appends batches or gaps of sensors, or applies to the ledger
 */
#include <pthread.h>

#include "orient/watch.h"
#include "store/journal.h"
#include "store/ledger.h"

struct nr_intake {
	struct nr_journal *journal;
	struct nr_ledger *ledger;
	struct nr_watch *watch; /* may be NULL */
	pthread_mutex_t *lock;	/* of journal appends, ledger and watch */
	uint64_t last_at;	/* newest place that this intake appended; under the lock */
	struct nr_uuid
		kept_of[8]; /* whose contradictions were kept lately, and when; under the lock */
	int64_t kept_ns[8];
};

struct nr_intake_batch {
	struct nr_uuid sensor;
	int64_t offset_ns; /* the hub's clock minus the sensor's */
	int64_t now_ns;
	struct nr_message_batch batch;
	struct nr_digest digest;   /* nr_message_digest() of it */
	struct nr_batch_info info; /* nr_batch_verify() of its payload */
};

struct nr_intake_answer {
	uint64_t at;	 /* acknowledge when durable up to here; refusals: 0 */
	uint8_t verdict; /* enum nr_ledger_verdict */
	uint8_t refusal; /* enum nr_refusal; 0: taken */
	const char *words;
};

/** @return 0: see the answer; negative: the journal's final error, nothing may be acknowledged any more */
NR_MUST_CHECK int nr_intake_batch(struct nr_intake *intake, const struct nr_intake_batch *batch,
				  struct nr_intake_answer *ret_answer);
NR_MUST_CHECK int nr_intake_gap(struct nr_intake *intake, struct nr_uuid sensor,
				const struct nr_message_gap *gap, int64_t now_ns,
				struct nr_intake_answer *ret_answer);
/** What is known of a sensor, and the place up to which the journal must be durable before anybody may be told. */
void nr_intake_known(struct nr_intake *intake, struct nr_uuid sensor,
		     struct nr_message_welcome *ret_welcome, uint64_t *ret_at);
