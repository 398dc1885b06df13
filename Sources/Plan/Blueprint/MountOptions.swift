// What a mount may be told beyond where from and where to.

/// A volume that is a file system of its own: what mount(8) would be told. It is mounted in the mount
/// namespace of each container that uses it.
package struct VolumeDriver: Codable, Hashable, Sendable {
  /// `tmpfs`, `nfs`, `ext4`, …; empty for a bind.
  package var type: String
  package var device: Bytes
  /// The words of `o`, in order.
  package var options: [String]

  package init(type: String, device: Bytes, options: [String]) {
    self.type = type
    self.device = device
    self.options = options
  }

  /// A folder of the host, and nothing that has to be mounted first.
  package var isBind: Bool { options.contains("bind") || options.contains("rbind") }

  /// Each mount of such a file system would be a new, empty one: containers have to hand it on.
  package var isMemory: Bool { !isBind && (type == "tmpfs" || type == "ramfs") }
}

/// What becomes of mounts below the source of a bind.
package enum BindRecursion: String, Codable, Sendable {
  /// They come along, read-only where the bind is and the kernel can.
  case enabled
  /// They stay behind.
  case disabled
  /// They come along as they are, also where the bind is read-only.
  case writable
  /// They come along read-only, or the container does not start.
  case readOnly = "readonly"
}

/// Who owns outside what the container's user makes inside. Nil is the owner of the source.
package struct OwnerMap: Codable, Hashable, Sendable {
  package var user: UInt32?
  package var group: UInt32?

  package init(user: UInt32? = nil, group: UInt32? = nil) {
    self.user = user
    self.group = group
  }
}

extension OwnerMap {
  /// One line of an id map: `count` ids from `outside`, as the file system has them, are seen from
  /// `inside` on.
  package struct Range: Hashable, Sendable {
    package var outside: UInt32
    package var inside: UInt32
    package var count: UInt32

    package init(outside: UInt32, inside: UInt32, count: UInt32) {
      self.outside = outside
      self.inside = inside
      self.count = count
    }
  }

  /// The map that shows `outside` as `inside` and leaves all other ids what they are. What had the
  /// number `inside` outside is nobody's inside, and what has the number `outside` inside can make
  /// nothing: were the two exchanged, an ordinary user of the container could make files of root.
  package static func ranges(outside: UInt32, inside: UInt32) -> [Range] {
    // The last number means that there is no id.
    let end = UInt32.max
    let cuts = [min(outside, inside), max(outside, inside)]
    guard outside != inside else { return [Range(outside: 0, inside: 0, count: end)] }
    var ranges = [Range(outside: outside, inside: inside, count: 1)]
    var start: UInt32 = 0
    for cut in cuts + [end] {
      if cut > start { ranges.append(Range(outside: start, inside: start, count: cut - start)) }
      start = cut == end ? end : cut + 1
    }
    return ranges
  }
}
