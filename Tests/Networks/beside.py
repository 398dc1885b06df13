"""Beside firewalls of others that drop what is forwarded: what works at once, what berth says, and that its words help.

Each scenario lays rules on the host as another program does, looks who reaches whom, types the commands of berth's warning
word by word, and looks again. `ufw` and `firewall-cmd` are played by what they do to the rules (see `Stand`).
"""

import os
import re
import shlex

from world import TOP, Question, ask, scenario

PROJECT = """
  services:
    web: {image: IMAGE, hostname: web, volumes: ["ANSWER:/answer:ro"], command: /answer - 80, networks: [net],
          stop_signal: SIGKILL, ports: ["8080:80", "8080:80/udp"]}
    twin: {image: IMAGE, hostname: twin, volumes: ["ANSWER:/answer:ro"], command: /answer - 80, networks: [net],
           stop_signal: SIGKILL}
  networks:
    net: {enable_ipv6: true}
"""

DOCKER = """
*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT ACCEPT
:DOCKER -
:DOCKER-ISOLATION-STAGE-1 -
:DOCKER-ISOLATION-STAGE-2 -
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br-0d0c0k0e0r01 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-0d0c0k0e0r01 -j DOCKER
-A FORWARD -i br-0d0c0k0e0r01 ! -o br-0d0c0k0e0r01 -j ACCEPT
-A FORWARD -i br-0d0c0k0e0r01 -o br-0d0c0k0e0r01 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i br-0d0c0k0e0r01 ! -o br-0d0c0k0e0r01 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o br-0d0c0k0e0r01 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
"""

UFW = """
*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
:P-before-input -
:P-before-forward -
:P-user-input -
:P-user-forward -
:P-skip-to-policy-forward -
-A INPUT -j P-before-input
-A FORWARD -j P-before-forward
-A P-before-input -i lo -j ACCEPT
-A P-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
NEIGHBOURS
-A P-before-input -j P-user-input
-A P-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A P-before-forward -j P-user-forward
-A P-skip-to-policy-forward -j DROP
COMMIT
"""

NATIVE = """
table inet filter {
  chain input { type filter hook input priority 0; policy accept; }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
  }
}
"""

# What is refused at the end although the policy is to accept.
CLASSIC = """
*filter
:FORWARD ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j REJECT
COMMIT
"""

FIREWALLD = """
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_ZONES { }
}
"""


