"""Writes keys, a token and the configurations of the loopback bench into the folder given."""

import base64
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time

work = pathlib.Path(sys.argv[1])
root = pathlib.Path(__file__).resolve().parents[2]
ISS = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Bench"


def free(count):
    """Ports, all different: each is held until all are known."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    found = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return found


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout


key = work / "key.pem"
openssl("genrsa", "-out", str(key), "2048")
openssl("rsa", "-in", str(key), "-pubout", "-out", str(work / "pub.pem"))
modulus = openssl("rsa", "-in", str(key), "-noout", "-modulus").decode().strip().split("=")[1]
jwk = {"kty": "RSA", "kid": "bench", "use": "sig", "alg": "RS256", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}
(work / "jwks.json").write_text(json.dumps({"keys": [jwk]}))
now = int(time.time())
claims = {
    "iss": ISS, "sub": "11111111-2222-3333-4444-555555555555", "token_use": "access", "client_id": "acme-web",
    "username": "ana", "accountId": "acme", "workspaceId": "acme-prod", "userId": "ana", "principalId": "p-ana",
    "context": "app", "platform": "web", "role": "viewer", "lang": "en", "timezone": "Europe/Rome",
    "scope": "app/read app/write", "cognito:groups": [], "jti": "j-1", "origin_jti": "o-1",
    "auth_time": now, "iat": now, "exp": now + 86400,
}
head = b64(json.dumps({"alg": "RS256", "kid": "bench"}).encode()) + "." + b64(json.dumps(claims).encode())
token = head + "." + b64(openssl("dgst", "-sha256", "-sign", str(key), data=head.encode()))
names = ("UPSTREAM_PORT", "HAPROXY_PORT", "NGINX_PORT", "PALISADE_PORT", "METRICS_PORT", "CONTROL_PORT")
ports = dict(zip(names, free(len(names))))
(work / "env").write_text("".join(f"{k}={v}\n" for k, v in ports.items()) + f"TOKEN={token}\n")

nginx = """daemon off; master_process off; worker_processes 1; pid {work}/{name}.pid; error_log {work}/{name}.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600; {body} }}
"""
upstream = 'server { listen 127.0.0.1:%d; location / { default_type application/json; return 200 "{\\"missions\\":[]}"; } }' % ports["UPSTREAM_PORT"]
bare = """upstream api { server 127.0.0.1:%d; keepalive 128; keepalive_requests 100000000; }
server { listen 127.0.0.1:%d; location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://api; } }""" % (ports["UPSTREAM_PORT"], ports["NGINX_PORT"])
for name, body in (("upstream", upstream), ("bare", bare)):
    (work / f"{name}.conf").write_text(nginx.format(work=work, name=name, body=body))

(work / "haproxy.cfg").write_text(f"""global
  nbthread 1
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend gate
  bind 127.0.0.1:{ports['HAPROXY_PORT']}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{work}/pub.pem") 1 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.iss') -m str {ISS} }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.token_use') -m str access }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.client_id') -m str acme-web }}
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request set-var(txn.account) var(txn.bearer),jwt_payload_query('$.accountId')
  http-request set-var(txn.workspace) var(txn.bearer),jwt_payload_query('$.workspaceId')
  http-request set-var(txn.user) var(txn.bearer),jwt_payload_query('$.userId')
  http-request set-var(txn.role) var(txn.bearer),jwt_payload_query('$.role')
  http-request set-var(txn.context) var(txn.bearer),jwt_payload_query('$.context')
  http-request deny deny_status 403 unless {{ var(txn.context) -m str app }}
  http-request deny deny_status 403 unless {{ path -m beg /app/v1/missions }}
  http-request deny deny_status 403 unless {{ var(txn.bearer),jwt_payload_query('$.scope') -m sub app/read }}
  http-request deny deny_status 403 unless {{ var(txn.role) -m str viewer editor admin }}
  http-request set-var(txn.asked) urlp(workspaceId)
  http-request deny deny_status 403 unless {{ var(txn.asked),strcmp(txn.workspace) eq 0 }}
  http-request del-header x-palisade- -m beg
  http-request del-header x-user-id
  http-request del-header x-tenant-id
  http-request del-header authorization
  http-request set-header x-palisade-account %[var(txn.account)]
  http-request set-header x-palisade-workspace %[var(txn.workspace)]
  http-request set-header x-palisade-user %[var(txn.user)]
  http-request set-header x-palisade-role %[var(txn.role)]
  http-request set-header x-palisade-context %[var(txn.context)]
  default_backend api
backend api
  http-reuse always
  server up 127.0.0.1:{ports['UPSTREAM_PORT']}
""")

for folder in ("apis", "tenants"):
    shutil.copytree(root / "examples" / "demo" / folder, work / folder)
shutil.copytree(root / "policies", work / "policies")
(work / "schemas").mkdir()
shutil.copy(root / "schemas" / "core.cedarschema", work / "schemas")
(work / "tenants" / "acme.yaml").write_text("""account: acme
status: active
plan: enterprise
issuers: [bench]
overlay: permit
workspaces:
  - { id: acme-prod, status: active, type: custom, clients: [acme-web] }
""")
for other in ("globex", "catalog"):
    (work / "tenants" / f"{other}.yaml").unlink(missing_ok=True)
(work / "control.token").write_text("bench-control-token-of-no-value-0123456789")
(work / "palisade.yaml").write_text(f"""version: 1
listen: {{ http: "127.0.0.1:{ports['PALISADE_PORT']}", hosts: ["127.0.0.1:{ports['PALISADE_PORT']}"], workers: 1 }}
admin: {{ metrics: "127.0.0.1:{ports['METRICS_PORT']}", control: "127.0.0.1:{ports['CONTROL_PORT']}", token: "file:control.token" }}
upstreams:
  api: {{ url: "http://127.0.0.1:{ports['UPSTREAM_PORT']}" }}
issuers:
  - name: bench
    issuer: {ISS}
    preset: cosmos
    jwks: {{ file: jwks.json }}
    algorithms: [RS256]
    clients: directory
    accounts: directory
references:
  - {{ in: path, name: account, is: account }}
  - {{ in: path, name: userId, is: user }}
  - {{ in: query, name: workspaceId, is: workspace }}
  - {{ in: query, name: catalogWorkspaceId, is: catalog }}
plans: {{ enterprise: {{ requests: 1000000/s, burst: 1000000 }} }}
tenants: tenants/
policies: policies/
schema: schemas/
routes:
  - {{ context: app, openapi: apis/app.openapi.json, upstream: api }}
  - {{ context: dashboard, openapi: apis/dashboard.openapi.json, upstream: api }}
  - {{ context: portal, match: "GET /portal/v1/accounts", action: accounts/list, platform: true, upstream: api }}
  - {{ context: portal, match: "GET /portal/v1/accounts/{{account}}", action: accounts/get, upstream: api }}
  - {{ context: portal, match: "POST /portal/v1/accounts/{{account}}/suspend", action: accounts/suspend, access: manage, upstream: api }}
audit: {{ file: audit/ }}
""")
