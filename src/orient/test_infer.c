/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/infer.h"

#include "base/cmocka.h"
#include "base/hash.h"

struct scene {
	struct nr_infer *infer;
	uint64_t x; /* state of the dice */
};

static uint32_t dice(struct scene *scene)
{
	scene->x = nr_mix64(scene->x + 1);
	return (uint32_t)(scene->x >> 16);
}

static void packet(struct scene *scene, uint32_t src, uint32_t dst)
{
	struct nr_packet p = { .src = nr_ip_v4(src), .dst = nr_ip_v4(dst), .is_v4 = 1 };

	(void)nr_infer_add(scene->infer, &p);
}

/* @p n packets of many sources to random addresses of net/bits. */
static void scanned(struct scene *scene, uint32_t net, unsigned bits, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		packet(scene, 0x01000000u + dice(scene) % 50000,
		       net | (uint32_t)(dice(scene) & (UINT32_MAX >> bits)));
}

static void slash_16(struct scene *s)
{
	scanned(s, 0xc6120000, 16, 30000);
}

static void slash_26(struct scene *s)
{
	scanned(s, 0xc6120040, 26, 500);
}

static void slash_12(struct scene *s)
{
	scanned(s, 0x2c000000, 12, 60000);
}

static void two_blocks(struct scene *s)
{
	scanned(s, 0xc6120300, 24, 3000);
	scanned(s, 0xcb007100, 24, 3000);
}

static void strays(struct scene *s)
{
	scanned(s, 0xc6120000, 16, 30000);
	for (unsigned i = 0; i < 40; i++)
		packet(s, dice(s), dice(s) | 0x20000000u);
}

static void a_sweep_in_order(struct scene *s)
{
	scanned(s, 0xc6120000, 16, 8000);
	for (uint32_t i = 0; i < 20000; i++)
		packet(s, 0x08080808, 0xc6120000u + i);
}

static void one_scanner_alone(struct scene *s)
{
	for (uint32_t i = 0; i < 20000; i++)
		packet(s, 0x08080808, 0xc6120000u + (dice(s) & 0xffff));
}

static void a_flooded_host(struct scene *s)
{
	scanned(s, 0xc6120000, 16, 20000);
	for (uint32_t i = 0; i < 50000; i++)
		packet(s, 0x09090909, 0xc6121234u);
}

static void conversations(struct scene *s)
{
	for (uint32_t i = 0; i < 3000; i++) {
		packet(s, 0xc0a80001u + i % 20, 0x08080800u + i % 90);
		packet(s, 0x08080800u + i % 90, 0xc0a80001u + i % 20);
	}
	scanned(s, 0xc6120000, 24, 300);
}

static void nearly_nothing(struct scene *s)
{
	scanned(s, 0xc6120000, 16, 40);
}

static void nothing(struct scene *s)
{
	(void)s;
}

static void scattered_hosts(struct scene *s)
{
	for (unsigned i = 0; i < 5000; i++)
		packet(s, dice(s), (uint32_t)nr_mix64(i % 300) | 0x10000000u);
}

static void a_few_decoys_in_a_block(struct scene *s)
{
	for (unsigned i = 0; i < 20000; i++)
		packet(s, 0x01000000u + dice(s) % 50000,
		       0xc6120000u + (uint32_t)(nr_mix64(i % 4000) & 0xffff));
}

struct expected {
	void (*draw)(struct scene *scene);
	enum nr_infer_verdict verdict;
	const char *nets;
};

static const struct expected scenes[] = {
	{ slash_16, NR_INFER_FOUND, "198.18.0.0/16" },
	{ slash_26, NR_INFER_FOUND, "198.18.0.64/26" },
	{ slash_12, NR_INFER_FOUND, "44.0.0.0/12" },
	{ two_blocks, NR_INFER_FOUND, "198.18.3.0/24 203.0.113.0/24" },
	{ strays, NR_INFER_FOUND, "198.18.0.0/16" },
	{ a_sweep_in_order, NR_INFER_FOUND, "198.18.0.0/16" },
	{ one_scanner_alone, NR_INFER_FOUND, "198.18.0.0/16" },
	{ a_flooded_host, NR_INFER_FOUND, "198.18.0.0/16" },
	{ conversations, NR_INFER_TWO_WAY, "" },
	{ nearly_nothing, NR_INFER_TOO_FEW, "" },
	{ nothing, NR_INFER_TOO_FEW, "" },
	{ scattered_hosts, NR_INFER_SCATTERED, "" },
	{ a_few_decoys_in_a_block, NR_INFER_SPARSE, "" },
};

