// Reads tar streams (v7, ustar, PAX, GNU) from chunks of any size in flat memory. What the names mean
// and whether they may be followed is left to whoever writes them to a disk.

/// Receives the members in the order of the archive.
package protocol TarVisitor {
  mutating func begin(_ entry: TarEntry) throws
  /// Bytes of the current file; what is between offsets is a hole.
  mutating func data(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws
  mutating func end() throws
}

package struct TarReader {
  private enum State {
    case header
    /// Collecting the content of a PAX or long-name member.
    case metadata(type: UInt8, remaining: Int)
    /// A block of GNU's old sparse map.
    case sparseExtension
    /// The map that stands before the data in GNU's PAX format 1.0.
    case sparseMap
    case content
    case padding(Int)
    /// After the end marker: the rest is passed over.
    case ended
  }

  private let limits: ArchiveLimits
  private var state = State.header
  private var block: [UInt8] = []
  private var metadata: [UInt8] = []
  private var padding = 0
  private var zeroBlocks = 0
  private var entries = 0

  // What is known about the member whose headers are being read.
  private var pax = PAXRecords()
  private var longPath: [UInt8]?
  private var longTarget: [UInt8]?
  private var pending: TarEntry?
  /// Bytes that the member takes in the archive and that were not read yet.
  private var stored: UInt64 = 0
  /// The numbers of the map that is being read, and how many blocks it has taken.
  private var sparseNumbers: [UInt64] = []
  private var sparseMapBlocks = 0
  private var regions: [SparseRegion] = []
  private var region = 0
  private var regionOffset: UInt64 = 0

  /// Whether the mark at the end of the archive was read: nothing behind it belongs to it.
  package var isAtEnd: Bool { if case .ended = state { true } else { false } }

  package init(limits: ArchiveLimits = ArchiveLimits()) {
    self.limits = limits
    block.reserveCapacity(TarHeader.length)
  }

  package mutating func feed(_ bytes: UnsafeRawBufferPointer, to visitor: inout some TarVisitor)
    throws
  {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch state {
      case .ended: return
      case .padding(let count):
        let skipped = min(count, rest.count)
        rest = rest.dropFirst(skipped)
        state = skipped == count ? .header : .padding(count - skipped)
      case .content: try content(&rest, &visitor)
      case .metadata(let type, let remaining):
        let taken = rest.prefix(remaining)
        metadata.append(contentsOf: taken)
        rest = rest.dropFirst(taken.count)
        if taken.count == remaining {
          try metadataIsComplete(type)
        } else {
          state = .metadata(type: type, remaining: remaining - taken.count)
        }
      case .header, .sparseExtension, .sparseMap: try takeBlock(&rest, &visitor)
      }
    }
  }

  /// Call at the end of the data. A missing end marker is forgiven, a member cut short is not.
  package mutating func finish(_ visitor: inout some TarVisitor) throws {
    switch state {
    case .ended: return
    case .header where block.isEmpty && pending == nil && longPath == nil: return
    case .padding: return
    default: throw ArchiveFault.truncated(format: "tar")
    }
  }

  /// Handles one block: in place when it lies whole in the chunk, else by collecting it.
  private mutating func takeBlock(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ visitor: inout some TarVisitor
  ) throws {
    if block.isEmpty, rest.count >= TarHeader.length {
      let whole = rest.prefix(TarHeader.length)
      rest = rest.dropFirst(TarHeader.length)
      try handle(TarHeader(block: UnsafeRawBufferPointer(rebasing: whole)), &visitor)
      return
    }
    let taken = rest.prefix(TarHeader.length - block.count)
    block.append(contentsOf: taken)
    rest = rest.dropFirst(taken.count)
    guard block.count == TarHeader.length else { return }
    let whole = block
    block.removeAll(keepingCapacity: true)
    try whole.withUnsafeBytes { try handle(TarHeader(block: $0), &visitor) }
  }

  private mutating func handle(_ header: TarHeader, _ visitor: inout some TarVisitor) throws {
    switch state {
    case .sparseExtension:
      let (more, isExtended) = try header.gnuSparseExtension()
      for region in more { try pax.add(region, limits) }
      if !isExtended { try startContent(&visitor) }
    case .sparseMap: try readSparseMap(header.block, &visitor)
    default: try readHeader(header, &visitor)
    }
  }

  private mutating func readHeader(_ header: TarHeader, _ visitor: inout some TarVisitor) throws {
    if header.isZero {
      zeroBlocks += 1
      if zeroBlocks == 2 { state = .ended }
      return
    }
    guard zeroBlocks == 0 else { throw corrupt("data after a lone zero block") }
    guard header.checksumIsRight else { throw corrupt("wrong header checksum") }
    entries += 1
    guard entries <= limits.entries else {
      throw ArchiveFault.tooMuch("entries", limit: limits.entries)
    }
    switch header.type {
    case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
      let size = try header.size()
      guard size <= UInt64(limits.metadataBytes) else {
        throw ArchiveFault.tooMuch("bytes of names and attributes", limit: limits.metadataBytes)
      }
      padding = Int(paddingAfter(size))
      metadata.removeAll(keepingCapacity: true)
      state = .metadata(type: header.type, remaining: Int(size))
      if size == 0 { try metadataIsComplete(header.type) }
    default: try readMember(header, &visitor)
    }
  }

  private mutating func metadataIsComplete(_ type: UInt8) throws {
    state = padding > 0 ? .padding(padding) : .header
    switch type {
    case UInt8(ascii: "x"): try pax.read(metadata, limits: limits)
    case UInt8(ascii: "L"): longPath = Array(metadata.prefix { $0 != 0 })
    case UInt8(ascii: "K"): longTarget = Array(metadata.prefix { $0 != 0 })
    default: break  // global records say nothing that berth uses
    }
  }

  private mutating func readMember(_ header: TarHeader, _ visitor: inout some TarVisitor) throws {
    let path = pax.sparseName ?? pax.path ?? longPath ?? header.path
    var entry = TarEntry(try kind(header.type, path), path: path)
    entry.mode = try header.mode()
    entry.uid = try pax.uid ?? header.uid()
    entry.gid = try pax.gid ?? header.gid()
    entry.modified = try pax.modified ?? TarTime(seconds: header.modified())
    entry.attributes = pax.attributes
    stored = 0
    switch entry.kind {
    case .file:
      stored = try pax.size ?? header.size()
      entry.size = pax.sparseRealSize ?? stored
    case .hardLink, .symbolicLink: entry.target = pax.target ?? longTarget ?? header.target
    case .characterDevice, .blockDevice:
      entry.major = try header.major()
      entry.minor = try header.minor()
    case .directory, .fifo: break
    }
    guard entry.path.count <= limits.nameBytes, entry.target.count <= limits.nameBytes else {
      throw ArchiveFault.tooMuch("bytes in a name", limit: limits.nameBytes)
    }
    guard stored <= UInt64(Int64.max) - 512, entry.size <= UInt64(Int64.max) else {
      throw corrupt("size out of range")
    }
    padding = Int(paddingAfter(stored))
    if header.type == UInt8(ascii: "S") {
      let sparse = try header.gnuSparse()
      entry.size = sparse.size
      for region in sparse.regions { try pax.add(region, limits) }
      pax.sparseRealSize = sparse.size
      pending = entry
      if sparse.more {
        state = .sparseExtension
      } else {
        try startContent(&visitor)
      }
      return
    }
    pending = entry
    if entry.kind == .file, pax.isSparse, pax.sparseMapInData {
      metadata.removeAll(keepingCapacity: true)
      (sparseNumbers, sparseMapBlocks) = ([], 0)
      state = .sparseMap
    } else {
      try startContent(&visitor)
    }
  }

  private func kind(_ type: UInt8, _ path: [UInt8]) throws -> TarEntry.Kind {
    switch type {
    case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
      // v7 archives have no type for directories.
      return path.last == UInt8(ascii: "/") ? .directory : .file
    case UInt8(ascii: "S"): return .file
    case UInt8(ascii: "1"): return .hardLink
    case UInt8(ascii: "2"): return .symbolicLink
    case UInt8(ascii: "3"): return .characterDevice
    case UInt8(ascii: "4"): return .blockDevice
    case UInt8(ascii: "5"): return .directory
    case UInt8(ascii: "6"): return .fifo
    default: throw corrupt("unknown kind of member \(type)")
    }
  }

  /// Lines of decimal numbers, padded to a whole block: the count of regions, then offset and length
  /// of each.
  private mutating func readSparseMap(
    _ bytes: UnsafeRawBufferPointer, _ visitor: inout some TarVisitor
  ) throws {
    guard stored >= UInt64(TarHeader.length), metadata.count < TarHeader.length,
      sparseMapBlocks < limits.metadataBytes / TarHeader.length
    else {
      throw corrupt("sparse map")
    }
    stored -= UInt64(TarHeader.length)
    sparseMapBlocks += 1
    // What an earlier block left is the beginning of a line.
    var rest = metadata[...] + bytes
    while let end = rest.firstIndex(of: 0x0A) {
      guard let number = decimal(rest[..<end]) else { throw corrupt("sparse map") }
      rest = rest[(end + 1)...]
      sparseNumbers.append(number)
      guard let count = sparseNumbers.first, count <= UInt64(limits.sparseRegions) else {
        throw corrupt("sparse map")
      }
      if sparseNumbers.count == Int(count) * 2 + 1 {
        for index in stride(from: 1, to: sparseNumbers.count, by: 2) {
          let region = SparseRegion(
            offset: sparseNumbers[index], length: sparseNumbers[index + 1])
          try pax.add(region, limits)
        }
        return try startContent(&visitor)
      }
    }
    metadata = Array(rest)
  }

  /// Checks the map against the sizes, tells the visitor and goes on with the data.
  private mutating func startContent(_ visitor: inout some TarVisitor) throws {
    guard let entry = pending else { throw corrupt("no member") }
    if pax.isSparse, entry.kind == .file {
      var end: UInt64 = 0
      var total: UInt64 = 0
      for region in pax.sparseRegions {
        let (next, overflow) = region.offset.addingReportingOverflow(region.length)
        guard !overflow, region.offset >= end, next <= entry.size else {
          throw corrupt("sparse map")
        }
        end = next
        total += region.length  // no overflow: regions lie apart below `size`
      }
      guard total == stored else { throw corrupt("sparse map does not fit the data") }
      regions = pax.sparseRegions.filter { $0.length > 0 }
    } else {
      regions = stored > 0 ? [SparseRegion(offset: 0, length: stored)] : []
    }
    region = 0
    regionOffset = 0
    pending = nil
    pax = PAXRecords()
    longPath = nil
    longTarget = nil
    try visitor.begin(entry)
    if stored == 0 { try endMember(&visitor) } else { state = .content }
  }

  private mutating func content(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ visitor: inout some TarVisitor
  ) throws {
    let current = regions[region]
    let wanted = current.length - regionOffset
    let part = rest.prefix(Int(min(wanted, UInt64(rest.count))))
    try visitor.data(
      UnsafeRawBufferPointer(rebasing: part), at: current.offset + regionOffset)
    rest = rest.dropFirst(part.count)
    stored -= UInt64(part.count)
    regionOffset += UInt64(part.count)
    if regionOffset == current.length {
      region += 1
      regionOffset = 0
    }
    if stored == 0 { try endMember(&visitor) }
  }

  private mutating func endMember(_ visitor: inout some TarVisitor) throws {
    try visitor.end()
    state = padding > 0 ? .padding(padding) : .header
  }

  private func corrupt(_ reason: String) -> ArchiveFault {
    .corrupt(format: "tar", reason: reason)
  }
}

func paddingAfter(_ size: UInt64) -> UInt64 { (512 - size % 512) % 512 }
