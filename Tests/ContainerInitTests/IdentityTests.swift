import Testing

@testable import ContainerInit

@Suite("A user is looked up in the image's own tables")
struct IdentityTests {
  static let accounts = Accounts(
    passwd: Array(
      """
      root:x:0:0:root:/root:/bin/sh
      # a comment
      app:x:1000:1001:An App:/home/app:/bin/sh
      nohome:x:1002:1002::
      short:x:1003
      negative:x:-1:0::/:
      huge:x:4294967296:0::/:
      1234:x:7:7::/numbers:
      app:x:9:9::/second:

      """.utf8),
    group: Array(
      """
      root:x:0:
      media:x:77:app,other
      video:x:44:other
      both:x:45:app
      twice:x:77:app
      bad:x:x:app
      """.utf8))

  @Test(
    "names and numbers, with and without a group",
    arguments: [
      ("", 0, 0, [], "/root"),
      ("root", 0, 0, [], "/root"),
      ("app", 1000, 1001, [77, 45], "/home/app"),
      ("1000", 1000, 1001, [77, 45], "/home/app"),
      ("app:video", 1000, 44, [], "/home/app"),
      ("app:44", 1000, 44, [], "/home/app"),
      ("app:", 1000, 1001, [77, 45], "/home/app"),
      (":media", 0, 77, [], "/root"),
      ("nohome", 1002, 1002, [], "/"),
      ("5555", 5555, 0, [], "/"),
      ("5555:6666", 5555, 6666, [], "/"),
      ("1234", 1234, 0, [], "/"),
      ("2147483647", 2_147_483_647, 0, [], "/"),
      ("0000001000", 1000, 1001, [77, 45], "/home/app"),
    ] as [(String, UInt32, UInt32, [UInt32], String)])
  func found(
    _ text: String, _ user: UInt32, _ group: UInt32, _ groups: [UInt32], _ home: String
  ) throws {
    #expect(
      try Self.accounts.identity(of: text, additional: [])
        == Identity(user: user, group: group, groups: groups, home: Array(home.utf8)))
  }

  @Test(
    "what is not there or out of range is refused, never root",
    arguments: [
      "nope", "app:nope", "short", "negative", "huge", "2147483648", "4294967295", "4294967296",
      "18446744073709551616", "00000000000", "app:2147483648", "-1", "+1", " 0", "0x0", "app ",
      "ＡＰＰ", "ro\u{301}ot", "1e3", "app:video:x",
    ])
  func refused(_ text: String) {
    #expect(throws: LaunchFailure.self) {
      try Self.accounts.identity(of: text, additional: [])
    }
  }

  @Test("further groups by name or number, each once")
  func additional() throws {
    let identity = try Self.accounts.identity(of: "app", additional: ["video", "45", "90", "90"])
    #expect(identity.groups == [77, 45, 44, 90])
    #expect(throws: LaunchFailure.self) {
      try Self.accounts.identity(of: "app", additional: ["nope"])
    }
  }

  @Test("no random word becomes root")
  func property() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<10_000 {
      let bytes = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        UInt8.random(in: 33...126, using: &generator)
      }
      let text = String(decoding: bytes, as: UTF8.self)
      guard let identity = try? Self.accounts.identity(of: text, additional: []) else { continue }
      let user = text.split(separator: ":", omittingEmptySubsequences: false)[0]
      if identity.user == 0 {
        #expect(user.isEmpty || user == "root" || user.allSatisfy { $0 == "0" }, "\(text)")
      }
    }
  }
}
