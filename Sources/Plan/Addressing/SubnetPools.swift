// Where networks without a subnet of their own get one from.

/// Equal blocks cut out of larger ones. The first pools are where docker's are, so that rules and
/// habits that know them hold, in smaller pieces: 4,093 containers each. More names lead to a block of
/// their own then, and less of what a VPN may bring is taken. The last makes room where docker would
/// have none left.
package struct SubnetPool: Hashable, Sendable {
  package let blocks: [IPv4Subnet]

  package init(blocks: [IPv4Subnet]) { self.blocks = blocks }

  /// `range` cut into blocks of `prefixLength`; at most 65536 of them.
  package init(_ range: IPv4Subnet, cutInto prefixLength: Int) {
    guard (range.prefixLength...min(32, range.prefixLength + 16)).contains(prefixLength) else {
      blocks = []
      return
    }
    let size = UInt64(1) << UInt64(32 - prefixLength)
    blocks = stride(from: 0, to: range.count, by: Int(size)).compactMap { offset in
      range.address(at: UInt64(offset)).flatMap { IPv4Subnet($0, prefixLength: prefixLength) }
    }
  }

  /// Each pool is used up before the next is touched.
  package static let standard: [SubnetPool] = [
    SubnetPool(
      blocks: (17...31).flatMap { pool(IPv4Address(172, $0, 0, 0), 16, cutInto: 20).blocks }),
    pool(IPv4Address(192, 168, 0, 0), 16, cutInto: 20),
    pool(IPv4Address(10, 192, 0, 0), 11, cutInto: 24),
  ]

  private static func pool(
    _ base: IPv4Address, _ prefixLength: Int, cutInto blockLength: Int
  ) -> SubnetPool {
    IPv4Subnet(base, prefixLength: prefixLength).map { SubnetPool($0, cutInto: blockLength) }
      ?? SubnetPool(blocks: [])
  }

  /// The block for the network `name`: where its name leads in the first pool, or the next free one.
  /// The same name gets the same block as long as that is free. Nil when all blocks overlap `taken`.
  package static func choose(
    for name: String, avoiding taken: [IPv4Subnet], from pools: [SubnetPool] = standard
  ) -> IPv4Subnet? {
    let hash = fowlerNollVo(name.utf8)
    for pool in pools where !pool.blocks.isEmpty {
      let start = Int(hash % UInt64(pool.blocks.count))
      for block in pool.blocks[start...] + pool.blocks[..<start]
      where !taken.contains(where: block.overlaps) {
        return block
      }
    }
    return nil
  }
}

/// FNV-1a of 64 bits: the same in every run, unlike `Hasher`.
package func fowlerNollVo(_ bytes: some Sequence<UInt8>) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
