/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi prefixes build | lookup | info: the table that names the AS and the economy of an address. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "cli/cli.h"
#include "orient/enrich/benign.h"
#include "orient/enrich/locate.h"
#include "orient/enrich/prefixes.h"

enum { OUT_MAX = 16 << 20, OUT_FLUSH = 64 << 10, LINE = 4096, SHOWN = 300 };

static int fail(const struct nr_cli_command *command, int code, const char *words)
{
	struct nr_err err;

	(void)nr_fail(&err, code, "%s", words);
	return nr_cli_fail(command, &err);
}

/* ---- build ---- */

struct build {
	const char *from, *out, *format;
};

static const struct nr_option build_options[] = {
	{ .name = "from",
	  .type = NR_OPT_STR,
	  .value = "DIR",
	  .offset = offsetof(struct build, from),
	  .help = "Take the CSV files of the npm packages @ip-location-db/asn and asn-country from DIR, where "
		  "they lie in folders of these names or all together." },
	{ .name = "out",
	  .letter = 'o',
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct build, out),
	  .help = "Write FILE, not the file the other commands look for." },
	{ .name = "format",
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = offsetof(struct build, format),
	  .help = "Read every SOURCE as asn-csv, country-csv, iptoasn, pfx2as or mmdb; without it the "
		  "content decides." },
};

struct sources {
	char paths[4][PATH_MAX];
	struct nr_prefixes_sources sources;
};

/* The file of a package below @p from, wherever npm or the user has put it; NULL when it is not there. */
static const char *find_source(const char *from, const char *package, const char *file, char *out)
{
	static const char *const above[] = { "", "@ip-location-db/",
					     "node_modules/@ip-location-db/" };

	for (size_t i = 0; i < NR_COUNT(above); i++) {
		int n = snprintf(out, PATH_MAX, "%s/%s%s/%s-%s", from, above[i], package, package,
				 file);

		if (n > 0 && n < PATH_MAX && access(out, F_OK) == 0)
			return out;
	}
	int n = snprintf(out, PATH_MAX, "%s/%s-%s", from, package, file);

	return n > 0 && n < PATH_MAX && access(out, F_OK) == 0 ? out : NULL;
}

static bool find_sources(const char *from, struct sources *s)
{
	struct nr_prefixes_sources *found = &s->sources;

	found->asn_v4 = find_source(from, "asn", "ipv4.csv", s->paths[0]);
	found->asn_v6 = find_source(from, "asn", "ipv6.csv", s->paths[1]);
	found->country_v4 = find_source(from, "asn-country", "ipv4.csv", s->paths[2]);
	found->country_v6 = find_source(from, "asn-country", "ipv6.csv", s->paths[3]);
	return found->asn_v4 != NULL || found->asn_v6 != NULL || found->country_v4 != NULL ||
	       found->country_v6 != NULL;
}

/* The folders of a path that stands beside the program: .../share/noroshi/prefixes.nrp */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755); /* what fails shows when the file is written */
		*slash = '/';
	}
}

static int build_table(const struct nr_cli_command *command, const struct build *build,
		       struct sources *s)
{
	nr_auto(nr_prefixes) prefixes = NULL;
	char place[PATH_MAX];
	const char *out = build->out;
	struct nr_err err;

	if (out == NULL) {
		if (nr_locate_new(NR_LOCATE_PREFIXES, place, sizeof(place)) < 0)
			return fail(command, NR_EUSAGE,
				    "no place for the file found; name one with --out FILE");
		make_folders(place);
		out = place;
	}
	if (nr_prefixes_build(&s->sources, out, &err) < 0 ||
	    nr_prefixes_load(out, &prefixes, &err) < 0)
		return nr_cli_fail(command, &err);
	struct nr_prefixes_info info = nr_prefixes_info(prefixes);

