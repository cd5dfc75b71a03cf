/* SPDX-License-Identifier: Apache-2.0 */
/* What statements may call besides DuckDB's own: sketches merged, addresses as text. */
#include "base/inet.h"
#include "store/duck/load.h"
#include "store/duck/sketch.h"

/* Callbacks are only called after the library was loaded: this cannot fail. */
static const struct nr_duck_api *api_loaded(void)
{
	const struct nr_duck_api *api = NULL;

	nr_require(nr_duck_load(&api, NULL) == 0);
	return api;
}

static struct nr_bytes bytes_of(const duckdb_string_t *string)
{
	size_t n = string->value.inlined.length;

	if (n <= sizeof(string->value.inlined.inlined))
		return (struct nr_bytes){ (const uint8_t *)string->value.inlined.inlined, n };
	return (struct nr_bytes){ (const uint8_t *)string->value.pointer.ptr, n };
}

/* ---- aggregates over sketches ---- */

static struct nr_ip ip_of(uint32_t v4, bool is_v6, const duckdb_uhugeint *v6)
{
	struct nr_ip ip;
	uint64_t hi, lo;

	if (!is_v6)
		return nr_ip_v4(v4);
	hi = __builtin_bswap64(v6->upper);
	lo = __builtin_bswap64(v6->lower);
	memcpy(ip.b, &hi, 8);
	memcpy(ip.b + 8, &lo, 8);
	return ip;
}

static idx_t sketch_size(duckdb_function_info info)
{
	(void)info;
	return sizeof(struct nr_sketch);
}

static void sketch_init(duckdb_function_info info, duckdb_aggregate_state state)
{
	(void)info;
	memset(state, 0, sizeof(struct nr_sketch));
}

static void sketch_destroy(duckdb_aggregate_state *states, idx_t count)
{
	for (idx_t i = 0; i < count; i++)
		nr_sketch_done((struct nr_sketch *)states[i]);
}

static void sketch_update(duckdb_function_info info, duckdb_data_chunk input,
			  duckdb_aggregate_state *states)
{
	const struct nr_duck_api *api = api_loaded();
	duckdb_vector vector = api->data_chunk_get_vector(input, 0);
	const duckdb_string_t *blobs = api->vector_get_data(vector);
	const uint64_t *validity = api->vector_get_validity(vector);
	idx_t n = api->data_chunk_get_size(input);

	for (idx_t i = 0; i < n; i++) {
		if (validity != NULL && (validity[i / 64] >> (i % 64) & 1) == 0)
			continue;
		if (nr_sketch_merge((struct nr_sketch *)states[i], bytes_of(&blobs[i])) < 0) {
			api->aggregate_function_set_error(info, "Corrupt sketch, or no memory");
			return;
		}
	}
}

static void sources_update(duckdb_function_info info, duckdb_data_chunk input,
			   duckdb_aggregate_state *states)
{
	const struct nr_duck_api *api = api_loaded();
	duckdb_vector wide = api->data_chunk_get_vector(input, 1);
	const uint32_t *v4 = api->vector_get_data(api->data_chunk_get_vector(input, 0));
	const duckdb_uhugeint *v6 = api->vector_get_data(wide);
	const uint64_t *has_v6 = api->vector_get_validity(wide);
	idx_t n = api->data_chunk_get_size(input);

	for (idx_t i = 0; i < n; i++) {
		bool is_v6 = has_v6 == NULL || (has_v6[i / 64] >> (i % 64) & 1) != 0;
		struct nr_ip ip = ip_of(v4[i], is_v6, &v6[i]);

		if (nr_sketch_add((struct nr_sketch *)states[i], nr_sketch_hash(&ip)) < 0) {
			api->aggregate_function_set_error(info, "Out of Memory: sketch");
			return;
		}
	}
}

static void sketch_combine(duckdb_function_info info, duckdb_aggregate_state *source,
			   duckdb_aggregate_state *target, idx_t count)
{
	for (idx_t i = 0; i < count; i++) {
		if (nr_sketch_join((struct nr_sketch *)target[i],
				   (const struct nr_sketch *)source[i]) < 0) {
			api_loaded()->aggregate_function_set_error(info, "Out of Memory: sketch");
			return;
		}
	}
}

static void sketch_to_count(duckdb_function_info info, duckdb_aggregate_state *source,
			    duckdb_vector result, idx_t count, idx_t offset)
{
	uint64_t *out = api_loaded()->vector_get_data(result);

	(void)info;
	for (idx_t i = 0; i < count; i++)
		out[offset + i] = nr_sketch_estimate((const struct nr_sketch *)source[i]);
}

static void sketch_to_bytes(duckdb_function_info info, duckdb_aggregate_state *source,
			    duckdb_vector result, idx_t count, idx_t offset)
{
	const struct nr_duck_api *api = api_loaded();
	NR_UNINITIALIZED uint8_t bytes[NR_SKETCH_BYTES];

	(void)info;
	for (idx_t i = 0; i < count; i++) {
		size_t n = nr_sketch_write((const struct nr_sketch *)source[i], bytes);

		api->vector_assign_string_element_len(result, offset + i, (const char *)bytes, n);
	}
}

