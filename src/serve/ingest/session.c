/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1  A session reads only while its window has room and its rate allows; whoever sends more waits in his own socket.
 * 2  wants is the place of the first batch that waits, set before durable is looked at: no wake is lost.
 * 3  A message that has begun has a deadline that its length alone decides.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "serve/ingest/ingest_int.h"

enum {
	HANDSHAKE_MS = 5000,
	HELLO_MS = 5000,
	SILENT_MS = 120000,
	TICK_MS = 1000,
	FAREWELL_MS = 1000,
	CHUNK = 16384,
	LARGE = 1 << 20,
	KEEP = 1 << 20, /* of the body's memory between messages */
	REVOKED_MS = 10000,
};
#define MS	       INT64_C(1000000)
#define LARGE_TOTAL    ((size_t)128 << 20)
#define BYTES_PER_S    UINT64_C(50000000)
#define FAREWELL_BYTES ((size_t)32 << 20)

/* ---- waking ---- */

static void drain_wake(const struct nr_slot *slot)
{
	uint64_t n;

	while (read(slot->wake_fd, &n, sizeof(n)) > 0) {}
}

static bool shall_end(const struct nr_session *s)
{
	return atomic_load(&s->ingest->stopping) || atomic_load(&s->slot->end);
}

int nr_session_await(struct nr_session *s, uint64_t at, int timeout_ms)
{
	int64_t until = nr_mono_now().ns + timeout_ms * MS;
	struct pollfd wait = { .fd = s->slot->wake_fd, .events = POLLIN };
	int ret = 0;

	atomic_store(&s->slot->wants, at);
	while (atomic_load(&s->ingest->durable) < at && ret == 0) {
		int64_t left = (until - nr_mono_now().ns) / MS;

		if (shall_end(s))
			ret = -ECANCELED;
		else if (left <= 0)
			ret = -ETIMEDOUT;
		else if (poll(&wait, 1, (int)left) > 0)
			drain_wake(s->slot);
	}
	atomic_store(&s->slot->wants, UINT64_MAX);
	return ret;
}

/* ---- acknowledging ---- */

static void forget_waiting(struct nr_session *s, unsigned n)
{
	s->n_waiting -= n;
	memmove(s->waiting, s->waiting + n, s->n_waiting * sizeof(s->waiting[0]));
	atomic_store(&s->slot->wants, s->n_waiting > 0 ? s->waiting[0].at : UINT64_MAX);
}

static int send_acks(struct nr_session *s)
{
	struct nr_message message = { .type = NR_MESSAGE_ACK };
	struct nr_ingest_sensor *row;
	unsigned n = 0;
	uint64_t durable;

	atomic_store(&s->slot->wants, s->n_waiting > 0 ? s->waiting[0].at : UINT64_MAX);
	durable = atomic_load(&s->ingest->durable);
	while (n < s->n_waiting && s->waiting[n].at <= durable)
		n++;
	if (n == 0)
		return 0;
	message.ack.epoch = s->waiting[n - 1].epoch;
	message.ack.seq = s->waiting[n - 1].seq;
	nr_ingest_count(s->ingest, NR_INGEST_ACKS, 1);
	row = nr_ingest_known_hold(s->ingest, s->sensor);
	if (row != NULL) {
		row->epoch = message.ack.epoch;
		row->seq = message.ack.seq;
	}
	nr_ingest_known_let(s->ingest);
	forget_waiting(s, n);
	return nr_session_send(s, &message);
}

/* ---- reading ---- */

static void large_give_back(struct nr_session *s)
{
	(void)atomic_fetch_sub(&s->ingest->large, s->large);
	s->large = 0;
}

/* Room for a large body, or not now. */
static bool large_take(struct nr_session *s)
{
	size_t want = s->length > LARGE ? s->length : 0;

	if (s->large >= want)
		return true;
	if (atomic_fetch_add(&s->ingest->large, want) + want > LARGE_TOTAL) {
		(void)atomic_fetch_sub(&s->ingest->large, want);
		return false;
	}
	s->large = want;
	return true;
}

