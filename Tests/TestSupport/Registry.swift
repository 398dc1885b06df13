// A registry of a scenario's own: Debian's docker-registry on a free loopback port, filled by skopeo.

import Glibc
import Linux
import SystemPackage

/// An image that the scripts in `scripts/images` make from Debian's packages.
package enum TestImage: String, Sendable, CaseIterable {
  case busybox
  case nginx
  case redis
  case python
  case c

  /// Where its OCI layout is kept between runs.
  func layout() async throws -> String {
    let folder = cacheFolder()
    let layout = "\(folder)/\(rawValue)"
    if access(layout + "/index.json", F_OK) == 0 { return layout }
    try makeFolders(FilePath(folder))
    switch self {
    case .busybox:
      // Made aside and renamed: two runs at once then do no harm.
      let aside = "\(folder)/.busybox.\(UInt64.random(in: 0...UInt64.max))"
      try await runTool(["\(repositoryTop)/scripts/images/busybox", aside])
      if rename(aside, layout) != 0 { try removeTree(FilePath(aside)) }
    case .nginx, .redis:
      try await runTool(
        ["\(repositoryTop)/scripts/images/web-cache", folder], within: .seconds(300))
    case .python, .c:
      try await runTool(
        ["\(repositoryTop)/scripts/images/build-cache", folder], within: .seconds(400))
    }
    return layout
  }

  /// Whether it costs no minutes to have this image: it was made before, or CI asks for everything.
  package var isAtHand: Bool {
    self == .busybox || variable("CI") == "true"
      || access("\(cacheFolder())/\(rawValue)/index.json", F_OK) == 0
  }

  private func cacheFolder() -> String {
    let cache = variable("XDG_CACHE_HOME") ?? (variable("HOME") ?? "/tmp") + "/.cache"
    return cache + "/berth-test-images"
  }
}

/// The top of the repository, three steps above this file.
package let repositoryTop = #filePath.split(separator: "/", omittingEmptySubsequences: false)
  .dropLast(3).joined(separator: "/")

func variable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}

