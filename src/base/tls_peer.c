/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the other one? Every check stands here, in the order in which it is made: one certificate that the authority
 * signed itself, for this purpose, today, by the authority that was pinned, for this host, with one identity.
 */
#include "base/pki_int.h"
#include "base/tls_int.h"

enum { CHAIN_MAX = 4, AUTHORITIES_MAX = 16, PEM_MAX = 64 << 10 };

int nr_tls_trust(struct nr_tls_context *context, struct nr_str authority, struct nr_err *reterr)
{
	gnutls_datum_t pem = nr_pki_datum(authority);
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0;
	int ret;

	if (authority.n > PEM_MAX)
		return nr_fail(reterr, NR_ELIMIT, "authority: %zu bytes, limit %d", authority.n,
			       PEM_MAX);
	ret = gnutls_x509_crt_list_import2(&list, &n, &pem, GNUTLS_X509_FMT_PEM, 0);
	if (ret < 0)
		return nr_fail(reterr, NR_EFORMAT, "authority: not a certificate in PEM form");
	ret = gnutls_x509_trust_list_init(&context->trust, 0);
	if (ret == 0 && n <= AUTHORITIES_MAX)
		ret = gnutls_x509_trust_list_add_cas(context->trust, list, n,
						     GNUTLS_TL_NO_DUPLICATES);
	else
		ret = -1;
	if (ret != (int)n)
		for (unsigned i = 0; i < n; i++)
			gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return ret == (int)n ? 0 : nr_fail(reterr, -ENOMEM, "authority: cannot be used");
}

static bool has_pin(gnutls_x509_crt_t crt, const uint8_t pin[NR_PKI_PIN_SIZE])
{
	struct nr_pki_facts facts;

	return nr_pki_facts_of(crt, &facts) == 0 && memcmp(facts.pin, pin, sizeof(facts.pin)) == 0;
}

static int64_t now_of(const struct nr_tls_context *context)
{
	return context->now != NULL ? context->now(context->now_ctx)
				    : nr_time_floor_s(nr_time_now());
}

static int check_dates(const struct nr_tls_context *context, const struct nr_pki_facts *facts,
		       const char *whose, struct nr_err *reterr)
{
	int64_t now = now_of(context);

	if (now < facts->not_before.ns / NR_NS_PER_S)
		return nr_fail(reterr, -EACCES, "%s certificate is not yet valid", whose);
	if (now > facts->not_after.ns / NR_NS_PER_S)
		return nr_fail(reterr, -EACCES, "%s certificate has expired", whose);
	return 0;
}

/* Signed by @p issuer itself; dates, purpose and names are judged by us, with our clock. */
static int check_signature(gnutls_x509_trust_list_t trust, gnutls_x509_crt_t leaf,
			   struct nr_err *reterr)
{
	unsigned status = 0;
	int ret = gnutls_x509_trust_list_verify_crt2(
		trust, &leaf, 1, NULL, 0,
		GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT,
		&status, NULL);

	if (ret < 0)
		return nr_fail(reterr, -EACCES, "the certificate cannot be checked: %s",
			       gnutls_strerror(ret));
	if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
		return nr_fail(reterr, -EACCES, "the certificate is not of this authority");
	if (status != 0)
		return nr_fail(reterr, -EACCES, "the certificate does not verify (0x%x)", status);
	return 0;
}

static int check_issuer(const struct nr_tls_context *context, gnutls_x509_trust_list_t trust,
			gnutls_x509_crt_t leaf, struct nr_err *reterr)
{
	gnutls_x509_crt_t issuer = NULL;
	struct nr_pki_facts facts;

	if (gnutls_x509_trust_list_get_issuer(trust, leaf, &issuer, 0) < 0 ||
	    nr_pki_facts_of(issuer, &facts) < 0)
		return nr_fail(reterr, -EACCES, "the certificate is not of this authority");
	if (!nr_pki_is_for(issuer, NR_PKI_AUTHORITY))
		return nr_fail(reterr, -EACCES, "who signed the certificate is no authority");
	if (context->has_pin && memcmp(facts.pin, context->pin, sizeof(facts.pin)) != 0)
		return nr_fail(reterr, -EACCES, "the authority is not the one that was pinned");
	return check_dates(context, &facts, "the authority's", reterr);
}

static int check_identity(const struct nr_tls *tls, const struct nr_pki_facts *facts,
			  struct nr_err *reterr)
{
	const char *kind = tls->context->peer_kind;
	struct nr_uuid uuid;

