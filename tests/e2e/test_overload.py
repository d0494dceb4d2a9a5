"""A flood of reads: it is shed with 429, and cancels come through all the same."""

import json
import threading
import unittest

import rest
from harness import DEADLINE_S, serve_for
from http_wire import Wire

READERS = 32  # connections, each with a request under way all the time
READS_AT_ONCE = 2
RESERVED = 6
CANCELLERS = 3  # at once: fewer than what is reserved
CANCELS = 40  # each


def small_run(run_id):
    return {"id": run_id, "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}


class Flood:
    """Asks on all connections, reads all replies, and again, until it is told to end."""

    def __init__(self, port, request):
        self.request = request
        self.wires = [Wire(port) for _ in range(READERS)]
        self.statuses = {}  # status -> how many replies
        self.shed = None  # the first reply with 429
        self.ended = False
        self.shedding = threading.Event()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        try:
            while not self.ending.is_set():
                for wire in self.wires:
                    wire.send(self.request)
                for wire in self.wires:
                    self.take(wire.reply())
            self.ended = True
        finally:
            self.shedding.set()

    def take(self, reply):
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        if reply.status == 429 and self.shed is None:
            self.shed = reply
            self.shedding.set()

    def end(self):
        self.ending.set()
        self.thread.join(DEADLINE_S)
        for wire in self.wires:
            wire.close()


class Canceller:
    """Cancels its runs one after another."""

    def __init__(self, port, token, ids):
        self.replies = []
        self.thread = threading.Thread(target=self.work, args=(port, token, ids))
        self.thread.start()

    def work(self, port, token, ids):
        for run_id in ids:
            reply = rest.request(port, "POST", f"/v1/runs/{run_id}/cancel", token)
            self.replies.append((run_id, reply.status, reply.body))


class Overload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--max-in-flight", str(READS_AT_ONCE + RESERVED),
                  "--reserved-in-flight", str(RESERVED))

    def ask(self, method, path, body=None):
        return rest.request(self.server.http_port, method, path, self.token, body)

    def test_reads_are_shed_and_cancels_are_not(self):
        ids = [[f"c{i}-{n}" for n in range(CANCELS)] for i in range(CANCELLERS)]
        for run_id in sum(ids, ["read"]):
            self.assertEqual(200, self.ask("POST", "/v1/runs", small_run(run_id)).status)
        flood = Flood(self.server.http_port, (
            f"GET /v1/runs/read HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {self.token}\r\n\r\n"
        ).encode())
        self.addCleanup(flood.end)
        self.assertTrue(flood.shedding.wait(DEADLINE_S), "nothing is shed")
        cancellers = [Canceller(self.server.http_port, self.token, mine) for mine in ids]
        for canceller in cancellers:
            canceller.thread.join(DEADLINE_S)
        flood.end()
        self.assertTrue(flood.ended, "the flood broke off")
        for mine, canceller in zip(ids, cancellers):
            self.assertEqual([(run_id, 200) for run_id in mine],
                             [(run_id, status) for run_id, status, _ in canceller.replies])
        # Who was not shed was served.
        self.assertEqual({200, 429}, set(flood.statuses), flood.statuses)

        self.assertEqual("1", flood.shed.headers["retry-after"])
        error = json.loads(flood.shed.body)["error"]
        self.assertEqual(("RESOURCE_EXHAUSTED", "OVERLOADED", {"limit": str(READS_AT_ONCE)}),
                         (error["status"], error["reason"], error["metadata"]))
        # All room came back.
        for _ in range(READS_AT_ONCE + 1):
            self.assertEqual(200, self.ask("GET", "/v1/runs/read").status)
        for run_id in sum(ids, []):
            self.assertEqual("cancelled", self.ask("GET", f"/v1/runs/{run_id}").json()["data"]
                             ["status"])


if __name__ == "__main__":
    unittest.main()
