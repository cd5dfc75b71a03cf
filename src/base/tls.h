/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * tls: TLS 1.3 streams between hub and sensor, blocking, each call with a deadline. GnuTLS behind one header.
 *
 * Rules    TLS 1.3 only; no resumption, no tickets, no early data, no renegotiation, no compression, no key update
 *          storms. A server asks for a client certificate of its own authority and refuses without; a client checks the
 *          authority's pin (SHA-256 of its public key info), the chain, the purpose, the dates and the host name.
 *          The identity (base/pki.h) of the peer comes from its certificate only.
 * Deadline every call gives up after timeout_ms with -ETIMEDOUT; a peer that sends one byte now and then does not
 *          prolong it.
 * Threads  a server or client context may be shared; a stream belongs to one thread for reading and one for writing
 * Errors   -ETIMEDOUT; -EPROTO: what the peer did is not this protocol (words in reterr); -EACCES: the peer is not who
 *          it must be; -ECONNRESET; 0 bytes from nr_tls_read(): the peer ended in good order
 */
#include <sys/types.h>

#include "base/pki.h"

struct nr_tls_context;
struct nr_tls;

struct nr_tls_options {
	bool server;
	bool anonymous; /* server: client certificates are not asked for. client: shows none (enrolment) */
	struct nr_str
		authority; /* PEM the peer must chain to; client, anonymous: may be empty when pinned */
	struct nr_str certificate, key; /* PEM, own; empty when anonymous client */
	const uint8_t *
		authority_pin; /* client: NR_PKI_PIN_SIZE bytes that a certificate of the chain must have; NULL: none */
	int64_t (*now)(void *ctx); /* seconds since 1970, to judge dates; NULL: the clock */
	void *now_ctx;
	const char *
		peer_kind; /* "sensor" or "hub": the peer's identity must be of this kind; NULL: any */
};

NR_MUST_CHECK int nr_tls_context_new(const struct nr_tls_options *options,
				     struct nr_tls_context **ret_context, struct nr_err *reterr);
struct nr_tls_context *nr_tls_context_free(struct nr_tls_context *context);

/** Take a connected socket and do the handshake; @p fd is ours from now on, also on failure. @p host: client only. */
NR_MUST_CHECK int nr_tls_open(struct nr_tls_context *context, int fd, const char *host,
			      int timeout_ms, struct nr_tls **ret_tls, struct nr_err *reterr);
/** Say goodbye: the peer reads its end, nothing more can be written; what it still sends can be read. */
void nr_tls_end(struct nr_tls *tls);
/** Says goodbye when it can, closes the socket. */
struct nr_tls *nr_tls_free(struct nr_tls *tls);
const struct nr_pki_facts *nr_tls_peer(const struct nr_tls *tls);
int nr_tls_fd(const struct nr_tls *tls);
/** @return bytes read, at least 1; 0 at the end */
NR_MUST_CHECK ssize_t nr_tls_read(struct nr_tls *tls, void *buf, size_t n, int timeout_ms);
/** Exactly @p n bytes. @return 0; -ECONNRESET when the stream ended before */
NR_MUST_CHECK int nr_tls_read_full(struct nr_tls *tls, void *buf, size_t n, int timeout_ms);
NR_MUST_CHECK int nr_tls_write(struct nr_tls *tls, const void *buf, size_t n, int timeout_ms);
/** Bytes already decrypted that a read returns at once: ask before poll(). */
size_t nr_tls_pending(const struct nr_tls *tls);

/* ---- plain TCP, for both ---- */
/** "host:port", "[::1]:port". */
NR_MUST_CHECK int nr_net_connect(const char *host_port, int timeout_ms, struct nr_err *reterr);
/** Port 0 chooses; @p ret_port says which. @return the listening socket */
NR_MUST_CHECK int nr_net_listen(const char *host_port, uint16_t *ret_port, struct nr_err *reterr);
