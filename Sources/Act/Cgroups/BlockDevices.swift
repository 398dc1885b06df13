// The numbers of block devices, as limits name them.

import Blueprint
import CLinux
import Glibc
package import Linux
package import SystemPackage

/// `major:minor` of the disk that the block device at `path` is, or is a part of: the kernel limits
/// whole disks only.
/// - Throws: ENOTBLK when it is no block device.
package func wholeDisk(_ path: FilePath) throws(SystemCallError) -> String {
  var status = stat()
  try checking("stat", path.string) { path.withPlatformString { stat($0, &status) } }
  guard status.st_mode & S_IFMT == S_IFBLK else {
    throw SystemCallError("stat", path.string, Errno(rawValue: ENOTBLK))
  }
  let number = "\(gnu_dev_major(status.st_rdev)):\(gnu_dev_minor(status.st_rdev))"
  let folder = FilePath("/sys/dev/block").appending(number)
  guard folder.appending("partition").withPlatformString({ access($0, F_OK) }) == 0 else {
    return number
  }
  // The entry is a link into the disk's folder.
  return words(try text(folder.appending("../dev"))).first ?? number
}

extension ResourceLimits {
  func blockNumbers() throws(SystemCallError) -> [Bytes: String] {
    var numbers: [Bytes: String] = [:]
    for device in blockDevices where numbers[device.path] == nil {
      numbers[device.path] = try wholeDisk(FilePath(device.path.text))
    }
    return numbers
  }
}
