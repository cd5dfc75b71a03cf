/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file report_int: the sections of the report that stand in files of their own. */
#include "cli/page.h"

void nr_report_findings(
	struct nr_page *page); /* report_findings.c: victims, infections, scanners, campaigns */
void nr_report_tops(struct nr_page *page); /* report_tops.c: ports, networks, economies, tools */
void nr_report_limits(
	struct nr_page *page); /* report_limits.c: what was left out, unseen, assumed */
