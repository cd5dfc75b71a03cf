/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/intern.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"

struct item {
	uint64_t hash;
	size_t at;
	size_t n;
};

struct nr_intern {
	struct nr_hash_key key;
	struct nr_buf bytes;
	struct item *items; /* by id */
	uint32_t n_items, cap_items;
	uint32_t *slots; /* id, 0: free; at most half full */
	size_t n_slots;	 /* a power of two */
};

enum { FIRST_ITEMS = 1024 };

int nr_intern_new(size_t max_bytes, struct nr_intern **ret_intern)
{
	nr_auto(nr_intern) intern = calloc(1, sizeof(*intern));
	int ret = 0;

	if (intern == NULL)
		return -ENOMEM;
	nr_buf_init(&intern->bytes, max_bytes);
	ret = nr_hash_key_random(&intern->key);
	if (ret < 0)
		return ret;
	intern->cap_items = FIRST_ITEMS;
	intern->n_slots = 2 * FIRST_ITEMS;
	intern->items = calloc(intern->cap_items, sizeof(intern->items[0]));
	intern->slots = calloc(intern->n_slots, sizeof(intern->slots[0]));
	if (intern->items == NULL || intern->slots == NULL)
		return -ENOMEM;
	intern->n_items = 1;
	*ret_intern = NR_TAKE(intern);
	return 0;
}

struct nr_intern *nr_intern_free(struct nr_intern *intern)
{
	if (intern == NULL)
		return NULL;
	nr_buf_done(&intern->bytes);
	free(intern->items);
	free(intern->slots);
	free(intern);
	return NULL;
}

static int grow(struct nr_intern *intern)
{
	uint32_t cap = intern->cap_items * 2;
	size_t n_slots = intern->n_slots * 2;
	struct item *items = realloc(intern->items, cap * sizeof(*items));
	uint32_t *slots = NULL;

	if (items == NULL)
		return -ENOMEM;
	intern->items = items;
	slots = calloc(n_slots, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t id = 1; id < intern->n_items; id++) {
		size_t at = items[id].hash & (n_slots - 1);

		while (slots[at] != 0)
			at = (at + 1) & (n_slots - 1);
		slots[at] = id;
	}
	free(intern->slots);
	intern->slots = slots;
	intern->n_slots = n_slots;
	intern->cap_items = cap;
	return 0;
}

int nr_intern_id(struct nr_intern *intern, struct nr_str s, uint32_t *ret_id)
{
	uint64_t hash = 0;
	size_t at = 0;

	if (s.n == 0) {
		*ret_id = 0;
		return 0;
	}
	hash = nr_siphash13(&intern->key, s.p, s.n);
	if (intern->n_items == intern->cap_items) {
		int ret = intern->n_items >= NR_INTERN_MAX ? (int)NR_ELIMIT : grow(intern);

		if (ret < 0)
			return ret;
	}
	for (at = hash & (intern->n_slots - 1); intern->slots[at] != 0;
	     at = (at + 1) & (intern->n_slots - 1)) {
		const struct item *item = &intern->items[intern->slots[at]];

		if (item->hash == hash && item->n == s.n &&
		    memcmp(intern->bytes.p + item->at, s.p, s.n) == 0) {
			*ret_id = intern->slots[at];
			return 0;
		}
	}
	intern->items[intern->n_items] =
		(struct item){ .hash = hash, .at = intern->bytes.n, .n = s.n };
	nr_buf_add(&intern->bytes, s.p, s.n);
	if (intern->bytes.err < 0)
		return intern->bytes.err;
	intern->slots[at] = intern->n_items;
	*ret_id = intern->n_items++;
	return 0;
}

struct nr_str nr_intern_get(const struct nr_intern *intern, uint32_t id)
{
	nr_require(id < intern->n_items);
	if (id == 0)
		return NR_STR("");
	return (struct nr_str){ (const char *)intern->bytes.p + intern->items[id].at,
				intern->items[id].n };
}

uint32_t nr_intern_n(const struct nr_intern *intern)
{
	return intern->n_items;
}
