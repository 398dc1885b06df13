// `build`: images of services from their Dockerfiles.

import Compose
import Diagnostics
import Dockerfile
import Glibc
import Images
import Linux
import OCI
import Store
import Synchronization
import SystemPackage

extension Session {
  /// Builds the services that are asked for, side by side. Images that the file names are pushed, if that
  /// is wanted, when all are there.
  /// - Returns: the images, in the order of the services; none where nothing is to be built.
  package func build(_ request: BuildRequest) async throws -> [BuiltImage] {
    let services = try servicesToBuild(request)
    guard !services.isEmpty else {
      tell(.warning(Diagnostic("No services to build", severity: .warning)))
      return []
    }
    let images = try await build(services, request)
    if request.pushes, !request.checksOnly {
      var options = PushOptions()
      options.services = services.filter { $0.image != nil }.map(\.name)
      if !options.services.isEmpty { _ = try await push(options) }
    }
    return images
  }

  /// Builds these services; what others build on comes before them.
  func build(_ services: [Service], _ request: BuildRequest) async throws -> [BuiltImage] {
    let isAllHere = services.allSatisfy { $0.build?.context.isAddress != true }
    if isAllHere {
      // Nothing is made before all Dockerfiles are read.
      let sources = try await read(services, request, contexts: [:])
      if try isChecked(sources, request) { return [] }
      return try await withBuilder { try await build(services, sources, request, $0) }
    }
    return try await withBuilder { builder in
      let contexts = try await fetchContexts(of: services, request, builder)
      let sources = try await read(services, request, contexts: contexts)
      if try isChecked(sources, request) { return [] }
      return try await build(services, sources, request, builder)
    }
  }

  /// Tells what is to be said of the Dockerfiles, and whether that was all that was asked for.
  private func isChecked(_ sources: [String: BuildSource], _ request: BuildRequest) throws -> Bool {
    try check(sources, request)
    if request.checksOnly { tell(.note("Check complete, no warnings found.")) }
    return request.checksOnly
  }

  private func withBuilder(_ work: (Builder) async throws -> [BuiltImage]) async throws
    -> [BuiltImage]
  {
    let builder = try await blocking { try Builder(self) }
    do {
      let images = try await work(builder)
      try await blocking { try builder.close() }
      if builder.hasMade { await boundCache() }
      return images
    } catch {
      // The first failure is the one to tell; the next build sweeps what stays.
      try? await blocking { try builder.close() }
      throw error
    }
  }

  /// A cache that is too large is no fault of this build.
  private func boundCache() async {
    let stock = Stock(host)
    do {
      try await blocking { try stock.boundBuildCache(at: Session.now()) }
    } catch {
      warn(Failure("the build cache cannot be kept within bounds", error))
    }
  }

  /// Brings the contexts that are elsewhere, side by side: the folders that they are here, by services.
  private func fetchContexts(
    of services: [Service], _ request: BuildRequest, _ builder: Builder
  ) async throws -> [String: FilePath] {
    let contexts = Mutex<[String: FilePath]>([:])
    let label = services.count > 1
    try await sideBySide(services) { service in
      guard let build = service.build, case .address(let address) = build.context else {
        return nil
      }
      do {
        var need = RemoteNeed(
          label: label ? service.name + " " : "",
          access: try await blocking {
            try self.gitAccess(build, self.sshSources(of: build, request))
          })
        need.keepsGitFolder =
          BuildArguments(self.buildArguments(of: service, request)).keepsGitFolder
        let folder = try await builder.context(address, need)
        contexts.withLock { $0[service.name] = folder }
        return nil
      } catch let failure as any Diagnosable {
        return Faults(
          failure.diagnostics.map { diagnostic in
            var placed = diagnostic
            placed.span = placed.span ?? build.place(of: "context")
            return placed
          })
      } catch {
        return error
      }
    }
    return contexts.withLock { $0 }
  }

  /// Reads all Dockerfiles before anything is built; their faults come together.
  private func read(
    _ services: [Service], _ request: BuildRequest, contexts: [String: FilePath]
  ) async throws -> [String: BuildSource] {
    try await blocking {
      var sources: [String: BuildSource] = [:]
      var faults: [Diagnostic] = []
      for service in services {
        guard let build = service.build else { continue }
        do {
          let arguments = BuildArguments(self.buildArguments(of: service, request))
          if let frontend = arguments.value(of: "BUILDKIT_SYNTAX") {
            try Directives.checkFrontend(frontend)
          }
          sources[service.name] = try BuildSource(
            build, service: service.name, context: contexts[service.name], arguments: arguments,
            variables: self.variables(ofImage:))
        } catch let fault as Faults {
          faults += fault.diagnostics
        }
      }
      if !faults.isEmpty { throw Faults(faults) }
      return sources
    }
  }

  /// The names of the variables that an image sets; nil where it is not here.
  private func variables(ofImage name: String) throws -> Set<String>? {
    // What is no name is told where the image is fetched.
    guard let reference = try? ImageReference(parsing: name),
      let image = try images.resolve(reference)
    else { return nil }
    return Set(image.config.env.map { String($0.prefix { $0 != "=" }) })
  }

