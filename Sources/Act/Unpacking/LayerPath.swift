// A name from a layer, taken apart. What could lead out of the layer's folder or pretend to be one
// of berth's own marks is refused here, before any system call.

/// The parts of a member's name. The root itself has none.
struct LayerPath: Hashable {
  enum Role: Hashable {
    case plain
    /// Hides this name of the layers below.
    case whiteout([UInt8])
    /// Hides all that the layers below have in this folder.
    case opaque
    /// Bookkeeping of a file system of old: passed over.
    case ignored
  }

  let parent: [UInt8]
  let name: [UInt8]
  let role: Role

  var isRoot: Bool { parent.isEmpty && name.isEmpty }
  var bytes: [UInt8] { parent.isEmpty ? name : parent + [UInt8(ascii: "/")] + name }

  /// Leading slashes and `.` mean nothing; `..` is refused wherever it stands.
  init(_ raw: [UInt8]) throws(UnpackFault) {
    if raw.contains(0) { throw .refused(raw, "there is a NUL in its name") }
    var parts = raw.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true)
      .filter { !$0.elementsEqual(".".utf8) }
    guard !parts.contains(where: { $0.elementsEqual("..".utf8) }) else {
      throw .refused(raw, "its name leads upwards")
    }
    let last = parts.popLast() ?? []
    var role = Self.role(of: last)
    for part in parts where part.starts(with: Self.mark) {
      guard part.starts(with: Self.meta) else { throw .refused(raw, "it is inside of a whiteout") }
      role = .ignored
    }
    if case .whiteout(let hidden) = role {
      guard !hidden.isEmpty, hidden != Array(".".utf8), hidden != Array("..".utf8) else {
        throw .refused(raw, "it is a whiteout of nothing")
      }
    }
    self.role = role
    parent = Array(parts.joined(separator: [UInt8(ascii: "/")]))
    name = Array(last)
  }

  private static let mark = Array(".wh.".utf8)
  private static let meta = Array(".wh..wh.".utf8)
  private static let opaque = Array(".wh..wh..opq".utf8)

  private static func role(of name: ArraySlice<UInt8>) -> Role {
    if name.elementsEqual(opaque) { return .opaque }
    if name.starts(with: meta) { return .ignored }
    return name.starts(with: mark) ? .whiteout(Array(name.dropFirst(mark.count))) : .plain
  }
}
