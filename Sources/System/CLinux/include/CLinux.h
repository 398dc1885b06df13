// What Swift's view of glibc lacks: variadic calls, newer system calls and their structures.
#pragma once
// Feature macros stay as the importer sets them: other modules include the same headers.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_link.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/openat2.h>
#include <linux/quota.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/veth.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

// Numbers that glibc keeps behind _GNU_SOURCE, or that Swift does not see through their macros.
#ifndef O_PATH
#define O_PATH 0x200000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
static const unsigned long berth_unlock_pty = TIOCSPTLCK;

// Each returns what the system call returns: -1 and errno on failure.

static inline long berth_openat2(int directory, const char *path, uint64_t flags, uint64_t mode,
                                 uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return syscall(SYS_openat2, directory, path, &how, sizeof how);
}

static inline long berth_clone3(struct clone_args *arguments) {
  return syscall(SYS_clone3, arguments, sizeof *arguments);
}

// glibc hides these behind _GNU_SOURCE, which this header must not define.
void *memmem(const void *text, size_t size, const void *part, size_t part_size);
static inline long berth_pipe2(int ends[2], int flags) { return syscall(SYS_pipe2, ends, flags); }

// MFD_CLOEXEC | MFD_ALLOW_SEALING
static inline long berth_sealable_memory(const char *name) {
  return syscall(SYS_memfd_create, name, 3u);
}

static inline long berth_setns(int fd, int type) { return syscall(SYS_setns, fd, type); }

static inline long berth_unshare(unsigned long flags) { return syscall(SYS_unshare, flags); }

static inline long berth_accept4(int fd, int flags) {
  return syscall(SYS_accept4, fd, (void *)0, (void *)0, flags);
}

static inline long berth_fallocate(int fd, int mode, off_t offset, off_t length) {
  return syscall(SYS_fallocate, fd, mode, offset, length);
}

static inline dev_t berth_makedev(unsigned major, unsigned minor) { return makedev(major, minor); }

static inline long berth_syncfs(int fd) { return syscall(SYS_syncfs, fd); }

static inline long berth_close_range(unsigned first, unsigned last, unsigned flags) {
  return syscall(SYS_close_range, first, last, flags);
}

static inline long berth_pidfd_open(pid_t pid, unsigned flags) {
  return syscall(SYS_pidfd_open, pid, flags);
}

static inline long berth_pidfd_send_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0);
}

static inline long berth_pivot_root(const char *new_root, const char *put_old) {
  return syscall(SYS_pivot_root, new_root, put_old);
}

static inline long berth_fsopen(const char *type, unsigned flags) {
  return syscall(SYS_fsopen, type, flags);
}

static inline long berth_fsconfig(int fd, unsigned command, const char *key, const void *value,
                                  int aux) {
  return syscall(SYS_fsconfig, fd, command, key, value, aux);
}

static inline long berth_fsmount(int fd, unsigned flags, unsigned attributes) {
  return syscall(SYS_fsmount, fd, flags, attributes);
}

static inline long berth_open_tree(int directory, const char *path, unsigned flags) {
  return syscall(SYS_open_tree, directory, path, flags);
}

static inline long berth_move_mount(int from, const char *from_path, int to, const char *to_path,
                                    unsigned flags) {
  return syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline long berth_mount_setattr(int directory, const char *path, unsigned flags,
                                       uint64_t set, uint64_t clear, uint64_t propagation,
                                       int user_namespace) {
  struct mount_attr attributes = {.attr_set = set,
                                  .attr_clr = clear,
                                  .propagation = propagation,
                                  .userns_fd = (uint64_t)user_namespace};
  return syscall(SYS_mount_setattr, directory, path, flags, &attributes, sizeof attributes);
}

// From and to where both stand.
static inline long berth_copy_file_range(int from, int to, size_t count) {
  return syscall(SYS_copy_file_range, from, (void *)0, to, (void *)0, count, 0);
}

static inline long berth_renameat2(int from, const char *from_path, int to, const char *to_path,
                                   unsigned flags) {
  return syscall(SYS_renameat2, from, from_path, to, to_path, flags);
}

// Variadic in C, so not visible to Swift.
static inline int berth_openat(int directory, const char *path, int flags, mode_t mode) {
  return openat(directory, path, flags, mode);
}

static inline int berth_ioctl_pointer(int fd, unsigned long request, void *argument) {
  return ioctl(fd, request, argument);
}

static inline int berth_ioctl_int(int fd, unsigned long request, long argument) {
  return ioctl(fd, request, argument);
}

static inline int berth_fcntl(int fd, int command, long argument) {
  return fcntl(fd, command, argument);
}

static inline int berth_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                              unsigned long d) {
  return prctl(option, a, b, c, d);
}

