#!/usr/bin/python3
"""A token server for tests: gives signed tokens to those who know a password, by the distribution
token protocol, behind TLS. Arguments: folder with sign.key, sign.crt, server.key and server.crt, user, password, seconds of a token's life.
Prints its port, then each request as a line: method, user, scopes."""

import base64
import http.server
import json
import ssl
import subprocess
import sys
import time
import urllib.parse

folder, user, password, seconds = sys.argv[1:5]
IDENTITY = "identity-of-" + user


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate():
    with open(folder + "/sign.crt") as file:
        lines = file.read().split("\n")
    return "".join(line for line in lines if line and not line.startswith("-"))


def token(subject, scopes, service):
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":", 2)
        allowed = actions.split(",") if subject else ["pull"] if name.startswith("public/") else []
        access.append({"type": kind, "name": name, "actions": allowed})
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [certificate()]}
    claims = {
        "iss": "tests", "sub": subject, "aud": service, "access": access, "iat": now,
        "nbf": now - 5, "exp": now + 300, "jti": str(time.monotonic_ns()),
    }
    text = encoded(json.dumps(head).encode()) + "." + encoded(json.dumps(claims).encode())
    signing = ["openssl", "dgst", "-sha256", "-sign", folder + "/sign.key"]
    signature = subprocess.run(signing, input=text.encode(), capture_output=True, check=True).stdout
    return text + "." + encoded(signature)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        header = self.headers.get("Authorization", "")
        subject = ""
        if header:
            wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
            if header != wanted:
                return self.answer(401, {"details": "incorrect username or password"})
            subject = user
        self.give(subject, query, "offline_token" in query)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = urllib.parse.parse_qs(body)
        if query.get("refresh_token") != [IDENTITY]:
            return self.answer(401, {"details": "invalid refresh token"})
        query["scope"] = query.get("scope", [""])[0].split()
        self.give(user, query, False)

    def give(self, subject, query, offline):
        scopes = query.get("scope", [])
        print(self.command, subject or "-", " ".join(scopes), flush=True)
        name = "access_token" if self.command == "POST" else "token"
        content = {name: token(subject, scopes, query.get("service", [""])[0])}
        content["expires_in"] = int(seconds)
        if offline and "identity" in sys.argv[5:]:
            content["refresh_token"] = IDENTITY
        self.answer(200, content)

    def answer(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/server.crt", folder + "/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
