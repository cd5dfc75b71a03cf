/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi member ..., noroshi community ...: who is in the network of a hub. */
#include "cli/cli.h"
#include "cli/local.h"

struct words {
	const char *title, *economy, *sector, *layer, *since;
	bool json;
};

#define JSON_OPTION                                                                           \
	{                                                                                     \
		.name = "json", .letter = 'j', .type = NR_OPT_FLAG,                           \
		.offset = offsetof(struct words, json), .help = "The hub's answer as it is.", \
	}

static const struct nr_option add_options[] = {
	{ .name = "title",
	  .type = NR_OPT_STR,
	  .value = "WORDS",
	  .offset = offsetof(struct words, title),
	  .help = "Its name as people write it, in their own script." },
	{ .name = "economy",
	  .type = NR_OPT_STR,
	  .value = "CC",
	  .offset = offsetof(struct words, economy),
	  .help = "Two letters, as in JP." },
	{ .name = "sector",
	  .type = NR_OPT_STR,
	  .value = "WORD",
	  .offset = offsetof(struct words, sector),
	  .help = "What it does, such as energy or isp." },
	{ .name = "layer",
	  .type = NR_OPT_STR,
	  .value = "LAYER",
	  .fallback = "technical",
	  .offset = offsetof(struct words, layer),
	  .help = "technical, law-enforcement, policy, diplomatic or research." },
	JSON_OPTION,
};

static const struct nr_option since_options[] = {
	{ .name = "since",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, since),
	  .help = "Held from then on; what was before is not its own. Without it: from now on." },
	JSON_OPTION,
};

static const struct nr_option title_options[] = {
	{ .name = "title",
	  .type = NR_OPT_STR,
	  .value = "WORDS",
	  .offset = offsetof(struct words, title),
	  .help = "Its name as people write it." },
	JSON_OPTION,
};

static const struct nr_option no_options[] = { JSON_OPTION };

static const char *or_none(const char *text)
{
	return text != NULL ? text : "";
}

/* What changes something prints nothing, unless it is asked to. */
static int done(struct nr_local_command *call, int ret)
{
	const struct words *told = call->words;

	if (ret == 0 && !told->json)
		nr_buf_reset(&call->out);
	return ret;
}

static int want(const struct nr_local_command *call, size_t n, const char *what,
		struct nr_err *reterr)
{
	return call->operands.n == n ? 0
				     : nr_fail(reterr, NR_EUSAGE, "name the hub's directory%s%s",
					       what[0] != '\0' ? " and " : "", what);
}

static int add(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	int ret = want(call, 2, "the new member", reterr);

	if (ret < 0)
		return ret;
	struct nr_local_word words[] = { { "name", call->operands.items[1].p },
					 { "title", or_none(told->title) },
					 { "economy", or_none(told->economy) },
					 { "sector", or_none(told->sector) },
					 { "layer", or_none(told->layer) } };

	return done(call,
		    nr_local_once(call, "/local/v1/member-add", words, NR_COUNT(words), reterr));
}

static int list(struct nr_local_command *call, struct nr_err *reterr)
{
	int ret = want(call, 1, "", reterr);

	return ret < 0 ? ret : nr_local_once(call, "/local/v1/members", NULL, 0, reterr);
}

static int one(struct nr_local_command *call, const char *path, struct nr_err *reterr)
{
	int ret = want(call, 2, "the member", reterr);

	if (ret < 0)
		return ret;
	struct nr_local_word words[] = { { "name", call->operands.items[1].p } };

	return nr_local_once(call, path, words, NR_COUNT(words), reterr);
}

static int show(struct nr_local_command *call, struct nr_err *reterr)
{
	return one(call, "/local/v1/member", reterr);
}

static int suspend(struct nr_local_command *call, struct nr_err *reterr)
{
	return done(call, one(call, "/local/v1/member-suspend", reterr));
}

static int resume(struct nr_local_command *call, struct nr_err *reterr)
{
	return done(call, one(call, "/local/v1/member-resume", reterr));
}

static int held(struct nr_local_command *call, const char *path, struct nr_err *reterr)
{
	const struct words *told = call->words;
	int ret = want(call, 3, "the member, and a prefix or an AS", reterr);

	if (ret < 0)
		return ret;
	struct nr_local_word words[] = { { "name", call->operands.items[1].p },
					 { "what", call->operands.items[2].p },
					 { "since", or_none(told->since) } };

	return done(call, nr_local_once(call, path, words, NR_COUNT(words), reterr));
}

static int prefix_add(struct nr_local_command *call, struct nr_err *reterr)
{
	return held(call, "/local/v1/prefix-add", reterr);
}

static int prefix_remove(struct nr_local_command *call, struct nr_err *reterr)
{
	return held(call, "/local/v1/prefix-remove", reterr);
}

