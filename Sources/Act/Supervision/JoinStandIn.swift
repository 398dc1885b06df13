import ContainerInit
func joinContainer(_ request: JoinRequest) throws(LaunchFailure) -> LaunchedContainer {
  throw LaunchFailure(stage: "joining", message: "not yet")
}
