/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/io.h"
#include "observe/sensor/spool.h"

enum { FILE_MAX = 64 << 10, ARGV_MAX = NR_SETTINGS_LINES + 512 };

#define AT(field) offsetof(struct nr_settings, field)
static const struct nr_option options[] = {
	{ .name = "dir",
	  .type = NR_OPT_STR,
	  .value = "DIR",
	  .fallback = "/var/lib/noroshi-sensor",
	  .offset = AT(dir),
	  .help = "Directory of identity and spool, as made by 'noroshi-sensor join'." },
	{ .name = "interface",
	  .letter = 'i',
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = AT(interface),
	  .help = "Network interface to observe; 'any' for all." },
	{ .name = "read",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = AT(read),
	  .help = "Observe a capture file instead of an interface, in its own time; ends when "
		  "all is acknowledged." },
	{ .name = "speed",
	  .type = NR_OPT_F64,
	  .value = "FACTOR",
	  .lo = 0,
	  .hi = 1e6,
	  .fallback = "1",
	  .offset = AT(speed),
	  .help = "With --read: so many times faster than it was captured; 0 is as fast as it "
		  "goes." },
	{ .name = "net",
	  .letter = 'n',
	  .type = NR_OPT_LIST,
	  .value = "PREFIX",
	  .offset = AT(nets_words),
	  .help = "Monitored addresses; may be given more than once. Without it every "
		  "destination counts." },
	{ .name = "filter",
	  .type = NR_OPT_STR,
	  .value = "EXPRESSION",
	  .offset = AT(filter),
	  .help = "Look only at packets that match, as pcap-filter(7) says." },
	{ .name = "promiscuous",
	  .type = NR_OPT_FLAG,
	  .offset = AT(promiscuous),
	  .help = "Also take frames that are addressed to other machines." },
	{ .name = "ring",
	  .type = NR_OPT_U64,
	  .value = "MIB",
	  .unit = "MiB",
	  .lo = 1,
	  .hi = 2048,
	  .fallback = "4",
	  .offset = AT(ring_mib),
	  .help = "Memory shared with the kernel that bridges moments of load." },
	{ .name = "spool-limit",
	  .type = NR_OPT_STR,
	  .value = "SIZE",
	  .fallback = "8GiB",
	  .offset = AT(spool_limit_word),
	  .help = "Disk space for what the hub has not acknowledged; beyond it the oldest is "
		  "dropped and counted." },
	{ .name = "parser-timeout",
	  .type = NR_OPT_U64,
	  .value = "SECONDS",
	  .unit = "s",
	  .lo = 1,
	  .hi = 3600,
	  .fallback = "10",
	  .offset = AT(parser_timeout_s),
	  .help = "A parser that gives no sign of life for so long is begun anew." },
	{ .name = "offline",
	  .type = NR_OPT_FLAG,
	  .offset = AT(offline),
	  .help = "Only spool; no identity is needed and nothing is sent." },
	{ .name = "hub",
	  .type = NR_OPT_STR,
	  .value = "HOST:PORT",
	  .offset = AT(hub),
	  .help = "Where the hub takes batches, if that has changed since the sensor joined." },
	{ .name = "config",
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = AT(config),
	  .help = "Options as lines NAME: VALUE; without it DIR/sensor.conf, if there is one." },
	{ .name = "verbose",
	  .letter = 'v',
	  .type = NR_OPT_FLAG,
	  .offset = AT(verbose),
	  .help = "Also log what is only of interest when something is wrong." },
	{ .name = "unsafe-no-sandbox",
	  .type = NR_OPT_FLAG,
	  .offset = AT(unsafe_no_sandbox),
	  .help = "Run although the sandbox cannot be closed; the hub is told." },
};

const struct nr_command_help nr_settings_help = {
	.name = "noroshi-sensor run",
	.summary = "observe, spool, and ship to the hub",
	.operands = "",
	.about = "Captures in one process, reads the packets in another that has neither files "
		 "nor network, keeps one "
		 "batch of observations a second on disk until the hub has acknowledged it, and "
		 "ships over TLS 1.3. "
		 "Cut off, it loses nothing up to the spool limit; what is dropped then is "
		 "counted and told.\n\n"
		 "The options may also stand in DIR/sensor.conf, one NAME: VALUE a line.",
	.examples = "noroshi-sensor run --interface eth0 --net 192.0.2.0/24\n"
		    "    observe the addresses of one network\n"
		    "noroshi-sensor run --read old.pcap.gz --speed 0\n"
		    "    send an old capture as fast as it goes\n",
	.options = options,
	.n_options = NR_COUNT(options),
};

