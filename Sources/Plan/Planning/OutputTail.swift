// The end of what a program has written: so many lines and bytes, whatever it writes before.

package struct OutputTail: Hashable, Sendable {
  private let lines: Int
  private let bytes: Int
  private var kept: [UInt8] = []
  /// Nothing comes any more.
  package var isComplete = false

  package init(lines: Int, bytes: Int) {
    self.lines = lines
    self.bytes = bytes
  }

  package mutating func append(_ more: some Collection<UInt8>) {
    kept.append(contentsOf: more.suffix(bytes))
    if kept.count > bytes { kept.removeFirst(kept.count - bytes) }
  }

  /// The last lines, without their ends; empty lines behind the last are left out. The first may lack
  /// its beginning.
  package var text: [String] {
    var all = kept.split(separator: 0x0A, omittingEmptySubsequences: false)
    while let last = all.last, last.allSatisfy({ $0 == 0x0D || $0 == 0x20 }) { all.removeLast() }
    return all.suffix(lines).map { String(decoding: $0, as: UTF8.self) }
  }
}
