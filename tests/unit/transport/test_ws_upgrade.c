/* The upgrade of HTTP/1.1 to WebSocket (RFC 6455 section 4.2, RFC 7118
 * section 4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "transport/ws_upgrade.h"

#define LINE "GET / HTTP/1.1\r\n"
#define HOST "Host: biloxi.com\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define SIP "Sec-WebSocket-Protocol: sip\r\n"
#define ALL HOST UPGRADE KEY VERSION SIP
#define END "\r\n"

static const struct str phones[] = {{"https://phone.biloxi.com", 24},
				    {"http://localhost:8000", 21}};

/* The bytes lie at the end of a block of their own: reading on is seen. */
static bool read_piece(size_t *scanned, struct str text, size_t len,
		       bool is_picky, struct ws_answer *a)
{
	char *exact = test_malloc(len + 1);
	bool done;

	memcpy(exact, text.p, len);
	done = ws_upgrade_read(scanned, (struct str){exact, len}, phones,
			       is_picky ? 2 : 0, a);
	a->key = done && a->status == 101
			 ? (struct str){text.p + (a->key.p - exact), a->key.len}
			 : STR_NONE;
	test_free(exact);
	return done;
}

/* In two pieces, for every cut; then byte by byte. 0: it wants more. */
static unsigned status_of(const char *text, bool is_picky)
{
	struct str t = str_from(text);
	struct ws_answer whole, a;
	size_t scanned = 0;
	bool done = read_piece(&scanned, t, t.len, is_picky, &whole);

	for (size_t cut = 1; cut < t.len; cut++) {
		scanned = 0;
		if (!read_piece(&scanned, t, cut, is_picky, &a))
			assert_int_equal(
				read_piece(&scanned, t, t.len, is_picky, &a),
				done);
		assert_int_equal(a.status, whole.status);
	}
	scanned = 0;
	for (size_t n = 1; n <= t.len; n++)
		if (read_piece(&scanned, t, n, is_picky, &a))
			break;
	assert_int_equal(a.status, whole.status);
	assert_int_equal(a.used, whole.used);
	return done ? whole.status : 0;
}

static unsigned status(const char *text)
{
	return status_of(text, false);
}

/* RFC 6455 section 1.3 has this key and its answer. */
static void the_example_of_the_rfc_is_accepted(void **state)
{
	static const char text[] = LINE ALL END;
	char out[WS_ANSWER_MAX];
	struct ws_answer a;
	size_t scanned = 0, n;

	(void)state;
	assert_int_equal(status(text), 101);
	assert_true(ws_upgrade_read(&scanned, str_from(text), NULL, 0, &a));
	assert_int_equal(a.used, sizeof(text) - 1);
	n = ws_upgrade_print(&a, out);
	out[n] = '\0';
	assert_string_equal(
		out, "HTTP/1.1 101 Switching Protocols\r\n"
		     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		     "Sec-WebSocket-Protocol: sip\r\n"
		     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		     "\r\n");
}

static void what_follows_the_head_is_left(void **state)
{
	static const char text[] = LINE ALL END "\x81\x80more";
	struct ws_answer a;
	size_t scanned = 0;

	(void)state;
	assert_true(ws_upgrade_read(&scanned, str_from(text), NULL, 0, &a));
	assert_int_equal(a.used, sizeof(LINE ALL END) - 1);
}

static void half_a_request_wants_more(void **state)
{
	(void)state;
	assert_int_equal(status(LINE ALL), 0);
	assert_int_equal(status("G"), 0);
	assert_int_equal(status("GET / HTTP/1.1"), 0);
}

