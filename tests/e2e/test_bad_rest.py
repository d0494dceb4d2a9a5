"""Bad input over REST: every field, header, route and limit, a row each."""

import json
import unittest

import bad_runs
import contract
import rest
from harness import create_token, serve_for
from tables import cases

URL_LIMIT, HEADER_LIMIT, BODY_LIMIT = 8 << 10, 16 << 10, 1 << 20
CANCEL, RUN, RUNS = "/v1/runs/{id}/cancel", "/v1/runs/{id}", "/v1/runs"
UNKNOWN_TOKEN = "rst_" + "A" * 43


class Served(unittest.TestCase):
    """A server with one run; after each case it must be there as it was."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        store = cls.place.store
        cls.tokens = {"reader": create_token(store, scopes="runs.read"),
                      "canceller": create_token(store, scopes="runs.cancel"),
                      "other organization": create_token(store, org="globex")}
        cls.port = cls.server.http_port
        created = rest.request(cls.port, "POST", RUNS, cls.token, contract.new_run(id="earlier"))
        assert created.status == 200, created.body
        cls.earlier = created.json()["data"]

    def tearDown(self):
        reply = rest.request(self.port, "GET", "/v1/runs/earlier", self.token)
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual(self.earlier, reply.json()["data"])

    def fill(self, path):
        return path.replace("{id}", "earlier")


@cases([
    ("no such path", "GET", "/v2/runs", 404, "ROUTE_NOT_FOUND", "/v2/runs"),
    ("root path", "GET", "/", 404, "ROUTE_NOT_FOUND", None),
    ("trailing slash", "POST", CANCEL + "/", 404, "ROUTE_NOT_FOUND", None),
    ("empty id", "POST", "/v1/runs//cancel", 404, "ROUTE_NOT_FOUND", None),
    ("path beyond the route", "POST", CANCEL + "/now", 404, "ROUTE_NOT_FOUND", None),
    ("path in capitals", "POST", "/V1/runs/earlier/cancel", 404, "ROUTE_NOT_FOUND", None),
    ("dot segments are not resolved", "GET", "/v1/x/../runs/earlier", 404, "ROUTE_NOT_FOUND", None),
    ("no such run", "POST", "/v1/runs/ghost/cancel", 404, "RUN_NOT_FOUND", "ghost"),
    ("no such run to read", "GET", "/v1/runs/ghost", 404, "RUN_NOT_FOUND", "ghost"),
    ("no such run's events", "GET", "/v1/runs/ghost/events", 404, "RUN_NOT_FOUND", "ghost"),
    ("percent sign without digits", "POST", "/v1/runs/%ZZ/cancel", 400, "PATH_INVALID", None),
    ("percent sign at the end", "GET", "/v1/runs/a%2", 400, "PATH_INVALID", None),
    ("id that is no UTF-8", "POST", "/v1/runs/%FF/cancel", 400, "PATH_INVALID", None),
    ("id with a slash", "POST", "/v1/runs/a%2Fb/cancel", 400, "FIELD_INVALID", "id"),
    ("id with a NUL", "POST", "/v1/runs/a%00b/cancel", 400, None, "id"),
    ("id beyond ASCII", "POST", "/v1/runs/%C3%A4/cancel", 400, "FIELD_INVALID", "id"),
    ("id of two dots", "GET", "/v1/runs/%2E%2E", 400, "FIELD_INVALID", "id"),
    ("id of 129 bytes", "POST", "/v1/runs/" + "x" * 129 + "/cancel", 400, "FIELD_INVALID", "128"),
    ("URL beyond the limit", "GET", "/v1/runs/" + "x" * URL_LIMIT, 414, "URL_TOO_LONG", "8192"),
    ("unknown query key", "POST", CANCEL + "?force=1", 400, "QUERY_INVALID", "force"),
    ("unknown query key of a list", "GET", RUNS + "?limit=1", 400, "QUERY_INVALID", "limit"),
    ("page size below 0", "GET", RUNS + "?pageSize=-1", 400, "FIELD_INVALID", "pageSize"),
    ("page size is a word", "GET", RUNS + "?pageSize=ten", 400, "QUERY_INVALID", "pageSize"),
    ("page size beyond 32 bits", "GET", RUNS + "?pageSize=4294967296", 400, "QUERY_INVALID",
     "pageSize"),
    ("page size twice", "GET", RUNS + "?pageSize=1&pageSize=2", 400, "QUERY_INVALID", "pageSize"),
    ("page token is made up", "GET", RUNS + "?pageToken=abc", 400, "FIELD_INVALID", "pageToken"),
    ("status is no status", "GET", RUNS + "?status=paused", 400, "QUERY_INVALID", "status"),
    ("status is none", "GET", RUNS + "?status=RUN_STATUS_UNSPECIFIED", 400, "FIELD_INVALID",
     "status"),
    ("time is no time", "GET", RUNS + "?startedAfter=yesterday", 400, "QUERY_INVALID",
     "startedAfter"),
    ("time that does not exist", "GET", RUNS + "?startedBefore=2026-02-30T00:00:00Z", 400,
     "QUERY_INVALID", "startedBefore"),
    ("query that is no UTF-8", "GET", RUNS + "?workflowId=%FF", 400, "QUERY_INVALID", "workflowId"),
])
class Routes(Served):
    def check(self, method, path, status, reason, fragment):
        reply = rest.request(self.port, method, self.fill(path), self.token)
        contract.check_error(self, reply, status, reason, fragment=fragment)


@cases([
    ("GET of cancel", "GET", CANCEL, "POST"),
    ("PUT of cancel", "PUT", CANCEL, "POST"),
    ("DELETE of runs", "DELETE", RUNS, "GET, POST"),
    ("PUT of a run", "PUT", RUN, "DELETE, GET"),
    ("PATCH of runs", "PATCH", RUNS, "GET, POST"),
    ("an unknown verb", "BREW", RUN, "GET"),
])
class Verbs(Served):
    def check(self, method, path, allow):
        reply = rest.request(self.port, method, self.fill(path), self.token)
        contract.check_error(self, reply, 405, "METHOD_NOT_ALLOWED", fragment=method)
        allowed = {verb.strip() for verb in reply.headers["Allow"].split(",")}
        self.assertLessEqual(set(allow.split(", ")), allowed)
        self.assertNotIn(method, allowed)


@cases([
    ("no token", {}, "TOKEN_MISSING"),
    ("another scheme", {"Authorization": "Basic YTpi"}, None),
    ("no scheme", {"Authorization": UNKNOWN_TOKEN}, None),
    ("an empty token", {"Authorization": "Bearer "}, None),
    ("no token of ours", {"Authorization": "Bearer YOUR_API_TOKEN"}, "TOKEN_INVALID"),
    ("an unknown token", {"Authorization": "Bearer " + UNKNOWN_TOKEN}, "TOKEN_INVALID"),
    ("a token cut short", {"Authorization": "Bearer {cut}"}, "TOKEN_INVALID"),
    ("a token and more", {"Authorization": "Bearer {token} x"}, "TOKEN_INVALID"),
    ("a token in the wrong case", {"Authorization": "Bearer {swapped}"}, "TOKEN_INVALID"),
])
class Tokens(Served):
    def check(self, headers, reason):
        filled = {k: v.replace("{token}", self.token).replace("{cut}", self.token[:-1])
                  .replace("{swapped}", self.token.swapcase()) for k, v in headers.items()}
        for method, path in (("POST", CANCEL), ("GET", RUN), ("GET", RUNS)):
            reply = rest.request(self.port, method, self.fill(path), headers=filled)
            contract.check_error(self, reply, 401, reason, "UNAUTHENTICATED")
            self.assertTrue(reply.headers["WWW-Authenticate"].startswith("Bearer"))
            self.assertNotIn(self.token, reply.body.decode())


@cases([
    ("a reader cancels", "reader", "POST", CANCEL, None, "runs.cancel"),
    ("a reader creates", "reader", "POST", RUNS, contract.new_run(), "runs.create"),
    ("a canceller reads", "canceller", "GET", RUN, None, "runs.read"),
    ("a canceller lists", "canceller", "GET", RUNS, None, "runs.read"),
    ("a canceller reads events", "canceller", "GET", RUN + "/events", None, "runs.read"),
])
class Scopes(Served):
    def check(self, who, method, path, body, scope):
        reply = rest.request(self.port, method, self.fill(path), self.tokens[who], body)
        contract.check_error(self, reply, 403, "SCOPE_MISSING", "PERMISSION_DENIED")
        self.assertEqual(scope, reply.error["metadata"]["scope"])


@cases([("cancel", "POST", "/cancel"), ("get", "GET", ""), ("events", "GET", "/events")])
class Tenants(Served):
    def check(self, method, suffix):
        """Another organization's run and none at all are the same reply."""
        headers = {"X-Request-Id": "same"}
        token = self.tokens["other organization"]
        there = rest.request(self.port, method, "/v1/runs/earlier" + suffix, token, headers=headers)
        absent = rest.request(self.port, method, "/v1/runs/nowhere" + suffix, token,
                              headers=headers)
        contract.check_error(self, there, 404, "RUN_NOT_FOUND", "NOT_FOUND")
        self.assertEqual(there.body.replace(b"earlier", b"nowhere"), absent.body)


