"""Names: what `dig` in a container is told, by whom, and how soon."""

import functools
import json
import os
import signal

from upstream import DIG, address_of, addresses, dig, is_known, load_dig, resolver
from world import lookup, scenario

SLEEP = "command: sleep 1000"


def up(box, services, networks="{}", *, probe=()):
    """These services and networks; `probe`, with these settings more, is there to ask from."""
    lines = ["services:", "  probe:", f"    image: {DIG}", f"    {SLEEP}", "    stop_grace_period: 0s"]
    lines += [f"    {line}" for line in probe] + [f"  {line}" for line in services] + [f"networks: {networks}"]
    box.up("\n".join(lines) + "\n")


def busy(name, *settings):
    """A service that sleeps."""
    return [f"{name}:", "  image: IMAGE", f"  {SLEEP}", "  stop_grace_period: 0s", *(f"  {line}" for line in settings)]


def with_dig(function):
    """The scenario with dig in its store, and with a server on the host that is asked for what is not berth's."""
    @functools.wraps(function)
    def run(box):
        load_dig(box)
        with resolver(box) as upstream:
            function(box, upstream)
    return run


@scenario("E144", "A50", "A93")
@with_dig
def names_that_are_answered(box, _):
    up(box, [
        *busy("web", "networks: {default: {aliases: [Shop, www.shop]}}"),
        *busy("db", "container_name: warehouse", "hostname: stock")])
    network = f"{box.name}_default"
    web, db = address_of(box, f"{box.name}-web-1"), address_of(box, "warehouse")
    for name in ("web", f"{box.name}-web-1", "shop", "www.shop", box.id("web")[:12]):
        for spelled in (name, name.upper(), f"{name}.{network}", f"{name}."):
            box.equal(addresses(box, "probe", spelled), [web], spelled)
    for name in ("db", "warehouse", "stock", box.id("db")[:12], f"warehouse.{network}"):
        box.equal(addresses(box, "probe", name), [db], name)
    for name in ("shop.db", "we", "webb", f"web.{network}.{network}", "1-web", "_default"):
        box.true(not is_known(box, "probe", name), f"`{name}` is known")
    # The question comes back in the letters in which it was asked.
    dug = dig(box, "probe", "wEb")
    box.equal((dug.records[0][0], dug.records[0][1]), ("wEb.", 600), "name and seconds of the record")
    box.true({"qr", "rd", "ra"} <= dug.flags, f"flags: {dug.flags}")


@scenario("E145")
@with_dig
def replicas(box, _):
    """All running ones, in changing order, at once after every change."""
    up(box, busy("web", "scale: 3"))

    def wanted(*numbers):
        return sorted(address_of(box, f"{box.name}-web-{number}") for number in numbers)

    def told(what, *numbers):
        box.equal(addresses(box, "probe", "web"), wanted(*numbers), what)

    told("three replicas", 1, 2, 3)
    orders = [tuple(dig(box, "probe", "web").contents) for _ in range(30)]
    box.equal({order[0] for order in orders}, set(wanted(1, 2, 3)), "those that stood first in 30 answers")
    box.true(len(set(orders)) >= 4, f"only {len(set(orders))} orders in 30 answers")
    box.berth("up", "-d", "--scale", "web=6", "--no-recreate")
    told("after scaling up", 1, 2, 3, 4, 5, 6)
    box.berth("up", "-d", "--scale", "web=2", "--no-recreate")
    told("after scaling down", 1, 2)
    os.kill(box.record(f"{box.name}-web-2")["pid"], signal.SIGKILL)
    left = wanted(1)
    box.until(lambda: addresses(box, "probe", "web") == left, "a killed one is answered", limit=5)
    box.berth("restart", "--timeout", "0", "web")
    told("after restart", 1, 2)
    box.up(None, "--force-recreate", "--timeout", "0", "web")
    told("after new ones", 1, 2, 3)
    box.berth("kill", "web")
    box.until(lambda: addresses(box, "probe", "web") == "NXDOMAIN", "killed ones are answered", limit=5)
    box.berth("restart", "--timeout", "0", "web")
    told("after restart of killed ones", 1, 2, 3)
    box.berth("stop", "--timeout", "0", "web")
    box.equal(addresses(box, "probe", "web"), "NXDOMAIN", "after stop")
    box.berth("start", "web")
    told("after start", 1, 2, 3)
    box.berth("pause", "web")
    told("while paused", 1, 2, 3)
    box.berth("unpause", "web")


@scenario("E145")
@with_dig
def unhealthy_replicas(box, _):
    """A container that is not well is running, and is answered, as with docker."""
    up(box, busy("web", "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1, start_period: 0s}"))
    state = lambda: json.loads(box.berth("ps", "--format", "json", "web").out.splitlines()[0])["Health"]  # noqa: E731
    box.until(lambda: state() == "unhealthy", "it does not become unhealthy")
    box.equal(addresses(box, "probe", "web"), [address_of(box, f"{box.name}-web-1")])


