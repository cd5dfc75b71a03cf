/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * identity: who this sensor is and which hub it has: one file, DIR/keys/identity.pem, mode 0600,
 * replaced at once.
 *
 * Shape    the answer of the hub (record/enrol.h: ingest address, UUID, certificate, authority),
 *          then the private key, which was made here and never leaves
 * Limits   64 KiB
 */
#include "base/pki.h"

enum { NR_IDENTITY_INGEST = 280 };

struct nr_identity {
	char ingest[NR_IDENTITY_INGEST]; /* HOST:PORT */
	struct nr_uuid sensor;
	struct nr_str certificate, authority, key; /* PEM, in text */
	struct nr_buf text;
	struct nr_pki_facts facts; /* of the certificate */
};

/** Release with nr_identity_done() in every case. @return 0; NR_EFORMAT; -errno */
NR_MUST_CHECK int nr_identity_load(const char *path, struct nr_identity *ret_identity,
				   struct nr_err *reterr);
/**
 * @p answer as the hub gave it. The file is readable by its owner alone. @return 0; -EINVAL; -errno
 */
NR_MUST_CHECK int nr_identity_save(const char *path, struct nr_str answer, struct nr_str key,
				   struct nr_err *reterr);
/** Another key and certificate for the same sensor and hub. @return 0; -EINVAL; -errno */
NR_MUST_CHECK int nr_identity_renew(const char *path, const struct nr_identity *old,
				    struct nr_str pem, struct nr_str key, struct nr_err *reterr);
void nr_identity_done(struct nr_identity *identity);
