/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ingest/test_ingest.h"

#include <sys/resource.h>

#include "serve/ingest/ingest_int.h"

static void an_acknowledgement_waits_for_the_disk(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	assert_int_equal(c.got.welcome.epoch, 0);
	assert_int_equal(c.got.welcome.clock_ns, hub->now_ns);
	assert_true(c.got.welcome.batch_interval_ms > 0 && c.got.welcome.beat_interval_ms > 0);
	client_send_next(&c);
	client_fence(&c); /* handled, and no ACK */
	hub_commit(hub);
	client_expect_ack(&c, 1);
	client_send_next(&c);
	client_send_next(&c);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, 3);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 3);
	assert_int_equal(hub_count(hub, NR_INGEST_BATCHES), 3);
	assert_int_equal(hub_count(hub, NR_INGEST_OBSERVATIONS), 3);
	client_done(&c);
}

static void a_new_session_goes_on_where_the_disk_ends(void **state)
{
	struct hub *hub = *state;
	struct client c;
	char byte;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	client_fence(&c);
	client_close(&c);
	client_connect(&c);
	client_send_hello(&c);
	while (hub_count(hub, NR_INGEST_SESSIONS_BEGUN) < 2)
		(void)usleep(1000);
	/* Batch 1 is not on the disk: the hub says nothing of it yet. */
	assert_int_equal(nr_tls_read(c.tls, &byte, 1, 50), -ETIMEDOUT);
	hub_commit(hub);
	assert_int_equal(client_read(&c), NR_MESSAGE_WELCOME);
	assert_int_equal(c.got.welcome.epoch, c.epoch);
	assert_int_equal(c.got.welcome.acked_seq, 1);
	assert_true(nr_digest_eq(&c.got.welcome.acked, &c.previous));
	client_done(&c);
}

/* ---- hostile input 41 ---- */

static void a_replayed_batch_changes_nothing_and_is_counted(void **state)
{
	struct hub *hub = *state;
	struct nr_message again;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	again = client_batch(&c, 1, 0);
	client_send_next(&c);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, 1);
	for (int i = 0; i < 100; i++) {
		client_send(&c, &again);
		client_expect_ack(&c, 1);
	}
	client_close(&c);
	client_hello(&c); /* and from another session */
	client_send(&c, &again);
	client_expect_ack(&c, 1);
	assert_int_equal(hub_count(hub, NR_INGEST_REPEATS), 101);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 1);
	client_done(&c);
}

static void a_number_with_other_content_is_kept_aside_and_raises_an_alarm(void **state)
{
	struct hub *hub = *state;
	struct nr_message other;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	other = client_batch(&c, 1, 99);
	memset(&other.batch.previous, 0, sizeof(other.batch.previous));
	client_send(&c, &other);
	client_expect_refusal(&c, NR_REFUSE_CONFLICT);
	assert_int_equal(c.got.refuse.epoch, c.epoch);
	assert_int_equal(c.got.refuse.seq, 1);
	client_expect_end(&c);
	assert_int_equal(hub->alarms[NR_INGEST_CONFLICT], 1);
	assert_int_equal(journal_count(hub, NR_ENTRY_QUARANTINE), 1);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 1);
	/* The same once more: counted, refused, but the disk is not filled with it. */
	client_hello(&c);
	client_send(&c, &other);
	client_expect_refusal(&c, NR_REFUSE_CONFLICT);
	client_expect_end(&c);
	assert_int_equal(journal_count(hub, NR_ENTRY_QUARANTINE), 1);
	/* What was good before goes on. */
	client_hello(&c);
	client_send_next(&c);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, 2);
	client_done(&c);
}

static void a_chain_that_does_not_fit_is_a_contradiction(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	c.previous.b[0] ^= 1;
	client_send_next(&c);
	client_expect_refusal(&c, NR_REFUSE_CONFLICT);
	client_expect_end(&c);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 1);
	client_done(&c);
}

