/* SPDX-License-Identifier: Apache-2.0 */
/* What a hub answers to each message of a sensor. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "serve/ingest/ingest_int.h"

enum {
	WRITE_MS = 10000,
	RETRY_MS = 1000,
	TWIN_RETRY_MS = 5000,
	WELCOME_MS = 5000,
	BATCH_INTERVAL_MS = 1000,
	BEAT_INTERVAL_MS = 1000,
	UNSURE_MAX = 5, /* times 10 s: revocation cuts within a minute even then */
};
#define RENEW_NS (60 * NR_NS_PER_S)

int nr_session_send(struct nr_session *s, const struct nr_message *message)
{
	int ret;

	nr_buf_reset(&s->out);
	ret = nr_message_write(message, &s->out);
	return ret < 0 ? ret : nr_tls_write(s->tls, s->out.p, s->out.n, WRITE_MS);
}

static int send_refusal(struct nr_session *s, const struct nr_message_refuse *refuse,
			const char *words)
{
	struct nr_message message = { .type = NR_MESSAGE_REFUSE, .refuse = *refuse };
	size_t n = nr_min_size(strlen(words), sizeof(message.refuse.words) - 1);

	memcpy(message.refuse.words, words, n);
	return nr_session_send(s, &message);
}

int nr_session_refuse(struct nr_session *s, enum nr_refusal why, const char *words)
{
	struct nr_message_refuse refuse = { .why = (uint8_t)why };
	int ret;

	atomic_store(&s->slot->leaving, true); /* before the peer knows, and comes again */
	if (why == NR_REFUSE_BUSY || why == NR_REFUSE_STOPPING)
		refuse.retry_ms = RETRY_MS;
	ret = send_refusal(s, &refuse, words);
	return ret < 0 ? ret : NR_SESSION_ENDS;
}

/* The content is wrong: which batch it was, and that the talk is over. */
static int refuse_content(struct nr_session *s, enum nr_refusal why, uint64_t epoch, uint64_t seq,
			  const char *words)
{
	struct nr_message_refuse refuse = { .why = (uint8_t)why, .epoch = epoch, .seq = seq };
	int ret;

	atomic_store(&s->slot->leaving, true);
	ret = send_refusal(s, &refuse, words);
	nr_ingest_complain(s->ingest, s->slot, words);
	return ret < 0 ? ret : NR_SESSION_ENDS;
}

/* Later, please: this batch and all behind it, until it comes again. */
static int refuse_busy(struct nr_session *s, uint64_t epoch, uint64_t seq, const char *words)
{
	struct nr_message_refuse refuse = {
		.why = NR_REFUSE_BUSY, .retry_ms = RETRY_MS, .epoch = epoch, .seq = seq
	};

	nr_ingest_count(s->ingest, NR_INGEST_BUSY, 1);
	if (s->refused_seq == 0 || epoch != s->refused_epoch || seq < s->refused_seq) {
		s->refused_epoch = epoch;
		s->refused_seq = seq;
	}
	return send_refusal(s, &refuse, words);
}

static void alarm(struct nr_session *s, enum nr_ingest_alarm what, const char *words)
{
	const struct nr_ingest_options *o = &s->ingest->options;

	if (o->alarm != NULL)
		o->alarm(o->ctx, what, s->sensor, words);
}

int nr_session_check_revoked(struct nr_session *s)
{
	const struct nr_ingest_options *o = &s->ingest->options;
	int ret = o->is_revoked != NULL ? o->is_revoked(o->ctx, s->sensor) : 0;

	s->unsure = ret < 0 ? s->unsure + 1 : 0;
	if (ret == 0 || (ret < 0 && s->greeted && s->unsure < UNSURE_MAX))
		return 0;
	if (ret < 0) /* never "revoked", which is for good, by a mere failure to ask */
		return nr_session_refuse(s, NR_REFUSE_BUSY, "the hub cannot check certificates");
	nr_ingest_count(s->ingest, NR_INGEST_REFUSED_REVOKED, 1);
	nr_ingest_complain(s->ingest, s->slot, "its certificate is revoked");
	return nr_session_refuse(s, NR_REFUSE_REVOKED, "this certificate is revoked");
}

/* ---- HELLO ---- */

