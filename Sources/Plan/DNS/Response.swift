// Answers: those that berth gives itself, and what must be seen of those that others give.

package import Addressing

/// What there is to say about a name that is ours.
package enum Answer: Hashable, Sendable {
  case addresses([IPAddress])
  case names([DomainName])
  /// The name is known but has nothing of the wanted type: no error, no records. Were AAAA of a
  /// known name answered with "no such name", resolvers would not ask for its A records.
  case empty
}

/// Seconds that an answer may be kept, as docker says.
package let timeToLive: UInt32 = 600

extension Query {
  /// The most that fits into one datagram to this client.
  package var datagramLimit: Int { min(max(payloadSize ?? 0, smallestLimit), largestDatagram) }

  /// The message that carries `answer`. Records that do not fit in `limit` are left out, and the
  /// answer says so, upon which the client asks again over TCP.
  package func response(_ answer: Answer, limit: Int) -> [UInt8] {
    let room = limit - headerSize - question.count - extensionSize
    switch answer {
    case .empty:
      return message(.noError, records: 0, size: 0, isTruncated: false) { _ in }
    case .addresses(let addresses):
      var size = 0
      let fitting = addresses.prefix {
        size += 12 + $0.size
        return size <= room
      }
      return message(
        .noError, records: fitting.count, size: size, isTruncated: fitting.count < addresses.count
      ) { message in
        for address in fitting {
          appendRecord(
            address.isV6 ? .aaaa : .a, length: UInt16(truncatingIfNeeded: address.size),
            to: &message)
          append(address, to: &message)
        }
      }
    case .names(let names):
      var size = 0
      let fitting = names.prefix {
        size += 12 + $0.wire.count
        return size <= room
      }
      return message(
        .noError, records: fitting.count, size: size, isTruncated: fitting.count < names.count
      ) { message in
        for name in fitting {
          appendRecord(.ptr, length: UInt16(name.wire.count), to: &message)
          message += name.wire
        }
      }
    }
  }

  package func failure(_ code: ResponseCode) -> [UInt8] {
    message(code, records: 0, size: 0, isTruncated: false) { _ in }
  }

  /// The query once more under another number, as it goes to another server.
  package static func renumbered(_ message: [UInt8], id: UInt16) -> [UInt8] {
    guard message.count >= headerSize else { return message }
    var copy = message
    copy[0] = UInt8(id >> 8)
    copy[1] = UInt8(truncatingIfNeeded: id)
    return copy
  }

  private var extensionSize: Int { payloadSize == nil ? 0 : 11 }

  private func message(
    _ code: ResponseCode, records: Int, size: Int, isTruncated: Bool,
    _ appendRecords: (inout [UInt8]) -> Void
  ) -> [UInt8] {
    var message: [UInt8] = []
    message.reserveCapacity(headerSize + question.count + size + extensionSize)
    append(id, to: &message)
    // Answer, recursion is available; what the client wished (RD, CD) is repeated.
    append(
      0x8080 | flags & 0x0110 | (isTruncated ? 0x0200 : 0) | UInt16(code.rawValue), to: &message)
    for count in [1, records, 0, payloadSize == nil ? 0 : 1] {
      append(UInt16(truncatingIfNeeded: count), to: &message)
    }
    message += question
    appendRecords(&message)
    if payloadSize != nil {
      message.append(0)
      append(RecordType.opt.rawValue, to: &message)
      append(UInt16(largestDatagram), to: &message)
      for _ in 0..<6 { message.append(0) }
    }
    return message
  }
}

/// RFC 1035, 4.2.1, and the most that is sent even to a client that takes more.
private let smallestLimit = 512
private let largestDatagram = 4096

/// The start of a record about the name in question, up to its data.
private func appendRecord(_ type: RecordType, length: UInt16, to message: inout [UInt8]) {
  append(0xC000 | UInt16(headerSize), to: &message)
  append(type.rawValue, to: &message)
  append(1, to: &message)
  append(UInt16(timeToLive >> 16), to: &message)
  append(UInt16(truncatingIfNeeded: timeToLive), to: &message)
  append(length, to: &message)
}

/// Not by `octets`: an array for each record of a name with many is what answering it mostly costs.
private func append(_ address: IPAddress, to message: inout [UInt8]) {
  switch address {
  case .v4(let address):
    append(UInt16(truncatingIfNeeded: address.number >> 16), to: &message)
    append(UInt16(truncatingIfNeeded: address.number), to: &message)
  case .v6(let address): message += address.octets
  }
}

extension IPAddress {
  /// In bytes.
  fileprivate var size: Int { isV6 ? 16 : 4 }
}

private func append(_ number: UInt16, to message: inout [UInt8]) {
  message.append(UInt8(number >> 8))
  message.append(UInt8(truncatingIfNeeded: number))
}

/// What another server said, as far as it must be understood to pass it on.
package struct Reply: Hashable, Sendable {
  /// The four bits of the header, known or not.
  package let code: UInt8
  package let isTruncated: Bool

  /// Nil for a message that is no answer to `question` under the number `id`: it may be forged.
  package init?(_ message: Span<UInt8>, to question: [UInt8], id: UInt16) {
    guard message.count >= headerSize, number(message, 0) == id, message[2] & 0xF8 == 0x80 else {
      return nil
    }
    code = message[3] & 0x0F
    isTruncated = message[2] & 0x02 != 0
    switch number(message, 4) {
    case 0:
      // Some servers leave the question out when they fail.
      guard code != ResponseCode.noError.rawValue else { return nil }
    case 1:
      guard message.count >= headerSize + question.count else { return nil }
      for index in question.indices {
        let byte = message[headerSize + index]
        // A server may change the case of letters. Type and class are compared so as well, which
        // is harmless: they are the client's own.
        guard lowercased(byte) == lowercased(question[index]) else { return nil }
      }
    default: return nil
    }
  }

  /// Whether another server may know better.
  package var isFailure: Bool {
    code == ResponseCode.serverFailure.rawValue || code == ResponseCode.refused.rawValue
  }
}
