// A static program that tells what its sandbox is like: probe [--to FILE], probe wait, probe show FILE.
// Everything is tried, not looked up: what a system call answers, what opens, what can be written.
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

const char *error_word(int error) {
  switch (error) {
    case 0: return "ok";
    case EPERM: return "EPERM";
    case ENOSYS: return "ENOSYS";
    case EACCES: return "EACCES";
    case EROFS: return "EROFS";
    case ENOENT: return "absent";
    case EIO: return "EIO";
    case ENXIO: return "ENXIO";
    case EINVAL: return "EINVAL";
    default: return strerror(error);
  }
}

// Lines of /proc/self/status that are part of the sandbox.
static void print_status(FILE *out) {
  static const char *const wanted[] = {"Umask", "Uid", "Gid", "Groups", "NStgid", "SigBlk", "SigIgn", "SigCgt", "CapInh",
    "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Speculation_Store_Bypass", NULL};
  FILE *status = fopen("/proc/self/status", "r");
  char line[4096];
  while (status && fgets(line, sizeof line, status)) {
    char *colon = strchr(line, ':');
    if (!colon) continue;
    *colon = 0;
    for (int i = 0; wanted[i]; i++) {
      if (strcmp(line, wanted[i])) continue;
      fprintf(out, "status %s:", line);
      for (char *word = strtok(colon + 1, " \t\n"); word; word = strtok(NULL, " \t\n")) fprintf(out, " %s", word);
      fprintf(out, "\n");
    }
  }
  if (status) fclose(status);
}

static void print_limits(FILE *out) {
  static const char *const names[] = {"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as",
    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};
  for (int number = 0; number < 16; number++) {
    struct rlimit limit;
    if (getrlimit(number, &limit)) continue;
    fprintf(out, "limit %s:", names[number]);
    for (int hard = 0; hard < 2; hard++) {
      rlim_t value = hard ? limit.rlim_max : limit.rlim_cur;
      if (value == RLIM_INFINITY) fprintf(out, " unlimited");
      else fprintf(out, " %llu", (unsigned long long)value);
    }
    fprintf(out, "\n");
  }
}

static void print_file(FILE *out, const char *label, const char *path) {
  char text[4096];
  FILE *file = fopen(path, "r");
  if (!file) {
    fprintf(out, "%s: %s\n", label, error_word(errno));
    return;
  }
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  for (char *at = text; *at; at++)
    if (*at == '\n' || *at == '\t') *at = ' ';
  while (length > 0 && text[length - 1] == ' ') text[--length] = 0;
  fprintf(out, "%s: %s\n", label, text);
}

static int compare(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

static void print_environment(FILE *out) {
  int count = 0;
  while (environ[count]) count++;
  qsort(environ, count, sizeof *environ, compare);
  for (int i = 0; i < count; i++) fprintf(out, "environment: %s\n", environ[i]);
}

void print_process(FILE *out) {
  print_status(out);
  print_limits(out);
  fprintf(out, "process: number %d, parent %s, session %s, group %s\n", getpid(), getppid() ? "seen" : "outside",
    getsid(0) == getpid() ? "own" : "not own", getpgrp() == getpid() ? "own" : "not own");
  fprintf(out, "process: nice %d, policy %d, dumpable %d, securebits %d, death signal ",
    getpriority(PRIO_PROCESS, 0), sched_getscheduler(0), prctl(PR_GET_DUMPABLE), prctl(PR_GET_SECUREBITS));
  int signal = 0;
  prctl(PR_GET_PDEATHSIG, &signal);
  fprintf(out, "%d\n", signal);
  char folder[4096] = "";
  fprintf(out, "process: in %s\n", syscall(SYS_getcwd, folder, sizeof folder) > 0 ? folder : "nowhere");
  print_file(out, "process: oom_score_adj", "/proc/self/oom_score_adj");
  print_file(out, "process: loginuid", "/proc/self/loginuid");
  print_file(out, "process: coredump_filter", "/proc/self/coredump_filter");
  print_file(out, "process: label", "/proc/self/attr/current");
  print_file(out, "process: uid_map", "/proc/self/uid_map");
  print_file(out, "process: groups", "/proc/self/cgroup");
  print_environment(out);
}

static void show(const char *path) {
  char text[4096];
  FILE *file = fopen(path, "r");
  size_t length;
  while (file && (length = fread(text, 1, sizeof text, file)) > 0) fwrite(text, 1, length, stdout);
}

// It mounts, makes nodes and calls what it can: never where it would do harm, which is outside of its own image.
static int is_at_home(void) {
  struct stat own, home;
  return !stat("/proc/self/exe", &own) && !stat("/probe", &home) && own.st_dev == home.st_dev && own.st_ino == home.st_ino;
}

int main(int count, char **arguments) {
  if (count == 2 && !strcmp(arguments[1], "wait")) {
    while (1) pause();
  }
  if (count == 3 && !strcmp(arguments[1], "show")) {
    show(arguments[2]);
    return 0;
  }
  if (!is_at_home()) {
    fprintf(stderr, "error: the probe runs only as /probe of a container\n");
    return 1;
  }
  FILE *out = stdout;
  char *path = count == 3 && !strcmp(arguments[1], "--to") ? arguments[2] : NULL, hidden[4096];
  // Under another name until it is whole: who reads it may come at any time. Opened last, so that it is not counted.
  char *text = NULL;
  size_t length = 0;
  FILE *memory = open_memstream(&text, &length);
  print_process(memory);
  print_files(memory);
  print_calls(memory);
  fprintf(memory, "end:\n");
  fclose(memory);
  if (path) {
    snprintf(hidden, sizeof hidden, "%s.part", path);
    out = fopen(hidden, "w");
    if (!out) return 2;
  }
  fwrite(text, 1, length, out);
  if (fflush(out)) return 3;
  return path && rename(hidden, path) ? 4 : 0;
}
