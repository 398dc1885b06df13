// What the loop asks of a container's name service, which lives in the shim's one thread.

/// Opened inside the container's network namespace, before its program starts.
protocol NameServing: AnyObject {
  /// Descriptors opened since the last call, to be watched for reading until they are closed.
  /// Closing one takes it out of the loop.
  func takeNewDescriptors() -> [CInt]

  /// Something can be read from `fd`. Never blocks.
  func ready(_ fd: CInt)

  /// When `expire` is to be called, on the monotonic clock in nanoseconds; nil for never.
  var deadline: Int64? { get }
  func expire(_ now: Int64)
}
