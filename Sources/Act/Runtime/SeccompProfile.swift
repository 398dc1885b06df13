// The default seccomp profile as data: which system calls a container may make. What is named
// nowhere is answered with EPERM; numbers newer than the profile with ENOSYS, so that programs fall
// back to what older kernels have.

/// A condition on one argument of a call.
package enum ArgumentCondition: Hashable, Sendable {
  case equal(UInt64)
  case less(UInt64)
  case greater(UInt64)
  /// None of these bits is set.
  case without(UInt64)
}

/// A call that is allowed when one argument fits.
package struct ConditionalCall: Hashable, Sendable {
  package var name: String
  package var argument: UInt32
  package var condition: ArgumentCondition
}

package enum SeccompProfile {
  /// To be raised with every change here: compiled filters are kept under this number.
  static let version = 1

  /// Always allowed, by subject.
  static let allowed = words(
    """
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek
    open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl pipe pipe2
    access faccessat faccessat2 stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx
    statfs statfs64 fstatfs fstatfs64 readlink readlinkat getdents getdents64 getcwd chdir fchdir
    rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat mkdir mkdirat rmdir
    mknod mknodat chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32
    fchownat truncate truncate64 ftruncate ftruncate64 fallocate umask utime utimes utimensat
    utimensat_time64 futimesat sync syncfs fsync fdatasync sync_file_range readahead fadvise64
    fadvise64_64 copy_file_range sendfile sendfile64 splice tee vmsplice name_to_handle_at
    getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr
    removexattr lremovexattr fremovexattr getxattrat setxattrat listxattrat removexattrat
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark cachestat
    landlock_create_ruleset landlock_add_rule landlock_restrict_self

    select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1
    epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2
    signalfd signalfd4 timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime
    timerfd_gettime64 io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents
    io_pgetevents_time64

    socketcall socketpair bind listen accept accept4 connect getsockname getpeername send sendto
    sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 getsockopt setsockopt shutdown

    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock
    munlockall membarrier memfd_create memfd_secret remap_file_pages pkey_alloc pkey_free
    pkey_mprotect process_mrelease map_shadow_stack mseal
    shmget shmat shmdt shmctl semget semop semctl semtimedop semtimedop_time64 msgget msgsnd msgrcv
    msgctl ipc mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64
    mq_timedreceive mq_timedreceive_time64
    futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue set_robust_list
    get_robust_list rseq

    fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill pause
    pidfd_open pidfd_send_signal getpid getppid gettid getpgid getpgrp getsid setpgid setsid
    set_tid_address restart_syscall prctl seccomp uname sysinfo times getrusage getcpu
    process_vm_readv process_vm_writev ptrace
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
    getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64
    sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam
    sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max
    sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64
    set_thread_area get_thread_area uretprobe

    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32
    getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32
    setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid
    setfsgid32 setgroups setgroups32 capget capset

    time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64
    clock_nanosleep clock_nanosleep_time64 clock_adjtime clock_adjtime64 adjtimex nanosleep alarm
    getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
    timer_settime timer_settime64 getrandom
    """)

  /// Of one architecture and its 32-bit relatives.
  #if arch(x86_64)
    static let ofArchitecture = words("arch_prctl modify_ldt")
  #else
    static let ofArchitecture = words(
      """
      arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls
      """)
  #endif

  /// Allowed with a capability: then the kernel checks for itself.
  static let byCapability: [(capability: String, calls: [String])] = [
    ("DAC_READ_SEARCH", words("open_by_handle_at")),
    (
      "SYS_ADMIN",
      words(
        """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount
        mount_setattr move_mount open_tree open_tree_attr perf_event_open quotactl quotactl_fd
        setdomainname sethostname setns statmount syslog umount umount2 unshare
        """)
    ),
    ("SYS_BOOT", words("reboot")),
    ("SYS_CHROOT", words("chroot")),
    ("SYS_MODULE", words("delete_module init_module finit_module")),
    ("SYS_PACCT", words("acct")),
    ("SYS_PTRACE", words("kcmp pidfd_getfd process_madvise")),
    ("SYS_RAWIO", words("iopl ioperm")),
    ("SYS_TIME", words("settimeofday stime clock_settime clock_settime64")),
    ("SYS_TTY_CONFIG", words("vhangup")),
    ("SYS_NICE", words("get_mempolicy mbind set_mempolicy set_mempolicy_home_node")),
    ("SYSLOG", words("syslog")),
    ("BPF", words("bpf")),
    ("PERFMON", words("perf_event_open")),
  ]

  /// Allowed with fitting arguments.
  static func conditional(hasSysAdmin: Bool) -> [ConditionalCall] {
    // AF_ALG (38) and AF_VSOCK (40) are left out.
    var calls = [
      ConditionalCall(name: "socket", argument: 0, condition: .less(38)),
      ConditionalCall(name: "socket", argument: 0, condition: .equal(39)),
      ConditionalCall(name: "socket", argument: 0, condition: .greater(40)),
    ]
    for persona: UInt64 in [0, 8, 0x20000, 0x20008, 0xffff_ffff] {
      calls.append(
        ConditionalCall(name: "personality", argument: 0, condition: .equal(persona)))
    }
    if !hasSysAdmin {
      // No new namespace of any kind.
      calls.append(
        ConditionalCall(name: "clone", argument: 0, condition: .without(0x7e02_0000)))
    }
    return calls
  }

  /// Numbers of calls that older libraries do not know; the same on every architecture here.
  static let numbers: [String: UInt32] = [
    "set_mempolicy_home_node": 450, "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453,
    "futex_wake": 454, "futex_wait": 455, "futex_requeue": 456, "statmount": 457,
    "listmount": 458, "mseal": 462, "setxattrat": 463, "getxattrat": 464, "listxattrat": 465,
    "removexattrat": 466, "open_tree_attr": 467, "futex_waitv": 449, "process_mrelease": 448,
    "memfd_secret": 447, "quotactl_fd": 443,
  ]

  /// The newest number that this profile has an opinion on (file_setattr, Linux 6.17).
  static let newestNumber: UInt32 = 469

  static let clone3Number: UInt32 = 435

  private static func words(_ text: String) -> [String] {
    text.split { $0 == " " || $0 == "\n" }.map(String.init)
  }
}
