"""Who did what, when, from where and why: each event says it, in the history of its run, in watches
and over REST; a watch can begin at an instant."""

import datetime
import http.client
import json
import unittest

import grpc

import stubs
from harness import DEADLINE_S, Place, Serve, serve_for, wait_until
from leases import Caller, duration, pb, run_pb
from organizations import user_token
from test_rest_watch import RUN, Watch
from test_stream_proxies import haproxy, nginx
from test_watch import Client, Reader, reason_of

CLIENT = "127.0.0.9"
FORGED = "192.0.2.66"
CHAIN = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"


class Facts(unittest.TestCase):
    """Of each event: actor, request, address, reason, kind."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.token = user_token(cls.place.store)
        cls.server = Serve(cls.place.store, "--trust-forwarded-for", "127.0.0.1")
        cls.addClassCleanup(cls.server.stop)
        cls.client = Client(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.client.close)

    def setUp(self):
        self.run_id = self.id().rsplit(".", 1)[1].replace("_", "-")

    def post(self, port, path, request_id, body=None, forged=None):
        """A request of the client at CLIENT."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S,
                                                source_address=(CLIENT, 0))
        headers = {"Authorization": f"Bearer {self.token}", "X-Request-Id": request_id,
                   "Content-Type": "application/json",
                   **({"X-Forwarded-For": forged} if forged else {})}
        connection.request("POST", path, body and json.dumps(body), headers)
        reply = connection.getresponse()
        self.assertEqual(200, reply.status, reply.read())
        connection.close()

    def create_and_cancel(self, create_port, cancel_port, run_id):
        self.post(create_port, "/v1/runs", f"{run_id}-create", {**RUN, "id": run_id})
        self.post(cancel_port, f"/v1/runs/{run_id}/cancel", f"{run_id}-cancel",
                  {"reason": "paid by hand"}, FORGED)
        return [("created", "tester", f"{run_id}-create", CLIENT, ""),
                ("status_changed", "tester", f"{run_id}-cancel", CLIENT, "paid by hand")]

    def facts_of(self, event):
        kind = run_pb.RunEventKind.Name(event.kind).removeprefix("RUN_EVENT_KIND_").lower()
        return kind, event.actor, event.request_id, event.remote_address, event.reason

    def in_history(self, run_id):
        return [self.facts_of(event) for event in self.client.events(run_id)]

    def test_they_are_the_clients_behind_trusted_proxies(self):
        first = nginx(self, self.place.path, self.server.http_port, CHAIN).port
        second = haproxy(self, self.place.path, self.server.http_port, "option forwardfor").port
        both = nginx(self, self.place.path, second, CHAIN).port
        for number, (create, cancel) in enumerate(((first, second), (both, first),
                                                   (self.server.http_port, both))):
            with self.subTest(create=create, cancel=cancel):
                run_id = f"{self.run_id}-{number}"
                expected = self.create_and_cancel(create, cancel, run_id)
                self.assertEqual(expected, self.in_history(run_id))

    def test_watches_over_grpc_and_rest_tell_the_same(self):
        call = self.client.watch(run_ids=[self.run_id])
        self.addCleanup(call.cancel)
        reader = Reader(call).begun()
        events = Watch(self, self.server.http_port, self.token, f"runIds={self.run_id}")
        lines = Watch(self, self.server.http_port, self.token, f"runIds={self.run_id}",
                      events=False)
        for watch in (events, lines):
            watch.until(lambda m: m.kind == "bookmark")
        expected = self.create_and_cancel(self.server.http_port, self.server.http_port, self.run_id)
        reader.wait_for_changes(2)
        self.assertEqual(expected, [self.facts_of(change) for change in reader.changes()])
        for watch in (events, lines):
            told = [message.change for message in watch.changes(2)]
            self.assertEqual(expected, [(c["kind"], c["actor"], c["requestId"],
                                         c["remoteAddress"], c["reason"]) for c in told])

    def test_over_grpc_a_forged_address_counts_nothing(self):
        metadata = (*stubs.bearer(self.token), ("x-request-id", "over-grpc"),
                    ("x-forwarded-for", FORGED))
        self.client.create(self.run_id)
        self.client.stub.CancelRun(pb.CancelRunRequest(id=self.run_id), metadata=metadata,
                                   timeout=DEADLINE_S)
        self.assertEqual(("status_changed", "tester", "over-grpc", "127.0.0.1", ""),
                         self.in_history(self.run_id)[1])

    def test_what_the_server_does_by_itself_has_no_request(self):
        caller = Caller(self.server.grpc, self.token)
        self.addCleanup(caller.close)
        run = run_pb.Run(id=self.run_id, timeout=duration(1),
                         on_timeout=run_pb.RUN_STATUS_CANCELLED)
        run.workflow_definition.nodes["root"] = {"type": "manual"}
        call = self.client.watch(run_ids=[self.run_id])
        self.addCleanup(call.cancel)
        reader = Reader(call).begun()
        caller.call("CreateRun", pb.CreateRunRequest(run=run))
        reader.wait_for_changes(2)
        self.assertEqual(("status_changed", "runsd", "", "", "TIMEOUT"),
                         self.facts_of(reader.changes()[1]))

    def test_each_change_of_a_run_has_them(self):
        caller = Caller(self.server.grpc, self.token)
        self.addCleanup(caller.close)
        caller.create_leased(self.run_id)
        (run,) = caller.acquire("worker", seconds=60)
        caller.release(self.run_id, run.attempt, "busy")
        (run,) = caller.acquire("worker", seconds=60)
        caller.report(self.run_id, "waiting", run.attempt)
        caller.cancel(self.run_id, "enough")
        caller.acknowledge(self.run_id, run.attempt, "stopped it")
        events = caller.events(self.run_id)
        self.assertEqual(["created", "acquired", "released", "acquired", "status_changed",
                          "status_changed", "stopped"],
                         [self.facts_of(event)[0] for event in events])
        self.assertEqual(["", "", "busy", "", "", "enough", "stopped it"],
                         [event.reason for event in events])
        self.assertEqual({("tester", "127.0.0.1")},
                         {(event.actor, event.remote_address) for event in events})
        self.assertEqual(7, len({event.request_id for event in events}))
        self.assertNotIn("", {event.request_id for event in events})


