/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * finding: the JSON of a finding that a viewer may have: lists, single ones, events and exports all
 * ask here, so that none of them tells more than another.
 *
 * Operator  the engine's JSON with the hub's `sequence` and `newest`
 * Others    a copy (share/policy/copy.h) under an id of its own: neither sequence, place, exact
 *           times of others nor evidence that only many sensors together have. `state` follows from
 *           the times that he sees and from now: what the engine says depends on all sensors.
 * Ids       the engine's id is a hash of the exact first time. Others get it enciphered with a key
 *           of the hub: the same for all of them and for all revisions, and nothing can be tried
 *           against it.
 */
#include "share/policy/copy.h"
#include "store/registry.h"

enum { NR_FINDING_ID = 17 /* 16 hex digits and the NUL */, NR_FINDING_SECRET = 32 };

struct nr_finding_viewer {
	const struct nr_scope *scope; /* NULL: may know nothing */
	const uint8_t *secret;	      /* NR_FINDING_SECRET bytes: the hub's key of cursors */
	struct nr_time now;
	/**
	 * Members that what people of the viewer's member said of the finding adds, as
	 * "triage": called with the object open, after all others; may be NULL. @p finding->id is
	 * the engine's.
	 */
	void (*triage)(void *ctx, const struct nr_finding_viewer *viewer,
		       const struct nr_registry_finding *finding, struct nr_json *json);
	void *triage_ctx;
};

/**
 * Append one JSON object, without newline.
 * @return 1; 0: he may not know, nothing was appended; -ENOMEM, NR_EDAMAGED
 */
NR_MUST_CHECK int nr_finding_copy_json(const struct nr_finding_viewer *viewer,
				       const struct nr_registry_finding *finding,
				       struct nr_buf *out, struct nr_err *reterr);
/**
 * Is what he sees of it another thing than what he saw of the revision before? Else there is nothing
 * to tell him: that the hub has a new revision would tell what others saw. Events and lists of
 * revisions ask it. Not within nr_registry_findings().
 * @return 1; 0; negative
 */
NR_MUST_CHECK int nr_finding_is_news(const struct nr_finding_viewer *viewer,
				     struct nr_registry *registry,
				     const struct nr_registry_finding *finding,
				     struct nr_err *reterr);

/** The engine's id as the viewer sees it, and back. @return false: it is no id; then @p out is "" */
NR_MUST_CHECK bool nr_finding_id_for(const struct nr_finding_viewer *viewer, struct nr_str id,
				     char out[NR_FINDING_ID]);
NR_MUST_CHECK bool nr_finding_id_of(const struct nr_finding_viewer *viewer, struct nr_str id,
				    char out[NR_FINDING_ID]);

/* ---- rows that outlive the call that read them ---- */

enum { NR_FINDING_ROWS_BYTES = 32 << 20 }; /* a page ends there: more, not partial */

/** Zero-initialised; then nr_finding_rows_done(). */
struct nr_finding_rows {
	struct nr_registry_finding *list;
	size_t n, room, bytes;
	struct nr_registry_finding_page page;
};
/** What @p filter says, by nr_registry_findings(). @return 0; negative */
NR_MUST_CHECK int nr_finding_rows_read(struct nr_registry *registry,
				       const struct nr_registry_finding_filter *filter,
				       struct nr_finding_rows *rows, struct nr_err *reterr);
void nr_finding_rows_done(struct nr_finding_rows *rows);
