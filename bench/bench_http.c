/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_http CERTIFICATE KEY: libmicrohttpd and nothing else, as the hub sets it up: TLS, a thread a
 * connection, one small JSON answer for everybody. What the hub's own requests are measured against.
 * Prints its port, and ends with its input.
 */
#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

static enum MHD_Result answer(void *cls, struct MHD_Connection *mc, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *n_data, void **con_cls)
{
	static char body[] = "{\"name\":\"hub\",\"role\":\"admin\",\"member\":\"operator\"}\n";
	struct MHD_Response *response;
	enum MHD_Result ok;

	(void)cls, (void)url, (void)method, (void)version, (void)data, (void)n_data;
	if (*con_cls == NULL) {
		*con_cls = mc;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(response, "Content-Type", "application/json");
	ok = MHD_queue_response(mc, 200, response);
	MHD_destroy_response(response);
	return ok;
}

static int read_text(const char *path, char *out, size_t cap)
{
	struct nr_bytes text;
	struct nr_err err;

	if (nr_io_slurp(path, cap - 1, &text, &err) < 0)
		return fprintf(stderr, "%s\n", err.msg), -1;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return 0;
}

int main(int argc, char **argv)
{
	static char certificate[65536], key[65536];
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;

	if (argc != 3)
		return fprintf(stderr, "usage: bench_http CERTIFICATE KEY\n"), 2;
	if (read_text(argv[1], certificate, sizeof(certificate)) < 0 ||
	    read_text(argv[2], key, sizeof(key)) < 0)
		return 1;
	daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
					  MHD_USE_POLL | MHD_USE_ITC | MHD_USE_TLS,
				  0, NULL, NULL, answer, NULL, MHD_OPTION_HTTPS_MEM_CERT,
				  certificate, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_END);
	if (daemon == NULL)
		return fprintf(stderr, "bench_http: cannot listen\n"), 1;
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	printf("%u\n", info->port);
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
	MHD_stop_daemon(daemon);
	return 0;
}
