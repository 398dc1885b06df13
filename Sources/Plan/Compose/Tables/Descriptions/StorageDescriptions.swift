// A service: its volumes, binds, tmpfs, and the files it is given.

extension Descriptions {
  static let storage: [String: String] = [
    "services.*.volumes": """
    What is mounted in the containers, as `[SOURCE:]TARGET[:OPTIONS]` or mappings. A source that \
    begins with `.`, `/` or `~` is a path of this machine, others are volumes of the top level.
    """,
    "services.*.volumes.*.type": "What is mounted: a volume, a path of this machine, or memory.",
    "services.*.volumes.*.source": """
    Path of this machine for `bind`, volume of the top level for `volume`, where none makes an \
    anonymous one.
    """,
    "services.*.volumes.*.target": "Absolute path in the container.",
    "services.*.volumes.*.read_only": "Whether it cannot be written. Default: `false`.",
    "services.*.volumes.*.consistency": "How soon changes are seen; it changes nothing on Linux.",
    "services.*.volumes.*.bind": "Options of a `bind`.",
    "services.*.volumes.*.bind.selinux": """
    New SELinux label: `z` for one that containers share, `Z` for one of its own.
    """,
    "services.*.volumes.*.bind.propagation": """
    Whether later mounts below it are passed in or out. Default: `rprivate`, neither.
    """,
    "services.*.volumes.*.bind.create_host_path": """
    Whether a missing source is made, as a folder. Default: `true`.
    """,
    "services.*.volumes.*.bind.recursive": """
    What happens to mounts below the source. Default: `enabled`, they come along.
    """,
    "services.*.volumes.*.volume": "Options of a `volume`.",
    "services.*.volumes.*.volume.labels": """
    Labels of an anonymous volume: a mapping, or a list of `NAME=VALUE`.
    """,
    "services.*.volumes.*.volume.nocopy": """
    Whether an empty volume is left empty, and not filled from the image. Default: `false`.
    """,
    "services.*.volumes.*.volume.subpath": "Folder of the volume that is mounted. Default: all.",
    "services.*.volumes.*.tmpfs": "Options of a `tmpfs`.",
    "services.*.volumes.*.tmpfs.size": """
    Greatest size: a number of bytes, or text such as `64m`. Default: half of the memory.
    """,
    "services.*.volumes.*.tmpfs.mode": "Mode of its top folder, in octal. Default: `1777`.",
    "services.*.volumes.*.image": "Options of an `image`.",
    "services.*.volumes.*.image.subpath": "Folder of the image that is mounted. Default: all.",
    "services.*.volumes.*.x-berth": "What berth has beyond compose files.",
    "services.*.volumes.*.x-berth.bind_owner": """
    For a `bind`: `map` lets files that are made inside belong to the user who called sudo, else to \
    the owner of the source, by an id-mapped mount.
    """,
    "services.*.volumes_from": """
    Services or containers whose mounts are taken over, as `SERVICE[:ro|rw]` or \
    `container:NAME[:ro|rw]`.
    """,
    "services.*.tmpfs": """
    Folders in memory, one or a list, as `PATH[:OPTIONS]` with options such as `size=64m`.
    """,
    "services.*.configs": """
    Configs of the top level as files in the containers: names, or mappings. The file is `/NAME` \
    by default.
    """,
    "services.*.secrets": """
    Secrets of the top level as files in the containers: names, or mappings. The file is \
    `/run/secrets/NAME` by default.
    """,
    "grant.source": "The secret or config of the top level.",
    "grant.target": "Path of the file, or for builds the id. Default: made from the name.",
    "grant.uid": "Owner of the file, as a number. Default: 0.",
    "grant.gid": "Group of the file, as a number. Default: 0.",
    "grant.mode": "Mode of the file, in octal. Default: `0444`.",
  ]
}
