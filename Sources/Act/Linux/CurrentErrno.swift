// One name for errno, whose macro Swift sees through glibc.

import Glibc

func currentErrno() -> CInt { errno }
