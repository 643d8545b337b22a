/* TLS for the load generator's streams: no certificate is verified, since what
 * is measured is the proxy. The handshake blocks; what follows does not. */
#include "gen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *contexts[2]; /* by enum side */

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);

	if (c == NULL)
		die(EXIT_SETUP, "no TLS");
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
				    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return c;
}

void tls_prepare(const char *pem)
{
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
	contexts[CALLER] = context_new(TLS_client_method());
	contexts[CALLEE] = context_new(TLS_server_method());
	if (pem == NULL ||
	    SSL_CTX_use_certificate_file(contexts[CALLEE], pem,
					 SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(contexts[CALLEE], pem,
					SSL_FILETYPE_PEM) != 1)
		die(EXIT_USAGE, "%s: no certificate and key for TLS",
		    pem != NULL ? pem : "--pem");
}

struct ssl_st *tls_start(enum side side, int fd)
{
	SSL *ssl = SSL_new(contexts[side]);
	int r;

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		die(EXIT_SETUP, "no TLS");
	r = side == CALLER ? SSL_connect(ssl) : SSL_accept(ssl);
	if (r != 1 && side == CALLER)
		die(EXIT_SETUP, "TLS handshake: %s",
		    ERR_reason_error_string(ERR_get_error()));
	if (r != 1) {
		ERR_clear_error();
		SSL_free(ssl);
		return NULL;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return ssl;
}

/* As send(2) and recv(2) have it. */
static ssize_t result(SSL *ssl, int n)
{
	int why;

	if (n > 0)
		return n;
	why = SSL_get_error(ssl, n);
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE
			? EAGAIN
			: ECONNRESET;
	return -1;
}

ssize_t tls_send(struct ssl_st *ssl, const char *p, size_t len)
{
	return result(ssl, SSL_write(ssl, p, (int)len));
}

ssize_t tls_recv(struct ssl_st *ssl, char *p, size_t len)
{
	return result(ssl, SSL_read(ssl, p, (int)len));
}
