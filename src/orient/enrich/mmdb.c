/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a MaxMind DB, walked without recursion. A hostile file can join its branches so that
 * the same node is reached on endlessly many ways: the steps are counted.
 */
#include <maxminddb.h>
#include <time.h>

#include "base/err.h"
#include "orient/enrich/readers.h"

enum { BITS = 128 };

struct turn {
	uint64_t node;
	nr_u128 net;
	int depth;
};

struct walk {
	struct nr_pool *pool;
	const char *path;
	MMDB_s *db;
	struct turn stack[BITS + 1];
	int n_stack;
	int bits;	 /* of an address in this tree */
	uint64_t n_left; /* steps still allowed */
	struct nr_err *reterr;
};

static struct nr_str text_at(MMDB_entry_s *entry, const char *const *path)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UTF8_STRING)
		return NR_STR("");
	return (struct nr_str){ data.utf8_string, data.data_size };
}

static struct nr_str first_text(MMDB_entry_s *entry, const char *const *const *paths)
{
	struct nr_str text = NR_STR("");

	for (; *paths != NULL && text.n == 0; paths++)
		text = text_at(entry, *paths);
	return text;
}

static uint32_t number_at(MMDB_entry_s *entry, const char *const *path)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UINT32)
		return 0;
	return data.uint32;
}

/* MaxMind's names first, then those of ip-location-db and others. */
static void read_fields(MMDB_entry_s *entry, struct nr_pool_row *row)
{
	static const char *const country[] = { "country", "iso_code", NULL },
				 *const code[] = { "country_code", NULL },
				 *const plain[] = { "country", NULL };
	static const char *const *const economies[] = { country, code, plain, NULL };
	static const char *const org[] = { "autonomous_system_organization", NULL },
				 *const as_name[] = { "as_name", NULL },
				 *const name[] = { "name", NULL };
	static const char *const *const names[] = { org, as_name, name, NULL };
	static const char *const number[] = { "autonomous_system_number", NULL }, *const asn[] = {
		"asn", NULL
	};
	struct nr_str text = text_at(entry, asn);
	uint64_t value = 0;

	row->name = first_text(entry, names);
	row->asn = number_at(entry, number);
	if (row->asn == 0)
		row->asn = number_at(entry, asn);
	if (nr_str_starts(text, NR_STR("AS")))
		text = (struct nr_str){ text.p + 2, text.n - 2 };
	if (row->asn == 0 && nr_str_u64(text, 1, UINT32_MAX, &value) == 0)
		row->asn = (uint32_t)value;
	if (nr_pool_economy(first_text(entry, economies), row->economy) < 0)
		row->economy[0] = '\0'; /* a country's name, a continent */
}

static int leaf(struct walk *w, MMDB_entry_s *entry, const struct turn *at)
{
	nr_u128 size = at->depth == 0 ? ~(nr_u128)0 : ((nr_u128)1 << (w->bits - at->depth)) - 1;
	struct nr_pool_row row = { .family = NR_POOL_V6, .lo = at->net, .hi = at->net | size };
	int ret = 0;

	/* IPv4 is the first 2^32 addresses of an IPv6 tree */
	if (w->bits == 32 || row.hi <= UINT32_MAX)
		row.family = NR_POOL_V4;
	if (w->bits == 32)
		row.hi &= UINT32_MAX;
	read_fields(entry, &row);
	ret = nr_pool_add(w->pool, &row);
	return ret < 0 ? nr_fail(w->reterr, ret, "%s: %s", w->path, nr_err_text(ret)) : 0;
}

static int damaged(const struct walk *w, const char *what)
{
	return nr_fail(w->reterr, NR_EDAMAGED, "%s: %s", w->path, what);
}

static int branch(struct walk *w, const struct turn *from, bool right)
{
	MMDB_search_node_s node;
	struct turn to = { .depth = from->depth + 1 };
	uint8_t type = 0;
	MMDB_entry_s *entry = NULL;

	if (MMDB_read_node(w->db, (uint32_t)from->node, &node) != MMDB_SUCCESS)
		return damaged(w, "a node cannot be read");
	to.net = from->net | (right ? (nr_u128)1 << (w->bits - to.depth) : 0);
	to.node = right ? node.right_record : node.left_record;
	type = right ? node.right_record_type : node.left_record_type;
	entry = right ? &node.right_record_entry : &node.left_record_entry;
	if (type == MMDB_RECORD_TYPE_DATA)
		return leaf(w, entry, &to);
	if (type == MMDB_RECORD_TYPE_EMPTY)
		return 0;
	if (type != MMDB_RECORD_TYPE_SEARCH_NODE)
		return damaged(w, "a record points outside");
	if (to.depth >= w->bits)
		return damaged(w, "the tree is deeper than an address");
	/* 6to4, Teredo and mapped addresses lead into the IPv4 part again */
	if (w->bits == BITS && to.node == w->db->ipv4_start_node.node_value && to.net != 0)
		return 0;
	w->stack[w->n_stack++] = to;
	return 0;
}

static int walk(struct walk *w)
{
	int ret = 0;

	w->stack[w->n_stack++] = (struct turn){ .node = 0 };
	while (w->n_stack > 0 && ret == 0) {
		struct turn at = w->stack[--w->n_stack];

		if (w->n_left-- == 0)
			return damaged(w, "the tree is no tree");
		/* right first, so that the stack never holds more than one turn per bit */
		ret = branch(w, &at, true);
		if (ret == 0)
			ret = branch(w, &at, false);
	}
	return ret;
}

static void add_version(const MMDB_s *db, struct nr_buf *version)
{
	char safe[128];
	time_t built = (time_t)db->metadata.build_epoch;
	struct tm tm = { .tm_year = 0 };

	nr_str_escape(nr_str_from(db->metadata.database_type), safe, sizeof(safe));
	nr_buf_addf(version, "%s ", safe);
	if (gmtime_r(&built, &tm) != NULL)
		nr_buf_addf(version, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
			    tm.tm_mday);
}

int nr_mmdb_read(struct nr_pool *pool, const char *path, struct nr_buf *version,
		 struct nr_err *reterr)
{
	MMDB_s db;
	struct walk w = { .pool = pool, .path = path, .db = &db, .reterr = reterr };
	int status = MMDB_open(path, MMDB_MODE_MMAP, &db);
	int ret = 0;

	if (status == MMDB_FILE_OPEN_ERROR)
		return nr_fail(reterr, -ENOENT, "%s: cannot be opened", path);
	if (status != MMDB_SUCCESS)
		return nr_fail(reterr, NR_EFORMAT, "%s: %s", path, MMDB_strerror(status));
	w.bits = db.depth == 32 ? 32 : BITS;
	w.n_left = (uint64_t)db.metadata.node_count * 2 + 1;
	add_version(&db, version);
	ret = walk(&w);
	MMDB_close(&db);
	return ret;
}
