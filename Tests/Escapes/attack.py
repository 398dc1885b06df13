"""How an attack is marked, and what most of them begin with."""

attacks = []

SERVICE = """
services:
  app:
    image: IMAGE
    command: sleep 10000
    stop_grace_period: 0s
    volumes: ["ATTACKER:/attacker:ro"]
"""


def attack(*rows):
    def mark(function):
        attacks.append((rows, function))
        return function
    return mark


def service(field, *lines, of=SERVICE):
    """The usual service, with more lines to it."""
    return of.replace("ATTACKER", field.world.attacker) + "".join(f"    {line}\n" for line in lines)
