/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi hub migrate: the data of a hub's directory to the version of another program. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/local.h"
#include "serve/hub/home.h"

struct words {
	uint64_t to;
};

static const struct nr_option options[] = {
	{ .name = "to",
	  .type = NR_OPT_U64,
	  .value = "VERSION",
	  .lo = 1,
	  .hi = 1000000,
	  .offset = offsetof(struct words, to),
	  .help = "The version wanted; without it the one of this program." },
};

/* Opening brings it forward. */
static int forward(const char *path, struct nr_err *reterr)
{
	nr_auto(nr_registry) registry = NULL;

	return nr_registry_open(path, &registry, reterr);
}

static int backward(const char *path, struct nr_err *reterr)
{
	struct nr_registry_act act = { .now = nr_time_now() };
	char actor[32];

	(void)snprintf(actor, sizeof(actor), "uid:%u", (unsigned)getuid());
	act.actor = actor;
	return nr_registry_migrate_down(path, &act, reterr);
}

static int move(const char *path, uint64_t to, struct nr_err *reterr)
{
	struct nr_registry_facts facts;
	int ret = nr_registry_facts(path, &facts, reterr);

	if (ret < 0)
		return ret;
	if (facts.version > NR_REGISTRY_VERSION || to > NR_REGISTRY_VERSION)
		return nr_fail(
			reterr, NR_EVERSION,
			"version %llu is of a newer noroshi, this one knows up to %d: use that "
			"one",
			(unsigned long long)(to > facts.version ? to : facts.version),
			NR_REGISTRY_VERSION);
	if (to + 1 < NR_REGISTRY_VERSION)
		return nr_fail(reterr, NR_EVERSION,
			       "this program goes back to version %d and no further; bring back a "
			       "backup of that time",
			       NR_REGISTRY_VERSION - 1);
	/* One way in two steps is no harm: forward to ours, then back by one. */
	ret = facts.version < NR_REGISTRY_VERSION && to == NR_REGISTRY_VERSION
		      ? forward(path, reterr)
		      : 0;
	if (ret == 0 && facts.version == NR_REGISTRY_VERSION && to < NR_REGISTRY_VERSION)
		ret = backward(path, reterr);
	if (ret == 0)
		(void)fprintf(stderr,
			      facts.version == to ? "The data is of version %llu already.\n"
						  : "The data is of version %llu now.\n",
			      (unsigned long long)to);
	if (ret == 0 && to < NR_REGISTRY_VERSION)
		(void)fputs("This program would bring it forward at its next start: run the one of "
			    "before.\n",
			    stderr);
	return ret;
}

static int migrate(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	struct nr_home home = { .lock_fd = -1 };
	char path[NR_HOME_PATH];
	int ret;

	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	const char *dir = call->operands.items[0].p;

	if (nr_crypt_init() < 0)
		return nr_fail(reterr, -EIO, "no random numbers");
	(void)umask(077); /* what a hub has is for nobody else */
	ret = nr_home_open(dir, &home, reterr);
	if (ret < 0)
		return ret;
	nr_home_path(dir, "registry.db", path);
	ret = move(path, told->to != 0 ? told->to : NR_REGISTRY_VERSION, reterr);
	nr_home_close(&home);
	return ret;
}

static int run(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_migrate, argc, argv, &words, migrate);
}

static const char about[] =
	"A hub brings the data in its directory forward when it starts. To go back to the program before this\n"
	"one, stop the hub, make a backup, and migrate to that program's version: one version back is always\n"
	"possible. What that version cannot hold is left out (users, rights, what was shared), what it can hold\n"
	"stays: sensors, tokens of administrators, findings, the audit chain. The journal is the same for both.";

const struct nr_cli_command nr_cli_hub_migrate = {
	.help = { .name = "noroshi hub migrate",
		  .summary = "bring a hub's data to another version, one back at most",
		  .operands = "DIR",
		  .about = about,
		  .examples =
			  "noroshi hub migrate /var/lib/noroshi --to 1\n"
			  "    before the program of version 1 of the data is installed again\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run,
};