static void a_hole_is_a_recorded_gap(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	c.seq = 9; /* 2..9 never come */
	c.previous.b[3] ^= 1;
	client_send_next(&c);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, 10);
	assert_int_equal(journal_count(hub, NR_ENTRY_GAP), 1);
	assert_int_equal(nr_ledger_find(hub->ledger, hub->uuids[0])->lost, 8);
	assert_int_equal(hub_count(hub, NR_INGEST_HOLES), 1);
	client_done(&c);
}

static void a_gap_that_is_told_is_recorded_once(void **state)
{
	struct hub *hub = *state;
	struct nr_message gap = { .type = NR_MESSAGE_GAP,
				  .gap = { .epoch = NOW_S,
					   .from_seq = 1,
					   .to_seq = 5,
					   .observations = 77,
					   .reason = NR_GAP_SPOOL_FULL } };
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send(&c, &gap);
	client_send(&c, &gap);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, 5);
	assert_int_equal(journal_count(hub, NR_ENTRY_GAP), 1);
	assert_int_equal(nr_ledger_find(hub->ledger, hub->uuids[0])->observations_lost, 77);
	client_done(&c);
}

static void an_old_epoch_is_refused(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	client_fence(&c);
	c.epoch--;
	client_send_next(&c);
	client_expect_refusal(&c, NR_REFUSE_OLD_EPOCH);
	client_expect_end(&c);
	assert_int_equal(hub_count(hub, NR_INGEST_OLD_EPOCHS), 1);
	client_done(&c);
}

static void an_epoch_from_the_future_is_refused(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	c.epoch += 86401;
	client_send_next(&c);
	client_expect_refusal(&c, NR_REFUSE_DAMAGED);
	assert_non_null(strstr(c.got.refuse.words, "ahead"));
	client_expect_end(&c);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 0);
	client_done(&c);
}

static void two_machines_with_one_certificate_raise_an_alarm(void **state)
{
	struct hub *hub = *state;
	struct client first, second;

	client_init(&first, hub, 0);
	client_init(&second, hub, 0);
	client_hello(&first);
	client_connect(&second);
	client_send_hello(&second);
	client_expect_refusal(&second, NR_REFUSE_BUSY);
	assert_true(second.got.refuse.retry_ms > 0);
	client_expect_end(&second);
	assert_int_equal(hub->alarms[NR_INGEST_TWINS], 0); /* the first may be a dead line */
	client_fence(&first);
	assert_int_equal(hub->alarms[NR_INGEST_TWINS], 1); /* it is not */
	client_fence(&first);
	assert_int_equal(hub->alarms[NR_INGEST_TWINS], 1);

	hub->mono_ns += 31 * NR_NS_PER_S; /* now the first is silent: the line is dead */
	client_hello(&second);
	client_expect_refusal(&first, NR_REFUSE_BUSY);
	client_expect_end(&first);
	client_fence(&second);
	assert_int_equal(hub->alarms[NR_INGEST_TWINS], 1);
	client_done(&first);
	client_done(&second);
}

static void sensors_do_not_touch_each_other(void **state)
{
	struct hub *hub = *state;
	struct client a, b;

	client_init(&a, hub, 0);
	client_init(&b, hub, 1);
	client_hello(&a);
	client_hello(&b);
	client_send_next(&a);
	client_send_next(&b); /* the same bytes in the other's name: its own chain */
	client_fence(&a);
	client_fence(&b);
	hub_commit(hub);
	client_expect_ack(&a, 1);
	client_expect_ack(&b, 1);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 2);
	assert_int_equal(nr_ingest_sessions(hub->ingest), 2);
	client_done(&a);
	client_done(&b);
}

/* ---- orders of the hub ---- */

static void a_revoked_sensor_is_cut_and_stays_out(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 1);
	client_hello(&c);
	hub->revoked |= 2;
	nr_ingest_revoked(hub->ingest);
	client_expect_refusal(&c, NR_REFUSE_REVOKED);
	client_expect_end(&c);
	client_connect(&c);
	client_send_hello(&c);
	client_expect_refusal(&c, NR_REFUSE_REVOKED);
	client_expect_end(&c);
	assert_int_equal(hub_count(hub, NR_INGEST_REFUSED_REVOKED), 2);
	client_done(&c);
}

