/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pool of ranges -> segments without overlap -> records and tables -> bytes of the file.
 * Memory for the world's tables: about 100 MB while building.
 */
#include "orient/enrich/image.h"

#include <stdlib.h>

#include "base/hash.h"
#include "orient/enrich/prefixes_file.h"

/* What is built from the pool; sections in file order. */
struct image {
	struct nr_buf sections[NR_SECTIONS];
	struct nr_intern *records; /* of struct record_key; the id is the index in the file */
	uint32_t *name_at;	   /* by name id: offset in the names section, 0: not yet written */
	uint32_t *named; /* by origin id: an origin of the same AS that has a name, or itself */
};

struct record_key {
	uint32_t origin;
	uint32_t economy; /* two letters */
};

static void image_done(struct image *image)
{
	for (size_t i = 0; i < NR_SECTIONS; i++)
		nr_buf_done(&image->sections[i]);
	image->records = nr_intern_free(image->records);
	free(image->name_at);
	free(image->named);
}

static void add_u32(struct image *image, enum nr_prefixes_section section, uint32_t v)
{
	nr_buf_add(&image->sections[section], &v, sizeof(v));
}

static void add_u64(struct image *image, enum nr_prefixes_section section, uint64_t v)
{
	nr_buf_add(&image->sections[section], &v, sizeof(v));
}

static uint32_t count_of(const struct image *image, enum nr_prefixes_section section)
{
	return (uint32_t)(image->sections[section].n / nr_prefixes_element(section));
}

struct named_as {
	uint32_t asn, origin;
};

static int named_as_cmp(const void *va, const void *vb)
{
	const struct named_as *a = va, *b = vb;

	if (a->asn != b->asn)
		return a->asn < b->asn ? -1 : 1;
	return a->origin < b->origin ? -1 : a->origin > b->origin;
}

