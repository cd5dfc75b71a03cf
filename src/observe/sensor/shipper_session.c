/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session: HELLO of the spooler to the hub, WELCOME to the spooler, then messages of the spooler
 * out as they come, and acknowledgements back. The shipper adds BEAT and RENEW between whole
 * messages, and reads what the hub says before the spooler hears of it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "observe/sensor/shipper.h"
#include "record/message.h"

enum {
	WAIT_MS = 15000,
	WRITE_MS = 60000, /* a piece of a message over the slowest link */
	PIECE = 64 << 10,
	TICK_MS = 500,
	BEAT_MS = 10000,
	BEAT_MS_MIN = 1000,
	BEAT_MS_MAX = 60000,
	BEATS_UNANSWERED = 4,
	REPLY_MAX = NR_MESSAGE_PEM + 1024,
};
#define RENEW_EVERY_NS (INT64_C(3600) * NR_NS_PER_S)

static int fail_link(struct nr_err *reterr, int code)
{
	return nr_fail(reterr, code, "connection: %s", nr_err_text(code));
}

/* ---- to the hub ---- */

static int put(struct nr_shipper *s, const struct nr_message *message, struct nr_err *reterr)
{
	struct nr_buf out;

	nr_buf_init(&out, NR_MESSAGE_PEM + 1024);
	int r = nr_message_write(message, &out);

	if (r == 0)
		r = nr_tls_write(s->tls, out.p, out.n, WRITE_MS);
	if (r == 0)
		nr_bump(s->page->sent_bytes, out.n);
	nr_buf_done(&out);
	return r < 0 ? fail_link(reterr, r) : 0;
}

static int beat(struct nr_shipper *s, struct nr_err *reterr)
{
	const struct nr_pages *pages = &s->role->pages;
	const struct nr_settings *settings = s->role->settings;
	struct nr_page_totals totals;
	struct nr_message message = { .type = NR_MESSAGE_BEAT };
	struct nr_message_beat *b = &message.beat;

	nr_page_totals(pages, &totals);
	b->beat = ++s->n_beats;
	b->clock_ns = nr_time_now().ns;
	b->newest_tick = nr_get(pages->parser->newest_tick);
	if (b->newest_tick == 0)
		b->newest_tick = INT64_MIN;
	b->parser_ns = nr_get(pages->parser->alive_wall_ns);
	b->received = totals.received;
	b->classified = totals.classified;
	b->kernel_dropped = nr_get(pages->capture->kernel_dropped);
	b->spool_dropped = nr_get(pages->spooler->dropped_batches);
	b->spool_bytes = nr_get(pages->spooler->bytes);
	b->spool_limit = nr_get(pages->spooler->limit);
	b->disk_free = nr_get(pages->spooler->disk_free);
	b->monitored_v4 = settings->has_nets ? nr_nets_size_v4(&settings->nets) : 0;
	b->resident_kib = (uint32_t)nr_get(pages->supervisor->resident_kib);
	b->unsafe = (uint8_t)nr_get(pages->supervisor->unsafe);
	s->beat_ns = nr_mono_now().ns;
	return put(s, &message, reterr);
}

static int renew_if_due(struct nr_shipper *s, struct nr_err *reterr)
{
	const struct nr_pki_facts *facts = &s->identity.facts;
	int64_t now = nr_time_now().ns, mono = nr_mono_now().ns;
	struct nr_message message = { .type = NR_MESSAGE_RENEW };
	struct nr_buf request;
	struct nr_err err = { 0 };

	nr_set(s->page->valid_until_s, nr_time_floor_s(facts->not_after));
	if (facts->not_after.ns - now > (facts->not_after.ns - facts->not_before.ns) / 3 ||
	    (s->renew_asked_ns != 0 && mono - s->renew_asked_ns < RENEW_EVERY_NS))
		return 0;
	s->renew_asked_ns = mono;
	nr_buf_init(&request, NR_MESSAGE_PEM);
	nr_buf_done(&s->new_key);
	nr_buf_init(&s->new_key, NR_MESSAGE_PEM);
	int r = nr_pki_request(&s->new_key, &request, &err);

	message.pem.pem = (struct nr_bytes){ request.p, request.n };
	if (r == 0)
		r = put(s, &message, reterr);
	else /* the old one holds for a while yet */
		nr_log(NR_LOG_ERROR, "shipper", "renew", "error=%s", err.msg);
	nr_buf_done(&request);
	return message.pem.pem.n == 0 ? 0 : r;
}

/* ---- from the hub ---- */

static int pass_on(struct nr_shipper *s, const struct nr_message *message, struct nr_err *reterr)
{
	struct nr_buf out;

	nr_buf_init(&out, 4096);
	int r = nr_message_write(message, &out);

	if (r == 0)
		r = nr_io_write_all(s->role->in, out.p, out.n);
	nr_buf_done(&out);
	if (r < 0)
		s->stop = true;
	return r < 0 ? nr_fail(reterr, r, "the spooler is gone") : 0;
}

