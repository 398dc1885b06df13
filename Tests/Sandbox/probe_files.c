// What is mounted, what is there, and what below /proc and /sys opens for writing.
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void print_mounts(FILE *out) {
  FILE *table = fopen("/proc/self/mountinfo", "r");
  char line[16384];
  while (table && fgets(line, sizeof line, table)) {
    char *fields[64];
    int count = 0;
    for (char *word = strtok(line, " \n"); word && count < 64; word = strtok(NULL, " \n")) fields[count++] = word;
    int dash = 6;
    while (dash < count && strcmp(fields[dash], "-")) dash++;
    if (dash + 3 >= count + 1) continue;
    fprintf(out, "mount %s: %s, %s, of %s", fields[4], fields[dash + 1], fields[5], dash + 3 < count ? fields[dash + 3] : "");
    for (int i = 6; i < dash; i++) fprintf(out, ", %s", fields[i]);
    fprintf(out, "\n");
  }
  if (table) fclose(table);
}

static void print_device(FILE *out, const char *path) {
  struct stat status;
  char target[PATH_MAX] = "";
  if (lstat(path, &status)) return;
  fprintf(out, "device %s: ", path);
  if (S_ISLNK(status.st_mode)) {
    if (readlink(path, target, sizeof target - 1) < 0) target[0] = 0;
    fprintf(out, "link to %s\n", target);
    return;
  }
  const char *kind = S_ISCHR(status.st_mode) ? "character" : S_ISBLK(status.st_mode) ? "block" : S_ISDIR(status.st_mode) ? "folder" : "file";
  fprintf(out, "%s %04o, %d:%d", kind, status.st_mode & 07777, status.st_uid, status.st_gid);
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) fprintf(out, ", %d:%d", major(status.st_rdev), minor(status.st_rdev));
  fprintf(out, "\n");
}

static int any(const struct dirent *entry) { return strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."); }

static void print_devices(FILE *out) {
  struct dirent **names;
  int count = scandir("/dev", &names, any, alphasort);
  for (int i = 0; i < count; i++) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/dev/%s", names[i]->d_name);
    print_device(out, path);
  }
  print_device(out, "/dev/pts/ptmx");
}

// What one path below a mask shows: how much can be read of it, or how many names it has.
static void print_hidden(FILE *out) {
  static const char *const paths[] = {"/proc/acpi", "/proc/asound", "/proc/bus", "/proc/fs", "/proc/interrupts", "/proc/irq",
    "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/sys",
    "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap",
    "/sys/fs/selinux", "/sys/dev/block", "/sys/kernel/debug", "/sys/kernel/security", "/sys/fs/bpf", NULL};
  for (int i = 0; paths[i]; i++) {
    struct stat status;
    fprintf(out, "hidden %s: ", paths[i]);
    if (lstat(paths[i], &status)) {
      fprintf(out, "%s\n", error_word(errno));
    } else if (S_ISDIR(status.st_mode)) {
      struct dirent **names;
      int count = scandir(paths[i], &names, any, alphasort);
      char inside[PATH_MAX];
      snprintf(inside, sizeof inside, "%s/probe", paths[i]);
      int file = open(inside, O_CREAT | O_EXCL | O_WRONLY, 0600);
      fprintf(out, "folder, %s, making a file %s\n", count < 0 ? error_word(errno) : count ? "has names" : "empty",
        file >= 0 ? "works" : error_word(errno == ENOENT ? EPERM : errno));
      if (file >= 0) unlink(inside);
    } else {
      char byte;
      int file = open(paths[i], O_RDONLY | O_NONBLOCK);
      const char *reading = file < 0 ? error_word(errno) : read(file, &byte, 1) > 0 ? "has text" : "empty";
      if (file >= 0) close(file);
      file = open(paths[i], O_WRONLY | O_NONBLOCK);
      fprintf(out, "%s, %s, writing %s\n", S_ISCHR(status.st_mode) ? "device" : "file", reading, file >= 0 ? "opens" : error_word(errno));
      if (file >= 0) close(file);
    }
  }
}

static int number_only(const char *name) { return name[0] && name[strspn(name, "0123456789")] == 0; }

// Opens everything for writing. Processes other than this one are left out; so are links, which lead elsewhere.
static void walk(FILE *out, const char *folder, int depth, int *tried) {
  struct dirent **names;
  int count = depth > 24 ? 0 : scandir(folder, &names, any, alphasort);
  for (int i = 0; i < count; i++) {
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
    int skipped = !strcmp(folder, "/proc") && (number_only(names[i]->d_name) || strstr(names[i]->d_name, "self"));
    free(names[i]);
    if (skipped || lstat(path, &status)) continue;
    if (S_ISDIR(status.st_mode)) {
      walk(out, path, depth + 1, tried);
    } else if (S_ISREG(status.st_mode)) {
      int file = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
      ++*tried;
      if (file < 0) continue;
      fprintf(out, "opens for writing: %s\n", path);
      close(file);
    }
  }
  if (count > 0) free(names);
}

static void print_value(FILE *out, const char *path) {
  char text[256] = "";
  FILE *file = fopen(path, "r");
  if (!file) return;
  if (!fgets(text, sizeof text, file)) text[0] = 0;
  fclose(file);
  text[strcspn(text, "\n")] = 0;
  for (char *at = text; *at; at++)
    if (*at == '\t') *at = ' ';
  fprintf(out, "switch %s: %s\n", path + strlen("/proc/sys/"), text);
}

static void print_switches(FILE *out) {
  static const char *const paths[] = {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/net/ipv4/ping_group_range",
    "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/disable_ipv6", "/proc/sys/net/ipv6/conf/default/disable_ipv6",
    "/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "/proc/sys/net/ipv6/conf/eth0/accept_ra", "/proc/sys/net/ipv4/conf/eth0/accept_redirects",
    "/proc/sys/kernel/shmmni", "/proc/sys/kernel/msgmni", "/proc/sys/kernel/domainname", "/proc/sys/fs/mqueue/queues_max", NULL};
  for (int i = 0; paths[i]; i++) print_value(out, paths[i]);
}

static void print_descriptors(FILE *out) {
  for (int number = 0; number < 1024; number++) {
    char path[64], target[PATH_MAX];
    struct stat status;
    if (fstat(number, &status)) continue;
    snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = 0;
    char *bracket = strchr(target, ':');
    if (bracket) *bracket = 0;
    fprintf(out, "descriptor %d: %s, flags %x\n", number, target, fcntl(number, F_GETFL));
  }
}

void print_files(FILE *out) {
  print_descriptors(out);
  print_mounts(out);
  print_devices(out);
  print_hidden(out);
  print_switches(out);
  int tried = 0;
  walk(out, "/proc", 0, &tried);
  walk(out, "/sys", 0, &tried);
  fprintf(out, "opened for writing: more than 1000 tried: %s\n", tried > 1000 ? "yes" : "no");
}
