/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper's side of the spooler. It speaks the messages of the wire: the shipper says HELLO
 * when it has a connection, the spooler answers with the HELLO for the hub, the shipper passes the
 * hub's WELCOME, ACK and REFUSE on, and from WELCOME on gets batches and gaps. REFUSE from the
 * spooler asks for another session.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "observe/sensor/spooler.h"

enum { OUT_MAX = NR_MESSAGE_MAX + NR_MESSAGE_HEAD, OUT_KEPT = 256 << 10, EPOCH_AHEAD_S = 86400 };
#define RENUMBER_EVERY_NS (INT64_C(600) * NR_NS_PER_S)

void nr_spooler_link_init(struct nr_spooler *s)
{
	nr_buf_init(&s->link.out, OUT_MAX);
	nr_buf_init(&s->link.payload, NR_BATCH_SIZE_MAX);
}

static void out_reset(struct nr_spooler_link *link)
{
	if (link->out.cap > OUT_KEPT) {
		nr_buf_done(&link->out);
		nr_buf_init(&link->out, OUT_MAX);
	}
	if (link->payload.cap > OUT_KEPT) {
		nr_buf_done(&link->payload);
		nr_buf_init(&link->payload, NR_BATCH_SIZE_MAX);
	}
	nr_buf_reset(&link->out);
	link->out_done = 0;
}

void nr_spooler_link_set(struct nr_spooler *s, int fd)
{
	struct nr_spooler_link *link = &s->link;

	if (link->fd >= 0)
		(void)nr_io_close(link->fd); /* of a shipper that is gone */
	link->fd = fd;
	link->in_session = false;
	link->in_n = 0;
	out_reset(link);
}

bool nr_spooler_link_wants(const struct nr_spooler *s)
{
	return s->link.out.n > s->link.out_done;
}

static int put(struct nr_spooler *s, const struct nr_message *message, struct nr_err *reterr)
{
	int r = nr_message_write(message, &s->link.out);

	return r < 0 ? nr_fail(reterr, r, "message: %s", nr_err_text(r)) : 0;
}

/* ---- the hub's words ---- */

static int on_hello(struct nr_spooler *s, struct nr_err *reterr)
{
	struct nr_message hello = { .type = NR_MESSAGE_HELLO };
	struct nr_spool_stats stats;

	/*
	 * a message that is half out must end, or the shipper would read the next one inside of it
	 */
	nr_spool_stats(s->spool, &stats);
	s->link.in_session = false;
	(void)snprintf(hello.hello.program, sizeof(hello.hello.program), "noroshi-sensor %s",
		       NR_VERSION);
	hello.hello.epoch = stats.epoch;
	hello.hello.next_seq = stats.next_seq;
	hello.hello.clock_ns = nr_time_now().ns;
	return put(s, &hello, reterr);
}

static int renumber(struct nr_spooler *s, uint64_t above, struct nr_err *reterr)
{
	int64_t now = nr_mono_now().ns;
	struct nr_err err = { 0 };

	s->link.in_session = false;
	if (s->link.renumbered_ns != 0 && now - s->link.renumbered_ns < RENUMBER_EVERY_NS)
		return 0;
	s->link.renumbered_ns = now;
	int r = nr_spool_renumber(s->spool, above, &err);

	nr_log(r < 0 ? NR_LOG_ERROR : NR_LOG_WARNING, "spooler", "renumbered", "above=%llu %s%s",
	       (unsigned long long)above, r < 0 ? "error=" : "", err.msg);
	/* the session it had is over: the shipper is to greet the hub anew */
	struct nr_message end = { .type = NR_MESSAGE_REFUSE,
				  .refuse = { .why = NR_REFUSE_CONFLICT } };

	return put(s, &end, reterr);
}

static int on_welcome(struct nr_spooler *s, const struct nr_message_welcome *welcome,
		      struct nr_err *reterr)
{
	struct nr_err err = { 0 };
	int r = nr_spool_seek(s->spool, welcome->epoch, welcome->acked_seq, &welcome->acked, &err);

	if (r == NR_EDAMAGED) {
		nr_log(NR_LOG_ERROR, "spooler", "conflict", "words=%s", err.msg);
		return renumber(s, welcome->epoch, reterr);
	}
	if (r < 0) {
		*reterr = err;
		return r;
	}
	s->wished_interval_ms = welcome->batch_interval_ms;
	s->link.hub_ns = welcome->clock_ns;
	s->link.in_session = true;
	return 0;
}

/* A batch is not taken: the spool tells it as a gap from now on. */
static void on_damaged(struct nr_spooler *s, const struct nr_message_refuse *refuse)
{
	int64_t hub_s = nr_time_floor_s((struct nr_time){ s->link.hub_ns });

	if (!s->link.in_session)
		return;
	/* a clock is wrong: this says nothing about the batch, which is taken when the day comes */
	if (hub_s >= 0 && refuse->epoch > (uint64_t)hub_s + EPOCH_AHEAD_S)
		return;
	if (nr_spool_refused(s->spool, refuse->epoch, refuse->seq))
		nr_log(NR_LOG_ERROR, "spooler", "damaged", "batch=%llu words=%s",
		       (unsigned long long)refuse->seq, refuse->words);
}

