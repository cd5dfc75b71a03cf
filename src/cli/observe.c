/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi observe: packets in, a report or records out. */
#include "cli/observe.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/flows.h"
#include "cli/report.h"
#include "orient/detect/mdr.h"
#include "orient/minutes.h"

enum { STATE_MAX = 2047 << 20, MDR_WINDOW_S = 300 };

/* ---- the words of the user ---- */

static const char *const only_names[] = { "all", "flows", "sources", "findings", NULL };
static const char *const per_names[] = { "second", "minute", NULL };
static const char *const lang_names[] = { "auto", "en", "ja", NULL };

#define AT(member) offsetof(struct nr_observe_words, member)

static const struct nr_option options[] = {
	{ .name = "net",
	  .letter = 'n',
	  .type = NR_OPT_LIST,
	  .value = "PREFIX",
	  .offset = AT(nets),
	  .help = "Monitored addresses, such as 198.18.0.0/16: packets to others are counted and "
		  "left out. Without it they "
		  "are inferred from the first packets where these leave no doubt." },
	{ .name = "interface",
	  .letter = 'i',
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = AT(interface),
	  .help = "Capture from a network interface until Ctrl-C, then report." },
	{ .name = "filter",
	  .letter = 'f',
	  .type = NR_OPT_STR,
	  .value = "EXPRESSION",
	  .offset = AT(filter),
	  .help = "Take only packets that match this pcap-filter(7) expression." },
	{ .name = "since",
	  .type = NR_OPT_TIME,
	  .value = "TIME",
	  .offset = AT(since),
	  .help = "Leave out packets before this time (UTC, RFC 3339 or seconds since 1970)." },
	{ .name = "until",
	  .type = NR_OPT_TIME,
	  .value = "TIME",
	  .offset = AT(until),
	  .help = "Leave out packets at or after this time." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = AT(json),
	  .help = "Print records instead of the report: one JSON object a line, a summary last." },
	{ .name = "csv",
	  .type = NR_OPT_FLAG,
	  .offset = AT(csv),
	  .help = "Print the records of one kind as CSV (needs --only)." },
	{ .name = "only",
	  .type = NR_OPT_ENUM,
	  .value = "KIND",
	  .choices = only_names,
	  .fallback = "all",
	  .offset = AT(only),
	  .help = "With --json or --csv: print only one kind of record." },
	{ .name = "per",
	  .type = NR_OPT_ENUM,
	  .value = "SPAN",
	  .choices = per_names,
	  .fallback = "second",
	  .offset = AT(per),
	  .help = "What a flow adds up, printed or kept with --write-flows: the packets of one "
		  "key within a second, or within a minute (such flows have the flag 'minute')." },
	{ .name = "threads",
	  .letter = 't',
	  .type = NR_OPT_U64,
	  .value = "N",
	  .lo = 1,
	  .hi = NR_PIPELINE_WORKERS_MAX,
	  .offset = AT(threads),
	  .help = "Worker threads; without it one a processor. A file gives the same output with "
		  "any number." },
	{ .name = "prefixes",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = AT(prefixes),
	  .help = "Prefix data that names networks and economies (see 'noroshi prefixes build'), "
		  "or none." },
	{ .name = "benign",
	  .type = NR_OPT_LIST,
	  .value = "FILE",
	  .offset = AT(benign),
	  .help = "Lists of known survey scanners (MISP warning lists, or one prefix a line; a "
		  "file or a directory), or "
		  "none. They are labelled, never left out." },
	{ .name = "follow",
	  .type = NR_OPT_FLAG,
	  .offset = AT(follow),
	  .help = "Wait for more at the end of the file or directory, until Ctrl-C." },
	{ .name = "state",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = AT(state),
	  .help = "Continue from this state if the file exists, and leave the new state in it." },
	{ .name = "write-flows",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = AT(write_flows),
	  .help = "Keep all flows in this file too, compressed; 'noroshi flows print' reads it. The "
		  "file appears when the run is over." },
	{ .name = "max-packets",
	  .type = NR_OPT_U64,
	  .value = "N",
	  .unit = "packets",
	  .offset = AT(max_packets),
	  .help = "Stop after so many packets." },
	{ .name = "lang",
	  .type = NR_OPT_ENUM,
	  .value = "LANGUAGE",
	  .choices = lang_names,
	  .fallback = "auto",
	  .offset = AT(lang),
	  .help = "Language of the report; auto takes it from LC_ALL, LC_MESSAGES or LANG." },
	{ .name = "no-color",
	  .type = NR_OPT_FLAG,
	  .offset = AT(no_color),
	  .help = "No colour even on a terminal; the environment variable NO_COLOR does the "
		  "same." },
	{ .name = "no-progress",
	  .type = NR_OPT_FLAG,
	  .offset = AT(no_progress),
	  .help = "No progress line even on a terminal." },
};

