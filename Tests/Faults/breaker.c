// Runs a program and breaks it at one of its system calls, counted over all of its threads:
//
//   breaker REPORT count|kill|ERRNO-NAME N PROGRAM ARGUMENT…
//
// `kill` ends the program where its Nth call that changes something begins; the name of an errno makes the Nth call that
// can fail so answer it. With N 0 nothing is broken. REPORT gets one line: how many such calls there were, and which was
// broken. Programs that it starts are let go. Ends as the program does; with 128 and the signal's number for one that was
// killed.

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANGES = 1, SPACE = 2, DISK = 4, DESCRIPTOR = 8, MEMORY = 16, SLOW = 32 };

struct call { long number; const char *name; int kinds; };

#define CALL(name, kinds) {SYS_##name, #name, kinds}
// Left out is what the language's own library cannot do without: epoll_create1, eventfd2, timerfd_create.
static const struct call calls[] = {
    CALL(openat, CHANGES | SPACE | DESCRIPTOR | SLOW),
    CALL(mkdirat, CHANGES | SPACE | DISK),
    CALL(renameat2, CHANGES | SPACE | DISK),
    CALL(unlinkat, CHANGES | DISK),
    CALL(symlinkat, CHANGES | SPACE | DISK),
    CALL(linkat, CHANGES | SPACE | DISK),
#ifdef SYS_mkdir
    CALL(mkdir, CHANGES | SPACE | DISK),
    CALL(rmdir, CHANGES | DISK),
    CALL(rename, CHANGES | SPACE | DISK),
    CALL(unlink, CHANGES | DISK),
    CALL(symlink, CHANGES | SPACE | DISK),
    CALL(link, CHANGES | SPACE | DISK),
    CALL(open, CHANGES | SPACE | DESCRIPTOR | SLOW),
    CALL(vfork, CHANGES | MEMORY),
    CALL(fork, CHANGES | MEMORY),
    CALL(poll, SLOW),
    CALL(epoll_wait, SLOW),
    CALL(pipe, DESCRIPTOR),
#endif
#ifdef SYS_renameat
    CALL(renameat, CHANGES | SPACE | DISK),
#endif
    CALL(mount, CHANGES | MEMORY),
    CALL(umount2, CHANGES),
    CALL(move_mount, CHANGES | MEMORY),
    CALL(open_tree, CHANGES | DESCRIPTOR | MEMORY),
    CALL(mount_setattr, CHANGES),
    CALL(unshare, CHANGES | MEMORY),
    CALL(setns, CHANGES | MEMORY),
    CALL(clone, CHANGES | MEMORY),
    CALL(clone3, CHANGES | MEMORY),
    CALL(write, CHANGES | SPACE | DISK | SLOW),
    CALL(writev, CHANGES | SPACE | DISK | SLOW),
    CALL(pwrite64, CHANGES | SPACE | DISK | SLOW),
    CALL(fsync, CHANGES | SPACE | DISK | SLOW),
    CALL(fdatasync, CHANGES | SPACE | DISK),
    CALL(syncfs, CHANGES | SPACE | DISK),
    CALL(ftruncate, CHANGES | DISK | SLOW),
    CALL(fallocate, CHANGES | SPACE | DISK | SLOW),
    CALL(fchmod, CHANGES),
    CALL(fchmodat, CHANGES),
    CALL(fchown, CHANGES),
    CALL(fchownat, CHANGES),
    CALL(utimensat, CHANGES),
    CALL(sendfile, CHANGES | SPACE | DISK),
    CALL(copy_file_range, CHANGES | SPACE | DISK),
    CALL(flock, CHANGES | SLOW),
    CALL(sendto, CHANGES | MEMORY | SLOW),
    CALL(sendmsg, CHANGES | MEMORY | SLOW),
    CALL(sendmmsg, CHANGES | MEMORY),
    CALL(bind, CHANGES | MEMORY),
    CALL(connect, CHANGES | MEMORY | SLOW),
    CALL(ioctl, CHANGES),
    CALL(kill, CHANGES),
    CALL(pidfd_send_signal, CHANGES),
    CALL(memfd_create, DESCRIPTOR | MEMORY),
    CALL(socket, DESCRIPTOR | MEMORY),
    CALL(socketpair, DESCRIPTOR | MEMORY),
    CALL(pipe2, DESCRIPTOR),
    CALL(openat2, DESCRIPTOR | SLOW),
    CALL(pidfd_open, DESCRIPTOR | MEMORY),
    CALL(fcntl, DESCRIPTOR),
    CALL(read, DISK | SLOW),
    CALL(pread64, DISK | SLOW),
    CALL(getdents64, DISK),
    CALL(recvmsg, SLOW),
    CALL(recvfrom, SLOW),
    CALL(ppoll, SLOW),
    CALL(epoll_pwait, SLOW),
    CALL(wait4, SLOW),
    CALL(waitid, SLOW),
};