@scenario("E146")
@with_dig
def record_types(box, upstream):
    up(box, [*busy("web"), *busy("new", "networks: [six]"), *busy("newest", "networks: [alone]")],
       "{default: {}, six: {enable_ipv6: true}, alone: {enable_ipv4: false, enable_ipv6: true}}",
       probe=["networks: [default, six, alone]"])
    web = address_of(box, f"{box.name}-web-1")
    for kind in ("AAAA", "MX", "SRV", "TXT", "SOA", "NS", "HTTPS", "PTR", "CAA"):
        dug = dig(box, "probe", "web", kind)
        box.equal((dug.code, dug.records), ("NOERROR", []), f"{kind} of a known name")
    box.equal(dig(box, "probe", "web", "ANY", "+notcp").contents, [web], "ANY")
    box.equal(dig(box, "probe", "-x", web).contents, [f"{box.name}-web-1.{box.name}_default."], "PTR")
    for kind in ("A", "AAAA", "TXT"):
        name = ".".join(reversed(web.split("."))) + ".in-addr.arpa"
        dug = dig(box, "probe", name, kind)
        box.equal((dug.code, dug.records), ("NOERROR", []), f"{kind} of a known address")
    # Of both families where the network has both.
    dug = dig(box, "probe", "new", "AAAA")
    box.true(len(dug.contents) == 1 and dug.contents[0].startswith("fd"), f"AAAA: {dug.text}")
    box.equal(dig(box, "probe", "-x", dug.contents[0]).contents, [f"{box.name}-new-1.{box.name}_six."], "PTR of IPv6")
    box.equal(len(dig(box, "probe", "new", "ANY", "+notcp").contents), 2, "ANY of both families")
    # And of IPv6 alone.
    dug = dig(box, "probe", "newest")
    box.equal((dug.code, dug.records), ("NOERROR", []), "A of a name that has IPv6 alone")
    (address,) = dig(box, "probe", "newest", "AAAA").contents
    box.equal(dig(box, "probe", "-x", address).contents, [f"{box.name}-newest-1.{box.name}_alone."], "PTR of it")
    for words in (["-x", "10.255.255.254"], ["-x", "fd00::dead"], ["stranger.example", "MX"]):
        dug = dig(box, "probe", *words)
        box.true(dug.code in ("NXDOMAIN", "NOERROR") and dug.records == [], f"{words}: {dug.text}")
    box.equal(upstream.names(), ["254.255.255.10.in-addr.arpa", f"d.a.e.d.{'0.' * 26}d.f.ip6.arpa", "stranger.example"],
              "what was passed on")


@scenario("E145", "E146")
@with_dig
def large_answers(box, _):
    """Forty addresses are more than a datagram of 512 bytes takes."""
    up(box, busy("web", "scale: 40", "networks: {default: {aliases: [crowd]}}"))
    everyone = sorted(address_of(box, f"{box.name}-web-{number}") for number in range(1, 41))
    cut = dig(box, "probe", "crowd", "+ignore", "+noedns")
    size = int(cut.text.split("MSG SIZE  rcvd: ")[1].split()[0])
    box.true("tc" in cut.flags and size <= 512 and 20 < len(cut.records) < 40, f"without EDNS: {cut.text}")
    box.true(set(cut.contents) <= set(everyone), f"strangers: {cut.contents}")
    for words, by_tcp in ((["+noedns"], True), ([], False), (["+tcp"], True), (["+tcp", "+noedns"], True)):
        dug = dig(box, "probe", "crowd", *words)
        box.equal((sorted(dug.contents), dug.by_tcp), (everyone, by_tcp), f"with {words}")
    # Those that are cut off are not always the same.
    seen = set(cut.contents)
    box.until(lambda: seen.update(dig(box, "probe", "crowd", "+ignore", "+noedns").contents) or len(seen) == 40,
              "some are never among those that fit")


@scenario("E144", "A49", "A50")
@with_dig
def scope_of_names(box, upstream):
    """Names of networks that the asker is not on, and links of others, are none."""
    more = box.more(f"{box.name}-far")
    more.up("\n".join(["services:", *(f"  {line}" for line in busy("hidden", "hostname: secret"))]) + "\n")
    up(box, [
        *busy("near", "networks: [front]"), *busy("back", "networks: [rear]", "hostname: vault"),
        *busy("both", "networks: {front: {aliases: [a-front]}, rear: {aliases: [a-rear]}}"),
        *busy("linked", "networks: [front]", "links: ['near:neighbour']"),
    ], "{front: {}, rear: {}}", probe=["networks: [front]", "links: ['both:friend']"])
    front, rear = f"{box.name}_front", f"{box.name}_rear"
    both = address_of(box, f"{box.name}-both-1", front)
    for name in ("both", "a-front", f"both.{front}", "friend"):
        box.equal(addresses(box, "probe", name), [both], name)
    for name in ("back", "vault", "a-rear", f"both.{rear}", f"{box.name}-back-1", box.id("back")[:12], "neighbour",
                 "hidden", "secret", f"{more.name}-hidden-1", f"hidden.{more.name}_default"):
        box.equal(dig(box, "probe", name).code, "NXDOMAIN", name)
        box.true(name in upstream.names(), f"`{name}` was not asked for elsewhere")
    back = address_of(box, f"{box.name}-back-1")
    for address in (back, address_of(box, f"{box.name}-both-1", rear), address_of(more, f"{more.name}-hidden-1")):
        box.equal(dig(box, "probe", "-x", address).code, "NXDOMAIN", f"{address} asked backwards")
    near = address_of(box, f"{box.name}-near-1")
    box.true(near in box.inside("linked", "nslookup -type=a neighbour 127.0.0.11"), "a link is not known to its own")
    box.equal(dig(box, "probe", "neighbour").code, "NXDOMAIN", "a link of another container")