def deep(levels):
    return "[" * levels + "]" * levels


CREATE_HEAD = '{"workflowDefinition":{"nodes":{"root":{"type":"manual"}}}'


@cases([
    ("no JSON", RUNS, "nope", "BODY_INVALID", None),
    ("JSON cut short", RUNS, CREATE_HEAD, "BODY_INVALID", None),
    ("bytes behind the JSON", RUNS, CREATE_HEAD + "} x", "BODY_INVALID", None),
    ("an array", RUNS, "[]", "BODY_INVALID", None),
    ("a string", RUNS, '"x"', "BODY_INVALID", None),
    ("a comma too many", RUNS, CREATE_HEAD + ",}", "BODY_INVALID", None),
    ("single quotes", RUNS, "{'id': 'x'}", "BODY_INVALID", None),
    ("a key twice", RUNS, CREATE_HEAD + ',"id":"a","id":"b"}', "BODY_INVALID", "id"),
    ("both names of a field", RUNS, CREATE_HEAD + ',"workflowId":"a","workflow_id":"b"}',
     "BODY_INVALID", "workflow"),
    ("an unknown field", RUNS, CREATE_HEAD + ',"priority":1}', "BODY_INVALID", "priority"),
    ("an unknown nested field", RUNS,
     '{"workflowDefinition":{"nodes":{"root":{"type":"manual"}},"edges":{}}}', "BODY_INVALID",
     "workflowDefinition.edges"),
    ("no UTF-8", RUNS, b'{"id":"\xff"}', "BODY_INVALID", None),
    ("half a surrogate", RUNS, r'{"triggeredBy":"\ud800"}', "BODY_INVALID", None),
    ("a control character in a string", RUNS, '{"id":"a\nb"}', "BODY_INVALID", None),
    ("text in a boolean", RUNS, CREATE_HEAD + ',"isDustTest":"yes"}', "BODY_INVALID", "isDustTest"),
    ("a number in a string", RUNS, CREATE_HEAD + ',"workflowId":7}', "BODY_INVALID", "workflowId"),
    ("an object in an array", RUNS, CREATE_HEAD + ',"simulationForks":{}}', "BODY_INVALID",
     "simulationForks"),
    ("an array in an object", RUNS, CREATE_HEAD + ',"propValues":[]}', "BODY_INVALID",
     "propValues"),
    ("a chain id with a fraction", RUNS, CREATE_HEAD + ',"simulationForks":[{"chainId":1.5}]}',
     "BODY_INVALID", "chainId"),
    ("a chain id beyond 64 bits", RUNS,
     CREATE_HEAD + ',"simulationForks":[{"chainId":9223372036854775808}]}', "BODY_INVALID",
     "chainId"),
    ("a version beyond 64 bits", RUNS, CREATE_HEAD + ',"workflowVersion":1e30}', "BODY_INVALID",
     "workflowVersion"),
    ("a status that is no word", RUNS, CREATE_HEAD + ',"status":"done"}', "BODY_INVALID", "status"),
    ("a time that is none", RUNS, CREATE_HEAD + ',"startedAt":"2026-13-01T00:00:00Z"}',
     "BODY_INVALID", "startedAt"),
    ("a free number that a double would change", RUNS,
     CREATE_HEAD + ',"propValues":{"n":9007199254740993}}', "BODY_INVALID", "propValues.n"),
    ("a free number that is too large", RUNS, CREATE_HEAD + ',"propValues":{"n":1e400}}',
     "BODY_INVALID", "propValues.n"),
    ("objects too deep", RUNS, CREATE_HEAD + ',"propValues":{"d":' + deep(5000) + "}}",
     "BODY_INVALID", None),
    ("an unknown field of cancel", CANCEL, '{"why":"x"}', "BODY_INVALID", "why"),
    ("a reason that is a number", CANCEL, '{"reason":1}', "BODY_INVALID", "reason"),
    ("a reason of 1025 bytes", CANCEL, json.dumps({"reason": "x" * 1025}), "FIELD_INVALID", "1024"),
    ("an empty create", RUNS, "{}", "FIELD_INVALID", "workflowDefinition"),
    ("no body for create", RUNS, "", "FIELD_INVALID", None),
])
class Bodies(Served):
    def check(self, path, body, reason, fragment):
        reply = rest.request(self.port, "POST", self.fill(path), self.token, body)
        contract.check_error(self, reply, 400, reason, "INVALID_ARGUMENT", fragment)


