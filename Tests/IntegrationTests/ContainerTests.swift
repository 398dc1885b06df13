import TestSupport
import Testing

@Suite("a container has a world of its own", .enabled(if: isRoot))
struct ContainerTests {
  private func inside(
    _ service: String, files: [String: String] = [:], _ script: String
  ) async throws -> String {
    var found = ""
    let compose = """
      services:
        web:
          image: ${IMAGE}
          command: sleep 1000
          \(service)
      """
    try await scenario(compose, files: files) { berth in
      try await berth.succeeds("up", "-d")
      found = try await berth.inside("web", script)
    }
    return found
  }

  @Test("the service's program is process 1, and sees only its own")
  func processes() async throws {
    let seen = try await inside("", "cat /proc/1/comm; ls -d /proc/[0-9]* | wc -l; echo $$")
    let lines = seen.split(separator: "\n")
    #expect(lines.first == "sleep")
    // sleep, the shell, ls and wc at most.
    #expect((Int(lines.dropFirst().first ?? "") ?? 99) <= 5, "\(seen)")
  }

  @Test("every namespace is its own")
  func namespaces() async throws {
    let script = "for n in mnt pid net uts ipc cgroup; do readlink /proc/self/ns/$n; done"
    let seen = try await inside("", script).split(separator: "\n").map(String.init)
    #expect(seen.count == 6)
    var own: [String] = []
    try await scenario { berth in
      own = try await berth.tool("sh", "-c", script).lines
    }
    #expect(own.count == 6)
    #expect(Set(seen).isDisjoint(with: own))
  }

  @Test("host name, hosts and resolv.conf are those of the container")
  func identity() async throws {
    let seen = try await inside(
      "hostname: shop", "hostname; cat /etc/hostname; cat /etc/hosts; cat /etc/resolv.conf")
    let lines = seen.split(separator: "\n").map(String.init)
    #expect(Array(lines.prefix(2)) == ["shop", "shop"])
    #expect(lines.contains("127.0.0.1\tlocalhost"))
    #expect(lines.contains { $0.hasSuffix("\tshop") && $0.hasPrefix("1") })
    #expect(lines.contains("nameserver 127.0.0.11"))
  }

  @Test("a host name that nobody gave is the short id")
  func defaultName() async throws {
    try await scenario("services: {web: {image: \"${IMAGE}\", command: sleep 1000}}") { berth in
      try await berth.succeeds("up", "-d")
      let id = try await berth.row("shop-web-1").id
      #expect(try await berth.inside("web", "hostname") == String(id.prefix(12)))
    }
  }

  @Test("users are looked up in the image")
  func users() async throws {
    let users = [
      ("www-data", "33:33"), ("33", "33:33"), ("nobody:www-data", "65534:33"),
      ("1234:567", "1234:567"), ("0", "0:0"),
    ]
    let services = users.indices.map {
      "  s\($0): {image: \"${IMAGE}\", command: sleep 1000, user: \"\(users[$0].0)\"}\n"
    }
    try await scenario("services:\n" + services.joined()) { berth in
      try await berth.succeeds("up", "-d")
      for (index, user) in users.enumerated() {
        #expect(
          try await berth.inside("s\(index)", "echo $(id -u):$(id -g)") == user.1, "\(user.0)")
      }
    }
  }

  @Test("a user that the image lacks is refused, by name")
  func unknownUser() async throws {
    let compose = #"services: {web: {image: "${IMAGE}", command: sleep 1000, user: ghost}}"#
    try await scenario(compose) { berth in
      let up = try await berth("up", "-d")
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains("ghost"))
      #expect(berth.shims().isEmpty)
    }
  }

  @Test("root inside has the fourteen default capabilities, a seccomp filter, and no way to more")
  func security() async throws {
    let seen = try await inside("", "cat /proc/1/status")
    let fields = Dictionary(
      seen.split(separator: "\n").compactMap { line -> (String, String)? in
        let pair = line.split(separator: "\t", maxSplits: 1)
        return pair.count == 2 ? (String(pair[0]), String(pair[1])) : nil
      }, uniquingKeysWith: { first, _ in first })
    for set in ["CapBnd:", "CapPrm:", "CapEff:"] { #expect(fields[set] == "00000000a80425fb") }
    for set in ["CapInh:", "CapAmb:"] { #expect(fields[set] == "0000000000000000") }
    #expect(fields["Seccomp:"] == "2")
  }

  @Test("a user other than root has no capabilities")
  func capabilitiesOfUsers() async throws {
    let seen = try await inside("user: www-data", "grep -E 'Cap(Prm|Eff)' /proc/1/status")
    #expect(seen == "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000")
  }

  private static let forbidden = [
    "echo 1 > /proc/sys/kernel/panic", "echo h > /proc/sysrq-trigger",
    "echo f > /proc/irq/default_smp_affinity", "echo x > /sys/kernel/uevent_helper",
    "mount -t proc proc /mnt", "mount -o remount,rw /sys", "unshare -m true",
    "mknod /tmp/disk b 8 0 && cat /tmp/disk",
  ]

  @Test("root inside cannot turn the kernel's switches, mount, or reach devices")
  func refused() async throws {
    let tries = Self.forbidden.map { "(\($0)) 2>/dev/null && echo '\($0)'" }
    let seen = try await inside(
      "", "mkdir -p /mnt; " + tries.joined(separator: "; ") + "; echo end")
    #expect(seen == "end")
  }

  @Test("masked files are empty or not to be read")
  func masked() async throws {
    let script =
      "cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware | wc -l"
    #expect(try await inside("", script) == "0\n0")
  }

  @Test("a descriptor of the host is none of the container's")
  func descriptors() async throws {
    let seen = try await inside("", "ls /proc/1/fd | tr '\\n' ' '")
    #expect(seen == "0 1 2 " || seen == "0 1 2")
  }

  @Test("environment: the file, the env file, the list; and what the image says")
  func environment() async throws {
    let service = """
      environment: {A: "one two", B: "${FROM_SHELL:-none}"}
          env_file: [vars.env]
      """
    let seen = try await inside(
      service, files: ["vars.env": "A=lost\nC='three'\n"], "tr '\\0' '\\n' < /proc/1/environ | sort"
    )
    let lines = seen.split(separator: "\n").map(String.init)
    #expect(lines.contains("A=one two"))
    #expect(lines.contains("B=none"))
    #expect(lines.contains("C=three"))
    #expect(lines.contains("PATH=/bin:/usr/bin:/sbin:/usr/sbin"))
    #expect(!lines.contains { $0.hasPrefix("BERTH_") })
  }

  @Test("a memory limit is kept: what takes more is ended, and the rest goes on")
  func memory() async throws {
    let compose = """
      services:
        web:
          image: ${IMAGE}
          mem_limit: 16m
          command: sh -c "head -c 64m /dev/zero | tail | wc -c; echo survived"
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.waitForState("exited", of: "shop-web-1")
      let log = try await berth.succeeds("logs", "--no-log-prefix").output
      #expect(!log.contains("67108864"), "\(log)")
      #expect(log.contains("survived\n"), "\(log)")
    }
  }
}
