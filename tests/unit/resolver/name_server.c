#include "name_server.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "wire.h"

static const struct {
	const char *name;
	int type;
} types[] = {
	/* clang-format off */
	{ "A", ns_t_a }, { "AAAA", ns_t_aaaa }, { "CNAME", ns_t_cname },
	{ "SRV", ns_t_srv }, { "NAPTR", ns_t_naptr },
	/* clang-format on */
};

static int type_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	abort();
}

void name_server_add(struct name_server *s, const char *record)
{
	struct ns_record *r = &s->records[s->n_records++];
	char type[16];
	int n = 0;

	must(s->n_records <= NS_RECORDS_MAX);
	must(sscanf(record, "%255s %u %15s %n", r->name, &r->ttl_s, type, &n) ==
	     3);
	r->type = type_of(type);
	snprintf(r->rdata, sizeof(r->rdata), "%s", record + n);
}

void name_server_set_mood(struct name_server *s, const char *name, int type,
			  enum ns_mood mood)
{
	must(s->n_rules < ARRAY_LEN(s->rules));
	s->rules[s->n_rules++] = (struct ns_rule){name, type, mood};
}

static bool is_about(const char *name, int type, const char *asked_name,
		     int asked_type)
{
	return (name == NULL || strcasecmp(name, asked_name) == 0) &&
	       (type == 0 || type == asked_type);
}

size_t name_server_asked(const struct name_server *s, const char *name,
			 int type)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_queries; i++)
		n += is_about(name, type, s->queries[i].name,
			      s->queries[i].type);
	return n;
}

static enum ns_mood mood_for(const struct name_server *s,
			     const struct ns_query *q)
{
	for (size_t i = s->n_rules; i-- > 0;)
		if (is_about(s->rules[i].name, s->rules[i].type, q->name,
			     q->type))
			return s->rules[i].mood;
	return NS_HONEST;
}

static void add_record(struct wire *w, const struct ns_record *r)
{
	char a[256], b[64], c[256];
	unsigned x, y, z;

	switch (r->type) {
	case ns_t_cname:
		wire_cname(w, r->name, r->ttl_s, r->rdata);
		break;
	case ns_t_srv:
		must(sscanf(r->rdata, "%u %u %u %255s", &x, &y, &z, a) == 4);
		wire_srv(w, r->name, r->ttl_s, x, y, z, a);
		break;
	case ns_t_naptr:
		must(sscanf(r->rdata, "%u %u %255s %63s %255s", &x, &y, a, b,
			    c) == 5);
		wire_naptr(w, r->name, r->ttl_s, x, y, a, b, "", c);
		break;
	default:
		wire_address(w, r->name, r->ttl_s, r->rdata);
	}
}

/* Returns the number of records added. *is_known: the name is there. */
static size_t add_matching(const struct name_server *s, struct wire *w,
			   const char *name, int type, bool *is_known,
			   const char **alias)
{
	size_t n = 0;

	*alias = NULL;
	for (size_t i = 0; i < s->n_records; i++) {
		const struct ns_record *r = &s->records[i];

		if (strcasecmp(r->name, name) != 0)
			continue;
		*is_known = true;
		if (r->type == ns_t_cname)
			*alias = r->rdata;
		if (r->type == type || r->type == ns_t_cname) {
			add_record(w, r);
			n++;
		}
	}
	return n;
}

static void build(const struct name_server *s, const struct ns_query *q,
		  unsigned id, struct wire *w)
{
	const char *alias = q->name, *name = q->name;
	bool is_known = false;
	size_t n = 0;

	wire_start(w, id, WIRE_NOERROR, q->name, q->type);
	for (int i = 0; i < 20 && alias != NULL; i++) {
		n = add_matching(s, w, name, q->type, &is_known, &alias);
		if (alias == NULL || s->is_stub)
			break;
		name = alias;
	}
	if (n > 0)
		return;
	if (!is_known)
		w->p[3] |= ns_r_nxdomain;
	if (!s->has_no_soa)
		wire_soa(w, "com", 3600, s->negative_ttl_s);
}