static int welcome(struct nr_session *s)
{
	const struct nr_ingest_options *o = &s->ingest->options;
	struct nr_message message = { .type = NR_MESSAGE_WELCOME };
	struct nr_message_welcome *w = &message.welcome;
	uint64_t at = 0;
	int ret;

	nr_intake_known(o->intake, s->sensor, w, &at);
	ret = nr_session_await(s, at, WELCOME_MS);
	if (ret == -ECANCELED)
		return 0; /* the loop says why */
	if (ret < 0)
		return nr_session_refuse(s, NR_REFUSE_BUSY, "the disk does not keep up");
	w->clock_ns = nr_ingest_now(s->ingest);
	w->batch_interval_ms = o->batch_interval_ms > 0 ? o->batch_interval_ms : BATCH_INTERVAL_MS;
	w->beat_interval_ms = o->beat_interval_ms > 0 ? o->beat_interval_ms : BEAT_INTERVAL_MS;
	return nr_session_send(s, &message);
}

static uint32_t rtt_us(const struct nr_session *s)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	if (getsockopt(nr_tls_fd(s->tls), IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
		return 0;
	return info.tcpi_rtt;
}

static void know(struct nr_session *s, const struct nr_message_hello *hello)
{
	struct nr_ingest_sensor *row = nr_ingest_known_hold(s->ingest, s->sensor);

	if (row != NULL) {
		row->connected = true;
		row->since_ns = row->heard_ns = nr_ingest_now(s->ingest);
		row->offset_ns = s->offset_ns;
		memcpy(row->address, s->slot->address_text, sizeof(row->address));
		memcpy(row->program, hello->program, sizeof(row->program));
	}
	nr_ingest_known_let(s->ingest);
}

static int handle_hello(struct nr_session *s, const struct nr_message_hello *hello)
{
	struct nr_message_refuse busy = { .why = NR_REFUSE_BUSY, .retry_ms = TWIN_RETRY_MS };
	int ret;

	if (s->greeted)
		return refuse_content(s, NR_REFUSE_DAMAGED, 0, 0, "a second HELLO");
	ret = nr_session_check_revoked(s);
	if (ret < 0)
		return ret;
	if (nr_ingest_claim(s->slot, s->sensor) < 0) {
		nr_ingest_count(s->ingest, NR_INGEST_REFUSED_TWIN, 1);
		nr_ingest_complain(s->ingest, s->slot, "another session of this sensor is alive");
		ret = send_refusal(s, &busy, "another session of this sensor is alive");
		return ret < 0 ? ret : NR_SESSION_ENDS;
	}
	s->greeted = true;
	s->offset_ns = nr_ingest_clock_beat(&s->clock, nr_ingest_now(s->ingest), hello->clock_ns,
					    rtt_us(s));
	know(s, hello);
	nr_ingest_count(s->ingest, NR_INGEST_SESSIONS_BEGUN, 1);
	return welcome(s);
}

/* ---- BATCH and GAP ---- */

static void wait_for(struct nr_session *s, uint64_t epoch, uint64_t seq, uint64_t at)
{
	nr_require(s->n_waiting < NR_MESSAGE_WINDOW); /* the loop reads only while there is room */
	s->waiting[s->n_waiting].epoch = epoch;
	s->waiting[s->n_waiting].seq = seq;
	s->waiting[s->n_waiting].at = at;
	s->n_waiting++;
}

static void count_answer(struct nr_session *s, const struct nr_intake_answer *answer)
{
	static const enum nr_ingest_count of[] = {
		[NR_LEDGER_NEXT] = NR_INGEST_COUNT_N, /* counted by who knows what it was */
		[NR_LEDGER_REPEAT] = NR_INGEST_REPEATS,
		[NR_LEDGER_OLD] = NR_INGEST_OLD,
		[NR_LEDGER_HOLE] = NR_INGEST_HOLES,
		[NR_LEDGER_CONFLICT] = NR_INGEST_CONFLICTS,
		[NR_LEDGER_OLD_EPOCH] = NR_INGEST_OLD_EPOCHS,
		[NR_LEDGER_FUTURE_EPOCH] = NR_INGEST_FUTURE_EPOCHS,
		[NR_LEDGER_FULL] = NR_INGEST_COUNT_N, /* as busy */
	};

	if (of[answer->verdict] < NR_INGEST_COUNT_N)
		nr_ingest_count(s->ingest, of[answer->verdict], 1);
}

static void count_taken(struct nr_session *s, const struct nr_intake_batch *in)
{
	struct nr_ingest_sensor *row;

	nr_ingest_count(s->ingest, NR_INGEST_BATCHES, 1);
	nr_ingest_count(s->ingest, NR_INGEST_OBSERVATIONS, in->info.n_rows);
	nr_ingest_count(s->ingest, NR_INGEST_BYTES, in->batch.payload.n);
	row = nr_ingest_known_hold(s->ingest, s->sensor);
	if (row != NULL) {
		row->batches++;
		row->observations += in->info.n_rows;
	}
	nr_ingest_known_let(s->ingest);
}

/* What to say to the answer of the intake. @p ret: of the intake itself */
static int answer_to(struct nr_session *s, uint64_t epoch, uint64_t seq, int ret,
		     const struct nr_intake_answer *answer)
{
	if (ret < 0) {
		nr_ingest_stop(
			s->ingest); /* the journal is broken; who commits will find the same */
		return 0;
	}
	count_answer(s, answer);
	switch (answer->refusal) {
	case 0:
		wait_for(s, epoch, seq, answer->at);
		return 0;
	case NR_REFUSE_BUSY:
		return refuse_busy(s, epoch, seq, answer->words);
	case NR_REFUSE_CONFLICT:
		alarm(s, NR_INGEST_CONFLICT, answer->words);
		break;
	default:
		break;
	}
	return refuse_content(s, (enum nr_refusal)answer->refusal, epoch, seq, answer->words);
}

/* Is it behind one that was refused as busy? Nothing may be journalled past a missing one. */
static bool is_behind(const struct nr_session *s, uint64_t epoch, uint64_t seq)
{
	return s->refused_seq != 0 && epoch == s->refused_epoch && seq > s->refused_seq;
}

static int handle_batch(struct nr_session *s, const struct nr_message_batch *batch)
{
	struct nr_intake_batch in = { .sensor = s->sensor,
				      .offset_ns = s->offset_ns,
				      .now_ns = nr_ingest_now(s->ingest),
				      .batch = *batch };
	struct nr_intake_answer answer = { 0 };
	struct nr_err err;
	int ret;

	if (atomic_load(&s->ingest->full))
		return refuse_busy(s, batch->epoch, batch->seq, "the hub's disk is full");
	if (is_behind(s, batch->epoch, batch->seq))
		return refuse_busy(s, batch->epoch, batch->seq, "one before it was refused");
	if (nr_batch_verify(batch->payload, &in.info, &err) < 0 ||
	    in.info.size != batch->payload.n) {
		nr_ingest_count(s->ingest, NR_INGEST_DAMAGED, 1);
		return refuse_content(s, NR_REFUSE_DAMAGED, batch->epoch, batch->seq,
				      "not one batch, whole and with its check sum");
	}
	in.digest = nr_message_digest(batch);
	ret = nr_intake_batch(s->ingest->options.intake, &in, &answer);
	if (ret == 0 && answer.refusal == 0) {
		s->refused_seq = 0;
		if (answer.verdict == NR_LEDGER_NEXT || answer.verdict == NR_LEDGER_HOLE)
			count_taken(s, &in);
	}
	return answer_to(s, batch->epoch, batch->seq, ret, &answer);
}

static int handle_gap(struct nr_session *s, const struct nr_message_gap *gap)
{
	struct nr_intake_answer answer = { 0 };
	int ret;

	if (atomic_load(&s->ingest->full))
		return refuse_busy(s, gap->epoch, gap->from_seq, "the hub's disk is full");
	if (is_behind(s, gap->epoch, gap->from_seq))
		return refuse_busy(s, gap->epoch, gap->from_seq, "one before it was refused");
	ret = nr_intake_gap(s->ingest->options.intake, s->sensor, gap, nr_ingest_now(s->ingest),
			    &answer);
	if (ret == 0 && answer.refusal == 0) {
		s->refused_seq = 0;
		if (answer.verdict != NR_LEDGER_REPEAT)
			nr_ingest_count(s->ingest, NR_INGEST_GAPS, 1);
	}
	return answer_to(s, gap->epoch, gap->to_seq, ret, &answer);
}

/* ---- BEAT and RENEW ---- */

static int tell_watch(struct nr_session *s, const struct nr_message_beat *beat, int64_t now_ns)
{
	struct nr_intake *intake = s->ingest->options.intake;
	int ret;

	if (intake->watch == NULL)
		return 0;
	(void)pthread_mutex_lock(intake->lock);
	ret = nr_watch_beat(intake->watch, s->sensor, s->name, beat, s->offset_ns, now_ns);
	(void)pthread_mutex_unlock(intake->lock);
	return ret == -EWOULDBLOCK ? 0 : ret; /* no room for a remark: the next beat makes it */
}

static int handle_beat(struct nr_session *s, const struct nr_message_beat *beat)
{
	int64_t now_ns = nr_ingest_now(s->ingest);
	struct nr_message back = { .type = NR_MESSAGE_BEAT_BACK,
				   .beat_back = { beat->beat, beat->clock_ns, now_ns } };
	struct nr_ingest_sensor *row;

	s->offset_ns = nr_ingest_clock_beat(&s->clock, now_ns, beat->clock_ns, rtt_us(s));
	nr_ingest_count(s->ingest, NR_INGEST_BEATS, 1);
	row = nr_ingest_known_hold(s->ingest, s->sensor);
	if (row != NULL) {
		row->beat = *beat;
		row->beat_ns = now_ns;
		row->offset_ns = s->offset_ns;
	}
	nr_ingest_known_let(s->ingest);
	if (tell_watch(s, beat, now_ns) < 0) {
		nr_ingest_stop(s->ingest);
		return 0;
	}
	return nr_session_send(s, &back);
}

static int handle_renew(struct nr_session *s, const struct nr_message_pem *request)
{
	const struct nr_ingest_options *o = &s->ingest->options;
	struct nr_message message = { .type = NR_MESSAGE_RENEWED };
	struct nr_str pem = { (const char *)request->pem.p, request->pem.n };
	int64_t now = nr_mono_now().ns;
	struct nr_err err = { .msg = "" };
	struct nr_buf out;
	int ret;

	if (o->renew == NULL || now < s->renew_from)
		return nr_session_refuse(s, NR_REFUSE_BUSY, "no renewal now");
	s->renew_from = now + RENEW_NS;
	nr_buf_init(&out, NR_MESSAGE_PEM);
	ret = o->renew(o->ctx, s->sensor, pem, &out, &err);
	if (ret == 0) {
		message.pem.pem = (struct nr_bytes){ out.p, out.n };
		nr_ingest_count(s->ingest, NR_INGEST_RENEWALS, 1);
		ret = nr_session_send(s, &message);
	} else if (ret == -EACCES) {
		ret = refuse_content(s, NR_REFUSE_DAMAGED, 0, 0, err.msg);
	} else {
		ret = nr_session_refuse(s, NR_REFUSE_BUSY, "the hub cannot renew now");
	}
	nr_buf_done(&out);
	return ret;
}

/* ---- all of them ---- */

static void heard(struct nr_session *s)
{
	struct nr_ingest_sensor *row = nr_ingest_known_hold(s->ingest, s->sensor);

	if (row != NULL)
		row->heard_ns = nr_ingest_now(s->ingest);
	nr_ingest_known_let(s->ingest);
	atomic_store(&s->slot->heard_ns, nr_ingest_mono(s->ingest));
	if (!atomic_exchange(&s->slot->contested, false))
		return;
	nr_ingest_count(s->ingest, NR_INGEST_TWIN_ALARMS, 1);
	alarm(s, NR_INGEST_TWINS, "two machines use the certificate of one sensor");
}

int nr_session_handle(struct nr_session *s)
{
	struct nr_message m;
	struct nr_err err;

	if (nr_message_read(s->type, (struct nr_bytes){ s->body.p, s->body.n }, &m, &err) < 0)
		return refuse_content(s, NR_REFUSE_DAMAGED, 0, 0, err.msg);
	if (!s->greeted && m.type != NR_MESSAGE_HELLO)
		return refuse_content(s, NR_REFUSE_DAMAGED, 0, 0, "the first message is HELLO");
	if (s->greeted)
		heard(s);
	switch ((enum nr_message_type)m.type) {
	case NR_MESSAGE_HELLO:
		return handle_hello(s, &m.hello);
	case NR_MESSAGE_BATCH:
		return handle_batch(s, &m.batch);
	case NR_MESSAGE_GAP:
		return handle_gap(s, &m.gap);
	case NR_MESSAGE_BEAT:
		return handle_beat(s, &m.beat);
	case NR_MESSAGE_RENEW:
		return handle_renew(s, &m.pem);
	case NR_MESSAGE_WELCOME:
	case NR_MESSAGE_BEAT_BACK:
	case NR_MESSAGE_ACK:
	case NR_MESSAGE_REFUSE:
	case NR_MESSAGE_RENEWED:
		break;
	}
	return refuse_content(s, NR_REFUSE_DAMAGED, 0, 0, "a message that only hubs send");
}
