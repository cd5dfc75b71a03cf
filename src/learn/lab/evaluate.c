/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/evaluate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

#define SECOND NR_NS_PER_S
#define HOUR   (3600 * SECOND)

const char *const nr_lab_size_names[NR_LAB_SIZES] = { "64", "1k", "4k", "65k", "475k", "16M" };

/* Times are chosen so that each size sees about as many packets. */
static const struct {
	const char *nets[4];
	size_t n_nets;
	int64_t scan_time, rates_time;
} sizes[NR_LAB_SIZES] = {
	{ { "198.18.0.0/26" }, 1, 336 * HOUR, 336 * HOUR },
	{ { "198.18.0.0/22" }, 1, 48 * HOUR, 48 * HOUR },
	{ { "198.18.0.0/20" }, 1, 12 * HOUR, 12 * HOUR },
	{ { "198.18.0.0/16" }, 1, HOUR, HOUR },
	{ { "44.0.0.0/14", "44.4.0.0/15", "44.6.0.0/16", "44.7.0.0/18" },
	  4,
	  600 * SECOND,
	  1800 * SECOND },
	{ { "44.0.0.0/8" }, 1, 60 * SECOND, 900 * SECOND },
};

struct part {
	const char *name;
	void (*populate)(struct nr_lab_world *world, const void *ctx);
	int64_t duration;
};

static void say(const struct nr_lab_evaluate_options *options, const char *part, size_t size,
		uint64_t seed)
{
	char text[80];

	if (options->progress == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s, %s addresses, seed %llu", part,
		       nr_lab_size_names[size], (unsigned long long)seed);
	options->progress(options->progress_ctx, text);
}

/* Run one world; the caller scores the trial and releases it. */
static int run(const struct part *part, size_t size, uint64_t seed, struct nr_lab_trial *trial,
	       struct nr_err *reterr)
{
	struct nr_prefix nets[NR_COUNT(sizes[0].nets)];
	struct nr_lab_part_ctx ctx = { 0 };
	struct nr_lab_trial_options options = { .populate = part->populate, .ctx = &ctx };
	double n_v4 = 0;

	*trial = (struct nr_lab_trial){ 0 };
	for (size_t i = 0; i < sizes[size].n_nets; i++) {
		int r = nr_prefix_parse(nr_str_from(sizes[size].nets[i]), &nets[i]);

		nr_require(r == 0);
		n_v4 += (double)nr_prefix_size(nets[i]);
	}
	ctx.moore_rate = 0.5 * NR_LAB_SPACE / n_v4;
	options.world = (struct nr_lab_options){
		.nets = nets,
		.n_nets = sizes[size].n_nets,
		.start = { 1767571200 * NR_NS_PER_S }, /* 2026-01-05 */
		.duration = part->duration,
		/* neighbours would be one stream of random numbers, a few draws apart */
		.seed = nr_mix64(seed << 8 | size)
	};
	return nr_lab_trial_run(&options, trial, reterr);
}

static int seed_of_size(const struct nr_lab_evaluate_options *options, size_t size, uint64_t seed,
			struct nr_lab_evaluation *all, struct nr_err *reterr)
{
	struct part scan = { "scan", nr_lab_populate_scan, sizes[size].scan_time };
	struct part rates = { "rates", nr_lab_populate_rates, sizes[size].rates_time };
	struct part rsdos = { "rsdos", nr_lab_populate_rsdos, 4 * HOUR };
	struct nr_lab_trial trial = { 0 };
	int r = 0;

	if (options->parts & NR_LAB_PART_SCAN) {
		say(options, scan.name, size, seed);
		r = run(&scan, size, seed, &trial, reterr);
		all->scan[size].n_v4 = trial.n_v4;
		all->scan[size].duration += scan.duration;
		if (r == 0)
			nr_lab_score_scan(&trial, size, seed, all);
		nr_lab_trial_done(&trial);
	}
	if (r == 0 && options->parts & NR_LAB_PART_RATES) {
		say(options, rates.name, size, seed);
		r = run(&rates, size, seed, &trial, reterr);
		if (r == 0)
			nr_lab_score_rates(&trial, size, all);
		nr_lab_trial_done(&trial);
	}
	if (r == 0 && options->parts & NR_LAB_PART_RSDOS) {
		say(options, rsdos.name, size, seed);
		r = run(&rsdos, size, seed, &trial, reterr);
		if (r == 0)
			nr_lab_score_rsdos(&trial, size, seed, all);
		nr_lab_trial_done(&trial);
	}
	return r;
}

enum { SIZE_65K = 3 };

static int seed_of_quiet(const struct nr_lab_evaluate_options *options, uint64_t seed,
			 struct nr_lab_evaluation *all, struct nr_err *reterr)
{
	struct part quiet = { "false", nr_lab_populate_false, options->quiet_time };
	struct nr_lab_trial trial;
	int r;

	say(options, quiet.name, SIZE_65K, seed);
	r = run(&quiet, SIZE_65K, seed, &trial, reterr);
	if (r == 0)
		nr_lab_score_false(&trial, seed, options->quiet_time, all);
	nr_lab_trial_done(&trial);
	return r;
}

int nr_lab_evaluate(const struct nr_lab_evaluate_options *options, struct nr_lab_evaluation *all,
		    struct nr_err *reterr)
{
	int r = 0;

	*all = (struct nr_lab_evaluation){ 0 };
	for (uint64_t seed = options->seed_lo; seed <= options->seed_hi && r == 0; seed++) {
		for (size_t size = 0; size < NR_LAB_SIZES && r == 0; size++)
			if (options->sizes >> size & 1)
				r = seed_of_size(options, size, seed, all, reterr);
		if (r == 0 && options->parts & NR_LAB_PART_FALSE)
			r = seed_of_quiet(options, seed, all, reterr);
	}
	return r;
}

void nr_lab_evaluation_done(struct nr_lab_evaluation *all)
{
	for (size_t size = 0; size < NR_LAB_SIZES; size++) {
		free(all->scan[size].wait_packets.v);
		free(all->scan[size].wait_s.v);
		for (size_t i = 0; i < NR_LAB_STRENGTHS; i++)
			free(all->rsdos[size][i].latency_s.v);
	}
	*all = (struct nr_lab_evaluation){ 0 };
}
