/* Words with a meaning: methods, transports, reason phrases. */
#include "sip_priv.h"

static const struct {
	struct str name;
	enum sip_method method;
} methods[] = {
	/* clang-format off */
	{ STR("INVITE"),    SIP_INVITE },
	{ STR("ACK"),       SIP_ACK },
	{ STR("BYE"),       SIP_BYE },
	{ STR("CANCEL"),    SIP_CANCEL },
	{ STR("OPTIONS"),   SIP_OPTIONS },
	{ STR("REGISTER"),  SIP_REGISTER },
	{ STR("SUBSCRIBE"), SIP_SUBSCRIBE },
	{ STR("NOTIFY"),    SIP_NOTIFY },
	{ STR("REFER"),     SIP_REFER },
	{ STR("MESSAGE"),   SIP_MESSAGE },
	{ STR("PUBLISH"),   SIP_PUBLISH },
	{ STR("INFO"),      SIP_INFO },
	{ STR("UPDATE"),    SIP_UPDATE },
	{ STR("PRACK"),     SIP_PRACK },
	/* clang-format on */
};

enum sip_method sip_method_parse(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].name.len == name.len &&
		    methods[i].name.p[0] == name.p[0] &&
		    str_eq(methods[i].name, name))
			return methods[i].method;
	return SIP_METHOD_OTHER;
}

const char *sip_method_name(enum sip_method m)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].method == m)
			return methods[i].name.p;
	return "other";
}

static const struct {
	struct str name;
	const char *token;
	uint16_t port;
	bool is_stream;
} transports[] = {
	/* clang-format off */
	[SIP_TRANSPORT_NONE]  = { STR(""),     "",     5060, false },
	[SIP_UDP]             = { STR("udp"),  "UDP",  5060, false },
	[SIP_TCP]             = { STR("tcp"),  "TCP",  5060, true },
	[SIP_TLS]             = { STR("tls"),  "TLS",  5061, true },
	[SIP_SCTP]            = { STR("sctp"), "SCTP", 5060, true },
	[SIP_WS]              = { STR("ws"),   "WS",   80,   true },
	[SIP_WSS]             = { STR("wss"),  "WSS",  443,  true },
	[SIP_TRANSPORT_OTHER] = { STR(""),     "",     5060, false },
	/* clang-format on */
};

enum sip_transport sip_transport_parse(struct str name)
{
	if (IS_NAME(name, "udp"))
		return SIP_UDP;
	if (IS_NAME(name, "tcp"))
		return SIP_TCP;
	for (unsigned t = SIP_TLS; t < SIP_TRANSPORT_OTHER; t++)
		if (str_ieq(name, transports[t].name))
			return (enum sip_transport)t;
	return SIP_TRANSPORT_OTHER;
}

const char *sip_transport_name(enum sip_transport t)
{
	return transports[t].name.p;
}

const char *sip_transport_token(enum sip_transport t)
{
	return transports[t].token;
}

const char *sip_transport_param(enum sip_transport t)
{
	return sip_transport_name(t == SIP_WSS ? SIP_WS : t);
}

uint16_t sip_transport_port(enum sip_transport t)
{
	return transports[t].port;
}

bool sip_transport_is_tls(enum sip_transport t)
{
	return t == SIP_TLS || t == SIP_WSS;
}

bool sip_transport_is_stream(enum sip_transport t)
{
	return transports[t].is_stream;
}

bool sip_transport_is_websocket(enum sip_transport t)
{
	return t == SIP_WS || t == SIP_WSS;
}

static const struct {
	unsigned status;
	const char *phrase;
} phrases[] = {
	/* clang-format off */
	{ 100, "Trying" },
	{ 180, "Ringing" },
	{ 181, "Call Is Being Forwarded" },
	{ 182, "Queued" },
	{ 183, "Session Progress" },
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Moved Temporarily" },
	{ 305, "Use Proxy" },
	{ 380, "Alternative Service" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 410, "Gone" },
	{ 412, "Conditional Request Failed" },
	{ 413, "Request Entity Too Large" },
	{ 414, "Request-URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Unsupported URI Scheme" },
	{ 420, "Bad Extension" },
	{ 421, "Extension Required" },
	{ 422, "Session Interval Too Small" },
	{ 423, "Interval Too Brief" },
	{ 430, "Flow Failed" },
	{ 439, "First Hop Lacks Outbound Support" },
	{ 440, "Max-Breadth Exceeded" },
	{ 480, "Temporarily Unavailable" },
	{ 481, "Call/Transaction Does Not Exist" },
	{ 482, "Loop Detected" },
	{ 483, "Too Many Hops" },
	{ 484, "Address Incomplete" },
	{ 485, "Ambiguous" },
	{ 486, "Busy Here" },
	{ 487, "Request Terminated" },
	{ 488, "Not Acceptable Here" },
	{ 489, "Bad Event" },
	{ 491, "Request Pending" },
	{ 493, "Undecipherable" },
	{ 500, "Server Internal Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Server Time-out" },
	{ 505, "Version Not Supported" },
	{ 513, "Message Too Large" },
	{ 580, "Precondition Failure" },
	{ 600, "Busy Everywhere" },
	{ 603, "Decline" },
	{ 604, "Does Not Exist Anywhere" },
	{ 606, "Not Acceptable" },
	/* clang-format on */
};

const char *sip_reason_phrase(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "";
}
