"""/readyz of the admin listener: each check by name, and what gRPC's health service says."""

import importlib
import signal
import sqlite3
import threading
import time
import unittest

import grpc

import stubs
from bulk import BulkCaller
from gateways import Gateway
from harness import DEADLINE_S, Place, Serve, create_token, wait_until
from scrapes import Admin
from test_runsd_program import Runsd

health_pb2 = importlib.import_module("grpc.health.v1.health_pb2")
health_grpc = importlib.import_module("grpc.health.v1.health_pb2_grpc")
CHECKS = ("stage", "serving", "store", "store_reads", "store_changes", "listeners",
          "sandbox")
OWN = {"stage": True, "sandbox": True}  # of a gateway
CHANGES = "runs.v1.RunsService/changes"


class Ready(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)

    def runsd(self, *options):
        server = Runsd("--store", self.place.store, "--listen", "127.0.0.1:0", "--admin",
                       "127.0.0.1:0", *options)
        self.addCleanup(server.kill)
        self.address = f"127.0.0.1:{server.ports[0]}"
        self.channel = grpc.insecure_channel(self.address)
        self.addCleanup(self.channel.close)
        return server, self.admin(server)

    def admin(self, program):
        admin = Admin(program)
        self.addCleanup(admin.close)
        return admin

    def serves(self, service=""):
        request = health_pb2.HealthCheckRequest(service=service)
        reply = health_grpc.HealthStub(self.channel).Check(request, timeout=DEADLINE_S)
        return reply.status == health_pb2.HealthCheckResponse.SERVING

    def test_all_is_well(self):
        _, admin = self.runsd()
        self.assertEqual((200, dict.fromkeys(CHECKS, True)), admin.ready())
        self.assertTrue(self.serves())
        for check in CHECKS:
            self.assertEqual(1, admin.scrape().get("runsd_check_ok", check=check))

    def test_the_server_in_runsctl_serve_has_the_same(self):
        server = Serve(self.place.store, "--admin", "127.0.0.1:0")
        self.addCleanup(server.kill)
        self.assertEqual((200, dict.fromkeys(CHECKS, True)), self.admin(server).ready())

    def test_a_store_that_takes_no_changes_is_told_and_does_not_count(self):
        _, admin = self.runsd()
        caller = BulkCaller(self.address, self.token)
        self.addCleanup(caller.close)
        caller.create("before")
        other = sqlite3.connect(f"{self.place.path}/runs.db", isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        refused = caller.start("CancelRun", stubs.service_pb2.CancelRunRequest(id="before"))
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, refused.code())
        wait_until(lambda: not admin.ready()[1]["store_changes"], "the check of changes")
        self.assertEqual((200, {**dict.fromkeys(CHECKS, True), "store_changes": False}),
                         admin.ready())
        self.assertEqual((True, False), (self.serves(), self.serves(CHANGES)))
        self.assertEqual(0, admin.scrape().get("runsd_check_ok", check="store_changes"))
        self.assertIn(b"takes no changes", admin.get("/readyz")[1])
        other.execute("ROLLBACK")
        other.close()
        wait_until(lambda: admin.ready()[1]["store_changes"], "changes again")
        self.assertTrue(self.serves(CHANGES))

    def test_a_server_that_stops_is_not_ready(self):
        server, admin = self.runsd("--drain-ms", "60000")
        caller = BulkCaller(self.address, self.token)
        self.addCleanup(caller.close)
        caller.create("long")
        # SIGSTOP to the whole process would stop the admin thread, too: a transaction that waits
        # for another's lock holds the drain.
        other = sqlite3.connect(f"{self.place.path}/runs.db", isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        call = caller.start("CancelRun", stubs.service_pb2.CancelRunRequest(id="long"))
        admin.wait("runsd_grpc_calls_in_flight", 1, kind="call")
        server.popen.send_signal(signal.SIGTERM)
        wait_until(lambda: admin.ready()[0] == 503, "the stop")
        self.assertFalse(admin.ready()[1]["stage"])
        other.execute("ROLLBACK")
        other.close()
        self.assertIn(call.code(), (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE))
        self.assertEqual(0, server.stop())

    def test_it_answers_and_says_the_truth_under_overload(self):
        _, admin = self.runsd("--queue-limit", "64")
        caller = BulkCaller(self.address, self.token)
        self.addCleanup(caller.close)
        caller.create("r")
        over = threading.Event()

        def load():
            while not over.is_set():
                calls = [caller.start("ListRuns", stubs.service_pb2.ListRunsRequest())
                         for _ in range(500)]
                for call in calls:
                    call.exception()
        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            slowest = 0
            for _ in range(20):
                begin = time.monotonic()
                status, checks = admin.ready()
                scrape = admin.scrape()
                slowest = max(slowest, time.monotonic() - begin)
                self.assertEqual(status == 200, self.serves())
                self.assertEqual((200, True), (status, checks["store_reads"]))
            self.assertGreater(scrape.get("runsd_grpc_calls_total", code="OK", reason="",
                                          method="runs.v1.RunsService/ListRuns"), 0)
            self.assertLess(slowest, 10)  # seconds, of a loaded machine
        finally:
            over.set()
            for thread in threads:
                thread.join(DEADLINE_S)

    def test_a_gateway_says_how_its_upstream_is(self):
        server, _ = self.runsd()
        gateway = Gateway(self.address, "--admin", "127.0.0.1:0")
        self.addCleanup(gateway.kill)
        admin = self.admin(gateway)
        wait_until(lambda: admin.ready() == (200, {**OWN, "upstream": True}), "upstream")
        server.kill()
        wait_until(lambda: admin.ready() == (503, {**OWN, "upstream": False}),
                   "a lost upstream")
        self.assertEqual(0, admin.scrape().get("runsd_check_ok", check="upstream"))
