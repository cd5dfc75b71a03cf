/* SPDX-License-Identifier: Apache-2.0 */
#define NR_CRASH_POINTS 1
#include "base/crash.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

/* Read once from the environment; only programs built for kill tests ever come here. */
static struct {
	pthread_once_t once;
	struct nr_str name;
	atomic_ullong left;
} wanted = { .once = PTHREAD_ONCE_INIT };

static void read_wish(void)
{
	struct nr_str text = nr_str_from(getenv("NOROSHI_CRASH"));
	uint64_t n = 1;

	wanted.name = nr_str_cut(&text, ':');
	if (text.n > 0 && nr_str_u64(text, 1, UINT32_MAX, &n) < 0)
		n = 1;
	atomic_store(&wanted.left, n);
}

void nr_crash_point(const char *name)
{
	(void)pthread_once(&wanted.once, read_wish);
	if (wanted.name.n > 0 && nr_str_eq(wanted.name, nr_str_from(name)) &&
	    atomic_fetch_sub(&wanted.left, 1) == 1)
		(void)kill(getpid(), SIGKILL);
}
