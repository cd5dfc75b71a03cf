/* SPDX-License-Identifier: Apache-2.0 */
/* The command group `noroshi lab`: traffic with known truth, and how well the engine reads it. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/cli.h"
#include "learn/lab/evaluate.h"
#include "learn/lab/out.h"
#include "learn/lab/scenario.h"

struct generate {
	const char *out, *truth, *scenario;
	struct nr_option_list nets;
	int64_t duration;
	struct nr_time start;
	uint64_t seed, packets, sources;
	double scale;
	int link, precision;
};

static const char *const link_names[] = { "ethernet", "raw", NULL };
static const char *const precision_names[] = { "us", "ns", NULL };

static const struct nr_option generate_options[] = {
	{ .name = "out",
	  .letter = 'o',
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .fallback = "-",
	  .offset = offsetof(struct generate, out),
	  .help = "Write the packets (pcap) here; - is standard output." },
	{ .name = "truth",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct generate, truth),
	  .help = "Write what is true here, one JSON object a line for each actor." },
	{ .name = "scenario",
	  .letter = 's',
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .fallback = "sample",
	  .offset = offsetof(struct generate, scenario),
	  .help = "Which population; see below." },
	{ .name = "net",
	  .letter = 'n',
	  .type = NR_OPT_LIST,
	  .value = "PREFIX",
	  .offset = offsetof(struct generate, nets),
	  .help = "Monitored prefixes, /8 at most; without it the scenario's own." },
	{ .name = "duration",
	  .type = NR_OPT_SPAN,
	  .value = "SPAN",
	  .offset = offsetof(struct generate, duration),
	  .help = "Length of the time to generate; without it the scenario's own." },
	{ .name = "start",
	  .type = NR_OPT_TIME,
	  .value = "TIME",
	  .fallback = "2026-01-05T00:00:00Z",
	  .offset = offsetof(struct generate, start),
	  .help = "Time of the beginning." },
	{ .name = "seed",
	  .type = NR_OPT_U64,
	  .value = "N",
	  .fallback = "1",
	  .offset = offsetof(struct generate, seed),
	  .help = "The same seed and options give the same bytes on every machine." },
	{ .name = "packets",
	  .type = NR_OPT_U64,
	  .value = "N",
	  .offset = offsetof(struct generate, packets),
	  .help = "Scenario bench: number of packets (10M)." },
	{ .name = "sources",
	  .type = NR_OPT_U64,
	  .value = "N",
	  .offset = offsetof(struct generate, sources),
	  .help = "Scenario bench: number of sources (1.2M)." },
	{ .name = "scale",
	  .type = NR_OPT_F64,
	  .value = "X",
	  .lo = 0.001,
	  .hi = 1000,
	  .fallback = "1",
	  .offset = offsetof(struct generate, scale),
	  .help = "Multiply the number of scanners." },
	{ .name = "link",
	  .type = NR_OPT_ENUM,
	  .value = "TYPE",
	  .fallback = "ethernet",
	  .choices = link_names,
	  .offset = offsetof(struct generate, link),
	  .help = "Link type of the file." },
	{ .name = "precision",
	  .type = NR_OPT_ENUM,
	  .value = "UNIT",
	  .fallback = "us",
	  .choices = precision_names,
	  .offset = offsetof(struct generate, precision),
	  .help = "Resolution of the times." },
};

static const char generate_about[] =
	"Writes the traffic that a network of unused addresses would see, header by header as the tools, the\n"
	"malware and the victims really build it, and beside it the truth: who scanned with what and how fast,\n"
	"who was flooded, what was noise.\n"
	"\n"
	"Scenarios:\n"
	"\n"
	"sample: an hour with every kind of actor: scanners of all tools, a growing botnet, three floods, a\n"
	"carpet, noise; about 600,000 packets\n"
	"\n"
	"scans: scanners of all tools, surveys and noise; no flood\n"
	"\n"
	"floods: seventy floods of seven kinds, each ten strengths, two carpets, noise\n"
	"\n"
	"quiet: noise only: strays, misconfigured machines, stray DNS answers, SYN-ACK scanners\n"
	"\n"
	"ipv6: an IPv6 telescope: scanners, floods and strays (rates are per telescope)\n"
	"\n"
	"weeks: three weeks at low rates: scanners, a worm that grows, floods, noise\n"
	"\n"
	"bench: --packets packets of --sources sources, heavy-tailed, mostly SYN scans";

static int open_file(const char *path, struct nr_err *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return STDOUT_FILENO;
	fd = nr_io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	return fd < 0 ? nr_fail(err, fd, "cannot write %s: %s", path, nr_err_text(fd)) : fd;
}

/* The prefixes of the user, or the scenario's. */
static int choose_nets(const struct generate *want, const struct nr_lab_scenario *scenario,
		       struct nr_prefix nets[NR_LAB_NETS], size_t *ret_n, struct nr_err *err)
{
	struct nr_str own = nr_str_from(scenario->net);
	size_t n = want->nets.n > 0 ? want->nets.n : 1;
	const struct nr_str *items = want->nets.n > 0 ? want->nets.items : &own;

