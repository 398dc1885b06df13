// Bytes that are handed to another process without a file on any disk: memfd_create(2).

import CLinux
import Glibc
import SystemPackage

extension Descriptor {
  /// A descriptor on a copy of `bytes` in memory, which nobody can change any more.
  package static func sealedMemory(_ name: String, _ bytes: [UInt8]) throws(SystemCallError)
    -> Descriptor
  {
    let memory = Descriptor(
      owning: CInt(try checking("memfd_create") { berth_sealable_memory(name) }))
    try memory.writeAll(bytes)
    let (addSeals, allSeals) = (CInt(1033), 0xF)
    try checking("fcntl", "seals") { berth_fcntl(memory.raw, addSeals, allSeals) }
    return memory
  }
}
