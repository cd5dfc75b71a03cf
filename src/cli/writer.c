/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/observe.h"

enum { WRITER_MAX = 64 << 20, WRITER_FLUSH = 256 << 10 };

void nr_observe_writer_init(struct nr_observe_writer *writer, const struct nr_observe_words *words)
{
	*writer = (struct nr_observe_writer){ .words = words };
	nr_buf_init(&writer->buf, WRITER_MAX);
}

void nr_observe_writer_done(struct nr_observe_writer *writer)
{
	nr_buf_done(&writer->buf);
}

static int write_record(struct nr_observe_writer *writer, const struct nr_record_type *type,
			const void *record)
{
	if (writer->words->json) {
		nr_record_json(type, record, &writer->buf);
		nr_buf_add(&writer->buf, "\n", 1);
	} else {
		if (!writer->headed)
			nr_record_csv_head(type, &writer->buf);
		writer->headed = true;
		nr_record_csv(type, record, &writer->buf);
	}
	return writer->buf.n >= WRITER_FLUSH ? nr_cli_flush(&writer->buf) : writer->buf.err;
}

static int write_flows(void *ctx, const struct nr_observation *obs, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++)
		if ((obs[i].flags & NR_OBS_MIRROR) == 0)
			ret = write_record(ctx, &nr_observation_type, &obs[i]);
	return ret;
}

static int write_source(void *ctx, const struct nr_source *source)
{
	return write_record(ctx, &nr_source_type, source);
}

static int write_finding(void *ctx, const struct nr_finding *finding)
{
	return write_record(ctx, &nr_finding_type, finding);
}

static bool wants(const struct nr_observe_words *words, enum nr_observe_only what)
{
	return (words->json || words->csv) &&
	       (words->only == NR_ONLY_ALL || words->only == (int)what);
}

struct nr_engine_out nr_observe_writer_out(struct nr_observe_writer *writer)
{
	return (struct nr_engine_out){
		.ctx = writer,
		.flows = wants(writer->words, NR_ONLY_FLOWS) ? write_flows : NULL,
		.source = wants(writer->words, NR_ONLY_SOURCES) ? write_source : NULL,
		.finding = wants(writer->words, NR_ONLY_FINDINGS) ? write_finding : NULL,
	};
}

static const struct nr_record_type *only_type(enum nr_observe_only only)
{
	switch (only) {
	case NR_ONLY_FLOWS:
		return &nr_observation_type;
	case NR_ONLY_SOURCES:
		return &nr_source_type;
	case NR_ONLY_FINDINGS:
		return &nr_finding_type;
	case NR_ONLY_ALL:
		break;
	}
	return NULL;
}

int nr_observe_writer_end(struct nr_observe_writer *writer, const struct nr_summary *summary)
{
	const struct nr_record_type *type = only_type((enum nr_observe_only)writer->words->only);

	if (writer->words->json) {
		nr_record_json(&nr_summary_type, summary, &writer->buf);
		nr_buf_add(&writer->buf, "\n", 1);
	} else if (writer->words->csv && !writer->headed && type != NULL) {
		nr_record_csv_head(type, &writer->buf); /* an empty table is a table */
	}
	return nr_cli_flush(&writer->buf);
}
