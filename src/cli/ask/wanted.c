/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/wanted.h"

#include <stdio.h>
#include <strings.h>

#include "base/inet.h"
#include "observe/classify/classify.h"

enum { PORT_MAX = 65535, ASN_PART = 65536, PROTO_TCP = 6, PROTO_UDP = 17, NAME_BYTES = 63 };

/* ---- what stands around it ---- */

/* strchr() finds the NUL too. */
static bool is_of(const char *set, char c)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool is_quote(char c)
{
	return is_of("\"'`<>,;", c);
}

static struct nr_str strip(struct nr_str s)
{
	size_t before;

	do {
		before = s.n;
		s = nr_str_trim(s);
		while (s.n > 0 && is_quote(s.p[0])) {
			s.p++;
			s.n--;
		}
		while (s.n > 0 && is_quote(s.p[s.n - 1]))
			s.n--;
	} while (s.n != before);
	return s;
}

static bool starts_any_case(struct nr_str s, const char *word)
{
	size_t n = strlen(word);

	return s.n >= n && strncasecmp(s.p, word, n) == 0;
}

static bool eq_any_case(struct nr_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* Reports write 203.0.113[.]7 and hxxp://203.0.113.7/x, so that nobody follows them. */
static size_t refang(struct nr_str s, char *out)
{
	static const char *const dots[] = { "[.]", "(.)", "{.}", "[:]" };
	size_t n = 0;

	for (size_t i = 0; i < s.n;) {
		struct nr_str rest = { s.p + i, s.n - i };
		bool dot = false;

		for (size_t d = 0; d < NR_COUNT(dots) && !dot; d++)
			dot = nr_str_starts(rest, nr_str_from(dots[d]));
		out[n++] = dot ? s.p[i + 1] : s.p[i];
		i += dot ? 3 : 1;
	}
	return n;
}

/* The host of a URL. */
static struct nr_str without_url(struct nr_str s)
{
	const char *at = memmem(s.p, s.n, "://", 3);

	if (at == NULL || at == s.p)
		return s;
	for (const char *p = s.p; p < at; p++)
		if (!((*p | 32) >= 'a' && (*p | 32) <= 'z'))
			return s;
	s.n -= (size_t)(at + 3 - s.p);
	s.p = at + 3;
	for (size_t i = 0; i < s.n; i++)
		if (is_of("/?#", s.p[i]))
			s.n = i;
	return s;
}

/* ---- the kinds ---- */

static bool number(struct nr_str s, uint64_t lo, uint64_t hi, uint64_t *ret_value)
{
	return s.n > 0 && nr_str_u64(s, lo, hi, ret_value) == 0;
}

static void set_port(struct nr_wanted *wanted, uint64_t port, const char *proto)
{
	wanted->kind = NR_WANTED_PORT;
	(void)snprintf(wanted->text, sizeof(wanted->text), "%u/%s", (unsigned)port, proto);
}

static bool proto_of(struct nr_str s, const char **ret_proto)
{
	if (!eq_any_case(s, "tcp") && !eq_any_case(s, "udp"))
		return false;
	*ret_proto = (s.p[0] | 32) == 't' ? "tcp" : "udp";
	return true;
}

/* "23/tcp", "tcp/23", "23 tcp", "23tcp", ":23", "port 23" */
static bool read_port(struct nr_str s, struct nr_wanted *wanted)
{
	const char *proto = "tcp";
	struct nr_str digits, word;
	uint64_t port;

	if (starts_any_case(s, "port ") || starts_any_case(s, ":")) {
		digits = nr_str_trim((struct nr_str){ s.p + (s.p[0] == ':' ? 1 : 5),
						      s.n - (s.p[0] == ':' ? 1 : 5) });
		if (number(digits, 0, PORT_MAX, &port)) {
			set_port(wanted, port, proto);
			return true;
		}
		s = digits;
	}
	if (s.n < 4)
		return false;
	word = (struct nr_str){ s.p + s.n - 3, 3 };
	digits = (struct nr_str){ s.p, s.n - 3 };
	if (!proto_of(word, &proto)) {
		word = (struct nr_str){ s.p, 3 };
		digits = (struct nr_str){ s.p + 3, s.n - 3 };
		if (!proto_of(word, &proto))
			return false;
	}
	digits = nr_str_trim(digits);
	if (digits.n > 0 && (digits.p[0] == '/' || digits.p[0] == ':')) {
		digits.p++;
		digits.n--;
	} else if (digits.n > 0 && digits.p[digits.n - 1] == '/') {
		digits.n--;
	}
	if (!number(nr_str_trim(digits), 0, PORT_MAX, &port))
		return false;
	set_port(wanted, port, proto);
	return true;
}

/* "AS64500", "ASN 64500", "as1.10" */
static bool read_asn(struct nr_str s, struct nr_wanted *wanted)
{
	uint64_t high = 0, low;

	if (!starts_any_case(s, "as"))
		return false;
	struct nr_str rest = { s.p + 2, s.n - 2 };

	if (rest.n > 0 && (rest.p[0] | 32) == 'n') {
		rest.p++;
		rest.n--;
	}
	rest = nr_str_trim(rest);
	const char *dot = memchr(rest.p, '.', rest.n);

	if (dot != NULL) {
		struct nr_str first = nr_str_cut(&rest, '.');

		if (!number(first, 0, PORT_MAX, &high) || !number(rest, 0, PORT_MAX, &low))
			return false;
		low += high * ASN_PART;
	} else if (!number(rest, 0, UINT32_MAX, &low)) {
		return false;
	}
	wanted->kind = NR_WANTED_ASN;
	(void)snprintf(wanted->text, sizeof(wanted->text), "AS%llu", (unsigned long long)low);
	return true;
}

static bool read_number(struct nr_str s, struct nr_wanted *wanted)
{
	uint64_t value;

	if (!number(s, 0, UINT32_MAX, &value))
		return false;
	if (value > PORT_MAX) {
		wanted->kind = NR_WANTED_ASN;
		(void)snprintf(wanted->text, sizeof(wanted->text), "AS%llu",
			       (unsigned long long)value);
		return true;
	}
	set_port(wanted, value, "tcp");
	(void)snprintf(wanted->note, sizeof(wanted->note),
		       "a bare number is a TCP port; the network is AS%llu",
		       (unsigned long long)value);
	return true;
}

static bool is_economy(struct nr_str s)
{
	return s.n == 2 && (s.p[0] | 32) >= 'a' && (s.p[0] | 32) <= 'z' && (s.p[1] | 32) >= 'a' &&
	       (s.p[1] | 32) <= 'z';
}

static bool read_economy(struct nr_str s, struct nr_wanted *wanted)
{
	if (!is_economy(s))
		return false;
	wanted->kind = NR_WANTED_ECONOMY;
	(void)snprintf(wanted->text, sizeof(wanted->text), "%c%c", s.p[0] & ~32, s.p[1] & ~32);
	return true;
}

static bool read_service(struct nr_str s, struct nr_wanted *wanted)
{
	unsigned tcp = nr_service_port(PROTO_TCP, s), udp = nr_service_port(PROTO_UDP, s);

	if (tcp == 0 && udp == 0)
		return false;
	set_port(wanted, tcp != 0 ? tcp : udp, tcp != 0 ? "tcp" : "udp");
	if (tcp != 0 && udp != 0)
		(void)snprintf(wanted->note, sizeof(wanted->note), "%.*s is also %u/udp", (int)s.n,
			       s.p, udp);
	return true;
}

static void set_address(struct nr_wanted *wanted, struct nr_ip ip)
{
	wanted->kind = NR_WANTED_ADDRESS;
	(void)nr_ip_print(ip, wanted->text);
}

/* What stands behind an address: "", ":22", "%eth0" */
static bool read_behind(struct nr_str s, struct nr_wanted *wanted)
{
	uint64_t port;

	if (s.n == 0)
		return true;
	if (s.p[0] == '%')
		return s.n > 1;
	if (s.p[0] != ':' || !number((struct nr_str){ s.p + 1, s.n - 1 }, 0, PORT_MAX, &port))
		return false;
	(void)snprintf(wanted->note, sizeof(wanted->note),
		       "about the address on all ports; the port alone is %u/tcp", (unsigned)port);
	return true;
}

static bool read_address(struct nr_str s, struct nr_wanted *wanted)
{
	struct nr_ip ip;
	struct nr_str rest = { s.p + s.n, 0 };
	size_t end;

	if (s.n > 2 && s.p[0] == '[') {
		const char *close = memchr(s.p, ']', s.n);

		if (close == NULL)
			return false;
		rest = (struct nr_str){ close + 1, (size_t)(s.p + s.n - close - 1) };
		s = (struct nr_str){ s.p + 1, (size_t)(close - s.p) - 1 };
	} else if (nr_str_count(s, ':') == 1 || memchr(s.p, '%', s.n) != NULL) {
		for (end = 0; s.p[end] != ':' && s.p[end] != '%'; end++)
			;
		if (s.p[end] == ':' && memchr(s.p, '%', s.n) != NULL)
			end = (size_t)((const char *)memchr(s.p, '%', s.n) - s.p);
		rest = (struct nr_str){ s.p + end, s.n - end };
		s.n = end;
	}
	if (nr_ip_parse(s, &ip) < 0 || !read_behind(rest, wanted))
		return false;
	set_address(wanted, ip);
	return true;
}

/* "203.0.113.*" and "203.0.*.*" */
static bool read_stars(struct nr_str s, struct nr_wanted *wanted)
{
	char zeros[NR_IP_TEXT];
	unsigned stars = 0;
	struct nr_ip ip;

	if (s.n >= sizeof(zeros) || nr_str_count(s, '.') != 3)
		return false;
	while (stars < 3 && s.n >= 2 + 2 * (size_t)stars &&
	       s.p[s.n - 1 - (size_t)stars * 2] == '*' && s.p[s.n - 2 - (size_t)stars * 2] == '.')
		stars++;
	if (stars == 0 || stars != nr_str_count(s, '*'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		zeros[i] = s.p[i] == '*' ? '0' : s.p[i];
	if (nr_ip_parse((struct nr_str){ zeros, s.n }, &ip) < 0)
		return false;
	wanted->kind = NR_WANTED_PREFIX;
	(void)nr_prefix_print((struct nr_prefix){ ip, (uint8_t)(128 - 8 * stars) }, wanted->text);
	return true;
}

static bool read_prefix(struct nr_str s, struct nr_wanted *wanted)
{
	struct nr_ip ip;
	struct nr_str address = nr_str_cut(&s, '/');
	uint64_t bits;

	if (s.n == 0 || nr_ip_parse(address, &ip) < 0)
		return false;
	unsigned top = nr_ip_is_v4(ip) ? 32 : 128;

	if (!number(s, 0, top, &bits))
		return false;
	struct nr_prefix prefix = { nr_ip_mask(ip, (unsigned)bits + 128 - top),
				    (uint8_t)(bits + 128 - top) };

	if (bits == top) {
		set_address(wanted, ip);
		return true;
	}
	wanted->kind = NR_WANTED_PREFIX;
	(void)nr_prefix_print(prefix, wanted->text);
	if (!nr_ip_eq(prefix.ip, ip))
		(void)snprintf(wanted->note, sizeof(wanted->note), "taken as %s", wanted->text);
	return true;
}

/* A number that none of the others took is a slip, not a name: AS4294967296, 203.0.113.700. */
static bool read_name(struct nr_str s, struct nr_wanted *wanted)
{
	size_t letters = 0, skip = starts_any_case(s, "asn") ? 3 : starts_any_case(s, "as") ? 2 : 0;

	if (s.n == 0 || s.n > NAME_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';

		if (!letter && !(c >= '0' && c <= '9') && !is_of("._-", c))
			return false;
		letters += i >= skip && (letter || c == '_' || c == '-');
	}
	if (letters == 0)
		return false;
	wanted->kind = NR_WANTED_NAME;
	(void)snprintf(wanted->text, sizeof(wanted->text), "%.*s", (int)s.n, s.p);
	return true;
}

int nr_wanted_read(struct nr_str text, struct nr_wanted *ret_wanted, struct nr_err *reterr)
{
	static bool (*const kinds[])(struct nr_str s, struct nr_wanted * wanted) = {
		read_number, read_port,	   read_address, read_prefix, read_stars,
		read_asn,    read_economy, read_service, read_name,
	};
	char clean[NR_WANTED_TEXT] = "", shown[NR_WANTED_TEXT];
	struct nr_str s = strip(text);

	*ret_wanted = (struct nr_wanted){ 0 };
	if (s.n > 0 && s.n < sizeof(clean)) {
		s = without_url((struct nr_str){ clean, refang(s, clean) });
		for (size_t i = 0; s.n > 0 && i < NR_COUNT(kinds); i++)
			if (kinds[i](s, ret_wanted))
				return 0;
	}
	nr_str_escape(text, shown, sizeof(shown));
	return nr_fail(reterr, NR_EUSAGE,
		       "'%s' is nothing the hub knows of: want an address, a prefix, AS64500, JP, "
		       "23/tcp, a service, a class or a name",
		       shown);
}
