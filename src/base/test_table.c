/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "base/cmocka.h"
#include "base/hash.h"

/* Two kinds of hash: one that an attacker could know, and a keyed one. */
struct entry {
	uint64_t id;
	uint32_t value;
};

static const struct nr_hash_key key_a = { { 1, 2, 3, 4 } };
static const struct nr_hash_key key_b = { { UINT64_C(0x9e3779b97f4a7c15), 99, UINT64_C(0xabcdef),
					    7 } };

static uint64_t hash_of(const struct nr_hash_key *key, uint64_t id)
{
	return nr_hash64(key, id, 0);
}

static uint64_t entry_hash(const void *entry, const void *ctx)
{
	return hash_of(ctx, ((const struct entry *)entry)->id);
}

static bool entry_eq(const void *entry, const void *key)
{
	return ((const struct entry *)entry)->id == *(const uint64_t *)key;
}

static struct entry *look(struct nr_table *t, uint64_t id)
{
	return nr_table_find(t, hash_of(t->hash_ctx, id), entry_eq, &id);
}

static struct entry *add(struct nr_table *t, uint64_t id)
{
	struct entry *e = nr_table_insert(t, hash_of(t->hash_ctx, id));

	if (e != NULL)
		e->id = id;
	return e;
}

static struct entry *add_or_find(struct nr_table *t, uint64_t id, bool *fresh)
{
	struct entry *e = nr_table_find_or_add(t, hash_of(t->hash_ctx, id), entry_eq, &id, fresh);

	if (e != NULL && *fresh)
		*e = (struct entry){ .id = id };
	return e;
}

static void make(struct nr_table *t, uint32_t max, const struct nr_hash_key *key)
{
	assert_int_equal(nr_table_init(t, sizeof(struct entry), max, entry_hash, key), 0);
}

static void what_was_inserted_is_found_and_nothing_else(void **state)
{
	struct nr_table t;

	(void)state;
	make(&t, NR_TABLE_MAX, &key_a);
	for (uint64_t id = 0; id < 20000; id++) {
		struct entry *e = add(&t, id * 3);

		assert_non_null(e);
		assert_int_equal(e->value, 0); /* zeroed, though memory may have been used before */
		e->value = (uint32_t)id;
	}
	for (uint64_t id = 0; id < 20000; id++) {
		assert_int_equal(look(&t, id * 3)->value, id);
		assert_null(look(&t, id * 3 + 1));
	}
	assert_int_equal(t.n, 20000);
	nr_table_done(&t);
}

static void entries_do_not_move_and_keep_the_order_of_arrival_under_any_key(void **state)
{
	const struct nr_hash_key *keys[] = { &key_a, &key_b };

	(void)state;
	for (size_t k = 0; k < NR_COUNT(keys); k++) {
		struct nr_table t;

		make(&t, NR_TABLE_MAX, keys[k]);
		struct entry *first = add(&t, nr_mix64(0));

		for (uint64_t i = 1; i < 5000; i++)
			assert_non_null(add(&t, nr_mix64(i)));
		assert_ptr_equal(look(&t, nr_mix64(0)), first);
		for (uint32_t i = 0; i < 5000; i++)
			assert_int_equal(((struct entry *)nr_table_at(&t, i))->id, nr_mix64(i));
		nr_table_done(&t);
	}
}

static void find_or_add_agrees_with_find_and_insert(void **state)
{
	struct nr_table a, b;

	(void)state;
	make(&a, 3000, &key_a);
	make(&b, 3000, &key_a);
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t id = nr_mix64(i) % 4000;
		bool fresh, was = look(&b, id) != NULL;
		struct entry *e = add_or_find(&a, id, &fresh),
			     *f = was ? look(&b, id) : add(&b, id);

		assert_int_equal(fresh, !was);
		assert_int_equal(e == NULL, f == NULL);
		assert_int_equal(a.n, b.n);
		assert_int_equal(a.n_refused, b.n_refused);
	}
	assert_int_equal(a.n, 3000);
	assert_true(a.n_refused > 0);
	nr_table_done(&a);
	nr_table_done(&b);
}

