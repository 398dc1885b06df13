// The 512 bytes before each member: v7, ustar and GNU fields to numbers and names.

/// Offsets and lengths of fields, as in tar(5).
private enum Field {
  static let name = 0..<100
  static let mode = 100..<108
  static let uid = 108..<116
  static let gid = 116..<124
  static let size = 124..<136
  static let modified = 136..<148
  static let checksum = 148..<156
  static let type = 156
  static let target = 157..<257
  static let magic = 257..<265
  static let major = 329..<337
  static let minor = 337..<345
  static let prefix = 345..<500
}

/// A view of one header block; valid as long as the buffer is.
struct TarHeader {
  static let length = 512
  let block: UnsafeRawBufferPointer

  var isZero: Bool { block.allSatisfy { $0 == 0 } }
  var type: UInt8 { block[Field.type] }

  /// Old writers summed signed bytes: either sum is good.
  var checksumIsRight: Bool {
    guard let said = try? number(Field.checksum, "checksum") else { return false }
    var unsigned = 0
    var signed = 0
    for index in 0..<Self.length {
      let byte = Field.checksum.contains(index) ? 0x20 : block[index]
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return said == Int64(unsigned) || said == Int64(signed)
  }

  var isGNU: Bool { block[Field.magic].elementsEqual("ustar  \0".utf8) }
  private var isUstar: Bool { block[Field.magic].starts(with: "ustar\0".utf8) }

  var path: [UInt8] {
    let name = text(Field.name)
    let prefix = isUstar ? text(Field.prefix) : []
    return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
  }

  var target: [UInt8] { text(Field.target) }

  func mode() throws(ArchiveFault) -> UInt32 {
    UInt32(truncatingIfNeeded: try number(Field.mode, "mode")) & 0o7777
  }

  func uid() throws(ArchiveFault) -> UInt32 { try id(Field.uid, "uid") }
  func gid() throws(ArchiveFault) -> UInt32 { try id(Field.gid, "gid") }
  func major() throws(ArchiveFault) -> UInt32 { try id(Field.major, "device number") }
  func minor() throws(ArchiveFault) -> UInt32 { try id(Field.minor, "device number") }
  func modified() throws(ArchiveFault) -> Int64 { try number(Field.modified, "time") }

  func size() throws(ArchiveFault) -> UInt64 {
    guard let size = UInt64(exactly: try number(Field.size, "size")) else {
      throw .corrupt(format: "tar", reason: "negative size")
    }
    return size
  }

  private func id(_ field: Range<Int>, _ what: String) throws(ArchiveFault) -> UInt32 {
    guard let id = UInt32(exactly: try number(field, what)) else {
      throw .corrupt(format: "tar", reason: "\(what) out of range")
    }
    return id
  }

  func text(_ field: Range<Int>) -> [UInt8] {
    Array(block[field].prefix { $0 != 0 })
  }

  /// Octal digits between blanks and NULs, or GNU's base 256 when the first bit is set.
  func number(_ field: Range<Int>, _ what: String) throws(ArchiveFault) -> Int64 {
    let bytes = block[field]
    guard let first = bytes.first else { return 0 }
    if first & 0x80 != 0 { return try base256(field, what) }
    var value: Int64 = 0
    var ended = false
    for byte in bytes.drop(while: { $0 == 0x20 || $0 == 0 }) {
      switch byte {
      case 0x20, 0: ended = true
      case UInt8(ascii: "0")...UInt8(ascii: "7") where !ended:
        value = value << 3 | Int64(byte & 7)  // at most 12 digits: 36 bits
      default: throw .corrupt(format: "tar", reason: "\(what) is not an octal number")
      }
    }
    return value
  }

  private func base256(_ field: Range<Int>, _ what: String) throws(ArchiveFault) -> Int64 {
    let bytes = block[field]
    let isNegative = bytes.first.map { $0 & 0x40 != 0 } ?? false
    var value: Int64 = isNegative ? -1 : 0
    for (index, byte) in bytes.enumerated() {
      let digit = index == 0 ? (isNegative ? byte : byte & 0x7F) : byte
      let shifted = value.multipliedReportingOverflow(by: 256)
      if index == 0 {
        value = isNegative ? Int64(Int8(bitPattern: digit)) : Int64(digit)
        continue
      }
      guard !shifted.overflow else {
        throw .corrupt(format: "tar", reason: "\(what) out of range")
      }
      value = shifted.partialValue | Int64(digit)
    }
    return value
  }

  /// GNU's own sparse fields: four regions here, the real size, and whether more blocks follow.
  func gnuSparse() throws(ArchiveFault) -> (regions: [SparseRegion], size: UInt64, more: Bool) {
    let regions = try gnuRegions(at: 386, count: 4)
    guard let size = UInt64(exactly: try number(483..<495, "real size")) else {
      throw .corrupt(format: "tar", reason: "negative size")
    }
    return (regions, size, block[482] != 0)
  }

  /// A block of 21 more regions.
  func gnuSparseExtension() throws(ArchiveFault) -> (regions: [SparseRegion], more: Bool) {
    (try gnuRegions(at: 0, count: 21), block[504] != 0)
  }

  private func gnuRegions(at start: Int, count: Int) throws(ArchiveFault) -> [SparseRegion] {
    var regions: [SparseRegion] = []
    for index in 0..<count {
      let at = start + index * 24
      if block[at] == 0 { break }
      let offset = try number(at..<at + 12, "sparse offset")
      let length = try number(at + 12..<at + 24, "sparse length")
      guard let offset = UInt64(exactly: offset), let length = UInt64(exactly: length) else {
        throw .corrupt(format: "tar", reason: "negative sparse region")
      }
      regions.append(SparseRegion(offset: offset, length: length))
    }
    return regions
  }
}

/// A part of a sparse file that has data.
struct SparseRegion: Hashable, Sendable {
  var offset: UInt64
  var length: UInt64
}

/// Whether a tar stream may begin with these bytes: a whole header whose sum is right.
package func isTarHeader(_ bytes: [UInt8]) -> Bool {
  guard bytes.count >= TarHeader.length else { return false }
  return bytes.withUnsafeBytes { bytes in
    let header = TarHeader(block: UnsafeRawBufferPointer(rebasing: bytes[..<TarHeader.length]))
    return !header.isZero && header.checksumIsRight
  }
}
