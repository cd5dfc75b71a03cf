/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pki.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/pki_int.h"

enum {
	PEM_MAX = 64 << 10,
	SERIAL_SIZE = 16,
	HOUR_S = 3600,
	HOST_MAX = 253,
	PATH_LENGTH = 0, /* an authority signs no other authority */
};

static int fail_tls(struct nr_err *reterr, int code, const char *what, int ret)
{
	return nr_fail(reterr, code, "%s: %s", what, gnutls_strerror(ret));
}

void nr_pki_pair_done(struct nr_pki_pair *pair)
{
	if (pair->key.p != NULL)
		nr_secret_wipe(pair->key.p, pair->key.cap);
	nr_buf_done(&pair->certificate);
	nr_buf_done(&pair->key);
}

/* Take what the library allocated into a buffer of ours. */
static int take(gnutls_datum_t *datum, struct nr_buf *buf)
{
	nr_buf_init(buf, PEM_MAX);
	nr_buf_add(buf, datum->data, datum->size);
	nr_secret_wipe(datum->data, datum->size);
	gnutls_free(datum->data);
	datum->data = NULL;
	if (buf->err != 0) {
		int err = buf->err;

		nr_buf_done(buf);
		return err;
	}
	return 0;
}

/* ---- names ---- */

static bool is_host_name(const char *host)
{
	size_t n = strlen(host);

	if (n == 0 || n > HOST_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = host[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return true;
}

static int add_host(gnutls_x509_crt_t crt, const char *host, struct nr_err *reterr)
{
	uint8_t ip[16];
	size_t n;
	int ret;

	if (nr_pki_ip(host, ip, &n))
		ret = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip,
							   (unsigned)n, GNUTLS_FSAN_APPEND);
	else if (is_host_name(host))
		ret = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
							   (unsigned)strlen(host),
							   GNUTLS_FSAN_APPEND);
	else
		return nr_fail(reterr, -EINVAL, "not a host name or address");
	return ret < 0 ? fail_tls(reterr, -EIO, "certificate", ret) : 0;
}

/* ---- making ---- */

static int set_names(gnutls_x509_crt_t crt, const struct nr_pki_wish *wish, struct nr_err *reterr)
{
	size_t n = strlen(wish->name);
	int ret;

	if (n == 0 || n > 64)
		return nr_fail(reterr, -EINVAL, "a certificate's name has 1 to 64 bytes");
	ret = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, wish->name,
					    (unsigned)n);
	if (ret < 0)
		return fail_tls(reterr, -EINVAL, "name of a certificate", ret);
	if ((wish->identity != NULL) != (wish->purpose != NR_PKI_AUTHORITY))
		return nr_fail(reterr, -EINVAL, "an identity is for those who are no authority");
	if (wish->identity != NULL) {
		struct nr_str uri = nr_str_from(wish->identity);

		if (!nr_pki_is_identity(uri))
			return nr_fail(reterr, -EINVAL, "not an identity");
		ret = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_URI, uri.p,
							   (unsigned)uri.n, GNUTLS_FSAN_SET);
		if (ret < 0)
			return fail_tls(reterr, -EIO, "certificate", ret);
	}
	for (size_t i = 0; wish->hosts != NULL && wish->hosts[i] != NULL; i++) {
		ret = add_host(crt, wish->hosts[i], reterr);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int set_purpose(gnutls_x509_crt_t crt, enum nr_pki_purpose purpose)
{
	const char *oid = purpose == NR_PKI_SERVER ? GNUTLS_KP_TLS_WWW_SERVER
						   : GNUTLS_KP_TLS_WWW_CLIENT;
	int ret;

	if (purpose == NR_PKI_AUTHORITY) {
		ret = gnutls_x509_crt_set_basic_constraints(crt, 1, PATH_LENGTH);
		return ret < 0 ? ret
			       : gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN |
									    GNUTLS_KEY_CRL_SIGN);
	}
	ret = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (ret == 0)
		ret = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	return ret < 0 ? ret : gnutls_x509_crt_set_key_purpose_oid(crt, oid, 0);
}

