/* SPDX-License-Identifier: Apache-2.0 */
/* The whole run of `noroshi observe`: pipeline and engine put together, and the snapshot around them. */
#include "orient/engine.h"

/* A snapshot holds structs as they are in memory: it is read back by the build that wrote it. */
static const char magic[8] = "NRSTATE";
enum { STATE_VERSION = 1 };

static int state_save(struct nr_pipeline *pipeline, struct nr_engine *engine, uint64_t monitored,
		      struct nr_buf *out)
{
	size_t start = out->n;

	nr_buf_add(out, magic, sizeof(magic));
	nr_write_le32(out, STATE_VERSION);
	nr_write_le32(out, sizeof(struct nr_observation));
	nr_write_le64(out, monitored);
	nr_pipeline_save(pipeline, out);
	int r = nr_engine_save(engine, out);

	if (r < 0 || out->err < 0)
		return r < 0 ? r : out->err;
	nr_write_le32(out, nr_crc32c(0, out->p + start, out->n - start));
	return out->err;
}

static int state_load(struct nr_pipeline *pipeline, struct nr_engine *engine, uint64_t monitored,
		      struct nr_bytes state, struct nr_err *reterr)
{
	struct nr_reader in = nr_reader_of(state.p, state.n);
	const uint8_t *m = nr_read_bytes(&in, sizeof(magic));

	if (m == NULL || memcmp(m, magic, sizeof(magic)) != 0)
		return nr_fail(reterr, NR_EFORMAT, "not a state file of noroshi observe");
	if (nr_read_le32(&in) != STATE_VERSION ||
	    nr_read_le32(&in) != sizeof(struct nr_observation))
		return nr_fail(reterr, NR_EVERSION,
			       "state file of another version: start again without it");
	if (state.n < 4 || nr_crc32c(0, state.p, state.n - 4) != nr_get_le32(state.p + state.n - 4))
		return nr_fail(reterr, NR_EDAMAGED,
			       "state file is damaged: its checksum does not match");
	if (nr_read_le64(&in) != monitored)
		return nr_fail(
			reterr, -EINVAL,
			"state file was made with other --net: the thresholds would not match");
	in.end -= 4;
	int r = nr_pipeline_load(pipeline, &in);

	if (r == 0)
		r = nr_engine_load(engine, &in);
	return r < 0 ? nr_fail(reterr, r, "state file: %s", nr_err_text(r)) : 0;
}

static int make(const struct nr_observe_options *opt, struct nr_observe_result *result,
		struct nr_pipeline **ret_pipeline, struct nr_err *reterr)
{
	struct nr_hash_key key;
	int r = 0;

	if (opt->key != NULL)
		key = *opt->key;
	else
		r = nr_hash_key_random(&key);
	if (r < 0)
		return nr_fail(reterr, r, "no random numbers from the kernel: %s", nr_err_text(r));
	struct nr_engine_options engine = {
		.nets = opt->nets,
		.monitored_v4 = opt->nets != NULL ? nr_nets_size_v4(opt->nets) : 0,
		.prefixes = opt->prefixes,
		.benign = opt->benign,
		.n_workers = opt->n_threads,
		.max_entries = opt->max_entries,
		.key = key,
		.out = opt->out,
	};

	result->monitored_v4 = engine.monitored_v4;
	r = nr_engine_new(&engine, &result->engine);
	if (r < 0)
		return nr_fail(reterr, r, "cannot start the engine: %s", nr_err_text(r));
	struct nr_pipeline_options pipeline = {
		.captures = opt->captures,
		.n_captures = opt->n_captures,
		.nets = opt->nets,
		.filter = opt->filter,
		.since = opt->since,
		.until = opt->until,
		.max_packets = opt->max_packets,
		.n_workers = opt->n_threads,
		.max_flows = opt->max_entries != 0 ? (uint32_t)opt->max_entries : NR_ENGINE_ENTRIES,
		.eager = opt->live || opt->out.flows != NULL,
		.live = opt->live,
		.key = key,
		.consumer = nr_engine_consumer_packed(result->engine),
		.progress = opt->progress,
		.progress_ctx = opt->progress_ctx,
	};

	r = nr_pipeline_new(&pipeline, ret_pipeline);
	return r < 0 ? nr_fail(reterr, r, "cannot start the pipeline: %s", nr_err_text(r)) : 0;
}

int nr_observe_run(const struct nr_observe_options *opt, struct nr_observe_result *result,
		   struct nr_err *reterr)
{
	nr_auto(nr_pipeline) pipeline = NULL;

	*result = (struct nr_observe_result){ 0 };
	int r = make(opt, result, &pipeline, reterr);

	if (r == 0 && opt->state_in.n > 0)
		r = state_load(pipeline, result->engine, result->monitored_v4, opt->state_in,
			       reterr);
	if (r < 0)
		return r;
	int status = nr_pipeline_run(pipeline, reterr);

	if (status < 0 && status != NR_EDAMAGED)
		return status;
	if (opt->state_out != NULL)
		r = state_save(pipeline, result->engine, result->monitored_v4, opt->state_out);
	if (r < 0)
		return nr_fail(reterr, r, "saving the state: %s", nr_err_text(r));
	nr_pipeline_drain(pipeline);
	r = nr_engine_finish(result->engine, nr_pipeline_watermark(pipeline));
	if (r < 0)
		return nr_fail(reterr, r, "writing results: %s", nr_err_text(r));
	nr_pipeline_counts(pipeline, &result->counts);
	result->flows = nr_pipeline_flows(pipeline);
	nr_engine_levels(result->engine, result->levels);
	result->findings = nr_engine_findings(result->engine);
	result->refused = nr_engine_refused(result->engine);
	return status;
}

void nr_observe_result_done(struct nr_observe_result *result)
{
	result->engine = nr_engine_free(result->engine);
}
