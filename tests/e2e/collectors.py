"""A collector of traces: takes OTLP/HTTP as it is told to, and reads what it was sent with
OpenTelemetry's own code."""

import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

from harness import DEADLINE_S

DECODER = pathlib.Path(__file__).resolve().parents[1] / "traces" / "decode.cjs"


def modules():
    """Where what tests/traces takes from npm is."""
    found = os.environ.get("TRACES_NODE_MODULES")
    if not found:
        raise RuntimeError("TRACES_NODE_MODULES is not set: run script/test")
    return found


def decode(bodies):
    """The requests' bodies as JSON."""
    done = subprocess.run(["node", str(DECODER), modules()], timeout=DEADLINE_S, check=False,
                          input="".join(body.hex() + "\n" for body in bodies), text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def attributes(pairs):
    """Of a span or a resource: {key: text or number}."""
    found = {}
    for pair in pairs or ():
        value = pair["value"]
        found[pair["key"]] = int(value["intValue"]) if "intValue" in value else value["stringValue"]
    assert len(found) == len(pairs or ())
    return found


class Span:
    """A span with its resource and scope."""

    def __init__(self, raw, resource, scope):
        self.resource, self.scope = resource, scope
        self.trace, self.id = raw["traceId"], raw["spanId"]
        self.parent = raw.get("parentSpanId", "")
        self.state = raw.get("traceState", "")
        self.name, self.kind = raw["name"], raw["kind"]
        self.start, self.end = int(raw["startTimeUnixNano"]), int(raw["endTimeUnixNano"])
        self.attributes = attributes(raw.get("attributes"))
        self.is_failed = raw.get("status", {}).get("code") == "STATUS_CODE_ERROR"
        self.raw = raw

    def __repr__(self):
        return f"{self.scope} {self.name} {self.attributes}"


class Collector:
    """answer(number) says what becomes of the number-th request, from 0: (status, headers, body),
    or a function that is given the handler and does it."""

    def __init__(self, answer=None):
        self.answer = answer or (lambda number: (200, {}, b""))
        self.requests = []  # (path, headers, body)
        self.changed = threading.Condition()
        self.leaving = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self):
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with collector.changed:
                    number = len(collector.requests)
                    collector.requests.append((self.path, dict(self.headers), body))
                    collector.changed.notify_all()
                answer = collector.answer(number)
                if callable(answer):
                    answer(self)
                    return
                status, headers, reply = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def do_GET(self):
                with collector.changed:
                    collector.requests.append((self.path, dict(self.headers), b""))
                self.send_error(405)

            def log_message(self, *_):
                pass

        return Handler

    def hang(self, handler):
        """Never answers, until the end."""
        self.leaving.wait(DEADLINE_S)
        handler.close_connection = True

    def stop(self):
        self.leaving.set()
        self.server.shutdown()
        self.server.server_close()

    def wait_for_requests(self, count, seconds=DEADLINE_S):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.requests) >= count, seconds):
                raise AssertionError(f"{len(self.requests)} requests, not {count}")
            return list(self.requests)

    def spans(self):
        """All that was sent until now."""
        with self.changed:
            bodies = [body for _, _, body in self.requests]
        found = []
        for request in decode(bodies) if bodies else ():
            for of_resource in request["resourceSpans"]:
                resource = attributes(of_resource["resource"]["attributes"])
                for of_scope in of_resource["scopeSpans"]:
                    scope = of_scope["scope"]
                    found += [Span(raw, resource, (scope["name"], scope["version"]))
                              for raw in of_scope["spans"]]
        return found

    def wait_for_spans(self, count, predicate=lambda span: True):
        """The spans that the predicate takes, once there are so many."""
        end = time.monotonic() + DEADLINE_S
        while True:
            with self.changed:
                seen = len(self.requests)
            found = [span for span in self.spans() if predicate(span)]
            if len(found) >= count:
                return found
            with self.changed:
                if not self.changed.wait_for(lambda: len(self.requests) > seen,
                                             max(0, end - time.monotonic())):
                    raise AssertionError(f"{len(found)} spans, not {count}: {found}")


def closed_port():
    """A port at which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
