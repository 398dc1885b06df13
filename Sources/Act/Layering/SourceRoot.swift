// Where files are copied from: a folder of the host, layers put together for reading, or files that came
// with the job, which get a folder in memory so that all are one.

import Blueprint
import CLinux
import ContainerInit
import Control
import Glibc
import Linux
import SystemPackage

/// The source's root, open for reading.
func openSource(_ source: LayerSource) throws -> SharedDescriptor {
  switch source {
  case .folder(let path, _, _):
    let flags = O_RDONLY | O_DIRECTORY
    return SharedDescriptor(try Descriptor.open(filePath(path.raw), flags))
  case .layers(let layers):
    return try readable(layers.isEmpty ? makeMemoryFolder() : mountLayers(layers))
  case .files(let files):
    let folder = try makeMemoryFolder()
    for file in files { try write(file, in: folder.raw) }
    return try readable(folder)
  }
}

func readable(_ folder: SharedDescriptor) throws(SystemCallError) -> SharedDescriptor {
  SharedDescriptor(try openChild([0x2E, 0], in: folder.raw, O_RDONLY | O_DIRECTORY))
}

/// A NUL ends it.
func filePath(_ bytes: [UInt8]) -> FilePath {
  (bytes + [0]).withUnsafeBytes { bytes in
    guard let base = bytes.assumingMemoryBound(to: CChar.self).baseAddress else {
      preconditionFailure("it has a NUL at least")
    }
    return FilePath(platformString: base)
  }
}

private func write(_ file: LayerFile, in folder: CInt) throws {
  let name = file.name.raw
  guard !name.isEmpty, !name.contains(slash), !name.contains(0) else {
    throw LayerFailure("`\(file.name.text)` is not a name for a file")
  }
  let flags = O_WRONLY | O_CREAT | O_EXCL
  let made = try openChild(name + [0], in: folder, flags, mode: file.mode & 0o7777)
  try made.writeAll(file.content.raw)
  let time = timespec(tv_sec: Int(file.modified), tv_nsec: 0)
  let times = [time, time]
  try checking("futimens", file.name.text) { futimens(made.raw, times) }
}
