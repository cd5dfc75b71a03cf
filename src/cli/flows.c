/* SPDX-License-Identifier: Apache-2.0 */
/* Files of observations: magic, batches, nothing else. */
#include "cli/flows.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/io.h"
#include "cli/cli.h"
#include "record/batch.h"
#include "record/field.h"

enum { OUT_MAX = NR_BATCH_SIZE_MAX + (4 << 20), OUT_FLUSH = 1 << 20, PATH_SHOWN = 320 };

static int fail_file(struct nr_err *reterr, int code, const char *path, const char *what)
{
	char shown[PATH_SHOWN];

	nr_str_escape(nr_str_from(path), shown, sizeof(shown));
	return nr_fail(reterr, code, "%s: %s: %s", shown, what, nr_err_text(code));
}

/* ---- write ---- */

struct nr_flows_writer {
	const char *path; /* borrowed */
	char *temp;
	int fd; /* -1: committed or dropped */
	int err;
	uint64_t monitored_v4;
	struct nr_batch_encoder *encoder;
	struct nr_buf out;
	struct nr_engine_out inner;
};

int nr_flows_writer_open(const char *path, uint64_t monitored_v4,
			 struct nr_flows_writer **ret_writer, struct nr_err *reterr)
{
	struct nr_flows_writer *w = NULL;
	struct stat st;
	int ret = 0;

	/* a rename would put a file in the place of a device or pipe */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return fail_file(reterr, -EINVAL, path,
				 "cannot write flows to what is no regular file");
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	w->path = path;
	w->fd = -1;
	w->monitored_v4 = monitored_v4;
	nr_buf_init(&w->out, OUT_MAX);
	nr_buf_add(&w->out, NR_BATCH_MAGIC, NR_BATCH_MAGIC_SIZE);
	ret = nr_batch_encoder_new(&w->encoder);
	if (ret == 0)
		ret = w->fd = nr_io_temp_open(path, &w->temp);
	if (ret < 0) {
		nr_flows_writer_free(w);
		return fail_file(reterr, ret, path, "cannot write");
	}
	*ret_writer = w;
	return 0;
}

struct nr_flows_writer *nr_flows_writer_free(struct nr_flows_writer *writer)
{
	if (writer == NULL)
		return NULL;
	if (writer->fd >= 0)
		nr_io_temp_drop(writer->fd, writer->temp);
	nr_batch_encoder_free(writer->encoder);
	nr_buf_done(&writer->out);
	free(writer->temp);
	free(writer);
	return NULL;
}

static int writer_flush(struct nr_flows_writer *w)
{
	int ret = w->out.err < 0 ? w->out.err : nr_io_write_all(w->fd, w->out.p, w->out.n);

	nr_buf_reset(&w->out);
	return ret;
}

static int writer_finish_batch(struct nr_flows_writer *w)
{
	int ret = nr_batch_encoder_state(w->encoder, w->monitored_v4, NULL, 0);

	return ret < 0 ? ret : nr_batch_encoder_finish(w->encoder, &w->out);
}

static int writer_add(struct nr_flows_writer *w, const struct nr_observation *obs, size_t n)
{
	int ret = 0;

	while (n > 0 && ret == 0) {
		size_t taken = nr_batch_encoder_add(w->encoder, obs, n);

		obs += taken;
		n -= taken;
		if (nr_batch_encoder_rows(w->encoder) == NR_BATCH_ROWS)
			ret = writer_finish_batch(w);
		if (ret == 0 && w->out.n >= OUT_FLUSH)
			ret = writer_flush(w);
	}
	return ret;
}

static int tee_flows(void *ctx, const struct nr_observation *obs, size_t n)
{
	struct nr_flows_writer *w = ctx;

	w->err = writer_add(w, obs, n);
	if (w->err < 0)
		return w->err;
	return w->inner.flows != NULL ? w->inner.flows(w->inner.ctx, obs, n) : 0;
}

static int tee_source(void *ctx, const struct nr_source *source)
{
	struct nr_flows_writer *w = ctx;

	return w->inner.source(w->inner.ctx, source);
}

