/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pki.h"

#include "base/cmocka.h"

#define NOW_S	INT64_C(1700000000)
#define SENSOR	"urn:noroshi:sensor:00112233-4455-4677-8899-aabbccddeeff"
#define HUB	"urn:noroshi:hub:00112233-4455-4677-8899-aabbccddeeff"
#define DAY_S	INT64_C(86400)
#define YEARS_S (3650 * DAY_S)

static const struct nr_pki_wish authority_wish = {
	.purpose = NR_PKI_AUTHORITY,
	.name = "hub authority",
	.now = { NOW_S * NR_NS_PER_S },
	.valid_s = YEARS_S,
};

static struct nr_pki_wish wish_of(enum nr_pki_purpose purpose, const char *identity)
{
	return (struct nr_pki_wish){ .purpose = purpose,
				     .name = "somebody",
				     .identity = identity,
				     .now = { NOW_S * NR_NS_PER_S },
				     .valid_s = 90 * DAY_S };
}

static void an_authority_signs_and_the_facts_are_those_wished_for(void **state)
{
	struct nr_pki_pair authority, sensor;
	struct nr_pki_wish wish = wish_of(NR_PKI_CLIENT, SENSOR);
	struct nr_pki_facts facts, of_authority;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_pki_make(&authority_wish, NULL, &authority, &err), 0);
	assert_int_equal(nr_pki_make(&wish, &authority, &sensor, &err), 0);
	assert_int_equal(nr_pki_read(nr_buf_str(&sensor.certificate), &facts, &err), 0);
	assert_string_equal(facts.identity, SENSOR);
	assert_int_equal(facts.not_before.ns, (NOW_S - 3600) * NR_NS_PER_S);
	assert_int_equal(facts.not_after.ns, (NOW_S + 90 * DAY_S) * NR_NS_PER_S);
	assert_int_equal(strlen(facts.serial), 32);
	assert_int_equal(nr_pki_read(nr_buf_str(&authority.certificate), &of_authority, &err), 0);
	assert_string_equal(of_authority.identity, "");
	assert_memory_not_equal(facts.pin, of_authority.pin, sizeof(facts.pin));
	nr_pki_pair_done(&sensor);
	nr_pki_pair_done(&authority);
}

static void a_servers_text_ends_with_its_authority(void **state)
{
	static const char *const hosts[] = { "hub.example.org", "192.0.2.1", "2001:db8::1", NULL };
	struct nr_pki_wish wish = wish_of(NR_PKI_SERVER, HUB);
	struct nr_pki_pair authority, hub;
	struct nr_pki_facts facts;
	struct nr_str text;
	struct nr_err err;

	(void)state;
	wish.hosts = hosts;
	assert_int_equal(nr_pki_make(&authority_wish, NULL, &authority, &err), 0);
	assert_int_equal(nr_pki_make(&wish, &authority, &hub, &err), 0);
	text = nr_buf_str(&hub.certificate);
	assert_true(nr_str_ends(text, nr_buf_str(&authority.certificate)));
	assert_int_equal(nr_pki_read(text, &facts, &err), 0);
	assert_string_equal(facts.identity, HUB);
	nr_pki_pair_done(&hub);
	nr_pki_pair_done(&authority);
}

static void of_a_request_only_the_key_is_taken(void **state)
{
	struct nr_pki_wish wish = wish_of(NR_PKI_CLIENT, SENSOR);
	struct nr_buf key, request, certificate;
	struct nr_pki_pair authority;
	struct nr_pki_facts facts;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_pki_make(&authority_wish, NULL, &authority, &err), 0);
	assert_int_equal(nr_pki_request(&key, &request, &err), 0);
	assert_int_equal(nr_pki_sign(&wish, nr_buf_str(&request), &authority, &certificate, &err),
			 0);
	assert_int_equal(nr_pki_read(nr_buf_str(&certificate), &facts, &err), 0);
	assert_string_equal(facts.identity, SENSOR);

	request.p[request.n / 2] ^= 1; /* somewhere in the key or its signature */
	nr_buf_reset(&certificate);
	assert_true(nr_pki_sign(&wish, nr_buf_str(&request), &authority, &certificate, &err) < 0);
	assert_int_equal(certificate.n, 0);
	nr_buf_done(&key);
	nr_buf_done(&request);
	nr_buf_done(&certificate);
	nr_pki_pair_done(&authority);
}

