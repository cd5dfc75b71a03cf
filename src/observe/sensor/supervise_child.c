/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "observe/sensor/supervise_int.h"

enum { PIPE_BYTES = 1 << 20, BACKOFF_MS = 100, BACKOFF_MAX_MS = 30000, LIVED_WELL_S = 30 };

const char *const nr_child_names[NR_CHILDREN] = { "spooler", "shipper", "capture", "parser" };

/* ---- descriptors ---- */

static void close_if(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* pipes and sockets: nothing to lose */
	*fd = -1;
}

/* Everything the child was not given: an open descriptor is a right. */
static void close_others(const struct nr_role *role)
{
	for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
		if (fd != role->orders && fd != role->in && fd != role->out && fd != role->lock)
			(void)close(fd);
}

/* ---- begin ---- */

static int run_role(const struct nr_role *role, enum nr_child_kind kind)
{
	switch (kind) {
	case NR_CHILD_SPOOLER:
		return nr_page_own(&role->pages, NR_PAGE_SPOOLER) < 0 ? NR_ROLE_FAILED
								      : nr_role_spooler(role);
	case NR_CHILD_SHIPPER:
		return nr_page_own(&role->pages, NR_PAGE_SHIPPER) < 0 ? NR_ROLE_FAILED
								      : nr_role_shipper(role);
	case NR_CHILD_CAPTURE:
		return nr_page_own(&role->pages, NR_PAGE_CAPTURE) < 0 ? NR_ROLE_FAILED
								      : nr_role_capture(role);
	case NR_CHILD_PARSER:
		return nr_page_own(&role->pages, NR_PAGE_PARSER) < 0 ? NR_ROLE_FAILED
								     : nr_role_parser(role);
	case NR_CHILDREN:
		break;
	}
	return NR_ROLE_FAILED;
}

static _Noreturn void be_child(const struct nr_role *role, enum nr_child_kind kind, pid_t parent)
{
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(NR_ROLE_FAILED);
	/* a keyboard's signal goes to all of us: only the supervisor decides */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	close_others(role);
	if (kind != NR_CHILD_PARSER) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (null >= 0)
			(void)dup2(null, STDIN_FILENO);
	}
	_exit(run_role(role, kind));
}

/* The ends that @p kind gets, and those of its partners. */
static int connect_child(struct nr_supervisor *s, enum nr_child_kind kind, struct nr_role *role,
			 int *ret_peer)
{
	int ends[2], type = kind == NR_CHILD_SHIPPER ? SOCK_STREAM : SOCK_SEQPACKET;

	*ret_peer = -1;
	if (kind == NR_CHILD_PARSER) {
		role->in = s->parser_in;
		role->out = s->parser_out;
		return 0;
	}
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	if (kind == NR_CHILD_SHIPPER)
		role->in = ends[0];
	else
		role->orders = ends[0];
	*ret_peer = ends[1];
	return 0;
}

static void statm_open(struct nr_child *child)
{
	char path[64];

	close_if(&child->statm);
	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)child->pid);
	if (child->pid > 0)
		child->statm = open(path, O_RDONLY | O_CLOEXEC);
}

int nr_child_begin(struct nr_supervisor *s, enum nr_child_kind kind)
{
	struct nr_child *child = &s->children[kind];
	struct nr_role role = { .settings = s->settings,
				.pages = s->pages,
				.lock = kind == NR_CHILD_SPOOLER ? s->lock_fd : -1,
				.orders = -1,
				.in = -1,
				.out = -1,
				.generation = s->generation };
	pid_t parent = getpid();
	int peer, r = connect_child(s, kind, &role, &peer);

	if (r < 0)
		return r;
	child->pid = fork();
	if (child->pid == 0)
		be_child(&role, kind, parent);
	r = child->pid < 0 ? -errno : 0;
	child->pid = child->pid < 0 ? 0 : child->pid;
	child->began_ns = nr_mono_now().ns;
	s->pipes_stale = s->pipes_stale || kind == NR_CHILD_CAPTURE || kind == NR_CHILD_SPOOLER;
	if (kind == NR_CHILD_SPOOLER)
		s->spooler_generation = 0;
	statm_open(child);
	close_if(&role.orders);
	close_if(&role.in);
	close_if(&role.out);
	if (kind == NR_CHILD_PARSER) {
		s->parser_in = s->parser_out = -1;
	} else if (kind == NR_CHILD_SHIPPER) {
		struct nr_order order = { .kind = NR_ORDER_SHIPPER };

		if (r == 0)
			r = nr_order_send(s->children[NR_CHILD_SPOOLER].orders, order, peer);
		close_if(&peer);
	} else {
		close_if(&child->orders);
		child->orders = peer;
	}
	return r;
}

