/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_triage: what the people of a member say of a finding, in states and in words. Never
 * derived, never rebuilt, and a member's states never another's.
 *
 * Whose     everything here is asked for with a member; that this member may see the finding is the
 *           caller's to check, before
 * Version   0: nobody said anything, it is open. Each change makes the next one, is kept, and is a row
 *           of the audit chain. `expected` names the version that the change was thought for.
 * Undo      makes anew what stood before the change that is in force; again, what stood before that
 * Limits    NR_TRIAGE_VERSIONS a finding and member; NR_COMMENTS a finding and member; words 4,000
 *           bytes
 */
#include "store/registry.h"

enum {
	NR_TRIAGE_VERSIONS = 1000,
	NR_COMMENTS = 1000,
	NR_TRIAGE_WORDS = 501,	 /* with the NUL */
	NR_COMMENT_WORDS = 4001, /* with the NUL */
	NR_TRIAGE_ACTOR = 96,
};

enum nr_triage_state {
	NR_TRIAGE_OPEN,
	NR_TRIAGE_ACKNOWLEDGED,
	NR_TRIAGE_FALSE,
	NR_TRIAGE_CLOSED,
};
extern const char *const nr_triage_state_names[]; /* NULL-terminated */

enum nr_triage_action {
	NR_TRIAGE_ACKNOWLEDGE,
	NR_TRIAGE_SAY_FALSE,
	NR_TRIAGE_CLOSE,
	NR_TRIAGE_REOPEN,
	NR_TRIAGE_ASSIGN,
	NR_TRIAGE_UNDO,
};
extern const char *const nr_triage_action_names[]; /* "acknowledge", "false" ...; NULL-terminated */

struct nr_registry_triage {
	uint32_t version;
	uint8_t state, action;	 /* enum nr_triage_state; enum nr_triage_action that made it */
	struct nr_uuid assignee; /* a user of the member; zero: nobody */
	char assignee_login[NR_REGISTRY_NAME];
	char words[NR_TRIAGE_WORDS];
	struct nr_time changed;
	char changed_by[NR_TRIAGE_ACTOR];
};

struct nr_registry_triage_change {
	struct nr_uuid member;
	const char *finding; /* the engine's id */
	const char *shown;   /* as the member sees it: for the audit chain */
	enum nr_triage_action action;
	const char *assignee; /* for ASSIGN: UUID or login of a user of the member; "": nobody */
	const char *words;
	bool has_expected;
	uint32_t expected;
};

/** What holds now; version 0 when nothing was said. */
NR_MUST_CHECK int nr_registry_triage(struct nr_registry *registry, struct nr_uuid member,
				     const char *finding, struct nr_registry_triage *ret_triage,
				     struct nr_err *reterr);
/**
 * @return 0; -ESTALE another version holds; -ENOENT no such user of the member; NR_EUSAGE nothing to
 * undo; -EDQUOT changed too often
 */
NR_MUST_CHECK int nr_registry_triage_change(struct nr_registry *registry,
					    const struct nr_registry_triage_change *change,
					    const struct nr_registry_act *act,
					    struct nr_registry_triage *ret_triage,
					    struct nr_err *reterr);
/** Newest first. @return how many; what @p each returned when negative */
NR_MUST_CHECK int64_t
nr_registry_triage_history(struct nr_registry *registry, struct nr_uuid member, const char *finding,
			   int (*each)(void *ctx, const struct nr_registry_triage *triage),
			   void *ctx, struct nr_err *reterr);

/* ---- comments ---- */

struct nr_registry_comment {
	struct nr_uuid uuid, member, user; /* user zero: a token of the member's */
	const char *finding;		   /* the engine's id; lives for the call */
	const char *shown;		   /* as the member sees it: for the audit chain */
	char member_name[NR_REGISTRY_NAME], actor[NR_TRIAGE_ACTOR];
	struct nr_time made, removed; /* removed 0: it stands */
	bool has_label;		      /* false: its member's alone */
	struct nr_label label;
	char words[NR_COMMENT_WORDS];
};

/** uuid, made and actor are set here. @return 0; NR_EUSAGE no words; -EDQUOT too many */
NR_MUST_CHECK int nr_registry_comment_add(struct nr_registry *registry,
					  struct nr_registry_comment *comment,
					  const struct nr_registry_act *act, struct nr_err *reterr);
/**
 * Of one finding, oldest first: those of the viewer's member, and those whose label lets him read
 * them and that stand. @return how many; what @p each returned when negative
 */
NR_MUST_CHECK int64_t nr_registry_comments(struct nr_registry *registry,
					   const struct nr_viewer *viewer, const char *finding,
					   int (*each)(void *ctx,
						       const struct nr_registry_comment *comment),
					   void *ctx, struct nr_err *reterr);
/**
 * The comment @p uuid of exactly this finding, when the viewer may see it. ret_comment->finding is
 * @p finding. @return 0; -ENOENT: none, another finding's, or not for him: all the same
 */
NR_MUST_CHECK int nr_registry_comment_find(struct nr_registry *registry,
					   const struct nr_viewer *viewer, const char *finding,
					   struct nr_uuid uuid,
					   struct nr_registry_comment *ret_comment,
					   struct nr_err *reterr);
/**
 * Take back, or bring back. Its author may, and a coordinator of its member. Twice is harmless.
 * @return 0; -ENOENT as nr_registry_comment_find(), also for another member's; -EACCES
 */
NR_MUST_CHECK int nr_registry_comment_remove(struct nr_registry *registry,
					     const struct nr_viewer *viewer, const char *finding,
					     struct nr_uuid uuid, bool remove,
					     const struct nr_registry_act *act,
					     struct nr_registry_comment *ret_comment,
					     struct nr_err *reterr);
