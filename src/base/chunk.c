/* SPDX-License-Identifier: Apache-2.0 */
#include "base/chunk.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, HUGE_PAGE = 2 << 20, REGION = 2 * HUGE_PAGE, CLASSES = REGION / PAGE };

#if defined(__SANITIZE_ADDRESS__)
#define PLAIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLAIN 1
#endif
#endif
#ifndef PLAIN
#define PLAIN 0
#endif

/* A free chunk holds the pointer to the next of its size. Zero-initialised: nothing free, no region open. */
static struct {
	pthread_mutex_t lock;
	void *free[CLASSES];
	uint8_t *at, *end;
} heap = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t rounded(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

/* Aligned to a huge page, so that the kernel can use one. */
static void *map(size_t bytes)
{
	size_t all = bytes + HUGE_PAGE;
	uint8_t *p = mmap(NULL, all, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	uint8_t *aligned = (uint8_t *)rounded((uintptr_t)p, HUGE_PAGE);

	if (aligned > p)
		munmap(p, (size_t)(aligned - p));
	if (aligned + bytes < p + all)
		munmap(aligned + bytes, (size_t)(p + all - (aligned + bytes)));
	(void)madvise(aligned, bytes, MADV_HUGEPAGE); /* a wish: small pages work too */
	return aligned;
}

static void *cut(size_t size)
{
	if ((size_t)(heap.end - heap.at) < size) {
		/* what is left of the old region goes to the free list of its size */
		size_t left = (size_t)(heap.end - heap.at);

		if (left >= PAGE) {
			*(void **)heap.at = heap.free[left / PAGE];
			heap.free[left / PAGE] = heap.at;
		}
		heap.at = heap.end = NULL;
		uint8_t *region = map(REGION);

		if (region == NULL)
			return NULL;
		heap.at = region;
		heap.end = region + REGION;
	}
	void *chunk = heap.at;

	heap.at += size;
	return chunk;
}

void *nr_chunk_new(size_t bytes)
{
	size_t size = rounded(bytes, PAGE);

	if (PLAIN)
		return aligned_alloc(64, rounded(bytes, 64));
	if (size >= REGION)
		return map(rounded(bytes, HUGE_PAGE));
	pthread_mutex_lock(&heap.lock);
	void *chunk = heap.free[size / PAGE];

	if (chunk != NULL)
		heap.free[size / PAGE] = *(void **)chunk;
	else
		chunk = cut(size);
	pthread_mutex_unlock(&heap.lock);
	return chunk;
}

void nr_chunk_free(void *chunk, size_t bytes)
{
	size_t size = rounded(bytes, PAGE);

	if (chunk == NULL)
		return;
	if (PLAIN) {
		free(chunk);
		return;
	}
	if (size >= REGION) {
		munmap(chunk, rounded(bytes, HUGE_PAGE));
		return;
	}
	pthread_mutex_lock(&heap.lock);
	*(void **)chunk = heap.free[size / PAGE];
	heap.free[size / PAGE] = chunk;
	pthread_mutex_unlock(&heap.lock);
}
