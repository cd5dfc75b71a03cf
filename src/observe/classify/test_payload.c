/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "base/hash.h"
#include "observe/classify/classify_int.h"

enum { TCP = 6, UDP = 17 };

#define BYTES(literal) (literal), sizeof(literal) - 1
#define ZERO_8	       "\0\0\0\0\0\0\0\0"
#define ZERO_40	       ZERO_8 ZERO_8 ZERO_8 ZERO_8 ZERO_8
#define DNS_Q(type)                            \
	"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07" \
	"example\x03"                          \
	"com\0\0" type "\0\x01"

static const struct {
	const char *what;
	uint8_t proto;
	const char *bytes;
	size_t n;
	uint8_t payload;
} cases[] = {
	{ "nothing", TCP, BYTES(""), NR_PAYLOAD_NONE },
	{ "GET", TCP, BYTES("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n"), NR_PAYLOAD_HTTP },
	{ "GET of 0.9", TCP, BYTES("GET /\r\n"), NR_PAYLOAD_HTTP },
	{ "POST", TCP, BYTES("POST /cgi-bin/x HTTP/1.0\r\n"), NR_PAYLOAD_HTTP },
	{ "CONNECT", TCP, BYTES("CONNECT example.com:443 HTTP/1.1\r\n\r\n"), NR_PAYLOAD_HTTP },
	{ "a status line", TCP, BYTES("HTTP/1.1 400 Bad Request\r\n"), NR_PAYLOAD_HTTP },
	{ "HTTP/2 preface", TCP, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NR_PAYLOAD_HTTP },
	{ "GET without a target", TCP, BYTES("GET it done"), NR_PAYLOAD_UNKNOWN },
	{ "RTSP is not HTTP", TCP, BYTES("OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\n"),
	  NR_PAYLOAD_UNKNOWN },
	{ "lower case", TCP, BYTES("get / http/1.1\r\n"),
	  NR_PAYLOAD_MEMCACHED }, /* a key "/ http/1.1" */
	{ "client hello", TCP, BYTES("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"), NR_PAYLOAD_TLS },
	{ "server hello", TCP, BYTES("\x16\x03\x03\0\x40\x02\0\0\x3c\x03\x03"), NR_PAYLOAD_TLS },
	{ "alert", TCP, BYTES("\x15\x03\x01\0\x02\x02\x28"), NR_PAYLOAD_TLS },
	{ "hello of SSL 2", TCP, BYTES("\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10\x01\0\x80"),
	  NR_PAYLOAD_TLS },
	{ "record of version 4", TCP, BYTES("\x16\x04\x01\x02\0\x01\0\x01\xfc\x03\x03"),
	  NR_PAYLOAD_UNKNOWN },
	{ "record too long", TCP, BYTES("\x16\x03\x01\xff\xff\x01\0\x01\xfc\x03\x03"),
	  NR_PAYLOAD_UNKNOWN },
	{ "record without a hello", TCP, BYTES("\x16\x03\x01\x02\0\x77\0\x01\xfc\x03\x03"),
	  NR_PAYLOAD_UNKNOWN },
	{ "DTLS", UDP, BYTES("\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x36\x01\0\0\x2a"), NR_PAYLOAD_TLS },
	{ "SSH", TCP, BYTES("SSH-2.0-Go\r\n"), NR_PAYLOAD_SSH },
	{ "not SSH", TCP, BYTES("SSH-x"), NR_PAYLOAD_UNKNOWN },
	{ "Telnet", TCP, BYTES("\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x03"), NR_PAYLOAD_TELNET },
	{ "Telnet, one option", TCP, BYTES("\xff\xfb\x01"), NR_PAYLOAD_TELNET },
	{ "Telnet, an option nobody has", TCP, BYTES("\xff\xfb\x99"), NR_PAYLOAD_UNKNOWN },
	{ "RDP with a cookie", TCP,
	  BYTES("\x03\0\0\x2b\x26\xe0\0\0\0\0\0"
		"Cookie: mstshash=hello\r\n\x01\0\x08\0\x03\0\0\0"),
	  NR_PAYLOAD_RDP },
	{ "RDP negotiation", TCP, BYTES("\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0"),
	  NR_PAYLOAD_RDP },
	{ "RDP, bare", TCP, BYTES("\x03\0\0\x0b\x06\xe0\0\0\0\0\0"), NR_PAYLOAD_RDP },
	{ "S7 connects the same way", TCP,
	  BYTES("\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc1\x02\x01\0\xc2\x02\x01\x02\xc0\x01\x0a"),
	  NR_PAYLOAD_UNKNOWN },
	{ "SMB 1", TCP, BYTES("\0\0\0\x54\xffSMB\x72\0\0\0\0"), NR_PAYLOAD_SMB },
	{ "SMB 2", TCP, BYTES("\0\0\0\x66\xfeSMB\x40\0\0\0\0"), NR_PAYLOAD_SMB },
	{ "SMB without its first byte", TCP,
	  BYTES("\0\0\0\x54"
		"ASMB\x72"),
	  NR_PAYLOAD_UNKNOWN },
	{ "Redis array", TCP, BYTES("*1\r\n$4\r\nINFO\r\n"), NR_PAYLOAD_REDIS },
	{ "Redis in a line", TCP, BYTES("CONFIG SET dir /root/.ssh/\r\n"), NR_PAYLOAD_REDIS },
	{ "Redis, no array", TCP, BYTES("*x\r\n$4"), NR_PAYLOAD_UNKNOWN },
	{ "ADB", TCP, BYTES("CNXN\0\0\0\x01\0\0\x10\0\x07\0\0\0\x32\x02\0\0\xbc\xb1\xa7\xb1host::"),
	  NR_PAYLOAD_ADB },
	{ "ADB, wrong magic", TCP,
	  BYTES("CNXN\0\0\0\x01\0\0\x10\0\x07\0\0\0\x32\x02\0\0\xbc\xb1\xa7\xb2host::"),
	  NR_PAYLOAD_UNKNOWN },
	{ "DNS", UDP, BYTES(DNS_Q("\x01")), NR_PAYLOAD_DNS },
	{ "DNS over TCP", TCP, BYTES("\0\x1d" DNS_Q("\x01")), NR_PAYLOAD_DNS },
	{ "DNS of zmap and masscan: version.bind", UDP,
	  BYTES("\x05\xd2\x01\x20\0\x01\0\0\0\0\0\0\x07version\x04"
		"bind\0\0\x10\0\x03\0\0"),
	  NR_PAYLOAD_DNS },
	{ "DNS status of nmap", UDP, BYTES("\0\0\x10\0" ZERO_8), NR_PAYLOAD_DNS },
	{ "multicast DNS", UDP,
	  BYTES("\0\0\0\0\0\x01\0\0\0\0\0\0\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0c\0\x01"),
	  NR_PAYLOAD_DNS },
	{ "DNS answer", UDP,
	  BYTES("\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x01"
		"a\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01"),
	  NR_PAYLOAD_DNS },
	{ "a label of 64", UDP,
	  BYTES("\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x40"
		"a\0\0\x01\0\x01"),
	  NR_PAYLOAD_UNKNOWN },
	{ "a name that points at itself", UDP,
	  BYTES("\x12\x34\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01"), NR_PAYLOAD_UNKNOWN },
	{ "a name without end", UDP,
	  BYTES("\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x05"
		"abc"),
	  NR_PAYLOAD_UNKNOWN },
	{ "65,535 questions", UDP,
	  BYTES("\x12\x34\x01\0\xff\xff\0\0\0\0\0\0\x01"
		"a\0\0\x01\0\x01"),
	  NR_PAYLOAD_UNKNOWN },
	{ "NTP client of nmap", UDP,
	  BYTES("\xe3\0\x04\xfa\0\x01\0\0\0\x01\0\0" ZERO_8 ZERO_8 ZERO_8 "\0\0\0\0"
		"\xc5\x4f\x23\x4b\x71\xb1\x52\xf3"),
	  NR_PAYLOAD_NTP },
	{ "NTP monlist of masscan", UDP, BYTES("\x17\0\x03\x2a" ZERO_40 "\0\0\0\0"),
	  NR_PAYLOAD_NTP },
	{ "NTP monlist, short", UDP, BYTES("\x17\0\x03\x2a\0\0\0\0"), NR_PAYLOAD_NTP },
	{ "NTP readvar", UDP, BYTES("\x16\x02\0\x01" ZERO_8), NR_PAYLOAD_NTP },
	{ "NTP of version 7", UDP, BYTES("\x3b\0\x04\xfa" ZERO_40 "\0\0\0\0"), NR_PAYLOAD_UNKNOWN },
	{ "NTP cut", UDP, BYTES("\xe3\0\x04\xfa" ZERO_40), NR_PAYLOAD_UNKNOWN },
	{ "M-SEARCH", UDP, BYTES("M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n"),
	  NR_PAYLOAD_SSDP },
	{ "SSDP answer", UDP,
	  BYTES("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\n"),
	  NR_PAYLOAD_SSDP },
	{ "HTTP over UDP", UDP, BYTES("HTTP/1.1 200 OK\r\nServer: x\r\n"), NR_PAYLOAD_HTTP },
	{ "memcached over UDP", UDP, BYTES("\0\x01\0\0\0\x01\0\0stats\r\n"), NR_PAYLOAD_MEMCACHED },
	{ "memcached over UDP, a reserved byte", UDP, BYTES("\0\x01\0\0\0\x01\0\x01stats\r\n"),
	  NR_PAYLOAD_UNKNOWN },
	{ "memcached over TCP", TCP, BYTES("stats\r\n"), NR_PAYLOAD_MEMCACHED },
	{ "memcached, binary", TCP, BYTES("\x80\x0b" ZERO_8 ZERO_8 "\0\0\0\0\0\0"),
	  NR_PAYLOAD_MEMCACHED },
	{ "CLDAP", UDP,
	  BYTES("\x30\x25\x02\x01\x01\x63\x20\x04\0\x0a\x01\0\x0a\x01\0\x02\x01\0\x02\x01\0\x01\x01\0\x87\x0b"
		"objectclass\x30\0"),
	  NR_PAYLOAD_CLDAP },
	{ "CLDAP with long lengths", UDP,
	  BYTES("\x30\x84\0\0\0\x2d\x02\x01\x01\x63\x84\0\0\0\x24\x04\0\x0a\x01\0\x0a\x01\0\x02"
		"\x01\0\x02\x01\0\x01\x01\0\x87\x0bobjectclass\x30\x84\0\0\0\0"),
	  NR_PAYLOAD_CLDAP },
	{ "BER of something else", UDP,
	  BYTES("\x30\x0c\x02\x01\x01\x50\x07\x04\0\x0a\x01\0\x0a\x01"), NR_PAYLOAD_UNKNOWN },
	{ "SIP OPTIONS", UDP, BYTES("OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP"),
	  NR_PAYLOAD_SIP },
	{ "SIP over TCP", TCP, BYTES("OPTIONS sip:nm SIP/2.0\r\n"), NR_PAYLOAD_SIP },
	{ "SIP answer", UDP, BYTES("SIP/2.0 200 OK\r\n"), NR_PAYLOAD_SIP },
	{ "OPTIONS of HTTP", TCP, BYTES("OPTIONS / HTTP/1.0\r\n"), NR_PAYLOAD_HTTP },
	{ "SNMP v1 get-next", UDP,
	  BYTES("\x30\x1f\x02\x01\0\x04\x06public\xa1\x12\x02\x01\0\x02\x01\0\x02\x01\0\x30\x07\x30\x05"
		"\x06\x01\0\x05\0"),
	  NR_PAYLOAD_SNMP },
	{ "SNMP v2c get-bulk", UDP,
	  BYTES("\x30\x26\x02\x01\x01\x04\x06public\xa5\x19\x02\x04\x11\x22\x33\x44\x02\x01\0\x02\x01"
		"\x7f\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05\0"),
	  NR_PAYLOAD_SNMP },
	{ "SNMP v3", UDP,
	  BYTES("\x30\x3a\x02\x01\x03\x30\x0f\x02\x02\x4a\x69\x02\x03\0\xff\xe3\x04\x01\x04\x02\x01\x03\x04\x10\x30"
		"\x0e\x04\0\x02\x01\0\x02\x01\0\x04\0\x04\0\x04\0\x30\x12\x04\0\x04\0\xa0\x0c\x02\x02\x37\xf0\x02"
		"\x01\0\x02\x01\0\x30\0"),
	  NR_PAYLOAD_SNMP },
	{ "SNMP of version 9", UDP,
	  BYTES("\x30\x1f\x02\x01\x09\x04\x06public\xa1\x12\x02\x01\0\x02\x01\0\x02\x01\0\x30\x07\x30\x05"
		"\x06\x01\0\x05\0"),
	  NR_PAYLOAD_UNKNOWN },
	{ "QUIC 1", UDP, BYTES("\xc3\0\0\0\x01\x08\1\2\3\4\5\6\7\10\0\0\x44\x9e"),
	  NR_PAYLOAD_QUIC },
	{ "QUIC, greased version", UDP, BYTES("\xc0\x1a\x2a\x3a\x4a\x08\1\2\3\4\5\6\7\10\0"),
	  NR_PAYLOAD_QUIC },
	{ "QUIC version negotiation", UDP, BYTES("\x80\0\0\0\0\0\x08\1\2\3\4\5\6\7\10\0\0\0\x01"),
	  NR_PAYLOAD_QUIC },
	{ "QUIC, a connection id of 21", UDP,
	  BYTES("\xc3\0\0\0\x01\x15\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\1\2\3\4\5\0"),
	  NR_PAYLOAD_UNKNOWN },
	{ "QUIC, no such version", UDP, BYTES("\xc3\0\0\x01\x01\x08\1\2\3\4\5\6\7\10\0\0"),
	  NR_PAYLOAD_UNKNOWN },
	{ "words of nobody", TCP, BYTES("hello\r\n"), NR_PAYLOAD_UNKNOWN },
	{ "ICMP is not looked into", 1, BYTES("GET / HTTP/1.1\r\n"), NR_PAYLOAD_UNKNOWN },
};

