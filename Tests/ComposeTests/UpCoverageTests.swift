// No attribute is loaded and then forgotten: each is acted on, told by `up`, or says nothing about
// containers.

import Testing

@testable import Compose

@Suite("every attribute is acted on, or `up` says that it is not")
struct UpCoverageTests {
  /// What the engine reads of the typed project.
  static let actedOn: Set<String> = [
    "networks.*.driver_opts", "networks.*.enable_ipv6", "networks.*.ipam.config.*.aux_addresses",
    "services.*.external_links", "services.*.links", "services.*.networks.*.driver_opts",
    "services.*.networks.*.interface_name", "services.*.networks.*.ipv6_address",
    "services.*.networks.*.link_local_ips",
    "configs", "configs.*.content", "configs.*.environment", "configs.*.file", "grant.gid",
    "grant.mode", "grant.source", "grant.target", "grant.uid", "secrets", "secrets.*.environment",
    "secrets.*.file", "services.*.configs", "services.*.secrets",
    "include", "include.*.env_file", "include.*.path", "include.*.project_directory", "name",
    "networks", "networks.*.external", "external.name", "networks.*.internal", "networks.*.ipam",
    "networks.*.enable_ipv4", "networks.*.ipam.config", "networks.*.ipam.config.*.gateway",
    "networks.*.ipam.config.*.ip_range", "networks.*.ipam.config.*.subnet", "networks.*.labels",
    "networks.*.name", "services", "services.*.annotations", "services.*.attach",
    "services.*.cap_add", "services.*.cap_drop", "services.*.cgroup", "services.*.cgroup_parent",
    "services.*.command", "services.*.ipc", "services.*.network_mode",
    "services.*.ports.*.protocol", "services.*.pid",
    "services.*.uts", "services.*.cpu_period",
    "services.*.cpu_quota", "services.*.cpu_shares", "services.*.cpus", "services.*.cpuset",
    "services.*.depends_on", "services.*.depends_on.*.condition",
    "services.*.depends_on.*.required", "services.*.depends_on.*.restart", "services.*.deploy",
    "services.*.deploy.replicas", "services.*.deploy.resources",
    "services.*.deploy.resources.limits", "services.*.deploy.resources.limits.cpus",
    "services.*.deploy.resources.limits.memory", "services.*.deploy.resources.limits.pids",
    "services.*.deploy.resources.reservations", "services.*.deploy.resources.reservations.memory",
    "services.*.deploy.restart_policy", "services.*.deploy.restart_policy.condition",
    "services.*.deploy.restart_policy.max_attempts", "services.*.dns", "services.*.dns_opt",
    "services.*.dns_search", "services.*.domainname", "services.*.entrypoint",
    "services.*.env_file", "services.*.env_file.*.format", "services.*.env_file.*.path",
    "services.*.env_file.*.required", "services.*.environment", "services.*.extends",
    "services.*.extends.file", "services.*.extends.service", "services.*.extra_hosts",
    "services.*.group_add", "services.*.hostname", "services.*.image", "services.*.init",
    "services.*.label_file", "services.*.labels", "services.*.logging",
    "services.*.logging.options", "services.*.mac_address", "services.*.mem_limit",
    "services.*.mem_reservation", "services.*.memswap_limit", "services.*.networks",
    "services.*.networks.*.aliases", "services.*.networks.*.gw_priority",
    "services.*.networks.*.ipv4_address", "services.*.networks.*.mac_address",
    "services.*.networks.*.priority", "services.*.oom_score_adj", "services.*.pids_limit",
    "services.*.platform", "services.*.ports", "services.*.ports.*.host_ip",
    "services.*.ports.*.published", "services.*.ports.*.target", "services.*.privileged",
    "services.*.profiles", "services.*.pull_policy", "services.*.read_only", "services.*.scale",
    "services.*.security_opt",
    "services.*.shm_size", "services.*.stdin_open", "services.*.stop_grace_period",
    "services.*.stop_signal", "services.*.sysctls", "services.*.tmpfs", "services.*.tty",
    "services.*.ulimits", "ulimit.hard", "ulimit.soft", "services.*.user", "services.*.volumes",
    "services.*.volumes.*.bind", "services.*.volumes.*.bind.create_host_path",
    "services.*.volumes.*.bind.propagation", "services.*.volumes.*.read_only",
    "services.*.volumes.*.source", "services.*.volumes.*.target", "services.*.volumes.*.tmpfs",
    "services.*.volumes.*.tmpfs.mode", "services.*.volumes.*.tmpfs.size",
    "services.*.volumes.*.volume", "services.*.volumes.*.volume.nocopy",
    "services.*.pre_start", "services.*.post_start", "services.*.pre_stop", "hook.command",
    "hook.image", "hook.per_replica", "hook.user", "hook.privileged", "hook.working_dir",
    "hook.environment",
    "services.*.working_dir", "volumes", "services.*.blkio_config",
    "services.*.blkio_config.device_read_bps", "services.*.blkio_config.device_read_iops",
    "services.*.blkio_config.device_write_bps", "services.*.blkio_config.device_write_iops",
    "services.*.blkio_config.weight", "services.*.blkio_config.weight_device",
    "services.*.blkio_config.weight_device.*.path",
    "services.*.blkio_config.weight_device.*.weight", "services.*.devices.*.permissions",
    "services.*.devices.*.source", "services.*.devices.*.target",
    "services.*.gpus.*.capabilities", "services.*.gpus.*.count", "services.*.gpus.*.device_ids",
    "services.*.gpus.*.driver", "device_rate.path", "device_rate.rate",
    "services.*.deploy.resources.reservations.devices.*.capabilities",
    "services.*.deploy.resources.reservations.devices.*.count",
    "services.*.deploy.resources.reservations.devices.*.device_ids",
    "services.*.deploy.resources.reservations.devices.*.driver",
    "services.*.cpu_rt_period", "services.*.cpu_rt_runtime",
    "services.*.deploy.resources.reservations.devices", "services.*.device_cgroup_rules",
    "services.*.devices", "services.*.gpus", "services.*.mem_swappiness",
    "services.*.oom_kill_disable", "volumes.*.external", "volumes.*.labels",
    "volumes.*.name",
    "services.*.volumes.*.bind.recursive", "services.*.volumes.*.image",
    "services.*.volumes.*.image.subpath", "services.*.volumes.*.volume",
    "services.*.volumes.*.volume.labels", "services.*.volumes.*.volume.nocopy",
    "services.*.volumes.*.volume.subpath", "services.*.volumes.*.x-berth",
    "services.*.volumes.*.x-berth.bind_owner", "services.*.volumes_from",
    "services.*.working_dir", "volumes", "volumes.*.driver_opts", "volumes.*.external",
    "volumes.*.labels", "volumes.*.name",
    "services.*.build", "services.*.build.args", "services.*.build.dockerfile",
    "services.*.build.context", "services.*.build.dockerfile_inline", "services.*.build.ssh",
    "services.*.build.labels", "services.*.build.no_cache", "services.*.build.no_cache_filter",
    "services.*.build.additional_contexts", "services.*.build.pull", "services.*.build.extra_hosts",
    "services.*.build.network", "services.*.build.target", "services.*.build.secrets",
    "services.*.build.shm_size", "services.*.build.tags", "services.*.build.ulimits",
    "services.*.build.platforms", "services.*.build.privileged",
  ]