static void a_revoked_sensor_is_found_without_being_told(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	hub->revoked |= 1;
	client_fence(&c);
	hub->mono_ns += 10 * NR_NS_PER_S;
	client_expect_refusal(&c, NR_REFUSE_REVOKED);
	client_expect_end(&c);
	client_done(&c);
}

static void a_registry_that_does_not_answer_revokes_nobody(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	hub->unsure = true;
	client_connect(&c);
	client_send_hello(&c);
	client_expect_refusal(&c, NR_REFUSE_BUSY);
	client_expect_end(&c);
	hub->unsure = false;
	client_hello(&c);
	hub->unsure = true;
	nr_ingest_revoked(hub->ingest); /* once is not five times */
	client_fence(&c);
	client_done(&c);
}

static void a_full_disk_refuses_batches_and_makes_no_hole(void **state)
{
	struct hub *hub = *state;
	struct nr_message first, second;
	struct client c, d;

	client_init(&c, hub, 0);
	client_init(&d, hub, 0); /* keeps the second batch's bytes */
	client_hello(&c);
	first = client_batch(&c, 1, 1);
	c.previous = nr_message_digest(&first.batch);
	second = client_batch(&d, 2, 2);
	second.batch.previous = c.previous;
	nr_ingest_full(hub->ingest, true);
	client_send(&c, &first);
	client_expect_refusal(&c, NR_REFUSE_BUSY);
	assert_int_equal(c.got.refuse.seq, 1);
	nr_ingest_full(hub->ingest, false);
	client_send(&c, &second); /* was under way already */
	client_expect_refusal(&c, NR_REFUSE_BUSY);
	assert_int_equal(c.got.refuse.seq, 2);
	client_send(&c, &first);
	client_send(&c, &second);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, 2);
	assert_int_equal(journal_count(hub, NR_ENTRY_GAP), 0);
	assert_int_equal(hub_count(hub, NR_INGEST_BUSY), 2);
	client_done(&c);
	client_done(&d);
}

static void when_the_journal_has_failed_nothing_is_acknowledged(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	client_fence(&c);
	nr_ingest_stop(hub->ingest);
	nr_ingest_durable(hub->ingest, UINT64_MAX - 1); /* even if somebody said so */
	client_expect_refusal(&c, NR_REFUSE_STOPPING);
	client_expect_end(&c);
	client_connect(&c);
	client_expect_refusal(&c, NR_REFUSE_STOPPING);
	client_expect_end(&c);
	client_done(&c);
}

static void a_stopping_hub_says_so_to_everybody(void **state)
{
	struct hub *hub = *state;
	struct client a, b;

	client_init(&a, hub, 0);
	client_init(&b, hub, 1);
	client_hello(&a);
	client_hello(&b);
	hub->ingest = nr_ingest_free(hub->ingest);
	client_expect_refusal(&a, NR_REFUSE_STOPPING);
	client_expect_refusal(&b, NR_REFUSE_STOPPING);
	client_done(&a);
	client_done(&b);
}

static void a_certificate_is_renewed_once_a_minute(void **state)
{
	struct nr_message renew = { .type = NR_MESSAGE_RENEW,
				    .pem = { { (const uint8_t *)"request", 7 } } };
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send(&c, &renew);
	assert_int_equal(client_read(&c), NR_MESSAGE_RENEWED);
	assert_int_equal(c.got.pem.pem.n, 11);
	client_send(&c, &renew);
	client_expect_refusal(&c, NR_REFUSE_BUSY);
	client_expect_end(&c);
	assert_int_equal(hub->renewals, 1);
	client_done(&c);
}

/* ---- what does not belong ---- */

