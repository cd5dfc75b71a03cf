/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file label_read: a label from JSON that came from outside. */
#include <jansson.h>

#include "record/label.h"

/**
 * @p json is what base/json_read.h gave. Strict: a member that is not of a label, a word nobody knows,
 * more parties than a label holds are refused; what is absent is nobody. The owner is not read: who
 * says a label for his thing is its owner. @return 0; NR_EUSAGE with words
 */
NR_MUST_CHECK int nr_label_read(const json_t *json, struct nr_label *ret_label,
				struct nr_err *reterr);