  /// Tells what the checks have to say; fails where a Dockerfile, or `--check`, asks for that.
  private func check(_ sources: [String: BuildSource], _ request: BuildRequest) throws {
    var failing: [Diagnostic] = []
    for (_, source) in sources.sorted(by: { $0.key < $1.key }) {
      let warnings = source.dockerfile.warnings
      if source.dockerfile.directives.failsOnWarnings || request.checksOnly {
        failing += warnings.map { warning in
          var warning = warning
          if source.dockerfile.directives.failsOnWarnings { warning.severity = .error }
          return warning
        }
      } else {
        for warning in warnings { tell(.remark(warning)) }
      }
    }
    if !failing.isEmpty { throw Faults(failing) }
  }

  private func build(
    _ services: [Service], _ sources: [String: BuildSource], _ request: BuildRequest,
    _ builder: Builder
  ) async throws -> [BuiltImage] {
    let board = BuildBoard<String, Built>()
    let label = services.count > 1
    try await sideBySide(services) { service in
      await board.doing(service.name) {
        guard let source = sources[service.name] else { throw StageGone() }
        return try await self.build(
          service, source, label ? service.name + " " : "", request, builder, board)
      }
    }
    var images: [BuiltImage] = []
    for service in services { images.append(try await board.value(of: service.name).image) }
    return images
  }

  private func build(
    _ service: Service, _ source: BuildSource, _ label: String, _ request: BuildRequest,
    _ builder: Builder, _ board: BuildBoard<String, Built>
  ) async throws -> Built {
    guard let definition = service.build else { preconditionFailure("it was chosen for that") }
    var bases: [String: StageState] = [:]
    for context in definition.additionalContexts {
      guard let name = context.context.service else { continue }
      guard try project().buildable(name) != nil else {
        throw Faults([
          Diagnostic(
            "service `\(service.name)` builds from `\(context.context.text)`, and no service `\(name)` is built",
            span: context.span ?? definition.place(of: "additional_contexts"))
        ])
      }
      bases[context.name] = try await board.value(of: name).state
    }
    do {
      let job = try BuildJob(
        builder, service, definition, request, source: source, label: label, services: bases)
      let state = try await job.build()
      var exported = state
      if job.hasInlineCache { exported.nameSteps(job.shared.steps(of: state.layers)) }
      let image = try await export(exported, job)
      try await job.exportCaches(of: state)
      tellUnused(job)
      // Not before: while it goes on its steps are what there is to see.
      tell(.progress(ProgressEvent("Image \(imageName(of: service))", "Built", .done)))
      return Built(state: state, image: image)
    } catch let faults as Faults {
      // Places tell by themselves where they are.
      guard faults.diagnostics.allSatisfy({ $0.span == nil }) else { throw faults }
      throw Failure("building `\(service.name)`", faults)
    }
  }

  /// When the image was made, where it is the one that is here under its name: steps that make no layers
  /// have no time of their own, and building them again must not make another image.
  private func stamp(
    of state: StageState, _ labels: [(String, String)], under name: ImageReference
  ) throws -> String? {
    guard let here = try images.resolve(name), let created = here.createdAt,
      Digest(of: state.document(stamp: created, labels: labels)) == here.id
    else { return nil }
    return created
  }

  private func tellUnused(_ job: BuildJob) {
    let unused = job.arguments.notConsumed
    if unused.isEmpty { return }
    let areTyped = job.typed.isSuperset(of: unused)
    tell(
      .warning(
        Diagnostic(
          "service `\(job.service.name)`: one or more build-args [\(unused.joined(separator: " "))] "
            + "were not consumed", severity: .warning,
          span: areTyped ? nil : job.definition.place(of: "args"),
          hint: areTyped
            ? "declare it with `ARG` in the Dockerfile, or leave `--build-arg` out"
            : "declare it with `ARG` in the Dockerfile, or remove it")))
  }

  /// Names the image.
  private func export(_ state: StageState, _ job: BuildJob) async throws -> BuiltImage {
    let service = job.service
    let name = try imageReference(imageName(of: service), service)
    let tags = try [name] + job.definition.tags.map { try imageReference($0, service) }
    let labels = buildLabels(of: service).map { ($0.key, $0.value) }
    let title = "[\(job.label)internal] exporting to image \(name.familiar)"
    return try await job.builder.step(title) { _ in
      let id = try await blocking {
        let stamp = try job.epochStamp ?? self.stamp(of: state, labels, under: name)
        let config = state.document(stamp: stamp ?? job.builder.stamp(), labels: labels)
        return try job.builder.store.publish(config: config, layers: state.layers, tags: tags)
      }
      return (BuiltImage(service: service.name, reference: name.familiar, id: "\(id)"), false)
    }
  }
}

/// An image that others may build on.
private struct Built: Sendable {
  var state: StageState
  var image: BuiltImage
}