static const struct { const char *name; int value, kind; } faults[] = {
    {"ENOSPC", ENOSPC, SPACE}, {"EIO", EIO, DISK}, {"EMFILE", EMFILE, DESCRIPTOR}, {"ENOMEM", ENOMEM, MEMORY},
    {"EINTR", EINTR, SLOW},
};

static int kind, fault;
// From then on calls count: what the loader does before is none of the program's.
static int begun;

static const struct call *meant(const struct __ptrace_syscall_info *info) {
    const struct call *call = NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if ((long)info->entry.nr == calls[i].number && calls[i].kinds & kind) call = &calls[i];
    }
    if (!call) return NULL;
    unsigned long long first = info->entry.args[0], second = info->entry.args[1], third = info->entry.args[2];
    switch (call->number) {
    case SYS_openat:
        if (kind & (CHANGES | SPACE) && !(third & (O_CREAT | O_TRUNC))) return NULL;
        break;
    case SYS_write: case SYS_writev:
        // What it says to the user changes nothing, and its terminal is never full.
        if (first <= 2) return NULL;
        break;
    case SYS_clone:
        // A thread that cannot be had is fatal in the language's own library.
        if (first & CLONE_THREAD) return NULL;
        break;
    case SYS_ioctl:
        // Terminals are asked, nothing is changed.
        if ((second & 0xff00) == 0x5400) return NULL;
        break;
    case SYS_fcntl:
        if (second != F_DUPFD_CLOEXEC && second != F_DUPFD) return NULL;
        break;
    }
    return call;
}

static int is_thread(pid_t task, const struct __ptrace_syscall_info *info) {
    if (info->entry.nr != SYS_clone3) return 0;
    errno = 0;
    long flags = ptrace(PTRACE_PEEKDATA, task, (void *)info->entry.args[0], NULL);
    return errno == 0 && flags & CLONE_THREAD;
}

static void skip(pid_t task) {
#if defined(__x86_64__)
    long register_of_number = 15 * 8;
    ptrace(PTRACE_POKEUSER, task, (void *)register_of_number, (void *)-1L);
#else
    int number = -1;
    struct iovec piece = {&number, sizeof number};
    ptrace(PTRACE_SETREGSET, task, (void *)0x404, &piece);
#endif
}

static void answer(pid_t task, long value) {
#if defined(__x86_64__)
    long register_of_result = 10 * 8;
    ptrace(PTRACE_POKEUSER, task, (void *)register_of_result, (void *)value);
#else
    long registers[34];
    struct iovec piece = {registers, sizeof registers};
    ptrace(PTRACE_GETREGSET, task, (void *)NT_PRSTATUS, &piece);
    registers[0] = value;
    ptrace(PTRACE_SETREGSET, task, (void *)NT_PRSTATUS, &piece);
#endif
}

int main(int count, char **words) {
    if (count < 5) return fprintf(stderr, "usage: breaker REPORT count|kill|ERRNO N PROGRAM…\n"), 2;
    kind = CHANGES;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (!strcmp(words[2], faults[i].name)) kind = faults[i].kind, fault = faults[i].value;
    }
    long at = atol(words[3]), seen = 0;
    const char *broken = "nothing";
    pid_t broken_task = 0, child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execvp(words[4], words + 4);
        _exit(127);
    }
    int status, result = 1;
    waitpid(child, &status, 0);
    // Threads are followed; programs that it starts are not.
    ptrace(PTRACE_SETOPTIONS, child, NULL,
           (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL));
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    pid_t task;
    while ((task = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (task == child) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info;
            ptrace(PTRACE_GET_SYSCALL_INFO, task, (void *)sizeof info, &info);
            if (info.op == PTRACE_SYSCALL_INFO_EXIT && task == broken_task) {
                answer(task, -fault);
                broken_task = 0;
            }
            const struct call *call = info.op == PTRACE_SYSCALL_INFO_ENTRY && begun ? meant(&info) : NULL;
            if (call && !is_thread(task, &info) && ++seen == at) {
                broken = call->name;
                if (fault) {
                    skip(task);
                    broken_task = task;
                } else if (!strcmp(words[2], "kill")) {
                    kill(child, SIGKILL);
                }
            }
            // The first thing that a program itself does after its libraries are in place.
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getrandom) begun = 1;
            signal = 0;
        } else if (status >> 16 || signal == SIGSTOP) {
            signal = 0;
        }
        ptrace(PTRACE_SYSCALL, task, NULL, (void *)(long)signal);
    }
    FILE *report = fopen(words[1], "w");
    if (!report) return perror(words[1]), 2;
    fprintf(report, "%ld %s\n", seen, broken);
    return fclose(report) ? 2 : result;
}
