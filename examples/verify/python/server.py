"""A service that believes the assertion alone: python server.py JWKS_URL ISSUER AUDIENCE [PORT]"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from verifier import Refused, Verifier

jwks, issuer, audience, port = (sys.argv[1:] + ["0"])[:4]
verifier = Verifier(jwks, issuer, audience)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            claims = verifier.claims(self.headers, self.command, self.path)
            print(f"{claims['action']} for {claims.get('account')}/{claims.get('workspace')}", flush=True)
            self.answer(200, {name: claims.get(name) for name in ("account", "workspace", "user")})
        except Refused as refused:
            print(f"refused: {refused}", flush=True)
            self.answer(401, {"error": str(refused)})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
print(f"listening on {server.server_address[1]}", flush=True)
server.serve_forever()
