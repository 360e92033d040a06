"""Two network namespaces with a wire between them: `gate` (10.77.0.1, fd77::1) and `client` (10.77.0.2,
fd77::2). They have no names, and end with this process, however it ends. Neither has a way out.

Argument: {"upstream": port}: in `gate` something on 127.0.0.1 answers every request with its target.
Says {"pid", "gate"}: /proc/PID/fd/GATE is the namespace, for `nsenter --net=`.
{"run": [..]}: a command in `gate`: {"code", "said"}.
{"ask": "text", "from": "gate"|"client", "to": [address, port]}: connects, sends, reads to the end: {"reply"}.
"""
import ctypes, json, os, socket, subprocess, sys, threading

libc = ctypes.CDLL(None, use_errno=True)
NEW_NET = 0x40000000


def must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: this needs root ({os.strerror(ctypes.get_errno())})")


def unshared():
    must(libc.unshare(NEW_NET), "unshare")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def enter(space):
    must(libc.setns(space, NEW_NET), "setns")


def inside(space, work):
    """Work of a thread that has entered the namespace."""
    def entered():
        enter(space)
        work()
    thread = threading.Thread(target=entered, daemon=True)
    thread.start()
    return thread


# The first thread stays in `client`: a link is given to the namespace of a process, which is that one's.
spaces = {"gate": unshared(), "client": unshared()}


def run(space, *command):
    whole = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{spaces[space]}", *command]
    return subprocess.run(whole, capture_output=True, text=True)


def do(space, command):
    done = run(space, *command.split())
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr}")


do("gate", "ip link set lo up")
do("client", "ip link set lo up")
do("gate", "ip link add wire type veth peer name client-end")
do("gate", f"ip link set client-end netns {os.getpid()}")
for space, link, last in (("gate", "wire", 1), ("client", "client-end", 2)):
    do(space, f"ip address add 10.77.0.{last}/24 dev {link}")
    do(space, f"ip address add fd77::{last}/64 dev {link} nodad")
    do(space, f"ip link set {link} up")


def answer(stream):
    with stream, stream.makefile("rb") as lines:
        while line := lines.readline():
            target = line.split()[1]
            while lines.readline().strip():
                pass
            stream.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(target), target))


def upstream():
    listening = socket.create_server(("127.0.0.1", json.loads(sys.argv[1])["upstream"]))
    ready.set()
    while True:
        threading.Thread(target=answer, args=[listening.accept()[0]], daemon=True).start()


ready = threading.Event()
inside(spaces["gate"], upstream)
ready.wait(10)


def ask(order):
    read = []
    def connected():
        try:
            with socket.create_connection(tuple(order["to"]), timeout=10) as stream:
                stream.sendall(order["ask"].encode())
                while piece := stream.recv(65536):
                    read.append(piece)
        except ConnectionError as error:
            read.append(type(error).__name__.encode())
    inside(spaces[order["from"]], connected).join()
    return {"reply": b"".join(read).decode()}


def command(order):
    done = run("gate", *order["run"])
    return {"code": done.returncode, "said": done.stdout + done.stderr}


print(json.dumps({"pid": os.getpid(), "gate": spaces["gate"]}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    print(json.dumps((ask if "ask" in order else command)(order)), flush=True)
