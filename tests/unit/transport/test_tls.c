/* TLS below a connection: contexts, handshakes, reading and writing, and what
 * happens when memory ends. The peer is OpenSSL on a socket of its own. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench.h"
#include "pki.h"
#include "transport/transport_priv.h"
#include "util/fail_alloc.h"

static const char us[] = "127.83.9.1:5061";
static const char peer_ip[] = "127.83.9.9:0";
static const char server_at[] = "127.83.9.8:5061";

static struct pki pki;
static char dir[] = "/tmp/viaduct-tls-XXXXXX";
static char cert_path[64], key_path[64], ca_path[64];

static struct str name = {"test", 4};

static int make_files(void **state)
{
	X509 *cert;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(dir));
	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", dir);
	pki_init(&pki);
	cert = pki_issue(&pki, "DNS:a.test", "x", 30);
	pki_write_cert(cert_path, cert);
	pki_write_cert(ca_path, pki.ca);
	pki_write_key(key_path, pki.key);
	X509_free(cert);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	unlink(cert_path);
	unlink(key_path);
	unlink(ca_path);
	rmdir(dir);
	pki_fini(&pki);
	return 0;
}

static struct tls_entry entry(void)
{
	return (struct tls_entry){
		.name = name,
		.certificate = str_from(cert_path),
		.key = str_from(key_path),
		.ca = str_from(ca_path),
		.verify_server = TLS_SERVER_NAME,
	};
}

/* --- the bench with a TLS listener --- */

static struct tls_entry the_entry;

static void load(struct bench *b)
{
	struct conf_array entries = {&the_entry, 1};
	struct tls_fault fault;

	the_entry = entry();
	assert_int_equal(
		tls_context_load(&the_entry, &fault, &the_entry.context), 0);
	transport_set_tls(b->set, &entries);
}

static int setup_workers(void **state, unsigned n)
{
	struct bench *b = bench_new();

	b->n_workers = n;
	bench_listen(b, SIP_TLS, us);
	b->listeners[0].tls = (struct conf_array){&name, 1};
	bench_start(b);
	load(b);
	*state = b;
	return 0;
}

static int setup(void **state)
{
	return setup_workers(state, 1);
}

static int setup_two(void **state)
{
	return setup_workers(state, 2);
}

static int teardown(void **state)
{
	bench_free(*state);
	tls_context_unref(the_entry.context);
	return 0;
}

/* --- a peer --- */

struct peer {
	struct bench *b;
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static void peer_init(struct peer *p, struct bench *b, int fd, bool is_server)
{
	p->b = b;
	p->fd = fd;
	p->ctx = SSL_CTX_new(TLS_method());
	assert_non_null(p->ctx);
	if (is_server) {
		assert_int_equal(SSL_CTX_use_certificate_file(p->ctx, cert_path,
							      SSL_FILETYPE_PEM),
				 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(p->ctx, key_path,
							     SSL_FILETYPE_PEM),
				 1);
	}
	p->ssl = SSL_new(p->ctx);
	SSL_set_fd(p->ssl, fd);
	if (is_server)
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
}

static void peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	close(p->fd);
}

