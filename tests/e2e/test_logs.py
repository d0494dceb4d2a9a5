"""What the logs say, and what they must never say."""

import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, create_token, serve_for


class Logs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--log-level", "debug")

    def call(self, method, path, headers=None, body=None):
        return rest.request(self.server.http_port, method, path, self.token, body, headers)

    def test_the_request_id_is_in_body_header_and_both_logs(self):
        reply = self.call("GET", "/v1/runs/ghost", {"X-Request-Id": "trace-0815"})
        self.assertEqual("trace-0815", reply.json()["requestId"])
        self.assertEqual("trace-0815", reply.headers["X-Request-Id"])
        # The gateway's line and the server's line tell what they served.
        self.server.wait_for_log(
            lambda l: l.get("requestId") == "trace-0815" and l.get("status") == 404,
            "the gateway's line")
        self.server.wait_for_log(
            lambda l: l.get("requestId") == "trace-0815" and "NOT_FOUND" in str(l.get("code")),
            "the server's line")

    def test_a_made_up_request_id_is_in_the_log(self):
        reply = self.call("GET", "/v1/runs/ghost")
        request_id = reply.json()["requestId"]
        self.server.wait_for_log(lambda l: l.get("requestId") == request_id, request_id)

    def test_every_line_is_json(self):
        self.call("GET", '/v1/runs/%22quote%22%0Anewline')
        self.call("GET", "/v1/runs/ghost", {"X-Request-Id": "after-the-quote"})
        self.server.wait_for_log(lambda l: l.get("requestId") == "after-the-quote", "its line")
        with self.server.changed:
            self.assertEqual(len(self.server.raw), len(self.server.lines))
            for line in self.server.lines:
                self.assertLessEqual({"time", "level", "program", "message"}, set(line))

    def test_no_token_is_in_any_log(self):
        other = "rst_" + "Q" * 43
        self.call("POST", "/v1/runs", body=contract.new_run(id="logged"))
        self.call("POST", "/v1/runs/logged/cancel")
        self.call("GET", f"/v1/runs/{self.token}")
        self.call("GET", f"/v1/runs?pageToken={self.token}")
        self.call("GET", f"/v1/runs?access_token={self.token}")
        rest.request(self.server.http_port, "GET", "/v1/runs", other)
        rest.request(self.server.http_port, "GET", "/v1/runs",
                     headers={"Authorization": f"Basic {self.token}"})
        rest.raw(self.server.http_port, f"GET /v1/runs HTTP/1.1\r\nAuthorization: Bearer "
                 f"{self.token}\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
        create_token(self.place.store, name="while-serving")
        with grpc.insecure_channel(self.server.grpc) as channel:
            runs = stubs.service_grpc.RunsServiceStub(channel)
            runs.ListRuns(stubs.service_pb2.ListRunsRequest(), timeout=DEADLINE_S,
                          metadata=stubs.bearer(self.token))
            with self.assertRaises(grpc.RpcError):
                runs.ListRuns(stubs.service_pb2.ListRunsRequest(), timeout=DEADLINE_S,
                              metadata=stubs.bearer(other))
        self.call("GET", "/v1/runs/ghost", {"X-Request-Id": "last"})
        self.server.wait_for_log(lambda l: l.get("requestId") == "last", "the last request")
        # Half of a token would be enough to be worth hiding.
        for secret in (self.token, self.token[:24], self.token[-24:], other, other[-24:]):
            self.assertNotIn(secret, self.server.text())
