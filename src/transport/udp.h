/*
 * UDP of one worker: a socket per listener. What arrives is read in batches
 * into scratch space that all sockets share; what a turn produced leaves in
 * batches at its end.
 */
#ifndef VIADUCT_TRANSPORT_UDP_H
#define VIADUCT_TRANSPORT_UDP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "transport/transport_priv.h"

enum {
	UDP_BATCH = 32,        /* datagrams per system call */
	UDP_TURN_BATCHES = 4,  /* per socket and turn, then others may */
	UDP_DATAGRAM = 65536,  /* room for the largest */
	UDP_PAYLOAD = 65507,   /* the largest that IPv4 carries */
	UDP_QUEUE = 1024,      /* datagrams that wait, per socket */
	UDP_SEND_TRIES = 4,    /* see udp_send_failed() */
	UDP_LOST = 1024,       /* that wait to be told about */
	UDP_KEEPALIVE_MAX = 4, /* CRLF CRLF, or zeros: no message is so short */
};

struct udp_out {
	struct buf *buf;
	union addr to, local;
};

/* Room for one struct in6_pktinfo, and for in_pktinfo. */
union udp_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_sock {
	struct udp *udp;
	uint16_t listener;
	int fd; /* borrowed from the set; -1: not a UDP listener */
	bool is_any;
	union addr local; /* the listener's */
	struct loop_io *io;

	struct list dirty;    /* in udp->dirty */
	struct udp_out *ring; /* UDP_QUEUE */
	uint32_t head, n;
	bool is_blocked;    /* waits for the kernel's queue */
	struct timer retry; /* when nothing tells that it has room again */
};

struct udp {
	struct transport *t;
	struct udp_sock *socks; /* one per listener of the set */
	struct list dirty;
	size_t n_lost;

	char *bytes; /* UDP_BATCH times UDP_DATAGRAM */
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_iov[UDP_BATCH], out_iov[UDP_BATCH];
	union addr in_from[UDP_BATCH];
	union udp_control in_control[UDP_BATCH], out_control[UDP_BATCH];
};

/* --- udp_out.c --- */
int udp_out_init(struct udp_sock *s);
void udp_out_fini(struct udp_sock *s);
void udp_out_ready(struct udp_sock *s);
void udp_drop_lost(struct udp *u);

/* --- udp_error.c --- */
void udp_read_errors(struct udp_sock *s);

#endif