static bool wants_more(struct peer *p, int ret)
{
	int why = SSL_get_error(p->ssl, ret);

	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static void peer_shake(struct peer *p)
{
	int ret;

	bench_until(p->b, (ret = SSL_do_handshake(p->ssl)) == 1 ||
				  !wants_more(p, ret));
	assert_int_equal(ret, 1);
}

static void peer_connected(struct peer *p, struct bench *b)
{
	peer_init(p, b, peer_connect(peer_ip, us), false);
	peer_shake(p);
}

static void peer_say(struct peer *p, struct str s)
{
	size_t sent = 0, n = 0;

	while (sent < s.len) {
		bench_until(p->b, SSL_write_ex(p->ssl, s.p + sent, s.len - sent,
					       &n) == 1);
		sent += n;
	}
}

static size_t peer_hear(struct peer *p, char *out, size_t len)
{
	size_t have = 0, n = 0;

	while (have < len) {
		bench_until(p->b, SSL_read_ex(p->ssl, out + have, len - have,
					      &n) == 1);
		have += n;
	}
	return have;
}

/* --- reading and writing --- */

static void messages_pass_both_ways(void **state)
{
	struct bench *b = *state;
	char text[64];
	struct peer p;

	b->answer = STR("SIP/2.0 200 OK\r\nl: 0\r\n\r\n");
	peer_connected(&p, b);
	peer_say(&p, STR(MESSAGE));
	peer_hear(&p, text, b->answer.len);
	assert_memory_equal(text, b->answer.p, b->answer.len);
	assert_int_equal(b->w[0].n_messages, 1);
	assert_int_equal(b->w[0].from.transport, SIP_TLS);
	assert_int_equal(b->w[0].from.identity, 0);
	peer_close(&p);
	bench_until(b, b->w[0].n_closed == 1);
}

/* More than one read takes: what OpenSSL holds back, no descriptor tells. */
static void what_openssl_holds_is_read_in_the_next_turn(void **state)
{
	enum { N = 5000 };
	struct bench *b = *state;
	char *all = malloc(N * (sizeof(MESSAGE) - 1));
	struct peer p;

	assert_non_null(all);
	for (size_t i = 0; i < N; i++)
		memcpy(all + i * (sizeof(MESSAGE) - 1), MESSAGE,
		       sizeof(MESSAGE) - 1);
	peer_connected(&p, b);
	peer_say(&p, (struct str){all, N * (sizeof(MESSAGE) - 1)});
	bench_until(b, b->w[0].n_messages == N);
	peer_close(&p);
	free(all);
}

/* One byte a record. */
static void a_message_may_come_in_many_records(void **state)
{
	struct bench *b = *state;
	struct peer p;

	peer_connected(&p, b);
	for (size_t i = 0; i < sizeof(MESSAGE) - 1; i++)
		peer_say(&p, (struct str){&MESSAGE[i], 1});
	bench_until(b, b->w[0].n_messages == 1);
	peer_close(&p);
}

/* A peer that does not read for a while gets all of it, in order. */
static void what_blocks_goes_on_where_it_was(void **state)
{
	enum { LEN = 60000, N = 40 };
	struct bench *b = *state;
	static char text[LEN], heard[LEN];
	struct hop back;
	struct peer p;

	b->limits.output_queue = LEN * N * 2;
	bench_set_limits(b);
	peer_connected(&p, b);
	peer_say(&p, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	back = hop_back(&b->w[0].from);
	for (int i = 0; i < N; i++) {
		memset(text, 'a' + i % 26, LEN);
		assert_int_equal(
			bench_send(b, 0, &back, (struct str){text, LEN}, NULL),
			0);
		bench_turn(b);
	}
	for (int i = 0; i < N; i++) {
		peer_hear(&p, heard, LEN);
		memset(text, 'a' + i % 26, LEN);
		assert_memory_equal(heard, text, LEN);
	}
	peer_close(&p);
}

static void a_key_update_is_answered(void **state)
{
	struct bench *b = *state;
	char text[64];
	struct peer p;

	b->answer = STR("SIP/2.0 200 OK\r\nl: 0\r\n\r\n");
	peer_connected(&p, b);
	assert_int_equal(SSL_version(p.ssl), TLS1_3_VERSION);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		peer_say(&p, STR(MESSAGE));
		peer_hear(&p, text, b->answer.len);
	}
	assert_int_equal(b->w[0].n_messages, 3);
	peer_close(&p);
}

/* OpenSSL reads on for as long as nothing but key updates comes; the others
 * have their turn all the same. */
static void a_flood_of_key_updates_takes_turns(void **state)
{
	enum { N = 12000 };
	struct bench *b = *state;
	int size = 1 << 20;
	unsigned n_turns = 0;
	struct peer p;

	peer_connected(&p, b);
	bench_settle(b);
	setsockopt(p.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (int i = 0; i < N; i++) {
		SSL_key_update(p.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
		assert_int_equal(SSL_do_handshake(p.ssl), 1);
	}
	assert_int_equal(SSL_write(p.ssl, MESSAGE, (int)(sizeof(MESSAGE) - 1)),
			 sizeof(MESSAGE) - 1);
	bench_until(b, n_turns++ == UINT_MAX || b->w[0].n_messages == 1);
	assert_in_range(n_turns, 4, UINT_MAX);
	peer_close(&p);
}

/* --- the end --- */

static void our_end_says_goodbye(void **state)
{
	struct bench *b = *state;
	struct peer p;
	char byte;
	int ret;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	peer_connected(&p, b);
	bench_until(b, (ret = SSL_read(p.ssl, &byte, 1)) <= 0 &&
			       !wants_more(&p, ret));
	assert_int_equal(SSL_get_error(p.ssl, ret), SSL_ERROR_ZERO_RETURN);
	peer_close(&p);
}

static void a_handshake_meets_its_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	int fd;

	b->limits.handshake_timeout_ms = 200;
	bench_set_limits(b);
	fd = peer_connect(peer_ip, us);
	bench_until(b, transport_n_connections(b->set) == 1);
	/* a hello that promises 512 bytes, then drips */
	peer_write(fd, STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"));
	for (int i = 0; transport_n_connections(b->set) == 1; i++) {
		assert_true(bench_now_ms() - start < BENCH_WAIT_MS);
		if (i < 400)
			send(fd, "\x01", 1, MSG_NOSIGNAL);
		bench_turn(b);
	}
	assert_true(bench_now_ms() - start >= 200);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 1);
	assert_int_equal(b->w[0].n_messages, 0);
	close(fd);
}

static void what_is_no_tls_fails_at_once(void **state)
{
	struct bench *b = *state;
	int fd = peer_connect(peer_ip, us);

	bench_until(b, transport_n_connections(b->set) == 1);
	peer_write(fd, STR(MESSAGE MESSAGE));
	bench_until(b, transport_n_connections(b->set) == 0);
	assert_int_equal(bench_stat(b, STAT_handshakes_failed), 1);
	assert_int_equal(b->w[0].n_messages, 0);
	close(fd);
}

/* So many steps in a turn, and nobody is forgotten. */
static void many_handshakes_take_turns(void **state)
{
	enum { N = 3 * HANDSHAKES_PER_TURN };
	struct bench *b = *state;
	struct peer p[N];

	for (size_t i = 0; i < N; i++) {
		peer_init(&p[i], b, peer_connect(peer_ip, us), false);
		SSL_do_handshake(p[i].ssl); /* the hello is on its way */
	}
	bench_until(b, transport_n_connections(b->set) == N);
	for (size_t i = 0; i < N; i++)
		peer_shake(&p[i]);
	bench_until(b, bench_stat(b, STAT_connections_opened) == N);
	for (size_t i = 0; i < N; i++)
		peer_close(&p[i]);
}

/* A client's good-bye. */
static void say_goodbye(struct peer *p, struct bench *b, int version)
{
	peer_init(p, b, peer_connect(peer_ip, us), false);
	SSL_set_max_proto_version(p->ssl, version);
	peer_shake(p);
	peer_say(p, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	transport_hold(b->set, b->w[0].from.conn);
	SSL_shutdown(p->ssl);
	bench_until(b, b->w[0].n_closed == 1);
}

/* RFC 8446 section 6.1 */
static void answers_leave_after_the_goodbye_of_tls_1_3(void **state)
{
	static const char answer[] = "SIP/2.0 200 OK\r\nl: 0\r\n\r\n";
	struct bench *b = *state;
	char text[sizeof(answer)];
	struct hop to;
	struct peer p;

	say_goodbye(&p, b, TLS1_3_VERSION);
	to = hop_back(&b->w[0].from);
	to.only_conn = true;
	assert_int_equal(bench_send(b, 0, &to, STR(answer), NULL), 0);
	transport_release(b->set, to.conn);
	peer_hear(&p, text, sizeof(answer) - 1);
	assert_memory_equal(text, answer, sizeof(answer) - 1);
	bench_until(b, (SSL_read(p.ssl, text, 1), SSL_get_shutdown(p.ssl)) ==
			       (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN));
	assert_int_equal(transport_n_connections(b->set), 0);
	assert_int_equal(bench_stat(b, STAT_connections_failed), 0);
	peer_close(&p);
}

/* Phones do it: the ticket that they have not read makes it a reset. */
static void an_end_without_a_goodbye_is_no_error(void **state)
{
	struct bench *b = *state;
	struct peer p;

	b->answer = STR("SIP/2.0 200 OK\r\nl: 0\r\n\r\n");
	for (unsigned i = 1; i <= 2; i++) {
		peer_connected(&p, b);
		peer_say(&p, STR(MESSAGE));
		if (i == 1)
			peer_hear(&p, (char[64]){0}, b->answer.len);
		bench_until(b, b->w[0].n_messages == i);
		bench_settle(b);
		SSL_set_quiet_shutdown(p.ssl, 1);
		peer_close(&p);
		bench_until(b, b->w[0].n_closed == i);
	}
	assert_int_equal(bench_stat(b, STAT_connections_reset), 1);
	assert_int_equal(bench_stat(b, STAT_connections_failed), 0);
}

/* RFC 5246 section 7.2.1 */
static void the_goodbye_of_tls_1_2_ends_both_sides(void **state)
{
	struct bench *b = *state;
	struct peer p;

	say_goodbye(&p, b, TLS1_2_VERSION);
	assert_int_equal(transport_n_connections(b->set), 0);
	peer_close(&p);
}

/* --- as a client --- */

static int send_to(struct bench *b, const char *domain, struct conn_ref *used)
{
	struct str host = str_from(domain);
	struct hop hop = bench_hop(SIP_TLS, 0, server_at);

	hop.domain = domain != NULL ? &host : NULL;
	return bench_send(b, 0, &hop, STR(MESSAGE), used);
}

static void what_is_sent_waits_for_the_handshake(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server_at);
	struct conn_ref one, two;
	char text[sizeof(MESSAGE) * 2];
	struct peer p;

	assert_int_equal(send_to(b, "a.test", &one), 0);
	assert_int_equal(send_to(b, "a.test", &two), 0);
	assert_true(conn_ref_eq(one, two));
	peer_init(&p, b, peer_accept(b, listen_fd), true);
	peer_shake(&p);
	peer_hear(&p, text, 2 * (sizeof(MESSAGE) - 1));
	assert_memory_equal(text, MESSAGE MESSAGE, 2 * (sizeof(MESSAGE) - 1));
	peer_close(&p);
	close(listen_fd);
}

static void a_wrong_name_ends_it_and_is_told(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server_at);
	struct conn_ref used;
	struct peer p;

	assert_int_equal(send_to(b, "b.test", &used), 0);
	peer_init(&p, b, peer_accept(b, listen_fd), true);
	peer_shake(&p);
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(conn_ref_eq(b->w[0].closed, used));
	assert_int_equal(bench_stat(b, STAT_handshakes_failed), 1);
	peer_close(&p);
	close(listen_fd);
}

static void nobody_in_particular_cannot_be_verified(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server_at);
	struct conn_ref used;
	struct peer p;

	assert_int_equal(send_to(b, NULL, &used), 0);
	peer_init(&p, b, peer_accept(b, listen_fd), true);
	peer_shake(&p);
	bench_until(b, b->w[0].n_closed == 1);
	peer_close(&p);
	close(listen_fd);
}

