/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_trial FIRST_SEED RUNS LIMIT STEPS: runs of the spool's model (test_spool_model.h), one
 * after the other. Prints one line of tab-separated sums; a run that fails is named with its seed,
 * and the exit status is 1.
 */
#include "observe/sensor/test_spool_model.h"

#include "base/crypt.h"

int main(int argc, char **argv)
{
	uint64_t words[4] = { 1, 100, 1 << 20, 600 }, failed = 0, sums[8] = { 0 };

	for (int i = 1; i < argc && i <= 4; i++)
		if (nr_str_u64(nr_str_from(argv[i]), 0, UINT64_MAX, &words[i - 1]) < 0)
			return 2;
	if (nr_crypt_init() < 0)
		return 1;
	for (uint64_t seed = words[0]; seed < words[0] + words[1]; seed++) {
		struct model *m = model_run(seed, words[2],
					    (size_t)words[2] / 40 + 64 < MODEL_PAYLOAD / 2
						    ? (size_t)words[2] / 40
						    : MODEL_PAYLOAD / 2,
					    words[3]);

		if (m->fault[0] != '\0') {
			failed++;
			printf("# seed %llu limit %llu: %s\n", (unsigned long long)seed,
			       (unsigned long long)words[2], m->fault);
		}
		sums[0] += m->batches;
		sums[1] += m->rows;
		sums[2] += m->hub_rows;
		sums[3] += m->gap_rows;
		sums[4] += m->gaps;
		sums[5] += m->kills;
		sums[6] += m->sessions;
		sums[7] += m->full;
		free(m);
	}
	printf("%llu\t%llu\t%llu", (unsigned long long)words[0], (unsigned long long)words[1],
	       (unsigned long long)words[2]);
	for (size_t i = 0; i < NR_COUNT(sums); i++)
		printf("\t%llu", (unsigned long long)sums[i]);
	printf("\t%llu\n", (unsigned long long)failed);
	return failed > 0;
}
