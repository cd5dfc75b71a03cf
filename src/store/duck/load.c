/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/duck/load.h"

static void *try_path(const char *path)
{
	/* Its threads and thread-local data outlive any store: never unloaded. */
	return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

static void *beside_program(void)
{
	/* installed: bin and lib side by side; built: the program, its tests and benches, up to
	 * three folders down */
	static const char *const below[] = { "/lib/noroshi/", "/../lib/noroshi/",
					     "/../../lib/noroshi/", "/../../../lib/noroshi/" };
	char exe[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash = NULL;

	if (n < 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	for (size_t i = 0; i < NR_COUNT(below); i++) {
		(void)snprintf(path, sizeof(path), "%s%slibduckdb.so", exe, below[i]);
		void *library = access(path, R_OK) == 0 ? try_path(path) : NULL;

		if (library != NULL)
			return library;
	}
	return NULL;
}

static void *find_library(void)
{
	const char *named = getenv("NOROSHI_DUCKDB");

	if (named != NULL && named[0] != '\0')
		return try_path(named);
	void *library = beside_program();

	return library != NULL ? library : try_path("libduckdb.so");
}

static int load(struct nr_duck_api *api, struct nr_err *reterr)
{
	void *library = find_library();

	if (library == NULL)
		return nr_fail(
			reterr, -ENOSYS,
			"the DuckDB library cannot be loaded (%s); 'make build' fetches it, or "
			"NOROSHI_DUCKDB names it",
			dlerror());
#define LOAD(name)                                                                            \
	*(void **)&api->name = dlsym(library, "duckdb_" #name);                               \
	if (api->name == NULL)                                                                \
		return nr_fail(reterr, NR_EVERSION, "this DuckDB library has no duckdb_%s()", \
			       #name);
	NR_DUCK_API(LOAD)
#undef LOAD
	if (strncmp(api->library_version(), "v1.", 3) != 0)
		return nr_fail(reterr, NR_EVERSION, "DuckDB %s: version 1 is needed, 1.4 or later",
			       api->library_version());
	return 0;
}

int nr_duck_load(const struct nr_duck_api **ret_api, struct nr_err *reterr)
{
	/* The library is one a process and stays, and its callbacks get nothing of ours that
	 * would lead here: so this table is one a process too, written once. */
	static struct nr_duck_api loaded;
	static bool is_loaded;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (!is_loaded)
		ret = load(&loaded, reterr);
	is_loaded = ret == 0;
	pthread_mutex_unlock(&lock);
	if (ret == 0)
		*ret_api = &loaded;
	return ret;
}
