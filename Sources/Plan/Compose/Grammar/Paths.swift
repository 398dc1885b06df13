// Paths as text: joined, cleaned, with `~` for the caller's home. Nothing here looks at a disk.

/// `.` and `..` and doubled slashes taken out; an empty path is `.`.
func cleanPath(_ path: String) -> String {
  let isAbsolute = path.utf8.first == UInt8(ascii: "/")
  var parts: [Substring] = []
  for part in pieces(of: path, at: "/", keepingEmpty: false) where part != "." {
    if part == "..", let last = parts.last, last != ".." {
      parts.removeLast()
    } else if part != ".." || !isAbsolute {
      parts.append(part)
    }
  }
  let joined = parts.joined(separator: "/")
  return isAbsolute ? "/" + joined : (joined.isEmpty ? "." : joined)
}

/// What stands between separators of one byte: a mark that follows one, and that `Character` would
/// take for a part of it, does not hide it.
func pieces(
  of text: String, at separator: Unicode.Scalar, keepingEmpty: Bool = true
) -> [Substring] {
  text.utf8.split(
    separator: UInt8(ascii: separator), omittingEmptySubsequences: !keepingEmpty
  ).map { Substring($0) }
}

func isAbsolute(_ path: String) -> Bool { path.utf8.first == UInt8(ascii: "/") }

/// `path` below `folder`, unless it is absolute. What begins with `~` is below the caller's home.
func resolve(_ path: String, in folder: String, home: String? = nil) -> String {
  if let home, path.utf8.first == UInt8(ascii: "~") {
    return cleanPath(home + "/" + path.dropFirst())
  }
  return isAbsolute(path) ? path : cleanPath(folder + "/" + path)
}

/// Whether a file would have to be fetched: compose files are read from this machine only.
func isRemoteFile(_ path: String) -> Bool {
  path.contains("://") || path.hasPrefix("git@") || path.hasPrefix("oci:")
}

func parentFolder(_ path: String) -> String { cleanPath(path + "/..") }

func baseName(_ path: String) -> String {
  pieces(of: path, at: "/", keepingEmpty: false).last.map(String.init) ?? ""
}
