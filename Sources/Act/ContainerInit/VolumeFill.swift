// First fill of a new volume with what the image has at its target. Before any program of the
// container runs: links are copied as links, nothing is followed.

import CLinux
import Glibc
import Linux
import SystemPackage

func fillVolume(
  _ folder: FilePath, _ volume: SharedDescriptor, from source: borrowing Descriptor
) throws(SystemCallError) {
}
