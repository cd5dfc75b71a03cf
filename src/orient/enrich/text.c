/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/readers.h"

struct line {
	char bytes[NR_READERS_LINE]; /* unquoted cells live here */
	size_t n;
	struct nr_str cells[NR_READERS_COLUMNS];
	size_t n_cells;
};

/* A cell in quotes, "" standing for one quote. @p rest begins at the opening quote. */
static const char *quoted_cell(struct line *line, struct nr_str *rest, char separator)
{
	char *out = line->bytes + line->n;
	size_t n = 0, i = 1;

	for (; i < rest->n; i++) {
		if (rest->p[i] == '"' && (i + 1 == rest->n || rest->p[i + 1] != '"'))
			break;
		if (rest->p[i] == '"')
			i++;
		out[n++] = rest->p[i];
	}
	if (i >= rest->n)
		return "a quote is not closed";
	i++;
	if (i < rest->n && rest->p[i] != separator)
		return "text behind a closing quote";
	line->cells[line->n_cells++] = (struct nr_str){ out, n };
	line->n += n;
	i = nr_min_size(i + 1, rest->n);
	*rest = (struct nr_str){ rest->p + i, rest->n - i };
	return NULL;
}

static const char *split(struct line *line, struct nr_str rest,
			 const struct nr_reader_format *format)
{
	line->n = 0;
	line->n_cells = 0;
	if (rest.n > sizeof(line->bytes))
		return "the line is too long";
	while (rest.n > 0) {
		if (line->n_cells == NR_READERS_COLUMNS)
			return "too many columns";
		if (format->quoted && rest.p[0] == '"') {
			const char *problem = quoted_cell(line, &rest, format->separator);

			if (problem != NULL)
				return problem;
		} else {
			line->cells[line->n_cells++] = nr_str_cut(&rest, format->separator);
		}
	}
	return NULL;
}

/* Decimal numbers below 2^32 are IPv4, others IPv6: nobody announces ::/96. */
static const char *address(struct nr_str cell, enum nr_pool_family *ret_family, nr_u128 *ret_number)
{
	nr_u128 number = 0;
	struct nr_ip ip;

	if (nr_ip_parse(cell, &ip) == 0) {
		*ret_family = nr_pool_number(ip, ret_number);
		return NULL;
	}
	for (size_t i = 0; i < cell.n; i++) {
		unsigned digit = (unsigned char)cell.p[i] - (unsigned)'0';

		if (digit > 9 || number > (~(nr_u128)0 - digit) / 10)
			return "not an address";
		number = number * 10 + digit;
	}
	if (cell.n == 0)
		return "not an address";
	*ret_family = number <= UINT32_MAX ? NR_POOL_V4 : NR_POOL_V6;
	*ret_number = number;
	return NULL;
}

static const char *as_number(struct nr_str cell, bool set, uint32_t *ret_asn)
{
	uint64_t asn = 0;

	if (set) {
		struct nr_str rest = cell;

		cell = nr_str_cut(&rest, '_');
		rest = cell;
		cell = nr_str_cut(&rest, ',');
	}
	if (nr_str_starts(cell, NR_STR("AS")))
		cell = (struct nr_str){ cell.p + 2, cell.n - 2 };
	if (nr_str_u64(cell, 0, UINT32_MAX, &asn) < 0)
		return "not an AS number";
	*ret_asn = (uint32_t)asn;
	return NULL;
}

static const char *prefix_end(struct nr_str cell, struct nr_pool_row *row)
{
	unsigned bits = row->family == NR_POOL_V4 ? 32 : 128;
	uint64_t len = 0;
	nr_u128 host = 0;

	if (nr_str_u64(cell, 0, bits, &len) < 0)
		return "not a prefix length";
	host = len == 0 ? nr_pool_last(row->family) : ((nr_u128)1 << (bits - len)) - 1;
	if ((row->lo & host) != 0)
		return "host bits of a prefix are set";
	row->hi = row->lo | host;
	return NULL;
}

static const char *column(enum nr_reader_column column, struct nr_str cell, struct nr_pool_row *row)
{
	enum nr_pool_family family = row->family;
	const char *problem = NULL;

	switch (column) {
	case NR_COLUMN_END:
		break;
	case NR_COLUMN_FIRST:
	case NR_COLUMN_NET:
		return address(cell, &row->family, &row->lo);
	case NR_COLUMN_LAST:
		problem = address(cell, &family, &row->hi);
		/* a number that fits 32 bits can still end no IPv6 range that starts above */
		return problem != NULL || family == row->family
			       ? problem
			       : "first and last are of two families";
	case NR_COLUMN_LEN:
		return prefix_end(cell, row);
	case NR_COLUMN_ASN:
	case NR_COLUMN_ASN_SET:
		return as_number(cell, column == NR_COLUMN_ASN_SET, &row->asn);
	case NR_COLUMN_NAME:
		row->name = cell;
		break;
	case NR_COLUMN_ECONOMY:
		return nr_pool_economy(cell, row->economy) < 0 ? "not an economy (two letters)"
							       : NULL;
	}
	return NULL;
}

static const char *parse(struct line *line, struct nr_str text,
			 const struct nr_reader_format *format, struct nr_pool_row *ret_row)
{
	const char *problem = split(line, text, format);
	size_t n = 0;

	*ret_row = (struct nr_pool_row){ .asn = 0 };
	while (n < NR_READERS_COLUMNS && format->columns[n] != NR_COLUMN_END)
		n++;
	/* an empty last cell (a name) leaves no trace behind its separator */
	if (problem == NULL && line->n_cells + 1 == n && text.n > 0 &&
	    text.p[text.n - 1] == format->separator)
		line->cells[line->n_cells++] = NR_STR("");
	if (problem == NULL && line->n_cells != n)
		return "wrong number of columns";
	for (size_t i = 0; i < n && problem == NULL; i++)
		problem = column(format->columns[i], line->cells[i], ret_row);
	if (problem == NULL && ret_row->lo > ret_row->hi)
		return "the range ends before it starts";
	return problem;
}

static struct nr_str next_line(struct nr_str *text)
{
	struct nr_str line = nr_str_cut(text, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool says_nothing(struct nr_str line)
{
	return nr_str_is_blank(line) || line.p[0] == '#';
}

bool nr_text_fits(struct nr_str text, const struct nr_reader_format *format)
{
	struct line line;
	struct nr_pool_row row;

	while (text.n > 0) {
		struct nr_str one = next_line(&text);

		if (!says_nothing(one))
			return parse(&line, one, format, &row) == NULL;
	}
	return false;
}

int nr_text_read(struct nr_pool *pool, const char *path, struct nr_str text,
		 const struct nr_reader_format *format, struct nr_err *reterr)
{
	struct line line;

	for (uint64_t line_no = 1; text.n > 0; line_no++) {
		struct nr_str one = next_line(&text);
		struct nr_pool_row row;
		const char *problem = NULL;
		char shown[80];
		int ret = 0;

		if (says_nothing(one))
			continue;
		problem = parse(&line, one, format, &row);
		if (problem != NULL) {
			one.n = nr_min_size(one.n, 60);
			nr_str_escape(one, shown, sizeof(shown));
			return nr_fail(reterr, NR_EFORMAT, "%s:%llu: %s: %s", path,
				       (unsigned long long)line_no, problem, shown);
		}
		ret = nr_pool_add(pool, &row);
		if (ret < 0)
			return nr_fail(reterr, ret, "%s:%llu: %s", path,
				       (unsigned long long)line_no, nr_err_text(ret));
	}
	return 0;
}
