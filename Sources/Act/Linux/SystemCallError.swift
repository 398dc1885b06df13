// The error of a system call: which call, on what, and why.

package import Diagnostics
package import SystemPackage

/// `call` is the system call's name; `subject` the path or thing it was about, empty when none.
package struct SystemCallError: Diagnosable, Hashable {
  package var call: String
  package var subject: String
  package var errno: Errno

  package init(_ call: String, _ subject: String = "", _ errno: Errno = .current) {
    self.call = call
    self.subject = subject
    self.errno = errno
  }

  package var diagnostics: [Diagnostic] {
    let place = subject.isEmpty ? "" : " `\(subject)`"
    return [Diagnostic("\(call)\(place): \(errno.text)")]
  }
}

extension Errno {
  /// The calling thread's errno. Read it before anything else can change it.
  package static var current: Errno { Errno(rawValue: currentErrno()) }

  /// The C library's sentence in lower case, as messages are written here.
  package var text: String {
    let sentence = description
    guard let first = sentence.first else { return sentence }
    return first.lowercased() + sentence.dropFirst()
  }
}

/// Runs `body` again while it fails with EINTR; throws what else it fails with.
@discardableResult
package func retrying<Result: FixedWidthInteger & SignedInteger>(
  _ call: StaticString, _ subject: @autoclosure () -> String = "",
  _ body: () -> Result
) throws(SystemCallError) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let reason = Errno.current
    if reason != .interrupted { throw SystemCallError("\(call)", subject(), reason) }
  }
}

/// Runs `body` once; throws its errno when it answers -1.
@discardableResult
package func checking<Result: FixedWidthInteger & SignedInteger>(
  _ call: StaticString, _ subject: @autoclosure () -> String = "",
  _ body: () -> Result
) throws(SystemCallError) -> Result {
  let result = body()
  if result == -1 { throw SystemCallError("\(call)", subject(), .current) }
  return result
}
