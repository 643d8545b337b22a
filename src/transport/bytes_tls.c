/*
 * Bytes through OpenSSL, directly on the loop's watches: each call goes as far
 * as it can and says which readiness lets it go on. Any of them may have to
 * read or to write: a handshake does both, and so do key updates and tickets
 * after it, inside reading and writing.
 */
#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "transport/tls_conn.h"
#include "viaduct/util/err.h"

/* A good-bye is for both directions before TLS 1.3 (RFC 5246 section 7.2.1),
 * and for its own one since (RFC 8446 section 6.1). */
static int end_of(const SSL *ssl)
{
	return SSL_version(ssl) >= TLS1_3_VERSION ? BYTES_END : BYTES_GONE;
}

/* What `ret` of the last call on this connection means. After a failure nothing
 * may be said any more, not even good-bye. */
static int tls_meaning(struct conn *c, int ret)
{
	int reason = errno;

	switch (SSL_get_error(c->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return BYTES_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return BYTES_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return end_of(c->ssl);
	case SSL_ERROR_SYSCALL:
		SSL_set_quiet_shutdown(c->ssl, 1);
		return reason == ECONNRESET ? BYTES_RESET : BYTES_FAILED;
	default:
		SSL_set_quiet_shutdown(c->ssl, 1);
	}
	/* The end without a good-bye: messages have lengths, so what was whole
	 * stays so. */
	if (ERR_GET_REASON(ERR_peek_error()) ==
	    SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return BYTES_GONE;
	return BYTES_FAILED;
}

static bool set_server_name(SSL *ssl, const struct conn *c)
{
	union addr a;

	if (c->domain == NULL || addr_parse(str_from(c->domain), 0, &a) == 0)
		return true; /* RFC 6066: names only */
	return SSL_set_tlsext_host_name(ssl, c->domain) == 1;
}

/* Inside one call OpenSSL reads until it has data or there is nothing left: a
 * peer that sends key updates alone, and fast, would keep it for ever. The
 * descriptor stays ready, so that the next turn goes on. */
static long on_bio(BIO *bio, int what, const char *text, size_t len, int argi,
		   long argl, int ret, size_t *done)
{
	struct conn *c = (struct conn *)BIO_get_callback_arg(bio);

	(void)text;
	(void)len;
	(void)argi;
	(void)argl;
	(void)done;
	if (what != BIO_CB_READ || c->n_reads++ < READS_PER_TURN)
		return ret;
	BIO_set_retry_read(bio);
	return -1;
}

static bool set_descriptor(struct conn *c)
{
	BIO *bio;

	if (SSL_set_fd(c->ssl, c->fd) != 1)
		return false;
	bio = SSL_get_rbio(c->ssl);
	BIO_set_callback_ex(bio, on_bio);
	BIO_set_callback_arg(bio, (char *)c);
	return true;
}

/* Not before the peer has something to say, or we have: a connection that is
 * silent costs no TLS. */
static bool tls_begin(struct conn *c)
{
	SSL_CTX *context = transport_tls(c->t->set, c->flow.listener, 0);
	const struct tls_info *info;

	if (context == NULL)
		return false;
	c->ssl = SSL_new(context);
	tls_context_unref(context);
	if (c->ssl == NULL)
		return false;
	info = tls_info_of(SSL_get_SSL_CTX(c->ssl));
	if (SSL_set_app_data(c->ssl, c) != 1 || !set_descriptor(c))
		return false;
	if (c->is_accepted) {
		SSL_set_accept_state(c->ssl);
		tls_ask_client(c->ssl, info);
		return true;
	}
	SSL_set_connect_state(c->ssl);
	if (info->verify_server != TLS_SERVER_NONE)
		SSL_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
	tls_sessions_offer(c);
	return set_server_name(c->ssl, c);
}

static int tls_handshake(struct conn *c)
{
	int ret, err;

	ERR_clear_error();
	if (c->ssl == NULL && !tls_begin(c))
		return BYTES_FAILED;
	c->n_reads = 0;
	ret = SSL_do_handshake(c->ssl);
	if (ret == 1) {
		c->has_more = true; /* may have come with the last flight */
		return tls_accept_peer(c) ? 0 : BYTES_FAILED;
	}
	err = tls_meaning(c, ret);
	if (err == BYTES_WANT_READ || err == BYTES_WANT_WRITE)
		return err;
	tls_explain(c);
	return BYTES_FAILED;
}

/* Record after record, until there is none or no room. OpenSSL may hold more
 * than it gave, and that the descriptor does not tell. */
static ssize_t tls_read(struct conn *c, char *to, size_t max)
{
	size_t have = 0, n = 0;
	int why = BYTES_WANT_READ;

	ERR_clear_error();
	c->n_reads = 0;
	while (have < max) {
		if (SSL_read_ex(c->ssl, to + have, max - have, &n) != 1) {
			why = tls_meaning(c, 0);
			break;
		}
		have += n;
	}
	c->has_more = have > 0 && (have == max || why != BYTES_WANT_READ);
	return have > 0 ? (ssize_t)have : why;
}

/* As many messages as one record takes. */
static struct str gather(struct conn *c, const struct iovec *iov, size_t n)
{
	struct str all = {c->t->record, 0};

	if (n == 1 || iov[0].iov_len >= RECORD_SIZE)
		return (struct str){iov[0].iov_base, iov[0].iov_len};
	for (size_t i = 0; i < n && all.len < RECORD_SIZE; i++) {
		size_t room = RECORD_SIZE - all.len;
		size_t len = iov[i].iov_len < room ? iov[i].iov_len : room;

		memcpy(c->t->record + all.len, iov[i].iov_base, len);
		all.len += len;
	}
	return all;
}

static ssize_t tls_write(struct conn *c, const struct iovec *iov, size_t n)
{
	struct str bytes = gather(c, iov, n);
	size_t sent = 0;

	if (bytes.len == 0)
		return 0;
	ERR_clear_error();
	if (SSL_write_ex(c->ssl, bytes.p, bytes.len, &sent) == 1)
		return (ssize_t)sent;
	return tls_meaning(c, 0);
}

/* Our good-bye, and then the end. The peer's is not waited for. */
static int tls_shutdown(struct conn *c)
{
	int ret, err;

	ERR_clear_error();
	ret = SSL_shutdown(c->ssl);
	if (ret < 0) {
		err = tls_meaning(c, ret);
		if (err == BYTES_WANT_READ || err == BYTES_WANT_WRITE)
			return err;
		return BYTES_FAILED;
	}
	return shutdown(c->fd, SHUT_WR) == 0 ? 0 : BYTES_FAILED;
}

static void tls_free(struct conn *c)
{
	if (c->ssl == NULL)
		return;
	if (c->is_ready)
		SSL_shutdown(c->ssl); /* if there is room for it */
	SSL_free(c->ssl);
	c->ssl = NULL;
	ERR_clear_error();
}

const struct conn_bytes bytes_tls = {
	.handshake = tls_handshake,
	.read = tls_read,
	.write = tls_write,
	.shutdown = tls_shutdown,
	.free = tls_free,
};
