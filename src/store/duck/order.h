/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * order: in which order the rows of a batch stand in the store: by TCP options, destination port,
 * source.
 *
 * Why      what one tool sends stands together: window, options, port, sizes and marks become
 *          runs. The same batch always gives the same order, so `row` needs no bytes. Against
 *          other orders: docs/hub-numbers.md.
 * Cost     a radix sort of 16-byte keys, about 20 ns a row
 */
#include "record/batch.h"

struct nr_order_key {
	uint64_t key;
	uint32_t at, pad;
};
struct nr_order {
	struct nr_order_key a[NR_BATCH_ROWS], b[NR_BATCH_ROWS];
};

/** @p n at most NR_BATCH_ROWS; equal keys keep their order. */
void nr_order_sort(struct nr_order *order, const struct nr_observation *obs, size_t n,
		   const struct nr_observation **ret_sorted);