static void every_case_is_recognised(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		uint8_t *copy =
			test_malloc(cases[i].n + 1); /* so that a read past the end is seen */

		copy += 1;
		memcpy(copy, cases[i].bytes, cases[i].n);
		enum nr_payload found = nr_payload_recognise(copy, cases[i].n, cases[i].proto);
		if (found != cases[i].payload)
			fail_msg("%s: %s", cases[i].what, nr_payload_name((uint8_t)found));
		test_free(copy - 1);
	}
}

static void every_payload_has_a_case_and_a_name(void **state)
{
	uint32_t seen = 0;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		seen |= UINT32_C(1) << cases[i].payload;
	assert_int_equal(seen, (UINT32_C(1) << NR_PAYLOAD_N) - 1);
	while (nr_payload_names[n] != NULL)
		n++;
	assert_int_equal(n, NR_PAYLOAD_N);
	assert_string_equal(nr_payload_name(NR_PAYLOAD_N), "invalid");
}

static void prefixes_of_every_case_are_read_within_their_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		for (size_t n = 0; n <= cases[i].n; n++) {
			uint8_t *copy = test_malloc(n + 1);

			memcpy(copy + 1, cases[i].bytes, n);
			(void)nr_payload_recognise(copy + 1, n, cases[i].proto);
			(void)nr_payload_tls_sni(copy + 1, n);
			(void)nr_amplify_is_request(53, copy + 1, n);
			(void)nr_exploit_is(copy + 1, n);
			test_free(copy);
		}
	}
}

