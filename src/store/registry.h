/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry: what a hub knows that is no observation: sensors, members, tokens, findings, audit
 * chain. SQLite behind one header.
 *
 * Files     one database (WAL, synchronous=FULL, foreign keys, STRICT tables); its form:
 *           src/store/registry/migrations, numbered;
 *           an older one is brought forward when opened, a newer one refused (NR_EVERSION).
 * Durable   a call that changed something returns 0 after it is on disk.
 * Audit     every change a person asked for is a row of the audit chain in the same transaction:
 *           who, what, of what.
 * Threads   any; calls wait for each other. Only the hub process opens it, or a command while no
 *           hub runs.
 * Limits    a call that lists gives at most what it was asked for; names are 63 characters a-z
 *           A-Z 0-9 . _ -
 * Errors    -EEXIST taken already; -ENOENT; -ENOSPC; -EROFS; -EBUSY another process; NR_EDAMAGED;
 *           NR_EVERSION; NR_EUSAGE a
 *           name or word that cannot be
 */
#include "base/crypt.h"
#include "base/time.h"
#include "share/policy/scope.h"
#include "share/policy/suppression.h"

enum { NR_REGISTRY_NAME = 64, NR_REGISTRY_SERIAL = 48, NR_REGISTRY_VERSION = 2 };

struct nr_registry;

NR_MUST_CHECK int nr_registry_open(const char *path, struct nr_registry **ret_registry,
				   struct nr_err *reterr);
struct nr_registry *nr_registry_close(struct nr_registry *registry);
static inline void nr_registry_autofree(struct nr_registry **r)
{
	nr_registry_close(*r);
}

/**
 * Grows with every change that was committed, before the call that made it returns: what was read at
 * one number holds while it stands. Any thread, no lock.
 */
uint64_t nr_registry_changes(const struct nr_registry *registry);

/** What a registry says of itself. */
struct nr_registry_facts {
	unsigned version;
	uint64_t place; /* the engine's, 0: none */
	uint64_t sensors, findings, audit;
	char uuid[NR_UUID_TEXT], name[NR_REGISTRY_NAME], epoch[NR_UUID_TEXT];
};
/**
 * A copy as of one moment, beside a process that writes: @p to must not exist, and has mode 0600.
 * @return 0; -EEXIST; -ENOSPC; NR_EDAMAGED
 */
NR_MUST_CHECK int nr_registry_copy(const char *from, const char *to, struct nr_err *reterr);
/** Of any version that has them, without bringing it forward. @return 0; NR_EFORMAT; NR_EDAMAGED */
NR_MUST_CHECK int nr_registry_facts(const char *path, struct nr_registry_facts *ret_facts,
				    struct nr_err *reterr);

/** Who does something, and when: for the audit chain. */
struct nr_registry_act {
	const char *actor;     /* "uid:0", "token:SELECTOR", "hub" */
	struct nr_uuid member; /* for whom; zero: the hub itself, or who has its machine */
	struct nr_time now;
};

/**
 * Bring the database of this version back to the one before, for the program before this one; what
 * that can hold stays (migrations/000N.down.sql). Nobody may have it open.
 * @return 0; NR_EVERSION it is of another version
 */
NR_MUST_CHECK int nr_registry_migrate_down(const char *path, const struct nr_registry_act *act,
					   struct nr_err *reterr);

/* ---- a few words of the hub itself: uuid, name ---- */

NR_MUST_CHECK int nr_registry_meta_set(struct nr_registry *registry, const char *name,
				       const char *value, struct nr_err *reterr);
/** @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_meta(struct nr_registry *registry, const char *name, char *out,
				   size_t cap, struct nr_err *reterr);

/* ---- sensors ---- */

enum nr_sensor_state {
	NR_SENSOR_EXPECTED,
	NR_SENSOR_ENROLLED,
	NR_SENSOR_IMPORTED,
	NR_SENSOR_STATE_REVOKED,
};
extern const char *const nr_sensor_state_names[]; /* NULL-terminated */

struct nr_registry_sensor {
	struct nr_uuid uuid;
	char name[NR_REGISTRY_NAME];
	uint8_t state;			 /* enum nr_sensor_state */
	char member[NR_REGISTRY_NAME];	 /* "": the operator's */
	struct nr_uuid owner;		 /* the member; the operator's when it has none */
	struct nr_label label;		 /* of what it observes: store/registry_label.h */
	char serial[NR_REGISTRY_SERIAL]; /* of its certificate, hex; "" none */
	struct nr_time created, enrolled, valid_until, revoked; /* 0: never */
};

