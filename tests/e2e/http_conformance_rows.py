"""Rows of the HTTP conformance table: connections, sizes, times; and all sections."""

from http_conformance_bodies import CHUNKS, CODINGS, EXPECTATIONS, LENGTHS
from http_conformance_heads import FIELDS, HOSTS, REQUEST_LINE, TARGETS
from http_conformance_terms import (BODY_LIMIT, chunks, CLOSED, CLOSED_ALONE, coded, CONTINUE,
                                    get, GHOST, HEAD_LIMIT, INVALID, JSON, KEPT, LARGE_BODY,
                                    LARGE_HEAD, length, MHD, NO_ROUTE, NOT_ALLOWED, OK, OK_HEAD,
                                    OURS, page, post, reply, RUN, sized, URL_LIMIT)

CONNECTIONS = [
    ("close", "9.6", get(b"Connection: close\r\n"), [OK], CLOSED, OURS),
    ("close in capitals", "9.6", get(b"Connection: CLOSE\r\n"), [OK], CLOSED, OURS),
    ("close in a list", "9.6", get(b"Connection: keep-alive, close\r\n"), [OK], CLOSED, OURS),
    ("close in a second header", "9.6", get(b"Connection: x\r\nConnection: close\r\n"), [OK],
     CLOSED, OURS),
    ("keep-alive", "9.3", get(b"Connection: keep-alive\r\n"), [OK], KEPT, OURS),
    ("a word that holds close", "9.6", get(b"Connection: closed\r\n"), [OK], KEPT, OURS),
    ("an unknown option", "9110 7.6.1", get(b"Connection: x-y\r\n"), [OK], KEPT, OURS),
    ("HTTP 1.0", "9.3", get(version=b"HTTP/1.0"), [OK], CLOSED, OURS),
    ("HTTP 1.0 and keep-alive", "9.3", get(b"Connection: Keep-Alive\r\n", version=b"HTTP/1.0"),
     [OK], KEPT, OURS),
    ("HTTP 1.0, keep-alive and close", "9.3",
     get(b"Connection: keep-alive, close\r\n", version=b"HTTP/1.0"), [OK], CLOSED, OURS),
    ("an upgrade to h2c", "9110 7.8",
     get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
     [OK], KEPT, OURS),
    ("an upgrade to websocket", "9110 7.8",
     get(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"), [OK], KEPT,
     OURS),
    ("five in a pipeline", "9.3.2",
     get() + get(target=b"/nope") + length(b" 14") + coded(b" chunked") + get(),
     [OK, NO_ROUTE, GHOST, GHOST, OK], KEPT, OURS),
    ("fifty in a pipeline", "9.3.2", get() * 50, [OK] * 50, KEPT, OURS),
    ("a pipeline that an error ends", "9.3.2",
     get() + get(target=b"/nope") + get(b"X : a\r\n"), [OK, NO_ROUTE, INVALID], CLOSED, OURS),
    ("a pipeline that close ends", "9.3.2", get() + get(b"Connection: close\r\n"), [OK, OK],
     CLOSED, OURS),
    ("a pipeline behind HEAD", "9110 9.3.2", get(method=b"HEAD") + get(), [OK_HEAD, OK], KEPT,
     OURS),
]

BODIES = [
    ("HEAD", "9110 9.3.2", get(method=b"HEAD"), [OK_HEAD], KEPT, OURS),
    ("HEAD of what is not there", "9110 9.3.2", get(method=b"HEAD", target=b"/nope"),
     [reply(404, body=False)], KEPT, OURS),
    ("GET with a length of 0", "9110 9.3.1", get(b"Content-Length: 0\r\n"), [OK], KEPT, OURS),
    ("GET with a body", "9110 9.3.1",
     get(b"Content-Type: application/json\r\nContent-Length: 2\r\n") + b"{}",
     [reply(400, "BODY_INVALID")], KEPT, OURS),
    ("GET with chunks", "9110 9.3.1",
     get(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") +
     b"2\r\n{}\r\n0\r\n\r\n", [reply(400, "BODY_INVALID")], KEPT, OURS),
    ("HEAD with a body", "9110 9.3.2",
     get(b"Content-Type: application/json\r\nContent-Length: 2\r\n", method=b"HEAD") + b"{}",
     [reply(400, body=False)], KEPT, OURS),
    ("DELETE with a body", "9110 9.3.5", get(b"Content-Length: 2\r\n", method=b"DELETE") + b"{}",
     [reply(400, "BODY_INVALID")], KEPT, OURS),
    ("OPTIONS with a body", "9110 9.3.7", get(b"Content-Length: 2\r\n", method=b"OPTIONS") + b"{}",
     [reply(204, body=False)], KEPT, OURS),
    ("an unknown method with a body", "9110 9.1", get(b"Content-Length: 2\r\n", method=b"BREW") +
     b"{}", [NOT_ALLOWED], KEPT, OURS),
    ("a body of no route", "9110 9.3.3", get(b"Content-Length: 2\r\n", target=b"/nope",
                                            method=b"POST") + b"{}", [NO_ROUTE], KEPT, OURS),
]

SIZES = [
    ("a head at the limit", "9110 5.4", sized(HEAD_LIMIT), [OK], KEPT, OURS),
    ("a head one byte beyond", "9110 5.4", sized(HEAD_LIMIT + 1), [LARGE_HEAD], CLOSED, OURS),
    ("a head of 20,000 bytes", "9110 5.4", sized(20000), [LARGE_HEAD], CLOSED, OURS),
    ("a head of 100 KiB", "9110 5.4", sized(100 << 10), [page(431)], CLOSED, MHD),
    ("a target at the limit", "3", get(target=b"/" * URL_LIMIT), [NO_ROUTE], KEPT, OURS),
    ("a target one byte beyond", "3", get(target=b"/" * (URL_LIMIT + 1)),
     [reply(414, "URL_TOO_LONG")], CLOSED, OURS),
    ("a target of 16,000 bytes", "3", get(target=b"/" * 16000), [reply(414, "URL_TOO_LONG")],
     CLOSED, OURS),
    ("a target of 100 KiB", "3", get(target=b"/" * (100 << 10)), [page(414)], CLOSED, MHD),
    ("a query beyond the limit", "3", get(target=RUN + b"?" + b"&" * URL_LIMIT),
     [reply(414, "URL_TOO_LONG")], CLOSED, OURS),
    ("a method of 100 KiB", "3", get(method=b"M" * (100 << 10)), [page(414)], CLOSED, MHD),
    ("a name of 17,000 bytes", "9110 5.4", get(b"X" * 17000 + b": a\r\n"), [LARGE_HEAD], CLOSED,
     OURS),
    ("100 headers", "9110 5.4", get(b"X: abcdefghij\r\n" * 100), [OK], KEPT, OURS),
    ("200 headers", "9110 5.4", get(b"X: abcdefghij\r\n" * 200), [OK], KEPT, OURS),
    ("303 headers", "9110 5.4", get(b"X: abcdefghij\r\n" * 301), [LARGE_HEAD], CLOSED, OURS),
    ("1,000 headers", "9110 5.4", get(b"X: a\r\n" * 1000), [page(431)], CLOSED, MHD),
    ("20,000 headers", "9110 5.4", get(b"X: a\r\n" * 20000), [page(431)], CLOSED, MHD),
    ("a body at the limit", "9110 15.5.14",
     length(b" %d" % BODY_LIMIT, JSON + b" " * (BODY_LIMIT - 14)), [GHOST], KEPT, OURS),
    ("a body one byte beyond", "9110 15.5.14",
     length(b" %d" % (BODY_LIMIT + 1), JSON + b" " * (BODY_LIMIT - 13)), [LARGE_BODY], KEPT, OURS),
    ("a body of 1 GB announced", "9110 15.5.14", length(b" 1000000000", b""), [LARGE_BODY], CLOSED,
     OURS),
    ("chunks at the limit", "9110 15.5.14",
     chunks(b"100000\r\n" + JSON + b" " * (BODY_LIMIT - 14) + b"\r\n0\r\n\r\n"), [GHOST], KEPT,
     OURS),
    ("chunks one byte beyond", "9110 15.5.14",
     chunks(b"100001\r\n" + JSON + b" " * (BODY_LIMIT - 13) + b"\r\n0\r\n\r\n"), [LARGE_BODY], KEPT,
     OURS),
    ("a chunk of 1 TB announced", "9110 15.5.14", chunks(b"10000000000\r\n" + b" " * (6 << 20)), [],
     CLOSED, OURS),
]

# The client sends no more: a request that is whole is answered, half of one is not.
HALF_CLOSED = [
    ("half-closed behind a GET", "9.6", get(), [OK], CLOSED_ALONE, OURS),
    ("half-closed behind a POST", "9.6", length(b" 14"), [GHOST], CLOSED_ALONE, OURS),
    ("half-closed behind chunks", "9.6", coded(b" chunked"), [GHOST], CLOSED_ALONE, OURS),
    ("half-closed behind a pipeline", "9.6", get() * 3, [OK] * 3, CLOSED_ALONE, OURS),
    ("half-closed in the request line", "9.6", b"GET /v1", [], CLOSED_ALONE, OURS),
    ("half-closed in the head", "9.6", get()[:-2], [], CLOSED_ALONE, OURS),
    ("half-closed in a body", "8", length(b" 15"), [], CLOSED_ALONE, OURS),
    ("half-closed in a chunk", "8", chunks(b"f\r\n" + JSON), [], CLOSED_ALONE, OURS),
    ("half-closed before the last chunk", "8", chunks(b"e\r\n" + JSON + b"\r\n"), [], CLOSED_ALONE,
     OURS),
    ("half-closed in the trailers", "8", chunks(b"e\r\n" + JSON + b"\r\n0\r\n"), [], CLOSED_ALONE,
     OURS),
    ("half-closed without a byte", "9.6", b"", [], CLOSED_ALONE, OURS),
    ("half-closed behind an empty line", "9.6", b"\r\n", [], CLOSED_ALONE, OURS),
]

TIMED_OUT = reply(408, "REQUEST_TIMEOUT")

# The client sends nothing more, or a byte now and then, until it is told.
SLOW = [
    ("silence in the head", "9110 15.5.9", get()[:-2], [TIMED_OUT], CLOSED_ALONE, OURS),
    ("silence in a header", "9110 15.5.9", get(b"X: a")[:40], [TIMED_OUT], CLOSED_ALONE, OURS),
    ("silence in a body", "9110 15.5.9", length(b" 15"), [TIMED_OUT], CLOSED_ALONE, OURS),
    ("silence before a body", "9110 15.5.9", length(b" 15", b""), [TIMED_OUT], CLOSED_ALONE, OURS),
    ("silence in a chunk", "9110 15.5.9", chunks(b"f\r\n" + JSON), [TIMED_OUT], CLOSED_ALONE, OURS),
    ("silence before the last chunk", "9110 15.5.9", chunks(b"e\r\n" + JSON + b"\r\n"), [TIMED_OUT],
     CLOSED_ALONE, OURS),
    ("an extension of 200 KiB", "7.1.1", chunks(b"e;" + b"x" * (200 << 10)), [TIMED_OUT],
     CLOSED_ALONE, OURS),
    ("silence in the trailers", "9110 15.5.9", chunks(b"e\r\n" + JSON + b"\r\n0\r\nX: a\r\n"),
     [TIMED_OUT], CLOSED_ALONE, OURS),
    ("silence behind 100-continue", "9110 15.5.9",
     post(b"Expect: 100-continue\r\nContent-Length: 14\r\n"), [CONTINUE, TIMED_OUT], CLOSED_ALONE,
     OURS),
    ("silence in a second request", "9110 15.5.9", get() + get()[:-2], [OK, TIMED_OUT],
     CLOSED_ALONE, OURS),
    ("silence in the request line", "9.5", b"GET /v1", [], CLOSED_ALONE, MHD),
    ("silence from the start", "9.5", b"", [], CLOSED_ALONE, OURS),
]

SECTIONS = {
    "request line": REQUEST_LINE, "host": HOSTS, "target": TARGETS, "fields": FIELDS,
    "length": LENGTHS, "coding": CODINGS, "chunks": CHUNKS, "expectations": EXPECTATIONS,
    "connections": CONNECTIONS, "bodies": BODIES, "sizes": SIZES,
}
