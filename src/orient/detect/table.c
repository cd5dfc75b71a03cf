/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/detect.h"

const struct nr_detector *const nr_detectors[] = {
	&nr_detector_scan,
	&nr_detector_rsdos,
	&nr_detector_infect,
	/* add yours here */
	NULL,
};
