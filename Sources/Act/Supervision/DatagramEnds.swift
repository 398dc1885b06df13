// Who sent a datagram, and to which of this host's addresses: an answer from another one is none to the
// client. See ip(7) and ipv6(7), IP_PKTINFO and IPV6_RECVPKTINFO.

import CLinux
import Glibc
import Linux
import SystemPackage

/// Both ends of a flow of datagrams at a socket that is bound to many addresses.
struct DatagramEnds: Hashable {
  /// A socket address, as the kernel gave it.
  private let client: [UInt8]
  /// The control message that says which address was meant, to be given back with answers. Empty when
  /// the kernel said nothing.
  private let place: [UInt64]

  private static let headerSize = MemoryLayout<cmsghdr>.size
  /// Room for the control message of either family.
  private static let controlWords = 8

  /// Lets the kernel tell of each datagram where it was sent to.
  static func prepare(_ socket: CInt, isV6: Bool) throws(SystemCallError) {
    var on: CInt = 1
    try checking("setsockopt", "PKTINFO") {
      isV6
        ? setsockopt(socket, CInt(IPPROTO_IPV6), IPV6_RECVPKTINFO, &on, 4)
        : setsockopt(socket, CInt(IPPROTO_IP), IP_PKTINFO, &on, 4)
    }
  }

  /// The next datagram's size and ends; nil when there is none.
  static func receive(_ socket: CInt, into room: UnsafeMutableRawBufferPointer) -> (
    count: Int, ends: DatagramEnds
  )? {
    var sender = sockaddr_in6()
    var control = [UInt64](repeating: 0, count: controlWords)
    var message = msghdr()
    let count = exchange(&sender, &control, room) { header in
      let count = recvmsg(socket, &header, CInt(MSG_DONTWAIT))
      message = header
      return count
    }
    if count < 0 { return nil }
    let client = withUnsafeBytes(of: sender) { Array($0.prefix(Int(message.msg_namelen))) }
    let words = min((Int(message.msg_controllen) + 7) / 8, controlWords)
    return (
      count, DatagramEnds(client: client, place: withoutLink(Array(control.prefix(words))))
    )
  }

  /// Sends what is in `room` to the client, from the address that it had asked.
  func answer(_ socket: CInt, _ room: UnsafeMutableRawBufferPointer) {
    var target = sockaddr_in6()
    withUnsafeMutableBytes(of: &target) { $0.copyBytes(from: client.prefix($0.count)) }
    var control = place
    // What cannot be sent is lost, as datagrams may be.
    _ = Self.exchange(&target, &control, room) { header in
      header.msg_namelen = socklen_t(client.count)
      return sendmsg(socket, &header, CInt(MSG_NOSIGNAL))
    }
  }

  /// The link is for the routes to say, but where the address means nothing without it.
  private static func withoutLink(_ control: [UInt64]) -> [UInt64] {
    var control = control
    control.withUnsafeMutableBytes { bytes in
      guard bytes.count >= headerSize else { return }
      let header = bytes.load(as: cmsghdr.self)
      if header.cmsg_level == CInt(IPPROTO_IP), header.cmsg_type == IP_PKTINFO,
        bytes.count >= headerSize + MemoryLayout<in_pktinfo>.size
      {
        bytes.storeBytes(of: 0, toByteOffset: headerSize, as: CInt.self)
      }
      if header.cmsg_level == CInt(IPPROTO_IPV6), header.cmsg_type == IPV6_PKTINFO,
        // struct in6_pktinfo: the address, and the link.
        bytes.count >= headerSize + 20,
        !(bytes[headerSize] == 0xFE && bytes[headerSize + 1] & 0xC0 == 0x80)
      {
        bytes.storeBytes(of: 0, toByteOffset: headerSize + 16, as: CInt.self)
      }
    }
    return control
  }

  private static func exchange(
    _ name: inout sockaddr_in6, _ control: inout [UInt64], _ room: UnsafeMutableRawBufferPointer,
    _ body: (inout msghdr) -> Int
  ) -> Int {
    var piece = iovec(iov_base: room.baseAddress, iov_len: room.count)
    return withUnsafeMutablePointer(to: &name) { name in
      control.withUnsafeMutableBytes { control in
        withUnsafeMutablePointer(to: &piece) { piece in
          var header = msghdr()
          header.msg_name = UnsafeMutableRawPointer(name)
          header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
          header.msg_iov = piece
          header.msg_iovlen = 1
          header.msg_control = control.count == 0 ? nil : control.baseAddress
          header.msg_controllen = control.count
          return body(&header)
        }
      }
    }
  }
}
