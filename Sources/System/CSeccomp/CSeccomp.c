#define _GNU_SOURCE
#include "CSeccomp.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
  __typeof__(seccomp_init) *init;
  __typeof__(seccomp_release) *release;
  __typeof__(seccomp_arch_add) *arch_add;
  __typeof__(seccomp_attr_set) *attr_set;
  __typeof__(seccomp_syscall_resolve_name) *resolve;
  __typeof__(seccomp_arch_resolve_name) *resolve_arch;
  __typeof__(seccomp_rule_add_array) *add;
  __typeof__(seccomp_export_bpf) *export;
  int usable;
} library;

static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_library(void) {
  void *handle = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  library.init = (__typeof__(library.init))dlsym(handle, "seccomp_init");
  library.release = (__typeof__(library.release))dlsym(handle, "seccomp_release");
  library.arch_add = (__typeof__(library.arch_add))dlsym(handle, "seccomp_arch_add");
  library.attr_set = (__typeof__(library.attr_set))dlsym(handle, "seccomp_attr_set");
  library.resolve = (__typeof__(library.resolve))dlsym(handle, "seccomp_syscall_resolve_name");
  library.resolve_arch =
      (__typeof__(library.resolve_arch))dlsym(handle, "seccomp_arch_resolve_name");
  library.add = (__typeof__(library.add))dlsym(handle, "seccomp_rule_add_array");
  library.export = (__typeof__(library.export))dlsym(handle, "seccomp_export_bpf");
  library.usable = library.init && library.release && library.arch_add && library.attr_set &&
                   library.resolve && library.resolve_arch && library.add && library.export;
}

struct berth_seccomp {
  scmp_filter_ctx context;
};

struct berth_seccomp *berth_seccomp_open_with(uint32_t action) {
  pthread_once(&opened, open_library);
  if (!library.usable) return NULL;
  struct berth_seccomp *filter = calloc(1, sizeof *filter);
  if (!filter) return NULL;
  filter->context = library.init(action);
  if (!filter->context) {
    free(filter);
    return NULL;
  }
  // A search tree instead of a list; libraries older than 2.5 have only the list.
  library.attr_set(filter->context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  return filter;
}

struct berth_seccomp *berth_seccomp_open(void) {
  struct berth_seccomp *filter = berth_seccomp_open_with(SCMP_ACT_ERRNO(EPERM));
  if (!filter) return NULL;
#if defined(__x86_64__)
  library.arch_add(filter->context, SCMP_ARCH_X86);
  library.arch_add(filter->context, SCMP_ARCH_X32);
#elif defined(__aarch64__)
  library.arch_add(filter->context, SCMP_ARCH_ARM);
#endif
  return filter;
}

void berth_seccomp_close(struct berth_seccomp *filter) {
  if (!filter) return;
  library.release(filter->context);
  free(filter);
}

int berth_seccomp_allow(struct berth_seccomp *filter, const char *name) {
  int number = library.resolve(name);
  if (number == __NR_SCMP_ERROR) return 1;
  return library.add(filter->context, SCMP_ACT_ALLOW, number, 0, NULL);
}

int berth_seccomp_allow_when(struct berth_seccomp *filter, const char *name, unsigned argument,
                             enum berth_seccomp_compare compare, uint64_t value) {
  int number = library.resolve(name);
  if (number == __NR_SCMP_ERROR) return 1;
  struct scmp_arg_cmp condition = {.arg = argument, .datum_a = value};
  switch (compare) {
    case BERTH_SECCOMP_EQUAL: condition.op = SCMP_CMP_EQ; break;
    case BERTH_SECCOMP_LESS: condition.op = SCMP_CMP_LT; break;
    case BERTH_SECCOMP_GREATER: condition.op = SCMP_CMP_GT; break;
    case BERTH_SECCOMP_MASKED_EQUAL: condition.op = SCMP_CMP_MASKED_EQ; break;
  }
  return library.add(filter->context, SCMP_ACT_ALLOW, number, 1, &condition);
}

int berth_seccomp_add_architecture(struct berth_seccomp *filter, const char *name) {
  uint32_t token = library.resolve_arch(name);
  if (token == 0) return 1;
  int answer = library.arch_add(filter->context, token);
  return answer == -EEXIST ? 0 : answer;
}

int berth_seccomp_number(const char *name) { return library.resolve(name); }

int berth_seccomp_add(struct berth_seccomp *filter, uint32_t action, const char *name,
                      const struct berth_seccomp_condition *conditions, unsigned count) {
  int number = library.resolve(name);
  if (number == __NR_SCMP_ERROR) return 1;
  struct scmp_arg_cmp arguments[6];
  if (count > 6) return -EINVAL;
  for (unsigned index = 0; index < count; index++) {
    arguments[index].arg = conditions[index].argument;
    arguments[index].op = (enum scmp_compare)conditions[index].compare;
    arguments[index].datum_a = conditions[index].first;
    arguments[index].datum_b = conditions[index].second;
  }
  int answer = library.add(filter->context, action, number, count, arguments);
  return answer == -EEXIST ? 0 : answer;
}

int berth_seccomp_export(struct berth_seccomp *filter) {
  int fd = (int)syscall(SYS_memfd_create, "seccomp", 1 /* MFD_CLOEXEC */);
  if (fd < 0) return -errno;
  int answer = library.export(filter->context, fd);
  if (answer == 0 && lseek(fd, 0, SEEK_SET) < 0) answer = -errno;
  if (answer == 0) return fd;
  close(fd);
  return answer;
}
