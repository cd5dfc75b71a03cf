/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * tls_int: what the streams (tls.c) and the judgement of peers (tls_peer.c) share.
 */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/tls.h"

enum { NR_TLS_HOST = 256 };

struct nr_tls_context {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	gnutls_x509_trust_list_t trust; /* NULL: whoever has the pin */
	bool server, anonymous, has_pin;
	uint8_t pin[NR_PKI_PIN_SIZE];
	char peer_kind[16]; /* "": any */
	int64_t (*now)(void *ctx);
	void *now_ctx;
};

struct nr_tls {
	gnutls_session_t session;
	const struct nr_tls_context *context;
	int fd;
	bool broken; /* nothing more may be written, not even goodbye */
	char host[NR_TLS_HOST];
	struct nr_pki_facts peer;
	struct nr_err
		refusal; /* why the peer is not who it must be; code 0: it is, or was not asked */
};

/** Authorities the peer may chain to. @return 0; NR_EFORMAT; -ENOMEM */
NR_MUST_CHECK int nr_tls_trust(struct nr_tls_context *context, struct nr_str authority,
			       struct nr_err *reterr);
/** The library's question during the handshake: is this peer good? */
int nr_tls_judge(gnutls_session_t session);
