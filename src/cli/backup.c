/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi backup | restore: a hub in one file, and out of it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/local.h"
#include "serve/hub/backup.h"

enum { HOLD_EVERY_S = 60, MIB = 1 << 20 };

struct words {
	const char *keys;
	bool json, without_keys;
};

static const struct nr_option backup_options[] = {
	{ .name = "without-keys",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, without_keys),
	  .help = "Leave the secret keys out; restore then wants them with --keys." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "An object that says what is in it." },
};
static const struct nr_option restore_options[] = {
	{ .name = "keys",
	  .type = NR_OPT_STR,
	  .value = "DIR",
	  .offset = offsetof(struct words, keys),
	  .help = "Where the secret keys (*.key) are that the backup was made without." },
	{ .name = "json",
	  .letter = 'j',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "An object that says what was restored." },
};

/* ---- while it works ---- */

struct work {
	struct nr_local *local; /* NULL: restoring */
	int64_t drawn_ns, held_ns;
	bool on, shown;
};

static void work_begin(struct work *work, struct nr_local *local)
{
	*work = (struct work){ .local = local,
			       .held_ns = nr_mono_now().ns,
			       .drawn_ns = nr_mono_now().ns,
			       .on = isatty(STDERR_FILENO) };
}

static void work_end(struct work *work)
{
	if (work->shown)
		(void)fputs("\r\033[K", stderr);
	work->shown = false;
}

static int post(struct nr_local *local, const char *path, struct nr_err *reterr)
{
	struct nr_buf out;

	nr_buf_init(&out, NR_LOCAL_OUT_MAX);
	int ret = nr_local_call(local, path, NULL, 0, (struct nr_bytes){ 0 }, &out, reterr);

	nr_buf_done(&out);
	return ret;
}

static int roll(void *ctx, struct nr_err *reterr)
{
	struct work *work = ctx;

	work->held_ns = nr_mono_now().ns;
	return post(work->local, "/local/v1/backup-roll", reterr);
}

static int progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	struct work *work = ctx;
	int64_t now = nr_mono_now().ns;
	struct nr_err err;

	if (work->local != NULL && now - work->held_ns >= HOLD_EVERY_S * NR_NS_PER_S) {
		work->held_ns = now;
		/* A hub that ended meanwhile erases nothing. */
		(void)post(work->local, "/local/v1/backup-hold", &err);
	}
	if (!work->on || now - work->drawn_ns < NR_NS_PER_S / 5)
		return 0;
	work->drawn_ns = now;
	work->shown = true;
	(void)fprintf(stderr, "\r\033[K%3u %%  %llu of %llu MiB  %.40s",
		      total > 0 ? (unsigned)(done * 100 / total) : 0,
		      (unsigned long long)(done / MIB), (unsigned long long)(total / MIB), what);
	return 0;
}

/* ---- what is said ---- */

static void add_text(struct nr_json *json, const char *key, const char *text)
{
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(text));
}