static void on_beat_back(struct nr_shipper *s, const struct nr_message_beat_back *back)
{
	int64_t now = nr_time_now().ns;

	if (back->beat != s->n_beats || back->sensor_ns > now)
		return;
	nr_set(s->page->offset_ns, back->hub_ns - back->sensor_ns - (now - back->sensor_ns) / 2);
}

static void on_renewed(struct nr_shipper *s, struct nr_bytes pem)
{
	struct nr_err err = { 0 };
	struct nr_str text = { (const char *)pem.p, pem.n };

	if (s->new_key.n == 0)
		return; /* not asked for */
	int r = nr_identity_renew(s->role->settings->identity, &s->identity, text,
				  nr_buf_str(&s->new_key), &err);

	nr_secret_wipe(s->new_key.p, s->new_key.n);
	nr_buf_reset(&s->new_key);
	if (r == 0)
		r = nr_shipper_identify(s, &err);
	nr_log(r < 0 ? NR_LOG_ERROR : NR_LOG_NOTICE, "shipper", "renewed", "%s%s",
	       r < 0 ? "error=" : "certificate=new", r < 0 ? err.msg : "");
}

static int on_refuse(struct nr_shipper *s, const struct nr_message *message, struct nr_err *reterr)
{
	const struct nr_message_refuse *refuse = &message->refuse;

	s->retry_ms = refuse->retry_ms;
	nr_log(NR_LOG_ERROR, "shipper", "refused", "why=%u retry_ms=%u words=%s",
	       (unsigned)refuse->why, (unsigned)refuse->retry_ms, refuse->words);
	int r = pass_on(s, message, reterr);

	return r < 0 ? r : nr_fail(reterr, -ECONNREFUSED, "the hub refuses: %s", refuse->words);
}

static int on_message(struct nr_shipper *s, const struct nr_message *message, struct nr_err *reterr)
{
	s->heard_ns = nr_mono_now().ns;
	switch ((enum nr_message_type)message->type) {
	case NR_MESSAGE_ACK:
	case NR_MESSAGE_WELCOME:
		return pass_on(s, message, reterr);
	case NR_MESSAGE_BEAT_BACK:
		on_beat_back(s, &message->beat_back);
		return 0;
	case NR_MESSAGE_RENEWED:
		on_renewed(s, message->pem.pem);
		return 0;
	case NR_MESSAGE_REFUSE:
		return on_refuse(s, message, reterr);
	case NR_MESSAGE_HELLO:
	case NR_MESSAGE_BATCH:
	case NR_MESSAGE_GAP:
	case NR_MESSAGE_BEAT:
	case NR_MESSAGE_RENEW:
		break;
	}
	return nr_fail(reterr, -EPROTO, "the hub sent a message of type %u", message->type);
}

/* One message of the hub, of at most REPLY_MAX bytes; the caller frees *ret_body. */
static int get(struct nr_shipper *s, struct nr_message *ret_message, uint8_t **ret_body,
	       struct nr_err *reterr)
{
	uint8_t head[NR_MESSAGE_HEAD], type;
	uint32_t length;
	int r = nr_tls_read_full(s->tls, head, sizeof(head), WAIT_MS);

