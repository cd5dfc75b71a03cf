/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi sensor share | label | give: who may know what a sensor sees, and whose it is. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/local.h"

enum { LIST_TEXT = 1024 };

struct words {
	const char *tlp, *expires;
	bool everyone, nobody, json;
	struct nr_option_list members, communities, layers, purposes;
};

static const struct nr_option share_options[] = {
	{ .name = "tlp",
	  .type = NR_OPT_STR,
	  .value = "TLP",
	  .offset = offsetof(struct words, tlp),
	  .help = "CLEAR, GREEN, AMBER, AMBER+STRICT or RED." },
	{ .name = "everyone",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, everyone),
	  .help = "With all members of this hub; GREEN or CLEAR." },
	{ .name = "member",
	  .type = NR_OPT_LIST,
	  .value = "NAME",
	  .offset = offsetof(struct words, members),
	  .help = "With this member." },
	{ .name = "community",
	  .type = NR_OPT_LIST,
	  .value = "NAME",
	  .offset = offsetof(struct words, communities),
	  .help = "With those who are in it; not with RED." },
	{ .name = "layer",
	  .type = NR_OPT_LIST,
	  .value = "LAYER",
	  .offset = offsetof(struct words, layers),
	  .help = "With members of this layer; not with RED." },
	{ .name = "purpose",
	  .type = NR_OPT_LIST,
	  .value = "PURPOSE",
	  .offset = offsetof(struct words, purposes),
	  .help = "For what: defence, investigation, statistics, research. Without it: all of them." },
	{ .name = "expires",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, expires),
	  .help = "From then on it is its owner's alone." },
	{ .name = "nobody",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, nobody),
	  .help = "Its owner's alone from now on." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "The hub's answer as it is." },
};

static const struct nr_option no_options[] = { { .name = "json",
						 .letter = 'j',
						 .type = NR_OPT_FLAG,
						 .offset = offsetof(struct words, json),
						 .help = "The hub's answer as it is." } };

static int join(const struct nr_option_list *list, char out[LIST_TEXT], struct nr_err *reterr)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		int wrote = snprintf(out + n, LIST_TEXT - n, "%s" NR_STR_FMT, i > 0 ? "," : "",
				     NR_STR_ARG(list->items[i]));

		if (wrote < 0 || (size_t)wrote >= LIST_TEXT - n)
			return nr_fail(reterr, NR_EUSAGE, "too many are named");
		n += (size_t)wrote;
	}
	return 0;
}

static int check(const struct nr_local_command *call, const struct words *told,
		 struct nr_err *reterr)
{
	bool named = told->everyone || told->members.n > 0 || told->communities.n > 0 ||
		     told->layers.n > 0;

	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the sensor");
	if (named == told->nobody)
		return nr_fail(reterr, NR_EUSAGE,
			       "say with whom: --everyone, --member, --community or --layer; or "
			       "--nobody");
	if (told->tlp == NULL && !told->nobody)
		return nr_fail(reterr, NR_EUSAGE,
			       "say --tlp: CLEAR, GREEN, AMBER, AMBER+STRICT or RED");
	return 0;
}

static int share(struct nr_local_command *call, struct nr_err *reterr)
{
	static const char all[] = "defence,investigation,statistics,research";
	const struct words *told = call->words;
	char members[LIST_TEXT], communities[LIST_TEXT], layers[LIST_TEXT], purposes[LIST_TEXT];
	int ret = check(call, told, reterr);

	if (ret == 0)
		ret = join(&told->members, members, reterr);
	if (ret == 0)
		ret = join(&told->communities, communities, reterr);
	if (ret == 0)
		ret = join(&told->layers, layers, reterr);
	if (ret == 0)
		ret = join(&told->purposes, purposes, reterr);
	if (ret < 0)
		return ret;
	const struct nr_local_word words[] = {
		{ "sensor", call->operands.items[1].p },
		{ "tlp", told->tlp != NULL ? told->tlp : "AMBER+STRICT" },
		{ "everyone", told->everyone ? "1" : "" },
		{ "member", members },
		{ "community", communities },
		{ "layer", layers },
		{ "purpose", told->purposes.n > 0 || told->nobody ? purposes : all },
		{ "expires", told->expires != NULL ? told->expires : "" },
	};

	ret = nr_local_once(call, "/local/v1/sensor-share", words, NR_COUNT(words), reterr);
	if (ret == 0 && !told->json)
		nr_buf_reset(&call->out);
	return ret;
}

static int label(struct nr_local_command *call, struct nr_err *reterr)
{
	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the sensor");
	const struct nr_local_word words[] = { { "sensor", call->operands.items[1].p } };

	return nr_local_once(call, "/local/v1/sensor-label", words, 1, reterr);
}

static int give(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;

	if (call->operands.n != 3)
		return nr_fail(reterr, NR_EUSAGE,
			       "name the hub's directory, the sensor and the member");
	const struct nr_local_word words[] = { { "sensor", call->operands.items[1].p },
					       { "name", call->operands.items[2].p } };
	int ret = nr_local_once(call, "/local/v1/sensor-give", words, 2, reterr);

	if (ret == 0 && !told->json)
		nr_buf_reset(&call->out);
	return ret;
}

static int run_share(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_sensor_share, argc, argv, &words, share);
}

static int run_label(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_sensor_label, argc, argv, &words, label);
}

static int run_give(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_sensor_give, argc, argv, &words, give);
}

static const char about_give[] =
	"What it observed and observes is this member's from now on. With whom it was shared was the former\n"
	"owner's word, and ends.";

static const char about_share[] =
	"Says with whom a sensor of the member that runs the hub is shared. Others see what it saw only within\n"
	"figures that more than half of the sensors shared with them reach, never a row, a destination or its\n"
	"name. What is said replaces what was said before. The sensors of another member are shared by its\n"
	"coordinators: PATCH /api/v1/sensors/NAME.";

const struct nr_cli_command nr_cli_sensor_share = {
	.help = { .name = "noroshi sensor share",
		  .summary = "say with whom a sensor is shared",
		  .operands = "DIR NAME",
		  .about = about_share,
		  .examples =
			  "noroshi sensor share /var/lib/noroshi tokyo-1 --tlp GREEN --everyone\n"
			  "noroshi sensor share /var/lib/noroshi tokyo-1 --tlp AMBER --community apcert\n"
			  "noroshi sensor share /var/lib/noroshi tokyo-1 --nobody\n",
		  .options = share_options,
		  .n_options = NR_COUNT(share_options) },
	.run = run_share,
};

const struct nr_cli_command nr_cli_sensor_label = {
	.help = { .name = "noroshi sensor label",
		  .summary = "show with whom a sensor is shared",
		  .operands = "DIR NAME",
		  .about = "Prints its label, a JSON object.",
		  .examples = "noroshi sensor label /var/lib/noroshi tokyo-1\n",
		  .options = no_options,
		  .n_options = NR_COUNT(no_options) },
	.run = run_label,
};

const struct nr_cli_command nr_cli_sensor_give = {
	.help = { .name = "noroshi sensor give",
		  .summary = "say whose a sensor is",
		  .operands = "DIR NAME MEMBER",
		  .about = about_give,
		  .examples = "noroshi sensor give /var/lib/noroshi tokyo-1 jp-cert\n",
		  .options = no_options,
		  .n_options = NR_COUNT(no_options) },
	.run = run_give,
};
