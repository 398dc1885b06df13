// Writes tar streams: ustar where it is enough, PAX records where it is not.

package struct TarWriter {
  /// What was written so far; the caller may take it away at any time.
  package var output: [UInt8] = []

  package init() {}

  /// Writes a member whole. `content` is for files alone; `entry.size` is not looked at.
  package mutating func add(_ entry: TarEntry, content: [UInt8] = []) {
    begin(entry, size: content.count)
    output += content
    end(size: content.count)
  }

  /// Writes what stands before a member's content. The caller puts `size` bytes behind it and calls
  /// `end`.
  package mutating func begin(_ entry: TarEntry, size: Int) {
    let records = paxRecords(entry, size: size)
    if !records.isEmpty {
      var header = TarEntry(.file, path: Array("pax".utf8))
      header.modified.seconds = 0
      output += block(header, type: UInt8(ascii: "x"), size: records.count)
      output += records
      end(size: records.count)
    }
    output += block(entry, type: type(entry.kind), size: size)
  }

  package mutating func end(size: Int) {
    output += [UInt8](repeating: 0, count: Int(paddingAfter(UInt64(max(0, size)))))
  }

  /// The end marker.
  package mutating func finish() { output += [UInt8](repeating: 0, count: 1024) }

  private func type(_ kind: TarEntry.Kind) -> UInt8 {
    switch kind {
    case .file: UInt8(ascii: "0")
    case .hardLink: UInt8(ascii: "1")
    case .symbolicLink: UInt8(ascii: "2")
    case .characterDevice: UInt8(ascii: "3")
    case .blockDevice: UInt8(ascii: "4")
    case .directory: UInt8(ascii: "5")
    case .fifo: UInt8(ascii: "6")
    }
  }

  private func block(_ entry: TarEntry, type: UInt8, size: Int) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: TarHeader.length)
    func put(_ bytes: some Collection<UInt8>, at offset: Int, limit: Int) {
      block.replaceSubrange(offset..<offset + min(bytes.count, limit), with: bytes.prefix(limit))
    }
    /// Too large for the field: a PAX record says it, the field says 0.
    func put(_ number: UInt64, at offset: Int, digits: Int) {
      let text = String(number, radix: 8)
      let shown = text.utf8.count > digits ? "0" : text
      put(
        (String(repeating: "0", count: digits - shown.utf8.count) + shown).utf8, at: offset,
        limit: digits)
    }
    put(entry.path, at: 0, limit: 100)
    put(UInt64(entry.mode), at: 100, digits: 7)
    put(UInt64(entry.uid), at: 108, digits: 7)
    put(UInt64(entry.gid), at: 116, digits: 7)
    put(UInt64(size), at: 124, digits: 11)
    put(UInt64(clamping: entry.modified.seconds), at: 136, digits: 11)
    put([UInt8](repeating: 0x20, count: 8), at: 148, limit: 8)
    block[156] = type
    put(entry.target, at: 157, limit: 100)
    put("ustar\u{0}00".utf8, at: 257, limit: 8)
    put(UInt64(entry.major), at: 329, digits: 7)
    put(UInt64(entry.minor), at: 337, digits: 7)
    let sum = block.reduce(0) { $0 + UInt64($1) }
    put(sum, at: 148, digits: 6)
    block[154] = 0
    return block
  }

  private func paxRecords(_ entry: TarEntry, size: Int) -> [UInt8] {
    var records: [UInt8] = []
    func add(_ key: [UInt8], _ value: [UInt8]) {
      let rest = [0x20] + key + [UInt8(ascii: "=")] + value + [0x0A]
      // The length counts its own digits.
      var length = rest.count + 1
      while String(length).utf8.count + rest.count != length {
        length = rest.count + String(length).utf8.count
      }
      records += Array(String(length).utf8) + rest
    }
    func add(_ key: String, _ value: String) { add(Array(key.utf8), Array(value.utf8)) }
    if entry.path.count > 100 { add(Array("path".utf8), entry.path) }
    if entry.target.count > 100 { add(Array("linkpath".utf8), entry.target) }
    if UInt64(size) >= 1 << 33 { add("size", "\(size)") }
    if entry.uid >= 1 << 21 { add("uid", "\(entry.uid)") }
    if entry.gid >= 1 << 21 { add("gid", "\(entry.gid)") }
    let time = entry.modified
    if time.seconds < 0 || time.nanoseconds != 0 || time.seconds >= 1 << 33 {
      add("mtime", paxTime(time))
    }
    for attribute in entry.attributes {
      add(Array("SCHILY.xattr.".utf8) + attribute.name, attribute.value)
    }
    return records
  }

  /// Seconds and a fraction that is added to them also below zero: -0.5 is -1 and 500,000,000.
  private func paxTime(_ time: TarTime) -> String {
    var seconds = time.seconds
    var nanoseconds = Int64(time.nanoseconds)
    let isNegative = seconds < 0
    if isNegative, nanoseconds > 0 {
      seconds += 1
      nanoseconds = 1_000_000_000 - nanoseconds
    }
    let digits = String(nanoseconds)
    let fraction = String(repeating: "0", count: max(0, 9 - digits.utf8.count)) + digits
    return (isNegative ? "-" : "") + "\(seconds.magnitude)"
      + (nanoseconds == 0 ? "" : "." + fraction)
  }
}
