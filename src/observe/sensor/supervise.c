/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1  At most one parser runs, and its generation is supervisor->generation.
 *  2  The accounts of a parser are closed after it has ended, capture writes to another pipe, and
 *     the spooler has read the old one to its end; only then is the next one begun. So no frame is
 *     counted twice or not at all.
 */
#include "observe/sensor/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "observe/sensor/supervise_int.h"

enum {
	TICK_MS = 100,
	SWITCH_TICK_MS = 5,
	STATUS_EVERY_S = 5,
	SWITCH_PATIENCE_S = 60,
	CAPTURE_TIMEOUT_S = 60,
	SPOOLER_TIMEOUT_S = 300,
	SHIPPER_TIMEOUT_S = 300,
	DRAIN_S = 5,
	SYNC_S = 20,
	LOCK_TRIES = 30,
	LOCK_MS = 100,
};

/* ---- accounts ---- */

/*
 * Everything up to the end of the last parser is known: what is neither handed over nor dropped is
 * lost.
 */
static void settle(struct nr_supervisor *s, uint64_t frames, uint32_t next)
{
	struct nr_page_supervisor *base = s->pages.supervisor;
	const struct nr_page_parser *parser = s->pages.parser;
	uint64_t classified = nr_get(s->pages.spooler->packets), known = classified;
	bool was_last = nr_get(parser->generation) == nr_get(base->generation);

	nr_set(base->generation, next);
	for (size_t o = 0; o < NR_OUTCOME_N; o++) {
		if (was_last)
			nr_bump(base->dropped[o], nr_get(parser->dropped[o]));
		known += nr_get(base->dropped[o]);
	}
	nr_set(base->classified, classified);
	nr_set(base->frames, frames);
	uint64_t lost = frames > known ? frames - known : 0, before = nr_get(base->lost);

	nr_set(base->lost, lost);
	if (lost > before)
		nr_log(NR_LOG_WARNING, "supervisor", "lost", "packets=%llu total=%llu",
		       (unsigned long long)(lost - before), (unsigned long long)lost);
	s->settled = true;
}

/* ---- parsers, one after the other ---- */

static bool capture_done(const struct nr_supervisor *s)
{
	return s->children[NR_CHILD_CAPTURE].pid == 0 &&
	       (s->ending || nr_get(s->pages.capture->ended) != 0);
}

static void switch_begin(struct nr_supervisor *s)
{
	if (s->children[NR_CHILD_CAPTURE].pid == 0 || s->children[NR_CHILD_SPOOLER].pid == 0 ||
	    nr_mono_now().ns < s->children[NR_CHILD_PARSER].retry_ns)
		return;
	if (nr_get(s->pages.capture->ended) != 0)
		return; /* it is about to end: nothing comes for another parser */
	int r = nr_child_pipes(s);

	if (r < 0) {
		nr_log(NR_LOG_ERROR, "supervisor", "pipes", "error=%s", nr_err_text(r));
		s->children[NR_CHILD_PARSER].retry_ns = nr_mono_now().ns + NR_NS_PER_S;
		return;
	}
	s->state = NR_SUPERVISE_SWITCHING;
	s->children[NR_CHILD_PARSER].began_ns = nr_mono_now().ns;
}

static void switch_end(struct nr_supervisor *s)
{
	bool late = nr_mono_now().ns - s->children[NR_CHILD_PARSER].began_ns >
		    SWITCH_PATIENCE_S * NR_NS_PER_S;

	bool taken = nr_get(s->pages.capture->generation) == s->generation;

	/* a short capture file may have ended by now: what it wrote stands in the pipe */
	if ((s->children[NR_CHILD_CAPTURE].pid == 0 && !taken) ||
	    s->children[NR_CHILD_SPOOLER].pid == 0 || s->pipes_stale) {
		s->state = NR_SUPERVISE_RUNNING; /* with new ones, from the start */
		return;
	}
	if (!late && (!taken || nr_get(s->pages.spooler->generation) != s->generation))
		return;
	settle(s, nr_get(s->pages.capture->generation_start), s->generation);
	int r = nr_child_begin(s, NR_CHILD_PARSER);

	if (r < 0)
		nr_log(NR_LOG_ERROR, "supervisor", "fork", "error=%s", nr_err_text(r));
	if (s->generation > 1)
		nr_bump(s->pages.supervisor->parser_restarts, 1);
	s->settled = false;
	s->state = NR_SUPERVISE_RUNNING;
}

