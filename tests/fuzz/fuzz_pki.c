/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and requests from a hostile peer. The first byte chooses:
 *   0 of 3   the rest is PEM text of a certificate
 *   1 of 3   the rest is the DER bytes of a certificate, put into PEM
 *   2 of 3   the rest is the DER bytes of a request, put into PEM: what is signed has the identity that was wished for
 * What is read has an identity that parses, or none.
 */
#include <gnutls/gnutls.h>
#include <stdlib.h>

#include "base/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENSOR "urn:noroshi:sensor:00112233-4455-4677-8899-aabbccddeeff"

static void check_certificate(struct nr_str pem)
{
	struct nr_pki_facts facts;
	struct nr_uuid uuid;
	struct nr_err err;
	int ret = nr_pki_read(pem, &facts, &err);

	nr_require(ret == 0 || ret == NR_EFORMAT || ret == NR_EDAMAGED || ret == NR_ELIMIT);
	if (ret < 0)
		return;
	nr_require(memchr(facts.identity, '\0', sizeof(facts.identity)) != NULL);
	nr_require(memchr(facts.serial, '\0', sizeof(facts.serial)) != NULL);
	if (facts.identity[0] != '\0')
		nr_require(nr_pki_identity_parse(nr_str_from(facts.identity), "sensor", &uuid) ==
				   0 ||
			   nr_pki_identity_parse(nr_str_from(facts.identity), "hub", &uuid) == 0);
}

static void check_request(struct nr_str pem)
{
	static struct nr_pki_pair authority;
	struct nr_pki_wish wish = { .purpose = NR_PKI_AUTHORITY,
				    .name = "authority",
				    .now = { INT64_C(1800000000) * NR_NS_PER_S },
				    .valid_s = 86400 };
	struct nr_pki_facts facts;
	struct nr_buf out;
	struct nr_err err;

	if (authority.key.p == NULL)
		nr_require(nr_pki_make(&wish, NULL, &authority, &err) == 0);
	wish.purpose = NR_PKI_CLIENT;
	wish.identity = SENSOR;
	if (nr_pki_sign(&wish, pem, &authority, &out, &err) < 0)
		return;
	nr_require(nr_pki_read(nr_buf_str(&out), &facts, &err) == 0);
	nr_require(strcmp(facts.identity, SENSOR) == 0);
	nr_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gnutls_datum_t der, pem = { NULL, 0 };
	bool request;

	if (size == 0 || size > 65536)
		return 0;
	if (data[0] % 3 == 0) {
		check_certificate((struct nr_str){ (const char *)data + 1, size - 1 });
		return 0;
	}
	request = data[0] % 3 == 2;
	der = (gnutls_datum_t){ (unsigned char *)(uintptr_t)(data + 1), (unsigned)(size - 1) };
	nr_require(gnutls_pem_base64_encode2(request ? "CERTIFICATE REQUEST" : "CERTIFICATE", &der,
					     &pem) == 0);
	if (request)
		check_request((struct nr_str){ (const char *)pem.data, pem.size });
	else
		check_certificate((struct nr_str){ (const char *)pem.data, pem.size });
	gnutls_free(pem.data);
	return 0;
}
