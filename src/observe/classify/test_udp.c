/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "observe/classify/classify_int.h"

#define BYTES(literal) (literal), sizeof(literal) - 1
#define Z8	       "\0\0\0\0\0\0\0\0"
#define Q(flags, type, class)                     \
	"\x12\x34" flags "\0\x01\0\0\0\0\0\0\x07" \
	"example\x03"                             \
	"com\0\0" type "\0" class

static void ports_and_content_decide_the_class_together(void **state)
{
	static const struct {
		const char *what;
		uint16_t sport, dport;
		const char *bytes;
		size_t n;
		uint8_t class;
	} cases[] = {
		{ "empty to a port", 40000, 161, BYTES(""), NR_CLASS_SCAN },
		{ "empty from a service", 53, 40000, BYTES(""), NR_CLASS_SCAN },
		{ "bytes to a port", 40000, 33434, BYTES("hello"), NR_CLASS_SCAN },
		/* DNS */
		{ "an address asked", 40000, 53, BYTES(Q("\x01\0", "\x01", "\x01")),
		  NR_CLASS_SCAN },
		{ "ANY asked", 40000, 53, BYTES(Q("\x01\0", "\xff", "\x01")), NR_CLASS_AMPLIFY },
		{ "TXT asked", 40000, 53, BYTES(Q("\x01\0", "\x10", "\x01")), NR_CLASS_AMPLIFY },
		{ "DNSKEY asked", 53, 53, BYTES(Q("\x01\0", "\x30", "\x01")), NR_CLASS_AMPLIFY },
		{ "version.bind asked", 40000, 53, BYTES(Q("\x01\0", "\x10", "\x03")),
		  NR_CLASS_SCAN },
		{ "ANY asked of another port", 40000, 5300, BYTES(Q("\x01\0", "\xff", "\x01")),
		  NR_CLASS_SCAN },
		{ "a DNS answer", 53, 40000, BYTES(Q("\x81\x80", "\x01", "\x01")),
		  NR_CLASS_BACKSCATTER },
		{ "a question from port 53", 53, 53, BYTES(Q("\x01\0", "\x01", "\x01")),
		  NR_CLASS_SCAN },
		{ "anything else from port 53", 53, 40000, BYTES("xyz"), NR_CLASS_BACKSCATTER },
		{ "multicast DNS, all services", 40000, 5353,
		  BYTES("\0\0\0\0\0\x01\0\0\0\0\0\0\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0c\0\x01"),
		  NR_CLASS_AMPLIFY },
		/* NTP */
		{ "the time asked", 40000, 123, BYTES("\xe3\0\x04\xfa" Z8 Z8 Z8 Z8 Z8 "\0\0\0\0"),
		  NR_CLASS_SCAN },
		{ "monlist", 40000, 123, BYTES("\x17\0\x03\x2a\0\0\0\0"), NR_CLASS_AMPLIFY },
		{ "readvar", 40000, 123, BYTES("\x16\x02\0\x01" Z8), NR_CLASS_AMPLIFY },
		{ "the time told", 123, 40000, BYTES("\x24\x01\x04\xfa" Z8 Z8 Z8 Z8 Z8 "\0\0\0\0"),
		  NR_CLASS_BACKSCATTER },
		{ "monlist answered", 123, 40000, BYTES("\xd7\0\x03\x2a\0\x06\0\x48"),
		  NR_CLASS_BACKSCATTER },
		{ "the time asked from 123", 123, 123,
		  BYTES("\xe3\0\x04\xfa" Z8 Z8 Z8 Z8 Z8 "\0\0\0\0"), NR_CLASS_SCAN },
		/* SNMP */
		{ "get-next", 40000, 161,
		  BYTES("\x30\x1f\x02\x01\0\x04\x06public\xa1\x12\x02\x01\0\x02\x01\0\x02\x01"
			"\0\x30\x07\x30\x05\x06\x01\0\x05\0"),
		  NR_CLASS_SCAN },
		{ "get-bulk", 40000, 161,
		  BYTES("\x30\x26\x02\x01\x01\x04\x06public\xa5\x19\x02\x04\x11\x22\x33\x44"
			"\x02\x01\0\x02\x01\x7f\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01"
			"\x05\0"),
		  NR_CLASS_AMPLIFY },
		{ "response", 161, 40000,
		  BYTES("\x30\x1f\x02\x01\0\x04\x06public\xa2\x12\x02\x01\0\x02\x01\0\x02\x01"
			"\0\x30\x07\x30\x05\x06\x01\0\x05\0"),
		  NR_CLASS_BACKSCATTER },
		/* others */
		{ "M-SEARCH", 40000, 1900, BYTES("M-SEARCH * HTTP/1.1\r\n"), NR_CLASS_AMPLIFY },
		{ "M-SEARCH from 1900", 1900, 1900, BYTES("M-SEARCH * HTTP/1.1\r\n"),
		  NR_CLASS_AMPLIFY },
		{ "SSDP answer", 1900, 40000, BYTES("HTTP/1.1 200 OK\r\nST: x\r\n"),
		  NR_CLASS_BACKSCATTER },
		{ "memcached stats", 40000, 11211, BYTES("\0\x01\0\0\0\x01\0\0stats\r\n"),
		  NR_CLASS_AMPLIFY },
		{ "memcached version", 40000, 11211, BYTES("\0\x01\0\0\0\x01\0\0version\r\n"),
		  NR_CLASS_SCAN },
		{ "memcached answer", 11211, 40000, BYTES("\0\x01\0\0\0\x01\0\0STAT pid 1\r\n"),
		  NR_CLASS_BACKSCATTER },
		{ "CLDAP search", 40000, 389,
		  BYTES("\x30\x0c\x02\x01\x01\x63\x07\x04\0\x0a\x01\0\x0a\x01"), NR_CLASS_AMPLIFY },
		{ "CLDAP entry", 389, 40000,
		  BYTES("\x30\x0c\x02\x01\x01\x64\x07\x04\0\x0a\x01\0\x0a\x01"),
		  NR_CLASS_BACKSCATTER },
		{ "chargen", 40000, 19, BYTES("\1"), NR_CLASS_AMPLIFY },
		{ "chargen, empty", 40000, 19, BYTES(""), NR_CLASS_AMPLIFY },
		{ "chargen answers", 19, 40000, BYTES(" !\"#$%&'()"), NR_CLASS_BACKSCATTER },
		{ "quote of the day", 40000, 17, BYTES("\r\n"), NR_CLASS_AMPLIFY },
		{ "portmap dump", 40000, 111,
		  BYTES("\1\2\3\4\0\0\0\0\0\0\0\x02\0\x01\x86\xa0\0\0\0\x02\0\0\0\x04" Z8 Z8),
		  NR_CLASS_AMPLIFY },
		{ "portmap null", 40000, 111,
		  BYTES("\1\2\3\4\0\0\0\0\0\0\0\x02\0\x01\x86\xa0\0\0\0\x02\0\0\0\0" Z8 Z8),
		  NR_CLASS_SCAN },
		{ "NBSTAT", 40000, 137,
		  BYTES("\x80\xf0\0\x10\0\x01\0\0\0\0\0\0 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0!\0\x01"),
		  NR_CLASS_AMPLIFY },
		{ "RIP table", 40000, 520, BYTES("\1\1\0\0\0\0\0\0" Z8 "\0\0\0\0\0\0\0\x10"),
		  NR_CLASS_AMPLIFY },
		{ "MS SQL instances", 40000, 1434, BYTES("\2"), NR_CLASS_AMPLIFY },
		{ "MS SQL answers", 1434, 40000, BYTES("\5\x20\0ServerName"),
		  NR_CLASS_BACKSCATTER },
		{ "ARD", 40000, 3283, BYTES("\0\x14\0\1\3"), NR_CLASS_AMPLIFY },
		{ "WS-Discovery", 40000, 3702, BYTES("<e:Envelope><w:Probe/>"), NR_CLASS_AMPLIFY },
		{ "WS-Discovery answer", 3702, 40000, BYTES("<e:Envelope><w:ProbeMatches/>"),
		  NR_CLASS_BACKSCATTER },
		{ "CoAP core", 40000, 5683, BYTES("\x40\1\x7d\x70\xbb.well-known\4core"),
		  NR_CLASS_AMPLIFY },
		{ "TFTP read", 40000, 69, BYTES("\0\1a.pdf\0octet\0"), NR_CLASS_AMPLIFY },
		{ "A2S_INFO", 40000, 27015, BYTES("\xff\xff\xff\xffTSource Engine Query\0"),
		  NR_CLASS_AMPLIFY },
		{ "A2S_INFO answered", 27015, 40000, BYTES("\xff\xff\xff\xffI\x11x"),
		  NR_CLASS_BACKSCATTER },
		{ "Quake status", 40000, 27960, BYTES("\xff\xff\xff\xffgetstatus"),
		  NR_CLASS_AMPLIFY },
		{ "Ubiquiti", 40000, 10001, BYTES("\1\0\0\0"), NR_CLASS_AMPLIFY },
		{ "Plex", 40000, 32414, BYTES("M-SEARCH * HTTP/1.0\r\n"), NR_CLASS_AMPLIFY },
		{ "video recorder", 40000, 37810, BYTES("\xff"), NR_CLASS_AMPLIFY },
		{ "STUN binding", 3478, 40000, BYTES("\0\1\0\0\x21\x12\xa4\x42" Z8 "\1\2\3\4"),
		  NR_CLASS_SCAN },
		{ "STUN success", 3478, 40000, BYTES("\1\1\0\0\x21\x12\xa4\x42" Z8 "\1\2\3\4"),
		  NR_CLASS_BACKSCATTER },
		{ "SIP asks from 5060", 5060, 5060, BYTES("OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n"),
		  NR_CLASS_SCAN },
		{ "SIP answers", 5060, 40000, BYTES("SIP/2.0 404 Not Found\r\n"),
		  NR_CLASS_BACKSCATTER },
		{ "QUIC answers", 443, 40000,
		  BYTES("\xc3\0\0\0\x01\x08\1\2\3\4\5\6\7\10\0\0\x44\x9e"), NR_CLASS_BACKSCATTER },
		{ "something else from 443", 443, 40000, BYTES("\x43\0\0\0\x01"), NR_CLASS_SCAN },
		{ "IKE begins", 500, 500,
		  BYTES("\1\2\3\4\5\6\7\10" Z8 "\1\x10\2\0\0\0\0\0\0\0\0\x1c"), NR_CLASS_SCAN },
		{ "IKE answers", 500, 40000,
		  BYTES("\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\1\x10\2\0\0\0\0\0\0\0\0\x1c"),
		  NR_CLASS_BACKSCATTER },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		uint8_t *copy = test_malloc(cases[i].n + 1);

		memcpy(copy + 1, cases[i].bytes, cases[i].n);
		struct nr_packet pkt = { .proto = 17,
					 .sport = cases[i].sport,
					 .dport = cases[i].dport,
					 .payload = cases[i].n > 0 ? copy + 1 : NULL,
					 .is_v4 = 1,
					 .payload_len = (uint32_t)cases[i].n };
		nr_classify(&pkt);
		if (pkt.traffic_class != cases[i].class)
			fail_msg("%s: %s", cases[i].what, nr_class_name(pkt.traffic_class));
		test_free(copy);
	}
}

static void a_request_to_another_service_from_a_service_port_is_judged_by_its_content(void **state)
{
	/* chargen to chargen is a loop, not a request */
	struct nr_packet pkt = { .proto = 17,
				 .sport = 19,
				 .dport = 19,
				 .is_v4 = 1,
				 .payload = (const uint8_t *)"abc",
				 .payload_len = 3 };

	(void)state;
	nr_classify(&pkt);
	assert_int_equal(pkt.traffic_class, NR_CLASS_BACKSCATTER);
}

static void a_tiny_fragment_has_no_class_of_its_own(void **state)
{
	struct nr_packet pkt = { .proto = 17,
				 .sport = 40000,
				 .dport = 19,
				 .is_v4 = 1,
				 .anomalies = 1u << NR_ANOMALY_FRAGMENT_TINY };

	(void)state;
	nr_classify(&pkt);
	assert_int_equal(pkt.traffic_class, NR_CLASS_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_and_content_decide_the_class_together),
		cmocka_unit_test(
			a_request_to_another_service_from_a_service_port_is_judged_by_its_content),
		cmocka_unit_test(a_tiny_fragment_has_no_class_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
