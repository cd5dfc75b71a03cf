/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * wanted: what a person wants to know about, however he writes it, in the one form the API takes.
 *
 * Addresses   203.0.113.7, 203.0.113.7:22, [2001:DB8::1]:443, 203.0.113[.]7, hxxp://203.0.113.7/x,
 *             ::ffff:203.0.113.7, fe80::1%eth0: the address; a port beside it is left out and said
 * Prefixes    203.0.113.0/24, 203.0.113.7/24 (host bits are cleared, and that is said), 203.0.113.*
 * Networks    AS64500, as64500, ASN 64500, AS1.10; a bare number above 65535
 * Economies   JP, jp
 * Ports       23/tcp, tcp/23, 23tcp, :23, port 23, ssh; a bare number up to 65535 is a TCP port, and
 *             that is said
 * Names       anything else of a-z A-Z 0-9 . _ - : a class, a sensor, a member
 * Limits      NR_WANTED_TEXT bytes; blanks, quotes and brackets around it do not count
 */
#include "base/err.h"
#include "base/str.h"

enum { NR_WANTED_TEXT = 128, NR_WANTED_NOTE = 160 };

enum nr_wanted_kind {
	NR_WANTED_NAME,
	NR_WANTED_ADDRESS,
	NR_WANTED_PREFIX,
	NR_WANTED_ASN,
	NR_WANTED_ECONOMY,
	NR_WANTED_PORT,
};

struct nr_wanted {
	enum nr_wanted_kind kind;
	char text[NR_WANTED_TEXT]; /* as the API takes it; reading it again gives itself */
	char note[NR_WANTED_NOTE]; /* what was guessed or left out, for the reader; "": nothing */
};

/** @return 0; NR_EUSAGE: it is none of these, with an example */
NR_MUST_CHECK int nr_wanted_read(struct nr_str text, struct nr_wanted *ret_wanted,
				 struct nr_err *reterr);
