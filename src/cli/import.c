/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noroshi hub import: old captures into a hub, through the same journal as sensors' data, in
 * their own time.
 *
 * A file is read twice: once for the digest of its content, which names the import, once for its
 * packets. The same file
 * gives the same batches, so a broken-off import goes on where the journal says it stopped.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/local.h"
#include "cli/observe.h"
#include "record/batch.h"

enum { BLOCK = 1 << 20, ANSWER_MAX = 1 << 16, PAUSE_MS = 200, RETRIES = 600 };

struct words {
	struct nr_option_list nets;
	const char *sensor;
};

static const struct nr_option options[] = {
	{ .name = "sensor",
	  .letter = 's',
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = offsetof(struct words, sensor),
	  .help = "Whose packets these are; a sensor of this name is made when there is none." },
	{ .name = "net",
	  .letter = 'n',
	  .type = NR_OPT_LIST,
	  .value = "PREFIX",
	  .offset = offsetof(struct words, nets),
	  .help = "Monitored addresses; without it they are inferred where that leaves no doubt." },
};

struct import {
	struct nr_local *local;
	const struct words *words;
	const char *path;
	char uuid[NR_UUID_TEXT], epoch[24];
	uint64_t next_seq, seq, sent; /* the first wanted; of the batch at work */
	uint64_t rows;
	uint64_t batches_before;
	bool done;
	struct nr_batch_encoder *encoder;
	struct nr_buf batch, answer;
	struct nr_err err;
};

/* ---- the file's name for the hub ---- */

static int digest_file(const char *path, struct nr_digest *ret_digest, struct nr_err *reterr)
{
	struct nr_digest digest = { { 0 } };
	uint8_t *block = malloc(BLOCK);
	int fd = block != NULL ? nr_io_open(path, O_RDONLY, 0) : -ENOMEM;
	ssize_t n = fd;

	/*
	 * A chain over blocks: what names it is that every byte counts, and that memory does not
	 * grow.
	 */
	while (fd >= 0 && (n = nr_io_read_full(fd, block, BLOCK)) > 0) {
		struct nr_digest part = nr_digest_of(block, (size_t)n);

		digest = nr_digest_join(digest.b, sizeof(digest.b), part.b, sizeof(part.b));
	}
	if (fd >= 0)
		(void)nr_io_close(fd);
	free(block);
	if (n < 0)
		return nr_fail(reterr, (int)n, "%s: %s", path, nr_err_text((int)n));
	*ret_digest = digest;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static int begin(struct import *import, struct nr_err *reterr)
{
	char hex[2 * NR_DIGEST_SIZE + 1], name[NR_REGISTRY_NAME];
	struct nr_local_word words[] = { { "sensor", import->words->sensor },
					 { "name", name },
					 { "digest", hex } };
	struct nr_digest digest = { { 0 } };
	uint64_t done = 0;
	int ret = digest_file(import->path, &digest, reterr);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < sizeof(digest.b); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest.b[i]);
	(void)snprintf(name, sizeof(name), "%.60s", base_name(import->path));
	nr_buf_reset(&import->answer);
	ret = nr_local_call(import->local, "/local/v1/import-begin", words, NR_COUNT(words),
			    (struct nr_bytes){ 0 }, &import->answer, reterr);
	if (ret < 0)
		return ret;
	struct nr_str rest = nr_buf_str(&import->answer), uuid = nr_str_word(&rest),
		      epoch = nr_str_word(&rest);

	(void)snprintf(import->uuid, sizeof(import->uuid), "%.*s", NR_STR_ARG(uuid));
	(void)snprintf(import->epoch, sizeof(import->epoch), "%.*s", NR_STR_ARG(epoch));
	if (nr_str_u64(nr_str_word(&rest), 1, UINT64_MAX, &import->next_seq) < 0 ||
	    nr_str_u64(nr_str_word(&rest), 0, UINT64_MAX, &import->batches_before) < 0 ||
	    nr_str_u64(nr_str_word(&rest), 0, 1, &done) < 0)
		return nr_fail(reterr, -EIO, "the hub answered what is not understood");
	import->done = done == 1;
	return 0;
}

/* ---- batches ---- */

static int send_batch(struct import *import)
{
	char seq[24];
	struct nr_local_word words[] = { { "sensor", import->uuid },
					 { "epoch", import->epoch },
					 { "seq", seq } };
	struct nr_bytes body = { import->batch.p, import->batch.n };
	int ret = -EAGAIN;

	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)import->seq);
	for (unsigned i = 0; i < RETRIES; i++) {
		nr_buf_reset(&import->answer);
		ret = nr_local_call(import->local, "/local/v1/import-batch", words, NR_COUNT(words),
				    body, &import->answer, &import->err);
		if (ret != -EAGAIN && ret != -EWOULDBLOCK && ret != -ENOSPC)
			break;
		(void)usleep(PAUSE_MS *
			     1000); /* the hub's disk is slow or full: it will say when */
	}
	import->sent += ret == 0;
	return ret;
}

static int flush(struct import *import)
{
	int ret;

	nr_buf_reset(&import->batch);
	ret = nr_batch_encoder_finish(import->encoder, &import->batch);
	if (ret < 0 || import->batch.n == 0)
		return ret;
	import->seq++;
	return import->seq < import->next_seq ? 0 : send_batch(import);
}

