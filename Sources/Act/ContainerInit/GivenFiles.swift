// Secrets and configs: files of the host bound read-only, all others written at each start to a small
// tmpfs of the container and bound from there. Values that were handed over are never on a disk.

import Blueprint
import CLinux
import Glibc
package import Linux
import SystemPackage

/// So many bytes may the copies of one container hold together: they are memory.
private let copiesLimit = 64 << 20

/// Attaches the files over all that is mounted. The host's tree is still the root, and private.
func attachFiles(_ request: LaunchRequest, in root: borrowing RootFolder) throws(LaunchFailure) {
  let files = request.blueprint.files
  if files.isEmpty { return }
  let contents = try readContents(files, request)
  // What leads here is in the host's tree, which is let go of; what is bound from it stays.
  let copies = try makeCopies(files, contents, request)
  for (index, file) in files.enumerated() {
    try refusePlace(file)
    try step(file.stage) { () throws(SystemCallError) in
      let source =
        file.isCopied
        ? try copies.openChild(FilePath("\(index)"), O_PATH | O_NOFOLLOW)
        : try Descriptor.open(file.hostPath, O_PATH)
      try bind(source, file, in: root)
    }
  }
}

extension GivenFile {
  fileprivate var stage: String { "giving \(label) as `\(target.text)`" }

  fileprivate var hostPath: FilePath {
    if case .host(let path) = source { path.path } else { FilePath() }
  }

  /// What only its copy may do: run, where its mode says so.
  fileprivate var flags: DetachedMount.Flags {
    let runs = !isCopied || (mode ?? 0) & 0o111 != 0
    return runs ? [.readOnly, .noSetuid, .noDevices] : [.readOnly, .inert]
  }
}

private func bind(
  _ source: borrowing Descriptor, _ file: GivenFile, in root: borrowing RootFolder
) throws(SystemCallError) {
  let isFolder = try source.status().st_mode & S_IFMT == S_IFDIR
  let tree = try DetachedMount.copy(of: source.raw, recursive: isFolder)
  try tree.set(file.flags, propagation: UInt64(MS_PRIVATE), recursive: true)
  let place = try root.ensure(file.target.path, isFolder ? .folder : .file)
  let kernel = [0x9fa0, 0x6265_6572]  // procfs, sysfs
  let status = try place.status()
  if kernel.contains(berth_filesystem_type(place.raw)) {
    throw SystemCallError("mount", "\(file.target.text) (the kernel's)", .notPermitted)
  }
  let top = try root.handle.status()
  if status.st_dev == top.st_dev, status.st_ino == top.st_ino {
    throw SystemCallError("mount", "\(file.target.text) (the root)", .notPermitted)
  }
  if (status.st_mode & S_IFMT == S_IFDIR) != isFolder {
    throw SystemCallError("mount", file.target.text, isFolder ? .notDirectory : .isDirectory)
  }
  try tree.attach(to: place)
}

private func refusePlace(_ file: GivenFile) throws(LaunchFailure) {
  let path = file.target.path.lexicallyNormalized()
  let isKernel = ["/proc", "/sys"].contains { path.starts(with: FilePath($0)) }
  if !path.isAbsolute || path.components.isEmpty || isKernel {
    throw LaunchFailure(stage: file.stage, message: "it cannot be a file of a container there")
  }
}

// MARK: - Copies

/// The contents of those that are copied, by their place in the list.
private func readContents(_ files: [GivenFile], _ request: LaunchRequest) throws(LaunchFailure)
  -> [Int: [UInt8]]
{
  var contents: [Int: [UInt8]] = [:]
  var handed = request.handedFiles[...]
  var left = copiesLimit
  for (index, file) in files.enumerated() where file.isCopied {
    let content = try step("reading \(file.label)") { () throws(SystemCallError) in
      switch file.source {
      case .host(let path):
        return try regularContent(.open(path.path, O_RDONLY | O_NONBLOCK | O_NOCTTY), left)
      case .kept(let name):
        let path = request.containerFolder.appending("files").appending(name)
        return try regularContent(.open(path, O_RDONLY | O_NOFOLLOW), left)
      case .handed(let variable):
        guard let memory = handed.popFirst() else {
          throw SystemCallError("read", "value of \(variable)", .noSuchFileOrDirectory)
        }
        return try memoryContent(memory, left)
      }
    }
    left -= content.count
    contents[index] = content
  }
  return contents
}

private func regularContent(_ file: consuming Descriptor, _ limit: Int) throws(SystemCallError)
  -> [UInt8]
{
  guard try file.status().st_mode & S_IFMT == S_IFREG else {
    throw SystemCallError("open", "no regular file", .invalidArgument)
  }
  return try file.readAll(limit: limit)
}

/// What memory holds that was handed over. By offset: the same memory serves every start of the container.
package func memoryContent(_ memory: CInt, _ limit: Int) throws(SystemCallError) -> [UInt8] {
  var status = stat()
  try checking("fstat") { fstat(memory, &status) }
  guard status.st_size <= limit else { throw SystemCallError("read", "", .fileTooLarge) }
  var content = [UInt8](repeating: 0, count: Int(status.st_size))
  var done = 0
  while done < content.count {
    let count = try retrying("pread") {
      content.withUnsafeMutableBytes { buffer in
        pread(memory, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(done))
      }
    }
    if count == 0 { break }
    done += count
  }
  return content
}

/// A tmpfs with the copies, named by their place in the list.
private func makeCopies(
  _ files: [GivenFile], _ contents: [Int: [UInt8]], _ request: LaunchRequest
) throws(LaunchFailure) -> Descriptor {
  try step("writing secrets and configs") { () throws(SystemCallError) in
    let folder = try Descriptor.open(request.containerFolder, O_PATH | O_DIRECTORY)
    if contents.isEmpty { return folder }
    let page = 4096
    let size = contents.values.reduce(16 * page) { $0 + ($1.count / page + 1) * page }
    let memory = try DetachedMount.make(
      "tmpfs", [("mode", "700"), ("size", "\(size)")], [.noSetuid, .noDevices])
    // Nothing can be bound from a file system that is attached nowhere.
    if mkdirat(folder.raw, "given", 0o700) != 0, Errno.current != .fileExists {
      throw SystemCallError("mkdir", "given", .current)
    }
    try memory.attach(to: folder.openChild("given", O_PATH | O_DIRECTORY | O_NOFOLLOW))
    for (index, content) in contents {
      let copy = try memory.root.openChild(
        FilePath("\(index)"), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
      try copy.writeAll(content)
      let file = files[index]
      try checking("fchown") { fchown(copy.raw, file.uid ?? 0, file.gid ?? 0) }
      try checking("fchmod") { fchmod(copy.raw, (file.mode ?? 0o444) & 0o7777) }
    }
    return try folder.openChild("given", O_PATH | O_DIRECTORY | O_NOFOLLOW)
  }
}
