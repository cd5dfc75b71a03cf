/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_tls: peers for the tests of TLS streams: a server of ours on loopback that takes one connection at a time, odd
 * certificates that our own pki would not make, and a client of the library that checks nothing.
 */
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/tls.h"

enum { TLS_WAIT_MS = 10000 };
#define TLS_NOW_S  INT64_C(1800000000)
#define TLS_DAY_S  INT64_C(86400)
#define TLS_UUID   "00112233-4455-4677-8899-aabbccddeeff"
#define TLS_SENSOR "urn:noroshi:sensor:" TLS_UUID
#define TLS_HUB	   "urn:noroshi:hub:" TLS_UUID

/* ---- certificates ---- */

static inline struct nr_pki_pair tls_pair(const struct nr_pki_wish *wish,
					  const struct nr_pki_pair *issuer)
{
	struct nr_pki_pair pair;
	struct nr_err err = { .msg = "" };

	if (nr_pki_make(wish, issuer, &pair, &err) < 0)
		fail_msg("%s", err.msg);
	return pair;
}

static inline struct nr_pki_pair tls_authority(const char *name)
{
	struct nr_pki_wish wish = { .purpose = NR_PKI_AUTHORITY,
				    .name = name,
				    .now = { TLS_NOW_S * NR_NS_PER_S },
				    .valid_s = 100 * TLS_DAY_S };

	return tls_pair(&wish, NULL);
}

static inline struct nr_pki_wish tls_wish(enum nr_pki_purpose purpose)
{
	static const char *const hosts[] = { "127.0.0.1", "hub.example.org", NULL };

	return (struct nr_pki_wish){ .purpose = purpose,
				     .name = "somebody",
				     .identity = purpose == NR_PKI_SERVER ? TLS_HUB : TLS_SENSOR,
				     .hosts = purpose == NR_PKI_SERVER ? hosts : NULL,
				     .now = { TLS_NOW_S * NR_NS_PER_S },
				     .valid_s = 10 * TLS_DAY_S };
}

/** What may be wrong with a certificate. */
struct tls_odd {
	struct nr_str uris[2];	 /* empty: not there */
	const char *dns, *mail;	 /* NULL: not there */
	const char *purposes[2]; /* OIDs; NULL: not there */
	int64_t from_s, until_s; /* from now; both 0: yesterday to tomorrow */
	bool self, authority;	 /* signed by itself; with the right to sign others */
	bool version_1, rsa;
	const struct nr_pki_pair *issuer;
	gnutls_digest_algorithm_t digest; /* 0: SHA-256 */
};

/* One name of a subject alternative name extension, as bytes: no library would write some of them. */
static inline void tls_name(struct nr_buf *der, uint8_t tag, struct nr_str name)
{
	if (name.n == 0)
		return;
	assert_true(name.n < 128);
	nr_buf_add(der, (uint8_t[]){ tag, (uint8_t)name.n }, 2);
	nr_buf_add_str(der, name);
}

static inline void tls_names(gnutls_x509_crt_t crt, const struct tls_odd *odd)
{
	uint8_t head[] = { 0x30, 0x81, 0 };
	struct nr_buf names, der;

	nr_buf_init(&names, 255);
	nr_buf_init(&der, 300);
	tls_name(&names, 0x86, odd->uris[0]);
	tls_name(&names, 0x86, odd->uris[1]);
	tls_name(&names, 0x82, nr_str_from(odd->dns));
	tls_name(&names, 0x81, nr_str_from(odd->mail));
	assert_int_equal(names.err, 0);
	head[2] = (uint8_t)names.n;
	nr_buf_add(&der, head, names.n < 128 ? 1 : 2);
	nr_buf_add(&der, &head[2], 1);
	nr_buf_add(&der, names.p, names.n);
	if (names.n > 0)
		assert_int_equal(gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", der.p,
								      der.n, 0),
				 0);
	nr_buf_done(&names);
	nr_buf_done(&der);
	for (size_t i = 0; i < NR_COUNT(odd->purposes); i++)
		if (odd->purposes[i] != NULL)
			assert_int_equal(gnutls_x509_crt_set_key_purpose_oid(crt, odd->purposes[i],
									     0),
					 0);
}

static inline gnutls_datum_t tls_datum(const struct nr_buf *buf)
{
	return (gnutls_datum_t){ buf->p, (unsigned)buf->n };
}

