import Blueprint
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("A command that joins a container is confined like its first process", .enabled(if: isRoot))
struct JoinTests {
  @Test("same namespaces, cgroup, capabilities and filter")
  func profile() async throws {
    let box = try Box()
    let result = try await box.join(
      ["sh", "-c", "cat /proc/self/status; ps; cat /proc/self/cgroup; ls /proc/self/fd; hostname"])
    let fields = status(result.output)
    #expect(fields["CapEff"] == "00000000a80425fb", "\(result)")
    #expect(fields["CapBnd"] == "00000000a80425fb")
    #expect(fields["CapInh"] == "0000000000000000")
    #expect(fields["Seccomp"] == "2")
    #expect(fields["Umask"] == "0022")
    #expect(result.output.contains("1 root     sleep 60"))
    #expect(result.lines.suffix(5) == ["0", "1", "2", "3", "box"], "\(result)")
    for line in result.lines where line.contains("memory:") || line.contains("pids:") {
      #expect(line.hasSuffix(":/"))
    }
  }

  @Test("as a user, in a folder, with the user's groups and home")
  func user() async throws {
    let box = try Box()
    let result = try await box.join(
      ["sh", "-c", "id -u; id -G; pwd; echo $HOME; grep CapEff /proc/self/status; exit 5"],
      ["--user", "app", "--workdir", "/etc"])
    #expect(result.exitCode == 5)
    #expect(
      result.lines == ["1000", "1001 77", "/etc", "/home/app", "CapEff:\t0000000000000000"],
      "\(result)")
  }

  @Test("privileged has all capabilities, under the container's filter")
  func privileged() async throws {
    let box = try Box()
    let result = try await box.join(["cat", "/proc/self/status"], ["--privileged"])
    #expect(status(result.output)["CapEff"] != "00000000a80425fb")
    #expect(status(result.output)["Seccomp"] == "2")
  }

  @Test("a terminal comes from the container's own devpts")
  func terminal() async throws {
    let box = try Box()
    let result = try await box.join(["sh", "-c", "tty; echo x > /dev/tty"], ["--tty"])
    #expect(result.output == "/dev/pts/0\r\nx\r\n", "\(result)")
  }

  @Test(
    "what cannot be started is told with its code",
    arguments: [
      (["nope"], [], 127, "executable file not found in $PATH"),
      (["/etc/passwd"], [], 126, "permission denied"),
      (["true"], ["--user", "nope"], 1, "unable to find user nope"),
      (["true"], ["--workdir", "/proc/self/fd/0"], 1, "entering `/proc/self/fd/0`"),
      (["true"], ["--workdir", "/nonexistent"], 1, "no such file or directory"),
    ])
  func failures(_ command: [String], _ options: [String], _ code: Int32, _ message: String)
    async throws
  {
    let box = try Box()
    let result = try await box.join(command, options)
    #expect(result.exitCode == code, "\(result)")
    #expect(result.errorOutput.contains(message), "\(result)")
  }
}
