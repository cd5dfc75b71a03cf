/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_journal KILLS [FIRST_SEED]: a child appends, commits, rolls and retains, and says over a
 * pipe what was acknowledged; it is killed with SIGKILL, at a random time or at a marked point
 * (points.tsv); then its journal is opened by the parent, and the next child goes on in it.
 *
 * Held against the pipe: what was acknowledged is there, as it was, in order, once; nothing is
 * there that was not appended; what a retention that returned had erased stays away. Compiled with
 * the marked points of the journal in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash_fs.h"
#include "store/journal.h"

enum { PLACES = 1 << 20, POINTS = 64, LIVES = 20, TEXT = 200, LIFE_US = 20000, POINT_US = 500000 };

enum said { SAID_APPENDED = 1, SAID_DURABLE, SAID_ERASED };

struct say { /* child to parent, less than PIPE_BUF: whole or not at all */
	uint64_t what, at, number;
};

struct ledger {
	uint64_t *appended; /* the number last appended at a place */
	uint64_t acked, erased, next_number;
};

struct trial {
	char dir[64];
	char points[POINTS][64];
	size_t n_points, reached[POINTS];
	struct ledger ledger;
	uint64_t seed, kills, lost, doubled;
};

static void fault(struct trial *t, const char *what, uint64_t at, const char *words)
{
	fprintf(stderr, "seed %llu: %s at place %llu %s; left in %s\n", (unsigned long long)t->seed,
		what, (unsigned long long)at, words, t->dir);
}

static void make_text(uint64_t number, uint8_t out[TEXT])
{
	uint64_t rng = number;

	memcpy(out, &number, 8);
	for (size_t i = 8; i < TEXT; i += 8) {
		uint64_t v = crash_random(&rng);

		memcpy(out + i, &v, 8);
	}
}

/* ---- the child ---- */

static void say(int fd, enum said what, uint64_t at, uint64_t number)
{
	struct say s = { what, at, number };

	if (write(fd, &s, sizeof(s)) != (ssize_t)sizeof(s))
		_exit(3);
}

static void append(struct nr_journal *journal, int fd, uint64_t *number, uint64_t n)
{
	uint8_t text[TEXT];

	for (uint64_t i = 0; i < n; i++, ++*number) {
		struct nr_entry entry = { .type = NR_ENTRY_CONFIG, .text.text = { text, TEXT } };

		make_text(*number, text);
		if (nr_journal_append(journal, &entry) < 0)
			_exit(4);
		say(fd, SAID_APPENDED, entry.at, *number);
	}
}

static void retain(struct nr_journal *journal, int fd, const char *dir, uint64_t *rng)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry = { .at = 0 };
	uint64_t erased;

	if (nr_journal_retain(journal, 8192 + crash_below(rng, 40000), INT64_MIN, &erased, NULL) <
	    0)
		_exit(5);
	if (nr_journal_reader_open(dir, 1, journal, &reader, NULL) < 0)
		_exit(6);
	if (nr_journal_reader_next(reader, &entry, NULL) == 1 && entry.at > 1)
		say(fd, SAID_ERASED, entry.at - 1, 0);
	nr_journal_reader_close(reader);
}

/* Half of the lives erase by time, so that bodies are punched too. */
static void punch(struct nr_journal *journal, uint64_t *rng, int64_t start_ns)
{
	struct timespec now;
	uint64_t erased;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age = ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec) - start_ns;

	if (nr_journal_retain(journal, UINT64_MAX,
			      start_ns + (int64_t)crash_below(rng, (uint64_t)age + 1), &erased,
			      NULL) < 0)
		_exit(7);
}

/* argv: --live DIR SEED NUMBER FD. A program of its own, so that it knows nothing of the
 * parent's points. */