static int read_head(struct nr_session *s)
{
	ssize_t n = nr_tls_read(s->tls, s->head + s->n_head, sizeof(s->head) - s->n_head, 0);
	struct nr_err err;
	int ret;

	if (n <= 0)
		return n == 0 ? -ECONNRESET : (int)n;
	if (s->n_head == 0)
		s->message_until = nr_mono_now().ns + HANDSHAKE_MS * 2 * MS;
	s->n_head += (size_t)n;
	if (s->n_head < sizeof(s->head))
		return 0;
	ret = nr_message_head(s->head, &s->type, &s->length, &err);
	if (ret == NR_EVERSION) {
		nr_ingest_count(s->ingest, NR_INGEST_REFUSED_VERSION, 1);
		return nr_session_refuse(s, NR_REFUSE_VERSION, err.msg);
	}
	if (ret < 0) {
		nr_ingest_count(s->ingest, NR_INGEST_DAMAGED, 1);
		return nr_session_refuse(s, NR_REFUSE_DAMAGED, err.msg);
	}
	s->message_until += (int64_t)(s->length / CHUNK) * 1000 * MS;
	return 0;
}

static int read_body(struct nr_session *s)
{
	size_t want = nr_min_size(s->length - s->body.n, CHUNK);
	uint8_t *p = nr_buf_reserve(&s->body, want);
	ssize_t n;

	if (p == NULL)
		return -ENOMEM;
	n = nr_tls_read(s->tls, p, want, 0);
	if (n <= 0)
		return n == 0 ? -ECONNRESET : (int)n;
	nr_buf_commit(&s->body, (size_t)n);
	return 0;
}

/* The message is whole: what it costs, and what it means. */
static int take_message(struct nr_session *s)
{
	uint64_t rate = s->ingest->options.bytes_per_s;
	int64_t now = nr_mono_now().ns;
	int ret = nr_session_handle(s);

	if (rate == 0)
		rate = BYTES_PER_S;
	if (s->read_from < now - NR_NS_PER_S)
		s->read_from = now - NR_NS_PER_S; /* one second may be saved up */
	s->read_from += (int64_t)((double)s->length * 1e9 / (double)rate);
	s->silent_until = now + SILENT_MS * MS;
	s->n_head = 0;
	nr_buf_reset(&s->body);
	if (s->body.cap > KEEP)
		nr_buf_done(&s->body);
	large_give_back(s);
	return ret;
}

static int read_some(struct nr_session *s)
{
	int ret = s->n_head < sizeof(s->head) ? read_head(s) : read_body(s);

	if (ret == 0 && s->n_head == sizeof(s->head) && s->body.n == s->length)
		ret = take_message(s);
	return ret;
}

/* ---- the loop ---- */

static int check_orders(struct nr_session *s, int64_t now)
{
	if (atomic_load(&s->ingest->stopping)) {
		nr_ingest_count(s->ingest, NR_INGEST_REFUSED_STOPPING, 1);
		return nr_session_refuse(s, NR_REFUSE_STOPPING, "the hub stops");
	}
	if (atomic_load(&s->slot->end))
		return nr_session_refuse(s, NR_REFUSE_BUSY, "another session took its place");
	if (atomic_exchange(&s->slot->ask_revoked, false) ||
	    nr_ingest_mono(s->ingest) >= s->revoked_check) {
		s->revoked_check = nr_ingest_mono(s->ingest) + REVOKED_MS * MS;
		if (s->greeted)
			return nr_session_check_revoked(s);
	}
	if ((s->n_head > 0 && now >= s->message_until) || now >= s->silent_until)
		return -ETIMEDOUT;
	return 0;
}

static bool may_read(struct nr_session *s, int64_t now)
{
	bool body = s->n_head == sizeof(s->head);

	return s->n_waiting < NR_MESSAGE_WINDOW && now >= s->read_from && (!body || large_take(s));
}

static void sleep_until_something(struct nr_session *s, bool reads, int64_t now)
{
	struct pollfd wait[2] = {
		{ .fd = s->slot->wake_fd, .events = POLLIN },
		{ .fd = nr_tls_fd(s->tls), .events = POLLIN },
	};
	int timeout_ms = TICK_MS;

	if (!reads && s->n_waiting < NR_MESSAGE_WINDOW) { /* rate or memory: soon */
		int64_t left = (s->read_from - now) / MS + 1;

		timeout_ms = left > 0 && left < TICK_MS ? (int)left : 20;
	}
	if (poll(wait, reads ? 2 : 1, timeout_ms) > 0 && wait[0].revents != 0)
		drain_wake(s->slot);
}

