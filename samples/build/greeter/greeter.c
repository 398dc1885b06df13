/* Answers each request on port 8000 with one line. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(int signal) {
  (void)signal;
  _exit(0);
}

int main(void) {
  signal(SIGTERM, end);
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(8000)};
  int door = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(door, (struct sockaddr *)&here, sizeof here) != 0 || listen(door, 16) != 0) {
    perror("greeter");
    return 1;
  }
  static const char words[] = GREETING "\n";
  for (;;) {
    int guest = accept(door, NULL, NULL);
    if (guest < 0) continue;
    char asked[4096];
    if (read(guest, asked, sizeof asked) > 0)
      dprintf(guest, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(words), words);
    close(guest);
  }
}
