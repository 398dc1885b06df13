// Profiles of docker's form: what is read of them, what of it holds for a container, and how the
// compiled filter answers.

import Diagnostics
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Runtime

private let usual = container([])

private func container(
  _ capabilities: Set<String>, machine: String = "amd64", kernel: String = "6.1"
) -> SeccompConditions {
  SeccompConditions(
    capabilities: capabilities, machine: machine, kernel: KernelVersion(kernel) ?? .unknown)
}

@Suite("Seccomp profiles of the user are read and compiled as docker does")
struct SeccompFileTests {
  private func read(_ text: String) throws(SeccompFileError) -> SeccompFile {
    try SeccompFile(Array(text.utf8), name: "p.json", native: "SCMP_ARCH_X86_64")
  }

  @Test("everything that docker's own profile has")
  func everything() throws {
    let file = try read(
      """
      {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "comment": "free",
       "archMap": [
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
       "flags": ["SECCOMP_FILTER_FLAG_TSYNC"],
       "syscalls": [
        {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": null},
        {"name": "clone", "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
         "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
         "includes": {"arches": ["amd64"], "minKernel": "4.8"},
         "excludes": {"caps": ["CAP_SYS_ADMIN"]}}]}
      """)
    #expect(file.defaultAction.number == 0x0005_0000 | 38)
    #expect(file.architectures == ["x86", "x32"])
    #expect(file.rules.map(\.names) == [["read", "write"], ["clone"]])
    #expect(
      file.rules[1].conditions == [
        SeccompFile.Condition(argument: 0, compare: 7, first: 2_114_060_288, second: 0)
      ])
    #expect(file.rules[1].includes.kernel == KernelVersion("4.8"))
    #expect(file.rules[1].excludes.capabilities == ["SYS_ADMIN"])
  }

  @Test(
    "a rule holds where its conditions do",
    arguments: [
      (#""includes": {"caps": ["CAP_BPF", "CAP_SYSLOG"]}"#, container(["BPF"]), false),
      (#""includes": {"caps": ["CAP_BPF", "CAP_SYSLOG"]}"#, container(["BPF", "SYSLOG"]), true),
      (#""excludes": {"caps": ["CAP_BPF", "CAP_SYSLOG"]}"#, container(["BPF"]), false),
      (#""includes": {"arches": ["arm64"]}"#, usual, false),
      (#""includes": {"arches": ["arm64"]}"#, container([], machine: "arm64"), true),
      (#""excludes": {"arches": ["amd64"]}"#, usual, false),
      (#""includes": {"minKernel": "6.1"}"#, usual, true),
      (#""includes": {"minKernel": "6.10"}"#, usual, false),
      (#""excludes": {"minKernel": "4.8"}"#, usual, false),
      (#""includes": {}"#, usual, true),
    ])
  func holds(_ member: String, _ conditions: SeccompConditions, _ isHeld: Bool) throws {
    let file = try read(
      """
      {"defaultAction": "SCMP_ACT_ALLOW",
       "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL", \(member)}]}
      """)
    #expect(file.rules(for: conditions).count == (isHeld ? 1 : 0))
  }

  static let rule = #"{"names": ["x"], "action": "SCMP_ACT_ALLOW"}"#

  @Test(
    "what cannot be used is told with its place",
    arguments: [
      ("[]", "", "it is no JSON object"),
      ("{}", "defaultAction", "it is missing"),
      (#"{"defaultAction": "ALLOW"}"#, "defaultAction", "there is no action `ALLOW`"),
      (
        #"{"defaultAction": "SCMP_ACT_NOTIFY"}"#, "defaultAction",
        "nobody listens to `SCMP_ACT_NOTIFY` here"
      ),
      (
        #"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}"#, "defaultAction",
        "its errno is no number below 4096"
      ),
      (
        #"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"]}"#,
        "architectures", "there is no `SCMP_ARCH_VAX`"
      ),
      (
        #"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [1]}"#,
        "archMap", "`architectures` is there too: keep one of them"
      ),
      (
        #"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]}"#, "flags",
        "`SECCOMP_FILTER_FLAG_LOG` cannot be acted on"
      ),
      (
        #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [\#(rule), {"action": "SCMP_ACT_LOG"}]}"#,
        "syscalls[1]", "it names no call"
      ),
      (
        #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [1]}]}"#, "syscalls[0].names",
        "it is no list of words"
      ),
      (
        #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"], "args": [{}]}]}"#,
        "syscalls[0].args[0].index", "it is no number below 6"
      ),
      (
        #"""
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"], "args":
         [{"index": 0, "op": "SCMP_CMP_EQ", "value": -1}]}]}
        """#, "syscalls[0].args[0].value", "it is no number of 64 bits"
      ),
      (
        #"""
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"],
         "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}]}
        """#, "syscalls[0].includes.minKernel", "`new` is no version such as `4.8`"
      ),
    ])
  func refused(_ text: String, _ place: String, _ reason: String) {
    #expect(throws: SeccompFileError(file: "p.json", place: place, reason: reason)) {
      try read(text)
    }
  }

  @Test("what is no JSON is told with line and column")
  func syntax() {
    let error = #expect(throws: SeccompFileError.self) { try read("{\n  \"a\": 1,\n  b\n}") }
    #expect(error?.span == SourceSpan(file: "p.json", line: 3, column: 3))
  }

  #if arch(x86_64)
    private func compile(_ text: String, _ conditions: SeccompConditions = usual) throws -> Program
    {
      try Program(SeccompProfiles.compile(try read(text), for: conditions))
    }

    @Test("a list of what is allowed; what is newer than all of it does not exist")
    func allowing() throws {
      let program = try compile(
        #"""
        {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"],
         "syscalls": [{"names": ["read", "no_such_call", "futex_wake"], "action": "SCMP_ACT_ALLOW"},
                      {"names": ["write"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]}
        """#)
      let machine = SeccompTests.machine
      #expect(program.run(machine, 0, []) == .allow)
      #expect(program.run(machine, 1, []) == .fails(5))
      #expect(program.run(machine, 2, []) == .fails(EPERM))
      #expect(program.run(machine, 454, []) == .allow)
      #expect(program.run(machine, 455, []) == .fails(ENOSYS))
      #expect(program.run(0x4000_0003, 3, []) == .allow)
      #expect(program.run(0x4000_0028, 3, []) == .kill)
    }

    @Test("a list of what is refused allows what is newer")
    func refusing() throws {
      let program = try compile(
        #"""
        {"defaultAction": "SCMP_ACT_ALLOW",
         "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
        """#)
      #expect(program.run(SeccompTests.machine, 83, []) == .fails(28))
      #expect(program.run(SeccompTests.machine, 500, []) == .allow)
    }

    @Test("conditions on one argument are alternatives, on several they are all asked for")
    func alternatives() throws {
      let program = try compile(
        #"""
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
         {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [
          {"index": 0, "value": 4, "op": "SCMP_CMP_EQ"},
          {"index": 0, "value": 9, "op": "SCMP_CMP_EQ"}]},
         {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [
          {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
          {"index": 1, "value": 9, "op": "SCMP_CMP_GE"}]},
         {"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "args": [
          {"index": 0, "value": 6, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]}
        """#)
      let machine = SeccompTests.machine
      let rows: [(UInt32, [UInt64], Answer)] = [
        (135, [4], .fails(EPERM)), (135, [9], .fails(EPERM)), (135, [5], .allow),
        (62, [1, 9], .fails(EPERM)), (62, [1, 8], .allow), (62, [2, 9], .allow),
        (272, [2], .fails(EPERM)), (272, [3], .fails(EPERM)), (272, [6], .allow),
      ]
      for (number, arguments, answer) in rows {
        #expect(program.run(machine, number, arguments) == answer, "\(number) \(arguments)")
      }
    }
  #endif

  @Test("it is kept by its content, and read as a file only")
  func kept() throws {
    var template = Array("/tmp/berth-seccomp-XXXXXX".utf8CString)
    #expect(mkdtemp(&template) != nil)
    let state = FilePath(platformString: template)
    defer { try? removeTree(state) }
    let profiles = SeccompProfiles(state: state)
    func filter(_ text: String) throws -> FilePath {
      let file = state.appending("p.json")
      try write(text, to: file)
      return try profiles.filter(of: file, named: "p.json", capabilities: [])
    }
    let allow = try filter(#"{"defaultAction": "SCMP_ACT_ALLOW"}"#)
    #expect(try filter(#"{"defaultAction":"SCMP_ACT_ALLOW"}"#) == allow)
    #expect(try filter(#"{"defaultAction": "SCMP_ACT_LOG"}"#) != allow)
    #expect(throws: SeccompFileError.self) {
      try profiles.filter(of: state, named: "folder", capabilities: [])
    }
  }
}

private func write(_ text: String, to path: FilePath) throws {
  let raw = path.withPlatformString { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) }
  try #require(raw >= 0)
  try Descriptor(owning: raw).writeAll(Array(text.utf8))
}
