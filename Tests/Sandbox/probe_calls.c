// What system calls answer: every number with arguments that no call accepts, and those whose arguments matter one by one.
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { last_number = 600 };

static long raw(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// Runs `work` in a child and says how that went: an error's word, `ok`, a signal, or that it waits.
static const char *tried(long (*work)(long), long argument) {
  static char word[64];
  int ends[2];
  if (pipe(ends)) return "no pipe";
  pid_t child = fork();
  if (child == 0) {
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    int error = (int)work(argument);
    if (write(ends[1], &error, sizeof error) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  int status = 0, error = -1, waits = 0;
  for (int turn = 0; waitpid(child, &status, WNOHANG) == 0; turn++) {
    if (turn == 400) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      waits = 1;
      break;
    }
    usleep(turn < 50 ? 20 : 1000);
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  long got = read(ends[0], &error, sizeof error);
  close(ends[0]);
  if (waits) return "waits";
  if (got == sizeof error) return error_word(error);
  if (WIFSIGNALED(status)) snprintf(word, sizeof word, "signal %d", WTERMSIG(status));
  else snprintf(word, sizeof word, "ends");
  return word;
}

// Grandchildren, where the call made one, end at once: vfork shares the stack.
static long by_number(long number) {
  long result = raw(number, -1, -1, -1, -1, -1, -1);
  if (result == 0 && (number == SYS_fork || number == SYS_vfork)) raw(SYS_exit, 0, 0, 0, 0, 0, 0);
  return result < 0 && result > -4096 ? -result : 0;
}

static int is_allowed(const char *word) {
  return strcmp(word, "EPERM") && strcmp(word, "ENOSYS") && strcmp(word, "signal 31");
}

// One line for each answer, its numbers as ranges.
static void print_numbers(FILE *out) {
  static char answers[last_number + 1][16];
  for (int number = 0; number <= last_number; number++) {
    // sync would write back what the whole machine holds.
    const char *word = number == SYS_sync ? "ok" : tried(by_number, number);
    snprintf(answers[number], sizeof answers[number], "%s", is_allowed(word) ? "asked" : word);
  }
  static const char *const kinds[] = {"asked", "EPERM", "ENOSYS", "signal 31"};
  for (int kind = 0; kind < 4; kind++) {
    fprintf(out, "calls %s:", kinds[kind]);
    for (int number = 0; number <= last_number; number++) {
      if (strcmp(answers[number], kinds[kind])) continue;
      int last = number;
      while (last < last_number && !strcmp(answers[last + 1], kinds[kind])) last++;
      if (last > number) fprintf(out, " %d-%d", number, last);
      else fprintf(out, " %d", number);
      number = last;
    }
    fprintf(out, "\n");
  }
}

static long try_socket(long family) {
  static const int kinds[] = {SOCK_DGRAM, SOCK_STREAM, SOCK_RAW, SOCK_SEQPACKET};
  int denied = 0;
  for (int kind = 0; kind < 4; kind++) {
    if (socket((int)family, kinds[kind], 0) >= 0) return 0;
    if (errno == EPERM) denied++;
  }
  return denied ? EPERM : 0;
}

static long try_personality(long value) { return raw(SYS_personality, value, 0, 0, 0, 0, 0) < 0 ? EPERM : 0; }

static long try_clone(long flag) {
  long result = raw(SYS_clone, flag | SIGCHLD, 0, 0, 0, 0, 0);
  if (result == 0) raw(SYS_exit, 0, 0, 0, 0, 0, 0);
  return result < 0 ? -result : 0;
}

static long try_unshare(long flag) { return unshare((int)flag) ? errno : 0; }

static long try_clone3(long flag) {
  uint64_t arguments[11] = {(uint64_t)flag, 0, 0, 0, SIGCHLD};
  long result = raw(SYS_clone3, (long)arguments, 64, 0, 0, 0, 0);
  if (result == 0) raw(SYS_exit, 0, 0, 0, 0, 0, 0);
  return result < 0 ? -result : 0;
}

static long try_x32(long number) {
  long result = raw(number | 0x40000000, -1, -1, -1, -1, -1, -1);
  return result < 0 ? -result : 0;
}

static long i386(long number, long first, long second) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(first), "c"(second), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  return result;
}

static long try_i386(long number) {
  long result = i386(number, -1, -1);
  return result < 0 ? -result : 0;
}

// The old door to sockets of 32-bit programs: its arguments lie in memory, where no filter sees them.
static long try_socketcall(long family) {
  int *arguments = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (arguments == MAP_FAILED) return errno;
  arguments[0] = (int)family;
  arguments[1] = SOCK_STREAM;
  long result = i386(102, 1, (long)arguments);
  return result == -EPERM || result == -ENOSYS ? -result : 0;
}

static long try_terminal_input(long descriptor) {
  // A line's end, which shows as an empty line where the terminal takes it.
  char letter = '\n';
  return ioctl((int)descriptor, TIOCSTI, &letter) ? errno : 0;
}

static long try_mount(long unused) {
  (void)unused;
  return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0L, "") ? errno : 0;
}

// Of what a container may make a node of but not use.
static const int devices[][3] = {{1, 1, 'c'}, {1, 2, 'c'}, {1, 11, 'c'}, {8, 0, 'b'}, {254, 0, 'b'}, {10, 200, 'c'}, {10, 229, 'c'}, {10, 232, 'c'}};

static long try_raw_node(long index) {
  const int *device = devices[index];
  mode_t mode = (device[2] == 'b' ? S_IFBLK : S_IFCHR) | 0666;
  if (mknod("/tmp/node", mode, makedev(device[0], device[1]))) return errno;
  int file = open("/tmp/node", O_RDONLY | O_NONBLOCK);
  int error = file < 0 ? errno : 0;
  unlink("/tmp/node");
  return error;
}

static long try_low_port(long unused) {
  (void)unused;
  struct sockaddr address = {.sa_family = AF_INET, .sa_data = {0, 7}};
  int file = socket(AF_INET, SOCK_STREAM, 0);
  return file < 0 || bind(file, &address, sizeof address) ? errno : 0;
}

static long try_ping(long unused) {
  (void)unused;
  return socket(AF_INET, SOCK_DGRAM, 1) < 0 ? errno : 0;
}

void print_calls(FILE *out) {
  print_numbers(out);
  fprintf(out, "socket families EPERM:");
  for (int family = 0; family < 48; family++)
    if (!strcmp(tried(try_socket, family), "EPERM")) fprintf(out, " %d", family);
  fprintf(out, "\n");
  static const long personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff, 1, 0x40000, 0x400000, 0x100000, 0x800000};
  for (int i = 0; i < 10; i++)
    fprintf(out, "personality %lx: %s\n", personalities[i], tried(try_personality, personalities[i]));
  static const struct {
    const char *name;
    long flag;
  } flags[] = {{"none", 0}, {"time", 0x80}, {"mount", 0x20000}, {"cgroup", 0x2000000}, {"uts", 0x4000000}, {"ipc", 0x8000000},
    {"user", 0x10000000}, {"pid", 0x20000000}, {"net", 0x40000000}};
  for (int i = 0; i < 9; i++) {
    fprintf(out, "namespace %s: unshare %s,", flags[i].name, tried(try_unshare, flags[i].flag));
    // The flag of time namespaces is a part of the signal's number for clone.
    fprintf(out, " clone %s,", flags[i].flag == 0x80 ? "-" : tried(try_clone, flags[i].flag));
    fprintf(out, " clone3 %s\n", tried(try_clone3, flags[i].flag));
  }
  fprintf(out, "other architectures: x32 getpid %s,", tried(try_x32, SYS_getpid));
  fprintf(out, " i386 getpid %s,", tried(try_i386, 20));
  fprintf(out, " i386 ptrace %s,", tried(try_i386, 26));
  fprintf(out, " i386 mount %s,", tried(try_i386, 21));
  fprintf(out, " i386 clone3 %s,", tried(try_i386, 435));
  fprintf(out, " i386 socketcall of family 38 %s,", tried(try_socketcall, 38));
  fprintf(out, " of family 40 %s\n", tried(try_socketcall, 40));
  for (int descriptor = 0; descriptor < 3; descriptor++)
    fprintf(out, "terminal input on %d: %s\n", descriptor, tried(try_terminal_input, descriptor));
  fprintf(out, "mount: %s\n", tried(try_mount, 0));
  for (int i = 0; i < 8; i++)
    fprintf(out, "raw device %c %d:%d: %s\n", devices[i][2], devices[i][0], devices[i][1], tried(try_raw_node, i));
  fprintf(out, "port 7: %s\n", tried(try_low_port, 0));
  fprintf(out, "ping: %s\n", tried(try_ping, 0));
}
