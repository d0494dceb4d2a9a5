"""Servers and gateways of two releases together, under load: what an upgrade one by one does. RUNSD_OLDER_BIN_DIR
names the folder of the older programs: script/mixed-versions builds them, the usual run has none."""

import concurrent.futures
import contextlib
import os
import unittest

import contract
import rest
import test_shared_upstreams
from gateways import Gateway
from harness import DEADLINE_S, Place, create_token, runsctl, wait_until
from test_runsd_program import Runsd

CLIENTS = 4
RUNS = 100  # of each client


@contextlib.contextmanager
def older():
    """The programs that are started are the older ones."""
    newer = os.environ["RUNSD_BIN_DIR"]
    os.environ["RUNSD_BIN_DIR"] = os.environ["RUNSD_OLDER_BIN_DIR"]
    try:
        yield
    finally:
        os.environ["RUNSD_BIN_DIR"] = newer


class Upgrade(test_shared_upstreams.Rolling):
    """On one database: two older servers and their older gateway. The tables are brought forward, the servers are
    replaced one by one, one goes back meanwhile; the executor comes through a newer gateway."""

    def setUp(self):
        with older():
            if "postgres:" not in runsctl("store", "migrate", "--help").stdout:
                self.skipTest("the older programs know no PostgreSQL: give script/mixed-versions a younger commit")
            super().setUp()
        done = runsctl("store", "migrate", "--store", self.postgres.url)
        self.assertEqual(0, done.returncode, done.stderr)
        self.restarts = iter((False, False, True, False))
        self.is_set_up = True

    def start(self, name):
        if getattr(self, "is_set_up", False) and next(self.restarts):
            with older():
                super().start(name)
        else:
            super().start(name)


class Pairs(unittest.TestCase):
    """A gateway and a server that are not of one release."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def start(self, server, gateway):
        address = f"unix:{self.place.path}/server.sock"
        store = f"sqlite:{self.place.path}/runs.db"
        with server():
            self.token = create_token(store)
            self.server = Runsd("--store", store, "--listen", address)
            self.addCleanup(self.server.kill)
        with gateway():
            self.gateway = Gateway(address, "--stream-heartbeat-ms", "200")
            self.addCleanup(self.gateway.kill)

    def call(self, method, path, body=None):
        reply = rest.request(self.gateway.port, method, path, self.token, body)
        self.assertEqual(200, reply.status, reply.body)
        return reply.json()["data"]

    def work(self, number):
        for n in range(RUNS):
            run_id = f"r-{number}-{n}"
            self.call("POST", "/v1/runs", contract.new_run(id=run_id))
            self.assertEqual("running", self.call("GET", f"/v1/runs/{run_id}")["status"])
            self.assertEqual("cancelled", self.call("POST", f"/v1/runs/{run_id}/cancel", {})["status"])
            self.assertEqual(2, len(self.call("GET", f"/v1/runs/{run_id}/events")["events"]))
            self.call("GET", "/v1/runs?pageSize=5&status=running")

    def check(self, server, gateway):
        self.start(server, gateway)
        followers = [test_shared_upstreams.Follower(self, events) for events in (True, False)]
        wait_until(lambda: all(f.opened for f in followers), "the watches")
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            for one in [pool.submit(self.work, n) for n in range(CLIENTS)]:
                one.result(4 * DEADLINE_S)
        changes = 2 * CLIENTS * RUNS
        for follower in followers:
            wait_until(lambda f=follower: len(f.changes) >= changes, "all changes")
            follower.stop()
            self.assertEqual(list(range(1, changes + 1)), [c[0] for c in follower.changes])
        self.assertEqual(0, self.gateway.stop(), self.gateway.tail())
        self.assertEqual(0, self.server.stop(), self.server.tail())

    def test_an_older_gateway_before_a_newer_server(self):
        self.check(contextlib.nullcontext, older)

    def test_a_newer_gateway_before_an_older_server(self):
        self.check(older, contextlib.nullcontext)


if __name__ == "__main__":
    unittest.main()
