// The steps of one layer, done one after the other in a root: where each copy goes, by the rules that
// docker has for slashes, folders and files that are there or not.

import Blueprint
import CLinux
import ContainerInit
import Control
import Copying
import Dockerfile
import Glibc
import Linux
import SystemPackage

struct LayerSteps {
  let tree: TargetTree
  /// The root that names of users are looked up in: that of the image, also where the layer does not look at it.
  let accounts: () throws -> SharedDescriptor

  func run(_ step: LayerStep) throws {
    switch step {
    case .folder(let path, let user):
      let owner = try ownership(user)
      _ = try tree.folder(path.raw, making: owner)
      try tree.close()
    case .copy(let copy): try run(copy)
    }
  }

  private func run(_ copy: LayerCopy) throws {
    let source = try openSource(copy.source)
    var rules = CopyRules(owner: nil, mode: nil, refusesDevices: true)
    if case .layers = copy.source { rules.refusesDevices = false }
    if let owner = copy.owner {
      rules.owner = try ownership(owner)
    } else if rules.refusesDevices {
      rules.owner = Ownership()
    }
    if let mode = copy.mode { rules.mode = try ModeChange(mode) }
    let copier = LayerCopier(tree, rules)
    try Selection(copy, in: source).visit { selected in
      do {
        try run(copy, selected, copier, rules)
      } catch var failure as LayerFailure {
        if !failure.isOfTarget { failure.pattern = failure.pattern ?? selected.pattern }
        throw failure
      }
      try tree.close()
    }
  }

  private func run(
    _ copy: LayerCopy, _ selected: Selected, _ copier: LayerCopier, _ rules: CopyRules
  ) throws {
    switch selected.thing {
    case .contents(let source):
      copier.start(in: try tree.folder(copy.target.raw, making: rules.maker))
      var walk = SourceWalk(selected.filter, copier)
      try walk.run(in: source.raw)
    case .item(let item, _):
      if try unpack(item, copy, selected, rules) { return }
      let name = try place(copy, selected.name, rules, copier)
      try copier.add(item, as: name + [0])
    }
  }

  /// Whether the item was an archive, and is unpacked now. What comes out of it keeps the owners that
  /// it has there, unless `--chown` says another.
  private func unpack(
    _ item: SourceItem, _ copy: LayerCopy, _ selected: Selected, _ rules: CopyRules
  ) throws -> Bool {
    if case .never = copy.unpacks { return false }
    guard case .file = item.status.kind else { return false }
    let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
    let file = try openChild(item.name, in: item.folder, flags)
    let archive = ArchiveUnpacking(file: file.raw, name: text(selected.name))
    guard try archive.isArchive() else {
      guard case .always = copy.unpacks else { return false }
      throw LayerFailure(
        "`\(text(selected.name))` is no archive that can be unpacked",
        hint: "leave out `--unpack` to copy it as it is")
    }
    let folder = try tree.folder(copy.target.raw, making: rules.maker)
    tree.mayHideFolders =
      try archive.unpack(
        into: folder, tree, room: usableSpace(folder.handle.raw),
        owner: copy.owner == nil ? nil : rules.owner)
      || tree.mayHideFolders
    return true
  }

  /// Opens the folder that a file goes into. Of several that one pattern has found, all may go onto one name:
  /// the last stays, as with BuildKit.
  /// - Returns: the name that it gets there.
  private func place(
    _ copy: LayerCopy, _ name: [UInt8], _ rules: CopyRules, _ copier: LayerCopier
  ) throws -> [UInt8] {
    let path = copy.target.raw
    let last = names(of: path).last ?? []
    let isOfFolder = path.last == slash || last.isEmpty || last.elementsEqual([0x2E, 0x2E])
    let found = try tree.find(path, making: rules.maker, makesLast: isOfFolder)
    switch found {
    case .folder(let way):
      copier.start(in: try tree.open(way))
      return name
    case .other(let way, let name, _) where !isOfFolder, .missing(let way, let name, _):
      guard !copy.isOfSeveral else {
        throw LayerFailure(
          ofTarget:
            "with more than one source the destination must be a folder: `\(text(path))` is none",
          hint: "end it with `/` to have one made")
      }
      copier.start(in: try tree.open(way))
      return name
    case .other(let way, let name, _), .blocked(let way, let name): throw notFolder(way, name)
    }
  }

  private func ownership(_ specification: String) throws -> Ownership {
    // Numbers need no tables.
    let numbers = specification.utf8.split(
      separator: UInt8(ascii: ":"), omittingEmptySubsequences: false
    ).map { UInt32(text($0)) }
    if let user = numbers.first ?? nil, user <= UInt32(Int32.max) {
      if numbers.count == 1 { return Ownership(uid: user, gid: user) }
      if numbers.count == 2, let group = numbers[1], group <= UInt32(Int32.max) {
        return Ownership(uid: user, gid: group)
      }
    }
    let found = try owner(specification, in: try accounts())
    return Ownership(uid: found.user, gid: found.group)
  }
}
