"""Serves a page that another service has the words of."""
import http.server
import os
import signal
import sys
import urllib.request


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/alive":
            words = "alive\n"
        else:
            with urllib.request.urlopen(os.environ["GREETER"], timeout=5) as answer:
                words = answer.read().decode()
        body = words.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 8000), Page).serve_forever()