static void random_bytes_are_taken_for_a_protocol_less_than_once_in_a_thousand(void **state)
{
	static const size_t sizes[] = { 4, 8, 12, 20, 24, 48, 64, 90, 128, 200, 511, 512, 600 };
	enum { ROUNDS = 20000 };
	uint64_t x = 12345;

	(void)state;
	for (size_t s = 0; s < NR_COUNT(sizes); s++) {
		unsigned found[2][NR_PAYLOAD_N] = { { 0 } };

		for (int round = 0; round < ROUNDS; round++) {
			uint8_t bytes[600];

			for (size_t i = 0; i < sizes[s]; i += 8) {
				x = nr_mix64(x + UINT64_C(0x9e3779b97f4a7c15));
				memcpy(bytes + i, &x, nr_min_size(8, sizeof(bytes) - i));
			}
			found[0][nr_payload_recognise(bytes, sizes[s], TCP)]++;
			found[1][nr_payload_recognise(bytes, sizes[s], UDP)]++;
		}
		for (int udp = 0; udp < 2; udp++) {
			for (int p = NR_PAYLOAD_HTTP; p < NR_PAYLOAD_N; p++) {
				if (found[udp][p] > 0)
					print_message("# %zu random bytes: %s %u of %d\n", sizes[s],
						      nr_payload_names[p], found[udp][p], ROUNDS);
				assert_true(found[udp][p] * 1000 < ROUNDS);
			}
		}
	}
}