/* A source without names (pfx2as) borrows those of the first source that has one for the same AS. */
static int find_names(struct image *image, const struct nr_pool *pool)
{
	uint32_t n = nr_intern_n(pool->origins), n_named = 0;
	struct named_as *list = calloc(n, sizeof(*list));

	image->named = calloc(n, sizeof(image->named[0]));
	if (list == NULL || image->named == NULL) {
		free(list);
		return -ENOMEM;
	}
	for (uint32_t id = 1; id < n; id++) {
		struct nr_pool_origin origin = nr_pool_origin(pool, id);

		if (origin.name != 0)
			list[n_named++] = (struct named_as){ origin.asn, id };
	}
	qsort(list, n_named, sizeof(*list), named_as_cmp);
	for (uint32_t id = 1; id < n; id++) {
		struct nr_pool_origin origin = nr_pool_origin(pool, id);
		size_t lo = 0, hi = n_named;

		image->named[id] = id;
		while (lo < hi && origin.name == 0) {
			size_t mid = lo + (hi - lo) / 2;

			if (list[mid].asn < origin.asn)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (origin.name == 0 && lo < n_named && list[lo].asn == origin.asn)
			image->named[id] = list[lo].origin;
	}
	free(list);
	return 0;
}

static uint32_t name_offset(struct image *image, const struct nr_pool *pool, uint32_t name)
{
	struct nr_buf *names = &image->sections[NR_SECTION_NAMES];

	if (name != 0 && image->name_at[name] == 0) {
		image->name_at[name] = (uint32_t)names->n;
		nr_buf_add_str(names, nr_intern_get(pool->names, name));
		nr_buf_add(names, "", 1);
	}
	return image->name_at[name];
}

/* Index of the record for an origin and an economy, made when it is new. */
static int record_of(struct image *image, const struct nr_pool *pool, struct record_key key,
		     uint32_t *ret_index)
{
	uint32_t n = nr_intern_n(image->records);
	struct nr_prefixes_record record = { .asn = 0 };
	struct nr_pool_origin origin;
	int ret = 0;

	*ret_index = 0;
	if (key.origin == 0 && key.economy == 0)
		return 0;
	key.origin = image->named[key.origin];
	ret = nr_intern_id(image->records, (struct nr_str){ (const char *)&key, sizeof(key) },
			   ret_index);
	if (ret < 0 || *ret_index != n)
		return ret;
	origin = nr_pool_origin(pool, key.origin);
	record.asn = origin.asn;
	record.name = name_offset(image, pool, origin.name);
	record.economy[0] = (char)(key.economy >> 8);
	record.economy[1] = (char)key.economy;
	nr_buf_add(&image->sections[NR_SECTION_RECORDS], &record, sizeof(record));
	return 0;
}

struct segments {
	struct nr_segment *items;
	size_t n;
};

/* The two sets of one family, laid over each other: segments whose value is a record. */
static int overlay(struct image *image, const struct nr_pool *pool, const struct segments *origin,
		   const struct segments *economy, struct segments *out)
{
	size_t i = 0, j = 0;

	out->items = calloc(origin->n + economy->n, sizeof(out->items[0]));
	if (out->items == NULL)
		return -ENOMEM;
	for (;;) {
		struct record_key key = { origin->items[i].value, economy->items[j].value };
		nr_u128 lo = origin->items[i].lo > economy->items[j].lo ? origin->items[i].lo
									: economy->items[j].lo;
		bool more_i = i + 1 < origin->n, more_j = j + 1 < economy->n;
		uint32_t index = 0;
		int ret = record_of(image, pool, key, &index);

		if (ret < 0)
			return ret;
		if (out->n == 0 || out->items[out->n - 1].value != index)
			out->items[out->n++] = (struct nr_segment){ .lo = lo, .value = index };
		if (!more_i && !more_j)
			return 0;
		if (more_i && more_j && origin->items[i + 1].lo == economy->items[j + 1].lo) {
			i++;
			j++;
		} else if (more_i &&
			   (!more_j || origin->items[i + 1].lo < economy->items[j + 1].lo)) {
			i++;
		} else {
			j++;
		}
	}
}

static int family_segments(struct image *image, struct nr_pool *pool, enum nr_pool_family family,
			   struct segments *out)
{
	struct segments origin = { .items = NULL }, economy = { .items = NULL };
	int ret = nr_ranges_flatten(&pool->origin[family], nr_pool_last(family), &origin.items,
				    &origin.n);

	if (ret == 0)
		ret = nr_ranges_flatten(&pool->economy[family], nr_pool_last(family),
					&economy.items, &economy.n);
	if (ret == 0)
		ret = overlay(image, pool, &origin, &economy, out);
	free(origin.items);
	free(economy.items);
	return ret;
}

/* One level of runs being written slot by slot. */
struct runs {
	struct image *image;
	enum nr_prefixes_section groups, values;
	struct nr_prefixes_group group;
	unsigned slot;
	uint32_t last;
};

/* @p n slots of one value, a new run in any case when @p always. */
static void runs_add(struct runs *runs, uint32_t value, uint64_t n, bool always)
{
	if (value != runs->last || always) {
		runs->group.starts |= UINT32_C(1) << runs->slot;
		add_u32(runs->image, runs->values, value);
		runs->last = value;
	}
	while (n > 0) {
		unsigned left = NR_PREFIXES_SLOTS - runs->slot;

		if (n < left) {
			runs->slot += (unsigned)n;
			return;
		}
		n -= left;
		nr_buf_add(&runs->image->sections[runs->groups], &runs->group, sizeof(runs->group));
		runs->group.base += (uint32_t)__builtin_popcount(runs->group.starts);
		runs->group.starts = 0;
		runs->slot = 0;
	}
}

/* The 256 addresses of a block within which segment @p at ends. @return the segment of the last one */
static size_t write_v4_fine(struct runs *fine, const struct segments *segments, size_t at,
			    uint64_t block)
{
	for (uint64_t ip = block; ip < block + 256;) {
		uint64_t end = block + 256;

		if (at + 1 < segments->n && segments->items[at + 1].lo < end)
			end = (uint64_t)segments->items[at + 1].lo;
		runs_add(fine, segments->items[at].value, end - ip, ip == block);
		at += end < block + 256;
		ip = end;
	}
	return at;
}

static void write_v4(struct image *image, const struct segments *segments)
{
	struct runs top = {
		.image = image,
		.groups = NR_SECTION_V4_TOP,
		.values = NR_SECTION_V4_RUNS,
	};
	struct runs fine = {
		.image = image,
		.groups = NR_SECTION_V4_FINE,
		.values = NR_SECTION_V4_FINE_RUNS,
	};
	uint32_t n_fine = 0;
	size_t at = 0;

	add_u32(image, NR_SECTION_V4_RUNS, 0);
	add_u32(image, NR_SECTION_V4_FINE_RUNS, 0);
	for (uint64_t block = 0; block < UINT64_C(1) << 32;) {
		uint64_t end = UINT64_C(1) << 32;

		while (at + 1 < segments->n && segments->items[at + 1].lo <= block)
			at++;
		if (at + 1 < segments->n)
			end = (uint64_t)segments->items[at + 1].lo & ~UINT64_C(255);
		if (end > block) {
			runs_add(&top, segments->items[at].value, (end - block) / 256, false);
			block = end;
		} else {
			runs_add(&top, NR_PREFIXES_FINE | n_fine++, 1, true);
			at = write_v4_fine(&fine, segments, at, block);
			block += 256;
		}
	}
}

/* The segments of one upper half that is cut within: [from, to) begin in it, before them holds `value`. */
static void write_v6_fine(struct image *image, const struct nr_segment *from,
			  const struct nr_segment *to, uint32_t value)
{
	add_u32(image, NR_SECTION_V6_FINE, count_of(image, NR_SECTION_V6_FINE_STARTS));
	if ((uint64_t)from->lo != 0) {
		add_u64(image, NR_SECTION_V6_FINE_STARTS, 0);
		add_u32(image, NR_SECTION_V6_FINE_VALUES, value);
	}
	for (; from < to; from++) {
		add_u64(image, NR_SECTION_V6_FINE_STARTS, (uint64_t)from->lo);
		add_u32(image, NR_SECTION_V6_FINE_VALUES, from->value);
	}
}

static void add_v6(struct image *image, uint64_t start, uint32_t value)
{
	add_u64(image, NR_SECTION_V6_STARTS, start);
	add_u32(image, NR_SECTION_V6_VALUES, value);
}

static void write_v6_segments(struct image *image, const struct segments *segments)
{
	const struct nr_segment *end = segments->items + segments->n;
	uint32_t n_fine = 0, before = 0;
	uint64_t next = 0; /* upper half behind the last fine block; only used when `pending` */
	bool pending = false;

	for (const struct nr_segment *s = segments->items; s < end;) {
		uint64_t half = (uint64_t)(s->lo >> 64);
		const struct nr_segment *to = s;

		while (to < end && (uint64_t)(to->lo >> 64) == half)
			to++;
		if (pending && next < half)
			add_v6(image, next, before);
		if (to == s + 1 && (uint64_t)s->lo == 0) {
			add_v6(image, half, s->value);
			pending = false;
		} else {
			write_v6_fine(image, s, to, before);
			add_v6(image, half, NR_PREFIXES_FINE | n_fine++);
			next = half + 1;
			pending = next != 0;
		}
		before = to[-1].value;
		s = to;
	}
	if (pending)
		add_v6(image, next, before);
	add_u32(image, NR_SECTION_V6_FINE, count_of(image, NR_SECTION_V6_FINE_STARTS));
}

static void write_v6(struct image *image, const struct segments *segments)
{
	const struct nr_buf *buf = &image->sections[NR_SECTION_V6_STARTS];
	const uint64_t *starts = NULL;
	uint32_t n = 0, at = 0;

	write_v6_segments(image, segments);
	if (buf->err < 0)
		return;
	starts = (const uint64_t *)(const void *)buf->p;
	n = count_of(image, NR_SECTION_V6_STARTS);
	for (uint64_t i = 0; i < NR_PREFIXES_V6_INDEX; i++) {
		while (at + 1 < n && starts[at + 1] <= (NR_PREFIXES_V6_FIRST + i)
							       << NR_PREFIXES_V6_SHIFT)
			at++;
		add_u32(image, NR_SECTION_V6_INDEX, at);
	}
}

static int image_fill(struct image *image, struct nr_pool *pool)
{
	struct segments v4 = { .items = NULL }, v6 = { .items = NULL };
	static const struct nr_prefixes_record empty;
	int ret = nr_intern_new((size_t)NR_INTERN_MAX * sizeof(struct record_key), &image->records);

	if (ret < 0)
		return ret;
	image->name_at = calloc(nr_intern_n(pool->names), sizeof(image->name_at[0]));
	if (image->name_at == NULL)
		return -ENOMEM;
	nr_buf_add(&image->sections[NR_SECTION_NAMES], "", 1);
	nr_buf_add(&image->sections[NR_SECTION_RECORDS], &empty, sizeof(empty));
	ret = find_names(image, pool);
	if (ret == 0)
		ret = family_segments(image, pool, NR_POOL_V4, &v4);
	if (ret == 0)
		ret = family_segments(image, pool, NR_POOL_V6, &v6);
	if (ret == 0) {
		write_v4(image, &v4);
		write_v6(image, &v6);
	}
	free(v4.items);
	free(v6.items);
	for (size_t i = 0; i < NR_SECTIONS && ret == 0; i++)
		ret = image->sections[i].err;
	return ret;
}

static void pad(struct nr_buf *file)
{
	static const uint8_t zeros[NR_PREFIXES_ALIGN];

	nr_buf_add(file, zeros,
		   (NR_PREFIXES_ALIGN - file->n % NR_PREFIXES_ALIGN) % NR_PREFIXES_ALIGN);
}

static int image_join(const struct image *image, struct nr_buf *file)
{
	struct nr_prefixes_header header = { .format = NR_PREFIXES_FORMAT,
					     .n_sections = NR_SECTIONS };

	memcpy(header.magic, NR_PREFIXES_MAGIC, sizeof(header.magic));
	nr_buf_add(file, &header, sizeof(header));
	for (size_t i = 0; i < NR_SECTIONS; i++) {
		pad(file);
		header.sections[i].at = file->n;
		header.sections[i].n_bytes = image->sections[i].n;
		nr_buf_add(file, image->sections[i].p, image->sections[i].n);
	}
	pad(file);
	if (file->err < 0)
		return file->err;
	header.size = file->n;
	memcpy(file->p, &header, sizeof(header));
	header.crc32c = nr_crc32c(0, file->p, file->n);
	memcpy(file->p, &header, sizeof(header));
	return 0;
}

int nr_image_make(struct nr_pool *pool, struct nr_str version, struct nr_buf *file)
{
	struct image image = { .records = NULL };
	struct nr_buf *text = &image.sections[NR_SECTION_VERSION];
	int ret = 0;

	for (size_t i = 0; i < NR_SECTIONS; i++)
		nr_buf_init(&image.sections[i], NR_PREFIXES_FILE_MAX);
	nr_buf_add_str(text, version);
	nr_buf_add(text, "", 1);
	ret = image_fill(&image, pool);
	if (ret == 0)
		ret = image_join(&image, file);
	image_done(&image);
	return ret;
}