static int check_output(const struct nr_observe_words *words, struct nr_err *reterr)
{
	bool shows_flows = (words->json || words->csv) &&
			   (words->only == NR_ONLY_ALL || words->only == NR_ONLY_FLOWS);

	if (words->json && words->csv)
		return nr_fail(reterr, NR_EUSAGE, "--json or --csv, not both");
	if (words->csv && words->only == NR_ONLY_ALL)
		return nr_fail(reterr, NR_EUSAGE,
			       "a CSV table holds one kind of record: add --only flows, sources or "
			       "findings");
	if (words->only != NR_ONLY_ALL && !words->json && !words->csv)
		return nr_fail(reterr, NR_EUSAGE, "--only chooses records: add --json or --csv");
	if (words->per != NR_PER_SECOND && !shows_flows && words->write_flows == NULL)
		return nr_fail(reterr, NR_EUSAGE,
			       "--per minute is about flows: add --json, --only flows or "
			       "--write-flows");
	return 0;
}

static int check_words(const struct nr_observe_words *words, const struct nr_option_list *paths,
		       struct nr_err *reterr)
{
	int ret = check_output(words, reterr);

	if (ret < 0)
		return ret;
	if (words->until.ns != 0 && words->until.ns <= words->since.ns)
		return nr_fail(reterr, NR_EUSAGE,
			       "--until is not after --since: nothing lies between");
	if (words->interface != NULL && paths->n > 0)
		return nr_fail(reterr, NR_EUSAGE, "files or --interface, not both");
	if (words->interface == NULL && paths->n == 0)
		return nr_fail(
			reterr, NR_EUSAGE,
			"name a capture file, a directory of them, or - for standard input; or "
			"--interface NAME");
	return 0;
}

/* ---- Ctrl-C ---- */

/* A signal handler has no argument: the one place where captures are reachable without one. */
static struct nr_capture *const *volatile stop_captures;
static volatile sig_atomic_t stop_n, stopped;

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
	for (sig_atomic_t i = 0; i < stop_n; i++)
		nr_capture_stop(stop_captures[i]);
}

static void catch_stop(struct nr_capture *const *captures, size_t n)
{
	struct sigaction act = { .sa_handler = on_stop,
				 .sa_flags = (int)SA_RESETHAND }; /* the second one kills */

	stop_captures = captures;
	stop_n = (sig_atomic_t)n;
	(void)sigemptyset(&act.sa_mask);
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
}

static void ignore_stop(void)
{
	stop_n = 0; /* captures are about to be closed */
}

/* ---- state ---- */

static int read_state(const char *path, struct nr_bytes *ret_state, struct nr_err *reterr)
{
	*ret_state = (struct nr_bytes){ 0 };
	if (path == NULL || access(path, F_OK) < 0)
		return 0;
	return nr_io_slurp(path, STATE_MAX, ret_state, reterr);
}

/* ---- the run ---- */

