"""WatchRuns over gRPC, with the real programs: order, resuming, slow clients, kill -9, restored
backups, tokens that end, limits."""

import shutil
import threading
import time
import unittest

import grpc

import stubs
from harness import DEADLINE_S, Place, Serve, create_token, runsctl, serve_for, wait_until

# Else channels to one address share a connection, also one of a server that was before.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)

# A client that takes little before its reader asks: gRPC core would take megabytes.
SMALL_WINDOW = (*OWN_CONNECTION, ("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0))


class Client:
    """A connection of its own, and a token."""

    def __init__(self, address, token, options=OWN_CONNECTION):
        self.channel = grpc.insecure_channel(address, options=options)
        self.stub = stubs.service_grpc.RunsServiceStub(self.channel)
        self.metadata = stubs.bearer(token)

    def close(self):
        self.channel.close()

    def create(self, run_id, **fields):
        run = stubs.run_pb2.Run(id=run_id, **fields)
        run.workflow_definition.nodes["root"] = {"type": "manual"}
        request = stubs.service_pb2.CreateRunRequest(run=run)
        return self.stub.CreateRun(request, metadata=self.metadata, timeout=DEADLINE_S)

    def cancel(self, run_id, reason=""):
        request = stubs.service_pb2.CancelRunRequest(id=run_id, reason=reason)
        return self.stub.CancelRun(request, metadata=self.metadata, timeout=DEADLINE_S)

    def events(self, run_id):
        request = stubs.service_pb2.ListRunEventsRequest(id=run_id)
        return self.stub.ListRunEvents(request, metadata=self.metadata, timeout=DEADLINE_S).events

    def watch(self, **fields):
        request = stubs.feed_pb2.WatchRunsRequest(**fields)
        return self.stub.WatchRuns(request, metadata=self.metadata)


class Reader:
    """Reads a watch on a thread of its own and keeps what came."""

    def __init__(self, call):
        self.call = call
        self.messages = []
        self.error = None
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self.call:
                self.messages.append(message)
        except grpc.RpcError as error:
            self.error = error
        self.ended.set()

    def changes(self):
        return [m.change for m in list(self.messages) if m.WhichOneof("item") == "change"]

    def bookmarks(self):
        return [m.bookmark for m in list(self.messages) if m.WhichOneof("item") == "bookmark"]

    def cursor(self):
        return next(m.cursor for m in reversed(list(self.messages)) if m.cursor)

    def wait_for_changes(self, count):
        wait_until(lambda: len(self.changes()) >= count or self.ended.is_set(),
                   f"{count} changes")
        if len(self.changes()) < count:
            raise AssertionError(f"{len(self.changes())} changes, then {self.error}")

    def begun(self):
        wait_until(lambda: self.messages or self.ended.is_set(), "the first message")
        if not self.messages:
            raise AssertionError(f"the watch did not begin: {self.error}")
        return self


def reason_of(error):
    return stubs.details(error)["ErrorInfo"].reason


class OneServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--max-watches-per-token", "40")
        cls.client = Client(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.client.close)

    def reading(self, client=None, **fields):
        call = (client or self.client).watch(**fields)
        self.addCleanup(call.cancel)
        return Reader(call)

    def prefix(self):
        return self.id().rsplit(".", 1)[1].replace("_", "-")[:60]

    def test_the_status_comes_before_any_change(self):
        call = self.client.watch()
        self.addCleanup(call.cancel)
        self.assertIsNotNone(call.initial_metadata())  # returns only when it is there

    def test_a_change_is_the_event_that_the_run_has(self):
        reader = self.reading(run_ids=[self.prefix()]).begun()
        self.client.create(self.prefix())
        self.client.cancel(self.prefix(), "paid by hand")
        reader.wait_for_changes(2)
        self.assertEqual(list(self.client.events(self.prefix())), reader.changes())
        self.assertEqual("paid by hand", reader.changes()[1].reason)
        self.assertEqual("tester", reader.changes()[1].actor)
        kinds = stubs.run_pb2.RunEventKind
        self.assertEqual([kinds.Value("RUN_EVENT_KIND_CREATED"),
                          kinds.Value("RUN_EVENT_KIND_STATUS_CHANGED")],
                         [change.kind for change in reader.changes()])

    def test_many_writers_are_seen_in_one_order_without_gap_by_all(self):
        readers = [self.reading().begun() for _ in range(8)]
        begun = readers[0].bookmarks()[0].revision

        def write(writer):
            client = Client(self.server.grpc, self.token)
            for i in range(50):
                client.create(f"{self.prefix()}-{writer}-{i}")
                client.cancel(f"{self.prefix()}-{writer}-{i}")
            client.close()
        writers = [threading.Thread(target=write, args=(w,)) for w in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        for reader in readers:
            reader.wait_for_changes(800)
            self.assertEqual([begun + 1 + i for i in range(800)],
                             [change.revision for change in reader.changes()][:800])
            self.assertEqual(readers[0].changes()[:800], reader.changes()[:800])
            sequences = {}
            for change in reader.changes():
                self.assertEqual(sequences.get(change.run_id, 0) + 1, change.sequence)
                sequences[change.run_id] = change.sequence

    def test_a_list_and_a_watch_from_its_cursor_miss_nothing(self):
        stop = threading.Event()

        def write():
            client = Client(self.server.grpc, self.token)
            i = 0
            while not stop.is_set():
                client.create(f"{self.prefix()}-{i}", workflow_id=self.prefix())
                i += 1
            self.made = i
            client.close()
        writer = threading.Thread(target=write)
        writer.start()
        request = stubs.service_pb2.ListRunsRequest(page_size=1000, watch_cursor=True,
                                                    workflow_id=self.prefix())
        for _ in range(20):
            page = self.client.stub.ListRuns(request, metadata=self.client.metadata)
        reader = self.reading(cursor=page.watch_cursor, workflow_id=self.prefix())
        reader.begun()
        stop.set()
        writer.join()
        seen = {run.id for run in page.runs}
        wait_until(lambda: len(seen | {c.run_id for c in reader.changes()}) == self.made,
                   "every run in the list or the watch")

    def test_bookmarks_come_every_five_seconds_to_who_matches_nothing(self):
        reader = self.reading(workflow_id="nobody's").begun()
        begun = time.monotonic()
        wait_until(lambda: len(reader.bookmarks()) >= 3, "three bookmarks")
        # 5 s each, and as much for a machine that has other things to do.
        self.assertLess(time.monotonic() - begun, 20)

    def test_a_revoked_token_ends_its_watches_within_a_second(self):
        token = create_token(self.place.store, name=self.prefix())
        client = Client(self.server.grpc, token)
        self.addCleanup(client.close)
        readers = [self.reading(client).begun() for _ in range(5)]
        other = self.reading().begun()
        done = runsctl("tokens", "revoke", "--store", self.place.store, "--org", "acme",
                       self.prefix())
        self.assertEqual(0, done.returncode, done.stderr)
        revoked = time.monotonic()
        for reader in readers:
            self.assertTrue(reader.ended.wait(DEADLINE_S))
            self.assertEqual(grpc.StatusCode.UNAUTHENTICATED, reader.error.code())
            self.assertEqual("TOKEN_INVALID", reason_of(reader.error))
        self.assertLess(time.monotonic() - revoked, 5)  # one, on a machine that is idle
        self.assertFalse(other.ended.is_set())

    def test_watches_have_limits_of_their_own(self):
        token = create_token(self.place.store, name=self.prefix())
        client = Client(self.server.grpc, token)
        self.addCleanup(client.close)
        readers = [self.reading(client).begun() for _ in range(40)]
        refused = self.reading(client)
        self.assertTrue(refused.ended.wait(DEADLINE_S))
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, refused.error.code())
        self.assertEqual("QUEUE_FULL", reason_of(refused.error))
        self.assertGreater(stubs.details(refused.error)["RetryInfo"].retry_delay.seconds, 0)
        client.create(self.prefix())
        readers[0].call.cancel()

        def has_room():
            again = self.reading(client)
            wait_until(lambda: again.messages or again.ended.is_set(), "an answer")
            return bool(again.messages)
        wait_until(has_room, "room for another watch")

    def test_another_organization_sees_nothing(self):
        token = create_token(self.place.store, org="rival", name=self.prefix())
        rival = Client(self.server.grpc, token)
        self.addCleanup(rival.close)
        theirs = self.reading(rival).begun()
        ours = self.reading().begun()
        for i in range(10):
            self.client.create(f"{self.prefix()}-{i}")
        ours.wait_for_changes(10)
        wait_until(lambda: len(theirs.bookmarks()) >= 2, "another bookmark")
        self.assertEqual([], theirs.changes())
        self.assertEqual({0}, {b.newest_revision for b in theirs.bookmarks()})
        stolen = self.reading(rival, cursor=ours.cursor())
        self.assertTrue(stolen.ended.wait(DEADLINE_S))
        self.assertEqual(grpc.StatusCode.INVALID_ARGUMENT, stolen.error.code())


class SlowReaders(unittest.TestCase):
    CHANGES = 6_000  # of 1.2 kB: far more than a connection takes

    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def resident(self):
        """Bytes of memory that the server has."""
        with open(f"/proc/{self.server.popen.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) << 10

    def test_they_cost_bounded_memory_and_get_everything(self):
        client = Client(self.server.grpc, self.token)
        self.addCleanup(client.close)
        slow = []
        for _ in range(20):
            one = Client(self.server.grpc, self.token, SMALL_WINDOW)
            self.addCleanup(one.close)
            call = one.watch()
            next(call)  # the first bookmark, and nothing from then on
            slow.append(call)
        fast = Reader(client.watch()).begun()
        before = self.resident()

        def write(first):
            writer = Client(self.server.grpc, self.token)
            for i in range(first, self.CHANGES // 2, 8):
                writer.create(f"r{i}")
                writer.cancel(f"r{i}", "r" * 1024)
            writer.close()
        writers = [threading.Thread(target=write, args=(first,)) for first in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        fast.wait_for_changes(self.CHANGES)
        # If what they have not taken were kept for each: 80 MB. The store's pages, and what
        # connections buffer, are in it.
        self.assertLess(self.resident() - before, 50 << 20)
        for call in slow:
            self.addCleanup(call.cancel)
            reader = Reader(call)
            reader.wait_for_changes(self.CHANGES)
            self.assertEqual(list(range(1, self.CHANGES + 1)),
                             [change.revision for change in reader.changes()])


class Restarts(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester")
        self.server = None

    def serve(self, *options):
        port = self.server.grpc_ports[0] if self.server else 0
        self.server = Serve(self.place.store, *options, grpc=(f"127.0.0.1:{port}",))
        return self.server

    def client(self):
        client = Client(self.server.grpc, self.token)
        self.addCleanup(client.close)
        return client

    def test_a_watch_goes_on_over_kill_9(self):
        cursor = ""
        seen = []
        made = 0
        for _ in range(4):
            server = self.serve()
            client = self.client()
            reader = Reader(client.watch(cursor=cursor))
            reader.begun()
            for _ in range(30):
                client.create(f"r{made}")
                made += 1
            server.kill()
            self.assertTrue(reader.ended.wait(DEADLINE_S))
            self.assertEqual(grpc.StatusCode.UNAVAILABLE, reader.error.code())
            cursor = reader.cursor()
            seen += reader.changes()
            client.close()
        self.serve()
        self.addCleanup(self.server.stop)
        rest = Reader(self.client().watch(cursor=cursor))
        wait_until(lambda: len(seen) + len(rest.changes()) >= made, "the rest")
        seen += rest.changes()
        self.assertEqual(list(range(1, made + 1)), [change.revision for change in seen])
        self.assertEqual([f"r{i}" for i in range(made)], [change.run_id for change in seen])

    def test_a_stop_says_so_and_the_watch_goes_on_after_it(self):
        server = self.serve()
        client = self.client()
        reader = Reader(client.watch()).begun()
        client.create("before")
        reader.wait_for_changes(1)
        self.assertEqual(0, server.stop())
        self.assertTrue(reader.ended.wait(DEADLINE_S))
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, reader.error.code())
        self.assertEqual("SERVER_STOPPING", reason_of(reader.error))
        self.serve()
        self.addCleanup(self.server.stop)
        client = self.client()
        client.create("after")
        again = Reader(client.watch(cursor=reader.cursor()))
        again.wait_for_changes(1)
        self.assertEqual(["after"], [change.run_id for change in again.changes()])

    def test_a_restored_backup_does_not_go_on_with_another_history(self):
        path = self.place.path / "runs.db"
        server = self.serve()
        self.client().create("kept")
        self.assertEqual(0, server.stop())
        shutil.copy(path, self.place.path / "backup")
        server = self.serve()
        client = self.client()
        reader = Reader(client.watch()).begun()
        client.create("lost")
        reader.wait_for_changes(1)
        self.assertEqual(0, server.stop())
        for file in self.place.path.glob("runs.db*"):
            file.unlink()
        shutil.copy(self.place.path / "backup", path)
        done = runsctl("check", "--store", self.place.store, "--accept")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.serve()
        self.addCleanup(self.server.stop)
        client = self.client()
        client.create("another")
        again = Reader(client.watch(cursor=reader.cursor()))
        self.assertTrue(again.ended.wait(DEADLINE_S))
        self.assertEqual(grpc.StatusCode.OUT_OF_RANGE, again.error.code())
        self.assertEqual("CURSOR_EXPIRED", reason_of(again.error))
        snapshot = Reader(client.watch(snapshot=True))
        wait_until(lambda: snapshot.bookmarks(), "the snapshot")
        self.assertEqual({"kept", "another"},
                         {m.snapshot_run.run.id for m in snapshot.messages
                          if m.WhichOneof("item") == "snapshot_run"})


if __name__ == "__main__":
    unittest.main()
