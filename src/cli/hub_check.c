/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi hub check: would it start, and go on well? */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/local.h"
#include "serve/hub/check.h"

struct words {
	bool json, print;
};

static const struct nr_option options[] = {
	{ .name = "print",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, print),
	  .help = "Print the settings in force." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "An object with every check, also those that found nothing." },
};

struct seen {
	const struct words *told;
	struct nr_json json;
	char words[400]; /* of the first fault */
};

static void found(void *ctx, const struct nr_check *check)
{
	struct seen *seen = ctx;

	if (check->level == NR_CHECK_FAULT && seen->words[0] == '\0')
		(void)snprintf(seen->words, sizeof(seen->words), "%s: %.300s", check->what,
			       check->words);
	else if (check->level != NR_CHECK_GOOD)
		(void)fprintf(stderr, "noroshi hub check: %s%s: %s\n",
			      check->level == NR_CHECK_WARNING ? "warning: " : "", check->what,
			      check->words);
	if (!seen->told->json)
		return;
	nr_json_object(&seen->json);
	nr_json_key(&seen->json, "what");
	nr_json_str(&seen->json, nr_str_from(check->what));
	nr_json_key(&seen->json, "level");
	nr_json_str(&seen->json, nr_str_from(nr_check_levels[check->level]));
	nr_json_key(&seen->json, "words");
	nr_json_str(&seen->json, nr_str_from(check->words));
	nr_json_object_end(&seen->json);
}

static int check(struct nr_local_command *call, struct nr_err *reterr)
{
	struct seen seen = { .told = call->words };
	struct nr_settings_file *file;
	unsigned faults;

	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	const struct nr_check_wish wish = {
		.dir = call->operands.items[0].p, .now = nr_time_now(), .found = found, .ctx = &seen
	};

	if (nr_crypt_init() < 0)
		return nr_fail(reterr, -EIO, "no random numbers");
	nr_json_init(&seen.json, &call->out);
	if (seen.told->json) {
		nr_json_object(&seen.json);
		nr_json_key(&seen.json, "checks");
		nr_json_array(&seen.json);
	}
	faults = nr_check_run(&wish, &file);
	if (seen.told->json) {
		nr_json_array_end(&seen.json);
		nr_json_key(&seen.json, "faults");
		nr_json_u64(&seen.json, faults);
		nr_json_object_end(&seen.json);
		nr_buf_add(&call->out, "\n", 1);
	}
	if (seen.told->print && file != NULL)
		nr_settings_print(nr_settings_of(file), &call->out);
	nr_settings_free(file);
	/* What was found is printed also when it is bad. */
	int ret = nr_cli_flush(&call->out);

	return ret < 0 || faults == 0 ? ret : nr_fail(reterr, NR_EDAMAGED, "%s", seen.words);
}

static int run(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_check, argc, argv, &words, check);
}

static const char about[] =
	"Looks at all that 'noroshi hub run DIR' needs: the directory, hub.yaml, who can read and change keys\n"
	"and files, how long certificates are valid, room on the disk, versions of registry and journal, free\n"
	"ports, the clock. Says nothing when all is well. A warning does not change the exit status; a fault\n"
	"makes it 1. It changes nothing, and a hub may run meanwhile.";

const struct nr_cli_command nr_cli_hub_check = {
	.help = { .name = "noroshi hub check",
		  .summary = "check a hub's directory and settings without starting it",
		  .operands = "DIR",
		  .about = about,
		  .examples = "noroshi hub check /var/lib/noroshi --print\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run,
};
