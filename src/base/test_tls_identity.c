/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity matrix: whoever is not exactly who it must be is refused with words, on a real socket, and the next good
 * peer is served. Numbers in front of the cases only count them.
 */
#include "base/test_tls_world.h"

/* ---- certificates a client may show ---- */

struct certificate_case {
	const char *name;
	struct tls_odd odd;
	const char *words;
};

static const struct certificate_case certificates[] = {
	{ "signed by another authority",
	  { .uris = GOOD_URI, .purposes = FOR_CLIENT, .issuer = &world.other },
	  "not of this authority" },
	{ "signed by another key of the same name",
	  { .uris = GOOD_URI, .purposes = FOR_CLIENT, .issuer = &world.twin },
	  "not " },
	{ "signed by itself",
	  { .uris = GOOD_URI, .purposes = FOR_CLIENT, .self = true },
	  "not of this authority" },
	{ "an authority of its own",
	  { .uris = GOOD_URI, .purposes = FOR_CLIENT, .self = true, .authority = true },
	  "not of this authority" },
	{ "expired yesterday",
	  { .uris = GOOD_URI,
	    .purposes = FOR_CLIENT,
	    .from_s = -3 * 86400,
	    .until_s = -86400,
	    .issuer = &world.authority },
	  "has expired" },
	{ "expired a second ago",
	  { .uris = GOOD_URI,
	    .purposes = FOR_CLIENT,
	    .from_s = -86400,
	    .until_s = -1,
	    .issuer = &world.authority },
	  "has expired" },
	{ "valid in a second",
	  { .uris = GOOD_URI,
	    .purposes = FOR_CLIENT,
	    .from_s = 1,
	    .until_s = 86400,
	    .issuer = &world.authority },
	  "not yet valid" },
	{ "valid in the year 2100",
	  { .uris = GOOD_URI,
	    .purposes = FOR_CLIENT,
	    .from_s = INT64_C(2400000000),
	    .until_s = INT64_C(2500000000),
	    .issuer = &world.authority },
	  "not yet valid" },
	{ "for servers",
	  { .uris = GOOD_URI, .purposes = { SERVER_USE }, .issuer = &world.authority },
	  "another purpose" },
	{ "for nothing in particular",
	  { .uris = GOOD_URI, .issuer = &world.authority },
	  "purpose" },
	{ "for any purpose",
	  { .uris = GOOD_URI, .purposes = { GNUTLS_KP_ANY }, .issuer = &world.authority },
	  "another purpose" },
	{ "for signing code",
	  { .uris = GOOD_URI, .purposes = { GNUTLS_KP_CODE_SIGNING }, .issuer = &world.authority },
	  "another purpose" },
	{ "that may sign others",
	  { .uris = GOOD_URI,
	    .purposes = FOR_CLIENT,
	    .authority = true,
	    .issuer = &world.authority },
	  "another purpose" },
	{ "of version 1",
	  { .version_1 = true, .issuer = &world.authority },
	  "" /* the library may refuse it first */ },
	{ "with the identity in its common name alone",
	  { .purposes = FOR_CLIENT, .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with two identities",
	  { .uris = { NR_STR(TLS_SENSOR),
		      NR_STR("urn:noroshi:sensor:ffffffff-4455-4677-8899-aabbccddeeff") },
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with one identity twice",
	  { .uris = { NR_STR(TLS_SENSOR), NR_STR(TLS_SENSOR) },
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with an identity and another URI",
	  { .uris = { NR_STR("https://example.org/"), NR_STR(TLS_SENSOR) },
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with a host name alone",
	  { .dns = "sensor.example.org", .purposes = FOR_CLIENT, .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with the identity as a host name",
	  { .dns = TLS_SENSOR, .purposes = FOR_CLIENT, .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with a mail address alone",
	  { .mail = "a@example.org", .purposes = FOR_CLIENT, .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with NUL behind the identity",
	  { .uris = URI(TLS_SENSOR "\0"), .purposes = FOR_CLIENT, .issuer = &world.authority },
	  "" },
	{ "with NUL and more behind the identity",
	  { .uris = URI(TLS_SENSOR "\0.example.org"),
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  "" },
	{ "with NUL inside",
	  { .uris = URI("urn:noroshi:sensor:00112233-4455-4677-8899-aabbccdd\0eff"),
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  "" },
	{ "with an upper case UUID",
	  { .uris = URI("urn:noroshi:sensor:00112233-4455-4677-8899-AABBCCDDEEFF"),
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with an upper case scheme",
	  { .uris = URI("URN:noroshi:sensor:" TLS_UUID),
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with a UUID cut short",
	  { .uris = URI("urn:noroshi:sensor:00112233-4455-4677-8899-aabbccddeef"),
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with a UUID without hyphens",
	  { .uris = URI("urn:noroshi:sensor:00112233445546778899aabbccddeeff"),
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with more behind the UUID",
	  { .uris = URI(TLS_SENSOR "/x"), .purposes = FOR_CLIENT, .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with an unknown kind",
	  { .uris = URI("urn:noroshi:root:" TLS_UUID),
	    .purposes = FOR_CLIENT,
	    .issuer = &world.authority },
	  NO_IDENTITY },
	{ "with a URN of others",
	  { .uris = URI("urn:uuid:" TLS_UUID), .purposes = FOR_CLIENT, .issuer = &world.authority },
	  NO_IDENTITY },
	{ "of a hub, for clients",
	  { .uris = URI(TLS_HUB), .purposes = FOR_CLIENT, .issuer = &world.authority },
	  "not a sensor's" },
	{ "with an RSA key",
	  { .uris = GOOD_URI, .purposes = FOR_CLIENT, .rsa = true, .issuer = &world.authority },
	  "" },
	{ "signed with SHA-1",
	  { .uris = GOOD_URI,
	    .purposes = FOR_CLIENT,
	    .digest = GNUTLS_DIG_SHA1,
	    .issuer = &world.authority },
	  "does not verify" },
};

static void a_client_certificate_must_be_exactly_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(certificates); i++) {
		const struct certificate_case *c = &certificates[i];
		struct nr_pki_pair pair = tls_odd_pair(&c->odd);
		struct tls_raw raw = { .shows = { &pair } };
		int ret;

		tls_server_start(&world.server);
		ret = tls_raw_talk(&raw, tls_plain(world.server.port));
		expect_refused(c->name, c->words, ret);
		nr_pki_pair_done(&pair);
	}
}

/* So that the cases above are refused for what they say, and not for something all have in common. */
static void a_certificate_that_is_right_is_taken(void **state)
{
	static const struct tls_odd right[] = {
		{ .uris = GOOD_URI, .purposes = FOR_CLIENT, .issuer = &world.authority },
		{ .uris = GOOD_URI,
		  .dns = "sensor.example.org",
		  .purposes = { SERVER_USE, CLIENT_USE },
		  .issuer = &world.authority },
		{ .uris = GOOD_URI,
		  .purposes = FOR_CLIENT,
		  .from_s = 0,
		  .until_s = 1,
		  .issuer = &world.authority },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(right); i++) {
		struct nr_pki_pair pair = tls_odd_pair(&right[i]);
		struct tls_raw raw = { .shows = { &pair } };

		tls_server_start(&world.server);
		assert_int_equal(tls_raw_talk(&raw, tls_plain(world.server.port)), 0);
		tls_server_wait(&world.server);
		assert_true(world.server.open);
		assert_string_equal(world.server.identity, TLS_SENSOR);
		nr_pki_pair_done(&pair);
	}
}

static void a_chain_over_somebody_between_is_refused(void **state)
{
	struct tls_odd between = { .authority = true, .issuer = &world.authority };
	struct nr_pki_pair middle = tls_odd_pair(&between), leaf;
	struct tls_odd odd = { .uris = GOOD_URI, .purposes = FOR_CLIENT, .issuer = &middle };
	struct tls_raw raw = { .shows = { &leaf, &middle } };
	int ret;

	(void)state;
	leaf = tls_odd_pair(&odd);
	tls_server_start(&world.server);
	ret = tls_raw_talk(&raw, tls_plain(world.server.port));
	expect_refused("a chain over somebody between", "not of this authority", ret);
	nr_pki_pair_done(&leaf);
	nr_pki_pair_done(&middle);
}

/* ---- protocols ---- */

static const struct {
	const char *name, *priorities;
	bool shows;
	const char *words;
} protocols[] = {
	{ "no certificate", NULL, false, "shows no certificate" },
	{ "TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", true, "does not speak TLS 1.3" },
	{ "TLS 1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.1", true, "does not speak TLS 1.3" },
	{ "TLS 1.0", "NORMAL:-VERS-ALL:+VERS-TLS1.0", true, "does not speak TLS 1.3" },
	{ "TLS 1.2 without a certificate", "NORMAL:-VERS-ALL:+VERS-TLS1.2", false, "TLS 1.3" },
	{ "only groups we do not have", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-FFDHE2048",
	  true, "handshake" },
	{ "only RSA signatures",
	  "NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256", true,
	  "does not speak TLS 1.3" },
};

static void only_tls_1_3_with_a_certificate_is_spoken(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(protocols); i++) {
		struct tls_raw raw = { .priorities = protocols[i].priorities,
				       .shows = { protocols[i].shows ? &world.sensor : NULL } };
		int ret;

		tls_server_start(&world.server);
		ret = tls_raw_talk(&raw, tls_plain(world.server.port));
		expect_refused(protocols[i].name, protocols[i].words, ret);
	}
}

/* ---- sessions ---- */

/* A server of the library with the same certificate, that gives tickets and takes everybody. */
struct ticket_server {
	int fd;
	gnutls_datum_t key;
	pthread_t thread;
};

static void *ticket_run(void *arg)
{
	struct ticket_server *server = arg;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t crt = tls_datum(&world.hub.certificate), key = tls_datum(&world.hub.key);
	gnutls_session_t session;
	char byte;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
	    gnutls_certificate_set_x509_key_mem(credentials, &crt, &key, GNUTLS_X509_FMT_PEM) < 0 ||
	    gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL | GNUTLS_ENABLE_EARLY_DATA) < 0)
		return NULL;
	(void)gnutls_set_default_priority(session);
	(void)gnutls_session_ticket_enable_server(session, &server->key);
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(session, server->fd);
	if (gnutls_handshake(session) == 0 && gnutls_record_recv(session, &byte, 1) == 1)
		(void)gnutls_record_send(session, &byte, 1);
	(void)gnutls_bye(session, GNUTLS_SHUT_WR);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(server->fd);
	return NULL;
}

static gnutls_datum_t kept_session;

/* One byte there and back; a ticket on the way is taken. */
static int echo(gnutls_session_t session)
{
	char byte = 'y';
	ssize_t ret;

	if (gnutls_record_send(session, &byte, 1) != 1)
		return GNUTLS_E_INTERNAL_ERROR;
	do {
		ret = gnutls_record_recv(session, &byte, 1);
	} while (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED);
	return ret == 1 ? 0 : GNUTLS_E_INTERNAL_ERROR;
}

static int keep_session(gnutls_session_t session)
{
	int ret = echo(session);

	if (ret == 0)
		ret = gnutls_session_get_data2(session, &kept_session);
	return ret < 0 ? ret : TLS_ENOUGH;
}

static void get_ticket_elsewhere(void)
{
	struct tls_raw raw = { .flags = GNUTLS_ENABLE_EARLY_DATA, .after = keep_session };
	struct ticket_server server;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	server.fd = pair[1];
	assert_int_equal(gnutls_session_ticket_key_generate(&server.key), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, ticket_run, &server), 0);
	assert_int_equal(tls_raw_talk(&raw, pair[0]), TLS_ENOUGH);
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	gnutls_free(server.key.data);
	assert_non_null(kept_session.data);
}

static void a_ticket_lets_nobody_in_without_a_certificate(void **state)
{
	int ret;

	(void)state;
	for (int early = 0; early < 2; early++) {
		struct tls_raw raw = { .flags = GNUTLS_ENABLE_EARLY_DATA, .early = early != 0 };

		get_ticket_elsewhere();
		raw.session = kept_session;
		tls_server_start(&world.server);
		ret = tls_raw_talk(&raw, tls_plain(world.server.port));
		expect_refused(early ? "early data" : "a ticket", "shows no certificate", ret);
		gnutls_free(kept_session.data);
		kept_session.data = NULL;
	}
}

static int expect_no_ticket(gnutls_session_t session)
{
	if (echo(session) < 0)
		return GNUTLS_E_INTERNAL_ERROR;
	if ((gnutls_session_get_flags(session) & GNUTLS_SFLAGS_SESSION_TICKET) != 0)
		return GNUTLS_E_INTERNAL_ERROR;
	return gnutls_session_is_resumed(session) ? GNUTLS_E_INTERNAL_ERROR : TLS_ENOUGH;
}

static void no_ticket_is_given(void **state)
{
	struct tls_raw raw = { .shows = { &world.sensor }, .after = expect_no_ticket };

	(void)state;
	tls_server_start(&world.server);
	assert_int_equal(tls_raw_talk(&raw, tls_plain(world.server.port)), TLS_ENOUGH);
	tls_server_wait(&world.server);
	assert_true(world.server.open);
}

static int new_keys_all_the_time(gnutls_session_t session)
{
	for (int i = 0; i < 1000; i++) {
		int ret = gnutls_session_key_update(session, 0);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* What a client can do of a renegotiation in TLS 1.3: begin a handshake where one has ended. */
static int handshake_again(gnutls_session_t session)
{
	return gnutls_handshake(session);
}

static void new_keys_all_the_time_end_the_session(void **state)
{
	struct tls_raw raw = { .shows = { &world.sensor }, .after = new_keys_all_the_time };

	(void)state;
	tls_server_start(&world.server);
	assert_int_not_equal(tls_raw_talk(&raw, tls_plain(world.server.port)), 0);
	tls_server_wait(&world.server);
	assert_int_equal(world.server.ret, -EPROTO);
	serve_a_good_one("new keys all the time");
}

static void a_second_handshake_changes_nothing(void **state)
{
	struct tls_raw raw = { .shows = { &world.sensor }, .after = handshake_again };

	(void)state;
	tls_server_start(&world.server);
	(void)tls_raw_talk(&raw, tls_plain(world.server.port));
	tls_server_wait(&world.server);
	assert_true(!world.server.open || strcmp(world.server.identity, TLS_SENSOR) == 0);
	serve_a_good_one("a second handshake");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_certificate_must_be_exactly_right),
		cmocka_unit_test(a_certificate_that_is_right_is_taken),
		cmocka_unit_test(a_chain_over_somebody_between_is_refused),
		cmocka_unit_test(only_tls_1_3_with_a_certificate_is_spoken),
		cmocka_unit_test(a_ticket_lets_nobody_in_without_a_certificate),
		cmocka_unit_test(no_ticket_is_given),
		cmocka_unit_test(new_keys_all_the_time_end_the_session),
		cmocka_unit_test(a_second_handshake_changes_nothing),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