static void names(const struct nr_infer_result *result, struct nr_buf *out)
{
	char text[NR_PREFIX_TEXT];

	for (size_t i = 0; i < result->n_blocks && result->verdict == NR_INFER_FOUND; i++) {
		nr_buf_add(out, " ", i > 0);
		nr_buf_add(out, text, nr_prefix_print(result->blocks[i], text));
	}
	nr_buf_add(out, "", 1);
}

static void blocks_are_found_and_nothing_is_invented(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(scenes); i++) {
		struct scene scene = { .x = i };
		struct nr_infer_result result;
		struct nr_nets nets = { 0 };
		struct nr_buf found;

		assert_int_equal(nr_infer_new(&scene.infer), 0);
		scenes[i].draw(&scene);
		nr_infer_finish(scene.infer, &result, &nets);
		nr_buf_init(&found, 1024);
		names(&result, &found);
		if (result.verdict != scenes[i].verdict)
			print_error("scene %zu: verdict %d, found '%s'\n", i, (int)result.verdict,
				    (char *)found.p);
		assert_int_equal(result.verdict, scenes[i].verdict);
		assert_string_equal((const char *)found.p, scenes[i].nets);
		assert_int_equal(nr_nets_size_v4(&nets) > 0, result.verdict == NR_INFER_FOUND);
		nr_buf_done(&found);
		nr_infer_free(scene.infer);
	}
}

static void the_order_of_packets_does_not_matter(void **state)
{
	enum { N = 4000 };
	struct nr_infer_result results[2];
	struct nr_nets nets;

	(void)state;
	for (unsigned turn = 0; turn < 2; turn++) {
		struct scene scene = { 0 };

		assert_int_equal(nr_infer_new(&scene.infer), 0);
		for (unsigned i = 0; i < N; i++) {
			uint64_t x = nr_mix64(turn == 0 ? i : N - 1 - i);

			packet(&scene, 0x01000000u + (uint32_t)(x & 0xfff),
			       0xc6120000u | (uint32_t)(x >> 20 & 0xfff));
		}
		nr_infer_finish(scene.infer, &results[turn], &nets);
		nr_infer_free(scene.infer);
	}
	assert_memory_equal(&results[0], &results[1], sizeof(results[0]));
}

static void the_sample_ends(void **state)
{
	struct scene scene = { 0 };
	struct nr_packet p = { .src = nr_ip_v4(1), .dst = nr_ip_v4(0xc6120000), .is_v4 = 1 };

	(void)state;
	assert_int_equal(nr_infer_new(&scene.infer), 0);
	for (unsigned i = 0; i < NR_INFER_SAMPLE; i++)
		assert_true(nr_infer_add(scene.infer, &p));
	assert_false(nr_infer_add(scene.infer, &p));
	assert_null(nr_infer_free(scene.infer));
	assert_null(nr_infer_free(NULL));
}

static void words_of_the_user_become_nets(void **state)
{
	static const struct {
		const char *word, *msg;
	} bad[] = {
		{ "198.18.5.1/16",
		  "--net '198.18.5.1/16' has host bits; did you mean 198.18.0.0/16?" },
		{ "2001:db8::1/32",
		  "--net '2001:db8::1/32' has host bits; did you mean 2001:db8::/32?" },
		{ "198.18.0.0/33", "--net '198.18.0.0/33': want a prefix such as 198.18.0.0/16" },
		{ "eth\0330", "--net 'eth\\x1b0': want a prefix such as 198.18.0.0/16" },
	};
	const struct nr_str good[] = { NR_STR("198.18.0.0/16"), NR_STR("198.18.3.0/24"),
				       NR_STR("203.0.113.7"), NR_STR("2001:db8::/32") };
	struct nr_nets nets;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_infer_given(good, NR_COUNT(good), &nets, &err), 0);
	assert_int_equal(nr_nets_size_v4(&nets), 65537);
	assert_int_equal(nets.n_v6, 1);
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		struct nr_str word = nr_str_from(bad[i].word);

		assert_int_equal(nr_infer_given(&word, 1, &nets, &err), NR_EUSAGE);
		assert_string_equal(err.msg, bad[i].msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_found_and_nothing_is_invented),
		cmocka_unit_test(the_order_of_packets_does_not_matter),
		cmocka_unit_test(the_sample_ends),
		cmocka_unit_test(words_of_the_user_become_nets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
