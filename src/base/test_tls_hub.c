/* SPDX-License-Identifier: Apache-2.0 */
/* What a sensor takes for its hub: the other half of the identity matrix. */
#include "base/test_tls_world.h"

static const struct {
	const char *name;
	struct tls_odd odd;
	const char *words;
} hubs[] = {
	{ "of another authority",
	  { .uris = URI(TLS_HUB),
	    .dns = "hub.example.org",
	    .purposes = { SERVER_USE },
	    .issuer = &world.other },
	  "not of this authority" },
	{ "expired",
	  { .uris = URI(TLS_HUB),
	    .dns = "hub.example.org",
	    .purposes = { SERVER_USE },
	    .from_s = -86400,
	    .until_s = -1,
	    .issuer = &world.authority },
	  "has expired" },
	{ "not yet valid",
	  { .uris = URI(TLS_HUB),
	    .dns = "hub.example.org",
	    .purposes = { SERVER_USE },
	    .from_s = 10,
	    .until_s = 86400,
	    .issuer = &world.authority },
	  "not yet valid" },
	{ "for clients",
	  { .uris = URI(TLS_HUB),
	    .dns = "hub.example.org",
	    .purposes = { CLIENT_USE },
	    .issuer = &world.authority },
	  "another purpose" },
	{ "for another host",
	  { .uris = URI(TLS_HUB),
	    .dns = "www.example.org",
	    .purposes = { SERVER_USE },
	    .issuer = &world.authority },
	  "another host" },
	{ "for all hosts of a domain",
	  { .uris = URI(TLS_HUB),
	    .dns = "*.example.org",
	    .purposes = { SERVER_USE },
	    .issuer = &world.authority },
	  "another host" },
	{ "without a host",
	  { .uris = URI(TLS_HUB), .purposes = { SERVER_USE }, .issuer = &world.authority },
	  "another host" },
	{ "of a sensor",
	  { .uris = GOOD_URI,
	    .dns = "hub.example.org",
	    .purposes = { SERVER_USE },
	    .issuer = &world.authority },
	  "not a hub's" },
	{ "without an identity",
	  { .dns = "hub.example.org", .purposes = { SERVER_USE }, .issuer = &world.authority },
	  NO_IDENTITY },
};

/* Our client at a server of ours that shows @p pair. @return what the client got */
static int visit(const struct nr_pki_pair *pair, const struct nr_tls_options *as, const char *host,
		 struct nr_err *err)
{
	struct nr_tls_options options = { .server = true,
					  .authority = nr_buf_str(&world.authority.certificate),
					  .certificate = nr_buf_str(&pair->certificate),
					  .key = nr_buf_str(&pair->key),
					  .now = tls_now };
	struct tls_server server = tls_server_new(&options);
	struct nr_tls_context *context;
	int ret;

	assert_int_equal(nr_tls_context_new(as, &context, err), 0);
	tls_server_start(&server);
	ret = tls_talk(context, tls_plain(server.port), host, err);
	tls_server_wait(&server);
	tls_server_done(&server);
	nr_tls_context_free(context);
	return ret;
}

static struct nr_tls_options as_sensor(void)
{
	return (struct nr_tls_options){ .authority = nr_buf_str(&world.authority.certificate),
					.certificate = nr_buf_str(&world.sensor.certificate),
					.key = nr_buf_str(&world.sensor.key),
					.now = tls_now,
					.peer_kind = "hub" };
}

static void a_hubs_certificate_must_be_exactly_right(void **state)
{
	struct nr_tls_options as = as_sensor();
	struct nr_err err;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(hubs); i++) {
		struct nr_pki_pair pair = tls_odd_pair(&hubs[i].odd);
		int ret = visit(&pair, &as, "hub.example.org", &err);

		if (ret != -EACCES || strstr(err.msg, hubs[i].words) == NULL)
			fail_msg("%s: %d '%s'", hubs[i].name, ret, err.msg);
		nr_pki_pair_done(&pair);
	}
	assert_int_equal(visit(&world.hub, &as, "HUB.example.org", &err), 0);
	assert_int_equal(visit(&world.hub, &as, "127.0.0.1", &err), 0);
	assert_int_equal(visit(&world.hub, &as, "127.0.0.2", &err), -EACCES);
}

