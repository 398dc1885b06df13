// Where a copy comes from and goes: the rules of `docker cp` for trailing slashes, `/.`, folders and
// files that are there or not.

package import Diagnostics
import CLinux
import Glibc
import Linux
import SystemPackage

/// What is copied, and by which name.
package struct CopySource {
  let handle: SharedDescriptor
  let status: FileStatus
  /// `.` where the contents of a folder are meant, not the folder.
  package let name: [UInt8]
}

/// The folder that is copied into, and the name that what is copied gets there.
package struct CopyTarget {
  let folder: SharedDescriptor
  package let name: [UInt8]
}

package enum CopyFault: Diagnosable, Hashable {
  case missing(String)
  case notFolder(String)
  case folderOverFile(String)
  case streamNeedsFolder(String)
  case folderMissing(String)
  case clash(String, isFolder: Bool)
  case badName(String)
  case tooDeep(String)
  case changed(String)
  case unlayerable(String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .missing(let path): [Diagnostic("no such file or directory: `\(path)`")]
    case .notFolder(let path): [Diagnostic("not a directory: `\(path)`")]
    case .folderOverFile(let path):
      [Diagnostic("cannot copy a directory onto a file: `\(path)`")]
    case .streamNeedsFolder(let path):
      [Diagnostic("a tar stream goes into a directory, and `\(path)` is none")]
    case .folderMissing(let path):
      [
        Diagnostic(
          "no such directory: `\(path)`",
          hint: "make it first, or leave out the slash at the end to copy to a file of this name")
      ]
    case .clash(let path, true):
      [Diagnostic("cannot overwrite a non-directory with a directory: `\(path)`")]
    case .clash(let path, false):
      [Diagnostic("cannot overwrite a directory with a non-directory: `\(path)`")]
    case .badName(let path): [Diagnostic("`\(path)` is no name in an archive to unpack")]
    case .tooDeep(let path): [Diagnostic("folders are nested too deeply at `\(path)`")]
    case .changed(let path): [Diagnostic("`\(path)` changed while it was copied")]
    case .unlayerable(let path):
      [
        Diagnostic(
          "a layer of an image cannot hold `\(path)`",
          hint: "names that begin with `.wh.` stand for removed files there: rename it")
      ]
    }
  }
}

/// A path as it was typed, taken apart at its last name.
private struct TypedPath {
  let whole: [UInt8]
  let parent: [UInt8]
  let base: [UInt8]
  /// Ends with a slash or with `.`: a folder is meant.
  let isOfFolder: Bool
  /// Ends with `.` or `..`, or is the root: the contents are meant.
  let isOfContents: Bool

  init(_ path: [UInt8]) {
    let slash = UInt8(ascii: "/")
    whole = path
    var rest = path[...]
    while rest.count > 1, rest.last == slash { rest = rest.dropLast() }
    let last = Array(rest.split(separator: slash, omittingEmptySubsequences: true).last ?? [])
    let dots = [Array(".".utf8), Array("..".utf8)]
    isOfContents = last.isEmpty || dots.contains(last)
    isOfFolder = isOfContents || path.last == slash
    // `/a/b/.` is called `b`.
    var named = rest
    while named.count > 1, dots[0].elementsEqual(named.suffix(1)),
      named.dropLast().last == slash
    {
      named = named.dropLast()
      while named.count > 1, named.last == slash { named = named.dropLast() }
    }
    base = Array(named.split(separator: slash, omittingEmptySubsequences: true).last ?? [])
    let folder = named.dropLast(base.count)
    parent = folder.isEmpty ? Array(".".utf8) : Array(folder)
  }
}

extension CopyTree {
  /// What `path` names. A link is copied as a link, unless it is to be followed.
  package func source(_ path: [UInt8], followsLinks: Bool) throws -> CopySource {
    let typed = TypedPath(path)
    do throws(SystemCallError) {
      let handle: SharedDescriptor
      if typed.isOfFolder || followsLinks {
        handle = try open(path, O_PATH)
      } else {
        let parent = try open(typed.parent, O_PATH | O_DIRECTORY)
        guard let found = try look(typed.base, in: parent) else {
          throw SystemCallError("open", "", .noSuchFileOrDirectory)
        }
        handle = found
      }
      let status = try status(handle)
      if typed.isOfFolder, status.kind != .folder {
        throw SystemCallError("open", "", .notDirectory)
      }
      return CopySource(
        handle: handle, status: status,
        name: typed.isOfContents ? Array(".".utf8) : typed.base)
    } catch {
      throw fault(error, path)
    }
  }

  /// Where `source` goes when it is copied to `path`.
  package func target(_ path: [UInt8], for source: CopySource) throws -> CopyTarget {
    let typed = TypedPath(path)
    do throws(SystemCallError) {
      if let existing = try existing(path) {
        if try status(existing).kind == .folder {
          return CopyTarget(folder: existing, name: source.name)
        }
      }
    } catch {
      throw fault(error, path)
    }
    let (folder, name, found) = try final(typed)
    if let found {
      if typed.isOfFolder, found.kind != .folder { throw CopyFault.notFolder(shown(path)) }
      if source.status.kind == .folder { throw CopyFault.folderOverFile(shown(path)) }
    } else if typed.isOfFolder, source.status.kind != .folder {
      throw CopyFault.folderMissing(shown(path))
    }
    return CopyTarget(folder: folder, name: name)
  }

  /// The folder that a tar stream goes into.
  package func streamTarget(_ path: [UInt8]) throws -> CopyTarget {
    do throws(SystemCallError) {
      let folder = try open(path, O_PATH)
      guard try status(folder).kind == .folder else {
        throw SystemCallError("open", "", .isDirectory)
      }
      return CopyTarget(folder: folder, name: Array(".".utf8))
    } catch  where error.errno == .isDirectory {
      throw CopyFault.streamNeedsFolder(shown(path))
    } catch {
      throw fault(error, path)
    }
  }

  private func existing(_ path: [UInt8]) throws(SystemCallError) -> SharedDescriptor? {
    do throws(SystemCallError) {
      return try open(path, O_PATH)
    } catch  where error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory {
      return nil
    }
  }

  /// The folder and name that a path ends at once its last links are followed, and what is there.
  private func final(_ typed: TypedPath) throws -> (SharedDescriptor, [UInt8], FileStatus?) {
    var path = typed
    for _ in 0..<40 {
      do throws(SystemCallError) {
        let parent = try open(path.parent, O_PATH | O_DIRECTORY)
        // Nothing of the sort is looked up in a handle: it would lead out.
        if path.isOfContents { throw SystemCallError("open", "", .noSuchFileOrDirectory) }
        guard !path.base.isEmpty, let found = try look(path.base, in: parent) else {
          return (parent, path.base, nil)
        }
        let status = try status(found)
        guard status.kind == .link else { return (parent, path.base, status) }
        let target = try linkTarget(found)
        let isAbsolute = target.first == UInt8(ascii: "/")
        path = TypedPath(isAbsolute ? target : path.parent + [UInt8(ascii: "/")] + target)
      } catch {
        throw fault(error, path.parent)
      }
    }
    throw fault(SystemCallError("open", "", .tooManySymbolicLinkLevels), typed.whole)
  }

  private func fault(_ error: SystemCallError, _ path: [UInt8]) -> any Error {
    switch error.errno {
    case .noSuchFileOrDirectory: CopyFault.missing(shown(path))
    case .notDirectory: CopyFault.notFolder(shown(path))
    default: SystemCallError(error.call, shown(path), error.errno)
    }
  }
}
