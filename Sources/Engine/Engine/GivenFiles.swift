// The secrets and configs of a container: where each comes from and goes, what of it can be kept, and
// what is handed over at each start because it must not stand anywhere.

import Blueprint
import CLinux
import Compose
import Diagnostics
import Glibc
import Linux
import OCI
import Store
import SystemPackage

/// What a service is granted, with the definition of the top level.
private struct Grant {
  var kind: GivenFile.Kind
  var grant: FileGrant
  var resource: FileResource

  /// Below /run/secrets, or the root, unless it says otherwise.
  var target: String {
    let folder = kind == .secret ? "/run/secrets/" : "/"
    let target = grant.target ?? grant.source
    return target.hasPrefix("/") ? target : folder + target
  }

  var label: String { "\(kind.rawValue) `\(resource.key)`" }
}

/// What cannot be given to a service.
private struct GrantFault: Error {
  var message: String
  var span: SourceSpan?
  var hint: String?
}

extension Session {
  private func grants(_ service: Service, _ project: Project) -> [Grant] {
    func pair(_ kind: GivenFile.Kind, _ grants: [FileGrant], _ all: [FileResource]) -> [Grant] {
      grants.compactMap { grant in
        // One that is not defined was refused with the file.
        all.first { $0.key == grant.source }.map { Grant(kind: kind, grant: grant, resource: $0) }
      }
    }
    return pair(.secret, service.secrets, project.secrets)
      + pair(.config, service.configs, project.configs)
  }

  /// All that is wrong with what these services are granted, before anything is made.
  ///
  /// - Parameter made: services of which a container is made; of the others one is started as it is.
  func checkGivenFiles(of services: [Service], made: Set<String>, in project: Project) throws {
    var faults: [Diagnostic] = []
    for service in services {
      for grant in grants(service, project) {
        if !made.contains(service.name), grant.kind == .config, !grant.resource.isFile { continue }
        do {
          _ = try file(grant)
        } catch let fault as GrantFault {
          faults.append(
            Diagnostic(
              "service `\(service.name)`: \(fault.message)", span: fault.span, hint: fault.hint))
        }
      }
    }
    if !faults.isEmpty { throw Faults(faults) }
  }

  /// The files of a new container. Those of configs without a file are written to its folder.
  func makeGivenFiles(of service: Service, in project: Project, container id: String) throws
    -> [GivenFile]
  {
    var files: [GivenFile] = []
    let folder = layout.container(id).appending("files")
    for grant in grants(service, project) {
      let (file, content) = try grantedFile(grant, service)
      if case .kept(let name) = file.source, let content {
        try makeFolders(folder)
        try writeFile(content, to: folder.appending(name), .volatile)
      }
      files.append(file)
    }
    return files
  }

  private func grantedFile(_ grant: Grant, _ service: Service) throws -> (GivenFile, [UInt8]?) {
    do {
      return try file(grant)
    } catch let fault as GrantFault {
      throw Faults([
        Diagnostic(
          "service `\(service.name)`: \(fault.message)", span: fault.span, hint: fault.hint)
      ])
    }
  }

  /// What the container is given, and its content where that is to be kept.
  private func file(_ grant: Grant) throws -> (GivenFile, [UInt8]?) {
    let source: GivenFile.Source
    var content: [UInt8]?
    switch grant.resource.origin {
    case .file(let path):
      source = .host(path: Bytes(path))
    case .content(let text):
      source = .kept(name: grant.keptName)
      content = Array(text.utf8)
    case .environment(let variable):
      guard let value = value(of: grant.resource, variable) else {
        throw GrantFault(
          message: "environment variable `\(variable)` required by \(grant.label) is not set",
          span: grant.resource.span, hint: "set it, or give it a value in `.env`")
      }
      source = grant.kind == .secret ? .handed(variable: variable) : .kept(name: grant.keptName)
      content = value
    case .external, .undeclared:
      throw GrantFault(
        message: "\(grant.label) is kept elsewhere, and berth has nothing to ask for it",
        span: grant.resource.span, hint: "give it a `file` or an `environment`")
    }
    var file = GivenFile(
      kind: grant.kind, name: grant.resource.key, source: source, target: Bytes(grant.target))
    file.uid = try id(grant.grant.uid, "uid", grant)
    file.gid = try id(grant.grant.gid, "gid", grant)
    file.mode = grant.grant.mode
    try checkPath(file, grant)
    return (file, content)
  }

  private func id(_ text: String?, _ name: String, _ grant: Grant) throws -> UInt32? {
    guard let text, !text.isEmpty else { return nil }
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), let id = UInt32(text), id <= 0x7FFF_FFFF
    else {
      throw GrantFault(
        message: "\(name) of \(grant.label) must be a number from 0 to 2147483647, not `\(text)`",
        span: grant.grant.span, hint: "names of users are known inside the image alone")
    }
    return id
  }

  private func checkPath(_ file: GivenFile, _ grant: Grant) throws {
    guard case .host(let path) = file.source else { return }
    var status = stat()
    if stat(path.text, &status) != 0 {
      let reason = Errno.current
      throw GrantFault(
        message: "the file of \(grant.label) "
          + (reason == .noSuchFileOrDirectory
            ? "is missing: \(path.text)" : "cannot be read: \(path.text): \(reason.text)"),
        span: grant.resource.span, hint: nil)
    }
    if file.isCopied, status.st_mode & S_IFMT != S_IFREG {
      throw GrantFault(
        message: "\(grant.label) is no file, so it cannot have a uid, gid or mode: \(path.text)",
        span: grant.grant.span, hint: "name a file, or remove them")
    }
  }

  // MARK: - Values

  /// The values that a start hands to the container's shim, in order.
  func handedValues(_ blueprint: ContainerBlueprint) throws -> [SharedDescriptor] {
    try blueprint.handedFiles.map { file in
      guard case .handed(let variable) = file.source else { return nil }
      let resource = loaded?.project.secrets.first {
        $0.key == file.name && $0.origin == .environment(variable)
      }
      guard let value = value(of: resource, variable) else {
        throw Faults([
          Diagnostic(
            "environment variable `\(variable)` required by \(file.label) of `\(blueprint.name)` "
              + "is not set",
            span: resource?.span,
            hint: "set it for this command: its value is kept nowhere")
        ])
      }
      return SharedDescriptor(try .sealedMemory(file.kind.rawValue, value))
    }.compactMap { $0 }
  }

  func value(of resource: FileResource?, _ variable: String) -> [UInt8]? {
    let text =
      resource?.value ?? loaded?.environment[variable] ?? request.environment[variable]
    guard let text else { return nil }
    // A value that is no UTF-8 was repaired on its way into a `String`; as it was it is still here.
    if text.contains("\u{FFFD}"), let raw = getenv(variable), String(cString: raw) == text {
      return Array(UnsafeBufferPointer(start: raw, count: strlen(raw))).map(UInt8.init(bitPattern:))
    }
    return Array(text.utf8)
  }
}

extension Grant {
  /// Short, and a name for a file whatever the target is.
  fileprivate var keptName: String {
    String(Digest(of: Array("\(kind.rawValue) \(target)".utf8)).hex.prefix(16))
  }
}

extension FileResource {
  fileprivate var isFile: Bool {
    if case .file = origin { true } else { false }
  }
}