// Set-uid, set-gid or file capabilities were in play at exec.
static inline int berth_is_secure_exec(void) { return getauxval(AT_SECURE) != 0; }

// Wait status macros.
static inline int berth_exited(int status) { return WIFEXITED(status); }
static inline int berth_exit_status(int status) { return WEXITSTATUS(status); }
static inline int berth_signaled(int status) { return WIFSIGNALED(status); }
static inline int berth_term_signal(int status) { return WTERMSIG(status); }

// What a container's first process does to itself. The identity calls go to the kernel directly:
// glibc's would first look for other threads.
static inline long berth_set_groups(const gid_t *groups, size_t count) {
  return syscall(SYS_setgroups, count, groups);
}

static inline long berth_set_group(gid_t group) {
  return syscall(SYS_setresgid, group, group, group);
}

static inline long berth_set_user(uid_t user) { return syscall(SYS_setresuid, user, user, user); }

static inline long berth_join_session_keyring(const char *name) {
  return syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, name);
}

// The default action also for the two signals that glibc keeps for itself and would not touch.
static inline long berth_default_signal(int signal) {
  unsigned long action[4] = {0};
  return syscall(SYS_rt_sigaction, signal, action, (void *)0, 8);
}

// `filter` holds `count` classic BPF instructions of eight bytes.
static inline long berth_load_seccomp_filter(const void *filter, unsigned short count) {
  struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)filter};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}

// The same for all threads of this process, whichever of them calls.
static inline long berth_load_seccomp_filter_everywhere(const void *filter, unsigned short count) {
  struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)filter};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

// Puts a folder, and what will be made in it, into a project of the file system's quotas.
static inline int berth_join_project(int fd, uint32_t project) {
  struct fsxattr attributes;
  if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
  attributes.fsx_projid = project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  return ioctl(fd, FS_IOC_FSSETXATTR, &attributes);
}

// The project of a folder, 0 when it is in none or the file system knows of none.
static inline uint32_t berth_project(int fd) {
  struct fsxattr attributes;
  return ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0 ? attributes.fsx_projid : 0;
}

// Bytes, rounded up to KiB; 0 is without limit. `fd` is anything on the file system.
static inline long berth_limit_project(int fd, uint32_t project, uint64_t bytes) {
  struct if_dqblk limits = {0};
  limits.dqb_bhardlimit = bytes / 1024 + (bytes % 1024 != 0);
  limits.dqb_valid = QIF_BLIMITS;
  return syscall(SYS_quotactl_fd, fd, QCMD(Q_SETQUOTA, PRJQUOTA), project, &limits);
}

// How many files a project has; -1 and errno when there are no quotas of projects.
static inline long berth_project_files(int fd, uint32_t project) {
  struct if_dqblk use = {0};
  if (syscall(SYS_quotactl_fd, fd, QCMD(Q_GETQUOTA, PRJQUOTA), project, &use) != 0) return -1;
  return (long)use.dqb_curinodes;
}

