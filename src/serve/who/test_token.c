/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"

static struct nr_token some_token(uint8_t kind, uint8_t fill)
{
	struct nr_token token = { .kind = kind };

	memset(token.selector, fill, sizeof(token.selector));
	memset(token.verifier, fill ^ 0x5a, sizeof(token.verifier));
	return token;
}

static void text_reads_back_for_every_kind_and_the_extremes(void **state)
{
	static const uint8_t fills[] = { 0x00, 0x01, 0x5a, 0x80, 0xff };

	(void)state;
	for (uint8_t kind = NR_TOKEN_API; kind <= NR_TOKEN_ENROL; kind++)
		for (size_t i = 0; i < NR_COUNT(fills); i++) {
			struct nr_token token = some_token(kind, fills[i]), back;
			char text[NR_TOKEN_TEXT];

			nr_token_print(&token, text);
			assert_int_equal(nr_token_parse(nr_str_from(text), &back), 0);
			assert_int_equal(back.kind, kind);
			assert_memory_equal(back.selector, token.selector, sizeof(back.selector));
			assert_memory_equal(back.verifier, token.verifier, sizeof(back.verifier));
		}
}

static void one_wrong_character_anywhere_is_no_token(void **state)
{
	struct nr_token token = some_token(NR_TOKEN_API, 0x33), back;
	char text[NR_TOKEN_TEXT];

	(void)state;
	nr_token_print(&token, text);
	for (size_t i = 0; text[i] != '\0'; i++) {
		char was = text[i];

		text[i] = was == 'x' ? 'y' : 'x';
		assert_int_equal(nr_token_parse(nr_str_from(text), &back), -EINVAL);
		text[i] = was;
	}
	for (size_t n = 0; n < strlen(text); n++) /* a prefix of one is none */
		assert_int_equal(nr_token_parse((struct nr_str){ text, n }, &back), -EINVAL);
}

static void the_kind_is_part_of_the_check_sum(void **state)
{
	struct nr_token token = some_token(NR_TOKEN_API, 0x33), back;
	char text[NR_TOKEN_TEXT], other[NR_TOKEN_TEXT + 8];

	(void)state;
	nr_token_print(&token, text);
	(void)snprintf(other, sizeof(other), "nrenrol_%s", text + 6);
	assert_int_equal(nr_token_parse(nr_str_from(other), &back), -EINVAL);
}

static void numbers_beyond_the_bytes_are_refused(void **state)
{
	char text[NR_TOKEN_TEXT] = "nrapi_";
	struct nr_token back;

	(void)state;
	memset(text + 6, 'z', NR_TOKEN_DIGITS);
	text[6 + NR_TOKEN_DIGITS] = '\0';
	assert_int_equal(nr_token_parse(nr_str_from(text), &back), -EINVAL);
}

struct place {
	char dir[64], path[96];
	struct nr_registry *registry;
};

static int open_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/nr_token_XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(place->path, sizeof(place->path), "%s/r.db", place->dir);
	assert_int_equal(nr_crypt_init(), 0);
	assert_int_equal(nr_registry_open(place->path, &place->registry, NULL), 0);
	*state = place;
	return 0;
}

static int close_place(void **state)
{
	struct place *place = *state;

	nr_registry_close(place->registry);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(rmdir(place->dir), 0);
	free(place);
	return 0;
}

static const struct nr_registry_act act = { .actor = "uid:0", .now = { 1000 } };
static const struct nr_token_wish wish = { .kind = NR_TOKEN_API,
					   .role = NR_ROLE_ADMIN,
					   .name = "admin",
					   .lives_ns = 500 };

static void a_token_is_in_force_until_it_expires_and_only_for_its_kind(void **state)
{
	struct place *place = *state;
	struct nr_registry_token row;
	char text[NR_TOKEN_TEXT];

	assert_int_equal(nr_token_create(place->registry, &wish, &act, text, NULL), 0);
	assert_int_equal(nr_token_check(place->registry, nr_str_from(text), NR_TOKEN_API,
					(struct nr_time){ 1499 }, &row, NULL),
			 0);
	assert_int_equal(row.role, NR_ROLE_ADMIN);
	assert_int_equal(nr_token_check(place->registry, nr_str_from(text), NR_TOKEN_API,
					(struct nr_time){ 1500 }, &row, NULL),
			 -EACCES);
	assert_int_equal(nr_token_check(place->registry, nr_str_from(text), NR_TOKEN_ENROL,
					(struct nr_time){ 1499 }, &row, NULL),
			 -EACCES);
}

static void same_selector_with_another_verifier_is_refused_and_cannot_revoke(void **state)
{
	struct place *place = *state;
	struct nr_registry_token row;
	struct nr_token forged;
	char text[NR_TOKEN_TEXT], forged_text[NR_TOKEN_TEXT];

	assert_int_equal(nr_token_create(place->registry, &wish, &act, text, NULL), 0);
	assert_int_equal(nr_token_parse(nr_str_from(text), &forged), 0);
	forged.verifier[31] ^= 1;
	nr_token_print(&forged, forged_text);
	assert_int_equal(nr_token_check(place->registry, nr_str_from(forged_text), NR_TOKEN_API,
					act.now, &row, NULL),
			 -EACCES);
	assert_int_equal(nr_token_expose(place->registry, nr_str_from(forged_text), &act), 1);
	assert_int_equal(nr_token_check(place->registry, nr_str_from(text), NR_TOKEN_API, act.now,
					&row, NULL),
			 0);
}

static void a_token_in_a_url_ends_also_when_encoded(void **state)
{
	static const char *const forms[] = { "/api/v1/status?token=%s", "/%s", "/x?a=%%6erapi_%s" };
	struct place *place = *state;

	for (size_t i = 0; i < NR_COUNT(forms); i++) {
		struct nr_registry_token row;
		char text[NR_TOKEN_TEXT], url[256];

		assert_int_equal(nr_token_create(place->registry, &wish, &act, text, NULL), 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(url, sizeof(url), forms[i], i == 2 ? text + 6 : text);
#pragma GCC diagnostic pop
		assert_int_equal(nr_token_expose(place->registry, nr_str_from(url), &act), 1);
		assert_int_equal(nr_token_check(place->registry, nr_str_from(text), NR_TOKEN_API,
						act.now, &row, NULL),
				 -EACCES);
	}
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_back_for_every_kind_and_the_extremes),
		cmocka_unit_test(one_wrong_character_anywhere_is_no_token),
		cmocka_unit_test(the_kind_is_part_of_the_check_sum),
		cmocka_unit_test(numbers_beyond_the_bytes_are_refused),
		WITH_PLACE(a_token_is_in_force_until_it_expires_and_only_for_its_kind),
		WITH_PLACE(same_selector_with_another_verifier_is_refused_and_cannot_revoke),
		WITH_PLACE(a_token_in_a_url_ends_also_when_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
