/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * token: secrets the hub gives out: their text, their making, their check.
 *
 * Text     KIND_ and 60 characters base62 of: 8 bytes selector, 32 random bytes, CRC32 of all
 *          before it. The check sum tells a
 *          slip of the hand from a guess, and lets scanners of repositories find tokens that
 *          leaked.
 * Stored   selector and a digest of the 32 bytes; who reads the registry cannot use it.
 * Where    in the Authorization header, a session's in its cookie, or in the body of what it is for
 *          (enrolment, set-up); in a URL or a Referer it
 *          counts as exposed and ends.
 */
#include "store/registry.h"

enum {
	NR_TOKEN_VERIFIER = 32,
	NR_TOKEN_DIGITS = 60,
	NR_TOKEN_TEXT = 80, /* with its NUL */
	NR_TOKEN_DAYS = 90, /* an API token's life by default */
	NR_TOKEN_ENROL_HOURS = 24,
	NR_TOKEN_SETUP_HOURS = 72,
	NR_TOKEN_SESSION_HOURS = 12,
};

struct nr_token {
	uint8_t kind; /* enum nr_token_kind */
	uint8_t selector[NR_TOKEN_SELECTOR];
	uint8_t verifier[NR_TOKEN_VERIFIER];
};

void nr_token_print(const struct nr_token *token, char out[NR_TOKEN_TEXT]);
/** The whole of @p text is one token. @return 0; -EINVAL */
NR_MUST_CHECK int nr_token_parse(struct nr_str text, struct nr_token *ret_token);
/** The first token in @p text, wherever; moves @p text behind it. @return false: none */
NR_MUST_CHECK bool nr_token_search(struct nr_str *text, struct nr_token *ret_token);

/** The public part: 16 digits, hex. */
void nr_token_selector_print(const uint8_t selector[NR_TOKEN_SELECTOR],
			     char out[2 * NR_TOKEN_SELECTOR + 1]);
/** @return 0; -EINVAL */
NR_MUST_CHECK int nr_token_selector_parse(struct nr_str text, uint8_t out[NR_TOKEN_SELECTOR]);

struct nr_token_wish {
	enum nr_token_kind kind;
	enum nr_role role;     /* API */
	struct nr_uuid sensor; /* enrolment */
	struct nr_uuid member; /* whose; zero: the operator's, of no member */
	uint32_t member_epoch;
	struct nr_uuid user; /* who made it; whose it is: set-up, session */
	bool read_only, no_rows;
	const char *network; /* prefix it may come from; NULL: anywhere */
	const char *name;
	int64_t lives_ns; /* 0: the default of its kind */
};
/** Make one and print it; @p ret_row is to be stored. */
NR_MUST_CHECK int nr_token_make(const struct nr_token_wish *wish, const struct nr_registry_act *act,
				struct nr_registry_token *ret_row, char ret_text[NR_TOKEN_TEXT],
				struct nr_err *reterr);
/** Make one, store it, print it: the only time that its text exists. */
NR_MUST_CHECK int nr_token_create(struct nr_registry *registry, const struct nr_token_wish *wish,
				  const struct nr_registry_act *act, char ret_text[NR_TOKEN_TEXT],
				  struct nr_err *reterr);
/**
 * Is this one in force? Takes the same time for any wrong verifier.
 * @return 0; -EACCES: wrong, spent, expired, revoked or unknown (not told apart); other: the
 * registry failed
 */
NR_MUST_CHECK int nr_token_check(struct nr_registry *registry, struct nr_str text,
				 enum nr_token_kind kind, struct nr_time now,
				 struct nr_registry_token *ret_token, struct nr_err *reterr);
/**
 * End every token of ours that stands in @p text, also percent-encoded. @return how many looked
 * like one
 */
unsigned nr_token_expose(struct nr_registry *registry, struct nr_str text,
			 const struct nr_registry_act *act);
