#include "transport/ws_upgrade.h"

#include <openssl/evp.h>

#include "viaduct/util/date.h"
#include "viaduct/util/put.h"

enum {
	KEY_LEN = 24, /* 16 bytes in base64 */
	SHA1_LEN = 20,
	ACCEPT_LEN = 28,
};

struct request {
	struct str method, target, version;
	/* Fields that stand once; p == NULL: not there. */
	struct str host, key, ws_version, origin, length;
	bool is_repeated;   /* one of them stands twice */
	bool has_encoding;  /* Transfer-Encoding: a body */
	bool is_upgrade;    /* Connection: upgrade */
	bool is_websocket;  /* Upgrade: websocket */
	bool has_sip;       /* Sec-WebSocket-Protocol: sip */
	bool has_bad_offer; /* a subprotocol whose name is none */
};

/* --- characters --- */

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_token_char(s.p[i]))
			return false;
	return s.len > 0;
}

/* What a line may hold (RFC 7230 section 3.2: VCHAR, obs-text, SP, HTAB). */
static bool is_line(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') ||
		    s.p[i] == 0x7f)
			return false;
	return true;
}

static bool is_visible(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return true;
}

static bool is_base64(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(ascii_lower(s.p[i]) >= 'a' &&
		      ascii_lower(s.p[i]) <= 'z') &&
		    s.p[i] != '+' && s.p[i] != '/')
			return false;
	return true;
}

/* --- header fields --- */

/* The next element of a comma-separated list; empty ones are passed over. */
static bool list_next(struct str *rest, struct str *element)
{
	while (rest->len > 0) {
		size_t comma = str_find(*rest, ',');

		*element = str_trim((struct str){rest->p, comma});
		*rest = str_skip(*rest, comma < rest->len ? comma + 1 : comma);
		if (element->len > 0)
			return true;
	}
	return false;
}

static bool list_has(struct str list, struct str name)
{
	struct str element;

	while (list_next(&list, &element))
		if (str_ieq(element, name))
			return true;
	return false;
}

static void take_once(struct request *r, struct str *field, struct str value)
{
	if (field->p != NULL)
		r->is_repeated = true;
	*field = value;
}

/* Names of subprotocols are compared as they are: a browser would refuse an
 * answer that differs from its offer. */
static void take_offer(struct request *r, struct str value)
{
	struct str element;

	while (list_next(&value, &element)) {
		if (!is_token(element))
			r->has_bad_offer = true;
		if (str_eq(element, STR("sip")))
			r->has_sip = true;
	}
}

static void take_field(struct request *r, struct str name, struct str value)
{
	if (str_ieq(name, STR("Host")))
		take_once(r, &r->host, value);
	else if (str_ieq(name, STR("Sec-WebSocket-Key")))
		take_once(r, &r->key, value);
	else if (str_ieq(name, STR("Sec-WebSocket-Version")))
		take_once(r, &r->ws_version, value);
	else if (str_ieq(name, STR("Origin")))
		take_once(r, &r->origin, value);
	else if (str_ieq(name, STR("Content-Length")))
		take_once(r, &r->length, value);
	else if (str_ieq(name, STR("Transfer-Encoding")))
		r->has_encoding = true;
	else if (str_ieq(name, STR("Connection")))
		r->is_upgrade |= list_has(value, STR("upgrade"));
	else if (str_ieq(name, STR("Upgrade")))
		r->is_websocket |= list_has(value, STR("websocket"));
	else if (str_ieq(name, STR("Sec-WebSocket-Protocol")))
		take_offer(r, value);
}

/* --- the head --- */

static struct str next_line(struct str *head)
{
	size_t lf = str_find(*head, '\n');
	struct str line = {head->p, lf - 1}; /* without CR LF */

	*head = str_skip(*head, lf + 1);
	return line;
}

/* A line that goes on in the next one begins with white space: no token. */
static bool parse_field(struct request *r, struct str line)
{
	size_t colon = str_find(line, ':');
	struct str name = {line.p, colon};

	if (colon == line.len || !is_token(name) || !is_line(line))
		return false;
	take_field(r, name, str_trim(str_skip(line, colon + 1)));
	return true;
}