static inline void tls_sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
			    const struct tls_odd *odd)
{
	gnutls_digest_algorithm_t digest = odd->digest != 0 ? odd->digest : GNUTLS_DIG_SHA256;
	gnutls_x509_privkey_t issuer_key;
	gnutls_datum_t pem, key_pem;
	gnutls_x509_crt_t issuer;

	if (odd->self) {
		assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, digest, 0), 0);
		return;
	}
	pem = tls_datum(&odd->issuer->certificate);
	key_pem = tls_datum(&odd->issuer->key);
	assert_int_equal(gnutls_x509_crt_init(&issuer), 0);
	assert_int_equal(gnutls_x509_privkey_init(&issuer_key), 0);
	assert_int_equal(gnutls_x509_crt_import(issuer, &pem, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_x509_privkey_import(issuer_key, &key_pem, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_x509_crt_sign2(crt, issuer, issuer_key, digest, 0), 0);
	gnutls_x509_crt_deinit(issuer);
	gnutls_x509_privkey_deinit(issuer_key);
}

static inline void tls_take(gnutls_datum_t *pem, struct nr_buf *out)
{
	nr_buf_init(out, 65536);
	nr_buf_add(out, pem->data, pem->size);
	gnutls_free(pem->data);
}

static inline struct nr_pki_pair tls_odd_pair(const struct tls_odd *odd)
{
	unsigned bits = odd->rsa ? 2048 : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
	bool ever = odd->from_s == 0 && odd->until_s == 0;
	gnutls_x509_privkey_t key;
	struct nr_pki_pair pair;
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;

	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key,
						      odd->rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
						      bits, 0),
			 0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	assert_int_equal(gnutls_x509_crt_set_version(crt, odd->version_1 ? 1 : 3), 0);
	assert_int_equal(gnutls_x509_crt_set_serial(crt, "\x41", 1), 0);
	assert_int_equal(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
						       TLS_SENSOR, sizeof(TLS_SENSOR) - 1),
			 0);
	assert_int_equal(gnutls_x509_crt_set_activation_time(crt, TLS_NOW_S + (ever ? -TLS_DAY_S
										    : odd->from_s)),
			 0);
	assert_int_equal(gnutls_x509_crt_set_expiration_time(crt,
							     TLS_NOW_S + (ever ? TLS_DAY_S
									       : odd->until_s)),
			 0);
	assert_int_equal(gnutls_x509_crt_set_key(crt, key), 0);
	if (odd->authority)
		assert_int_equal(gnutls_x509_crt_set_basic_constraints(crt, 1, -1), 0);
	tls_names(crt, odd);
	tls_sign(crt, key, odd);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	tls_take(&pem, &pair.certificate);
	assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
	tls_take(&pem, &pair.key);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return pair;
}

/* ---- a server of ours: one connection, one byte back ---- */

struct tls_server {
	struct nr_tls_context *context;
	int listen_fd, timeout_ms;
	uint16_t port;
	pthread_t thread;
	int ret;	   /* of the handshake, then of reading a byte */
	bool open;	   /* the handshake was good */
	struct nr_err err; /* words */
	char identity[NR_PKI_IDENTITY_TEXT];
};

static inline int64_t tls_now(void *ctx)
{
	(void)ctx;
	return TLS_NOW_S;
}

static inline struct tls_server tls_server_new(const struct nr_tls_options *options)
{
	struct tls_server server = { .timeout_ms = 5000 };
	struct nr_err err = { .msg = "" };

	if (nr_tls_context_new(options, &server.context, &err) < 0)
		fail_msg("%s", err.msg);
	server.listen_fd = nr_net_listen("127.0.0.1:0", &server.port, &err);
	assert_true(server.listen_fd >= 0);
	assert_int_equal(fcntl(server.listen_fd, F_SETFL, 0), 0); /* accept() waits */
	return server;
}

static inline void tls_server_done(struct tls_server *server)
{
	(void)close(server->listen_fd);
	nr_tls_context_free(server->context);
}

static inline void *tls_server_run(void *arg)
{
	struct tls_server *server = arg;
	int fd = accept(server->listen_fd, NULL, NULL);
	struct nr_tls *tls = NULL;
	ssize_t n;
	char byte;

	server->open = false;
	server->err.msg[0] = server->identity[0] = '\0';
	server->ret = nr_tls_open(server->context, fd, NULL, server->timeout_ms, &tls,
				  &server->err);
	if (server->ret < 0)
		return NULL;
	server->open = true;
	memcpy(server->identity, nr_tls_peer(tls)->identity, sizeof(server->identity));
	n = nr_tls_read(tls, &byte, 1, server->timeout_ms);
	server->ret = n > 0 ? nr_tls_write(tls, &byte, 1, server->timeout_ms) : (int)n;
	while (n > 0) /* until the peer has heard it and goes */
		n = nr_tls_read(tls, &byte, 1, server->timeout_ms);
	nr_tls_free(tls);
	return NULL;
}

