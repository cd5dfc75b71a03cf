/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file findings: lists of findings for people, and what others show of them. */
#include "cli/ask/grid.h"

/** A heading and the newest findings about an address or a prefix; says so when there are none. */
NR_MUST_CHECK int nr_findings_about(struct nr_ask *ask, const char *subject, struct nr_err *reterr);
/** One finding in one line: "ID new attack: summary"; escaped by who prints it. */
void nr_findings_line(const json_t *finding, struct nr_buf *out);