struct aggregate {
	const char *name;
	duckdb_type parameters[2], returns; /* the second may be INVALID: there is none */
	duckdb_aggregate_update_t update;
	duckdb_aggregate_finalize_t finalize;
};

static bool add_aggregate(struct nr_duck_con *con, const struct aggregate *aggregate)
{
	const struct nr_duck_api *api = con->duck->api;
	duckdb_aggregate_function f = api->create_aggregate_function();
	duckdb_logical_type returns = api->create_logical_type(aggregate->returns);

	api->aggregate_function_set_name(f, aggregate->name);
	for (size_t i = 0; i < NR_COUNT(aggregate->parameters); i++) {
		if (aggregate->parameters[i] == DUCKDB_TYPE_INVALID)
			continue;
		duckdb_logical_type type = api->create_logical_type(aggregate->parameters[i]);

		api->aggregate_function_add_parameter(f, type);
		api->destroy_logical_type(&type);
	}
	api->aggregate_function_set_return_type(f, returns);
	api->aggregate_function_set_functions(f, sketch_size, sketch_init, aggregate->update,
					      sketch_combine, aggregate->finalize);
	api->aggregate_function_set_destructor(f, sketch_destroy);
	api->aggregate_function_set_special_handling(f); /* NULL: an address is not IPv6 */
	bool done = api->register_aggregate_function(con->con, f) == DuckDBSuccess;

	api->destroy_logical_type(&returns);
	api->destroy_aggregate_function(&f);
	return done;
}

/* ---- addresses ---- */

static void address_text(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const struct nr_duck_api *api = api_loaded();
	duckdb_vector wide = api->data_chunk_get_vector(input, 1);
	const uint32_t *v4 = api->vector_get_data(api->data_chunk_get_vector(input, 0));
	const duckdb_uhugeint *v6 = api->vector_get_data(wide);
	const uint64_t *has_v6 = api->vector_get_validity(wide);
	idx_t n = api->data_chunk_get_size(input);
	char text[NR_IP_TEXT];

	(void)info;
	for (idx_t i = 0; i < n; i++) {
		bool is_v6 = has_v6 == NULL || (has_v6[i / 64] >> (i % 64) & 1) != 0;
		size_t len = nr_ip_print(ip_of(v4[i], is_v6, &v6[i]), text);

		api->vector_assign_string_element_len(output, i, text, len);
	}
}

static bool add_address(struct nr_duck_con *con)
{
	const struct nr_duck_api *api = con->duck->api;
	duckdb_scalar_function f = api->create_scalar_function();
	duckdb_logical_type v4 = api->create_logical_type(DUCKDB_TYPE_UINTEGER);
	duckdb_logical_type v6 = api->create_logical_type(DUCKDB_TYPE_UHUGEINT);
	duckdb_logical_type text = api->create_logical_type(DUCKDB_TYPE_VARCHAR);

	api->scalar_function_set_name(f, "address");
	api->scalar_function_add_parameter(f, v4);
	api->scalar_function_add_parameter(f, v6);
	api->scalar_function_set_return_type(f, text);
	api->scalar_function_set_special_handling(f); /* NULL is an answer: no IPv6 address */
	api->scalar_function_set_function(f, address_text);
	bool done = api->register_scalar_function(con->con, f) == DuckDBSuccess;

	api->destroy_logical_type(&v4);
	api->destroy_logical_type(&v6);
	api->destroy_logical_type(&text);
	api->destroy_scalar_function(&f);
	return done;
}

int nr_duck_functions(struct nr_duck_con *con, struct nr_err *reterr)
{
	static const struct aggregate aggregates[] = {
		{ "sources",
		  { DUCKDB_TYPE_BLOB },
		  DUCKDB_TYPE_UBIGINT,
		  sketch_update,
		  sketch_to_count },
		{ "merge_sources",
		  { DUCKDB_TYPE_BLOB },
		  DUCKDB_TYPE_BLOB,
		  sketch_update,
		  sketch_to_bytes },
		{ "count_sources",
		  { DUCKDB_TYPE_UINTEGER, DUCKDB_TYPE_UHUGEINT },
		  DUCKDB_TYPE_UBIGINT,
		  sources_update,
		  sketch_to_count },
		{ "sketch_sources",
		  { DUCKDB_TYPE_UINTEGER, DUCKDB_TYPE_UHUGEINT },
		  DUCKDB_TYPE_BLOB,
		  sources_update,
		  sketch_to_bytes },
	};
	bool done = add_address(con);
	int ret = nr_duck_run(con, "CREATE OR REPLACE MACRO reached(x, m) AS max(x, m)[m]", reterr);

	if (ret < 0)
		return ret;

	for (size_t i = 0; i < NR_COUNT(aggregates) && done; i++)
		done = add_aggregate(con, &aggregates[i]);
	if (!done)
		return nr_fail(reterr, -EIO, "DuckDB does not take our functions");
	return 0;
}
