/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/trial.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "learn/lab/out.h"
#include "orient/detect/rsdos.h"
#include "orient/engine.h"

struct teller {
	const struct nr_lab_trial_options *options;
	struct nr_lab_trial *trial;
	struct nr_lab_out *out;
	struct nr_lab_sink pcap;
	int fd;
	int err;
};

static int tell_packet(void *ctx, int64_t ts, uint8_t *ip, size_t n)
{
	struct teller *teller = ctx;

	nr_lab_oracle_packet(&teller->trial->oracle, ts, ip);
	return teller->pcap.packet(teller->pcap.ctx, ts, ip, n);
}

static int tell_truth(void *ctx, const struct nr_lab_world *world, const struct nr_lab_actor *actor)
{
	struct teller *teller = ctx;

	(void)world;
	nr_lab_oracle_truth(&teller->trial->oracle, actor);
	return teller->trial->oracle.err;
}

static int tell_all(struct teller *teller)
{
	struct nr_lab_sink sink = { teller, tell_packet, tell_truth };
	nr_auto(nr_lab_out) out = NULL;
	nr_auto(nr_lab_world) world = NULL;
	int r = nr_lab_out_new(teller->fd, -1, NR_LAB_RAW_IP, true, &out);

	if (r == 0)
		r = nr_lab_world_new(&teller->options->world, &sink, &world, NULL);
	if (r != 0)
		return r;
	teller->pcap = nr_lab_out_sink(out, false);
	teller->options->populate(world, teller->options->ctx);
	r = nr_lab_world_run(world);
	teller->trial->packets = world->stats.packets;
	return r == 0 ? nr_lab_out_flush(out) : r;
}

static void *tell(void *ctx)
{
	struct teller *teller = ctx;
	sigset_t pipe_broken;

	/* when the engine gives up early, writing ends with an error and not with a signal */
	sigemptyset(&pipe_broken);
	sigaddset(&pipe_broken, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_broken, NULL);
	teller->err = tell_all(teller);
	(void)nr_io_close(teller->fd);
	return NULL;
}

static int keep_source(void *ctx, const struct nr_source *s)
{
	struct nr_lab_trial *trial = ctx;
	struct nr_lab_said *said;

	if (s->level < NR_LEVEL_SCANNER)
		return 0;
	said = nr_table_append(&trial->said);
	if (said == NULL)
		return -ENOMEM;
	*said = (struct nr_lab_said){ .src = s->src,
				      .first = s->first.ns,
				      .last = s->last.ns,
				      .detected = s->detected.ns,
				      .packets = s->packets,
				      .rate_lo = s->rate_lo,
				      .rate = s->rate,
				      .rate_hi = s->rate_hi,
				      .has_rate = s->has_rate,
				      .detected_packets = s->detected_packets,
				      .tools = s->tools,
				      .level = s->level,
				      .traffic_class = s->traffic_class };
	return 0;
}

static int keep_finding(void *ctx, const struct nr_finding *f)
{
	struct nr_lab_trial *trial = ctx;
	struct nr_lab_finding *kept = nr_table_append(&trial->findings);

	if (kept == NULL)
		return -ENOMEM;
	kept->first = f->first.ns;
	kept->last = f->last.ns;
	kept->detected = f->detected.ns;
	(void)snprintf(kept->detector, sizeof(kept->detector), "%s", f->detector);
	(void)snprintf(kept->kind, sizeof(kept->kind), "%s", f->kind);
	(void)snprintf(kept->subject, sizeof(kept->subject), "%s", f->subject);
	if (f->evidence_fields == nr_rsdos_fields && f->evidence != NULL)
		kept->is_moore = ((const struct nr_rsdos_evidence *)f->evidence)->flags &
				 NR_RSDOS_MOORE;
	return 0;
}

static int listen_to(int fd, const struct nr_lab_trial_options *options, struct nr_lab_trial *trial,
		     struct nr_err *reterr)
{
	static const struct nr_hash_key key = { { 1, 2, 3, 4 } }; /* results do not depend on it */
	struct nr_capture *capture = NULL;
	struct nr_observe_result result = { 0 };
	struct nr_nets nets = { 0 };
	char path[32];
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct nr_str name = nr_str_from(path);
	struct nr_capture_options from = { .paths = &name, .n_paths = 1 };

	for (size_t i = 0; i < options->world.n_nets && r == 0; i++)
		r = nr_nets_add(&nets, options->world.nets[i]);
	if (r == 0)
		r = nr_capture_open(&from, &capture, reterr);
	if (r < 0)
		return r;
	struct nr_observe_options run = {
		.captures = &capture,
		.n_captures = 1,
		.nets = &nets,
		.n_threads = 1,
		.until = { INT64_MAX },
		.key = &key,
		.out = { .ctx = trial, .source = keep_source, .finding = keep_finding }
	};

	r = nr_observe_run(&run, &result, reterr);
	trial->n_refused = result.refused;
	nr_observe_result_done(&result);
	nr_capture_free(capture);
	return r;
}

int nr_lab_trial_run(const struct nr_lab_trial_options *options, struct nr_lab_trial *trial,
		     struct nr_err *reterr)
{
	struct teller teller = { .options = options, .trial = trial };
	struct nr_time begun = nr_mono_now();
	int fds[2], r;
	pthread_t thread;

	*trial = (struct nr_lab_trial){ 0 };
	for (size_t i = 0; i < options->world.n_nets; i++)
		if (nr_prefix_is_v4(options->world.nets[i]))
			trial->n_v4 += nr_prefix_size(options->world.nets[i]);
	r = nr_lab_oracle_init(&trial->oracle, trial->n_v4);
	if (r == 0)
		r = nr_table_init(&trial->said, sizeof(struct nr_lab_said), NR_TABLE_MAX, NULL,
				  NULL);
	if (r == 0)
		r = nr_table_init(&trial->findings, sizeof(struct nr_lab_finding), NR_TABLE_MAX,
				  NULL, NULL);
	if (r < 0)
		return nr_fail(reterr, r, "no memory for a trial");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return nr_fail(reterr, -errno, "no pipe");
	teller.fd = fds[1];
	r = -pthread_create(&thread, NULL, tell, &teller);
	if (r < 0) {
		(void)nr_io_close(fds[0]);
		(void)nr_io_close(fds[1]);
		return nr_fail(reterr, r, "no thread for a trial");
	}
	r = listen_to(fds[0], options, trial, reterr);
	(void)nr_io_close(fds[0]); /* a world that still writes gets EPIPE */
	(void)pthread_join(thread, NULL);
	trial->engine_s = (double)(nr_mono_now().ns - begun.ns) / 1e9;
	if (r == 0 && teller.err < 0)
		r = nr_fail(reterr, teller.err, "the lab world failed: %s",
			    nr_err_text(teller.err));
	return r;
}

void nr_lab_trial_done(struct nr_lab_trial *trial)
{
	nr_lab_oracle_done(&trial->oracle);
	nr_table_done(&trial->said);
	nr_table_done(&trial->findings);
}
