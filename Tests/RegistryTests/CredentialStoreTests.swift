// Where a login is kept: what else is in config.json stays, and nothing half is ever there.

import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Registry

@Suite("A login is kept", .timeLimit(.minutes(1)))
struct CredentialStoreTests {
  private let credential = Credential(username: "u", password: "p")

  private func store(_ folder: ConfigFolder) throws -> CredentialStore {
    CredentialStore(
      try DockerConfig(environment: folder.environment), environment: folder.environment)
  }

  private func mode(_ path: FilePath) -> mode_t {
    var status = stat()
    return lstat(path.string, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test("in a new file for its owner alone, which is found again")
  func fresh() async throws {
    try await ConfigFolder.using(nil) { folder in
      let key = try #require(CredentialKey(parsing: "https://r.example:5000/v2/"))
      let path = folder.path.appending("config.json")
      #expect(try store(folder).store(credential, for: key) == .file(path))
      #expect(mode(path) == 0o600)
      let found = try await folder.credentials().find("r.example:5000")
      #expect(found == credential)
      #expect(
        try folder.text("config.json")
          == "{\n\t\"auths\": {\n\t\t\"r.example:5000\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}\n"
      )
    }
  }

  @Test("beside all else in the file, in its order, and goes without it")
  func others() async throws {
    let text = """
      {"psFormat":"a  b\\n c","auths":{"https://a.example/v1/":{"auth":"YTpi"},"b.example":{}},
      "z":[1, 2.50],"HttpHeaders":{"X-Meta-A":"b"}}
      """
    try await ConfigFolder.using(text) { folder in
      let hub = CredentialKey(registry: "docker.io")
      _ = try store(folder).store(credential, for: hub)
      let after = """
        {
        \t"psFormat": "a  b\\n c",
        \t"auths": {
        \t\t"https://a.example/v1/": {
        \t\t\t"auth": "YTpi"
        \t\t},
        \t\t"b.example": {},
        \t\t"https://index.docker.io/v1/": {
        \t\t\t"auth": "dTpw"
        \t\t}
        \t},
        \t"z": [
        \t\t1,
        \t\t2.50
        \t],
        \t"HttpHeaders": {
        \t\t"X-Meta-A": "b"
        \t}
        }

        """
      #expect(try folder.text("config.json") == after)
      try store(folder).erase(hub)
      try store(folder).erase(CredentialKey(registry: "a.example"))
      let left = try folder.text("config.json")
      #expect(!left.contains("index.docker.io") && !left.contains("a.example"))
      #expect(left.contains("b.example") && left.contains("2.50"))
    }
  }

  @Test("behind a link, which stays one")
  func link() async throws {
    try await ConfigFolder.using(nil) { folder in
      try makeFolders(folder.path.appending("dotfiles"))
      let path = folder.path.appending("config.json")
      symlink("dotfiles/docker.json", path.string)
      let key = CredentialKey(registry: "r.example")
      _ = try store(folder).store(credential, for: key)
      _ = try store(folder).store(Credential(username: "v", password: "w"), for: key)
      #expect(try folder.text("dotfiles/docker.json").contains("djp3"))
      var status = stat()
      #expect(lstat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
      #expect(try namesInFolder(folder.path.appending("dotfiles")).count == 1)
    }
  }

  @Test("by many at once without the loss of one")
  func many() async throws {
    try await ConfigFolder.using(nil) { folder in
      let store = try store(folder)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<16 {
          group.addTask {
            _ = try await blocking {
              try store.store(credential, for: CredentialKey(registry: "r\(index).example"))
            }
          }
        }
        try await group.waitForAll()
      }
      for index in 0..<16 {
        #expect(try await folder.credentials().find("r\(index).example") == credential)
      }
    }
  }

  @Test("by a helper program where one is named, and the file holds no secret")
  func helper() async throws {
    try await ConfigFolder.using(#"{"credsStore":"safe"}"#) { folder in
      try folder.helper("safe", ":")
      let key = CredentialKey(registry: "r.example")
      #expect(try store(folder).store(credential, for: key) == .helper("safe"))
      let token = Credential(username: "u", password: "", identityToken: "t")
      #expect(try store(folder).store(token, for: key) == .helper("safe"))
      try store(folder).erase(key)
      let url = #""ServerURL":"r.example""#
      #expect(
        try folder.calls() == [
          #"store {\#(url),"Username":"u","Secret":"p"}"#,
          #"store {\#(url),"Username":"<token>","Secret":"t"}"#, "erase r.example",
        ])
      #expect(!(try folder.text("config.json")).contains("r.example"))
    }
  }

  @Test("nowhere when the file is broken: it is left as it is")
  func broken() async throws {
    try await ConfigFolder.using("{}") { folder in
      let store = try store(folder)
      try folder.write("{broken", to: "config.json")
      #expect(throws: CredentialFault.self) {
        try store.store(credential, for: CredentialKey(registry: "r.example"))
      }
      #expect(try folder.text("config.json") == "{broken")
      #expect(try namesInFolder(folder.path).count == 2)
    }
  }
}
