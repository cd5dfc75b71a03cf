/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi hub init | reload | status | acked | audit: a hub's directory. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/local.h"

struct words {
	const char *name;
	struct nr_option_list hosts;
	bool json;
};

static const struct nr_option init_options[] = {
	{ .name = "name",
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = offsetof(struct words, name),
	  .help = "What people call this hub; without it the machine's name." },
	{ .name = "host",
	  .type = NR_OPT_LIST,
	  .value = "HOST",
	  .offset = offsetof(struct words, hosts),
	  .help = "A name or address by which sensors and people will reach it; it stands in its "
		  "certificate. The machine's name and loopback always do." },
};
static const struct nr_option json_options[] = { { .name = "json",
						   .letter = 'j',
						   .type = NR_OPT_FLAG,
						   .offset = offsetof(struct words, json),
						   .help = "JSON instead of lines." } };

static int want_dir(const struct nr_local_command *call, struct nr_err *reterr)
{
	return call->operands.n == 1 ? 0 : nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
}

/* ---- init ---- */

static int init(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	struct nr_home_wish wish = { .name = told->name,
				     .hosts = told->hosts.items,
				     .n_hosts = told->hosts.n,
				     .now = nr_time_now() };
	int ret = want_dir(call, reterr);

	if (ret == 0 && nr_crypt_init() < 0)
		ret = nr_fail(reterr, -EIO, "no random numbers");
	if (ret < 0)
		return ret;
	const char *dir = call->operands.items[0].p;

	(void)umask(077); /* what a hub has is for nobody else */
	ret = nr_home_init(dir, &wish, reterr);
	if (ret == 0)
		(void)fprintf(stderr,
			      "A hub stands in %s. Next:\n    noroshi hub run %s\n    noroshi hub "
			      "setup-link %s\n    noroshi sensor enrol %s NAME\n",
			      dir, dir, dir, dir);
	return ret;
}

/* ---- reload ---- */

static int reload(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	nr_auto(nr_local) local = NULL;
	int ret = want_dir(call, reterr);

	if (ret == 0)
		ret = nr_local_open(call->operands.items[0].p, true, &local, reterr);
	if (ret == 0)
		ret = nr_local_post(local, "/local/v1/reload", &call->out, reterr);
	if (ret == 0 && !told->json)
		nr_buf_reset(&call->out);
	return ret;
}

/* ---- status ---- */

static int status(struct nr_local_command *call, struct nr_err *reterr)
{
	nr_auto(nr_local) local = NULL;
	int ret = want_dir(call, reterr);

	if (ret == 0)
		ret = nr_local_open(call->operands.items[0].p, true, &local, reterr);
	if (ret == 0)
		ret = nr_local_get(local, "/api/v1/status", &call->out, reterr);
	return ret;
}

/* ---- acked ---- */

/* Lines "UUID EPOCH SEQ" as JSON lines. */
static void acked_json(struct nr_buf *out)
{
	struct nr_buf json;
	struct nr_str rest = nr_buf_str(out);

	nr_buf_init(&json, NR_LOCAL_OUT_MAX);
	while (rest.n > 0) {
		struct nr_str line = nr_str_cut(&rest, '\n'), sensor = nr_str_word(&line),
			      epoch = nr_str_word(&line), seq = nr_str_word(&line);

		nr_buf_addf(&json, "{\"sensor\":\"%.*s\",\"epoch\":%.*s,\"seq\":%.*s}\n",
			    NR_STR_ARG(sensor), NR_STR_ARG(epoch), NR_STR_ARG(seq));
	}
	nr_buf_done(out);
	*out = json;
}

static int acked(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	int ret = want_dir(call, reterr);

	if (ret == 0)
		ret = nr_local_once(call, "/local/v1/acked", NULL, 0, reterr);
	if (ret == 0 && told->json)
		acked_json(&call->out);
	return ret;
}

/* ---- audit ---- */

static int audit(struct nr_local_command *call, struct nr_err *reterr)
{
	int ret = want_dir(call, reterr);

	if (ret == 0)
		ret = nr_local_once(call, "/local/v1/audit", NULL, 0, reterr);
	return ret;
}

/* ---- all of them ---- */

static int run_init(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_init, argc, argv, &words, init);
}

static int run_reload(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_reload, argc, argv, &words, reload);
}

static int run_status(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_status, argc, argv, &words, status);
}

static int run_acked(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_acked, argc, argv, &words, acked);
}

static int run_audit(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_hub_audit, argc, argv, &words, audit);
}

static const char about_init[] =
	"Makes everything a hub needs in DIR, which is made too or is empty: its authority and certificate, keys,\n"
	"registry, settings (hub.yaml, all defaults). Nobody but this user can read it. Keep a copy of DIR/keys\n"
	"in a safe place: sensors trust this hub by it.";

const struct nr_cli_command nr_cli_hub_init = {
	.help = { .name = "noroshi hub init",
		  .summary = "make a hub's directory",
		  .operands = "DIR",
		  .about = about_init,
		  .examples = "noroshi hub init /var/lib/noroshi --host hub.example.org\n",
		  .options = init_options,
		  .n_options = NR_COUNT(init_options) },
	.run = run_init,
};

static const char about_reload[] =
	"The hub that runs in DIR reads hub.yaml and the lists it names anew, and goes on without a pause:\n"
	"nothing that sensors deliver is lost or refused. advertise, api.rate, api.burst, journal.keep_days,\n"
	"journal.keep_gib, store.keep_days, engine.lateness_s, engine.silence_s, engine.snapshot_s,\n"
	"engine.snapshot_mib and engine.benign change at once. When anything else was changed, or something is\n"
	"wrong, it says what, nothing changes, and the exit status is not 0.";

const struct nr_cli_command nr_cli_hub_reload = {
	.help = { .name = "noroshi hub reload",
		  .summary = "let a running hub read its settings anew",
		  .operands = "DIR",
		  .about = about_reload,
		  .examples = "noroshi hub reload /var/lib/noroshi\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_reload,
};

const struct nr_cli_command nr_cli_hub_status = {
	.help = { .name = "noroshi hub status",
		  .summary = "how the hub that runs in DIR is",
		  .operands = "DIR",
		  .about = "Prints the JSON object of GET /api/v1/status. Exit status 1 when none "
			   "runs.",
		  .examples = "noroshi hub status /var/lib/noroshi\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_status,
};

static const char about_acked[] =
	"One line a sensor: UUID EPOCH SEQ. Every batch of that epoch up to that number was acknowledged, or is\n"
	"named by a gap; all of it is on the disk. From the hub while it runs, else from its journal.";

const struct nr_cli_command nr_cli_hub_acked = {
	.help = { .name = "noroshi hub acked",
		  .summary = "what was acknowledged to each sensor",
		  .operands = "DIR",
		  .about = about_acked,
		  .examples = "noroshi hub acked /var/lib/noroshi\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_acked,
};

const struct nr_cli_command nr_cli_hub_audit = {
	.help = { .name = "noroshi hub audit",
		  .summary = "check the audit chain of a hub",
		  .operands = "DIR",
		  .about =
			  "Who did what on this hub stands in rows that are chained by their digests. "
			  "Recomputes the chain; a row\n"
			  "that was changed or taken out is named, and the exit status is 1.",
		  .examples = "noroshi hub audit /var/lib/noroshi\n",
		  .options = json_options,
		  .n_options = NR_COUNT(json_options) },
	.run = run_audit,
};
