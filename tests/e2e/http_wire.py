"""HTTP/1.1 replies read off a socket byte by byte, with nothing forgiven."""

import json
import socket

from harness import DEADLINE_S


class WireReply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # names in lower case
        self.body = body

    @property
    def envelope(self):
        """The JSON object; None if the body is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) and "requestId" in value else None


class Wire:
    """A connection as a client sees it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def close(self):
        self.socket.close()

    def send(self, data, piece=0):
        """Sends all, in pieces if told so, unless the server ended the connection."""
        step = piece or max(len(data), 1)
        try:
            for at in range(0, len(data), step):
                self.socket.sendall(data[at:at + step])
        except (BrokenPipeError, ConnectionResetError):
            pass  # what it said before can be read

    def end_sending(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster

    def _fill(self):
        """Receives some; False at the end of the connection."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)

    def _take(self, count):
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def reply(self, with_body=True):
        """The next reply; None if the connection ended before a byte of it."""
        while b"\r\n\r\n" not in self.received:
            if not self._fill():
                if self.received:
                    raise AssertionError(f"half a reply: {self.received[:200]}")
                return None
        head = self._take(self.received.index(b"\r\n\r\n") + 4).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        version, status, _ = first.split(" ", 2)
        if version != "HTTP/1.1":
            raise AssertionError(f"a reply of {version}")
        headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        status = int(status)
        body = b""
        if with_body and status >= 200 and status != 204:
            size = int(headers["content-length"])
            while len(self.received) < size:
                if not self._fill():
                    raise AssertionError(f"{len(self.received)} of {size} bytes of a body")
            body = self._take(size)
        return WireReply(status, headers, body)

    def rest(self):
        """All that comes until the connection ends."""
        while self._fill():
            pass
        return self._take(len(self.received))
