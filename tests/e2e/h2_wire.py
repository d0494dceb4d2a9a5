"""HTTP/2 with header fields as given, however wrong: what gRPC's clients refuse to send."""

import socket

from harness import DEADLINE_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags, stream, payload):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags])
            + stream.to_bytes(4, "big") + payload)


def _string(text):
    n = len(text)
    if n < 127:
        return bytes([n]) + text
    n -= 127
    out = [127]
    while n >= 128:
        out.append(n % 128 + 128)
        n //= 128
    return bytes(out + [n]) + text


def header_block(fields):
    """Literal fields that are never indexed, no Huffman code (RFC 7541, 6.2.3)."""
    return b"".join(b"\x10" + _string(name) + _string(value) for name, value in fields)


def call(port, fields, message=b""):
    """Makes a call; returns once the server has answered it in some way, or hung up."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as s:
        body = b"\0" + len(message).to_bytes(4, "big") + message
        s.sendall(PREFACE + frame(SETTINGS, 0, 0, b"")
                  + frame(HEADERS, END_HEADERS, 1, header_block(fields))
                  + frame(DATA, END_STREAM, 1, body))
        received = b""
        while True:
            while len(received) >= 9:
                n = int.from_bytes(received[:3], "big")
                if len(received) < 9 + n:
                    break
                kind, flags = received[3], received[4]
                received = received[9 + n:]
                if kind in (RST_STREAM, GOAWAY) or kind == HEADERS and flags & END_STREAM:
                    return
                if kind == SETTINGS and not flags & ACK:
                    s.sendall(frame(SETTINGS, ACK, 0, b""))
            try:
                more = s.recv(65536)
            except ConnectionError:
                return
            if not more:
                return
            received += more