static void at_the_limit_entries_are_refused_counted_and_no_memory_is_taken(void **state)
{
	struct nr_table t;

	(void)state;
	make(&t, 1000, &key_a);
	for (uint64_t id = 0; id < 1000; id++)
		assert_non_null(add(&t, id));
	assert_null(add(&t, 1000)); /* the index may grow this once */
	size_t bytes = nr_table_bytes(&t);

	for (uint64_t id = 1001; id < 100000; id++) {
		bool fresh;

		assert_null(add_or_find(&t, id, &fresh));
	}
	assert_int_equal(t.n, 1000);
	assert_int_equal(t.n_refused, 99000);
	assert_int_equal(nr_table_bytes(&t), bytes);
	for (uint64_t id = 0; id < 1000; id++)
		assert_non_null(look(&t, id));
	nr_table_done(&t);
}

static bool keep_even(void *entry, void *ctx)
{
	(*(unsigned *)ctx)++;
	return ((struct entry *)entry)->id % 2 == 0;
}

static bool keep_small(void *entry, void *ctx)
{
	return ((struct entry *)entry)->id < *(const uint64_t *)ctx;
}

static void a_sweep_keeps_order_and_finds_only_what_it_kept(void **state)
{
	unsigned asked = 0;
	uint64_t few = 10;
	struct nr_table t;

	(void)state;
	make(&t, NR_TABLE_MAX, &key_a);
	for (uint64_t id = 0; id < 50000; id++)
		assert_non_null(add(&t, id));
	size_t full = nr_table_bytes(&t);

	nr_table_sweep(&t, keep_even, &asked);
	assert_int_equal(asked, 50000);
	assert_int_equal(t.n, 25000);
	for (uint64_t id = 0; id < 50000; id++)
		assert_int_equal(look(&t, id) != NULL, id % 2 == 0);
	for (uint32_t i = 0; i < t.n; i++)
		assert_int_equal(((struct entry *)nr_table_at(&t, i))->id, 2 * i);
	nr_table_sweep(&t, keep_small, &few);
	assert_int_equal(t.n, 5);
	assert_true(nr_table_bytes(&t) < full / 20); /* memory of a burst is given back */
	for (uint64_t id = 100; id < 2000; id++) {   /* and it grows again */
		bool fresh;

		assert_non_null(add_or_find(&t, id, &fresh));
		assert_true(fresh);
	}
	assert_int_equal(t.n, 1905);
	nr_table_done(&t);
}

static void forgotten_entries_keep_their_numbers_but_are_not_found(void **state)
{
	struct nr_table t;

	(void)state;
	make(&t, NR_TABLE_MAX, &key_a);
	for (unsigned round = 0; round < 50; round++) {
		for (uint64_t id = 0; id < 100; id++) {
			bool fresh;
			struct entry *e = add_or_find(&t, id, &fresh);

			assert_true(fresh);
			e->value = round;
		}
		assert_int_equal(look(&t, 7)->value, round);
		nr_table_forget(&t);
		assert_null(look(&t, 7));
	}
	assert_int_equal(t.n, 5000);
	for (uint32_t i = 0; i < t.n; i++)
		assert_int_equal(((struct entry *)nr_table_at(&t, i))->value, i / 100);
	nr_table_clear(&t);
	assert_int_equal(t.n, 0);
	assert_null(look(&t, 7));
	nr_table_done(&t);
}

static void what_is_forgotten_takes_no_place_from_what_is_not(void **state)
{
	struct nr_table t;
	bool fresh;

	(void)state;
	make(&t, 300, &key_a);
	for (uint64_t id = 0; id < 250; id++)
		assert_non_null(add(&t, id));
	nr_table_forget(&t);
	for (uint64_t id = 0; id < 300; id++)
		assert_non_null(add_or_find(&t, id, &fresh));
	assert_null(add_or_find(&t, 300, &fresh));
	assert_int_equal(t.n_refused, 1);
	nr_table_done(&t);
}

