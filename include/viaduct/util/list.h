/* Intrusive doubly linked list. An empty head, and a node in no list, point to
 * themselves, so that list_del() may be called twice. */
#ifndef VIADUCT_UTIL_LIST_H
#define VIADUCT_UTIL_LIST_H

#include <stdbool.h>

#include "viaduct/util/str.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert(struct list *prev, struct list *n)
{
	n->prev = prev;
	n->next = prev->next;
	prev->next->prev = n;
	prev->next = n;
}

static inline void list_add(struct list *head, struct list *n)
{
	list_insert(head, n);
}

static inline void list_add_tail(struct list *head, struct list *n)
{
	list_insert(head->prev, n);
}

static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
#define LIST_FIRST(head, type, member) LIST_ENTRY((head)->next, type, member)

/* `it` and `tmp` are struct list *; the body may delete `it`. */
#define LIST_FOREACH(it, tmp, head)                                            \
	for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head);          \
	     (it) = (tmp), (tmp) = (it)->next)

#endif
