/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/observe.h"
#include "observe/capture/filter.h"
#include "orient/enrich/locate.h"

/* ---- captures ---- */

static struct nr_capture_options capture_options(const struct nr_observe_input *input)
{
	return (struct nr_capture_options){
		.paths = input->paths->items,
		.n_paths = input->paths->n,
		.interface = input->words->interface,
		.filter = input->words->interface != NULL ? input->words->filter : NULL,
		.follow = input->words->follow,
		.promiscuous = input->words->interface != NULL,
	};
}

static int open_captures(struct nr_observe_input *input, struct nr_err *reterr)
{
	struct nr_capture_options opt = capture_options(input);
	size_t n = input->words->interface != NULL ? input->n_threads : 1;

	input->captures = calloc(n, sizeof(*input->captures));
	if (input->captures == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	if (n > 1)
		opt.fanout_group = (uint16_t)(getpid() % 0xffff + 1);
	for (; input->n_captures < n; input->n_captures++) {
		int ret = nr_capture_open(&opt, &input->captures[input->n_captures], reterr);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- which addresses are monitored ---- */

static bool reads_once(const struct nr_observe_input *input)
{
	if (input->words->interface != NULL || input->words->follow)
		return true;
	for (size_t i = 0; i < input->paths->n; i++)
		if (nr_str_eq(input->paths->items[i], NR_STR("-")) ||
		    nr_str_starts(input->paths->items[i], NR_STR("/dev/")) ||
		    nr_str_starts(input->paths->items[i], NR_STR("/proc/")))
			return true;
	return false;
}

static bool passes(const struct nr_observe_input *input, const struct nr_frame *frame)
{
	if (frame->ts < input->words->since.ns ||
	    (input->words->until.ns != 0 && frame->ts >= input->words->until.ns))
		return false;
	return input->filter == NULL || nr_filter_match(input->filter, frame) == 1;
}

/* @return whether the sample wants more */
static bool sample_block(const struct nr_observe_input *input, const struct nr_block *block,
			 struct nr_infer *infer)
{
	for (size_t i = 0; i < block->n; i++) {
		struct nr_packet packet;

		if (!passes(input, &block->frames[i]) ||
		    nr_dissect(&block->frames[i], &packet) != NR_OUTCOME_OK)
			continue;
		if (!nr_infer_add(infer, &packet))
			return false;
	}
	return true;
}

/* Frames looked at for the sample, also those that --since or --filter leave out. */
enum { SAMPLE_FRAMES = 1 << 24 };

/* Read the beginning once for the sample; the run opens the files again. Damage is the run's to report. */
static int infer_nets(struct nr_observe_input *input, struct nr_err *reterr)
{
	struct nr_capture_options opt = capture_options(input);
	nr_auto(nr_capture) capture = NULL;
	nr_auto(nr_infer) infer = NULL;
	struct nr_block *block = NULL;

	if (reads_once(input)) {
		input->infer.verdict = NR_INFER_NOT_TRIED;
		return 0;
	}
	int ret = nr_capture_open(&opt, &capture, reterr);

	if (ret < 0)
		return ret;
	if (nr_infer_new(&infer) < 0 || nr_block_new(&block) < 0)
		return nr_fail(reterr, -ENOMEM, "no memory");
	uint64_t looked = 0;

	for (bool more = true; more && !nr_capture_ended(capture);) {
		ret = nr_capture_next(capture, block, 0, NULL);
		looked += block->n;
		more = sample_block(input, block, infer) && (ret == 0 || ret == NR_EDAMAGED) &&
		       looked < SAMPLE_FRAMES;
	}
	nr_block_free(block);
	nr_infer_finish(infer, &input->infer, &input->nets);
	input->has_nets = input->infer.verdict == NR_INFER_FOUND;
	return 0;
}

static int settle_nets(struct nr_observe_input *input, struct nr_err *reterr)
{
	const struct nr_option_list *nets = &input->words->nets;

	if (nets->n == 0)
		return infer_nets(input, reterr);
	int ret = nr_infer_given(nets->items, nets->n, &input->nets, reterr);

	input->infer.verdict = NR_INFER_GIVEN;
	input->has_nets = ret == 0;
	return ret;
}

/* ---- data beside the program ---- */

static int load_prefixes(struct nr_observe_input *input, struct nr_err *reterr)
{
	char path[PATH_MAX];

	if (input->words->prefixes != NULL && strcmp(input->words->prefixes, "none") == 0)
		return 0;
	if (input->words->prefixes != NULL)
		return nr_prefixes_load(input->words->prefixes, &input->prefixes, reterr);
	if (nr_locate(NR_LOCATE_PREFIXES, path, sizeof(path)) < 0)
		return 0; /* the report says that networks are unknown, and what to do */
	return nr_prefixes_load(path, &input->prefixes, reterr);
}

static int load_benign(struct nr_observe_input *input, struct nr_err *reterr)
{
	const struct nr_option_list *lists = &input->words->benign;
	char path[PATH_MAX];
	int ret = nr_benign_new(&input->benign);

	if (ret < 0)
		return nr_fail(reterr, ret, "no memory");
	if (lists->n == 0)
		return nr_locate(NR_LOCATE_BENIGN, path, sizeof(path)) < 0
			       ? 0
			       : nr_benign_add(input->benign, path, reterr);
	for (size_t i = 0; i < lists->n && ret == 0; i++) {
		/* commas split the list, so the text is not terminated */
		if (lists->items[i].n >= sizeof(path))
			return nr_fail(reterr, NR_EUSAGE, "--benign: name too long");
		memcpy(path, lists->items[i].p, lists->items[i].n);
		path[lists->items[i].n] = '\0';
		ret = strcmp(path, "none") == 0 ? 0 : nr_benign_add(input->benign, path, reterr);
	}
	return ret;
}

int nr_observe_input_open(const struct nr_observe_words *words, const struct nr_option_list *paths,
			  struct nr_observe_input *ret_input, struct nr_err *reterr)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int ret = 0;

	*ret_input = (struct nr_observe_input){ .words = words, .paths = paths };
	ret_input->n_threads = words->threads != 0 ? (unsigned)words->threads
			       : cpus > 0	   ? (unsigned)cpus
						   : 1;
	if (ret_input->n_threads > NR_PIPELINE_WORKERS_MAX)
		ret_input->n_threads = NR_PIPELINE_WORKERS_MAX;
	if (words->filter != NULL && words->interface == NULL)
		ret = nr_filter_new(words->filter, &ret_input->filter, reterr);
	if (ret == 0)
		ret = settle_nets(ret_input, reterr);
	if (ret == 0)
		ret = load_prefixes(ret_input, reterr);
	if (ret == 0)
		ret = load_benign(ret_input, reterr);
	return ret < 0 ? ret : open_captures(ret_input, reterr);
}

void nr_observe_input_done(struct nr_observe_input *input)
{
	for (size_t i = 0; i < input->n_captures; i++)
		nr_capture_free(input->captures[i]);
	free(input->captures);
	nr_filter_free(input->filter);
	nr_prefixes_free(input->prefixes);
	nr_benign_free(input->benign);
	*input = (struct nr_observe_input){ 0 };
}