static int set_key(gnutls_x509_crt_t crt, gnutls_pubkey_t public_key, gnutls_x509_crt_t issuer)
{
	uint8_t id[64];
	size_t n = sizeof(id);
	int ret = gnutls_x509_crt_set_pubkey(crt, public_key);

	if (ret == 0)
		ret = gnutls_x509_crt_get_key_id(crt, 0, id, &n);
	if (ret == 0)
		ret = gnutls_x509_crt_set_subject_key_id(crt, id, n);
	n = sizeof(id);
	if (ret == 0 && issuer != NULL)
		ret = gnutls_x509_crt_get_subject_key_id(issuer, id, &n, NULL);
	if (ret == 0 && issuer != NULL)
		ret = gnutls_x509_crt_set_authority_key_id(crt, id, n);
	return ret;
}

static int set_times(gnutls_x509_crt_t crt, const struct nr_pki_wish *wish)
{
	int64_t now = nr_time_floor_s(wish->now);
	uint8_t serial[SERIAL_SIZE];
	int ret;

	nr_random(serial, sizeof(serial));
	serial[0] &= 0x7f; /* not negative */
	serial[0] |= 0x40; /* and never short */
	ret = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (ret == 0)
		ret = gnutls_x509_crt_set_version(crt, 3);
	if (ret == 0)
		ret = gnutls_x509_crt_set_activation_time(crt, now - HOUR_S);
	return ret < 0 ? ret : gnutls_x509_crt_set_expiration_time(crt, now + wish->valid_s);
}

/* A certificate and the key that signs with it. */
struct signer {
	gnutls_x509_crt_t crt;
	gnutls_privkey_t key;
};

static void signer_done(struct signer *signer)
{
	if (signer->crt != NULL)
		gnutls_x509_crt_deinit(signer->crt);
	if (signer->key != NULL)
		gnutls_privkey_deinit(signer->key);
}

static int signer_read(const struct nr_pki_pair *pair, struct signer *signer, struct nr_err *reterr)
{
	gnutls_datum_t crt = nr_pki_datum(nr_buf_str(&pair->certificate));
	gnutls_datum_t key = nr_pki_datum(nr_buf_str(&pair->key));
	int ret = gnutls_x509_crt_init(&signer->crt);

	if (ret == 0)
		ret = gnutls_privkey_init(&signer->key);
	if (ret == 0)
		ret = gnutls_x509_crt_import(signer->crt, &crt, GNUTLS_X509_FMT_PEM);
	if (ret == 0)
		ret = gnutls_privkey_import_x509_raw(signer->key, &key, GNUTLS_X509_FMT_PEM, NULL,
						     0);
	if (ret == 0 && gnutls_x509_crt_get_ca_status(signer->crt, NULL) <= 0)
		return nr_fail(reterr, -EINVAL, "this certificate is no authority");
	return ret < 0 ? fail_tls(reterr, NR_EFORMAT, "certificate or key of the authority", ret)
		       : 0;
}

static int export_crt(gnutls_x509_crt_t crt, struct nr_buf *out)
{
	gnutls_datum_t pem = { NULL, 0 };

	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) < 0)
		return -ENOMEM;
	return take(&pem, out);
}

static int build(const struct nr_pki_wish *wish, gnutls_pubkey_t public_key,
		 const struct signer *issuer, gnutls_x509_crt_t crt, struct nr_err *reterr)
{
	bool self = issuer->crt == NULL;
	int ret = set_names(crt, wish, reterr);

	if (ret < 0)
		return ret;
	ret = set_times(crt, wish);
	if (ret == 0)
		ret = set_purpose(crt, wish->purpose);
	if (ret == 0)
		ret = set_key(crt, public_key, issuer->crt);
	if (ret == 0)
		ret = gnutls_x509_crt_privkey_sign(crt, self ? crt : issuer->crt, issuer->key,
						   GNUTLS_DIG_SHA256, 0);
	return ret < 0 ? fail_tls(reterr, -EIO, "certificate", ret) : 0;
}