static int tee_finding(void *ctx, const struct nr_finding *finding)
{
	struct nr_flows_writer *w = ctx;

	return w->inner.finding(w->inner.ctx, finding);
}

struct nr_engine_out nr_flows_writer_tee(struct nr_flows_writer *writer, struct nr_engine_out inner)
{
	writer->inner = inner;
	return (struct nr_engine_out){ .ctx = writer,
				       .flows = tee_flows,
				       .source = inner.source != NULL ? tee_source : NULL,
				       .finding = inner.finding != NULL ? tee_finding : NULL };
}

int nr_flows_writer_error(const struct nr_flows_writer *writer, struct nr_err *reterr)
{
	return writer == NULL || writer->err == 0
		       ? 0
		       : fail_file(reterr, writer->err, writer->path, "cannot write");
}

int nr_flows_writer_commit(struct nr_flows_writer *writer, struct nr_err *reterr)
{
	int ret = writer->err < 0 ? writer->err : writer_finish_batch(writer);

	if (ret == 0)
		ret = writer_flush(writer);
	if (ret == 0) {
		ret = nr_io_temp_commit(writer->fd, writer->temp, writer->path);
		writer->fd = -1;
	}
	return ret < 0 ? fail_file(reterr, ret, writer->path, "cannot write") : 0;
}

/* ---- print ---- */

enum { PRINT_MAX = 64 << 20, PRINT_FLUSH = 256 << 10, PRINT_ROWS = 128 };

struct print {
	bool json, csv;
	const char *path;
	int fd;
	uint64_t offset; /* of the batch at work */
	struct nr_batch_decoder *decoder;
	uint8_t *batch;
	struct nr_buf text;
};

static const struct nr_option print_options[] = {
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct print, json),
	  .help = "Print one JSON object a line, as observe --only flows --json does (this is the default)." },
	{ .name = "csv",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct print, csv),
	  .help = "Print a CSV table with a head." },
};

static int print_rows(struct print *p)
{
	struct nr_observation rows[PRINT_ROWS];
	int ret = 0;

	for (size_t n; ret == 0 && (n = nr_batch_decoder_next(p->decoder, rows, PRINT_ROWS)) > 0;) {
		for (size_t i = 0; i < n; i++) {
			if (p->csv) {
				nr_record_csv(&nr_observation_type, &rows[i], &p->text);
				continue;
			}
			nr_record_json(&nr_observation_type, &rows[i], &p->text);
			nr_buf_add(&p->text, "\n", 1);
		}
		ret = p->text.n >= PRINT_FLUSH ? nr_cli_flush(&p->text) : p->text.err;
	}
	return ret;
}

static int at_offset(const struct print *p, struct nr_err *reterr)
{
	char shown[PATH_SHOWN];

	nr_str_escape(nr_str_from(p->path), shown, sizeof(shown));
	return nr_err_prefix(reterr, "%s: at byte %llu", shown, (unsigned long long)p->offset);
}

/* One batch. @return 1; 0 at the end of the file; negative */
static int print_batch(struct print *p, struct nr_err *reterr)
{
	ssize_t got = nr_io_read_full(p->fd, p->batch, NR_BATCH_HEADER);
	struct nr_batch_info info;

	if (got < 0)
		return fail_file(reterr, (int)got, p->path, "cannot read");
	if (got == 0)
		return 0;
	size_t have = (size_t)got;

	if (nr_batch_peek((struct nr_bytes){ p->batch, have }, &info, reterr) < 0)
		return at_offset(p, reterr);
	got = nr_io_read_full(p->fd, p->batch + have, info.size - have);
	if (got < 0)
		return fail_file(reterr, (int)got, p->path, "cannot read");
	have += (size_t)got;
	if (nr_batch_decoder_open(p->decoder, (struct nr_bytes){ p->batch, have }, &info, reterr) <
	    0)
		return at_offset(p, reterr);
	int ret = print_rows(p);

	p->offset += info.size;
	return ret < 0 ? nr_fail(reterr, ret, "cannot write: %s", nr_err_text(ret)) : 1;
}

