/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one fuzz target over its corpus without libFuzzer, so that the seeds are ordinary tests of every build.
 * usage: replay_NAME DIRECTORY...   One TAP line a directory; an empty or absent one is skipped.
 * NOROSHI_REPLAY_VERBOSE=1 names each file before it runs, to see which one crashes.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 << 20 };

/* The input is handed over in an exact allocation, so that ASan sees a read behind its last byte. */
static int run_file(const char *path, uint8_t *scratch)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		return -errno;
	size_t size = fread(scratch, 1, INPUT_MAX, file);
	int failed = ferror(file);

	fclose(file);
	if (failed)
		return -EIO;

	uint8_t *data = malloc(size > 0 ? size : 1);

	if (data == NULL)
		return -ENOMEM;
	memcpy(data, scratch, size);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int run_directory(const char *path, uint8_t *scratch, size_t *ret_n)
{
	bool verbose = getenv("NOROSHI_REPLAY_VERBOSE") != NULL;
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);
	int ret = 0;

	*ret_n = 0;
	for (int i = 0; i < n; i++) {
		char name[4096];

		if (names[i]->d_name[0] != '.' && ret == 0) {
			snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
			if (verbose)
				fprintf(stderr, "%s\n", name);
			ret = run_file(name, scratch);
			*ret_n += ret == 0;
		}
		free(names[i]);
	}
	free(names);
	return ret;
}

int main(int argc, char **argv)
{
	uint8_t *scratch = malloc(INPUT_MAX);
	int status = EXIT_SUCCESS;

	if (scratch == NULL)
		return EXIT_FAILURE;
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');
		const char *name = slash != NULL ? slash + 1 : argv[i];
		size_t n;
		int ret = run_directory(argv[i], scratch, &n);

		if (ret < 0) {
			printf("not ok %d - %s: %s\n", i, name, strerror(-ret));
			status = EXIT_FAILURE;
		} else if (n == 0) {
			printf("ok %d - %s # SKIP no corpus\n", i, name);
		} else {
			printf("ok %d - %zu inputs of %s run clean\n", i, n, name);
		}
	}
	free(scratch);
	return status;
}
