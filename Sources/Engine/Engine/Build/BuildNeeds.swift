// Which images are built, by `build` and before containers are made: decisions, nothing is built here.

import Compose
import Diagnostics
import Images
import OCI
import Registry

/// Whether images are built before containers are made from them.
package enum BuildChoice: Hashable, Sendable {
  /// Those that are not here and cannot be pulled, and those whose service says `pull_policy: build`.
  case asNeeded
  /// Those of all services that have a `build`.
  case always
  case never
}

/// An image that a service is made from, mounts, or has a hook run in.
struct WantedImage {
  /// By whose rules it is fetched.
  var service: Service
  var request: PullRequest
  /// Whether it is the service's own; else it is one that is mounted or that a hook runs in.
  var isOwn: Bool
  /// The file gives it a name, so that a registry may have it.
  var isNamed: Bool
  /// The services whose build makes it.
  var builders: [String]
}

extension WantedImage {
  /// The rule for its service, after the flags of the command.
  func policy(_ pull: PullChoice?, _ build: BuildChoice) -> PullPolicy {
    if isOwn, service.hasBuild, build == .always { return .build }
    return pull.map(PullPolicy.init) ?? service.pullPolicy
  }

  /// Whether a pull that fails is no matter: a build makes it as well.
  func canBeBuilt(_ build: BuildChoice) -> Bool { build != .never && !builders.isEmpty }
}

/// An image that is to be built, and why.
struct NeededBuild: Hashable {
  var service: String
  var cause: String
}

/// What has to be built, each service once, in the order of the wishes.
///
/// - Parameter isHere: after all that could be pulled was.
func neededBuilds(
  _ wanted: [WantedImage], pull: PullChoice?, build: BuildChoice,
  isHere: (PullRequest) -> Bool
) -> [NeededBuild] {
  guard build != .never else { return [] }
  var needed: [NeededBuild] = []
  for image in wanted {
    let cause: String
    if !isHere(image.request) {
      cause = "it is not here"
    } else if image.isOwn, image.service.hasBuild, image.policy(pull, build) == .build {
      cause = build == .always ? "builds were asked for" : "its pull policy is to build"
    } else {
      continue
    }
    for builder in image.builders where !needed.contains(where: { $0.service == builder }) {
      needed.append(NeededBuild(service: builder, cause: cause))
    }
  }
  return needed
}

/// The services to build, what others are built from first.
///
/// - Parameter project: its services that are not enabled count where others are built from them.
func buildOrder(_ names: [String], in project: Project) throws -> [Service] {
  var ordered: [Service] = []
  var path: [String] = []
  func add(_ name: String) throws {
    if ordered.contains(where: { $0.name == name }) { return }
    guard let service = project.buildable(name), let build = service.build else { return }
    if let start = path.firstIndex(of: name) {
      let circle = (path[start...] + [name]).map { "`\($0)`" }.joined(separator: " from ")
      throw Faults([
        Diagnostic(
          "services cannot be built from each other: \(circle)",
          span: build.place(of: "additional_contexts"),
          hint: "take `service:\(name)` out of one of them")
      ])
    }
    path.append(name)
    for other in build.services { try add(other) }
    path.removeLast()
    ordered.append(service)
  }
  for name in names { try add(name) }
  return ordered
}

extension Session {
  /// What the image of a service is called: as the file says, or after project and service.
  func imageName(of service: Service) -> String {
    service.image ?? joined(projectName, service.name)
  }

  /// The services that `build` is about, in the order in which they can be built. What nothing here can
  /// build is refused.
  func servicesToBuild(_ request: BuildRequest) throws -> [Service] {
    let project = try project()
    let selected = try select(
      request.services, from: project, includingDependencies: request.includesDependencies)
    let services = try buildOrder(selected.filter(\.hasBuild).map(\.name), in: project)
    let found = project.unsupportedByBuild(of: Set(services.map(\.name)))
    if found.contains(where: { $0.severity == .error }) { throw Faults(found) }
    for warning in found { tell(.warning(warning)) }
    for service in services {
      let own = try imageReference(imageName(of: service), service)
      for name in try [own]
        + (service.build?.tags ?? []).map({
          try imageReference($0, service, of: "tags")
        })
      where name.digest != nil {
        throw Faults([
          Diagnostic(
            "service `\(service.name)` cannot be built as `\(name.familiar)`: what a digest names is"
              + " made already", span: service.span, hint: "leave the digest out, or the `build`")
        ])
      }
      _ = try buildPlatform(of: service, request)
    }
    return services
  }

  /// The machine that an image is built for; nil is this one.
  func buildPlatform(of service: Service, _ request: BuildRequest) throws -> Platform? {
    guard let build = service.build else { return nil }
    func refusal(_ summary: String, _ hint: String?) -> Faults {
      Faults([
        Diagnostic(
          "service `\(service.name)` \(summary)", span: build.place(of: "platforms"), hint: hint)
      ])
    }
    let listed = try build.platforms.map { text in
      try naming(service, at: build.place(of: "platforms")) { try Platform(parsing: text) }
    }
    let own = try platform(of: service)
    if let own, !listed.isEmpty, !listed.contains(own) {
      throw refusal(
        "is not built for \(own)",
        "its `platforms` are \(listed.map { "\($0)" }.joined(separator: ", "))")
    }
    var wanted = own
    if wanted == nil, listed.count == 1 { wanted = listed[0] }
    if wanted == nil, listed.count > 1 {
      guard let native = listed.first(where: { $0 == .host }) ?? listed.first(where: \.isNative)
      else { throw refusal("is built for other machines only: this one is \(Platform.host)", nil) }
      guard request.isForContainers else {
        throw refusal(
          "has several `platforms`, and an image that is built here has one",
          "with DOCKER_DEFAULT_PLATFORM=\(native) it is built for this machine")
      }
      wanted = native
    }
    if let wanted, !wanted.isNative {
      throw refusal(
        "is built for \(wanted), and this machine is \(Platform.host)",
        "build it there, push it, and pull it here")
    }
    return wanted
  }

  /// What the image of a service says of itself besides what its Dockerfile has it say.
  func buildLabels(of service: Service) -> [KeyValue] {
    var labels = service.build?.labels ?? []
    let own = [
      (Label.project, projectName), (Label.service, service.name), (Label.version, berthVersion),
    ]
    for (key, value) in own {
      labels.removeAll { $0.key == key }
      labels.append(KeyValue(key, value))
    }
    return labels
  }

  /// Arguments that all builds have unless they say something else: proxies, as docker's settings have
  /// them. Blocks.
  func proxyArguments() throws -> [KeyValue] {
    try DockerConfig(environment: self.request.environment).proxyVariables
      .map { KeyValue($0.name, $0.value) }
  }

  /// The arguments of a build; those of the command line outrank those of the file. A name without a
  /// value has that of the project's environment, or is left out.
  ///
  /// - Parameter proxies: for what nobody has said anything else of.
  func buildArguments(of service: Service, _ request: BuildRequest, proxies: [KeyValue] = [])
    -> [KeyValue]
  {
    var arguments = service.build?.arguments ?? []
    for text in request.arguments {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      arguments.removeAll { $0.key == name }
      if let value = parts.count == 2 ? String(parts[1]) : variable(name) {
        arguments.append(KeyValue(name, value))
      }
    }
    let said = Set(arguments.map(\.key))
    return arguments + proxies.filter { !said.contains($0.key) }
  }
}
