/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * benign: lists of known survey scanners. A hit labels a source, it never deletes it.
 *
 * In      MISP warninglist JSON ("list" of addresses and prefixes; "name") or plain text, one CIDR a
 *         line, '#' comments
 * Rule    list hit and AS name (or rDNS, later) agree with the list's name -> NR_BENIGN_ACK; list only ->
 *         NR_BENIGN_CLAIMED (an address on a list can be somebody else's by now).
 * Limits  1,000 lists, 4 M prefixes
 */
#include "base/err.h"
#include "base/inet.h"
#include "record/source.h"

struct nr_benign_lists;

NR_MUST_CHECK int nr_benign_new(struct nr_benign_lists **ret_lists);
struct nr_benign_lists *nr_benign_free(struct nr_benign_lists *lists);
/** Add one file, or every *.json and *.txt of a directory. Names file and line in @p reterr. */
NR_MUST_CHECK int nr_benign_add(struct nr_benign_lists *lists, const char *path, struct nr_err *reterr);
/** @p as_name may be NULL. @p ret_name: the list that names it, lives as long as @p lists */
enum nr_benign nr_benign_find(const struct nr_benign_lists *lists, struct nr_ip ip, const char *as_name,
			      const char **ret_name);
