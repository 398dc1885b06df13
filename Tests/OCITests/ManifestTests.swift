// Manifests, indexes, configs and platforms: good ones and hostile ones.

import Diagnostics
import JSON
import Testing

@testable import OCI

private let digest = "sha256:" + String(repeating: "0a", count: 32)

private func entry(_ architecture: String, _ variant: String? = nil, os: String = "linux")
  -> ContentDescriptor
{
  ContentDescriptor(
    mediaType: MediaType.ociManifest,
    digest: Digest(of: Array("\(architecture)\(variant ?? "")".utf8)),
    size: 1, platform: Platform(os: os, architecture: architecture, variant: variant))
}

@Suite("A manifest")
struct ManifestTests {
  static let config =
    #""config":{"mediaType":"\#(MediaType.ociConfig)","digest":"\#(digest)","size":2}"#

  @Test("is read and written back")
  func reads() throws {
    let text =
      #"{"schemaVersion":2,\#(Self.config),"layers":[{"mediaType":"\#(MediaType.ociGzipLayer)","digest":"\#(digest)","size":3}]}"#
    guard
      case .manifest(let manifest) = try ManifestDocument(
        parsing: Array(text.utf8), contentType: MediaType.ociManifest)
    else {
      Issue.record("not a manifest")
      return
    }
    #expect(manifest.layers.map(\.size) == [3])
    let again = try ManifestDocument(parsing: manifest.json.bytes())
    #expect(again == .manifest(manifest))
  }

  @Test(
    "is refused when it lies or is too much",
    arguments: [
      ("both kinds", #"{"schemaVersion":2,\#(config),"layers":[],"manifests":[]}"#, nil),
      (
        "content type of an index", #"{"schemaVersion":2,\#(config),"layers":[]}"#,
        MediaType.ociIndex
      ),
      (
        "two media types",
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.dockerManifest)",\#(config),"layers":[]}"#,
        MediaType.ociManifest
      ),
      ("unknown media type", #"{"schemaVersion":2,"mediaType":"x",\#(config),"layers":[]}"#, nil),
      ("schema 1", #"{"schemaVersion":1,"fsLayers":[]}"#, nil),
      ("no version", #"{\#(config),"layers":[]}"#, nil),
      ("no layers", #"{"schemaVersion":2,\#(config)}"#, nil),
      (
        "artifact",
        #"{"schemaVersion":2,"config":{"mediaType":"application/x","digest":"\#(digest)","size":2},"layers":[]}"#,
        nil
      ),
      (
        "negative size",
        #"{"schemaVersion":2,\#(config),"layers":[{"mediaType":"a","digest":"\#(digest)","size":-1}]}"#,
        nil
      ),
      (
        "huge size",
        #"{"schemaVersion":2,\#(config),"layers":[{"mediaType":"a","digest":"\#(digest)","size":1e30}]}"#,
        nil
      ),
      (
        "digest as a path",
        #"{"schemaVersion":2,\#(config),"layers":[{"mediaType":"a","digest":"sha256:../../x","size":1}]}"#,
        nil
      ),
    ] as [(String, String, String?)])
  func refuses(_ label: String, _ text: String, _ type: String?) {
    #expect(throws: ImageFault.self) {
      try ManifestDocument(parsing: Array(text.utf8), contentType: type)
    }
  }

  @Test("nested deeper than 64 is refused before it is built")
  func tooDeep() {
    let text = #"{"a":"# + String(repeating: "[", count: 100_000)
    #expect(throws: ImageFault.self) { try ManifestDocument(parsing: Array(text.utf8)) }
  }

  @Test("of more than 500 layers is refused")
  func tooManyLayers() throws {
    func text(_ count: Int) -> [UInt8] {
      let layer = #"{"mediaType":"a","digest":"\#(digest)","size":1}"#
      let layers = [String](repeating: layer, count: count).joined(separator: ",")
      return Array(#"{"schemaVersion":2,\#(Self.config),"layers":[\#(layers)]}"#.utf8)
    }
    #expect(throws: Never.self) { try ManifestDocument(parsing: text(500)) }
    #expect(throws: ImageFault.self) { try ManifestDocument(parsing: text(501)) }
  }

  @Test("of more than 4 MiB is refused")
  func tooLarge() {
    let text = [UInt8](repeating: 0x20, count: 4 << 20) + Array("{}".utf8)
    #expect(throws: ImageFault.self) { try ManifestDocument(parsing: text) }
  }
}

@Suite("An index")
struct ImageIndexTests {
  @Test(
    "gives the image for a platform or its nearest older variant",
    arguments: [
      ("linux/amd64", "linux/amd64"), ("linux/arm/v7", "linux/arm/v6"), ("arm", "linux/arm/v6"),
      ("linux/arm64/v8", "linux/arm64"), ("linux/amd64/v3", "linux/amd64/v2"),
      ("aarch64", "linux/arm64"),
    ])
  func chooses(_ wanted: String, _ expected: String) throws {
    let index = ImageIndex(manifests: [
      entry("unknown", os: "unknown"), entry("amd64"), entry("amd64", "v2"), entry("arm", "v5"),
      entry("arm", "v6"), entry("arm64", "v8"),
    ])
    let chosen = try index.choose(Platform(parsing: wanted))
    #expect(chosen.platform?.description == expected)
  }

  @Test("without the platform says which it has")
  func lacks() throws {
    let index = ImageIndex(manifests: [entry("s390x"), entry("unknown", os: "unknown")])
    let fault = #expect(throws: ImageFault.self) {
      try index.choose(Platform(parsing: "linux/amd64"))
    }
    let diagnostic = try #require(fault?.diagnostics.first)
    #expect(
      diagnostic.summary == "no matching manifest for linux/amd64 in the manifest list entries")
    #expect(diagnostic.hint == "it is there for `linux/s390x`")
  }

  @Test("of a hostile number of platforms says a few")
  func lacksMany() throws {
    let long = String(repeating: "x", count: 5000)
    let index = ImageIndex(manifests: (0..<100).map { entry("\(long)\($0)") } + [entry("s390x")])
    let fault = #expect(throws: ImageFault.self) {
      try index.choose(Platform(parsing: "linux/amd64"))
    }
    #expect((fault?.diagnostics.first?.hint?.utf8.count ?? .max) < 1000)
  }

  @Test("is not searched for nested indexes")
  func nested() {
    var inner = entry("amd64")
    inner.mediaType = MediaType.ociIndex
    #expect(throws: ImageFault.self) {
      try ImageIndex(manifests: [inner]).choose(Platform(os: "linux", architecture: "amd64"))
    }
  }
}