@cases(bad_runs.FIELDS)
class Fields(Served):
    def check(self, change, fragment):
        run = contract.new_run(id="fresh")
        run.update(change)
        reply = rest.request(self.port, "POST", RUNS, self.token, run)
        contract.check_error(self, reply, 400, "FIELD_INVALID", "INVALID_ARGUMENT", fragment)
        self.assertTrue(reply.error["fieldViolations"])
        # Nothing was created.
        reply = rest.request(self.port, "GET", "/v1/runs/fresh", self.token)
        self.assertEqual(404, reply.status)


class Others(Served):
    """What fits no table."""

    def test_an_id_that_is_taken(self):
        reply = rest.request(self.port, "POST", RUNS, self.token, contract.new_run(id="earlier"))
        contract.check_error(self, reply, 409, "RUN_ALREADY_EXISTS", "ALREADY_EXISTS", "earlier")

    def test_a_run_that_is_finished(self):
        rest.request(self.port, "POST", RUNS, self.token, contract.new_run(id="over"))
        first = rest.request(self.port, "POST", "/v1/runs/over/cancel", self.token)
        self.assertEqual(200, first.status, first.body)
        again = rest.request(self.port, "POST", "/v1/runs/over/cancel", self.token)
        contract.check_error(self, again, 409, "RUN_ALREADY_FINISHED", "FAILED_PRECONDITION",
                             "over")
        self.assertEqual({"status": "cancelled", "finishedAt": first.json()["data"]["finishedAt"],
                          "actor": "tester", "requestId": first.json()["requestId"]},
                         dict(again.error["metadata"]))

    def test_a_page_token_that_was_changed(self):
        rest.request(self.port, "POST", RUNS, self.token, contract.new_run())
        page = rest.request(self.port, "GET", RUNS + "?pageSize=1", self.token).json()["data"]
        token = page["nextPageToken"]
        self.assertTrue(token)
        for at in (0, len(token) // 2, len(token) - 2):
            changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:]
            reply = rest.request(self.port, "GET", f"{RUNS}?pageSize=1&pageToken={changed}",
                                 self.token)
            contract.check_error(self, reply, 400, "FIELD_INVALID", fragment="pageToken")
        reply = rest.request(self.port, "GET", f"{RUNS}?status=running&pageToken={token}",
                             self.token)
        contract.check_error(self, reply, 400, "FIELD_INVALID", fragment="pageToken")
        reply = rest.request(self.port, "GET", f"{RUNS}?pageSize=1&pageToken={token}",
                             self.tokens["other organization"])
        contract.check_error(self, reply, 400, "FIELD_INVALID", fragment="pageToken")

    def test_a_body_at_the_limit_and_one_byte_beyond(self):
        text = json.dumps({"reason": "x"})
        at = text + " " * (BODY_LIMIT - len(text))
        reply = rest.request(self.port, "POST", "/v1/runs/ghost/cancel", self.token, at)
        contract.check_error(self, reply, 404, "RUN_NOT_FOUND")
        reply = rest.request(self.port, "POST", "/v1/runs/ghost/cancel", self.token, at + " ")
        contract.check_error(self, reply, 413, "BODY_TOO_LARGE", fragment=str(BODY_LIMIT))

    def test_a_chunked_body_beyond_the_limit(self):
        head = (f"POST /v1/runs/ghost/cancel HTTP/1.1\r\nHost: h\r\n"
                f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n").encode()
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        reply = rest.raw(self.port, head + chunk * 17 + b"0\r\n\r\n")
        self.assertIsNotNone(reply)
        contract.check_error(self, reply, 413, "BODY_TOO_LARGE")

    def test_headers_beyond_the_limit(self):
        reply = rest.request(self.port, "GET", "/v1/runs/earlier", self.token,
                             headers={"X-Filler": "x" * HEADER_LIMIT})
        contract.check_error(self, reply, 431, "HEADERS_TOO_LARGE", fragment=str(HEADER_LIMIT))

    def test_a_media_type_that_is_no_json(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            reply = rest.request(self.port, "POST", "/v1/runs/ghost/cancel", self.token, "{}",
                                 {"Content-Type": kind})
            contract.check_error(self, reply, 415, "MEDIA_TYPE_UNSUPPORTED", fragment=kind)

    def test_a_media_type_without_a_body_does_not_matter(self):
        reply = rest.request(self.port, "POST", "/v1/runs/ghost/cancel", self.token, "",
                             {"Content-Type": "text/plain"})
        contract.check_error(self, reply, 404, "RUN_NOT_FOUND")

    def test_json_with_parameters_and_suffix(self):
        for kind in ("application/json; charset=utf-8", "APPLICATION/JSON"):
            reply = rest.request(self.port, "POST", "/v1/runs/ghost/cancel", self.token, "{}",
                                 {"Content-Type": kind})
            contract.check_error(self, reply, 404, "RUN_NOT_FOUND")

    def raw_cancel(self, *lines, body=b""):
        head = [f"POST /v1/runs/earlier/cancel HTTP/1.1", "Host: h", *lines]
        return rest.raw(self.port, "\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def assert_refused(self, reply):
        """400, and not carried out."""
        self.assertIsNotNone(reply, "closed without a reply")
        self.assertEqual(400, reply.status, reply.body)
        self.assert_still_running()

    def assert_still_running(self):
        run = rest.request(self.port, "GET", "/v1/runs/earlier", self.token).json()["data"]
        self.assertEqual("running", run["status"])

    def test_two_authorization_headers(self):
        line = f"Authorization: Bearer {self.token}"
        reply = self.raw_cancel(line, line)
        contract.check_error(self, reply, 400, "HEADER_INVALID", fragment="uthorization")

    def test_two_hosts(self):
        reply = self.raw_cancel("Host: other", f"Authorization: Bearer {self.token}")
        contract.check_error(self, reply, 400, "HEADER_INVALID", fragment="ost")

    def test_two_content_lengths(self):
        self.assert_refused(self.raw_cancel(f"Authorization: Bearer {self.token}",
                                            "Content-Length: 2", "Content-Length: 3",
                                            "Connection: close", body=b"{} "))

    def test_content_length_with_transfer_encoding(self):
        self.assert_refused(self.raw_cancel(f"Authorization: Bearer {self.token}",
                                            "Content-Length: 5", "Transfer-Encoding: chunked",
                                            "Connection: close", body=b"0\r\n\r\n"))

    def test_no_host(self):
        self.assert_refused(rest.raw(self.port, b"POST /v1/runs/earlier/cancel HTTP/1.1\r\n"
                                     b"Authorization: Bearer " + self.token.encode() +
                                     b"\r\nConnection: close\r\n\r\n"))

    def test_no_http_at_all(self):
        # libmicrohttpd ends the connection; there is no version to answer in.
        reply = rest.raw(self.port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
        self.assertIsNone(reply)
        self.assert_still_running()

    def test_a_request_id_is_kept_if_valid_and_replaced_if_not(self):
        for given, kept in (("abc-123", True), ("x" * 4096, False), ("a b", False)):
            reply = rest.request(self.port, "GET", "/v1/runs/ghost", self.token,
                                 headers={"X-Request-Id": given})
            contract.check_error(self, reply, 404, "RUN_NOT_FOUND")
            self.assertEqual(kept, reply.json()["requestId"] == given, given)

    def test_head_is_answered_without_a_body(self):
        reply = rest.request(self.port, "HEAD", "/v1/runs/earlier", self.token)
        self.assertEqual((200, b""), (reply.status, reply.body))

    def test_options_tells_the_verbs(self):
        reply = rest.request(self.port, "OPTIONS", "/v1/runs/earlier/cancel")
        self.assertEqual((204, b""), (reply.status, reply.body))
        self.assertEqual("POST, OPTIONS", reply.headers["Allow"])

    def test_client_sent_internal_metadata_is_dropped(self):
        reply = rest.request(self.port, "GET", "/v1/runs/earlier", self.token,
                             headers={"grpc-status": "13", "te": "trailers", "X-Bin": "%"})
        self.assertEqual(200, reply.status, reply.body)


del Served  # it has no tests of its own


class Silence(unittest.TestCase):
    """A connection on which nothing comes is closed by the idle timeout."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--idle-timeout-ms", "1000")

    def test_an_empty_line_and_silence(self):
        self.assertIsNone(rest.raw_half_close(self.server.http_port, b"\r\n"))
