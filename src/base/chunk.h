/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * chunk: memory for large tables, in huge pages where the kernel has them.
 *
 * Why     tables of many small entries are read at random; with 4 KiB pages each miss walks the page
 *         table too (twice in a virtual machine), and filling them costs a fault a page.
 * Shape   like malloc a facility of the process: chunks are cut from 4 MiB regions, freed ones are kept by
 *         size and reused; requests of a region and more are mapped by themselves. Sizes round up
 *         to 4 KiB. Under AddressSanitizer it is malloc, so that errors are still found.
 * Threads safe
 */
#include "base/def.h"

/** Zeroed when fresh, else with old content: callers clear what they use. 64-byte aligned. NULL without memory. */
void *nr_chunk_new(size_t bytes);
/** @p bytes as given to nr_chunk_new(); @p chunk may be NULL. */
void nr_chunk_free(void *chunk, size_t bytes);
