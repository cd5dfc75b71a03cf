/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file test_frame: frames written as hex, for the tests of this folder. Blanks do not count. */
#include "base/cmocka.h"
#include "observe/dissect/dissect_int.h"

struct test_frame {
	uint8_t bytes[8192];
	size_t n;
};

static inline int test_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline void test_hex(struct test_frame *f, const char *hex)
{
	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		assert_true(test_hex_digit(hex[0]) >= 0 && test_hex_digit(hex[1]) >= 0);
		assert_true(f->n < sizeof(f->bytes));
		f->bytes[f->n++] = (uint8_t)(test_hex_digit(hex[0]) << 4 | test_hex_digit(hex[1]));
		hex++;
	}
}

/** @p cut bytes are missing at the end of the capture. */
static inline enum nr_outcome test_dissect(struct test_frame *f, uint16_t link, size_t cut,
					   struct nr_packet *pkt)
{
	struct nr_frame frame = { .ts = 7, .data = f->bytes, .link = link };

	assert_true(cut <= f->n);
	frame.wirelen = (uint32_t)f->n;
	frame.caplen = (uint32_t)(f->n - cut);
	memset(pkt, 0xa5, sizeof(*pkt)); /* nothing may depend on what was there */
	return nr_dissect(&frame, pkt);
}

static inline enum nr_outcome test_dissect_hex(const char *hex, uint16_t link,
					       struct nr_packet *pkt)
{
	static struct test_frame f;

	f.n = 0;
	test_hex(&f, hex);
	return test_dissect(&f, link, 0, pkt);
}

/* Pieces: total length, identification + fragment field, ttl + protocol as hex. */
#define ETH(type)			 "020000000001 020000000002" type
#define ETH4				 ETH("0800")
#define ETH6				 ETH("86dd")
#define SRC4				 "c0000201" /* 192.0.2.1 */
#define DST4				 "c6120005" /* 198.18.0.5 */
#define IP4(total, frag, proto)		 "4500" total "1234" frag "40" proto "0000" SRC4 DST4
#define IP4_OPT(vihl, total, proto, opt) vihl "00" total "1234 0000 40" proto "0000" SRC4 DST4 opt
#define SRC6				 "20010db8000000000000000000000001"
#define DST6				 "20010db8000000000000000000000002"
#define IP6(len, next)			 "60000000" len next "40" SRC6 DST6
#define TCP(doff_flags)			 "3039 0017 00000001 00000000" doff_flags "0400 0000 0000"
#define SYN				 TCP("5002")
#define UDP(len)			 "3039 0035" len "0000"
#define ECHO				 "0800 f7ff 0000 0000"
