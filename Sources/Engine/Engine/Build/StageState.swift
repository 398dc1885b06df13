// A stage as far as it is built: the image that it would be now, and what its next instruction sees.

import Diagnostics
import Dockerfile
import Images
import JSON
import OCI

struct StageState: Sendable {
  /// What else the base image's config holds, such as its author.
  var document: JSONObject
  var config: ImageChanges
  var history: [JSONValue]
  var layers: [StackedLayer]
  /// Says all that went into the files so far.
  var key: Digest
  var platform: Platform
  /// Declared so far, each once and with a value; an `ENV` of the same name takes its argument away.
  var arguments: [BuildArgument] = []
  var author: String?

  /// An image without files.
  init(scratch platform: Platform) {
    document = JSONObject()
    config = ImageChanges([
      "Env": [.string(standardPath)], "WorkingDir": "/",
    ])
    history = []
    layers = []
    key = Digest(of: Array("scratch".utf8))
    self.platform = platform
  }

  init(base: ImageDetails, layers: [StackedLayer]) {
    document = base.config.object ?? JSONObject()
    // What an older docker wrote of the container that an image was made from.
    // And the caches that it carries are of its own steps.
    let caches = [cacheRecordsName, "moby.buildkit.cache.v0"]
    for stale in ["container", "container_config", "id", "parent", "docker_version"] + caches {
      document[stale] = nil
    }
    config = ImageChanges(base.config["config"]?.object ?? JSONObject())
    history = base.config["history"]?.array ?? []
    self.layers = layers
    // Contents alone count: another name or config is no other file.
    key = layers.last?.chain ?? Digest(of: Array("scratch".utf8))
    platform = base.image.platform
    author = base.config["author"]?.string
  }

  /// The value of a variable for the instruction that comes next.
  func variable(_ name: String) -> String? {
    arguments.last { $0.name == name }?.value ?? config.variable(name)
  }

  func text(_ word: Word, _ expansion: Expansion) throws -> String {
    try expansion.text(word) { variable($0) }
  }

  func words(_ word: Word, _ expansion: Expansion) throws -> [String] {
    try expansion.words(word) { variable($0) }
  }

  /// - Parameter created: nil for what has no time of its own, so that the same steps always make the same
  ///   image.
  mutating func note(
    _ text: String, created: String?, isEmpty: Bool, comment: String = "buildkit.dockerfile.v0"
  ) {
    let entry = ImageHistoryEntry(
      created: created, createdBy: text, author: author ?? "", comment: comment, isEmpty: isEmpty)
    history.append(entry.json)
  }

  /// The history with times for all: what has none was made with the next layer, or with the last one.
  private func timedHistory(_ stamp: String) -> [JSONValue] {
    var time: String?
    var isLacking = false
    for entry in history {
      guard let created = entry["created"]?.string else {
        isLacking = true
        continue
      }
      time = created
      if isLacking { break }
    }
    isLacking = false
    return history.map { entry in
      if let created = entry["created"]?.string {
        if isLacking { time = created }
        return entry
      }
      isLacking = true
      var object = entry.object ?? JSONObject()
      object["created"] = .string(time ?? stamp)
      return .object(object)
    }
  }

  /// Lets the image say which of its layers are which steps.
  mutating func nameSteps(_ steps: [KeyedStep]) {
    document[cacheRecordsName] = cacheRecords(steps, layers: layers.map(\.diffID))
  }

  /// The config as it is stored.
  /// - Parameter stamp: the time of what has no layers at all.
  func document(stamp: String, labels: [(String, String)]) -> [UInt8] {
    var object = document
    var config = config
    config.addLabels(labels)
    object["architecture"] = .string(platform.architecture)
    object["os"] = .string(platform.os)
    object["variant"] = platform.variant.map { .string($0) }
    object["author"] = author.map { .string($0) }
    let history = timedHistory(stamp)
    object["created"] = .string(history.last?["created"]?.string ?? stamp)
    object["config"] = config.json
    object["history"] = .array(history)
    object["rootfs"] = [
      "type": "layers", "diff_ids": .array(layers.map { .string("\($0.diffID)") }),
    ]
    return JSONValue.object(object).bytes()
  }
}

struct BuildArgument: Sendable, Hashable {
  var name: String
  var value: String?
}
