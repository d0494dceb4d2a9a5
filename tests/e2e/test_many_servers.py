"""Two servers and a gateway on one database of PostgreSQL: what one of them does for both, what each
hears of the other, and what is left when one is killed."""

import http.client
import threading
import time
import unittest
import urllib.request

import grpc

import stubs
from bulk import BulkCaller, STATE, pb as bulk_pb
from gateways import Gateway
from harness import Process, create_token, program, runsctl, wait_until
from leases import Refused, STATUS, lease_pb, pb
from postgres import Postgres

# Within which another server goes on with what the killed one did.
TAKEOVER_S = 5
REVOCATION_S = 1


class Server(Process):
    """runsd on free ports."""

    def __init__(self, url, *options):
        super().__init__(program("runsd"), "--store", url, "--listen", "127.0.0.1:0", "--admin",
                         "127.0.0.1:0", *options)
        ready = self.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.address = f"127.0.0.1:{ready['port']}"
        admin = self.wait_for_log(lambda l: l.get("message") == "serving metrics", "admin")
        self.admin = admin["port"]

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics") as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        return None

    def is_on_duty(self):
        return self.metric("runsd_on_duty") == 1


class ManyServers(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres()
        self.addCleanup(self.postgres.stop)
        self.token = create_token(self.postgres.url, name="all")
        self.servers = []
        self.callers = []
        for _ in range(2):
            self.start()
        wait_until(lambda: any(s.is_on_duty() for s in self.servers), "a server on duty")
        if not self.servers[0].is_on_duty():
            self.servers.reverse()
        self.on_duty, self.other = self.servers
        self.here, self.there = (self.caller(s) for s in self.servers)

    def start(self):
        server = Server(self.postgres.url)
        self.servers.append(server)
        self.addCleanup(lambda: server.popen.poll() is None and server.stop())
        return server

    def caller(self, server, token=None):
        caller = BulkCaller(server.address, token or self.token)
        self.addCleanup(caller.close)
        return caller

    def kill_the_one_on_duty(self):
        self.on_duty.kill()
        killed = time.monotonic()
        wait_until(self.other.is_on_duty, "another server on duty")
        self.assertLess(time.monotonic() - killed, TAKEOVER_S)

    def status(self, caller, run_id):
        return caller.get(run_id).status

    def test_sweeps_go_on_when_the_server_on_duty_is_killed(self):
        self.assertFalse(self.other.is_on_duty())
        self.there.create("soon", timeout=1)
        wait_until(lambda: self.status(self.there, "soon") == STATUS["failure"], "its end")
        self.there.create("later", timeout=1)
        self.here.create_leased("held")
        self.assertEqual("held", self.here.acquire("w", seconds=1)[0].run.id)
        self.kill_the_one_on_duty()
        wait_until(lambda: self.status(self.there, "later") == STATUS["failure"], "its end")
        # The lease that the killed server gave ends, too, and the run is another's.
        again = self.there.acquire_soon("w2", seconds=5, wait=30).result().runs
        self.assertEqual([2], [r.attempt for r in again])

    def test_executors_are_at_home_at_either_server(self):
        self.here.create_leased("r")
        self.assertEqual(1, self.here.acquire("w", seconds=2)[0].attempt)
        end = time.monotonic() + 5
        callers = [self.there, self.there, self.here]
        turn = 0
        while time.monotonic() < end:
            renewed = callers[turn % 3].renew("w", ("r", 1))[0]
            self.assertEqual(lease_pb.LEASE_STATE_HELD, renewed.state)
            turn += 1
            time.sleep(0.1)
        waiting = self.here.start("CancelRun", pb.CancelRunRequest(
            id="r", wait=stubs.Duration(seconds=30)))
        wait_until(lambda: self.there.renew("w", ("r", 1))[0].state ==
                   lease_pb.LEASE_STATE_FINISHED, "the cancel")
        self.there.acknowledge("r", 1)
        self.assertTrue(waiting.result().HasField("stopped_at"))

    def test_a_revocation_reaches_the_other_server(self):
        token = create_token(self.postgres.url, name="leaver")
        callers = [self.caller(s, token) for s in self.servers]

        def is_known(caller):
            try:
                caller.get("none")
            except Refused as refusal:
                return refusal.code != grpc.StatusCode.UNAUTHENTICATED
            return True

        for caller in callers:
            wait_until(lambda c=caller: is_known(c), "the new token")
        done = runsctl("tokens", "revoke", "--store", self.postgres.url, "--org", "acme",
                       "leaver")
        revoked = time.monotonic()
        self.assertEqual(0, done.returncode, done.stderr)
        for caller in callers:
            wait_until(lambda c=caller: not is_known(c), "its end")
        self.assertLess(time.monotonic() - revoked, REVOCATION_S)

    def test_a_watch_sees_what_the_other_server_commits(self):
        watch = self.here.stub.WatchRuns(stubs.feed_pb2.WatchRunsRequest(snapshot=True),
                                         metadata=self.here.metadata, timeout=60)
        next(watch)  # the snapshot, of nothing
        self.there.create("r1")
        change = next(m for m in watch if m.WhichOneof("item") == "change")
        self.assertEqual("r1", change.change.run_id)
        watch.cancel()
        self.here.create("r2")
        on = self.there.stub.WatchRuns(stubs.feed_pb2.WatchRunsRequest(cursor=change.cursor),
                                       metadata=self.there.metadata, timeout=60)
        self.assertEqual("r2", next(m for m in on if m.WhichOneof("item") == "change").change.run_id)
        on.cancel()

    def test_a_bulk_cancel_of_either_server_outlives_the_one_on_duty(self):
        ids = self.there.create_many(f"r{i}" for i in range(300))
        job = self.there.cancel_runs(filter=bulk_pb.RunFilter(workflow_id="wf"))
        self.assertEqual(len(ids), job.total)
        self.kill_the_one_on_duty()
        done = self.there.finished(job.id)
        self.assertEqual(STATE["done"], done.state)
        self.assertEqual(len(ids), done.cancelled)

    def test_acknowledged_cancels_are_there_after_a_kill_amid_load(self):
        ids = self.there.create_many(f"r{i}" for i in range(2000))
        gateway = Gateway(self.on_duty.address, "--upstream", self.other.address)
        self.addCleanup(lambda: gateway.popen.poll() is None and gateway.stop())
        acknowledged = []
        failures = []
        lock = threading.Lock()

        def cancel(own):
            for run_id in own:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{gateway.port}/v1/runs/{run_id}/cancel", b"{}",
                    {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
                try:
                    with urllib.request.urlopen(request, timeout=30) as reply:
                        reply.read()
                except (OSError, http.client.HTTPException) as error:
                    failures.append(error)  # refused, or unknown
                    continue
                with lock:
                    acknowledged.append(run_id)

        threads = [threading.Thread(target=cancel, args=(ids[i::8],)) for i in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) + len(failures) > 200, "some cancels")
        self.assertEqual([], failures)
        self.on_duty.kill()
        for thread in threads:
            thread.join()
        self.assertGreater(len(acknowledged), len(ids) // 2, "the other server went on")
        for run_id in acknowledged:
            self.assertEqual(STATUS["cancelled"], self.status(self.there, run_id), run_id)

    def test_tables_are_migrated_while_servers_serve(self):
        done = runsctl("store", "migrate", "--store", self.postgres.url)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertTrue(self.on_duty.is_on_duty())

    def test_servers_go_on_when_the_database_is_back(self):
        self.here.create("r")
        self.postgres.control("stop", "--mode=immediate")
        with self.assertRaises(Refused) as refused:
            self.here.cancel("r")
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, refused.exception.code)
        self.postgres.start_again()

        def is_cancelled():
            try:
                return self.there.cancel("r").status == STATUS["cancelled"]
            except Refused:
                return False

        wait_until(is_cancelled, "the store")
        wait_until(lambda: sum(s.is_on_duty() for s in self.servers) == 1, "one on duty")
        for server in self.servers:
            self.assertIsNone(server.popen.poll())


if __name__ == "__main__":
    unittest.main()
