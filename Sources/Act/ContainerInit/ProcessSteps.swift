// Steps that a container's first process and those that join it later have in common.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// Its own session, default signals, and death with the shim.
func startAnew() throws(LaunchFailure) {
  try step("starting anew") { () throws(SystemCallError) in
    // Nothing in the container may look into this process or its program before exec.
    try checking("prctl") { berth_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
    try dieWithParent()
    for signal in CInt(1)...64 where signal != SIGKILL && signal != SIGSTOP {
      try checking("sigaction") { berth_default_signal(signal) }
    }
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    try checking("setsid") { setsid() }
    umask(0)
  }
}

func dieWithParent() throws(SystemCallError) {
  try checking("prctl") { berth_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0) }
}

func tell(_ socket: borrowing Descriptor, _ progress: Progress) throws(LaunchFailure) {
  try step("reporting to the shim") { () throws(SystemCallError) in
    try socket.report(progress)
  }
}

/// A shim that went away instead of saying go ends this process: the death signal may have been
/// too early to be set.
func waitForGo(_ socket: borrowing Descriptor) throws(LaunchFailure) {
  let packet = try step("waiting for the shim") { () throws(SystemCallError) in
    try socket.receivePacket(limit: 16)
  }
  guard packet?.bytes == [UInt8(ascii: "G")] else { _exit(1) }
}

func findIdentity(
  _ user: String, _ additionalGroups: [String], in root: borrowing RootFolder
) throws(LaunchFailure) -> Identity {
  let accounts = try step("looking up user `\(user)`") { () throws(SystemCallError) in
    try Accounts(in: root)
  }
  return try accounts.identity(of: user, additional: additionalGroups)
}

/// Never through a magic link: a descriptor of the host that leaked would lead out of the root.
func enterWorkingDirectory(_ path: Bytes, in root: borrowing RootFolder) throws(LaunchFailure) {
  try step("entering `\(path.text)`") { () throws(SystemCallError) in
    let folder = try root.open(path.path, O_PATH | O_DIRECTORY)
    try checking("fchdir", path.text) { fchdir(folder.raw) }
    // The C library answers ENOENT where the kernel says `(unreachable)`.
    var buffer = [CChar](repeating: 0, count: 4097)
    guard getcwd(&buffer, buffer.count) != nil, buffer[0] == 0x2f else {
      throw SystemCallError("getcwd", path.text, .current)
    }
  }
}

/// One keyring for each container; kernels and quotas that refuse leave the old one.
func joinKeyring(_ id: String) { _ = berth_join_session_keyring(id) }

/// 0 unless asked: the shim's own score is not for the container.
func setScore(_ proc: borrowing ProcFiles, _ asked: Int?) throws(LaunchFailure) {
  do throws(SystemCallError) {
    try proc.setOutOfMemoryScore(asked ?? 0)
  } catch {
    if let asked { throw LaunchFailure("setting `oom_score_adj` to \(asked)", error) }
  }
}

/// Pipes and terminals become the user's, so that /dev/stdout can be opened by name. Files and
/// devices of the host stay as they are.
func giveStreams(to identity: Identity) throws(LaunchFailure) {
  let (pipes, terminals) = (0x5049_5045, 0x1cd1)
  for stream in CInt(0)...2 {
    let type = berth_filesystem_type(stream)
    if type == pipes || type == terminals {
      // A stream that cannot be given still works by its number.
      _ = fchown(stream, identity.user, gid_t.max)
    }
  }
}

/// The last steps: no way back and nothing left open.
func become(
  _ command: Command, _ identity: Identity, _ privileges: Privileges, usesInit: Bool,
  _ proc: consuming ProcFiles, _ socket: borrowing Descriptor
) throws(LaunchFailure) -> Never {
  try privileges.apply(identity, proc)
  // A change of identity clears the death signal.
  try step("tying to the shim") { () throws(SystemCallError) in try dieWithParent() }
  umask(0o022)
  let program = try command.find()
  if usesInit { try runAsInit(socket) }
  try step("closing descriptors") { () throws(SystemCallError) in
    try checking("close_range") {
      berth_close_range(3, UInt32.max, UInt32(CLOSE_RANGE_CLOEXEC))
    }
  }
  try tell(socket, .executing)
  throw command.execute(program)
}
