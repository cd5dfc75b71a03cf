/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file observe: what the parts of `noroshi observe` share: the words of the user, the input, the output. */
#include "cli/cli.h"
#include "cli/summary.h"
#include "orient/engine.h"

enum nr_observe_only { NR_ONLY_ALL, NR_ONLY_FLOWS, NR_ONLY_SOURCES, NR_ONLY_FINDINGS };
enum nr_observe_per { NR_PER_SECOND, NR_PER_MINUTE };
enum nr_observe_lang { NR_LANG_AUTO, NR_LANG_EN, NR_LANG_JA };

struct nr_observe_words {
	struct nr_option_list nets;
	struct nr_option_list benign;
	struct nr_time since, until;
	const char *prefixes, *interface, *filter, *state, *write_flows;
	uint64_t threads, max_packets;
	int only; /* enum nr_observe_only */
	int per;  /* enum nr_observe_per */
	int lang; /* enum nr_observe_lang */
	bool json, csv, no_color, no_progress, follow;
};

/* ---- input.c: everything that is opened before the run ---- */

struct nr_observe_input {
	const struct nr_observe_words *words;
	const struct nr_option_list *paths;
	struct nr_capture **captures;
	size_t n_captures;
	struct nr_filter *filter;
	struct nr_prefixes *prefixes;
	struct nr_benign_lists *benign;
	struct nr_nets nets;
	bool has_nets;
	struct nr_infer_result infer;
	unsigned n_threads;
};

/** Open it all. @return 0; NR_EUSAGE; -errno. nr_observe_input_done() in either case */
NR_MUST_CHECK int nr_observe_input_open(const struct nr_observe_words *words,
					const struct nr_option_list *paths,
					struct nr_observe_input *ret_input, struct nr_err *reterr);
void nr_observe_input_done(struct nr_observe_input *input);

/* ---- writer.c: records as JSON lines or CSV ---- */

struct nr_observe_writer {
	const struct nr_observe_words *words;
	struct nr_buf buf;
	bool headed;
};

void nr_observe_writer_init(struct nr_observe_writer *writer, const struct nr_observe_words *words);
void nr_observe_writer_done(struct nr_observe_writer *writer);
/** The callbacks that write what is asked for; ctx is the writer. */
struct nr_engine_out nr_observe_writer_out(struct nr_observe_writer *writer);
/** The summary line (JSON only) and what is left in the buffer. @return 0; -errno */
NR_MUST_CHECK int nr_observe_writer_end(struct nr_observe_writer *writer,
					const struct nr_summary *summary);

/* ---- progress.c: a line on the terminal ---- */

struct nr_progress {
	struct nr_capture *capture; /* NULL: live on several sockets, packets alone are shown */
	struct nr_time started, drawn;
	unsigned width;
	bool on, shown;
};

void nr_progress_init(struct nr_progress *progress, const struct nr_observe_words *words,
		      const struct nr_observe_input *input);
/** Fits nr_observe_options.progress. */
void nr_progress_draw(void *ctx, uint64_t packets);
/** Take the line away. */
void nr_progress_clear(struct nr_progress *progress);
