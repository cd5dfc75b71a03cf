/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file asks: what the files of "do you see this too?" share. */
#include "serve/api/people.h"
#include "store/registry_ask.h"

enum nr_ask_kind { NR_ASK_ADDRESSES, NR_ASK_PORT, NR_ASK_AS };

/** What is asked about. */
struct nr_ask_subject {
	uint8_t kind, protocol; /* enum nr_ask_kind; of a port */
	uint16_t port;
	uint32_t asn;
	struct nr_prefix prefix;
	char text[NR_ASK_SUBJECT]; /* as it is always written */
};
/** "192.0.2.1", "2001:db8::/32", "23/tcp", "AS64500". @return 0; -EINVAL */
NR_MUST_CHECK int nr_ask_subject_parse(struct nr_str text, struct nr_ask_subject *ret_subject);

struct nr_asks_writer {
	struct nr_json json;
	const struct nr_http_request *rq;
	uint64_t last; /* sequence */
};

/** One of the list, as @p rq's caller may see it: a whole object. */
void nr_asks_json(const struct nr_http_request *rq, const struct nr_registry_ask *ask,
		  struct nr_json *json);
/** The question of the path, when it is the caller's or reaches him. @return 0; -ENOENT */
NR_MUST_CHECK int nr_asks_find(struct nr_hub *hub, const struct nr_http_request *rq,
			       struct nr_registry_ask *ret_ask, struct nr_err *reterr);
/** As the caller may see it, with the answers that are for him. */
NR_MUST_CHECK int nr_asks_answer(struct nr_hub *hub, const struct nr_http_request *rq,
				 const struct nr_registry_ask *ask, struct nr_http_reply *reply);
/** The handler of what one's own sensors would answer. */
int nr_asks_suggest(void *hub, const struct nr_http_request *rq, struct nr_http_reply *reply);
