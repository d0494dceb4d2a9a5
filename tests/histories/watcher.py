"""A process of watchers: each follows the feed, ends its streams at random and resumes them.

usage: watcher.py SETTINGS; a JSON object with
  stubs, target, token, seed   as client.py has them; http: the REST address, HOST:PORT
  cursor                       where each begins; keeps: whether cursors may expire
  watchers                     a list of {"name", "form", "filters"}; form is grpc, sse, ndjson or
                               table; filters are fields of WatchRunsRequest by their JSON names
  silence_s                    for how long a stream may say nothing
  path                         where the results go: a line of JSON for each watcher
The revision at which everybody is to end comes as a line on standard input.

A watcher that sees something wrong says so in its result: a revision that does not grow, a bookmark
that is behind, or was ahead of, a change, an unexpected end, a silence.
"""

import http.client
import json
import random
import sys
import threading
import time
import zlib

import grpc

from client import CHANNEL, KINDS, WORDS, Stubs, micros, micros_of_text

# After these a stream is opened again. Everything else is a violation.
RETRIED = ("UNAVAILABLE", "INTERNAL", "UNKNOWN", "CANCELLED", "DEADLINE_EXCEEDED",
           "RESOURCE_EXHAUSTED")


def change_of(event):
    """All of a RunEvent, as a tuple."""
    return (event.revision, event.run_id, event.sequence, KINDS[event.kind],
            WORDS[event.from_status], WORDS[event.to_status], event.attempt, event.holder,
            event.actor, event.reason, micros(event.at))


def change_of_json(event):
    return (event["revision"], event["runId"], event["sequence"], event["kind"],
            event.get("fromStatus") or "", event["toStatus"], event["attempt"], event["holder"],
            event["actor"], event["reason"], micros_of_text(event["at"]))


def chained(digest, change):
    """The digest of a list of changes with one more."""
    return zlib.crc32(repr(change).encode(), digest)


class Watcher(threading.Thread):
    """What all forms of watchers share. A form says how a stream is opened and read."""

    def __init__(self, settings, process, spec):
        super().__init__(name=spec["name"])
        self.settings = settings
        self.process = process
        self.filters = spec["filters"]
        self.silence_s = settings["silence_s"]
        self.random = random.Random(f"{settings['seed']} {spec['name']}")
        self.cursor = settings["cursor"]
        self.position = 0  # everything up to this revision was seen, or was not asked for
        self.spans = [[0, 0]]  # the spans of revisions, from behind to, that were followed
        self.revisions = []
        self.digest = 0
        self.streams = self.bookmarks = 0
        self.left = 0  # messages until this stream is ended
        self.violation = None
        self.heard_at = time.monotonic()

    def end(self):
        """The revision at which to end; None: not known yet."""
        return self.process.end

    def is_done(self):
        return self.violation is not None or self.end() is not None and self.position >= self.end()

    def change(self, change, cursor):
        revision = change[0]
        if self.cursor == "":
            self.violate(f"revision {revision} came before a bookmark said where the watch begins")
        if revision <= self.position:
            self.violate(f"revision {revision} came after everything up to {self.position}")
        if not self.filters and revision != self.position + 1 and self.position:
            self.violate(f"revision {revision} came after {self.position}")
        if not cursor:
            self.violate(f"revision {revision} has no cursor")
        self.revisions.append(revision)
        self.digest = chained(self.digest, change)
        self.seen(revision, cursor)

    def bookmark(self, revision, newest, cursor):
        self.begun(revision)
        if revision < self.position or newest < revision or not cursor:
            self.violate(f"a bookmark at {revision} of {newest} came at {self.position}")
        if not self.filters and revision > self.position and self.revisions:
            self.violate(f"a bookmark at {revision} overtook what follows {self.position}")
        self.bookmarks += 1
        self.seen(revision, cursor)

    def seen(self, revision, cursor):
        self.position = self.spans[-1][1] = max(self.position, revision)
        self.cursor = cursor
        self.heard_at = time.monotonic()
        self.left -= 1

    def expired(self):
        """What comes next is not kept any more: the watch begins again, at what is newest then."""
        if not self.settings["keeps"]:
            self.violate(f"the cursor behind {self.position} has expired")
        self.cursor, self.position = "", 0
        self.spans.append([0, 0])

    def begun(self, revision):
        """The first bookmark of a watch that began without a cursor."""
        if self.cursor == "":
            self.position, self.spans[-1][0] = revision, revision

    def violate(self, text):
        self.violation = self.violation or text

    def run(self):
        try:
            while not self.is_done():
                self.streams += 1
                # Some streams end after a message or two, some live long.
                self.left = int(self.random.expovariate(1 / self.random.choice([2, 50, 1000]))) + 1
                if self.settings["keeps"] and self.random.random() < 0.1:
                    time.sleep(self.random.uniform(0, 3))  # falls behind what is kept
                self.heard_at = max(self.heard_at, self.process.served_at)
                self.follow()
                if time.monotonic() > self.heard_at + self.silence_s:
                    self.violate(f"nothing came for {self.silence_s} s")
        except Exception as error:  # pylint: disable=broad-except
            self.violate(f"{type(error).__name__}: {error}")

    def is_enough(self):
        return self.left <= 0 or self.is_done()

    def result(self):
        return {"name": self.name, "revisions": self.revisions, "digest": self.digest,
                "spans": self.spans, "streams": self.streams, "bookmarks": self.bookmarks,
                "violation": self.violation, "table": getattr(self, "table", None)}


