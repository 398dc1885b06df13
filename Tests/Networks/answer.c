// Answers whoever asks with its own name and the address that it sees them have, by TCP and UDP.
//   answer NAME PLACE…    NAME `-` is the host name; a PLACE is PORT, 127.0.0.1:PORT or [::1]:PORT
// A datagram's answer has the address as its source that the question was sent to.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { limit = 64 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in6 place(char *text) {
  struct sockaddr_in6 result = {.sin6_family = AF_INET6};
  char *colon = strrchr(text, ':');
  result.sin6_port = htons((uint16_t)atoi(colon ? colon + 1 : text));
  if (!colon) return result;
  *colon = 0;
  char mapped[INET6_ADDRSTRLEN];
  if (text[0] == '[') {
    text[strlen(text) - 1] = 0;
    snprintf(mapped, sizeof mapped, "%s", text + 1);
  } else {
    snprintf(mapped, sizeof mapped, "::ffff:%s", text);
  }
  if (inet_pton(AF_INET6, mapped, &result.sin6_addr) != 1) fail(text);
  return result;
}

static int open_socket(const struct sockaddr_in6 *where, int kind) {
  int fd = socket(AF_INET6, kind | SOCK_CLOEXEC, 0), on = 1, off = 0;
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  int room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, (const struct sockaddr *)where, sizeof *where) < 0) fail("bind");
  if (kind == SOCK_STREAM && listen(fd, 4096) < 0) fail("listen");
  return fd;
}

static int words(char *line, size_t size, const char *name, const struct sockaddr_in6 *peer) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &peer->sin6_addr, text, sizeof text);
  const char *shown = strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text;
  return snprintf(line, size, "%s %s\n", name, shown);
}

static void accept_one(int fd, const char *name) {
  struct sockaddr_in6 peer;
  socklen_t length = sizeof peer;
  int client = accept4(fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
  if (client < 0) return;
  char line[256];
  int count = words(line, sizeof line, name, &peer);
  send(client, line, (size_t)count, MSG_NOSIGNAL);
  close(client);
}

static void answer_datagram(int fd, const char *name) {
  struct sockaddr_in6 peer;
  char question[512], control[128], line[256];
  struct iovec piece = {question, sizeof question};
  struct msghdr message = {&peer, sizeof peer, &piece, 1, control, sizeof control, 0};
  if (recvmsg(fd, &message, 0) < 0) return;
  for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(each);
    int is_place = each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO;
    if (is_place && !IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0;
  }
  piece.iov_base = line;
  piece.iov_len = (size_t)words(line, sizeof line, name, &peer);
  sendmsg(fd, &message, MSG_NOSIGNAL);
}

int main(int count, char **arguments) {
  if (count < 3 || count - 2 > limit / 2) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGTERM, _exit);
  char host[256];
  if (gethostname(host, sizeof host) < 0) fail("gethostname");
  const char *name = strcmp(arguments[1], "-") == 0 ? host : arguments[1];
  struct pollfd sockets[limit];
  nfds_t open = 0;
  for (int i = 2; i < count; i++) {
    struct sockaddr_in6 where = place(arguments[i]);
    sockets[open++] = (struct pollfd){open_socket(&where, SOCK_STREAM), POLLIN, 0};
    sockets[open++] = (struct pollfd){open_socket(&where, SOCK_DGRAM), POLLIN, 0};
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    if (poll(sockets, open, -1) < 0) continue;
    // Each pair is one place: streams, then datagrams.
    for (nfds_t i = 0; i < open; i++)
      if (sockets[i].revents) (i % 2 ? answer_datagram : accept_one)(sockets[i].fd, name);
  }
}