struct run {
	struct nr_observe_words words;
	struct nr_observe_input input;
	struct nr_observe_writer writer;
	struct nr_report_notes *notes; /* what the report will show of sources and findings */
	struct nr_progress progress;
	struct nr_flows_writer *flows; /* NULL without --write-flows */
	struct nr_minutes *minutes;    /* NULL without --per minute */
	struct nr_buf state;
	struct nr_observe_result result;
};

static void summarise(const struct run *run, const struct nr_capture_stats *capture,
		      struct nr_summary *sum)
{
	const struct nr_pipeline_counts *counts = &run->result.counts;
	uint64_t monitored = run->result.monitored_v4;

	*sum = (struct nr_summary){
		.received = counts->received,
		.received_bytes = counts->bytes,
		.classified = counts->classified,
		.classified_bytes = counts->classified_bytes,
		.flows = run->result.flows,
		.findings = run->result.findings,
		.first = { counts->first },
		.last = { counts->last },
		.has_monitored = monitored > 0,
		.monitored_v4 = monitored,
		.has_mdr = monitored > 0,
		.mdr = nr_mdr_rsdos(monitored, MDR_WINDOW_S),
		.mdr_window_s = MDR_WINDOW_S,
		.refused = run->result.refused,
		.prefix_data = run->input.prefixes != NULL
				       ? nr_prefixes_version(run->input.prefixes)
				       : NULL,
		.nets = run->input.has_nets ? &run->input.nets : NULL,
		.infer = &run->input.infer,
		.counts = counts,
		.capture = capture,
	};
	for (size_t i = 0; i < NR_LEVEL_N; i++)
		sum->sources += run->result.levels[i];
	if (counts->classified > 0)
		sum->seconds = (double)(counts->last - counts->first) / 1e9;
}

static void capture_stats(const struct nr_observe_input *input, struct nr_capture_stats *ret_stats)
{
	*ret_stats = (struct nr_capture_stats){ 0 };
	for (size_t i = 0; i < input->n_captures; i++) {
		struct nr_capture_stats one;

		nr_capture_stats(input->captures[i], &one);
		if (i == 0)
			*ret_stats = one;
		else {
			ret_stats->frames += one.frames;
			ret_stats->kernel_received += one.kernel_received;
			ret_stats->kernel_dropped += one.kernel_dropped;
		}
	}
}

/* Words for the case that nothing can be shown: what to do about it. */
static void explain_nothing(const struct run *run, const struct nr_summary *sum)
{
	if (sum->received == 0)
		(void)fprintf(stderr, "noroshi observe: the input holds no packets\n");
	else if (sum->counts->dropped[NR_OUTCOME_TIME] == sum->received)
		(void)fprintf(stderr,
			      "noroshi observe: no packet lies between --since and --until\n");
	else if (sum->counts->dropped[NR_OUTCOME_FILTERED] == sum->received)
		(void)fprintf(stderr, "noroshi observe: no packet matches --filter\n");
	else if (sum->counts->dropped[NR_OUTCOME_NOT_MONITORED] == sum->received)
		(void)fprintf(stderr, "noroshi observe: no packet is addressed to %s\n",
			      run->input.infer.verdict == NR_INFER_GIVEN
				      ? "--net"
				      : "the monitored addresses");
}

static int finish(struct run *run)
{
	struct nr_capture_stats capture;
	struct nr_summary sum;
	int ret;

	capture_stats(&run->input, &capture);
	summarise(run, &capture, &sum);
	if (sum.classified == 0)
		explain_nothing(run, &sum);
	if (run->words.json || run->words.csv)
		return nr_observe_writer_end(&run->writer, &sum);
	struct nr_report report = {
		.summary = &sum,
		.tally = nr_engine_tally(run->result.engine),
		.levels = run->result.levels,
		.notes = run->notes,
		.paths = run->input.paths,
		.interface = run->words.interface,
		.n_benign = nr_benign_n_prefixes(run->input.benign),
		.stopped = stopped != 0 && run->words.interface == NULL && !run->words.follow,
	};
	struct nr_term term = nr_term_choose(run->words.lang == NR_LANG_JA   ? NR_TERM_JA
					     : run->words.lang == NR_LANG_EN ? NR_TERM_EN
									     : NR_TERM_ASK,
					     run->words.no_color);

	ret = nr_report_print(&report, &term, &run->writer.buf);
	return ret < 0 ? ret : nr_cli_flush(&run->writer.buf);
}