class Stand:
    """A host with rules of another program, and a project of berth on it."""

    def __init__(self, box):
        self.box, self.world = box, box.world
        for machine in ("lan", "other"):
            self.world.serve(machine, "80")

    def rules(self):
        """All but berth's own, without counters: what nobody but their owner may change."""
        text = re.sub(r"counter packets \d+ bytes \d+", "counter", self.world.run("host", "nft", "list", "ruleset"))
        return [table for table in re.split(r"^(?=table )", text, flags=re.M) if not table.startswith("table inet berth")]

    def restore(self, rules, rules6=None):
        self.world.run("host", "iptables-restore", input=rules)
        self.world.run("host", "ip6tables-restore", input=rules6 or rules)

    def type(self, command):
        """As the user would, with stand-ins for programs that this machine need not have."""
        words = shlex.split(command)
        if words[0] == "ufw":
            # ufw route allow in|out on LINK
            option = {"in": "-i", "out": "-o"}[words[3]]
            for program, prefix in (("iptables", "ufw"), ("ip6tables", "ufw6")):
                self.world.run("host", program, "-A", f"{prefix}-user-forward", option, words[5], "-j", "ACCEPT")
        elif words[0] == "firewall-cmd":
            # --permanent --zone=trusted --add-interface=LINK, and --reload
            for link in (word.split("=")[1] for word in words if word.startswith("--add-interface=")):
                self.world.run("host", "nft", "add", "rule", "inet", "firewalld", "filter_FORWARD_ZONES",
                               f'iifname "{link.replace("+", "*")}" accept')
        else:
            self.world.run("host", *words)

    def cells(self):
        """Names of ways, and whether each is open."""
        namespaces = {name: self.box.namespace(name) for name in ("web", "twin")} | self.world.namespaces
        inside = self.box.addresses(namespaces["web"])["eth0"]
        ways = {
            "inside": [("twin", address, 80) for address in inside],
            "host": [("host", address, 8080) for address in ("127.0.0.1", "::1", "10.99.0.1", "fd99::1")],
            "in": [("lan", "10.99.0.1", 8080), ("other", "10.98.0.1", 8080)],
            "in6": [("lan", "fd99::1", 8080), ("other", "fd98::1", 8080)],
            "out": [("web", "10.99.0.2", 80)],
            "out6": [("web", "fd99::2", 80)],
            # By another link than that of the default route.
            "aside": [("twin", "10.98.0.2", 80)],
            "aside6": [("twin", "fd98::2", 80)],
        }
        questions = {(way, cell, transport): Question(namespaces[cell[0]], *cell[1:], transport)
                     for way, cells in ways.items() for cell in cells for transport in ("tcp", "udp")}
        ask(list(questions.values()), limit=1.5)
        return {way: {question.answer is not None for key, question in questions.items() if key[0] == way} for way in ways}

    def expect(self, closed, when):
        for way, found in self.cells().items():
            self.box.equal(found, {way not in closed}, f"{when}, the way `{way}` is open")

    def try_all(self, closed, *words, left=()):
        """`closed`: what does not work at first. `words`: of the warnings that say how to mend it. `left`: what is
        closed even then."""
        before = self.rules()
        outcome = self.box.up(PROJECT)
        for word in words:
            self.box.true(word in outcome.err, f"no `{word}` in what berth says: {outcome.err}")
        self.box.equal(outcome.err.count("warning:"), len(words), f"warnings in {outcome.err}: their count")
        self.expect(closed, "before berth's words are heeded")
        self.box.equal(self.rules(), before, "rules of others")
        self.box.berth("down")
        self.box.equal(self.rules(), before, "rules of others after `down`")
        for line in outcome.err.splitlines():
            for command in re.findall("`([^`]+)`", line) if line.startswith("hint:") else []:
                self.type(command)
        mended = self.rules()
        again = self.box.up()
        self.box.true("warning" not in again.err, f"it warns again: {again.err}")
        self.expect(left, "when berth's words are heeded")
        self.box.berth("down")
        self.box.equal(self.rules(), mended, "rules of others after all")


ALL = ("in", "in6", "out", "out6", "aside", "aside6")


@scenario("S-71", needs=["iptables-nft"])
def beside_docker(box):
    """dockerd sets the policy of IPv4's FORWARD, and of IPv6's where it has networks with it. What berth says to type lets
    nobody to docker's own containers: out by the default route's link alone."""
    stand = Stand(box)
    stand.world.run("host", "iptables-restore", input=DOCKER)
    stand.try_all(("in", "out", "aside"), "DOCKER-USER -m devgroup", left=("aside",))


@scenario("S-71", needs=["iptables-nft"])
def beside_docker_with_bridge_filter(box):
    """With br_netfilter, as docker has it, even neighbours on one bridge meet that policy."""
    if not box.world.bridges_filter(True):
        return
    stand = Stand(box)
    stand.restore(DOCKER)
    stand.try_all((*ALL, "inside"), "`iptables -I DOCKER-USER", "`ip6tables -I DOCKER-USER",
                  left=("aside", "aside6"))


@scenario("S-71", needs=["iptables-nft"])
def beside_ufw(box):
    stand = Stand(box)
    stand.restore(UFW.replace("P-", "ufw-").replace("NEIGHBOURS\n", ""),
                  UFW.replace("P-", "ufw6-").replace("NEIGHBOURS", "-A ufw6-before-input -p icmpv6 -j ACCEPT"))
    stand.try_all(ALL, "ufw route allow in on br-+")


