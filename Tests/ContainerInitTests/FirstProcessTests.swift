import Blueprint
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("A container's program finds itself confined", .enabled(if: isRoot))
struct FirstProcessTests {
  @Test("with docker's capabilities, none inheritable, and a filter")
  func statusOfRoot() async throws {
    let box = try Box()
    box.blueprint.process.arguments = ["cat", "/proc/self/status"]
    let result = try await box.start()
    #expect(result.exitCode == 0, "\(result)")
    let fields = status(result.output)
    #expect(fields["CapInh"] == "0000000000000000")
    #expect(fields["CapPrm"] == "00000000a80425fb")
    #expect(fields["CapEff"] == "00000000a80425fb")
    #expect(fields["CapBnd"] == "00000000a80425fb")
    #expect(fields["CapAmb"] == "0000000000000000")
    #expect(fields["Seccomp"] == "2")
    #expect(fields["NoNewPrivs"] == "0")
    #expect(fields["Umask"] == "0022")
    #expect(fields["SigBlk"] == "0000000000000000")
    #expect(fields["SigIgn"] == "0000000000000000")
  }

  @Test("a user has the same bounding set and no capability at all")
  func statusOfUser() async throws {
    let box = try Box()
    box.blueprint.process.user = "app"
    box.blueprint.process.additionalGroups = ["video", "5000"]
    let result = try await box.shell("cat /proc/self/status; id; echo $HOME")
    let fields = status(result.output)
    #expect(fields["CapPrm"] == "0000000000000000")
    #expect(fields["CapEff"] == "0000000000000000")
    #expect(fields["CapBnd"] == "00000000a80425fb")
    #expect(fields["Seccomp"] == "2")
    #expect(fields["Uid"] == "1000 1000 1000 1000")
    #expect(fields["Gid"] == "1001 1001 1001 1001")
    #expect(fields["Groups"] == "44 77 1001 5000")
    #expect(result.output.hasSuffix("/home/app\n"))
  }

  @Test("no_new_privs is set when asked, with the filter still in place")
  func noNewPrivileges() async throws {
    let box = try Box()
    box.blueprint.security.noNewPrivileges = true
    box.blueprint.process.user = "1000"
    let fields = status(try await box.shell("cat /proc/self/status").output)
    #expect(fields["NoNewPrivs"] == "1")
    #expect(fields["Seccomp"] == "2")
  }

  @Test("privileged has all that berth has, and no filter")
  func privileged() async throws {
    let box = try Box()
    box.blueprint.security.privileged = true
    box.blueprint.security.seccompFilter = nil
    let result = try await box.shell(
      "cat /proc/self/status; touch /proc/sys/kernel/domainname && echo writable; "
        + "mount -t tmpfs none /bin/.. ; mount | grep -c sysfs")
    let fields = status(result.output)
    let own = status(
      String(
        decoding: try await Command(
          ["cat", "/proc/self/status"], folder: "/", environment: ["PATH": "/usr/bin:/bin"]
        ).wait().outputBytes, as: UTF8.self))
    #expect(fields["CapEff"] == own["CapEff"])
    #expect(fields["Seccomp"] == "0")
    #expect(result.output.contains("writable"))
  }

  @Test("only the three standard streams are open, whatever the caller leaks")
  func descriptors() async throws {
    let box = try Box()
    let result = try await box.shell(
      "ls /proc/self/fd",
      before: ["/bin/sh", "-c", "exec 4</etc/passwd 7</ 9</tmp; exec \"$@\"", "sh"])
    #expect(result.lines == ["0", "1", "2", "3"], "\(result)")
  }

  @Test("mounts are those of the profile")
  func mounts() async throws {
    let box = try Box()
    let lines = try await box.shell("mount").lines
    let expected = [
      "overlay on / type overlay (rw,",
      "proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)",
      "sysfs on /sys type sysfs (ro,nosuid,nodev,noexec,relatime)",
      "tmpfs on /dev type tmpfs (rw,nosuid,noexec,size=65536k,mode=755",
      "devpts on /dev/pts type devpts (rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666)",
      "tmpfs on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k",
      "mqueue on /dev/mqueue type mqueue (rw,nosuid,nodev,noexec,relatime)",
      "proc on /proc/sys type proc (ro,nosuid,nodev,noexec,relatime)",
      "tmpfs on /sys/firmware type tmpfs (ro,nosuid,nodev,noexec,relatime,size=4k",
    ]
    for line in expected {
      #expect(lines.contains { $0.hasPrefix(line) }, "\(line)\n\(lines.joined(separator: "\n"))")
    }
    #expect(!lines.contains { $0.contains("/tmp/berth-box") })
  }

