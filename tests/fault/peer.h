/*
 * Scripted peers on loopback: sockets that send what they are told and wait for
 * what is expected. Every wait ends: after five seconds, or soon when the
 * failure has been met meanwhile and the daemon may owe nothing any more.
 */
#ifndef VIADUCT_TESTS_PEER_H
#define VIADUCT_TESTS_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	TEXT_MAX = 4096,
};

struct peer {
	const char *name;
	int fd, listen_fd;      /* of a stream: fd is -1 until there is one */
	struct sockaddr_in own; /* UDP: its socket; TCP: where it listens */
	struct sockaddr_in to;  /* where it sends */
	char in[TEXT_MAX];      /* of a stream: what has come */
	size_t in_len;
};

struct message {
	char text[TEXT_MAX]; /* with a NUL */
};

struct sockaddr_in address(const char *ip, unsigned port);

void peer_open_udp(struct peer *p, const char *name, struct sockaddr_in own,
		   struct sockaddr_in to);
void peer_open_listener(struct peer *p, const char *name,
			struct sockaddr_in own);
/* A client. False: refused. */
bool peer_connect(struct peer *p, const char *name, const char *ip,
		  struct sockaddr_in to);
void peer_close(struct peer *p);

void peer_send(struct peer *p, const char *text);

/* The next message that begins with `start` and holds `id`; others are passed
 * over. */
bool peer_hear(struct peer *p, const char *start, const char *id,
	       struct message *out);

/* The failure lies behind: nothing excuses the daemon from here on. */
extern bool peer_is_patient;

/* False when it is time to stop waiting. */
struct wait {
	long began_ms, hit_ms;
};
void wait_begin(struct wait *w);
bool wait_goes_on(struct wait *w);

/* Called again and again while a peer waits; NULL: nothing. */
extern void (*peer_idle)(void *arg);
extern void *peer_idle_arg;

long peer_now_ms(void);

/* The child that is tested; a wait ends when it does. */
extern int peer_child;
bool peer_child_is_gone(void);

#endif