static int open_flows(struct run *run, struct nr_err *reterr)
{
	uint64_t monitored = run->input.has_nets ? nr_nets_size_v4(&run->input.nets) : 0;

	if (run->words.write_flows == NULL)
		return 0;
	return nr_flows_writer_open(run->words.write_flows, monitored, &run->flows, reterr);
}

/* Whom the engine gives its records: the output, or the file first, or before both what makes minutes. */
static int chain(struct run *run, struct nr_engine_out *ret_out, struct nr_err *reterr)
{
	bool records = run->words.json || run->words.csv;
	struct nr_engine_out out = records ? nr_observe_writer_out(&run->writer)
					   : nr_report_notes_out(run->notes);
	int ret = open_flows(run, reterr);

	if (ret < 0)
		return ret;
	if (run->flows != NULL)
		out = nr_flows_writer_tee(run->flows, out);
	if (run->words.per == NR_PER_MINUTE) {
		ret = nr_minutes_new(out, 0, &run->minutes);
		if (ret < 0)
			return nr_fail(reterr, ret, "flows of minutes: %s", nr_err_text(ret));
		out = nr_minutes_out(run->minutes);
	}
	*ret_out = out;
	return 0;
}

static int end_minutes(struct run *run)
{
	int ret = run->minutes != NULL ? nr_minutes_finish(run->minutes) : 0;
	uint64_t parts = run->minutes != NULL ? nr_minutes_n_parts(run->minutes) : 0;

	if (ret == 0 && parts > 0)
		(void)fprintf(stderr,
			      "noroshi observe: too many flows at once, %llu times: a flow of such "
			      "a minute may come in parts\n",
			      (unsigned long long)parts);
	return ret;
}

/* What the run leaves behind: the report or records, the file of flows, the state. */
static int conclude(struct run *run, struct nr_err *reterr)
{
	int ret = end_minutes(run);

	if (ret == 0)
		ret = finish(run);
	if (ret < 0 && nr_flows_writer_error(run->flows, reterr) < 0)
		return reterr->code;
	if (ret < 0)
		return nr_fail(reterr, ret, "cannot write: %s", nr_err_text(ret));
	if (run->flows != NULL)
		ret = nr_flows_writer_commit(run->flows, reterr);
	if (ret == 0 && run->words.state != NULL)
		ret = nr_io_replace(run->words.state, run->state.p, run->state.n, reterr);
	return ret;
}

static int run_all(struct run *run, struct nr_err *reterr)
{
	struct nr_bytes state = { 0 };
	struct nr_engine_out out;
	int ret = read_state(run->words.state, &state, reterr);

	if (ret == 0)
		ret = chain(run, &out, reterr);
	if (ret < 0) {
		free((void *)(uintptr_t)state.p);
		return ret;
	}
	struct nr_observe_options opt = {
		.captures = run->input.captures,
		.n_captures = run->input.n_captures,
		.nets = run->input.has_nets ? &run->input.nets : NULL,
		.prefixes = run->input.prefixes,
		.benign = run->input.benign,
		.filter = run->input.filter,
		.n_threads = run->input.n_threads,
		.since = run->words.since,
		.until = { run->words.until.ns != 0 ? run->words.until.ns : INT64_MAX },
		.max_packets = run->words.max_packets,
		.live = run->words.interface != NULL,
		.out = out,
		.progress = nr_progress_draw,
		.progress_ctx = &run->progress,
		.state_in = state,
		.state_out = run->words.state != NULL ? &run->state : NULL,
	};

	catch_stop(run->input.captures, run->input.n_captures);
	nr_progress_init(&run->progress, &run->words, &run->input);
	ret = nr_observe_run(&opt, &run->result, reterr);
	nr_progress_clear(&run->progress);
	free((void *)(uintptr_t)state.p);
	if (ret < 0 && ret != NR_EDAMAGED)
		return nr_flows_writer_error(run->flows, reterr) < 0 ? reterr->code : ret;
	int end = conclude(run, reterr);

	return end < 0 ? end : ret;
}

