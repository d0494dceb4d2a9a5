"""gRPC calls over HTTP/2 by hand: as many as told, each at once, with no mercy."""

import socket
import struct

from harness import DEADLINE_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4
INITIAL_WINDOW_SIZE = 4
WINDOW = 65535  # RFC 9113, 6.9.2
FRAME = 16384


def frame(kind, flags, stream, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + payload)


def _length(n):
    out = bytes([min(n, 127)])
    n -= 127
    while n >= 0:
        out += bytes([n % 128 + 128 if n >= 128 else n])
        n = n // 128 if n >= 128 else -1
    return out


def _header(name, value):
    name, value = name.encode(), value.encode()
    return b"\0" + _length(len(name)) + name + _length(len(value)) + value


class Connection:
    """One connection. message_bytes is what each call's message is said to be of; message
    what is sent of it, as far as the server's windows let."""

    def __init__(self, port, method, calls, message, message_bytes=None, token=None, window=WINDOW):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.received = b""
        self.window = WINDOW
        self.first_window = WINDOW
        self.ended = False  # by the server
        self.reset = 0  # streams
        self.streams = {}  # id -> [window, unsent, whether it ends with that]
        self.unsent = (PREFACE +
                       frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, window)))
        ends = message_bytes is None
        size = len(message) if ends else message_bytes
        headers = [(":method", "POST"), (":scheme", "http"), (":path", method),
                   (":authority", "h"), ("te", "trailers"), ("content-type", "application/grpc")]
        if token is not None:
            headers.append(("authorization", f"Bearer {token}"))
        block = b"".join(_header(*h) for h in headers)
        for stream in range(1, 2 * calls, 2):
            self.unsent += frame(HEADERS, END_HEADERS, stream, block)
            self.streams[stream] = [WINDOW, b"\0" + struct.pack(">I", size) + message, ends]
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()

    def pump(self):
        """Sends and receives what goes at once. Returns whether anything did."""
        if self.ended:
            return False
        try:
            received = self._receive()
            self._fill()
            return self._send() or received
        except ConnectionError:
            self.ended = True
            return False

    def _receive(self):
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionResetError
        self.received += data
        while len(self.received) >= 9:
            size = struct.unpack(">I", b"\0" + self.received[:3])[0]
            if len(self.received) < 9 + size:
                break
            kind, flags = self.received[3:5]
            stream = struct.unpack(">I", self.received[5:9])[0]
            payload = self.received[9:9 + size]
            self.received = self.received[9 + size:]
            self._take(kind, flags, stream, payload)
        return True

    def _take(self, kind, flags, stream, payload):
        if kind == WINDOW_UPDATE and stream == 0:
            self.window += struct.unpack(">I", payload)[0]
        elif kind == WINDOW_UPDATE and stream in self.streams:
            self.streams[stream][0] += struct.unpack(">I", payload)[0]
        elif kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at:at + 6])
                if key == INITIAL_WINDOW_SIZE:
                    for s in self.streams.values():
                        s[0] += value - self.first_window
                    self.first_window = value
            self.unsent += frame(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK:
            self.unsent += frame(PING, ACK, 0, payload)
        elif kind == RST_STREAM:
            self.reset += 1
            self.streams.pop(stream, None)

    def _fill(self):
        for stream, (window, unsent, ends) in list(self.streams.items()):
            n = min(window, self.window, len(unsent), FRAME)
            if n <= 0 or len(self.unsent) > 1 << 18:
                continue
            is_last = n == len(unsent)
            self.unsent += frame(DATA, END_STREAM if is_last and ends else 0, stream, unsent[:n])
            self.window -= n
            if is_last:
                del self.streams[stream]
            else:
                self.streams[stream] = [window - n, unsent[n:], ends]

    def _send(self):
        if not self.unsent:
            return False
        try:
            sent = self.socket.send(self.unsent)
        except BlockingIOError:
            return False
        self.unsent = self.unsent[sent:]
        return sent > 0
