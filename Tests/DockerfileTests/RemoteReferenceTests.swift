import Diagnostics
import Testing

@testable import Dockerfile

@Suite("What is elsewhere is told from its text")
struct RemoteReferenceTests {
  struct Git: Sendable, CustomTestStringConvertible {
    var text: String
    var url: String
    var ref: String?
    var folder: String?
    var commit: String?
    var submodules = true
    var keeps: Bool?
    var testDescription: String { text }
  }

  static let sha = "0123456789abcdef0123456789abcdef01234567"

  static let repositories = [
    Git(text: "https://h.example/a.git", url: "https://h.example/a.git"),
    Git(text: "http://h.example/a.git#main", url: "http://h.example/a.git", ref: "main"),
    Git(text: "https://h/a.git#:sub/dir", url: "https://h/a.git", folder: "sub/dir"),
    Git(text: "https://h/a.git#v1:./sub//x/", url: "https://h/a.git", ref: "v1", folder: "sub/x"),
    Git(text: "https://h/a.git#:/", url: "https://h/a.git"),
    Git(text: "git://h/a#b", url: "git://h/a", ref: "b"),
    Git(text: "ssh://git@h:22/a", url: "ssh://git@h:22/a"),
    Git(text: "git@h:o/a.git#b:c", url: "git@h:o/a.git", ref: "b", folder: "c"),
    Git(text: "me@h.example:a?branch=x", url: "me@h.example:a", ref: "refs/heads/x"),
    Git(
      text: "https://h/a.git?ref=b&subdir=c%2Fd&submodules=false&keep-git-dir=1",
      url: "https://h/a.git", ref: "b", folder: "c/d", submodules: false, keeps: true),
    Git(text: "https://h/a.git?tag=v1", url: "https://h/a.git", ref: "refs/tags/v1"),
    Git(
      text: "https://h/a.git?commit=\(sha)", url: "https://h/a.git", ref: sha, commit: sha),
    Git(
      text: "https://h/a.git?checksum=0123456#main", url: "https://h/a.git", ref: "main",
      commit: "0123456"),
    Git(text: "https://h/a.git?ref=a#a", url: "https://h/a.git", ref: "a"),
  ]

  @Test("repositories", arguments: repositories)
  func repository(_ row: Git) throws {
    guard case .repository(let git) = try RemoteReference(row.text, for: .add) else {
      Issue.record("it is no repository")
      return
    }
    #expect(git.url == row.url)
    #expect(git.ref == row.ref)
    #expect(git.folder == row.folder)
    #expect(git.commit == row.commit)
    #expect(git.hasSubmodules == row.submodules)
    #expect(git.keepsGitFolder == row.keeps)
  }

  @Test(
    "files and their names",
    arguments: [
      ("http://h/a/b.txt", "b.txt"), ("https://h/a/b.txt?x=/y", "b.txt"), ("http://h/a/", "a"),
      ("http://h/a%20b", "a b"), ("http://h/a%2Fb", "b"), ("http://h", nil), ("http://h/", nil),
      ("http://h?x=/y", nil), ("http://h/..", nil), ("http://h/%zz", nil), ("HTTP://h/a#b", "a"),
      ("https://u:p@h:8/a.git/x", "x"),
    ] as [(String, String?)])
  func file(_ text: String, _ name: String?) throws {
    guard case .file(let file) = try RemoteReference(text, for: .add) else {
      Issue.record("it is no file")
      return
    }
    #expect(file.name == name)
    #expect(!file.url.contains("#"))
  }

  @Test(
    "paths of this machine",
    arguments: [
      "a", "./a@b:c", "a/b@c:d", "@h:x", "github.com/o/a", "file:///etc/passwd", "ftp://h/a", "",
    ])
  func local(_ text: String) throws {
    #expect(try RemoteReference(text, for: .add) == nil)
  }

  @Test("a context may be of github.com, and of no unknown kind")
  func contexts() throws {
    let reference = try RemoteReference("github.com/o/a#b", for: .context)
    guard case .repository(let git) = reference else {
      Issue.record("it is no repository")
      return
    }
    #expect(git.url == "https://github.com/o/a")
    #expect(git.ref == "b")
    #expect(throws: RemoteReferenceFault.unknownScheme("file:///x", "file")) {
      try RemoteReference("file:///x", for: .context)
    }
  }

  @Test(
    "nothing is taken for an option, leads out, or is said twice",
    arguments: [
      "ssh://-oProxyCommand=x/a", "ssh://git@-h/a", "git://-h/a", "https://-h/a.git",
      "ssh://h/-a", "git@h:-a",
      "https://h/a.git#-upload-pack=x", "https://h/a.git#a..b", "https://h/a.git#a b",
      "https://h/a.git#a^{}", "https://h/a.git#/a", "https://h/a.git#a.",
      "https://h/a.git#a:../b", "https://h/a.git#a:b/../../c", "https://h/a.git#a:.git",
      "https://h/a.git?x=1", "https://h/a.git?ref", "https://h/a.git?ref=",
      "https://h/a.git?ref=a#b",
      "https://h/a.git?ref=a&ref=b", "https://h/a.git?tag=a&branch=a",
      "https://h/a.git?submodules=maybe", "https://h/a.git?commit=xyz", "https://h/a.git?commit=01",
      "https://h/a.git?ref=%zz", "https:///a.git", "http://", "http:///x", "http://h/a b",
      "http://h/\u{1}",
    ])
  func refused(_ text: String) {
    #expect(throws: RemoteReferenceFault.self) { try RemoteReference(text, for: .add) }
  }

  @Test(
    "passwords are not shown",
    arguments: [
      ("https://me:secret@h/a.git#b", "https://xxxxx@h/a.git#b"),
      ("https://token@h/f", "https://xxxxx@h/f"), ("https://h/f@g", "https://h/f@g"),
      ("ssh://git@h/a", "ssh://git@h/a"), ("ssh://git:pw@h/a", "ssh://xxxxx@h/a"),
      ("git@h:a", "git@h:a"),
    ])
  func shown(_ text: String, _ shown: String) throws {
    #expect(try RemoteReference(text, for: .add)?.shown == shown)
  }
}
