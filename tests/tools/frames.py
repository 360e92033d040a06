"""A client of HTTP/2 that sends any frames it is told, and tells what comes (tests/README.md).

Told `{"open": port}` it connects and says nothing more than the preface and SETTINGS, `{"send": [..]}` sends
frames, `{"until": .., "stream": ..}` reads until a head, data or the end of that stream has come, or everything
has ended, and tells every frame since.
"""

import json
import socket
import sys
import time

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Client:
    def open(self, told):
        own = (told.get("from", "127.0.0.1"), 0)
        self.socket = socket.create_connection(("127.0.0.1", told["open"]), 10, own)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.left, self.block, self.seen, self.closed = b"", b"", [], False
        settings = {int(key): value for key, value in told.get("settings", {}).items()}
        first = PREFACE + SettingsFrame(0, settings=settings).serialize()
        self.write(first[: told.get("bytes", len(first))])

    def write(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def send(self, frame):
        kind, stream = frame["frame"], frame.get("stream", 0)
        flags = [flag for flag in ("END_STREAM", "END_HEADERS", "ACK") if frame.get(flag)]
        if kind == "headers":
            block = self.encoder.encode([tuple(field) for field in frame["fields"]], huffman=False)
            self.write(HeadersFrame(stream, block, flags=flags).serialize())
        elif kind == "continuation":
            block = self.encoder.encode([tuple(field) for field in frame["fields"]], huffman=False)
            self.write(ContinuationFrame(stream, block, flags=flags).serialize())
        elif kind == "data":
            data = frame.get("text", "").encode() or bytes(frame.get("length", 0))
            self.write(DataFrame(stream, data, flags=flags).serialize())
        elif kind == "reset":
            self.write(RstStreamFrame(stream, error_code=frame["code"]).serialize())
        elif kind == "window":
            self.write(WindowUpdateFrame(stream, window_increment=frame["more"]).serialize())
        elif kind == "settings":
            settings = {int(key): value for key, value in frame.get("settings", {}).items()}
            self.write(SettingsFrame(0, settings=settings, flags=flags).serialize())
        elif kind == "ping":
            self.write(PingFrame(0, b"palisade").serialize())
        else:
            self.write(bytes.fromhex(frame["bytes"]))

    def read(self, until, stream, seconds):
        end = time.monotonic() + seconds
        while not self.reached(until, stream):
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return "late"
            except OSError:
                data = b""
            self.closed = not data
            self.left += data
            while self.frame():
                pass
            if self.closed:
                break
        return "reached" if self.reached(until, stream) else "closed"

    def reached(self, until, stream):
        kinds = {
            "head": ("Headers",),
            "data": ("Data",),
            "ended": ("END_STREAM", "RST_STREAM"),
            "reset": ("RST_STREAM",),
            "goaway": ("GOAWAY",),
        }
        if until == "closed":
            return self.closed
        return any(
            kind in seen["is"] and (kind == "GOAWAY" or seen["stream"] == stream)
            for kind in kinds[until]
            for seen in self.seen
        )

    def frame(self):
        if len(self.left) < 9:
            return False
        frame, length = Frame.parse_frame_header(memoryview(self.left[:9]))
        if len(self.left) < 9 + length:
            return False
        frame.parse_body(memoryview(self.left[9 : 9 + length]))
        self.left = self.left[9 + length :]
        told = {"is": [], "stream": frame.stream_id}
        told["is"] = [type(frame).__name__.removesuffix("Frame"), *frame.flags]
        if isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self.block += frame.data
            if "END_HEADERS" in frame.flags:
                told["fields"] = [list(field) for field in self.decoder.decode(self.block)]
                self.block = b""
        elif isinstance(frame, DataFrame):
            told["text"] = frame.data.decode(errors="replace") if length < 65536 else ""
            told["length"] = length
            told["hex"] = frame.data.hex() if length < 256 else ""
        elif isinstance(frame, RstStreamFrame):
            told["is"].append("RST_STREAM")
            told["code"] = frame.error_code
        elif isinstance(frame, GoAwayFrame):
            told["is"].append("GOAWAY")
            told["code"], told["last"] = frame.error_code, frame.last_stream_id
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            told["settings"] = {str(key): value for key, value in frame.settings.items()}
            self.write(SettingsFrame(0, flags=["ACK"]).serialize())
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags and not self.mute:
            self.write(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
        self.seen.append(told)
        return True

    mute = False


def answer(client, told):
    if "open" in told:
        client.open(told)
        return {}
    if "send" in told:
        for frame in told["send"]:
            for _ in range(frame.get("times", 1)):
                client.send(frame)
                time.sleep(frame.get("pause", 0))
                frame["stream"] = frame.get("stream", 0) + frame.get("step", 0)
        return {"closed": client.closed}
    if "mute" in told:
        client.mute = told["mute"]
        return {}
    how = client.read(told["until"], told.get("stream"), told.get("seconds", 8))
    seen, client.seen = client.seen, []
    return {"how": how, "frames": seen}


print(json.dumps({"pid": 0}), flush=True)
CLIENT = Client()
for line in sys.stdin:
    print(json.dumps(answer(CLIENT, json.loads(line))), flush=True)