static void drain(struct nr_supervisor *s)
{
	s->state = NR_SUPERVISE_DRAINED;
	/* ends for a parser that will not come: the spooler would wait for what they bring */
	nr_child_pipes_close(s);
	if (!s->settled && (s->children[NR_CHILD_SPOOLER].pid == 0 ||
			    nr_get(s->pages.spooler->generation_ended) >= s->spooler_generation))
		settle(s, nr_get(s->pages.capture->frames), s->generation + 1);
}

static void parser_turn(struct nr_supervisor *s)
{
	if (s->children[NR_CHILD_PARSER].pid != 0)
		return;
	if (s->state == NR_SUPERVISE_SWITCHING)
		switch_end(s);
	else if (capture_done(s))
		drain(s);
	else
		switch_begin(s);
}

/* ---- the others ---- */

static void begin_again(struct nr_supervisor *s, enum nr_child_kind kind, nr_word *count)
{
	struct nr_child *child = &s->children[kind];

	if (child->pid != 0 || nr_mono_now().ns < child->retry_ns)
		return;
	bool again = child->began_ns != 0;
	int r = nr_child_begin(s, kind);

	if (r < 0) {
		nr_log(NR_LOG_ERROR, "supervisor", "fork", "child=%s error=%s",
		       nr_child_names[kind], nr_err_text(r));
		child->retry_ns = nr_mono_now().ns + NR_NS_PER_S;
		return;
	}
	if (again)
		nr_bump(*count, 1);
}

static void others_turn(struct nr_supervisor *s)
{
	struct nr_page_supervisor *page = s->pages.supervisor;

	if (s->children[NR_CHILD_SPOOLER].pid == 0 && !s->ending) {
		/* what they hold is for a spooler that is gone */
		nr_child_kill(s, NR_CHILD_PARSER, SIGKILL);
		nr_child_kill(s, NR_CHILD_SHIPPER, SIGKILL);
	}
	if (s->ending)
		return;
	begin_again(s, NR_CHILD_SPOOLER, &page->spooler_restarts);
	if (s->children[NR_CHILD_SPOOLER].pid != 0 && !s->settings->offline)
		begin_again(s, NR_CHILD_SHIPPER, &page->shipper_restarts);
	if (nr_get(s->pages.capture->ended) == 0)
		begin_again(s, NR_CHILD_CAPTURE, &page->capture_restarts);
}

static void watch_one(struct nr_supervisor *s, enum nr_child_kind kind, int64_t alive_ns,
		      uint64_t timeout_s)
{
	const struct nr_child *child = &s->children[kind];
	int64_t last = alive_ns > child->began_ns ? alive_ns : child->began_ns;

	if (child->pid == 0 || nr_mono_now().ns - last < (int64_t)timeout_s * NR_NS_PER_S)
		return;
	nr_log(NR_LOG_ERROR, nr_child_names[kind], "frozen", "seconds=%llu",
	       (unsigned long long)timeout_s);
	nr_child_kill(s, kind, SIGKILL);
}

static void watch(struct nr_supervisor *s)
{
	const struct nr_pages *pages = &s->pages;

	if (nr_get(pages->parser->waiting) == 0 ||
	    nr_get(pages->parser->generation) != s->generation)
		watch_one(s, NR_CHILD_PARSER, nr_get(pages->parser->alive_ns),
			  s->settings->parser_timeout_s);
	watch_one(s, NR_CHILD_CAPTURE, nr_get(pages->capture->alive_ns), CAPTURE_TIMEOUT_S);
	watch_one(s, NR_CHILD_SPOOLER, nr_get(pages->spooler->alive_ns), SPOOLER_TIMEOUT_S);
	watch_one(s, NR_CHILD_SHIPPER, nr_get(pages->shipper->alive_ns), SHIPPER_TIMEOUT_S);
}

/* ---- the end ---- */

