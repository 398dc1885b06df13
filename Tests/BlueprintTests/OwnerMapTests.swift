// Id maps for binds whose files belong to somebody else outside.

import Blueprint
import Testing

@Suite("An owner map shows one id as another and no id twice")
struct OwnerMapTests {
  static let pairs: [(UInt32, UInt32)] = [
    (1234, 0), (0, 1234), (1000, 1001), (1001, 1000), (5, 5), (UInt32.max - 1, 0), (1, 0),
  ]

  @Test("the two ids and all others", arguments: pairs)
  func ranges(_ outside: UInt32, _ inside: UInt32) {
    let ranges = OwnerMap.ranges(outside: outside, inside: inside)
    func seen(_ id: UInt32) -> [UInt32] {
      ranges.filter { $0.outside <= id && id - $0.outside < $0.count }
        .map { id - $0.outside + $0.inside }
    }
    #expect(seen(outside) == [inside])
    if inside != outside { #expect(seen(inside) == []) }
    for id: UInt32 in [0, 1, 2, 999, 1002, 1235, 65_534, UInt32.max - 2]
    where id != outside && id != inside {
      #expect(seen(id) == [id])
    }
    #expect(ranges.allSatisfy { $0.count > 0 })
    #expect(ranges.reduce(0) { $0 + UInt64($1.count) } <= UInt64(UInt32.max))
    // Nothing inside stands for two ids outside.
    let places = ranges.map { (UInt64($0.inside), UInt64($0.inside) + UInt64($0.count)) }.sorted {
      $0.0 < $1.0
    }
    #expect(zip(places, places.dropFirst()).allSatisfy { $0.1 <= $1.0 })
  }
}
