// The form of netlink messages: a header of 16 bytes, a fixed part, then attributes, each aligned to
// four bytes and in the machine's byte order. See netlink(7).

/// Grows one or more messages. Attributes nest by closures, so that lengths are always right.
package struct NetlinkWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  package mutating func append(contentsOf content: some Sequence<UInt8>) {
    bytes.append(contentsOf: content)
  }

  private mutating func align() {
    while bytes.count % 4 != 0 { bytes.append(0) }
  }

  /// One message; `sequence` comes back with its answer.
  package mutating func message(
    type: UInt16, flags: UInt16, sequence: UInt32, _ body: (inout NetlinkWriter) -> Void
  ) {
    let start = bytes.count
    append(UInt32(0))
    append(type)
    append(flags)
    append(sequence)
    append(UInt32(0))
    body(&self)
    align()
    setLength(UInt32(bytes.count - start), at: start)
  }

  package mutating func attribute(_ type: Int, _ content: some Collection<UInt8>) {
    nest(type) { $0.append(contentsOf: content) }
  }

  package mutating func attribute<Value: FixedWidthInteger>(_ type: Int, number: Value) {
    nest(type) { $0.append(number) }
  }

  /// Text with its zero at the end, as the kernel wants names.
  package mutating func attribute(_ type: Int, text: String) {
    nest(type) {
      $0.append(contentsOf: text.utf8)
      $0.append(UInt8(0))
    }
  }

  package mutating func nest(_ type: Int, _ body: (inout NetlinkWriter) -> Void) {
    let start = bytes.count
    append(UInt16(0))
    append(UInt16(truncatingIfNeeded: type))
    body(&self)
    let length = UInt16(clamping: bytes.count - start)
    withUnsafeBytes(of: length) { source in
      for (offset, byte) in source.enumerated() { bytes[start + offset] = byte }
    }
    align()
  }

  private mutating func setLength(_ length: UInt32, at start: Int) {
    withUnsafeBytes(of: length) { source in
      for (offset, byte) in source.enumerated() { bytes[start + offset] = byte }
    }
  }
}

/// One received message; its parts are read with bounds, so that a short one is nil, not a trap.
package struct NetlinkMessage {
  package static let headerSize = 16

  package let type: UInt16
  package let flags: UInt16
  package let sequence: UInt32
  package let body: ArraySlice<UInt8>

  /// Takes the first message off `bytes`; nil at the end and when the lengths make no sense.
  package static func next(_ bytes: inout ArraySlice<UInt8>) -> NetlinkMessage? {
    guard let length = bytes.number(UInt32.self, at: 0), length >= headerSize,
      Int(length) <= bytes.count, let type = bytes.number(UInt16.self, at: 4),
      let flags = bytes.number(UInt16.self, at: 6),
      let sequence = bytes.number(UInt32.self, at: 8)
    else { return nil }
    let body = bytes.dropFirst(headerSize).prefix(Int(length) - headerSize)
    bytes = bytes.dropFirst((Int(length) + 3) & ~3)
    return NetlinkMessage(type: type, flags: flags, sequence: sequence, body: body)
  }

  /// The attributes after a fixed part of `size` bytes. A later one of the same type wins.
  package func attributes(after size: Int) -> [Int: ArraySlice<UInt8>] {
    parseAttributes(body.dropFirst(size))
  }
}

/// Attributes by type, without the flags that mark nesting and byte order.
package func parseAttributes(_ content: ArraySlice<UInt8>) -> [Int: ArraySlice<UInt8>] {
  var rest = content
  var attributes: [Int: ArraySlice<UInt8>] = [:]
  while let length = rest.number(UInt16.self, at: 0), length >= 4, Int(length) <= rest.count,
    let type = rest.number(UInt16.self, at: 2)
  {
    attributes[Int(type & 0x3FFF)] = rest.dropFirst(4).prefix(Int(length) - 4)
    rest = rest.dropFirst((Int(length) + 3) & ~3)
  }
  return attributes
}

/// The contents of a list's attributes in their order, whatever their types.
package func parseElements(_ content: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
  var rest = content
  var elements: [ArraySlice<UInt8>] = []
  while let length = rest.number(UInt16.self, at: 0), length >= 4, Int(length) <= rest.count {
    elements.append(rest.dropFirst(4).prefix(Int(length) - 4))
    rest = rest.dropFirst((Int(length) + 3) & ~3)
  }
  return elements
}

extension ArraySlice<UInt8> {
  /// A number in the machine's byte order, `offset` bytes after the start; nil beyond the end.
  package func number<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value? {
    let size = Value.bitWidth / 8
    guard offset >= 0, count - size >= offset else { return nil }
    return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
  }

  /// Text up to its zero.
  package var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