#if arch(x86_64)
  @Suite("This machine")
  struct MachineTests {
    private static let second: Set<Substring> = [
      "cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3",
    ]
    private static let third: Set<Substring> = [
      "abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave",
    ]

    @Test("is of the highest level of which its processor knows everything")
    func levels() {
      func level(_ flags: Set<Substring>) -> String { "\(Platform.host(processorFlags: flags))" }
      #expect(level([]) == "linux/amd64")
      #expect(level(Self.second.union(["sse2"])) == "linux/amd64/v2")
      #expect(level(Self.second.union(Self.third)) == "linux/amd64/v3")
      #expect(level(Self.third) == "linux/amd64")
      #expect(level(Self.second.union(Self.third).subtracting(["bmi2"])) == "linux/amd64/v2")
    }

    @Test("takes an image for older processors, and runs programs of 32 bits")
    func accepts() throws {
      let machine = Platform.host(processorFlags: Self.second)
      #expect(machine.accepts(try Platform(parsing: "linux/amd64")))
      #expect(!machine.accepts(try Platform(parsing: "linux/amd64/v3")))
      let native = try ["linux/386", "linux/amd64/v4", "linux/arm64", "windows/amd64"].map {
        try Platform(parsing: $0).isNative
      }
      #expect(native == [true, true, false, false])
    }
  }
#endif

@Suite("An image config")
struct ImageConfigTests {
  @Test("gives what a container runs")
  func reads() throws {
    let text = """
      {"architecture":"amd64","os":"linux","created":"2024-01-01T00:00:00Z","config":{
      "Env":["A=1","B="],"Entrypoint":["/e"],"Cmd":["x","y"],"WorkingDir":"/w","User":"1:2",
      "ExposedPorts":{"80/tcp":{},"443/tcp":{}},"Volumes":{"/v":{}},"Labels":{"l":"m"},
      "StopSignal":"SIGQUIT","Shell":["/bin/bash","-c"],"OnBuild":null,
      "Healthcheck":{"Test":["CMD","true"],"Interval":1000000000,"Retries":2}},
      "rootfs":{"type":"layers","diff_ids":["\(digest)"]},"history":[{"created_by":"x"}]}
      """
    let config = try ImageConfig(parsing: Array(text.utf8))
    #expect(config.env == ["A=1", "B="])
    #expect(config.entrypoint == ["/e"])
    #expect(config.cmd == ["x", "y"])
    #expect(config.workingDir == "/w")
    #expect(config.user == "1:2")
    #expect(config.exposedPorts == ["443/tcp", "80/tcp"])
    #expect(config.volumes == ["/v"])
    #expect(config.labels == ["l": "m"])
    #expect(config.stopSignal == "SIGQUIT")
    #expect(config.shell == ["/bin/bash", "-c"])
    #expect(config.healthcheck?.interval == 1_000_000_000)
    #expect(config.healthcheck?.retries == 2)
    #expect(config.diffIDs.map(\.description) == [digest])
    #expect(config.platform.description == "linux/amd64")
  }

  @Test(
    "is refused when a field cannot be what it must be",
    arguments: [
      #""config":{"Env":["A\u0000B"]}"#, #""config":{"Env":[1]}"#, #""config":{"Env":{}}"#,
      #""config":{"User":5}"#, #""config":{"WorkingDir":"/a\u0000"}"#, #""config":[]"#,
      #""config":{"Labels":{"a":1}}"#, #""config":{"Healthcheck":{"Interval":-1}}"#,
      #""config":{"Healthcheck":{"Retries":99999999999}}"#,
      #""config":{"Healthcheck":{"Interval":1e40}}"#, #""config":{"Volumes":["/"]}"#,
    ])
  func refuses(_ member: String) {
    let text = #"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers"},\#(member)}"#
    #expect(throws: ImageFault.self) { try ImageConfig(parsing: Array(text.utf8)) }
  }
}
