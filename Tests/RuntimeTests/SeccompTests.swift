import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Runtime

@Suite("The default seccomp filter answers as docker's does")
struct SeccompTests {
  static let usual = Set(
    SecurityProfile.defaultCapabilities.filter { name in
      SeccompProfile.byCapability.contains { $0.capability == name }
    })

  #if arch(x86_64)
    static let machine: UInt32 = 0xc000_003e

    @Test(
      "calls by number, machine and arguments",
      arguments: [
        // read, execve, openat2, close_range, rseq: allowed.
        (0, [], .allow), (59, [], .allow), (437, [], .allow), (436, [], .allow), (334, [], .allow),
        // chroot is a default capability; ptrace is allowed from Linux 4.8.
        (161, [], .allow), (101, [], .allow),
        // mount, unshare, setns, keyctl, add_key, bpf, userfaultfd, io_uring_setup, reboot, kexec.
        (165, [], .fails(EPERM)), (272, [], .fails(EPERM)), (308, [], .fails(EPERM)),
        (250, [], .fails(EPERM)), (248, [], .fails(EPERM)), (321, [], .fails(EPERM)),
        (323, [], .fails(EPERM)), (425, [], .fails(EPERM)), (169, [], .fails(EPERM)),
        (246, [], .fails(EPERM)),
        // clone3 is to be tried again as clone; what is newer than the profile does not exist.
        (435, [], .fails(ENOSYS)), (470, [], .fails(ENOSYS)), (5000, [], .fails(ENOSYS)),
        // fchmodat2, futex_wait, mseal: newer than the library, known by number.
        (452, [], .allow), (455, [], .allow), (462, [], .allow), (457, [], .fails(EPERM)),
        // socket: AF_UNIX, AF_INET, AF_NETLINK; not AF_ALG and AF_VSOCK.
        (41, [1], .allow), (41, [2], .allow), (41, [16], .allow), (41, [38], .fails(EPERM)),
        (41, [39], .allow), (41, [40], .fails(EPERM)), (41, [44], .allow),
        // personality: PER_LINUX, PER_LINUX32, a question; not ADDR_NO_RANDOMIZE.
        (135, [0], .allow), (135, [8], .allow), (135, [0xffff_ffff], .allow),
        (135, [0x0040000], .fails(EPERM)),
        // clone: a thread, vfork; no new user, network or mount namespace.
        (56, [0x003d_0f00], .allow), (56, [0x4111], .allow), (56, [0x1000_0000], .fails(EPERM)),
        (56, [0x4000_0000], .fails(EPERM)), (56, [0x0002_0000], .fails(EPERM)),
        // x32: counted from 0x40000000; read is allowed, mount is not.
        (0x4000_0000, [], .allow), (0x4000_0000 + 165, [], .fails(EPERM)),
      ] as [(UInt32, [UInt64], Answer)])
    func answers(_ number: UInt32, _ arguments: [UInt64], _ answer: Answer) throws {
      let program = try Program(SeccompProfiles.compile(Self.usual))
      #expect(program.run(Self.machine, number, arguments) == answer)
    }

    @Test("32-bit programs are filtered by their own numbers, other machines are killed")
    func machines() throws {
      let program = try Program(SeccompProfiles.compile(Self.usual))
      let i386: UInt32 = 0x4000_0003
      #expect(program.run(i386, 3, []) == .allow)
      #expect(program.run(i386, 21, []) == .fails(EPERM))
      #expect(program.run(i386, 435, []) == .fails(ENOSYS))
      #expect(program.run(i386, 422, []) == .allow)
      #expect(program.run(0x8000_0016, 0, []) == .kill)
    }

    @Test("with SYS_ADMIN mount, clone3 and every clone are allowed")
    func administrator() throws {
      let program = try Program(SeccompProfiles.compile(Self.usual.union(["SYS_ADMIN"])))
      for number: UInt32 in [165, 272, 435, 56, 457] {
        #expect(program.run(Self.machine, number, [0x1000_0000]) == .allow)
      }
    }

    @Test("of the numbers up to 450, as many are allowed as by docker's profile")
    func count() throws {
      let program = try Program(SeccompProfiles.compile(Self.usual))
      var allowed = 0
      for number: UInt32 in 0...450 where program.run(Self.machine, number, [38]) == .allow {
        allowed += 1
      }
      #expect(allowed == 292 + 1)
    }
  #endif

  @Test("it is compiled once for each set of capabilities that matters, and fits the kernel")
  func cache() throws {
    var template = Array("/tmp/berth-seccomp-XXXXXX".utf8CString)
    #expect(mkdtemp(&template) != nil)
    let state = FilePath(platformString: template)
    defer { try? removeTree(state) }
    let profiles = SeccompProfiles(state: state)
    let first = try profiles.defaultFilter(capabilities: SecurityProfile.defaultCapabilities)
    let second = try profiles.defaultFilter(capabilities: ["SYS_CHROOT", "CHOWN"])
    let third = try profiles.defaultFilter(capabilities: ["SYS_CHROOT", "SYS_TIME"])
    #expect(first == second)
    #expect(first != third)
    let content = try Descriptor.open(first, O_RDONLY).readAll(limit: 1 << 20)
    #expect(content.count % 8 == 0)
    #expect(content.count / 8 < 4096)
  }
}

enum Answer: Equatable, Sendable {
  case allow
  case fails(Int32)
  case kill
}

/// Runs classic BPF as the kernel does: the instructions that filters are made of.
struct Program {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func run(_ machine: UInt32, _ number: UInt32, _ arguments: [UInt64]) -> Answer {
    func data(_ offset: Int) -> UInt32 {
      switch offset {
      case 0: return number
      case 4: return machine
      default:
        let index = (offset - 16) / 8
        let value = index >= 0 && index < arguments.count ? arguments[index] : 0
        return UInt32(truncatingIfNeeded: offset % 8 == 0 ? value : value >> 32)
      }
    }
    var place = 0
    var accumulator: UInt32 = 0
    while place * 8 + 8 <= bytes.count {
      let code = UInt16(bytes[place * 8]) | UInt16(bytes[place * 8 + 1]) << 8
      let (yes, no) = (Int(bytes[place * 8 + 2]), Int(bytes[place * 8 + 3]))
      let value = bytes.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: place * 8 + 4, as: UInt32.self)
      }
      place += 1
      switch code {
      case 0x20: accumulator = data(Int(value))
      case 0x54: accumulator &= value
      case 0x05: place += Int(value)
      case 0x15: place += accumulator == value ? yes : no
      case 0x25: place += accumulator > value ? yes : no
      case 0x35: place += accumulator >= value ? yes : no
      case 0x45: place += accumulator & value != 0 ? yes : no
      case 0x06: return answer(value)
      default: return .kill
      }
    }
    return .kill
  }

  private func answer(_ value: UInt32) -> Answer {
    switch value & 0xffff_0000 {
    case 0x7fff_0000: .allow
    case 0x0005_0000: .fails(Int32(value & 0xffff))
    default: .kill
    }
  }
}
