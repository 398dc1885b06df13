// The one extension of compose files that berth knows: what stands below `x-berth` on a mount.

import Compose
import Diagnostics
import Testing

@Suite("`x-berth` on a mount is checked, shown and acted on")
struct MountExtensionTests {
  private static func file(_ mount: String) -> String {
    "services: {a: {image: i, volumes: [{type: bind, source: /d, target: /t, \(mount)}]}}"
  }

  @Test(
    "what is below it is known",
    arguments: [
      ("x-berth: {bind_owner: map}", nil),
      ("x-berth: {}", nil),
      ("x-berth: {x-other: 1}", nil),
      ("bind: {x-berth: {other: 1}}", nil),
      ("x-berth: {bind_owner: none}", "`services.a.volumes.0.x-berth.bind_owner` cannot be `none`"),
      ("x-berth: {owner: map}", "unknown key `owner` in `services.a.volumes.0.x-berth`"),
      ("x-berth: map", "`services.a.volumes.0.x-berth` must be a mapping, not a string"),
      ("x-berth: ", "`services.a.volumes.0.x-berth` must be a mapping, not nothing"),
    ] as [(String, String?)])
  func check(_ mount: String, _ fault: String?) {
    #expect(faults(Self.file(mount)).map(\.summary) == (fault.map { [$0] } ?? []))
  }

  @Test("elsewhere it is free")
  func elsewhere() throws {
    #expect(faults("services: {a: {image: i, x-berth: 5}}\nx-berth: [1]").isEmpty)
  }

  @Test("`config` prints it as other extensions: in YAML, not below the top level in JSON")
  func printing() throws {
    let project = try loaded(Self.file("x-berth: {bind_owner: map}, x-other: 1")).project
    let yaml = String(decoding: project.canonicalYAML(), as: UTF8.self)
    let lines = yaml.split(separator: "\n").map { $0.drop { $0 == " " } }
    #expect(lines.filter { $0 == "x-berth:" }.count == 1)
    #expect(lines.filter { $0 == "bind_owner: map" }.count == 1)
    #expect(lines.filter { $0 == "x-other: 1" }.count == 1)
    #expect(!String(decoding: project.canonicalJSON(), as: UTF8.self).contains("x-"))
  }

  @Test("`up` acts on it, on a bind only")
  func up() throws {
    let project = try loaded(Self.file("x-berth: {bind_owner: map}")).project
    #expect(project.unsupportedByUp().isEmpty)
    #expect(project.service("a")?.mounts.first?.mapsOwner == true)
    let other =
      "services: {a: {image: i, volumes: [{type: tmpfs, target: /t, x-berth: {bind_owner: map}}]}}"
    #expect(
      try loaded(other).project.unsupportedByUp().map(\.summary) == [
        "`services.a.volumes.0` has `bind_owner`, which is for a `bind` only"
      ])
  }
}
