/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/locate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *variable, *name;
} places[] = {
	[NR_LOCATE_PREFIXES] = { "NOROSHI_PREFIXES", "prefixes.nrp" },
	[NR_LOCATE_BENIGN] = { "NOROSHI_BENIGN", "benign" },
	[NR_LOCATE_CONSOLE] = { "NOROSHI_CONSOLE", "web" },
};

static int print(char *out, size_t cap, const char *dir, const char *below, const char *name)
{
	int n = snprintf(out, cap, "%s%s%s", dir, below, name);

	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

static int program_directory(char *out, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", out, cap - 1);
	char *slash = NULL;

	if (n < 0)
		return -errno;
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (slash == NULL)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

static bool from_environment(enum nr_locate what, char *out, size_t cap, int *ret_result)
{
	const char *named = getenv(places[what].variable);

	if (named == NULL || named[0] == '\0')
		return false;
	*ret_result = print(out, cap, named, "", "");
	return true;
}

int nr_locate(enum nr_locate what, char *out, size_t cap)
{
	static const char *const beside[] = { "/share/noroshi/", "/../share/noroshi/" };
	static const char *const fixed[] = { "/usr/share/noroshi/", "/etc/noroshi/" };
	char dir[PATH_MAX];
	int ret = 0;

	if (from_environment(what, out, cap, &ret))
		return ret;
	if (program_directory(dir, sizeof(dir)) == 0)
		for (size_t i = 0; i < NR_COUNT(beside); i++)
			if (print(out, cap, dir, beside[i], places[what].name) == 0 &&
			    access(out, F_OK) == 0)
				return 0;
	for (size_t i = 0; i < NR_COUNT(fixed); i++)
		if (print(out, cap, fixed[i], "", places[what].name) == 0 && access(out, F_OK) == 0)
			return 0;
	return -ENOENT;
}

int nr_locate_new(enum nr_locate what, char *out, size_t cap)
{
	char dir[PATH_MAX];
	int ret = 0;

	if (from_environment(what, out, cap, &ret))
		return ret;
	ret = program_directory(dir, sizeof(dir));
	return ret < 0 ? ret : print(out, cap, dir, "/share/noroshi/", places[what].name);
}
