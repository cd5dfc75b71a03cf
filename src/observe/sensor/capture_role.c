/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture process keeps: the packet socket (or the open capture file), its channel to the
 * supervisor, the pipe it was given, its page. Frames are copied as they are; none is read.
 *
 * Invariants
 *  1  page.frames counts a frame before its first byte is written.
 *  2  A pipe begins with a file header. Frames whose pipe broke are not sent again: the supervisor
 *     counts them as lost.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/time.h"
#include "observe/sensor/role.h"

enum { OUT_BYTES = 128 << 10, FILE_HEADER = 24, RECORD_HEADER = 16, WAIT_MS = 200 };
enum { MAGIC_NS = 0xa1b23c4d, LINKS = 0x0fffffff };

struct capture_role {
	const struct nr_role *role;
	struct nr_page_capture *page;
	struct nr_capture *capture;
	struct nr_block *block;
	struct nr_buf out;
	int pipe; /* -1: none */
	int link; /* of the stream; -1: no header written yet */
	bool stop;
	struct nr_capture_stats stats; /* as last read */
	struct nr_time began;	       /* --read: monotonic, of the first frame */
	int64_t first_ts;	       /* INT64_MIN: none yet */
};

/* For the signal handler alone. */
static struct nr_capture *to_stop;
static volatile sig_atomic_t told;

static void on_signal(int number)
{
	(void)number;
	told = 1;
	if (to_stop != NULL)
		nr_capture_stop(to_stop);
}

static void alive(struct capture_role *c)
{
	struct nr_capture_stats now;

	nr_set(c->page->alive_ns, nr_mono_now().ns);
	if (c->role->settings->interface == NULL)
		return;
	nr_capture_stats(c->capture, &now);
	nr_bump(c->page->kernel_received, now.kernel_received - c->stats.kernel_received);
	nr_bump(c->page->kernel_dropped, now.kernel_dropped - c->stats.kernel_dropped);
	c->stats = now;
}

static void pipe_drop(struct capture_role *c)
{
	if (c->pipe >= 0)
		(void)nr_io_close(c->pipe); /* the reader is gone */
	c->pipe = -1;
	nr_buf_reset(&c->out);
}

/* Orders of the supervisor. */
static void orders(struct capture_role *c)
{
	struct nr_order order;
	int fd, r;

	while ((r = nr_order_receive(c->role->orders, &order, &fd)) == 1) {
		if (order.kind == NR_ORDER_PIPE && fd >= 0) {
			pipe_drop(c);
			c->pipe = fd;
			c->link = -1;
			nr_set(c->page->generation_start, nr_get(c->page->frames));
			nr_set(c->page->generation, order.value);
		} else if (fd >= 0) {
			(void)nr_io_close(fd); /* not for us */
		}
		c->stop = c->stop || order.kind == NR_ORDER_STOP;
	}
	c->stop = c->stop || r < 0 || told;
}

/* Until the pipe takes something, an order came, or @p ms went by. */
static void wait_for(struct capture_role *c, bool to_write, int ms)
{
	struct pollfd fds[2] = { { .fd = c->role->orders, .events = POLLIN },
				 { .fd = to_write ? c->pipe : -1, .events = POLLOUT } };

	if (poll(fds, 2, ms) > 0 && fds[0].revents != 0)
		orders(c);
	c->stop = c->stop || told;
	alive(c);
}

/* Write what is in `out`; gives up when the pipe broke or was replaced, or when we are to stop. */
static void flush(struct capture_role *c)
{
	uint64_t generation = nr_get(c->page->generation);
	size_t done = 0;

	while (c->pipe >= 0 && done < c->out.n) {
		ssize_t n = write(c->pipe, c->out.p + done, c->out.n - done);

		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			wait_for(c, true, WAIT_MS);
			if (nr_get(c->page->generation) != generation)
				return;
			if (c->stop)
				break;
		} else if (n < 0 && errno != EINTR) {
			pipe_drop(c);
		}
	}
	nr_buf_reset(&c->out);
}

static void header_add(struct capture_role *c, uint16_t link)
{
	nr_write_le32(&c->out, MAGIC_NS);
	nr_write_le16(&c->out, 2);
	nr_write_le16(&c->out, 4);
	nr_write_le32(&c->out, 0);
	nr_write_le32(&c->out, 0);
	nr_write_le32(&c->out, NR_CAPTURE_SNAP_MAX);
	nr_write_le32(&c->out, link);
	c->link = link;
}

