// `--chmod`: a mode in octal, or a change of one as chmod(1) takes it.

package import Diagnostics

/// There is no umask: `+w` gives it to all. `X` looks at the mode as it was before the first change.
package struct ModeChange: Sendable, Hashable {
  /// Nobody changes a mode in more steps.
  private static let mostSteps = 256

  private enum Action: Sendable, Hashable {
    case add, remove, replace
  }

  private enum Permissions: Sendable, Hashable {
    /// Bits for all three classes at once, and the special bits.
    case bits(UInt32)
    /// Those of a class: how far it is shifted.
    case copy(shift: UInt32)
  }

  private struct Step: Sendable, Hashable {
    var action: Action
    /// The bits that belong to the classes named.
    var mask: UInt32
    var permissions: Permissions
    /// `X`: execution for those of `mask` where the file is a folder or somebody may execute it.
    var executes = false
  }

  /// Applied in order; for a number one step that replaces all.
  private var steps: [Step] = []

  package init(_ text: String) throws(ModeFault) {
    let bytes = Array(text.utf8)
    guard let first = bytes.first else { throw .empty }
    if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) {
      steps = [Step(action: .replace, mask: 0o7777, permissions: .bits(try octal(bytes)))]
      return
    }
    for clause in bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      try add(clause)
      guard steps.count <= Self.mostSteps else { throw .tooLong }
    }
  }

  /// Permission bits with the three special ones: what is beyond 07777 in `mode` stays as it is.
  package func applied(to mode: UInt32, isFolder: Bool) -> UInt32 {
    let executes = isFolder || mode & 0o111 != 0
    var mode = mode
    for step in steps {
      var bits =
        switch step.permissions {
        case .bits(let bits): bits
        case .copy(let shift): (mode >> shift & 0o7) * 0o111
        }
      if step.executes && executes { bits |= 0o111 }
      switch step.action {
      case .add: mode |= bits & step.mask
      case .remove: mode &= ~(bits & step.mask)
      case .replace: mode = mode & ~step.mask | bits & step.mask
      }
    }
    return mode
  }

  /// `ug+rw`, `a=`, `go=u-w`.
  private mutating func add(_ clause: ArraySlice<UInt8>) throws(ModeFault) {
    var rest = clause
    var classes: UInt32 = 0
    while let byte = rest.first, let bits = classBits(byte) {
      classes |= bits
      rest.removeFirst()
    }
    guard !rest.isEmpty else { throw .missingAction }
    while let byte = rest.popFirst() {
      guard let action = action(byte) else { throw .unknownCharacter(byte) }
      try add(action, classes, &rest)
    }
  }

  private mutating func add(
    _ action: Action, _ classes: UInt32, _ rest: inout ArraySlice<UInt8>
  ) throws(ModeFault) {
    let all: UInt32 = 0o6777
    var step = Step(
      action: action, mask: classes == 0 ? all : classes, permissions: .bits(0))
    var bits: UInt32 = 0
    var shifts: [UInt32] = []
    while let byte = rest.first, self.action(byte) == nil {
      rest.removeFirst()
      switch byte {
      case UInt8(ascii: "r"): bits |= 0o444
      case UInt8(ascii: "w"): bits |= 0o222
      case UInt8(ascii: "x"): bits |= 0o111
      case UInt8(ascii: "X"): step.executes = true
      case UInt8(ascii: "s"): bits |= 0o6000
      case UInt8(ascii: "t"):
        // The sticky bit belongs to no class: without its own letter, nothing touches it.
        guard classes == 0 || classes & ~0o7 != 0 else { break }
        bits |= 0o1000
        step.mask |= 0o1000
      case UInt8(ascii: "u"): shifts.append(6)
      case UInt8(ascii: "g"): shifts.append(3)
      case UInt8(ascii: "o"): shifts.append(0)
      default: throw .unknownCharacter(byte)
      }
      guard shifts.count <= Self.mostSteps else { throw .tooLong }
    }
    step.permissions = .bits(bits)
    append(step, shifts)
  }

  /// Copies of classes come behind the bits; the first that replaces has to leave the rest alone.
  private mutating func append(_ step: Step, _ shifts: [UInt32]) {
    guard !shifts.isEmpty else {
      steps.append(step)
      return
    }
    let isEmpty = step.permissions == .bits(0) && !step.executes
    if !isEmpty { steps.append(step) }
    for (index, shift) in shifts.enumerated() {
      let isFirst = isEmpty && index == 0
      let action: Action = step.action == .replace && !isFirst ? .add : step.action
      steps.append(
        Step(action: action, mask: step.mask & 0o777, permissions: .copy(shift: shift)))
    }
  }

  private func classBits(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "u"): 0o4700
    case UInt8(ascii: "g"): 0o2070
    case UInt8(ascii: "o"): 0o0007
    case UInt8(ascii: "a"): 0o6777
    default: nil
    }
  }

  private func action(_ byte: UInt8) -> Action? {
    switch byte {
    case UInt8(ascii: "+"): .add
    case UInt8(ascii: "-"): .remove
    case UInt8(ascii: "="): .replace
    default: nil
    }
  }

  private func octal(_ bytes: [UInt8]) throws(ModeFault) -> UInt32 {
    var value: UInt32 = 0
    for byte in bytes {
      guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else { throw .notOctal }
      value = value << 3 | UInt32(byte & 7)
      guard value <= 0o7777 else { throw .tooLarge }
    }
    return value
  }
}

package enum ModeFault: Error, Hashable, Sendable {
  case empty
  case notOctal
  case tooLarge
  case tooLong
  /// `u` without `+`, `-` or `=`.
  case missingAction
  case unknownCharacter(UInt8)

  package var reason: String {
    switch self {
    case .empty: "it is empty"
    case .notOctal: "its digits are not octal"
    case .tooLarge: "it is larger than 7777"
    case .tooLong: "it has too many steps"
    case .missingAction: "it lacks `+`, `-` or `=`"
    case .unknownCharacter(let byte):
      "`\(String(decoding: [byte], as: UTF8.self))` has no meaning in it"
    }
  }
}

extension ModeFault: Diagnosable {
  package var diagnostics: [Diagnostic] {
    [Diagnostic("not a mode: \(reason)", hint: "write it like `755`, `u=rwX,go=rX` or `a+x`")]
  }
}
