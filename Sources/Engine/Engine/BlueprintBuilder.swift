// One container as a value: the service, its image and its leases put together.

import Images
import Blueprint
import Compose
import Diagnostics
import Glibc
import OCI
import Planning
import Runtime
import Store
import SystemPackage

/// What differs between the containers of one service.
struct ContainerIdentity: Sendable {
  var id: String
  var name: String
  var number: Int
  /// Twelve digits for containers made by `run`, nil for those of `up`.
  var slug: String?
  /// One-offs answer to the service's names only when asked to.
  var usesAliases = false
  /// The container whose place it is to take, and which is still there.
  var replaced: ContainerBlueprint?

  /// The name that it holds until the other one is gone.
  var leaseName: String {
    // Under another name than the old one's it can have it at once.
    guard let replaced, replaced.name == name else { return name }
    return "\(replaced.shortID)_\(name)"
  }
}

/// 64 hexadecimal digits from the kernel.
func randomID() -> String {
  var generator = SystemRandomNumberGenerator()
  return (0..<4).map { _ in
    let digits = String(generator.next() as UInt64, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }.joined()
}

extension Session {
  /// Everything but addresses and anonymous volumes, which are leased by the caller.
  func blueprint(
    of base: ServiceBase, identity: ContainerIdentity, project: Project, mounts: [MountStep],
    network: NetworkBlueprint
  ) throws -> ContainerBlueprint {
    let service = base.service
    let host = try hostname(of: service, id: identity.id, number: identity.number)
    var blueprint = ContainerBlueprint(
      id: identity.id, name: identity.name, createdAt: Self.now(),
      image: ImageIdentity(
        reference: imageName(of: service), id: "\(base.image.id)",
        platform: "\(base.image.config.platform)"),
      root: RootBlueprint(
        layers: base.image.layers.map { Bytes($0.string) }, readOnly: service.isReadOnly),
      process: try process(of: service, image: base.image.config, hostname: host.name),
      hostname: host.name, network: network, security: try security(of: service, in: project))
    blueprint.domainname = host.domain
    blueprint.namespaces = try namespaces(of: service, number: identity.number)
    let sysctls = try interfaceSysctls(of: service, network.endpoints, project)
    blueprint.security.sysctls.merge(sysctls) { asked, _ in asked }
    blueprint.labels = labels(base, identity, project)
    blueprint.exposes = exposedPorts(of: service, image: base.image.config)
    for note in service.annotations { blueprint.annotations[note.key] = note.value }
    blueprint.mounts = mounts
    blueprint.resources = try resources(of: service)
    blueprint.stop = try stop(of: service, image: base.image.config)
    blueprint.restart = restart(of: service)
    blueprint.health = health(of: service, image: base.image.config)
    blueprint.log = try log(of: service, blueprint)
    blueprint.take(try devices(of: service))
    if identity.slug != nil { blueprint.restart = .no }
    return blueprint
  }

  private func labels(_ base: ServiceBase, _ identity: ContainerIdentity, _ project: Project)
    -> [String: String]
  {
    let service = base.service
    var labels = base.image.config.labels
    for label in service.labels { labels[label.key] = label.value }
    labels[Label.project] = projectName
    labels[Label.service] = service.name
    labels[Label.oneOff] = identity.slug == nil ? "False" : "True"
    labels[Label.slug] = identity.slug
    if identity.slug == nil { labels[Label.number] = "\(identity.number)" }
    labels[Label.configHash] = configHash(service)
    labels[Label.image] = "\(base.image.id)"
    if !base.mountedImages.isEmpty { labels[Label.mountedImages] = base.mountedImageDigests }
    labels[Label.replaced] = identity.replaced?.name
    labels[Label.dependsOn] = service.dependsOn.map {
      "\($0.service):\($0.condition.rawValue):\($0.restarts)"
    }.joined(separator: ",")
    labels[Label.workingDirectory] = project.directory
    labels[Label.configFiles] = project.files.joined(separator: ",")
    labels[Label.environmentFile] = environmentFiles
    labels[Label.version] = berthVersion
    return labels
  }

  /// Those that `--env-file` named, absolute; nil when none was.
  private var environmentFiles: String? {
    guard !request.envFiles.isEmpty else { return nil }
    let folder = FilePath(request.workingDirectory)
    return request.envFiles.map { folder.pushing(FilePath($0)).string }.joined(separator: ",")
  }

  /// Of the image and of `expose`, where a port is `80`, `80-82` or `80/udp`.
  private func exposedPorts(of service: Service, image: ImageConfig) -> [String] {
    var ports: [String] = []
    var known: Set<String> = []
    for text in image.exposedPorts + service.exposes {
      let parts = text.split(separator: "/", maxSplits: 1)
      let span = (parts.first ?? "").split(separator: "-").compactMap { UInt16($0) }
      guard let first = span.first, let last = span.last, first <= last else { continue }
      let transport = parts.count > 1 ? parts[1].lowercased() : "tcp"
      for port in first...last where known.insert("\(port)/\(transport)").inserted {
        ports.append("\(port)/\(transport)")
      }
    }
    return ports
  }

  private func stop(of service: Service, image: ImageConfig) throws -> StopBlueprint {
    var stop = StopBlueprint()
    if let name = service.stopSignal ?? image.stopSignal {
      guard let signal = signalNumber(name) else {
        throw UnsupportedSetting(
          service: service, setting: "stop_signal `\(name)`", hint: "write a name such as SIGTERM")
      }
      stop.signal = signal
    }
    if let grace = service.stopGracePeriod { stop.grace = grace.nanoseconds }
    return stop
  }

  private func restart(of service: Service) -> RestartPolicy {
    switch service.restart?.condition {
    case nil, .no: .no
    case .always: .always
    case .unlessStopped: .unlessStopped
    // None is no limit, as with docker.
    case .onFailure:
      .onFailure(attempts: service.restart?.maximumRetries.flatMap { $0 > 0 ? $0 : nil })
    }
  }
}

/// A setting that was read but that this engine cannot act on.
struct UnsupportedSetting: Diagnosable {
  var service: Service
  var setting: String
  var hint: String

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "service `\(service.name)`: \(setting) cannot be acted on", span: service.span, hint: hint)
    ]
  }
}
