/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/page.h"

#include <sys/mman.h>

enum { PAGE = 4096 };

_Static_assert(sizeof(struct nr_page_supervisor) <= PAGE, "one page each");
_Static_assert(sizeof(struct nr_page_parser) <= PAGE, "one page each");

static void *page_of(const struct nr_pages *pages, enum nr_page_owner owner)
{
	return (uint8_t *)pages->supervisor + (size_t)owner * PAGE;
}

int nr_page_map(struct nr_pages *ret_pages)
{
	void *p = mmap(NULL, (size_t)NR_PAGE_OWNERS * PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	ret_pages->supervisor = p;
	ret_pages->capture = page_of(ret_pages, NR_PAGE_CAPTURE);
	ret_pages->parser = page_of(ret_pages, NR_PAGE_PARSER);
	ret_pages->spooler = page_of(ret_pages, NR_PAGE_SPOOLER);
	ret_pages->shipper = page_of(ret_pages, NR_PAGE_SHIPPER);
	return 0;
}

int nr_page_own(const struct nr_pages *pages, enum nr_page_owner owner)
{
	for (int o = 0; o < NR_PAGE_OWNERS; o++)
		if (o != (int)owner &&
		    mprotect(page_of(pages, (enum nr_page_owner)o), PAGE, PROT_READ) < 0)
			return -errno;
	return 0;
}

void nr_page_totals(const struct nr_pages *pages, struct nr_page_totals *ret_totals)
{
	const struct nr_page_supervisor *base = pages->supervisor;
	const struct nr_page_parser *now = pages->parser;
	bool live = nr_get(now->generation) == nr_get(base->generation);
	struct nr_page_totals totals = { .classified = nr_get(base->classified),
					 .lost = nr_get(base->lost) };

	if (live)
		totals.classified += nr_get(now->classified);
	totals.received = totals.classified + totals.lost;
	for (size_t o = 0; o < NR_OUTCOME_N; o++) {
		totals.dropped[o] = nr_get(base->dropped[o]) + (live ? nr_get(now->dropped[o]) : 0);
		totals.received += totals.dropped[o];
	}
	*ret_totals = totals;
}
