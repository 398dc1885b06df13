// A service: its networks, names and ports.

extension Descriptions {
  static let network: [String: String] = [
    "services.*.networks": """
    Networks that the containers join: a list of names, or a mapping. Default: `default`.
    """,
    "services.*.networks.*.aliases": """
    Further names of the service on this network. Its own name and those of its containers are \
    known anyway.
    """,
    "services.*.networks.*.ipv4_address": """
    Fixed address in the subnet of this network. Default: a free one.
    """,
    "services.*.networks.*.ipv6_address": "Fixed IPv6 address in the subnet of this network.",
    "services.*.networks.*.link_local_ips": "Further link-local addresses.",
    "services.*.networks.*.mac_address": """
    Hardware address on this network. Default: made from the IP address.
    """,
    "services.*.networks.*.interface_name": """
    Name of the interface in the container. Default: `eth0` and so on.
    """,
    "services.*.networks.*.driver_opts": "Options of the driver for this interface, by name.",
    "services.*.networks.*.priority": "Networks of higher priority are joined first. Default: 0.",
    "services.*.networks.*.gw_priority": """
    The network with the highest number has the way out. Default: 0.
    """,
    "services.*.network_mode": """
    In place of `networks`: `none`, `host` for the network of this machine, `service:NAME` or \
    `container:NAME` for that of a container.
    """,
    "services.*.mac_address": "Hardware address on the first network.",
    "services.*.links": "Services by names of this service's own, as `SERVICE[:ALIAS]`.",
    "services.*.external_links": """
    Containers outside the project by names of this service's own, as `CONTAINER[:ALIAS]`.
    """,
    "services.*.ports": """
    Ports of the containers that this machine publishes, as `[IP:][HOST:]CONTAINER[/PROTOCOL]` \
    with numbers or ranges, or as mappings. Without `HOST` a free port is taken.
    """,
    "services.*.ports.*.target": "Port of the container.",
    "services.*.ports.*.published": """
    Port of this machine, or a range from which a free one is taken. Default: any free port.
    """,
    "services.*.ports.*.host_ip": "Address of this machine to listen on. Default: all.",
    "services.*.ports.*.protocol": "`tcp`, `udp` or `sctp`. Default: `tcp`.",
    "services.*.ports.*.mode": """
    `host` or `ingress`, for swarms; on one machine they are the same. Default: `ingress`.
    """,
    "services.*.ports.*.name": "What the port is called, for readers.",
    "services.*.ports.*.app_protocol": "What is spoken on the port, such as `http`, for readers.",
    "services.*.expose": """
    Ports that the containers listen on, for readers: containers of one network reach all ports.
    """,
    "services.*.dns": "Name servers, one or a list. Default: those of this machine.",
    "services.*.dns_search": """
    Domains in which short names are looked up, one or a list. Default: those of this machine.
    """,
    "services.*.dns_opt": "Options of the resolver, as in `resolv.conf`.",
    "services.*.extra_hosts": """
    Lines of `/etc/hosts`: a list of `HOST=ADDRESS`, or a mapping. The address `host-gateway` is \
    this machine.
    """,
  ]
}
