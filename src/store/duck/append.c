/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/duck/duck_int.h"

struct nr_duck_append {
	const struct nr_duck_api *api;
	duckdb_appender appender;
	duckdb_data_chunk chunk;
	size_t n_columns;
	duckdb_logical_type *types;
	struct {
		duckdb_vector vector;
		void *data;
		uint64_t *validity; /* NULL: all valid so far */
	} columns[];
};

static void locate_columns(struct nr_duck_append *append)
{
	for (size_t i = 0; i < append->n_columns; i++) {
		append->columns[i].vector = append->api->data_chunk_get_vector(append->chunk, i);
		append->columns[i].data = append->api->vector_get_data(append->columns[i].vector);
		append->columns[i].validity = NULL;
	}
}

int nr_duck_append_open(struct nr_duck_con *con, const char *database, const char *table,
			const uint8_t *types, size_t n_types, struct nr_duck_append **ret_append,
			struct nr_err *reterr)
{
	const struct nr_duck_api *api = con->duck->api;
	struct nr_duck_append *append =
		calloc(1, sizeof(*append) + n_types * sizeof(append->columns[0]));
	int ret = 0;

	if (append == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	append->api = api;
	append->types = calloc(n_types, sizeof(append->types[0]));
	if (append->types == NULL) {
		free(append);
		return nr_fail(reterr, -ENOMEM, "no memory");
	}
	for (size_t i = 0; i < n_types; i++)
		append->types[i] = api->create_logical_type(nr_duck_type_of(types[i]));
	append->n_columns = n_types;
	append->chunk = api->create_data_chunk(append->types, n_types);
	if (append->chunk == NULL)
		ret = nr_fail(reterr, -ENOMEM, "no memory");
	else if (api->appender_create_ext(con->con, database, "main", table, &append->appender) !=
		 DuckDBSuccess)
		ret = nr_duck_fail(reterr, api->appender_error(append->appender));
	if (ret < 0) {
		nr_duck_append_close(append);
		return ret;
	}
	locate_columns(append);
	*ret_append = append;
	return 0;
}

struct nr_duck_append *nr_duck_append_close(struct nr_duck_append *append)
{
	if (append == NULL)
		return NULL;
	if (append->appender != NULL)
		(void)append->api->appender_destroy(
			&append->appender); /* what was flushed is told there */
	if (append->chunk != NULL)
		append->api->destroy_data_chunk(&append->chunk);
	for (size_t i = 0; i < append->n_columns; i++)
		append->api->destroy_logical_type(&append->types[i]);
	free(append->types);
	free(append);
	return NULL;
}

void *nr_duck_append_column(struct nr_duck_append *append, size_t column)
{
	return append->columns[column].data;
}

void nr_duck_append_null(struct nr_duck_append *append, size_t column, size_t row)
{
	if (append->columns[column].validity == NULL) {
		append->api->vector_ensure_validity_writable(append->columns[column].vector);
		append->columns[column].validity =
			append->api->vector_get_validity(append->columns[column].vector);
	}
	append->columns[column].validity[row / 64] &= ~(UINT64_C(1) << (row % 64));
}

void nr_duck_append_bytes(struct nr_duck_append *append, size_t column, size_t row, const void *p,
			  size_t n)
{
	append->api->vector_assign_string_element_len(append->columns[column].vector, row, p, n);
}

int nr_duck_append_chunk(struct nr_duck_append *append, size_t n, struct nr_err *reterr)
{
	append->api->data_chunk_set_size(append->chunk, n);
	if (append->api->append_data_chunk(append->appender, append->chunk) != DuckDBSuccess)
		return nr_duck_fail(reterr, append->api->appender_error(append->appender));
	append->api->data_chunk_reset(append->chunk);
	locate_columns(append);
	return 0;
}

int nr_duck_append_flush(struct nr_duck_append *append, struct nr_err *reterr)
{
	if (append->api->appender_flush(append->appender) != DuckDBSuccess)
		return nr_duck_fail(reterr, append->api->appender_error(append->appender));
	return 0;
}
