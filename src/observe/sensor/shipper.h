/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * shipper: what the two halves of the shipper process share: connections (shipper_role.c), a
 * session (shipper_session.c).
 */
#include "base/tls.h"
#include "observe/sensor/identity.h"
#include "observe/sensor/role.h"

struct nr_shipper {
	const struct nr_role *role;
	struct nr_page_shipper *page;
	struct nr_identity identity;
	struct nr_tls_context *context;
	struct nr_tls *tls;
	char host[256];
	bool stop;
	uint32_t retry_ms; /* wished by the hub with REFUSE; 0: our own back-off */
	/* session */
	int64_t beat_ns, beat_interval_ns, heard_ns;
	uint64_t n_beats;
	struct nr_buf new_key; /* of the renewal at work */
	int64_t renew_asked_ns;
};

void nr_shipper_alive(struct nr_shipper *shipper);
/**
 * Ship over shipper->tls until it ends. @return 0 the hub ended it in good order; a code that says
 * why it ended
 */
NR_MUST_CHECK int nr_shipper_session(struct nr_shipper *shipper, struct nr_err *reterr);
/**
 * Load the identity and make its TLS context, in place of the one there is. @return 0; a code: the
 * old one stays
 */
NR_MUST_CHECK int nr_shipper_identify(struct nr_shipper *shipper, struct nr_err *reterr);