	*ret_body = NULL;
	if (r < 0)
		return fail_link(reterr, r);
	r = nr_message_head(head, &type, &length, reterr);
	if (r < 0)
		return r;
	if (length > REPLY_MAX)
		return nr_fail(reterr, NR_ELIMIT, "the hub's message has %u bytes",
			       (unsigned)length);
	*ret_body = malloc(length + (size_t)1);
	if (*ret_body == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	r = nr_tls_read_full(s->tls, *ret_body, length, WAIT_MS);
	if (r < 0)
		return fail_link(reterr, r);
	return nr_message_read(type, (struct nr_bytes){ *ret_body, length }, ret_message, reterr);
}

static int receive(struct nr_shipper *s, struct nr_err *reterr)
{
	struct nr_message message;
	uint8_t *body;
	int r = get(s, &message, &body, reterr);

	if (r == 0)
		r = on_message(s, &message, reterr);
	free(body);
	return r;
}

/* ---- from the spooler ---- */

static int spooler_read(struct nr_shipper *s, uint8_t *to, size_t n, struct nr_err *reterr)
{
	ssize_t got = nr_io_read_full(s->role->in, to, n);

	if (got == (ssize_t)n)
		return 0;
	s->stop = true;
	return nr_fail(reterr, -ECONNRESET, "the spooler is gone");
}

/*
 * One message of the spooler, to the hub as it is; to nobody when @p keep is false and it is not
 * HELLO.
 */
static int forward(struct nr_shipper *s, bool keep, uint8_t *ret_type, struct nr_err *reterr)
{
	uint8_t piece[PIECE];
	uint32_t left = 0;

	*ret_type = 0;
	int r = spooler_read(s, piece, NR_MESSAGE_HEAD, reterr), written = 0;

	if (r == 0)
		r = nr_message_head(piece, ret_type, &left, reterr);
	if (r < 0)
		return r;
	for (size_t n = NR_MESSAGE_HEAD;; n = 0) {
		size_t more = nr_min_size(left, sizeof(piece) - n);

		r = more > 0 ? spooler_read(s, piece + n, more, reterr) : 0;
		if (r < 0)
			return r;
		left -= (uint32_t)more;
		/* after a failure the rest of the message is still taken out of the socket */
		if (written == 0 && *ret_type != NR_MESSAGE_REFUSE &&
		    (keep || *ret_type == NR_MESSAGE_HELLO)) {
			written = nr_tls_write(s->tls, piece, n + more, WRITE_MS);
			nr_bump(s->page->sent_bytes, n + more);
		}
		nr_shipper_alive(s);
		if (left > 0)
			continue;
		if (keep && *ret_type == NR_MESSAGE_REFUSE)
			return nr_fail(reterr, -ESTALE, "the spool was numbered anew");
		return written < 0 ? fail_link(reterr, written) : 0;
	}
}

/* ---- the session ---- */

static int greet(struct nr_shipper *s, struct nr_err *reterr)
{
	struct nr_message hello = { .type = NR_MESSAGE_HELLO }, welcome = { 0 };
	uint8_t type = 0, *body;
	int r = pass_on(s, &hello, reterr);

	while (r == 0 &&
	       type != NR_MESSAGE_HELLO) /* what was for the session before is passed over */
		r = forward(s, false, &type, reterr);
	if (r < 0)
		return r;
	r = get(s, &welcome, &body, reterr);
	if (r == 0 && welcome.type != NR_MESSAGE_WELCOME && welcome.type != NR_MESSAGE_REFUSE)
		r = nr_fail(reterr, -EPROTO, "the hub does not welcome us");
	if (r == 0)
		r = on_message(s, &welcome, reterr);
	if (r == 0) {
		uint32_t ms = welcome.welcome.beat_interval_ms;

		ms = ms == 0		? BEAT_MS
		     : ms < BEAT_MS_MIN ? BEAT_MS_MIN
		     : ms > BEAT_MS_MAX ? BEAT_MS_MAX
					: ms;
		s->beat_interval_ns = (int64_t)ms * 1000000;
		s->heard_ns = nr_mono_now().ns;
	}
	free(body);
	return r;
}

/* @return 0 go on; a code: the session is over */
static int turn(struct nr_shipper *s, struct nr_err *reterr)
{
	struct pollfd fds[2] = { { .fd = nr_tls_fd(s->tls), .events = POLLIN },
				 { .fd = s->role->in, .events = POLLIN } };
	int64_t now = nr_mono_now().ns;
	bool pending = nr_tls_pending(s->tls) > 0;
	uint8_t type = 0;
	int r = 0;

	nr_shipper_alive(s);
	if (now - s->beat_ns >= s->beat_interval_ns) {
		r = beat(s, reterr);
		if (r == 0)
			r = renew_if_due(s, reterr);
	}
	if (r == 0 && now - s->heard_ns > BEATS_UNANSWERED * s->beat_interval_ns)
		r = nr_fail(reterr, -ETIMEDOUT, "the hub is silent");
	if (r < 0)
		return r;
	if (poll(fds, 2, pending ? 0 : TICK_MS) < 0 && errno != EINTR)
		return fail_link(reterr, -errno);
	if (pending || fds[0].revents != 0)
		r = receive(s, reterr);
	if (r == 0 && fds[1].revents != 0)
		r = forward(s, true, &type, reterr);
	return r;
}

int nr_shipper_session(struct nr_shipper *s, struct nr_err *reterr)
{
	int r = greet(s, reterr);

	if (r < 0)
		return r;
	nr_set(s->page->connected, 1);
	nr_set(s->page->connected_ns, nr_mono_now().ns);
	nr_bump(s->page->sessions, 1);
	nr_log(NR_LOG_NOTICE, "shipper", "connected", "hub=%s identity=%s", s->identity.ingest,
	       nr_tls_peer(s->tls)->identity);
	s->beat_ns = 0;
	s->n_beats = 0;
	while (r == 0 && !s->stop)
		r = turn(s, reterr);
	if (s->stop &&
	    beat(s, NULL) < 0) /* the last counts; whether they arrive is not waited for */
		nr_log(NR_LOG_DEBUG, "shipper", "goodbye", "beat=not sent");
	nr_set(s->page->connected, 0);
	return r;
}
