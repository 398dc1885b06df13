// `berth cp`: files and folders between containers and this machine.

import ArgumentParser
import Console
import Engine

struct CopyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp", abstract: "Copy files between containers and this machine",
    usage: """
      berth cp [options] SERVICE:PATH DEST|-
      berth cp [options] SRC|- SERVICE:PATH
      """,
    discussion: """
      Containers may run or not. `-` is a tar stream. A folder is copied into one that is there, and \
      makes one that is not; `FOLDER/.` is what is in it. To a service without `--index`, files go to \
      each of its containers.
      """)

  @Flag(help: "Include containers that `run` has made")
  var all = false
  @Flag(name: .shortAndLong, help: "Keep owners, and the bits that change them")
  var archive = false
  @Flag(name: [.customShort("L"), .long], help: "Follow a link at the end of the source's path")
  var followLink = false
  @Option(help: "Number of the container")
  var index = 0
  @Argument(
    help: "SERVICE:PATH, a path, or `-`", completion: .custom(completeServicesOrFiles))
  var source: String
  @Argument(
    help: "SERVICE:PATH, a path, or `-`", completion: .custom(completeServicesOrFiles))
  var destination: String

  func run() async throws {
    let invocation = try Invocation.now()
    var request = try request(in: invocation.workingDirectory)
    request.index = index
    request.includesOneOffs = all
    request.keepsOwners = archive
    request.followsLinks = followLink
    if request.hostPath == "-", request.direction == .out, Output.standard.isTerminal {
      throw UsageFault(
        "an archive is not written to a terminal", hint: "redirect it, or name a folder")
    }
    if index > 0, all {
      throw UsageFault("`--index` and `--all` are incompatible")
    }
    let work = try invocation.open("cp", file: .optional)
    do {
      try await finishing(work.progress) { try await work.session.copy(request) }
    }
  }

  private func request(in folder: String) throws -> CopyRequest {
    switch (CopyPlace(source), CopyPlace(destination)) {
    case (.container, .container):
      throw UsageFault(
        "copying between services is not supported", hint: "copy to this machine first")
    case (.host, .host):
      throw UsageFault(
        "neither `\(source)` nor `\(destination)` names a service", hint: "write SERVICE:PATH")
    case (.container(let service, let path), .host(let host)):
      return CopyRequest(
        direction: .out, service: service, containerPath: path,
        hostPath: absolute(host, in: folder))
    case (.host(let host), .container(let service, let path)):
      return CopyRequest(
        direction: .into, service: service, containerPath: path,
        hostPath: absolute(host, in: folder))
    }
  }

  /// What ends a path says something, so nothing of it is tidied away.
  private func absolute(_ path: String, in folder: String) -> String {
    path == "-" || path.hasPrefix("/") ? path : folder + "/" + path
  }
}

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a container's file system as a tar archive",
    discussion: "Without volumes and whatever else is mounted in it. It may run or not.")

  @Option(help: "Number of the container")
  var index = 0
  @Option(name: .shortAndLong, help: "A file, instead of standard output")
  var output: String?
  @Argument(help: "Service", completion: .custom(completeServices))
  var service: String

  func run() async throws {
    let invocation = try Invocation.now()
    if output == nil, Output.standard.isTerminal {
      throw UsageFault(
        "an archive is not written to a terminal", hint: "redirect it, or name a file with -o")
    }
    var request = CopyRequest(
      direction: .whole, service: service, containerPath: "/", hostPath: "-")
    request.index = index
    let work = try invocation.open("export", file: .optional)
    try await finishing(work.progress) {
      try await work.session.export(request, to: output)
    }
  }
}

/// One end of a copy as it was typed. A path with a colon in it begins with `/` or `.`.
private enum CopyPlace {
  case container(service: String, path: String)
  case host(String)

  init(_ word: String) {
    guard !word.hasPrefix("/"), !word.hasPrefix("."), let colon = word.firstIndex(of: ":"),
      colon > word.startIndex
    else {
      self = .host(word)
      return
    }
    self = .container(
      service: String(word[..<colon]), path: String(word[word.index(after: colon)...]))
  }
}