/* openssl req -newkey rsa:2048 ...: a good request, of a kind we do not sign. */
static const char rsa_request[] =
	"-----BEGIN CERTIFICATE REQUEST-----\n"
	"MIICUTCCATkCAQAwDDEKMAgGA1UEAwwBeDCCASIwDQYJKoZIhvcNAQEBBQADggEP\n"
	"ADCCAQoCggEBAONvG/RkDV9UOajA1E4kTHf04qkt1A80fnpwkSb/o9Hbw+3iBCxj\n"
	"MWG5/vHFVRFmanXBEIqoRySDMNRokj657uTMqpra8gqXAcl1k/vH+dzr1wcErVpc\n"
	"dvJXi2/S+dhCQ1e7c3uxWViEwqfYcaRP1dkI9Y9Mn04aGHC2XbDFh0kazVhH+7tl\n"
	"/j4UXBUl37BeihkeUB8buTRFMTOvoCXe67OJKLmp9zcU4wAOfYyKEf8YDJMjeh2x\n"
	"3XmnuJutRPWyZLk7dEO7E/hi9HWYBoYoxa5EHxWBiGkPTwlRBPt0RD9ydd4tVdi2\n"
	"TWon3qdy5d7h6P5mNcaSlj2XnUhXgDzUv/0CAwEAAaAAMA0GCSqGSIb3DQEBCwUA\n"
	"A4IBAQCeI07HyOqEBdRTUZv+A1M3ucxt6A5vYnhApG6YqsND1ppRhLX+dXbCO6MR\n"
	"n+DauBThrtsMQN/DNmIUU/H/r8kaIbG5tv6yClPg3Gvhcb+/rT0t4qm570IqH0HQ\n"
	"MB3dtc4s2Eb0o3rFk9+SP0/vQ3qYOzwO8jZbvTaIAA4mApaPzSnxTYoJ2Q7NXcOG\n"
	"CSp2LX3ZmHwQ10E05WuzEoXOyWyjBVUgC6wd3T7qnWEDl/QCy3FRuYWoqPyBILN6\n"
	"tkmU3q+6VmVHE4E6eSjCT12KnftPs4QtARzbtfd2FKlQlXrNT2zcvl5/vh9NUSZe\n"
	"fUd0Z77WvDlEB1/zzOCS37a8MbGC\n"
	"-----END CERTIFICATE REQUEST-----\n";

static void a_request_that_is_none_or_of_another_kind_is_refused(void **state)
{
	struct nr_pki_wish wish = wish_of(NR_PKI_CLIENT, SENSOR);
	const struct {
		struct nr_str text;
		int ret;
	} cases[] = {
		{ NR_STR(""), NR_EFORMAT },
		{ NR_STR("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"
			 "-----END CERTIFICATE REQUEST-----\n"),
		  NR_EFORMAT },
		{ NR_STR(rsa_request), -EACCES },
		{ { rsa_request, 65537 }, NR_ELIMIT },
	};
	struct nr_pki_pair authority;
	struct nr_buf out;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_pki_make(&authority_wish, NULL, &authority, &err), 0);
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_int_equal(nr_pki_sign(&wish, cases[i].text, &authority, &out, &err),
				 cases[i].ret);
	nr_pki_pair_done(&authority);
}

static void what_nobody_may_wish_for_is_refused(void **state)
{
	static const char *const bad_hosts[] = { "a b", NULL };
	static const struct {
		struct nr_pki_wish wish;
		bool self;
	} cases[] = {
		{ { .purpose = NR_PKI_CLIENT, .name = "x", .identity = SENSOR }, true },
		{ { .purpose = NR_PKI_AUTHORITY, .name = "x" }, false },
		{ { .purpose = NR_PKI_AUTHORITY, .name = "x", .identity = HUB }, true },
		{ { .purpose = NR_PKI_CLIENT, .name = "x" }, false },
		{ { .purpose = NR_PKI_CLIENT, .name = "", .identity = SENSOR }, false },
		{ { .purpose = NR_PKI_CLIENT, .name = "x", .identity = "urn:other:sensor:1" },
		  false },
		{ { .purpose = NR_PKI_SERVER, .name = "x", .identity = HUB, .hosts = bad_hosts },
		  false },
	};
	struct nr_pki_pair authority, pair;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_pki_make(&authority_wish, NULL, &authority, &err), 0);
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_int_equal(nr_pki_make(&cases[i].wish, cases[i].self ? NULL : &authority,
					     &pair, &err),
				 -EINVAL);
	nr_pki_pair_done(&authority);
}

static void an_identity_has_one_form(void **state)
{
	static const struct {
		const char *uri, *kind;
		int ret;
	} cases[] = {
		{ SENSOR, "sensor", 0 },
		{ HUB, "hub", 0 },
		{ SENSOR, "hub", -EINVAL },
		{ "urn:noroshi:sensor:00112233-4455-4677-8899-AABBCCDDEEFF", "sensor", -EINVAL },
		{ "URN:noroshi:sensor:00112233-4455-4677-8899-aabbccddeeff", "sensor", -EINVAL },
		{ SENSOR "0", "sensor", -EINVAL },
		{ "urn:noroshi:sensor:", "sensor", -EINVAL },
		{ "", "sensor", -EINVAL },
	};
	struct nr_uuid uuid;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_int_equal(nr_pki_identity_parse(nr_str_from(cases[i].uri), cases[i].kind,
						       &uuid),
				 cases[i].ret);
}

static void what_is_no_certificate_is_refused(void **state)
{
	static const char text[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
	struct nr_pki_facts facts;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_pki_read(NR_STR(""), &facts, &err), NR_EFORMAT);
	assert_int_equal(nr_pki_read(NR_STR(text), &facts, &err), NR_EFORMAT);
	assert_int_equal(nr_pki_read((struct nr_str){ text, 65537 }, &facts, &err), NR_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_authority_signs_and_the_facts_are_those_wished_for),
		cmocka_unit_test(a_servers_text_ends_with_its_authority),
		cmocka_unit_test(of_a_request_only_the_key_is_taken),
		cmocka_unit_test(a_request_that_is_none_or_of_another_kind_is_refused),
		cmocka_unit_test(what_nobody_may_wish_for_is_refused),
		cmocka_unit_test(an_identity_has_one_form),
		cmocka_unit_test(what_is_no_certificate_is_refused),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
