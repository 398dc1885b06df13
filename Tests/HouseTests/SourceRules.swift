// The rules that hold for the text of each Swift file, as one table, with the few named exceptions.

import Testing

struct Complaint: Equatable, CustomStringConvertible {
  var path: String
  var line: Int
  var message: String

  var description: String { "\(path):\(line): \(message)" }
}

struct SourceRule: Sendable, CustomTestStringConvertible {
  enum View: Sendable { case code, literals, everything }

  var name: String
  /// What may not appear, looked up as whole names in `view`.
  var words: [String]
  var view: View = .code
  /// Below which folders the rule holds.
  var scope: [String] = ["Sources/"]
  /// Path prefixes that are let off, each with the reason.
  var exceptions: [(prefix: String, reason: String)] = []
  /// A text that breaks the rule and one that keeps it.
  var broken: String
  var kept: String

  var testDescription: String { name }

  func complaints(about source: SwiftSource) -> [Complaint] {
    guard scope.contains(where: { source.path.hasPrefix($0) }),
      !exceptions.contains(where: { source.path.hasPrefix($0.prefix) })
    else { return [] }
    let view =
      switch self.view {
      case .code: source.code
      case .literals: source.literals
      case .everything: source.text
      }
    return words.flatMap { word in
      SwiftSource.offsets(of: word, in: view).map {
        Complaint(path: source.path, line: source.line(at: $0), message: "\(name): `\(word)`")
      }
    }
  }
}

extension SourceRule {
  static let all: [SourceRule] = [
    SourceRule(
      name: "no Foundation: it costs start-up time and memory",
      words: [
        "import Foundation", "import FoundationEssentials", "import FoundationNetworking",
        "import FoundationXML", "import Dispatch",
      ],
      scope: ["Sources/", "Tests/"],
      broken: "import FoundationEssentials",
      kept: "import Glibc  // not import Foundation"),
    SourceRule(
      name: "no trap on a value from outside",
      words: ["try!", "as!", "fatalError"],
      broken: "let a = try! read()",
      kept: "let a = try read()"),
    SourceRule(
      name: "no notes to self",
      words: ["TO" + "DO", "FIX" + "ME", "XX" + "X"], view: .everything,
      scope: ["Sources/", "Tests/"],
      broken: "// TO" + "DO: later",
      kept: "// said and done"),
    SourceRule(
      name: "no way around the checks for data races outside Linux",
      words: ["@unchecked", "nonisolated(unsafe)"],
      exceptions: [("Sources/Act/Linux/", "the one place for such promises")],
      broken: "final class Box: @unchecked Sendable {}",
      kept: "final class Box: Sendable {}"),
    SourceRule(
      name: "no `public`: `package` at borders",
      words: ["public", "open class", "open func"],
      broken: "public struct Box {}",
      kept: "package struct Box {}"),
    SourceRule(
      name: "only the modules that check its file system name paths below /proc",
      words: ["/proc/"], view: .literals,
      exceptions: procExceptions,
      broken: #"let path = "/proc/self/attr/exec""#,
      kept: #"let path = "processes" // "/proc/"#),
    SourceRule(
      name: "only Console prints",
      words: [
        "print(", "debugPrint(", "puts(", "fputs(", "printf(", "vprintf(", "perror(",
        "STDOUT_FILENO", "STDERR_FILENO", "write(1,", "write(2,",
      ],
      exceptions: printingExceptions,
      broken: #"func show() { print("hello") }"#,
      kept: #"func show() { blueprint("print(") }"#),
    SourceRule(
      name: "only Host asks who we are",
      words: ["geteuid", "getuid", "getegid"],
      exceptions: identityExceptions,
      broken: "let isRoot = geteuid() == 0",
      kept: "let isRoot = host.isRoot"),
  ]

  private static let procExceptions: [(prefix: String, reason: String)] = [
    ("Sources/Act/Control/", "names the folder of a socket whose path is too long for an address"),
    ("Sources/Act/Host/", "reads what this machine can do"),
    ("Sources/Act/Cgroups/", "reads mountinfo and cgroup to learn the layout"),
    ("Sources/Act/Linux/ProcessStart.swift", "when a process of the host began"),
    ("Sources/Act/Netlink/", "its own network namespace, to come back to"),
    ("Sources/Act/Networking/", "switches of the host's network, and who holds a port of the host"),
    ("Sources/Act/Runtime/AppArmor", "rules about paths of containers, for the kernel to hold"),
    ("Sources/Act/ContainerInit/", "mounts, masks and write-protects below a checked /proc"),
    ("Sources/Act/Runtime/RootEntries.swift", "lists a container's root as its process sees it"),
    ("Sources/Act/Runtime/SecurityProfile.swift", "lists of masked and read-only paths as data"),
    ("Sources/Act/Runtime/ShimProcess.swift", "the sealed copy of the shim, by its descriptor"),
    ("Sources/Act/Supervision/GroupGuard.swift", "its own program, to become it again"),
    ("Sources/Act/Supervision/HandShake.swift", "the shim's own score and namespace"),
    ("Sources/Act/Supervision/NetworkNamespace.swift", "the shim's own namespace, to come back to"),
    ("Sources/Act/Supervision/Records.swift", "the id of this boot"),
  ]

  private static let printingExceptions: [(prefix: String, reason: String)] = [
    ("Sources/Act/Supervision/CopySession.swift", "the tar stream that `cp` was asked for"),
    ("Sources/Act/Layering/LayerMain.swift", "a job's answer: digests, a layer, or one failure"),
    ("Sources/Act/Layering/Requester.swift", "whether the builder of a job still hears it"),
    ("Sources/Engine/Engine/Copy.swift", "gives its streams to the process that copies"),
    ("Sources/Engine/Engine/Build/LayerProcess.swift", "the streams of a process of its own"),
    ("Sources/Engine/Engine/Build/KeyAgent.swift", "so are those of what holds keys"),
    ("Sources/CLI/Console/", "the only place that writes to the terminal"),
    ("Sources/Act/Supervision/ShimMain.swift", "the shim has no Console, and one line to say"),
    ("Sources/Act/Unpacking/UnpackMain.swift", "nor has the child that unpacks"),
    ("Sources/Act/Supervision/ExecSession.swift", "the streams of a command go to its caller's"),
    ("Sources/Act/Supervision/StreamBridge.swift", "the streams of a command are its caller's"),
    ("Sources/Act/Supervision/TerminalBridge.swift", "a terminal is passed on to its caller's"),
  ]

  private static let identityExceptions: [(prefix: String, reason: String)] = [
    ("Sources/Act/Host/", "decided here once"),
    ("Sources/Act/Control/", "a peer of a control socket must be of our own user"),
  ]
}
