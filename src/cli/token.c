/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi token create | list | revoke: API tokens of a hub. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/local.h"

enum { OUT_MAX = 16 << 20 };

struct words {
	const char *role, *name;
	uint64_t days;
	bool json;
};

static const struct nr_option create_options[] = {
	{ .name = "role",
	  .type = NR_OPT_STR,
	  .value = "ROLE",
	  .fallback = "admin",
	  .offset = offsetof(struct words, role),
	  .help = "What the token may do; admin is the only role so far." },
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

struct call {
	struct words words;
	struct nr_option_list operands;
	struct nr_buf out;
};

static int one_call(struct call *call, const char *path, const struct nr_local_word *words,
		    size_t n, struct nr_err *reterr)
{
	nr_auto(nr_local) local = NULL;
	int ret = nr_local_open(call->operands.items[0].p, false, &local, reterr);

	return ret < 0 ? ret
		       : nr_local_call(local, path, words, n, (struct nr_bytes){ 0 }, &call->out,
				       reterr);
}

static int create(struct call *call, struct nr_err *reterr)
{
	char days[24], token[256];
	struct nr_local_word words[] = { { "role", call->words.role },
					 { "name", call->words.name },
					 { "days", days } };

	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	(void)snprintf(days, sizeof(days), "%llu", (unsigned long long)call->words.days);
	int ret = one_call(call, "/local/v1/token-create", words, NR_COUNT(words), reterr);

	if (ret < 0 || call->words.json)
		return ret;
	nr_local_member(&call->out, "token", token, sizeof(token));
	nr_buf_reset(&call->out);
	nr_buf_addf(&call->out, "%s\n", token);
	return 0;
}

static int list(struct call *call, struct nr_err *reterr)
{
	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	return one_call(call, "/local/v1/tokens", NULL, 0, reterr);
}

static int revoke(struct call *call, struct nr_err *reterr)
{
	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE,
			       "name the hub's directory and the token's selector ('noroshi token "
			       "list' shows them)");
	struct nr_local_word words[] = { { "selector", call->operands.items[1].p } };
	int ret = one_call(call, "/local/v1/token-revoke", words, 1, reterr);

	if (ret == 0 && !call->words.json)
		nr_buf_reset(&call->out);
	return ret;
}

static int run(const struct nr_cli_command *command, int argc, char **argv,
	       int (*act)(struct call *call, struct nr_err *reterr))
{
	struct call call = { 0 };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(command, argc, argv, &call.words, &call.operands);

	nr_buf_init(&call.out, OUT_MAX);
	if (status == NR_CLI_GO_ON) {
		int ret = act(&call, &err);

		if (ret == 0)
			ret = nr_cli_flush(&call.out);
		if (ret < 0 && err.code == 0)
			(void)nr_fail(&err, ret, "%s", nr_err_text(ret));
		status = ret == 0 ? NR_CLI_DONE : nr_cli_fail(command, &err);
	}
	nr_buf_done(&call.out);
	nr_option_release(command->help.options, command->help.n_options, &call.words,
			  &call.operands);
	return status;
}

static int run_create(int argc, char **argv)
{
	return run(&nr_cli_token_create, argc, argv, create);
}

static int run_list(int argc, char **argv)
{
	return run(&nr_cli_token_list, argc, argv, list);
}

static int run_revoke(int argc, char **argv)
{
	return run(&nr_cli_token_revoke, argc, argv, revoke);
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
		  .examples = "noroshi token create /var/lib/noroshi --role admin --name alice\n",
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
