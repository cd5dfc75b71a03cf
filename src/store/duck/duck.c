/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duck/duck.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/buf.h"
#include "store/duck/duck_int.h"
#include "store/duck/load.h"

enum { SQL_MAX = 64 << 10, PATH_TEXT = 4096 };

/* DuckDB's C API tells most errors apart by words only. */
static int code_of(const char *words)
{
	static const struct {
		const char *part;
		int code;
	} known[] = {
		{ "Could not set lock", -EBUSY },
		{ "INTERRUPT", -ETIMEDOUT },
		{ "Out of Memory", NR_ELIMIT },
		{ "No space left", -ENOSPC },
		{ "not a valid DuckDB", NR_EFORMAT },
		{ "newer version of DuckDB", NR_EVERSION },
		{ "database file with version number", NR_EVERSION },
		{ "orrupt", NR_EDAMAGED },
		{ "hecksum", NR_EDAMAGED },
		{ "Could not read enough bytes", NR_EDAMAGED },
		{ "Serialization Error", NR_EDAMAGED },
		{ "INTERNAL Error", NR_EDAMAGED },
		{ "FATAL Error", NR_EDAMAGED },
		{ "No such file", -ENOENT },
		{ "Permission denied", -EACCES },
	};

	for (size_t i = 0; i < NR_COUNT(known); i++)
		if (strstr(words, known[i].part) != NULL)
			return known[i].code;
	return -EIO;
}

int nr_duck_fail(struct nr_err *reterr, const char *words)
{
	struct nr_str line = nr_str_from(words != NULL ? words : "unknown error");
	struct nr_str all = line;
	char text[400];

	line = nr_str_cut(&all, '\n');
	(void)nr_str_escape(line, text, sizeof(text));
	return nr_fail(reterr, code_of(words != NULL ? words : ""), "%s", text);
}

duckdb_type nr_duck_type_of(uint8_t type)
{
	switch ((enum nr_duck_type)type) {
	case NR_DUCK_U8:
		return DUCKDB_TYPE_UTINYINT;
	case NR_DUCK_U16:
		return DUCKDB_TYPE_USMALLINT;
	case NR_DUCK_U32:
		return DUCKDB_TYPE_UINTEGER;
	case NR_DUCK_U64:
		return DUCKDB_TYPE_UBIGINT;
	case NR_DUCK_I64:
		return DUCKDB_TYPE_BIGINT;
	case NR_DUCK_U128:
		return DUCKDB_TYPE_UHUGEINT;
	case NR_DUCK_F64:
		return DUCKDB_TYPE_DOUBLE;
	case NR_DUCK_TEXT:
		return DUCKDB_TYPE_VARCHAR;
	case NR_DUCK_BLOB:
		return DUCKDB_TYPE_BLOB;
	case NR_DUCK_TIME:
		return DUCKDB_TYPE_TIMESTAMP_NS;
	case NR_DUCK_OTHER:
		break;
	}
	return DUCKDB_TYPE_INVALID;
}

/* SQL text in quotes: the only place where words from outside (paths) enter a statement. */
static void add_quoted(struct nr_buf *sql, const char *text)
{
	nr_buf_add(sql, "'", 1);
	for (; *text != '\0'; text++) {
		nr_buf_add(sql, text, 1);
		if (*text == '\'')
			nr_buf_add(sql, text, 1);
	}
	nr_buf_add(sql, "'", 1);
}

static int run_buf(struct nr_duck_con *con, struct nr_buf *sql, struct nr_err *reterr)
{
	nr_buf_add(sql, "", 1);
	int ret = sql->err < 0 ? nr_fail(reterr, sql->err, "statement: %s", nr_err_text(sql->err))
			       : nr_duck_run(con, (const char *)sql->p, reterr);

	nr_buf_done(sql);
	return ret;
}

/* Settings that need a directory are given in the first statement; then nothing can be changed
 * any more. */
static int lock_down(struct nr_duck *duck, const char *dir, struct nr_err *reterr)
{
	struct nr_duck_con *con = NULL;
	struct nr_buf sql;
	char temp[PATH_TEXT];
	int ret = nr_duck_connect(duck, &con, reterr);

	if (ret < 0)
		return ret;
	(void)snprintf(temp, sizeof(temp), "%s/tmp", dir);
	nr_buf_init(&sql, SQL_MAX);
	nr_buf_addf(&sql, "SET temp_directory=");
	add_quoted(&sql, temp);
	nr_buf_addf(&sql, "; SET allowed_directories=[");
	add_quoted(&sql, dir);
	nr_buf_addf(&sql, "]; SET enable_external_access=false; SET lock_configuration=true");
	ret = run_buf(con, &sql, reterr);
	nr_duck_disconnect(con);
	return ret;
}

