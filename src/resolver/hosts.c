/* The hosts file, hosts(5): an address, then its names; "#" starts a comment.
 */
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

enum {
	HOSTS_LINE_MAX = 4096,
	WHY_MAX = 256,
};

struct hosts_entry {
	struct hash_node node;
	struct list link;
	struct dns_answer *inet, *inet6;
	size_t len;
	char name[];
};

/* One line as it is read. */
struct hosts_line {
	const char *path;
	unsigned number;
	struct str rest;
	char *why;
};

static int line_fail(const struct hosts_line *line, const char *what,
		     struct str word)
{
	snprintf(line->why, WHY_MAX, "%.100s:%u: %s%s%.*s", line->path,
		 line->number, what, word.len > 0 ? ": " : "",
		 word.len < 80 ? (int)word.len : 80, word.p);
	return VD_EINVAL;
}

static struct hosts_entry *entry_find(const struct hosts *h,
				      const struct dns_key *key)
{
	/* reading moves nothing: hash_table_find() only has no const variant */
	struct hash_table *table = (struct hash_table *)&h->names;
	struct hash_node *n;

	for (n = hash_table_find(table, key->hash); n != NULL;
	     n = hash_table_next(n)) {
		struct hosts_entry *e =
			CONTAINER_OF(n, struct hosts_entry, node);

		if (dns_key_eq(key, 0, e->name, e->len))
			return e;
	}
	return NULL;
}

static void entry_free(struct mem *mem, struct hosts_entry *e)
{
	dns_answer_unref(e->inet);
	dns_answer_unref(e->inet6);
	mem_free(mem, e, sizeof(*e) + e->len);
}

static struct dns_answer *nothing_new(struct mem *mem)
{
	struct dns_answer *a = dns_answer_new(mem, 0, 0);

	if (a != NULL)
		a->err = VD_ENOENT;
	return a;
}

static struct hosts_entry *entry_new(struct hosts *h, const struct dns_key *key)
{
	struct hosts_entry *e = mem_zalloc(h->mem, sizeof(*e) + key->len);

	if (e == NULL)
		return NULL;
	e->len = key->len;
	memcpy(e->name, key->name, key->len);
	e->inet = nothing_new(h->mem);
	e->inet6 = nothing_new(h->mem);
	if (e->inet == NULL || e->inet6 == NULL) {
		entry_free(h->mem, e);
		return NULL;
	}
	hash_table_insert(&h->names, &e->node, key->hash);
	list_add(&h->entries, &e->link);
	return e;
}

/* The same answer with one address more. */
static int append(struct mem *mem, struct dns_answer **a,
		  const union addr *addr)
{
	struct dns_answer *longer;

	if ((*a)->n == RESOLVER_TARGETS_MAX)
		return VD_ELIMIT;
	longer = dns_answer_new(mem, (*a)->n + 1, 0);
	if (longer == NULL)
		return VD_ENOMEM;
	memcpy(longer->records, (*a)->records,
	       (*a)->n * sizeof((*a)->records[0]));
	longer->records[(*a)->n].addr = *addr;
	dns_answer_unref(*a);
	*a = longer;
	return 0;
}

static int name_add(struct hosts *h, const struct hosts_line *line,
		    struct str name, const union addr *addr)
{
	struct hosts_entry *e;
	struct dns_key key;
	int err;

	if (dns_key_init(&key, name, 0) != 0)
		return line_fail(line, "not a host name", name);
	e = entry_find(h, &key);
	if (e == NULL)
		e = entry_new(h, &key);
	if (e == NULL)
		return VD_ENOMEM;
	err = append(h->mem,
		     addr_family(addr) == AF_INET ? &e->inet : &e->inet6, addr);
	if (err == VD_ELIMIT)
		return line_fail(line, "more than 20 addresses for", name);
	return err;
}

/* The next word of the line; empty at its end. */
static struct str word_next(struct hosts_line *line)
{
	struct str s = str_trim(line->rest);
	size_t len = 0;

	while (len < s.len && strchr(" \t\r\n", s.p[len]) == NULL)
		len++;
	line->rest = str_skip(s, len);
	return (struct str){s.p, len};
}

static int line_read(struct hosts *h, struct hosts_line *line)
{
	struct str word = word_next(line);
	union addr addr;
	int err = 0;

	if (word.len == 0)
		return 0;
	if (addr_parse(word, 0, &addr) != 0)
		return line_fail(line, "not an address", word);
	word = word_next(line);
	if (word.len == 0)
		return line_fail(line, "an address without a name", STR(""));
	for (; word.len > 0 && err == 0; word = word_next(line))
		err = name_add(h, line, word, &addr);
	return err;
}

static int file_read(struct hosts *h, FILE *f, struct hosts_line *line)
{
	char text[HOSTS_LINE_MAX];
	int err = 0;

	while (err == 0 && fgets(text, sizeof(text), f) != NULL) {
		struct str s = str_from(text);

		line->number++;
		if (s.len == sizeof(text) - 1)
			return line_fail(line, "line too long", STR(""));
		s.len = str_find(s, '#');
		line->rest = s;
		err = line_read(h, line);
	}
	if (err == 0 && ferror(f)) {
		snprintf(line->why, WHY_MAX, "%.100s: %s", line->path,
			 strerror(errno));
		return VD_ESYS;
	}
	return err;
}

int hosts_init(struct hosts *h, struct mem *mem, const char *path,
	       char why[256])
{
	struct hosts_line line = {.path = path, .why = why};
	FILE *f;
	int err;

	h->mem = mem;
	list_init(&h->entries);
	err = hash_table_init(&h->names);
	if (err != 0 || path == NULL)
		return err;
	f = fopen(path, "re");
	if (f == NULL) {
		snprintf(why, WHY_MAX, "%.100s: %s", path, strerror(errno));
		return VD_ESYS;
	}
	err = file_read(h, f, &line);
	fclose(f);
	return err;
}

void hosts_fini(struct hosts *h)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &h->entries) {
		entry_free(h->mem, LIST_ENTRY(it, struct hosts_entry, link));
	}
	hash_table_fini(&h->names);
}

struct dns_answer *hosts_find(const struct hosts *h, struct str name, int type)
{
	struct hosts_entry *e;
	struct dns_key key;

	if (h->names.count == 0 || (type != ns_t_a && type != ns_t_aaaa) ||
	    dns_key_init(&key, name, 0) != 0)
		return NULL;
	e = entry_find(h, &key);
	if (e == NULL)
		return NULL;
	return type == ns_t_a ? e->inet : e->inet6;
}
