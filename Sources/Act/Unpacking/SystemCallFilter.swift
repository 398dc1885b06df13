// The seccomp filter of the unpacking child, as classic BPF: a list of system calls, no memory that
// can be run, and "not implemented" for all the rest.

import CLinux

enum SystemCallFilter {
  /// Reading, writing and naming files below the root; memory; waiting for the other thread; the end.
  private static let allowed: [CInt] =
    [
      SYS_read, SYS_write, SYS_writev, SYS_pwrite64, SYS_close, SYS_fstat, SYS_lseek, SYS_openat,
      SYS_openat2, SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_symlinkat, SYS_linkat, SYS_fchown,
      SYS_fchownat, SYS_fchmod, SYS_fchmodat, SYS_fsetxattr, SYS_utimensat, SYS_ftruncate,
      SYS_getdents64, SYS_fcntl, SYS_flock, SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_futex,
      SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_sched_yield, SYS_clock_gettime, SYS_getrandom,
      SYS_gettid, SYS_getpid, SYS_tgkill, SYS_exit, SYS_exit_group, SYS_restart_syscall,
      SYS_newfstatat, SYS_renameat2,
    ].map { CInt($0) }
  /// Allowed unless the third argument asks for memory that can be run.
  private static let mapping: [CInt] = [SYS_mmap, SYS_mprotect].map { CInt($0) }

  private enum Code {
    static let load = UInt16(BPF_LD | BPF_W | BPF_ABS)
    static let jumpIfEqual = UInt16(BPF_JMP | BPF_JEQ | BPF_K)
    static let jumpIfSet = UInt16(BPF_JMP | BPF_JSET | BPF_K)
    static let answer = UInt16(BPF_RET | BPF_K)
  }

  /// Where things are in struct seccomp_data.
  private enum Field {
    static let number: UInt32 = 0
    static let architecture: UInt32 = 4
    /// The low half, on a little-endian machine.
    static let thirdArgument: UInt32 = 16 + 2 * 8
  }

  private enum Answer {
    static let allow: UInt32 = 0x7FFF_0000
    static let kill: UInt32 = 0x8000_0000
    static let notImplemented: UInt32 = 0x0005_0000 | UInt32(ENOSYS)
  }

  #if arch(x86_64)
    private static let architecture: UInt32 = 0xC000_003E
  #elseif arch(arm64)
    private static let architecture: UInt32 = 0xC000_00B7
  #else
    #error("the number of this architecture, from linux/audit.h, is needed here")
  #endif

  static let program: [sock_filter] = {
    var steps = [
      step(Code.load, Field.architecture),
      step(Code.jumpIfEqual, architecture, 1, 0),
      step(Code.answer, Answer.kill),
      step(Code.load, Field.number),
    ]
    for number in mapping {
      steps += [
        step(Code.jumpIfEqual, UInt32(number), 0, 4),
        step(Code.load, Field.thirdArgument),
        step(Code.jumpIfSet, UInt32(PROT_EXEC), 0, 1),
        step(Code.answer, Answer.notImplemented),
        step(Code.answer, Answer.allow),
      ]
    }
    for number in allowed {
      steps += [step(Code.jumpIfEqual, UInt32(number), 0, 1), step(Code.answer, Answer.allow)]
    }
    steps.append(step(Code.answer, Answer.notImplemented))
    return steps
  }()

  private static func step(_ code: UInt16, _ value: UInt32, _ yes: UInt8 = 0, _ no: UInt8 = 0)
    -> sock_filter
  {
    sock_filter(code: code, jt: yes, jf: no, k: value)
  }
}
