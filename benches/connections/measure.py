"""Opens connections that ask once each, and prints what the process holds while they are kept."""

import re
import socket
import sys
import time

pid, port, token, most = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
# Longer than a connection takes to come to rest (5 to 10 s) and the allocator to give memory back (10 s).
REST_SECONDS = 25
REQUEST = (
    f"GET /app/v1/missions?workspaceId=acme-prod HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    f"Authorization: Bearer {token}\r\n\r\n"
).encode()


def memory():
    status = open(f"/proc/{pid}/status").read()
    return [int(re.search(rf"{name}:\s+(\d+)", status).group(1)) for name in ("VmRSS", "RssAnon")]


def keep(count):
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(REQUEST)
        reply = connection.recv(65536)
        if not reply.startswith(b"HTTP/1.1 200"):
            sys.exit(f"refused: {reply[:200]!r}")
        kept.append(connection)


def show(when):
    resident, own = memory()
    each = f"{(resident - start[0]) / len(kept):8.2f}" if kept else f"{'':8}"
    print(f"{len(kept):11} {when:8} {resident / 1024:8.1f} {own / 1024:12.1f} {each}")


kept = []
start = memory()
print(f"{'connections':>11} {'':8} {'RSS MiB':>8} {'not file MiB':>12} {'KiB each':>8}")
show("started")
for count in (most // 10, most):
    keep(count - len(kept))
    show("just now")
    time.sleep(REST_SECONDS)
    show("at rest")