static int step(struct nr_session *s)
{
	int64_t now = nr_mono_now().ns;
	int ret = check_orders(s, now);
	bool reads;

	if (ret == 0)
		ret = send_acks(s);
	if (ret < 0)
		return ret;
	reads = may_read(s, now);
	if (reads) {
		ret = read_some(s);
		if (ret != -ETIMEDOUT)
			return ret;
	}
	sleep_until_something(s, reads, now);
	return 0;
}

/* Let the last words arrive: closing a socket with unread bytes would throw them away at the peer. */
static void farewell(struct nr_session *s)
{
	int64_t until = nr_mono_now().ns + FAREWELL_MS * MS;
	uint8_t *scratch = nr_buf_reserve(&s->body, CHUNK);
	size_t n = 0;

	nr_tls_end(s->tls);
	while (scratch != NULL && n < FAREWELL_BYTES) {
		int64_t left = (until - nr_mono_now().ns) / MS;
		ssize_t got = left > 0 ? nr_tls_read(s->tls, scratch, CHUNK, (int)left) : 0;

		if (got <= 0)
			return;
		n += (size_t)got;
	}
}

static void run(struct nr_session *s)
{
	const struct nr_ingest_options *o = &s->ingest->options;
	struct nr_ingest_sensor *row;
	int ret = 0;

	if (o->name != NULL)
		o->name(o->ctx, s->sensor, s->name);
	while (ret == 0)
		ret = step(s);
	if (ret == NR_SESSION_ENDS) {
		nr_buf_reset(&s->body);
		farewell(s);
	} else if (ret == -ETIMEDOUT) {
		nr_ingest_count(s->ingest, NR_INGEST_REFUSED_SLOW, 1);
		nr_ingest_complain(s->ingest, s->slot, "too slow, or silent");
	}
	if (!s->greeted)
		return;
	row = nr_ingest_known_hold(s->ingest, s->sensor);
	if (row != NULL && !atomic_load(&s->slot->end))
		row->connected = false;
	nr_ingest_known_let(s->ingest);
}

static void count_handshake(struct nr_ingest *ingest, int ret)
{
	enum nr_ingest_count what = NR_INGEST_REFUSED_PROTOCOL;

	if (ret == -EACCES)
		what = NR_INGEST_REFUSED_IDENTITY;
	else if (ret == -ETIMEDOUT)
		what = NR_INGEST_REFUSED_SLOW;
	nr_ingest_count(ingest, what, 1);
}

void nr_ingest_session(struct nr_slot *slot)
{
	struct nr_ingest *ingest = slot->ingest;
	struct nr_session *s = calloc(1, sizeof(*s));
	struct nr_err err;
	int64_t now;
	int ret;

	if (s == NULL) {
		nr_ingest_count(ingest, NR_INGEST_REFUSED_RESOURCES, 1);
		(void)close(slot->fd);
		return;
	}
	s->slot = slot;
	s->ingest = ingest;
	nr_buf_init(&s->body, NR_MESSAGE_MAX);
	nr_buf_init(&s->out, NR_MESSAGE_HEAD + NR_MESSAGE_PEM);
	ret = nr_tls_open(ingest->tls, slot->fd, NULL, HANDSHAKE_MS, &s->tls, &err);
	if (ret == 0) {
		ret = nr_pki_identity_parse(nr_str_from(nr_tls_peer(s->tls)->identity), "sensor",
					    &s->sensor);
		nr_require(ret == 0); /* the context asked for this kind */
		now = nr_mono_now().ns;
		s->silent_until = now + HELLO_MS * MS;
		s->revoked_check = nr_ingest_mono(ingest) + REVOKED_MS * MS;
		run(s);
	} else {
		count_handshake(ingest, ret);
		nr_ingest_complain(ingest, slot, err.msg);
	}
	large_give_back(s);
	(void)pthread_mutex_lock(&ingest->slots_lock);
	slot->fd = -1; /* from here on the number may be another's */
	(void)pthread_mutex_unlock(&ingest->slots_lock);
	nr_tls_free(s->tls);
	nr_buf_done(&s->body);
	nr_buf_done(&s->out);
	free(s);
}
