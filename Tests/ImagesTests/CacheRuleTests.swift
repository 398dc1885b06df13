import OCI
import Testing

@testable import Images

@Suite("Rules of the build cache take what was of use longest ago first")
struct CacheRuleTests {
  /// A step of `size` bytes whose layer is named after `layer`.
  private func step(_ layer: String, size: Int64, lastUse: Int64) -> CachedStep {
    let digest = Digest(of: Array(layer.utf8))
    let stacked = StackedLayer(
      blob: ContentDescriptor(mediaType: MediaType.ociGzipLayer, digest: digest, size: 0),
      diffID: digest, chain: digest, size: size)
    return CachedStep(
      key: Digest(of: Array("\(layer) \(lastUse)".utf8)),
      step: BuildStep(title: layer, created: "", layer: stacked), lastUse: lastUse)
  }

  private func taken(
    _ rule: CacheRule, from steps: [CachedStep], notCounting others: Set<Digest> = []
  ) -> [Int64] {
    var left = steps
    let gone = rule.take(from: &left, notCounting: others)
    #expect(Set(gone).isDisjoint(with: left) && gone.count + left.count == steps.count)
    return gone.map(\.lastUse)
  }

  @Test("without limits all goes, with a time what was of no use since")
  func times() {
    let steps = [step("a", size: 0, lastUse: 1), step("b", size: 5, lastUse: 2)]
    #expect(taken(CacheRule(), from: steps) == [1, 2])
    #expect(taken(CacheRule(unusedSince: 2), from: steps) == [1])
    #expect(taken(CacheRule(unusedSince: 1), from: steps) == [])
  }

  @Test("with a size the oldest go until the rest fits")
  func sizes() {
    let steps = (1...4).map { step("layer \($0)", size: 10, lastUse: $0) }
    #expect(taken(CacheRule(keeping: 40), from: steps) == [])
    #expect(taken(CacheRule(keeping: 39), from: steps) == [1])
    #expect(taken(CacheRule(keeping: 20), from: steps) == [1, 2])
    #expect(taken(CacheRule(unusedSince: 2, keeping: 0), from: steps) == [1])
  }

  @Test("a layer of two steps counts once, and goes with the last of them")
  func sharedLayers() {
    let steps = [
      step("same", size: 10, lastUse: 1), step("same", size: 10, lastUse: 2),
      step("other", size: 10, lastUse: 3),
    ]
    #expect(taken(CacheRule(keeping: 20), from: steps) == [])
    #expect(taken(CacheRule(keeping: 19), from: steps) == [1, 2])
  }

  @Test("what images need counts nothing")
  func needed() {
    let steps = [step("image", size: 90, lastUse: 1), step("own", size: 10, lastUse: 2)]
    let image = Digest(of: Array("image".utf8))
    #expect(taken(CacheRule(keeping: 10), from: steps, notCounting: [image]) == [])
    #expect(taken(CacheRule(keeping: 10), from: steps) == [1])
    #expect(taken(CacheRule(keeping: 5), from: steps, notCounting: [image]) == [2])
    #expect(taken(CacheRule(), from: steps, notCounting: [image]) == [1, 2])
  }
}
