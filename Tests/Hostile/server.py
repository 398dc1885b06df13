"""An HTTP server on loopback that keeps to the protocol only as far as it is told."""

import socket
import ssl
import struct
import threading

from oci import digest

REASONS = {200: "OK", 206: "Partial Content", 307: "Temporary Redirect", 401: "Unauthorized", 404: "Not Found"}


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition("?")

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)

    @property
    def offset(self):
        """Where an asked-for range begins; 0 without one."""
        text = (self.header("range") or "").removeprefix("bytes=").partition("-")[0]
        return int(text) if text.isdigit() else 0


class Reply:
    """What is sent. `length` is what Content-Length says: that of the body by default, none for None.
    `cut` sends so many bytes of the body and then resets; `close` closes after the body. `stalls` says
    nothing more after the head, or after `cut` bytes. `pace` is bytes and seconds between them."""

    def __init__(self, status=200, body=b"", kind=None, headers=(), length=-1, cut=None, close=False,
                 chunked=False, pace=None, stalls=False, head=None):
        self.status, self.body, self.headers = status, body, list(headers)
        self.length, self.cut, self.close, self.chunked = length, cut, close, chunked
        self.pace, self.stalls, self.head_bytes = pace, stalls, head
        if kind:
            self.headers.insert(0, ("Content-Type", kind))

    def head(self):
        if self.head_bytes is not None:
            return self.head_bytes
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Other')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.length is not None:
            lines.append(f"Content-Length: {len(self.body) if self.length == -1 else self.length}")
        if self.close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Gone(Exception):
    """The connection is to be given up."""


class Connection:
    """One client's connection, for replies and for those who write to it themselves."""

    def __init__(self, raw, stopping):
        self.raw, self.stopping = raw, stopping

    def send(self, data):
        try:
            self.raw.sendall(data)
        except OSError:
            raise Gone from None

    def reset(self):
        """Closes so that the other end gets an error and not an end."""
        linger = struct.pack("ii", 1, 0)
        try:
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except OSError:
            pass  # gone already
        raise Gone

    def stall(self, seconds=300):
        """Says nothing until the client has gone or the server ends."""
        self.raw.settimeout(0.2)
        for _ in range(int(seconds / 0.2)):
            if self.stopping.is_set():
                break
            try:
                if not self.raw.recv(4096):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        raise Gone

    def dribble(self, data, count, pause):
        for start in range(0, len(data), count):
            self.send(data[start:start + count])
            if self.stopping.wait(pause):
                raise Gone

    def reply(self, reply, method):
        self.send(reply.head())
        if method == "HEAD" or reply.status in (204, 304):
            return
        body = reply.body if reply.cut is None else reply.body[:reply.cut]
        if reply.pace:
            self.dribble(body, *reply.pace)
        elif reply.chunked:
            for start in range(0, len(body), 65536):
                part = body[start:start + 65536]
                self.send(b"%x\r\n" % len(part) + part + b"\r\n")
            if reply.cut is None:
                self.send(b"0\r\n\r\n")
        else:
            self.send(body)
        if reply.stalls:
            self.stall()
        if reply.cut is not None:
            self.reset()
        if reply.close or (reply.length is None and not reply.chunked):
            raise Gone


class Server:
    """Calls `handler(request)` for each request; it gives a Reply or a function of the connection.
    `on_connect(connection, number)` comes before. All requests are kept in `requests`, as they came."""

    def __init__(self, handler, host="127.0.0.1", tls=None, on_connect=None):
        self.handler, self.tls, self.on_connect = handler, tls, on_connect
        self.requests = []
        self.connections = 0
        self.stopping = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=128)
        self.port = self.listener.getsockname()[1]
        self.address = f"{host}:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            raw.settimeout(60)
            self.connections += 1
            if self.on_connect:
                self.on_connect(Connection(raw, self.stopping), self.connections)
            if self.tls:
                raw = self.tls.wrap_socket(raw, server_side=True)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(raw, self.stopping)
            rest = b""
            while not self.stopping.is_set():
                request, rest = self.read(raw, rest)
                if request is None:
                    break
                self.requests.append(request)
                answer = self.handler(request)
                if isinstance(answer, Reply):
                    connection.reply(answer, request.method)
                else:
                    answer(connection)
        except (Gone, OSError, ssl.SSLError, ValueError):
            pass  # the client is gone or says what is no HTTP: it will tell what it made of us
        finally:
            raw.close()

    @staticmethod
    def read(raw, rest):
        while b"\r\n\r\n" not in rest:
            part = raw.recv(65536)
            if not part or len(rest) > 1 << 20:
                return None, b""
            rest += part
        head, _, rest = rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = [line.partition(":") for line in lines]
        headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
        length = int(next((value for name, value in headers if name == "content-length"), 0))
        while len(rest) < length:
            part = raw.recv(65536)
            if not part:
                return None, b""
            rest += part
        return Request(method, target, headers, rest[:length]), rest[length:]

    def stop(self):
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        except OSError:
            pass  # stopped before
        self.listener.close()


class Shelf:
    """The handler of an honest registry: documents by their path below `/v2/`."""

    def __init__(self):
        self.documents = {}

    def put(self, image, name, tag="latest"):
        documents = image.documents(name, tag)
        self.documents |= documents
        return documents

    def remove(self, documents):
        for path in documents:
            self.documents.pop(path, None)

    def __call__(self, request):
        found = self.documents.get(request.path.removeprefix("/v2/"))
        if found is None:
            body = b'{"errors":[{"code":"UNKNOWN","message":"unknown"}]}'
            return Reply(404, body, "application/json")
        kind, body = found
        if isinstance(body, Reply) or callable(body):
            return body
        headers = []
        if "/manifests/" in request.path:
            headers = [("Docker-Content-Digest", digest(body))]
        start = request.offset
        if 0 < start < len(body):
            headers.append(("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}"))
            return Reply(206, body[start:], kind, headers)
        return Reply(200, body, kind, headers)
