"""No reply says more than is known: what was told of changes that a stop, a deadline or a
broken connection caught in flight is compared with what the store then has."""

import http.client
import threading
import time
import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, Place, Process, create_token, program, wait_until
from slow_disk import SlowDisk

RUNS = 24
UNCHANGED = {"SERVER_STOPPING", "DEADLINE_PASSED", "UPSTREAM_UNREACHABLE"}
DRAIN_MS = 200
TRANSIT_S = 2


def port_of(process, message="ready"):
    return process.wait_for_log(lambda l: l.get("message") == message, message)["port"]


class Case(unittest.TestCase):
    """Runs named "0" to RUNS - 1 in a store on a slow disk."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.disk = SlowDisk(self.place.path)
        self.token = create_token(self.place.store)
        self.told = {}  # run -> (status of HTTP or gRPC, reason)
        self.start()
        self.addCleanup(self.disk.go_on)
        for i in range(RUNS):
            reply = rest.request(self.http, "POST", "/v1/runs", self.token,
                                 contract.new_run(id=str(i)))
            self.assertEqual(200, reply.status, reply.body)

    def run_process(self, *command, slow=False):
        process = Process(*(self.disk.prefix() if slow else ()), *command)
        self.addCleanup(process.kill)
        return process

    def serve(self, slow=True):
        """One process."""
        server = self.run_process(program("runsctl"), "serve", "--http", "127.0.0.1:0", "--grpc",
                                  "127.0.0.1:0", "--store", self.place.store, "--drain-ms",
                                  str(DRAIN_MS), slow=slow)
        self.http = port_of(server, "serving")
        self.grpc = f"127.0.0.1:{port_of(server, 'serving gRPC')}"
        return server

    def start_apart(self):
        """Two processes."""
        socket = f"unix:{self.place.path}/runsd.sock"
        self.server = self.run_process(program("runsd"), "--listen", socket, "--store",
                                       self.place.store, "--drain-ms", str(DRAIN_MS), slow=True)
        port_of(self.server)
        self.gateway = self.run_process(program("runs-gateway"), "--listen", "127.0.0.1:0",
                                        "--upstream", socket, "--drain-ms", str(DRAIN_MS))
        self.http = port_of(self.gateway)
        self.grpc = socket

    # --- clients ---

    def cancel(self, run, headers=None):
        try:
            reply = rest.request(self.http, "POST", f"/v1/runs/{run}/cancel", self.token,
                                 headers=headers)
        except (OSError, http.client.HTTPException):
            return  # the listener was closed before: nothing was told
        self.told[run] = (reply.status, reply.error.get("reason"))

    def cancel_by_grpc(self, run, timeout=DEADLINE_S):
        with grpc.insecure_channel(self.grpc) as channel:
            stub = stubs.service_grpc.RunsServiceStub(channel)
            try:
                stub.CancelRun(stubs.service_pb2.CancelRunRequest(id=run),
                               metadata=stubs.bearer(self.token), timeout=timeout)
                self.told[run] = ("OK", None)
            except grpc.RpcError as e:
                info = stubs.details(e).get("ErrorInfo")
                self.told[run] = (e.code().name, info.reason if info else None)

    def begin(self, *calls):
        """Starts calls, of which the store holds the first when it returns."""
        self.disk.stop()
        threads = []
        for i, (function, *arguments) in enumerate(calls):
            threads.append(threading.Thread(target=function, args=arguments))
            threads[-1].start()
            if i == 0:
                self.disk.await_held()
        return threads

    def join(self, threads):
        for thread in threads:
            thread.join(DEADLINE_S)
            self.assertFalse(thread.is_alive(), "a client waits for ever")

    # --- what came of it ---

    def statuses(self):
        replies = {run: rest.request(self.http, "GET", f"/v1/runs/{run}", self.token).json()
                   for run in self.told}
        return {run: reply["data"]["status"] for run, reply in replies.items()}

    def check_told(self):
        """Compares what was told with what the store has; returns the latter."""
        statuses = self.statuses()
        for run, (code, reason) in self.told.items():
            with self.subTest(run, told=self.told[run]):
                if code in (200, "OK"):
                    self.assertEqual("cancelled", statuses[run])
                else:
                    self.assertIn(reason, UNCHANGED | {"OUTCOME_UNKNOWN"})
                if reason in UNCHANGED:
                    self.assertEqual("running", statuses[run])
        return statuses

    def check_caught(self):
        """The calls were answered without the store, which then made their changes."""
        unknown = [run for run, told in self.told.items() if told[1] == "OUTCOME_UNKNOWN"]
        self.assertIn("0", unknown)
        statuses = self.check_told()
        self.assertEqual("cancelled", statuses["0"])

    def check_asking_again_decides(self, run):
        before = self.statuses()[run]
        reply = rest.request(self.http, "POST", f"/v1/runs/{run}/cancel", self.token)
        if before == "cancelled":
            contract.check_error(self, reply, 409, "RUN_ALREADY_FINISHED", "FAILED_PRECONDITION")
            self.assertEqual("cancelled", reply.error["metadata"]["status"])
        else:
            self.assertEqual(200, reply.status, reply.body)
        self.assertEqual("cancelled", self.statuses()[run])


class InOneProcess(Case):
    def start(self):
        self.server = self.serve()

    def stop_amid(self, *calls):
        threads = self.begin(*calls)
        self.server.popen.terminate()
        self.join(threads)
        self.disk.go_on()
        self.assertEqual(0, self.server.stop(), self.server.tail())
        self.server = self.serve(slow=False)
        self.check_caught()

    def test_a_stop_amid_rest_changes(self):
        self.stop_amid(*((self.cancel, str(i)) for i in range(RUNS)))
        self.check_asking_again_decides("0")

    def test_a_stop_amid_grpc_changes(self):
        self.stop_amid(*((self.cancel_by_grpc, str(i)) for i in range(RUNS)))
        self.assertLessEqual({told[0] for told in self.told.values()}, {"OK", "UNAVAILABLE"})

    def test_what_waits_past_its_deadline_is_not_begun(self):
        soon = {"X-Request-Timeout": "0.3"}
        threads = self.begin((self.cancel, "0", soon), (self.cancel, "1", soon),
                             (self.cancel_by_grpc, "2", 0.3))
        self.join(threads)
        self.assertEqual((504, "OUTCOME_UNKNOWN"), self.told["0"])
        self.assertEqual((504, "OUTCOME_UNKNOWN"), self.told["1"])
        self.assertEqual("DEADLINE_EXCEEDED", self.told["2"][0])
        self.told["2"] = ("DEADLINE_EXCEEDED", "OUTCOME_UNKNOWN")  # a client's own has no details
        # The server counts from when it had the call, which was a little later.
        time.sleep(TRANSIT_S)
        self.disk.go_on()
        self.cancel("3")  # the writer takes its operations in order
        self.assertEqual((200, None), self.told["3"])
        statuses = self.check_told()
        self.assertEqual(["cancelled", "running", "running", "cancelled"],
                         [statuses[str(i)] for i in range(4)])
        self.check_asking_again_decides("0")
        self.check_asking_again_decides("1")

    def test_a_read_at_a_stop_changes_nothing(self):
        threads = self.begin((self.cancel, "0"))
        self.server.popen.terminate()
        replies = []

        def read_until_refused():
            try:
                for _ in range(100000):
                    reply = rest.request(self.http, "GET", "/v1/runs/1", self.token)
                    if reply.status != 200:
                        replies.append(reply)
                        return
            except (OSError, EOFError):
                pass  # nobody listens any more
        threads.append(threading.Thread(target=read_until_refused))
        threads[-1].start()
        self.join(threads)
        for reply in replies:
            contract.check_error(self, reply, 503, "SERVER_STOPPING", "UNAVAILABLE")
        self.disk.go_on()


class Apart(Case):
    def start(self):
        self.start_apart()

    def test_a_stop_of_the_server_amid_changes(self):
        threads = self.begin(*((self.cancel if i % 2 == 0 else self.cancel_by_grpc, str(i))
                               for i in range(RUNS)))
        self.server.popen.terminate()
        self.join(threads)
        self.disk.go_on()
        self.assertEqual(0, self.server.stop(), self.server.tail())
        self.server = self.serve(slow=False)
        self.check_caught()

    def test_a_stop_of_the_gateway_amid_changes(self):
        threads = self.begin(*((self.cancel, str(i)) for i in range(RUNS)))
        self.assertEqual(0, self.gateway.stop(), self.gateway.tail())
        self.join(threads)
        self.disk.go_on()
        self.assertEqual(0, self.server.stop(), self.server.tail())
        self.server = self.serve(slow=False)
        self.check_caught()

    def test_a_killed_server_leaves_the_outcome_open(self):
        threads = self.begin(*((self.cancel, str(i)) for i in range(8)))
        self.server.kill()
        self.join(threads)
        for run, told in self.told.items():
            with self.subTest(run):
                self.assertIn(told, ((503, "OUTCOME_UNKNOWN"), (503, "UPSTREAM_UNREACHABLE")))
        self.assertEqual((503, "OUTCOME_UNKNOWN"), self.told["0"])
        wait_until(lambda: self.cancel("9") or self.told["9"][1] == "UPSTREAM_UNREACHABLE",
                   "a refused connection")
        self.disk.go_on()
        self.server = self.serve(slow=False)
        self.check_told()

    def test_a_deadline_amid_a_change(self):
        soon = {"X-Request-Timeout": "0.3"}
        self.join(self.begin((self.cancel, "0", soon), (self.cancel, "1", soon)))
        self.assertEqual((504, "OUTCOME_UNKNOWN"), self.told["0"])
        self.assertEqual((504, "OUTCOME_UNKNOWN"), self.told["1"])
        time.sleep(TRANSIT_S)
        self.disk.go_on()
        self.cancel("2")
        self.assertEqual({"0": "cancelled", "1": "running", "2": "cancelled"}, self.check_told())


if __name__ == "__main__":
    unittest.main()