// The other end of a pty without any path: ioctl_tty(2).
static inline int berth_pty_peer(int master) {
  return ioctl(master, TIOCGPTPEER, (long)(O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static inline long berth_filesystem_type(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 ? (long)status.f_type : -1;
}

static inline long berth_get_directory_entries(int fd, void *buffer, size_t size) {
  return syscall(SYS_getdents64, fd, buffer, size);
}

static inline long berth_bpf_load_device_program(const void *instructions, unsigned count) {
  union bpf_attr attributes = {0};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = (uint64_t)(uintptr_t)instructions;
  attributes.insn_cnt = count;
  attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
  return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
}

static inline long berth_bpf_attach_device_program(int program, int group) {
  union bpf_attr attributes = {0};
  attributes.target_fd = (uint32_t)group;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  return syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes);
}

// Drops what a program has mapped and touched and will not read again: the pages of its own
// instructions, which are clean and come back from the page cache at their next use (the names are
// the linker's), and its stack below the frames in use. For a program of one thread.
static inline void berth_forget_used_pages(void) {
  extern char __executable_start[] __attribute__((weak));
  extern char etext[] __attribute__((weak));
  uintptr_t page = 4096, start = (uintptr_t)__executable_start, end = (uintptr_t)etext;
  if (start && end > start) madvise((void *)start, (end - start) & ~(page - 1), MADV_DONTNEED);
  uintptr_t top = ((uintptr_t)__builtin_frame_address(0) & ~(page - 1)) - page;
  madvise((void *)(top - 16 * page), 16 * page, MADV_DONTNEED);
}

// Waits for the end of the process that `pidfd` names and then becomes `program`, or fails to for ten
// seconds and exits with 1. A child that has ended by itself is no reason to: its status is the
// caller's then. `words` are those that main got, not more than fifteen.
//
// While it waits it has two pages of its own: those words at the stack's end and this frame. The
// program's data, the heap, whatever is mapped and the rest of the stack go. Nothing is called from
// then on that wants any of it, not even the C library's idea of the thread: syscall(2) alone. There
// are other threads of no kind.
__attribute__((noinline, noreturn, unused)) static void berth_become_at_end(
    int pidfd, int program, char *const *words) {
  extern char __executable_start[] __attribute__((weak));
  char *kept[16] = {0}, *environment[1] = {0};
  struct pollfd watched = {.fd = pidfd, .events = POLLIN};
  struct timespec pause = {.tv_nsec = 10000000};
  siginfo_t child = {0};
  for (int i = 0; i < 15 && words[i]; i++) kept[i] = words[i];
  uintptr_t page = getauxval(AT_PAGESZ), frame = (uintptr_t)__builtin_frame_address(0);
  uintptr_t start = (uintptr_t)__executable_start, errors = (uintptr_t)&errno & ~(page - 1);
  uintptr_t low = (frame - 1024) & ~(page - 1), high = ((frame + 64) & ~(page - 1)) + page;
  uintptr_t texts = (uintptr_t)kept[0] & ~(page - 1);
  // A walk ends at the kernel's own pages, which lie between what is mapped and the stack.
  if (start) syscall(SYS_madvise, start, low - start, MADV_DONTNEED);
  syscall(SYS_madvise, low - 64 * page, 64 * page, MADV_DONTNEED);
  if (texts > high) syscall(SYS_madvise, high, texts - high, MADV_DONTNEED);
  // Where failures of the calls above were written down.
  syscall(SYS_madvise, errors, page, MADV_DONTNEED);
  while (syscall(SYS_ppoll, &watched, 1, (void *)0, (void *)0, 0) != 1) continue;
  if (syscall(SYS_waitid, 3 /* P_PIDFD */, pidfd, &child, WEXITED, (void *)0) == 0 &&
      child.si_code == CLD_EXITED) {
    syscall(SYS_exit_group, child.si_status);
  }
  for (int attempt = 0; attempt < 1000; attempt++) {
    syscall(SYS_execveat, program, "", kept, environment, AT_EMPTY_PATH);
    syscall(SYS_ppoll, (void *)0, 0, &pause, (void *)0, 0);
  }
  while (1) syscall(SYS_exit_group, 1);
}
