/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * evaluate: how well the engine reads traffic of which the truth is known.
 *
 * Parts    scan: scan.v1 at level scanner and tools, over telescope sizes
 *          rates: 95 % intervals of the rate, by arrival model
 *          rsdos: recall by victim rate, in units of what the Moore rule needs
 *          false: findings on traffic without any attack
 * Truth    kept by the oracle from the packets themselves and the lab's labels; definitions in
 *          docs/evaluation.md
 * Shape    results are sums over seeds: thresholds tuned on some seeds are reported on others
 */
#include "base/buf.h"
#include "learn/lab/trial.h"

enum {
	NR_LAB_SIZES = 6,
	NR_LAB_KINDS = 16,    /* rows of the confusion matrix */
	NR_LAB_STRENGTHS = 7, /* 1/16 ... 4 times what the Moore rule needs */
	NR_LAB_MODELS = 5,
	NR_LAB_NOTES = 20,
};

enum nr_lab_part {
	NR_LAB_PART_SCAN = 1,
	NR_LAB_PART_RATES = 2,
	NR_LAB_PART_RSDOS = 4,
	NR_LAB_PART_FALSE = 8
};

/** Values of which quantiles are wanted. */
struct nr_lab_samples {
	double *v; /* owned */
	size_t n, cap;
};

struct nr_lab_scan_row {
	uint64_t n_v4, packets, sources;
	int64_t duration;
	uint64_t truth, found, wrong, refused;
	struct nr_lab_samples wait_packets,
		wait_s; /* from the first packet of a source to its detection */
	uint64_t late;	/* detected later than the definition allows */
	uint64_t infected, infected_found, infected_wrong; /* infect.v1: marks that name malware */
};

struct nr_lab_kind_row {
	const char *kind, *tool; /* tool: the right mark; NULL: none */
	uint64_t sources;	 /* found ones that sent enough packets for the mark */
	uint64_t named[NR_MARK_N];
	uint64_t unnamed;
	uint64_t few; /* found, but too few packets for the mark to decide */
};

struct nr_lab_rate_row {
	const char *model;
	uint64_t sources, covered;
	double width, exact_width; /* sums of widths relative to the truth */
};

struct nr_lab_rsdos_row {
	double strength; /* victim rate / rate that the Moore rule needs */
	uint64_t attacks, found, moore;
	struct nr_lab_samples latency_s; /* first answer in the telescope to detection */
};

struct nr_lab_false_row {
	uint64_t worlds, packets, sources, attacks, carpets, infections, campaigns, others;
	int64_t exposure; /* ns, summed over worlds */
};

struct nr_lab_evaluation {
	struct nr_lab_scan_row scan[NR_LAB_SIZES];
	struct nr_lab_kind_row kinds[NR_LAB_KINDS];
	size_t n_kinds;
	struct nr_lab_rate_row rates[NR_LAB_SIZES][NR_LAB_MODELS];
	struct nr_lab_rsdos_row rsdos[NR_LAB_SIZES][NR_LAB_STRENGTHS];
	struct {
		uint64_t carpets, found, wrong;
	} rsdos_more[NR_LAB_SIZES];
	struct nr_lab_false_row quiet;
	char notes[NR_LAB_NOTES][200]; /* first errors, each with what repeats it */
	size_t n_notes;
};

struct nr_lab_evaluate_options {
	uint64_t seed_lo, seed_hi;
	unsigned parts;	    /* enum nr_lab_part */
	unsigned sizes;	    /* bits over the sizes, smallest first */
	int64_t quiet_time; /* ns of each world of part false */
	void (*progress)(void *ctx, const char *what);
	void *progress_ctx;
};

extern const char *const nr_lab_size_names[NR_LAB_SIZES];

/** Release with nr_lab_evaluation_done() always. */
NR_MUST_CHECK int nr_lab_evaluate(const struct nr_lab_evaluate_options *options,
				  struct nr_lab_evaluation *ret_all, struct nr_err *reterr);
void nr_lab_evaluation_done(struct nr_lab_evaluation *all);
/** Tables in Markdown, or one JSON object. */
void nr_lab_evaluation_print(const struct nr_lab_evaluate_options *options,
			     struct nr_lab_evaluation *all, struct nr_buf *out);
void nr_lab_evaluation_json(const struct nr_lab_evaluate_options *options,
			    struct nr_lab_evaluation *all, struct nr_buf *out);

void nr_lab_samples_add(struct nr_lab_samples *samples, double v);
/** Quantile q of the samples (sorts them); 0 without any. */
double nr_lab_samples_quantile(struct nr_lab_samples *samples, double q);

/* ---- evaluate_world.c: the worlds; ctx is a struct nr_lab_part_ctx ---- */

struct nr_lab_part_ctx {
	double moore_rate; /* victim rate that brings 0.5 packets/s to the telescope */
};
extern const double nr_lab_strengths[NR_LAB_STRENGTHS];
void nr_lab_populate_scan(struct nr_lab_world *world, const void *ctx);
void nr_lab_populate_rates(struct nr_lab_world *world, const void *ctx);
void nr_lab_populate_rsdos(struct nr_lab_world *world, const void *ctx);
void nr_lab_populate_false(struct nr_lab_world *world, const void *ctx);

/* ---- evaluate_score.c ---- */

void nr_lab_score_scan(struct nr_lab_trial *trial, size_t size, uint64_t seed,
		       struct nr_lab_evaluation *all);
void nr_lab_score_rates(struct nr_lab_trial *trial, size_t size, struct nr_lab_evaluation *all);
void nr_lab_score_rsdos(struct nr_lab_trial *trial, size_t size, uint64_t seed,
			struct nr_lab_evaluation *all);
void nr_lab_score_false(struct nr_lab_trial *trial, uint64_t seed, int64_t exposure,
			struct nr_lab_evaluation *all);
