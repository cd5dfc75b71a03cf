/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * report: what `noroshi observe` tells a person.
 *
 * In       the summary, the tally, and notes taken of sources and findings while they went by
 * Out      UTF-8 text (ASCII where the locale wants it) as wide as the terminal
 * Limits   notes keep the NR_NOTES_TOP most weighty of each kind, of victims at most NR_NOTES_PER_PREFIX of
 *          a /24 or /48; all are counted
 */
#include "cli/summary.h"
#include "cli/words.h"
#include "orient/engine.h"

enum { NR_NOTES_TOP = 32, NR_NOTES_TEXT = 96, NR_NOTES_NETS = 1 << 14, NR_NOTES_PER_PREFIX = 2 };

enum nr_note_kind {
	NR_NOTE_ATTACK,
	NR_NOTE_CARPET,
	NR_NOTE_INFECTION,
	NR_NOTE_CAMPAIGN,
	NR_NOTE_OTHER,
	NR_NOTE_N,
};

/* A finding or a source, cut down to what a line shows. */
struct nr_note {
	char subject[NR_NOTES_TEXT];
	char signs[NR_NOTES_TEXT]; /* ports, tools or marks */
	struct nr_ip sort_ip;
	struct nr_time first, last;
	uint32_t asn;
	const char *as_name;
	const char *benign_name;
	char economy[3];
	uint8_t level; /* sources */
	bool continuing, has_rate;
	double weight; /* orders the list */
	double packets, confidence, rate_lo, rate_hi, members;
};

struct nr_note_list {
	struct nr_note top[NR_NOTES_TOP]; /* most weighty first */
	size_t n;
	uint64_t seen;
};

/* How many infected machines a network has. */
struct nr_note_net {
	uint32_t asn;
	const char *as_name;
	char economy[3];
	uint64_t machines; /* 0: empty slot */
};

struct nr_report_notes {
	struct nr_note_list findings[NR_NOTE_N];
	struct nr_note_net nets[NR_NOTES_NETS]; /* hash table by asn and economy */
	uint64_t nets_full;			/* machines of networks that found no slot */
	struct nr_note_list scanners;		/* sources at level scanner and above */
};

NR_MUST_CHECK int nr_report_notes_new(struct nr_report_notes **ret_notes);
struct nr_report_notes *nr_report_notes_free(struct nr_report_notes *notes);
/** Callbacks that take notes; ctx is @p notes. */
struct nr_engine_out nr_report_notes_out(struct nr_report_notes *notes);

struct nr_report {
	const struct nr_summary *summary;
	const struct nr_tally *tally;
	const uint64_t *levels; /* NR_LEVEL_N */
	const struct nr_report_notes *notes;
	const struct nr_option_list *paths;
	const char *interface;
	uint32_t n_benign; /* prefixes on lists of known surveys */
	bool stopped;
};

/** @return 0; NR_ELIMIT, -ENOMEM */
NR_MUST_CHECK int nr_report_print(const struct nr_report *report, const struct nr_term *term,
				  struct nr_buf *out);
