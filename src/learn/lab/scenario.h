/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file scenario: named populations of the lab, one table. */
#include "learn/lab/world.h"

struct nr_lab_scenario {
	const char *name, *summary;
	const char *net;  /* monitored prefix when none is given */
	int64_t duration; /* ns, when none is given */
	void (*populate)(struct nr_lab_world *world);
};

extern const struct nr_lab_scenario nr_lab_scenarios[]; /* ends with name NULL */
/** NULL: no such scenario. */
const struct nr_lab_scenario *nr_lab_scenario_find(struct nr_str name);
