// Who we are and what we may do here, decided once. The only code that asks for the user's id.

import CLinux
package import Diagnostics
import Glibc
import Linux
package import SystemPackage

/// Everything that differs between hosts and users, as data.
package struct HostProfile: Sendable {
  /// Durable things: images, volumes, records.
  package var state: FilePath
  /// What is gone after a reboot: sockets, states, locks.
  package var run: FilePath
  package var userID: UInt32
  /// Identifies this boot: /proc/sys/kernel/random/boot_id.
  package var bootID: String
  /// The folder that holds `berth` and the programs that it starts.
  package var programs: FilePath

  package var isPrivileged: Bool { userID == 0 }

  /// Who owns what this process makes, for those who ask before there is a profile.
  package static var callerID: UInt32 { geteuid() }
  package static var callerGroup: UInt32 { getegid() }

  /// What the first processor can do, in the kernel's words; empty where it does not say.
  package static func processorFlags() -> Set<Substring> {
    // Without them the images for every processor of the architecture are taken.
    guard let file = try? Descriptor.open("/proc/cpuinfo", O_RDONLY),
      let bytes = try? file.read(upTo: 16 << 10)
    else { return [] }
    let text = String(decoding: bytes, as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("flags") }
    let words = line?.split(whereSeparator: { " \t:".contains($0) }) ?? []
    return Set(words.dropFirst())
  }

  package var berth: FilePath { programs.appending("berth") }
  package var shim: FilePath { programs.appending("berth-shim") }
  package var unpacker: FilePath { programs.appending("berth-unpack") }

  /// - Parameter environment: of the caller; BERTH_STATE and BERTH_RUN override the folders.
  package init(environment: [String: String]) throws(HostError) {
    guard berth_is_secure_exec() == 0, getuid() == geteuid() else { throw .setuid }
    userID = geteuid()
    state = try Self.folder(
      environment["BERTH_STATE"], privileged: userID == 0, root: "/var/lib/berth",
      user: environment["XDG_DATA_HOME"] ?? environment["HOME"].map { $0 + "/.local/share" })
    run = try Self.folder(
      environment["BERTH_RUN"], privileged: userID == 0, root: "/run/berth",
      user: environment["XDG_RUNTIME_DIR"] ?? "/run/user/\(userID)")
    bootID = Self.readBootID()
    programs = Self.ownProgram().removingLastComponent()
  }

  private static func folder(
    _ override: String?, privileged: Bool, root: String, user: String?
  ) throws(HostError) -> FilePath {
    if let override, !override.isEmpty {
      let path = FilePath(override)
      guard path.isAbsolute else { throw .relativeFolder(override) }
      return path.lexicallyNormalized()
    }
    if privileged { return FilePath(root) }
    guard let user else { throw .noHome }
    return FilePath(user).appending("berth")
  }

  private static func readBootID() -> String {
    // Without /proc the records of this boot are simply never trusted after the process ends.
    let file = try? Descriptor.open("/proc/sys/kernel/random/boot_id", O_RDONLY)
    let bytes = (try? file?.readAll(limit: 256)) ?? []
    return String(decoding: bytes, as: UTF8.self).filter { $0.isHexDigit || $0 == "-" }
  }

  /// The program's own file, by the kernel's word, so that PATH cannot choose another shim.
  private static func ownProgram() -> FilePath {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return "/usr/local/bin/berth" }
    return FilePath(String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// Verbs that make or touch containers call this first: it asks for root, and sees to it that
  /// nobody else can have laid anything into the state and run folders.
  package func requirePrivilege(for verb: String) throws(HostError) {
    guard isPrivileged else { throw .notPrivileged(verb: verb) }
    try claim(state)
    try claim(run)
  }

  /// Makes the folder for us alone, or checks that it is: ours, and writable by nobody else.
  private func claim(_ folder: FilePath) throws(HostError) {
    do {
      try makeFolders(folder)
      let opened = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      var status = stat()
      try checking("fstat", folder.string) { fstat(opened.raw, &status) }
      guard status.st_uid == userID else {
        throw HostError.foreignFolder(folder.string, "it belongs to user \(status.st_uid)")
      }
      guard status.st_mode & 0o022 == 0 else {
        throw HostError.foreignFolder(folder.string, "others may write to it")
      }
    } catch let error as HostError {
      throw error
    } catch {
      throw .foreignFolder(
        folder.string, "\((error as? SystemCallError)?.errno.text ?? "\(error)")")
    }
  }
}

package enum HostError: Diagnosable, Hashable {
  case setuid
  case notPrivileged(verb: String)
  case relativeFolder(String)
  case foreignFolder(String, String)
  case noHome

  package var exitStatus: Int32 { self == .setuid ? 126 : 1 }

  package var diagnostics: [Diagnostic] {
    switch self {
    case .setuid:
      [Diagnostic("berth refuses to run set-uid", hint: "remove the set-uid bit from the program")]
    case .notPrivileged(let verb):
      [
        Diagnostic(
          "`berth \(verb)` needs root to make namespaces, mounts and networks",
          hint: "run `sudo berth \(verb)`")
      ]
    case .relativeFolder(let path):
      [
        Diagnostic(
          "the state and run folders must be absolute, not `\(path)`",
          hint: "set BERTH_STATE and BERTH_RUN to absolute folders")
      ]
    case .foreignFolder(let path, let reason):
      [
        Diagnostic(
          "`\(path)` cannot hold berth's state", causes: [reason],
          hint: "remove it, or set BERTH_STATE and BERTH_RUN to folders of your own")
      ]
    case .noHome:
      [
        Diagnostic(
          "no home folder to keep state in", hint: "set HOME, or BERTH_STATE and BERTH_RUN")
      ]
    }
  }
}
