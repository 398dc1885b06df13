// The small texts of the distribution protocol: challenges, addresses, encodings.

import Testing

@testable import Registry

@Suite("A challenge")
struct ChallengeTests {
  @Test("is read with its parameters, quoted or not")
  func reads() {
    let header =
      #"Bearer realm="https://auth.example/token?a=b,c",service=reg, scope="repository:a/b:pull,push""#
    let challenge = Challenge(header)
    #expect(challenge?.scheme == "bearer")
    #expect(challenge?.parameters["realm"] == "https://auth.example/token?a=b,c")
    #expect(challenge?.parameters["service"] == "reg")
    #expect(challenge?.parameters["scope"] == "repository:a/b:pull,push")
    #expect(Challenge("Basic")?.scheme == "basic")
    #expect(Challenge(#"Basic realm="a \"b\"""#)?.parameters["realm"] == #"a "b""#)
  }

  @Test(
    "that is damaged ends where it ends",
    arguments: ["", "Bearer realm", "Bearer realm=\"x", "Bearer ,,="])
  func damaged(_ header: String) {
    #expect(Challenge(header)?.parameters["service"] == nil)
  }
}

@Suite("An origin")
struct OriginTests {
  @Test(
    "is scheme, host and port",
    arguments: [
      ("https://a.example/x", "https://a.example:443"), ("http://A.example", "http://a.example:80"),
      ("http://u:p@h:5000/v2", "http://h:5000"), ("https://[::1]:7/x", "https://[::1]:7"),
      ("https://h?x=@evil.example", "https://h:443"), ("https://[::1]", "https://[::1]:443"),
    ])
  func reads(_ url: String, _ origin: String) {
    #expect(Origin(url)?.description == origin)
  }

  @Test(
    "is nothing but http or https with a host",
    arguments: [
      "file:///etc/passwd", "ftp://a/b", "a/b", "https:///x", "http://h:99999/", "http:/h",
    ])
  func refuses(_ url: String) {
    #expect(Origin(url) == nil)
  }

  @Test("is local by its host")
  func local() {
    for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1"] { #expect(isLoopback(host)) }
    for host in ["128.0.0.1", "127.0.0", "127.0.0.1.example", "a.localhost.example", "::2"] {
      #expect(!isLoopback(host))
    }
    #expect(isLocalAddress("169.254.169.254"))
    #expect(!isLocalAddress("registry.example"))
  }
}

@Suite("Words in addresses")
struct EncodingTests {
  @Test("are encoded byte by byte")
  func known() {
    #expect(percentEncoded("repository:a/b:pull ä") == "repository%3Aa%2Fb%3Apull%20%C3%A4")
  }
}
