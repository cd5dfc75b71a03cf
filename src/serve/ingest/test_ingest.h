/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_ingest: a hub's ingest port with a real journal behind it, and sensors that talk to it over real TLS.
 *
 * The journal is committed when the test says so (hub_commit), so that a test can look at what happens before. A
 * BEAT is the fence: its answer comes after everything that was sent before was handled.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "serve/ingest/ingest.h"

enum { WAIT_MS = 10000, N_SENSORS = 3 };
#define NOW_S INT64_C(1800000000)

struct hub {
	char dir[64];
	struct nr_pki_pair authority, pair, sensors[N_SENSORS];
	struct nr_uuid uuids[N_SENSORS];
	struct nr_journal *journal;
	struct nr_ledger *ledger;
	pthread_mutex_t lock;
	struct nr_intake intake;
	struct nr_ingest *ingest;
	struct nr_ingest_options options;
	_Atomic int64_t now_ns, mono_ns;
	_Atomic uint64_t revoked; /* bit of each sensor */
	_Atomic bool unsure;	  /* the registry does not answer */
	uint64_t segment_bytes;
	_Atomic unsigned alarms[3], renewals;
	struct nr_batch_encoder *encoder;
};

static inline int64_t hub_now(void *ctx)
{
	return ((struct hub *)ctx)->now_ns;
}

static inline int64_t hub_mono(void *ctx)
{
	return ((struct hub *)ctx)->mono_ns;
}

static inline int64_t journal_now(void *ctx)
{
	return ((struct hub *)ctx)->now_ns;
}

static inline int hub_is_revoked(void *ctx, struct nr_uuid sensor)
{
	struct hub *hub = ctx;

	if (hub->unsure)
		return -EIO;
	for (unsigned i = 0; i < N_SENSORS; i++)
		if (nr_uuid_eq(hub->uuids[i], sensor))
			return (hub->revoked >> i & 1) != 0;
	return 1;
}

static inline void hub_alarm(void *ctx, enum nr_ingest_alarm what, struct nr_uuid sensor,
			     const char *words)
{
	struct hub *hub = ctx;

	(void)sensor;
	(void)words;
	hub->alarms[what]++;
}

static inline int hub_renew(void *ctx, struct nr_uuid sensor, struct nr_str request,
			    struct nr_buf *out, struct nr_err *reterr)
{
	struct hub *hub = ctx;

	(void)sensor;
	if (!nr_str_eq(request, NR_STR("request")))
		return nr_fail(reterr, -EACCES, "not the request that was expected");
	nr_buf_add_str(out, NR_STR("certificate"));
	hub->renewals++;
	return out->err;
}

static inline int hub_ledger(void *ctx, struct nr_buf *out)
{
	return nr_ledger_save(((struct hub *)ctx)->ledger, out);
}

/* Made once in a process: keys cost more than all the rest of a test. */
static inline void hub_pki(struct hub *hub)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", NULL };
	static struct hub made;
	char identity[NR_PKI_IDENTITY_TEXT];
	struct nr_pki_wish wish = { .purpose = NR_PKI_AUTHORITY,
				    .name = "authority",
				    .now = { NOW_S * NR_NS_PER_S },
				    .valid_s = 864000 };

	if (made.authority.key.p == NULL) {
		assert_int_equal(nr_pki_make(&wish, NULL, &made.authority, NULL), 0);
		wish.identity = identity;
		wish.purpose = NR_PKI_SERVER;
		wish.name = "hub";
		wish.hosts = hosts;
		nr_pki_identity_print("hub", nr_uuid_new(), identity);
		assert_int_equal(nr_pki_make(&wish, &made.authority, &made.pair, NULL), 0);
		wish.purpose = NR_PKI_CLIENT;
		wish.name = "sensor";
		wish.hosts = NULL;
		for (unsigned i = 0; i < N_SENSORS; i++) {
			made.uuids[i] = nr_uuid_new();
			nr_pki_identity_print("sensor", made.uuids[i], identity);
			assert_int_equal(nr_pki_make(&wish, &made.authority, &made.sensors[i],
						     NULL),
					 0);
		}
	}
	hub->authority = made.authority;
	hub->pair = made.pair;
	memcpy(hub->sensors, made.sensors, sizeof(hub->sensors));
	memcpy(hub->uuids, made.uuids, sizeof(hub->uuids));
}

static inline void hub_ingest(struct hub *hub)
{
	struct nr_err err;

	hub->options = (struct nr_ingest_options){
		.listen = "127.0.0.1:0",
		.hub = &hub->pair,
		.authority = nr_buf_str(&hub->authority.certificate),
		.intake = &hub->intake,
		.now_ns = hub_now,
		.mono_ns = hub_mono,
		.is_revoked = hub_is_revoked,
		.renew = hub_renew,
		.alarm = hub_alarm,
		.ctx = hub,
	};
	assert_int_equal(nr_ingest_new(&hub->options, &hub->ingest, &err), 0);
}