static inline void tls_server_start(struct tls_server *server)
{
	assert_int_equal(pthread_create(&server->thread, NULL, tls_server_run, server), 0);
}

static inline void tls_server_wait(struct tls_server *server)
{
	assert_int_equal(pthread_join(server->thread, NULL), 0);
}

static inline int tls_plain(uint16_t port)
{
	struct timeval wait = { TLS_WAIT_MS / 1000, 0 };
	struct nr_err err = { .msg = "" };
	char where[32];
	int fd;

	(void)snprintf(where, sizeof(where), "127.0.0.1:%u", port);
	fd = nr_net_connect(where, TLS_WAIT_MS, &err);
	if (fd < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* foreign clients wait in the kernel */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	return fd;
}

/* A client of ours says one byte and hears it. @return 0, or why not */
static inline int tls_talk(struct nr_tls_context *context, int fd, const char *host,
			   struct nr_err *err)
{
	struct nr_tls *tls = NULL;
	char byte = 'x';
	int ret = nr_tls_open(context, fd, host, TLS_WAIT_MS, &tls, err);

	if (ret == 0)
		ret = nr_tls_write(tls, "y", 1, TLS_WAIT_MS);
	if (ret == 0)
		ret = nr_tls_read_full(tls, &byte, 1, TLS_WAIT_MS);
	if (ret == 0)
		assert_int_equal(byte, 'y');
	nr_tls_free(tls);
	return ret;
}

/* ---- a client that checks nothing ---- */

struct tls_raw {
	const char *priorities; /* NULL: the library's */
	const struct nr_pki_pair
		*shows[2]; /* key and certificate of the first, certificate of the second */
	unsigned flags;
	gnutls_datum_t session;			/* to resume */
	bool early;				/* send early data */
	int (*after)(gnutls_session_t session); /* instead of one byte */
};

static inline gnutls_certificate_credentials_t tls_raw_credentials(const struct tls_raw *raw)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t key;
	struct nr_buf chain;

	assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
	if (raw->shows[0] == NULL)
		return credentials;
	nr_buf_init(&chain, 131072);
	nr_buf_add_str(&chain, nr_buf_str(&raw->shows[0]->certificate));
	if (raw->shows[1] != NULL)
		nr_buf_add_str(&chain, nr_buf_str(&raw->shows[1]->certificate));
	gnutls_datum_t pem = tls_datum(&chain);

	key = tls_datum(&raw->shows[0]->key);
	/* Shown whatever the server asks for. */
	gnutls_certificate_set_flags(credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	assert_int_equal(gnutls_certificate_set_x509_key_mem(credentials, &pem, &key,
							     GNUTLS_X509_FMT_PEM),
			 0);
	nr_buf_done(&chain);
	return credentials;
}

enum { TLS_ENOUGH = 7 }; /* of `after`: the talk is over */

/* @return 0 when it was served its byte; the library's code otherwise, or that of `after` */
static inline int tls_raw_talk(const struct tls_raw *raw, int fd)
{
	gnutls_certificate_credentials_t credentials = tls_raw_credentials(raw);
	gnutls_session_t session;
	char byte = 'y';
	ssize_t ret;

	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL | raw->flags |
						       GNUTLS_FORCE_CLIENT_CERT),
			 0);
	if (raw->priorities != NULL)
		assert_int_equal(gnutls_priority_set_direct(session, raw->priorities, NULL), 0);
	else
		assert_int_equal(gnutls_set_default_priority(session), 0);
	assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
	if (raw->session.data != NULL)
		assert_int_equal(gnutls_session_set_data(session, raw->session.data,
							 raw->session.size),
				 0);
	gnutls_transport_set_int(session, fd);
	if (raw->early)
		(void)gnutls_record_send_early_data(session, "early", 5);
	do {
		ret = gnutls_handshake(session);
	} while (ret < 0 && gnutls_error_is_fatal((int)ret) == 0);
	if (ret == 0 && raw->after != NULL)
		ret = raw->after(session);
	if (ret == 0)
		ret = gnutls_record_send(session, &byte, 1);
	if (ret == 1)
		ret = gnutls_record_recv(session, &byte, 1);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(fd);
	return ret == 1 ? 0 : ret == 0 ? GNUTLS_E_PREMATURE_TERMINATION : (int)ret;
}
