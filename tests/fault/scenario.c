#include "fault/scenario.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	RESEND_MS = 20,
	LINE_MAX_LEN = 512,
};

/* One INVITE, or other request, and what belongs to it. */
struct call {
	struct stage *stage;
	struct peer *caller;
	char uri[128], id[64], branch[64];
};

/* The stage
 * ------------------------------------------------------------------- */

static struct sockaddr_in own_address(const struct stage *s, unsigned last,
				      unsigned port)
{
	char ip[32];

	snprintf(ip, sizeof(ip), "%s%u", s->net, last);
	return address(ip, port);
}

static void write_file(const struct stage *s, const char *name,
		       const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* `%1$s` is our network, `%2$s` our directory, `%3$u` the reload's number. */
static const char conf_text[] =
	"server: { workers: 1, drain: 20ms, state: %2$s/state,\n"
	"          header: version-%3$u }\n"
	"admin: { socket: %2$s/admin.sock, http: \"%1$s1:8060\" }\n"
	"listen: [ \"udp://%1$s1:5060\", \"tcp://%1$s1:5060\" ]\n"
	"domains: { biloxi.com: { authenticate: none } }\n"
	"trust: [ %1$s2 ]\n"
	"resolver: { servers: [ \"%1$s6:5353\" ], timeout: 300ms,\n"
	"            search_timeout: 1s, hosts_file: %2$s/hosts }\n"
	"timers: { t1: 50ms, t2: 200ms, t4: 200ms }\n"
	"routes:\n"
	"- { name: bob, match: { request.user: bob },\n"
	"    forward: sip:bob@bob.test }\n"
	"- { name: tom, match: { request.user: tom },\n"
	"    forward: \"sip:tom@%1$s5;transport=tcp\" }\n"
	"- { name: both, match: { request.user: both },\n"
	"    forward: [ sip:bob@bob.test, sip:bill@%1$s4 ] }\n"
	"- { name: dead, match: { request.user: dead },\n"
	"    forward: sip:x@%1$s7 }\n"
	"- { name: refused, match: { request.user: refused },\n"
	"    forward: \"sip:x@%1$s7;transport=tcp\" }\n"
	"log: { level: debug, to: %2$s/log }\n"
	"trace: { level: full }\n";

static void write_conf(struct stage *s)
{
	char text[2048];

	s->n_headers++;
	snprintf(text, sizeof(text), conf_text, s->net, s->dir, s->n_headers);
	write_file(s, "viaduct.yaml", text);
}

static void idle(void *arg);

/* Two programs at the same time have networks of their own. */
void stage_open(struct stage *s)
{
	char hosts[64];

	memset(s, 0, sizeof(*s));
	strcpy(s->dir, "/tmp/viaduct-faults-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->conf, sizeof(s->conf), "%s/viaduct.yaml", s->dir);
	snprintf(s->net, sizeof(s->net), "127.90.%u.",
		 (unsigned)getpid() % 256);
	s->proxy = own_address(s, 1, 5060);
	peer_open_udp(&s->alice, "alice", own_address(s, 2, 5060), s->proxy);
	peer_open_udp(&s->bob, "bob", own_address(s, 3, 5060), s->proxy);
	peer_open_udp(&s->bill, "bill", own_address(s, 4, 5060), s->proxy);
	peer_open_listener(&s->tom, "tom", own_address(s, 5, 5060));
	peer_open_udp(&s->names, "names", own_address(s, 6, 5353), s->proxy);
	snprintf(hosts, sizeof(hosts), "%s3 bob.test\n", s->net);
	write_file(s, "hosts", hosts);
	write_conf(s);
	peer_idle = idle;
	peer_idle_arg = s;
}

void stage_close(struct stage *s)
{
	char command[128];

	peer_close(&s->alice);
	peer_close(&s->bob);
	peer_close(&s->bill);
	peer_close(&s->tom);
	peer_close(&s->names);
	peer_idle = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	assert_int_equal(system(command), 0);
}

/* The name server ------------------------------------------------------------
 */

enum {
	DNS_HEAD = 12,
	DNS_A = 1,
};

static size_t question_len(const unsigned char *q, size_t len)
{
	size_t at = DNS_HEAD;

	while (at < len && q[at] != 0)
		at += q[at] + 1u;
	return at + 5 - DNS_HEAD;
}

/* Every name has Bob's address and nothing else. */
static void serve_names(struct stage *s)
{
	unsigned char q[512];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(s->names.fd, q, sizeof(q) - 16, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);
	size_t len;

	if (n < DNS_HEAD)
		return;
	len = DNS_HEAD + question_len(q, (size_t)n);
	q[2] = 0x85;
	q[3] = 0x80;
	memset(q + 6, 0, 6);
	if (q[len - 3] == DNS_A) {
		static const unsigned char head[] = {0xc0, 0x0c, 0, 1, 0, 1,
						     0,    0,    0, 9, 0, 4};
		memcpy(q + len, head, sizeof(head));
		memcpy(q + len + sizeof(head), &s->bob.own.sin_addr, 4);
		len += sizeof(head) + 4;
		q[7] = 1;
	}
	sendto(s->names.fd, q, len, 0, (struct sockaddr *)&from, from_len);
}

/* UDP loses things, above all today. */
static void repeat_what_was_told(struct stage *s)
{
	long now = peer_now_ms();

	if (s->teller == NULL || now - s->told_ms < RESEND_MS)
		return;
	s->told_ms = now;
	peer_send(s->teller, s->told);
}

static void idle(void *arg)
{
	serve_names(arg);
	repeat_what_was_told(arg);
}

/* Messages -------------------------------------------------------------------
 */

/* Each line `name: value` of a message, as `as: value`. */
static void copy_fields(char *out, const char *msg, const char *name,
			const char *as)
{
	size_t len = strlen(name);
	const char *line = msg, *end;

	for (; (end = strstr(line, "\r\n")) != NULL && end > line;
	     line = end + 2) {
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		sprintf(out + strlen(out), "%s%.*s\r\n", as,
			(int)(end - line - (long)len), line + len);
	}
}

static void call_init(struct call *c, struct stage *s, struct peer *caller,
		      const char *uri)
{
	s->serial++;
	s->teller = NULL;
	c->stage = s;
	c->caller = caller;
	snprintf(c->uri, sizeof(c->uri), "%s", uri);
	snprintf(c->id, sizeof(c->id), "call-%u@%s", s->serial, s->net);
	snprintf(c->branch, sizeof(c->branch), "z9hG4bK%u", s->serial);
}

/* The caller's. answer: NULL, or the response whose To and Route it follows. */
static void tell(struct call *c, const char *method, const char *uri,
		 unsigned cseq, const struct message *answer)
{
	struct stage *s = c->stage;
	bool is_udp = c->caller == &s->alice;
	char *out = s->told;

	snprintf(out, TEXT_MAX,
		 "%s %s SIP/2.0\r\n"
		 "Via: SIP/2.0/%s %s2:5060;branch=%s\r\n"
		 "Max-Forwards: 70\r\n"
		 "From: <sip:alice@atlanta.com>;tag=a\r\n",
		 method, uri, is_udp ? "UDP" : "TCP", s->net, c->branch);
	if (answer != NULL) {
		copy_fields(out, answer->text, "To", "To");
		copy_fields(out, answer->text, "Record-Route", "Route");
	} else {
		sprintf(out + strlen(out), "To: <%s>\r\n", c->uri);
	}
	sprintf(out + strlen(out),
		"Call-ID: %s\r\nCSeq: %u %s\r\n"
		"Contact: <sip:alice@%s2>\r\nContent-Length: 0\r\n\r\n",
		c->id, cseq, method, s->net);
	s->teller = is_udp && strcmp(method, "ACK") != 0 ? c->caller : NULL;
	s->told_ms = peer_now_ms();
	peer_send(c->caller, out);
}

static void answer(struct call *c, struct peer *callee,
		   const struct message *request, const char *status)
{
	char out[TEXT_MAX] = "";

	sprintf(out, "SIP/2.0 %s Scripted\r\n", status);
	copy_fields(out, request->text, "Via", "Via");
	copy_fields(out, request->text, "Record-Route", "Record-Route");
	copy_fields(out, request->text, "From", "From");
	copy_fields(out, request->text, "To", "To");
	if (strstr(request->text, "\r\nTo: <") != NULL &&
	    strstr(out, ";tag=callee") == NULL) {
		char *end = out + strlen(out) - 2;

		sprintf(end, ";tag=callee-%s\r\n", callee->name);
	}
	copy_fields(out, request->text, "Call-ID", "Call-ID");
	copy_fields(out, request->text, "CSeq", "CSeq");
	sprintf(out + strlen(out),
		"Contact: <sip:%s@%s%u%s>\r\nContent-Length: 0\r\n\r\n",
		callee->name, c->stage->net,
		ntohl(callee->own.sin_addr.s_addr) & 255,
		callee->listen_fd >= 0 ? ";transport=tcp" : "");
	peer_send(callee, out);
}

static bool hear(struct call *c, struct peer *p, const char *start,
		 struct message *out)
{
	return peer_hear(p, start, c->id, out);
}

/* The steps ------------------------------------------------------------------
 */

static bool step_serves(struct stage *s)
{
	struct message m;
	struct call c;
	char uri[64];

	snprintf(uri, sizeof(uri), "sip:%s1", s->net);
	call_init(&c, s, &s->alice, uri);
	tell(&c, "OPTIONS", uri, 1, NULL);
	return hear(&c, c.caller, "SIP/2.0 200", &m);
}

/* From INVITE to the 200 to BYE. */
static bool whole_call(struct call *c, struct peer *callee)
{
	struct message at_callee, m, ok;
	char contact[LINE_MAX_LEN] = "", *end;

	tell(c, "INVITE", c->uri, 1, NULL);
	if (!hear(c, callee, "INVITE ", &at_callee))
		return false;
	answer(c, callee, &at_callee, "180");
	if (!hear(c, c->caller, "SIP/2.0 180", &m))
		return false;
	answer(c, callee, &at_callee, "200");
	if (!hear(c, c->caller, "SIP/2.0 200", &ok))
		return false;
	copy_fields(contact, ok.text, "Contact", "");
	end = strchr(contact, '>');
	if (end == NULL)
		return false;
	*end = '\0';
	strcat(c->branch, "a");
	tell(c, "ACK", contact + strlen(": <"), 1, &ok);
	if (!hear(c, callee, "ACK ", &m))
		return false;
	strcat(c->branch, "b");
	tell(c, "BYE", contact + strlen(": <"), 2, &ok);
	if (!hear(c, callee, "BYE ", &m))
		return false;
	answer(c, callee, &m, "200");
	return hear(c, c->caller, "SIP/2.0 200", &m);
}

static bool step_udp_call(struct stage *s)
{
	struct call c;

	call_init(&c, s, &s->alice, "sip:bob@biloxi.com");
	return whole_call(&c, &s->bob);
}

static bool step_tcp_call(struct stage *s)
{
	struct peer alice;
	struct call c;
	char ip[32];
	bool is_done;

	snprintf(ip, sizeof(ip), "%s2", s->net);
	is_done = peer_connect(&alice, "alice", ip, s->proxy);
	call_init(&c, s, &alice, "sip:tom@biloxi.com");
	if (is_done)
		is_done = whole_call(&c, &s->tom);
	s->teller = NULL;
	peer_close(&alice);
	return is_done;
}

/* Rings at two, and the caller gives up. */
static bool step_fork_with_cancel(struct stage *s)
{
	struct peer *both[] = {&s->bob, &s->bill};
	struct message at_callee[2], m;
	struct call c;

	call_init(&c, s, &s->alice, "sip:both@biloxi.com");
	tell(&c, "INVITE", c.uri, 1, NULL);
	for (int i = 0; i < 2; i++) {
		if (!hear(&c, both[i], "INVITE ", &at_callee[i]))
			return false;
		answer(&c, both[i], &at_callee[i], "180");
		if (!hear(&c, c.caller, "SIP/2.0 180", &m))
			return false;
	}
	tell(&c, "CANCEL", c.uri, 1, NULL);
	for (int i = 0; i < 2; i++) {
		if (!hear(&c, both[i], "CANCEL ", &m))
			return false;
		answer(&c, both[i], &m, "200");
		answer(&c, both[i], &at_callee[i], "487");
		if (!hear(&c, both[i], "ACK ", &m))
			return false;
	}
	if (!hear(&c, c.caller, "SIP/2.0 487", &m))
		return false;
	tell(&c, "ACK", c.uri, 1, &m);
	return true;
}

/* Each time another name, so that each is asked for. */
static bool step_call_by_name(struct stage *s)
{
	struct message m;
	struct call c;
	char uri[64];

	snprintf(uri, sizeof(uri), "sip:x@host-%u.example", s->serial);
	call_init(&c, s, &s->alice, uri);
	tell(&c, "MESSAGE", c.uri, 1, NULL);
	if (!hear(&c, &s->bob, "MESSAGE ", &m))
		return false;
	answer(&c, &s->bob, &m, "200");
	return hear(&c, c.caller, "SIP/2.0 200", &m);
}

static bool is_unavailable(struct stage *s, const char *uri)
{
	struct message m;
	struct call c;

	call_init(&c, s, &s->alice, uri);
	tell(&c, "INVITE", c.uri, 1, NULL);
	if (!hear(&c, c.caller, "SIP/2.0 5", &m))
		return false;
	tell(&c, "ACK", c.uri, 1, &m);
	return true;
}

static bool step_nobody_there(struct stage *s)
{
	return is_unavailable(s, "sip:dead@biloxi.com") &&
	       is_unavailable(s, "sip:refused@biloxi.com");
}

/* Carol's phone is Alice's. */
static bool step_register(struct stage *s)
{
	struct message m;
	struct call c;

	call_init(&c, s, &s->alice, "sip:carol@biloxi.com");
	tell(&c, "REGISTER", "sip:biloxi.com", 1, NULL);
	return hear(&c, c.caller, "SIP/2.0 200", &m) &&
	       strstr(m.text, "\r\nContact: ") != NULL;
}

static bool step_call_by_registration(struct stage *s)
{
	struct message m;
	struct call c;

	call_init(&c, s, &s->alice, "sip:carol@biloxi.com");
	tell(&c, "MESSAGE", c.uri, 1, NULL);
	if (!hear(&c, &s->alice, "MESSAGE ", &m))
		return false;
	answer(&c, &s->alice, &m, "200");
	return hear(&c, c.caller, "SIP/2.0 200", &m);
}

/* The new configuration shows in the answers. */
static bool step_reload(struct stage *s)
{
	struct message m;
	struct call c;
	struct wait w;
	char want[32];

	write_conf(s);
	snprintf(want, sizeof(want), "Server: version-%u\r\n", s->n_headers);
	kill(peer_child, SIGHUP);
	wait_begin(&w);
	do {
		call_init(&c, s, &s->alice, "sip:biloxi.com");
		tell(&c, "OPTIONS", c.uri, 1, NULL);
		if (hear(&c, c.caller, "SIP/2.0 200", &m) &&
		    strstr(m.text, want) != NULL)
			return true;
	} while (wait_goes_on(&w));
	return false;
}

const struct step steps[] = {
	{"the proxy answers", step_serves},
	{"a call over UDP", step_udp_call},
	{"a call over TCP", step_tcp_call},
	{"a fork that is cancelled", step_fork_with_cancel},
	{"a call by name", step_call_by_name},
	{"calls to where nobody is", step_nobody_there},
	{"a registration", step_register},
	{"a call by it", step_call_by_registration},
	{"a reload", step_reload},
	{"a refresh after the reload", step_register},
	{"a call over UDP after the reload", step_udp_call},
	{NULL, NULL},
};
