/* SPDX-License-Identifier: Apache-2.0 */
#include "record/class.h"

const char *const nr_class_names[] = {
	[NR_CLASS_SCAN] = "scan",
	[NR_CLASS_BACKSCATTER] = "backscatter",
	[NR_CLASS_AMPLIFY] = "amplify",
	[NR_CLASS_OTHER] = "other",
	[NR_CLASS_N] = NULL,
};

const char *nr_class_name(uint8_t traffic_class)
{
	return traffic_class < NR_CLASS_N ? nr_class_names[traffic_class] : "unknown";
}
