/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file filters: what a saved question may be. */
#include "store/registry_filter.h"

/**
 * The view is one that is known, and the query only holds what may stand behind the '?' of a URL:
 * parameters of that view, each once. @return 0; NR_EUSAGE
 */
NR_MUST_CHECK int nr_filter_check(const struct nr_registry_filter *filter, struct nr_err *reterr);
