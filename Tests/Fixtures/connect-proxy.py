#!/usr/bin/python3
"""A proxy for tests: joins every CONNECT to one port of loopback, for those who know its password.
Arguments: user:password, port. Prints its own port, then each CONNECT's target, `?` before it for one
without the password."""

import base64
import socket
import sys
import threading

secret, target = sys.argv[1], int(sys.argv[2])
wanted = "proxy-authorization: basic " + base64.b64encode(secret.encode()).decode()


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(4096)
        if not data or len(head) > 16384:
            return client.close()
        head += data
    lines = head.decode().split("\r\n")
    name = lines[0].split(" ")[1]
    if not any(line.lower() == wanted.lower() for line in lines):
        print("?" + name, flush=True)
        client.sendall(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n")
        return client.close()
    print(name, flush=True)
    server = socket.create_connection(("127.0.0.1", target))
    client.sendall(b"HTTP/1.1 200 Joined\r\n\r\n")
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    copy(client, server)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
