// PAX extended headers (POSIX pax(1)): `length key=value\n` records that override a member's fields.

/// What the extended headers before a member say about it.
struct PAXRecords {
  var path: [UInt8]?
  var target: [UInt8]?
  var size: UInt64?
  var uid: UInt32?
  var gid: UInt32?
  var modified: TarTime?
  /// By name, in the order of their first record.
  private var attributePlaces: [[UInt8]: Int] = [:]
  private(set) var attributes: [TarEntry.Attribute] = []

  var sparseRegions: [SparseRegion] = []
  var sparseName: [UInt8]?
  var sparseRealSize: UInt64?
  /// GNU.sparse.major = 1: the map stands before the data.
  var sparseMapInData = false
  private var pendingOffset: UInt64?

  var isSparse: Bool { sparseRealSize != nil }

  mutating func read(_ block: [UInt8], limits: ArchiveLimits) throws(ArchiveFault) {
    var rest = block[...]
    while !rest.isEmpty {
      guard let blank = rest.firstIndex(of: 0x20), blank - rest.startIndex <= 8,
        let length = decimal(rest[..<blank]).flatMap({ Int(exactly: $0) }),
        length > blank - rest.startIndex + 1, length <= rest.count
      else { throw fault("record length") }
      let record = rest[(blank + 1)..<(rest.startIndex + length)]
      guard record.last == 0x0A, let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
        throw fault("record")
      }
      try set(
        record[..<equals], record[(equals + 1)..<(record.endIndex - 1)], limits: limits)
      rest = rest[(rest.startIndex + length)...]
    }
  }

  private mutating func set(
    _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, limits: ArchiveLimits
  ) throws(ArchiveFault) {
    switch String(decoding: key, as: UTF8.self) {
    case "path": path = try text(value)
    case "linkpath": target = try text(value)
    case "size": size = try number(value, "size")
    case "uid": uid = try id(value, "uid")
    case "gid": gid = try id(value, "gid")
    case "mtime": modified = try time(value)
    case "GNU.sparse.name": sparseName = try text(value)
    case "GNU.sparse.size", "GNU.sparse.realsize": sparseRealSize = try number(value, "real size")
    case "GNU.sparse.major": sparseMapInData = try number(value, "sparse version") == 1
    case "GNU.sparse.offset": pendingOffset = try number(value, "sparse offset")
    case "GNU.sparse.numbytes":
      guard let offset = pendingOffset else { throw fault("sparse map") }
      try add(SparseRegion(offset: offset, length: number(value, "sparse length")), limits)
      pendingOffset = nil
    case "GNU.sparse.map":
      let numbers = value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      guard numbers.count.isMultiple(of: 2) else { throw fault("sparse map") }
      for index in stride(from: 0, to: numbers.count, by: 2) {
        let offset = try number(numbers[index], "sparse offset")
        let length = try number(numbers[index + 1], "sparse length")
        try add(SparseRegion(offset: offset, length: length), limits)
      }
    default: try setAttribute(key, value, limits)
    }
  }

  private mutating func setAttribute(
    _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, _ limits: ArchiveLimits
  ) throws(ArchiveFault) {
    let prefix = Array("SCHILY.xattr.".utf8)
    guard key.starts(with: prefix) else { return }
    let name = Array(key.dropFirst(prefix.count))
    let attribute = TarEntry.Attribute(name: name, value: Array(value))
    if let place = attributePlaces[name] {
      attributes[place] = attribute
      return
    }
    guard attributes.count < limits.attributes else {
      throw .tooMuch("attributes of one member", limit: limits.attributes)
    }
    attributePlaces[name] = attributes.count
    attributes.append(attribute)
  }

  mutating func add(_ region: SparseRegion, _ limits: ArchiveLimits) throws(ArchiveFault) {
    guard sparseRegions.count < limits.sparseRegions else {
      throw .tooMuch("sparse regions", limit: limits.sparseRegions)
    }
    sparseRegions.append(region)
  }

  private func fault(_ what: String) -> ArchiveFault {
    .corrupt(format: "tar", reason: "bad \(what) in an extended header")
  }

  private func text(_ value: ArraySlice<UInt8>) throws(ArchiveFault) -> [UInt8] {
    if value.contains(0) { throw fault("name") }
    return Array(value)
  }

  private func number(_ value: ArraySlice<UInt8>, _ what: String) throws(ArchiveFault) -> UInt64 {
    guard let number = decimal(value) else { throw fault(what) }
    return number
  }

  private func id(_ value: ArraySlice<UInt8>, _ what: String) throws(ArchiveFault) -> UInt32 {
    guard let id = UInt32(exactly: try number(value, what)) else { throw fault(what) }
    return id
  }

  /// `[-]seconds[.fraction]`
  private func time(_ value: ArraySlice<UInt8>) throws(ArchiveFault) -> TarTime {
    let isNegative = value.first == UInt8(ascii: "-")
    let parts = value.dropFirst(isNegative ? 1 : 0).split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let whole = decimal(first).flatMap({ Int64(exactly: $0) }) else {
      throw fault("time")
    }
    var nanoseconds: Int32 = 0
    if parts.count == 2 {
      let digits = Array(parts[1].prefix(9))
      guard let fraction = digits.isEmpty ? 0 : decimal(digits[...]) else { throw fault("time") }
      var scaled = Int32(truncatingIfNeeded: fraction)  // at most nine digits
      for _ in digits.count..<9 { scaled *= 10 }
      nanoseconds = scaled
    }
    guard isNegative else { return TarTime(seconds: whole, nanoseconds: nanoseconds) }
    return nanoseconds == 0
      ? TarTime(seconds: -whole)
      : TarTime(seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds)
  }
}

/// Decimal digits alone; nil for anything else and for what does not fit.
func decimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
  guard !digits.isEmpty else { return nil }
  var value: UInt64 = 0
  for digit in digits {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
    let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = tenfold.addingReportingOverflow(UInt64(digit & 15))
    if overflow || carry { return nil }
    value = sum
  }
  return value
}
