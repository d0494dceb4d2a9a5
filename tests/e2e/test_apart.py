"""runsd and runs-gateway as two programs behave as runsctl serve does."""

import unittest

import contract
import rest
from harness import Place, Process, create_token, program, wait_until


def port_of(process):
    line = process.wait_for_log(lambda l: l.get("message") == "ready", "ready")
    return line["port"]


class Apart(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)
        self.socket = f"unix:{self.place.path}/runsd.sock"
        self.server = self.start_server()
        self.gateway = Process(program("runs-gateway"), "--listen", "127.0.0.1:0", "--upstream",
                               self.socket)
        self.addCleanup(self.gateway.kill)
        self.port = port_of(self.gateway)

    def start_server(self):
        server = Process(program("runsd"), "--listen", self.socket, "--store", self.place.store)
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        return server

    def call(self, method, path, body=None, headers=None):
        return rest.request(self.port, method, path, self.token, body, headers)

    def test_a_run_from_creation_to_conflict(self):
        created = self.call("POST", "/v1/runs", contract.new_run(id="one"))
        run = contract.check_success(self, created.json(), final=False)
        self.assertEqual("running", run["status"])
        cancelled = self.call("POST", "/v1/runs/one/cancel")
        contract.check_cancelled(self, cancelled.json(), "one", contract.new_run(id="one"))
        contract.check_error(self, self.call("POST", "/v1/runs/one/cancel"), 409,
                             "RUN_ALREADY_FINISHED", "FAILED_PRECONDITION")
        contract.check_error(self, self.call("POST", "/v1/runs/two/cancel"), 404,
                             "RUN_NOT_FOUND", "NOT_FOUND")
        got = self.call("GET", "/v1/runs/one").json()["data"]
        self.assertEqual(cancelled.json()["data"], got)

    def test_the_request_id_goes_from_the_gateway_to_the_server(self):
        self.call("GET", "/v1/runs/ghost", headers={"X-Request-Id": "follow-me"})
        for process in (self.gateway, self.server):
            process.wait_for_log(lambda l: l.get("requestId") == "follow-me", "follow-me")

    def test_a_server_that_is_away_is_503_and_comes_back(self):
        self.assertEqual(0, self.server.stop(), self.server.tail())
        reply = self.call("GET", "/v1/runs/one")
        contract.check_error(self, reply, 503, None, "UNAVAILABLE")
        self.assertGreaterEqual(int(reply.headers["Retry-After"]), 1)
        self.start_server()
        wait_until(lambda: self.call("GET", "/v1/runs/one").status == 404, "the server's return")

    def test_both_end_with_status_0(self):
        self.assertEqual(0, self.gateway.stop(), self.gateway.tail())
        self.assertEqual(0, self.server.stop(), self.server.tail())