	if (facts->identity[0] == '\0')
		return nr_fail(reterr, -EACCES, "the certificate has not exactly one identity");
	if (kind[0] != '\0' && nr_pki_identity_parse(nr_str_from(facts->identity), kind, &uuid) < 0)
		return nr_fail(reterr, -EACCES, "the certificate is not a %s's", kind);
	return 0;
}

static int check_leaf(struct nr_tls *tls, gnutls_x509_trust_list_t trust, gnutls_x509_crt_t leaf,
		      struct nr_err *reterr)
{
	const struct nr_tls_context *context = tls->context;
	struct nr_pki_facts facts;
	int ret = check_signature(trust, leaf, reterr);

	if (ret == 0)
		ret = check_issuer(context, trust, leaf, reterr);
	if (ret == 0 && nr_pki_facts_of(leaf, &facts) < 0)
		ret = nr_fail(reterr, -EACCES, "the certificate cannot be read");
	if (ret == 0)
		ret = check_dates(context, &facts, "the", reterr);
	if (ret == 0 && !nr_pki_is_for(leaf, context->server ? NR_PKI_CLIENT : NR_PKI_SERVER))
		ret = nr_fail(reterr, -EACCES, "the certificate is for another purpose");
	if (ret == 0 && !context->server && !nr_pki_has_host(leaf, tls->host))
		ret = nr_fail(reterr, -EACCES, "the certificate is for another host");
	if (ret == 0)
		ret = check_identity(tls, &facts, reterr);
	if (ret == 0)
		tls->peer = facts;
	return ret;
}

/* Nothing is known but a pin: the authority is the certificate of the chain that has it. */
static int check_pinned(struct nr_tls *tls, gnutls_x509_crt_t *chain, unsigned n,
			struct nr_err *reterr)
{
	gnutls_x509_trust_list_t trust = NULL;
	unsigned at = 1;
	int ret;

	while (at < n && !has_pin(chain[at], tls->context->pin))
		at++;
	if (at >= n)
		return nr_fail(reterr, -EACCES, "the authority is not the one that was pinned");
	if (gnutls_x509_trust_list_init(&trust, 0) < 0)
		return nr_fail(reterr, -ENOMEM, "no memory for an authority");
	if (gnutls_x509_trust_list_add_cas(trust, &chain[at], 1, 0) == 1)
		ret = check_leaf(tls, trust, chain[0], reterr);
	else
		ret = nr_fail(reterr, -EACCES, "the pinned certificate is no authority");
	gnutls_x509_trust_list_deinit(trust, 0); /* the chain is its caller's */
	return ret;
}

static int check_chain(struct nr_tls *tls, const gnutls_datum_t *peers, unsigned n,
		       struct nr_err *reterr)
{
	gnutls_x509_crt_t chain[CHAIN_MAX] = { NULL };
	unsigned n_read = 0;
	int ret = 0;

	for (; ret == 0 && n_read < n; n_read++) {
		ret = gnutls_x509_crt_init(&chain[n_read]);
		if (ret == 0)
			ret = gnutls_x509_crt_import(chain[n_read], &peers[n_read],
						     GNUTLS_X509_FMT_DER);
	}
	if (ret < 0)
		ret = nr_fail(reterr, -EACCES, "the certificate cannot be read: %s",
			      gnutls_strerror(ret));
	else if (tls->context->trust != NULL)
		ret = check_leaf(tls, tls->context->trust, chain[0], reterr);
	else
		ret = check_pinned(tls, chain, n, reterr);
	for (unsigned i = 0; i < n_read; i++)
		if (chain[i] != NULL)
			gnutls_x509_crt_deinit(chain[i]);
	return ret;
}

int nr_tls_judge(gnutls_session_t session)
{
	struct nr_tls *tls = gnutls_session_get_ptr(session);
	unsigned n = 0;
	const gnutls_datum_t *peers = gnutls_certificate_get_peers(session, &n);
	int ret;

	if (tls->context->server && tls->context->anonymous)
		return 0; /* nobody was asked */
	if (gnutls_certificate_type_get(session) != GNUTLS_CRT_X509 || peers == NULL || n == 0)
		ret = nr_fail(&tls->refusal, -EACCES, "the peer shows no certificate");
	else if (n > CHAIN_MAX)
		ret = nr_fail(&tls->refusal, -EACCES, "%u certificates, limit %d", n, CHAIN_MAX);
	else
		ret = check_chain(tls, peers, n, &tls->refusal);
	return ret < 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}
