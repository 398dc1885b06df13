// Image names: what is accepted, what it means, and what is refused.

import Testing

@testable import OCI

@Suite("An image reference")
struct ImageReferenceTests {
  static let digest = "sha256:" + String(repeating: "ab", count: 32)

  @Test(
    "means what Docker means by it",
    arguments: [
      ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
      ("nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"),
      ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
      ("index.docker.io/library/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
      ("bitnami/redis:7", "docker.io/bitnami/redis:7", "bitnami/redis:7"),
      ("localhost/web", "localhost/web:latest", "localhost/web:latest"),
      ("localhost:5000/web", "localhost:5000/web:latest", "localhost:5000/web:latest"),
      ("[::1]:5000/a/b:c", "[::1]:5000/a/b:c", "[::1]:5000/a/b:c"),
      ("ghcr.io/o/r__x-y.z:T_1", "ghcr.io/o/r__x-y.z:T_1", "ghcr.io/o/r__x-y.z:T_1"),
      ("a@" + digest, "docker.io/library/a@" + digest, "a@" + digest),
      ("a:1@" + digest, "docker.io/library/a:1@" + digest, "a:1@" + digest),
      ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest"),
    ])
  func accepts(_ text: String, _ full: String, _ familiar: String) throws {
    let reference = try ImageReference(parsing: text)
    #expect(reference.description == full)
    #expect(reference.familiar == familiar)
    #expect(try ImageReference(parsing: reference.description) == reference)
  }

  @Test(
    "is refused when it cannot name an image",
    arguments: [
      "", "Nginx", "a b", "a:", ":tag", "a//b", "/a", "a/", "a..b", "a___b", "-a", "a-", "a:-x",
      "a@sha256:1", "a@sha512:" + String(repeating: "ab", count: 64), "a@sha256:../../x",
      "host:99999/a", "ho_st.x/a", "[::1/a", "[::1]x/a", "a\u{0}b", "ä", "../a", "a/../b",
      String(repeating: "a", count: 256), "a:" + String(repeating: "t", count: 129),
      String(repeating: "0a", count: 32), "a\u{301}",
    ])
  func refuses(_ text: String) {
    #expect(throws: ImageFault.self) { try ImageReference(parsing: text) }
  }
}

@Suite("A digest")
struct DigestTests {
  @Test(
    "is `sha256:` and 64 lower-case hexadecimal digits and nothing else",
    arguments: [
      "sha256:../../x", "sha256:" + String(repeating: "A", count: 64),
      "sha256:" + String(repeating: "a", count: 63), "sha256:" + String(repeating: "a", count: 65),
      "SHA256:" + String(repeating: "a", count: 64), String(repeating: "a", count: 64),
      "sha256:" + String(repeating: "a", count: 63) + "/",
      "sha256:" + String(repeating: "g", count: 64),
    ])
  func refuses(_ text: String) { #expect(Digest(text) == nil) }

  @Test("of nothing and of abc are the published ones")
  func known() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(Digest(of: []).hex == empty)
    #expect(Digest(of: Array("abc".utf8)).hex == abc)
    var hasher = SHA256()
    hasher.update(Array("a".utf8))
    hasher.update(Array("bc".utf8))
    #expect(hasher.finish().description == "sha256:" + abc)
    #expect(hasher.finish().hex == abc)
  }

  @Test("of a chain takes the one below into account")
  func chain() {
    let one = Digest(of: [1])
    let two = Digest(of: [2])
    #expect(
      chainIDsOf([one, two, one])
        == [
          one, Digest(of: Array("\(one) \(two)".utf8)),
          Digest(of: Array("\(Digest(of: Array("\(one) \(two)".utf8))) \(one)".utf8)),
        ])
  }
}
