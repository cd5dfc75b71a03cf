/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509-ext.h>
#include <stdio.h>
#include <strings.h>

#include "base/pki.h"
#include "base/pki_int.h"

enum { PEM_MAX = 64 << 10, NAMES_MAX = 256, PURPOSES_MAX = 16, OID_TEXT = 128 };

#define DATE_MAX_S INT64_C(9000000000)
#define ALT_NAMES  "2.5.29.17"

bool nr_pki_ip(const char *host, uint8_t out[16], size_t *ret_n)
{
	*ret_n = 4;
	if (inet_pton(AF_INET, host, out) == 1)
		return true;
	*ret_n = 16;
	return inet_pton(AF_INET6, host, out) == 1;
}

/* ---- identity ---- */

int nr_pki_identity_parse(struct nr_str uri, const char *kind, struct nr_uuid *ret_uuid)
{
	struct nr_uuid uuid;
	char again[NR_PKI_IDENTITY_TEXT];
	size_t n = strlen("urn:noroshi:") + strlen(kind) + 1;

	if (uri.n != n + NR_UUID_TEXT - 1 ||
	    nr_uuid_parse((struct nr_str){ uri.p + n, uri.n - n }, &uuid) < 0)
		return -EINVAL;
	nr_pki_identity_print(kind, uuid, again);
	if (!nr_str_eq(uri, nr_str_from(again))) /* one form for one identity: lower case */
		return -EINVAL;
	*ret_uuid = uuid;
	return 0;
}

void nr_pki_identity_print(const char *kind, struct nr_uuid uuid, char *out)
{
	char text[NR_UUID_TEXT];

	nr_uuid_print(uuid, text);
	(void)snprintf(out, NR_PKI_IDENTITY_TEXT, "urn:noroshi:%s:%s", kind, text);
}

bool nr_pki_is_identity(struct nr_str uri)
{
	struct nr_uuid uuid;

	return nr_pki_identity_parse(uri, "sensor", &uuid) == 0 ||
	       nr_pki_identity_parse(uri, "hub", &uuid) == 0;
}

/* The alternative names of a certificate, or NULL: none, twice, or not readable. */
static gnutls_subject_alt_names_t alt_names(gnutls_x509_crt_t crt)
{
	gnutls_subject_alt_names_t names = NULL;
	gnutls_datum_t der = { NULL, 0 }, second = { NULL, 0 };
	bool good = gnutls_x509_crt_get_extension_by_oid2(crt, ALT_NAMES, 0, &der, NULL) == 0;

	if (good && gnutls_x509_crt_get_extension_by_oid2(crt, ALT_NAMES, 1, &second, NULL) == 0)
		good = false;
	if (good && gnutls_subject_alt_names_init(&names) < 0)
		good = false;
	if (good && gnutls_x509_ext_import_subject_alt_names(&der, names, 0) < 0) {
		gnutls_subject_alt_names_deinit(names);
		names = NULL;
	}
	gnutls_free(der.data);
	gnutls_free(second.data);
	return names;
}

/* The only URI among the names if it is an identity, else "". A NUL is a byte like any other. */
static void identity_of(gnutls_x509_crt_t crt, char out[NR_PKI_IDENTITY_TEXT])
{
	gnutls_subject_alt_names_t names = alt_names(crt);
	unsigned n_uris = 0, type = 0;
	gnutls_datum_t name;
	int ret = 0;

	out[0] = '\0';
	if (names == NULL)
		return;
	for (unsigned i = 0; ret == 0; i++) {
		ret = gnutls_subject_alt_names_get(names, i, &type, &name, NULL);
		if (ret == 0 && type == GNUTLS_SAN_URI) {
			struct nr_str uri = { (const char *)name.data, name.size };

			n_uris++;
			if (nr_pki_is_identity(uri)) {
				memcpy(out, uri.p, uri.n);
				out[uri.n] = '\0';
			}
		}
		if (i == NAMES_MAX)
			ret = GNUTLS_E_INTERNAL_ERROR;
	}
	gnutls_subject_alt_names_deinit(names);
	if (ret != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || n_uris != 1)
		out[0] = '\0';
}

