// The compose files of a project, read from the disk.

import Blueprint
import CLinux
import Compose
import Diagnostics
import Glibc
import Host
import Linux
import Store
import SystemPackage

/// Largest compose or env file that is read.
private let fileLimit = 16 << 20

/// The disk as the loader sees it.
struct DiskReader: ComposeReader {
  var trace: (@Sendable (String) -> Void)?

  func read(_ path: String) throws(ComposeReadFault) -> [UInt8] {
    let bytes = try contents(of: path)
    trace?("read \(path), \(bytes.count) bytes")
    return bytes
  }

  private func contents(of path: String) throws(ComposeReadFault) -> [UInt8] {
    do throws(SystemCallError) {
      if path == "-" {
        return try Descriptor.open("/dev/stdin", O_RDONLY).readAll(limit: fileLimit)
      }
      return try Descriptor.open(FilePath(path), O_RDONLY | O_NOCTTY).readAll(limit: fileLimit)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory, .notDirectory: throw .missing
      case .isDirectory: throw .isFolder
      case .permissionDenied: throw .denied
      case .fileTooLarge: throw .tooLarge
      default: throw .other(error.errno.text)
      }
    }
  }

  func kind(_ path: String) -> ComposePathKind {
    var status = stat()
    guard stat(path, &status) == 0 else { return .missing }
    return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }

  func resolvingLinks(_ path: String) -> String {
    if let resolved = realpath(path, nil) {
      defer { free(resolved) }
      return String(cString: resolved)
    }
    // What is not there yet is below something that is.
    guard let cut = path.lastIndex(of: "/"), cut > path.startIndex else { return path }
    return resolvingLinks(String(path[..<cut])) + path[cut...]
  }

  /// S-64: a folder that another user can fill must not choose what root runs.
  func isTrusted(_ folder: String) -> Bool {
    var status = stat()
    guard stat(folder, &status) == 0 else { return false }
    let caller = HostProfile.callerID
    return status.st_uid == 0 || status.st_uid == caller
      || caller == 0 && sudoUser() == status.st_uid
  }

  /// Under sudo the files are the calling user's.
  private func sudoUser() -> UInt32? { getenv("SUDO_UID").flatMap { UInt32(String(cString: $0)) } }
}

/// The `COMPOSE_…` variables that the project's `.env` adds to the environment. Reads one small file
/// where there is one; says nothing of what is wrong with it.
package func projectSettings(_ request: SessionRequest) -> [String: String] {
  ProjectLoader.settings(projectOptions(request), reading: DiskReader(trace: request.trace))
}

func projectOptions(_ request: SessionRequest) -> ProjectOptions {
  var options = ProjectOptions(
    workingDirectory: request.workingDirectory, environment: request.environment)
  options.files = request.files
  options.projectName = request.projectName
  options.projectDirectory = request.projectDirectory
  options.envFiles = request.envFiles
  options.profiles = request.profiles
  options.services = request.services
  options.keepsUnusedResources = request.keepsUnusedResources
  return options
}

/// Loads the project and tells its name. Where the verb needs no file and there is none, the given
/// name is enough.
func loadProject(_ request: SessionRequest) throws -> (LoadedProject?, String) {
  if request.file == .unused { return (nil, "") }
  let options = projectOptions(request)
  if request.file == .optional, request.files.isEmpty,
    let name = request.projectName ?? request.environment["COMPOSE_PROJECT_NAME"],
    isProjectName(name), !ProjectLoader.hasFiles(options, reading: DiskReader(trace: request.trace))
  {
    return (nil, name)
  }
  let loaded = try ProjectLoader.load(options, reading: DiskReader(trace: request.trace))
  return (loaded, loaded.project.name)
}