static void requests_that_are_good_in_another_way(void **state)
{
	(void)state;
	/* names in any case, values trimmed */
	assert_int_equal(
		status(LINE
		       "hOST:biloxi.com\r\nUPGRADE:  \tWebSocket "
		       "\t\r\nconnection:\tuPGRADE\r\n" KEY VERSION SIP END),
		101);
	/* lists, and several fields that make one */
	assert_int_equal(status(LINE HOST KEY VERSION SIP
				"Upgrade: h2c, , websocket\r\n"
				"Connection: keep-alive, Upgrade\r\n" END),
			 101);
	assert_int_equal(
		status(LINE HOST KEY VERSION SIP
		       "Upgrade: h2c\r\nUpgrade: websocket\r\n"
		       "Connection: keep-alive\r\nConnection: upgrade\r\n" END),
		101);
	assert_int_equal(
		status(LINE HOST UPGRADE KEY VERSION
		       "Sec-WebSocket-Protocol: xmpp, sip ,msrp\r\n" END),
		101);
	assert_int_equal(status(LINE HOST UPGRADE KEY VERSION
				"Sec-WebSocket-Protocol: msrp\r\n"
				"Sec-WebSocket-Protocol: sip\r\n" END),
			 101);
	/* any path, with a query, or the whole URI */
	assert_int_equal(status("GET /ws?a=b HTTP/1.1\r\n" ALL END), 101);
	assert_int_equal(status("GET wss://biloxi.com/ HTTP/1.1\r\n" ALL END),
			 101);
	assert_int_equal(status("GET / HTTP/1.2\r\n" ALL END), 101);
	/* extensions are offered and not taken; cookies are none of ours */
	assert_int_equal(
		status(LINE ALL
		       "Sec-WebSocket-Extensions: "
		       "permessage-deflate; client_max_window_bits\r\n"
		       "Cookie: a=\xc3\xa4\r\nContent-Length: 0\r\n" END),
		101);
}

static void what_is_no_upgrade_is_told_what_this_is(void **state)
{
	(void)state;
	assert_int_equal(status(LINE HOST END), 426);
	assert_int_equal(status(LINE HOST "Upgrade: h2c\r\n"
					  "Connection: Upgrade\r\n" END),
			 426);
	assert_int_equal(
		status(LINE HOST KEY VERSION SIP "Upgrade: websocket\r\n" END),
		426);
	assert_int_equal(
		status(LINE HOST KEY VERSION SIP "Connection: Upgrade\r\n" END),
		426);
	assert_int_equal(status(LINE HOST KEY VERSION SIP
				"Upgrade: websocket\r\n"
				"Connection: Upgrades\r\n" END),
			 426);
}

/* RFC 6455 section 4.4 */
static void other_versions_are_told_ours(void **state)
{
	(void)state;
	assert_int_equal(status(LINE HOST UPGRADE KEY SIP END), 426);
	assert_int_equal(status(LINE HOST UPGRADE KEY SIP
				"Sec-WebSocket-Version: 8\r\n" END),
			 426);
	assert_int_equal(status(LINE HOST UPGRADE KEY SIP
				"Sec-WebSocket-Version: 013\r\n" END),
			 426);
	assert_int_equal(status(LINE HOST UPGRADE KEY SIP
				"Sec-WebSocket-Version: 13, 8\r\n" END),
			 426);
}

