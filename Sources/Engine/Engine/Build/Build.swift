// `build`: images from the Dockerfiles of services.

import Compose
import Diagnostics

extension Session {
  /// Builds the images of services; what was built. Those with names are pushed, if that is wanted, when
  /// all are there.
  package func build(_ request: BuildRequest) async throws -> [BuiltImage] {
    let services = try servicesToBuild(request)
    guard !services.isEmpty else {
      tell(.warning(Diagnostic("No services to build", severity: .warning)))
      return []
    }
    let built = try await build(services, request)
    if request.pushes, !request.checksOnly {
      var options = PushOptions()
      options.services = services.filter { $0.image != nil }.map(\.name)
      if !options.services.isEmpty { _ = try await push(options) }
    }
    return built
  }

  private func build(_ services: [Service], _ request: BuildRequest) async throws -> [BuiltImage] {
    throw UnsupportedSetting(
      service: services[0], setting: "building an image", hint: "name an image that can be pulled")
  }
}
