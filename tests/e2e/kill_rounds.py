"""Rounds of kill -9 against one store: in a storm of cancels, and while rows are brought up to
date behind it. What was acknowledged is there afterwards. test_kill.py runs a few of them,
script/kill-storm as many as are asked for.
"""

import http.client
import itertools
import os
import signal
import sqlite3
import threading
import time

import grpc

import rest
import stubs
from harness import DEADLINE_S, Serve, runsctl

CONNECTIONS = 64
REPORTED = 100  # of a round's runs are success before the storm
FINAL = {"success", "failure", "cancelled"}

# How many runs a round has. Rows are brought up to date 512 at once once nothing was changed for
# a while, and the durable mark is written with the last of them.
RUNS = {"storm": 600, "slices": 1700, "mark": 700, "close": 700}
PHASES = ["storm", "slices", "storm", "mark", "storm", "close"]


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


class Rows:
    """What the store's file says, read by SQLite itself while it is served or after a stop."""

    def __init__(self, store):
        path = store.removeprefix("sqlite:")
        self.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=DEADLINE_S)

    def close(self):
        self.db.close()

    def number(self, query):
        return self.db.execute(query).fetchone()[0]

    def applied(self):
        """The event up to which all rows are up to date."""
        return self.number("SELECT value FROM meta WHERE name='applied'")

    def newest_event(self):
        return self.number("SELECT coalesce(max(event_key), 0) FROM event")

    def active(self):
        """How many rows say that their runs are active, which may be behind their events."""
        return self.number("SELECT count(*) FROM run WHERE status IN (1, 2)")