static int community_add(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	int ret = want(call, 2, "the new community", reterr);

	if (ret < 0)
		return ret;
	struct nr_local_word words[] = { { "name", call->operands.items[1].p },
					 { "title", or_none(told->title) } };

	return done(call,
		    nr_local_once(call, "/local/v1/community-add", words, NR_COUNT(words), reterr));
}

static int community_list(struct nr_local_command *call, struct nr_err *reterr)
{
	int ret = want(call, 1, "", reterr);

	return ret < 0 ? ret : nr_local_once(call, "/local/v1/communities", NULL, 0, reterr);
}

static int membership(struct nr_local_command *call, const char *path, struct nr_err *reterr)
{
	int ret = want(call, 3, "the community, and the member", reterr);

	if (ret < 0)
		return ret;
	struct nr_local_word words[] = { { "community", call->operands.items[1].p },
					 { "name", call->operands.items[2].p } };

	return done(call, nr_local_once(call, path, words, NR_COUNT(words), reterr));
}

static int community_join(struct nr_local_command *call, struct nr_err *reterr)
{
	return membership(call, "/local/v1/community-join", reterr);
}

static int community_leave(struct nr_local_command *call, struct nr_err *reterr)
{
	return membership(call, "/local/v1/community-leave", reterr);
}

/* ---- the table's rows ---- */

#define COMMAND(symbol, words_, act_, operands_, summary_, about_, examples_, options_) \
	static int run_##act_(int argc, char **argv)                                    \
	{                                                                               \
		struct words words = { 0 };                                             \
                                                                                        \
		return nr_local_run(&(symbol), argc, argv, &words, act_);               \
	}                                                                               \
	const struct nr_cli_command symbol = {                                          \
		.help = { .name = "noroshi " words_,                                    \
			  .summary = (summary_),                                        \
			  .operands = (operands_),                                      \
			  .about = (about_),                                            \
			  .examples = "noroshi " words_ " " examples_ "\n",             \
			  .options = (options_),                                        \
			  .n_options = NR_COUNT(options_) },                            \
		.run = run_##act_,                                                      \
	}

COMMAND(nr_cli_member_add, "member add", add, "DIR NAME", "let an organisation join the network",
	"Makes a member NAME of the hub in DIR, whether the hub runs or not. 'noroshi user add' then makes its\n"
	"first admin.",
	"/var/lib/noroshi jp-cert --title \"Example CERT\" --economy JP", add_options);
COMMAND(nr_cli_member_list, "member list", list, "DIR", "list the members of a hub",
	"Prints a JSON object.", "/var/lib/noroshi", no_options);
COMMAND(nr_cli_member_show, "member show", show, "DIR NAME", "all about one member",
	"Prints a JSON object: the member, its prefixes, AS numbers and contacts.",
	"/var/lib/noroshi jp-cert", no_options);
COMMAND(nr_cli_member_suspend, "member suspend", suspend, "DIR NAME",
	"end a membership for the time being",
	"From now on its users and tokens may nothing. Who is resumed later is another for every label that\n"
	"named it; its tokens stay ended.",
	"/var/lib/noroshi jp-cert", no_options);
COMMAND(nr_cli_member_resume, "member resume", resume, "DIR NAME", "begin a membership anew",
	"Its users may log in again; tokens of before stay ended.", "/var/lib/noroshi jp-cert",
	no_options);
COMMAND(nr_cli_member_prefix_add, "member prefix-add", prefix_add, "DIR NAME PREFIX|AS",
	"say for which addresses a member answers",
	"Who answers for an address learns what is said of it. A prefix or an AS is one member's; a part of a\n"
	"prefix may be another's.",
	"/var/lib/noroshi jp-cert 192.0.2.0/24 --since 2026-01-01", since_options);
COMMAND(nr_cli_member_prefix_remove, "member prefix-remove", prefix_remove, "DIR NAME PREFIX|AS",
	"say that a member answers for addresses no more", "The opposite of 'member prefix-add'.",
	"/var/lib/noroshi jp-cert AS64500", no_options);
COMMAND(nr_cli_community_add, "community add", community_add, "DIR NAME",
	"make a community of members", "Sensors can be shared with all who are in it.",
	"/var/lib/noroshi apcert --title \"Asia Pacific\"", title_options);
COMMAND(nr_cli_community_list, "community list", community_list, "DIR",
	"list the communities of a hub", "Prints a JSON object.", "/var/lib/noroshi", no_options);
COMMAND(nr_cli_community_join, "community join", community_join, "DIR COMMUNITY MEMBER",
	"bring a member into a community",
	"Who was in it before is another now: labels of before do not name it.",
	"/var/lib/noroshi apcert jp-cert", no_options);
COMMAND(nr_cli_community_leave, "community leave", community_leave, "DIR COMMUNITY MEMBER",
	"take a member out of a community",
	"What was shared with the community ends for it at once.",
	"/var/lib/noroshi apcert jp-cert", no_options);