class GrpcWatcher(Watcher):
    """Follows the feed over gRPC; in a channel of its own."""

    def start_over(self):
        """Whether the next stream begins with a snapshot instead of the cursor."""
        return False

    def request(self):
        pb = self.process.stubs.feed.WatchRunsRequest(
            status=[WORDS.index(word) for word in self.filters.get("status", ())],
            workflow_id=self.filters.get("workflowId", ""),
            run_ids=self.filters.get("runIds", ()), holder=self.filters.get("holder", ""),
            include_run=self.random.random() < 0.1)
        if self.start_over():
            pb.snapshot = True
        else:
            pb.cursor = self.cursor
        return pb

    def follow(self):
        with grpc.insecure_channel(self.settings["target"], CHANNEL) as channel:
            service = self.process.stubs.grpc.RunsServiceStub(channel)
            request = self.request()
            call = service.WatchRuns(request, metadata=self.process.metadata, timeout=self.silence_s * 2)
            try:
                for message in call:
                    self.take(message, request)
                    if self.is_enough():
                        call.cancel()
                        return
                self.violate("a stream ended with OK")
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                    self.expired()
                elif error.code().name not in RETRIED:
                    self.violate(f"{error.code().name}: {error.details()}")
                time.sleep(self.random.uniform(0, 0.1))

    def take(self, message, request):
        item = message.WhichOneof("item")
        if item == "change":
            if request.include_run and message.run.id != message.change.run_id:
                self.violate(f"the run {message.run.id} came with {message.change.run_id}")
            self.change(change_of(message.change), message.cursor)
        elif item == "bookmark":
            self.bookmark(message.bookmark.revision, message.bookmark.newest_revision,
                          message.cursor)
        else:
            if message.cursor:
                self.violate(f"{item} has a cursor")
            self.snapshot(message, item, request)

    def snapshot(self, message, item, request):
        self.violate(f"{item} was not asked for")


