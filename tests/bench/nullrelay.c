/* nullrelay: the floor under every SIP proxy on this machine. It receives
 * and sends datagrams in batches, pushes one Via on each request and sends it
 * to the callee that the command line names, pops the top Via of each response
 * and sends it to the next one's address. It keeps no state and checks nothing:
 * what a proxy costs beyond this is what its work as a proxy costs. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	N_BATCH = 64,
	MAX_MSG = 8192,
	SOCKET_BUF = 4 * 1024 * 1024,
	N_PARTS = 3, /* of what is sent: before, the new Via, after */
};

struct relay {
	int fd;
	struct sockaddr_in self, callee;
	char via[96]; /* ours, up to the branch's number */
	size_t via_len;
	uint64_t number; /* makes branches differ */
};

/* One datagram: received into `buf`, sent as `parts` to `to`. */
struct slot {
	char buf[MAX_MSG];
	char via[128];
	struct iovec parts[N_PARTS];
	struct sockaddr_in to;
};

static struct slot slots[N_BATCH];

/* "127.0.0.1:5060" as it stands in a Via or on the command line. */
static bool address_parse(const char *p, const char *end,
			  struct sockaddr_in *sin)
{
	uint32_t v[5] = {0, 0, 0, 0, 0};
	static const char after[5] = "...:";
	int i = 0;

	for (; p < end; p++) {
		if (*p >= '0' && *p <= '9')
			v[i] = v[i] * 10 + (uint32_t)(*p - '0');
		else if (i < 4 && *p == after[i])
			i++;
		else
			break;
	}
	if (i < 3)
		return false;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr =
		htonl(v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3]);
	sin->sin_port = htons((uint16_t)(i == 4 ? v[4] : 5060));
	return true;
}

/* The start of the first line from `p` on that is a Via, or NULL. */
static char *via_find(char *p, char *end)
{
	while (p != NULL && end - p > 4 && strncasecmp(p, "Via:", 4) != 0) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p != NULL)
			p++;
	}
	return p != NULL && end - p > 4 ? p : NULL;
}

static bool request_edit(struct relay *r, struct slot *s, size_t len)
{
	char *nl = memchr(s->buf, '\n', len);
	size_t head;

	if (nl == NULL)
		return false;
	head = (size_t)(nl + 1 - s->buf);
	memcpy(s->via, r->via, r->via_len);
	s->parts[0] = (struct iovec){s->buf, head};
	s->parts[1] = (struct iovec){s->via, r->via_len + 18};
	s->parts[2] = (struct iovec){s->buf + head, len - head};
	r->number++;
	for (int i = 0; i < 16; i++)
		s->via[r->via_len + (size_t)i] =
			"0123456789abcdef"[r->number >> (60 - 4 * i) & 15];
	memcpy(s->via + r->via_len + 16, "\r\n", 2);
	s->to = r->callee;
	return true;
}

static bool response_edit(struct slot *s, size_t len)
{
	char *end = s->buf + len;
	char *top = via_find(s->buf, end);
	char *next = top != NULL ? via_find(top + 4, end) : NULL;
	char *sent_by;

	if (next == NULL)
		return false;
	/* "Via: SIP/2.0/UDP host:port;...": after the second space */
	sent_by = memchr(next + 5, ' ', (size_t)(end - next - 5));
	if (sent_by == NULL || !address_parse(sent_by + 1, end, &s->to))
		return false;
	s->parts[0] = (struct iovec){s->buf, (size_t)(top - s->buf)};
	s->parts[1] = (struct iovec){NULL, 0};
	s->parts[2] = (struct iovec){next, (size_t)(end - next)};
	return true;
}

static bool slot_edit(struct relay *r, struct slot *s, size_t len)
{
	if (len >= 8 && memcmp(s->buf, "SIP/2.0 ", 8) == 0)
		return response_edit(s, len);
	return request_edit(r, s, len);
}

static unsigned receive(struct relay *r, struct mmsghdr *m)
{
	struct iovec iov[N_BATCH];
	int n;

	memset(m, 0, N_BATCH * sizeof(*m));
	for (int i = 0; i < N_BATCH; i++) {
		iov[i] = (struct iovec){slots[i].buf, MAX_MSG};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(r->fd, m, N_BATCH, MSG_WAITFORONE, NULL);
	return n > 0 ? (unsigned)n : 0;
}

static void relay_turn(struct relay *r)
{
	struct mmsghdr in[N_BATCH], out[N_BATCH];
	unsigned n = receive(r, in), n_out = 0, sent = 0;

	memset(out, 0, n * sizeof(*out));
	for (unsigned i = 0; i < n; i++) {
		struct msghdr *h = &out[n_out].msg_hdr;

		if (!slot_edit(r, &slots[i], in[i].msg_len))
			continue;
		h->msg_iov = slots[i].parts;
		h->msg_iovlen = N_PARTS;
		h->msg_name = &slots[i].to;
		h->msg_namelen = sizeof(slots[i].to);
		n_out++;
	}
	while (sent < n_out) {
		int k = sendmmsg(r->fd, out + sent, n_out - sent, 0);

		sent += k > 0 ? (unsigned)k : 1; /* one that cannot be sent */
	}
}

static bool relay_open(struct relay *r)
{
	int size = SOCKET_BUF;

	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return r->fd >= 0 &&
	       bind(r->fd, (struct sockaddr *)&r->self, sizeof(r->self)) == 0;
}

int main(int argc, char **argv)
{
	struct relay r = {0};

	if (argc != 3 ||
	    !address_parse(argv[1], argv[1] + strlen(argv[1]), &r.self) ||
	    !address_parse(argv[2], argv[2] + strlen(argv[2]), &r.callee)) {
		fputs("usage: nullrelay ADDR:PORT CALLEE_ADDR:PORT\n", stderr);
		return 2;
	}
	if (!relay_open(&r)) {
		fprintf(stderr, "nullrelay: %s: %s\n", argv[1],
			strerror(errno));
		return 3;
	}
	r.via_len = (size_t)snprintf(r.via, sizeof(r.via),
				     "Via: SIP/2.0/UDP %.32s;branch=z9hG4bK",
				     argv[1]);
	for (;;)
		relay_turn(&r);
}