static int on_flows(void *ctx, const struct nr_observation *obs, size_t n)
{
	struct import *import = ctx;

	import->rows += n;
	while (n > 0) {
		size_t taken = nr_batch_encoder_add(import->encoder, obs, n);

		obs += taken;
		n -= taken;
		if (nr_batch_encoder_rows(import->encoder) < NR_BATCH_ROWS)
			continue;
		int ret = flush(import);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- one file ---- */

static int read_packets(struct import *import, struct nr_err *reterr)
{
	struct nr_str item = nr_str_from(import->path);
	struct nr_option_list paths = { .items = &item, .n = 1 };
	struct nr_observe_words words = {
		.nets = import->words->nets, .prefixes = "none", .threads = 1, .no_progress = true
	};
	static const struct nr_hash_key key; /* the order of rows must be the same each time */
	struct nr_observe_input input = { 0 };
	struct nr_observe_result result = { 0 };
	int ret = nr_observe_input_open(&words, &paths, &input, reterr);

	if (ret == 0)
		ret = nr_batch_encoder_state(import->encoder,
					     input.has_nets ? nr_nets_size_v4(&input.nets) : 0,
					     NULL, 0);
	if (ret == 0) {
		struct nr_observe_options opt = {
			.captures = input.captures,
			.n_captures = input.n_captures,
			.nets = input.has_nets ? &input.nets : NULL,
			.n_threads = 1,
			.until = { INT64_MAX },
			.key = &key,
			.out = { .ctx = import, .flows = on_flows },
		};

		ret = nr_observe_run(&opt, &result, reterr);
	}
	if (ret < 0 && import->err.code < 0)
		*reterr = import->err;
	nr_observe_result_done(&result);
	nr_observe_input_done(&input);
	return ret;
}

static int end(struct import *import, struct nr_err *reterr)
{
	struct nr_local_word words[] = { { "sensor", import->uuid }, { "epoch", import->epoch } };

	nr_buf_reset(&import->answer);
	return nr_local_call(import->local, "/local/v1/import-end", words, NR_COUNT(words),
			     (struct nr_bytes){ 0 }, &import->answer, reterr);
}

static int import_file(struct import *import, struct nr_err *reterr)
{
	int damaged, ret = begin(import, reterr);

	if (ret < 0)
		return ret;
	if (import->done) {
		(void)fprintf(stderr, "%s: is there already (%llu batches); nothing changed\n",
			      import->path, (unsigned long long)import->batches_before);
		return 0;
	}
	/* Of a damaged file everything before the damage is brought in. */
	ret = damaged = read_packets(import, reterr);
	if (ret == 0 || ret == NR_EDAMAGED) {
		ret = flush(import);
		if (ret < 0)
			*reterr = import->err;
	}
	if (ret == 0)
		ret = end(import, damaged < 0 ? NULL : reterr);
	if (ret < 0)
		return ret;
	(void)fprintf(stderr, "%s: %llu observations in %llu batches, %llu of them new\n",
		      import->path, (unsigned long long)import->rows,
		      (unsigned long long)import->seq, (unsigned long long)import->sent);
	return damaged;
}

/* @return 0; 1 a file was damaged, and that was said; negative */
static int import_all(const struct words *words, const struct nr_option_list *operands,
		      struct nr_err *reterr)
{
	nr_auto(nr_local) local = NULL;
	int ret, worst = 0;

	if (operands->n < 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the files");
	if (words->sensor == NULL)
		return nr_fail(reterr, NR_EUSAGE, "--sensor NAME says whose packets these are");
	ret = nr_local_open(operands->items[0].p, false, &local, reterr);
	for (size_t i = 1; ret == 0 && i < operands->n; i++) {
		struct import import = { .local = local,
					 .words = words,
					 .path = operands->items[i].p };

		nr_buf_init(&import.batch, NR_BATCH_SIZE_MAX);
		nr_buf_init(&import.answer, ANSWER_MAX);
		ret = nr_batch_encoder_new(&import.encoder);
		if (ret == 0)
			ret = import_file(&import, reterr);
		nr_batch_encoder_free(import.encoder);
		nr_buf_done(&import.batch);
		nr_buf_done(&import.answer);
		if (ret == NR_EDAMAGED) {
			(void)fprintf(stderr, "noroshi hub import: %s\n", reterr->msg);
			worst = 1; /* told already */
			ret = 0;
		}
	}
	return ret < 0 ? ret : worst;
}

static int run(int argc, char **argv)
{
	struct words words = { 0 };
	struct nr_option_list operands = { 0 };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(&nr_cli_hub_import, argc, argv, &words, &operands);

	if (status == NR_CLI_GO_ON) {
		int ret = nr_crypt_init();

		if (ret == 0)
			ret = import_all(&words, &operands, &err);
		if (ret < 0 && err.code == 0)
			(void)nr_fail(&err, ret, "%s", nr_err_text(ret));
		if (ret > 0)
			status = NR_CLI_FAILED;
		else
			status = ret < 0 ? nr_cli_fail(&nr_cli_hub_import, &err) : NR_CLI_DONE;
	}
	nr_option_release(options, NR_COUNT(options), &words, &operands);
	return status;
}

static const char about[] =
	"Brings captures (pcap or pcapng, also compressed) into the hub in DIR as observations of one sensor, in\n"
	"their own time and through the same journal as live data, whether the hub runs or not. What is\n"
	"detected in them becomes findings of that time.\n"
	"\n"
	"A file is known by its content: the same one again changes nothing, and one that was broken off goes\n"
	"on where it stopped.";

const struct nr_cli_command nr_cli_hub_import = {
	.help = { .name = "noroshi hub import",
		  .summary = "bring old captures into a hub",
		  .operands = "DIR FILE...",
		  .about = about,
		  .examples = "noroshi hub import /var/lib/noroshi 2025-*.pcap.gz --sensor tokyo-1 "
			      "--net 198.18.0.0/16\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run,
};