/* ---- the file ---- */

struct file_words {
	char *argv[ARGV_MAX];
	int argc;
};

/*
 * "name: value" as "--name=value", or "--name" for a flag that is on. @return 1 a word; 0 none;
 * NR_EUSAGE
 */
static int line_word(struct nr_str line, struct nr_buf *out)
{
	struct nr_str text = nr_str_trim(nr_str_cut(&line, '#'));
	struct nr_str value = text, name = nr_str_trim(nr_str_cut(&value, ':'));

	value = nr_str_trim(value);
	if (text.n == 0)
		return 0;
	if (name.n == text.n || name.n == 0 || value.n == 0)
		return NR_EUSAGE;
	for (size_t i = 0; i < NR_COUNT(options); i++) {
		if (!nr_str_eq(name, nr_str_from(options[i].name)) ||
		    options[i].type != NR_OPT_FLAG)
			continue;
		if (nr_str_eq(value, NR_STR("no")))
			return 0;
		if (!nr_str_eq(value, NR_STR("yes")))
			return NR_EUSAGE;
		nr_buf_addf(out, "--" NR_STR_FMT, NR_STR_ARG(name));
		nr_buf_add(out, "", 1);
		return 1;
	}
	nr_buf_addf(out, "--" NR_STR_FMT "=" NR_STR_FMT, NR_STR_ARG(name), NR_STR_ARG(value));
	nr_buf_add(out, "", 1);
	return 1;
}

/* The one word alone, so that an error can be given its line. */
static int word_check(char *word, struct nr_err *reterr)
{
	char *argv[] = { word, word, NULL };
	struct nr_settings scratch;
	struct nr_option_list operands;
	int r = nr_option_parse(options, NR_COUNT(options), 2, argv, &scratch, &operands, reterr);

	nr_option_release(options, NR_COUNT(options), &scratch, &operands);
	if (r == 0 && (strncmp(word, "--config", 8) == 0 || strncmp(word, "--dir", 5) == 0))
		r = nr_fail(reterr, NR_EUSAGE, "cannot be set in the file itself");
	return r == 1 ? nr_fail(reterr, NR_EUSAGE, "unknown option") : r;
}

/* Fill @p text with the words of the file, each ended by NUL. */
static int file_parse(const char *path, struct nr_str file, struct nr_buf *text,
		      struct nr_err *reterr)
{
	char shown[256];

	nr_str_escape(nr_str_from(path), shown, sizeof(shown));
	for (unsigned line_no = 1; file.n > 0; line_no++) {
		size_t at = text->n;
		int r = line_no > NR_SETTINGS_LINES ? NR_ELIMIT
						    : line_word(nr_str_cut(&file, '\n'), text);

		if (r == NR_ELIMIT)
			return nr_fail(reterr, r, "%s: more than %d lines", shown,
				       NR_SETTINGS_LINES);
		if (r < 0)
			return nr_fail(reterr, r, "%s: line %u: want NAME: VALUE", shown, line_no);
		if (text->err < 0)
			return nr_fail(reterr, text->err, "%s: too long", shown);
		r = r == 1 ? word_check((char *)text->p + at, reterr) : 0;
		if (r < 0)
			return nr_err_prefix(reterr, "%s: line %u", shown, line_no);
	}
	return 0;
}

static int file_read(struct nr_settings *settings, bool must, const char *path,
		     struct file_words *words, struct nr_err *reterr)
{
	struct nr_bytes bytes;
	struct nr_buf text;
	int r = nr_io_slurp(path, FILE_MAX, &bytes, reterr);

	if (r == -ENOENT && !must)
		return 0;
	if (r < 0)
		return r;
	nr_buf_init(&text, 2 * FILE_MAX);
	r = file_parse(path, (struct nr_str){ (const char *)bytes.p, bytes.n }, &text, reterr);
	free((void *)(uintptr_t)bytes.p);
	settings->text = (char *)text.p;
	for (size_t at = 0; r == 0 && at < text.n && words->argc < ARGV_MAX - 1;
	     at += strlen(settings->text + at) + 1)
		words->argv[words->argc++] = settings->text + at;
	return r;
}

/* ---- what the words mean ---- */