/* RFC 3261 18.2.2: on its way to the connection's worker it cannot know that
 * this has ended. The new one must be with the host of sent-by. */
static void an_answer_that_comes_too_late_takes_a_new_connection(void **state)
{
	static const char answer[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS a.test;branch=z9hG4bK1\r\n"
		"l: 0\r\n\r\n";
	struct bench *b = *state;
	int listen_fd = peer_listen(server_at);
	char text[sizeof(answer)];
	struct peer p, server;
	unsigned owner;
	struct hop to;

	peer_connected(&p, b);
	peer_say(&p, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages + b->w[1].n_messages == 1);
	owner = b->w[1].n_messages;
	to = hop_back(&b->w[owner].from);
	to.addr = bench_addr(server_at);
	assert_int_equal(bench_send(b, !owner, &to, STR(answer), NULL), 0);
	transport_conn_close(b->w[owner].transport, to.conn);
	peer_init(&server, b, peer_accept(b, listen_fd), true);
	peer_shake(&server);
	peer_hear(&server, text, sizeof(answer) - 1);
	assert_memory_equal(text, answer, sizeof(answer) - 1);
	peer_close(&server);
	peer_close(&p);
	close(listen_fd);
}

/* What is left of the time to connect: the next hop must have its turn before
 * the transaction ends. */
static void a_server_that_is_silent_is_given_up_soon(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server_at), fd;
	uint64_t start = bench_now_ms();
	struct conn_ref used;

	assert_int_equal(send_to(b, "a.test", &used), 0);
	fd = peer_accept(b, listen_fd);
	bench_until(b, b->w[0].n_closed == 1);
	assert_in_range(bench_now_ms() - start, CONNECT_TIMEOUT_MS - 500,
			CONNECT_TIMEOUT_MS + 500);
	assert_true(conn_ref_eq(b->w[0].closed, used));
	assert_int_equal(bench_stat(b, STAT_connections_failed), 1);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 0);
	close(fd);
	close(listen_fd);
}

