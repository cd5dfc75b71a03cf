/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi hub run: the hub itself, until it is told to stop. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crypt.h"
#include "base/log.h"
#include "base/notify.h"
#include "cli/cli.h"
#include "serve/hub/hub.h"

enum { TEXT = 256, LINK = 512, STATUS_EVERY = 10 };

struct words {
	const char *listen, *ingest;
	bool verbose;
};

static const struct nr_option options[] = {
	{ .name = "listen",
	  .type = NR_OPT_STR,
	  .value = "HOST:PORT",
	  .offset = offsetof(struct words, listen),
	  .help = "Where the API listens (HTTPS), instead of what hub.yaml says (127.0.0.1:7443); "
		  "port 0 chooses one." },
	{ .name = "ingest",
	  .type = NR_OPT_STR,
	  .value = "HOST:PORT",
	  .offset = offsetof(struct words, ingest),
	  .help = "Where sensors deliver (TLS 1.3), instead of what hub.yaml says "
		  "(127.0.0.1:7444)." },
	{ .name = "verbose",
	  .letter = 'v',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, verbose),
	  .help = "Log more." },
};

/* Keys are in this memory: no core files, nobody attaches. As many descriptors as allowed. */
static void harden(void)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit files;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		nr_log(NR_LOG_WARNING, "hub", "not_hardened", "a core file could show keys");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			nr_log(NR_LOG_WARNING, "hub", "few_descriptors", "limit=%llu",
			       (unsigned long long)files.rlim_cur);
	}
}

/* Before any thread: they all inherit it, and only this loop takes the signals. */
static void block(sigset_t *ret_set)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigemptyset(ret_set);
	(void)sigaddset(ret_set, SIGINT);
	(void)sigaddset(ret_set, SIGTERM);
	(void)sigaddset(ret_set, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, ret_set, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

static void tell(struct nr_hub *hub, const struct nr_notify *notify, unsigned round)
{
	char words[TEXT], lines[TEXT + 32];

	nr_notify_send(notify, "WATCHDOG=1");
	if (round % STATUS_EVERY != 0)
		return;
	nr_hub_words(hub, words, sizeof(words));
	(void)snprintf(lines, sizeof(lines), "STATUS=%s", words);
	nr_notify_send(notify, lines);
}

/* Words go to the log: who sent the signal hears nothing. */
static void reload(struct nr_hub *hub, const struct nr_notify *notify)
{
	struct nr_registry_act act = { .actor = "signal", .now = nr_time_now() };
	char lines[64];
	struct nr_err err;

	(void)snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld",
		       (long long)(nr_mono_now().ns / 1000));
	nr_notify_send(notify, lines);
	if (nr_hub_reload(hub, &act, NULL, &err) < 0)
		nr_notify_send(notify, "STATUS=hub.yaml was not taken: see the log");
	nr_notify_send(notify, "READY=1");
}

/* @return 0 told to stop; negative: it failed */
static int wait_for_end(struct nr_hub *hub, const sigset_t *set, const struct nr_notify *notify,
			struct nr_err *reterr)
{
	const struct timespec second = { .tv_sec = 1 };

	for (unsigned round = 0;; round++) {
		int sig = sigtimedwait(set, NULL, &second);
		int ret = nr_hub_failed(hub, reterr);

		if (ret < 0)
			return ret;
		if (sig == SIGINT || sig == SIGTERM) {
			nr_log(NR_LOG_NOTICE, "hub", "stopping", "signal=%d", sig);
			return 0;
		}
		if (sig == SIGHUP)
			reload(hub, notify);
		tell(hub, notify, round);
	}
}

/* A terminal has one reader; what stands in a log has many, so there only the way to it is told. */
static void say_setup(struct nr_hub *hub, const char *dir)
{
	char link[LINK];
	struct nr_err err;

	if (nr_hub_is_set_up(hub))
		return;
	if (isatty(STDERR_FILENO) != 1)
		nr_log(NR_LOG_NOTICE, "hub", "nobody_can_log_in",
		       "make_a_link=noroshi hub setup-link %s", dir);
	else if (nr_hub_setup_link(hub, link, sizeof(link), &err) == 0)
		(void)fprintf(
			stderr,
			"Nobody can log in yet. Open this in a browser within 72 h, once, and choose a "
			"password:\n    %s\n",
			link);
	nr_secret_wipe(link, sizeof(link));
}

static int run_hub(const struct words *words, const char *dir, struct nr_err *reterr)
{
	struct nr_hub_options opt = {
		.dir = dir, .listen = words->listen, .ingest = words->ingest, .version = NR_VERSION
	};
	struct nr_notify notify;
	struct nr_hub *hub;
	sigset_t set;
	int ret;

	if (words->verbose)
		nr_log_level_set(NR_LOG_DEBUG);
	(void)umask(077); /* what a hub has is for nobody else */
	block(&set);
	harden();
	nr_notify_init(&notify);
	ret = nr_hub_start(&opt, &hub, reterr);
	if (ret == 0) {
		(void)printf("%s\n", nr_hub_url(hub));
		(void)fflush(stdout);
		say_setup(hub, dir);
		nr_notify_send(&notify, "READY=1");
		ret = wait_for_end(hub, &set, &notify, reterr);
		nr_notify_send(&notify, "STOPPING=1");
		nr_hub_stop(hub);
		nr_log(NR_LOG_NOTICE, "hub", "stopped", "in_good_order=%s",
		       ret == 0 ? "yes" : "no");
	}
	nr_notify_done(&notify);
	return ret;
}

static int run(int argc, char **argv)
{
	struct words words = { 0 };
	struct nr_option_list operands = { 0 };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(&nr_cli_hub_run, argc, argv, &words, &operands);

	if (status == NR_CLI_GO_ON) {
		int ret = operands.n == 1 ? run_hub(&words, operands.items[0].p, &err)
					  : nr_fail(&err, NR_EUSAGE, "name the hub's directory");

		status = ret < 0 ? nr_cli_fail(&nr_cli_hub_run, &err) : NR_CLI_DONE;
	}
	nr_option_release(options, NR_COUNT(options), &words, &operands);
	return status;
}

static const char about[] =
	"Runs the hub in DIR until SIGTERM or Ctrl-C: takes what sensors deliver, writes it to its journal,\n"
	"acknowledges what is on the disk, detects, and answers the API. Prints the URL of the API when it is ready;\n"
	"DIR/ports says where it listens.\n"
	"\n"
	"SIGHUP, or 'noroshi hub reload DIR', reads hub.yaml and the lists it names anew.\n"
	"\n"
	"Words about its work go to standard error, one line an event. When the journal cannot be written it\n"
	"stops acknowledging at once, says why, and ends with status 1; started again it goes on from what is on\n"
	"the disk. When the disk is full it refuses new data, goes on answering, and takes data again once there is\n"
	"room.";

const struct nr_cli_command nr_cli_hub_run = {
	.help = { .name = "noroshi hub run",
		  .summary = "run a hub",
		  .operands = "DIR",
		  .about = about,
		  .examples = "noroshi hub run /var/lib/noroshi\n"
			      "    as hub.yaml says\n"
			      "noroshi hub run ./hub --listen 127.0.0.1:0 --ingest 127.0.0.1:0\n"
			      "    on ports that are free\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run,
};
