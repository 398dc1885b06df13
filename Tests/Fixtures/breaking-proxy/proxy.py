# Stands between a puller and a registry, and breaks as the first word of the file MODE says:
# `pass` does no harm, `cut` ends one large answer in its middle and then passes, `gone` ends it and
# takes no connection any more. Usage: proxy.py UPSTREAM_PORT MODE. Prints the port that it took.
import os, socket, sys, threading

upstream, mode_file = int(sys.argv[1]), sys.argv[2]
LARGE = 100_000


def mode():
    with open(mode_file) as file:
        return file.read().split()[0]


def set_mode(text):
    with open(mode_file + ".new", "w") as file:
        file.write(text + "\n")
    os.rename(mode_file + ".new", mode_file)


def pump(source, target, breaks):
    passed = 0
    try:
        while data := source.recv(16384):
            target.sendall(data)
            passed += len(data)
            if breaks and passed > LARGE and mode() in ("cut", "gone"):
                set_mode({"cut": "pass", "gone": "dead"}[mode()])
                break
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    if mode() == "dead":
        client.close()
        continue
    server = socket.create_connection(("127.0.0.1", upstream))
    threading.Thread(target=pump, args=(client, server, False), daemon=True).start()
    threading.Thread(target=pump, args=(server, client, True), daemon=True).start()
