"""A gRPC server or client of grpcio, without a schema: it does as `grpc.cjs` does (tests/README.md)."""

import base64
import json
import os
import sys
import threading
import time
from concurrent import futures

import grpc

told = json.loads(sys.argv[1])
UNBOUNDED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
FAIL = (grpc.StatusCode.NOT_FOUND, "no such thing: \u00e9 100%")
saw = {"calls": 0, "cancelled": 0, "deadlines": []}
lock = threading.Lock()


def say(line):
    print(json.dumps(line), flush=True)


def begin(context):
    """What every call does first: remembers what it got, and sends metadata of both kinds back."""
    metadata = context.invocation_metadata()

    def got(name):
        return [item.value for item in metadata if item.key == name]

    with lock:
        saw["calls"] += 1
        if context.time_remaining() is not None and context.time_remaining() < 1e6:
            saw["deadlines"].append(round(context.time_remaining() * 1000))
    initial = [
        ("x-test-account", ",".join(got("x-palisade-account"))),
        ("x-test-user", ",".join(got("x-palisade-user"))),
    ]
    initial += [("x-test-data-bin", value) for value in got("x-test-data-bin")]
    context.send_initial_metadata(initial)
    return (got("x-test-do") or ["echo"])[0]


def end(context, count):
    context.set_trailing_metadata(
        [("x-test-count", str(count)), ("x-test-sum-bin", bytes([0, 255, count & 255]))]
    )


def hang(context):
    while context.is_active():
        time.sleep(0.02)
    with lock:
        saw["cancelled"] += 1


def unary(request, context):
    what = begin(context)
    if what == "hang":
        hang(context)
    if what == "fail":
        end(context, 0)
        context.abort(*FAIL)
    end(context, 1)
    return request


def collect(requests, context):
    begin(context)
    messages = list(requests)
    end(context, len(messages))
    return f"{len(messages)} {sum(map(len, messages))}".encode()


def spread(request, context):
    what = begin(context)
    count = int(request)
    for at in range(count):
        yield str(at).encode()
    if what == "hang":
        hang(context)
        return
    end(context, count)
    if what == "fail":
        context.abort(*FAIL)


def chat(requests, context):
    begin(context)
    count = 0
    for request in requests:
        count += 1
        yield request
    end(context, count)


def serve():
    methods = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Collect": grpc.stream_unary_rpc_method_handler(collect),
        "Spread": grpc.unary_stream_rpc_method_handler(spread),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
    }
    server = grpc.server(futures.ThreadPoolExecutor(20), options=UNBOUNDED)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("test.v1.Echo", methods)]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    say({"port": port})
    for line in sys.stdin:
        if json.loads(line).get("die"):
            os._exit(1)
        with lock:
            say(saw)


def to_bytes(message):
    return b"x" * message if isinstance(message, int) else message.encode()


def shown(message):
    return len(message) if len(message) > 1000 else message.decode()


def plain(metadata):
    return {
        key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for key, value in metadata or ()
    }


def ask(channel, line):
    path = f"/test.v1.Echo/{line['method']}"
    metadata = [
        (name, base64.b64decode(value) if name.endswith("-bin") else value)
        for name, value in line.get("metadata", {}).items()
    ]
    options = {"metadata": metadata}
    if "deadline" in line:
        options["timeout"] = line["deadline"] / 1000

    def messages():
        for message in line["messages"]:
            yield to_bytes(message)
            time.sleep(line.get("pause", 0) / 1000)

    began = time.monotonic()
    said = {"messages": []}
    first = to_bytes(line["messages"][0])
    replies = []
    if line["kind"] == "unary":
        call = channel.unary_unary(path).future(first, **options)
    elif line["kind"] == "client":
        call = channel.stream_unary(path).future(messages(), **options)
    elif line["kind"] == "server":
        call = replies = channel.unary_stream(path)(first, **options)
    else:
        call = replies = channel.stream_stream(path)(messages(), **options)
    if line.get("cancel") == 0:
        threading.Timer(1, call.cancel).start()
    try:
        if replies is call:
            for reply in call:
                said["messages"].append(shown(reply))
                if len(said["messages"]) == line.get("cancel"):
                    call.cancel()
        else:
            said["messages"].append(shown(call.result()))
    except (grpc.RpcError, grpc.FutureCancelledError):
        pass
    said["code"] = call.code().value[0]
    said["details"] = call.details()
    said["initial"] = plain(call.initial_metadata()) if said["code"] != 1 else {}
    said["trailing"] = plain(call.trailing_metadata()) if said["code"] != 1 else {}
    said["took"] = round((time.monotonic() - began) * 1000)
    return said


def call():
    options = UNBOUNDED + [
        ("grpc.default_authority", told["authority"]),
        ("grpc.enable_retries", 0),
    ]
    compression = grpc.Compression.Gzip if told.get("compress") else None
    channel = grpc.insecure_channel(told["target"], options=options, compression=compression)
    say({"ready": True})
    for line in sys.stdin:
        say(ask(channel, json.loads(line)))


serve() if told.get("serve") else call()
# grpcio's threads would outlive this one.
os._exit(0)