class TableWatcher(GrpcWatcher):
    """Keeps a table of the live runs by snapshots and changes, as a cache does: at the end it must
    be what the store says."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.table = {}  # id -> [status, sequence]
        self.filling = None

    def start_over(self):
        return self.streams == 1 or not self.cursor or self.random.random() < 0.2

    def follow(self):
        self.filling = None
        super().follow()

    def snapshot(self, message, item, request):
        if not request.snapshot:
            super().snapshot(message, item, request)
        if self.filling is None:
            self.filling = {}
        if item == "snapshot_end":
            self.table, self.filling = self.filling, None
            self.position = 0  # the bookmark that follows says from when the snapshot is
            return
        run, sequence = message.snapshot_run.run, message.snapshot_run.sequence
        if run.id in self.filling:
            self.violate(f"the snapshot has {run.id} twice")
        self.filling[run.id] = [WORDS[run.status], sequence]

    def bookmark(self, revision, newest, cursor):
        self.bookmarks += 1
        self.seen(revision, cursor)

    def change(self, change, cursor):
        revision, run, sequence, _, _, status = change[:6]
        if self.filling is not None:
            self.violate("a change came within the snapshot")
        if self.position and revision != self.position + 1:
            self.violate(f"revision {revision} came after {self.position}")
        known = self.table.get(run)
        if known is None or sequence > known[1]:
            if known is not None and sequence != known[1] + 1:
                self.violate(f"sequence {sequence} of {run} came after {known[1]}")
            self.table[run] = [status, sequence]
            if status not in ("running", "waiting"):
                del self.table[run]
        self.seen(revision, cursor)


class RestWatcher(Watcher):
    """Follows the feed over REST: one object after the other."""

    accept = "application/x-ndjson"

    def headers(self):
        return {"Authorization": f"Bearer {self.settings['token']}", "Accept": self.accept,
                "Content-Type": "application/json"}

    def body(self):
        return {**self.filters, "cursor": self.cursor}

    def follow(self):
        connection = http.client.HTTPConnection(self.settings["http"], timeout=self.silence_s)
        try:
            connection.request("POST", "/v1/runs:watch", json.dumps(self.body()), self.headers())
            reply = connection.getresponse()
            if reply.status != 200:
                text = reply.read(500)
                if reply.status == 410:
                    self.expired()
                elif reply.status not in (429, 503):
                    self.violate(f"HTTP {reply.status}: {text}")
                time.sleep(self.random.uniform(0, 0.1))
                return
            self.read(reply)
        except TimeoutError:
            self.violate(f"no byte came for {self.silence_s} s")
        except (OSError, http.client.HTTPException):
            time.sleep(self.random.uniform(0, 0.1))
        finally:
            connection.close()

    def read(self, reply):
        while not self.is_enough():
            line = reply.readline()
            if not line:
                return
            # The last line of a connection that was cut is none.
            if line.endswith(b"\n") and line.strip():
                self.take(json.loads(line), None)

    def take(self, told, event_id):
        if "error" in told:
            if told["error"]["status"] == "OUT_OF_RANGE":
                self.expired()
            elif told["error"]["status"] not in RETRIED:
                self.violate(f"an error in the stream: {told}")
            return
        data = told["data"]
        cursor = data.get("cursor") or ""
        if event_id is not None and event_id != cursor:
            self.violate(f"the event's id is {event_id}, its cursor {cursor}")
        if data.get("change"):
            self.change(change_of_json(data["change"]), cursor)
        elif data.get("bookmark"):
            self.bookmark(data["bookmark"]["revision"], data["bookmark"]["newestRevision"], cursor)
        else:
            self.violate(f"neither change nor bookmark: {told}")


class SseWatcher(RestWatcher):
    """As an EventSource does: the position is Last-Event-ID, and the URL stays as it was."""

    accept = "text/event-stream"

    def body(self):
        return {**self.filters, "cursor": self.settings["cursor"] if self.cursor else ""}

    def headers(self):
        resumed = {"Last-Event-ID": self.cursor} if self.cursor else {}
        return {**super().headers(), **resumed}

    def read(self, reply):
        data, event_id = [], None
        while not self.is_enough():
            line = reply.readline().decode()
            if not line:
                return
            line = line.rstrip("\r\n")
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif line.startswith("id:"):
                event_id = line[3:].strip()
            elif not line and data:
                self.take(json.loads("\n".join(data)), event_id or "")
                data, event_id = [], None


FORMS = {"grpc": GrpcWatcher, "table": TableWatcher, "ndjson": RestWatcher, "sse": SseWatcher}


class Process:
    """What the watchers of a process share."""

    def __init__(self, settings):
        self.stubs = Stubs(settings["stubs"])
        self.metadata = (("authorization", f"Bearer {settings['token']}"),)
        self.end = None
        self.served_at = time.monotonic()
        self.watchers = [FORMS[s["form"]](settings, self, s) for s in settings["watchers"]]

    def run(self):
        for watcher in self.watchers:
            watcher.start()
        for line in sys.stdin:
            word = line.split()
            if word[0] == "served":  # the server is there again: a silence counts from now on
                self.served_at = time.monotonic()
            else:
                self.end = int(word[1])
                break
        for watcher in self.watchers:
            watcher.join()


def main():
    settings = json.loads(sys.argv[1])
    process = Process(settings)
    process.run()
    with open(settings["path"], "w", encoding="utf-8") as file:
        for watcher in process.watchers:
            file.write(json.dumps(watcher.result()) + "\n")


if __name__ == "__main__":
    main()
