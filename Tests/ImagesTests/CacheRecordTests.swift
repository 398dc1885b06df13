import JSON
import OCI
import SystemPackage
import Testing

@testable import Images

@Suite("Of the records of a cache elsewhere only what cannot do harm is believed")
struct CacheRecordTests {
  private func step(created: JSONValue?, title: JSONValue?) throws -> ForeignStep? {
    let key = Digest(of: Array("key".utf8))
    let layer = Digest(of: Array("layer".utf8))
    var record: JSONObject = ["key": .string(key.hex), "layer": 0]
    record["created"] = created
    record["title"] = title
    let config: JSONValue = [
      "architecture": .string(Platform.host.architecture), "os": "linux", "config": [:],
      "rootfs": ["type": "layers", "diff_ids": [.string("\(layer)")]],
      "berth.buildcache.v1": [.object(record)],
    ]
    let blob = ContentDescriptor(mediaType: MediaType.ociGzipLayer, digest: layer, size: 1)
    let text = config.bytes()
    let manifest = Manifest(of: text, layers: [blob])
    return try foreignSteps(manifest, text, of: .folder(CacheFolder("/none")))[key]
  }

  @Test(
    "a step whose time is none is none",
    arguments: [
      ("2024-02-29T23:59:59Z", true), ("2024-01-01T00:00:00.123456789Z", true),
      ("2024-01-01T00:00:00+01:30", true), ("", false), ("yesterday\u{1b}[31m", false),
      ("2023-02-29T00:00:00Z", false), ("2024-01-01", false), ("2024-01-01T24:00:00Z", false),
      ("2024-01-01t00:00:00z", false), ("2024-01-01T00:00:00", false),
      ("2024-01-01T00:00:00.Z", false), ("2024-01-01T00:00:00Z\n", false),
    ])
  func times(_ text: String, _ isOne: Bool) throws {
    #expect(try (step(created: .string(text), title: "RUN x") != nil) == isOne)
  }

  @Test("one without a time is none; what it is called is cut and has no control signs")
  func titles() throws {
    #expect(try step(created: nil, title: "RUN x") == nil)
    let time: JSONValue = "2024-01-01T00:00:00Z"
    #expect(try step(created: time, title: nil)?.title == "")
    let long = String(repeating: "x", count: 1000)
    let title = try step(created: time, title: .string("\u{1b}[31m" + long))?.title
    #expect(title == "?[31m" + String(repeating: "x", count: 295))
  }
}