/* False: no answer. */
static bool answer(struct name_server *s, const uint8_t *p, size_t len,
		   bool is_tcp, struct wire *w)
{
	struct ns_query *q = &s->queries[s->n_queries++];
	unsigned id = (unsigned)p[0] << 8 | p[1];
	int n;

	must(s->n_queries <= NS_QUERIES_MAX);
	n = dn_expand(p, p + len, p + NS_HFIXEDSZ, q->name, sizeof(q->name));
	must(n > 0);
	q->type = ns_get16(p + NS_HFIXEDSZ + n);
	s->n_tcp += is_tcp;
	switch (mood_for(s, q)) {
	case NS_SILENT:
		return false;
	case NS_SERVFAIL:
		wire_start(w, id, WIRE_SERVFAIL, q->name, q->type);
		return true;
	case NS_TRUNCATES:
		if (is_tcp)
			break;
		wire_start(w, id, WIRE_NOERROR | WIRE_TRUNCATED, q->name,
			   q->type);
		return true;
	case NS_GARBAGE:
		build(s, q, id, w);
		w->len -= 3;
		return true;
	case NS_HONEST:
		break;
	}
	build(s, q, id, w);
	return true;
}

static void on_udp(void *arg, int fd, unsigned events)
{
	struct name_server *s = arg;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	uint8_t query[1500];
	struct wire w;
	ssize_t len = recvfrom(fd, query, sizeof(query), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);

	(void)events;
	if (len > 0 && answer(s, query, (size_t)len, false, &w))
		sendto(fd, w.p, w.len, 0, (struct sockaddr *)&from, from_len);
}

static void conn_close(struct name_server *s)
{
	loop_io_del(s->conn_io);
	s->conn_io = NULL;
	if (s->conn >= 0)
		close(s->conn);
	s->conn = -1;
}

static void on_conn(void *arg, int fd, unsigned events)
{
	struct name_server *s = arg;
	uint8_t query[1500], head[2];
	struct wire w;
	ssize_t len = recv(fd, query, sizeof(query), MSG_DONTWAIT);

	(void)events;
	if (len <= 2) {
		conn_close(s);
		return;
	}
	if (!answer(s, query + 2, (size_t)len - 2, true, &w))
		return;
	head[0] = (uint8_t)(w.len >> 8);
	head[1] = (uint8_t)w.len;
	send(fd, head, 2, MSG_MORE);
	send(fd, w.p, w.len, 0);
}

static void on_listener(void *arg, int fd, unsigned events)
{
	struct name_server *s = arg;

	(void)events;
	conn_close(s);
	s->conn = accept(fd, NULL, NULL);
	must(s->conn >= 0);
	must(loop_io_add(s->loop, s->conn, LOOP_READ, on_conn, s,
			 &s->conn_io) == 0);
}

/* The same port for UDP and TCP: TCP's choice, if UDP can have it too. */
static bool sockets_open(struct name_server *s)
{
	socklen_t len = sizeof(s->addr);

	must(addr_parse(STR("127.84.1.1"), 0, &s->addr) == 0);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(s->listener >= 0 && s->udp >= 0);
	must(bind(s->listener, &s->addr.sa, len) == 0);
	must(listen(s->listener, 8) == 0);
	must(getsockname(s->listener, &s->addr.sa, &len) == 0);
	if (bind(s->udp, &s->addr.sa, len) == 0)
		return true;
	close(s->listener);
	close(s->udp);
	return false;
}

void name_server_open(struct name_server *s, struct loop *loop)
{
	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->conn = -1;
	s->negative_ttl_s = 60;
	while (!sockets_open(s))
		;
	must(loop_io_add(loop, s->udp, LOOP_READ, on_udp, s, &s->udp_io) == 0);
	must(loop_io_add(loop, s->listener, LOOP_READ, on_listener, s,
			 &s->listen_io) == 0);
}

void name_server_close(struct name_server *s)
{
	conn_close(s);
	loop_io_del(s->udp_io);
	loop_io_del(s->listen_io);
	close(s->udp);
	close(s->listener);
}