class Rounds:
    """For a unittest.TestCase `case`: kill after kill of one store, at `place`. Each checks all
    that was acknowledged in its own and all earlier rounds."""

    def __init__(self, place, token, random):
        self.place = place
        self.token = token
        self.random = random
        self.known = {}  # id -> status and end that were acknowledged
        self.reached = {phase: 0 for phase in RUNS}  # kills that came while there was more to do
        self.number = 0
        self.close_s = 0.02  # about how long a close takes until all of it is committed

    def run(self, case, phase):
        self.number += 1
        ids = [f"r{self.number}-{i}" for i in range(RUNS[phase])]
        server = Serve(self.place.store, "--log-level", "info")
        case.addCleanup(server.kill)
        create = Storm(server.http_port, self.token, ids, "POST", "/v1/runs", small_run)
        create.start()
        create.join()
        case.assertEqual(len(ids), len(create.acknowledged), create.odd[:3] or server.tail())
        self.report_success(server, ids[:REPORTED])
        if phase == "storm":
            self.kill_in_storm(case, server, ids[REPORTED:])
        else:
            self.kill_behind_storm(case, server, ids[REPORTED:], phase)

        server = Serve(self.place.store)
        case.addCleanup(server.kill)
        self.check_everything(case, server, ids)
        case.assertEqual(0, server.stop())
        self.check_file(case)

    def cancel(self, server, ids):
        # In no order of the rows, and of the time of their creation.
        ids = list(ids)
        self.random.shuffle(ids)
        return Storm(server.http_port, self.token, ids, "POST", "/v1/runs/{id}/cancel")

    def kill_in_storm(self, case, server, ids):
        """At any moment of the storm, so that it falls anywhere in a commit."""
        storm = self.cancel(server, ids)
        storm.start(self.random.randint(1, len(ids) - 3 * CONNECTIONS),
                    lambda: os.kill(server.popen.pid, signal.SIGKILL))
        case.assertTrue(storm.enough.wait(DEADLINE_S), "the storm does not get on")
        server.kill()
        storm.join()
        case.assertLess(len(storm.acknowledged), len(ids), "the kill came too late")
        self.reached["storm"] += 1
        self.note(case, storm)

    def kill_behind_storm(self, case, server, ids, phase):
        """After the storm: while rows are brought up to date, or when the mark was written, which
        is seen in the file, and the kill a moment later; or in a close that has all of it to do,
        about when it commits."""
        storm = self.cancel(server, ids)
        storm.start()
        storm.join()
        case.assertEqual(len(ids), len(storm.acknowledged), storm.odd[:3] or server.tail())
        self.note(case, storm)
        rows = Rows(self.place.store)
        try:
            newest = rows.newest_event()
            moment_s = self.random.uniform(0, 0.004)
            if phase == "close":
                os.kill(server.popen.pid, signal.SIGTERM)
                moment_s = self.close_s * self.random.uniform(0.7, 1.3)
            elif phase == "mark":
                self.wait(case, lambda: rows.applied() == newest)
            else:
                active = rows.active()
                self.wait(case, lambda: rows.active() < active or rows.applied() == newest)
            end = time.monotonic() + moment_s
            while time.monotonic() < end:
                pass  # a sleep is too coarse
            os.kill(server.popen.pid, signal.SIGKILL)
            server.kill()
            came_before = rows.applied() < newest
            self.reached[phase] += phase == "mark" or came_before
            if phase == "close":
                self.close_s *= 1.4 if came_before else 0.6
        finally:
            rows.close()

    @staticmethod
    def wait(case, condition):
        end = time.monotonic() + DEADLINE_S
        while not condition():
            case.assertLess(time.monotonic(), end, "rows do not come up to date")

    def note(self, case, storm):
        case.assertEqual([], storm.odd)
        for run_id, run in storm.acknowledged.items():
            case.assertEqual("cancelled", run["status"])
            self.known[run_id] = ("cancelled", run["finishedAt"])

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

    def check_everything(self, case, server, last_round):
        """Every acknowledged status stands; each run of the last round has a
        history without gaps and exactly one final event if it is final."""
        found = self.list_all(case, server)
        for run_id, (status, finished_at) in self.known.items():
            case.assertIn(run_id, found)
            case.assertEqual(status, found[run_id]["status"], run_id)
            case.assertEqual(finished_at, found[run_id]["finishedAt"], run_id)
        events = Storm(server.http_port, self.token, last_round, "GET", "/v1/runs/{id}/events")
        events.start()
        events.join()
        case.assertEqual(len(last_round), len(events.acknowledged), events.odd[:3])
        for run_id, data in events.acknowledged.items():
            self.check_history(case, run_id, data["events"], found[run_id])

    @staticmethod
    def check_history(case, run_id, events, run):
        case.assertEqual(list(range(1, len(events) + 1)), [e["sequence"] for e in events])
        case.assertEqual("running", events[0]["toStatus"])
        for before, after in itertools.pairwise(events):
            case.assertEqual(before["toStatus"], after["fromStatus"], run_id)
            case.assertNotIn(before["toStatus"], FINAL, run_id)
        case.assertEqual(run["status"], events[-1]["toStatus"], run_id)
        if run["status"] in FINAL:
            case.assertEqual(run["finishedAt"], events[-1]["at"], run_id)

    def check_file(self, case):
        """After a stop: keys and revisions of events have no gap, rows say all, and `runsctl check`
        finds nothing."""
        rows = Rows(self.place.store)
        try:
            newest = rows.newest_event()
            case.assertEqual(newest, rows.number("SELECT count(*) FROM event"))
            case.assertEqual(newest, rows.applied())
            case.assertEqual([], rows.db.execute(
                "SELECT event_key FROM (SELECT event_key, revision, row_number() OVER"
                " (PARTITION BY organization ORDER BY event_key) AS nth FROM event)"
                " WHERE revision<>nth LIMIT 1").fetchall())
            case.assertEqual([], rows.db.execute(
                "SELECT e.event_key FROM event AS e JOIN run AS r USING(organization, id)"
                " WHERE e.sequence>r.sequence LIMIT 1").fetchall())
            case.assertEqual([], rows.db.execute(
                "SELECT organization, id FROM event WHERE to_status IN (3, 4, 5)"
                " GROUP BY organization, id HAVING count(*)>1 LIMIT 1").fetchall())
        finally:
            rows.close()
        done = runsctl("check", "--store", self.place.store)
        case.assertEqual(0, done.returncode, done.stdout[-500:] + done.stderr[-500:])

    def list_all(self, case, server):
        found = {}
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=DEADLINE_S)
        page_token = ""
        while True:
            reply = rest.request_on(connection, "GET",
                                    f"/v1/runs?pageSize=1000&pageToken={page_token}", self.token)
            case.assertEqual(200, reply.status, reply.body[:300])
            page = reply.json()["data"]
            for run in page["runs"]:
                case.assertNotIn(run["id"], found, "a run is on two pages")
                found[run["id"]] = run
            page_token = page["nextPageToken"]
            if not page_token:
                connection.close()
                return found
