/* What the tests of sip share. Texts are copied to blocks of just their size,
 * so that the sanitizer sees a look beyond the end. */
#ifndef SIP_TEST_H
#define SIP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "viaduct/sip/edit.h"
#include "viaduct/util/err.h"

enum {
	TEST_HEADERS = 64,
};

static const struct sip_limits test_limits = {
	.headers = TEST_HEADERS, .uri_size = 2048, .vias = 40};

struct parsed {
	struct sip_msg msg;
	struct sip_hdr hdrs[TEST_HEADERS + 1];
	char *bytes;
	int indexed, checked;
};

static inline struct parsed *parse_bytes(const char *p, size_t len)
{
	struct parsed *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->bytes = malloc(len + 1);
	assert_non_null(x->bytes);
	x->bytes = realloc(x->bytes, len != 0 ? len : 1);
	memcpy(x->bytes, p, len);
	x->indexed = sip_msg_index((struct str){x->bytes, len}, &test_limits,
				   x->hdrs, &x->msg);
	x->checked = sip_msg_check(&x->msg, &test_limits);
	return x;
}

static inline struct parsed *parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static inline void parsed_free(struct parsed *x)
{
	free(x->bytes);
	free(x);
}

#define assert_str(s, z)                                                       \
	do {                                                                   \
		struct str s_ = (s);                                           \
		char got_[2048];                                               \
		snprintf(got_, sizeof(got_), "%.*s", STR_FMT(s_));             \
		assert_string_equal(got_, (z));                                \
	} while (0)

/* A request of which a test changes one thing. */
#define REQUEST_LINE "INVITE sip:bob@biloxi.com SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n"
#define FROM "From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
#define TO "To: Bob <sip:bob@biloxi.com>\r\n"
#define CALL_ID "Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"
#define CSEQ "CSeq: 314159 INVITE\r\n"
#define MAX_FORWARDS "Max-Forwards: 70\r\n"
#define END "Content-Length: 0\r\n\r\n"

#endif
