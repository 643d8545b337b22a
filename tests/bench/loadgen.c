/* loadgen: plays the callers and the callees of SIP calls through one proxy,
 * over UDP, TCP and TLS, as fast as the machine allows, and checks every
 * message that the proxy hands it.
 *
 * One thread, epoll, recvmmsg/sendmmsg. A call is known by the number in its
 * Call-ID, so one array holds what both ends remember of it. Neither end ever
 * retransmits: a message that is lost shows as a failed call, one that comes
 * twice as a retransmission of the proxy. tests/bench/README.md explains the
 * options, the phases and the output. */
#include "gen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const char offer[] = "v=0\r\n"
			    "o=alice 53655765 2353687637 IN IP4 192.0.2.101\r\n"
			    "s=-\r\n"
			    "c=IN IP4 192.0.2.101\r\n"
			    "t=0 0\r\n"
			    "m=audio 49172 RTP/AVP 0 8 101\r\n"
			    "a=rtpmap:0 PCMU/8000\r\n"
			    "a=rtpmap:101 telephone-event/8000\r\n";
static const char answer[] = "v=0\r\n"
			     "o=bob 28908445 289084452 IN IP4 192.0.2.201\r\n"
			     "s=-\r\n"
			     "c=IN IP4 192.0.2.201\r\n"
			     "t=0 0\r\n"
			     "m=audio 3456 RTP/AVP 0\r\n"
			     "a=rtpmap:0 PCMU/8000\r\n";

/* ---- Calls ------------------------------------------------------------- */

void put_id(struct gen *g, struct text *t, const struct call *c)
{
	put(t, (struct str){&c->kind, 1});
	put_hex8(t, c->n);
	PUT(t, ".");
	put(t, (struct str){g->run, 8});
}

bool is_id(struct gen *g, struct str s, struct str prefix, const struct call *c)
{
	char buf[64 + ID_LEN];
	struct text t = {buf, 0};

	put(&t, prefix);
	put_id(g, &t, c);
	return str_is(s, (struct str){t.p, t.len});
}

/* Scattered, neighbours in time are no neighbours in the proxy's memory: times
 * a prime, so that each has its turn. */
uint32_t number_spread(const struct gen *g, uint32_t n)
{
	uint64_t v = n;

	if (g->o.scatter)
		v *= UINT64_C(2654435761);
	return (uint32_t)(v % g->o.phones);
}

static struct call *call_slot(struct gen *g, char kind, uint32_t n)
{
	if (g->o.scenario == REGISTER)
		return phone_call(g, n);
	return kind == HELD ? &g->held[n] : &g->ring[n & g->ring_mask];
}