static void what_is_not_this_protocol_is_refused_with_words(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t n;
		uint8_t why;
	} cases[] = {
		{ { 0, 0, 0, 0, 2, NR_MESSAGE_HELLO }, 8, NR_REFUSE_VERSION },
		{ { 0, 0, 0, 0, 0, NR_MESSAGE_HELLO }, 8, NR_REFUSE_DAMAGED },
		{ { 0, 0, 0, 0, 1, 0 }, 8, NR_REFUSE_DAMAGED },
		{ { 0, 0, 0, 0, 1, 99 }, 8, NR_REFUSE_DAMAGED },
		{ { 0, 0, 0, 0, 1, NR_MESSAGE_HELLO }, 8, NR_REFUSE_DAMAGED }, /* too short */
		{ { 255, 255, 255, 255, 1, NR_MESSAGE_BATCH }, 8, NR_REFUSE_DAMAGED },
		{ { 255, 255, 255, 127, 1, NR_MESSAGE_HELLO }, 8, NR_REFUSE_DAMAGED },
		{ { 16, 0, 0, 0, 1, NR_MESSAGE_ACK, 1, 0 }, 8, NR_REFUSE_DAMAGED },
		{ "GET / HTTP/1.0\r\n", 16, NR_REFUSE_DAMAGED },
	};
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 2);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		client_connect(&c);
		assert_int_equal(nr_tls_write(c.tls, cases[i].bytes, cases[i].n, WAIT_MS), 0);
		client_expect_refusal(&c, (enum nr_refusal)cases[i].why);
		client_expect_end(&c);
	}
	client_hello(&c);
	client_fence(&c);
	client_done(&c);
}

static void messages_out_of_place_are_refused(void **state)
{
	struct nr_message ack = { .type = NR_MESSAGE_ACK, .ack = { 1, 1 } };
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_connect(&c);
	client_send_beat(&c); /* before HELLO */
	client_expect_refusal(&c, NR_REFUSE_DAMAGED);
	client_expect_end(&c);
	client_hello(&c);
	client_send(&c, &ack); /* only hubs say that */
	client_expect_refusal(&c, NR_REFUSE_DAMAGED);
	client_expect_end(&c);
	client_hello(&c);
	client_send_hello(&c); /* twice */
	client_expect_refusal(&c, NR_REFUSE_DAMAGED);
	client_expect_end(&c);
	client_done(&c);
}

static void a_damaged_batch_is_refused_before_it_is_acknowledged(void **state)
{
	struct hub *hub = *state;
	struct nr_message batch;
	struct client c;

	client_init(&c, hub, 0);
	for (int i = 0; i < 3; i++) {
		client_hello(&c);
		batch = client_batch(&c, 1, 1);
		if (i == 0)
			c.payload.p[c.payload.n - 1] ^= 1;
		else if (i == 1)
			batch.batch.payload.n--;
		else
			batch.batch.payload.n = 0;
		client_send(&c, &batch);
		client_expect_refusal(&c, NR_REFUSE_DAMAGED);
		client_expect_end(&c);
	}
	assert_int_equal(hub_count(hub, NR_INGEST_DAMAGED), 3);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 0);
	client_done(&c);
}

/* What large bodies hold of the memory they share comes back: more than all of it goes through. */
static void large_bodies_share_memory_and_give_it_back(void **state)
{
	uint8_t *large = calloc(1, NR_BATCH_SIZE_MAX);
	struct hub *hub = *state;
	struct nr_message batch;
	struct client c;

	assert_non_null(large);
	client_init(&c, hub, 0);
	batch = client_batch(&c, 1, 1);
	memcpy(large, c.payload.p, c.payload.n); /* it begins like one */
	batch.batch.payload = (struct nr_bytes){ large, NR_BATCH_SIZE_MAX };
	for (int i = 0; i < 10; i++) {
		client_connect(&c);
		client_send_hello(&c);
		while (client_read(&c) ==
		       NR_MESSAGE_REFUSE) { /* what was cut off is still being read */
			assert_int_equal(c.got.refuse.why, NR_REFUSE_BUSY);
			client_expect_end(&c);
			client_connect(&c);
			client_send_hello(&c);
		}
		assert_int_equal(c.got.type, NR_MESSAGE_WELCOME);
		if (i % 2 == 0) {
			client_send(&c, &batch);
			client_expect_refusal(&c, NR_REFUSE_DAMAGED);
			client_expect_end(&c);
		} else { /* gone in the middle */
			nr_buf_reset(&c.out);
			assert_int_equal(nr_message_write(&batch, &c.out), 0);
			assert_int_equal(nr_tls_write(c.tls, c.out.p, c.out.n / 2, WAIT_MS), 0);
			client_close(&c);
		}
	}
	free(large);
	client_done(&c);
}

