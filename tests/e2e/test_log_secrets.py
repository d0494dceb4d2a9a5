"""A token is in no log, wherever a client puts it and however it is spelled."""

import base64
import json
import socket
import unittest

import grpc

import contract
import h2_wire
import rest
import secrets_in_text
import stubs
from gateways import Gateway
from harness import DEADLINE_S, Place, Process, Serve, create_token, program, runsctl


def percent(text, which=None):
    return "".join(f"%{ord(c):02x}" if which is None or i == which else c
                   for i, c in enumerate(text))


def base64_of(text, skipped=0):
    return base64.b64encode(b"x" * skipped + text.encode()).decode()


def spellings(token):
    """The token as a path or an id may hold it: (name, text)."""
    body = token[4:]
    return [
        ("plain", token),
        ("without prefix", body),
        ("half", body[:24]),
        ("cut", token[:30]),
        ("prefix in percent form", "rst%5F" + body),
        ("prefix in lower percent form", "rst%5f" + body),
        ("prefix encoded twice", "rst%255F" + body),
        ("prefix encoded three times", "rst%25255F" + body),
        ("all in percent form", percent(token)),
        ("all in percent form, no prefix", percent(body)),
        ("percent within percent", "rst%%35F" + body),
        ("one character encoded", percent(token, 20)),
        ("one character encoded, no prefix", percent(body, 20)),
        ("hex", token.encode().hex()),
        ("upper hex", token.encode().hex().upper()),
        ("hex without prefix", body.encode().hex()),
        ("base64", base64_of(token)),
        ("base64, one further", base64_of(token, 1)),
        ("base64, two further", base64_of(token, 2)),
        ("base64 of the body", base64_of(body)),
        ("base64url", base64_of(token).replace("+", "-").replace("/", "_")),
        ("basic", base64_of("user:" + token)),
        ("upper case", token.upper()),
        ("lower case", token.lower()),
        ("glued", "Bearer" + token),
        ("glued behind", token + "cancel"),
        ("two segments", token[:24] + "/" + token[24:]),
        ("two segments without prefix", body[:22] + "/" + body[22:]),
        ("split by an encoded slash", body[:22] + "%2F" + body[22:]),
        ("split by NUL", token[:24] + "%00" + token[24:]),
        ("split by no UTF-8", body[:22] + "%ff" + body[22:]),
        ("in quotes", "%22" + token + "%22"),
        ("with colons", "a:" + token + ":b"),
    ]


