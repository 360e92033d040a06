"""Starts the gate over the folder that was prepared, and prints what a large directory costs it."""

import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

binary, work, active = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
env = dict(line.split("=", 1) for line in (work / "env").read_text().splitlines())
tokens = dict(line.split(" ", 1) for line in (work / "tokens").read_text().splitlines())
port, metrics_port = int(env["PALISADE_PORT"]), int(env["METRICS_PORT"])
ROUNDS = 10
EVERYTHING = '@id("closed")\nforbid (principal, action, resource);\n'
TICKS = os.sysconf("SC_CLK_TCK")


def row(name, value, unit):
    print(f"{name:44} {value:>10} {unit}", flush=True)


def memory():
    status = pathlib.Path(f"/proc/{gate.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def cpu():
    fields = pathlib.Path(f"/proc/{gate.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def scrape():
    with socket.create_connection(("127.0.0.1", metrics_port)) as connection:
        connection.sendall(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{metrics_port}\r\nConnection: close\r\n\r\n".encode())
        text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    names = ("hits", "misses")
    return [float(re.search(rf"^palisade_decision_cache_{name}_total (\S+)", text, re.M).group(1)) for name in names]


class Client:
    """One kept connection."""

    def __init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self, account):
        workspace = "acme-prod" if account == "acme" else f"{account}-prod"
        headers = {"Host": f"127.0.0.1:{port}", "Authorization": f"Bearer {tokens[account]}"}
        self.connection.request("GET", f"/app/v1/missions?workspaceId={workspace}", headers=headers)
        reply = self.connection.getresponse()
        reply.read()
        return reply.status


def ready():
    while True:
        if gate.poll() is not None:
            sys.exit((work / "log").read_text()[-2000:])
        try:
            connection = http.client.HTTPConnection("127.0.0.1", metrics_port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.005)


def visit(accounts):
    for name in accounts * 3:
        if client.ask(name) != 200:
            sys.exit(f"{name} is refused")


def load():
    """Others' requests, without end."""
    client, others = Client(), names[1:]
    while not over.is_set():
        for name in others:
            asked.append(1)
            if client.ask(name) != 200:
                failed.append(name)


def change(text, expected):
    """Seconds from the new file to the first request that its policies decide."""
    new = overlays / ".new"
    new.write_text(text)
    begun = time.monotonic()
    new.rename(overlays / f"{names[0]}.cedar")
    while client.ask(names[0]) != expected:
        pass
    return time.monotonic() - begun


log = open(work / "log", "w")
begun = time.monotonic()
gate = subprocess.Popen([binary, "serve", "--config", str(work / "palisade.yaml")], stdout=log, stderr=log)
try:
    ready()
    row("start to ready", f"{(time.monotonic() - begun) * 1000:.0f}", "ms")
    row("  processor time of it", f"{cpu() * 1000:.0f}", "ms")
    time.sleep(12)
    row("resident, idle", f"{memory() / 1024:.1f}", "MiB")
    names = [name for name in tokens if name != "acme"][:active]
    overlays, client = work / "tenants", Client()
    # The first ones touch what all use.
    first = len(names) // 4
    visit(names[:first])
    warm = memory()
    row(f"resident, {first} accounts active", f"{warm / 1024:.1f}", "MiB")
    visit(names[first:])
    row(f"resident, {len(names)} accounts active", f"{memory() / 1024:.1f}", "MiB")
    row("  each further one", f"{(memory() - warm) / (len(names) - first):.1f}", "KiB")
    over, asked, failed = threading.Event(), [], []
    thread = threading.Thread(target=load)
    thread.start()
    time.sleep(1)
    own = overlays / f"{names[0]}.cedar"
    former = own.read_text() if own.exists() else '@id("none")\nforbid (principal, action, resource) when { resource.kind == "none" };\n'
    (hits, misses), taken = scrape(), []
    for _ in range(ROUNDS):
        taken.append(change(EVERYTHING + former, 403))
        time.sleep(0.3)
        taken.append(change(former, 200))
        time.sleep(0.3)
    (hits, misses) = (scrape()[0] - hits, scrape()[1] - misses)
    over.set()
    thread.join()
    taken.sort()
    row("one account's policies changed, in force", f"{taken[len(taken) // 2] * 1000:.0f}", "ms, median")
    row("  slowest of %d" % len(taken), f"{taken[-1] * 1000:.0f}", "ms")
    row("requests of other accounts meanwhile", len(asked), "")
    row("  failed", len(failed), "")
    row("decisions from the cache meanwhile", f"{100 * hits / max(hits + misses, 1):.2f}", "%")
    before = cpu()
    time.sleep(60)
    row("processor time of a minute at rest", f"{(cpu() - before) * 1000:.0f}", "ms")
finally:
    gate.terminate()
    gate.wait()
