"""Lines that are passed on to the logs of the machine, with a listener in the place of each."""

import os
import re
import socket
import struct

from attached import file, service, states
from world import scenario


def done(box):
    box.until(lambda: states(box)["app"][0] == "exited", "it does not end")


def received(listener, count):
    listener.settimeout(10)
    return [listener.recv(65536) for _ in range(count)]


SAYS = "sh -c 'echo one; echo two >&2; printf end'"


@scenario("E126", "E130", "E132")
def syslog(box):
    """Over a socket of the machine, over UDP and over TCP; `logs` has the lines all the same."""
    path = box.path("log.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        options = f'{{syslog-address: "unix://{path}", syslog-facility: local3, tag: "my/{{{{.Name}}}}"}}'
        file(box, app=service(SAYS, f", logging: {{driver: syslog, options: {options}}}"))
        box.berth("up", "-d")
        messages = sorted(received(listener, 3), key=lambda message: message.split(b": ")[1])
        for message, wanted in zip(messages, ((158, "end"), (158, "one"), (155, "two"))):
            form = rf"<{wanted[0]}>\w{{3}} [ \d]\d \d\d:\d\d:\d\d my/{box.name}-app-1\[\d+\]: {wanted[1]}"
            box.true(re.fullmatch(form, message.decode()), f"{message}")
    done(box)
    box.equal(sorted(box.berth("logs", "--no-log-prefix").out.split()), ["end", "one", "two"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"udp://localhost:{listener.getsockname()[1]}"
        box.up(f"""
          services:
            app:
              image: IMAGE
              command: echo one
              logging: {{driver: syslog, options: {{syslog-address: "{address}", syslog-format: rfc5424}}}}
        """)
        message = received(listener, 1)[0].decode()
        form = rf"<30>1 \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ {box.id('app')[:12]} \d+ \w{{12}} - one"
        box.true(re.fullmatch(form, message), message)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(10)
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        box.up(f"""
          services:
            app:
              image: IMAGE
              command: seq 1 200
              logging: {{driver: syslog, options: {{syslog-address: "{address}"}}}}
        """)
        connection = listener.accept()[0]
        connection.settimeout(10)
        text = b""
        while piece := connection.recv(65536):
            text += piece
        connection.close()
        box.equal([line.rsplit(b" ")[-1] for line in text.splitlines()], [b"%d" % number for number in range(1, 201)])


@scenario("E126")
def nobody_listens(box):
    """A log that is not there, or does not read, holds nothing up."""
    nowhere = ', logging: {driver: syslog, options: {syslog-address: "unix:///nowhere/log"}}'
    file(box, app=service("seq 1 20000", nowhere))
    box.berth("up", "-d")
    done(box)
    box.equal(len(box.log("app").split()), 20000)
    path = box.path("log.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        deaf = f', logging: {{driver: syslog, options: {{syslog-address: "unix://{path}"}}}}'
        file(box, app=service("seq 1 20000", deaf))
        box.berth("up", "-d")
        done(box)
        box.equal(len(box.log("app").split()), 20000)


@scenario("E126", "E130")
def journald(box):
    """In journald's own form: fields, and lines of any bytes."""
    folder = "/run/systemd/journal"
    if os.path.exists(f"{folder}/socket"):
        # This machine has one; whether it took the line is its own affair.
        file(box, app=service(SAYS, ", logging: {driver: journald}"))
        box.berth("up", "-d")
        return done(box)
    made = [path for path in ("/run/systemd", folder) if not os.path.isdir(path)]
    for path in made:
        os.mkdir(path)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(f"{folder}/socket")
            box.up("""
              services:
                app:
                  image: IMAGE
                  command: printf 'a\\377b\\n'
                  environment: {STAGE: prod, ZONE_A: one, ANY_ZONE: not asked for}
                  labels: {com.example.team: "red"}
                  logging: {driver: journald, options: {tag: shop, env: STAGE, env-regex: ^ZONE, labels-regex: team$}}
            """)
            message = received(listener, 1)[0]
        head, rest = message.split(b"MESSAGE\n")
        fields = dict(line.split(b"=", 1) for line in head.splitlines())
        box.equal(fields[b"CONTAINER_NAME"].decode(), f"{box.name}-app-1")
        named = [fields[name] for name in (b"PRIORITY", b"SYSLOG_IDENTIFIER", b"CONTAINER_TAG")]
        box.equal(named, [b"6", b"shop", b"shop"])
        box.equal((fields[b"STAGE"], fields[b"COM_EXAMPLE_TEAM"], fields[b"ZONE_A"]), (b"prod", b"red", b"one"))
        box.true(b"ANY_ZONE" not in fields, f"a variable that was not asked for: {fields}")
        box.equal(fields[b"CONTAINER_ID_FULL"].decode(), box.id("app"))
        box.equal(rest, struct.pack("<Q", 3) + b"a\xffb\n")
    finally:
        os.unlink(f"{folder}/socket")
        for path in reversed(made):
            os.rmdir(path)
