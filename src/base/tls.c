/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/pki_int.h"
#include "base/tls_int.h"

enum { RECORD_MAX = 16384 };

/* Version 1.3 alone; the groups and signatures that our own certificates need. */
static const char priorities[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"
	"-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256:+SIGN-EDDSA-ED25519";

/* ---- contexts ---- */

static int set_key(struct nr_tls_context *context, const struct nr_tls_options *options,
		   struct nr_err *reterr)
{
	gnutls_datum_t certificate = nr_pki_datum(options->certificate);
	gnutls_datum_t key = nr_pki_datum(options->key);
	int ret;

	if (options->certificate.n == 0 && options->anonymous && !options->server)
		return 0;
	ret = gnutls_certificate_set_x509_key_mem2(context->credentials, &certificate, &key,
						   GNUTLS_X509_FMT_PEM, NULL, 0);
	return ret < 0 ? nr_fail(reterr, NR_EFORMAT, "own certificate and key: %s",
				 gnutls_strerror(ret))
		       : 0;
}

static int context_fill(struct nr_tls_context *context, const struct nr_tls_options *options,
			struct nr_err *reterr)
{
	bool asks = !options->server || !options->anonymous;
	int ret = 0;

	if (gnutls_certificate_allocate_credentials(&context->credentials) < 0 ||
	    gnutls_priority_init(&context->priority, priorities, NULL) < 0)
		return nr_fail(reterr, -ENOMEM, "TLS cannot be set up");
	if (asks && options->authority.n == 0 && options->authority_pin == NULL)
		return nr_fail(reterr, -EINVAL, "no authority and no pin: anybody would do");
	if (asks && options->authority.n > 0)
		ret = nr_tls_trust(context, options->authority, reterr);
	if (ret == 0)
		ret = set_key(context, options, reterr);
	gnutls_certificate_set_verify_function(context->credentials, nr_tls_judge);
	return ret;
}

int nr_tls_context_new(const struct nr_tls_options *options, struct nr_tls_context **ret_context,
		       struct nr_err *reterr)
{
	const char *kind = options->peer_kind != NULL ? options->peer_kind : "";
	struct nr_tls_context *context = calloc(1, sizeof(*context));
	int ret;

	if (context == NULL)
		return nr_fail(reterr, -ENOMEM, "TLS: %s", nr_err_text(-ENOMEM));
	nr_require(strlen(kind) < sizeof(context->peer_kind));
	memcpy(context->peer_kind, kind, strlen(kind));
	context->server = options->server;
	context->anonymous = options->anonymous;
	context->now = options->now;
	context->now_ctx = options->now_ctx;
	context->has_pin = options->authority_pin != NULL;
	if (context->has_pin)
		memcpy(context->pin, options->authority_pin, sizeof(context->pin));
	ret = context_fill(context, options, reterr);
	if (ret < 0) {
		nr_tls_context_free(context);
		return ret;
	}
	*ret_context = context;
	return 0;
}

struct nr_tls_context *nr_tls_context_free(struct nr_tls_context *context)
{
	if (context == NULL)
		return NULL;
	if (context->trust != NULL)
		gnutls_x509_trust_list_deinit(context->trust, 1);
	if (context->priority != NULL)
		gnutls_priority_deinit(context->priority);
	if (context->credentials != NULL)
		gnutls_certificate_free_credentials(context->credentials);
	free(context);
	return NULL;
}

/* ---- waiting ---- */

static int64_t deadline_of(int timeout_ms)
{
	return nr_mono_now().ns + (timeout_ms > 0 ? (int64_t)timeout_ms * 1000000 : 0);
}

/* Until the library can go on in the direction in which it was stopped. @return 0; -ETIMEDOUT; -errno */
static int wait_for(const struct nr_tls *tls, int64_t deadline_ns)
{
	short events = gnutls_record_get_direction(tls->session) == 1 ? POLLOUT : POLLIN;
	struct pollfd wait = { .fd = tls->fd, .events = events };

	for (;;) {
		int64_t left = deadline_ns - nr_mono_now().ns;
		int ready;

		if (left <= 0)
			return -ETIMEDOUT;
		ready = poll(&wait, 1, (int)nr_min_size((size_t)(left + 999999) / 1000000, 60000));
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

static bool is_about_identity(gnutls_alert_description_t alert)
{
	static const gnutls_alert_description_t alerts[] = {
		GNUTLS_A_BAD_CERTIFICATE,     GNUTLS_A_UNSUPPORTED_CERTIFICATE,
		GNUTLS_A_CERTIFICATE_REVOKED, GNUTLS_A_CERTIFICATE_EXPIRED,
		GNUTLS_A_CERTIFICATE_UNKNOWN, GNUTLS_A_UNKNOWN_CA,
		GNUTLS_A_ACCESS_DENIED,	      GNUTLS_A_CERTIFICATE_REQUIRED,
	};

	for (size_t i = 0; i < NR_COUNT(alerts); i++)
		if (alerts[i] == alert)
			return true;
	return false;
}

/* Our code for the library's, when it is not one to try again. */
static int code_of(const struct nr_tls *tls, int ret)
{
	switch (ret) {
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_PUSH_ERROR:
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_SESSION_EOF:
	case GNUTLS_E_INVALID_SESSION:
		return -ECONNRESET;
	case GNUTLS_E_CERTIFICATE_ERROR:
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
	case GNUTLS_E_CERTIFICATE_REQUIRED:
		return -EACCES;
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
		return is_about_identity(gnutls_alert_get(tls->session)) ? -EACCES : -EPROTO;
	case GNUTLS_E_MEMORY_ERROR:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

/* ---- streams ---- */

static int fail_handshake(const struct nr_tls *tls, int ret, struct nr_err *reterr)
{
	int code = code_of(tls, ret);

	switch (ret) {
	case GNUTLS_E_CERTIFICATE_ERROR:
		if (tls->refusal.code == 0)
			break;
		return nr_fail(reterr, tls->refusal.code, "%s", tls->refusal.msg);
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
	case GNUTLS_E_CERTIFICATE_REQUIRED:
		return nr_fail(reterr, code, "the peer shows no certificate");
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
	case GNUTLS_E_NO_CIPHER_SUITES: /* of an older version, or for other keys */
		return nr_fail(reterr, code,
			       "the peer does not speak TLS 1.3 as it is spoken here");
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
		return nr_fail(reterr, code, "the peer refuses: %s",
			       gnutls_alert_get_name(gnutls_alert_get(tls->session)));
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_UNEXPECTED_PACKET:
	case GNUTLS_E_RECORD_OVERFLOW:
		return nr_fail(reterr, code, "what the peer sends is not TLS (%s)",
			       gnutls_strerror(ret));
	default:
		break;
	}
	if (code == -ECONNRESET)
		return nr_fail(reterr, code, "the peer went away during the handshake");
	return nr_fail(reterr, code, "handshake: %s", gnutls_strerror(ret));
}

static int handshake(struct nr_tls *tls, int64_t deadline_ns, struct nr_err *reterr)
{
	int ret;

	while ((ret = gnutls_handshake(tls->session)) < 0) {
		int wait = 0;

		if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
			wait = wait_for(tls, deadline_ns);
		else if (gnutls_error_is_fatal(ret) || ret == GNUTLS_E_WARNING_ALERT_RECEIVED)
			break;
		else if (nr_mono_now().ns >= deadline_ns)
			wait = -ETIMEDOUT;
		if (wait < 0)
			return nr_fail(reterr, wait, "handshake: %s", nr_err_text(wait));
	}
	if (ret == 0)
		return 0;
	(void)gnutls_alert_send_appropriate(tls->session, ret); /* a kindness that may fail */
	return fail_handshake(tls, ret, reterr);
}

static int prepare(struct nr_tls *tls, struct nr_err *reterr)
{
	const struct nr_tls_context *context = tls->context;
	unsigned flags = (context->server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK |
			 GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS;
	int state = fcntl(tls->fd, F_GETFL), ret;
	uint8_t ip[16];
	size_t n;

	if (state < 0 || fcntl(tls->fd, F_SETFL, state | O_NONBLOCK) < 0)
		return nr_fail(reterr, -errno, "socket: %s", nr_err_text(-errno));
	ret = gnutls_init(&tls->session, flags);
	if (ret == 0)
		ret = gnutls_priority_set(tls->session, context->priority);
	if (ret == 0)
		ret = gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE,
					     context->credentials);
	if (ret == 0 && !context->server && !nr_pki_ip(tls->host, ip, &n))
		ret = gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, tls->host,
					     strlen(tls->host));
	if (ret < 0)
		return nr_fail(reterr, -ENOMEM, "TLS: %s", gnutls_strerror(ret));
	gnutls_session_set_ptr(tls->session, tls);
	gnutls_transport_set_int(tls->session, tls->fd);
	gnutls_handshake_set_timeout(tls->session, 0); /* the deadline is ours */
	if (context->server)
		gnutls_certificate_server_set_request(tls->session, context->anonymous
									    ? GNUTLS_CERT_IGNORE
									    : GNUTLS_CERT_REQUIRE);
	return 0;
}

int nr_tls_open(struct nr_tls_context *context, int fd, const char *host, int timeout_ms,
		struct nr_tls **ret_tls, struct nr_err *reterr)
{
	int64_t deadline_ns = deadline_of(timeout_ms);
	struct nr_tls *tls = calloc(1, sizeof(*tls));
	size_t n_host = host != NULL ? strlen(host) : 0;
	int ret;

	if (tls == NULL || n_host >= sizeof(tls->host) || (n_host == 0 && !context->server)) {
		free(tls);
		(void)close(fd);
		return tls == NULL ? nr_fail(reterr, -ENOMEM, "TLS: %s", nr_err_text(-ENOMEM))
				   : nr_fail(reterr, -EINVAL, "TLS: no host name");
	}
	tls->fd = fd;
	tls->context = context;
	if (n_host > 0)
		memcpy(tls->host, host, n_host);
	ret = prepare(tls, reterr);
	if (ret == 0)
		ret = handshake(tls, deadline_ns, reterr);
	if (ret < 0) {
		tls->broken = true;
		nr_tls_free(tls);
		return ret;
	}
	*ret_tls = tls;
	return 0;
}

void nr_tls_end(struct nr_tls *tls)
{
	if (!tls->broken)
		(void)gnutls_bye(tls->session, GNUTLS_SHUT_WR); /* a full socket does without */
	tls->broken = true;
}

struct nr_tls *nr_tls_free(struct nr_tls *tls)
{
	if (tls == NULL)
		return NULL;
	if (tls->session != NULL) {
		nr_tls_end(tls);
		gnutls_deinit(tls->session);
	}
	(void)close(tls->fd);
	free(tls);
	return NULL;
}

const struct nr_pki_facts *nr_tls_peer(const struct nr_tls *tls)
{
	return &tls->peer;
}

int nr_tls_fd(const struct nr_tls *tls)
{
	return tls->fd;
}

size_t nr_tls_pending(const struct nr_tls *tls)
{
	return gnutls_record_check_pending(tls->session);
}

static ssize_t read_until(struct nr_tls *tls, void *buf, size_t n, int64_t deadline_ns)
{
	for (;;) {
		ssize_t ret = gnutls_record_recv(tls->session, buf, n);
		int wait = 0;

		if (ret >= 0)
			return ret;
		if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
			wait = wait_for(tls, deadline_ns);
		else if (gnutls_error_is_fatal((int)ret) || ret == GNUTLS_E_REHANDSHAKE ||
			 ret == GNUTLS_E_REAUTH_REQUEST)
			return code_of(tls, (int)ret);
		else if (nr_mono_now().ns >= deadline_ns)
			wait = -ETIMEDOUT;
		if (wait < 0)
			return wait;
	}
}

ssize_t nr_tls_read(struct nr_tls *tls, void *buf, size_t n, int timeout_ms)
{
	return read_until(tls, buf, n, deadline_of(timeout_ms));
}

int nr_tls_read_full(struct nr_tls *tls, void *buf, size_t n, int timeout_ms)
{
	int64_t deadline_ns = deadline_of(timeout_ms);
	size_t done = 0;

	while (done < n) {
		ssize_t ret = read_until(tls, (uint8_t *)buf + done, n - done, deadline_ns);

		if (ret <= 0)
			return ret == 0 ? -ECONNRESET : (int)ret;
		done += (size_t)ret;
	}
	return 0;
}

int nr_tls_write(struct nr_tls *tls, const void *buf, size_t n, int timeout_ms)
{
	int64_t deadline_ns = deadline_of(timeout_ms);
	size_t done = 0;

	if (tls->broken)
		return -ECONNRESET;
	while (done < n) {
		ssize_t ret = gnutls_record_send(tls->session, (const uint8_t *)buf + done,
						 nr_min_size(n - done, RECORD_MAX));
		int wait = 0;

		if (ret >= 0) {
			done += (size_t)ret;
			continue;
		}
		if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
			wait = wait_for(tls, deadline_ns);
		else
			wait = code_of(tls, (int)ret);
		if (wait < 0) {
			tls->broken = true; /* half a record may be out */
			return wait;
		}
	}
	return 0;
}