/* PEM text; a server's certificate is followed by its authority's, where who pinned that looks. */
static int certify(const struct nr_pki_wish *wish, gnutls_pubkey_t public_key,
		   const struct signer *issuer, struct nr_buf *ret_pem, struct nr_err *reterr)
{
	gnutls_x509_crt_t crt = NULL;
	struct nr_buf pem, more;
	int ret = gnutls_x509_crt_init(&crt);

	if (ret < 0)
		return fail_tls(reterr, -ENOMEM, "certificate", ret);
	ret = build(wish, public_key, issuer, crt, reterr);
	if (ret == 0) {
		ret = export_crt(crt, &pem);
		if (ret == 0 && wish->purpose == NR_PKI_SERVER) {
			ret = export_crt(issuer->crt, &more);
			if (ret == 0)
				nr_buf_add_str(&pem, nr_buf_str(&more));
			if (ret == 0)
				nr_buf_done(&more);
		}
		if (ret == 0)
			*ret_pem = pem;
		else
			(void)nr_fail(reterr, ret, "certificate: %s", nr_err_text(ret));
	}
	gnutls_x509_crt_deinit(crt);
	return ret;
}

/* ---- keys ---- */

struct new_key {
	gnutls_x509_privkey_t x509;
	gnutls_privkey_t key;
	gnutls_pubkey_t public_key;
};

static void new_key_done(struct new_key *key)
{
	if (key->public_key != NULL)
		gnutls_pubkey_deinit(key->public_key);
	if (key->key != NULL)
		gnutls_privkey_deinit(key->key);
	if (key->x509 != NULL)
		gnutls_x509_privkey_deinit(key->x509);
}

static int new_key_make(struct new_key *key, struct nr_buf *ret_pem, struct nr_err *reterr)
{
	gnutls_datum_t pem = { NULL, 0 };
	int ret = gnutls_x509_privkey_init(&key->x509);

	if (ret == 0)
		ret = gnutls_x509_privkey_generate(key->x509, GNUTLS_PK_ECDSA,
						   GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
						   0);
	if (ret == 0)
		ret = gnutls_privkey_init(&key->key);
	if (ret == 0)
		ret = gnutls_privkey_import_x509(key->key, key->x509, 0);
	if (ret == 0)
		ret = gnutls_pubkey_init(&key->public_key);
	if (ret == 0)
		ret = gnutls_pubkey_import_privkey(key->public_key, key->key, 0, 0);
	if (ret == 0)
		ret = gnutls_x509_privkey_export2_pkcs8(key->x509, GNUTLS_X509_FMT_PEM, NULL,
							GNUTLS_PKCS_PLAIN, &pem);
	if (ret < 0)
		return fail_tls(reterr, -EIO, "new key", ret);
	ret = take(&pem, ret_pem);
	return ret < 0 ? nr_fail(reterr, ret, "new key: %s", nr_err_text(ret)) : 0;
}

int nr_pki_make(const struct nr_pki_wish *wish, const struct nr_pki_pair *issuer,
		struct nr_pki_pair *ret_pair, struct nr_err *reterr)
{
	struct signer signer = { NULL, NULL };
	struct new_key key = { NULL, NULL, NULL };
	struct nr_pki_pair pair;
	int ret;

	nr_buf_init(&pair.certificate, PEM_MAX);
	nr_buf_init(&pair.key, PEM_MAX);
	if ((issuer == NULL) != (wish->purpose == NR_PKI_AUTHORITY))
		return nr_fail(reterr, -EINVAL, "only an authority signs itself");
	ret = issuer != NULL ? signer_read(issuer, &signer, reterr) : 0;
	if (ret == 0)
		ret = new_key_make(&key, &pair.key, reterr);
	if (ret == 0) {
		struct signer self = { NULL, key.key };

		ret = certify(wish, key.public_key, issuer != NULL ? &signer : &self,
			      &pair.certificate, reterr);
	}
	signer_done(&signer);
	new_key_done(&key);
	if (ret == 0)
		*ret_pair = pair;
	else
		nr_pki_pair_done(&pair);
	return ret;
}

/* ---- requests ---- */

