// The container's network namespace: made by the shim and held by it over all restarts.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// The namespace that a container lives in, as its blueprint says.
struct ContainerNetwork {
  /// Nil is the host's.
  var namespace: SharedDescriptor?
  /// True when it is new, so that berth must furnish it.
  var isOwn: Bool
  /// The resolver in it, where the container has networks.
  var names: NameService?

  static var host: ContainerNetwork { ContainerNetwork(namespace: nil, isOwn: false, names: nil) }
}

/// Makes a namespace with `lo` up and runs `inside` in it; the caller is back in its own after.
func makeNetworkNamespace<Value>(_ inside: () throws -> Value) throws -> (SharedDescriptor, Value) {
  let home = try Descriptor.open("/proc/self/ns/net", O_RDONLY)
  try checking("unshare", "network") { berth_unshare(UInt(CLONE_NEWNET)) }
  let result = Result {
    let namespace = try Descriptor.open("/proc/self/ns/net", O_RDONLY)
    try raiseLoopback()
    return (SharedDescriptor(namespace), try inside())
  }
  try checking("setns", "network") { berth_setns(home.raw, CLONE_NEWNET) }
  return try result.get()
}

/// Runs `inside` in the namespace; the caller is back in its own after.
func entering<Value>(_ namespace: SharedDescriptor, _ inside: () throws -> Value) throws -> Value {
  let home = try Descriptor.open("/proc/self/ns/net", O_RDONLY)
  try checking("setns", "network") { berth_setns(namespace.raw, CLONE_NEWNET) }
  let result = Result { try inside() }
  try checking("setns", "network") { berth_setns(home.raw, CLONE_NEWNET) }
  return try result.get()
}

private func raiseLoopback() throws(SystemCallError) {
  let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
  let control = Descriptor(owning: try checking("socket") { socket(AF_INET, type, 0) })
  // struct ifreq: sixteen bytes of name, then the flags.
  var request = [UInt8](repeating: 0, count: 40)
  request.replaceSubrange(0..<2, with: "lo".utf8)
  let flags = UInt16(IFF_UP | IFF_RUNNING)
  request[16] = UInt8(flags & 0xFF)
  request[17] = UInt8(flags >> 8)
  try checking("ioctl", "lo") { berth_ioctl_pointer(control.raw, UInt(SIOCSIFFLAGS), &request) }
}