static int size_parse(const char *word, uint64_t *ret_size, struct nr_err *reterr)
{
	static const char units[] = "kMGT";
	struct nr_str text = nr_str_from(word);
	uint64_t factor = 1, base = 1000, value;
	char shown[64];

	if (nr_str_ends(text, NR_STR("B")))
		text.n--;
	if (nr_str_ends(text, NR_STR("i"))) {
		base = 1024;
		text.n--;
	}
	char last = text.n == 0 ? '\0' : text.p[text.n - 1] == 'K' ? 'k' : text.p[text.n - 1];
	const char *unit = strchr(units, last);

	if (unit != NULL && *unit != '\0') {
		text.n--;
		for (const char *u = units; u <= unit; u++)
			factor *= base;
	}
	if (nr_str_u64(text, 0, UINT64_MAX / factor, &value) < 0 ||
	    value * factor < NR_SPOOL_LIMIT_MIN) {
		nr_str_escape(nr_str_from(word), shown, sizeof(shown));
		return nr_fail(reterr, NR_EUSAGE,
			       "--spool-limit '%s': want a size of at least 64KiB, such as 8GiB",
			       shown);
	}
	*ret_size = value * factor;
	return 0;
}

static int nets_parse(struct nr_settings *settings, struct nr_err *reterr)
{
	char shown[64];

	for (size_t i = 0; i < settings->nets_words.n; i++) {
		struct nr_prefix prefix;

		nr_str_escape(settings->nets_words.items[i], shown, sizeof(shown));
		if (nr_prefix_parse(settings->nets_words.items[i], &prefix) < 0)
			return nr_fail(reterr, NR_EUSAGE,
				       "--net '%s': want a prefix such as 192.0.2.0/24", shown);
		if (nr_nets_add(&settings->nets, prefix) < 0)
			return nr_fail(reterr, NR_EUSAGE, "more than %d prefixes", NR_NETS_MAX);
	}
	settings->has_nets = settings->nets_words.n > 0;
	return 0;
}

static int settle(struct nr_settings *settings, struct nr_err *reterr)
{
	if (settings->interface == NULL && settings->read == NULL)
		return nr_fail(reterr, NR_EUSAGE, "want --interface NAME or --read FILE");
	if (settings->interface != NULL && settings->read != NULL)
		return nr_fail(reterr, NR_EUSAGE, "--interface and --read exclude each other");
	if (settings->read != NULL && settings->filter != NULL)
		return nr_fail(reterr, NR_EUSAGE, "--filter is for --interface");
	nr_settings_paths(settings);
	int r = size_parse(settings->spool_limit_word, &settings->spool_limit, reterr);

	return r < 0 ? r : nets_parse(settings, reterr);
}

void nr_settings_paths(struct nr_settings *settings)
{
	(void)snprintf(settings->spool_dir, NR_SETTINGS_PATH, "%s/spool", settings->dir);
	(void)snprintf(settings->keys_dir, NR_SETTINGS_PATH, "%s/keys", settings->dir);
	(void)snprintf(settings->identity, NR_SETTINGS_PATH, "%s/keys/identity.pem", settings->dir);
	(void)snprintf(settings->status_file, NR_SETTINGS_PATH, "%s/status", settings->dir);
}

/* Where the file is must be known before it is read: the command line alone says it. */
static int parse_twice(int argc, char **argv, struct nr_settings *settings,
		       struct file_words *words, struct nr_err *reterr)
{
	struct nr_option_list operands;
	char path[NR_SETTINGS_PATH];
	int r = nr_option_parse(options, NR_COUNT(options), argc, argv, settings, &operands,
				reterr);

	if (r == 0 && operands.n > 0)
		r = nr_fail(reterr, NR_EUSAGE, "takes options only");
	bool must = r == 0 && settings->config != NULL;

	if (r == 0)
		(void)snprintf(path, sizeof(path), "%s%s", must ? settings->config : settings->dir,
			       must ? "" : "/sensor.conf");
	nr_option_release(options, NR_COUNT(options), settings, &operands);
	words->argv[words->argc++] = argv[0];
	if (r == 0)
		r = file_read(settings, must, path, words, reterr);
	if (r != 0)
		return r;
	for (int i = 1; i < argc && words->argc < ARGV_MAX - 1; i++)
		words->argv[words->argc++] = argv[i];
	r = nr_option_parse(options, NR_COUNT(options), words->argc, words->argv, settings,
			    &operands, reterr);
	free(operands.items);
	return r;
}

int nr_settings_parse(int argc, char **argv, struct nr_settings *settings, struct nr_err *reterr)
{
	struct file_words *words = calloc(1, sizeof(*words));

	memset(settings, 0, sizeof(*settings));
	if (words == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	int r = parse_twice(argc, argv, settings, words, reterr);

	free(words);
	return r == 0 ? settle(settings, reterr) : r;
}

void nr_settings_release(struct nr_settings *settings)
{
	nr_option_release(options, NR_COUNT(options), settings, NULL);
	free(settings->text);
	settings->text = NULL;
}
