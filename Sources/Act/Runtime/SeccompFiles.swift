// Profiles that the user names, compiled and kept by their content.

import CLinux
import CSeccomp
import Diagnostics
import Glibc
import Linux
import OCI
import Store
package import SystemPackage

extension SeccompProfiles {
  /// The filter of the profile at `path` for a container with these capabilities (names without
  /// `CAP_`). `name` is how messages call it. Blocks.
  package func filter(of path: FilePath, named name: String, capabilities: [String]) throws
    -> FilePath
  {
    let profile = try SeccompFile(read(path, name), name: name, native: Self.machine.native)
    let conditions = SeccompConditions(
      capabilities: Set(capabilities), machine: Self.machine.go, kernel: Self.kernel())
    let program = try Self.compile(profile, for: conditions)
    guard program.count <= 4096 * 8 else {
      throw SeccompFileError(
        file: name, place: "", reason: "its filter has more instructions than the kernel takes")
    }
    let compiled = folder.appending("\(Digest(of: program).hex).bpf")
    if compiled.withPlatformString({ access($0, R_OK) }) == 0 { return compiled }
    try makeFolders(folder)
    try writeFile(program, to: compiled, .durable)
    return compiled
  }

  private func read(_ path: FilePath, _ name: String) throws(SeccompFileError) -> [UInt8] {
    do throws(SystemCallError) {
      // Not a pipe, which would keep us waiting.
      let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
      var status = stat()
      try checking("fstat", path.string) { [raw = file.raw] in fstat(raw, &status) }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw SystemCallError("open", path.string, .invalidArgument)
      }
      return try file.readAll(limit: SeccompFile.mostBytes)
    } catch {
      throw SeccompFileError(
        file: name, place: "", reason: "it cannot be read: \(error.errno.text)")
    }
  }

  #if arch(x86_64)
    private static let machine = (native: "SCMP_ARCH_X86_64", go: "amd64")
  #else
    private static let machine = (native: "SCMP_ARCH_AARCH64", go: "arm64")
  #endif

  private static func kernel() -> KernelVersion {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: &name.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return KernelVersion(release) ?? .unknown
  }

  /// What the OCI runtimes make of a profile: names that do not exist here are skipped, conditions
  /// on one argument are alternatives, and calls that are newer than all that is named do not exist.
  static func compile(_ profile: SeccompFile, for conditions: SeccompConditions) throws -> [UInt8] {
    guard let filter = berth_seccomp_open_with(profile.defaultAction.number) else {
      throw SeccompError.libraryMissing
    }
    defer { berth_seccomp_close(filter) }
    for name in profile.architectures {
      try check(berth_seccomp_add_architecture(filter, name), name)
    }
    var numbers: [UInt32] = []
    var newest: UInt32 = 0
    for rule in profile.rules(for: conditions) {
      for name in rule.names {
        let number = berth_seccomp_number(name)
        if number >= 0 { newest = max(newest, UInt32(number)) }
        if number < 0, let known = SeccompProfile.numbers[name] {
          newest = max(newest, known)
          if rule.action == .allow, rule.conditions.isEmpty { numbers.append(known) }
        }
        // The library wants no rule that says what is said of all.
        if rule.action != profile.defaultAction { try add(rule, name, to: filter) }
      }
    }
    let allows: UInt32 = 0x7ff0_0000
    let isForgiving = profile.defaultAction.number & 0x7fff_0000 >= allows
    let saysMissing = profile.defaultAction.number == 0x0005_0000 | UInt32(ENOSYS)
    guard newest > 0, !isForgiving, !saysMissing else { return try export(filter) }
    return seccompBeginning(allowing: numbers, refusesClone3: false, newest: newest)
      + (try export(filter))
  }

  private static func add(_ rule: SeccompFile.Rule, _ name: String, to filter: OpaquePointer)
    throws
  {
    let conditions = rule.conditions.map {
      berth_seccomp_condition(
        argument: $0.argument, compare: $0.compare, first: $0.first, second: $0.second)
    }
    let isRepeated = Set(rule.conditions.map(\.argument)).count < conditions.count
    for group in isRepeated ? conditions.map({ [$0] }) : [conditions] {
      try check(
        berth_seccomp_add(filter, rule.action.number, name, group, UInt32(group.count)), name)
    }
  }

  /// 1 is what this machine does not have.
  private static func check(_ answer: CInt, _ name: String) throws {
    if answer < 0 { throw SeccompError.refused(call: name, errno: Errno(rawValue: -answer)) }
  }
}