/// Runs a program of this machine in the caller's environment; a failure when it does not succeed.
@discardableResult
func runTool(_ arguments: [String], within limit: Duration = .seconds(60)) async throws
  -> CommandResult
{
  let path = variable("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"
  let result = try await Command(
    arguments, folder: "/", environment: ["PATH": path, "HOME": variable("HOME") ?? "/"]
  ).wait(within: limit)
  guard result.exitCode == 0 else { throw TestFailure(result.description) }
  return result
}

package final class Registry: Sendable {
  /// `127.0.0.1:40123`
  package let address: String
  private let process: Command
  /// What skopeo needs to get in.
  private let options: [String]

  private init(address: String, process: Command, isOpen: Bool) {
    self.address = address
    options = isOpen ? [] : ["--dest-creds", "\(RegistryDoor.user):\(RegistryDoor.secret)"]
    self.process = process
  }

  /// The registry of all scenarios that do it no harm: filled once for each image, ends with the
  /// tests.
  package static func shared(with image: TestImage) async throws -> (Registry, String) {
    try await SharedRegistry.only.holding(image)
  }

  /// Starts a registry that keeps its data in `folder`.
  /// - Parameters:
  ///   - keys: to speak TLS with; nil is plain http.
  ///   - needsClient: TLS clients show a certificate of the same authority.
  package static func start(
    in folder: String, keys: RegistryKeys? = nil, needsClient: Bool = false,
    door: RegistryDoor = .open
  ) async throws -> Registry {
    var more = ""
    if let keys {
      let clients = needsClient ? ", clientcas: [\"\(keys.authority)\"]" : ""
      more += ", tls: {certificate: \"\(keys.certificate)\", key: \"\(keys.key)\"\(clients)}"
    }
    more += "}\n"
    switch door {
    case .open: break
    case .password:
      try makeFolders(FilePath(folder))
      try write(RegistryDoor.entry, to: folder + "/users")
      more += "auth: {htpasswd: {realm: tests, path: \"\(folder)/users\"}}"
    case .token(let server):
      more += """
        auth: {token: {realm: "\(server.realm)", service: tests, issuer: tests,
        rootcertbundle: "\(server.keys.folder)/sign.crt"}}
        """
    }
    return try await start(
      in: folder, command: ["docker-registry", "serve", "\(folder)/config.yml"], http: more)
  }

  /// `registry.localhost:40123`: the same registry by a name that is not loopback's.
  package var namedAddress: String {
    RegistryKeys.host + address.dropFirst(address.prefix { $0 != ":" }.count)
  }

  /// Starts one that ends soon after this process, however that ends, and takes its folder along.
  fileprivate static func startForTheRun() async throws -> Registry {
    var template = Array("/tmp/berth-registry-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let script = """
      docker-registry serve '\(folder)/config.yml' &
      tail --pid=\(getpid()) --sleep-interval=0.2 -f /dev/null
      kill $!
      rm -rf '\(folder)'
      """
    return try await start(in: folder, command: ["sh", "-c", script])
  }

  /// - Parameter more: the rest of the section `http`, and sections behind it.
  private static func start(in folder: String, command: [String], http more: String = "}")
    async throws -> Registry
  {
    try makeFolders(FilePath(folder))
    let configuration = """
      version: 0.1
      log: {level: info, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: "\(folder)/data"}, delete: {enabled: true}}
      http: {addr: "127.0.0.1:0", secret: "only for an hour"\(more)
      """
    try write(configuration, to: "\(folder)/config.yml")
    let process = try Command(
      command, folder: folder,
      environment: ["PATH": variable("PATH") ?? "/usr/bin"])
    var address: String?
    try await eventually("an address in the registry's log") {
      address = listeningAddress(in: process.errorSoFar + process.outputSoFar)
      return address != nil || !process.isRunning
    }
    guard let address else { throw TestFailure("docker-registry: \(process.errorSoFar)") }
    return Registry(address: address, process: process, isOpen: !more.contains("auth:"))
  }

  /// The kernel chose the port; the registry tells it in its log.
  private static func listeningAddress(in log: String) -> String? {
    let words = log.split(whereSeparator: { " \"\n".contains($0) })
    guard let index = words.firstIndex(of: "listening"), index + 2 < words.count else { return nil }
    return String(words[index + 2].prefix { $0 != "," })
  }

  /// Pushes an image as `name` (`busybox:latest`) and returns its full reference.
  @discardableResult
  package func push(_ image: TestImage, as name: String? = nil) async throws -> String {
    let reference = "\(address)/\(name ?? image.rawValue + ":latest")"
    try await runTool(
      [
        "skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false",
      ] + options + ["oci:" + image.layout(), "docker://" + reference])
    return reference
  }

  /// Pushes whatever lies in an OCI image layout.
  package func push(layout: String, as name: String) async throws {
    try await runTool(
      [
        "skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false",
      ] + options + ["oci:" + layout, "docker://\(address)/\(name)"])
  }

  /// What it has logged: one line for each request that it answered.
  package var log: String { process.errorSoFar + process.outputSoFar }

  /// Ends the registry, at once, as a power cut would.
  package func stop() async throws {
    process.signal(SIGKILL)
    _ = try await process.wait(within: .seconds(5))
  }
}

private actor SharedRegistry {
  static let only = SharedRegistry()
  private var started: Task<Registry, any Error>?
  private var pushes: [TestImage: Task<String, any Error>] = [:]

  func holding(_ image: TestImage) async throws -> (Registry, String) {
    let starting = started ?? Task { try await Registry.startForTheRun() }
    started = starting
    let registry = try await starting.value
    let pushing = pushes[image] ?? Task { try await registry.push(image) }
    pushes[image] = pushing
    return (registry, try await pushing.value)
  }
}
