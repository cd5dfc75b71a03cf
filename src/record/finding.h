/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * finding: a bounded, actionable statement with the evidence that made it.
 *
 * JSON name of the record: "finding". Evidence is a struct of the detector's, described by the
 * detector's own field table.
 * Identity  id = hash(detector, kind, subject, first); the same input gives the same id anywhere.
 */
#include "base/arena.h"
#include "base/inet.h"
#include "base/time.h"
#include "record/field.h"

enum { NR_SUBJECT_TEXT = 96, NR_SUMMARY_TEXT = 256 };

enum nr_finding_state {
	NR_FINDING_ENDED,
	NR_FINDING_CONTINUING,
	NR_FINDING_WITHDRAWN, /* on line only: said before, and what came since speaks against it */
};

struct nr_finding {
	uint64_t id;
	const char *detector;	       /* "rsdos.v1" */
	const char *kind;	       /* "attack", "carpet", "infection", "campaign" */
	char subject[NR_SUBJECT_TEXT]; /* an address, a prefix, or a campaign's name */
	struct nr_ip sort_ip;	       /* orders findings; not printed */
	double confidence;	       /* 0 .. 1 */
	uint8_t certainty;	       /* enum nr_certainty of the subject */
	uint8_t state;		       /* enum nr_finding_state at the end of the input */
	struct nr_time first, last;
	struct nr_time detected; /* event time at which the rule was first met */
	uint32_t asn;
	const char *as_name;
	char economy[3];
	char summary[NR_SUMMARY_TEXT]; /* one English sentence for people */
	const struct nr_field *evidence_fields;
	size_t n_evidence_fields;
	const void *evidence; /* plain struct without owned pointers; borrowed for the call */
	size_t evidence_size; /* bytes, so that a finding can be copied */
	/*
	 * The addresses that it sums over, when its subject is neither an address nor a prefix: one at
	 * the head of each part; borrowed for the call, NULL in copies. Not printed.
	 */
	const void *parts;
	size_t n_parts, part_size;
};

/** Compute the id from the identity fields, which must be set. */
uint64_t nr_finding_id(const struct nr_finding *finding);
