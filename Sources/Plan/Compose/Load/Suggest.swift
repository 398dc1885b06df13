// Hints that name the nearest valid name.

import Diagnostics

func suggestion(_ name: String, _ candidates: some Sequence<String>) -> String? {
  nearest(to: name, among: candidates).map { "did you mean `\($0)`?" }
}
