import Blueprint
import CLinux
import Diagnostics
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Cgroups

@Suite("Cgroups are read as the machine has them")
struct CgroupLayoutTests {
  static let hybrid = """
    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
    40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
    """

  @Test("hybrid: each controller in its own hierarchy, below our own group")
  func hybrid() {
    let layout = CgroupLayout(
      mountinfo: Self.hybrid,
      membership: "7:cpuacct,cpu:/outer\n4:memory:/a/b\n1:name=systemd:/\n0::/\n")
    #expect(
      layout.hierarchies == [
        CgroupHierarchy(
          version: .v1, controllers: ["cpu", "cpuacct"],
          base: "/sys/fs/cgroup/cpu,cpuacct/outer"),
        CgroupHierarchy(
          version: .v1, controllers: ["memory"], base: "/sys/fs/cgroup/memory/a/b"),
        CgroupHierarchy(
          version: .v1, controllers: ["name=systemd"], base: "/sys/fs/cgroup/systemd"),
        CgroupHierarchy(version: .v2, controllers: [], base: "/sys/fs/cgroup/unified"),
      ])
    #expect(!layout.isUnified)
    #expect(layout.hierarchy(of: "memory")?.base == "/sys/fs/cgroup/memory/a/b")
  }

  @Test("inside of a container the mount's root is taken off")
  func mountRoot() {
    let layout = CgroupLayout(
      mountinfo: "35 31 0:32 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
      membership: "4:memory:/docker/x/y\n")
    #expect(layout.hierarchies.map(\.base) == ["/sys/fs/cgroup/memory/y"])
  }

  @Test("unified: one hierarchy, at the root of the mount")
  func unified() {
    let layout = CgroupLayout(
      mountinfo: "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
      membership: "0::/user.slice/user-0.slice/session-1.scope\n")
    #expect(layout.hierarchies.map(\.base) == ["/sys/fs/cgroup"])
    #expect(layout.isUnified)
  }

  @Test("nothing mounted, and lines that are no mounts")
  func nothing() {
    #expect(CgroupLayout(mountinfo: "", membership: "").hierarchies == [])
    #expect(CgroupLayout(mountinfo: "1 2 3\n- -\n", membership: "x\n:\n").hierarchies == [])
  }
}

@Suite("Limits are written as each version names them")
struct CgroupSettingTests {
  private func lines(_ settings: [CgroupSetting]) -> [String] {
    settings.map { "\($0.file) \($0.value)\($0.importance == .required ? "" : " ?")" }
  }

  @Test("nothing asked, nothing written")
  func nothing() {
    #expect(ResourceLimits().settingsV1() == [])
    #expect(ResourceLimits().settingsV2() == [])
  }

  @Test("everything asked")
  func everything() {
    var limits = ResourceLimits()
    limits.memory = 100 << 20
    limits.memorySwap = 150 << 20
    limits.memoryReservation = 50 << 20
    limits.cpuShares = 1024
    limits.cpuQuota = 50_000
    limits.cpuPeriod = 100_000
    limits.cpuset = "0-1"
    limits.pids = 20
    #expect(
      lines(limits.settingsV1()) == [
        "memory.limit_in_bytes 104857600", "memory.memsw.limit_in_bytes 157286400 ?",
        "memory.soft_limit_in_bytes 52428800", "cpu.shares 1024", "cpu.cfs_period_us 100000",
        "cpu.cfs_quota_us 50000", "cpuset.cpus 0-1", "pids.max 20",
      ])
    #expect(
      lines(limits.settingsV2()) == [
        "memory.max 104857600", "memory.swap.max 52428800 ?", "memory.low 52428800",
        "cpu.weight 39", "cpu.max 50000 100000", "cpuset.cpus 0-1", "pids.max 20",
      ])
  }

  @Test("memory alone brings as much swap, where the kernel counts it; -1 is without limit")
  func swap() {
    var limits = ResourceLimits()
    limits.memory = 10
    #expect(
      lines(limits.settingsV1()) == [
        "memory.limit_in_bytes 10", "memory.memsw.limit_in_bytes 20 ?",
      ])
    #expect(lines(limits.settingsV2()) == ["memory.max 10", "memory.swap.max 10 ?"])
    limits.memorySwap = -1
    limits.pids = -1
    #expect(
      lines(limits.settingsV2()) == ["memory.max 10", "memory.swap.max max ?", "pids.max max"])
    limits.memory = .max
    limits.memorySwap = nil
    #expect(lines(limits.settingsV1()).count == 2)
  }

  @Test("block devices, real-time shares and what only v1 has")
  func others() {
    var limits = ResourceLimits()
    limits.memorySwappiness = 10
    limits.disablesOutOfMemoryKill = true
    limits.realtimePeriod = 1_000_000
    limits.realtimeRuntime = 400_000
    limits.blockWeight = 300
    let kinds: [BlockDeviceBlueprint.Kind] = [
      .weight, .readBytes, .writeBytes, .readOperations, .writeOperations,
    ]
    limits.blockDevices = kinds.enumerated().map { index, kind in
      BlockDeviceBlueprint(kind: kind, path: "/dev/x", value: UInt64(index + 100))
    }
    let numbers: [Bytes: String] = ["/dev/x": "8:0"]
    let common = [
      "memory.swappiness 10 ?", "memory.oom_control 1 ?", "cpu.rt_period_us 1000000",
      "cpu.rt_runtime_us 400000",
    ]
    #expect(
      lines(limits.settingsV1(numbers)) == common + [
        "blkio.weight 300 ?", "blkio.weight_device 8:0 100 ?",
        "blkio.throttle.read_bps_device 8:0 101", "blkio.throttle.write_bps_device 8:0 102",
        "blkio.throttle.read_iops_device 8:0 103", "blkio.throttle.write_iops_device 8:0 104",
      ])
    #expect(
      lines(limits.settingsV2(numbers)) == common + [
        "io.bfq.weight 300 ?", "io.bfq.weight 8:0 100 ?", "io.max 8:0 rbps=101",
        "io.max 8:0 wbps=102", "io.max 8:0 riops=103", "io.max 8:0 wiops=104",
      ])
    #expect(
      limits.settingsV2(numbers).compactMap(\.alternative).map { "\($0.file) \($0.value)" } == [
        "io.weight default 2930", "io.weight 8:0 910",
      ])
    #expect(
      limits.settingsV1(numbers).compactMap(\.alternative).map { "\($0.file) \($0.value)" } == [
        "blkio.bfq.weight 300", "blkio.bfq.weight_device 8:0 100",
      ])
  }

  @Test("a refusal names the attribute of the compose file")
  func refusal() {
    let failure = LimitFailure(
      attribute: "cpuset", value: "9", reason: "`cpuset.cpus`: invalid argument")
    #expect(
      failure.diagnostics.map(\.summary) == [
        "`cpuset` cannot be set to `9`: `cpuset.cpus`: invalid argument"
      ])
  }

  @Test(
    "shares on the scale of weights", arguments: [(2, 1), (1024, 39), (262_144, 10_000), (0, 1)])
  func weight(_ shares: UInt64, _ weight: UInt64) {
    #expect(ResourceLimits.weight(ofShares: shares) == weight)
  }
}

