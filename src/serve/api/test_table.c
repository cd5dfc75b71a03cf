/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routes and the document that describes it say the same: every route is described, with
 * its role as `x-role`, and nothing else is.
 */
#include <stdio.h>

#include "base/cmocka.h"
#include "base/embedded.h"
#include "serve/hub/hub_int.h"

extern const struct nr_embedded nr_api_files[];

enum { PATH_CAP = 128 };

/* "/api/v1/findings/{id}" as the table writes it: "/api/v1/findings/{}" */
static void as_in_table(struct nr_str path, char out[PATH_CAP])
{
	size_t n = 0;
	bool inside = false;

	for (size_t i = 0; i < path.n && n + 1 < PATH_CAP; i++) {
		inside = inside && path.p[i] != '}';
		if (!inside)
			out[n++] = path.p[i];
		inside = inside || path.p[i] == '{';
	}
	out[n] = '\0';
}

struct described {
	char path[PATH_CAP], method[8], role[16];
};

static void read_role(struct nr_str line, char role[16])
{
	static const char member[] = "      x-role: ";
	size_t n = sizeof(member) - 1;

	if (line.n <= n || line.n - n >= 16 || memcmp(line.p, member, n) != 0)
		return;
	memcpy(role, line.p + n, line.n - n);
	role[line.n - n] = '\0';
}

/* The next operation of the document behind @p text. @return false: there is none */
static bool next_operation(struct nr_str *text, struct described *at)
{
	struct nr_str line;

	at->role[0] = '\0';
	bool found = false;

	while (text->n > 0) {
		const char *end = memchr(text->p, '\n', text->n);
		size_t n = end != NULL ? (size_t)(end - text->p) : text->n;

		line = (struct nr_str){ text->p, n };
		bool is_path = n > 3 && memcmp(line.p, "  /", 3) == 0;
		bool is_method = n > 5 && memcmp(line.p, "    ", 4) == 0 && line.p[4] >= 'a' &&
				 line.p[4] <= 'z' && line.p[n - 1] == ':';
		bool is_end = n > 0 && line.p[0] != ' ';

		if (found && (is_path || is_method || is_end))
			return true;
		*text = (struct nr_str){ text->p + n + (end != NULL), text->n - n - (end != NULL) };
		if (is_path)
			as_in_table((struct nr_str){ line.p + 2, n - 3 }, at->path);
		else if (is_method && at->path[0] != '\0' && n - 5 < sizeof(at->method)) {
			for (size_t i = 4; i + 1 < n; i++)
				at->method[i - 4] = (char)(line.p[i] - 'a' + 'A');
			at->method[n - 5] = '\0';
			found = strcmp(at->method, "GET") == 0 || strcmp(at->method, "POST") == 0 ||
				strcmp(at->method, "PUT") == 0 ||
				strcmp(at->method, "PATCH") == 0 ||
				strcmp(at->method, "DELETE") == 0;
		} else if (found)
			read_role(line, at->role);
	}
	return found;
}

static struct nr_str paths_of(const char *text)
{
	const char *paths = strstr(text, "\npaths:\n"), *end;

	assert_non_null(paths);
	end = strstr(paths, "\ncomponents:\n");
	assert_non_null(end);
	return (struct nr_str){ paths + 8, (size_t)(end - paths) - 7 };
}

static void every_route_is_described_with_its_role(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t g = 0; nr_api_groups[g] != NULL; g++)
		for (size_t i = 0; i < nr_api_groups[g]->n_routes; i++) {
			const struct nr_http_route *route = &nr_api_groups[g]->routes[i];
			struct nr_str text = paths_of(nr_api_files[0].text);
			struct described at = { "", "", "" };
			bool found = false;

			if (route->local_only)
				continue;
			while (!found && next_operation(&text, &at))
				found = strcmp(at.path, route->path) == 0 &&
					strcmp(at.method, route->method) == 0;
			if (found && strcmp(at.role, nr_role_names[route->role]) == 0)
				continue;
			wrong++;
			print_error("%s %s in %s: %s%s, the table says %s\n", route->method,
				    route->path, nr_api_groups[g]->name,
				    found ? "x-role: " : "not described", found ? at.role : "",
				    nr_role_names[route->role]);
		}
	assert_int_equal(wrong, 0);
}

static void everything_described_is_a_route(void **state)
{
	struct nr_str text = paths_of(nr_api_files[0].text);
	struct described at = { "", "", "" };
	size_t n = 0, wrong = 0;

	(void)state;
	for (; next_operation(&text, &at); n++) {
		bool found = false;

		for (size_t g = 0; nr_api_groups[g] != NULL; g++)
			for (size_t i = 0; i < nr_api_groups[g]->n_routes; i++)
				found |= strcmp(at.path, nr_api_groups[g]->routes[i].path) == 0 &&
					 strcmp(at.method, nr_api_groups[g]->routes[i].method) == 0;
		if (!found)
			print_error("%s %s is described, but no route\n", at.method, at.path);
		wrong += !found;
	}
	assert_true(n >= 9);
	assert_int_equal(wrong, 0);
}

static void no_route_is_for_nobody(void **state)
{
	(void)state;
	for (size_t g = 0; nr_api_groups[g] != NULL; g++)
		for (size_t i = 0; i < nr_api_groups[g]->n_routes; i++) {
			const struct nr_http_route *route = &nr_api_groups[g]->routes[i];

			assert_in_range(route->role, NR_ROLE_ANYONE, NR_ROLE_OPERATOR);
			assert_non_null(route->handle);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described_with_its_role),
		cmocka_unit_test(everything_described_is_a_route),
		cmocka_unit_test(no_route_is_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
