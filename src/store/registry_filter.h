/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_filter: questions that a user, or a whole member, saved under a name.
 *
 * Who     a user's own are seen by him alone; a member's by all of its users. One who is none of
 *         either finds nothing.
 * Text    view and query were checked by the caller; here they are only text
 * Limits  NR_FILTERS a user, and as many a member
 */
#include "store/registry.h"

enum { NR_FILTERS = 100, NR_FILTER_VIEW = 32, NR_FILTER_QUERY = 2001, NR_FILTER_NAME = 128 };

struct nr_registry_filter {
	struct nr_uuid uuid, member, user; /* user zero: the whole member's */
	char name[NR_FILTER_NAME];	   /* as people write it */
	char view[NR_FILTER_VIEW], query[NR_FILTER_QUERY];
	struct nr_time created;
};

/** uuid and created are set here. @return 0; -EDQUOT too many */
NR_MUST_CHECK int nr_registry_filter_add(struct nr_registry *registry,
					 struct nr_registry_filter *filter,
					 const struct nr_registry_act *act, struct nr_err *reterr);
/** One the viewer may see. @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_filter_find(struct nr_registry *registry,
					  const struct nr_viewer *viewer, struct nr_uuid uuid,
					  struct nr_registry_filter *ret_filter,
					  struct nr_err *reterr);
/**
 * Name, view and query anew. That of the member is a coordinator's to change. @return 0; -ENOENT;
 * -EACCES
 */
NR_MUST_CHECK int nr_registry_filter_change(struct nr_registry *registry,
					    const struct nr_viewer *viewer,
					    const struct nr_registry_filter *filter,
					    const struct nr_registry_act *act,
					    struct nr_err *reterr);
/** @return 0; -ENOENT; -EACCES */
NR_MUST_CHECK int nr_registry_filter_remove(struct nr_registry *registry,
					    const struct nr_viewer *viewer, struct nr_uuid uuid,
					    const struct nr_registry_act *act,
					    struct nr_err *reterr);
/** By name. @return how many; what @p each returned when negative */
NR_MUST_CHECK int64_t nr_registry_filters(struct nr_registry *registry,
					  const struct nr_viewer *viewer,
					  int (*each)(void *ctx,
						      const struct nr_registry_filter *filter),
					  void *ctx, struct nr_err *reterr);
