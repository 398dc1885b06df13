// The files of the repository as they lie on disk, without what builds leave behind.

import Glibc

struct TreeFile: Sendable {
  /// Relative to the top of the repository, for example `Sources/Plan/JSON/JSON.swift`.
  var path: String
  var bytes: [UInt8]

  var text: String { String(decoding: bytes, as: UTF8.self) }
}

enum Tree {
  /// The top of the repository, three steps above this file.
  static let top: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }()

  /// Everything that belongs to the repository and is text.
  static let files: [TreeFile] = list("").map { TreeFile(path: $0, bytes: read($0)) }

  static func swift(below folder: String) -> [TreeFile] {
    files.filter { $0.path.hasPrefix(folder + "/") && $0.path.hasSuffix(".swift") }
  }

  static func read(_ path: String) -> [UInt8] {
    guard let stream = fopen(top + "/" + path, "r") else { return [] }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&buffer, 1, buffer.count, stream)
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  /// Names of the folders right below `folder`.
  static func folders(in folder: String) -> [String] {
    entries(folder).filter { $0.isFolder }.map(\.name).sorted()
  }

  private static func list(_ folder: String) -> [String] {
    var paths: [String] = []
    for entry in entries(folder) where !isLeftByBuilds(entry.name) {
      let path = folder.isEmpty ? entry.name : folder + "/" + entry.name
      if entry.isFolder { paths += list(path) } else { paths.append(path) }
    }
    return paths.sorted()
  }

  private static func isLeftByBuilds(_ name: String) -> Bool {
    name == ".git" || name == ".swiftpm" || name == "Package.resolved" || name.hasPrefix(".build")
      || name == "__pycache__"
  }

  private static func entries(_ folder: String) -> [(name: String, isFolder: Bool)] {
    guard let stream = opendir(top + "/" + folder) else { return [] }
    defer { closedir(stream) }
    var found: [(String, Bool)] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name != ".", name != ".." else { continue }
      let kind = Int(entry.pointee.d_type)
      if kind == Int(DT_DIR) || kind == Int(DT_REG) {
        found.append((name, kind == Int(DT_DIR)))
      }
    }
    return found
  }
}