bool nr_pki_has_host(gnutls_x509_crt_t certificate, const char *host)
{
	gnutls_subject_alt_names_t names = alt_names(certificate);
	size_t n = 0, n_host = strlen(host);
	unsigned type = 0;
	gnutls_datum_t name;
	bool found = false;
	uint8_t ip[16];
	bool is_ip = nr_pki_ip(host, ip, &n);

	for (unsigned i = 0; names != NULL && !found && i < NAMES_MAX; i++) {
		if (gnutls_subject_alt_names_get(names, i, &type, &name, NULL) < 0)
			break;
		if (is_ip)
			found = type == GNUTLS_SAN_IPADDRESS && name.size == n &&
				memcmp(name.data, ip, n) == 0;
		else
			found = type == GNUTLS_SAN_DNSNAME && name.size == n_host &&
				strncasecmp((const char *)name.data, host, n_host) == 0;
	}
	if (names != NULL)
		gnutls_subject_alt_names_deinit(names);
	return found;
}

bool nr_pki_is_for(gnutls_x509_crt_t certificate, enum nr_pki_purpose purpose)
{
	const char *want = purpose == NR_PKI_SERVER ? GNUTLS_KP_TLS_WWW_SERVER
						    : GNUTLS_KP_TLS_WWW_CLIENT;

	if (purpose == NR_PKI_AUTHORITY)
		return gnutls_x509_crt_get_ca_status(certificate, NULL) > 0;
	if (gnutls_x509_crt_get_ca_status(certificate, NULL) > 0)
		return false;
	for (unsigned i = 0; i < PURPOSES_MAX; i++) {
		char oid[OID_TEXT];
		size_t n = sizeof(oid);

		if (gnutls_x509_crt_get_key_purpose_oid(certificate, i, oid, &n, NULL) < 0)
			return false;
		if (strcmp(oid, want) == 0)
			return true;
	}
	return false;
}

int nr_pki_facts_of(gnutls_x509_crt_t certificate, struct nr_pki_facts *ret_facts)
{
	struct nr_pki_facts facts = { .identity = "" };
	time_t from = gnutls_x509_crt_get_activation_time(certificate);
	time_t until = gnutls_x509_crt_get_expiration_time(certificate);
	size_t n_pin = sizeof(facts.pin), n_serial = 0;
	uint8_t serial[(sizeof(facts.serial) - 1) / 2];

	if (gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, facts.pin, &n_pin) <
		    0 ||
	    n_pin != NR_PKI_PIN_SIZE)
		return NR_EDAMAGED;
	n_serial = sizeof(serial);
	if (gnutls_x509_crt_get_serial(certificate, serial, &n_serial) < 0)
		return NR_EDAMAGED;
	for (size_t i = 0; i < n_serial; i++)
		(void)snprintf(facts.serial + 2 * i, 3, "%02x", serial[i]);
	/* Dates end in 2255 at the latest; -1 is the library's word for one it cannot read. */
	if (from == (time_t)-1 || until == (time_t)-1 || from < -DATE_MAX_S)
		return NR_EDAMAGED;
	facts.not_before.ns = (from < DATE_MAX_S ? from : DATE_MAX_S) * NR_NS_PER_S;
	facts.not_after.ns = (until < DATE_MAX_S ? until : DATE_MAX_S) * NR_NS_PER_S;
	identity_of(certificate, facts.identity);
	*ret_facts = facts;
	return 0;
}

int nr_pki_read(struct nr_str certificate, struct nr_pki_facts *ret_facts, struct nr_err *reterr)
{
	gnutls_datum_t pem = nr_pki_datum(certificate);
	gnutls_x509_crt_t crt = NULL;
	int ret;

	if (certificate.n > PEM_MAX)
		return nr_fail(reterr, NR_ELIMIT, "a certificate of %zu bytes, limit %d",
			       certificate.n, PEM_MAX);
	if (gnutls_x509_crt_init(&crt) < 0)
		return nr_fail(reterr, -ENOMEM, "certificate: %s", nr_err_text(-ENOMEM));
	if (certificate.n == 0 || gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) < 0)
		ret = nr_fail(reterr, NR_EFORMAT, "not a certificate in PEM form");
	else if (nr_pki_facts_of(crt, ret_facts) < 0)
		ret = nr_fail(reterr, NR_EDAMAGED, "certificate: dates or serial cannot be read");
	else
		ret = 0;
	gnutls_x509_crt_deinit(crt);
	return ret;
}
