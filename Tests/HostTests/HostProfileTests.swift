import CLinux
import Glibc
import Host
import SystemPackage
import Testing

@Suite("the host profile decides folders and refuses those of others")
struct HostProfileTests {
  @Test("relative folders are refused, absolute ones are taken as they are")
  func overrides() throws {
    #expect(throws: HostError.relativeFolder("x/y")) {
      try HostProfile(environment: ["BERTH_STATE": "x/y"])
    }
    let profile = try HostProfile(
      environment: ["BERTH_STATE": "/a/../b", "BERTH_RUN": "/r", "HOME": "/h"])
    #expect(profile.state == "/b")
    #expect(profile.run == "/r")
    #expect(!profile.bootID.isEmpty)
  }

  /// What is done to the state folder before it is asked for.
  static let cases: [(label: String, spoil: @Sendable (String) -> Void, isRefused: Bool)] = [
    ("missing", { _ in }, false),
    ("ours alone", { mkdir($0, 0o700) }, false),
    (
      "writable by all",
      {
        mkdir($0, 0o700); chmod($0, 0o777)
      }, true
    ),
    (
      "of another user",
      {
        mkdir($0, 0o700); chown($0, 4242, 4242)
      }, true
    ),
    ("a link", { symlink("/tmp", $0) }, true),
  ]

  @Test(
    "the state folder must be ours and closed to others",
    .enabled(if: geteuid() == 0, "needs root"), arguments: Self.cases.indices)
  func claims(index: Int) throws {
    var template = Array("/tmp/berth-host-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    let base = String(cString: made)
    let state = base + "/state"
    defer {
      unlink(state)
      rmdir(state)
      rmdir(base + "/run")
      rmdir(base)
    }
    Self.cases[index].spoil(state)
    let profile = try HostProfile(
      environment: ["BERTH_STATE": state, "BERTH_RUN": base + "/run"])
    let isRefused: Bool
    do {
      try profile.requirePrivilege(for: "up")
      isRefused = false
    } catch {
      isRefused = true
    }
    #expect(isRefused == Self.cases[index].isRefused, "\(Self.cases[index].label)")
  }
}