static _Noreturn void live(char **argv)
{
	const char *dir = argv[2];
	struct nr_journal_options options = { .dir = dir, .segment_bytes = 16384 };
	int fd = (int)strtol(argv[5], NULL, 10);
	struct nr_journal_recovery recovery;
	struct nr_journal *journal = NULL;
	uint64_t rng = strtoull(argv[3], NULL, 10), number = strtoull(argv[4], NULL, 10);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (nr_journal_open(&options, &journal, &recovery, NULL) < 0)
		_exit(2);
	for (;;) {
		append(journal, fd, &number, 1 + crash_below(&rng, 20));
		if (nr_journal_commit(journal, NULL) < 0)
			_exit(8);
		say(fd, SAID_DURABLE, nr_journal_durable(journal), 0);
		if (crash_below(&rng, 20) == 0 && nr_journal_roll(journal, NULL) < 0)
			_exit(9);
		if (crash_below(&rng, 10) == 0)
			retain(journal, fd, dir, &rng);
		else if (crash_below(&rng, 10) == 0)
			punch(journal, &rng, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	}
}

/* ---- the parent ---- */

static void hear(struct trial *t, const struct say *s)
{
	struct ledger *l = &t->ledger;

	nr_require(s->at < PLACES);
	switch ((enum said)s->what) {
	case SAID_APPENDED:
		l->appended[s->at] = s->number;
		l->next_number = s->number + 1;
		break;
	case SAID_DURABLE:
		l->acked = s->at;
		break;
	case SAID_ERASED:
		l->erased = s->at;
		break;
	}
}

static int64_t mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Hear the child until it is dead; kill it when its time has come. @return whether it died by
 * SIGKILL */
static bool attend(struct trial *t, pid_t pid, int fd, int64_t life_us)
{
	int64_t end = mono_us() + life_us;
	struct say s[64];
	ssize_t n;
	int status;
	bool killed = false;

	for (;;) {
		int64_t left = end - mono_us();
		struct timespec wait = { 0, left > 0 ? left * 1000 : 0 };
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (!killed && left <= 0) {
			(void)kill(pid, SIGKILL);
			killed = true;
		}
		if (ppoll(&p, 1, killed ? NULL : &wait, NULL) <= 0)
			continue;
		n = read(fd, s, sizeof(s));
		if (n <= 0)
			break;
		for (size_t i = 0; i < (size_t)n / sizeof(s[0]); i++)
			hear(t, &s[i]);
	}
	(void)waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	fprintf(stderr, "seed %llu: the child ended with %d\n", (unsigned long long)t->seed,
		status);
	return false;
}

static void check_entry(struct trial *t, const struct nr_entry *e, uint64_t *number)
{
	struct ledger *l = &t->ledger;
	uint8_t want[TEXT];
	uint64_t got;

	if (e->at <= l->erased && !e->erased)
		fault(t, "resurrected", e->at, ""), t->lost++;
	if (e->erased || e->type != NR_ENTRY_CONFIG)
		return;
	memcpy(&got, e->text.text.p, 8);
	make_text(got, want);
	if (e->text.text.n != TEXT || memcmp(want, e->text.text.p, TEXT) != 0)
		fault(t, "altered", e->at, ""), t->lost++;
	if (e->at <= l->acked && l->appended[e->at] != got)
		fault(t, "other than acknowledged", e->at, ""), t->lost++;
	if (got <= *number)
		fault(t, "doubled or out of order", e->at, ""), t->doubled++;
	*number = got;
	l->appended[e->at] = got;
}

static void check(struct trial *t)
{
	struct nr_journal_options options = { .dir = t->dir, .segment_bytes = 16384 };
	struct nr_journal_recovery recovery;
	struct nr_journal_report report;
	struct nr_journal *journal = NULL;
	struct nr_journal_reader *reader = NULL;
	struct nr_err err = { .code = 0 };
	struct nr_entry entry;
	uint64_t at = 0, number = 0;
	int ret = nr_journal_open(&options, &journal, &recovery, &err);

	if (ret < 0) {
		fault(t, "does not open", t->ledger.acked, err.msg), t->lost++;
		return;
	}
	ret = nr_journal_reader_open(t->dir, 1, journal, &reader, &err);
	while (ret == 0 && (ret = nr_journal_reader_next(reader, &entry, &err)) == 1) {
		if (at != 0 && entry.at != at + 1)
			fault(t, "a place is missing", at + 1, ""), t->lost++;
		at = entry.at;
		check_entry(t, &entry, &number);
		ret = 0;
	}
	if (ret < 0)
		fault(t, "unreadable", at, err.msg), t->lost++;
	if (recovery.last_at < t->ledger.acked)
		fault(t, "lost", t->ledger.acked, ""), t->lost++;
	nr_journal_reader_close(reader);
	nr_journal_close(journal);
	if (nr_journal_verify(t->dir, NULL, &report, &err) < 0)
		fault(t, "does not verify", at, err.msg), t->lost++;
	t->ledger.acked = recovery.last_at; /* what was found is acknowledged from now on */
}

static _Noreturn void become_child(const struct trial *t, int fd, const char *crash)
{
	char seed[24], number[24], fd_text[16], *dir = strdup(t->dir);
	char *argv[] = { "kill_journal", "--live", dir, seed, number, fd_text, NULL };

	(void)snprintf(seed, sizeof(seed), "%llu", (unsigned long long)t->seed);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)t->ledger.next_number);
	(void)snprintf(fd_text, sizeof(fd_text), "%d", fd);
	if (crash != NULL)
		(void)setenv("NOROSHI_CRASH", crash, 1);
	if (fcntl(fd, F_SETFD, 0) == 0)
		(void)execv("/proc/self/exe", argv);
	_exit(10);
}

