/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/console.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypt.h"
#include "base/io.h"
#include "serve/hub/hub_int.h"

enum { FILES_MAX = 128, BYTES_MAX = 16 << 20, NAME_MAX_HERE = 128, TAG_BYTES = 8 };

struct file {
	char name[NAME_MAX_HERE]; /* "index.html", "assets/main-1a2b.js" */
	const char *type, *encoding;
	char tag[2 * TAG_BYTES + 1];
	struct nr_bytes bytes; /* owned */
};

struct nr_console {
	size_t n, total;
	struct file files[FILES_MAX];
};

static const struct {
	const char *end, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },	 { ".svg", "image/svg+xml" },
	{ ".json", "application/json" },	 { ".txt", "text/plain; charset=utf-8" },
};

static bool ends(const char *name, size_t n, const char *end)
{
	size_t n_end = strlen(end);

	return n > n_end && memcmp(name + n - n_end, end, n_end) == 0;
}

/* Sets type and encoding by what the name ends with. @return false: nothing of a console */
static bool name_type(struct file *file)
{
	size_t n = strlen(file->name);

	file->encoding = ends(file->name, n, ".gz")   ? "gzip"
			 : ends(file->name, n, ".br") ? "br"
						      : "";
	if (file->encoding[0] != '\0')
		n -= 3;
	for (size_t i = 0; i < NR_COUNT(types); i++)
		if (ends(file->name, n, types[i].end)) {
			file->type = types[i].type;
			return true;
		}
	return false;
}

struct reading {
	struct nr_console *console;
	const char *dir, *below;
	struct nr_err *reterr;
};

static int read_one(void *ctx, const char *name)
{
	struct reading *reading = ctx;
	struct nr_console *console = reading->console;
	struct file file = { .type = NULL };
	char path[PATH_MAX];
	int n = snprintf(file.name, sizeof(file.name), "%s%s", reading->below, name);

	if (n < 0 || (size_t)n >= sizeof(file.name) || !name_type(&file))
		return 0;
	if (console->n == FILES_MAX)
		return nr_fail(reading->reterr, NR_ELIMIT, "%s: more than %d files", reading->dir,
			       FILES_MAX);
	(void)snprintf(path, sizeof(path), "%s/%s", reading->dir, file.name);
	int ret = nr_io_slurp(path, BYTES_MAX - console->total, &file.bytes, reading->reterr);

	if (ret < 0)
		return ret;
	struct nr_digest digest = nr_digest_of(file.bytes.p, file.bytes.n);

	for (size_t i = 0; i < TAG_BYTES; i++)
		(void)snprintf(file.tag + 2 * i, 3, "%02x", digest.b[i]);
	console->total += file.bytes.n;
	console->files[console->n++] = file;
	return 0;
}

int nr_console_load(const char *dir, struct nr_console **ret_console, struct nr_err *reterr)
{
	struct nr_console *console = calloc(1, sizeof(*console));
	struct reading reading = { .console = console, .dir = dir, .below = "", .reterr = reterr };
	char assets[PATH_MAX];

	if (console == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	if (dir == NULL) {
		*ret_console = console;
		return 0;
	}
	int ret = nr_io_list(dir, read_one, &reading);

	if (ret == 0) {
		(void)snprintf(assets, sizeof(assets), "%s/assets", dir);
		reading.below = "assets/";
		ret = nr_io_list(assets, read_one, &reading);
	}
	if (ret == -ENOENT) /* not built, or half of it: then it is none */
		ret = 0;
	if (ret < 0) {
		nr_console_free(console);
		return nr_err_prefix(reterr, "console");
	}
	*ret_console = console;
	return 0;
}

struct nr_console *nr_console_free(struct nr_console *console)
{
	if (console == NULL)
		return NULL;
	for (size_t i = 0; i < console->n; i++)
		free((void *)(uintptr_t)console->files[i].bytes.p);
	free(console);
	return NULL;
}

/* "br" in "gzip, deflate, br;q=0.9"; a q of 0 says no. */
static bool takes(const char *accepted, const char *encoding)
{
	size_t n = strlen(encoding);

	for (const char *at = accepted; at != NULL; at = strchr(at, ',')) {
		at += strspn(at, ", \t");
		if (strncmp(at, encoding, n) != 0 || strchr(", \t;", at[n]) == NULL)
			continue;
		const char *q = at + n + strspn(at + n, " \t");

		return strncmp(q, ";q=0", 4) != 0 || q[4] == '.';
	}
	return false;
}

static const struct file *find(const struct nr_console *console, struct nr_str name,
			       const char *accepted)
{
	const struct file *best = NULL;

	for (size_t i = 0; i < console->n; i++) {
		const struct file *file = &console->files[i];
		size_t n = strlen(file->name) - (file->encoding[0] != '\0' ? 3 : 0);

		if (n != name.n || memcmp(file->name, name.p, n) != 0)
			continue;
		if (file->encoding[0] != '\0' && !takes(accepted, file->encoding))
			continue;
		if (best == NULL || file->bytes.n < best->bytes.n)
			best = file;
	}
	return best;
}

static int give(const struct nr_hub *hub, const struct nr_http_request *rq, struct nr_str name,
		bool keep, struct nr_http_reply *reply)
{
	const struct file *file = find(hub->console, name, rq->accept_encoding);

	if (file == NULL)
		return nr_fail(&reply->err, -ENOENT, "%s",
			       hub->console->n == 0 ? "the console was not built with this hub"
						    : "there is no such file");
	reply->type = file->type;
	reply->keep = keep;
	memcpy(reply->etag, file->tag, sizeof(file->tag));
	if (file->encoding[0] != '\0')
		nr_http_header(reply, "Content-Encoding", "%s", file->encoding);
	nr_http_header(reply, "Vary", "Accept-Encoding");
	if (!nr_http_fresh(rq, reply))
		nr_buf_add(&reply->body, file->bytes.p, file->bytes.n);
	return 0;
}

static int get_index(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	return give(ctx, rq, NR_STR("index.html"), false, reply);
}

static int get_icon(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	return give(ctx, rq, NR_STR("noroshi.svg"), false, reply);
}

static int get_asset(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	char name[NAME_MAX_HERE];
	int n = snprintf(name, sizeof(name), "assets/%.*s", (int)rq->part[0].n, rq->part[0].p);

	if (n < 0 || (size_t)n >= sizeof(name))
		return nr_fail(&reply->err, -ENOENT, "there is no such file");
	return give(ctx, rq, nr_str_from(name), true, reply);
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/", ANYONE, .handle = get_index),
	NR_ROUTE("GET", "/setup", ANYONE, .handle = get_index),
	NR_ROUTE("GET", "/assets/{}", ANYONE, .handle = get_asset),
	NR_ROUTE("GET", "/noroshi.svg", ANYONE, .handle = get_icon),
};

const struct nr_http_group nr_api_console = { "console", routes, NR_COUNT(routes) };
