// The nearest valid name for a mistyped one.

/// Nobody mistypes longer names than this, and comparing takes the product of both lengths.
private let longestName = 64
/// Of more candidates than this the later ones are not looked at.
private let mostCandidates = 1_000

/// The candidate nearest to `name` by edit distance, or nil when none is near enough to suggest.
package func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
  guard name.utf8.count <= longestName else { return nil }
  let typed = Array(name.lowercased().utf8)
  let limit = max(1, typed.count / 3)
  var best: (name: String, distance: Int)?
  for candidate in candidates.prefix(mostCandidates) {
    guard abs(candidate.utf8.count - typed.count) <= limit else { continue }
    let distance = editDistance(typed, Array(candidate.lowercased().utf8))
    if distance <= limit, best.map({ distance < $0.distance }) ?? true {
      best = (candidate, distance)
    }
  }
  return best?.name
}

/// Optimal string alignment distance: insert, delete, replace and swap of neighbours cost one each.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var older = [Int](repeating: 0, count: right.count + 1)
  var previous = Array(0...right.count)
  for i in left.indices {
    var current = [i + 1]
    for j in right.indices {
      let replace = previous[j] + (left[i] == right[j] ? 0 : 1)
      var cost = min(previous[j + 1] + 1, current[j] + 1, replace)
      if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
        cost = min(cost, older[j - 1] + 1)
      }
      current.append(cost)
    }
    older = previous
    previous = current
  }
  return previous[right.count]
}