/* --- memory --- */

static void reloads_keep_nothing(void **state)
{
	struct bench *b = *state;
	struct tls_entry old;
	struct peer p;
	size_t before = 0;

	peer_connected(&p, b);
	peer_say(&p, STR(MESSAGE)); /* both sides have done their handshake: */
	bench_until(b, b->w[0].n_messages == 1); /* no deadline passes below */
	for (int i = 0; i < 1100; i++) {
		if (i == 100)
			before = mallinfo2().uordblks;
		old = the_entry;
		load(b);
		tls_context_unref(old.context);
	}
	assert_in_range(mallinfo2().uordblks, 0, before + 65536);
	peer_say(&p, STR(MESSAGE)); /* its context lives as long as it does */
	bench_until(b, b->w[0].n_messages == 2);
	peer_close(&p);
}

static void *wrapped_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_malloc(size);
}

static void *wrapped_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return fail_now() ? NULL : realloc(p, size);
}

static void wrapped_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* OpenSSL's own allocations, too. */
static void loading_may_lack_memory_anywhere(void **state)
{
	struct tls_entry e = entry();
	SSL_CTX *ctx = NULL;
	struct tls_fault fault;
	unsigned n = 0;
	int err;

	(void)state;
	do {
		fail_countdown = ++n;
		err = tls_context_load(&e, &fault, &ctx);
		fail_countdown = 0;
		/* without memory a file may look malformed, and some of it
		 * OpenSSL can do without */
		assert_true(err == 0 || err == VD_ENOMEM || err == VD_EINVAL);
		if (err == 0)
			tls_context_unref(ctx);
	} while (n < 1500);
	assert_int_equal(tls_context_load(&e, &fault, &ctx), 0);
	tls_context_unref(ctx);
}

