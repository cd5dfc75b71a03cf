/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi audit verify | list | head: who changed what at a hub, and whether that was changed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/local.h"

enum { HEAD_MAX = 4096 };

struct words {
	const char *head;
	uint64_t last;
};

static const struct nr_option verify_options[] = { {
	.name = "head",
	.type = NR_OPT_STR,
	.value = "FILE",
	.offset = offsetof(struct words, head),
	.help = "Also doubt that the chain is as long as it was: what 'audit head' printed some day.",
} };

static const struct nr_option list_options[] = { {
	.name = "last",
	.type = NR_OPT_U64,
	.value = "N",
	.unit = "rows",
	.lo = 1,
	.hi = 100000,
	.fallback = "1000",
	.offset = offsetof(struct words, last),
	.help = "How many, counted from the newest.",
} };

static int want_dir(const struct nr_local_command *call, struct nr_err *reterr)
{
	return call->operands.n == 1 ? 0 : nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
}

static int verify(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	nr_auto(nr_local) local = NULL;
	struct nr_bytes head = { 0 };
	int ret = want_dir(call, reterr);

	if (ret == 0 && told->head != NULL)
		ret = nr_io_slurp(told->head, HEAD_MAX, &head, reterr);
	if (ret == 0)
		ret = nr_local_open(call->operands.items[0].p, false, &local, reterr);
	if (ret == 0)
		ret = nr_local_call(local, "/local/v1/audit-verify", NULL, 0, head, &call->out,
				    reterr);
	free((void *)(uintptr_t)head.p);
	return ret;
}

static int list(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	char last[24];
	struct nr_local_word words[] = { { "last", last } };
	int ret = want_dir(call, reterr);

	(void)snprintf(last, sizeof(last), "%llu", (unsigned long long)told->last);
	return ret < 0 ? ret : nr_local_once(call, "/local/v1/audit-list", words, 1, reterr);
}

static int head(struct nr_local_command *call, struct nr_err *reterr)
{
	int ret = want_dir(call, reterr);

	return ret < 0 ? ret : nr_local_once(call, "/local/v1/audit-head", NULL, 0, reterr);
}

static int run_verify(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_audit_verify, argc, argv, &words, verify);
}

static int run_list(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_audit_list, argc, argv, &words, list);
}

static int run_head(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_audit_head, argc, argv, &words, head);
}

static const char about_verify[] =
	"Computes the chain of who did what again, row by row, whether the hub runs or not. Says how many\n"
	"rows there are; exit status 1 names the first that does not fit.";

static const char about_head[] =
	"Prints where the audit chain of the hub in DIR ends, signed with the key of its journal. Keep one of each\n"
	"day away from the hub: 'audit verify --head FILE' then finds out whether a row up to there was changed or\n"
	"taken away since, also by somebody who computed the whole chain anew.";

const struct nr_cli_command nr_cli_audit_verify = {
	.help = { .name = "noroshi audit verify",
		  .summary = "check the audit chain of a hub",
		  .operands = "DIR",
		  .about = about_verify,
		  .examples = "noroshi audit verify /var/lib/noroshi --head 2026-11-20.head\n",
		  .options = verify_options,
		  .n_options = NR_COUNT(verify_options) },
	.run = run_verify,
};

const struct nr_cli_command nr_cli_audit_list = {
	.help = { .name = "noroshi audit list",
		  .summary = "who changed what at a hub",
		  .operands = "DIR",
		  .about = "Prints a JSON object with rows of the audit chain, oldest first.",
		  .examples = "noroshi audit list /var/lib/noroshi --last 20\n",
		  .options = list_options,
		  .n_options = NR_COUNT(list_options) },
	.run = run_list,
};

const struct nr_cli_command nr_cli_audit_head = {
	.help = { .name = "noroshi audit head",
		  .summary = "sign where the audit chain of a hub ends",
		  .operands = "DIR",
		  .about = about_head,
		  .examples = "noroshi audit head /var/lib/noroshi > $(date +%F).head\n" },
	.run = run_head,
};