	(void)fprintf(stderr, "%s: %.1f MB, %u origins, %u IPv4 and %u IPv6 segments, from %s\n",
		      out, (double)info.n_bytes / 1e6, info.n_records - 1, info.n_v4_runs,
		      info.n_v6_segments, nr_prefixes_version(prefixes));
	return NR_CLI_DONE;
}

static int build_with(const struct nr_cli_command *command, const struct build *build,
		      const struct nr_option_list *operands)
{
	struct sources *s = calloc(1, sizeof(*s));
	struct nr_prefixes_source *more = calloc(operands->n + 1, sizeof(*more));
	int status = NR_CLI_FAILED;

	if (s == NULL || more == NULL) {
		status = fail(command, -ENOMEM, "no memory");
		goto out;
	}
	for (size_t i = 0; i < operands->n; i++) {
		more[i].path = operands->items[i].p; /* a whole word of argv: it ends with NUL */
		more[i].format = build->format;
	}
	s->sources.more = more;
	s->sources.n_more = operands->n;
	if (build->from == NULL && operands->n == 0)
		status = fail(command, NR_EUSAGE,
			      "nothing to build from: give --from DIR or files");
	else if (build->from != NULL && !find_sources(build->from, s))
		status = fail(
			command, -ENOENT,
			"no asn-ipv4.csv, asn-ipv6.csv, asn-country-ipv4.csv or asn-country-ipv6.csv in the "
			"folder that --from names; 'make data' fetches them");
	else
		status = build_table(command, build, s);
out:
	free(more);
	free(s);
	return status;
}

static int build_run(int argc, char **argv)
{
	const struct nr_cli_command *command = &nr_cli_prefixes_build;
	struct nr_option_list operands = { .items = NULL };
	struct build build = { .from = NULL };
	int status = nr_cli_begin(command, argc, argv, &build, &operands);

	if (status == NR_CLI_GO_ON)
		status = build_with(command, &build, &operands);
	nr_option_release(build_options, NR_COUNT(build_options), &build, &operands);
	return status;
}

const struct nr_cli_command nr_cli_prefixes_build = {
	.help = { .name = "noroshi prefixes build",
		  .summary = "make the prefix file from published address data",
		  .operands = "[SOURCE...]",
		  .about =
			  "Reads who originates which addresses, and in which economy they are, and writes one "
			  "compact file that 'noroshi observe' loads at start.\n\n"
			  "A SOURCE is a CSV of ip-location-db, a MaxMind .mmdb, a pfx2as file of CAIDA, the TSV "
			  "of iptoasn or the text of tor-geoipdb, unpacked. The source named first that knows an "
			  "address decides, --from before all others; within one source the more specific range.\n\n"
			  "The file is replaced in one step, or left as it was when a source cannot be read.",
		  .examples =
			  "noroshi prefixes build --from node_modules/@ip-location-db\n"
			  "    from the npm packages\n"
			  "noroshi prefixes build --out my.nrp GeoLite2-ASN.mmdb GeoLite2-Country.mmdb\n"
			  "    from MaxMind's files\n",
		  .options = build_options,
		  .n_options = NR_COUNT(build_options) },
	.run = build_run,
};

/* ---- lookup and info ---- */

struct lookup {
	const char *prefixes, *benign;
	bool json;
};

static const struct nr_option lookup_options[] = {
	{ .name = "prefixes",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct lookup, prefixes),
	  .help = "Use this prefix file." },
	{ .name = "benign",
	  .type = NR_OPT_STR,
	  .value = "PATH",
	  .offset = offsetof(struct lookup, benign),
	  .help = "Also look in these lists of known survey scanners: a MISP warning list (.json), a text file "
		  "with one prefix a line, or a folder of them." },
	{ .name = "json",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct lookup, json),
	  .help = "One object a line." },
};

static const struct nr_option info_options[] = {
	{ .name = "prefixes",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = offsetof(struct lookup, prefixes),
	  .help = "Use this prefix file." },
	{ .name = "json",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct lookup, json),
	  .help = "One object." },
};

