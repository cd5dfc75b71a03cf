/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_ask: "do you see this too?": what a member asks others, and what they answered.
 *
 * Reaches  whom the label lets read it. Nobody else learns that it was asked, and of those it reaches
 *          none learns from here who else was asked or answered: answers are for who asked, and for
 *          the member that gave them.
 * Open     NR_ASK_DAYS, until it is closed; only an open one is answered, once a member; answering
 *          again replaces
 * Answers  of members, not of sensors: whether, how much in three words, and whole hours
 * Limits   NR_ASKS_OPEN and NR_ASKS_HOUR a member; kept NR_ASK_KEPT_DAYS after they ended
 */
#include "store/registry.h"

enum {
	NR_ASK_DAYS = 7,
	NR_ASK_KEPT_DAYS = 400,
	NR_ASKS_OPEN = 50,
	NR_ASKS_HOUR = 20,
	NR_ASK_SUBJECT = 64,
	NR_ASK_WORDS = 2001, /* with the NUL */
	NR_ASK_ACTOR = 96,
};

enum nr_ask_seen { NR_ASK_YES, NR_ASK_NO, NR_ASK_DECLINED };
extern const char *const nr_ask_seen_names[]; /* NULL-terminated */
enum nr_ask_level { NR_ASK_UNSAID, NR_ASK_FEW, NR_ASK_SOME, NR_ASK_MANY };
extern const char *const nr_ask_level_names[]; /* "", "few" ...; NULL-terminated */

struct nr_registry_ask {
	uint64_t sequence;
	struct nr_uuid uuid, member;
	char member_name[NR_REGISTRY_NAME], actor[NR_ASK_ACTOR];
	char subject
		[NR_ASK_SUBJECT]; /* an address, a prefix, PORT/PROTO or ASn, as it is printed */
	struct nr_time since, until;
	char words[NR_ASK_WORDS];
	struct nr_label label;
	struct nr_time made, expires, closed; /* closed 0: not */
	uint32_t answers;		      /* for the asker to know */
	bool answered;			      /* by the viewer's member */
};

struct nr_registry_ask_answer {
	struct nr_uuid member;
	char member_name[NR_REGISTRY_NAME], actor[NR_ASK_ACTOR];
	uint8_t seen, level;	    /* enum nr_ask_seen, nr_ask_level */
	struct nr_time first, last; /* whole hours; 0: not said */
	char words[NR_ASK_WORDS];
	struct nr_time made;
};

static inline bool nr_registry_ask_open(const struct nr_registry_ask *ask, struct nr_time now)
{
	return ask->closed.ns == 0 && ask->expires.ns > now.ns;
}

/**
 * uuid, made and expires are set here. @return 0; NR_EUSAGE the label reaches nobody, or names what
 * is not of this hub; -EDQUOT
 */
NR_MUST_CHECK int nr_registry_ask_add(struct nr_registry *registry, struct nr_registry_ask *ask,
				      const struct nr_registry_act *act, struct nr_err *reterr);
/** One that the viewer's member asked, or that reaches him. @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_ask_find(struct nr_registry *registry, const struct nr_viewer *viewer,
				       struct nr_uuid uuid, struct nr_registry_ask *ret_ask,
				       struct nr_err *reterr);

struct nr_registry_ask_filter {
	uint64_t after; /* sequence */
	uint64_t limit;
	bool open; /* only what may be answered now */
};
/** In order of sequence. @return how many; what @p each returned when negative */
NR_MUST_CHECK int64_t nr_registry_asks(struct nr_registry *registry, const struct nr_viewer *viewer,
				       const struct nr_registry_ask_filter *filter,
				       int (*each)(void *ctx, const struct nr_registry_ask *ask),
				       void *ctx, struct nr_err *reterr);
/** Who asked ends it. Twice is harmless. @return 0; -ENOENT; -EACCES another asked */
NR_MUST_CHECK int nr_registry_ask_close(struct nr_registry *registry,
					const struct nr_viewer *viewer, struct nr_uuid uuid,
					const struct nr_registry_act *act,
					struct nr_registry_ask *ret_ask, struct nr_err *reterr);
/**
 * For the viewer's member; member, actor and made are set here. @return 0; -ENOENT; -EACCES his own
 * question; -EEXIST it is over
 */
NR_MUST_CHECK int nr_registry_ask_answer(struct nr_registry *registry,
					 const struct nr_viewer *viewer, struct nr_uuid uuid,
					 struct nr_registry_ask_answer *answer,
					 const struct nr_registry_act *act, struct nr_err *reterr);
/** Who asked: all of them, by name; another: his own. Of one that nr_registry_ask_find() gave. */
NR_MUST_CHECK int64_t
nr_registry_ask_answers(struct nr_registry *registry, const struct nr_viewer *viewer,
			const struct nr_registry_ask *ask,
			int (*each)(void *ctx, const struct nr_registry_ask_answer *answer),
			void *ctx, struct nr_err *reterr);
/** Forget those that ended NR_ASK_KEPT_DAYS ago, with their answers. @return how many */
NR_MUST_CHECK int64_t nr_registry_asks_retain(struct nr_registry *registry, struct nr_time now,
					      struct nr_err *reterr);
