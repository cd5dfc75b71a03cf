/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/cmocka.h"

static void only_names_of_a_hubs_directory_are_good(void **state)
{
	static const struct {
		const char *name;
		bool good, secret;
	} cases[] = {
		{ "NOROSHI", true, false },
		{ "hub.yaml", true, false },
		{ "registry.db", true, false },
		{ "keys/hub.pem", true, false },
		{ "keys/journal.pub", true, false },
		{ "keys/hub.key", true, true },
		{ "keys/second-one.key", true, true },
		{ "journal/00000000000000000001.nrj", true, false },
		{ "snapshots/00000000000000000042.nrs", true, false },
		{ "", false, false },
		{ "MANIFEST", false, false },
		{ "noroshi", false, false },
		{ "registry.db-wal", false, false },
		{ "lock", false, false },
		{ "keys/.key", false, false },
		{ "keys/../x.key", false, false },
		{ "keys/a/b.key", false, false },
		{ "keys/HUB.key", false, false },
		{ "../keys/hub.key", false, false },
		{ "/keys/hub.key", false, false },
		{ "journal/1.nrj", false, false },
		{ "journal/0000000000000000000x.nrj", false, false },
		{ "journal/99999999999999999999.nrj", false, false },
		{ "journal/00000000000000000001.nrs", false, false },
		{ "journal/00000000000000000001.nrj/x", false, false },
		{ "store/rollup.duckdb", false, false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_str name = nr_str_from(cases[i].name);

		if (nr_pack_name_ok(name) != cases[i].good ||
		    nr_pack_is_secret(name) != cases[i].secret)
			fail_msg("'%s'", cases[i].name);
	}
}

static struct nr_pack a_pack(bool with_keys)
{
	struct nr_pack pack = { .program = "0.1.0",
				.hub = "00112233-4455-4677-8899-aabbccddeeff",
				.epoch = "10112233-4455-4677-8899-aabbccddeeff",
				.name = "a hub",
				.made = { INT64_C(1700000000) * NR_NS_PER_S },
				.directory = 1,
				.registry = 2,
				.journal_at = 99,
				.engine_at = 98,
				.has_keys = with_keys };
	static const char *const names[] = { "NOROSHI",
					     "hub.yaml",
					     "keys/hub.pem",
					     "registry.db",
					     "journal/00000000000000000001.nrj",
					     "journal/00000000000000000050.nrj" };

	for (size_t i = 0; i < NR_COUNT(names); i++) {
		struct nr_pack_file file = { .size = 100 + i,
					     .digest = nr_digest_of(names[i], strlen(names[i])) };

		memcpy(file.name, names[i], strlen(names[i]));
		assert_int_equal(nr_pack_add(&pack, &file), 0);
	}
	return pack;
}

static void write_manifest(const struct nr_pack *pack, struct nr_buf *out)
{
	nr_buf_init(out, NR_PACK_MANIFEST);
	nr_pack_manifest_write(pack, out);
	assert_int_equal(out->err, 0);
}

static void a_manifest_reads_back(void **state)
{
	struct nr_pack pack = a_pack(true), again;
	struct nr_buf text;

	(void)state;
	write_manifest(&pack, &text);
	assert_int_equal(nr_pack_manifest_read(nr_buf_str(&text), &again, NULL), 0);
	assert_string_equal(again.hub, pack.hub);
	assert_string_equal(again.epoch, pack.epoch);
	assert_int_equal(again.made.ns, pack.made.ns);
	assert_int_equal(again.journal_at, 99);
	assert_int_equal(again.engine_at, 98);
	assert_true(again.has_keys);
	assert_int_equal(again.n, pack.n);
	assert_memory_equal(again.files, pack.files, pack.n * sizeof(pack.files[0]));
	nr_pack_done(&again);
	nr_pack_done(&pack);
	nr_buf_done(&text);
}

static void a_manifest_with_any_byte_changed_or_cut_is_refused(void **state)
{
	struct nr_pack pack = a_pack(true), again;
	struct nr_buf text;

	(void)state;
	write_manifest(&pack, &text);
	for (size_t i = 0; i < text.n; i++) {
		text.p[i] ^= 4;
		assert_true(nr_pack_manifest_read(nr_buf_str(&text), &again, NULL) < 0);
		text.p[i] ^= 4;
		assert_true(nr_pack_manifest_read((struct nr_str){ (const char *)text.p, i },
						  &again, NULL) < 0);
	}
	nr_pack_done(&pack);
	nr_buf_done(&text);
}

/* What a digest cannot say: it is right, and the content makes no sense. */
static void a_manifest_that_makes_no_sense_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct nr_pack pack = a_pack(i == 1), again;
		struct nr_buf text;

		if (i == 0) /* a secret where there is said to be none */
			memcpy(pack.files[2].name, "keys/hub.key", sizeof("keys/hub.key"));
		if (i == 1) /* findings from behind the end of the journal */
			pack.engine_at = 100;
		if (i == 2) /* twice */
			pack.files[1] = pack.files[0];
		if (i == 3) /* the journal not in its order */
			memcpy(pack.files[4].name, "journal/00000000000000000060.nrj",
			       sizeof("journal/00000000000000000060.nrj"));
		if (i == 4) /* a part is missing */
			pack.n = 3;
		if (i == 5) /* out of the directory */
			memcpy(pack.files[2].name, "keys/../../x.pem", sizeof("keys/../../x.pem"));
		write_manifest(&pack, &text);
		assert_int_equal(nr_pack_manifest_read(nr_buf_str(&text), &again, NULL),
				 NR_EDAMAGED);
		nr_pack_done(&pack);
		nr_buf_done(&text);
	}
}

static void a_head_reads_back_and_a_changed_one_does_not(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 511, 512, 1 << 20, NR_PACK_SIZE_MAX };
	uint8_t block[NR_PACK_BLOCK], zeros[NR_PACK_BLOCK] = { 0 };
	char name[NR_PACK_NAME];
	uint64_t size;

	(void)state;
	assert_int_equal(nr_pack_head_get(zeros, name, &size, NULL), 0);
	for (size_t i = 0; i < NR_COUNT(sizes); i++) {
		nr_pack_head_put("keys/hub.pem", sizes[i], (struct nr_time){ INT64_C(5) << 40 },
				 block);
		assert_int_equal(nr_pack_head_get(block, name, &size, NULL), 1);
		assert_string_equal(name, "keys/hub.pem");
		assert_int_equal(size, sizes[i]);
		assert_int_equal((sizes[i] + nr_pack_padding(sizes[i])) % NR_PACK_BLOCK, 0);
	}
	for (size_t i = 0; i < 148; i++) { /* up to its sum */
		block[i] ^= 1;
		assert_int_equal(nr_pack_head_get(block, name, &size, NULL), NR_EDAMAGED);
		block[i] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_names_of_a_hubs_directory_are_good),
		cmocka_unit_test(a_manifest_reads_back),
		cmocka_unit_test(a_manifest_with_any_byte_changed_or_cut_is_refused),
		cmocka_unit_test(a_manifest_that_makes_no_sense_is_refused),
		cmocka_unit_test(a_head_reads_back_and_a_changed_one_does_not),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
