"""kill -9 during a storm of cancels: what was acknowledged is there afterwards."""

import http.client
import itertools
import os
import signal
import threading
import unittest

import grpc

import rest
import stubs
from harness import DEADLINE_S, Place, Serve, create_token

ROUNDS = 20
CONNECTIONS = 64
RUNS = 600  # of one round
REPORTED = 100  # of them are success before the storm
FINAL = {"success", "failure", "cancelled"}


def small_run(run_id):
    return {"id": run_id,
            "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}


class Storm:
    """CONNECTIONS threads that do one thing for each of the ids until all are
    done or the server is gone."""

    def __init__(self, port, token, ids, method, path, body=None):
        self.port = port
        self.token = token
        self.ids = iter(ids)
        self.lock = threading.Lock()
        self.method = method
        self.path = path
        self.body = body
        self.acknowledged = {}  # id -> data of the reply
        self.odd = []  # replies that are neither success nor "the server is going"
        self.enough = threading.Event()
        self.enough_at = None
        self.on_enough = None
        self.threads = [threading.Thread(target=self.work) for _ in range(CONNECTIONS)]

    def start(self, enough_at=None, on_enough=None):
        """on_enough is called once, by the thread that received reply number
        enough_at, while the others are in the middle of theirs."""
        self.enough_at = enough_at
        self.on_enough = on_enough
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join(DEADLINE_S)
            if thread.is_alive():
                raise AssertionError("a client thread hangs")

    def work(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            while True:
                with self.lock:
                    run_id = next(self.ids, None)
                if run_id is None:
                    return
                body = self.body(run_id) if self.body else None
                reply = rest.request_on(connection, self.method, self.path.format(id=run_id),
                                        self.token, body)
                with self.lock:
                    if reply.status == 200:
                        self.acknowledged[run_id] = reply.json()["data"]
                    elif reply.status != 503:
                        self.odd.append((run_id, reply.status, reply.body))
                    if self.on_enough and len(self.acknowledged) >= self.enough_at:
                        on_enough, self.on_enough = self.on_enough, None
                        on_enough()
                        self.enough.set()
        except (OSError, http.client.HTTPException):
            return  # the server is gone
        finally:
            connection.close()
            self.enough.set()


class Kill(unittest.TestCase):
    """One store for all rounds; test methods run in order of their names, and each
    checks everything that was acknowledged in its own and all earlier rounds."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.token = create_token(cls.place.store)
        cls.known = {}  # id -> status that was acknowledged
        cls.last_round = []

    def round(self, number):
        server = Serve(self.place.store, "--log-level", "info")
        self.addCleanup(server.kill)
        self.check_everything(server)
        ids = [f"r{number}-{i}" for i in range(RUNS)]
        create = Storm(server.http_port, self.token, ids, "POST", "/v1/runs", small_run)
        create.start()
        create.join()
        self.assertEqual(RUNS, len(create.acknowledged), create.odd[:3] or server.tail())
        self.report_success(server, ids[:REPORTED])

        # The moment differs by round, so that it falls anywhere in a commit.
        storm = Storm(server.http_port, self.token, ids[REPORTED:], "POST",
                      "/v1/runs/{id}/cancel")
        storm.start(30 + 17 * number, lambda: os.kill(server.popen.pid, signal.SIGKILL))
        self.assertTrue(storm.enough.wait(DEADLINE_S), "the storm does not get on")
        server.kill()
        storm.join()
        self.assertEqual([], storm.odd)
        self.assertGreater(len(storm.acknowledged), 0)
        self.assertLess(len(storm.acknowledged), RUNS - REPORTED, "the kill came too late")
        for run_id, run in storm.acknowledged.items():
            self.assertEqual("cancelled", run["status"])
            self.known[run_id] = ("cancelled", run["finishedAt"])
        type(self).last_round = ids

        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        self.check_everything(server)
        self.assertEqual(0, server.stop())

    def report_success(self, server, ids):
        with grpc.insecure_channel(server.grpc) as channel:
            runs = stubs.service_grpc.RunsServiceStub(channel)
            calls = [(run_id, runs.ReportRun.future(
                stubs.service_pb2.ReportRunRequest(id=run_id, status=3),
                metadata=stubs.bearer(self.token), timeout=DEADLINE_S)) for run_id in ids]
            for run_id, call in calls:
                run = call.result()
                finished = run.finished_at.ToJsonString()
                self.known[run_id] = ("success", finished)

    def check_everything(self, server):
        """Every acknowledged status stands; each run of the last round has a
        history without gaps and exactly one final event if it is final."""
        found = self.list_all(server)
        for run_id, (status, finished_at) in self.known.items():
            self.assertIn(run_id, found)
            self.assertEqual(status, found[run_id]["status"], run_id)
            self.assertEqual(finished_at, found[run_id]["finishedAt"], run_id)
        events = Storm(server.http_port, self.token, self.last_round, "GET",
                       "/v1/runs/{id}/events")
        events.start()
        events.join()
        self.assertEqual(len(self.last_round), len(events.acknowledged), events.odd[:3])
        for run_id, data in events.acknowledged.items():
            self.check_history(run_id, data["events"], found[run_id])

    def check_history(self, run_id, events, run):
        self.assertEqual(list(range(1, len(events) + 1)), [e["sequence"] for e in events])
        self.assertEqual("running", events[0]["toStatus"])
        for before, after in itertools.pairwise(events):
            self.assertEqual(before["toStatus"], after["fromStatus"], run_id)
            self.assertNotIn(before["toStatus"], FINAL, run_id)
        self.assertEqual(run["status"], events[-1]["toStatus"], run_id)
        if run["status"] in FINAL:
            self.assertEqual(run["finishedAt"], events[-1]["at"], run_id)

    def list_all(self, server):
        found = {}
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=DEADLINE_S)
        page_token = ""
        while True:
            reply = rest.request_on(connection, "GET",
                                    f"/v1/runs?pageSize=1000&pageToken={page_token}", self.token)
            self.assertEqual(200, reply.status, reply.body[:300])
            page = reply.json()["data"]
            for run in page["runs"]:
                self.assertNotIn(run["id"], found, "a run is on two pages")
                found[run["id"]] = run
            page_token = page["nextPageToken"]
            if not page_token:
                connection.close()
                return found


for _number in range(1, ROUNDS + 1):
    def _method(self, number=_number):
        self.round(number)
    setattr(Kill, f"test_round_{_number:02}", _method)
