/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi token create | list | revoke: API tokens of a hub. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/local.h"

enum { WORDS_MAX = 8 };

struct words {
	const char *role, *name, *member, *network;
	uint64_t days;
	bool read_only, no_rows, json;
};

static const struct nr_option create_options[] = {
	{ .name = "role",
	  .type = NR_OPT_STR,
	  .value = "ROLE",
	  .fallback = "admin",
	  .offset = offsetof(struct words, role),
	  .help = "What the token may do: viewer, analyst, coordinator or admin." },
	{ .name = "member",
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = offsetof(struct words, member),
	  .help = "Whose it is; without it the member's that runs the hub, whose admin has all of "
		  "it." },
	{ .name = "read-only",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, read_only),
	  .help = "It changes nothing." },
	{ .name = "no-rows",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, no_rows),
	  .help = "It gets figures and findings, no raw rows." },
	{ .name = "network",
	  .type = NR_OPT_STR,
	  .value = "PREFIX",
	  .offset = offsetof(struct words, network),
	  .help = "It is refused when it comes from elsewhere." },
	{ .name = "name",
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .fallback = "admin",
	  .offset = offsetof(struct words, name),
	  .help = "Whose it is: stands in the audit chain and in lists." },
	{ .name = "days",
	  .type = NR_OPT_U64,
	  .value = "N",
	  .unit = "days",
	  .lo = 1,
	  .hi = 3650,
	  .fallback = "90",
	  .offset = offsetof(struct words, days),
	  .help = "How long it lives." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "An object with the token and its end." },
};

static const struct nr_option no_options[] = { { .name = "json",
						 .letter = 'j',
						 .type = NR_OPT_FLAG,
						 .offset = offsetof(struct words, json),
						 .help = "The hub's answer as it is." } };

static int create(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	char days[24], token[256];
	struct nr_local_word words[WORDS_MAX] = { { "role", told->role },
						  { "name", told->name },
						  { "days", days } };
	size_t n = 3;

	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	(void)snprintf(days, sizeof(days), "%llu", (unsigned long long)told->days);
	if (told->member != NULL)
		words[n++] = (struct nr_local_word){ "member", told->member };
	if (told->network != NULL)
		words[n++] = (struct nr_local_word){ "network", told->network };
	if (told->read_only)
		words[n++] = (struct nr_local_word){ "read-only", "1" };
	if (told->no_rows)
		words[n++] = (struct nr_local_word){ "no-rows", "1" };
	int ret = nr_local_once(call, "/local/v1/token-create", words, n, reterr);

	if (ret < 0 || told->json)
		return ret;
	nr_local_member(&call->out, "token", token, sizeof(token));
	nr_buf_reset(&call->out);
	nr_buf_addf(&call->out, "%s\n", token);
	return 0;
}

static int list(struct nr_local_command *call, struct nr_err *reterr)
{
	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	return nr_local_once(call, "/local/v1/tokens", NULL, 0, reterr);
}

static int revoke(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;

	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE,
			       "name the hub's directory and the token's selector ('noroshi token "
			       "list' shows them)");
	struct nr_local_word words[] = { { "selector", call->operands.items[1].p } };
	int ret = nr_local_once(call, "/local/v1/token-revoke", words, 1, reterr);

	if (ret == 0 && !told->json)
		nr_buf_reset(&call->out);
	return ret;
}

static int run_create(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_token_create, argc, argv, &words, create);
}

static int run_list(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_token_list, argc, argv, &words, list);
}

static int run_revoke(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_token_revoke, argc, argv, &words, revoke);
}

static const char about_create[] =
	"Prints a new token for the API of the hub in DIR, whether the hub runs or not. The hub keeps only\n"
	"a digest of it: what is printed here is printed once. Send it as\n"
	"\n"
	"    Authorization: Bearer TOKEN\n"
	"\n"
	"and never in a URL: there others see it, and the hub revokes it at once.";

const struct nr_cli_command nr_cli_token_create = {
	.help = { .name = "noroshi token create",
		  .summary = "make a token for the API of a hub",
		  .operands = "DIR",
		  .about = about_create,
		  .examples =
			  "noroshi token create /var/lib/noroshi --role admin --name alice\n"
			  "noroshi token create /var/lib/noroshi --role viewer --member jp-cert "
			  "--name display --read-only --no-rows\n",
		  .options = create_options,
		  .n_options = NR_COUNT(create_options) },
	.run = run_create,
};

const struct nr_cli_command nr_cli_token_list = {
	.help = { .name = "noroshi token list",
		  .summary = "list the tokens of a hub",
		  .operands = "DIR",
		  .about =
			  "Prints a JSON object: of each token its selector, kind, name, and when it "
			  "was made, used, ended.",
		  .examples = "noroshi token list /var/lib/noroshi\n",
		  .options = no_options,
		  .n_options = NR_COUNT(no_options) },
	.run = run_list,
};

const struct nr_cli_command nr_cli_token_revoke = {
	.help = { .name = "noroshi token revoke",
		  .summary = "end a token",
		  .operands = "DIR SELECTOR",
		  .about = "The token with this selector is refused from now on.",
		  .examples = "noroshi token revoke /var/lib/noroshi 0123456789abcdef\n",
		  .options = no_options,
		  .n_options = NR_COUNT(no_options) },
	.run = run_revoke,
};