/* METHOD SP TARGET SP HTTP/1.1 (RFC 7230 section 3.1.1) */
static bool parse_request_line(struct request *r, struct str line)
{
	size_t space = str_find(line, ' ');

	r->method = (struct str){line.p, space};
	if (space == line.len)
		return false;
	line = str_skip(line, space + 1);
	space = str_find(line, ' ');
	r->target = (struct str){line.p, space};
	if (space == line.len)
		return false;
	r->version = str_skip(line, space + 1);
	return is_token(r->method);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_http(struct str v)
{
	return v.len == 8 && str_starts(v, STR("HTTP/")) && is_digit(v.p[5]) &&
	       v.p[6] == '.' && is_digit(v.p[7]);
}

/* RFC 7230 section 5.3: a path, or the whole URI as a proxy is sent it; no
 * fragment (RFC 6455 section 3). Which path it is does not matter. */
static bool is_target(struct str t)
{
	static const struct str schemes[] = {
		{"http://", 7}, {"https://", 8}, {"ws://", 5}, {"wss://", 6}};

	if (!is_visible(t) || str_find(t, '#') != t.len)
		return false;
	if (str_starts(t, STR("/")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (t.len > schemes[i].len &&
		    str_ieq((struct str){t.p, schemes[i].len}, schemes[i]))
			return true;
	return false;
}

static bool is_key(struct str key)
{
	return key.len == KEY_LEN && is_base64((struct str){key.p, 22}) &&
	       key.p[22] == '=' && key.p[23] == '=';
}

static bool is_welcome(struct str origin, const struct str *origins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(origin, origins[i]))
			return true;
	return n == 0 || origin.p == NULL;
}

static bool has_body(const struct request *r)
{
	return r->has_encoding ||
	       (r->length.p != NULL && !str_eq(r->length, STR("0")));
}

static void refuse(struct ws_answer *a, unsigned status, const char *why)
{
	a->status = status;
	a->why = why;
}

/* What is no request of HTTP/1.1 that we could answer otherwise. */
static bool check_http(const struct request *r, struct ws_answer *a)
{
	if (!is_http(r->version) || !is_target(r->target))
		refuse(a, 400, "This is no request line of HTTP/1.1.");
	else if (r->version.p[5] != '1' || r->version.p[7] == '0')
		refuse(a, 505, "HTTP/1.1 is spoken here.");
	else if (!str_eq(r->method, STR("GET")))
		refuse(a, 405, "Only GET is known here.");
	else if (r->is_repeated)
		refuse(a, 400, "A header field stands twice.");
	else if (r->host.len == 0)
		refuse(a, 400, "Host is missing.");
	else if (has_body(r))
		refuse(a, 400, "A request for a WebSocket has no body.");
	else
		return true;
	return false;
}

/* RFC 6455 section 4.2.1 and 4.4. */
static bool check_websocket(const struct request *r, struct ws_answer *a)
{
	if (!r->is_upgrade || !r->is_websocket)
		refuse(a, 426,
		       "This is a SIP server: it speaks SIP over WebSocket "
		       "(RFC 7118).");
	else if (!str_eq(r->ws_version, STR("13")))
		refuse(a, 426, "Version 13 of WebSocket is spoken here.");
	else if (!is_key(r->key))
		refuse(a, 400, "Sec-WebSocket-Key is missing or malformed.");
	else if (r->has_bad_offer)
		refuse(a, 400, "Sec-WebSocket-Protocol is malformed.");
	else if (!r->has_sip)
		refuse(a, 400, "The subprotocol \"sip\" is not offered.");
	else
		return true;
	return false;
}

static void read_head(struct str head, const struct str *origins,
		      size_t n_origins, struct ws_answer *a)
{
	struct request r = {0};
	struct str line = next_line(&head);
	size_t n = 0;

	if (!is_line(line) || !parse_request_line(&r, line)) {
		refuse(a, 400, "This is no request of HTTP.");
		return;
	}
	a->is_head = str_eq(r.method, STR("HEAD"));
	while ((line = next_line(&head)).len > 0) {
		if (!parse_field(&r, line)) {
			refuse(a, 400, "A header field is malformed.");
			return;
		}
		if (++n > WS_FIELDS_MAX) {
			refuse(a, 431, "There are too many header fields.");
			return;
		}
	}
	if (!check_http(&r, a) || !check_websocket(&r, a))
		return;
	if (!is_welcome(r.origin, origins, n_origins)) {
		refuse(a, 403, "Pages of this origin are not welcome here.");
		return;
	}
	a->status = 101;
	a->key = r.key;
}

/* Looks at each LF once. Returns the head's length, 0: it goes on; sets `a`
 * for what will never be one. */
static size_t find_end(size_t *scanned, struct str bytes, struct ws_answer *a)
{
	size_t len = bytes.len < WS_HEAD_MAX ? bytes.len : WS_HEAD_MAX;

	while (*scanned < len) {
		size_t lf = *scanned + str_find((struct str){bytes.p + *scanned,
							     len - *scanned},
						'\n');

		if (lf == len)
			break;
		if (lf == 0 || bytes.p[lf - 1] != '\r') {
			refuse(a, 400, "A line does not end with CR LF.");
			return 0;
		}
		*scanned = lf + 1;
		if (lf >= 3 && bytes.p[lf - 2] == '\n')
			return lf + 1;
	}
	*scanned = len;
	if (len == WS_HEAD_MAX)
		refuse(a, 431, "The header fields are too large.");
	return 0;
}

bool ws_upgrade_read(size_t *scanned, struct str bytes,
		     const struct str *origins, size_t n_origins,
		     struct ws_answer *out)
{
	memset(out, 0, sizeof(*out));
	if (bytes.len == 0)
		return false;
	if (!is_token_char(bytes.p[0])) {
		refuse(out, 400, "This is no request of HTTP.");
		return true;
	}
	out->used = find_end(scanned, bytes, out);
	if (out->used > 0)
		read_head((struct str){bytes.p, out->used}, origins, n_origins,
			  out);
	return out->status != 0;
}

/* --- the answer --- */

static const struct {
	unsigned status;
	const char *reason, *fields;
} answers[] = {
	/* clang-format off */
	{ 400, "Bad Request", "Connection: close\r\n" },
	{ 403, "Forbidden", "Connection: close\r\n" },
	{ 405, "Method Not Allowed", "Allow: GET\r\nConnection: close\r\n" },
	{ 426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
				   "Connection: Upgrade, close\r\n" },
	{ 431, "Request Header Fields Too Large", "Connection: close\r\n" },
	{ 505, "HTTP Version Not Supported", "Connection: close\r\n" },
	/* clang-format on */
};

/* RFC 6455 section 4.2.2 step 5.4: base64 of SHA-1 of the key and a GUID. */
static bool put_accept(struct put *p, struct str key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_LEN + sizeof(guid) - 1];
	unsigned char hash[SHA1_LEN], base64[ACCEPT_LEN + 1];

	memcpy(text, key.p, KEY_LEN);
	memcpy(text + KEY_LEN, guid, sizeof(guid) - 1);
	if (!EVP_Digest(text, sizeof(text), hash, NULL, EVP_sha1(), NULL))
		return false;
	EVP_EncodeBlock(base64, hash, sizeof(hash));
	put_str(p, (struct str){(char *)base64, ACCEPT_LEN});
	return true;
}

static bool put_accepted(struct put *p, struct str key)
{
	put_str(p, STR("HTTP/1.1 101 Switching Protocols\r\n"
		       "Upgrade: websocket\r\n"
		       "Connection: Upgrade\r\n"
		       "Sec-WebSocket-Protocol: sip\r\n"
		       "Sec-WebSocket-Accept: "));
	if (!put_accept(p, key))
		return false;
	put_str(p, STR("\r\n\r\n"));
	return true;
}

static void put_refused(struct put *p, const struct ws_answer *a)
{
	struct str why = str_from(a->why);
	char date[DATE_LEN];
	size_t i = 0;

	while (answers[i].status != a->status)
		i++;
	put_str(p, STR("HTTP/1.1 "));
	put_uint(p, a->status);
	put_str(p, STR(" "));
	put_str(p, str_from(answers[i].reason));
	put_str(p, STR("\r\n"));
	put_str(p, str_from(answers[i].fields));
	put_str(p, STR("Date: ")); /* RFC 9110 section 6.6.1 */
	put_str(p, date_print(date));
	put_str(p, STR("\r\nContent-Type: text/plain\r\nContent-Length: "));
	put_uint(p, why.len + 1);
	put_str(p, STR("\r\n\r\n"));
	if (!a->is_head) {
		put_str(p, why);
		put_str(p, STR("\n"));
	}
}

size_t ws_upgrade_print(const struct ws_answer *a, char to[WS_ANSWER_MAX])
{
	struct put p = put_into(to, WS_ANSWER_MAX);

	if (a->status != 101)
		put_refused(&p, a);
	else if (!put_accepted(&p, a->key))
		return 0;
	return put_done(&p).len;
}
