/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * enrol: the hub's side of how a sensor joins, and how its certificate is renewed.
 *
 * Invite    a sensor "expected" in the registry and a one-time token (serve/token.h) with the authority's pin (record/
 *           enrol.h). Inviting one that is there already gives another token; a revoked one stays out.
 * Join      POST /api/v1/enrol: the token is checked, the request signed, and only then the token spent: of two that
 *           come at once one wins. Body and answer: record/enrol.h
 * Renew     by the sensor itself over its ingest session, when a third of NR_ENROL_DAYS is left
 * Threads   any
 */
#include "base/pki.h"
#include "record/enrol.h"
#include "store/registry.h"

enum { NR_ENROL_DAYS = 90 };

struct nr_enrol {
	struct nr_registry *registry;
	const struct nr_pki_pair *authority;
	_Atomic(const char *) ingest; /* HOST:PORT that sensors reach */
};

/** @param lives_ns of the token; 0: a day. @return 0; NR_EUSAGE; -EACCES revoked; others of the registry */
NR_MUST_CHECK int nr_enrol_invite(const struct nr_enrol *enrol, const char *name, int64_t lives_ns,
				  const struct nr_registry_act *act, char ret_token[NR_ENROL_TOKEN],
				  struct nr_err *reterr);
/** Append the answer. @return 0; NR_EUSAGE not such a body; -EACCES token or request; others of the registry */
NR_MUST_CHECK int nr_enrol_join(const struct nr_enrol *enrol, struct nr_str body,
				const struct nr_registry_act *act, struct nr_buf *out,
				struct nr_err *reterr);
/** Append certificate and authority. @return 0; -EACCES revoked, unknown or a bad request; others */
NR_MUST_CHECK int nr_enrol_renew(const struct nr_enrol *enrol, struct nr_uuid sensor,
				 struct nr_str request, const struct nr_registry_act *act,
				 struct nr_buf *out, struct nr_err *reterr);