@scenario("E144", "E155")
@with_dig
def names_after_joining(box, upstream):
    """A container that joins a network knows its names at once, and is known there; when it leaves, no more."""
    up(box, [*busy("web", "networks: {back: {aliases: [shop]}}"), *busy("front", "networks: [default]")],
       "{default: {}, back: {}}")
    probe, back = f"{box.name}-probe-1", f"{box.name}_back"
    web = address_of(box, f"{box.name}-web-1")
    neighbour = box.namespace("web")
    for _ in range(3):
        for name in ("web", "shop", f"web.{back}"):
            box.equal(dig(box, "probe", name).code, "NXDOMAIN", f"{name} before")
        box.equal(lookup(neighbour, "guest"), (3, []), "the guest before")
        box.berth("network", "connect", "--alias", "guest", back, probe)
        for name in ("web", "shop", f"web.{back}"):
            box.equal(addresses(box, "probe", name), [web], f"{name} after joining")
        box.equal(dig(box, "probe", "-x", web).contents, [f"{box.name}-web-1.{back}."], "backwards")
        box.equal(lookup(neighbour, "guest"), (0, [address_of(box, probe, back)]), "the guest")
        box.true(is_known(box, "probe", "front"), "names of its first network are gone")
        box.berth("network", "disconnect", back, probe)
        box.equal(lookup(neighbour, "probe"), (3, []), "the guest's service after it left")
    box.equal(upstream.names().count("guest"), 3, "how often the guest was asked for elsewhere")


@scenario("E147", "A193")
@with_dig
def internal_names_stay_inside(box, upstream):
    up(box, [*busy("web"), *busy("out", "networks: [default, open]")], "{default: {internal: true}, open: {}}",
       probe=["dns: [127.0.0.53]"])
    web = address_of(box, f"{box.name}-web-1")
    box.equal(addresses(box, "probe", "web"), [web])
    box.equal(dig(box, "probe", "-x", web).contents, [f"{box.name}-web-1.{box.name}_default."])
    for words in (["a.example"], ["a.example", "AAAA"], ["example", "MX"], ["a.example", "+tcp"], ["-x", "8.8.8.8"],
                  ["a.example", "@127.0.0.11"]):
        dug = dig(box, "probe", *words)
        box.equal((dug.code, dug.records), ("NXDOMAIN", []), " ".join(words))
    box.equal(upstream.names(), [], "what a server of the host's was asked")
    # With one way out there is one for names too.
    found = box.inside("out", "nslookup -type=a a.example 127.0.0.11")
    box.true("192.0.2.53" in found, f"not passed on from two networks: {found}")
    box.equal(upstream.names(), ["a.example"])


@scenario("E149", "E151")
@with_dig
def hosts_and_gateway(box, _):
    up(box, [], "{default: {enable_ipv6: true}}", probe=[
        "hostname: me", "domainname: corp.example",
        "extra_hosts: ['far=192.0.2.7', 'six=[fd00::7]', 'host.docker.internal=host-gateway']"])
    gateway = box.inside("probe", "cat /proc/net/route").splitlines()
    raw = next(line.split()[2] for line in gateway if line.split()[1] == "00000000")
    gateway = ".".join(str(int(raw[place:place + 2], 16)) for place in (6, 4, 2, 0))
    lines = [line.split() for line in box.inside("probe", "cat /etc/hosts").splitlines()]
    own = address_of(box, f"{box.name}-probe-1")
    for wanted in (["127.0.0.1", "localhost"], ["::1", "localhost", "ip6-localhost", "ip6-loopback"],
                   ["ff02::1", "ip6-allnodes"], ["ff02::2", "ip6-allrouters"], ["192.0.2.7", "far"], ["fd00::7", "six"],
                   [own, "me.corp.example", "me"], [gateway, "host.docker.internal"]):
        box.true(wanted in lines, f"no {wanted} in {lines}")
    box.equal(len([line for line in lines if line[-1] == "host.docker.internal" and line[0].startswith("fd")]), 1,
              "gateways of IPv6")
    box.true(gateway in box.inside("probe", "getent ahostsv4 host.docker.internal"), "it is not found")
    box.equal(dig(box, "probe", "me").contents, [own], "its own host name")