static int pipe_new(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	(void)fcntl(ends[1], F_SETPIPE_SZ,
		    PIPE_BYTES); /* a wish: unprivileged users have a limit */
	return 0;
}

void nr_child_pipes_close(struct nr_supervisor *s)
{
	close_if(&s->parser_in);
	close_if(&s->parser_out);
}

int nr_child_pipes(struct nr_supervisor *s)
{
	int frames[2], batches[2];
	int r = pipe_new(frames);

	if (r < 0)
		return r;
	r = pipe_new(batches);
	if (r < 0) {
		close_if(&frames[0]);
		close_if(&frames[1]);
		return r;
	}
	nr_child_pipes_close(s);
	s->pipes_stale = false;
	s->generation++;
	struct nr_order order = { .kind = NR_ORDER_PIPE, .value = s->generation };

	/* capture must not wait for the parser, the spooler not for the end of a batch */
	if (fcntl(frames[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(batches[0], F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = nr_order_send(s->children[NR_CHILD_CAPTURE].orders, order, frames[1]);
	if (r == 0)
		r = nr_order_send(s->children[NR_CHILD_SPOOLER].orders, order, batches[0]);
	if (r == 0)
		s->spooler_generation = s->generation;
	close_if(&frames[1]);
	close_if(&batches[0]);
	s->parser_in = frames[0];
	s->parser_out = batches[1];
	return r;
}

/* ---- end ---- */

void nr_child_kill(struct nr_supervisor *s, enum nr_child_kind kind, int signal)
{
	if (s->children[kind].pid > 0)
		(void)kill(s->children[kind].pid,
			   signal); /* it may have ended by itself just now */
}

static void ended(struct nr_supervisor *s, enum nr_child_kind kind, int status)
{
	struct nr_child *child = &s->children[kind];
	int64_t now = nr_mono_now().ns;
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == NR_ROLE_DONE;

	child->pid = 0;
	close_if(&child->orders);
	if (now - child->began_ns > LIVED_WELL_S * NR_NS_PER_S)
		child->failures = 0;
	int64_t wait_ms = child->failures == 0 ? 0 : (int64_t)BACKOFF_MS << (child->failures - 1);

	if (wait_ms > BACKOFF_MAX_MS)
		wait_ms = BACKOFF_MAX_MS;
	child->failures += child->failures < 16;
	/* whoever kills a parser again and again shall not blind us for long */
	if (kind == NR_CHILD_PARSER && wait_ms > BACKOFF_MS)
		wait_ms = BACKOFF_MS;
	child->retry_ns = now + wait_ms * 1000000;
	if (WIFSIGNALED(status))
		nr_log(s->ending ? NR_LOG_NOTICE : NR_LOG_ERROR, nr_child_names[kind], "killed",
		       "signal=%d%s retry_ms=%lld", WTERMSIG(status),
		       WTERMSIG(status) == SIGSYS ? " (sandbox)" : "", (long long)wait_ms);
	else
		nr_log(good ? NR_LOG_DEBUG : NR_LOG_ERROR, nr_child_names[kind], "ended",
		       "status=%d", WEXITSTATUS(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == NR_ROLE_SANDBOX) {
		s->ending = true;
		s->exit_status = 1;
	}
}

unsigned nr_child_reap(struct nr_supervisor *s)
{
	unsigned n = 0;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int k = 0; k < NR_CHILDREN; k++) {
			if (s->children[k].pid != pid)
				continue;
			ended(s, (enum nr_child_kind)k, status);
			n++;
		}
	return n;
}
