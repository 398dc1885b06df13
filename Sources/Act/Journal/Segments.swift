// The files of a journal: numbered segments, and the lock that its writer holds.

import CLinux
import Glibc
import Linux
import SystemPackage

enum Segments {
  static func name(_ number: UInt64) -> FilePath {
    let digits = String(number)
    return FilePath(
      String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".log")
  }

  /// The numbers of the segments that exist, rising. A folder that is missing has none.
  static func list(_ folder: FilePath) -> [UInt64] {
    guard let stream = folder.withPlatformString({ opendir($0) }) else { return [] }
    defer { closedir(stream) }
    var numbers: [UInt64] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".log"), let number = UInt64(name.dropLast(4)) { numbers.append(number) }
    }
    return numbers.sorted()
  }
}

/// The writer's lock on a journal: it says that more may come. An open file description lock, which
/// can be asked for without being taken, so that readers never stand in a writer's way.
enum WriterLock {
  private static let getLock: CInt = 36  // F_OFD_GETLK
  private static let setLock: CInt = 37  // F_OFD_SETLK

  /// Takes it for as long as `file` is open; false when somebody else has it.
  static func take(_ file: borrowing Descriptor) -> Bool {
    var lock = wholeFile()
    return withUnsafeMutablePointer(to: &lock) {
      berth_fcntl(file.raw, setLock, Int(bitPattern: $0)) == 0
    }
  }

  static func isHeld(_ file: borrowing Descriptor) -> Bool {
    var lock = wholeFile()
    let asked = withUnsafeMutablePointer(to: &lock) {
      berth_fcntl(file.raw, getLock, Int(bitPattern: $0)) == 0
    }
    return asked && lock.l_type != Int16(F_UNLCK)
  }

  private static func wholeFile() -> Glibc.flock {
    var lock = Glibc.flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    return lock
  }
}