static void one_life(struct trial *t)
{
	uint64_t rng = t->seed * 31;
	char crash[80];
	bool at_point = t->seed % 2 == 0 && t->n_points > 0;
	size_t point = t->seed / 2 % (t->n_points > 0 ? t->n_points : 1);
	int fds[2];
	pid_t pid;

	(void)snprintf(crash, sizeof(crash), "%s:%llu", t->points[point],
		       (unsigned long long)(1 + crash_below(&rng, 3)));
	nr_require(pipe2(fds, O_CLOEXEC) == 0);
	pid = fork();
	nr_require(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		become_child(t, fds[1], at_point ? crash : NULL);
	}
	close(fds[1]);
	int64_t begun = mono_us(), life = at_point ? POINT_US : (int64_t)crash_below(&rng, LIFE_US);
	bool killed = attend(t, pid, fds[0], life);

	close(fds[0]);
	if (!killed)
		t->lost++;
	if (at_point && mono_us() - begun < life)
		t->reached[point]++;
	t->kills++;
	check(t);
}

static void read_points(struct trial *t)
{
	const char *root = getenv("NOROSHI_SOURCE_ROOT");
	char path[PATH_MAX];
	struct nr_bytes all;
	struct nr_str text;

	(void)snprintf(path, sizeof(path), "%s/tests/crash/points.tsv", root != NULL ? root : ".");
	nr_require(nr_io_slurp(path, 1 << 20, &all, NULL) == 0);
	text = (struct nr_str){ (const char *)all.p, all.n };
	while (text.n > 0) {
		struct nr_str line = nr_str_cut(&text, '\n'), name = nr_str_cut(&line, '\t');

		/* A tail that needs cutting is left by power cuts, not by kills: crash_states. */
		if (!nr_str_starts(name, NR_STR("journal.")) || nr_str_ends(name, NR_STR("cut")))
			continue;
		nr_require(t->n_points < POINTS);
		(void)snprintf(t->points[t->n_points++], sizeof(t->points[0]), NR_STR_FMT,
			       NR_STR_ARG(name));
	}
	free((void *)(uintptr_t)all.p);
}

int main(int argc, char **argv)
{
	static struct trial t;
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	size_t n_reached = 0;

	if (argc == 6 && strcmp(argv[1], "--live") == 0)
		live(argv);
	read_points(&t);
	t.ledger.appended = calloc(PLACES, sizeof(uint64_t));
	(void)snprintf(t.dir, sizeof(t.dir), "%s/noroshi-kill-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	nr_require(t.ledger.appended != NULL && mkdtemp(t.dir) != NULL);
	t.ledger.next_number = 1;
	printf("1..1\n");
	(void)fflush(stdout);
	for (t.seed = first; t.kills < wanted; t.seed++) {
		if (t.kills % LIVES == 0) {
			crash_fs_clear(t.dir);
			t.ledger.acked = t.ledger.erased = 0;
		}
		one_life(&t);
	}
	for (size_t i = 0; i < t.n_points; i++)
		n_reached += t.reached[i] > 0;
	if (t.lost + t.doubled == 0) {
		crash_fs_clear(t.dir);
		(void)rmdir(t.dir);
	}
	free(t.ledger.appended);
	printf("# died at %zu of %zu marked points\n", n_reached, t.n_points);
	printf("%s 1 - %llu kills of seeds %llu to %llu: %llu lost, %llu doubled\n",
	       t.lost + t.doubled == 0 ? "ok" : "not ok", (unsigned long long)t.kills,
	       (unsigned long long)first, (unsigned long long)(t.seed - 1),
	       (unsigned long long)t.lost, (unsigned long long)t.doubled);
	return t.lost + t.doubled == 0 ? 0 : 1;
}
