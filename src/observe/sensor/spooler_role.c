/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spooler process keeps: the spool directory, the pipe from the parser, the socket to the
 * shipper, its channel to the supervisor, its page. What the parser hands over is checked, not
 * trusted: that process has read hostile bytes.
 *
 * Invariants
 *  1  A batch is spooled when all of it has arrived; half a batch of a parser that died is not.
 *  2  page.generation_ended = g is set when the pipe of parser g has ended and all it held is
 *     spooled; a new pipe waits until then.
 *  3  Only whole messages go to the shipper, batches only of a session for which WELCOME came,
 *     synced ones only.
 */
#include "observe/sensor/spooler.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sandbox.h"

enum {
	TICK_MS = 200,
	SPACE_EVERY_S = 10,
	STOP_GRACE_S = 3,
	BACKLOG_SOME = 32, /* batches that wait: then fewer and larger ones are made */
	BACKLOG_MUCH = 256,
	INTERVAL_MS = 1000,
	INTERVAL_SOME_MS = 3000,
	INTERVAL_MUCH_MS = 10000,
	FILES_MAX = 64,
};

/* ---- parser ---- */

static void generation_end(struct nr_spooler *s)
{
	(void)nr_io_close(s->pipe.fd); /* only read */
	s->pipe.fd = -1;
	s->pipe.have = 0;
	nr_buf_reset(&s->pipe.payload);
	nr_set(s->page->generation_ended, s->pipe.generation);
}

static void generation_begin(struct nr_spooler *s, int fd, uint32_t generation)
{
	s->pipe.fd = fd;
	s->pipe.generation = generation;
	nr_set(s->page->generation, generation);
	s->has_next = false;
}

/* One whole batch has arrived. @return 0; NR_EDAMAGED: not a batch; -errno: the disk */
static int take(struct nr_spooler *s, struct nr_err *reterr)
{
	struct nr_spool_entry *entry = &s->pipe.entry;
	struct nr_batch_info info;

	entry->payload = (struct nr_bytes){ s->pipe.payload.p, s->pipe.payload.n };
	if (nr_batch_peek(entry->payload, &info, reterr) < 0 || info.size != entry->payload.n ||
	    info.n_rows != entry->rows)
		return NR_EDAMAGED;
	int r = nr_spool_append(s->spool, entry, reterr);

	if (r < 0)
		return r;
	nr_bump(s->page->packets, entry->packets);
	nr_bump(s->page->rows, entry->rows);
	nr_bump(s->page->batches, 1);
	nr_set(s->page->synced, 0);
	if (s->unsynced_ns == 0)
		s->unsynced_ns = nr_mono_now().ns;
	return 0;
}

/* @return bytes read; 0 none now; -ECONNRESET the end; -errno */
static ssize_t pipe_read(struct nr_spooler *s)
{
	struct nr_spooler_pipe *pipe = &s->pipe;
	uint8_t *to = pipe->head + pipe->have;
	size_t want = NR_HANDOVER_HEAD - pipe->have;

	if (pipe->have == NR_HANDOVER_HEAD) {
		want = pipe->entry.payload.n - pipe->payload.n;
		to = nr_buf_reserve(&pipe->payload, want);
		if (to == NULL)
			return -ENOMEM;
	}
	ssize_t n = read(pipe->fd, to, want);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	if (pipe->have == NR_HANDOVER_HEAD)
		nr_buf_commit(&pipe->payload, (size_t)n);
	else
		pipe->have += (size_t)n;
	return n;
}