static void ending_begin(struct nr_supervisor *s)
{
	s->ending = true;
	s->ending_ns = nr_mono_now().ns;
	nr_notify_send(&s->notify, "STOPPING=1");
	nr_child_kill(s, NR_CHILD_CAPTURE, SIGTERM);
}

/* @return whether everything has ended */
static bool ending_turn(struct nr_supervisor *s)
{
	int64_t since = nr_mono_now().ns - s->ending_ns;
	struct nr_child *spooler = &s->children[NR_CHILD_SPOOLER];

	if (since > DRAIN_S * NR_NS_PER_S) {
		nr_child_kill(s, NR_CHILD_CAPTURE, SIGKILL);
		nr_child_kill(s, NR_CHILD_PARSER, SIGKILL);
	}
	if (since > SYNC_S * NR_NS_PER_S)
		nr_child_kill(s, NR_CHILD_SPOOLER, SIGKILL);
	if (s->children[NR_CHILD_CAPTURE].pid != 0 || s->children[NR_CHILD_PARSER].pid != 0)
		return false;
	drain(s);
	if (!s->settled)
		return false;
	if (spooler->pid != 0 && spooler->orders >= 0) {
		struct nr_order stop = { .kind = NR_ORDER_STOP };

		if (nr_order_send(spooler->orders, stop, -1) < 0)
			nr_log(NR_LOG_DEBUG, "supervisor", "stop", "order=not sent");
		/* closing it says the same */
		(void)close(spooler->orders);
		spooler->orders = -1;
	}
	/* it says goodbye to the hub when the spooler has gone, unless the link is stuck */
	if (since > DRAIN_S * NR_NS_PER_S)
		nr_child_kill(s, NR_CHILD_SHIPPER, SIGKILL);
	return spooler->pid == 0 && s->children[NR_CHILD_SHIPPER].pid == 0;
}

/* --read: the file has ended, and all of it is acknowledged, or spooled when there is no hub. */
static bool is_read(const struct nr_supervisor *s)
{
	const struct nr_page_spooler *spooler = s->pages.spooler;

	return s->settings->read != NULL && s->state == NR_SUPERVISE_DRAINED && s->settled &&
	       nr_get(spooler->synced) != 0 &&
	       (s->settings->offline || nr_get(spooler->waiting) == 0);
}

/* ---- run ---- */

static void report(struct nr_supervisor *s)
{
	struct nr_page_totals totals;
	const struct nr_page_spooler *spooler = s->pages.spooler;
	uint64_t dropped = 0;

	nr_page_totals(&s->pages, &totals);
	for (size_t o = 0; o < NR_OUTCOME_N; o++)
		dropped += totals.dropped[o];
	nr_log(NR_LOG_NOTICE, "supervisor", "accounts",
	       "frames=%llu classified=%llu dropped=%llu lost=%llu kernel_dropped=%llu rows=%llu "
	       "batches=%llu spool_dropped=%llu waiting=%llu",
	       (unsigned long long)nr_get(s->pages.capture->frames),
	       (unsigned long long)totals.classified, (unsigned long long)dropped,
	       (unsigned long long)totals.lost,
	       (unsigned long long)nr_get(s->pages.capture->kernel_dropped),
	       (unsigned long long)nr_get(spooler->rows),
	       (unsigned long long)nr_get(spooler->batches),
	       (unsigned long long)nr_get(spooler->dropped_batches),
	       (unsigned long long)nr_get(spooler->waiting));
}

/* The first capture did not come up: a wrong name is told at once, not tried for ever. */
static void give_up_early(struct nr_supervisor *s)
{
	if (s->ending || s->children[NR_CHILD_CAPTURE].pid != 0 ||
	    nr_get(s->pages.capture->alive_ns) != 0 || s->children[NR_CHILD_CAPTURE].began_ns == 0)
		return;
	s->exit_status = 1;
	ending_begin(s);
}

