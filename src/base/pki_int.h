/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * pki_int: what pki and tls share about one certificate in the library's own form.
 */
#include <gnutls/x509.h>

#include "base/pki.h"

static inline gnutls_datum_t nr_pki_datum(struct nr_str text)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)text.p, (unsigned)text.n };
}

/** @return 0; NR_EDAMAGED when dates, key or serial cannot be read */
NR_MUST_CHECK int nr_pki_facts_of(gnutls_x509_crt_t certificate, struct nr_pki_facts *ret_facts);
/** The purpose is named; "any purpose", or no purpose, is not it. */
bool nr_pki_is_for(gnutls_x509_crt_t certificate, enum nr_pki_purpose purpose);
/** One of its names is exactly @p host (an address, or a name without regard to case). */
bool nr_pki_has_host(gnutls_x509_crt_t certificate, const char *host);
bool nr_pki_is_identity(struct nr_str uri);
/** Is it an address, and its 4 or 16 bytes. */
bool nr_pki_ip(const char *host, uint8_t out[16], size_t *ret_n);