static void who_does_not_read_or_disappears_harms_nobody(void **state)
{
	struct hub *hub = *state;
	struct client a, b;

	client_init(&a, hub, 0);
	client_init(&b, hub, 1);
	client_hello(&b);
	for (size_t cut = 1; cut < 200; cut += 13) { /* gone in the middle of a message */
		struct nr_message batch;

		client_hello(&a);
		batch = client_batch(&a, 1, 1);
		nr_buf_reset(&a.out);
		assert_int_equal(nr_message_write(&batch, &a.out), 0);
		assert_int_equal(nr_tls_write(a.tls, a.out.p, cut, WAIT_MS), 0);
		client_close(&a);
	}
	client_send_next(&b);
	client_fence(&b);
	hub_commit(hub);
	client_expect_ack(&b, 1);
	assert_int_equal(journal_count(hub, NR_ENTRY_BATCH), 1);
	client_done(&a);
	client_done(&b);
}

static void the_window_holds_back_who_sends_too_much(void **state)
{
	struct hub *hub = *state;
	struct client c;

	client_init(&c, hub, 0);
	client_hello(&c);
	for (unsigned i = 0; i < NR_MESSAGE_WINDOW; i++)
		client_send_next(&c);
	client_send_beat(&c); /* stays in the socket until there is room */
	while (hub_count(hub, NR_INGEST_BATCHES) < NR_MESSAGE_WINDOW)
		(void)usleep(1000);
	assert_int_equal(hub_count(hub, NR_INGEST_BEATS), 0);
	hub_commit(hub);
	client_expect_ack(&c, NR_MESSAGE_WINDOW);
	assert_int_equal(client_read(&c), NR_MESSAGE_BEAT_BACK);
	client_done(&c);
}

/* ---- limits of the machine: hostile input 44 ---- */

static int plain_connect(struct hub *hub)
{
	char where[64];
	int fd;

	(void)snprintf(where, sizeof(where), "127.0.0.1:%u", nr_ingest_port(hub->ingest));
	fd = nr_net_connect(where, WAIT_MS, NULL);
	assert_true(fd >= 0);
	return fd;
}

static void one_address_has_so_many_connections(void **state)
{
	int fds[NR_INGEST_PER_ADDRESS + 8];
	struct hub *hub = *state;
	struct client c;

	for (size_t i = 0; i < NR_COUNT(fds); i++)
		fds[i] = plain_connect(hub);
	while (hub_count(hub, NR_INGEST_REFUSED_ADDRESS) < 8)
		(void)usleep(1000);
	for (size_t i = 0; i < NR_COUNT(fds); i++)
		(void)close(fds[i]);
	while (hub_count(hub, NR_INGEST_REFUSED_PROTOCOL) < NR_INGEST_PER_ADDRESS)
		(void)usleep(1000);
	client_init(&c, hub, 0);
	while (!client_try_connect(&c)) /* their threads are on their way out */
		(void)usleep(1000);
	client_send_hello(&c);
	assert_int_equal(client_read(&c), NR_MESSAGE_WELCOME);
	client_done(&c);
}

static void without_descriptors_the_port_lives_on(void **state)
{
	struct rlimit old, low;
	struct hub *hub = *state;
	struct client c;
	int fd;

	client_init(&c, hub, 0);
	fd = plain_connect(hub); /* the highest descriptors in use, one of them the hub's */
	while (hub_count(hub, NR_INGEST_ACCEPTED) < 1)
		(void)usleep(1000);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)fd + 3; /* room for the test's socket, not for the hub's */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < 3; i++) {
		char byte;
		int second = plain_connect(hub);

		assert_true(read(second, &byte, 1) <= 0 || errno == EAGAIN);
		while (hub_count(hub, NR_INGEST_REFUSED_RESOURCES) < (uint64_t)i + 1)
			(void)usleep(1000);
		(void)close(second);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	(void)close(fd);
	client_hello(&c);
	client_fence(&c);
	client_done(&c);
}

/* ---- what is known ---- */

