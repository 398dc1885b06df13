// Containers that were removed to be made anew. Between the two there is neither, and the volumes that
// nobody named would belong to no one: what the old one had mounted stays written down until the new one is.

package import Blueprint
import Glibc
package import Linux
import SystemPackage

extension ContainerStore {
  /// Before the removal of a container that is to be replaced.
  package func noteReplacement(of blueprint: ContainerBlueprint, project: String) throws {
    let folder = layout.replaced(project)
    try makeFolders(folder)
    try writeRecord(blueprint, to: folder.appending(blueprint.name), .volatile)
  }

  /// The container of this name that was removed and not yet replaced.
  package func replaced(_ name: String, project: String) throws -> ContainerBlueprint? {
    try readBlueprintRecord(at: layout.replaced(project).appending(name))
  }

  /// All of them; torn notes are none.
  package func replaced(project: String) throws -> [ContainerBlueprint] {
    try namesInFolder(layout.replaced(project)).compactMap { name in
      // A note that was cut short says nothing: its container had not been touched.
      try? readBlueprintRecord(at: layout.replaced(project).appending(name))
    }
  }

  /// The new one is there, or there shall be none.
  package func forgetReplaced(_ name: String, project: String) throws(SystemCallError) {
    try removeFile(layout.replaced(project).appending(name))
    // With the last of them the folder goes; one that is not empty stays.
    _ = layout.replaced(project).withPlatformString { rmdir($0) }
  }

  package func forgetReplaced(project: String) throws(SystemCallError) {
    try removeTree(layout.replaced(project))
  }
}