def instant(event, microseconds=0):
    """When the event was, and so much later."""
    at = stubs.run_pb2.RunEvent().at
    at.FromMicroseconds(event.at.ToMicroseconds() + microseconds)
    return at


class Since(unittest.TestCase):
    """Watches that begin at an instant."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--feed-max-events", "1000")
        cls.client = Client(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.client.close)
        for number in range(5):
            cls.client.create(f"r{number}")
            cls.client.cancel(f"r{number}")
        cls.events = [event for number in range(5) for event in cls.client.events(f"r{number}")]

    def begin(self, **fields):
        call = self.client.watch(**fields)
        self.addCleanup(call.cancel)
        return Reader(call)

    def revisions_since(self, at):
        reader = self.begin(since=at).begun()
        self.client.create(f"end-of-{self.id()}-{at.ToMicroseconds()}"[-100:])
        newest = self.client.events(f"end-of-{self.id()}-{at.ToMicroseconds()}"[-100:])[0].revision
        reader.wait_for_changes(newest - reader.bookmarks()[0].revision)
        self.assertFalse(reader.bookmarks()[0].HasField("is_cut"))
        return [change.revision for change in reader.changes()], newest

    def test_it_begins_with_the_first_change_at_or_after_the_instant(self):
        for event in self.events[1:]:
            for later, first in ((-1, None), (0, event.revision), (1, None)):
                at = instant(event, later)
                expected = first or next(
                    (e.revision for e in self.events
                     if e.at.ToMicroseconds() >= at.ToMicroseconds()), None)
                revisions, newest = self.revisions_since(at)
                expected = expected or len(self.events) + 1
                with self.subTest(event=event.revision, later=later):
                    # Two events may have one instant; the first of them counts.
                    self.assertLessEqual(revisions[0], expected)
                    self.assertEqual(list(range(revisions[0], newest + 1)), revisions)

    def test_from_long_ago_it_begins_with_the_first_event(self):
        for seconds in (0, -62135596800):
            at = stubs.run_pb2.RunEvent().at
            at.seconds = seconds
            revisions, newest = self.revisions_since(at)
            self.assertEqual(list(range(1, newest + 1)), revisions)

    def test_in_the_future_it_begins_now(self):
        at = stubs.run_pb2.RunEvent().at
        at.FromDatetime(datetime.datetime.utcnow() + datetime.timedelta(days=1))
        revisions, newest = self.revisions_since(at)
        self.assertEqual([newest], revisions)

    def test_of_an_organization_without_events_it_begins_now(self):
        token = user_token(self.place.store, "fresh")
        client = Client(self.server.grpc, token)
        self.addCleanup(client.close)
        call = client.watch(since=instant(self.events[0]))
        self.addCleanup(call.cancel)
        reader = Reader(call).begun()
        self.assertEqual(0, reader.bookmarks()[0].revision)
        self.assertFalse(reader.bookmarks()[0].HasField("is_cut"))
        client.create("one")
        reader.wait_for_changes(1)

    def test_filters_hold(self):
        reader = self.begin(since=instant(self.events[0]), run_ids=["r3"]).begun()
        reader.wait_for_changes(2)
        self.assertEqual(["r3", "r3"], [change.run_id for change in reader.changes()])

    def test_it_goes_with_neither_a_cursor_nor_a_snapshot(self):
        cursor = self.begin().begun().cursor()
        for fields, message in (({"cursor": cursor}, "since and cursor exclude each other"),
                                ({"snapshot": True}, "since and snapshot exclude each other")):
            reader = self.begin(since=instant(self.events[0]), **fields)
            self.assertTrue(reader.ended.wait(DEADLINE_S))
            self.assertEqual(grpc.StatusCode.INVALID_ARGUMENT, reader.error.code())
            self.assertIn(message, reader.error.details())
            self.assertEqual("FIELD_INVALID", reason_of(reader.error))
        at = stubs.run_pb2.RunEvent().at
        at.seconds = 1 << 40
        reader = self.begin(since=at)
        self.assertTrue(reader.ended.wait(DEADLINE_S))
        self.assertIn("since must be a time of the years 1 to 9999", reader.error.details())

    def test_over_rest_a_browser_that_connects_again_goes_on(self):
        since = instant(self.events[2]).ToJsonString()
        watch = Watch(self, self.server.http_port, self.token, f"since={since}")
        first, second = watch.changes(2)
        self.assertEqual(first.change["revision"] + 1, second.change["revision"])
        again = Watch(self, self.server.http_port, self.token, f"since={since}",
                      last=first.event_id)
        self.assertEqual(second.change, again.changes(1)[0].change)


class Cut(unittest.TestCase):
    def test_what_is_not_kept_any_more_is_told(self):
        place = Place()
        self.addCleanup(place.remove)
        token = user_token(place.store)
        server = Serve(place.store)
        self.addCleanup(server.kill)
        client = Client(server.grpc, token)
        for number in range(20):
            client.create(f"r{number}")
        first = client.events("r0")[0]
        client.close()
        self.assertEqual(0, server.stop())
        server = Serve(place.store, "--feed-max-events", "5")  # trims when it starts, and then
        self.addCleanup(server.kill)
        client = Client(server.grpc, token)
        self.addCleanup(client.close)

        def cut():
            call = client.watch(since=first.at)
            reader = Reader(call).begun()
            call.cancel()
            return reader.bookmarks()[0] if reader.bookmarks()[0].is_cut.value else None
        wait_until(cut, "the floor")
        bookmark = cut()
        self.assertEqual(15, bookmark.revision)
        call = client.watch(since=first.at)
        self.addCleanup(call.cancel)
        reader = Reader(call).begun()
        reader.wait_for_changes(5)
        self.assertEqual(list(range(16, 21)), [change.revision for change in reader.changes()])
        client.create("later")
        reader.wait_for_changes(6)
        # What is kept whole is not said to be cut.
        call = client.watch(since=client.events("later")[0].at)
        self.addCleanup(call.cancel)
        self.assertFalse(Reader(call).begun().bookmarks()[0].HasField("is_cut"))


if __name__ == "__main__":
    unittest.main()