static void add_number(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static uint64_t bytes_of(const struct nr_pack *pack)
{
	uint64_t n = 0;

	for (size_t i = 0; i < pack->n; i++)
		n += pack->files[i].size;
	return n;
}

static void pack_json(const struct nr_pack *pack, struct nr_json *json)
{
	add_text(json, "hub", pack->hub);
	nr_json_key(json, "made");
	nr_json_time(json, pack->made);
	add_number(json, "journal_at", pack->journal_at);
	add_number(json, "engine_at", pack->engine_at);
	add_number(json, "registry_version", pack->registry);
	add_number(json, "files", pack->n);
	add_number(json, "bytes", bytes_of(pack));
	nr_json_key(json, "keys");
	nr_json_bool(json, pack->has_keys);
}

/* ---- backup ---- */

static int make(struct nr_local_command *call, struct nr_local *local, struct nr_err *reterr)
{
	const struct words *told = call->words;
	struct work work;
	struct nr_backup_watch watch = { .progress = progress, .roll = roll, .ctx = &work };
	struct nr_pack pack;
	struct nr_json json;

	work_begin(&work, local);
	int ret = nr_backup_make(call->operands.items[0].p, call->operands.items[1].p,
				 told->without_keys, NR_VERSION, &watch, &pack, reterr);

	work_end(&work);
	if (ret < 0)
		return ret;
	if (told->json) {
		nr_json_init(&json, &call->out);
		nr_json_object(&json);
		add_text(&json, "file", call->operands.items[1].p);
		add_text(&json, "epoch", pack.epoch);
		pack_json(&pack, &json);
		nr_json_object_end(&json);
		nr_buf_add(&call->out, "\n", 1);
	} else {
		(void)fprintf(stderr, "%s: %llu MiB in %zu files, the journal up to place %llu%s\n",
			      call->operands.items[1].p,
			      (unsigned long long)(bytes_of(&pack) / MIB), pack.n,
			      (unsigned long long)pack.journal_at,
			      pack.has_keys ? "; it has the hub's keys: keep it like them" : "");
	}
	nr_pack_done(&pack);
	return 0;
}

static int backup(struct nr_local_command *call, struct nr_err *reterr)
{
	nr_auto(nr_local) local = NULL;

	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the file to make");
	int ret = nr_local_open(call->operands.items[0].p, false, &local, reterr);

	return ret < 0 ? ret : make(call, local, reterr);
}

/* ---- restore ---- */

static const char next_words[] =
	"Sensors join by themselves. What they delivered after the backup was made is told as gaps, except for\n"
	"what they still hold. Begin with these:\n"
	"  - never run the hub of before beside this one\n"
	"  - what was revoked, or whose rights were taken, after the backup was made: do it again\n"
	"  - sensors that were enrolled after it: enrol them anew; captures imported after it: import again\n"
	"  - findings made again from the journal appear within minutes; cursors of before are refused\n";

static int restore(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	struct work work;
	struct nr_backup_watch watch = { .progress = progress, .ctx = &work };
	struct nr_restored done;
	struct nr_json json;
	char actor[32];

	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the backup and the directory to make");
	if (nr_crypt_init() < 0)
		return nr_fail(reterr, -EIO, "no random numbers");
	(void)umask(077); /* what a hub has is for nobody else */
	(void)snprintf(actor, sizeof(actor), "uid:%u", (unsigned)getuid());
	work_begin(&work, NULL);
	int ret = nr_restore(call->operands.items[0].p, call->operands.items[1].p, told->keys,
			     actor, &watch, &done, reterr);

	work_end(&work);
	if (ret < 0)
		return ret;
	if (told->json) {
		nr_json_init(&json, &call->out);
		nr_json_object(&json);
		add_text(&json, "dir", call->operands.items[1].p);
		add_text(&json, "epoch", done.epoch);
		pack_json(&done.pack, &json);
		add_number(&json, "records", done.records);
		nr_json_object_end(&json);
		nr_buf_add(&call->out, "\n", 1);
	} else {
		(void)fprintf(
			stderr,
			"A hub stands in %s, as it was when the backup was made: %llu records of "
			"its journal, all verified.\n%s",
			call->operands.items[1].p, (unsigned long long)done.records, next_words);
	}
	nr_pack_done(&done.pack);
	return 0;
}

static int run_backup(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_backup, argc, argv, &words, backup);
}

static int run_restore(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_restore, argc, argv, &words, restore);
}

static const char about_backup[] =
	"Writes all that a hub needs to stand again into FILE, whether the hub runs or not: keys,\n"
	"settings, registry, the newest snapshot of the detectors, and the journal up to a place. What\n"
	"was acknowledged before the command was given is in it. The hub goes on taking and answering;\n"
	"only erasing old data waits. The observation store is not in it: it is made anew from the\n"
	"journal.\n"
	"\n"
	"FILE is a tar archive with a digest of every member; only its owner may read it, as it has the\n"
	"hub's keys. Also without them (--without-keys) it has digests of passwords and tokens, second\n"
	"factors, and all that was observed: keep it like the hub itself.";

const struct nr_cli_command nr_cli_backup = {
	.help = { .name = "noroshi backup",
		  .summary = "copy a hub into one file, also while it runs",
		  .operands = "DIR FILE",
		  .about = about_backup,
		  .examples = "noroshi backup /var/lib/noroshi /backup/hub-2026-11-20.tar\n"
			      "    checked by: noroshi restore FILE NEWDIR, on any machine\n",
		  .options = backup_options,
		  .n_options = NR_COUNT(backup_options) },
	.run = run_backup,
};

static const char about_restore[] =
	"Makes a hub in NEWDIR, which is made too or is empty, of what 'noroshi backup' wrote. Every\n"
	"digest is checked before the first byte is written; a file that is cut or changed is refused\n"
	"with the name of what is wrong in it. Then every record and signature of the journal and the\n"
	"audit chain are verified. The hub gets a new epoch: cursors that the hub of before gave out are\n"
	"refused.\n"
	"\n"
	"A sensor that had more acknowledged than the backup holds sends again what it still has; the\n"
	"rest becomes a gap, counted and shown, so nothing is missing silently.";

const struct nr_cli_command nr_cli_restore = {
	.help = { .name = "noroshi restore",
		  .summary = "make a hub of a backup",
		  .operands = "FILE NEWDIR",
		  .about = about_restore,
		  .examples = "noroshi restore /backup/hub-2026-11-20.tar /var/lib/noroshi\n",
		  .options = restore_options,
		  .n_options = NR_COUNT(restore_options) },
	.run = run_restore,
};