static void what_is_known_of_a_sensor_can_be_asked(void **state)
{
	struct hub *hub = *state;
	struct nr_ingest_sensor known;
	struct client c;

	assert_false(nr_ingest_find(hub->ingest, hub->uuids[0], &known));
	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, 1);
	assert_true(nr_ingest_find(hub->ingest, hub->uuids[0], &known));
	assert_true(known.connected);
	assert_string_equal(known.address, "127.0.0.1");
	assert_string_equal(known.program, "test 1.0");
	assert_int_equal(known.seq, 1);
	assert_int_equal(known.epoch, c.epoch);
	assert_int_equal(known.batches, 1);
	assert_int_equal(known.beat.beat, 1);
	assert_int_equal(known.heard_ns, hub->now_ns);
	assert_true(known.offset_ns <= 0 && known.offset_ns > -NR_NS_PER_S);
	client_close(&c);
	do {
		assert_true(nr_ingest_find(hub->ingest, hub->uuids[0], &known));
	} while (known.connected);
	client_done(&c);
}

static void a_clock_is_judged_by_the_least_delayed_of_four_beats(void **state)
{
	static const struct {
		int64_t hub_ms, sensor_ms, want_ms;
	} beats[] = {
		{ 10050, 5000, 5040 }, /* 5 s behind, 50 ms under way, 20 ms there and back */
		{ 11900, 6000, 5040 }, /* behind a large batch */
		{ 12010, 7000, 5000 }, /* the least delayed */
		{ 13900, 8000, 5000 },	{ 14900, 9000, 5000 },
		{ 15900, 10000, 5000 }, { 16900, 11000, 5890 }, /* it has been forgotten */
	};
	struct nr_ingest_clock clock = { .n = 0 };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(beats); i++)
		assert_int_equal(nr_ingest_clock_beat(&clock, beats[i].hub_ms * 1000000,
						      beats[i].sensor_ms * 1000000, 20000),
				 beats[i].want_ms * 1000000);
	assert_true(nr_ingest_clock_beat(&clock, INT64_MIN, INT64_MAX, UINT32_MAX) == INT64_MIN);
}

#define NAMED(name) cmocka_unit_test_setup_teardown(name, hub_setup, hub_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAMED(an_acknowledgement_waits_for_the_disk),
		NAMED(a_new_session_goes_on_where_the_disk_ends),
		NAMED(a_replayed_batch_changes_nothing_and_is_counted),
		NAMED(a_number_with_other_content_is_kept_aside_and_raises_an_alarm),
		NAMED(a_chain_that_does_not_fit_is_a_contradiction),
		NAMED(a_hole_is_a_recorded_gap),
		NAMED(a_gap_that_is_told_is_recorded_once),
		NAMED(an_old_epoch_is_refused),
		NAMED(an_epoch_from_the_future_is_refused),
		NAMED(two_machines_with_one_certificate_raise_an_alarm),
		NAMED(sensors_do_not_touch_each_other),
		NAMED(a_revoked_sensor_is_cut_and_stays_out),
		NAMED(a_revoked_sensor_is_found_without_being_told),
		NAMED(a_registry_that_does_not_answer_revokes_nobody),
		NAMED(a_full_disk_refuses_batches_and_makes_no_hole),
		NAMED(when_the_journal_has_failed_nothing_is_acknowledged),
		NAMED(a_stopping_hub_says_so_to_everybody),
		NAMED(a_certificate_is_renewed_once_a_minute),
		NAMED(what_is_not_this_protocol_is_refused_with_words),
		NAMED(messages_out_of_place_are_refused),
		NAMED(a_damaged_batch_is_refused_before_it_is_acknowledged),
		NAMED(large_bodies_share_memory_and_give_it_back),
		NAMED(who_does_not_read_or_disappears_harms_nobody),
		NAMED(the_window_holds_back_who_sends_too_much),
		NAMED(one_address_has_so_many_connections),
		NAMED(without_descriptors_the_port_lives_on),
		NAMED(what_is_known_of_a_sensor_can_be_asked),
		cmocka_unit_test(a_clock_is_judged_by_the_least_delayed_of_four_beats),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
