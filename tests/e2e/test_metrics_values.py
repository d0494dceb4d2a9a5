"""What runsd counts, against a load that is known: every number that the load determines, exactly,
and bounds for the others."""

import http.client
import os
import socket
import subprocess
import time
import unittest

import grpc

import stubs
from bulk import BulkCaller
from harness import DEADLINE_S, Place, create_token, program, runsctl, wait_until
from leases import Refused
from scrapes import Admin
from test_runsd_program import Runsd
from test_watch import Client

OPTIONS = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
RUNS = "runs.v1.RunsService/"


def refuse(test, code, reason, function, *arguments, **more):
    with test.assertRaises(Refused) as caught:
        function(*arguments, **more)
    test.assertEqual((code, reason), (caught.exception.code, caught.exception.reason))


class Served(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester")
        self.reader = create_token(self.place.store, scopes="runs.read", name="reader")
        self.start()

    def start(self, *options):
        self.server = Runsd("--store", self.place.store, *OPTIONS, *options)
        self.addCleanup(self.server.kill)
        self.address = f"127.0.0.1:{self.server.ports[0]}"
        self.admin = Admin(self.server)
        self.addCleanup(self.admin.close)

    def caller(self, token=None):
        caller = BulkCaller(self.address, token or self.token)
        self.addCleanup(caller.close)
        return caller

    def expect(self, scrape, rows):
        for name, labels, want in rows:
            with self.subTest(name, **labels):
                self.assertEqual(want, scrape.get(name, **labels))


class Calls(Served):
    def test_calls_of_every_outcome(self):
        caller, reader = self.caller(), self.caller(self.reader)
        caller.create_many([f"r{i}" for i in range(20)])
        for i in range(7):
            caller.cancel(f"r{i}")
        for _ in range(3):  # again: 409 over REST
            refuse(self, grpc.StatusCode.FAILED_PRECONDITION, "RUN_ALREADY_FINISHED",
                   caller.cancel, "r0")
        for _ in range(5):
            refuse(self, grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND", caller.get, "ghost")
        for _ in range(4):
            refuse(self, grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING", reader.cancel, "r9")
        for _ in range(6):
            refuse(self, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID",
                   self.caller(self.token[:-1] + ("A" if self.token[-1] != "A" else "B")).get, "r9")
        for _ in range(2):
            refuse(self, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID",
                   self.caller("nonsense").get, "r9")
        reader.get("r9")
        scrape = self.admin.scrape()
        calls = "runsd_grpc_calls_total"
        self.expect(scrape, [
            (calls, {"method": RUNS + "CreateRun", "code": "OK", "reason": ""}, 20),
            (calls, {"method": RUNS + "CancelRun", "code": "OK", "reason": ""}, 7),
            (calls, {"method": RUNS + "CancelRun", "code": "FAILED_PRECONDITION",
                     "reason": "RUN_ALREADY_FINISHED"}, 3),
            (calls, {"method": RUNS + "CancelRun", "code": "PERMISSION_DENIED",
                     "reason": "SCOPE_MISSING"}, 4),
            (calls, {"method": RUNS + "GetRun", "code": "NOT_FOUND", "reason": "RUN_NOT_FOUND"}, 5),
            (calls, {"method": RUNS + "GetRun", "code": "UNAUTHENTICATED",
                     "reason": "TOKEN_INVALID"}, 8),
            (calls, {"method": RUNS + "GetRun", "code": "OK", "reason": ""}, 1),
            ("runsd_grpc_call_duration_seconds_count", {"method": RUNS + "CancelRun"}, 14),
            ("runsd_token_denials_total", {}, 4),
            ("runsd_tokens_live", {}, 2),
            ("runsd_store_runs", {"status": "running"}, 13),
            ("runsd_store_runs", {"status": "cancelled"}, 7),
            ("runsd_store_organizations", {}, 1),
            ("runsd_store_operations_total", {"operation": "create_run", "result": "ok"}, 20),
            ("runsd_store_operations_total", {"operation": "transition_run", "result": "ok"}, 7),
            ("runsd_store_operations_total", {"operation": "transition_run", "result": "conflict"},
             3),
            ("runsd_store_operations_total", {"operation": "get_run", "result": "not_found"}, 5),
            ("runsd_store_unknown_commits_total", {}, 0),
            ("runsd_grpc_connections_refused_total", {"cause": "limit"}, 0),
        ])
        self.assertEqual(20 + 7 + 3 + 4 + 5 + 8 + 1, scrape.total(calls))
        refusals = {cause: scrape.get("runsd_token_refusals_total", cause=cause)
                    for cause in ("missing", "malformed", "unknown", "expired", "revoked")}
        self.assertEqual(8, sum(refusals.values()), refusals)
        self.assertGreaterEqual(refusals["malformed"], 2)
        # Each change waits for a commit, of one operation or of several.
        changes = scrape.get("runsd_store_batch_operations_sum")
        commits = scrape.get("runsd_store_commit_seconds_count")
        self.assertGreaterEqual(changes, 30)
        self.assertGreaterEqual(changes, scrape.get("runsd_store_batch_operations_count"))
        self.assertGreaterEqual(commits, scrape.get("runsd_store_batch_operations_count"))
        self.assertEqual(changes, scrape.get("runsd_store_queue_wait_seconds_count", part="changes"))
        self.assertGreater(scrape.get("runsd_store_commit_seconds_sum"), 0)
        for kind in ("call", "stream", "anonymous", "own_limit", "long_poll"):
            self.admin.wait("runsd_grpc_calls_in_flight", 0, kind=kind)
        self.admin.wait("runsd_grpc_held_bytes", 0)

    def test_a_call_without_a_token_and_one_of_no_method(self):
        with grpc.insecure_channel(self.address) as channel:
            stub = stubs.service_grpc.RunsServiceStub(channel)
            with self.assertRaises(grpc.RpcError):
                stub.GetRun(stubs.service_pb2.GetRunRequest(id="r"), timeout=DEADLINE_S)
            nope = channel.unary_unary("/runs.v1.RunsService/Secret-" + "x" * 50)
            for _ in range(3):
                with self.assertRaises(grpc.RpcError):
                    nope(b"", timeout=DEADLINE_S)
        scrape = self.admin.scrape()
        self.expect(scrape, [
            ("runsd_token_refusals_total", {"cause": "missing"}, 1),
            ("runsd_grpc_calls_total", {"method": "other", "code": "UNIMPLEMENTED",
                                        "reason": "METHOD_UNKNOWN"}, 3)])
        self.assertNotIn("Secret", scrape.text)

    def test_connections_come_and_go(self):
        before = self.admin.scrape().get("runsd_grpc_connections_accepted_total")
        clients = [Client(self.address, self.token) for _ in range(4)]
        for i, client in enumerate(clients):
            client.create(f"c{i}")
        scrape = self.admin.scrape()
        self.assertEqual(4, scrape.get("runsd_grpc_connections"))
        self.assertEqual(before + 4, scrape.get("runsd_grpc_connections_accepted_total"))
        for client in clients:
            client.close()
        self.admin.wait("runsd_grpc_connections", 0)

    def test_tokens_that_end_are_no_more_live(self):
        old = create_token(self.place.store, name="old")
        self.admin.wait("runsd_tokens_live", 3)
        done = runsctl("tokens", "revoke", "old", "--store", self.place.store, "--org", "acme")
        self.assertEqual(0, done.returncode, done.stderr)
        self.admin.wait("runsd_tokens_live", 2)
        refuse(self, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID", self.caller(old).get, "r")
        self.expect(self.admin.scrape(), [("runsd_token_refusals_total", {"cause": "revoked"}, 1)])


class Watches(Served):
    def test_watches_and_what_they_are_sent(self):
        client = Client(self.address, self.token)
        self.addCleanup(client.close)
        watches = [client.watch() for _ in range(3)]
        firsts = [next(watch) for watch in watches]  # a bookmark each
        self.assertEqual(3, len(firsts))
        scrape = self.admin.scrape()
        self.expect(scrape, [("runsd_watches", {}, 3), ("runsd_watches_limit", {}, 20000),
                             ("runsd_grpc_calls_in_flight", {"kind": "own_limit"}, 3)])
        # Counted a moment after the client has them.
        wait_until(lambda: self.admin.scrape().get("runsd_feed_messages_total", kind="bookmark")
                   >= 3, "bookmarks")
        for i in range(5):
            client.create(f"w{i}")
        self.admin.wait("runsd_feed_messages_total", 15, kind="change")
        scrape = self.admin.wait("runsd_watches_behind", 0)
        self.assertGreaterEqual(scrape.get("runsd_feed_delivery_seconds_count"), 1)
        self.assertLessEqual(scrape.get("runsd_feed_delivery_seconds_count"), 5)
        self.expect(scrape, [("runsd_feed_lag_seconds", {}, 0), ("runsd_feed_lag_revisions", {}, 0)])
        for watch in watches:
            watch.cancel()
        scrape = self.admin.wait("runsd_watches", 0)
        self.expect(scrape, [
            ("runsd_grpc_calls_total", {"method": RUNS + "WatchRuns", "code": "CANCELLED",
                                        "reason": "REQUEST_CANCELLED"}, 3)])

    def test_a_snapshot_and_its_end(self):
        client = Client(self.address, self.token)
        self.addCleanup(client.close)
        for i in range(4):
            client.create(f"s{i}")
        watch = client.watch(snapshot=True)
        for _ in range(6):  # four runs, the end, a bookmark
            next(watch)
        self.admin.wait("runsd_feed_messages_total", 4, kind="run")
        self.admin.wait("runsd_feed_messages_total", 1, kind="snapshot_end")
        watch.cancel()

    def test_a_client_that_takes_nothing_is_behind(self):
        slow = Client(self.address, self.token, (("grpc.use_local_subchannel_pool", 1),
                                                 ("grpc.http2.lookahead_bytes", 65536),
                                                 ("grpc.http2.bdp_probe", 0)))
        self.addCleanup(slow.close)
        watch = slow.watch(include_run=True)
        next(watch)
        writer = self.caller()
        ids = []

        def is_behind():
            ids.append(f"big{len(ids)}")
            run = stubs.run_pb2.Run(id=ids[-1], workflow_id="wf")
            run.workflow_definition.nodes.update({"root": {"type": "manual", "text": "x" * 60000}})
            writer.call("CreateRun", stubs.service_pb2.CreateRunRequest(run=run))
            return self.admin.scrape().get("runsd_feed_lag_revisions") > 3
        wait_until(is_behind, "a watch that is behind")
        scrape = self.admin.scrape()
        self.assertEqual(1, scrape.get("runsd_watches_behind"))
        self.assertGreater(scrape.get("runsd_feed_lag_seconds"), 0)
        watch.cancel()
        self.admin.wait("runsd_feed_lag_seconds", 0)


class Executors(Served):
    def test_leases_attempts_and_waits(self):
        caller = self.caller()
        for i in range(3):
            caller.create_leased(f"l{i}")
        runs = caller.acquire("me", seconds=60, max_runs=2)
        held = [(acquired.run.id, acquired.attempt) for acquired in runs]
        self.assertEqual(2, len(held))
        self.expect(self.admin.scrape(), [("runsd_leases", {}, 2),
                                          ("runsd_attempts_begun_total", {}, 2)])
        caller.renew("me", *held, ("ghost", 7), seconds=60)
        caller.release(*held[0])
        scrape = self.admin.scrape()
        self.expect(scrape, [("runsd_leases", {}, 1), ("runsd_leases_lost_total", {}, 0),
                             ("runsd_lease_renewals_total", {"result": "kept"}, 2),
                             ("runsd_lease_renewals_total", {"result": "not_held"}, 1)])
        waiting = caller.acquire_soon("other", wait=60, workflow_id="nothing-of-it")
        scrape = self.admin.wait("runsd_waits", 1, kind="acquire")
        self.expect(scrape, [("runsd_grpc_calls_in_flight", {"kind": "long_poll"}, 1),
                             ("runsd_grpc_calls_in_flight", {"kind": "call"}, 0)])
        waiting.cancel()
        self.admin.wait("runsd_waits", 0, kind="acquire")
        self.admin.wait("runsd_grpc_calls_in_flight", 0, kind="long_poll")

    def test_a_lease_that_is_lost_and_a_run_that_times_out(self):
        caller = self.caller()
        caller.create_leased("lost")
        caller.acquire("me", seconds=5)
        caller.create("late", timeout=1)
        self.admin.wait("runsd_runs_timed_out_total", 1, status="failure")
        scrape = self.admin.wait("runsd_leases_lost_total", 1)
        self.expect(scrape, [("runsd_leases", {}, 0),
                             ("runsd_runs_timed_out_total", {"status": "cancelled"}, 0)])

    def test_bulk_cancels(self):
        caller = self.caller()
        ids = caller.create_many([f"b{i}" for i in range(50)])
        caller.cancel(ids[0])
        done = caller.finished(caller.cancel_runs(ids=ids).id)
        self.assertEqual(49, done.cancelled)
        scrape = self.admin.wait("runsd_bulk_cancels_done_total", 1)
        self.expect(scrape, [("runsd_bulk_cancelled_runs_total", {}, 49),
                             ("runsd_store_runs", {"status": "cancelled"}, 50),
                             ("runsd_store_runs", {"status": "running"}, 0)])
        self.assertGreaterEqual(scrape.get("runsd_bulk_cancel_steps_total", kind="cancel"), 1)
        self.admin.wait("runsd_bulk_cancels_open", 0)


class Store(Served):
    def test_checkpoints_and_sizes(self):
        caller = self.caller()
        before = self.admin.scrape()
        # More than the log holds before it begins anew.
        text = "x" * 30000
        for begin in range(0, 1200, 100):
            calls = []
            for i in range(begin, begin + 100):
                run = stubs.run_pb2.Run(id=f"c{i}", workflow_id="wf")
                run.workflow_definition.nodes.update({"root": {"type": "manual", "text": text}})
                calls.append(caller.start("CreateRun", stubs.service_pb2.CreateRunRequest(run=run)))
            for call in calls:
                call.result()
        scrape = self.admin.scrape()
        restarts = scrape.get("runsd_store_checkpoint_seconds_count", kind="restart")
        self.assertGreaterEqual(restarts, 1)
        self.assertGreaterEqual(scrape.get("runsd_store_checkpoint_seconds_count", kind="piece"), 1)
        self.assertGreater(scrape.get("runsd_store_checkpoint_seconds_sum", kind="restart"), 0)
        self.assertGreater(scrape.get("runsd_store_log_kept_bytes"), 4096 * 4096)
        self.assertEqual(os.path.getsize(f"{self.place.path}/runs.db"),
                         self.admin.scrape().get("runsd_store_file_bytes", file="database"))
        self.assertGreater(scrape.get("runsd_store_file_bytes", file="database"),
                           before.get("runsd_store_file_bytes", file="database"))
        self.assertGreater(scrape.get("runsd_store_disk_free_bytes"), 0)
        self.assertGreater(scrape.get("runsd_store_memory_bytes", thread="writer", use="cache"), 0)
        self.assertGreater(scrape.get("runsd_store_cache_limit_bytes", thread="writer"), 1 << 20)
        self.assertGreater(scrape.get("runsd_store_cache_lookups_total", thread="writer",
                                      result="hit"), 0)  # as of a second ago

    def test_what_the_process_takes(self):
        scrape = self.admin.scrape()
        pid = self.server.popen.pid
        with open(f"/proc/{pid}/limits", encoding="utf-8") as limits:
            files = next(line.split()[3] for line in limits if line.startswith("Max open files"))
        self.assertEqual(int(files), scrape.get("process_max_fds"))
        self.assertEqual(len(os.listdir(f"/proc/{pid}/fd")), scrape.get("process_open_fds"))
        self.assertEqual(len(os.listdir(f"/proc/{pid}/task")), scrape.get("process_threads"))
        self.assertLess(abs(scrape.get("process_start_time_seconds") - time.time()), 120)
        self.assertGreater(scrape.get("process_cpu_seconds_total"), 0)
        with open(f"/proc/{pid}/statm", encoding="utf-8") as statm:
            size, resident = (int(n) * os.sysconf("SC_PAGESIZE") for n in statm.read().split()[:2])
        self.assertLess(abs(size - scrape.get("process_virtual_memory_bytes")), 256 << 20)
        self.assertLess(abs(resident - scrape.get("process_resident_memory_bytes")), 8 << 20)
        self.assertGreater(scrape.get("runsd_malloc_bytes", state="used"), 0)
        self.assertEqual(1, len(scrape.samples["runsd_build_info"]))


class DroppedLines(unittest.TestCase):
    def test_a_reader_of_the_log_that_does_not_read(self):
        place = Place()
        self.addCleanup(place.remove)
        token = create_token(place.store)
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        ports = [free_port(), free_port()]
        popen = subprocess.Popen([program("runsd"), "--store", place.store, "--listen",
                                  f"127.0.0.1:{ports[0]}", "--admin", f"127.0.0.1:{ports[1]}",
                                  "--drain-ms", "0"], stderr=writer, stdout=subprocess.DEVNULL)
        os.close(writer)
        self.addCleanup(popen.wait, DEADLINE_S)
        self.addCleanup(popen.kill)
        admin = OwnAdmin(ports[1])
        wait_until(admin.is_there, "the admin listener")
        self.addCleanup(admin.close)
        caller = BulkCaller(f"127.0.0.1:{ports[0]}", token)
        self.addCleanup(caller.close)
        wait_until(lambda: admin.ready()[0] == 200, "readiness")
        self.assertEqual(0, admin.scrape().get("runsd_log_dropped_lines_total"))

        def is_dropping():
            calls = [caller.start("GetRun", stubs.service_pb2.GetRunRequest(id="g" * 100))
                     for _ in range(200)]
            for call in calls:
                self.assertEqual(grpc.StatusCode.NOT_FOUND, call.code())
            return admin.scrape().get("runsd_log_dropped_lines_total") > 0
        wait_until(is_dropping, "lines that are dropped")
        self.assertEqual(200, admin.ready()[0])  # which is no reason not to serve


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class OwnAdmin(Admin):
    """At a port that is known, of a program whose log is not read."""

    def __init__(self, port):  # pylint: disable=super-init-not-called
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)

    def is_there(self):
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            self.connection.close()
            return False
