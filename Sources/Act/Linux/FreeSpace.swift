// What may be written to a file system: the free space less a twentieth of the whole.

import CLinux
import Glibc
package import SystemPackage

/// Bytes that may be written to the file system of a folder.
package func usableSpace(_ folder: FilePath) throws(SystemCallError) -> UInt64 {
  var status = statfs()
  try checking("statfs", folder.string) { folder.withPlatformString { statfs($0, &status) } }
  return usableBytes(status)
}

/// The same for a folder that is open.
package func usableSpace(_ folder: CInt) throws(SystemCallError) -> UInt64 {
  var status = statfs()
  try checking("fstatfs") { fstatfs(folder, &status) }
  return usableBytes(status)
}

private func usableBytes(_ status: statfs) -> UInt64 {
  let reserve = UInt64(status.f_blocks) / 20
  let free = UInt64(status.f_bavail)
  let blocks = free > reserve ? free - reserve : 0
  return blocks.multipliedReportingOverflow(by: UInt64(status.f_bsize)).partialValue
}