/* Read what the parser has written. @return 0; -errno: the disk */
static int pipe_take(struct nr_spooler *s, struct nr_err *reterr)
{
	struct nr_spooler_pipe *pipe = &s->pipe;
	bool head_was_whole = pipe->have == NR_HANDOVER_HEAD;
	ssize_t n = pipe_read(s);
	int r = 0;

	if (n == 0)
		return 0;
	if (n > 0 && pipe->have < NR_HANDOVER_HEAD)
		return 0;
	if (n > 0 && !head_was_whole)
		r = nr_handover_read(pipe->head, &pipe->entry);
	if (n > 0 && r == 0 && pipe->payload.n < pipe->entry.payload.n)
		return 0;
	if (n > 0 && r == 0)
		r = take(s, reterr);
	if (n < 0 || r == NR_EDAMAGED || r == NR_EFORMAT || r == NR_EVERSION) {
		if (r < 0)
			nr_log(NR_LOG_ERROR, "spooler", "parser",
			       "error=what it hands over is no batch");
		generation_end(s);
		return 0;
	}
	pipe->have = 0;
	nr_buf_done(&pipe->payload); /* the next one may be small: idle memory is given back */
	nr_buf_init(&pipe->payload, NR_BATCH_SIZE_MAX);
	return r;
}

/* ---- time ---- */

static int sync_if_due(struct nr_spooler *s, struct nr_err *reterr)
{
	struct nr_spool_stats stats;
	struct pollfd more = { .fd = s->pipe.fd, .events = POLLIN };

	if (s->unsynced_ns == 0)
		return 0;
	nr_spool_stats(s->spool, &stats);
	if (stats.unsynced < NR_SPOOL_SYNC_BYTES &&
	    nr_mono_now().ns - s->unsynced_ns < NR_NS_PER_S && poll(&more, 1, 0) > 0)
		return 0; /* more is coming at once: one sync for all of it */
	int r = nr_spool_sync(s->spool, reterr);

	if (r == 0) {
		s->unsynced_ns = 0;
		nr_set(s->page->synced, 1);
	}
	return r;
}

static void publish(struct nr_spooler *s)
{
	struct nr_spool_stats stats;
	struct nr_io_space space;
	int64_t now = nr_mono_now().ns;
	uint64_t interval = s->wished_interval_ms != 0 ? s->wished_interval_ms : INTERVAL_MS;

	nr_spool_stats(s->spool, &stats);
	nr_set(s->page->alive_ns, now);
	nr_set(s->page->epoch, stats.epoch);
	nr_set(s->page->next_seq, stats.next_seq);
	nr_set(s->page->acked_seq, stats.acked_seq);
	nr_set(s->page->bytes, stats.bytes);
	nr_set(s->page->limit, stats.limit);
	nr_set(s->page->waiting, stats.waiting);
	nr_set(s->page->dropped_batches, stats.dropped_batches);
	nr_set(s->page->damaged_records, stats.damaged_records);
	if (stats.waiting > BACKLOG_MUCH && interval < INTERVAL_MUCH_MS)
		interval = INTERVAL_MUCH_MS;
	else if (stats.waiting > BACKLOG_SOME && interval < INTERVAL_SOME_MS)
		interval = INTERVAL_SOME_MS;
	nr_set(s->page->interval_ms, interval);
	if (now - s->space_ns > SPACE_EVERY_S * NR_NS_PER_S) {
		s->space_ns = now;
		if (nr_io_space(s->role->settings->spool_dir, &space) == 0)
			nr_set(s->page->disk_free, space.free_bytes);
	}
}

/* ---- orders ---- */

static void orders(struct nr_spooler *s)
{
	struct nr_order order;
	int fd, r;

	while (!s->has_next && (r = nr_order_receive(s->role->orders, &order, &fd)) != 0) {
		if (r < 0)
			s->stop = true;
		if (r < 0)
			return;
		if (order.kind == NR_ORDER_PIPE && fd >= 0) {
			s->next_fd = fd;
			s->next_generation = order.value;
			s->has_next = true;
		} else if (order.kind == NR_ORDER_SHIPPER && fd >= 0) {
			nr_spooler_link_set(s, fd);
		} else if (fd >= 0) {
			(void)nr_io_close(fd); /* not for us */
		}
		if (order.kind == NR_ORDER_STOP)
			s->stop = true;
	}
}