static void an_answer_carries_what_its_status_demands(void **state)
{
	static const struct {
		unsigned status;
		const char *has;
	} rows[] = {
		{400, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"},
		{403, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n"},
		{405, "\r\nAllow: GET\r\n"},
		{426, "\r\nUpgrade: websocket\r\n"},
		{426, "\r\nSec-WebSocket-Version: 13\r\n"},
		{426, "\r\nConnection: Upgrade, close\r\n"},
		{431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
		{505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
		{505, "\r\nContent-Length: 5\r\n\r\nWhy.\n"},
	};
	char out[WS_ANSWER_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ws_answer a = {.status = rows[i].status, .why = "Why."};

		out[ws_upgrade_print(&a, out)] = '\0';
		assert_non_null(strstr(out, rows[i].has));
	}
}

static void a_head_is_answered_without_a_body(void **state)
{
	char out[WS_ANSWER_MAX + 1];
	struct ws_answer a;
	size_t scanned = 0;

	(void)state;
	assert_int_equal(status("HEAD / HTTP/1.1\r\n" HOST END), 405);
	ws_upgrade_read(&scanned, STR("HEAD / HTTP/1.1\r\n" HOST END), NULL, 0,
			&a);
	out[ws_upgrade_print(&a, out)] = '\0';
	assert_string_equal(strstr(out, "\r\n\r\n"), "\r\n\r\n");
}

static void only_get_is_known(void **state)
{
	(void)state;
	assert_int_equal(status("POST / HTTP/1.1\r\n" ALL END), 405);
	assert_int_equal(status("get / HTTP/1.1\r\n" ALL END), 405);
	assert_int_equal(status("OPTIONS * HTTP/1.1\r\n" ALL END), 400);
}

static void other_versions_of_http_are_refused(void **state)
{
	(void)state;
	assert_int_equal(status("GET / HTTP/1.0\r\n" ALL END), 505);
	assert_int_equal(status("GET / HTTP/2.0\r\n" ALL END), 505);
	assert_int_equal(status("GET / HTTP/1\r\n" ALL END), 400);
	assert_int_equal(status("GET / HTTP/1.10\r\n" ALL END), 400);
	assert_int_equal(status("GET / http/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET / SIP/2.0\r\n" ALL END), 400);
	assert_int_equal(status("GET / HTTP/x.1\r\n" ALL END), 400);
	assert_int_equal(status("GET / HTTP/1.x\r\n" ALL END), 400);
	assert_int_equal(status("GET / HTTP/1-1\r\n" ALL END), 400);
}

static void request_lines_that_are_none(void **state)
{
	(void)state;
	assert_int_equal(status("GET /\r\n" ALL END), 400);
	assert_int_equal(status("GET\r\n" ALL END), 400);
	assert_int_equal(status("GET  / HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET / HTTP/1.1 \r\n" ALL END), 400);
	assert_int_equal(status("GET / a HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET ws HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET ws:// HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET /#a HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET /\xc3\xa4 HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET /\x7f HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("G(T / HTTP/1.1\r\n" ALL END), 400);
	assert_int_equal(status("GET /\r HTTP/1.1\r\n" ALL END), 400);
}

/* TLS or nonsense where HTTP is expected is not waited for. */
static void what_cannot_begin_a_request_is_refused_at_once(void **state)
{
	(void)state;
	assert_int_equal(status("\x16\x03\x01"), 400);
	assert_int_equal(status("\r\n"), 400);
	assert_int_equal(status("\n"), 400);
	assert_int_equal(status(" GET"), 400);
	assert_int_equal(status("GET / HTTP/1.1\n"), 400);
	assert_int_equal(status(LINE "Host: a\n"), 400);
}

static void header_fields_that_are_none(void **state)
{
	(void)state;
	assert_int_equal(status(LINE ALL " folded\r\n" END), 400);
	assert_int_equal(status(LINE ALL "X: a\r\n\tfolded\r\n" END), 400);
	assert_int_equal(status(LINE ALL "X : a\r\n" END), 400);
	assert_int_equal(status(LINE ALL "X\r\n" END), 400);
	assert_int_equal(status(LINE ALL ": a\r\n" END), 400);
	assert_int_equal(status(LINE ALL "X: a\rb\r\n" END), 400);
	assert_int_equal(status(LINE ALL "X: \x01\r\n" END), 400);
	assert_int_equal(status(LINE ALL "X: \x7f\r\n" END), 400);
	assert_int_equal(status(LINE ALL "X(y): a\r\n" END), 400);
}

static void a_nul_is_refused(void **state)
{
	static const char text[] = LINE ALL "X: a\0b\r\n" END;
	struct ws_answer a;
	size_t scanned = 0;

	(void)state;
	assert_true(ws_upgrade_read(
		&scanned, (struct str){text, sizeof(text) - 1}, NULL, 0, &a));
	assert_int_equal(a.status, 400);
}

static void what_stands_once_stands_once(void **state)
{
	(void)state;
	assert_int_equal(status(LINE ALL HOST END), 400);
	assert_int_equal(status(LINE ALL KEY END), 400);
	assert_int_equal(status(LINE ALL VERSION END), 400);
	assert_int_equal(status(LINE ALL "Origin: a\r\nOrigin: a\r\n" END),
			 400);
	assert_int_equal(status(LINE ALL "Content-Length: 0\r\n"
					 "Content-Length: 0\r\n" END),
			 400);
}

static void host_and_key_must_be_there_and_good(void **state)
{
	(void)state;
	assert_int_equal(status(LINE UPGRADE KEY VERSION SIP END), 400);
	assert_int_equal(status(LINE "Host: \r\n" UPGRADE KEY VERSION SIP END),
			 400);
	assert_int_equal(status(LINE HOST UPGRADE VERSION SIP END), 400);
#define WITH_KEY(k)                                                            \
	status(LINE HOST UPGRADE VERSION SIP "Sec-WebSocket-Key: " k "\r"      \
					     "\n" END)
	assert_int_equal(WITH_KEY(""), 400);
	assert_int_equal(WITH_KEY("dGhlIHNhbXBsZSBub25jZQ="), 400);
	assert_int_equal(WITH_KEY("dGhlIHNhbXBsZSBub25jZQ==="), 400);
	assert_int_equal(WITH_KEY("dGhlIHNhbXBsZSBub25jZQA="), 400);
	assert_int_equal(WITH_KEY("dGhlIHNhbXBsZSBub25jZQAA"), 400);
	assert_int_equal(WITH_KEY("dGhlIHNhbXBsZSBub25jZ-=="), 400);
	assert_int_equal(WITH_KEY("+/09azAZxxxxxxxxxxxxxx=="), 101);
}

static void the_subprotocol_sip_must_be_offered(void **state)
{
	(void)state;
	assert_int_equal(status(LINE HOST UPGRADE KEY VERSION END), 400);
#define OFFER(o)                                                               \
	status(LINE HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: " o      \
					     "\r\n" END)
	assert_int_equal(OFFER(""), 400);
	assert_int_equal(OFFER("msrp"), 400);
	assert_int_equal(OFFER("SIP"), 400);
	assert_int_equal(OFFER("sips"), 400);
	assert_int_equal(OFFER("sip, \"xmpp\""), 400);
	assert_int_equal(OFFER("sip xmpp"), 400);
}

static void a_request_with_a_body_is_refused(void **state)
{
	(void)state;
	assert_int_equal(status(LINE ALL "Content-Length: 1\r\n" END), 400);
	assert_int_equal(status(LINE ALL "Content-Length: 00\r\n" END), 400);
	assert_int_equal(status(LINE ALL "Transfer-Encoding: chunked\r\n" END),
			 400);
}

static void origins_are_compared_whole(void **state)
{
	(void)state;
#define ORIGIN(o) status_of(LINE ALL "Origin: " o "\r\n" END, true)
	assert_int_equal(ORIGIN("https://phone.biloxi.com"), 101);
	assert_int_equal(ORIGIN("HTTPS://Phone.Biloxi.com"), 101);
	assert_int_equal(ORIGIN("http://localhost:8000"), 101);
	assert_int_equal(ORIGIN("http://phone.biloxi.com"), 403);
	assert_int_equal(ORIGIN("https://phone.biloxi.com:8443"), 403);
	assert_int_equal(ORIGIN("https://phone.biloxi.com.evil.com"), 403);
	assert_int_equal(ORIGIN("https://evil.com/https://phone.biloxi.com"),
			 403);
	assert_int_equal(ORIGIN("https://phone.biloxi.com "
				"http://localhost:8000"),
			 403);
	assert_int_equal(ORIGIN("null"), 403);
	assert_int_equal(ORIGIN(""), 403);
	assert_int_equal(status_of(LINE ALL END, true), 101);
	assert_int_equal(status(LINE ALL "Origin: https://evil.com\r\n" END),
			 101);
}

static void a_head_is_bounded_in_bytes_and_fields(void **state)
{
	static char text[2 * WS_HEAD_MAX];
	struct ws_answer a;
	size_t scanned = 0, n;

	(void)state;
	n = (size_t)sprintf(text, "%s", LINE HOST "X: ");
	memset(text + n, 'x', sizeof(text) - n);
	assert_false(ws_upgrade_read(
		&scanned, (struct str){text, WS_HEAD_MAX - 1}, NULL, 0, &a));
	assert_true(ws_upgrade_read(&scanned, (struct str){text, WS_HEAD_MAX},
				    NULL, 0, &a));
	assert_int_equal(a.status, 431);

	scanned = 0;
	n = (size_t)sprintf(text, "%s", LINE ALL);
	for (size_t i = 6; i < WS_FIELDS_MAX; i++)
		n += (size_t)sprintf(text + n, "X: %zu\r\n", i);
	strcpy(text + n, END);
	assert_int_equal(status(text), 101);
	strcpy(text + n, "X: 1\r\n" END);
	assert_int_equal(status(text), 431);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_is_accepted),
		cmocka_unit_test(what_follows_the_head_is_left),
		cmocka_unit_test(half_a_request_wants_more),
		cmocka_unit_test(requests_that_are_good_in_another_way),
		cmocka_unit_test(what_is_no_upgrade_is_told_what_this_is),
		cmocka_unit_test(other_versions_are_told_ours),
		cmocka_unit_test(an_answer_carries_what_its_status_demands),
		cmocka_unit_test(a_head_is_answered_without_a_body),
		cmocka_unit_test(only_get_is_known),
		cmocka_unit_test(other_versions_of_http_are_refused),
		cmocka_unit_test(request_lines_that_are_none),
		cmocka_unit_test(
			what_cannot_begin_a_request_is_refused_at_once),
		cmocka_unit_test(header_fields_that_are_none),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(what_stands_once_stands_once),
		cmocka_unit_test(host_and_key_must_be_there_and_good),
		cmocka_unit_test(the_subprotocol_sip_must_be_offered),
		cmocka_unit_test(a_request_with_a_body_is_refused),
		cmocka_unit_test(origins_are_compared_whole),
		cmocka_unit_test(a_head_is_bounded_in_bytes_and_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
