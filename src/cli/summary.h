/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * summary: the last record of `noroshi observe --json`: what was received and what became of it.
 *
 * Invariant  received = classified + the sum of dropped
 * JSON       "record": "summary"; the same whatever --only prints and however many threads worked
 */
#include "observe/capture/capture.h"
#include "observe/prepare.h"
#include "orient/infer.h"
#include "record/field.h"

struct nr_summary {
	uint64_t received, received_bytes, classified, classified_bytes;
	uint64_t sources, flows, findings;
	double seconds;		    /* from the first to the last classified packet */
	struct nr_time first, last; /* of classified packets; absent when there are none */
	bool has_monitored;
	uint64_t monitored_v4; /* N */
	bool has_mdr;
	double mdr; /* packets/s, attacks of mdr_window_s */
	double mdr_window_s;
	uint64_t refused;		     /* entries that a full table turned away */
	const char *prefix_data;	     /* version text; NULL: none */
	const struct nr_nets *nets;	     /* NULL: unknown */
	const struct nr_infer_result *infer; /* how they became known */
	const struct nr_pipeline_counts *counts;
	const struct nr_capture_stats *capture;
};

/** The i-th monitored prefix, IPv4 first. */
struct nr_prefix nr_summary_net(const struct nr_nets *nets, size_t i);

extern const struct nr_record_type nr_summary_type;
extern const char *const nr_infer_verdict_names[]; /* NULL-terminated, by enum nr_infer_verdict */
