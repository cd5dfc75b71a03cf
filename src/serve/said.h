/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * said: what people of the viewer's member said of findings, as members of their JSON: `triage`, and
 * `suppressed` with the reason. Lists, single ones and events use it with nr_finding_viewer.triage.
 */
#include "serve/finding.h"
#include "store/registry_suppression.h"

struct nr_said {
	struct nr_registry *registry;
	struct nr_uuid member;
	struct nr_suppression *rules; /* in force for the viewer */
	size_t n_rules;
};

/** Rules as they stand now; nr_said_done() in any case. */
NR_MUST_CHECK int nr_said_read(struct nr_registry *registry, const struct nr_viewer *viewer,
			       struct nr_time now, struct nr_said *ret_said, struct nr_err *reterr);
void nr_said_done(struct nr_said *said);
/** A struct nr_said as nr_finding_viewer.triage_ctx. Not within nr_registry_findings(). */
void nr_said_json(void *ctx, const struct nr_finding_viewer *viewer,
		  const struct nr_registry_finding *finding, struct nr_json *json);