static void loop(struct nr_supervisor *s, const sigset_t *signals)
{
	bool ready = false;

	for (;;) {
		int64_t tick = s->state == NR_SUPERVISE_SWITCHING ? SWITCH_TICK_MS : TICK_MS;
		struct timespec wait = { .tv_nsec = tick * 1000000 };
		int number = sigtimedwait(signals, NULL, &wait);

		(void)nr_child_reap(s);
		if ((number == SIGTERM || number == SIGINT || is_read(s)) && s->ending_ns == 0)
			ending_begin(s);
		give_up_early(s);
		if (s->ending && s->ending_ns == 0)
			ending_begin(s);
		if (s->ending && ending_turn(s))
			return;
		others_turn(s);
		if (!s->ending)
			parser_turn(s);
		watch(s);
		if (!ready && nr_get(s->pages.parser->alive_ns) != 0) {
			ready = true;
			nr_notify_send(&s->notify, "READY=1");
		}
		if (nr_mono_now().ns - s->status_ns > STATUS_EVERY_S * NR_NS_PER_S) {
			s->status_ns = nr_mono_now().ns;
			nr_supervise_status(s);
			nr_notify_send(&s->notify, "WATCHDOG=1");
		}
	}
}

static int own_directory(struct nr_supervisor *s, struct nr_err *reterr)
{
	const struct nr_settings *settings = s->settings;
	char path[NR_SETTINGS_PATH + 8];
	int r = nr_io_mkdir(settings->dir, 0700);

	if (r == 0 || r == -EEXIST)
		r = nr_io_mkdir(settings->spool_dir, 0700);
	if (r < 0 && r != -EEXIST)
		return nr_fail(reterr, r, "%s: %s", settings->spool_dir, nr_err_text(r));
	(void)snprintf(path, sizeof(path), "%s/lock", settings->dir);
	s->lock_fd = nr_io_open(path, O_RDWR | O_CREAT, 0600);
	if (s->lock_fd < 0)
		return nr_fail(reterr, s->lock_fd, "%s: %s", path, nr_err_text(s->lock_fd));
	/* after kill -9 the spooler of before may need a moment to end */
	for (int i = 0; (r = nr_io_lock(s->lock_fd)) == -EWOULDBLOCK && i < LOCK_TRIES; i++)
		(void)poll(NULL, 0, LOCK_MS);
	if (r == -EWOULDBLOCK)
		return nr_fail(reterr, r, "%s: another sensor runs here", settings->dir);
	return r < 0 ? nr_fail(reterr, r, "%s: %s", path, nr_err_text(r)) : 0;
}

/* What the children need stays; they close their own sandboxes further. */
static int own_sandbox(const struct nr_supervisor *s, struct nr_err *reterr)
{
	const char *read = s->settings->read != NULL ? s->settings->read : "/etc";
	const struct nr_sandbox_path paths[] = { { s->settings->dir, true }, { read, false },
						 { "/etc", false },	     { "/run", false },
						 { "/usr", false },	     { "/lib", false },
						 { "/proc", false },	     { "/dev/null", false },
						 { "/sys/class/net", false } };
	const struct nr_sandbox sandbox = { .paths = paths,
					    .n_paths = NR_COUNT(paths),
					    .keep_net_raw = s->settings->interface != NULL,
					    .no_filter = true,
					    .max_files = 256 };

	if (s->settings->unsafe_no_sandbox) {
		nr_set(s->pages.supervisor->unsafe, 1);
		nr_log(NR_LOG_WARNING, "supervisor", "unsafe", "sandbox=none");
		return 0;
	}
	return nr_sandbox_enter(&sandbox, reterr);
}

int nr_supervise(const struct nr_settings *settings)
{
	struct nr_supervisor s = {
		.settings = settings, .parser_in = -1, .parser_out = -1, .lock_fd = -1
	};
	struct nr_err err = { 0 };
	sigset_t signals;

	for (int k = 0; k < NR_CHILDREN; k++)
		s.children[k].orders = s.children[k].statm = -1;
	nr_notify_init(&s.notify);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0,
		    0); /* small tables in large pages would be mostly air */
	int r = own_directory(&s, &err);

	if (r == 0)
		r = nr_page_map(&s.pages);
	if (r == 0)
		r = own_sandbox(&s, &err);
	if (r < 0) {
		nr_log(NR_LOG_ERROR, "supervisor", "start", "error=%s",
		       err.msg[0] != '\0' ? err.msg : nr_err_text(r));
		return 1;
	}
	loop(&s, &signals);
	report(&s);
	nr_supervise_status(&s);
	nr_notify_done(&s.notify);
	(void)close(s.lock_fd);
	return s.exit_status;
}