  @Test(
    "the kernel's settings cannot be written or read",
    arguments: [
      "echo 1 > /proc/sys/kernel/panic", "echo 1 > /proc/sysrq-trigger",
      "echo x > /sys/fs/cgroup/memory/tasks", "mkdir /sys/fs/cgroup/memory/x",
      "test -s /proc/keys", "test -s /proc/timer_list", "echo > /proc/timer_list || exit 1; false",
      "ls /sys/firmware | grep .", "touch /sys/firmware/x", "mknod /x b 8 0 && head -c 1 /x",
      "mknod /x c 1 1 && head -c 1 /x", "mknod /x c 10 229 && head -c 1 /x",
      "mount -t tmpfs none /bin", "umount /proc/sys", "hostname other",
    ])
  func refused(_ script: String) async throws {
    let box = try Box()
    let result = try await box.shell(script)
    #expect(result.exitCode != 0, "\(result)")
  }

  @Test("devices are the usual six and their links")
  func devices() async throws {
    let box = try Box()
    let result = try await box.shell(
      "ls /dev; stat -c '%n %a %t:%T %F' /dev/null /dev/tty; readlink /dev/fd; readlink /dev/ptmx; "
        + "echo x > /dev/null && head -c 2 /dev/zero | wc -c")
    #expect(
      result.lines == [
        "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
        "stdout", "tty", "urandom", "zero", "/dev/null 666 1:3 character special file",
        "/dev/tty 666 5:0 character special file", "/proc/self/fd", "pts/ptmx", "2",
      ], "\(result)")
  }

  @Test("it is PID 1 of its own list, in its own host, with its environment and folder")
  func surroundings() async throws {
    let box = try Box()
    box.blueprint.hostname = "caravel"
    box.blueprint.domainname = "example.net"
    box.blueprint.process.workingDirectory = "/srv/new/folder"
    let result = try await box.shell(
      "echo $$; hostname; cat /proc/sys/kernel/domainname; cat /proc/sys/kernel/hostname; echo $COLOUR; "
        + "echo $HOME; pwd; ps | wc -l; cat /etc/hostname; cat /etc/resolv.conf | head -1; "
        + "cat /proc/self/oom_score_adj; cat /proc/sys/net/ipv4/ip_unprivileged_port_start")
    #expect(
      result.lines == [
        "1", "caravel", "example.net", "caravel", "blue", "/root", "/srv/new/folder", "4",
        "caravel",
        "nameserver 127.0.0.11", "0", "0",
      ], "\(result)")
  }

  @Test("open files are 1024, and limits asked for by name are kept")
  func limits() async throws {
    let box = try Box()
    box.blueprint.resources.limits = [ProcessLimit(name: "core", soft: 0, hard: 0)]
    #expect(
      try await box.shell("ulimit -Sn; ulimit -Hc").lines == ["1024", "0"])
    box.blueprint.resources.limits = [ProcessLimit(name: "nofile", soft: 512, hard: 600)]
    #expect(try await box.shell("ulimit -Sn; ulimit -Hn").lines == ["512", "600"])
  }

  @Test("cgroup limits can be read back from inside")
  func cgroupLimits() async throws {
    let box = try Box()
    box.blueprint.resources.memory = 64 << 20
    box.blueprint.resources.pids = 50
    box.blueprint.resources.cpuQuota = 50_000
    box.blueprint.resources.cpuPeriod = 100_000
    let result = try await box.shell(
      "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max "
        + "cpu/cpu.cfs_quota_us cpu.max 2>/dev/null; cat /proc/self/cgroup | grep -c ':/$'")
    let isV1 = result.lines.first == "67108864" && result.lines.contains("50000")
    #expect(
      Array(result.lines.dropLast())
        == (isV1 ? ["67108864", "50", "50000"] : ["67108864", "50", "50000 100000"]), "\(result)")
  }

  @Test("too much memory ends it with 137, and the kernel's count says why")
  func outOfMemory() async throws {
    let box = try Box()
    box.blueprint.resources.memory = 16 << 20
    box.blueprint.resources.memorySwap = 16 << 20
    let result = try await box.shell("x=y; while true; do x=$x$x$x$x; done")
    #expect(result.exitCode == 137, "\(result)")
    #expect(result.errorOutput.contains("oom kills: 1"), "\(result)")
  }

  @Test(
    "exit codes and signals come out as shells say them",
    arguments: [
      (0, "exit 0"), (7, "exit 7"),
      (143, "sleep 0 & kill -TERM $!; wait; (sh -c 'kill -TERM $$'); exit $?"),
    ])
  func exitCodes(_ code: Int32, _ script: String) async throws {
    let box = try Box()
    #expect(try await box.shell(script).exitCode == code)
  }

  @Test("a terminal is on all three streams and on /dev/console")
  func terminal() async throws {
    let box = try Box()
    box.blueprint.process.terminal = true
    let result = try await box.shell(
      "tty; ls -l /proc/$$/fd | grep -c /dev/pts/0; stat -c %t /dev/console; echo x > /dev/tty")
    #expect(result.output.contains("/dev/pts/0\r\n3\r\n88\r\nx\r\n"), "\(result)")
  }

  @Test("an init reaps orphans, passes on the exit code and cannot be looked into")
  func tinyInit() async throws {
    let box = try Box()
    box.blueprint.process.usesInit = true
    let result = try await box.shell(
      "echo $$; (sleep 0.1 &) ; sleep 0.3; ps | grep -c '\\[sleep\\]'; "
        + "grep CapEff /proc/1/status; grep Seccomp: /proc/1/status; ls /proc/1/fd 2>&1 | wc -l; "
        + "echo x 2>/dev/null > /proc/1/exe; echo $?; exit 9")
    #expect(result.exitCode == 9, "\(result)")
    #expect(
      result.lines == [
        "2", "0", "CapEff:\t00000000a80425fb", "Seccomp:\t2", "0", "1",
      ], "\(result)")
  }

  @Test("a user may open standard streams by name, with and without a terminal")
  func streamsByName() async throws {
    let box = try Box()
    box.blueprint.process.user = "app"
    let script = "echo one > /dev/stdout; echo two > /proc/self/fd/2"
    let piped = try await box.shell(script)
    #expect(piped.output == "one\n" && piped.errorOutput == "two\n", "\(piped)")
    box.blueprint.process.terminal = true
    #expect(try await box.shell(script).output == "one\r\ntwo\r\n")
  }

  @Test("on the host's network it has the host's files and may not set its settings")
  func hostNetwork() async throws {
    let box = try Box()
    box.blueprint.network = NetworkBlueprint(mode: .host)
    box.blueprint.network.extraHosts = [HostEntry(name: "db", address: "10.0.0.9")]
    let result = try await box.shell("cat /etc/hosts; readlink /proc/self/ns/net")
    let own = try await Command(
      ["sh", "-c", "cat /etc/hosts; readlink /proc/self/ns/net"], folder: "/",
      environment: ["PATH": "/usr/bin:/bin"]
    ).wait()
    #expect(
      result.lines.dropLast() == own.lines.dropLast() + ["10.0.0.9\tdb"], "\(result)")
    #expect(result.lines.last == own.lines.last)
    box.blueprint.security.sysctls = ["net.ipv4.ip_forward": "1"]
    #expect(try await box.start().errorOutput.contains("would change the host"))
  }

  @Test("on another container's network it has that container's files")
  func sharedNetwork() async throws {
    let box = try Box()
    for name in ["hosts", "resolv.conf", "hostname"] {
      let folder = box.top.appending("other")
      _ = mkdir(folder.string, 0o700)
      let file = open(folder.appending(name).string, O_CREAT | O_WRONLY, 0o644)
      Glibc.write(file, "other's\n", 8)
      close(file)
    }
    box.blueprint.network = NetworkBlueprint(mode: .container("other"))
    let result = try await box.shell("cat /etc/hosts /etc/resolv.conf /etc/hostname")
    #expect(result.lines == ["other's", "other's", "other's"], "\(result)")
  }

  @Test("settings of the network namespace are its own; others are refused")
  func sysctls() async throws {
    let box = try Box()
    box.blueprint.security.sysctls = ["net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"]
    let result = try await box.shell(
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced")
    #expect(result.lines == ["1", "1"], "\(result)")
    box.blueprint.security.sysctls = ["kernel.panic": "1"]
    let refused = try await box.start()
    #expect(refused.exitCode == 1)
    #expect(refused.errorOutput.contains("setting sysctl `kernel.panic`"), "\(refused)")
  }
}

/// The fields of /proc/self/status, with single spaces.
func status(_ text: String) -> [String: String] {
  var fields: [String: String] = [:]
  for line in text.split(separator: "\n") {
    let parts = line.split(separator: ":", maxSplits: 1)
    guard parts.count == 2 else { continue }
    fields[String(parts[0])] = parts[1].split { $0 == " " || $0 == "\t" }.joined(separator: " ")
  }
  return fields
}