struct answers {
	struct nr_prefixes *prefixes;
	struct nr_benign_lists *benign;
	bool json;
	struct nr_buf out;
	uint64_t n_bad;
};

static int load_prefixes(const char *named, char *place, size_t cap,
			 struct nr_prefixes **ret_prefixes, struct nr_err *reterr)
{
	if (named == NULL && nr_locate(NR_LOCATE_PREFIXES, place, cap) < 0)
		return nr_fail(
			reterr, -ENOENT,
			"no prefix data: run 'make data' or 'noroshi prefixes build --from DIR'");
	if (named != NULL)
		(void)snprintf(place, cap, "%s", named);
	return nr_prefixes_load(place, ret_prefixes, reterr);
}

static int load_benign(const char *named, struct nr_benign_lists **ret_lists, struct nr_err *reterr)
{
	nr_auto(nr_benign_lists) lists = NULL;
	char place[PATH_MAX];
	int ret = 0;

	if (named == NULL && nr_locate(NR_LOCATE_BENIGN, place, sizeof(place)) < 0)
		return 0;
	ret = nr_benign_new(&lists);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	ret = nr_benign_add(lists, named != NULL ? named : place, reterr);
	if (ret == 0)
		*ret_lists = NR_TAKE(lists);
	return ret;
}

static const char *benign_word(enum nr_benign benign)
{
	switch (benign) {
	case NR_BENIGN_NONE:
		break;
	case NR_BENIGN_CLAIMED:
		return "benign_claimed";
	case NR_BENIGN_ACK:
		return "benign_ack";
	}
	return "none";
}

static void write_json(struct nr_buf *out, struct nr_ip ip, const struct nr_origin *origin,
		       enum nr_benign benign, const char *list)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "address");
	nr_json_ip(&json, ip);
	nr_json_key(&json, "kind");
	nr_json_str(&json, nr_str_from(nr_ip_kind_name(nr_ip_kind(ip))));
	if (origin->asn != 0) {
		nr_json_key(&json, "asn");
		nr_json_u64(&json, origin->asn);
	}
	if (origin->as_name != NULL) {
		nr_json_key(&json, "as_name");
		nr_json_str(&json, nr_str_from(origin->as_name));
	}
	if (origin->economy[0] != '\0') {
		nr_json_key(&json, "economy");
		nr_json_str(&json, nr_str_from(origin->economy));
	}
	if (benign != NR_BENIGN_NONE) {
		nr_json_key(&json, "benign");
		nr_json_str(&json, nr_str_from(benign_word(benign)));
		nr_json_key(&json, "benign_name");
		nr_json_str(&json, nr_str_from(list));
	}
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
}

static void write_text(struct nr_buf *out, struct nr_ip ip, const struct nr_origin *origin,
		       enum nr_benign benign, const char *list)
{
	char address[NR_IP_TEXT], as[16] = "-", name[SHOWN] = "";
	enum nr_ip_kind kind = nr_ip_kind(ip);

	(void)nr_ip_print(ip, address);
	if (origin->asn != 0)
		(void)snprintf(as, sizeof(as), "AS%u", origin->asn);
	if (origin->as_name != NULL)
		(void)nr_str_escape(nr_str_from(origin->as_name), name, sizeof(name));
	else if (kind != NR_IP_GLOBAL)
		(void)snprintf(name, sizeof(name), "(%s)", nr_ip_kind_name(kind));
	nr_buf_addf(out, "%-15s  %-2s  ", address,
		    origin->economy[0] != '\0' ? origin->economy : "-");
	nr_buf_addf(out, name[0] != '\0' ? "%-10s  %s" : "%s%s", as, name);
	if (benign != NR_BENIGN_NONE) {
		(void)nr_str_escape(nr_str_from(list), name, sizeof(name));
		nr_buf_addf(out, "  [%s: %s]", benign_word(benign), name);
	}
	nr_buf_add(out, "\n", 1);
}

