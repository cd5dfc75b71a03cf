/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_tls_world: an authority, its hub and its sensor, a server that takes whoever is good, and two authorities that
 * are none of its business: what the tests of identity start from.
 */
#include "base/test_tls.h"

#define CLIENT_USE  GNUTLS_KP_TLS_WWW_CLIENT
#define SERVER_USE  GNUTLS_KP_TLS_WWW_SERVER
#define NO_IDENTITY "not exactly one identity"

static struct {
	struct nr_pki_pair authority, other, twin, hub,
		sensor; /* twin: another key, the same name */
	struct tls_server server;
	struct nr_tls_context *good;
	uint8_t pin[NR_PKI_PIN_SIZE];
} world;

static inline int setup(void **state)
{
	struct nr_pki_wish hub = tls_wish(NR_PKI_SERVER), sensor = tls_wish(NR_PKI_CLIENT);
	struct nr_tls_options options = { .server = true, .now = tls_now, .peer_kind = "sensor" };
	struct nr_pki_facts facts;

	(void)state;
	world.authority = tls_authority("authority");
	world.other = tls_authority("other");
	world.twin = tls_authority("authority");
	world.hub = tls_pair(&hub, &world.authority);
	world.sensor = tls_pair(&sensor, &world.authority);
	options.authority = nr_buf_str(&world.authority.certificate);
	options.certificate = nr_buf_str(&world.hub.certificate);
	options.key = nr_buf_str(&world.hub.key);
	world.server = tls_server_new(&options);
	options.server = false;
	options.peer_kind = "hub";
	options.certificate = nr_buf_str(&world.sensor.certificate);
	options.key = nr_buf_str(&world.sensor.key);
	assert_int_equal(nr_tls_context_new(&options, &world.good, NULL), 0);
	assert_int_equal(nr_pki_read(options.authority, &facts, NULL), 0);
	memcpy(world.pin, facts.pin, sizeof(world.pin));
	return 0;
}

static inline int teardown(void **state)
{
	struct nr_pki_pair *const pairs[] = { &world.authority, &world.other, &world.twin,
					      &world.hub, &world.sensor };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(pairs); i++)
		nr_pki_pair_done(pairs[i]);
	tls_server_done(&world.server);
	nr_tls_context_free(world.good);
	return 0;
}

/* The server goes on serving who is good. */
static inline void serve_a_good_one(const char *after)
{
	struct nr_err err = { .msg = "" };
	int ret;

	tls_server_start(&world.server);
	ret = tls_talk(world.good, tls_plain(world.server.port), "127.0.0.1", &err);
	tls_server_wait(&world.server);
	if (ret < 0 || world.server.ret < 0)
		fail_msg("after '%s': client %d %s, server %d %s", after, ret, err.msg,
			 world.server.ret, world.server.err.msg);
	assert_string_equal(world.server.identity, TLS_SENSOR);
}

static inline void expect_refused(const char *name, const char *words, int client)
{
	tls_server_wait(&world.server);
	if (world.server.open)
		fail_msg("%s: was let in as '%s'", name, world.server.identity);
	if (client == 0)
		fail_msg("%s: was served", name);
	if (strstr(world.server.err.msg, words) == NULL)
		fail_msg("%s: '%s' instead of '%s'", name, world.server.err.msg, words);
	serve_a_good_one(name);
}

#define URI(text)            \
	{                    \
		NR_STR(text) \
	}
#define GOOD_URI URI(TLS_SENSOR)
#define FOR_CLIENT         \
	{                  \
		CLIENT_USE \
	}
