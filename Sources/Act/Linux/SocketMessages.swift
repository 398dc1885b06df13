// Packets with descriptors over a unix socket of SOCK_SEQPACKET: unix(7), cmsg(3).

import CLinux
import Glibc
import SystemPackage

/// One packet as it came: its bytes and the descriptors that were sent with it, close-on-exec.
package struct SocketPacket: Sendable {
  package var bytes: [UInt8]
  package var descriptors: [SharedDescriptor]

  package init(bytes: [UInt8], descriptors: [SharedDescriptor]) {
    self.bytes = bytes
    self.descriptors = descriptors
  }
}

/// The kernel's SCM_MAX_FD: no packet carries more.
package let descriptorsPerPacket = 253

// A control message is a header of 16 bytes (length, level, type) and its data, aligned to 8.
private let headerSize = MemoryLayout<cmsghdr>.size
private func space(for descriptors: Int) -> Int { (headerSize + descriptors * 4 + 7) & ~7 }

extension Descriptor {
  /// Sends `bytes` (not empty) as one packet, with copies of `descriptors`.
  /// Blocks when the descriptor does. A gone reader is EPIPE, never a signal.
  package func sendPacket(_ bytes: [UInt8], _ descriptors: [CInt] = []) throws(SystemCallError) {
    guard descriptors.count <= descriptorsPerPacket else {
      throw SystemCallError("sendmsg", "", .invalidArgument)
    }
    var content = bytes
    var control = [UInt64](repeating: 0, count: space(for: descriptors.count) / 8)
    control.withUnsafeMutableBytes { buffer in
      var header = cmsghdr()
      header.cmsg_len = headerSize + descriptors.count * 4
      header.cmsg_level = SOL_SOCKET
      header.cmsg_type = CInt(SCM_RIGHTS)
      buffer.storeBytes(of: header, as: cmsghdr.self)
      for (index, fd) in descriptors.enumerated() {
        buffer.storeBytes(of: fd, toByteOffset: headerSize + index * 4, as: CInt.self)
      }
    }
    _ = try retrying("sendmsg") {
      withMessage(&content, &control, controlSize: descriptors.isEmpty ? 0 : control.count * 8) {
        sendmsg(raw, &$0, CInt(MSG_NOSIGNAL))
      }
    }
  }

  /// Receives one packet; nil when the other end has closed. Blocks when the descriptor does.
  /// - Throws: EMSGSIZE when the packet was larger than `limit` or had too many descriptors.
  package func receivePacket(limit: Int) throws(SystemCallError) -> SocketPacket? {
    do throws(SystemCallError) {
      return try nextPacket(limit: limit)
    } catch  where error.errno == .connectionReset {
      // The other end went without reading what was sent to it. What it has sent before is still
      // there: the kernel tells of the reset first, and once.
      do throws(SystemCallError) {
        return try nextPacket(limit: limit)
      } catch  where error.errno == .connectionReset {
        return nil
      }
    }
  }

  private func nextPacket(limit: Int) throws(SystemCallError) -> SocketPacket? {
    var content = [UInt8](repeating: 0, count: limit)
    var control = [UInt64](repeating: 0, count: space(for: descriptorsPerPacket) / 8)
    var flags: CInt = 0
    var controlSize = 0
    let count = try retrying("recvmsg") {
      withMessage(&content, &control, controlSize: control.count * 8) { message in
        let count = recvmsg(raw, &message, CInt(MSG_CMSG_CLOEXEC))
        flags = message.msg_flags
        controlSize = message.msg_controllen
        return count
      }
    }
    let descriptors = receivedDescriptors(control, size: controlSize)
    if flags & CInt(MSG_TRUNC | MSG_CTRUNC) != 0 {
      throw SystemCallError("recvmsg", "", Errno(rawValue: EMSGSIZE))
    }
    if count == 0 { return nil }
    return SocketPacket(bytes: Array(content[..<count]), descriptors: descriptors)
  }
}

private func withMessage(
  _ content: inout [UInt8], _ control: inout [UInt64], controlSize: Int,
  _ body: (inout msghdr) -> Int
) -> Int {
  content.withUnsafeMutableBytes { bytes in
    control.withUnsafeMutableBytes { ancillary in
      var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      return withUnsafeMutablePointer(to: &vector) { vector in
        var message = msghdr()
        message.msg_iov = vector
        message.msg_iovlen = 1
        message.msg_control = controlSize == 0 ? nil : ancillary.baseAddress
        message.msg_controllen = controlSize
        return body(&message)
      }
    }
  }
}

private func receivedDescriptors(_ control: [UInt64], size: Int) -> [SharedDescriptor] {
  control.withUnsafeBytes { buffer in
    var descriptors: [SharedDescriptor] = []
    var offset = 0
    let end = min(size, buffer.count)
    while offset + headerSize <= end {
      let header = buffer.loadUnaligned(fromByteOffset: offset, as: cmsghdr.self)
      let length = header.cmsg_len
      guard length >= headerSize, length <= end - offset else { break }
      if header.cmsg_level == SOL_SOCKET, header.cmsg_type == CInt(SCM_RIGHTS) {
        for index in 0..<(length - headerSize) / 4 {
          let fd = buffer.loadUnaligned(
            fromByteOffset: offset + headerSize + index * 4, as: CInt.self)
          descriptors.append(SharedDescriptor(Descriptor(owning: fd)))
        }
      }
      offset += (length + 7) & ~7
    }
    return descriptors
  }
}