static int answer(struct answers *a, struct nr_str text, const char *where, uint64_t line)
{
	const char *list = NULL;
	struct nr_ip ip;

	text = nr_str_trim(text);
	if (text.n == 0)
		return 0;
	if (nr_ip_parse(text, &ip) < 0) {
		char shown[SHOWN];

		a->n_bad++;
		text.n = nr_min_size(text.n, 60);
		nr_str_escape(text, shown, sizeof(shown));
		(void)fprintf(stderr, "noroshi prefixes lookup: %s %llu: not an address: %s\n",
			      where, (unsigned long long)line, shown);
		return 0;
	}
	struct nr_origin origin = nr_prefixes_origin(a->prefixes,
						     nr_prefixes_find(a->prefixes, ip));
	enum nr_benign benign = nr_benign_find(a->benign, ip, origin.as_name, &list);

	if (a->json)
		write_json(&a->out, ip, &origin, benign, list);
	else
		write_text(&a->out, ip, &origin, benign, list);
	return a->out.n >= OUT_FLUSH ? nr_cli_flush(&a->out) : a->out.err;
}

/* A person who types sees each answer at once; a pipe gets blocks. */
static int answer_input(struct answers *a)
{
	char line[LINE];
	uint64_t line_no = 0;
	bool at_once = isatty(STDIN_FILENO) == 1;
	int ret = 0;

	while (ret == 0 && fgets(line, sizeof(line), stdin) != NULL) {
		ret = answer(a, nr_str_from(line), "line", ++line_no);
		if (ret == 0 && at_once)
			ret = nr_cli_flush(&a->out);
	}
	return ret == 0 && ferror(stdin) != 0 ? -EIO : ret;
}

static int lookup_with(const struct nr_cli_command *command, const struct lookup *lookup,
		       const struct nr_option_list *operands)
{
	struct answers a = { .json = lookup->json };
	char place[PATH_MAX];
	struct nr_err err;
	int ret = load_prefixes(lookup->prefixes, place, sizeof(place), &a.prefixes, &err);

	if (ret == 0)
		ret = load_benign(lookup->benign, &a.benign, &err);
	nr_buf_init(&a.out, OUT_MAX);
	if (ret == 0) {
		for (size_t i = 0; i < operands->n && ret == 0; i++)
			ret = answer(&a, operands->items[i], "operand", i + 1);
		if (operands->n == 0)
			ret = answer_input(&a);
		if (ret == 0)
			ret = nr_cli_flush(&a.out);
		if (ret < 0)
			ret = nr_fail(&err, ret, "output: %s", nr_err_text(ret));
	}
	nr_buf_done(&a.out);
	nr_benign_free(a.benign);
	nr_prefixes_free(a.prefixes);
	if (ret == -EPIPE)
		return NR_CLI_DONE;
	if (ret < 0)
		return nr_cli_fail(command, &err);
	return a.n_bad == 0 ? NR_CLI_DONE : operands->n > 0 ? NR_CLI_USAGE : NR_CLI_FAILED;
}

static int lookup_run(int argc, char **argv)
{
	const struct nr_cli_command *command = &nr_cli_prefixes_lookup;
	struct nr_option_list operands = { .items = NULL };
	struct lookup lookup = { .prefixes = NULL };
	int status = nr_cli_begin(command, argc, argv, &lookup, &operands);

	if (status == NR_CLI_GO_ON)
		status = lookup_with(command, &lookup, &operands);
	nr_option_release(lookup_options, NR_COUNT(lookup_options), &lookup, &operands);
	return status;
}

