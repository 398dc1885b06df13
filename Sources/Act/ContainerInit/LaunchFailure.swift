// Why a container's process could not be started, and how each step says so.

import Linux
package import SystemPackage

/// `stage` is what was being done ("mounting volume `data`"); `message` says why in one clause,
/// complete without `errno`. `exitCode` is what a shell would answer: 126, 127, else 1.
package struct LaunchFailure: Error, Hashable, Sendable {
  package var stage: String
  package var errno: Errno?
  package var message: String
  package var exitCode: Int32

  package init(stage: String, errno: Errno? = nil, message: String, exitCode: Int32 = 1) {
    self.stage = stage
    self.errno = errno
    self.message = message
    self.exitCode = exitCode
  }

  init(_ stage: String, _ error: SystemCallError) {
    let subject = error.subject.isEmpty ? error.call : "\(error.call) `\(error.subject)`"
    self.init(stage: stage, errno: error.errno, message: "\(subject): \(error.errno.text)")
  }
}

/// Runs one step; what it throws is told together with the step's name.
@discardableResult
func step<Result: ~Copyable>(
  _ name: @autoclosure () -> String, _ body: () throws(SystemCallError) -> Result
) throws(LaunchFailure) -> Result {
  do throws(SystemCallError) {
    return try body()
  } catch {
    throw LaunchFailure(name(), error)
  }
}
