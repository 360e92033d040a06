"""Fills the folder of the loopback bench with accounts: files, or one NDJSON file, and their own policies."""

import base64
import json
import pathlib
import subprocess
import sys

work, accounts, policies, form, active = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])


def account(name):
    """Two workspaces, a client of users in each and a client that is a caller itself."""
    workspaces = [
        {"id": f"{name}-prod", "type": "custom", "clients": [f"{name}-web"], "machine_clients": [{"id": f"{name}-sync", "role": "editor"}]},
        {"id": f"{name}-test", "type": "play", "clients": [f"{name}-web-test"]},
    ]
    return {"account": name, "status": "active", "plan": "enterprise", "issuers": ["bench"], "overlay": "forbid", "workspaces": workspaces}


def policy(name, number):
    return f"""@id("rule-{number}")
@reason("held back by {name}")
forbid (
  principal,
  action in Tenancy::Action::"delete",
  resource is Tenancy::Resource
)
when {{ resource.kind == "missions" && resource has id && resource.id == "m-{number}" }};
"""


def yaml(entry):
    head = "".join(f"{key}: {json.dumps(value)}\n" for key, value in entry.items() if key != "workspaces")
    return head + "workspaces:\n" + "".join(f"  - {json.dumps(one)}\n" for one in entry["workspaces"])


names = [f"t{number:06}" for number in range(accounts)]
tenants = work / "tenants"
if form == "ndjson":
    acme = {"account": "acme", "plan": "enterprise", "issuers": ["bench"], "overlay": "permit",
            "workspaces": [{"id": "acme-prod", "type": "custom", "clients": ["acme-web"]}]}
    with open(work / "tenants.ndjson", "w") as lines:
        for entry in [acme] + [account(name) for name in names]:
            lines.write(json.dumps(entry) + "\n")
    (tenants / "acme.yaml").unlink()
    config = work / "palisade.yaml"
    config.write_text(config.read_text().replace("tenants: tenants/", "tenants: { file: tenants.ndjson, overlays: tenants/ }"))
else:
    for name in names:
        (tenants / f"{name}.yaml").write_text(yaml(account(name)))
if policies:
    for name in names:
        (tenants / f"{name}.cedar").write_text("\n".join(policy(name, number) for number in range(policies)))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(name):
    """The token of the loopback bench, of a user of this account."""
    head, body, _ = (work / "env").read_text().rsplit("TOKEN=", 1)[1].strip().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims |= {"accountId": name, "workspaceId": f"{name}-prod", "client_id": f"{name}-web"}
    signed = head + "." + b64(json.dumps(claims).encode())
    sign = ["openssl", "dgst", "-sha256", "-sign", str(work / "key.pem")]
    return signed + "." + b64(subprocess.run(sign, input=signed.encode(), check=True, capture_output=True).stdout)


(work / "tokens").write_text("".join(f"{name} {token(name)}\n" for name in names[:active]))