@Suite("Groups are made, read, frozen, killed and removed", .enabled(if: isRoot))
struct CgroupTests {
  private func sleeper() throws -> Command {
    try Command(["sleep", "30"], folder: "/", environment: ["PATH": "/usr/bin:/bin"])
  }

  private func enter(_ pid: pid_t, _ cgroup: Cgroup) throws {
    for group in cgroup.groups { try write("\(pid)", to: group.folder.appending("cgroup.procs")) }
  }

  @Test("from making to removing")
  func life() async throws {
    var limits = ResourceLimits()
    limits.pids = 10
    let cgroup = try Cgroup.create(
      "berth-test-\(getpid())-life", limits: limits, security: SecurityBlueprint(capabilities: []))
    defer { cgroup.removeNow() }
    #expect(
      Set(try Cgroup.open(cgroup.id).groups.map(\.folder)) == Set(cgroup.groups.map(\.folder)))
    let process = try sleeper()
    try enter(process.pid, cgroup)
    #expect(try cgroup.processes() == [process.pid])
    try cgroup.freeze()
    try cgroup.thaw()
    try cgroup.freeze()
    try cgroup.kill()
    #expect(try await process.wait().exitCode == 137)
    #expect(try cgroup.processes() == [])
    #expect(cgroup.outOfMemoryKills() == 0)
    try cgroup.remove()
    #expect(try Cgroup.open(cgroup.id).groups.isEmpty)
    try cgroup.remove()
  }

  @Test("a limit that the kernel refuses leaves no group behind")
  func refused() throws {
    var limits = ResourceLimits()
    limits.cpuset = "900-901"
    let id = "berth-test-\(getpid())-refused"
    #expect(throws: LimitFailure.self) {
      try Cgroup.create(id, limits: limits, security: SecurityBlueprint(capabilities: []))
    }
    #expect(try Cgroup.open(id).groups.isEmpty)
  }

  @Test("the device program of v2 is taken by the kernel and refuses what is not listed")
  func deviceProgram() async throws {
    let layout = try CgroupLayout.detect()
    guard let unified = layout.hierarchies.first(where: { $0.version == .v2 }) else { return }
    let only = CgroupLayout(hierarchies: [unified])
    let id = "berth-test-\(getpid())-devices"
    let cgroup = try Cgroup.create(
      id, limits: ResourceLimits(), security: SecurityBlueprint(capabilities: []), in: only)
    defer { cgroup.removeNow() }
    let group = try #require(cgroup.groups.first)
    let script =
      "echo 0 > \(group.folder)/cgroup.procs; head -c 1 /dev/zero | wc -c; echo x > /dev/null && echo ok; "
      + "head -c 1 /dev/fuse 2>&1 | grep -c permitted; exec 3<>/dev/tty; true"
    let result = try await Command(
      ["/bin/sh", "-c", script], folder: "/", environment: ["PATH": "/usr/bin:/bin"]
    ).wait()
    #expect(result.lines == ["1", "ok", "1"], "\(result)")
    try cgroup.kill()
    try cgroup.remove()
  }

  @Test("lines of the v1 list")
  func deviceLines() {
    #expect(
      DeviceRule.standard.map(\.line) == [
        "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",
        "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",
      ])
  }
}
