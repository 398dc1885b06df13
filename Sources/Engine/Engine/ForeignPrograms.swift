// Programs that the kernel of this machine cannot run: what to do about it.

import Blueprint
import Control
import Diagnostics
import Glibc
import OCI

/// A program that could not be executed for what it is made of. Others' failures stay as they are.
struct WrongFormat: Diagnosable {
  private let failure: ShimFailure
  private let advice: String

  var exitStatus: Int32 { failure.exitStatus }
  var diagnostics: [Diagnostic] {
    failure.diagnostics.map { diagnostic in
      var advised = diagnostic
      advised.hint = advice
      return advised
    }
  }

  /// Nil for a failure of another kind.
  init?(_ failure: ShimFailure, image: ImageIdentity) {
    self.failure = failure
    // What an older berth wrote may be no platform: then nothing is known of it.
    let platform = try? Platform(parsing: image.platform)
    let isForeign = platform.map { !$0.isNative } ?? false
    switch (failure.errno, isForeign) {
    case (ENOEXEC, true):
      advice = """
        the image is for \(image.platform) and this machine is \(Platform.host): register an \
        interpreter with binfmt_misc, such as that of qemu-user-static, or use an image for \
        \(Platform.host)
        """
    case (ENOENT, true):
      advice = """
        the image is for \(image.platform): an interpreter that is registered with binfmt_misc \
        without the flag F is looked for in the container
        """
    case (ENOEXEC, false):
      advice = "the program is for another machine, or a script whose first line is not `#!`"
    default: return nil
    }
  }
}
