// capabilities(7) of this process, by libcap: taken out of the bounding set, and set.

package import CCapability
import Glibc
import SystemPackage

/// No program that this process starts can ever have others than `kept`.
package func boundCapabilities(to kept: Set<cap_value_t>) throws(SystemCallError) {
  for number in 0..<cap_max_bits() where !kept.contains(number) {
    try checking("prctl", "PR_CAPBSET_DROP") { cap_drop_bound(number) }
  }
}

/// Permitted and effective alike, inheritable empty. What this process does not have itself cannot be
/// given and is passed over.
package func setCapabilities(_ wantedNumbers: Set<cap_value_t>) throws(SystemCallError) {
  guard let current = cap_get_proc(), let wanted = cap_init() else {
    throw SystemCallError("capget")
  }
  defer {
    cap_free(UnsafeMutableRawPointer(current))
    cap_free(UnsafeMutableRawPointer(wanted))
  }
  for number in wantedNumbers {
    var has = CAP_CLEAR
    guard cap_get_flag(current, number, CAP_PERMITTED, &has) == 0, has == CAP_SET else { continue }
    var one = number
    cap_set_flag(wanted, CAP_PERMITTED, 1, &one, CAP_SET)
    cap_set_flag(wanted, CAP_EFFECTIVE, 1, &one, CAP_SET)
  }
  try checking("capset") { cap_set_proc(wanted) }
}

/// Whether this process has the capability of this number, and so can give it on.
package func hasCapability(_ number: Int) throws(SystemCallError) -> Bool {
  guard let current = cap_get_proc() else { throw SystemCallError("capget") }
  defer { cap_free(UnsafeMutableRawPointer(current)) }
  var has = CAP_CLEAR
  // Numbers that the kernel does not know are had by nobody.
  return cap_get_flag(current, cap_value_t(number), CAP_PERMITTED, &has) == 0 && has == CAP_SET
}