const struct nr_cli_command nr_cli_prefixes_lookup = {
	.help = { .name = "noroshi prefixes lookup",
		  .summary = "name the AS and the economy of addresses",
		  .operands = "[ADDRESS...]",
		  .about =
			  "Prints address, economy, AS number and AS name. Without ADDRESS they are read from "
			  "standard input, one a line.\n\n"
			  "An address on a list of known survey scanners is marked benign_ack when its AS agrees with "
			  "the list's name, else benign_claimed. Lists are looked for in $NOROSHI_BENIGN and "
			  "share/noroshi/benign beside the program; none is shipped.\n\n"
			  "The data that make fetches: AS numbers and names by RouteViews, NRO and DB-IP "
			  "through ip-location-db (CC BY 4.0), economies by NRO (CC0).",
		  .examples = "noroshi prefixes lookup 192.0.2.1 2001:db8::1\n"
			      "    two addresses\n"
			      "cut -f 1 addresses.tsv | noroshi prefixes lookup --json\n"
			      "    many, for a program\n",
		  .options = lookup_options,
		  .n_options = NR_COUNT(lookup_options) },
	.run = lookup_run,
};

static void write_info(struct nr_buf *out, const char *path, const struct nr_prefixes *prefixes,
		       bool as_json)
{
	struct nr_prefixes_info info = nr_prefixes_info(prefixes);
	const struct {
		const char *key, *words;
		uint64_t value;
	} rows[] = {
		{ "bytes", "bytes", info.n_bytes },
		{ "origins", "distinct AS, name and economy", info.n_records - 1 },
		{ "v4_runs", "runs of IPv4 /24 with one answer", info.n_v4_runs },
		{ "v4_fine", "IPv4 /24 with several answers", info.n_v4_fine },
		{ "v6_segments", "IPv6 segments", info.n_v6_segments },
		{ "v6_fine", "IPv6 /64 with several answers", info.n_v6_fine },
	};
	struct nr_json json;

	if (!as_json) {
		nr_buf_addf(out, "%s\nfrom %s\nchecksum %08x\n", path,
			    nr_prefixes_version(prefixes), info.crc32c);
		for (size_t i = 0; i < NR_COUNT(rows); i++)
			nr_buf_addf(out, "%12llu %s\n", (unsigned long long)rows[i].value,
				    rows[i].words);
		return;
	}
	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "path");
	nr_json_str(&json, nr_str_from(path));
	nr_json_key(&json, "version");
	nr_json_str(&json, nr_str_from(nr_prefixes_version(prefixes)));
	nr_json_key(&json, "crc32c");
	nr_json_u64(&json, info.crc32c);
	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		nr_json_key(&json, rows[i].key);
		nr_json_u64(&json, rows[i].value);
	}
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
}

static int info_with(const struct nr_cli_command *command, const struct lookup *lookup)
{
	nr_auto(nr_prefixes) prefixes = NULL;
	char place[PATH_MAX];
	struct nr_buf out;
	struct nr_err err;
	int ret = load_prefixes(lookup->prefixes, place, sizeof(place), &prefixes, &err);

	if (ret < 0)
		return nr_cli_fail(command, &err);
	nr_buf_init(&out, OUT_MAX);
	write_info(&out, place, prefixes, lookup->json);
	ret = nr_cli_flush(&out);
	nr_buf_done(&out);
	return ret < 0 && ret != -EPIPE ? fail(command, ret, nr_err_text(ret)) : NR_CLI_DONE;
}

static int info_run(int argc, char **argv)
{
	const struct nr_cli_command *command = &nr_cli_prefixes_info;
	struct nr_option_list operands = { .items = NULL };
	struct lookup lookup = { .prefixes = NULL };
	int status = nr_cli_begin(command, argc, argv, &lookup, &operands);

	if (status == NR_CLI_GO_ON && operands.n > 0)
		status = fail(command, NR_EUSAGE,
			      "takes no operand; name a file with --prefixes FILE");
	if (status == NR_CLI_GO_ON)
		status = info_with(command, &lookup);
	nr_option_release(info_options, NR_COUNT(info_options), &lookup, &operands);
	return status;
}

const struct nr_cli_command nr_cli_prefixes_info = {
	.help = { .name = "noroshi prefixes info",
		  .summary = "what the prefix file holds and where it comes from",
		  .operands = "",
		  .options = info_options,
		  .n_options = NR_COUNT(info_options) },
	.run = info_run,
};
