/* SPDX-License-Identifier: Apache-2.0 */
#include "record/label.h"

#include "base/cmocka.h"

static struct nr_uuid uuid_of(uint8_t n)
{
	struct nr_uuid uuid = { .b = { [6] = 0x40, [8] = 0x80, [15] = n } };

	return uuid;
}

static void assert_json(const struct nr_label *label, const char *want)
{
	struct nr_json json;
	struct nr_buf out;

	nr_buf_init(&out, 1 << 16);
	nr_json_init(&json, &out);
	nr_label_json(label, &json);
	nr_buf_add(&out, "", 1);
	assert_int_equal(out.err, 0);
	assert_string_equal((const char *)out.p, want);
	nr_buf_done(&out);
}

static void the_default_is_for_its_owner_alone(void **state)
{
	struct nr_label label = nr_label_default(uuid_of(1));

	(void)state;
	assert_json(&label,
		    "{\"tlp\":\"AMBER+STRICT\",\"owner\":\"00000000-0000-4000-8000-000000000001\","
		    "\"members\":[],\"communities\":[],\"layers\":[],\"everyone\":false,"
		    "\"purposes\":[],\"expires\":null}");
}

static void a_full_label_is_told_in_full(void **state)
{
	struct nr_label label = { .tlp = NR_TLP_GREEN,
				  .everyone = true,
				  .layers = 1u << NR_LAYER_POLICY | 1u << NR_LAYER_RESEARCH,
				  .purposes = 1u << NR_PURPOSE_DEFENCE,
				  .n_members = 1,
				  .n_communities = 1,
				  .owner = uuid_of(1),
				  .expires = { INT64_C(1767225600) * NR_NS_PER_S } };

	(void)state;
	label.members[0] = (struct nr_party){ uuid_of(2), 3 };
	label.communities[0] = (struct nr_party){ uuid_of(4), UINT32_MAX };
	assert_json(
		&label,
		"{\"tlp\":\"GREEN\",\"owner\":\"00000000-0000-4000-8000-000000000001\","
		"\"members\":[{\"member\":\"00000000-0000-4000-8000-000000000002\",\"epoch\":3}],"
		"\"communities\":[{\"community\":\"00000000-0000-4000-8000-000000000004\","
		"\"epoch\":4294967295}],\"layers\":[\"policy\",\"research\"],\"everyone\":true,"
		"\"purposes\":[\"defence\"],\"expires\":\"2026-01-01T00:00:00Z\"}");
}

static void numbers_out_of_range_are_written_as_nothing(void **state)
{
	struct nr_label label = { .tlp = 200, .layers = 0x80, .purposes = 0x80 };

	(void)state;
	assert_json(&label, "{\"tlp\":\"\",\"owner\":\"00000000-0000-0000-0000-000000000000\","
			    "\"members\":[],\"communities\":[],\"layers\":[],\"everyone\":false,"
			    "\"purposes\":[],\"expires\":null}");
}

static void labels_are_equal_whatever_the_order(void **state)
{
	struct nr_label a = nr_label_default(uuid_of(1)), b;

	(void)state;
	a.n_members = 2;
	a.members[0] = (struct nr_party){ uuid_of(2), 1 };
	a.members[1] = (struct nr_party){ uuid_of(3), 1 };
	b = a;
	b.members[0] = a.members[1];
	b.members[1] = a.members[0];
	assert_true(nr_label_eq(&a, &b));
	b.members[1].epoch++;
	assert_false(nr_label_eq(&a, &b));
	b = a;
	b.n_members = 1;
	assert_false(nr_label_eq(&a, &b));
	assert_false(nr_label_eq(&b, &a));
}

static void each_part_makes_a_difference(void **state)
{
	const struct nr_label a = nr_label_default(uuid_of(1));
	struct nr_label b[8];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(b); i++)
		b[i] = a;
	b[0].tlp = NR_TLP_RED;
	b[1].everyone = true;
	b[2].layers = 1;
	b[3].purposes = 1;
	b[4].owner = uuid_of(2);
	b[5].expires.ns = 1;
	b[6].n_communities = 1;
	b[7].n_members = 1;
	for (size_t i = 0; i < NR_COUNT(b); i++)
		assert_false(nr_label_eq(&a, &b[i]));
	assert_true(nr_label_eq(&a, &a));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_is_for_its_owner_alone),
		cmocka_unit_test(a_full_label_is_told_in_full),
		cmocka_unit_test(numbers_out_of_range_are_written_as_nothing),
		cmocka_unit_test(labels_are_equal_whatever_the_order),
		cmocka_unit_test(each_part_makes_a_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
