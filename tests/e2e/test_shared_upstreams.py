"""Two servers behind one gateway, on one database of PostgreSQL: whatever a client began at one of
them it goes on with at the other, also where the first was killed, stands still or stops."""

import concurrent.futures
import http.client
import os
import signal
import threading
import time
import unittest

import contract
import rest
import stubs
from bulk import STATE, BulkCaller, counts, pb as bulk_pb
from gateways import Gateway
from harness import ALL_SCOPES, DEADLINE_S, Place, create_token, wait_until
from leases import STATUS, Refused, lease_pb, pb
from postgres import Postgres
from scrapes import Admin
from test_rest_watch import Watch
from test_runsd_program import Runsd

# Within which another server goes on with what the one on duty did.
TAKEOVER_S = 5
REVOCATION_S = 1
# What a loaded machine takes.
MORE_S = 1
CLIENTS = 4
RUNS_OF_A_JOB = 3000


class Shared(unittest.TestCase):
    """Servers a and b, and their gateway."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.postgres = Postgres()
        self.addCleanup(self.postgres.stop)
        self.token = create_token(self.postgres.url, name="both",
                                  scopes=ALL_SCOPES + ",tokens.admin")
        self.servers = {}
        self.admins = {}
        self.callers = {}
        for name in "ab":
            self.start(name)
        self.gateway = Gateway(self.address("a"), "--upstream", self.address("b"), "--admin",
                               "127.0.0.1:0", "--stream-heartbeat-ms", "200")
        self.addCleanup(self.gateway.kill)
        self.admin = Admin(self.gateway)
        self.addCleanup(self.admin.close)
        self.await_serving(a=True, b=True)

    def address(self, name):
        return f"unix:{self.place.path}/{name}.sock"

    def start(self, name):
        server = Runsd("--store", self.postgres.url, "--listen", self.address(name), "--admin",
                       "127.0.0.1:0")
        self.addCleanup(server.kill)
        self.servers[name] = server
        if name in self.admins:
            self.admins[name].close()
        self.admins[name] = Admin(server)
        self.addCleanup(self.admins[name].close)

    def at(self, name, token=None):
        """A caller of that server alone."""
        if (name, token) not in self.callers:
            self.callers[name, token] = BulkCaller(self.address(name), token or self.token)
            self.addCleanup(self.callers[name, token].close)
        return self.callers[name, token]

    def await_serving(self, **wanted):
        for name, is_serving in wanted.items():
            self.admin.wait("runsd_upstream_serving", 1 if is_serving else 0,
                            upstream=self.address(name))

    def is_on_duty(self, name):
        return self.admins[name].scrape().get("runsd_on_duty") == 1

    def duty(self):
        """The names of the server on duty and of the other one."""
        wait_until(lambda: any(map(self.is_on_duty, "ab")), "a server on duty")
        return "ab" if self.is_on_duty("a") else "ba"

    def streams_at(self, name):
        return self.admin.scrape().get("runsd_upstream_calls_in_flight",
                                       upstream=self.address(name), kind="stream") or 0

    def post(self, path, body=None, connection=None, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        arguments = ("POST", path, self.token, body if body is not None else {}, headers)
        if connection is None:
            return rest.request(self.gateway.port, *arguments)
        return rest.request_on(connection, *arguments)

    def get(self, path):
        reply = rest.request(self.gateway.port, "GET", path, self.token)
        self.assertEqual(200, reply.status, reply.body)
        return reply.json()


class Follower:
    """Reads all changes through the gateway, and goes on by the cursor whenever a watch ends."""

    def __init__(self, case, events):
        self.case = case
        self.events = events
        self.changes = []
        self.opened = 0
        self.over = threading.Event()
        self.cursor = None
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        case.addCleanup(self.stop)

    def read(self):
        while not self.over.is_set():
            try:
                self.read_one()
            except (OSError, http.client.HTTPException):
                pass  # it was cut

    def read_one(self):
        case = self.case
        query = "" if self.events or self.cursor is None else f"cursor={self.cursor}"
        watch = Watch(case, case.gateway.port, case.token, query, events=self.events,
                      last=self.cursor if self.events else None)
        if watch.status != 200:
            return
        self.opened += 1
        while not self.over.is_set() and (message := watch.next()) is not None:
            if message.change:
                self.changes.append((message.change["revision"], message.change["runId"],
                                     message.change["kind"]))
            self.cursor = message.cursor or self.cursor
        watch.connection.close()

    def stop(self):
        self.over.set()
        self.thread.join(DEADLINE_S)


class Watches(Shared):
    def create(self, run_id):
        """As a client does: again under the same key where the answer is unknown."""
        while True:
            try:
                reply = self.post("/v1/runs", contract.new_run(id=run_id),
                                  Idempotency_Key=f'"{run_id}"')
            except (OSError, http.client.HTTPException):
                continue
            if reply.status == 200:
                return
            self.assertIn(reply.status, (502, 503, 504), reply.body)

    def test_a_watch_goes_on_at_the_other_server_without_gap_or_double(self):
        followers = [Follower(self, events=n % 2 == 0) for n in range(4)]
        wait_until(lambda: all(f.opened for f in followers), "the watches")
        made = 0
        for dies in ("a", "b"):
            other = "b" if dies == "a" else "a"
            wait_until(lambda d=dies: self.streams_at(d) > 0, "a watch at the one that dies")
            opened = sum(f.opened for f in followers)
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
                made_now = [pool.submit(self.create, f"{dies}-{n}") for n in range(100)]
                wait_until(lambda m=made_now: sum(one.done() for one in m) > 20, "some runs")
                self.servers[dies].kill()
                for one in made_now:
                    one.result(DEADLINE_S)
            made += len(made_now)
            wait_until(lambda o=opened: sum(f.opened for f in followers) > o, "watches again")
            wait_until(lambda o=other: self.streams_at(o) == len(followers), "all at the other")
            self.start(dies)
            self.await_serving(a=True, b=True)
        for follower in followers:
            wait_until(lambda f=follower: len(f.changes) >= made, "all changes")
            follower.stop()
            self.assertEqual(list(range(1, made + 1)), [c[0] for c in follower.changes])
            self.assertEqual(made, len({c[1] for c in follower.changes}))


class Calls(Shared):
    def test_a_lease_that_one_gave_is_renewed_and_ended_at_the_other(self):
        a, b = self.at("a"), self.at("b")
        a.create_leased("r")
        self.assertEqual(1, a.acquire("w", seconds=30)[0].attempt)
        for caller in (b, a, b):
            self.assertEqual(lease_pb.LEASE_STATE_HELD, caller.renew("w", ("r", 1))[0].state)
        b.release("r", 1)
        self.assertEqual(lease_pb.LEASE_STATE_LOST, a.renew("w", ("r", 1))[0].state)
        taken = a.acquire_soon("v", seconds=30).result(DEADLINE_S).runs
        self.assertEqual([("r", 2)], [(t.run.id, t.attempt) for t in taken])
        b.report("r", "success", attempt=2)
        renewal = a.renew("v", ("r", 2))[0]
        self.assertEqual((lease_pb.LEASE_STATE_FINISHED, STATUS["success"]),
                         (renewal.state, renewal.status))

    def test_a_token_that_is_revoked_at_one_is_refused_at_the_other(self):
        stub = stubs.tokens_grpc.TokensServiceStub(self.at("a").channel)
        made = stub.CreateToken(stubs.tokens_pb2.CreateTokenRequest(
            organization_id="acme", name="leaver", scopes=["runs.read"]), metadata=self.at("a").metadata, timeout=DEADLINE_S)

        def status():
            return rest.request(self.gateway.port, "GET", "/v1/runs/none", made.secret).status

        def is_known(name):
            try:
                self.at(name, made.secret).get("none")
            except Refused as refusal:
                return refusal.code != stubs.grpc.StatusCode.UNAUTHENTICATED
            return True

        wait_until(lambda: is_known("a") and is_known("b"), "the new token")
        self.assertEqual(404, status())
        stub.RevokeToken(stubs.tokens_pb2.RevokeTokenRequest(organization_id="acme",
                                                                 name="leaver"),
                         metadata=self.at("a").metadata, timeout=DEADLINE_S)
        revoked = time.monotonic()
        self.assertFalse(is_known("a"))
        wait_until(lambda: not is_known("b"), "the token's end")
        self.assertLess(time.monotonic() - revoked, REVOCATION_S + MORE_S)
        self.assertEqual([401] * 10, [status() for _ in range(10)])

    def test_a_key_is_that_of_both_servers(self):
        def create(name, key, run_id):
            run = pb.CreateRunRequest(request_id=key)
            run.run.id = run_id
            run.run.workflow_definition.nodes.update({"root": {"type": "manual"}})
            call = self.at(name).start("CreateRun", run)
            made = call.result(DEADLINE_S)
            return made.id, ("idempotency-replayed", "true") in tuple(call.initial_metadata())

        self.assertEqual(("r", False), create("a", "k", "r"))
        self.assertEqual(("r", True), create("b", "k", "r"))
        with self.assertRaises(stubs.grpc.RpcError) as refused:
            create("b", "k", "other")
        self.assertEqual(stubs.grpc.StatusCode.INVALID_ARGUMENT, refused.exception.code())
        # At once, and through the gateway: one of them makes it.
        for n in range(20):
            with concurrent.futures.ThreadPoolExecutor(6) as pool:
                replies = list(pool.map(
                    lambda _, n=n: self.post(f"/v1/runs/r{n}/cancel" if n % 2 else "/v1/runs",
                                             {} if n % 2 else contract.new_run(id=f"r{n + 1}"),
                                             Idempotency_Key=f'"k{n}"'), range(6)))
            self.assertEqual({200}, {r.status for r in replies}, [r.body for r in replies])
            fresh = [r for r in replies if r.headers.get("Idempotency-Replayed") != "true"]
            self.assertEqual(1, len(fresh), n)
        for n in range(1, 20, 2):
            self.assertEqual(2, len(self.at("b").events(f"r{n}")))

    def test_pages_go_on_at_the_other_server(self):
        ids = self.at("a").create_many(f"r{n:03}" for n in range(100))
        # Page by page at the one and the other.
        found, token, turn = [], "", 0
        while True:
            page = self.at("ab"[turn % 2]).call("ListRuns", pb.ListRunsRequest(
                page_size=7, page_token=token))
            found += [run.id for run in page.runs]
            token = page.next_page_token
            turn += 1
            if not token:
                break
        self.assertEqual((sorted(ids), len(ids)), (sorted(set(found)), len(found)))
        # Through the gateway, which asks them in turns.
        found, query = [], "?pageSize=9"
        while True:
            page = self.get(f"/v1/runs{query}")["data"]
            found += [run["id"] for run in page["runs"]]
            token = page.get("nextPageToken")
            if not token:
                break
            query = f"?pageSize=9&pageToken={token}"
        self.assertEqual((sorted(ids), len(ids)), (sorted(set(found)), len(found)))
        calls = self.admin.scrape()
        for name in "ab":
            self.assertGreater(calls.get("runsd_upstream_calls_total",
                                         upstream=self.address(name)), 0)

    def test_what_one_answered_is_there_at_the_other_at_once(self):
        for n in range(50):
            one, other = (self.at(name) for name in ("ab" if n % 2 else "ba"))
            one.create(f"r{n}")
            self.assertEqual(STATUS["running"], other.get(f"r{n}").status)
            other.cancel(f"r{n}")
            self.assertEqual(STATUS["cancelled"], one.get(f"r{n}").status)
            with self.assertRaises(Refused) as refused:
                one.report(f"r{n}", "success")
            self.assertEqual("RUN_ALREADY_FINISHED", refused.exception.reason)


class Duty(Shared):
    """The server on duty goes, amid a bulk cancel that it carries out."""

    def begin(self):
        on_duty, other = self.duty()
        self.ids = self.at(other).create_many(f"r{n}" for n in range(RUNS_OF_A_JOB))
        self.job = self.at(on_duty).cancel_runs(filter=bulk_pb.RunFilter(workflow_id="wf"))
        self.assertEqual(RUNS_OF_A_JOB, self.job.total)
        return on_duty, other

    def check(self, name):
        done = self.at(name).finished(self.job.id)
        self.assertEqual(STATE["done"], done.state)
        self.assertEqual((RUNS_OF_A_JOB, 0, 0, 0), counts(done))
        self.assertEqual({STATUS["cancelled"]}, set(self.at(name).statuses().values()))
        for run_id in self.ids[::100]:
            self.assertEqual(2, len(self.at(name).events(run_id)), run_id)

    def test_a_bulk_cancel_goes_on_when_it_is_killed(self):
        on_duty, other = self.begin()
        self.servers[on_duty].kill()
        killed = time.monotonic()
        wait_until(lambda: self.is_on_duty(other), "another server on duty")
        self.assertLess(time.monotonic() - killed, TAKEOVER_S + MORE_S)
        self.check(other)

    def test_a_bulk_cancel_goes_on_when_it_stands_still_and_once_it_wakes_up(self):
        on_duty, other = self.begin()
        pid = self.servers[on_duty].popen.pid
        os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            wait_until(lambda: self.is_on_duty(other), "another server on duty")
            self.assertLess(time.monotonic() - stopped, TAKEOVER_S + MORE_S)
            # Clients go on at the other one.
            self.await_serving(**{on_duty: False})
            self.assertEqual(200, self.post("/v1/runs", contract.new_run(id="more")).status)
            self.assertEqual(200, self.post("/v1/runs/more/cancel").status)
            done = self.at(other).finished(self.job.id)
            self.assertEqual(RUNS_OF_A_JOB, done.cancelled)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.await_serving(a=True, b=True)
        wait_until(lambda: [self.is_on_duty(name) for name in "ab"].count(True) == 1, "one on duty")
        self.check(on_duty)
        self.assertEqual(0, self.servers[on_duty].stop(), self.servers[on_duty].tail())


class Rolling(Shared):
    """Servers are restarted one by one under load."""

    def load(self, number, over, errors, acknowledged):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=DEADLINE_S)
        while not over.is_set():
            run_id = f"r-{number}-{len(acknowledged)}"
            for path, body in (("/v1/runs", contract.new_run(id=run_id)),
                               (f"/v1/runs/{run_id}/cancel", {})):
                reply = self.post(path, body, connection)
                if reply.status != 200:
                    errors.append((path, reply.status, reply.body))
            acknowledged.append(run_id)
        connection.close()

    def executor(self, number, over, errors, finished):
        """Takes runs, and reports their end at whichever server."""
        while not over.is_set():
            reply = rest.request(self.unbound.port, "POST", "/runs.v1.RunsService/AcquireRuns",
                                 self.token, {"lease": {"holder": f"e{number}", "duration": "30s"},
                                              "wait": "1s"})
            if reply.status != 200:
                errors.append(("acquire", reply.status, reply.body))
                continue
            for taken in reply.json()["data"].get("runs", []):
                run_id = taken["run"]["id"]
                reply = rest.request(self.unbound.port, "POST", "/runs.v1.RunsService/ReportRun",
                                     self.token, {"id": run_id, "status": "success",
                                                  "attempt": taken["attempt"]})
                if reply.status != 200:
                    errors.append(("report", reply.status, reply.body))
                finished.append(run_id)

    def test_no_client_sees_an_error_and_nothing_is_lost(self):
        self.unbound = Gateway(self.address("a"), "--upstream", self.address("b"),
                               "--unbound-methods")
        self.addCleanup(self.unbound.kill)
        over, errors = threading.Event(), []
        lists = [[] for _ in range(CLIENTS)]
        finished = []
        follower = Follower(self, events=True)
        leased = [f"l{n}" for n in range(40)]
        with concurrent.futures.ThreadPoolExecutor(CLIENTS + 1) as pool:
            clients = [pool.submit(self.load, n, over, errors, lists[n]) for n in range(CLIENTS)]
            clients.append(pool.submit(self.executor, 0, over, errors, finished))
            try:
                for turn, name in enumerate("abab"):
                    for run_id in leased[turn * 10:turn * 10 + 10]:
                        reply = self.post("/v1/runs", contract.new_run(id=run_id,
                                                                       dispatch="lease"))
                        self.assertEqual(200, reply.status, reply.body)
                    self.assertEqual(0, self.servers[name].stop(), self.servers[name].tail())
                    self.start(name)
                    self.await_serving(**{name: True})
                wait_until(lambda: len(finished) >= len(leased), "the executor")
            finally:
                over.set()
            for client in clients:
                client.result(DEADLINE_S)
        self.assertEqual([], errors[:5])
        self.assertEqual(sorted(leased), sorted(finished))
        acknowledged = [run_id for own in lists for run_id in own]
        self.assertTrue(all(lists), [len(own) for own in lists])
        statuses = self.at("a").statuses()
        self.assertEqual({STATUS["cancelled"]}, {statuses[run_id] for run_id in acknowledged})
        self.assertEqual({STATUS["success"]}, {statuses[run_id] for run_id in leased})
        # Each change came once, in order, over all the ends of the watch.
        changes = 2 * len(acknowledged) + 3 * len(leased)
        wait_until(lambda: len(follower.changes) >= changes, "all changes")
        follower.stop()
        self.assertEqual(list(range(1, changes + 1)), [c[0] for c in follower.changes])
        self.assertGreater(follower.opened, 1)


if __name__ == "__main__":
    unittest.main()
