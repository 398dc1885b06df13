// `berth save`, `berth load` and `berth import`: images out to a file and in from one.

import ArgumentParser
import Blueprint
import Console
import Engine

struct SaveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "save", abstract: "Write images to a tar file",
    discussion: """
      The file is an OCI layout and a docker archive at once. The same images give the same bytes.
      """)

  @Option(
    name: .shortAndLong,
    help: "The file, which is there whole or not at all; standard output if none",
    completion: .file(extensions: ["tar"]))
  var output: String?
  @Argument(help: "Images", completion: .custom(completeImages))
  var images: [String]

  func run() async throws {
    let invocation = try Invocation.now()
    let stock = try invocation.stock("save")
    if let output {
      try await stock.save(images, toFile: output, in: invocation.workingDirectory)
      return
    }
    guard !Output.standard.isTerminal else {
      throw UsageFault(
        "an archive is not written to a terminal", hint: "name a file with -o, or redirect")
    }
    try await stock.save(images, to: try standardOutput())
  }
}

struct LoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Bring in images from a file",
    discussion: """
      Takes docker archives and OCI layouts: tar files, plain or compressed by gzip or zstd, and \
      folders. Everything in them is verified; of a bad archive nothing is kept.
      """)

  @Option(
    name: .shortAndLong, help: "The file, or a folder with an OCI layout; standard input if none",
    completion: .file())
  var input: String?
  @Option(help: "Out of an image for several platforms the one for this")
  var platform: String?
  @Flag(name: .shortAndLong, help: "No progress")
  var quiet = false

  func run() async throws {
    let invocation = try Invocation.now()
    let stock = try invocation.stock("load")
    let progress = Progress(
      quiet ? .quiet : invocation.progressMode, title: "load", style: invocation.errorStyle)
    let images = try await finishing(progress) {
      try await stock.load(
        file: input, in: invocation.workingDirectory, input: try standardInput(),
        platform: platform
      ) { progress.show($0) }
    }
    for image in images {
      if image.names.isEmpty { Output.standard.line("Loaded image ID: \(image.id)") }
      for name in image.names { Output.standard.line("Loaded image: \(name)") }
    }
  }
}

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Make an image of one layer from a root file system",
    discussion: "The file is a tar file, plain or compressed by gzip or zstd.")

  @Option(
    name: .shortAndLong,
    help: """
      An instruction for the image: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, \
      WORKDIR
      """)
  var change: [String] = []
  @Option(name: .shortAndLong, help: "What the image's history says of it")
  var message: String?
  @Option(help: "What the image is for; this machine if not said")
  var platform: String?
  @Argument(help: "A tar file; `-` is standard input", completion: .file())
  var file: String
  @Argument(help: "REPOSITORY[:TAG]", completion: .custom(completeImages))
  var name: String?

  func run() async throws {
    if file.hasPrefix("http://") || file.hasPrefix("https://") {
      throw UsageFault(
        "`\(file)` is a URL, and berth imports files",
        hint: "pipe it in: `curl -fL URL | berth import - \(name ?? "NAME")`")
    }
    let invocation = try Invocation.now()
    var request = ImportRequest(path: file, folder: invocation.workingDirectory, name: name)
    request.changes = change
    request.message = message
    request.platform = platform
    let input = file == "-" ? try standardInput() : nil
    let id = try await invocation.stock("import").importImage(
      request, input: input, stamp: Session.now().rfc3339)
    Output.standard.line(id)
  }
}
