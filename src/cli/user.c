/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi user add | list | invite | disable | enable, and noroshi hub setup-link: who may log in. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/local.h"

enum { LINK_MAX = 600, WORDS_MAX = 4 };

struct words {
	const char *role, *title, *member;
	bool json;
};

static const struct nr_option add_options[] = {
	{ .name = "role",
	  .type = NR_OPT_STR,
	  .value = "ROLE",
	  .fallback = "viewer",
	  .offset = offsetof(struct words, role),
	  .help = "What he may do: viewer, analyst, coordinator or admin." },
	{ .name = "member",
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = offsetof(struct words, member),
	  .help = "Whose he is; without it the member's that runs the hub, whose admins have all of "
		  "it." },
	{ .name = "title",
	  .type = NR_OPT_STR,
	  .value = "TEXT",
	  .offset = offsetof(struct words, title),
	  .help = "His name as people write it." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "An object with the link and its end." },
};
static const struct nr_option json_options[] = { { .name = "json",
						   .letter = 'j',
						   .type = NR_OPT_FLAG,
						   .offset = offsetof(struct words, json),
						   .help = "The hub's answer as it is." } };

/* The link alone, for people and scripts; what to do with it on standard error. */
static void only_link(struct nr_local_command *call)
{
	const struct words *told = call->words;
	char link[LINK_MAX];

	if (told->json)
		return;
	nr_local_member(&call->out, "link", link, sizeof(link));
	nr_buf_reset(&call->out);
	nr_buf_addf(&call->out, "%s\n", link);
	(void)fprintf(stderr,
		      "Opened in a browser within 72 h, once, it sets a password. Who has it "
		      "can do that: pass it on so that nobody else reads it.\n");
	nr_secret_wipe(link, sizeof(link));
}

static int want_login(const struct nr_local_command *call, struct nr_err *reterr)
{
	return call->operands.n == 2
		       ? 0
		       : nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the login name");
}

static int add(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	struct nr_local_word words[WORDS_MAX];
	size_t n = 0;
	int ret = want_login(call, reterr);

	if (ret < 0)
		return ret;
	words[n++] = (struct nr_local_word){ "login", call->operands.items[1].p };
	words[n++] = (struct nr_local_word){ "role", told->role };
	if (told->member != NULL)
		words[n++] = (struct nr_local_word){ "member", told->member };
	if (told->title != NULL)
		words[n++] = (struct nr_local_word){ "title", told->title };
	ret = nr_local_once(call, "/local/v1/user-add", words, n, reterr);
	if (ret == 0)
		only_link(call);
	return ret;
}

static int list(struct nr_local_command *call, struct nr_err *reterr)
{
	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	return nr_local_once(call, "/local/v1/users", NULL, 0, reterr);
}

static int for_login(struct nr_local_command *call, const char *path, struct nr_err *reterr)
{
	int ret = want_login(call, reterr);

	if (ret < 0)
		return ret;
	struct nr_local_word words[] = { { "login", call->operands.items[1].p } };

	return nr_local_once(call, path, words, 1, reterr);
}

static int invite(struct nr_local_command *call, struct nr_err *reterr)
{
	int ret = for_login(call, "/local/v1/user-invite", reterr);

	if (ret == 0)
		only_link(call);
	return ret;
}

static int quiet(struct nr_local_command *call, const char *path, struct nr_err *reterr)
{
	const struct words *told = call->words;
	int ret = for_login(call, path, reterr);

	if (ret == 0 && !told->json)
		nr_buf_reset(&call->out);
	return ret;
}

static int disable(struct nr_local_command *call, struct nr_err *reterr)
{
	return quiet(call, "/local/v1/user-disable", reterr);
}

static int enable(struct nr_local_command *call, struct nr_err *reterr)
{
	return quiet(call, "/local/v1/user-enable", reterr);
}

static int setup_link(struct nr_local_command *call, struct nr_err *reterr)
{
	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	int ret = nr_local_once(call, "/local/v1/setup-link", NULL, 0, reterr);

	if (ret == 0)
		only_link(call);
	return ret;
}

/* ---- all of them ---- */

static int run_add(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_user_add, argc, argv, &words, add);
}

static int run_list(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_user_list, argc, argv, &words, list);
}

static int run_invite(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_user_invite, argc, argv, &words, invite);
}

static int run_disable(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_user_disable, argc, argv, &words, disable);
}

static int run_enable(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_user_enable, argc, argv, &words, enable);
}

static int run_setup_link(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_setup_link, argc, argv, &words, setup_link);
}

static const char about_add[] =
	"Makes a user LOGIN of the hub in DIR, whether the hub runs or not, and prints the link by which he\n"
	"chooses his password. Nobody else ever knows it.";

const struct nr_cli_command nr_cli_user_add = {
	.help = { .name = "noroshi user add",
		  .summary = "make a user who may log in to a hub",
		  .operands = "DIR LOGIN",
		  .about = about_add,
		  .examples =
			  "noroshi user add /var/lib/noroshi hanako --role analyst --title '山田 "
			  "花子'\n",
		  .options = add_options,
		  .n_options = NR_COUNT(add_options) },
	.run = run_add,
};

const struct nr_cli_command nr_cli_user_list = {
	.help = { .name = "noroshi user list",
		  .summary = "list the users of a hub",
		  .operands = "DIR",
		  .about =
			  "Prints a JSON object: of each user his login, role, member, and when he "
			  "was last here.",
		  .examples = "noroshi user list /var/lib/noroshi\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_list,
};

static const char about_invite[] =
	"Prints a new link by which the user chooses a new password: for who did not use the first one, or\n"
	"forgot his password. Links given to him before end. His sessions end when he has chosen.";

const struct nr_cli_command nr_cli_user_invite = {
	.help = { .name = "noroshi user invite",
		  .summary = "let a user choose a new password",
		  .operands = "DIR LOGIN",
		  .about = about_invite,
		  .examples = "noroshi user invite /var/lib/noroshi hanako\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_invite,
};

const struct nr_cli_command nr_cli_user_disable = {
	.help = { .name = "noroshi user disable",
		  .summary = "let a user log in no more",
		  .operands = "DIR LOGIN",
		  .about = "His sessions and tokens end at once. What he did stays with his name.",
		  .examples = "noroshi user disable /var/lib/noroshi hanako\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_disable,
};

const struct nr_cli_command nr_cli_user_enable = {
	.help = { .name = "noroshi user enable",
		  .summary = "let a user log in again",
		  .operands = "DIR LOGIN",
		  .about = "With the password he had; his tokens are in force again, his sessions "
			   "are not.",
		  .examples = "noroshi user enable /var/lib/noroshi hanako\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_enable,
};

static const char about_setup_link[] =
	"Prints a link by which the first admin of a hub chooses his login name and password. Only while nobody\n"
	"can log in; links printed before end.";

const struct nr_cli_command nr_cli_hub_setup_link = {
	.help = { .name = "noroshi hub setup-link",
		  .summary = "the link with which a new hub is set up in a browser",
		  .operands = "DIR",
		  .about = about_setup_link,
		  .examples = "noroshi hub setup-link /var/lib/noroshi\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_setup_link,
};