static int on_refuse(struct nr_spooler *s, const struct nr_message_refuse *refuse,
		     struct nr_err *reterr)
{
	if (refuse->why == NR_REFUSE_DAMAGED)
		on_damaged(s, refuse);
	s->link.in_session = false;
	if (refuse->why != NR_REFUSE_CONFLICT && refuse->why != NR_REFUSE_OLD_EPOCH)
		return 0;
	return renumber(s, refuse->epoch, reterr);
}

static int on_message(struct nr_spooler *s, const struct nr_message *message, struct nr_err *reterr)
{
	switch ((enum nr_message_type)message->type) {
	case NR_MESSAGE_HELLO:
		return on_hello(s, reterr);
	case NR_MESSAGE_WELCOME:
		return on_welcome(s, &message->welcome, reterr);
	case NR_MESSAGE_ACK:
		return s->link.in_session ? nr_spool_ack(s->spool, message->ack.epoch,
							 message->ack.seq, reterr)
					  : 0;
	case NR_MESSAGE_REFUSE:
		return on_refuse(s, &message->refuse, reterr);
	case NR_MESSAGE_BATCH:
	case NR_MESSAGE_GAP:
	case NR_MESSAGE_BEAT:
	case NR_MESSAGE_BEAT_BACK:
	case NR_MESSAGE_RENEW:
	case NR_MESSAGE_RENEWED:
		break; /* the shipper keeps these */
	}
	return 0;
}

/* ---- in and out ---- */

/* @return 1 a message was taken; 0 not all of it is here; -EPROTO; -errno */
static int in_take(struct nr_spooler *s, struct nr_err *reterr)
{
	struct nr_spooler_link *link = &s->link;
	struct nr_message message;
	uint32_t length;
	uint8_t type;

	if (link->in_n < NR_MESSAGE_HEAD)
		return 0;
	if (nr_message_head(link->in, &type, &length, NULL) < 0 ||
	    length > sizeof(link->in) - NR_MESSAGE_HEAD)
		return -EPROTO;
	if (link->in_n < NR_MESSAGE_HEAD + length)
		return 0;
	if (nr_message_read(type, (struct nr_bytes){ link->in + NR_MESSAGE_HEAD, length }, &message,
			    NULL) < 0)
		return -EPROTO;
	int r = on_message(s, &message, reterr);

	if (r < 0)
		return r;
	link->in_n -= NR_MESSAGE_HEAD + length;
	memmove(link->in, link->in + NR_MESSAGE_HEAD + length, link->in_n);
	return 1;
}

static int in_read(struct nr_spooler *s, struct nr_err *reterr)
{
	struct nr_spooler_link *link = &s->link;
	ssize_t n = recv(link->fd, link->in + link->in_n, sizeof(link->in) - link->in_n,
			 MSG_DONTWAIT);
	int r = 1;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPROTO;
	if (n == 0)
		return -EPROTO;
	link->in_n += (size_t)n;
	while (r == 1)
		r = in_take(s, reterr);
	return r;
}

static int out_fill(struct nr_spooler *s, struct nr_err *reterr)
{
	struct nr_message message = { 0 };
	struct nr_spool_item item;

	if (!s->link.in_session || nr_spooler_link_wants(s))
		return 0;
	int r = nr_spool_next(s->spool, &s->link.payload, &item, reterr);

	if (r < 0)
		return r;
	switch (item.kind) {
	case NR_SPOOL_NOTHING:
		return 0;
	case NR_SPOOL_BATCH:
		message.type = NR_MESSAGE_BATCH;
		message.batch = item.batch;
		break;
	case NR_SPOOL_GAP:
		message.type = NR_MESSAGE_GAP;
		message.gap = item.gap;
		nr_log(NR_LOG_WARNING, "spooler", "gap",
		       "from=%llu to=%llu observations=%llu packets=%llu",
		       (unsigned long long)item.gap.from_seq, (unsigned long long)item.gap.to_seq,
		       (unsigned long long)item.gap.observations,
		       (unsigned long long)item.gap.packets);
		break;
	}
	return put(s, &message, reterr);
}

/* @return 1 all is out; 0 the socket is full; -EPROTO */
static int out_write(struct nr_spooler_link *link)
{
	while (link->out_done < link->out.n) {
		ssize_t n = send(link->fd, link->out.p + link->out_done,
				 link->out.n - link->out_done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -EPROTO;
		link->out_done += (size_t)n;
	}
	out_reset(link);
	return 1;
}

int nr_spooler_link_turn(struct nr_spooler *s, struct nr_err *reterr)
{
	int r = in_read(s, reterr);

	while (r == 0) {
		r = out_fill(s, reterr);
		if (r < 0 || !nr_spooler_link_wants(s))
			break;
		r = out_write(&s->link);
		if (r == 0)
			return 0;
		r = r == 1 ? 0 : r;
	}
	if (r == -EPROTO) { /* the shipper is gone or mad: the supervisor gives us another */
		nr_spooler_link_set(s, -1);
		return 0;
	}
	return r;
}