static int turn(struct nr_spooler *s, struct nr_err *reterr)
{
	struct pollfd fds[3] = {
		{ .fd = s->role->orders, .events = POLLIN },
		{ .fd = s->pipe.fd, .events = POLLIN },
		{ .fd = s->link.fd,
		  .events = (short)(POLLIN | (nr_spooler_link_wants(s) ? POLLOUT : 0)) },
	};
	int r = 0;

	if (poll(fds, 3, s->unsynced_ns != 0 ? TICK_MS / 10 : TICK_MS) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents != 0)
		orders(s);
	if (s->pipe.fd >= 0 && fds[1].revents != 0)
		r = pipe_take(s, reterr);
	if (s->pipe.fd < 0 && s->has_next)
		generation_begin(s, s->next_fd, s->next_generation);
	if (r == 0)
		r = sync_if_due(s, reterr);
	if (r == 0 && s->link.fd >= 0)
		r = nr_spooler_link_turn(s, reterr);
	publish(s);
	return r;
}

static int loop(struct nr_spooler *s, struct nr_err *reterr)
{
	int64_t stop_ns = 0;
	int r = 0;

	while (r == 0) {
		r = turn(s, reterr);
		if (s->stop && stop_ns == 0)
			stop_ns = nr_mono_now().ns;
		/* the parser has ended, or is given a moment to */
		if (s->stop &&
		    (s->pipe.fd < 0 || nr_mono_now().ns - stop_ns > STOP_GRACE_S * NR_NS_PER_S))
			break;
	}
	return r == 0 ? nr_spool_sync(s->spool, reterr) : r;
}

/* ---- the process ---- */

static int open_spool(struct nr_spooler *s, struct nr_err *reterr)
{
	const struct nr_settings *settings = s->role->settings;
	struct nr_spool_options opt = { .dir = settings->spool_dir,
					.limit = settings->spool_limit,
					.now_s = nr_time_floor_s(nr_time_now()) };
	struct nr_spool_stats stats;
	int r = nr_spool_open(&opt, &s->spool, reterr);

	if (r < 0)
		return r;
	nr_spool_stats(s->spool, &stats);
	nr_log(NR_LOG_NOTICE, "spooler", "opened",
	       "epoch=%llu next=%llu acked=%llu bytes=%llu cut=%llu damaged=%llu",
	       (unsigned long long)stats.epoch, (unsigned long long)stats.next_seq,
	       (unsigned long long)stats.acked_seq, (unsigned long long)stats.bytes,
	       (unsigned long long)stats.cut_bytes, (unsigned long long)stats.damaged_records);
	return 0;
}

int nr_role_spooler(const struct nr_role *role)
{
	static const char *const calls[] = { "openat",	   "open",     "unlink",    "unlinkat",
					     "rename",	   "renameat", "renameat2", "fsync",
					     "fdatasync",  "pread64",  "pwrite64",  "ftruncate",
					     "getdents64", "statx",    "statfs",    "fstatfs",
					     "fallocate",  "recvmsg",  "fcntl",	    "recvfrom",
					     "sendto",	   NULL };
	const struct nr_sandbox_path paths[] = { { role->settings->spool_dir, true } };
	struct nr_sandbox sandbox = {
		.calls = calls, .paths = paths, .n_paths = 1, .max_files = FILES_MAX
	};
	struct nr_spooler s = { .role = role,
				.page = role->pages.spooler,
				.pipe = { .fd = -1 },
				.link = { .fd = -1 } };
	struct nr_err err = { 0 };

	nr_buf_init(&s.pipe.payload, NR_BATCH_SIZE_MAX);
	nr_spooler_link_init(&s);
	if (nr_role_close(role, "spooler", &sandbox) < 0)
		return NR_ROLE_SANDBOX;
	int r = open_spool(&s, &err);

	if (r == 0) {
		publish(&s);
		/* what is here is on the disk; the one before may have died between write and sync */
		nr_set(s.page->synced, 1);
		r = loop(&s, &err);
	}
	if (r < 0)
		nr_log(NR_LOG_ERROR, "spooler", "stopped", "error=%s", err.msg);
	nr_spool_free(s.spool);
	return r < 0 ? NR_ROLE_FAILED : NR_ROLE_DONE;
}
