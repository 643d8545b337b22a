/*
 * Makes the n-th call of a kind fail. The program is linked with --wrap for
 * each function in inject.c, so that calls from our own code arrive there
 * first; the libraries that let their memory be replaced are asked to.
 *
 * The plan lies in memory that a child shares with its parent: the parent plays
 * the peers and sees whether the failure has been met.
 */
#ifndef VIADUCT_TESTS_INJECT_H
#define VIADUCT_TESTS_INJECT_H

#include <stdatomic.h>
#include <stdbool.h>

enum fault {
	FAULT_NONE,
	FAULT_MEMORY,  /* malloc and its like, mmap */
	FAULT_POOL,    /* a worker's mem_alloc, mem_zalloc */
	FAULT_LIBRARY, /* memory of libevent, c-ares, libyaml */
	FAULT_SEND,
	FAULT_RECEIVE,
	FAULT_ACCEPT,
	FAULT_SOCKET, /* socket, bind, listen, connect, options */
	FAULT_WATCH,  /* what a loop needs of the kernel: event_add, eventfd */
	FAULT_THREAD,
	FAULT_FILE,
	FAULT_DISK, /* what SQLite does to its files */
	N_FAULTS,
};

struct inject {
	enum fault kind;
	unsigned nth;  /* 0: none fails */
	unsigned seed; /* chooses errno */
	_Atomic bool is_hit;
	_Atomic unsigned count[N_FAULTS];
	char where[64]; /* the function that failed */
};

extern struct inject *inject;

/* Is this call the one? Then errno is set. */
bool inject_fails(enum fault kind, const char *where);

/* disk.c: from here on the files of SQLite may fail. */
void disk_begin(void);

const char *fault_name(enum fault kind);

/* In the child: from here on calls are counted and may fail; until the end. */
void inject_begin(void);
void inject_end(void);

#endif
