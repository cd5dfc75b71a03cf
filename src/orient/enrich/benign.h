/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * benign: lists of known survey scanners. A hit labels a source, it never deletes it.
 *
 * In      MISP warninglist JSON ("name", "list" of addresses and prefixes) or plain text, one CIDR
 *         a line, '#' comments; a text list's name is its file's name without ".txt"
 * Rule    list hit and AS name (or rDNS, later) agree with the list's name -> NR_BENIGN_ACK; list
 *         only -> NR_BENIGN_CLAIMED (an address on a list can be somebody else's by now). They
 *         agree when a word of the list's name that is no common word of such names stands in the
 *         AS name, in any case: "Censys IP Ranges Used for Scanning" and "CENSYS-ARIN-01".
 *         Where prefixes overlap the most specific decides, of two equal ones the one added first.
 * Shape   built by adding, then only read. Segments without overlap, sorted: a find is a binary
 *         search.
 * Threads any number may find while nobody adds
 * Limits  1,000 lists, 4 M prefixes, files of 128 MiB, JSON nested 8 deep
 * Source  misp-warninglists schema.json; RFC 4632
 */
#include "base/err.h"
#include "base/inet.h"
#include "record/source.h"

struct nr_benign_lists;

NR_MUST_CHECK int nr_benign_new(struct nr_benign_lists **ret_lists);
struct nr_benign_lists *nr_benign_free(struct nr_benign_lists *lists);
static inline void nr_benign_lists_autofree(struct nr_benign_lists **lists)
{
	nr_benign_free(*lists);
}
/**
 * Add one file, or every *.json and *.txt of a directory in the order of their names; all
 * or nothing.
 * @return 0; NR_EFORMAT, naming file and line or entry; NR_ELIMIT; -errno
 */
NR_MUST_CHECK int nr_benign_add(struct nr_benign_lists *lists, const char *path,
				struct nr_err *reterr);
/** @p lists and @p as_name may be NULL. @p ret_name: the list that names it, lives as long as @p lists */
enum nr_benign nr_benign_find(const struct nr_benign_lists *lists, struct nr_ip ip,
			      const char *as_name, const char **ret_name);
uint32_t nr_benign_n_lists(const struct nr_benign_lists *lists);
uint32_t nr_benign_n_prefixes(const struct nr_benign_lists *lists);
