// Addresses that a public server has no business to send us to: loopback, link-local, unspecified. Names
// and odd spellings are looked at when they have become an address, before a connection is made.

import Addressing
import CCurl
import CLinux
import Glibc

/// Whether a host is one, as far as its text tells.
func isLocalAddress(_ host: String) -> Bool {
  if host == "localhost" || host.hasSuffix(".localhost") { return true }
  if let address = IPv4Address(host) { return isLocal(address) }
  return IPv6Address(host.prefix { $0 != "%" }).map(isLocal) ?? false
}

private func isLocal(_ address: IPv4Address) -> Bool {
  let value = address.number
  return value >> 24 == 127 || value >> 24 == 0 || value >> 16 == 0xA9FE
}

private func isLocal(_ address: IPv6Address) -> Bool {
  if let mapped = address.mappedIPv4 { return isLocal(mapped) }
  return address.isLoopback || address.isUnspecified || address.isLinkLocal
}

/// Makes the socket for a connection that libcurl is about to open; none for a local address.
/// - Parameter refused: called for a local address.
func openSocket(_ place: UnsafeMutablePointer<curl_sockaddr>?, refused: () -> Void) -> curl_socket_t
{
  guard let place else { return curl_socket_t(-1) }
  if isLocal(place) {
    refused()
    return curl_socket_t(-1)
  }
  let type = place.pointee.socktype | CInt(SOCK_CLOEXEC.rawValue)
  return socket(place.pointee.family, type, place.pointee.protocol)
}

private func isLocal(_ place: UnsafeMutablePointer<curl_sockaddr>) -> Bool {
  let count = Int(place.pointee.addrlen)
  return withUnsafeBytes(of: &place.pointee.addr) { head in
    // The structure ends with room for the longest address.
    let bytes = UnsafeRawBufferPointer(start: head.baseAddress, count: count)
    switch place.pointee.family {
    case AF_INET where count >= 8:
      let value = bytes[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      return isLocal(IPv4Address(value))
    case AF_INET6 where count >= 24: return IPv6Address(octets: bytes[8..<24]).map(isLocal) ?? true
    default: return true
    }
  }
}