	if (n > NR_LAB_NETS)
		return nr_fail(err, NR_EUSAGE, "more than %d prefixes in --net", NR_LAB_NETS);
	for (size_t i = 0; i < n; i++)
		if (nr_prefix_parse(items[i], &nets[i]) < 0)
			return nr_fail(err, NR_EUSAGE, "--net: " NR_STR_FMT " is not a prefix",
				       NR_STR_ARG(items[i]));
	*ret_n = n;
	return 0;
}

static int write_world(const struct generate *want, const struct nr_lab_options *options,
		       const struct nr_lab_scenario *scenario, const int fds[2], struct nr_err *err)
{
	nr_auto(nr_lab_out) out = NULL;
	nr_auto(nr_lab_world) world = NULL;
	struct nr_time begun = nr_mono_now();
	struct nr_lab_sink sink;
	double seconds;
	int r;

	r = nr_lab_out_new(fds[0], fds[1], want->link == 0 ? NR_LAB_ETHERNET : NR_LAB_RAW_IP,
			   want->precision == 1, &out);
	if (r < 0)
		return nr_fail(err, r, "no memory");
	sink = nr_lab_out_sink(out, fds[1] >= 0);
	r = nr_lab_world_new(options, &sink, &world, err);
	if (r < 0)
		return r;
	scenario->populate(world);
	r = nr_lab_world_run(world);
	if (r == 0)
		r = nr_lab_out_flush(out);
	if (r < 0)
		return nr_fail(err, r, "cannot write: %s", nr_err_text(r));
	seconds = (double)(nr_mono_now().ns - begun.ns) / 1e9;
	(void)fprintf(stderr, "%llu packets of %llu actors in %.1f s (%.1f M packets/s)\n",
		      (unsigned long long)world->stats.packets,
		      (unsigned long long)world->stats.actors, seconds,
		      (double)world->stats.packets / 1e6 / (seconds > 0 ? seconds : 1e-9));
	return 0;
}

static int generate(const struct generate *want, struct nr_err *err)
{
	const struct nr_lab_scenario *scenario = nr_lab_scenario_find(nr_str_from(want->scenario));
	struct nr_prefix nets[NR_LAB_NETS];
	struct nr_lab_options options = { .nets = nets,
					  .start = want->start,
					  .duration = want->duration,
					  .seed = want->seed,
					  .packets = want->packets,
					  .sources = want->sources,
					  .scale = want->scale };
	int fds[2] = { -1, -1 }, r;

	if (scenario == NULL)
		return nr_fail(err, NR_EUSAGE, "--scenario: no scenario of that name; see --help");
	if (strcmp(want->out, "-") == 0 && isatty(STDOUT_FILENO))
		return nr_fail(err, NR_EUSAGE,
			       "packets are no text for a terminal: give --out FILE");
	if (options.duration == 0)
		options.duration = scenario->duration;
	r = choose_nets(want, scenario, nets, &options.n_nets, err);
	if (r < 0)
		return r;
	fds[0] = open_file(want->out, err);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = want->truth != NULL ? open_file(want->truth, err) : -1;
	r = want->truth != NULL && fds[1] < 0 ? fds[1]
					      : write_world(want, &options, scenario, fds, err);
	for (int i = 0; i < 2; i++)
		if (fds[i] > STDERR_FILENO)
			(void)nr_io_close(
				fds[i]); /* everything was written: a late error would have come there */
	return r;
}

static int run_generate(int argc, char **argv)
{
	struct generate want = { 0 };
	struct nr_option_list operands = { 0 };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(&nr_cli_lab_generate, argc, argv, &want, &operands);

	if (status == NR_CLI_GO_ON) {
		status = generate(&want, &err) < 0 ? nr_cli_fail(&nr_cli_lab_generate, &err)
						   : NR_CLI_DONE;
	}
	nr_option_release(generate_options, NR_COUNT(generate_options), &want, &operands);
	return status;
}

const struct nr_cli_command nr_cli_lab_generate = {
	.help = { .name = "noroshi lab generate",
		  .summary = "make telescope traffic of which the truth is known",
		  .operands = "",
		  .about = generate_about,
		  .examples =
			  "noroshi lab generate --out hour.pcap --truth hour.jsonl\n"
			  "    the sample hour on 198.18.0.0/16\n"
			  "noroshi lab generate -s weeks -n 198.18.0.0/20 | noroshi observe - --net 198.18.0.0/20\n"
			  "    three weeks of a small network, straight into the engine\n",
		  .options = generate_options,
		  .n_options = NR_COUNT(generate_options) },
	.run = run_generate,
};

/* ---- lab evaluate ---- */

struct evaluate {
	const char *seeds;
	struct nr_option_list only, sizes;
	int64_t quiet_time;
	bool json, quiet;
};

