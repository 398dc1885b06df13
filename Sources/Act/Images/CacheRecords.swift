// What a cache elsewhere says of the steps that its layers are: the records in the config of its image. Nothing
// of that is believed but what cannot do harm.

package import JSON
package import OCI

/// A step that was made elsewhere.
package struct ForeignStep: Sendable {
  /// Printable.
  package var title: String
  /// RFC 3339.
  package var created: String
  var blob: ContentDescriptor
  var diffID: Digest
  var point: CachePoint
}

/// A step under the key that it is found by.
package struct KeyedStep: Sendable, Hashable {
  package var key: Digest
  package var step: BuildStep

  package init(key: Digest, step: BuildStep) {
    self.key = key
    self.step = step
  }
}

package let cacheRecordsName = "berth.buildcache.v1"

/// What a config says of the steps that its layers are.
/// - Parameter layers: of the image, lowest first.
package func cacheRecords(_ steps: [KeyedStep], layers: [Digest]) -> JSONValue {
  let records = steps.compactMap { entry -> JSONValue? in
    guard let layer = layers.firstIndex(of: entry.step.layer.diffID) else { return nil }
    return [
      "key": .string(entry.key.hex), "title": .string(entry.step.title),
      "created": .string(entry.step.created), "layer": JSONValue(Int64(layer)),
    ]
  }
  return .array(records)
}

/// The steps that an image of `point` says that its layers are.
func foreignSteps(_ manifest: Manifest, _ config: [UInt8], of point: CachePoint) throws
  -> [Digest: ForeignStep]
{
  let diffIDs = try ImageConfig(parsing: config).diffIDs
  let document = try JSONValue(
    parsing: config,
    limits: JSONLimits(
      bytes: ImageLimits.configBytes, depth: ImageLimits.jsonDepth, values: ImageLimits.jsonValues))
  guard let records = document[cacheRecordsName]?.array, diffIDs.count == manifest.layers.count
  else {
    throw CacheFault.noCache
  }
  var found: [Digest: ForeignStep] = [:]
  for record in records {
    guard let key = record["key"]?.string.flatMap({ Digest(hex: $0) }),
      let index = record["layer"]?.number?.integer(Int.self), diffIDs.indices.contains(index),
      // It goes into images: one whose times are none is no image to others.
      let created = record["created"]?.string, isRFC3339(created)
    else { continue }
    found[key] = ForeignStep(
      title: printable(record["title"]?.string ?? ""), created: created,
      blob: manifest.layers[index], diffID: diffIDs[index], point: point)
  }
  return found
}

/// Whether it is a time as RFC 3339 5.6 has it, in capitals, as those want it who read it from images.
func isRFC3339(_ text: String) -> Bool {
  var rest = Array(text.utf8)[...]
  func take(_ byte: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: byte) else { return false }
    rest.removeFirst()
    return true
  }
  func number(_ range: ClosedRange<Int>, digits count: Int = 2) -> Int? {
    let digits = rest.prefix(count)
    guard digits.count == count, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    rest.removeFirst(count)
    let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    return range.contains(number) ? number : nil
  }
  func clock() -> Bool { number(0...23) != nil && take(":") && number(0...59) != nil }
  guard let year = number(0...9999, digits: 4), take("-"), let month = number(1...12), take("-"),
    number(1...days(of: month, in: year)) != nil, take("T"), clock(), take(":"),
    number(0...59) != nil
  else { return false }
  if take(".") {
    guard number(0...9, digits: 1) != nil else { return false }
    while number(0...9, digits: 1) != nil {}
  }
  if take("Z") { return rest.isEmpty }
  return (take("+") || take("-")) && clock() && rest.isEmpty
}

private func days(of month: Int, in year: Int) -> Int {
  let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
  return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
}