static void a_cleared_table_is_as_good_as_new(void **state)
{
	struct nr_table t;

	(void)state;
	make(&t, NR_TABLE_MAX, &key_a);
	for (unsigned round = 0; round < 6; round++) {
		uint64_t n = round % 2 == 0 ? 20000 : 10; /* a burst, then next to nothing */

		for (uint64_t id = 0; id < n; id++) {
			assert_null(look(&t, id + round * 100000));
			assert_non_null(add(&t, id + round * 100000));
		}
		assert_int_equal(t.n, n);
		nr_table_clear(&t);
	}
	assert_true(nr_table_bytes(&t) < 20000 * sizeof(struct entry));
	nr_table_done(&t);
}

static void a_saved_table_loads_the_same_under_another_key(void **state)
{
	static const uint32_t counts[] = { 0, 1, 255, 256, 257, 5000, 5000 };

	(void)state;
	for (size_t c = 0; c < NR_COUNT(counts); c++) {
		struct nr_table t, u;
		struct nr_buf saved;

		make(&t, 8000, &key_a);
		make(&u, 8000, &key_b);
		nr_buf_init(&saved, 1 << 24);
		for (uint64_t id = 0; id < counts[c]; id++)
			add(&t, id)->value = (uint32_t)id;
		if (c % 2 == 1)
			nr_table_forget(&t);
		assert_non_null(add(&t, 7777777));
		assert_non_null(add(&u, 3)); /* replaced */
		nr_table_save(&t, &saved);

		struct nr_reader in = nr_reader_of(saved.p, saved.n);

		assert_int_equal(nr_table_load(&u, &in), 0);
		assert_int_equal(nr_reader_left(&in), 0);
		assert_int_equal(u.n, counts[c] + 1);
		for (uint32_t i = 0; i < u.n; i++)
			assert_memory_equal(nr_table_at(&u, i), nr_table_at(&t, i),
					    sizeof(struct entry));
		assert_non_null(look(&u, 7777777));
		assert_int_equal(look(&u, 0) != NULL, look(&t, 0) != NULL);
		nr_table_done(&t);
		nr_table_done(&u);
		nr_buf_done(&saved);
	}
}

static void a_cut_or_lying_snapshot_is_refused_at_every_byte(void **state)
{
	struct nr_table t, u;
	struct nr_buf saved;

	(void)state;
	make(&t, 400, &key_a);
	make(&u, 300, &key_a);
	nr_buf_init(&saved, 1 << 20);
	for (uint64_t id = 0; id < 300; id++)
		assert_non_null(add(&t, id));
	nr_table_save(&t, &saved);
	for (size_t n = 0; n < saved.n; n++) {
		struct nr_reader in = nr_reader_of(saved.p, n);

		assert_int_equal(nr_table_load(&u, &in), NR_EDAMAGED);
	}
	assert_non_null(add(&t, 300));
	nr_buf_reset(&saved);
	nr_table_save(&t, &saved);
	struct nr_reader in = nr_reader_of(saved.p, saved.n);

	assert_int_equal(nr_table_load(&u, &in), NR_ELIMIT);
	nr_buf_reset(&saved);
	nr_write_varint(&saved, 1);
	nr_write_varint(&saved, 2); /* two forgotten of one */
	nr_buf_add(&saved, nr_table_at(&t, 0), sizeof(struct entry));
	in = nr_reader_of(saved.p, saved.n);
	assert_int_equal(nr_table_load(&u, &in), NR_EDAMAGED);
	nr_table_done(&t);
	nr_table_done(&u);
	nr_buf_done(&saved);
}

