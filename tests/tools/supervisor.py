"""What a service manager does for a program that is started on its sockets (sd_listen_fds(3), sd_notify(3)).

Argument: {"program": [..], "sockets": {name: "address:port"}}. Says {"sockets": {name: port}} first.
{"start": {}}: runs the program and answers when it says READY=1, or has ended: {"pid", "said", "code"}.
{"signal": NAME, "pid"}: sends one. {"block": true}: makes the sockets blocking, as systemd does at a start.
{"end": pid}: waits: {"code", "said"}.
"""
import itertools, json, os, select, signal, socket, subprocess, sys, tempfile

told = json.loads(sys.argv[1])
listening = {}
for name, address in told["sockets"].items():
    host, port = address.rsplit(":", 1)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((host.strip("[]"), int(port)))
    one.listen(1024)
    listening[name.split("#")[0], name] = one

folder = tempfile.TemporaryDirectory()
running = {}
starts = itertools.count()


def passed():
    """In the child, before it is the program: the sockets become descriptors 3, 4, ..."""
    high = [os.dup2(one.fileno(), 200 + at) for at, one in enumerate(listening.values())]
    for at, one in enumerate(high):
        os.dup2(one, 3 + at, inheritable=True)
        os.close(one)


def said(notify, child, until):
    """What it tells, up to a word or its end."""
    lines = []
    while child.poll() is None:
        if select.select([notify], [], [], 0.02)[0]:
            lines += notify.recv(4096).decode().splitlines()
            if until in lines:
                return lines
    while select.select([notify], [], [], 0)[0]:
        lines += notify.recv(4096).decode().splitlines()
    return lines


def start(_):
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = os.path.join(folder.name, str(next(starts)))
    notify.bind(path)
    names = ":".join(name for name, _ in listening)
    environment = dict(os.environ, NOTIFY_SOCKET=path, LISTEN_FDS=str(len(listening)), LISTEN_FDNAMES=names)
    # LISTEN_PID is the program's own: the shell that knows it becomes the program.
    shell = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *told["program"]]
    child = subprocess.Popen(shell, preexec_fn=passed, close_fds=False, env=environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    lines = said(notify, child, "READY=1")
    running[child.pid] = child, notify
    errors = child.stderr.read().decode() if child.poll() is not None else ""
    return {"pid": child.pid, "said": lines, "code": child.poll(), "errors": errors}


def tell(order):
    child, notify = running[order["pid"]]
    child.send_signal(getattr(signal, "SIG" + order["signal"]))
    return {"said": said(notify, child, order["until"]) if "until" in order else []}


def block(_):
    for one in listening.values():
        one.setblocking(True)
    return {}


def end(order):
    child, notify = running.pop(order["end"])
    lines = said(notify, child, None)
    child.stderr.close()
    return {"code": child.wait(), "said": lines}


print(json.dumps({"sockets": {key: one.getsockname()[1] for (_, key), one in listening.items()}}), flush=True)
try:
    for line in sys.stdin:
        order = json.loads(line)
        act = start if "start" in order else tell if "signal" in order else block if "block" in order else end
        print(json.dumps(act(order)), flush=True)
finally:
    for child, _ in running.values():
        child.kill()