static int configure(struct nr_duck *duck, const struct nr_duck_options *options,
		     duckdb_config config, struct nr_err *reterr)
{
	char memory[32], threads[16];
	const struct {
		const char *name, *value;
	} settings[] = {
		{ "memory_limit", memory },
		{ "threads", threads },
		{ "autoinstall_known_extensions", "false" },
		{ "autoload_known_extensions", "false" },
		{ "allow_community_extensions", "false" },
		{ "checkpoint_threshold", "32MB" },
		{ "default_null_order", "nulls_last" },
	};

	(void)snprintf(memory, sizeof(memory), "%lluKiB",
		       (unsigned long long)(options->memory_bytes >> 10));
	(void)snprintf(threads, sizeof(threads), "%u", options->threads);
	for (size_t i = 0; i < NR_COUNT(settings); i++)
		if (duck->api->set_config(config, settings[i].name, settings[i].value) !=
		    DuckDBSuccess)
			return nr_fail(reterr, NR_EVERSION, "this DuckDB does not know '%s'",
				       settings[i].name);
	return 0;
}

int nr_duck_open(const struct nr_duck_options *options, struct nr_duck **ret_duck,
		 struct nr_err *reterr)
{
	struct nr_duck *duck = calloc(1, sizeof(*duck));
	duckdb_config config = NULL;
	char *words = NULL;

	if (duck == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	int ret = nr_duck_load(&duck->api, reterr);

	if (ret == 0 && duck->api->create_config(&config) != DuckDBSuccess)
		ret = nr_fail(reterr, -ENOMEM, "no memory");
	if (ret == 0)
		ret = configure(duck, options, config, reterr);
	if (ret == 0 &&
	    duck->api->open_ext(NULL, &duck->database, config, &words) != DuckDBSuccess) {
		ret = nr_duck_fail(reterr, words);
		duck->api->free(words);
	}
	if (config != NULL)
		duck->api->destroy_config(&config);
	if (ret == 0)
		ret = lock_down(duck, options->dir, reterr);
	if (ret < 0) {
		nr_duck_close(duck);
		return ret;
	}
	*ret_duck = duck;
	return 0;
}

struct nr_duck *nr_duck_close(struct nr_duck *duck)
{
	if (duck != NULL && duck->database != NULL)
		duck->api->close(&duck->database);
	free(duck);
	return NULL;
}

const char *nr_duck_version(const struct nr_duck *duck)
{
	return duck->api->library_version();
}

int nr_duck_connect(struct nr_duck *duck, struct nr_duck_con **ret_con, struct nr_err *reterr)
{
	struct nr_duck_con *con = calloc(1, sizeof(*con));

	if (con == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	con->duck = duck;
	if (duck->api->connect(duck->database, &con->con) != DuckDBSuccess) {
		free(con);
		return nr_fail(reterr, -EIO, "DuckDB gives no connection");
	}
	*ret_con = con;
	return 0;
}

struct nr_duck_con *nr_duck_disconnect(struct nr_duck_con *con)
{
	if (con != NULL)
		con->duck->api->disconnect(&con->con);
	free(con);
	return NULL;
}

int nr_duck_run(struct nr_duck_con *con, const char *sql, struct nr_err *reterr)
{
	duckdb_result result;
	int ret = 0;

	if (con == NULL)
		return nr_fail(reterr, -ENOTCONN, "the store has no connection");
	const struct nr_duck_api *api = con->duck->api;

	if (api->query(con->con, sql, &result) != DuckDBSuccess)
		ret = nr_duck_fail(reterr, api->result_error(&result));
	api->destroy_result(&result);
	return ret;
}

void nr_duck_try(struct nr_duck_con *con, const char *sql)
{
	int ret = nr_duck_run(con, sql, NULL);

	(void)ret;
}

int nr_duck_number(struct nr_duck_con *con, const char *sql, uint64_t *ret_number,
		   struct nr_err *reterr)
{
	struct nr_duck_query *query = NULL;
	int ret = nr_duck_prepare(con, sql, &query, reterr);

	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, reterr);
	if (ret == 0) {
		*ret_number = 0;
		if (nr_duck_query_next(query) > 0 && !nr_duck_query_is_null(query, 0, 0))
			*ret_number = *(const uint64_t *)nr_duck_query_values(query, 0);
	}
	nr_duck_query_close(query);
	return ret;
}

int nr_duck_attach(struct nr_duck_con *con, const char *path, const char *name, bool read_only,
		   struct nr_err *reterr)
{
	struct nr_buf sql;

	nr_buf_init(&sql, SQL_MAX);
	nr_buf_addf(&sql, "ATTACH ");
	add_quoted(&sql, path);
	/* Its newer column encodings are a quarter smaller; whoever reads the files has 1.4 or
	 * later. */
	nr_buf_addf(&sql, " AS %s (%s)", name,
		    read_only ? "READ_ONLY" : "STORAGE_VERSION 'v1.4.0'");
	return run_buf(con, &sql, reterr);
}