uint32_t id_number(struct str call_id)
{
	uint32_t n = 0;

	if (call_id.len < 1 + ID_LEN)
		return UINT32_MAX;
	for (int i = 2; i < 10; i++) {
		int d = call_id.p[i];
		n = n << 4 | (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
	}
	return n;
}

/* The call that a Call-ID of ours names, NULL if there is none. */
static struct call *call_find(struct gen *g, struct str call_id)
{
	uint32_t n = id_number(call_id);
	struct call *c;

	if (call_id.len < 1 + ID_LEN ||
	    (call_id.p[1] == HELD && n >= g->o.hold))
		return NULL;
	c = call_slot(g, call_id.p[1], n);
	return c->kind != 0 && is_id(g, call_id, STR("c"), c) ? c : NULL;
}

void call_settle(struct gen *g, struct call *c, bool good)
{
	if (!c->pending)
		return;
	c->pending = false;
	g->has_settled = true;
	g->pending--;
	if (!good || c->bad)
		g->n.failed++;
	else if (g->phases[g->at_phase].measured)
		g->n.ok++;
}

void call_setup_done(struct gen *g, const struct call *c)
{
	uint64_t us = (g->now - c->start_ns) / 1000;

	if (!g->phases[g->at_phase].measured)
		return;
	g->setup_us[us < MAX_SETUP_US ? us : MAX_SETUP_US]++;
	g->setups++;
}

/* ---- Ports ------------------------------------------------------------- */

static void port_flush_udp(struct gen *g, struct port *p)
{
	struct mmsghdr m[N_BATCH] = {0};
	struct iovec iov[N_BATCH];
	unsigned sent = 0;

	for (unsigned i = 0; i < p->n_out; i++) {
		iov[i].iov_base = p->out + (size_t)i * MAX_MSG;
		iov[i].iov_len = p->out_lens[i];
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &g->o.proxy.sin;
		m[i].msg_hdr.msg_namelen = sizeof(g->o.proxy.sin);
	}
	while (sent < p->n_out) {
		int n = sendmmsg(p->fd, m + sent, p->n_out - sent, 0);

		if (n > 0)
			sent += (unsigned)n;
		else if (errno != EINTR && errno != ECONNREFUSED)
			die(EXIT_SETUP, "sendmmsg: %s", strerror(errno));
	}
	p->n_out = 0;
}

static ssize_t stream_send(struct port *p)
{
	if (p->ssl != NULL)
		return tls_send(p->ssl, p->out, p->out_len);
	return send(p->fd, p->out, p->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void port_flush_stream(struct port *p)
{
	ssize_t n = stream_send(p);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die(EXIT_SETUP, "send: %s", strerror(errno));
	if (n > 0) {
		p->out_len -= (size_t)n;
		memmove(p->out, p->out + n, p->out_len);
	}
}

/* Sends what a loop turn produced; a stream that takes no more stays dirty. */
static void ports_flush(struct gen *g)
{
	struct port *p = g->dirty;

	g->dirty = NULL;
	while (p != NULL) {
		struct port *next = p->next_dirty;

		if (p->kind == PORT_UDP)
			port_flush_udp(g, p);
		else if (p->fd >= 0)
			port_flush_stream(p);
		p->dirty = p->fd >= 0 && p->out_len > 0;
		if (p->dirty) {
			p->next_dirty = g->dirty;
			g->dirty = p;
		}
		p = next;
	}
}

struct text port_text(struct gen *g, struct port *p)
{
	if (p->kind == PORT_UDP) {
		if (p->n_out == N_BATCH)
			port_flush_udp(g, p);
		return (struct text){p->out + (size_t)p->n_out * MAX_MSG, 0};
	}
	if (p->out_len + MAX_MSG > STREAM_OUT)
		die(EXIT_SETUP, "the proxy does not read its TCP connection");
	return (struct text){p->out + p->out_len, 0};
}

void port_send(struct gen *g, struct port *p, const struct text *t)
{
	if (p->kind == PORT_UDP)
		p->out_lens[p->n_out++] = t->len;
	else
		p->out_len += t->len;
	g->n.messages_out++;
	if (!p->dirty) {
		p->dirty = true;
		p->next_dirty = g->dirty;
		g->dirty = p;
	}
}

static struct port *port_new(struct gen *g, int kind, enum side side, int fd)
{
	struct port *p = must_alloc(1, sizeof(*p));
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = p};

	p->kind = kind;
	p->side = side;
	p->fd = fd;
	if (kind == PORT_UDP)
		p->out = must_alloc(N_BATCH, MAX_MSG);
	if (kind == PORT_STREAM) {
		p->out = must_alloc(1, STREAM_OUT);
		p->in = must_alloc(1, STREAM_IN);
	}
	if (epoll_ctl(g->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		die(EXIT_SETUP, "epoll_ctl: %s", strerror(errno));
	return p;
}

static int socket_bound(const struct address *a, bool any_port)
{
	int type = (a->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
	int fd = socket(AF_INET, type, 0);
	struct sockaddr_in sin = a->sin;
	int on = 1, size = SOCKET_BUF;

	if (any_port)
		sin.sin_port = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!a->stream) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		die(EXIT_SETUP, "%s: %s", a->text, strerror(errno));
	return fd;
}

static struct port *stream_new(struct gen *g, enum side side, int fd)
{
	bool tls = side == CALLER ? g->o.caller.tls : g->o.callee.tls;
	struct ssl_st *ssl = tls ? tls_start(side, fd) : NULL;
	struct port *p;

	if (tls && ssl == NULL) {
		close(fd);
		return NULL;
	}
	p = port_new(g, PORT_STREAM, side, fd);
	p->ssl = ssl;
	return p;
}

static struct port *stream_connect(struct gen *g)
{
	int fd = socket_bound(&g->o.caller, true);
	struct sockaddr *to = (struct sockaddr *)&g->o.proxy.sin;
	int on = 1;

	if (connect(fd, to, sizeof(g->o.proxy.sin)) != 0)
		die(EXIT_SETUP, "connect to %s: %s", g->o.proxy.text,
		    strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return stream_new(g, CALLER, fd);
}

static void stream_accept(struct gen *g, struct port *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	int on = 1;

	if (fd < 0)
		die(EXIT_SETUP, "accept: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	stream_new(g, CALLEE, fd);
}

static void ports_open(struct gen *g)
{
	const struct options *o = &g->o;

	if (!o->caller.stream)
		g->udp[CALLER] = port_new(g, PORT_UDP, CALLER,
					  socket_bound(&o->caller, false));
	if (!o->callee.stream) {
		g->udp[CALLEE] = port_new(g, PORT_UDP, CALLEE,
					  socket_bound(&o->callee, false));
	} else {
		int fd = socket_bound(&o->callee, false);

		if (listen(fd, SOMAXCONN) != 0)
			die(EXIT_SETUP, "listen: %s", strerror(errno));
		port_new(g, PORT_LISTEN, CALLEE, fd);
	}
	if (o->caller.stream) {
		g->streams = must_alloc(o->connections, sizeof(*g->streams));
		for (unsigned i = 0; i < o->connections; i++)
			g->streams[i] = stream_connect(g);
	}
	if (o->step)
		port_new(g, PORT_CONTROL, CALLER, STDIN_FILENO);
}

/* ---- Messages out ------------------------------------------------------ */

void put_user(struct text *t, enum side side, const struct call *c)
{
	put(t, side == CALLER ? STR("sip:alice") : STR("sip:bob"));
	put_number(t, c->user);
}

void put_contact(struct gen *g, struct text *t, enum side side,
		 const struct call *c)
{
	put_user(t, side, c);
	put_z(t, g->contact_tail[side]);
}

static void put_ruri(struct gen *g, struct text *t, const struct call *c)
{
	put_z(t, g->ruri_head);
	put_number(t, c->user);
	put_z(t, g->ruri_tail);
}

void put_body(struct text *t, struct str body)
{
	if (body.len > 0)
		PUT(t, "Content-Type: application/sdp\r\n");
	PUT(t, "Content-Length: ");
	put_number(t, body.len);
	PUT(t, "\r\n\r\n");
	put(t, body);
}

void put_via_head(struct gen *g, struct text *t)
{
	PUT(t, "Via: SIP/2.0/");
	put(t, g->o.caller.tls      ? STR("TLS ")
	       : g->o.caller.stream ? STR("TCP ")
				    : STR("UDP "));
	put_z(t, g->o.caller.text);
	PUT(t, ";rport;branch=");
}

static void put_via(struct gen *g, struct text *t, char step,
		    const struct call *c)
{
	put_via_head(g, t);
	PUT(t, "z9hG4bK");
	put(t, (struct str){&step, 1});
	put_id(g, t, c);
	PUT(t, "\r\nMax-Forwards: 70\r\n");
}

/* From, To, Call-ID and CSeq. */
static void put_dialog(struct gen *g, struct text *t, const struct call *c,
		       bool to_tag, struct str cseq)
{
	PUT(t, "From: \"Alice\" <");
	put_user(t, CALLER, c);
	PUT(t, "@bench.test>;tag=f");
	put_id(g, t, c);
	PUT(t, "\r\nTo: <");
	put_ruri(g, t, c);
	if (to_tag) {
		PUT(t, ">;tag=t");
		put_id(g, t, c);
	} else {
		PUT(t, ">");
	}
	PUT(t, "\r\nCall-ID: c");
	put_id(g, t, c);
	PUT(t, "\r\nCSeq: ");
	put(t, cseq);
	PUT(t, "\r\n");
}

static void send_initial(struct gen *g, const struct call *c)
{
	struct text t = port_text(g, c->port);
	bool invite = g->o.scenario != OPTIONS || c->kind == HELD;

	put(&t, invite ? STR("INVITE ") : STR("OPTIONS "));
	put_ruri(g, &t, c);
	PUT(&t, " SIP/2.0\r\n");
	put_via(g, &t, invite ? 'i' : 'o', c);
	put_dialog(g, &t, c, false,
		   invite ? STR("1 INVITE") : STR("1 OPTIONS"));
	PUT(&t, "Contact: <");
	put_contact(g, &t, CALLER, c);
	PUT(&t, ">\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
		"Supported: replaces\r\nUser-Agent: loadgen\r\n");
	put_body(&t, invite ? STR(offer) : STR(""));
	port_send(g, c->port, &t);
}

/* An ACK or BYE inside the dialog that `m`, the 200, made (RFC 3261 12.2.1.1):
 * to the callee's Contact, Record-Route in reverse. */
static void send_in_dialog(struct gen *g, const struct call *c,
			   const struct msg *m, struct str method, char step,
			   struct str cseq)
{
	struct text t = port_text(g, c->port);

	put(&t, method);
	PUT(&t, " ");
	put_contact(g, &t, CALLEE, c);
	PUT(&t, " SIP/2.0\r\n");
	put_via(g, &t, step, c);
	for (size_t i = m->n_record_route; i-- > 0;) {
		PUT(&t, "Route: ");
		put(&t, m->record_route[i]);
		PUT(&t, "\r\n");
	}
	put_dialog(g, &t, c, true, cseq);
	PUT(&t, "User-Agent: loadgen\r\n");
	put_body(&t, STR(""));
	port_send(g, c->port, &t);
}

static void put_response(struct gen *g, struct text *t, const struct call *c,
			 const struct msg *m, struct str status,
			 struct str body)
{
	PUT(t, "SIP/2.0 ");
	put(t, status);
	PUT(t, "\r\n");
	for (size_t i = 0; i < m->n_echo; i++)
		put(t, m->echo[i]);
	PUT(t, "To: ");
	put(t, m->to);
	if (str_param(m->to, STR(";tag=")).len == 0) {
		PUT(t, ";tag=t");
		put_id(g, t, c);
	}
	PUT(t, "\r\nContact: <");
	put_contact(g, t, CALLEE, c);
	PUT(t, ">\r\nUser-Agent: loadgen\r\n");
	put_body(t, body);
}

static void send_response(struct gen *g, struct port *p, const struct call *c,
			  const struct msg *m, struct str status,
			  struct str body)
{
	struct text t = port_text(g, p);

	put_response(g, &t, c, m, status, body);
	port_send(g, p, &t);
}

/* ---- What either end does with a good message -------------------------- */

typedef void react_fn(struct gen *g, struct call *c, struct port *p,
		      const struct msg *m);

static void on_invite(struct gen *g, struct call *c, struct port *p,
		      const struct msg *m)
{
	char buf[MAX_MSG], *copy;
	struct text t = {buf, 0};

	send_response(g, p, c, m, STR("180 Ringing"), STR(""));
	if (c->kind == MEASURED) {
		send_response(g, p, c, m, STR("200 OK"), STR(answer));
		return;
	}
	put_response(g, &t, c, m, STR("200 OK"), STR(answer));
	copy = must_alloc(1, t.len);
	memcpy(copy, t.p, t.len);
	c->answer = (struct str){copy, t.len};
	c->answer_port = p;
}

static void on_request(struct gen *g, struct call *c, struct port *p,
		       const struct msg *m)
{
	send_response(g, p, c, m, STR("200 OK"), STR(""));
}

static void on_ack(struct gen *g, struct call *c, struct port *p,
		   const struct msg *m)
{
	(void)p;
	(void)m;
	if (c->seen & SEEN_BYE_200)
		call_settle(g, c, true);
}

static void on_provisional(struct gen *g, struct call *c, struct port *p,
			   const struct msg *m)
{
	(void)p;
	if (c->kind == HELD && m->status == 180)
		call_settle(g, c, true);
}

static void on_answer(struct gen *g, struct call *c, struct port *p,
		      const struct msg *m)
{
	(void)p;
	call_setup_done(g, c);
	if (!(c->seen & SEEN_100))
		g->n.without_100++;
	send_in_dialog(g, c, m, STR("ACK"), 'a', STR("1 ACK"));
	send_in_dialog(g, c, m, STR("BYE"), 'b', STR("2 BYE"));
}

static void on_bye_answer(struct gen *g, struct call *c, struct port *p,
			  const struct msg *m)
{
	(void)p;
	(void)m;
	if (c->seen & SEEN_ACK)
		call_settle(g, c, true);
}

static void on_options_answer(struct gen *g, struct call *c, struct port *p,
			      const struct msg *m)
{
	(void)p;
	(void)m;
	call_setup_done(g, c);
	call_settle(g, c, true);
}

/* ---- What is expected -------------------------------------------------- */

struct expected {
	const char *cseq;
	unsigned status; /* 0: a request, at the callee */
	enum seen seen;  /* set when it has come */
	unsigned after;  /* these must have come before */
	unsigned before; /* if one has come, this was overtaken */
	char step;       /* in our branch */
	bool to_tag, record_route, contact;
	const char *body;
	react_fn *react;
};

/* clang-format off */
static const struct expected expected[] = {
	/* cseq     status  seen      after         before                 step  tag    rr     contact body    react */
	{ "1 INVITE",  0, SEEN_INVITE,  0,            0,                   'i', false, true,  true,  offer,  on_invite },
	{ "1 ACK",     0, SEEN_ACK,     SEEN_200,     SEEN_BYE,            'a', true,  false, false, "",     on_ack },
	{ "2 BYE",     0, SEEN_BYE,     SEEN_200,     0,                   'b', true,  false, false, "",     on_request },
	{ "1 OPTIONS", 0, SEEN_OPTIONS, 0,            0,                   'o', false, false, true,  "",     on_request },
	{ "1 INVITE",  100, SEEN_100,   0,            SEEN_180 | SEEN_200, 'i', false, false, false, "",     on_provisional },
	{ "1 INVITE",  180, SEEN_180,   SEEN_INVITE,  SEEN_200,            'i', true,  true,  true,  "",     on_provisional },
	{ "1 INVITE",  200, SEEN_200,   SEEN_INVITE,  0,                   'i', true,  true,  true,  answer, on_answer },
	{ "2 BYE",     200, SEEN_BYE_200, SEEN_BYE,   0,                   'b', true,  false, true,  "",     on_bye_answer },
	{ "1 OPTIONS", 200, SEEN_200,   SEEN_OPTIONS, 0,                   'o', true,  false, true,  "",     on_options_answer },
};
/* clang-format on */

static const struct expected *expected_find(const struct msg *m)
{
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const struct expected *e = &expected[i];

		if (e->status == m->status &&
		    str_is(m->cseq, (struct str){e->cseq, strlen(e->cseq)}))
			return e;
	}
	return NULL;
}

static bool uri_is_contact(struct gen *g, struct str uri, bool angle,
			   enum side side, const struct call *c)
{
	char buf[MAX_MSG];
	struct text t = {buf, 0};

	if (angle)
		PUT(&t, "<");
	put_contact(g, &t, side, c);
	if (angle)
		PUT(&t, ">");
	return str_is(uri, (struct str){t.p, t.len});
}

static bool uri_is_ruri(struct gen *g, struct str uri, const struct call *c)
{
	char buf[MAX_MSG];
	struct text t = {buf, 0};

	put_ruri(g, &t, c);
	return str_is(uri, (struct str){t.p, t.len});
}

/* NULL, or what is wrong with what a proxy changes in a request. */
static const char *check_request(struct gen *g, const struct call *c,
				 const struct expected *e, const struct msg *m)
{
	struct str cseq_method = {m->cseq.p + 2, m->cseq.len - 2};
	unsigned long max_forwards = g->o.stateless ? 70 : 69;

	if (!str_is(m->method, cseq_method))
		return "method and CSeq differ";
	if (m->n_via != 2)
		return "not two Via values at the callee";
	if (!str_starts(str_param(m->via[0], STR(";branch=")), STR("z9hG4bK")))
		return "the proxy's Via branch has no magic cookie";
	if (m->n_route != 0)
		return "a Route is left at the callee";
	if (str_number(m->max_forwards) != max_forwards)
		return "wrong Max-Forwards at the callee";
	if (e->to_tag && !uri_is_contact(g, m->uri, false, CALLEE, c))
		return "Request-URI is not the callee's Contact";
	if (!e->to_tag && g->o.ruri == NULL && !uri_is_ruri(g, m->uri, c))
		return "Request-URI was changed";
	if (!e->to_tag && g->o.ruri != NULL &&
	    !uri_is_contact(g, m->uri, false, CALLEE, c))
		return "Request-URI is not the Contact that was registered";
	return NULL;
}

static const char *check_tags(struct gen *g, const struct call *c,
			      const struct expected *e, const struct msg *m)
{
	struct str to_tag = str_param(m->to, STR(";tag="));

	if (!is_id(g, str_param(m->from, STR(";tag=")), STR("f"), c))
		return "wrong From tag";
	if (e->to_tag && !is_id(g, to_tag, STR("t"), c))
		return "wrong To tag";
	/* RFC 3261 8.2.6.2: a 100 may carry a tag of the proxy's. */
	if (!e->to_tag && m->status != 100 && to_tag.len != 0)
		return "a To tag in an initial request";
	return NULL;
}

/* NULL, or what is wrong with `m`. */
static const char *check(struct gen *g, const struct call *c,
			 const struct port *p, const struct expected *e,
			 const struct msg *m)
{
	struct str body = {e->body, strlen(e->body)};
	size_t n_rr = e->record_route ? (size_t)g->o.record_routes : 0;
	enum side contact = e->status == 0 ? CALLER : CALLEE;
	const char *wrong;
	char branch[] = "z9hG4bK?";

	branch[7] = e->step;
	if (m->n_via == 0)
		return "no Via";
	if (!is_id(g, str_param(m->via[m->n_via - 1], STR(";branch=")),
		   (struct str){branch, 8}, c))
		return "the caller's Via branch is not the bottom one";
	if (e->status != 0 && m->n_via != 1)
		return "not one Via value at the caller";
	if (e->status != 0 && p != c->port)
		return "response on another connection than the request";
	if (e->status == 0 && (wrong = check_request(g, c, e, m)) != NULL)
		return wrong;
	if (m->n_record_route != n_rr)
		return "wrong number of Record-Route values";
	if (e->contact && !uri_is_contact(g, m->contact, true, contact, c))
		return "Contact was changed";
	if (!str_is(m->body, body))
		return "body was changed";
	if (str_number(m->content_length) != body.len)
		return "Content-Length is wrong";
	return check_tags(g, c, e, m);
}

/* ---- Messages arrive --------------------------------------------------- */

void violation(struct gen *g, const struct port *p, struct str s,
	       const char *what)
{
	const char *nl = memchr(s.p, '\r', s.len);
	int len = nl != NULL && !g->o.verbose ? (int)(nl - s.p) : (int)s.len;

	if (g->n.violations++ < MAX_SHOWN)
		fprintf(stderr, "loadgen: %s got: %.*s: %s\n",
			p->side == CALLER ? "caller" : "callee", len, s.p,
			what);
}

static bool is_in_order(struct gen *g, const struct call *c,
			const struct port *p, const struct expected *e,
			const struct msg *m)
{
	if (c->seen & e->seen) {
		g->n.retransmissions[p->side]++;
		return false;
	}
	if ((c->seen & e->after) != e->after) {
		violation(g, p, m->all, "came before its cause");
		return false;
	}
	if (c->seen & e->before)
		g->n.reordered++;
	return true;
}

static void call_arrived(struct gen *g, struct port *p, const struct msg *m)
{
	const struct expected *e = expected_find(m);
	struct call *c = call_find(g, m->call_id);
	const char *wrong;

	if (c == NULL || e == NULL ||
	    p->side != (e->status == 0 ? CALLEE : CALLER)) {
		violation(g, p, m->all,
			  c == NULL ? "no such call" : "unexpected");
		return;
	}
	if (!is_in_order(g, c, p, e, m))
		return;
	c->seen |= (uint8_t)e->seen;
	wrong = check(g, c, p, e, m);
	if (wrong != NULL) {
		violation(g, p, m->all, wrong);
		c->bad = true;
	}
	e->react(g, c, p, m);
}

static void msg_arrived(struct gen *g, struct port *p, const struct msg *m)
{
	g->n.messages_in++;
	if (g->o.scenario == REGISTER)
		phone_answered(g, p, m);
	else
		call_arrived(g, p, m);
}

static void udp_arrived(struct gen *g, struct port *p, struct str s,
			const struct sockaddr_in *from)
{
	struct msg m;

	if (from->sin_addr.s_addr != g->o.proxy.sin.sin_addr.s_addr ||
	    from->sin_port != g->o.proxy.sin.sin_port)
		violation(g, p, s, "not from the proxy's address");
	else if (msg_parse(s, false, &m) != 1)
		violation(g, p, s, "not a SIP message");
	else
		msg_arrived(g, p, &m);
}

static void udp_read(struct gen *g, struct port *p)
{
	static char bufs[N_BATCH][MAX_MSG];
	struct sockaddr_in from[N_BATCH];
	struct mmsghdr m[N_BATCH];
	struct iovec iov[N_BATCH];
	int n;

	do {
		for (int i = 0; i < N_BATCH; i++) {
			iov[i] = (struct iovec){bufs[i], MAX_MSG};
			m[i].msg_hdr = (struct msghdr){
				.msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &iov[i],
				.msg_iovlen = 1,
			};
		}
		n = recvmmsg(p->fd, m, N_BATCH, MSG_DONTWAIT, NULL);
		g->now = now_ns();
		for (int i = 0; i < n; i++)
			udp_arrived(g, p, (struct str){bufs[i], m[i].msg_len},
				    &from[i]);
	} while (n == N_BATCH);
}

static void stream_messages(struct gen *g, struct port *p)
{
	size_t at = 0;
	struct msg m;
	int r = 0;

	while (at < p->in_len) {
		struct str rest = {p->in + at, p->in_len - at};

		if (str_starts(rest, STR("\r\n"))) { /* a keep-alive */
			at += 2;
			continue;
		}
		r = msg_parse(rest, true, &m);
		if (r != 1)
			break;
		msg_arrived(g, p, &m);
		at += m.all.len;
	}
	if (r < 0)
		die(EXIT_BAD_CALLS, "no SIP on a stream: %.80s", p->in + at);
	p->in_len -= at;
	memmove(p->in, p->in + at, p->in_len);
}

static ssize_t stream_recv(struct port *p)
{
	char *to = p->in + p->in_len;
	size_t room = STREAM_IN - p->in_len;

	if (p->ssl != NULL)
		return tls_recv(p->ssl, to, room);
	return recv(p->fd, to, room, MSG_DONTWAIT);
}

/* True: there may be more. */
static bool stream_read_once(struct gen *g, struct port *p)
{
	ssize_t n = stream_recv(p);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	g->now = now_ns();
	if (n > 0) {
		p->in_len += (size_t)n;
		stream_messages(g, p);
	} else if (p->side == CALLER) {
		die(EXIT_BAD_CALLS, "the proxy closed a caller's connection");
	} else { /* its other calls fail; the proxy may connect again */
		violation(g, p, STR("end of stream"), "connection closed");
		close(p->fd);
		p->fd = -1;
	}
	return p->fd >= 0;
}

/* What TLS has read ahead, epoll does not know of. */
static void stream_read(struct gen *g, struct port *p)
{
	while (stream_read_once(g, p) && p->ssl != NULL)
		continue;
}

/* Any line on standard input ends a pause; its end ends the program. */
static void control_read(struct gen *g, struct port *p)
{
	char buf[64];

	if (read(p->fd, buf, sizeof(buf)) <= 0)
		die(EXIT_SETUP, "standard input was closed");
	g->paused = false;
}

static void port_read(struct gen *g, struct port *p)
{
	switch (p->kind) {
	case PORT_UDP:
		udp_read(g, p);
		break;
	case PORT_STREAM:
		if (p->fd >= 0)
			stream_read(g, p);
		break;
	case PORT_LISTEN:
		stream_accept(g, p);
		break;
	case PORT_CONTROL:
		control_read(g, p);
		break;
	}
}

/* ---- Phases ------------------------------------------------------------ */

static uint64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void call_start(struct gen *g, char kind, uint32_t n)
{
	bool is_phone = g->o.scenario == REGISTER;
	struct call *c = call_slot(g, kind, n);
	unsigned conn = n % g->o.connections;
	uint32_t spread = number_spread(g, n);

	*c = (struct call){.kind = kind, .pending = true};
	c->n = is_phone ? spread : n; /* a phone keeps its Call-ID */
	c->user = spread * (g->o.users / g->o.phones);
	c->start_ns = g->now;
	g->pending++;
	c->port = g->o.caller.stream ? g->streams[conn] : g->udp[CALLER];
	if (g->o.stateless)
		c->seen = SEEN_100; /* nobody sends one, nobody may */
	if (is_phone)
		phone_start(g, c);
	else
		send_initial(g, c);
}

/* The callee of a held call picks up. */
static void call_answer(struct gen *g, uint32_t n)
{
	struct call *c = &g->held[n];
	struct text t;

	c->start_ns = g->now;
	c->pending = true;
	g->pending++;
	if (c->answer.p == NULL || c->answer_port->fd < 0) {
		call_settle(g, c, false);
		return;
	}
	t = port_text(g, c->answer_port);
	put(&t, c->answer);
	port_send(g, c->answer_port, &t);
	free((void *)c->answer.p);
	c->answer = (struct str){NULL, 0};
}

static uint64_t phase_due_ns(const struct phase *f)
{
	return f->t0_ns + (uint64_t)((double)f->started / f->rate * 1e9);
}

/* May the next one start as soon as it is due? */
static bool phase_may_start(struct gen *g, const struct phase *f)
{
	uint32_t n = (uint32_t)(f->base + f->started);

	/* the first one goes alone, and makes the proxy's connection */
	if (g->pending > 0 && !g->has_settled)
		return false;
	if (f->started == f->count ||
	    (g->o.in_flight != 0 && g->pending >= g->o.in_flight))
		return false;
	/* one REGISTER of a phone at a time */
	return g->o.scenario != REGISTER || !phone_call(g, n)->pending;
}

static void phase_start_due(struct gen *g, struct phase *f)
{
	for (unsigned i = 0; i < N_BURST && phase_may_start(g, f); i++) {
		uint64_t due = phase_due_ns(f);

		if (due > g->now)
			return;
		if (f->measured && g->now - due > g->max_lag_ns)
			g->max_lag_ns = g->now - due;
		if (f->answers)
			call_answer(g, (uint32_t)(f->base + f->started));
		else
			call_start(g, f->kind,
				   (uint32_t)(f->base + f->started));
		f->started++;
	}
}

/* Calls settle nearly in the order in which they were started. */
static void phase_settle(struct gen *g, struct phase *f)
{
	uint64_t timeout_ns = (uint64_t)g->o.timeout_ms * 1000000;

	for (; f->settled < f->started; f->settled++) {
		struct call *c =
			call_slot(g, f->kind, (uint32_t)(f->base + f->settled));

		if (c->pending && g->now - c->start_ns < timeout_ns)
			return;
		call_settle(g, c, false);
	}
}

static void phase_enter(struct gen *g)
{
	struct phase *f = &g->phases[g->at_phase];

	f->t0_ns = g->now;
	if (f->measured) {
		g->run_start_ns = g->now;
		g->run_cpu_us = cpu_us();
		g->at_run = g->n;
	}
}

static void phase_leave(struct gen *g)
{
	const struct phase *f = &g->phases[g->at_phase++];

	if (f->measured) {
		g->run_end_ns = g->now;
		g->run_cpu_us = cpu_us() - g->run_cpu_us;
		g->at_run.messages_in =
			g->n.messages_in - g->at_run.messages_in;
		g->at_run.challenges = g->n.challenges - g->at_run.challenges;
		g->at_run.messages_out =
			g->n.messages_out - g->at_run.messages_out;
	}
	if (g->o.step && f->pause != NULL) {
		printf("phase=%s\n", f->pause);
		g->paused = true;
	}
}

/* Starts what is due; goes on to the next phase when all of one is over. */
static void phases_step(struct gen *g)
{
	struct phase *f = &g->phases[g->at_phase];

	if (f->t0_ns == 0)
		phase_enter(g);
	phase_start_due(g, f);
	phase_settle(g, f);
	if (f->settled == f->count)
		phase_leave(g);
}

static void phase_add(struct gen *g, struct phase f)
{
	g->phases[g->n_phases++] = f;
}

static void phases_plan(struct gen *g)
{
	const struct options *o = &g->o;
	unsigned long calls = o->scenario == OPEN ? 0 : o->calls;

	phase_add(g, (struct phase){.kind = HELD,
				    .rate = o->hold_rate,
				    .count = o->mark,
				    .pause = "mark"});
	phase_add(g, (struct phase){.kind = HELD,
				    .rate = o->hold_rate,
				    .base = o->mark,
				    .count = o->hold - o->mark,
				    .pause = "open"});
	phase_add(g, (struct phase){.kind = MEASURED,
				    .rate = o->rate,
				    .count = o->warmup,
				    .pause = "start"});
	phase_add(g, (struct phase){.kind = MEASURED,
				    .rate = o->rate,
				    .base = o->warmup,
				    .count = calls,
				    .measured = true,
				    .pause = "end"});
	phase_add(g, (struct phase){.kind = HELD,
				    .rate = o->hold_rate,
				    .count = o->hold,
				    .answers = true});
}

/* ---- The loop ---------------------------------------------------------- */

static uint64_t wait_ns(struct gen *g)
{
	struct phase *f = &g->phases[g->at_phase];
	uint64_t due = g->now + 10 * 1000 * 1000; /* look at time-outs */

	if (!g->paused && f->t0_ns == 0)
		return 0;
	if (!g->paused && phase_may_start(g, f))
		due = phase_due_ns(f);
	if (g->dirty != NULL && due > g->now + 1000 * 1000)
		due = g->now + 1000 * 1000;
	return due > g->now ? due - g->now : 0;
}

static void progress(struct gen *g)
{
	if (g->o.progress_s <= 0 || !g->phases[g->at_phase].measured ||
	    g->run_start_ns == 0)
		return;
	if (g->next_progress_ns == 0)
		g->next_progress_ns = g->run_start_ns;
	if (g->now < g->next_progress_ns)
		return;
	printf("progress=%.3f calls_ok=%lu failed=%lu\n",
	       (double)(g->now - g->run_start_ns) / 1e9, g->n.ok, g->n.failed);
	g->next_progress_ns += (uint64_t)(g->o.progress_s * 1e9);
}

static void run(struct gen *g)
{
	struct epoll_event ev[N_BATCH];

	g->now = now_ns();
	while (g->at_phase < g->n_phases) {
		uint64_t ns = wait_ns(g);
		struct timespec ts = {.tv_nsec = (long)(ns % NS_PER_S),
				      .tv_sec = (time_t)(ns / NS_PER_S)};
		int n = epoll_pwait2(g->epoll_fd, ev, N_BATCH, &ts, NULL);

		g->now = now_ns();
		for (int i = 0; i < n; i++)
			port_read(g, ev[i].data.ptr);
		if (!g->paused)
			phases_step(g);
		ports_flush(g);
		if (g->at_phase < g->n_phases)
			progress(g);
	}
}

static unsigned percentile(const struct gen *g, double p)
{
	unsigned long want = (unsigned long)((double)g->setups * p), sum = 0;
	unsigned us = 0;

	if (g->setups == 0)
		return 0;
	for (; us < MAX_SETUP_US; us++) {
		sum += g->setup_us[us];
		if (sum > want)
			break;
	}
	return us;
}

static bool report(const struct gen *g)
{
	const struct counters *n = &g->n;
	double seconds = (double)(g->run_end_ns - g->run_start_ns) / 1e9;
	unsigned long retransmissions =
		n->retransmissions[CALLER] + n->retransmissions[CALLEE];

	printf("calls_ok=%lu\nfailed=%lu\nviolations=%lu\nreordered=%lu\n",
	       n->ok, n->failed, n->violations, n->reordered);
	printf("without_100=%lu\nchallenges=%lu\n", n->without_100,
	       g->at_run.challenges);
	printf("retransmissions_caller=%lu\nretransmissions_callee=%lu\n",
	       n->retransmissions[CALLER], n->retransmissions[CALLEE]);
	printf("seconds=%.3f\nrate=%.1f\nmax_lag_us=%llu\n", seconds,
	       seconds > 0 ? (double)n->ok / seconds : 0.0,
	       (unsigned long long)(g->max_lag_ns / 1000));
	printf("setup_p50_us=%u\nsetup_p99_us=%u\n", percentile(g, 0.5),
	       percentile(g, 0.99));
	printf("messages_in=%lu\nmessages_out=%lu\n", g->at_run.messages_in,
	       g->at_run.messages_out);
	printf("generator_cpu_us=%llu\n", (unsigned long long)g->run_cpu_us);
	return n->failed + n->violations + retransmissions == 0;
}

/* ---- Options ----------------------------------------------------------- */

static const char usage[] =
	"usage: loadgen --caller TRANSPORT:ADDR:PORT --callee "
	"TRANSPORT:ADDR:PORT\n"
	"               --proxy ADDR:PORT [option...]\n"
	"  TRANSPORT         udp, tcp or tls\n"
	"  --pem FILE        with tls: certificate and key of the callee\n"
	"  --scenario call|options|open|register   what is measured (call)\n"
	"  --rate R          calls started per second (1000)\n"
	"  --calls N         how many calls (rate * seconds)\n"
	"  --seconds S       how long to start calls (5)\n"
	"  --warmup N        calls before measuring begins (0)\n"
	"  --hold N          INVITEs held open meanwhile (0)\n"
	"  --hold-rate R     opened, and ended, per second (2000)\n"
	"  --mark N          with --step: pause when N of them are open (0)\n"
	"  --users N         distinct user names at each side (1000)\n"
	"  --phones N        of them, evenly spread, that call or register "
	"(all)\n"
	"  --scatter         users have their turns in no order\n"
	"  --ruri URI        Request-URI, % is the user's number; must arrive "
	"as the\n"
	"                    callee's Contact (sip:bob%@CALLEE, unchanged)\n"
	"  --domain NAME     of the address of record; the realm (bench.test)\n"
	"  --challenge       register: forget the nonce each time\n"
	"  --connections N   TCP or TLS connections of the callers (8)\n"
	"  --timeout-ms N    after which a call has failed (4000)\n"
	"  --in-flight N     start no call while N are under way (no limit)\n"
	"  --record-routes N values expected (1; 2 where the transport "
	"changes)\n"
	"  --stateless       the proxy is a bare relay: one Via, nothing else\n"
	"  --step            stop between phases until a line is read\n"
	"  --progress S      a line every S seconds\n"
	"  --verbose         print wrong messages whole\n";

static void address_parse(const char *arg, bool with_transport,
			  struct address *a)
{
	char host[16];
	unsigned port;

	if (with_transport) {
		a->tls = strncmp(arg, "tls:", 4) == 0;
		a->stream = a->tls || strncmp(arg, "tcp:", 4) == 0;
		if (!a->stream && strncmp(arg, "udp:", 4) != 0)
			die(EXIT_USAGE, "%s: no udp:, tcp: or tls:", arg);
		arg += 4;
	}
	a->sin.sin_family = AF_INET;
	if (sscanf(arg, "%15[0-9.]:%5u", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &a->sin.sin_addr) != 1 || port > 65535)
		die(EXIT_USAGE, "%s: not an IPv4 address and port", arg);
	a->sin.sin_port = htons((uint16_t)port);
	snprintf(a->text, sizeof(a->text), "%s:%u", host, port);
}

static double number_parse(const char *arg, double min)
{
	char *end;
	double v = strtod(arg, &end);

	if (*arg == '\0' || *end != '\0' || !(v >= min && v <= 4e9))
		die(EXIT_USAGE, "%s: not a number from %g", arg, min);
	return v;
}

static int scenario_parse(const char *arg)
{
	static const char *const names[] = {[CALL] = "call",
					    [OPTIONS] = "options",
					    [OPEN] = "open",
					    [REGISTER] = "register"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(arg, names[i]) == 0)
			return (int)i;
	die(EXIT_USAGE, "%s: no such scenario", arg);
}

static const struct option long_options[] = {
	{"caller", required_argument, NULL, 'a'},
	{"callee", required_argument, NULL, 'b'},
	{"proxy", required_argument, NULL, 'p'},
	{"scenario", required_argument, NULL, 's'},
	{"rate", required_argument, NULL, 'r'},
	{"calls", required_argument, NULL, 'n'},
	{"seconds", required_argument, NULL, 't'},
	{"warmup", required_argument, NULL, 'w'},
	{"hold", required_argument, NULL, 'o'},
	{"hold-rate", required_argument, NULL, 'O'},
	{"mark", required_argument, NULL, 'm'},
	{"users", required_argument, NULL, 'u'},
	{"phones", required_argument, NULL, 'N'},
	{"scatter", no_argument, NULL, 'x'},
	{"domain", required_argument, NULL, 'd'},
	{"pem", required_argument, NULL, 'k'},
	{"challenge", no_argument, NULL, 'C'},
	{"ruri", required_argument, NULL, 'U'},
	{"connections", required_argument, NULL, 'c'},
	{"timeout-ms", required_argument, NULL, 'T'},
	{"in-flight", required_argument, NULL, 'i'},
	{"record-routes", required_argument, NULL, 'R'},
	{"stateless", no_argument, NULL, 'l'},
	{"step", no_argument, NULL, 'S'},
	{"progress", required_argument, NULL, 'P'},
	{"help", no_argument, NULL, 'h'},
	{"verbose", no_argument, NULL, 'v'},
	{NULL, 0, NULL, 0},
};

static void option_take(struct options *o, int c, const char *arg)
{
	/* clang-format off */
	switch (c) {
	case 'a': address_parse(arg, true, &o->caller); break;
	case 'b': address_parse(arg, true, &o->callee); break;
	case 'p': address_parse(arg, false, &o->proxy); break;
	case 's': o->scenario = scenario_parse(arg); break;
	case 'r': o->rate = number_parse(arg, 0.01); break;
	case 'n': o->calls = (unsigned long)number_parse(arg, 0); break;
	case 't': o->seconds = number_parse(arg, 0); break;
	case 'w': o->warmup = (unsigned long)number_parse(arg, 0); break;
	case 'o': o->hold = (unsigned long)number_parse(arg, 0); break;
	case 'O': o->hold_rate = number_parse(arg, 0.01); break;
	case 'm': o->mark = (unsigned long)number_parse(arg, 0); break;
	case 'u': o->users = (unsigned)number_parse(arg, 1); break;
	case 'N': o->phones = (unsigned)number_parse(arg, 1); break;
	case 'x': o->scatter = true; break;
	case 'd': o->domain = arg; break;
	case 'k': o->pem = arg; break;
	case 'C': o->challenge = true; break;
	case 'U': o->ruri = arg; break;
	case 'c': o->connections = (unsigned)number_parse(arg, 1); break;
	case 'T': o->timeout_ms = (unsigned)number_parse(arg, 1); break;
	case 'i': o->in_flight = (unsigned)number_parse(arg, 1); break;
	case 'R': o->record_routes = (int)number_parse(arg, 0); break;
	case 'l': o->stateless = true; break;
	case 'S': o->step = true; break;
	case 'P': o->progress_s = number_parse(arg, 0.1); break;
	case 'v': o->verbose = true; break;
	case 'h': fputs(usage, stdout); exit(EXIT_GOOD);
	default: fputs(usage, stderr); exit(EXIT_USAGE);
	}
	/* clang-format on */
}

static void options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.rate = 1000,
			      .seconds = 5,
			      .hold_rate = 2000,
			      .users = 1000,
			      .connections = 8,
			      .timeout_ms = 4000,
			      .domain = "bench.test",
			      .record_routes = -1};
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		option_take(o, c, optarg);
	if (optind != argc || o->caller.text[0] == '\0' ||
	    o->callee.text[0] == '\0' || o->proxy.text[0] == '\0')
		option_take(o, '?', NULL);
	if (o->calls == 0)
		o->calls = (unsigned long)(o->rate * o->seconds);
	if (o->phones == 0)
		o->phones = o->users;
	if (o->phones > o->users)
		die(EXIT_USAGE, "--phones is more than --users");
	if (strlen(o->domain) > 64)
		die(EXIT_USAGE, "%s: too long", o->domain);
	if (o->mark > o->hold)
		die(EXIT_USAGE, "--mark is more than --hold");
	if (o->record_routes < 0 && o->stateless)
		o->record_routes = 0;
	else if (o->record_routes < 0)
		o->record_routes =
			o->caller.stream == o->callee.stream &&
					o->caller.tls == o->callee.tls
				? 1
				: 2;
}

static void uris_prepare(struct gen *g)
{
	const struct options *o = &g->o;
	const char *transport[] = {"", ";transport=tcp", ";transport=tls"};
	const char *ruri = o->ruri != NULL ? o->ruri : "sip:bob%";
	const char *number = strchr(ruri, '%');

	if (number == NULL || strlen(ruri) >= sizeof(g->ruri_head))
		die(EXIT_USAGE, "%s: has no %% or is too long", ruri);
	snprintf(g->contact_tail[CALLER], sizeof(g->contact_tail[0]), "@%s%s",
		 o->caller.text, transport[o->caller.stream + o->caller.tls]);
	snprintf(g->contact_tail[CALLEE], sizeof(g->contact_tail[0]), "@%s%s",
		 o->callee.text, transport[o->callee.stream + o->callee.tls]);
	memcpy(g->ruri_head, ruri, (size_t)(number - ruri));
	strcpy(g->ruri_tail,
	       o->ruri != NULL ? number + 1 : g->contact_tail[CALLEE]);
}

/* The ring must outlast the oldest call that may still be waited for. */
static void calls_prepare(struct gen *g)
{
	double open = g->o.rate * g->o.timeout_ms / 1000.0 * 2;
	uint32_t size = 4096;

	while (size < open && size < UINT32_C(1) << 24)
		size *= 2;
	g->ring_mask = size - 1;
	g->ring = must_alloc(size, sizeof(*g->ring));
	g->held = must_alloc(g->o.hold + 1, sizeof(*g->held));
	g->setup_us = must_alloc(MAX_SETUP_US + 1, sizeof(*g->setup_us));
	snprintf(g->run, sizeof(g->run), "%08x",
		 (unsigned)(now_ns() / 1000) ^ (unsigned)getpid() << 16);
}

int main(int argc, char **argv)
{
	static struct gen g;

	options_parse(&g.o, argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_TIMERSLACK, 1000UL);
	g.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (g.epoll_fd < 0)
		die(EXIT_SETUP, "epoll_create1: %s", strerror(errno));
	uris_prepare(&g);
	calls_prepare(&g);
	if (g.o.scenario == REGISTER)
		phones_prepare(&g);
	if (g.o.caller.tls || g.o.callee.tls)
		tls_prepare(g.o.pem);
	ports_open(&g);
	phases_plan(&g);
	run(&g);
	return report(&g) ? EXIT_GOOD : EXIT_BAD_CALLS;
}
