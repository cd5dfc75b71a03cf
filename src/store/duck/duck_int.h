/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file duck_int: what the files of store/duck share: the functions of the library, typed by
 * its header. */
/* Its declarations are written for C++ too. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <duckdb.h>
#pragma GCC diagnostic pop

#include "store/duck/duck.h"

#define NR_DUCK_API(X)                             \
	X(library_version)                         \
	X(open_ext)                                \
	X(close)                                   \
	X(connect)                                 \
	X(disconnect)                              \
	X(interrupt)                               \
	X(create_config)                           \
	X(set_config)                              \
	X(destroy_config)                          \
	X(query)                                   \
	X(destroy_result)                          \
	X(result_error)                            \
	X(column_name)                             \
	X(column_type)                             \
	X(column_count)                            \
	X(fetch_chunk)                             \
	X(free)                                    \
	X(prepare)                                 \
	X(destroy_prepare)                         \
	X(prepare_error)                           \
	X(bind_parameter_index)                    \
	X(bind_int64)                              \
	X(bind_uhugeint)                           \
	X(bind_varchar_length)                     \
	X(bind_null)                               \
	X(pending_prepared)                        \
	X(pending_execute_task)                    \
	X(pending_error)                           \
	X(execute_prepared)                        \
	X(execute_pending)                         \
	X(destroy_pending)                         \
	X(create_logical_type)                     \
	X(destroy_logical_type)                    \
	X(create_data_chunk)                       \
	X(destroy_data_chunk)                      \
	X(data_chunk_reset)                        \
	X(data_chunk_get_vector)                   \
	X(data_chunk_get_size)                     \
	X(data_chunk_set_size)                     \
	X(vector_get_data)                         \
	X(vector_get_validity)                     \
	X(vector_ensure_validity_writable)         \
	X(vector_assign_string_element_len)        \
	X(appender_create_ext)                     \
	X(appender_flush)                          \
	X(appender_error)                          \
	X(appender_destroy)                        \
	X(append_data_chunk)                       \
	X(create_scalar_function)                  \
	X(destroy_scalar_function)                 \
	X(scalar_function_set_name)                \
	X(scalar_function_add_parameter)           \
	X(scalar_function_set_return_type)         \
	X(scalar_function_set_special_handling)    \
	X(scalar_function_set_function)            \
	X(register_scalar_function)                \
	X(create_aggregate_function)               \
	X(destroy_aggregate_function)              \
	X(aggregate_function_set_name)             \
	X(aggregate_function_add_parameter)        \
	X(aggregate_function_set_return_type)      \
	X(aggregate_function_set_functions)        \
	X(aggregate_function_set_destructor)       \
	X(aggregate_function_set_special_handling) \
	X(aggregate_function_set_error)            \
	X(register_aggregate_function)

#define NR_DUCK_FIELD(name) __typeof__(&duckdb_##name) name;
struct nr_duck_api {
	NR_DUCK_API(NR_DUCK_FIELD)
};
#undef NR_DUCK_FIELD

struct nr_duck {
	const struct nr_duck_api *api;
	duckdb_database database;
};

struct nr_duck_con {
	struct nr_duck *duck;
	duckdb_connection con;
};

/** Fill @p reterr from DuckDB's words. @return the code they mean */
int nr_duck_fail(struct nr_err *reterr, const char *words);
duckdb_type nr_duck_type_of(uint8_t type);