/* Journal and ledger as a hub opens them: the ledger that opens the last segment, and what came behind it. */
static inline void hub_journal(struct hub *hub)
{
	struct nr_journal_options options = { .dir = hub->dir,
					      .segment_bytes = hub->segment_bytes,
					      .ledger = hub_ledger,
					      .ledger_ctx = hub,
					      .now_ns = journal_now,
					      .now_ctx = hub };
	struct nr_journal_reader *reader = NULL;
	struct nr_journal_recovery recovery;
	struct nr_entry entry;
	struct nr_err err = { .msg = "" };

	assert_int_equal(nr_ledger_new(&hub->ledger), 0);
	if (nr_journal_open(&options, &hub->journal, &recovery, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(nr_journal_reader_open(hub->dir, recovery.ledger_at, hub->journal, &reader,
						&err),
			 0);
	while (recovery.ledger_at > 0 && nr_journal_reader_next(reader, &entry, &err) == 1) {
		if (entry.type == NR_ENTRY_LEDGER && nr_ledger_count(hub->ledger) == 0)
			assert_int_equal(nr_ledger_load(hub->ledger, entry.text.text, &err), 0);
		assert_int_equal(nr_ledger_apply(hub->ledger, &entry), 0);
	}
	nr_journal_reader_close(reader);
	hub->intake = (struct nr_intake){ .journal = hub->journal,
					  .ledger = hub->ledger,
					  .lock = &hub->lock };
}

static inline int hub_setup_segments(void **state, uint64_t segment_bytes)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (hub == NULL)
		return -1;
	(void)snprintf(hub->dir, sizeof(hub->dir), "%s/nr-ingest-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	hub->now_ns = NOW_S * NR_NS_PER_S;
	hub->mono_ns = NR_NS_PER_S;
	hub->segment_bytes = segment_bytes;
	if (mkdtemp(hub->dir) == NULL || nr_batch_encoder_new(&hub->encoder) < 0)
		return -1;
	(void)pthread_mutex_init(&hub->lock, NULL);
	hub_journal(hub);
	assert_int_equal(nr_journal_commit(hub->journal, NULL), 0);
	hub_pki(hub);
	hub_ingest(hub);
	*state = hub;
	return 0;
}

static inline int hub_setup(void **state)
{
	return hub_setup_segments(state, 0);
}

/* A hub that went away and came again, with what is on the disk. */
static inline void hub_restart(struct hub *hub)
{
	hub->ingest = nr_ingest_free(hub->ingest);
	hub->journal = nr_journal_close(hub->journal);
	hub->ledger = nr_ledger_free(hub->ledger);
	hub_journal(hub);
	hub_ingest(hub);
}

static inline int hub_teardown(void **state)
{
	struct hub *hub = *state;
	struct dirent *entry;
	char path[512];
	DIR *dir;

	nr_ingest_free(hub->ingest);
	nr_journal_close(hub->journal);
	nr_ledger_free(hub->ledger);
	nr_batch_encoder_free(hub->encoder);
	dir = opendir(hub->dir);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", hub->dir, entry->d_name);
		(void)unlink(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)rmdir(hub->dir);
	(void)pthread_mutex_destroy(&hub->lock);
	free(hub);
	return 0;
}

static inline void hub_commit(struct hub *hub)
{
	struct nr_err err;

	assert_int_equal(nr_journal_commit(hub->journal, &err), 0);
	nr_ingest_durable(hub->ingest, nr_journal_durable(hub->journal));
}

static inline uint64_t hub_count(struct hub *hub, enum nr_ingest_count what)
{
	uint64_t counts[NR_INGEST_COUNT_N];

	nr_ingest_counts(hub->ingest, counts);
	return counts[what];
}

/* ---- a sensor ---- */

struct client {
	struct hub *hub;
	unsigned number;
	struct nr_tls_context *context;
	struct nr_tls *tls;
	uint64_t epoch, seq, beats;
	struct nr_digest previous;
	struct nr_buf out, in, payload;
	struct nr_message got;
};

static inline int64_t client_now(void *ctx)
{
	return ((struct hub *)ctx)->now_ns / NR_NS_PER_S;
}

static inline void client_init(struct client *c, struct hub *hub, unsigned number)
{
	struct nr_tls_options options = {
		.authority = nr_buf_str(&hub->authority.certificate),
		.certificate = nr_buf_str(&hub->sensors[number].certificate),
		.key = nr_buf_str(&hub->sensors[number].key),
		.now = client_now,
		.now_ctx = hub,
		.peer_kind = "hub",
	};
	struct nr_err err;

	*c = (struct client){ .hub = hub, .number = number, .epoch = NOW_S };
	nr_buf_init(&c->out, NR_MESSAGE_MAX + NR_MESSAGE_HEAD);
	nr_buf_init(&c->in, NR_MESSAGE_MAX);
	nr_buf_init(&c->payload, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_tls_context_new(&options, &c->context, &err), 0);
}

static inline bool client_try_connect(struct client *c)
{
	struct nr_err err = { .msg = "" };
	char where[64];
	int fd;

	(void)snprintf(where, sizeof(where), "127.0.0.1:%u", nr_ingest_port(c->hub->ingest));
	fd = nr_net_connect(where, WAIT_MS, &err);
	assert_true(fd >= 0);
	return nr_tls_open(c->context, fd, "127.0.0.1", WAIT_MS, &c->tls, &err) == 0;
}

static inline void client_connect(struct client *c)
{
	assert_true(client_try_connect(c));
}

static inline void client_close(struct client *c)
{
	c->tls = nr_tls_free(c->tls);
}

static inline void client_done(struct client *c)
{
	client_close(c);
	nr_tls_context_free(c->context);
	nr_buf_done(&c->out);
	nr_buf_done(&c->in);
	nr_buf_done(&c->payload);
}

static inline void client_send(struct client *c, const struct nr_message *message)
{
	nr_buf_reset(&c->out);
	assert_int_equal(nr_message_write(message, &c->out), 0);
	assert_int_equal(nr_tls_write(c->tls, c->out.p, c->out.n, WAIT_MS), 0);
}

/* The next message of the hub. @return its type; 0: the hub ended the session */
static inline int client_read(struct client *c)
{
	uint8_t head[NR_MESSAGE_HEAD], type;
	struct nr_err err;
	uint32_t length;
	int ret = nr_tls_read_full(c->tls, head, sizeof(head), WAIT_MS);

	if (ret == -ECONNRESET)
		return 0;
	assert_int_equal(ret, 0);
	assert_int_equal(nr_message_head(head, &type, &length, &err), 0);
	nr_buf_reset(&c->in);
	assert_non_null(nr_buf_reserve(&c->in, length));
	assert_int_equal(nr_tls_read_full(c->tls, c->in.p, length, WAIT_MS), 0);
	assert_int_equal(nr_message_read(type, (struct nr_bytes){ c->in.p, length }, &c->got, &err),
			 0);
	return type;
}

static inline void client_send_hello(struct client *c)
{
	struct nr_message hello = { .type = NR_MESSAGE_HELLO,
				    .hello = { .program = "test 1.0",
					       .epoch = c->epoch,
					       .next_seq = c->seq + 1,
					       .clock_ns = c->hub->now_ns } };

	client_send(c, &hello);
}

static inline void client_hello(struct client *c)
{
	client_connect(c);
	client_send_hello(c);
	assert_int_equal(client_read(c), NR_MESSAGE_WELCOME);
}

/* A batch of one observation that tells @p mark apart. */
static inline struct nr_message client_batch(struct client *c, uint64_t seq, uint32_t mark)
{
	struct nr_observation obs = { .tick = (uint32_t)NOW_S,
				      .src = nr_ip_v4(0xc0000200),
				      .dst = nr_ip_v4(0xc6336400) };

	obs.packets = 1 + mark;
	obs.bytes = 40;
	nr_buf_reset(&c->payload);
	assert_int_equal(nr_batch_encoder_add(c->hub->encoder, &obs, 1), 1);
	assert_int_equal(nr_batch_encoder_finish(c->hub->encoder, &c->payload), 0);
	return (struct nr_message){ .type = NR_MESSAGE_BATCH,
				    .batch = { .epoch = c->epoch,
					       .seq = seq,
					       .previous = c->previous,
					       .payload = { c->payload.p, c->payload.n } } };
}

/* The next of a chain as it ought to be. */
static inline void client_send_next(struct client *c)
{
	struct nr_message message = client_batch(c, c->seq + 1, (uint32_t)c->seq);

	client_send(c, &message);
	c->seq++;
	c->previous = nr_message_digest(&message.batch);
}

static inline void client_send_beat(struct client *c)
{
	struct nr_message beat = { .type = NR_MESSAGE_BEAT,
				   .beat = { .beat = ++c->beats, .clock_ns = c->hub->now_ns } };

	client_send(c, &beat);
}

/* Everything sent before was handled, and nothing was said to it. */
static inline void client_fence(struct client *c)
{
	client_send_beat(c);
	assert_int_equal(client_read(c), NR_MESSAGE_BEAT_BACK);
	assert_int_equal(c->got.beat_back.beat, c->beats);
}

static inline void client_expect_ack(struct client *c, uint64_t seq)
{
	do {
		assert_int_equal(client_read(c), NR_MESSAGE_ACK);
	} while (c->got.ack.seq < seq);
	assert_int_equal(c->got.ack.epoch, c->epoch);
	assert_int_equal(c->got.ack.seq, seq);
}

static inline void client_expect_refusal(struct client *c, enum nr_refusal why)
{
	assert_int_equal(client_read(c), NR_MESSAGE_REFUSE);
	assert_int_equal(c->got.refuse.why, why);
	assert_true(c->got.refuse.words[0] != '\0');
}

static inline void client_expect_end(struct client *c)
{
	assert_int_equal(client_read(c), 0);
	client_close(c);
}

/* ---- what is in the journal ---- */

static inline unsigned journal_count(struct hub *hub, enum nr_entry_type type)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	struct nr_err err;
	unsigned n = 0;

	hub_commit(hub);
	assert_int_equal(nr_journal_reader_open(hub->dir, 1, hub->journal, &reader, &err), 0);
	while (nr_journal_reader_next(reader, &entry, &err) == 1)
		n += entry.type == type;
	nr_journal_reader_close(reader);
	return n;
}