static int print_file(struct print *p, struct nr_err *reterr)
{
	ssize_t got = nr_io_read_full(p->fd, p->batch, NR_BATCH_MAGIC_SIZE);

	if (got < 0)
		return fail_file(reterr, (int)got, p->path, "cannot read");
	if (got != NR_BATCH_MAGIC_SIZE ||
	    memcmp(p->batch, NR_BATCH_MAGIC, NR_BATCH_MAGIC_SIZE) != 0)
		return fail_file(reterr, NR_EFORMAT, p->path,
				 "not a file of observe --write-flows");
	p->offset = NR_BATCH_MAGIC_SIZE;
	if (p->csv)
		nr_record_csv_head(&nr_observation_type, &p->text);
	int ret = 1;

	while (ret > 0)
		ret = print_batch(p, reterr);
	int end = nr_cli_flush(&p->text); /* what came before damage is delivered */

	if (ret == 0 && end < 0)
		return nr_fail(reterr, end, "cannot write: %s", nr_err_text(end));
	return ret;
}

static int print_path(struct print *p, struct nr_err *reterr)
{
	p->batch = malloc(NR_BATCH_SIZE_MAX);
	if (p->batch == NULL || nr_batch_decoder_new(&p->decoder) < 0)
		return nr_fail(reterr, -ENOMEM, "no memory");
	if (strcmp(p->path, "-") == 0) {
		p->fd = 0;
		return print_file(p, reterr);
	}
	p->fd = nr_io_open(p->path, O_RDONLY | O_NOCTTY, 0);
	if (p->fd < 0)
		return fail_file(reterr, p->fd, p->path, "cannot open");
	int ret = print_file(p, reterr);

	(void)nr_io_close(p->fd); /* nothing was written through it */
	return ret;
}

static int print_words(struct print *p, const struct nr_option_list *operands,
		       struct nr_err *reterr)
{
	if (operands->n != 1)
		return nr_fail(reterr, NR_EUSAGE,
			       "name one file of observe --write-flows, or - for standard input");
	if (p->json && p->csv)
		return nr_fail(reterr, NR_EUSAGE, "--json or --csv, not both");
	p->path = operands->items[0].p; /* argv outlives the list */
	return print_path(p, reterr);
}

static int run_print(int argc, char **argv)
{
	struct print p = { 0 };
	struct nr_option_list operands = { 0 };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(&nr_cli_flows_print, argc, argv, &p, &operands);

	nr_buf_init(&p.text, PRINT_MAX);
	if (status == NR_CLI_GO_ON) {
		int ret = print_words(&p, &operands, &err);

		status = ret == 0 ? NR_CLI_DONE : NR_CLI_FAILED;
		if (ret < 0 && ret != -EPIPE) /* whoever read us has had enough and knows it */
			status = nr_cli_fail(&nr_cli_flows_print, &err);
	}
	nr_batch_decoder_free(p.decoder);
	free(p.batch);
	nr_buf_done(&p.text);
	nr_option_release(print_options, NR_COUNT(print_options), &p, &operands);
	return status;
}

static const char print_about[] =
	"Prints the records of a file that 'noroshi observe --write-flows FILE' has written: the\n"
	"same lines that 'noroshi observe --only flows --json' prints, without the summary. FILE\n"
	"may be - for standard input. Of a damaged file everything before the damaged batch is\n"
	"printed; then the byte where that batch begins is named and the exit status is 1.";

const struct nr_cli_command nr_cli_flows_print = {
	.help = { .name = "noroshi flows print",
		  .summary = "print flows that an observation has kept",
		  .operands = "FILE",
		  .about = print_about,
		  .examples = "noroshi observe hour.pcap --write-flows hour.flows\n"
			      "noroshi flows print hour.flows --csv\n"
			      "    the flows of that hour as a table\n",
		  .options = print_options,
		  .n_options = NR_COUNT(print_options) },
	.run = run_print,
};