  /// What changes nothing about a container on one Linux machine, for docker compose either.
  static let noted: Set<String> = [
    "configs.*.labels", "configs.*.name", "secrets.*.labels", "secrets.*.name",
    "version", "networks.*.attachable", "networks.*.ipam.options", "services.*.expose",
    "services.*.ports.*.app_protocol", "services.*.ports.*.mode", "services.*.ports.*.name",
    "services.*.pull_refresh_after", "services.*.volumes.*.bind.selinux",
    "services.*.volumes.*.consistency",
  ]

  /// What is looked at only when another attribute, which `up` refuses or another verb acts on, is
  /// there: resources nobody may be granted, mounts of a kind that is refused, rules of `watch`.
  static let dependent = [
    "models", "update", "services.*.develop",
  ]

  @Test("each attribute has its place")
  func everyAttribute() {
    let rows = Tables.up.map { joined($0.path) }
    let forgotten = PlacedAttribute.all.map(\.path).filter { path in
      !Self.actedOn.contains(path) && !Self.noted.contains(path)
        && !(rows + Self.dependent).contains { path == $0 || path.hasPrefix($0 + ".") }
    }
    #expect(forgotten == [])
  }

  @Test("nothing is said twice, and of nothing that is not there")
  func lists() {
    let all = Set(PlacedAttribute.all.map(\.path))
    #expect(Self.actedOn.subtracting(all).sorted() == [])
    #expect(Self.noted.subtracting(all).sorted() == [])
    #expect(Self.actedOn.intersection(Self.noted).isEmpty)
  }
}
