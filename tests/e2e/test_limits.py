"""Limits and quotas as clients over REST, gRPC and the command line meet them."""

import json
import re
import time
import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, Place, Serve, create_token, runsctl, serve_for, wait_until
from leases import acquisition

SCOPES = "runs.read,runs.cancel,runs.create,runs.report"

# A list of RFC 9651 as we write it: strings with parameters.
MEMBER = re.compile(r'"([a-z]+)"((?:;[a-z]+=(?:\d+|"[a-z-]+"))+)')


def members(text):
    """{policy: {parameter: value}} of RateLimit or RateLimit-Policy."""
    found = {}
    for item in text.split(", "):
        match = MEMBER.fullmatch(item)
        assert match, text
        parameters = (p.split("=") for p in match.group(2)[1:].split(";"))
        found[match.group(1)] = {name: value.strip('"') if '"' in value else int(value)
                                 for name, value in parameters}
    return found


class Limits(unittest.TestCase):
    """One process with small limits; each test has organizations of its own."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--limit-reads", "5", "--limit-changes", "4", "--limit-streams", "2",
                  "--limit-bytes", "1000000", "--limit-burst-ms", "1000",
                  "--cors-origin", "https://app.example")

    def caller(self, org):
        return create_token(self.place.store, org=org, scopes=SCOPES, name="caller")

    def ask(self, token, method="GET", path="/v1/runs/absent", body=None, headers=None):
        return rest.request(self.server.http_port, method, path, token, body, headers)

    def use_up(self, token, method="GET", path="/v1/runs/absent", make_body=lambda: None):
        """Asks until it is refused; returns that reply."""
        for _ in range(1000):
            reply = self.ask(token, method, path, make_body())
            if reply.status == 429:
                return reply
        raise AssertionError("nothing was refused")

    def test_a_refusal_says_which_limit_and_when_there_is_more(self):
        token = self.caller("refused")
        first = self.ask(token)
        self.assertEqual(404, first.status)
        self.assertEqual({"reads": {"q": 5, "w": 1},
                          "bytes": {"q": 1000000, "qu": "content-bytes", "w": 1}},
                         members(first.headers["RateLimit-Policy"]))
        self.assertEqual(4, members(first.headers["RateLimit"])["reads"]["r"])
        refused = self.use_up(token)
        self.assertEqual(("RATE_LIMITED", "RESOURCE_EXHAUSTED"),
                         (refused.error["reason"], refused.error["status"]))
        self.assertEqual({"limit": "reads", "most": "5", "of": "organization"},
                         refused.error["metadata"])
        self.assertEqual("1", refused.headers["Retry-After"])
        left = members(refused.headers["RateLimit"])["reads"]
        self.assertEqual({"r": 0, "t": 1}, left)
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), left["t"])
        # Changes go on, and another organization too.
        made = self.ask(token, "POST", "/v1/runs", contract.new_run())
        self.assertEqual(200, made.status, made.body)
        self.assertIn("changes", members(made.headers["RateLimit-Policy"]))
        self.assertEqual(404, self.ask(self.caller("other")).status)

    def test_who_waits_as_long_as_retry_after_says_is_served(self):
        token = self.caller("patient")
        for _ in range(3):
            refused = self.use_up(token)
            time.sleep(int(refused.headers["Retry-After"]))
            self.assertEqual(404, self.ask(token).status)
        refused = self.use_up(token, "POST", "/v1/runs", contract.new_run)
        self.assertEqual("changes", refused.error["metadata"]["limit"])
        time.sleep(int(refused.headers["Retry-After"]))
        self.assertEqual(200, self.ask(token, "POST", "/v1/runs", contract.new_run()).status)

    def test_a_page_may_read_what_is_said_of_limits(self):
        reply = self.ask(self.caller("page"), headers={"Origin": "https://app.example"})
        exposed = [name.strip() for name in
                   reply.headers["Access-Control-Expose-Headers"].split(",")]
        self.assertLessEqual({"RateLimit", "RateLimit-Policy", "Retry-After"}, set(exposed))

    def test_the_document_has_the_headers(self):
        document = rest.request(self.server.http_port, "GET", "/openapi.json").json()
        responses = document["paths"]["/v1/runs/{id}"]["get"]["responses"]
        for status in ("200", "429"):
            response = responses[status]
            if "$ref" in response:
                response = document["components"]["responses"][response["$ref"].split("/")[-1]]
            self.assertLessEqual({"RateLimit", "RateLimit-Policy"}, set(response["headers"]))

    def test_streams_count_until_they_end(self):
        token = self.caller("watcher")
        channel = grpc.insecure_channel(self.server.grpc)
        self.addCleanup(channel.close)
        stub = stubs.service_grpc.RunsServiceStub(channel)
        watches = []
        for n in range(2):
            watch = stub.WatchRuns(stubs.feed_pb2.WatchRunsRequest(), metadata=stubs.bearer(token))
            head = dict(watch.initial_metadata())
            self.assertEqual(1 - n, members(head["ratelimit"])["streams"]["r"])
            self.assertEqual({"q": 2, "qu": "concurrent-requests"},
                             members(head["ratelimit-policy"])["streams"])
            watches.append(watch)

        def refusal(call):
            with self.assertRaises(grpc.RpcError) as caught:
                call()
            return caught.exception

        refused = stub.WatchRuns(stubs.feed_pb2.WatchRunsRequest(), metadata=stubs.bearer(token),
                                 timeout=DEADLINE_S)
        error = refusal(lambda: next(refused))
        # A status alone: initial metadata would say that the watch was accepted.
        self.assertEqual((), tuple(refused.initial_metadata()))
        self.assertEqual(0, members(dict(refused.trailing_metadata())["ratelimit"])
                         ["streams"]["r"])
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, error.code())
        self.assertIn("2 streams", error.details())
        # A call that would wait is refused; a cancel never is, it only does not wait.
        wait = acquisition("h", wait=30)
        error = refusal(lambda: stub.AcquireRuns(wait, metadata=stubs.bearer(token),
                                                 timeout=DEADLINE_S))
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, error.code(), error.details())
        made = self.ask(token, "POST", "/v1/runs", contract.new_run()).json()["data"]
        cancelled = self.ask(token, "POST", f"/v1/runs/{made['id']}/cancel", {"wait": "5s"})
        self.assertEqual(200, cancelled.status, cancelled.body)
        watches[0].cancel()

        def opens():
            watch = stub.WatchRuns(stubs.feed_pb2.WatchRunsRequest(), metadata=stubs.bearer(token))
            watches.append(watch)
            return "ratelimit" in dict(watch.initial_metadata()) and not watch.done()

        wait_until(opens, "a stream to be free")
        for watch in watches:
            watch.cancel()

    def test_a_stream_over_rest_says_what_is_left(self):
        token = self.caller("sse")
        reply = rest.request(self.server.http_port, "HEAD", "/v1/runs:watch", token, None,
                             {"Accept": "text/event-stream"})
        if reply.status == 200:
            self.assertIn("streams", members(reply.headers["RateLimit-Policy"]))

    def test_the_command_line_waits_as_long_as_it_is_told(self):
        token = self.caller("cli")
        made = self.ask(token, "POST", "/v1/runs", contract.new_run()).json()["data"]
        self.use_up(token)
        env = {"RUNSCTL_TOKEN": token}
        result = runsctl("runs", "get", made["id"], "--server", self.server.grpc, env=env)
        self.assertIn(result.returncode, (0, 6), result.stderr)
        if result.returncode == 6:
            self.assertIn("reads a second", result.stderr)


class Quotas(unittest.TestCase):
    """A store with small quotas, over restarts."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def serve(self, *options):
        server = Serve(self.place.store, *options)
        self.addCleanup(server.stop)
        return server

    def show(self, server, org):
        result = runsctl("organizations", "get", org, "--store", self.place.store, "--json")
        self.assertEqual(0, result.returncode, result.stderr)
        return json.loads(result.stdout)

    def test_refusals_by_a_quota_are_counted_and_harm_nobody(self):
        server = self.serve("--quota-open-runs", "1", "--admin", "127.0.0.1:0")
        token = create_token(self.place.store, scopes=SCOPES, name="caller")
        statuses = [rest.request(server.http_port, "POST", "/v1/runs", token,
                                 contract.new_run()).status for _ in range(3)]
        self.assertEqual([200, 429, 429], statuses)
        admin = server.wait_for_log(lambda l: l.get("message") == "serving metrics", "metrics")
        text = rest.request(admin["port"], "GET", "/metrics", None).body.decode()
        self.assertIn('runsd_store_operations_total{operation="create_run",result="over_quota"} 2',
                      text)

    def test_a_quota_is_told_kept_over_a_kill_and_never_keeps_a_run_from_ending(self):
        server = self.serve("--quota-open-runs", "5", "--quota-stored-bytes", "100000")
        token = create_token(self.place.store, scopes=SCOPES, name="caller")

        def create(port):
            return rest.request(port, "POST", "/v1/runs", token, contract.new_run())

        ids = []
        for _ in range(5):
            reply = create(server.http_port)
            self.assertEqual(200, reply.status, reply.body)
            ids.append(reply.json()["data"]["id"])
        refused = create(server.http_port)
        self.assertEqual((429, "QUOTA_EXCEEDED"), (refused.status, refused.error["reason"]))
        self.assertEqual({"quota": "openRuns", "most": "5", "used": "5"},
                         refused.error["metadata"])
        shown = self.show(server, "acme")
        self.assertEqual(("5", "5", "100000"),
                         tuple(str(shown[k]) for k in ("openRuns", "mostOpenRuns",
                                                       "mostStoredBytes")))
        stored = int(shown["storedBytes"])
        self.assertGreater(stored, 0)
        server.kill()
        server = self.serve("--quota-open-runs", "5", "--quota-stored-bytes", str(stored))
        self.assertEqual(stored, int(self.show(server, "acme")["storedBytes"]))
        cancelled = rest.request(server.http_port, "POST", f"/v1/runs/{ids[0]}/cancel", token)
        self.assertEqual(200, cancelled.status, cancelled.body)
        refused = create(server.http_port)
        self.assertEqual((429, "storedBytes"),
                         (refused.status, refused.error["metadata"]["quota"]))
        server.stop()
        check = runsctl("check", "--store", self.place.store)
        self.assertEqual(0, check.returncode, check.stdout + check.stderr)


if __name__ == "__main__":
    unittest.main()
