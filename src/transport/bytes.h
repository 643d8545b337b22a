/*
 * The byte layer of a stream, between a connection and its descriptor: as it
 * is (bytes_plain.c), or TLS. Nothing here waits: what cannot go on says for
 * which readiness of the descriptor it must be called again.
 */
#ifndef VIADUCT_TRANSPORT_BYTES_H
#define VIADUCT_TRANSPORT_BYTES_H

#include <sys/types.h>
#include <sys/uio.h>

struct conn;

/* What is returned in place of a number of bytes. */
enum {
	BYTES_WANT_READ = -1,  /* again when the descriptor is readable ... */
	BYTES_WANT_WRITE = -2, /* ... or writable */
	BYTES_END = -3,        /* the peer writes no more; it may read */
	BYTES_GONE = -4,       /* it writes no more, and takes nothing */
	BYTES_RESET = -5,      /* it is gone without a word */
	BYTES_FAILED = -6,
};

struct conn_bytes {
	/* One step of what comes before the first byte; NULL: nothing does.
	 * Returns 0 when it is done, BYTES_WANT_... or BYTES_FAILED. */
	int (*handshake)(struct conn *c);

	/* What there is, at most `max` bytes. When there may be more that the
	 * descriptor will not announce, c->has_more is set. */
	ssize_t (*read)(struct conn *c, char *to, size_t max);

	/* After BYTES_WANT_... the next call starts with the same bytes. */
	ssize_t (*write)(struct conn *c, const struct iovec *iov, size_t n);

	/* We write no more. Returns 0, BYTES_WANT_... or BYTES_FAILED. */
	int (*shutdown)(struct conn *c);

	/* The descriptor is still open. NULL: nothing to free. */
	void (*free)(struct conn *c);
};

extern const struct conn_bytes bytes_plain;
extern const struct conn_bytes bytes_tls;

#endif