static void frame_add(struct capture_role *c, const struct nr_frame *frame)
{
	int64_t second = nr_time_floor_s((struct nr_time){ frame->ts });

	if (c->link < 0)
		header_add(c, frame->link);
	if (c->link != frame->link || second < 0 || second > (int64_t)UINT32_MAX) {
		nr_bump(c->page->unreadable, 1);
		return;
	}
	nr_bump(c->page->frames, 1);
	nr_write_le32(&c->out, (uint32_t)second);
	nr_write_le32(&c->out, (uint32_t)(frame->ts - second * NR_NS_PER_S));
	nr_write_le32(&c->out, frame->caplen);
	nr_write_le32(&c->out, frame->wirelen);
	nr_buf_add(&c->out, frame->data, frame->caplen);
}

/* A capture file goes at its own pace: wait until this frame is due. */
static void pace(struct capture_role *c, const struct nr_frame *frame)
{
	double speed = c->role->settings->speed;

	if (c->role->settings->read == NULL || speed <= 0)
		return;
	if (c->first_ts == INT64_MIN) {
		c->first_ts = frame->ts;
		c->began = nr_mono_now();
	}
	while (!c->stop) {
		double due = (double)(frame->ts - c->first_ts) / speed;
		double late = (double)(nr_mono_now().ns - c->began.ns) - due;

		if (late >= 0)
			return;
		flush(c);
		wait_for(c, false, late < -2e8 ? WAIT_MS : (int)(-late / 1e6) + 1);
	}
}

static void block_send(struct capture_role *c)
{
	uint64_t generation = nr_get(c->page->generation);

	bool file = c->role->settings->read != NULL;

	for (size_t i = 0; i < c->block->n && !(file && c->stop); i++) {
		const struct nr_frame *frame = &c->block->frames[i];

		pace(c, frame);
		if (c->out.n + frame->caplen + RECORD_HEADER + FILE_HEADER > OUT_BYTES)
			flush(c);
		if (nr_get(c->page->generation) != generation) {
			/* what stood in the buffer was for the old pipe */
			generation = nr_get(c->page->generation);
			nr_buf_reset(&c->out);
		}
		frame_add(c, frame);
	}
	flush(c);
}

static int loop(struct capture_role *c)
{
	struct nr_err err = { 0 };
	int failed = 0;

	while (!nr_capture_ended(c->capture) && !c->stop) {
		orders(c);
		if (c->pipe < 0) {
			wait_for(c, false, WAIT_MS);
			continue;
		}
		int r = nr_capture_next(c->capture, c->block, WAIT_MS, &err);

		block_send(c);
		alive(c);
		if (r < 0)
			nr_log(NR_LOG_ERROR, "capture", "input", "error=%s", err.msg);
		if (r < 0 && r != NR_EDAMAGED)
			failed = r;
	}
	nr_set(c->page->ended, failed == 0 && !c->stop);
	return failed < 0 ? NR_ROLE_FAILED : NR_ROLE_DONE;
}

static int open_input(struct capture_role *c)
{
	const struct nr_settings *settings = c->role->settings;
	struct nr_str path = nr_str_from(settings->read);
	struct nr_capture_options opt = { .paths = &path,
					  .n_paths = settings->read != NULL,
					  .interface = settings->interface,
					  .filter = settings->filter,
					  .ring_mib = (uint32_t)settings->ring_mib,
					  .promiscuous = settings->promiscuous };
	struct nr_err err = { 0 };
	int r = nr_capture_open(&opt, &c->capture, &err);

	if (r == 0)
		r = nr_block_new(&c->block);
	if (r < 0)
		nr_log(NR_LOG_ERROR, "capture", "open", "error=%s",
		       err.msg[0] != '\0' ? err.msg : nr_err_text(r));
	return r;
}

int nr_role_capture(const struct nr_role *role)
{
	static const char *const calls[] = { "recvmsg", "getsockopt", NULL };
	struct nr_sandbox sandbox = { .calls = calls, .max_files = 64 };
	struct capture_role c = { .role = role,
				  .page = role->pages.capture,
				  .pipe = -1,
				  .link = -1,
				  .first_ts = INT64_MIN };
	struct sigaction action = { .sa_handler = on_signal };

	nr_buf_init(&c.out, OUT_BYTES + NR_CAPTURE_SNAP_MAX);
	if (open_input(&c) < 0)
		return NR_ROLE_FAILED;
	to_stop = c.capture;
	(void)sigaction(SIGTERM, &action, NULL);
	if (nr_role_close(role, "capture", &sandbox) < 0)
		return NR_ROLE_SANDBOX;
	const char *from = role->settings->interface;

	nr_log(NR_LOG_NOTICE, "capture", "started", "from=%s",
	       from != NULL ? from : role->settings->read);
	int status = loop(&c);

	alive(&c);
	pipe_drop(&c);
	return status;
}
