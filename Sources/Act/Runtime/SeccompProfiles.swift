// Compiled filters: made once for each set of capabilities, kept in the store, loaded raw by the
// process that they are for.

import CLinux
import CSeccomp
package import Diagnostics
import Glibc
import Linux
import Store
package import SystemPackage

package enum SeccompError: Diagnosable, Hashable {
  case libraryMissing
  case refused(call: String, errno: Errno)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .libraryMissing:
      [
        Diagnostic(
          "libseccomp cannot be opened, so no seccomp filter can be made",
          hint: "install the package `libseccomp2`")
      ]
    case .refused(let call, let errno):
      [Diagnostic("compiling the seccomp filter: `\(call)`: \(errno.text)")]
    }
  }
}

/// The filters below `<state>/seccomp`.
package struct SeccompProfiles: Sendable {
  let folder: FilePath

  package init(state: FilePath) { folder = state.appending("seccomp") }

  /// The default filter for a container with these capabilities (names without `CAP_`). Compiled
  /// on first use, then a look at one file; blocks.
  package func defaultFilter(capabilities: [String]) throws -> FilePath {
    // Only capabilities that change the filter are part of its name: most containers share one.
    let telling = SeccompProfile.byCapability.map(\.capability).filter(capabilities.contains)
    let path = folder.appending(Self.fileName(telling))
    if path.withPlatformString({ access($0, R_OK) }) == 0 { return path }
    try makeFolders(folder)
    // Many containers start at once and want the same one; the first compiles it.
    let lock = try FileLock.wait(folder.appending("lock"))
    if path.withPlatformString({ access($0, R_OK) }) == 0 { return path }
    try writeFile(Self.compile(Set(telling)), to: path, .durable)
    _ = consume lock
    return path
  }

  private static func fileName(_ capabilities: [String]) -> String {
    #if arch(x86_64)
      let machine = "x86_64"
    #else
      let machine = "aarch64"
    #endif
    // FNV-1a: the name tells filters apart, it defends against nothing.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    let text = "\(SeccompProfile.version) \(machine) \(capabilities.joined(separator: " "))"
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits + ".bpf"
  }

  /// The whole program: our own beginning, then what the library made of the table.
  static func compile(_ capabilities: Set<String>) throws -> [UInt8] {
    guard let filter = berth_seccomp_open() else { throw SeccompError.libraryMissing }
    defer { berth_seccomp_close(filter) }
    let granted = SeccompProfile.byCapability.filter { capabilities.contains($0.capability) }
    var numbers: [UInt32] = []
    for name in SeccompProfile.allowed + SeccompProfile.ofArchitecture + granted.flatMap(\.calls) {
      let answer = berth_seccomp_allow(filter, name)
      if answer < 0 { throw SeccompError.refused(call: name, errno: Errno(rawValue: -answer)) }
      // What neither the library nor we can name does not exist on this machine.
      if answer > 0, let number = SeccompProfile.numbers[name] { numbers.append(number) }
    }
    let hasSysAdmin = capabilities.contains("SYS_ADMIN")
    for call in SeccompProfile.conditional(hasSysAdmin: hasSysAdmin) {
      let (compare, value) = call.condition.forLibrary
      let answer = berth_seccomp_allow_when(filter, call.name, call.argument, compare, value)
      if answer < 0 {
        throw SeccompError.refused(call: call.name, errno: Errno(rawValue: -answer))
      }
    }
    return seccompBeginning(
      allowing: numbers, refusesClone3: !hasSysAdmin, newest: SeccompProfile.newestNumber)
      + (try export(filter))
  }

  static func export(_ filter: OpaquePointer) throws -> [UInt8] {
    let answer = berth_seccomp_export(filter)
    if answer < 0 { throw SeccompError.refused(call: "export", errno: Errno(rawValue: -answer)) }
    let file = Descriptor(owning: answer)
    return try file.readAll(limit: 4096 * 8)
  }
}

extension ArgumentCondition {
  fileprivate var forLibrary: (berth_seccomp_compare, UInt64) {
    switch self {
    case .equal(let value): (BERTH_SECCOMP_EQUAL, value)
    case .less(let value): (BERTH_SECCOMP_LESS, value)
    case .greater(let value): (BERTH_SECCOMP_GREATER, value)
    case .without(let mask): (BERTH_SECCOMP_MASKED_EQUAL, mask)
    }
  }
}

// MARK: - The beginning

/// One instruction of classic BPF: sock_filter of linux/filter.h.
private func instruction(_ code: UInt16, _ value: UInt32, yes: Int = 0, no: Int = 0) -> [UInt8] {
  var bytes: [UInt8] = []
  withUnsafeBytes(of: code.littleEndian) { bytes += $0 }
  bytes += [UInt8(truncatingIfNeeded: yes), UInt8(truncatingIfNeeded: no)]
  withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  return bytes
}

/// What the library cannot say: newer calls by number, ENOSYS for what is newer still and for
/// clone3 (whose flags no filter can see, so programs are to fall back to clone). Everything else,
/// and every architecture that counts differently, falls through to the library's program.
func seccompBeginning(allowing numbers: [UInt32], refusesClone3: Bool, newest: UInt32)
  -> [UInt8]
{
  #if arch(x86_64)
    let machines: [UInt32] = [0xc000_003e, 0x4000_0003]
  #else
    let machines: [UInt32] = [0xc000_00b7, 0x4000_0028]
  #endif
  let (load, ifEqual, ifGreater, ifAtLeast): (UInt16, UInt16, UInt16, UInt16) =
    (0x20, 0x15, 0x25, 0x35)
  let answer: UInt16 = 0x06
  var tests: [(number: UInt32, isAllowed: Bool)] = numbers.map { ($0, true) }
  if refusesClone3 { tests.insert((SeccompProfile.clone3Number, false), at: 0) }
  // Places: 0…2 the machine, 3 and 4 the number, then the tests, the limit, and the two answers.
  let limit = 5 + tests.count
  let (missing, allow, end) = (limit + 1, limit + 2, limit + 3)
  func jump(from place: Int, to target: Int) -> Int { target - place - 1 }
  var code = instruction(load, 4)
  code += instruction(ifEqual, machines[0], yes: jump(from: 1, to: 3), no: 0)
  code += instruction(ifEqual, machines[1], yes: 0, no: jump(from: 2, to: end))
  code += instruction(load, 0)
  // x32 and the private calls of arm count from far above.
  code += instruction(ifAtLeast, 0xf0000, yes: jump(from: 4, to: end))
  for (index, test) in tests.enumerated() {
    let target = test.isAllowed ? allow : missing
    code += instruction(ifEqual, test.number, yes: jump(from: 5 + index, to: target))
  }
  code += instruction(
    ifGreater, newest, yes: 0, no: jump(from: limit, to: end))
  code += instruction(answer, 0x0005_0000 | UInt32(ENOSYS))
  code += instruction(answer, 0x7fff_0000)
  return code
}