/** A ClientHello whose server name is @p name; @return its size. */
static size_t hello_make(uint8_t *out, const char *name, size_t n)
{
	static const uint8_t head[] = { 0x16, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3 };
	size_t at = sizeof(head);

	memcpy(out, head, at);
	memset(out + at, 0x5a, 32);
	at += 32;
	static const uint8_t middle[] = { 0, 0, 2, 0x13, 1, 1, 0 };
	memcpy(out + at, middle, sizeof(middle));
	at += sizeof(middle);
	size_t list = n + 3, ext = list + 2, all = ext + 4 + 6;
	const uint8_t exts[] = { (uint8_t)(all >> 8),
				 (uint8_t)all,
				 0,
				 0x17,
				 0,
				 2,
				 1,
				 2,
				 0,
				 0,
				 (uint8_t)(ext >> 8),
				 (uint8_t)ext,
				 (uint8_t)(list >> 8),
				 (uint8_t)list,
				 0,
				 (uint8_t)(n >> 8),
				 (uint8_t)n };
	memcpy(out + at, exts, sizeof(exts));
	at += sizeof(exts);
	memcpy(out + at, name, n);
	at += n;
	out[3] = (uint8_t)((at - 5) >> 8);
	out[4] = (uint8_t)(at - 5);
	return at;
}

