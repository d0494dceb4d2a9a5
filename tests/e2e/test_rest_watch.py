"""WatchRuns over REST, in one process with the server and apart: events, lines, what resumes them,
what ends them, and who reads slowly or not at all."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import unittest

import pages
import rest
from gateways import Gateway
from harness import DEADLINE_S, ROOT, Place, Serve, create_token, runsctl, wait_until
from test_stream_proxies import BROWSER_S, TIMEOUT_S, haproxy, nginx

WATCH = "/v1/runs:watch"
RUN = {"workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
AT_ONCE_S = 2  # a second, and what a loaded machine takes
BOOKMARK_S = 5


class Message:
    """One object of a stream; its id and name as an event, if it was one."""

    def __init__(self, text, event_id=None, name=None):
        self.event_id = event_id
        self.name = name
        self.json = json.loads(text)
        self.data = self.json.get("data", {})
        self.error = self.json.get("error")
        self.cursor = self.data.get("cursor", "")

    @property
    def change(self):
        return self.data.get("change")

    @property
    def kind(self):
        return next((kind for kind in ("change", "snapshotRun", "snapshotEnd", "bookmark")
                     if kind in self.data), None)


class Watch:
    """A watch that is read as it comes."""

    def __init__(self, test, port, token, query="", body=None, events=True, last=None,
                 headers=None, receive_bytes=None):
        self.events = events
        self.heartbeats = 0
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        test.addCleanup(self.connection.close)
        if receive_bytes:
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            one.settimeout(DEADLINE_S)
            one.connect(("127.0.0.1", port))
            self.connection.sock = one
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if events:
            headers["Accept"] = "text/event-stream"
        if last is not None:
            headers["Last-Event-ID"] = last
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request("GET" if body is None else "POST",
                                WATCH + (f"?{query}" if query else ""),
                                None if body is None else json.dumps(body), headers)
        # The socket stays with the connection: the reply may say that it closes it.
        self.socket = self.connection.sock
        self.reply = self.connection.getresponse()
        self.status = self.reply.status

    def refusal(self):
        return json.loads(self.reply.read())

    def _event(self):
        """One event's fields; None at the end."""
        fields = {}
        while True:
            line = self.reply.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if line == "" and "data" in fields:
                return Message(fields["data"], fields.get("id"), fields.get("event"))
            if line == "":
                fields = {}
            elif line.startswith(":"):
                self.heartbeats += 1
            else:
                key, _, value = line.partition(": ")
                fields[key] = value

    def next(self):
        """The next message; None at the end."""
        if self.events:
            return self._event()
        while True:
            line = self.reply.readline()
            if not line:
                return None
            if line == b"\n":
                self.heartbeats += 1
            else:
                return Message(line)

    def until(self, wanted):
        """The messages up to the first that is wanted."""
        got = []
        while True:
            message = self.next()
            if message is None:
                raise AssertionError(f"the stream ended after {[m.json for m in got]}")
            got.append(message)
            if wanted(message):
                return got

    def changes(self, count):
        """The next changes, so many, without the bookmarks between them."""
        got = []
        while len(got) < count:
            got += [m for m in self.until(lambda m: m.change) if m.change]
        return got

    def rest(self):
        got = []
        while (message := self.next()) is not None:
            got.append(message)
        return got


class Case(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="watcher")

    def serve(self, *options):
        server = Serve(self.place.store, *options)
        self.addCleanup(lambda: server.popen.poll() is None and server.kill())
        return server

    def both(self, *options, gateway_options=()):
        """The port of `runsctl serve`, and that of runs-gateway before the same server."""
        self.server = self.serve(*options)
        self.gateway = Gateway(self.server.grpc, *gateway_options)
        self.addCleanup(lambda: self.gateway.popen.poll() is None and self.gateway.kill())
        return {"in one process": self.server.http_port, "apart": self.gateway.port}

    def create(self, port):
        return self.create_of(port, RUN)

    def create_of(self, port, body):
        reply = rest.request(port, "POST", "/v1/runs", self.token, body)
        self.assertEqual(200, reply.status, reply.body)
        return reply.json()["data"]["id"]

    def cancel(self, port, run_id):
        reply = rest.request(port, "POST", f"/v1/runs/{run_id}/cancel", self.token)
        self.assertEqual(200, reply.status, reply.body)


