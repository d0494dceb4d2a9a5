"""HTTP/1.1 as bytes: what is sent, what comes back, whether the connection stays.

What the rows of http_conformance_rows are made of.

A row is (name, rule, sent, replies, end, guard):

- rule: the section that decides, of RFC 9112 unless it says 9110 or 3986.
- sent: the bytes, with {auth} for a header line with a good token.
- replies: what comes back, in order.
- end: KEPT, and the next request on the connection is answered; or CLOSED, and a
  request sent right behind is neither answered nor carried out; or CLOSED_ALONE, as
  CLOSED, but nothing is sent behind, because it would be part of the request.
- guard: who decides. OURS, the gateway. MHD, libmicrohttpd 0.9.75 before the gateway
  sees the request: its answer is a page of HTML, or none. LAX, libmicrohttpd takes
  what the rule lets or wants a server refuse, and hides it from the gateway.
"""

import collections

KEPT, CLOSED, CLOSED_ALONE = "kept", "closed", "closed, nothing sent behind"
OURS, MHD, LAX = "ours", "libmicrohttpd", "libmicrohttpd, too lax"

# envelope: whether it is ours, and by which reason; body: whether one is there.
Reply = collections.namedtuple("Reply", "status reason envelope body")


def reply(status, reason=None, body=True):
    return Reply(status, reason, True, body)


def page(status):
    """An answer of libmicrohttpd's own."""
    return Reply(status, None, False, True)


OK, OK_HEAD = reply(200), reply(200, body=False)
GHOST = reply(404, "RUN_NOT_FOUND")
INVALID = reply(400, "HEADER_INVALID")
NO_ROUTE = reply(404, "ROUTE_NOT_FOUND")
NOT_ALLOWED = reply(405, "METHOD_NOT_ALLOWED")
CONTINUE = Reply(100, None, False, False)
LARGE_BODY = reply(413, "BODY_TOO_LARGE")
LARGE_HEAD = reply(431, "HEADERS_TOO_LARGE")

HOST = b"Host: h\r\n"
RUN = b"/v1/runs/earlier"
JSON = b'{"reason":"x"}'  # 14 bytes
URL_LIMIT, HEAD_LIMIT, BODY_LIMIT = 8 << 10, 16 << 10, 1 << 20


def get(headers=b"", target=RUN, version=b"HTTP/1.1", host=HOST, method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + host + headers + b"{auth}\r\n"


def post(headers, body=b"", version=b"HTTP/1.1"):
    """Cancels a run that is not there: 404 once the request was understood."""
    return (b"POST /v1/runs/ghost/cancel " + version + b"\r\n" + HOST + headers +
            b"Content-Type: application/json\r\n{auth}\r\n" + body)


def length(value, body=JSON):
    return post(b"Content-Length:" + value + b"\r\n", body)


def coded(value, body=b"e\r\n" + JSON + b"\r\n0\r\n\r\n", name=b"Transfer-Encoding", more=b""):
    return post(name + b":" + value + b"\r\n" + more, body)


def chunks(body):
    return coded(b" chunked", body)


def line(text):
    """A request whose first line is text."""
    return text + HOST + b"{auth}\r\n"


def sized(count):
    """A GET whose head has count bytes, the empty line not among them."""
    return get(b"X: {fill:%d}\r\n" % count)
