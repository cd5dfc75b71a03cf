/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * trial: one lab world through the real engine, with the oracle beside it.
 *
 * Shape    the world runs on a thread of its own and writes a capture into a pipe; the engine reads it
 *          as it reads any file. What it says is kept and compared afterwards.
 * Threads  two, joined before nr_lab_trial_run() returns
 */
#include "learn/lab/oracle.h"
#include "record/finding.h"
#include "record/source.h"

/** What the engine said of a source. */
struct nr_lab_said {
	struct nr_ip src;
	int64_t first, last, detected;
	uint64_t packets;
	double rate_lo, rate, rate_hi;
	uint32_t detected_packets;
	uint16_t tools;
	uint8_t level, traffic_class;
	bool has_rate;
};

struct nr_lab_finding {
	char detector[16], kind[16], subject[NR_SUBJECT_TEXT];
	int64_t first, last, detected;
	bool is_moore; /* rsdos.v1: the published rule is met too */
};

struct nr_lab_trial {
	struct nr_lab_oracle oracle;
	struct nr_table said, findings; /* dense */
	uint64_t packets, n_refused, n_v4;
	double engine_s;
};

struct nr_lab_trial_options {
	struct nr_lab_options world;
	void (*populate)(struct nr_lab_world *world, const void *ctx);
	const void *ctx;
};

/** @p ret_trial: nr_lab_trial_done() always. @return 0 or what failed */
NR_MUST_CHECK int nr_lab_trial_run(const struct nr_lab_trial_options *options,
				   struct nr_lab_trial *ret_trial, struct nr_err *reterr);
void nr_lab_trial_done(struct nr_lab_trial *trial);
