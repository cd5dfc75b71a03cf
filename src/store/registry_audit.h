/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_audit: reading the audit chain: pages of it, and its head, which stands for all before it.
 *
 * Whose    a row is of the member for whom somebody acted; of nobody: the hub itself, or who has its
 *          machine
 * Head     who keeps the head of a day finds out later whether a row up to there was changed or
 *          taken away, also by who recomputed the chain
 * Errors   as store/registry.h
 */
#include "store/registry.h"

struct nr_registry_audit_row {
	uint64_t sequence;
	struct nr_time at;
	struct nr_str actor, action, object, detail; /* live for the call */
	struct nr_uuid member;			     /* zero: none */
	char member_name[NR_REGISTRY_NAME];	     /* "": none that is known */
};

/**
 * In order of sequence, behind @p after, at most @p limit. @p member: only rows of that one; NULL: all.
 * @return how many; what @p each returned when negative
 */
NR_MUST_CHECK int64_t nr_registry_audit_rows(
	struct nr_registry *registry, const struct nr_uuid *member, uint64_t after, uint64_t limit,
	int (*each)(void *ctx, const struct nr_registry_audit_row *row), void *ctx,
	struct nr_err *reterr);

struct nr_registry_audit_head {
	uint64_t rows; /* up to this one */
	struct nr_digest chain;
};
/** Of the newest row; of row @p at when that is not 0. @return 0; -ENOENT there is no such row */
NR_MUST_CHECK int nr_registry_audit_head(struct nr_registry *registry, uint64_t at,
					 struct nr_registry_audit_head *ret_head,
					 struct nr_err *reterr);

/* ---- a head as a text that can be kept elsewhere, signed with the hub's journal key ---- */

enum { NR_AUDIT_HEAD_TEXT = 512 };
/** Lines: what it is, hub, rows, chain, time, signature. @return 0; -ENOSPC */
NR_MUST_CHECK int nr_registry_audit_sign(const struct nr_registry_audit_head *head, const char *hub,
					 struct nr_time now, const struct nr_sign_key *key,
					 char out[NR_AUDIT_HEAD_TEXT], struct nr_err *reterr);
/**
 * Is it a head of @p hub, signed by its key? @return 0; NR_EFORMAT no head at all; -EACCES not signed
 * by this hub
 */
NR_MUST_CHECK int nr_registry_audit_read(struct nr_str text, const char *hub,
					 const uint8_t public_key[NR_PUBLIC_KEY_SIZE],
					 struct nr_registry_audit_head *ret_head,
					 struct nr_err *reterr);
/** Does the chain hold what @p head says? @return 0; NR_EDAMAGED shorter, or another: in words */
NR_MUST_CHECK int nr_registry_audit_holds(struct nr_registry *registry,
					  const struct nr_registry_audit_head *head,
					  struct nr_err *reterr);