/* Longest run of used slots: no search looks at more. */
static uint32_t longest_run(const struct nr_table *t)
{
	uint32_t run = 0, longest = 0;

	for (uint64_t i = 0; i < 2 * ((uint64_t)t->mask + 1); i++) {
		run = t->index[i & t->mask] != 0 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* Hostile input 9. An unkeyed hash of such keys would put them side by side or on one another. */
static void hostile_9_keys_chosen_to_collide_do_not_under_a_key(void **state)
{
	static const struct {
		const char *what;
		uint64_t step, n;
	} cases[] = {
		{ "one /24", 1, 256 },
		{ "same low 16 bits", 1 << 16, 60000 },
		{ "same low 32 bits", UINT64_C(1) << 32, 60000 },
		{ "same high bits", 1, 60000 },
		{ "multiples of a prime of the mixer", UINT64_C(0xd6e8feb86659fd93), 60000 },
	};
	struct nr_hash_key key;

	(void)state;
	for (size_t c = 0; c < NR_COUNT(cases); c++) {
		struct nr_table t;

		assert_int_equal(nr_hash_key_random(&key), 0);
		make(&t, NR_TABLE_MAX, &key);
		for (uint64_t i = 0; i < cases[c].n; i++)
			assert_non_null(add(&t, i * cases[c].step));
		if (t.max_probe > 200 || longest_run(&t) > 500)
			fail_msg("%s: probe %u, run %u", cases[c].what, t.max_probe,
				 longest_run(&t));
		nr_table_done(&t);
	}
}

static uint64_t constant_hash(const void *entry, const void *ctx)
{
	(void)entry;
	(void)ctx;
	return 42;
}

/* What the key protects from, so that the test above is known to be able to fail. */
static void a_constant_hash_is_slow_but_right(void **state)
{
	struct nr_table t;

	(void)state;
	assert_int_equal(nr_table_init(&t, sizeof(struct entry), 1000, constant_hash, NULL), 0);
	for (uint64_t id = 0; id < 1000; id++)
		((struct entry *)nr_table_insert(&t, 42))->id = id;
	for (uint64_t id = 0; id < 1000; id++)
		assert_int_equal(((struct entry *)nr_table_find(&t, 42, entry_eq, &id))->id, id);
	assert_true(longest_run(&t) >= 1000);
	nr_table_done(&t);
}

static void a_dense_table_without_a_hash_appends_and_sweeps(void **state)
{
	unsigned asked = 0;
	struct nr_table t;

	(void)state;
	assert_int_equal(nr_table_init(&t, sizeof(struct entry), 600, NULL, NULL), 0);
	for (uint64_t id = 0; id < 600; id++)
		((struct entry *)nr_table_append(&t))->id = id;
	assert_null(nr_table_append(&t));
	assert_int_equal(t.n_refused, 1);
	nr_table_sweep(&t, keep_even, &asked);
	assert_int_equal(t.n, 300);
	assert_int_equal(((struct entry *)nr_table_at(&t, 299))->id, 598);
	nr_table_clear(&t);
	assert_int_equal(t.n, 0);
	nr_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_inserted_is_found_and_nothing_else),
		cmocka_unit_test(entries_do_not_move_and_keep_the_order_of_arrival_under_any_key),
		cmocka_unit_test(find_or_add_agrees_with_find_and_insert),
		cmocka_unit_test(at_the_limit_entries_are_refused_counted_and_no_memory_is_taken),
		cmocka_unit_test(a_sweep_keeps_order_and_finds_only_what_it_kept),
		cmocka_unit_test(forgotten_entries_keep_their_numbers_but_are_not_found),
		cmocka_unit_test(what_is_forgotten_takes_no_place_from_what_is_not),
		cmocka_unit_test(a_cleared_table_is_as_good_as_new),
		cmocka_unit_test(a_saved_table_loads_the_same_under_another_key),
		cmocka_unit_test(a_cut_or_lying_snapshot_is_refused_at_every_byte),
		cmocka_unit_test(hostile_9_keys_chosen_to_collide_do_not_under_a_key),
		cmocka_unit_test(a_constant_hash_is_slow_but_right),
		cmocka_unit_test(a_dense_table_without_a_hash_appends_and_sweeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
