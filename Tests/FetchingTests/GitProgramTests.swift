import Diagnostics
import Testing

@testable import Fetching

@Suite("Git is asked in an environment of its own")
struct GitProgramTests {
  @Test("a missing program is told with its package")
  func missing() {
    #expect(throws: GitFault.noProgram("r")) {
      try GitProgram(GitAccess(), environment: ["PATH": "/nonexistent"], shown: "r")
    }
    #expect(GitFault.noProgram("r").diagnostics.first?.hint == "install it with `apt install git`")
  }

  @Test("a folder that is not absolute is not looked into")
  func relative() {
    #expect(throws: GitFault.noProgram("r")) {
      try GitProgram(GitAccess(), environment: ["PATH": ".:bin"], shown: "r")
    }
  }

  static let common =
    "ssh -F none -x -a -o 'BatchMode=yes' -o 'StrictHostKeyChecking=yes' -o 'ConnectTimeout=10' "
    + "-o 'ServerAliveInterval=15' -o 'ServerAliveCountMax=2' "

  @Test(
    "ssh is given the agent and the keys that the build was given, and no others",
    arguments: [
      (nil, [], "-o 'IdentityAgent=none' -o 'IdentityFile=none'"),
      ("/a", [], "-o 'IdentityAgent=\"/a\"' -o 'IdentityFile=none'"),
      ("/a", ["/k"], "-o 'IdentityAgent=\"/a\"' -o 'IdentityFile=\"/k\"'"),
      (
        nil, ["/k", "/it's 5%"],
        "-o 'IdentityAgent=none' -o 'IdentityFile=\"/k\"' -o 'IdentityFile=\"/it'\\''s 5%%\"' "
          + "-o 'IdentitiesOnly=yes'"
      ),
    ] as [(String?, [String], String)])
  func ssh(_ agent: String?, _ keys: [String], _ options: String) {
    var access = GitAccess()
    access.agent = agent
    access.keys = keys
    #expect(sshCommand(access) == Self.common + options)
  }
}
