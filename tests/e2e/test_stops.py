"""gRPC callers at a stop: many stops with calls in flight, each caller told why."""

import collections
import threading
import unittest

import grpc

import contract
import stubs
from harness import DEADLINE_S, Place, Process, create_token, program

STOPS = 30
CALLERS = 8


class Caller(threading.Thread):
    """Reports progress of a run again and again, on a channel of its own, until that fails."""

    def __init__(self, address, token, run):
        super().__init__()
        self.address = address
        self.token = token
        self.run_id = run
        self.answers = 0
        self.begun = threading.Event()
        self.ends = []  # (code, reason, message) of the failures

    def run(self):
        with grpc.insecure_channel(self.address) as channel:
            stub = stubs.service_grpc.RunsServiceStub(channel)
            while True:
                try:
                    stub.ReportRun(
                        stubs.service_pb2.ReportRunRequest(id=self.run_id,
                                                           status=stubs.run_pb2.RUN_STATUS_RUNNING),
                        metadata=stubs.bearer(self.token), timeout=DEADLINE_S)
                    self.answers += 1
                    self.begun.set()
                except grpc.RpcError as e:
                    info = stubs.details(e).get("ErrorInfo")
                    self.ends.append((e.code().name, info.reason if info else None, e.details()))
                    return


class Stops(unittest.TestCase):
    def test_every_caller_hears_unavailable_and_nearly_all_hear_why(self):
        ends = collections.Counter()
        place = Place()
        self.addCleanup(place.remove)
        token = create_token(place.store)
        for stop in range(STOPS):
            server = Process(program("runsd"), "--listen", "127.0.0.1:0", "--store", place.store)
            self.addCleanup(server.kill)
            port = server.wait_for_log(lambda l: l.get("message") == "ready", "ready")["port"]
            address = f"127.0.0.1:{port}"
            with grpc.insecure_channel(address) as channel:
                stubs.service_grpc.RunsServiceStub(channel).CreateRun(
                    stubs.service_pb2.CreateRunRequest(run=new_run(f"run-{stop}")),
                    metadata=stubs.bearer(token), timeout=DEADLINE_S)
            callers = [Caller(address, token, f"run-{stop}") for _ in range(CALLERS)]
            for caller in callers:
                caller.start()
            for caller in callers:
                self.assertTrue(caller.begun.wait(DEADLINE_S), "a caller was never answered")
            self.assertEqual(0, server.stop(), server.tail())
            for caller in callers:
                caller.join(DEADLINE_S)
                self.assertFalse(caller.is_alive(), "a caller hangs")
                ends.update(caller.ends)
        codes = {code for code, _, _ in ends}
        self.assertEqual({"UNAVAILABLE"}, codes, ends)
        # Without a reason are those that core ends: a call that reaches a connection while it
        # is closed. They come after the linger, if at all. Who calls when the process is gone
        # finds nobody there to give a reason.
        told = sum(n for (_, reason, _), n in ends.items() if reason == "SERVER_STOPPING")
        late = sum(n for (_, _, message), n in ends.items() if "Failed to connect" in message)
        self.assertEqual(STOPS * CALLERS, told + late, ends)
        self.assertGreater(told, STOPS * CALLERS // 2, ends)


def new_run(run_id):
    run = stubs.run_pb2.Run(id=run_id)
    run.workflow_definition.nodes.update(contract.new_run()["workflowDefinition"]["nodes"])
    return run


if __name__ == "__main__":
    unittest.main()
