// The device list of a container as a BPF program: what cgroup v2 has in place of v1's list.

import CLinux
import Glibc
import Linux

/// One instruction of extended BPF: bpf_insn of linux/bpf.h.
private struct Instruction {
  var code: UInt8
  /// Destination in the low half, source in the high half.
  var registers: UInt8
  var offset: Int16
  var immediate: Int32

  init(_ code: UInt8, to: UInt8 = 0, from: UInt8 = 0, offset: Int16 = 0, _ immediate: Int32 = 0) {
    self.code = code
    registers = to | from << 4
    self.offset = offset
    self.immediate = immediate
  }
}

/// The program that answers 1 for what `rules` allow. Its context is bpf_cgroup_dev_ctx:
/// access and type in one word, major, minor.
private func program(allowing rules: [DeviceRule]) -> [Instruction] {
  let loadWord: UInt8 = 0x61
  let (move, moveNumber): (UInt8, UInt8) = (0xbf, 0xb7)
  let (and, shiftRight): (UInt8, UInt8) = (0x57, 0x77)
  let (jumpUnlessNumber, jumpUnlessRegister): (UInt8, UInt8) = (0x55, 0x5d)
  let exit: UInt8 = 0x95
  // r2 type, r3 access, r4 major, r5 minor.
  var code = [
    Instruction(loadWord, to: 2, from: 1, offset: 0),
    Instruction(move, to: 3, from: 2),
    Instruction(and, to: 2, 0xffff),
    Instruction(shiftRight, to: 3, 16),
    Instruction(loadWord, to: 4, from: 1, offset: 4),
    Instruction(loadWord, to: 5, from: 1, offset: 8),
  ]
  for rule in rules {
    // BPF_DEVCG_ACC_MKNOD 1, READ 2, WRITE 4; DEV_BLOCK 1, DEV_CHAR 2.
    var access: Int32 = 0
    if rule.permissions.contains("m") { access |= 1 }
    if rule.permissions.contains("r") { access |= 2 }
    if rule.permissions.contains("w") { access |= 4 }
    var length: Int16 = 6
    if rule.major != nil { length += 1 }
    if rule.minor != nil { length += 1 }
    // Each test jumps to the next rule; `length` is what remains of this one.
    func rest() -> Int16 {
      length -= 1
      return length
    }
    code.append(
      Instruction(jumpUnlessNumber, to: 2, offset: rest(), rule.kind == .block ? 1 : 2))
    code.append(Instruction(move, to: 6, from: 3))
    code.append(Instruction(and, to: 6, access))
    length -= 2
    code.append(Instruction(jumpUnlessRegister, to: 6, from: 3, offset: rest()))
    if let major = rule.major {
      code.append(
        Instruction(jumpUnlessNumber, to: 4, offset: rest(), Int32(bitPattern: major)))
    }
    if let minor = rule.minor {
      code.append(
        Instruction(jumpUnlessNumber, to: 5, offset: rest(), Int32(bitPattern: minor)))
    }
    code.append(Instruction(moveNumber, to: 0, 1))
    code.append(Instruction(exit))
  }
  code.append(Instruction(moveNumber, to: 0, 0))
  code.append(Instruction(exit))
  return code
}

/// Loads the program for `access` and binds it to the group for the group's life.
func attachDeviceProgram(_ access: DeviceAccess, to group: borrowing Descriptor)
  throws(SystemCallError)
{
  guard case .only(let rules) = access else { return }
  let code = program(allowing: rules)
  let raw = try checking("bpf", "device program") {
    code.withUnsafeBytes { berth_bpf_load_device_program($0.baseAddress, UInt32(code.count)) }
  }
  let loaded = Descriptor(owning: CInt(raw))
  try checking("bpf", "device program") {
    berth_bpf_attach_device_program(loaded.raw, group.raw)
  }
}
