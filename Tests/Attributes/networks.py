"""Networks: addresses, names, ways out and walls, as seen from inside the containers and from the host."""

import errno
import json
import socket
import subprocess
import sys
import time
import urllib.request

from world import scenario

SLEEPER = "image: IMAGE\n    command: sleep 1000"


def on(network, services="  app:\n    image: IMAGE\n    command: sleep 1000\n    networks: [net]\n"):
    return "services:\n" + services + "networks:\n  net:\n" + "".join(f"    {line}\n" for line in network)


def pair(**extra):
    """Two services on `net`, each with the given lines."""
    text = ""
    for name in ("one", "two"):
        text += f"  {name}:\n    {SLEEPER}\n"
        text += "".join(f"    {line}\n" for line in extra.get(name, ["networks: [net]"]))
    return text


def host(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def addresses(box, service, interface="eth0"):
    lines = box.inside(service, f"ip -o addr show dev {interface}").splitlines()
    return [line.split()[3] for line in lines]


@scenario("A197", "E136")
def ipv6_unique_local(box):
    box.up(on(["enable_ipv6: true"], pair()))
    found = [address for address in addresses(box, "one") if ":" in address and not address.startswith("fe80:")]
    box.true(len(found) == 1 and found[0].startswith("fd") and found[0].endswith("/64"), f"addresses: {found}")
    box.inside("one", "ping -6 -c 1 -W 2 two")
    box.true("default via fd" in box.inside("one", "ip -6 route"), "no default route of IPv6")
    box.true(found[0].split("/")[0] in box.inside("one", "cat /etc/hosts"), "not in /etc/hosts")
    box.true(found[0].split("/")[0] in box.inside("two", "nslookup -type=aaaa one 127.0.0.11"), "no AAAA record")


@scenario("A190", "A97", "E135")
def ipv6_static(box):
    box.up(on(
        ["enable_ipv6: true", "ipam:", "  config:", "    - subnet: 10.77.5.0/24", "    - subnet: fd77:5::/64",
         "      gateway: fd77:5::9"],
        pair(one=["networks: {net: {ipv4_address: 10.77.5.20, ipv6_address: \"fd77:5::20\"}}"])))
    box.true("fd77:5::20/64" in addresses(box, "one") and "10.77.5.20/24" in addresses(box, "one"), "not as asked for")
    box.true("default via fd77:5::9" in box.inside("one", "ip -6 route"), "another gateway")
    box.inside("two", "ping -6 -c 1 -W 2 fd77:5::20")


@scenario("A196", "E136")
def ipv6_alone(box):
    box.up(on(["enable_ipv4: false", "enable_ipv6: true"], pair(
        one=["networks: [net]", "extra_hosts: [\"up:host-gateway\"]"])))
    found = addresses(box, "one")
    box.true(not [address for address in found if "." in address], f"addresses: {found}")
    box.inside("two", "ping -6 -c 1 -W 2 one")
    box.true("fd" in box.inside("one", "grep up /etc/hosts"), "host-gateway is not of IPv6")
    box.true("fd" not in box.inside("two", "nslookup -type=a one 127.0.0.11"), "an A record")


@scenario("A196")
def ipv4_and_ipv6_off(box):
    box.refused(on(["enable_ipv4: false"]), "enable_ipv6: true")


@scenario("A97")
def ipv6_address_without_ipv6(box):
    box.refused(on([], "  app: {image: IMAGE, networks: {net: {ipv6_address: \"fd77:6::2\"}}}\n"), "no IPv6")


@scenario("A190")
def ipv6_subnet_without_ipv6(box):
    box.refused(on(["ipam: {config: [{subnet: \"fd77:7::/64\"}]}"]), "enable_ipv6")


@scenario("A191")
def aux_addresses(box):
    box.up(on(["ipam: {config: [{subnet: 10.77.8.0/29, aux_addresses: {router: 10.77.8.2}}]}"]))
    box.equal(addresses(box, "app"), ["10.77.8.3/29"])
    box.refused(on(["ipam: {config: [{subnet: 10.77.8.0/29, aux_addresses: {router: 10.77.9.2}}]}"]), "router")


@scenario("A186", "E138")
def icc_off(box):
    box.up(on(["driver_opts: {com.docker.network.bridge.enable_icc: \"false\"}"], pair()))
    target = addresses(box, "two")[0].split("/")[0]
    box.berth("exec", "-T", "one", "ping", "-c", "1", "-W", "1", target, code=1)
    gateway = box.inside("one", "ip route").split()[2]
    box.inside("one", f"ping -c 1 -W 2 {gateway}")


@scenario("A186")
def icc_on(box):
    box.up(on(["driver_opts: {com.docker.network.bridge.enable_icc: \"true\"}"], pair()))
    box.inside("one", "ping -c 1 -W 2 two")


@scenario("A186", "E134")
def bridge_options(box):
    box.up(on([
        "driver_opts:", "  com.docker.network.bridge.name: lanbr7", "  com.docker.network.driver.mtu: \"1400\"",
        "  com.docker.network.container_iface_prefix: lan"]))
    box.true("mtu 1400" in host("ip", "link", "show", "lanbr7"), "no such bridge")
    box.true("mtu 1400" in box.inside("app", "ip link show lan0"), "the interface inside")


@scenario("A186")
def unknown_bridge_option(box):
    box.refused(on(["driver_opts: {com.docker.network.bridge.colour: red}"]), "com.docker.network.bridge.colour")
    box.refused(on(["driver_opts: {com.docker.network.bridge.enable_icc: perhaps}"]), "perhaps")
    box.refused(on(["driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}"]), "internal: true")


@scenario("A186")
def no_masquerade(box):
    options = "driver_opts: {com.docker.network.bridge.enable_ip_masquerade: \"false\"}"
    box.up(on([options, "ipam: {config: [{subnet: 10.77.10.0/24}]}"]))
    rules = host("nft", "list", "ruleset")
    box.true("ip saddr 10.77.10.0/24 masquerade" not in rules and "10.77.10.0/24" in rules, rules)


@scenario("A186")
def isolated_gateway(box):
    options = "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}"
    box.up(on([options, "internal: true", "ipam: {config: [{subnet: 10.77.11.0/24}]}"], pair()))
    box.inside("one", "ping -c 1 -W 2 two")
    box.true("10.77.11.1" not in host("ip", "addr"), "the bridge has an address")


@scenario("A100", "A101")
def interface_names(box):
    box.up("""
      services:
        app:
          image: IMAGE
          command: sleep 1000
          networks:
            net: {interface_name: lan7}
            other:
              driver_opts:
                com.docker.network.endpoint.ifname: wan7
                com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.log_martians=1
      networks: {net: {}, other: {}}
    """)
    names = box.inside("app", "ls /sys/class/net").split()
    box.equal(sorted(names), ["lan7", "lo", "wan7"])
    box.equal(box.inside("app", "cat /proc/sys/net/ipv4/conf/wan7/log_martians"), "1")
    box.equal(box.inside("app", "cat /proc/sys/net/ipv4/conf/lan7/log_martians"), "0")


@scenario("A98")
def link_local(box):
    box.up(on([], "  app:\n    image: IMAGE\n    command: sleep 1000\n    networks: {net: {link_local_ips: [169.254.8.8]}}\n"))
    box.true("169.254.8.8/32" in addresses(box, "app"), "no such address")


@scenario("A49", "A50")
def links(box):
    box.up("""
      services:
        app:
          image: IMAGE
          command: sleep 1000
          links: ["db:database", "cache"]
          external_links: ["links-db-1:far"]
        db: {image: IMAGE, command: sleep 1000}
        cache: {image: IMAGE, command: sleep 1000}
    """)
    address = addresses(box, "db")[0].split("/")[0]
    for name in ("database", "far", "db"):
        box.true(address in box.inside("app", f"nslookup -type=a {name} 127.0.0.11"), f"`{name}` is not known")
    box.berth("exec", "-T", "cache", "nslookup", "-type=a", "database", "127.0.0.11", code=1)


PORTS = """
      services:
        web:
          image: IMAGE
          command: sh -c "mkdir -p /w; echo seen > /w/index.html; busybox httpd -p [::]:80 -h /w; sleep 1000"
          ports: ["0:80", "0:5353/udp"]
          NETWORKS
"""


def fetch(box, url):
    """What the host reads there, tried until it answers."""
    for _ in range(40):
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.read().decode().strip()
        except OSError as error:
            reason = str(error)
        time.sleep(0.05)
    return f"no answer: {reason}"


def published(box, transport="tcp"):
    rows = json.loads("[" + ",".join(box.berth("ps", "--format", "json").out.strip().splitlines()) + "]")
    return next(each["PublishedPort"] for row in rows for each in row["Publishers"] if each["Protocol"] == transport)


@scenario("A108", "E139")
def port_on_both_families(box):
    box.up(PORTS.replace("NETWORKS", ""))
    port = published(box)
    for address in ("127.0.0.1", "[::1]"):
        box.equal(fetch(box, f"http://{address}:{port}/"), "seen", address)
    shown = box.berth("ps").out
    box.true(f"0.0.0.0:{port}->80/tcp" in shown and f"[::]:{port}->80/tcp" in shown, f"ps does not show both: {shown}")


@scenario("A108", "E139", "E136")
def port_with_ipv6_inside(box):
    text = PORTS.replace("NETWORKS", "networks: [net]") + "      networks: {net: {enable_ipv6: true}}\n"
    box.up(text)
    port = published(box)
    subprocess.run(["ip", "link", "add", "dummy6", "type", "veth", "peer", "name", "dummy7"])
    subprocess.run(["ip", "link", "set", "dummy6", "up"])
    subprocess.run(["ip", "link", "set", "dummy7", "up"])
    subprocess.run(["ip", "address", "add", "fd99::1/64", "dev", "dummy6", "nodad"])
    for address in ("127.0.0.1", "[::1]", "[fd99::1]"):
        box.equal(fetch(box, f"http://{address}:{port}/"), "seen", address)


@scenario("A196", "E139")
def port_of_ipv6_alone(box):
    box.up(PORTS.replace("NETWORKS", "networks: [net]")
           + "      networks: {net: {enable_ipv4: false, enable_ipv6: true}}\n")
    for address in ("127.0.0.1", "[::1]"):
        box.equal(fetch(box, f"http://{address}:{published(box)}/"), "seen", address)
    echoing(box, socket.AF_INET6)


@scenario("A108")
def port_on_one_address(box):
    box.up(PORTS.replace("0:80", "127.0.0.1:0:80").replace("NETWORKS", ""))
    port = published(box)
    box.equal(fetch(box, f"http://127.0.0.1:{port}/"), "seen")
    with socket.socket(socket.AF_INET6) as client:
        client.settimeout(2)
        box.equal(client.connect_ex(("::1", port)), errno.ECONNREFUSED, "connecting to [::1]")


@scenario("A109", "E139")
def datagrams_on_ipv6(box):
    box.up(PORTS.replace("NETWORKS", ""))
    echoing(box, socket.AF_INET)


def echoing(box, family):
    """Datagrams come back from the published port, by both families of the host."""
    port = published(box, "udp")
    # Nothing in the image answers datagrams: a program of the test does so in the container's network.
    echo = (f"import socket; s = socket.socket({int(family)}, socket.SOCK_DGRAM); s.bind(('', 5353))\n"
            "while True: s.sendto(*s.recvfrom(64))")
    server = subprocess.Popen(["nsenter", "-t", str(box.pid("web")), "-n", sys.executable, "-c", echo])
    try:
        ask(box, port)
    finally:
        server.kill()
        server.wait()


def ask(box, port):
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.connect((address, port))
            box.equal(echoed(client), b"hello", address)


def echoed(client):
    for _ in range(50):
        try:
            client.send(b"hello")
            return client.recv(64)
        except OSError:
            continue
    return None


@scenario("A186", "A108")
def host_binding(box):
    options = 'driver_opts: {com.docker.network.bridge.host_binding_ipv4: 127.0.0.1}'
    box.up(PORTS.replace("NETWORKS", "networks: [net]") + "      networks: {net: {" + options + "}}\n")
    port = published(box)
    box.true(f"127.0.0.1:{port}->80/tcp" in box.berth("ps").out, box.berth("ps").out)
    box.equal(fetch(box, f"http://127.0.0.1:{port}/"), "seen")


@scenario("A196", "S-74")
def no_ipv6_unless_asked(box):
    box.up(on([]))
    box.equal(box.inside("app", "cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6"), "1")
    box.equal([each for each in addresses(box, "app") if ":" in each], [])


@scenario("A187", "E153")
def macvlan(box):
    subprocess.run(["ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1"])
    for name in ("lan0", "lan1"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    box.up(on(["driver: macvlan", "driver_opts: {parent: lan0}", "ipam: {config: [{subnet: 10.77.20.0/24}]}"], pair()))
    box.inside("one", "ping -c 1 -W 2 two")
    box.true("default via 10.77.20.1" in box.inside("one", "ip route"), "no default route")
    # A neighbour on the other end of the cable sees them too.
    subprocess.run(["ip", "address", "add", "10.77.20.200/24", "dev", "lan1"], check=True)
    box.inside("one", "ping -c 1 -W 2 10.77.20.200")


@scenario("A187")
def macvlan_without_parent(box):
    box.refused(on(["driver: macvlan", "driver_opts: {parent: nowhere0}"]), "nowhere0")
    box.refused(on(["driver: macvlan", "driver_opts: {parent: lo, macvlan_mode: sideways}"]), "sideways")
    box.refused(on(["driver: overlay"]), "overlay")


@scenario("A188", "E153", needs=["v2"])
def ipvlan(box):
    """The kernel of this machine may lack ipvlan: it is tried in the virtual machine."""
    subprocess.run(["ip", "link", "add", "lan2", "type", "veth", "peer", "name", "lan3"])
    for name in ("lan2", "lan3"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    box.up(on(["driver: ipvlan", "driver_opts: {parent: lan2}", "ipam: {config: [{subnet: 10.77.21.0/24}]}"], pair()))
    box.inside("one", "ping -c 1 -W 2 two")
