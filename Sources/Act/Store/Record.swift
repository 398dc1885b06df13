// One JSON record in one file: written aside and renamed, so that a reader sees old or new.

package import Blueprint
import CLinux
import Glibc
import JSON
package import Linux
package import SystemPackage

package enum Durability: Sendable {
  /// Survives power loss: file and folder are synced.
  case durable
  /// Survives the end of any process; a power loss may leave the record empty or old.
  case volatile
}

/// Reads and decodes a record; nil when there is none.
/// - Throws: `SystemCallError` when it cannot be read, `JSONError` when it is not the record.
package func readRecord<T: Decodable>(_ type: T.Type, at path: FilePath) throws -> T? {
  guard let bytes = try readFile(path, limit: 8 << 20) else { return nil }
  return try JSONValue(parsing: bytes).decode(type)
}

/// A container's blueprint, read as its shim reads it: what older records lack has its default.
package func readBlueprintRecord(at path: FilePath) throws -> ContainerBlueprint? {
  guard let bytes = try readFile(path, limit: 8 << 20) else { return nil }
  return try ContainerBlueprint(json: JSONValue(parsing: bytes))
}

/// The bytes of a file, nil when it is missing; EFBIG above `limit`.
package func readFile(_ path: FilePath, limit: Int) throws(SystemCallError) -> [UInt8]? {
  do {
    return try Descriptor.open(path, O_RDONLY | O_NOFOLLOW).readAll(limit: limit)
  } catch  where error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory {
    return nil
  }
}

package func writeRecord(
  _ value: some Encodable, to path: FilePath, _ durability: Durability
) throws {
  try writeFile(JSONValue(encoding: value).bytes(), to: path, durability)
}

/// Writes `<path>.new` with mode 0600 and renames it over `path`. There is one writer for each file.
package func writeFile(_ bytes: [UInt8], to path: FilePath, _ durability: Durability)
  throws(SystemCallError)
{
  let aside = FilePath(path.string + ".new")
  let file = try Descriptor.open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
  try file.writeAll(bytes)
  if durability == .durable { try checking("fsync", aside.string) { fsync(file.raw) } }
  try checking("rename", path.string) {
    aside.withPlatformString { from in path.withPlatformString { rename(from, $0) } }
  }
  if durability == .durable {
    let folder = try Descriptor.open(path.removingLastComponent(), O_RDONLY | O_DIRECTORY)
    try checking("fsync", path.removingLastComponent().string) { fsync(folder.raw) }
  }
}

/// Removes a file; one that is missing is no error.
package func removeFile(_ path: FilePath) throws(SystemCallError) {
  if path.withPlatformString({ unlink($0) }) == 0 { return }
  let reason = Errno.current
  if reason != .noSuchFileOrDirectory { throw SystemCallError("unlink", path.string, reason) }
}