static int observe_words(struct run *run, const struct nr_option_list *paths)
{
	struct nr_err err = { 0 };
	int ret = check_words(&run->words, paths, &err);

	if (ret == 0)
		ret = nr_observe_input_open(&run->words, paths, &run->input, &err);
	if (ret == 0)
		ret = nr_report_notes_new(&run->notes);
	if (ret == 0)
		ret = run_all(run, &err);
	if (ret == 0)
		return NR_CLI_DONE;
	if (ret == -EPIPE)
		return NR_CLI_FAILED; /* whoever read us has had enough and knows it */
	if (err.code == 0)
		(void)nr_fail(&err, ret, "%s", nr_err_text(ret));
	return nr_cli_fail(&nr_cli_observe, &err);
}

static int observe_run(int argc, char **argv)
{
	struct nr_option_list paths;
	struct run run = { 0 };
	int status = nr_cli_begin(&nr_cli_observe, argc, argv, &run.words, &paths);

	nr_observe_writer_init(&run.writer, &run.words);
	nr_buf_init(&run.state, STATE_MAX);
	if (status == NR_CLI_GO_ON)
		status = observe_words(&run, &paths);
	ignore_stop();
	nr_observe_result_done(&run.result);
	nr_report_notes_free(run.notes);
	nr_flows_writer_free(run.flows);
	nr_minutes_free(run.minutes);
	nr_observe_input_done(&run.input);
	nr_observe_writer_done(&run.writer);
	nr_buf_done(&run.state);
	nr_option_release(options, NR_COUNT(options), &run.words, &paths);
	return status;
}

static const char about[] =
	"Reads packets that were sent to unused addresses (a darknet or network telescope) and "
	"says who scans, who is\n"
	"being flooded with forged sources, and which machines look infected; how sure that is, "
	"and what could not\n"
	"have been seen.\n"
	"\n"
	"FILE is a capture (pcap or pcapng, also compressed with gzip or zstd), a directory of "
	"rotated ones, which are\n"
	"read in order of time, or - for standard input. Of a damaged file everything before the "
	"damage is reported;\n"
	"then the place of the damage is named and the exit status is 1.\n"
	"\n"
	"The report goes to standard output, as wide as the terminal or 80 columns. With --json "
	"every line is an\n"
	"object whose member 'record' says what it is: flow, source, finding, and last of all "
	"summary. See\n"
	"noroshi-records(5) and 'noroshi schema'.";

static const char examples[] =
	"noroshi observe hour.pcap.gz --net 198.18.0.0/16\n"
	"    report what reached this network\n"
	"noroshi observe hour.pcap.gz --json --only findings\n"
	"    findings as JSON lines, then the summary\n"
	"noroshi observe hour.pcap.gz --csv --only flows --per minute\n"
	"    who sent how much to whom, minute by minute\n"
	"noroshi observe -i eth1 --net 198.18.0.0/16 --state /var/lib/noroshi/eth1.state\n"
	"    capture until Ctrl-C; the next run goes on from there\n";

const struct nr_cli_command nr_cli_observe = {
	.help = { .name = "noroshi observe",
		  .summary = "report what a capture of unused addresses shows",
		  .operands = "FILE...",
		  .about = about,
		  .examples = examples,
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = observe_run,
};
