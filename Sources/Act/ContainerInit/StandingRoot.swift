// The root of a container for one who only copies files: that of a running one, or, of one that does
// not run, its overlay with its volumes put together again, in a mount namespace of our own.

package import Blueprint
import CLinux
import Glibc
package import Linux
package import SystemPackage

/// The descriptors of the calling process as a folder of a procfs that nothing can be mounted over.
package func ownDescriptors() throws(LaunchFailure) -> Descriptor {
  try step("mounting an own procfs") { () throws(SystemCallError) in
    try ProcFiles().ownDescriptors()
  }
}

/// Joins the mounts of a running container. The caller has one thread and stays there; it must load
/// nothing and look nothing up by name any more, for all that it finds is the container's.
package func enterMounts(of pidfd: CInt) throws(LaunchFailure) -> Descriptor {
  try step("joining the container's mounts") { () throws(SystemCallError) in
    try checking("setns") { berth_setns(pidfd, CLONE_NEWNS) }
    return try Descriptor.open("/", O_PATH | O_DIRECTORY)
  }
}

/// Mounts the root of a container that does not run, and must not be started meanwhile. The mounts
/// are seen by the calling process alone and go with it. What starts empty each time (tmpfs, secrets
/// that are copied) is not there.
package func mountStandingRoot(_ blueprint: ContainerBlueprint, containerFolder: FilePath)
  throws(LaunchFailure) -> Descriptor
{
  try step("making a mount namespace") { () throws(SystemCallError) in
    try checking("unshare") { berth_unshare(UInt(CLONE_NEWNS)) }
    try checking("mount", "/") { mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
  }
  var sources = try prepareMounts(
    blueprint.mounts, volumes: try mountVolumes(blueprint.mounts))
  try makeTrees(&sources, containerFolder, absoluteLinks: .leadOut)
  let root = try step("mounting the root file system") { () throws(SystemCallError) in
    try mountOverlay(blueprint.root, containerFolder)
  }
  let owners = try OwnerMapping(sources, blueprint.process, in: root)
  try attach(sources.filter { $0.source != nil }, owners: owners, in: root)
  if blueprint.root.readOnly {
    try step("making the root read-only") { () throws(SystemCallError) in
      try setMountFlags(root.handle.raw, .readOnly)
    }
  }
  return try step("opening the root file system") { () throws(SystemCallError) in
    try root.handle.duplicate()
  }
}