static const struct nr_option evaluate_options[] = {
	{ .name = "seeds",
	  .type = NR_OPT_STR,
	  .value = "A-B",
	  .fallback = "3001-3005",
	  .offset = offsetof(struct evaluate, seeds),
	  .help = "Seeds to report on; those below 3000 are for tuning." },
	{ .name = "only",
	  .type = NR_OPT_LIST,
	  .value = "PART",
	  .offset = offsetof(struct evaluate, only),
	  .help = "Parts to run: scan, rates, rsdos, false; without it all." },
	{ .name = "sizes",
	  .type = NR_OPT_LIST,
	  .value = "SIZE",
	  .offset = offsetof(struct evaluate, sizes),
	  .help = "Telescope sizes: 64, 1k, 4k, 65k, 475k, 16M; without it all." },
	{ .name = "quiet-time",
	  .type = NR_OPT_SPAN,
	  .value = "SPAN",
	  .fallback = "21d",
	  .offset = offsetof(struct evaluate, quiet_time),
	  .help = "Simulated time of each world of part false." },
	{ .name = "json",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct evaluate, json),
	  .help = "One JSON object instead of tables." },
	{ .name = "quiet",
	  .letter = 'q',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct evaluate, quiet),
	  .help = "Do not say what is being done." },
};

static const char *const part_names[] = { "scan", "rates", "rsdos", "false", NULL };

/* Bits of the words in @p list over @p names; all of them for an empty list; 0: an unknown word. */
static unsigned bits_of(const struct nr_option_list *list, const char *const *names, size_t n_names)
{
	unsigned bits = 0;

	if (list->n == 0)
		return (1u << n_names) - 1;
	for (size_t i = 0; i < list->n; i++) {
		unsigned bit = 0;

		for (size_t k = 0; k < n_names; k++)
			if (nr_str_eq(list->items[i], nr_str_from(names[k])))
				bit = 1u << k;
		if (bit == 0)
			return 0;
		bits |= bit;
	}
	return bits;
}

static void say_progress(void *ctx, const char *what)
{
	(void)ctx;
	(void)fprintf(stderr, "%s\n", what);
}

static int read_seeds(const char *text, struct nr_lab_evaluate_options *options)
{
	struct nr_str rest = nr_str_from(text), first = nr_str_cut(&rest, '-');

	if (nr_str_u64(first, 0, UINT64_MAX, &options->seed_lo) < 0)
		return -EINVAL;
	if (rest.n == 0)
		options->seed_hi = options->seed_lo;
	else if (nr_str_u64(rest, options->seed_lo, UINT64_MAX - 1, &options->seed_hi) < 0)
		return -EINVAL;
	return 0;
}

static int evaluate(const struct evaluate *want, struct nr_err *err)
{
	struct nr_lab_evaluate_options options = { .quiet_time = want->quiet_time };
	struct nr_lab_evaluation all;
	struct nr_buf out;
	int r;

	if (read_seeds(want->seeds, &options) < 0)
		return nr_fail(err, NR_EUSAGE, "--seeds: %s is not A-B", want->seeds);
	options.parts = bits_of(&want->only, part_names, 4);
	options.sizes = bits_of(&want->sizes, nr_lab_size_names, NR_LAB_SIZES);
	if (options.parts == 0 || options.sizes == 0)
		return nr_fail(err, NR_EUSAGE, "--only, --sizes: unknown word; see --help");
	options.progress = want->quiet ? NULL : say_progress;
	nr_buf_init(&out, 1 << 22);
	r = nr_lab_evaluate(&options, &all, err);
	if (r == 0 && want->json)
		nr_lab_evaluation_json(&options, &all, &out);
	else if (r == 0)
		nr_lab_evaluation_print(&options, &all, &out);
	if (r == 0) {
		r = nr_cli_flush(&out);
		if (r < 0)
			(void)nr_fail(err, r, "cannot write: %s", nr_err_text(r));
	}
	nr_lab_evaluation_done(&all);
	nr_buf_done(&out);
	return r;
}

static int run_evaluate(int argc, char **argv)
{
	struct evaluate want = { 0 };
	struct nr_option_list operands = { 0 };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(&nr_cli_lab_evaluate, argc, argv, &want, &operands);

	if (status == NR_CLI_GO_ON)
		status = evaluate(&want, &err) < 0 ? nr_cli_fail(&nr_cli_lab_evaluate, &err)
						   : NR_CLI_DONE;
	nr_option_release(evaluate_options, NR_COUNT(evaluate_options), &want, &operands);
	return status;
}

static const char evaluate_about[] =
	"Makes worlds of which the truth is known, runs the real engine over them and prints how much it\n"
	"found, how much of that was wrong, and how soon: scanners and tools by telescope size, intervals of\n"
	"the rate by arrival model, attacks by victim rate, false findings with the exposure stated.\n"
	"\n"
	"Faults are looked for on seeds below 3000; others are reported on.";

const struct nr_cli_command nr_cli_lab_evaluate = {
	.help = { .name = "noroshi lab evaluate",
		  .summary = "measure the detectors against known truth",
		  .operands = "",
		  .about = evaluate_about,
		  .examples = "noroshi lab evaluate\n"
			      "    the tables of docs/evaluation.md\n"
			      "noroshi lab evaluate --only rsdos --sizes 65k --seeds 1-3\n"
			      "    one part, one telescope, seeds for tuning\n",
		  .options = evaluate_options,
		  .n_options = NR_COUNT(evaluate_options) },
	.run = run_evaluate,
};
