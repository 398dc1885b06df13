// What `up` plans for volumes that are there already.

import Blueprint
import Planning
import Testing

@Suite("a volume that changed is made anew only when that was said")
struct VolumePlanTests {
  private func plan(_ volume: ObservedResource, policy: UpPolicy = UpPolicy()) -> Plan {
    let service = DesiredService(
      name: "db", configHash: "h", imageID: "i", volumes: ["p_data"])
    let container = ObservedContainer(
      id: "1", name: "p-db-1", service: "db", number: 1, configHash: "h", imageID: "i",
      volumes: ["p_data"])
    return planUp(
      DesiredProject(
        name: "p", services: [service],
        volumes: [DesiredResource(name: "p_data", configHash: "new")]),
      observed: Observed(containers: [container], volumes: [volume]), allServices: ["db"],
      policy: policy)
  }

  @Test("left alone, and told of")
  func kept() {
    let plan = plan(ObservedResource(name: "p_data", configHash: "old"))
    #expect(plan.isEmpty)
    #expect(plan.changedVolumes == ["p_data"])
  }

  @Test("made anew between the old container and the new one")
  func remade() {
    var policy = UpPolicy()
    policy.recreatesVolumes = true
    let plan = plan(ObservedResource(name: "p_data", configHash: "old"), policy: policy)
    #expect(
      plan.text == """
        stop container p-db-1 (volume p_data changed)
        remove container p-db-1 (volume p_data changed)
        remove volume p_data (its configuration changed)
        create volume p_data (its configuration changed)
        create container p-db-1 (volume p_data was missing)
        start container p-db-1 (volume p_data was missing)
        """)
    #expect(plan.changedVolumes == [])
  }

  @Test("made anew when that was said of this one")
  func remadeByName() {
    var policy = UpPolicy()
    let old = ObservedResource(name: "p_data", configHash: "old")
    policy.recreatedVolumes = ["p_other"]
    #expect(plan(old, policy: policy).isEmpty)
    policy.recreatedVolumes = ["p_data"]
    #expect(plan(old, policy: policy).text.contains("create volume p_data"))
  }

  @Test("one of somebody else's is used as it is", arguments: [false, true])
  func foreign(_ recreates: Bool) {
    var policy = UpPolicy()
    policy.recreatesVolumes = recreates
    let plan = plan(
      ObservedResource(name: "p_data", configHash: "", isOwn: false), policy: policy)
    #expect(plan.isEmpty && plan.changedVolumes.isEmpty)
  }
}
