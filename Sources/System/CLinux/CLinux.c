// Everything here is inline; SwiftPM wants one translation unit for a C target.