@scenario("S-71", needs=["iptables-nft"])
def beside_iptables(box):
    stand = Stand(box)
    stand.restore(CLASSIC)
    stand.try_all(ALL, "`iptables -I FORWARD -m devgroup", "`ip6tables -I FORWARD -m devgroup")


@scenario("S-71")
def beside_nftables(box):
    stand = Stand(box)
    stand.world.run("host", "nft", "-f", "-", input=NATIVE)
    stand.try_all(ALL, "nft insert rule inet filter forward")


@scenario("S-71")
def beside_firewalld(box):
    """It lets pass what was translated: published ports work at once."""
    stand = Stand(box)
    stand.world.run("host", "nft", "-f", "-", input=FIREWALLD)
    stand.try_all(("out", "out6", "aside", "aside6"), "firewall-cmd --permanent --zone=trusted --add-interface=br-+")


@scenario("S-71")
def beside_an_open_firewall(box):
    """Chains that drop some and let the rest pass are no reason to say anything."""
    stand = Stand(box)
    stand.world.run("host", "nft", "-f", "-", input="""
      table inet filter {
        chain forward {
          type filter hook forward priority 0; policy accept;
          ip saddr 192.0.2.0/24 drop
          ct state established,related accept
        }
        chain output { type filter hook output priority 0; policy accept; ip daddr 192.0.2.0/24 drop; }
      }
    """)
    stand.try_all(())


def examples():
    """The tables in docs/networks.md: what a user may add."""
    with open(os.path.join(TOP, "docs/networks.md")) as file:
        found = re.findall(r"((?:^    .*\n)+)", file.read(), flags=re.M)
    return [text for text in found if text.lstrip().startswith("table inet")]


@scenario("S-71")
def a_users_own_rules(box):
    """Both examples of the document: who may ask published ports, and a machine that stays no router."""
    stand = Stand(box)
    chosen, alone = examples()
    box.up(PROJECT)
    lan = box.world.namespaces["lan"]
    router = Question(lan, "10.98.0.2", 80, "tcp")
    ask([router])
    box.equal(router.answer, "other 10.99.0.2", "what a neighbour reaches by a machine that sends on packets")
    stand.world.run("host", "nft", "-f", "-", input=chosen)
    cells = [Question(lan, "10.99.0.1", 8080, "tcp"),
             Question(box.world.namespaces["other"], "10.98.0.1", 8080, "tcp", hopeful=False),
             Question(box.namespace("twin"), "10.99.0.2", 80, "tcp")]
    ask(cells)
    box.equal([each.answer is not None for each in cells], [True, False, True], "the first example: lan, other, outward")
    stand.world.run("host", "nft", "delete", "table", "inet", "mine")
    stand.world.run("host", "nft", "-f", "-", input=alone)
    stand.expect((), "with the second example")
    router = Question(lan, "10.98.0.2", 80, "tcp", hopeful=False)
    ask([router])
    box.equal(router.answer, None, "what a neighbour reaches by a machine that is no router")
    box.berth("down")
    box.true("warning" not in box.up().err, "berth takes the second example for a wall")


@scenario("S-71")
def a_network_made_by_hand(box):
    """`berth network create` and the network that `network_mode: bridge` makes say it as well."""
    Stand(box).world.run("host", "nft", "-f", "-", input=NATIVE)
    try:
        outcome = box.berth("network", "create", "by-hand")
        box.true("nft insert rule inet filter forward" in outcome.err, f"`network create` says: {outcome.err}")
        outcome = box.up("services: {app: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, network_mode: bridge}}")
        box.true("nft insert rule inet filter forward" in outcome.err, f"`up` says: {outcome.err}")
        box.berth("down")
    finally:
        box.berth("network", "rm", "by-hand", code=None)