/* A connection that cannot be had is closed; the others go on. */
static void a_handshake_may_lack_memory_anywhere(void **state)
{
	struct bench *b = *state;
	struct peer p;

	for (unsigned n = 1; n < 400; n += 7) {
		int ret = 0;

		peer_init(&p, b, peer_connect(peer_ip, us), false);
		SSL_do_handshake(p.ssl);
		bench_until(b, transport_n_connections(b->set) == 1);
		fail_countdown = n;
		bench_turn(b);
		fail_countdown = 0;
		bench_until(b, (ret = SSL_do_handshake(p.ssl)) == 1 ||
				       !wants_more(&p, ret));
		peer_close(&p);
		bench_until(b, transport_n_connections(b->set) == 0);
	}
	peer_connected(&p, b);
	peer_say(&p, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	peer_close(&p);
}

int main(void)
{
#define TLS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TLS_TEST(messages_pass_both_ways),
		TLS_TEST(what_openssl_holds_is_read_in_the_next_turn),
		TLS_TEST(a_message_may_come_in_many_records),
		TLS_TEST(what_blocks_goes_on_where_it_was),
		TLS_TEST(a_key_update_is_answered),
		TLS_TEST(a_flood_of_key_updates_takes_turns),
		TLS_TEST(our_end_says_goodbye),
		TLS_TEST(a_handshake_meets_its_deadline),
		TLS_TEST(what_is_no_tls_fails_at_once),
		TLS_TEST(many_handshakes_take_turns),
		TLS_TEST(answers_leave_after_the_goodbye_of_tls_1_3),
		TLS_TEST(an_end_without_a_goodbye_is_no_error),
		TLS_TEST(the_goodbye_of_tls_1_2_ends_both_sides),
		TLS_TEST(what_is_sent_waits_for_the_handshake),
		TLS_TEST(a_wrong_name_ends_it_and_is_told),
		TLS_TEST(nobody_in_particular_cannot_be_verified),
		cmocka_unit_test_setup_teardown(
			an_answer_that_comes_too_late_takes_a_new_connection,
			setup_two, teardown),
		TLS_TEST(a_server_that_is_silent_is_given_up_soon),
		TLS_TEST(reloads_keep_nothing),
		cmocka_unit_test(loading_may_lack_memory_anywhere),
		TLS_TEST(a_handshake_may_lack_memory_anywhere),
	};

	CRYPTO_set_mem_functions(wrapped_malloc, wrapped_realloc, wrapped_free);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
