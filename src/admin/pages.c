/* What is asked, and the answers. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "admin/admin_priv.h"
#include "viaduct/util/err.h"

static const char text_plain[] = "text/plain; charset=utf-8";
static const char text_metrics[] = "text/plain; version=0.0.4; charset=utf-8";

/* "[::1]:8060" is "[::1]", "localhost:8060" is "localhost". */
static struct str without_port(struct str host)
{
	size_t n = host.len;

	while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	if (n > 0 && n < host.len && host.p[n - 1] == ':' &&
	    (host.p[0] != '[' || (n > 1 && host.p[n - 2] == ']')))
		host.len = n - 1;
	return host;
}

static bool is_loopback(const union addr *a)
{
	struct addr_net net;

	if (addr_net_parse(addr_family(a) == AF_INET ? STR("127.0.0.0/8")
						     : STR("::1/128"),
			   &net) != 0)
		return false;
	return addr_net_contains(&net, a);
}

/* No name of the DNS can be made to point to a number. */
bool host_is_ours(struct str host, const union addr *addr)
{
	union addr numeric;

	host = without_port(host);
	if (str_ieq(host, STR("localhost")))
		return true;
	if (addr_parse(host, 0, &numeric) != 0)
		return false;
	return is_loopback(&numeric) || addr_is_any(addr) ||
	       addr_ip_eq(&numeric, addr);
}

/* HEAD: the same head, and nothing behind it; evhttp would send the body. */
static void send_page(struct evhttp_request *req, int status,
		      const char *reason, const char *type,
		      struct evbuffer *body)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(req);
	char length[24];

	snprintf(length, sizeof(length), "%zu", evbuffer_get_length(body));
	evhttp_add_header(head, "Content-Type", type);
	evhttp_add_header(head, "Content-Length", length);
	evhttp_add_header(head, "Connection", "close");
	evhttp_add_header(head, "Cache-Control", "no-store");
	evhttp_add_header(head, "X-Content-Type-Options", "nosniff");
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD)
		evbuffer_drain(body, evbuffer_get_length(body));
	evhttp_send_reply(req, status, reason, body);
}

static void send_text(struct evhttp_request *req, int status,
		      const char *reason, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	evbuffer_add_printf(body, "%s\n", text);
	send_page(req, status, reason, text_plain, body);
	evbuffer_free(body);
}

static void send_metrics(const struct admin_view *view, uint64_t now_ms,
			 struct evhttp_request *req)
{
	struct evbuffer *body = evbuffer_new();

	if (body != NULL && metrics_print(view, now_ms, body) == 0)
		send_page(req, 200, "OK", text_metrics, body);
	else
		send_text(req, 503, "Service Unavailable", "no memory");
	if (body != NULL)
		evbuffer_free(body);
}

static void send_health(struct evhttp_request *req, const char *why)
{
	if (why == NULL)
		send_text(req, 200, "OK", "ok");
	else
		send_text(req, 503, "Service Unavailable", why);
}

static bool is_refused(const union addr *addr, struct evhttp_request *req)
{
	struct evkeyvalq *head = evhttp_request_get_input_headers(req);
	const char *host = evhttp_find_header(head, "Host");
	int method = evhttp_request_get_command(req);

	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		evhttp_add_header(evhttp_request_get_output_headers(req),
				  "Allow", "GET, HEAD");
		send_text(req, 405, "Method Not Allowed",
			  "nothing can be changed here");
	} else if (evhttp_find_header(head, "Origin") != NULL) {
		send_text(req, 403, "Forbidden", "this is not for web pages");
	} else if (addr != NULL && host == NULL) {
		send_text(req, 400, "Bad Request", "no Host");
	} else if (addr != NULL && !host_is_ours(str_from(host), addr)) {
		send_text(req, 403, "Forbidden",
			  "ask by address: the Host is not ours");
	} else {
		return false;
	}
	return true;
}

void page_answer(const struct admin_view *view, uint64_t now_ms,
		 const union addr *addr, struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	struct str p = path != NULL ? str_from(path) : STR_NONE;

	if (is_refused(addr, req))
		return;
	if (str_eq(p, STR("/metrics")))
		send_metrics(view, now_ms, req);
	else if (str_eq(p, STR("/livez")))
		send_health(req, health_live(view, now_ms));
	else if (str_eq(p, STR("/readyz")))
		send_health(req, health_ready(view, now_ms));
	else
		send_text(req, 404, "Not Found",
			  "/metrics, /livez and /readyz are here");
}
