/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_idempotency: requests that were answered, by who made them and the key he gave them, so that
 * a repetition gets the same answer and does nothing.
 *
 * Begun    before the work a row says that it began, so that a hub which was stopped in between does
 *          not do it twice: the answer to a repetition is then that nobody knows
 * Failed   what was refused changed nothing; its row is forgotten, and it may be tried again
 * Limits   NR_IDEMPOTENCY_HOURS; the newest NR_IDEMPOTENCY_KEYS an actor; a body of at most
 *          NR_IDEMPOTENCY_BODY, a longer one (or a secret) is not kept, only that it was done
 */
#include "base/buf.h"
#include "store/registry.h"

enum {
	NR_IDEMPOTENCY_HOURS = 24,
	NR_IDEMPOTENCY_KEYS = 1000,
	NR_IDEMPOTENCY_BODY = 64 << 10,
	NR_IDEMPOTENCY_LOCATION = 256,
};

struct nr_registry_answer {
	unsigned status; /* 0: begun, and how it ended is not known */
	bool kept;	 /* body is what was answered */
	char location[NR_IDEMPOTENCY_LOCATION];
};

struct nr_registry_request {
	const char *actor, *key;
	struct nr_digest digest; /* of all that makes it this request */
	struct nr_time now;
};

/**
 * Begin, or find what was answered. @return 1 begun: nr_registry_request_end() follows; 0 answered
 * before: *ret_answer, and its body is in @p body; -EEXIST: the key stands for another request
 */
NR_MUST_CHECK int nr_registry_request_begin(struct nr_registry *registry,
					    const struct nr_registry_request *request,
					    struct nr_registry_answer *ret_answer,
					    struct nr_buf *body, struct nr_err *reterr);
/** @p answer NULL: it was refused and changed nothing, forget it. */
NR_MUST_CHECK int nr_registry_request_end(struct nr_registry *registry,
					  const struct nr_registry_request *request,
					  const struct nr_registry_answer *answer,
					  struct nr_bytes body, struct nr_err *reterr);
/** Forget what is older than NR_IDEMPOTENCY_HOURS. @return how many */
NR_MUST_CHECK int64_t nr_registry_requests_purge(struct nr_registry *registry, struct nr_time now,
						 struct nr_err *reterr);