def head(line, *headers, body=b""):
    lines = [line, *headers]
    if not any(h.lower().startswith("host:") for h in headers):
        lines.insert(1, "Host: localhost")
    if body and not any(h.lower().startswith(("content-length:", "transfer-")) for h in headers):
        lines.append(f"Content-Length: {len(body)}")
    if not any(h.lower().startswith("connection:") for h in headers):
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def send(port, data):
    """Sends a request; returns once something came back, or nothing can come."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as s:
        s.sendall(data)
        s.settimeout(1)
        try:
            s.recv(65536)
        except TimeoutError:
            # The server waits for more, which will not come.
            s.shutdown(socket.SHUT_WR)
            s.settimeout(DEADLINE_S)
            try:
                s.recv(65536)
            except ConnectionError:
                pass
        except ConnectionError:
            pass


def rest_rows(token, good):
    """(name, bytes) of requests that hold the token; good is a token that is valid."""
    auth = f"Authorization: Bearer {good}"
    rows = []
    for name, text in spellings(token):
        rows += [
            (f"{name}: run id", head(f"GET /v1/runs/{text} HTTP/1.1", auth)),
            (f"{name}: cancel", head(f"POST /v1/runs/{text}/cancel HTTP/1.1", auth)),
            (f"{name}: no such route", head(f"GET /{text} HTTP/1.1", auth)),
            (f"{name}: behind a verb", head(f"GET /v1/runs:{text} HTTP/1.1", auth)),
            (f"{name}: in query", head(f"GET /v1/runs?pageToken={text} HTTP/1.1", auth)),
            (f"{name}: query key", head(f"GET /v1/runs?{text}=1 HTTP/1.1", auth)),
            (f"{name}: fragment", head(f"GET /v1/runs#{text} HTTP/1.1", auth)),
        ]
        if "%" not in text:
            rows += [
                (f"{name}: request id", head("GET /v1/runs HTTP/1.1", auth,
                                             f"X-Request-Id: {text}")),
                (f"{name}: request id, refused", head("GET /x HTTP/1.1",
                                                      f"X-Request-Id: {text}")),
                (f"{name}: authorization", head("GET /v1/runs HTTP/1.1",
                                                f"Authorization: Bearer {text}")),
            ]
    for header in ("Authorization: %s", "Authorization: bearer  %s", "Authorization: Bearer\t%s",
                   "Authorization: Bearer %s, Bearer %s", "Authorization: Basic %s",
                   "Authorization: Bearer \"%s\"", "Authorization: Bearer %s\x80",
                   "Authorization: Bearer \xff%s", "Authorization: Bearer %s\x01",
                   "Authorization: Bearer %s\x7f", "Authorization: Bearer %s\xc3\xa9",
                   "Authorization: Bearer %s\r\nAuthorization: Bearer %s",
                   "Authorization: Bearer %s\r\n folded", "Authorization : Bearer %s",
                   "Authorisation: Bearer %s", "Proxy-Authorization: Bearer %s",
                   "Cookie: session=%s", "X-Api-Key: %s", "X-Request-Id: \"%s\"",
                   "X-Request-Id: %s\x80", "traceparent: %s", "tracestate: a=%s",
                   "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                   "tracestate: a=%s\x80", "Grpc-Timeout: %s", "X-Request-Timeout: %s",
                   "Content-Type: %s", "Content-Encoding: %s", "Accept: %s", "Accept-Encoding: %s",
                   "Expect: %s", "Transfer-Encoding: %s", "Content-Length: %s",
                   "If-None-Match: \"%s\"", "Origin: https://%s", "User-Agent: %s", "Host: %s",
                   "Host: user:%s@localhost", "Connection: %s", "Upgrade: %s", "%s: x",
                   "%s : x", "X-%s: x", "Grpc-Metadata-%s: x", "Grpc-Metadata-X: %s\x80",
                   "Grpc-Metadata-X-Bin: %s", "%s"):
        text = header.replace("%s", token)
        rows.append((f"header {header!r}", head("POST /v1/runs/x/cancel HTTP/1.1", *(
            [] if text.lower().startswith("authorization") else [auth]), text, body=b"{}")))
    rows += [
        ("verb", head(f"{token} /v1/runs HTTP/1.1", auth)),
        ("version", head(f"GET /v1/runs {token}", auth)),
        ("version of HTTP", head(f"GET /v1/runs HTTP/{token}", auth)),
        ("only the token", f"{token}\r\n\r\n".encode()),
        ("no target", head(f"GET {token}", auth)),
        ("absolute target", head(f"GET http://{token}@localhost/v1/runs HTTP/1.1", auth)),
        ("space in target", head(f"GET /v1/runs/{token} x HTTP/1.1", auth)),
        ("preflight", head("OPTIONS /v1/runs HTTP/1.1", f"Origin: http://{token}",
                           f"Access-Control-Request-Method: {token}")),
        ("HEAD", head(f"HEAD /v1/runs/{token} HTTP/1.1", auth)),
        ("body is no JSON", head("POST /v1/runs HTTP/1.1", auth, "Content-Type: application/json",
                                 body=token.encode())),
        ("body of another type", head("POST /v1/runs HTTP/1.1", auth, "Content-Type: text/plain",
                                      body=token.encode())),
        ("chunk size", head("POST /v1/runs HTTP/1.1", auth, "Transfer-Encoding: chunked")
         + f"{token}\r\n".encode()),
        ("long path", head(f"GET /v1/runs/{'a' * 3000}{token} HTTP/1.1", auth)),
        ("at the cut", head(f"GET /v1/runs/{'a/' * 1010}{token} HTTP/1.1", auth)),
    ]
    run = contract.new_run(id="x")
    for name, value in (("unknown field", {**run, token: 1}),
                        ("unknown field, escaped", {**run, token: "\u0000"}),
                        ("id", {**run, "id": token}), ("id without prefix", {**run, "id": token[4:]}),
                        ("id in hex", {**run, "id": token.encode().hex()}),
                        ("status", {**run, "status": token}), ("name", {**run, "name": token}),
                        ("time", {**run, "createTime": token}), ("number", {**run, "chainId": token}),
                        ("a list", [token]), ("a text", token)):
        rows.append((f"body: {name}", head("POST /v1/runs HTTP/1.1", auth,
                                           "Content-Type: application/json",
                                           body=json.dumps(value).encode())))
    rows.append(("reason of a cancel", head(
        "POST /v1/runs/x/cancel HTTP/1.1", auth, "Content-Type: application/json",
        body=json.dumps({"reason": token}).encode())))
    return rows


def grpc_rows(token, good):
    """(name, header fields, message) of calls that hold the token."""
    path = b"/runs.v1.RunsService/GetRun"
    usual = {b":method": b"POST", b":scheme": b"http", b":path": path, b":authority": b"localhost",
             b"te": b"trailers", b"content-type": b"application/grpc",
             b"authorization": f"Bearer {good}".encode()}
    t = token.encode()
    rows = []

    def add(name, changes, message=b""):
        rows.append((f"gRPC {name}", list({**usual, **changes}.items()), message))

    for key in (b":method", b":scheme", b":path", b":authority", b"te", b"content-type",
                b"authorization", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding",
                b"user-agent", b"host", b"x-request-id", b"content-length", b"connection",
                b"grpc-status", b"grpc-message", b"grpc-tags-bin", b"grpc-trace-bin",
                b"grpc-server-stats-bin", b"grpc-retry-pushback-ms", b"grpc-previous-rpc-attempts",
                b"grpc-internal-encoding-request", b"lb-token", b"lb-cost-bin", b"x-bin", b"cookie",
                b"traceparent", b":status", b":unknown"):
        for name, value in (("", t), ("\\x80", t + b"\x80"), ("\\n", t + b"\n"), ("NUL", t + b"\0"),
                            ("Bearer", b"Bearer " + t), ("/", b"/" + t), ("hex", t.hex().encode()),
                            ("application/", b"application/grpc+" + t)):
            add(f"{key.decode()} {name}", {key: value})
    add("unknown method", {b":path": b"/runs.v1.RunsService/" + t})
    add("unknown method in percent form", {b":path": b"/runs.v1.RunsService/rst%5F" + t[4:]})
    add("unknown service", {b":path": b"/" + t + b"/GetRun"})
    add("key", {t.lower(): b"x"})
    add("key as it is", {t: b"x"})
    add("key that is wrong", {t.lower() + b"\x80": b"x"})
    add("key behind a colon", {b":" + t.lower(): b"x"})
    for name, text in spellings(token):
        coded = text.encode()
        add(f"run id, {name}", {}, b"\x0a" + bytes([len(coded)]) + coded)
        add(f"request id, {name}", {b"x-request-id": coded})
    add("message", {}, t)
    add("message of another encoding", {b"grpc-encoding": b"gzip"}, t)
    return rows


class Secrets(unittest.TestCase):
    """Every row has a token of its own, so that a log tells which row it came from."""

    def play(self, http_ports, grpc_ports, good):
        played = []
        for port in http_ports:
            for i in range(len(rest_rows("rst_" + "Q" * 43, good))):
                token = secrets_in_text.fake_token()
                name, data = rest_rows(token, good)[i]
                send(port, data)
                played.append((name, token))
        for port in grpc_ports:
            for i in range(len(grpc_rows("rst_" + "Q" * 43, good))):
                token = secrets_in_text.fake_token()
                name, fields, message = grpc_rows(token, good)[i]
                h2_wire.call(port, fields, message)
                played.append((name, token))
        return played

    def check(self, played, processes):
        for process in processes:
            text = process.text()
            whole = secrets_in_text.Haystack(text)
            for name, token in played:
                found = whole.find(token)
                if found is not None:
                    lines = [line for line in text.splitlines()
                             if secrets_in_text.Haystack(line).find(token)]
                    with self.subTest(name):
                        self.fail(f"{name}: {token}, {found}, in {lines}")

    def serve(self, *options):
        place = Place()
        self.addCleanup(place.remove)
        token = create_token(place.store)
        server = Serve(place.store, *options)
        self.addCleanup(server.stop)
        played = self.play([server.http_port], server.grpc_ports[:1], token)
        rest.request(server.http_port, "GET", "/v1/runs/ghost", token,
                     headers={"X-Request-Id": "the-last"})
        server.wait_for_log(lambda l: l.get("requestId") == "the-last", "the last request")
        self.check([*played, ("the valid token", token)], [server])
        return server

    def test_no_spelling_of_a_token_is_logged(self):
        self.serve()

    def test_no_spelling_of_a_token_is_logged_at_debug(self):
        server = self.serve("--log-level", "debug")
        # The log still says which method was called.
        with server.changed:
            requests = [l for l in server.lines if l.get("message") == "request"]
        masked = [l for l in requests if "***" in l["path"] and l["status"] == 404]
        self.assertTrue(any(l.get("route") == "/v1/runs/{id}" for l in masked), masked[:5])
        self.assertTrue(any(l.get("route") == "/v1/runs/{id}/cancel"
                            or l.get("route") == "/v1/runs/{id}:cancel"
                            for l in requests), requests[:5])

    def test_no_spelling_of_a_token_is_logged_apart(self):
        place = Place()
        self.addCleanup(place.remove)
        token = create_token(place.store)
        server = Process(program("runsd"), "--store", place.store, "--log-level", "debug",
                         "--listen", f"unix:{place.path}/d.sock", "--listen", "127.0.0.1:0")
        self.addCleanup(server.stop)
        server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        gateway = Gateway(f"unix:{place.path}/d.sock", "--log-level", "debug")
        self.addCleanup(gateway.stop)
        played = self.play([gateway.port], [], token)
        rest.request(gateway.port, "GET", "/v1/runs/ghost", token,
                     headers={"X-Request-Id": "the-last"})
        for process in (gateway, server):
            process.wait_for_log(lambda l: l.get("requestId") == "the-last", "the last request")
        self.check([*played, ("the valid token", token)], [gateway, server])

    def test_runsctl_prints_no_token(self):
        place = Place()
        self.addCleanup(place.remove)
        good = create_token(place.store)
        server = Serve(place.store)
        self.addCleanup(server.stop)
        target = ("--server", server.grpc)
        for name, arguments, environment, given in (
                ("a token as an id", ("runs", "get", "%s", *target), good, None),
                ("a token as a command", ("%s",), good, None),
                ("a token as a command of a group", ("runs", "%s"), good, None),
                ("a token as an option", ("runs", "get", "x", "--%s"), good, None),
                ("a token as an option's value", ("runs", "list", "--limit", "%s", *target), good,
                 None),
                ("an unknown token", ("runs", "list", *target), "%s", None),
                ("a token that gRPC refuses", ("runs", "list", *target), "%s\x01é", None),
                ("a token that is no ASCII", ("runs", "list", *target), "%s\x7f", None),
                ("two lines", ("runs", "list", *target), "%s\n%s", None),
                ("the server's address", ("runs", "list", "--server", "%s"), good, None),
                ("the store", ("tokens", "list", "--store", "%s"), good, None),
                ("an address to serve at", ("serve", "--store", "memory:", "--http", "%s"), good,
                 None)):
            token = secrets_in_text.fake_token()
            done = runsctl(*(a.replace("%s", token) for a in arguments), input=given,
                           env={"RUNSCTL_TOKEN": environment.replace("%s", token)})
            with self.subTest(name):
                self.assertNotEqual(0, done.returncode, done)
                found = secrets_in_text.Haystack(done.stderr).find(token)
                self.assertIsNone(found, done.stderr)

    def test_a_token_of_grpc_clients_own_is_not_logged(self):
        """As the libraries of users send it, not as bytes."""
        place = Place()
        self.addCleanup(place.remove)
        token = create_token(place.store)
        server = Serve(place.store, "--log-level", "debug")
        self.addCleanup(server.stop)
        fakes = [secrets_in_text.fake_token() for _ in range(4)]
        with grpc.insecure_channel(server.grpc) as channel:
            runs = stubs.service_grpc.RunsServiceStub(channel)
            for request_id, run_id, given in (
                    (fakes[0], "ghost", token), ("b", fakes[1], token), ("c", "ghost", fakes[2]),
                    (fakes[3][4:], "ghost", token)):
                with self.assertRaises(grpc.RpcError):
                    runs.GetRun(stubs.service_pb2.GetRunRequest(id=run_id), timeout=DEADLINE_S,
                                metadata=[*stubs.bearer(given), ("x-request-id", request_id)])
            with self.assertRaises(grpc.RpcError):
                runs.GetRun(stubs.service_pb2.GetRunRequest(id="last"), timeout=DEADLINE_S,
                            metadata=[*stubs.bearer(token), ("x-request-id", "the-last")])
        server.wait_for_log(lambda l: l.get("requestId") == "the-last", "the last call")
        self.check([("fake", t) for t in [token, *fakes]], [server])
