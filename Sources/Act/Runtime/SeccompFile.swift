// A seccomp profile in docker's JSON form: which calls a container may make, said by the user. What
// it says depends on the container's capabilities, the machine and the kernel.

package import Diagnostics

/// A profile that cannot be used: the file, and where in it.
package struct SeccompFileError: Diagnosable, Hashable {
  package var file: String
  /// `syscalls[3].action`; empty is the whole file.
  package var place: String
  package var reason: String
  package var span: SourceSpan?

  package var diagnostics: [Diagnostic] {
    let place = place.isEmpty ? "" : ": `\(place)`"
    return [Diagnostic("seccomp profile `\(file)`\(place): \(reason)", span: span)]
  }
}

/// The file as it stands; `rules(for:)` is what holds for one container.
package struct SeccompFile: Hashable, Sendable {
  /// SECCOMP_RET_* with its data.
  struct Action: Hashable, Sendable {
    var number: UInt32

    static let allow = Action(number: 0x7fff_0000)
  }

  struct Condition: Hashable, Sendable {
    var argument: UInt32
    /// SCMP_CMP_*.
    var compare: Int32
    var first: UInt64
    var second: UInt64
  }

  /// When a rule holds, or does not.
  struct Filter: Hashable, Sendable {
    /// Without `CAP_`.
    var capabilities: [String] = []
    /// As Go names them: `amd64`.
    var machines: [String] = []
    var kernel: KernelVersion?
  }

  struct Rule: Hashable, Sendable {
    var names: [String]
    var action: Action
    var conditions: [Condition]
    var includes: Filter
    var excludes: Filter
  }

  var defaultAction: Action
  /// As libseccomp names them, beside the machine's own.
  var architectures: [String]
  var rules: [Rule]
}

package struct KernelVersion: Hashable, Comparable, Sendable {
  var major: Int
  var minor: Int

  /// `6.18.3-cloud`, `4.8`; nil when it does not begin with two numbers.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", maxSplits: 2)
    guard parts.count >= 2, let major = Int(parts[0]),
      let minor = Int(parts[1].prefix { $0.isASCII && $0.isNumber })
    else { return nil }
    self.major = major
    self.minor = minor
  }

  /// Older than any condition asks for.
  static let unknown = KernelVersion(major: 0, minor: 0)

  private init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  package static func < (left: KernelVersion, right: KernelVersion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}

/// What a profile's conditions look at.
package struct SeccompConditions: Hashable, Sendable {
  /// Without `CAP_`.
  package var capabilities: Set<String>
  /// As Go names it.
  package var machine: String
  package var kernel: KernelVersion

  package init(capabilities: Set<String>, machine: String, kernel: KernelVersion) {
    self.capabilities = capabilities
    self.machine = machine
    self.kernel = kernel
  }
}

extension SeccompFile {
  /// The rules that hold for a container: docker's reading of `includes` and `excludes`.
  func rules(for conditions: SeccompConditions) -> [Rule] {
    rules.filter { rule in
      let (with, without) = (rule.includes, rule.excludes)
      if without.machines.contains(conditions.machine) { return false }
      if without.capabilities.contains(where: conditions.capabilities.contains) { return false }
      if let kernel = without.kernel, conditions.kernel >= kernel { return false }
      if !with.machines.isEmpty, !with.machines.contains(conditions.machine) { return false }
      if let kernel = with.kernel, conditions.kernel < kernel { return false }
      return with.capabilities.allSatisfy(conditions.capabilities.contains)
    }
  }
}
