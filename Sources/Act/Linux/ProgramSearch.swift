// Programs of the machine by their names.

import CLinux
import Glibc
package import SystemPackage

/// The program `name` in the first folder of `path` that has it, as `PATH` names folders: only absolute ones
/// are looked into. A name with a slash would lead elsewhere, and is nowhere.
package func findProgram(_ name: String, path: String?) -> FilePath? {
  guard !name.contains("/") else { return nil }
  return (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").lazy
    .filter { $0.hasPrefix("/") }.map { FilePath(String($0)).appending(name) }
    .first { $0.withPlatformString { access($0, X_OK) } == 0 }
}
