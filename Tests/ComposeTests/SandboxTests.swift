// Limits, devices and security options that no container can have, and those that it can.

import Diagnostics
import Testing

@testable import Compose

@Suite("What bounds a container is checked with its place")
struct SandboxTests {
  private func told(_ attributes: String) throws -> [String] {
    try loaded("services: {a: {image: i, \(attributes)}}").project.unsupportedByUp()
      .map(\.summary)
  }

  @Test(
    "what no container can have",
    arguments: [
      ("cap_add: [NET_ADMIM]", "`services.a.cap_add.0` is no capability: `NET_ADMIM`"),
      ("security_opt: [fly]", "`services.a.security_opt.0` is an invalid security-opt: `fly`"),
      (
        "security_opt: ['label=x']",
        "`services.a.security_opt.0` is an invalid security-opt: `label` cannot be set so: `label=x`"
      ),
      (
        "device_cgroup_rules: [x]",
        "`services.a.device_cgroup_rules.0` is no device rule: `x`; write `c 1:3 rwm`, with `*`"
          + " for any number"
      ),
      (
        "devices: ['/dev/x:/y:rx']",
        "`services.a.devices.0` has permissions that there are not: `rx`; they are of `rwm`"
      ),
      ("ulimits: {fly: 1}", "`services.a.ulimits` has no limit `fly`"),
      (
        "ulimits: {cpu: {soft: 2, hard: 1}}",
        "`services.a.ulimits.cpu` has a soft limit (2) above its hard limit (1)"
      ),
      ("cpu_period: 999", "`services.a.cpu_period` must be between 1000 and 1000000, not 999"),
      ("cpu_quota: 999", "`services.a.cpu_quota` must be at least 1000, not 999"),
      ("cpus: 0.001", "`services.a.cpus` must be at least 0.01"),
      ("mem_swappiness: 101", "`services.a.mem_swappiness` must be between 0 and 100"),
      (
        "blkio_config: {weight: 9}",
        "`services.a.blkio_config.weight` must be between 10 and 1000, not 9"
      ),
      ("cpus: 1, cpu_quota: 1000", "service `a` sets both `cpus` and `cpu_quota`"),
      ("mem_limit: 5m", "service `a` has a memory limit of 5242880 bytes"),
      (
        "mem_limit: 8m, mem_reservation: 9m",
        "service `a` reserves more memory (9437184) than its limit (8388608)"
      ),
      ("memswap_limit: 9m", "service `a` sets `memswap_limit` without `mem_limit`"),
      (
        "mem_limit: 9m, memswap_limit: 8m",
        "service `a` has a `memswap_limit` (8388608) below its `mem_limit` (9437184)"
      ),
      (
        "sysctls: {vm.swappiness: 1}",
        "service `a` cannot set `vm.swappiness`: it is not the container's own: setting it would"
          + " change the host"
      ),
      (
        "network_mode: host, sysctls: {net.core.somaxconn: 1}",
        "service `a` cannot set `net.core.somaxconn`: the network is the host's"
      ),
    ])
  func refused(_ attributes: String, _ summary: String) throws {
    #expect(try told(attributes) == [summary])
  }

  @Test(
    "what a container can have",
    arguments: [
      "cap_add: [all, cap_net_admin], cap_drop: [MKNOD]",
      "security_opt: [no-new-privileges, 'seccomp:x.json', 'apparmor=x', 'label=user:x']",
      "device_cgroup_rules: ['a *:* rwm', 'c 1:3 r', 'b 7:* mw']",
      "devices: [/dev/null, '/dev/null:/x', 'vendor.com/class=name']",
      "ulimits: {nofile: -1, cpu: {soft: 1, hard: -1}, core: 0}",
      "cpu_period: 1000, cpu_quota: -1, cpu_shares: 2, cpuset: '0'",
      "mem_limit: 6m, mem_reservation: 6m, memswap_limit: -1, mem_swappiness: 0",
      "memswap_limit: -1", "cpus: 0, mem_limit: 0, cpu_period: 0",
      "sysctls: {net.core.somaxconn: 1, kernel.sem: x, kernel.msgmax: 1, fs.mqueue.msg_max: 1}",
      "blkio_config: {weight: 10, device_read_bps: [{path: /dev/x, rate: 1mb}]}",
    ])
  func accepted(_ attributes: String) throws {
    #expect(try told(attributes) == [])
  }

  @Test(
    "security options with either sign",
    arguments: [
      ("no-new-privileges", .noNewPrivileges(true)),
      ("no-new-privileges:false", .noNewPrivileges(false)),
      ("seccomp=unconfined", .seccompUnconfined), ("seccomp:builtin", .seccompBuiltin),
      ("seccomp=a:b=c.json", .seccompFile("a:b=c.json")), ("apparmor:x", .appArmor("x")),
      ("label:level:s0", .label("level:s0")), ("label=disable", .label("disable")),
      ("systempaths=unconfined", .unmaskedPaths), ("systempaths=none", nil),
      ("writable-cgroups=true", .writableCgroups(true)), ("writable-cgroups", nil),
      ("seccomp=", nil), ("label=user:", nil), ("", nil),
    ] as [(String, SecurityOption?)])
  func options(_ text: String, _ option: SecurityOption?) {
    #expect(SecurityOption(text) == option)
  }

  @Test("limits and devices as the engine reads them")
  func typed() throws {
    let project = try loaded(
      """
      services:
        a:
          image: i
          devices: ["/dev/x:/y:r", "v/c=n"]
          gpus: [{count: 2}]
          blkio_config: {device_write_iops: [{path: /dev/x, rate: 5}]}
          deploy: {resources: {reservations: {devices: [{capabilities: [x], device_ids: ["1"]}]}}}
          oom_kill_disable: true
      """
    ).project
    let service = try #require(project.services.first)
    #expect(service.devices.map(\.isNamed) == [false, true])
    #expect(service.devices.first?.target == "/y")
    #expect(service.devices.first?.permissions == "r")
    #expect(service.deviceRequests.map(\.capabilities) == [["gpu"], ["x"]])
    #expect(service.deviceRequests.map(\.count) == [2, nil])
    #expect(service.deviceRequests.last?.ids == ["1"])
    #expect(service.limits.blockDevices.map(\.value) == [5])
    #expect(service.limits.isOutOfMemoryKillDisabled)
    #expect(service.place(of: "devices")?.line == 4)
  }
}