static void the_pin_must_be_that_of_the_authority(void **state)
{
	struct nr_tls_options as = as_sensor();
	uint8_t wrong[NR_PKI_PIN_SIZE];
	struct nr_pki_facts leaf;
	struct nr_err err;

	(void)state;
	memcpy(wrong, world.pin, sizeof(wrong));
	wrong[31] ^= 1;
	for (int known = 0; known < 2;
	     known++) { /* with the pin alone, and with the authority too */
		if (known == 0)
			as.authority = (struct nr_str){ NULL, 0 };
		else
			as = as_sensor();
		as.authority_pin = world.pin;
		assert_int_equal(visit(&world.hub, &as, "127.0.0.1", &err), 0);
		as.authority_pin = wrong;
		assert_int_equal(visit(&world.hub, &as, "127.0.0.1", &err), -EACCES);
		assert_non_null(strstr(err.msg, "pinned"));
		assert_int_equal(nr_pki_read(nr_buf_str(&world.hub.certificate), &leaf, &err), 0);
		as.authority_pin = leaf.pin; /* of the hub itself: it is no authority */
		assert_int_equal(visit(&world.hub, &as, "127.0.0.1", &err), -EACCES);
	}
}

static void a_pinned_authority_that_signed_something_else_is_no_help(void **state)
{
	struct tls_odd odd = { .uris = URI(TLS_HUB),
			       .dns = "hub.example.org",
			       .purposes = { SERVER_USE },
			       .issuer = &world.other };
	struct nr_pki_pair pair = tls_odd_pair(&odd);
	struct nr_tls_options as = as_sensor();
	struct nr_err err;

	(void)state;
	/* The right authority stands in the chain, but did not sign this. */
	nr_buf_add_str(&pair.certificate, nr_buf_str(&world.authority.certificate));
	as.authority = (struct nr_str){ NULL, 0 };
	as.authority_pin = world.pin;
	assert_true(visit(&pair, &as, "hub.example.org", &err) < 0);
	nr_pki_pair_done(&pair);
}

static int64_t in_a_year(void *ctx)
{
	(void)ctx;
	return TLS_NOW_S + 365 * TLS_DAY_S;
}

static void an_authority_that_has_expired_is_none(void **state)
{
	struct tls_odd odd = { .uris = URI(TLS_HUB),
			       .dns = "hub.example.org",
			       .purposes = { SERVER_USE },
			       .until_s = 1000 * TLS_DAY_S,
			       .issuer = &world.authority };
	struct nr_pki_pair pair = tls_odd_pair(&odd);
	struct nr_tls_options as = as_sensor();
	struct nr_err err;

	(void)state;
	as.now = in_a_year;
	assert_int_equal(visit(&pair, &as, "hub.example.org", &err), -EACCES);
	assert_non_null(strstr(err.msg, "authority's certificate has expired"));
	nr_pki_pair_done(&pair);
}

static void who_asks_for_nothing_is_not_set_up(void **state)
{
	struct nr_tls_options options = { .anonymous = true };
	struct nr_tls_context *context;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_tls_context_new(&options, &context, &err), -EINVAL);
}

/* ---- servers that do not speak it ---- */

static void *say_plain(void *arg)
{
	int fd = *(int *)arg;

	(void)send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	return NULL;
}

static void a_server_without_tls_is_refused(void **state)
{
	struct nr_tls *tls;
	struct nr_err err;
	pthread_t thread;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pthread_create(&thread, NULL, say_plain, &pair[1]), 0);
	assert_int_equal(nr_tls_open(world.good, pair[0], "127.0.0.1", TLS_WAIT_MS, &tls, &err),
			 -EPROTO);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(pair[1]);
}

static void *old_server(void *arg)
{
	const int *fd = arg;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t crt = tls_datum(&world.hub.certificate), key = tls_datum(&world.hub.key);
	gnutls_session_t session;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
	    gnutls_certificate_set_x509_key_mem(credentials, &crt, &key, GNUTLS_X509_FMT_PEM) < 0 ||
	    gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL) < 0)
		return NULL;
	(void)gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL);
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(session, *fd);
	(void)gnutls_alert_send_appropriate(session, gnutls_handshake(session));
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(*fd);
	return NULL;
}

static void a_server_of_tls_1_2_is_refused(void **state)
{
	pthread_t thread;
	struct nr_tls *tls;
	struct nr_err err;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pthread_create(&thread, NULL, old_server, &pair[1]), 0);
	assert_int_equal(nr_tls_open(world.good, pair[0], "127.0.0.1", TLS_WAIT_MS, &tls, &err),
			 -EPROTO);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hubs_certificate_must_be_exactly_right),
		cmocka_unit_test(the_pin_must_be_that_of_the_authority),
		cmocka_unit_test(a_pinned_authority_that_signed_something_else_is_no_help),
		cmocka_unit_test(an_authority_that_has_expired_is_none),
		cmocka_unit_test(who_asks_for_nothing_is_not_set_up),
		cmocka_unit_test(a_server_without_tls_is_refused),
		cmocka_unit_test(a_server_of_tls_1_2_is_refused),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
