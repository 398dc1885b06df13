// The story of a container's first process, from its clone to its exec, step by step.

import Blueprint
import CLinux
import Cgroups
import Glibc
import Linux
import SystemPackage

struct FirstProcess {
  let request: LaunchRequest
  let privileges: Privileges
  let entry: CgroupEntry
  /// File systems of volumes, attached nowhere yet.
  let volumes: [String: SharedDescriptor]

  private var blueprint: ContainerBlueprint { request.blueprint }

  func run(_ socket: borrowing Descriptor) throws(LaunchFailure) -> Never {
    let process = blueprint.process
    try startAnew()
    try enterNamespaces()
    let proc = try step("mounting an own procfs") { () throws(SystemCallError) in
      try ProcFiles()
    }
    var sources = try prepareMounts(allMounts, volumes: volumes)
    let root = try makeRoot(&sources)
    let system = try mountSystem(request, in: root)
    let terminal = try openStreams(system)
    try attachDevices(blueprint.security, devices: system.devices.root, in: root)
    try makeNetworkFileTargets(in: root)
    let owners = try OwnerMapping(sources, process, in: root)
    try attach(sources, owners: owners, in: root)
    try attachFiles(request, in: root)
    let late = try applySysctls(proc)
    try setScore(proc, blueprint.resources.oomScoreAdjustment)
    try step("making `\(process.workingDirectory.text)`") { () throws(SystemCallError) in
      _ = try root.ensure(process.workingDirectory.path, .folder)
    }
    try closeRoot(root, system)
    // By the host's /proc, which is out of reach behind the pivot.
    let own = try sources.contains { $0.memory != nil } ? ownStart() : nil
    try enterRoot(root)
    try sources.publishMemory(as: own)

    let identity = try findIdentity(process.user, process.additionalGroups, in: root)
    try enterWorkingDirectory(process.workingDirectory, in: root)
    let command = Command(
      process.arguments, environment: process.environment, home: identity.home)
    // With the rights of root: what is missing is told before anything else has started.
    _ = try command.find()
    try setLimits(blueprint.resources.limits)
    joinKeyring(blueprint.id)
    try giveStreams(to: identity)
    try tell(socket, .ready(terminal: terminal))
    try waitForGo(socket)
    for (name, value) in late { try setSysctl(name, value, proc) }
    try become(command, identity, privileges, usesInit: process.usesInit, proc, socket)
  }

  // MARK: - Namespaces and root

  private func enterNamespaces() throws(LaunchFailure) {
    try step("joining the cgroup") { () throws(SystemCallError) in
      try entry.joinCurrentThread()
    }
    if let network = request.networkNamespace {
      try step("joining the network") { () throws(SystemCallError) in
        try checking("setns") { berth_setns(network, CLONE_NEWNET) }
      }
    }
    if let partner = request.partners.ipc?.raw {
      try step("joining the ipc namespace") { () throws(SystemCallError) in
        try checking("setns") { berth_setns(partner, CLONE_NEWIPC) }
      }
    }
    if blueprint.sharing.cgroup == .host { return }
    // After joining: the group that is left here is the root that the container sees.
    try step("making a cgroup namespace") { () throws(SystemCallError) in
      try checking("unshare") { berth_unshare(UInt(CLONE_NEWCGROUP)) }
    }
  }

