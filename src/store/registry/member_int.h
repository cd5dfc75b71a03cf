/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file member_int: what the files about members share. */
#include "store/registry/registry_int.h"
#include "store/registry_member.h"

/** The member for which @p where ("uuid = ?1") holds, with the lock held. @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_member_row(struct nr_registry *registry, const char *where,
					 const struct nr_registry_arg *arg,
					 struct nr_registry_member *ret_member,
					 struct nr_err *reterr);
/** A line of UTF-8 without controls, and less than @p cap bytes. @return 0; NR_EUSAGE */
NR_MUST_CHECK int nr_registry_check_title(const char *what, const char *text, size_t cap,
					  struct nr_err *reterr);
/** How many rows @p sql counts for @p uuid; NR_ELIMIT, naming @p what, when @p max are there. */
NR_MUST_CHECK int nr_registry_room(struct nr_registry *registry, const char *sql,
				   struct nr_uuid uuid, int64_t max, const char *what,
				   struct nr_err *reterr);
