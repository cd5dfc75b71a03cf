/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * pki: the hub's own certificate authority: keys, requests, certificates. GnuTLS behind one header.
 *
 * Shape     Ed25519 or ECDSA P-256 keys (P-256: every client speaks it), X.509 v3. All are PEM text in struct nr_buf.
 * Identity  exactly one URI in the subject alternative name and nothing else says who one is:
 *           urn:noroshi:sensor:UUID, urn:noroshi:hub:UUID. NUL, a second URI, or another form: no identity.
 * Purposes  hub certificates: server authentication, with DNS names and addresses beside the URI; sensor
 *           certificates: client authentication only. A server's PEM text is its certificate and then its
 *           authority's, so that who knows only the authority's pin finds it in the chain.
 * Times     not before: an hour ago; serial: 127 random bits
 * Limits    PEM text of at most 64 KiB
 */
#include "base/buf.h"
#include "base/crypt.h"
#include "base/time.h"

enum { NR_PKI_IDENTITY_TEXT = 96, NR_PKI_PIN_SIZE = 32 };
enum nr_pki_purpose { NR_PKI_AUTHORITY = 1, NR_PKI_SERVER, NR_PKI_CLIENT };

struct nr_pki_pair {
	struct nr_buf certificate, key; /* PEM */
};

struct nr_pki_wish {
	enum nr_pki_purpose purpose;
	const char *name;     /* common name, for people */
	const char *identity; /* the URI; NULL for the authority */
	const char *const
		*hosts; /* DNS names and addresses of a server; NULL-terminated; NULL: none */
	struct nr_time now;
	int64_t valid_s;
};

struct nr_pki_facts {
	char identity[NR_PKI_IDENTITY_TEXT]; /* "" none, or not exactly one */
	uint8_t pin[NR_PKI_PIN_SIZE];	     /* SHA-256 of the subject's public key info */
	struct nr_time not_before, not_after;
	char serial[48]; /* hex */
};

void nr_pki_pair_done(struct nr_pki_pair *pair);
/** A new key and its certificate, signed by @p issuer, or by itself when NULL (an authority). */
NR_MUST_CHECK int nr_pki_make(const struct nr_pki_wish *wish, const struct nr_pki_pair *issuer,
			      struct nr_pki_pair *ret_pair, struct nr_err *reterr);
/** A key and a PKCS #10 request for it: the key never leaves the machine that made it. */
NR_MUST_CHECK int nr_pki_request(struct nr_buf *ret_key, struct nr_buf *ret_request,
				 struct nr_err *reterr);
/** Sign a request: only its public key is taken, after its own signature was checked; names come from @p wish. */
NR_MUST_CHECK int nr_pki_sign(const struct nr_pki_wish *wish, struct nr_str request,
			      const struct nr_pki_pair *issuer, struct nr_buf *ret_certificate,
			      struct nr_err *reterr);
NR_MUST_CHECK int nr_pki_read(struct nr_str certificate, struct nr_pki_facts *ret_facts,
			      struct nr_err *reterr);
/** urn:noroshi:KIND:UUID for KIND "sensor" or "hub"; @p out holds NR_PKI_IDENTITY_TEXT bytes. */
void nr_pki_identity_print(const char *kind, struct nr_uuid uuid, char *out);
/** Of exactly this kind, lower case. @return 0; -EINVAL */
NR_MUST_CHECK int nr_pki_identity_parse(struct nr_str uri, const char *kind,
					struct nr_uuid *ret_uuid);