static void the_server_name_is_returned_as_it_is(void **state)
{
	static const struct {
		const char *name;
		size_t n;
	} names[] = { { BYTES("www.example.org") },
		      { BYTES("a") },
		      { BYTES("a\0b\n\x1b[2J<script>") } };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(names); i++) {
		uint8_t hello[256];
		size_t n = hello_make(hello, names[i].name, names[i].n);
		struct nr_str sni = nr_payload_tls_sni(hello, n);

		assert_int_equal(sni.n, names[i].n);
		assert_memory_equal(sni.p, names[i].name, sni.n);
		/* cut anywhere: none */
		for (size_t cut = 1; cut <= n; cut++)
			assert_int_equal(nr_payload_tls_sni(hello, n - cut).n, 0);
	}
}

static void lengths_that_lie_give_no_server_name(void **state)
{
	uint8_t hello[256];
	size_t n = hello_make(hello, BYTES("example.org"));

	(void)state;
	for (size_t at = 3; at < n; at++) {
		uint8_t was = hello[at];

		for (unsigned v = 0; v < 256; v++) {
			hello[at] = (uint8_t)v;
			uint8_t *copy = test_malloc(n);
			memcpy(copy, hello, n);
			struct nr_str sni = nr_payload_tls_sni(copy, n);
			assert_true(sni.n == 0 || ((const uint8_t *)sni.p >= copy &&
						   (const uint8_t *)sni.p + sni.n <= copy + n));
			test_free(copy);
		}
		hello[at] = was;
	}
	assert_int_equal(nr_payload_tls_sni((const uint8_t *)"GET / HTTP/1.1", 14).n, 0);
	assert_int_equal(nr_payload_tls_sni(NULL, 0).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_recognised),
		cmocka_unit_test(every_payload_has_a_case_and_a_name),
		cmocka_unit_test(prefixes_of_every_case_are_read_within_their_bounds),
		cmocka_unit_test(
			random_bytes_are_taken_for_a_protocol_less_than_once_in_a_thousand),
		cmocka_unit_test(the_server_name_is_returned_as_it_is),
		cmocka_unit_test(lengths_that_lie_give_no_server_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
