/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decisions SEED DECISIONS: drawings from SEED on until there are so many decisions. Prints, with
 * tabs: first seed, last seed, decisions, how many were allowed, differences to the oracle. Exit
 * status 1 when there is one: the first such seed goes to standard error.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "judge.h"

int main(int argc, char **argv)
{
	struct verdict verdict = { 0 };
	uint64_t first, wanted, seed;

	if (argc != 3 || nr_str_u64(nr_str_from(argv[1]), 1, UINT64_MAX / 2, &first) < 0 ||
	    nr_str_u64(nr_str_from(argv[2]), 1, UINT64_MAX / 2, &wanted) < 0) {
		(void)fprintf(stderr, "usage: decisions SEED DECISIONS\n");
		return 2;
	}
	for (seed = first; verdict.decisions < wanted; seed++)
		judge_one(&verdict, seed);
	(void)printf("%llu\t%llu\t%llu\t%llu\t%llu\n", (unsigned long long)first,
		     (unsigned long long)seed - 1, (unsigned long long)verdict.decisions,
		     (unsigned long long)verdict.allowed, (unsigned long long)verdict.differences);
	if (verdict.differences > 0)
		(void)fprintf(stderr, "decisions: the first difference is at seed %llu\n",
			      (unsigned long long)verdict.first_seed);
	return verdict.differences > 0 ? 1 : 0;
}