class Messages(Case):
    def test_changes_and_bookmarks_have_an_id_and_nothing_else_has(self):
        for name, port in self.both().items():
            for events in (True, False):
                with self.subTest(name, events=events):
                    run = self.create(port)
                    watch = Watch(self, port, self.token, "snapshot=true", events=events)
                    self.assertEqual(200, watch.status)
                    began = watch.until(lambda m: m.kind == "bookmark")
                    self.assertEqual(["snapshotEnd", "bookmark"], [m.kind for m in began[-2:]])
                    self.assertIn(run, [m.data["snapshotRun"]["run"]["id"] for m in began[:-2]])
                    self.cancel(port, run)
                    change, = watch.changes(1)
                    self.assertEqual((run, 2, "running", "cancelled", "watcher"), tuple(
                        change.change[key] for key in ("runId", "sequence", "fromStatus",
                                                       "toStatus", "actor")))
                    for message in (*began, change):
                        has_cursor = message.kind in ("change", "bookmark")
                        self.assertEqual(has_cursor, message.cursor != "", message.json)
                        if events:
                            self.assertEqual(message.cursor or None, message.event_id)
                            self.assertIsNone(message.name)

    def test_it_goes_on_behind_every_cursor(self):
        for name, port in self.both().items():
            watch = Watch(self, port, self.token)
            first = watch.until(lambda m: m.kind == "bookmark")[0]
            for _ in range(3):
                self.cancel(port, self.create(port))
            seen = watch.changes(6)
            revisions = [m.change["revision"] for m in seen]
            self.assertEqual(list(range(revisions[0], revisions[0] + 6)), revisions)
            for at, message in enumerate((first, *seen[:-1])):
                rest_of_it = [m.json["data"]["change"] for m in seen[at:]]
                for how, again in {
                        "header": {"last": message.cursor},
                        "header and URL": {"last": message.cursor,
                                           "query": f"cursor={first.cursor}"},
                        "header, and a snapshot in the URL": {"last": message.cursor,
                                                              "query": "snapshot=true"},
                        "URL": {"query": f"cursor={message.cursor}"},
                        "body": {"body": {"cursor": message.cursor}},
                        "lines": {"last": message.cursor, "events": False}}.items():
                    with self.subTest(name, at=at, how=how):
                        resumed = Watch(self, port, self.token, **again)
                        self.assertEqual(200, resumed.status)
                        self.assertEqual(rest_of_it, [m.change for m in
                                                      resumed.changes(len(rest_of_it))])
                        resumed.connection.close()

    def test_filters_stand_in_the_url_or_in_a_body(self):
        for name, port in self.both().items():
            with self.subTest(name):
                runs = [self.create(port) for _ in range(3)]
                ids = [runs[1]] + [f"run-of-{name.replace(' ', '-')}-{i}" for i in range(999)]
                watches = [
                    Watch(self, port, self.token, body={"runIds": ids}),
                    Watch(self, port, self.token, body={"runIds": ids}, events=False),
                    Watch(self, port, self.token, f"runIds={runs[0]}&runIds={runs[1]}"
                                                  "&status=cancelled&includeRun=true"),
                ]
                for watch in watches:
                    self.assertEqual(200, watch.status)
                for run in reversed(runs):
                    self.cancel(port, run)
                self.assertEqual([runs[1]], [m.change["runId"] for m in watches[0].changes(1)])
                self.assertEqual([runs[1]], [m.change["runId"] for m in watches[1].changes(1)])
                got = watches[2].changes(2)
                self.assertEqual([runs[1], runs[0]], [m.change["runId"] for m in got])
                self.assertEqual(["cancelled"] * 2, [m.data["run"]["status"] for m in got])
                self.assertEqual({"chainId"} & set(got[0].data["run"]), set())
                many = Watch(self, port, self.token, body={"runIds": [*ids, "one-more"]})
                self.assertEqual((400, "FIELD_INVALID"), (
                    many.status, many.refusal()["error"]["reason"]))
                # libmicrohttpd refuses such a URL by itself, and may end the connection before all
                # of it was sent.
                query = "&".join(f"runIds={run}" for run in ids)
                head = (f"GET {WATCH}?{query} HTTP/1.1\r\nHost: h\r\n"
                        f"Authorization: Bearer {self.token}\r\n\r\n")
                url = rest.raw(port, head.encode())
                self.assertIn(url and url.status, (None, 414))

    def test_the_path_is_no_run(self):
        for name, port in self.both().items():
            with self.subTest(name):
                watch = Watch(self, port, self.token, events=False)
                self.assertEqual((200, "application/x-ndjson"), (
                    watch.status, watch.reply.getheader("Content-Type")))
                for path, status, reason in (
                        ("/v1/runs/runs:watch", 400, "FIELD_INVALID"),
                        ("/v1/runs/a:watch", 400, "FIELD_INVALID"),
                        ("/v1/runs%3Awatch", 404, "ROUTE_NOT_FOUND"),
                        ("/v1/runs:watching", 404, "ROUTE_NOT_FOUND"),
                        ("/v1/runs:watch/", 404, "ROUTE_NOT_FOUND")):
                    reply = rest.request(port, "GET", path, self.token)
                    self.assertEqual((status, reason), (reply.status, reply.error["reason"]), path)
                refused = rest.request(port, "DELETE", WATCH, self.token)
                self.assertEqual((405, "GET, POST"), (refused.status,
                                                      refused.error["metadata"]["allow"]))
                self.assertEqual(400, rest.request(port, "POST", "/v1/runs", self.token,
                                                   {**RUN, "id": "runs:watch"}).status)
                # Lists and creations go on beside it.
                self.assertEqual(200, rest.request(port, "GET", "/v1/runs", self.token).status)

    def test_a_list_says_from_where_to_watch(self):
        for name, port in self.both().items():
            with self.subTest(name):
                self.create(port)
                listed = rest.request(port, "GET", "/v1/runs?watchCursor=true", self.token)
                run = self.create(port)
                watch = Watch(self, port, self.token, last=listed.json()["data"]["watchCursor"])
                self.assertEqual(run, watch.changes(1)[0].change["runId"])
                # Who does not ask has an ETag that does not change with every event.
                plain = rest.request(port, "GET", "/v1/runs?status=failure", self.token)
                self.create(port)
                again = rest.request(port, "GET", "/v1/runs?status=failure", self.token,
                                     headers={"If-None-Match": plain.headers["ETag"]})
                self.assertEqual(304, again.status)

    def test_all_of_many_get_all_of_it_each_once(self):
        count, changes = 60, 40
        for name, port in self.both().items():
            with self.subTest(name):
                watches = [Watch(self, port, self.token, events=i % 2 == 0) for i in range(count)]
                for i in range(changes // 2):
                    self.cancel(port, self.create(port))
                revisions = None
                for watch in watches:
                    got = [m.change["revision"] for m in watch.changes(changes)]
                    revisions = revisions or got
                    self.assertEqual(revisions, got)
                    self.assertEqual(list(range(got[0], got[0] + changes)), got)
                ids = {watch.reply.getheader("X-Request-Id") for watch in watches}
                self.assertEqual(count, len(ids))
                for watch in watches:
                    watch.connection.close()


class Ends(Case):
    def test_a_refusal_keeps_its_status(self):
        reader = create_token(self.place.store, scopes="runs.cancel")
        other = create_token(self.place.store, org="other", name="other")
        ports = self.both()
        port = ports["in one process"]
        foreign = Watch(self, port, other).until(lambda m: m.cursor)[-1].cursor
        for name, port in ports.items():
            for status, reason, token, more in (
                    (401, "TOKEN_MISSING", None, {}),
                    (401, "TOKEN_INVALID", "x" * 43, {}),
                    (403, "SCOPE_MISSING", reader, {}),
                    (400, "FIELD_INVALID", self.token, {"last": foreign}),
                    (400, "FIELD_INVALID", self.token, {"last": foreign[:-2] + "AA"}),
                    (400, "FIELD_INVALID", self.token, {"query": "cursor=x"}),
                    (400, "FIELD_INVALID", self.token, {"query": f"cursor={foreign}&snapshot=true"}),
                    (400, "QUERY_INVALID", self.token, {"query": "status=done"}),
                    (400, "FIELD_INVALID", self.token, {"query": "holder=%01"})):
                for events in (True, False):
                    with self.subTest(name, reason=reason, more=more, events=events):
                        watch = Watch(self, port, token, events=events, **more)
                        refusal = watch.refusal()
                        self.assertEqual((status, status, reason), (
                            watch.status, refusal["code"], refusal["error"]["reason"]), refusal)

    def test_a_cursor_of_another_history_is_410(self):
        server = self.serve()
        self.create(server.http_port)
        server.stop()
        copy = self.place.path / "copy"
        copy.mkdir()
        for file in self.place.path.glob("runs.db*"):
            shutil.copy(file, copy)
        server = self.serve()
        watch = Watch(self, server.http_port, self.token)
        self.create(server.http_port)
        cursor = watch.changes(1)[0].cursor
        watch.connection.close()
        server.stop()
        for file in self.place.path.glob("runs.db*"):
            file.unlink()
        for file in copy.iterdir():
            shutil.move(file, self.place.path)
        checked = runsctl("check", "--store", self.place.store, "--accept")
        self.assertEqual(0, checked.returncode, checked.stdout + checked.stderr)
        ports = self.both()
        reflecting = Gateway(self.server.grpc, "--reflect")
        self.addCleanup(reflecting.kill)
        ports["by reflection"] = reflecting.port
        for name, port in ports.items():
            for how in ({"last": cursor}, {"query": f"cursor={cursor}"}, {"body": {"cursor": cursor}},
                        {"last": cursor, "query": "snapshot=true"}):
                for events in (True, False):
                    with self.subTest(name, how=how, events=events):
                        watch = Watch(self, port, self.token, events=events, **how)
                        refusal = watch.refusal()
                        self.assertEqual((410, "OUT_OF_RANGE", "CURSOR_EXPIRED"), (
                            watch.status, refusal["error"]["status"], refusal["error"]["reason"]))
                        self.assertIn("snapshot", refusal["message"])

    def test_who_falls_behind_what_is_kept_is_told_so_at_the_end(self):
        large = {**RUN, "propValues": {"text": "x" * 200_000}}
        watches = [(name, events, port, Watch(self, port, self.token, "includeRun=true",
                                              events=events, receive_bytes=4096))
                   for name, port in self.both("--feed-max-events", "10").items()
                   for events in (True, False)]
        began = [watch.until(lambda m: m.cursor)[-1].cursor for *_, watch in watches][0]
        for _ in range(80):  # more than the sockets take
            self.create_of(self.server.http_port, large)

        def is_trimmed():
            probe = Watch(self, self.server.http_port, self.token, last=began)
            probe.connection.close()
            probe.socket.close()
            return probe.status == 410
        wait_until(is_trimmed, "the floor to rise")
        for name, events, port, watch in watches:
            with self.subTest(name, events=events):
                got = watch.rest()
                end = got[-1]
                self.assertEqual((410, "OUT_OF_RANGE", "CURSOR_EXPIRED"), (
                    end.json["code"], end.error["status"], end.error["reason"]))
                self.assertEqual((None, "stream-error" if events else None),
                                 (end.event_id, end.name))
                revisions = [m.change["revision"] for m in got if m.change]
                self.assertEqual(list(range(revisions[0], revisions[-1] + 1)), revisions)
                last = [m.cursor for m in got if m.cursor][-1]
                self.assertEqual(410, Watch(self, port, self.token, last=last).status)
                again = Watch(self, port, self.token, "snapshot=true", events=events)
                again.until(lambda m: m.kind == "snapshotEnd")
                again.connection.close()

    def test_a_revoked_token_ends_its_watches_within_a_second(self):
        ports = self.both()
        for name, port in ports.items():
            for events in (True, False):
                with self.subTest(name, events=events):
                    label = f"{name}-{events}".replace(" ", "-")
                    secret = create_token(self.place.store, name=label)
                    watch = Watch(self, port, secret, events=events)
                    other = Watch(self, port, self.token, events=events)
                    last = watch.until(lambda m: m.cursor)[-1].cursor
                    done = runsctl("tokens", "revoke", label, "--org", "acme", "--store",
                                   self.place.store)
                    revoked = time.monotonic()
                    self.assertEqual(0, done.returncode, done.stderr)
                    end = watch.rest()[-1]
                    self.assertLess(time.monotonic() - revoked, AT_ONCE_S)
                    self.assertEqual((401, "UNAUTHENTICATED"), (end.json["code"],
                                                                end.error["status"]))
                    self.assertIsNone(end.event_id)
                    self.assertEqual("stream-error" if events else None, end.name)
                    # For an EventSource, which connects again, that is final.
                    self.assertEqual(401, Watch(self, port, secret, last=last).status)
                    run = self.create(port)
                    self.assertEqual(run, other.changes(1)[0].change["runId"])
                    other.connection.close()

    def test_a_stop_says_so_and_a_restart_goes_on(self):
        ports = self.both()
        watches = {name: Watch(self, port, self.token) for name, port in ports.items()}
        last = {name: watch.until(lambda m: m.cursor)[-1].cursor
                for name, watch in watches.items()}
        self.assertEqual(0, self.server.stop())
        for name, watch in watches.items():
            with self.subTest(name):
                end = watch.rest()[-1]
                self.assertEqual("stream-error", end.name)
                self.assertEqual("UNAVAILABLE", end.error["status"])
                self.assertIsNone(end.event_id)
        server = self.serve()
        run = self.create(server.http_port)
        for name in watches:
            again = Watch(self, server.http_port, self.token, last=last[name])
            self.assertEqual(run, again.changes(1)[0].change["runId"])

    def test_there_is_a_limit_of_its_own(self):
        port = self.serve("--max-watches", "3", "--max-watches-per-token", "2").http_port
        other = create_token(self.place.store, name="other")
        mine = [Watch(self, port, self.token) for _ in range(2)]
        refused = Watch(self, port, self.token)
        self.assertEqual((429, "QUEUE_FULL"), (refused.status,
                                               refused.refusal()["error"]["reason"]))
        self.assertIsNotNone(refused.reply.getheader("Retry-After"))
        theirs = Watch(self, port, other)
        self.assertEqual(200, theirs.status)
        self.assertEqual(429, Watch(self, port, other).status)
        # Nothing else is refused, and one that ends makes room.
        self.create(port)
        mine[0].connection.close()
        mine[0].socket.close()

        def has_room():
            watch = Watch(self, port, self.token)
            return watch.status == 200
        wait_until(has_room, "room for another watch")


class Readers(Case):
    def test_heartbeats_come_beside_bookmarks(self):
        for name, port in self.both("--stream-heartbeat-ms", "300", gateway_options=(
                "--stream-heartbeat-ms", "300")).items():
            with self.subTest(name):
                # One that matches nothing, too.
                watch = Watch(self, port, self.token, "holder=nobody")
                began = time.monotonic()
                bookmarks = []
                while len(bookmarks) < 2:
                    bookmarks += watch.until(lambda m: m.kind == "bookmark")
                self.assertLess(time.monotonic() - began, 2 * BOOKMARK_S + AT_ONCE_S)
                self.assertGreater(watch.heartbeats, 3)
                self.assertEqual([b.cursor for b in bookmarks],
                                 [b.event_id for b in bookmarks])

    def test_a_client_that_is_gone_ends_its_watch(self):
        for name, port in self.both("--stream-heartbeat-ms", "300", gateway_options=(
                "--stream-heartbeat-ms", "300")).items():
            with self.subTest(name):
                watch = Watch(self, port, self.token, headers={"X-Request-Id": f"gone-{port}"})
                watch.until(lambda m: m.cursor)
                watch.reply.close()
                watch.connection.close()
                watch.socket.close()
                self.server.wait_for_log(
                    lambda line: line.get("requestId") == f"gone-{port}" and
                    line.get("method", "").endswith("WatchRuns") and
                    line.get("code") == "CANCELLED", "the end of the watch")

    def test_a_client_that_ends_its_direction_goes_on_reading(self):
        for name, port in self.both("--stream-heartbeat-ms", "300", gateway_options=(
                "--stream-heartbeat-ms", "300")).items():
            with self.subTest(name):
                watch = Watch(self, port, self.token)
                watch.until(lambda m: m.cursor)
                watch.socket.shutdown(socket.SHUT_WR)
                for _ in range(3):
                    time.sleep(0.5)  # heartbeats, which find somebody
                    run = self.create(port)
                    self.assertEqual(run, watch.changes(1)[0].change["runId"])

    def test_who_does_not_read_costs_no_memory_and_misses_nothing(self):
        large = {**RUN, "propValues": {"text": "x" * 50_000}}
        count = 300
        for name, port in self.both().items():
            with self.subTest(name):
                slow = [Watch(self, port, self.token, "includeRun=true", events=i == 0,
                              receive_bytes=4096) for i in range(4)]
                quick = Watch(self, port, self.token)
                before = self.resident(self.server), self.resident(self.gateway)
                created = []
                for _ in range(count):
                    created.append(self.create_of(port, large))
                self.assertEqual(created, [m.change["runId"] for m in quick.changes(count)])
                # 60 MB were not taken; the store's own pages, and what is under way, are there.
                for was, process in zip(before, (self.server, self.gateway)):
                    self.assertLess(self.resident(process) - was, 48 << 20)
                for watch in slow:
                    got = watch.changes(count)
                    self.assertEqual(created, [m.change["runId"] for m in got])
                    self.assertEqual(created, [m.data["run"]["id"] for m in got])
                    watch.connection.close()

    @staticmethod
    def resident(process):
        with open(f"/proc/{process.popen.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) << 10


class Cancels(Case):
    """A cancel that waits until its executor says that the work has stopped."""

    def cancel_and_wait(self, port, run, wait, headers=None):
        began = time.monotonic()
        reply = rest.request(port, "POST", f"/v1/runs/{run}/cancel", self.token, {"wait": wait},
                             headers)
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual("cancelled", reply.json()["data"]["status"])
        return reply.json()["data"].get("stoppedAt"), time.monotonic() - began

    def test_the_gateways_own_time_out_does_not_cut_the_wait(self):
        short = ("--upstream-timeout-ms", "1000")
        for name, port in self.both(*short, gateway_options=short).items():
            with self.subTest(name):
                stopped_at, took = self.cancel_and_wait(port, self.create(port), "3s")
                self.assertIsNone(stopped_at)
                self.assertGreaterEqual(took, 2.9)
                # What the client says counts: the reply comes within it.
                stopped_at, took = self.cancel_and_wait(port, self.create(port), "300s",
                                                        {"X-Request-Timeout": "2"})
                self.assertIsNone(stopped_at)
                self.assertLess(took, 2)
                _, took = self.cancel_and_wait(port, self.create(port), "0s")
                self.assertLess(took, 1)

    def test_it_answers_when_the_work_has_stopped_and_takes_no_place_from_others(self):
        count = 160  # more than calls may be with the upstream at once
        for name, port in self.both().items():
            with self.subTest(name):
                runs = [self.create(port) for _ in range(count)]
                replies = []
                threads = [threading.Thread(target=lambda run=run: replies.append(
                    self.cancel_and_wait(port, run, "60s"))) for run in runs]
                for thread in threads:
                    thread.start()
                wait_until(lambda: all(
                    rest.request(port, "GET", f"/v1/runs/{run}", self.token).json()["data"][
                        "status"] == "cancelled" for run in runs), "the cancels")
                began = time.monotonic()
                other = self.create(port)
                self.cancel(port, other)
                self.assertLess(time.monotonic() - began, AT_ONCE_S)
                self.assertEqual([], replies)
                for run in runs:
                    self.assertEqual(200, rest.request(
                        port, "POST", f"/v1/runs/{run}/acknowledge-cancel", self.token, {}).status)
                for thread in threads:
                    thread.join(DEADLINE_S)
                self.assertEqual(count, len(replies))
                for stopped_at, took in replies:
                    self.assertIsNotNone(stopped_at)
                    self.assertLess(took, 60)


class Page(Case):
    """The programs of docs/CLIENTS.md."""

    def test_they_read_what_happens_and_go_on_after_a_restart(self):
        blocks = pages.blocks(pages.section(ROOT / "docs" / "CLIENTS.md",
                                            "## Watching over REST"))
        commands = [text for language, text, _ in blocks if language == "sh"]
        self.assertEqual(2, len(commands))
        for _, text, file in blocks:
            if file:
                (self.place.path / file).write_text(text, encoding="utf-8")
        with socket.socket() as one:  # the same after the restart
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        server = Serve(self.place.store, http=f"127.0.0.1:{port}")
        env = {**os.environ, "RUNSD_URL": server.http, "RUNSD_TOKEN": self.token}
        seen = []
        for command in commands:
            process = subprocess.Popen(["bash", "-euc", f"exec {command}"], env=env,
                                       cwd=self.place.path, stdout=subprocess.PIPE, text=True)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            lines = []
            threading.Thread(target=self.collect, args=(process.stdout, lines),
                             daemon=True).start()
            seen.append(lines)
        wait_until(lambda: all(any("bookmark" in line for line in lines) for lines in seen),
                   "the bookmarks")
        run = self.create(port)
        self.cancel(port, run)
        wait_until(lambda: all(any(run in line and '"cancelled"' in line for line in lines)
                               for lines in seen), "the cancel")
        self.assertEqual(0, server.stop())
        server = Serve(self.place.store, http=f"127.0.0.1:{port}")
        self.addCleanup(lambda: server.popen.poll() is None and server.kill())
        runs = [self.create(port) for _ in range(3)]
        wait_until(lambda: all(any(one in line for line in seen[1]) for one in runs),
                   "what came after the restart")
        changes = [json.loads(line)["change"]["revision"] for line in seen[1] if "change" in line]
        self.assertEqual(list(range(changes[0], changes[0] + len(changes))), changes)

    @staticmethod
    def collect(file, lines):
        for line in file:
            lines.append(line)


class Behind(Case):
    """Behind proxies whose time-outs are shorter than any silence, and in a browser."""

    def test_a_watch_outlives_the_proxies(self):
        port = self.serve("--stream-heartbeat-ms", "500").http_port
        for name, proxy in {"nginx": nginx, "HAProxy": haproxy}.items():
            with self.subTest(name):
                behind = proxy(self, self.place.path, port).port
                watch = Watch(self, behind, self.token, "status=failure")
                self.assertEqual(200, watch.status)
                end = time.monotonic() + 2 * TIMEOUT_S + 1
                seen = []
                while time.monotonic() < end:
                    seen += watch.until(lambda m: m.kind == "bookmark")
                # What is committed is there at once: nothing on the way holds it back.
                watch = Watch(self, behind, self.token)
                watch.until(lambda m: m.kind == "bookmark")
                run = self.create(behind)
                committed = time.monotonic()
                self.assertEqual(run, watch.changes(1)[0].change["runId"])
                self.assertLess(time.monotonic() - committed, AT_ONCE_S)

    def test_a_browser_reads_on_until_it_may_not(self):
        modules = os.environ.get("NODE_MODULES")
        if not modules:
            raise RuntimeError("NODE_MODULES is not set: run script/test")
        name = "of-a-browser"
        secret = create_token(self.place.store, name=name)
        server = self.serve()
        # An EventSource cannot send Authorization: here a proxy adds it, as of a session.
        proxy = nginx(self, self.place.path, server.http_port,
                      f'proxy_set_header Authorization "Bearer {secret}";')
        url = f"http://127.0.0.1:{proxy.port}"
        until = {"what": "closed", "count": 1}
        wanted = {"page": f"{url}/healthz", "streams": [
            {"url": f"{url}{WATCH}?snapshot=true", "until": until},
            {"url": f"{url}{WATCH}", "token": secret, "until": until},
        ]}
        browser = subprocess.Popen(["node", str(ROOT / "tests" / "web" / "events.mjs")],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(browser.kill)
        told = {}
        reading = threading.Thread(target=lambda: told.update(zip(
            ("out", "error"), browser.communicate(json.dumps(wanted), BROWSER_S))))
        reading.start()

        def ended():
            return server.text().count("/runs.v1.RunsService/WatchRuns")
        # Connections break until each of the two was broken twice; a refused one is asked again.
        end = time.monotonic() + DEADLINE_S
        while ended() < 4 and time.monotonic() < end:
            for _ in range(10):
                self.create(server.http_port)
                time.sleep(0.2)
            proxy = proxy.restarted(self)
        self.assertGreaterEqual(ended(), 4)
        done = runsctl("tokens", "revoke", name, "--org", "acme", "--store", self.place.store)
        self.assertEqual(0, done.returncode, done.stderr)
        reading.join()
        self.assertEqual(0, browser.returncode, told.get("error"))
        for seen in json.loads(told["out"]):
            whats = [one["what"] for one in seen]
            self.assertEqual("closed", whats[-1])
            self.assertGreaterEqual(whats.count("open"), 2)
            revisions = [data["change"]["revision"] for one in seen if one["what"] == "message"
                         for data in [json.loads(one["data"])["data"]] if "change" in data]
            self.assertGreater(len(revisions), 10)
            self.assertEqual(list(range(revisions[0], revisions[0] + len(revisions))), revisions)
            # The snapshot comes once, though the browser asks for it with each URL.
            self.assertLessEqual(sum("snapshotEnd" in (one.get("data") or "") for one in seen), 1)


if __name__ == "__main__":
    unittest.main()
