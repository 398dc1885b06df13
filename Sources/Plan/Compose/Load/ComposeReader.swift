// What loading needs from a disk. The caller does the system calls; nothing in here does.

/// The caller's view of files. Paths are absolute, or `-` for the standard input.
package protocol ComposeReader {
  /// The bytes of a file.
  func read(_ path: String) throws(ComposeReadFault) -> [UInt8]
  /// What stands at a path, links followed.
  func kind(_ path: String) -> ComposePathKind
  /// The path with all links resolved; the path itself when that is not possible.
  func resolvingLinks(_ path: String) -> String
  /// Whether a folder may be trusted to hold a compose file that nobody named: it belongs to the
  /// caller or to root.
  func isTrusted(_ folder: String) -> Bool
}

extension ComposeReader {
  package func resolvingLinks(_ path: String) -> String { path }
  package func isTrusted(_ folder: String) -> Bool { true }
}

package enum ComposePathKind: Sendable {
  case missing
  case file
  case folder
}

/// Why a file could not be read.
package enum ComposeReadFault: Error, Sendable {
  case missing
  case isFolder
  case denied
  case tooLarge
  case other(String)

  var text: String {
    switch self {
    case .missing: "no such file"
    case .isFolder: "it is a folder"
    case .denied: "permission denied"
    case .tooLarge: "too large"
    case .other(let text): text
    }
  }
}