static int request_make(const struct new_key *key, struct nr_buf *out)
{
	static const char name[] = "noroshi";
	gnutls_x509_crq_t crq = NULL;
	gnutls_datum_t der = { NULL, 0 }, pem = { NULL, 0 };
	int ret = gnutls_x509_crq_init(&crq);

	if (ret < 0)
		return -ENOMEM;
	ret = gnutls_x509_crq_set_version(crq, 1);
	if (ret == 0)
		ret = gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, name,
						    sizeof(name) - 1);
	if (ret == 0)
		ret = gnutls_x509_crq_set_pubkey(crq, key->public_key);
	if (ret == 0)
		ret = gnutls_x509_crq_privkey_sign(crq, key->key, GNUTLS_DIG_SHA256, 0);
	if (ret == 0)
		ret = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der);
	if (ret == 0) /* under the name of RFC 7468, which is not the library's */
		ret = gnutls_pem_base64_encode2("CERTIFICATE REQUEST", &der, &pem);
	gnutls_free(der.data);
	gnutls_x509_crq_deinit(crq);
	return ret < 0 ? -EIO : take(&pem, out);
}

int nr_pki_request(struct nr_buf *ret_key, struct nr_buf *ret_request, struct nr_err *reterr)
{
	struct new_key key = { NULL, NULL, NULL };
	struct nr_buf pem, request;
	int ret;

	nr_buf_init(&pem, PEM_MAX);
	ret = new_key_make(&key, &pem, reterr);
	if (ret == 0) {
		ret = request_make(&key, &request);
		if (ret < 0)
			(void)nr_fail(reterr, ret, "request: %s", nr_err_text(ret));
	}
	new_key_done(&key);
	if (ret < 0) {
		nr_buf_done(&pem);
		return ret;
	}
	*ret_key = pem;
	*ret_request = request;
	return 0;
}

/* Short keys and slow kinds are no favour to anybody. */
static bool is_good_key(gnutls_pubkey_t key)
{
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	int kind = gnutls_pubkey_get_pk_algorithm(key, NULL);

	if (kind == GNUTLS_PK_EDDSA_ED25519)
		return true;
	return kind == GNUTLS_PK_ECDSA &&
	       gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0) == 0 &&
	       curve == GNUTLS_ECC_CURVE_SECP256R1;
}

static int request_read(struct nr_str text, gnutls_pubkey_t key, struct nr_err *reterr)
{
	gnutls_datum_t pem = nr_pki_datum(text);
	gnutls_x509_crq_t crq = NULL;
	int ret;

	if (text.n > PEM_MAX)
		return nr_fail(reterr, NR_ELIMIT, "a request of %zu bytes, limit %d", text.n,
			       PEM_MAX);
	ret = gnutls_x509_crq_init(&crq);
	if (ret < 0)
		return fail_tls(reterr, -ENOMEM, "request", ret);
	ret = gnutls_x509_crq_import(crq, &pem, GNUTLS_X509_FMT_PEM);
	if (ret < 0) {
		ret = fail_tls(reterr, NR_EFORMAT, "not a certificate request", ret);
	} else if (gnutls_x509_crq_verify(crq, 0) < 0) {
		ret = nr_fail(reterr, -EACCES, "the request is not signed by its own key");
	} else if (gnutls_pubkey_import_x509_crq(key, crq, 0) < 0 || !is_good_key(key)) {
		ret = nr_fail(reterr, -EACCES, "keys are Ed25519 or ECDSA on P-256");
	}
	gnutls_x509_crq_deinit(crq);
	return ret;
}

int nr_pki_sign(const struct nr_pki_wish *wish, struct nr_str request,
		const struct nr_pki_pair *issuer, struct nr_buf *ret_certificate,
		struct nr_err *reterr)
{
	struct signer signer = { NULL, NULL };
	gnutls_pubkey_t key = NULL;
	int ret;

	if (wish->purpose == NR_PKI_AUTHORITY)
		return nr_fail(reterr, -EINVAL, "no authority is made by request");
	ret = gnutls_pubkey_init(&key);
	if (ret < 0)
		return fail_tls(reterr, -ENOMEM, "request", ret);
	ret = request_read(request, key, reterr);
	if (ret == 0)
		ret = signer_read(issuer, &signer, reterr);
	if (ret == 0)
		ret = certify(wish, key, &signer, ret_certificate, reterr);
	signer_done(&signer);
	gnutls_pubkey_deinit(key);
	return ret;
}