/** A new one in state expected or imported. @return 0; -EEXIST; NR_EUSAGE */
NR_MUST_CHECK int nr_registry_sensor_add(struct nr_registry *registry, const char *name,
					 enum nr_sensor_state state,
					 const struct nr_registry_act *act,
					 struct nr_registry_sensor *ret_sensor,
					 struct nr_err *reterr);
/** By name. */
NR_MUST_CHECK int nr_registry_sensor_named(struct nr_registry *registry, const char *name,
					   struct nr_registry_sensor *ret_sensor,
					   struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_sensor_find(struct nr_registry *registry, struct nr_uuid uuid,
					  struct nr_registry_sensor *ret_sensor,
					  struct nr_err *reterr);
/**
 * In order of name. @p each returns 0 to go on. @return how many, or what @p each returned when
 * negative
 */
NR_MUST_CHECK int64_t nr_registry_sensors(struct nr_registry *registry,
					  int (*each)(void *ctx,
						      const struct nr_registry_sensor *sensor),
					  void *ctx, struct nr_err *reterr);
/** A certificate was made for it. @return 0; -ENOENT; -EACCES it is revoked */
NR_MUST_CHECK int nr_registry_sensor_certified(struct nr_registry *registry, struct nr_uuid uuid,
					       const char *serial, struct nr_time valid_until,
					       const struct nr_registry_act *act,
					       struct nr_err *reterr);
/** Never again with any certificate it has; its unspent tokens end too. Twice is harmless. */
NR_MUST_CHECK int nr_registry_sensor_revoke(struct nr_registry *registry, struct nr_uuid uuid,
					    const struct nr_registry_act *act,
					    struct nr_err *reterr);

/* ---- tokens: serve/token.h makes and reads their text ---- */

enum { NR_TOKEN_SELECTOR = 8 };
enum nr_token_kind { NR_TOKEN_API = 1, NR_TOKEN_ENROL, NR_TOKEN_SETUP, NR_TOKEN_SESSION };

struct nr_registry_token {
	uint8_t selector[NR_TOKEN_SELECTOR];
	struct nr_digest digest;
	uint8_t kind, role;	     /* enum nr_token_kind, nr_role */
	struct nr_uuid sensor;	     /* enrolment */
	struct nr_uuid member, user; /* zero: the operator's; nobody's */
	uint32_t member_epoch;
	bool can_write, can_rows;
	char network[NR_REGISTRY_NAME]; /* a prefix it may come from; "": anywhere */
	char name[NR_REGISTRY_NAME];
	struct nr_time created, expires, last_used, spent, revoked; /* 0: never */
	bool exposed;
};

NR_MUST_CHECK int nr_registry_token_add(struct nr_registry *registry,
					const struct nr_registry_token *token,
					const struct nr_registry_act *act, struct nr_err *reterr);
/** @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_token_find(struct nr_registry *registry,
					 const uint8_t selector[NR_TOKEN_SELECTOR],
					 struct nr_registry_token *ret_token,
					 struct nr_err *reterr);
NR_MUST_CHECK int64_t nr_registry_tokens(struct nr_registry *registry,
					 int (*each)(void *ctx,
						     const struct nr_registry_token *token),
					 void *ctx, struct nr_err *reterr);
/** Costs an fsync, so the caller says it at most once a minute: serve/who/who.h. */
NR_MUST_CHECK int nr_registry_token_used(struct nr_registry *registry,
					 const uint8_t selector[NR_TOKEN_SELECTOR],
					 struct nr_time now, struct nr_err *reterr);
/**
 * Spend an enrolment token: true for one caller only. @return 0; -EACCES spent, expired or
 * revoked; -ENOENT
 */
NR_MUST_CHECK int nr_registry_token_spend(struct nr_registry *registry,
					  const uint8_t selector[NR_TOKEN_SELECTOR],
					  const struct nr_registry_act *act, struct nr_err *reterr);
/** @p exposed: it was seen where no token may stand. Twice is harmless. @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_token_revoke(struct nr_registry *registry,
					   const uint8_t selector[NR_TOKEN_SELECTOR], bool exposed,
					   const struct nr_registry_act *act,
					   struct nr_err *reterr);

/* ---- findings: derived ---- */

struct nr_registry_finding {
	uint64_t sequence; /* the hub's; set by the registry */
	uint64_t at;	   /* journal place */
	uint32_t revision;
	struct nr_str id, detector, state, json; /* state: new, continuing, ended, withdrawn */
	struct nr_str subject;			 /* as in its JSON */
	struct nr_str sightings;		 /* record/sighting.h; empty: nobody saw it */
	bool newest;
};

/**
 * Revisions and the place up to which the engine has worked, in one transaction. What is there
 * already (same id and
 * revision, from before a restart) is left as it is. @return new ones; negative
 */
NR_MUST_CHECK int64_t nr_registry_findings_add(struct nr_registry *registry,
					       const struct nr_registry_finding *findings, size_t n,
					       uint64_t place, struct nr_time now,
					       struct nr_err *reterr);
/** 0: nothing yet. */
NR_MUST_CHECK int nr_registry_findings_place(struct nr_registry *registry, uint64_t *ret_at,
					     struct nr_err *reterr);

enum { NR_REGISTRY_FINDINGS_WORK = 20000 };

enum nr_registry_suppressed { NR_SUPPRESSED_ALL, NR_SUPPRESSED_HIDE, NR_SUPPRESSED_ONLY };

struct nr_registry_finding_filter {
	const struct nr_scope *scope; /* what he may not know is not there; NULL: nothing is */
	struct nr_time now;	      /* states that others see follow from it */
	uint64_t after;		      /* sequence */
	uint64_t limit;		      /* 1..10,000 */
	struct nr_str id;	      /* the engine's; empty: all */
	uint32_t revision;	      /* of it; 0: all */
	struct nr_str state, detector, kind; /* empty: all; state: as he sees it */
	const struct nr_prefix *subject;     /* addresses in it, prefixes that meet it; NULL: all */
	bool revisions;			     /* all of them, not the newest only */
	bool backwards; /* the newest revisions, those before `after`; 0: from the end */
	const struct nr_suppression *rules; /* in force for the viewer, for `suppressed` */
	size_t n_rules;
	uint8_t suppressed; /* enum nr_registry_suppressed: what fits a rule too, not, or alone */
};
/** How far a call came. */
struct nr_registry_finding_page {
	uint64_t last; /* sequence of the last one looked at: where the next page goes on */
	bool more;     /* there may be more behind it */
	bool partial;  /* it ended after NR_REGISTRY_FINDINGS_WORK of which few could be seen */
};
/**
 * In order of sequence; strings live for the call, which holds the registry: @p each asks it nothing.
 * @p each returns 1 when the page ends before this one.
 * @param ret_page  may be NULL
 * @return how many; what @p each returned when negative
 */
NR_MUST_CHECK int64_t
nr_registry_findings(struct nr_registry *registry, const struct nr_registry_finding_filter *filter,
		     int (*each)(void *ctx, const struct nr_registry_finding *finding), void *ctx,
		     struct nr_registry_finding_page *ret_page, struct nr_err *reterr);

/** Sequence of the newest revision of all; 0: none yet. */
NR_MUST_CHECK int nr_registry_findings_newest(struct nr_registry *registry, uint64_t *ret_sequence,
					      struct nr_err *reterr);

/** Delete what the engine said before @p before of findings that are over, and old revisions. @return how many */
NR_MUST_CHECK int64_t nr_registry_findings_retain(struct nr_registry *registry,
						  struct nr_time before, struct nr_err *reterr);

/* ---- imports: what files were brought in ---- */

struct nr_registry_import {
	struct nr_uuid sensor;
	struct nr_digest digest; /* of the file's content */
	char name[NR_REGISTRY_NAME];
	uint64_t begun_at, batches;
	bool done;
};
/** Begin, or find what was begun before. */
NR_MUST_CHECK int nr_registry_import_begin(struct nr_registry *registry,
					   struct nr_registry_import *import,
					   const struct nr_registry_act *act,
					   struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_import_end(struct nr_registry *registry,
					 const struct nr_registry_import *import,
					 const struct nr_registry_act *act, struct nr_err *reterr);

/* ---- audit chain ---- */

/** One row more: for what changes outside of these tables. */
NR_MUST_CHECK int nr_registry_audit(struct nr_registry *registry, const struct nr_registry_act *act,
				    const char *action, const char *object, const char *detail,
				    struct nr_err *reterr);
/** Recompute the chain. @return 0; NR_EDAMAGED: reterr names the first row that does not fit */
NR_MUST_CHECK int nr_registry_audit_verify(struct nr_registry *registry, uint64_t *ret_rows,
					   struct nr_err *reterr);