  private func makeRoot(_ sources: inout [PreparedMount]) throws(LaunchFailure) -> RootFolder {
    try step("making the mount tree private") { () throws(SystemCallError) in
      try checking("mount", "/") {
        mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil)
      }
    }
    try takeMemory(&sources, container: blueprint.id, runFolder: request.runFolder)
    // As docker has it: in a step of a build they lead where they would lead in the image.
    try makeTrees(
      &sources, request.containerFolder, absoluteLinks: blueprint.isHeld ? .leadInside : .leadOut)
    return try step("mounting the root file system") { () throws(SystemCallError) in
      try mountOverlay(blueprint.root, request.containerFolder)
    }
  }

  /// The user's mounts and berth's own files among them, shallow targets before deep ones. A mount
  /// of the user on one of the files takes its place.
  private var allMounts: [MountStep] {
    let folder = NetworkFiles.folder(blueprint, runFolder: request.runFolder)
    let taken = Set(blueprint.mounts.map { $0.target.path.lexicallyNormalized() })
    var mounts: [MountStep] = []
    // A step of a build may write the host's name that an image is to have.
    for name in ["hosts", "resolv.conf"] + (blueprint.isHeld ? [] : ["hostname"]) {
      let source = folder.appending(name)
      let target = FilePath("/etc").appending(name)
      if taken.contains(target) { continue }
      mounts.append(
        .bind(
          source: Bytes(source.bytes), target: Bytes(target.bytes),
          readOnly: blueprint.root.readOnly, createSource: false, propagation: nil))
    }
    let all = (mounts + blueprint.mounts).enumerated().map { index, mount in
      (depth: mount.target.path.lexicallyNormalized().components.count, index: index, mount: mount)
    }
    return all.sorted { ($0.depth, $0.index) < ($1.depth, $1.index) }.map(\.mount)
  }

  /// The files of `/etc` that berth's own go on, before a volume of the whole folder is filled: it
  /// may be read-only then.
  private func makeNetworkFileTargets(in root: borrowing RootFolder) throws(LaunchFailure) {
    let folder = NetworkFiles.folder(blueprint, runFolder: request.runFolder)
    for case .bind(let source, let target, _, _, _, _, _) in allMounts
    where source.path.removingLastComponent() == folder {
      try step("making `\(target.text)`") { () throws(SystemCallError) in
        _ = try root.ensure(target.path, .file)
      }
    }
  }

  private func openStreams(_ system: borrowing SystemMounts) throws(LaunchFailure)
    -> SharedDescriptor?
  {
    guard blueprint.process.terminal else {
      try step("opening standard streams") { () throws(SystemCallError) in
        try useAsStreams(input: request.input, output: request.output, error: request.error)
      }
      return nil
    }
    return try step("opening a terminal") { () throws(SystemCallError) in
      let terminal = try Terminal(in: system.terminals.root)
      try terminal.attachConsole(in: system.devices.root)
      try terminal.take()
      return terminal.master
    }
  }

  /// After this nothing can be made in the root that is not the program's own doing.
  private func closeRoot(_ root: borrowing RootFolder, _ system: borrowing SystemMounts)
    throws(LaunchFailure)
  {
    if blueprint.root.readOnly {
      try step("making the root read-only") { () throws(SystemCallError) in
        try setMountFlags(root.handle.raw, .readOnly)
      }
    }
    if blueprint.security.privileged { return }
    try maskPaths(blueprint.security.maskedPaths, devices: system.devices.root, in: root)
    try lockPaths(blueprint.security.readOnlyPaths, in: root)
  }

  private func enterRoot(_ root: borrowing RootFolder) throws(LaunchFailure) {
    try step("entering the root") { () throws(SystemCallError) in try pivot(into: root) }
    // The host's name is not the container's to set.
    if blueprint.sharing.uts == .host { return }
    try step("setting the host name") { () throws(SystemCallError) in
      let name = blueprint.hostname
      try checking("sethostname", name) { sethostname(name, name.utf8.count) }
      guard let domain = blueprint.domainname else { return }
      try checking("setdomainname", domain) { setdomainname(domain, domain.utf8.count) }
    }
  }

  // MARK: - Kernel settings

  /// What an own network namespace starts with, unless the container says otherwise: any port may
  /// be bound and anyone may ping, as with docker.
  private static let defaultSysctls = [
    ("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 2147483647"),
  ]

  /// Sets what can be set now; what is about an interface that is not there yet comes back.
  private func applySysctls(_ proc: borrowing ProcFiles) throws(LaunchFailure)
    -> [(String, String)]
  {
    let asked = blueprint.security.sysctls
    if blueprint.network.mode == .bridge || blueprint.network.mode == .none {
      for (name, value) in Self.defaultSysctls where asked[name] == nil {
        // Kernels without the setting do without.
        try? proc.setSysctl(name, value)
      }
    }
    var late: [(String, String)] = []
    for (name, value) in asked.sorted(by: { $0.key < $1.key }) {
      do throws(LaunchFailure) {
        try setSysctl(name, value, proc)
      } catch  where error.errno == .noSuchFileOrDirectory && isAboutNetwork(name) {
        late.append((name, value))
      }
    }
    return late
  }

  private func setSysctl(_ name: String, _ value: String, _ proc: borrowing ProcFiles)
    throws(LaunchFailure)
  {
    guard isOwn(sysctl: name) else {
      throw LaunchFailure(
        stage: "setting sysctl `\(name)`",
        message: "it is not the container's own: setting it would change the host")
    }
    try step("setting sysctl `\(name)`") { () throws(SystemCallError) in
      try proc.setSysctl(name, value)
    }
  }

  /// Whether the setting is of a namespace that is not the host's.
  private func isOwn(sysctl name: String) -> Bool {
    if isAboutNetwork(name) { return blueprint.network.mode != .host }
    if name == "kernel.domainname" { return blueprint.sharing.uts == .own }
    let isOfIPC =
      name.hasPrefix("kernel.msg") || name.hasPrefix("kernel.shm") || name == "kernel.sem"
      || name.hasPrefix("fs.mqueue.")
    return isOfIPC && blueprint.sharing.ipc != .host
  }
}

/// Written with dots, or with slashes where the name of an interface has dots in it.
private func isAboutNetwork(_ sysctl: String) -> Bool {
  sysctl.hasPrefix("net.") || sysctl.hasPrefix("net/")
}
