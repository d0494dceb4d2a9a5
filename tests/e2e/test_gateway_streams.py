"""Streams of replies: runs-gateway before a gRPC server in Python."""

import concurrent.futures
import json
import select
import socket
import struct
import threading
import time
import unittest

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import rest
from gateways import Gateway, descriptor_set
from harness import DEADLINE_S, ROOT, Place, wait_until

STREAMS = """
syntax = "proto3";
package streams.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
service Streams {
  rpc Watch(Ask) returns (stream Part) { option (google.api.http) = {get: "/v1/watch/{what}"}; }
  rpc Download(Ask) returns (stream google.api.HttpBody) {
    option (google.api.http) = {get: "/v1/download/{what}"};
  }
}
message Ask { string what = 1; int32 count = 2; }
message Part { int32 number = 1; string text = 2; }
"""

FLOOD = 20000  # messages of
FLOOD_BYTES = 65536
# The sockets' buffers and gRPC's windows are what may be under way.
FLOOD_UNDER_WAY = 1000
QUIET_S = 1  # nothing was sent for so long: nothing will be
# Sooner than any timeout or drain of the gateway, and kept by a loaded machine.
AT_ONCE_S = 8


class Call:
    """A stream as the server has it."""

    def __init__(self, what, context):
        self.what = what
        self.sent = 0
        self.sent_at = time.monotonic()
        self.is_done = False  # the handler has said all
        self.cancelled = threading.Event()
        self.gate = threading.Event()  # what "hold" waits for
        context.add_callback(self._over)

    def _over(self):
        if not self.is_done:
            self.cancelled.set()
            self.gate.set()

    def count(self):
        self.sent += 1
        self.sent_at = time.monotonic()


class Server:
    """streams.v1.Streams. Sends the messages 0, 1, ... up to count, then, by what:
    count  ends
    fail   ends with ABORTED
    hold   waits for the call's gate, then ends
    late   as hold, but waits before the first message, too
    flood  sends FLOOD messages of FLOOD_BYTES each"""

    def __init__(self, folder):
        # Debian's googleapis have no HttpBody.
        self.set = descriptor_set(folder, "streams", STREAMS, [f"-I{ROOT}/tests/gateway/http"])
        pool = descriptor_pool.DescriptorPool()
        with open(self.set, "rb") as file:
            for one in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                pool.Add(one)
        factory = message_factory.MessageFactory(pool)
        self.ask, self.part, self.body = (
            factory.GetPrototype(pool.FindMessageTypeByName(name))
            for name in ("streams.v1.Ask", "streams.v1.Part", "google.api.HttpBody"))
        self.calls = []
        handlers = {name: grpc.unary_stream_rpc_method_handler(
            handler, request_deserializer=self.ask.FromString,
            response_serializer=lambda message: message.SerializeToString())
            for name, handler in (("Watch", self.watch), ("Download", self.download))}
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("streams.v1.Streams", handlers),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def stop(self):
        self.server.stop(None).wait()

    def wait_call(self, index):
        wait_until(lambda: len(self.calls) > index, f"call {index}")
        return self.calls[index]

    def watch(self, ask, context):
        return self.send(ask, context, lambda number: self.part(
            number=number, text="x" * FLOOD_BYTES if ask.what == "flood" else f"m{number}"))

    def download(self, ask, context):
        return self.send(ask, context, lambda number: self.body(
            content_type="text/plain", data=b"m%d;" % number))

    def send(self, ask, context, message):
        call = Call(ask.what, context)
        self.calls.append(call)
        if ask.what == "late":
            call.gate.wait(DEADLINE_S)
        for number in range(FLOOD if ask.what == "flood" else ask.count):
            yield message(number)
            call.count()  # gRPC asks for the next once it has taken this one
        if ask.what == "hold":
            call.gate.wait(DEADLINE_S)
        call.is_done = True
        if ask.what == "fail":
            context.abort(grpc.StatusCode.ABORTED, "failed midway")


class Stream:
    """A GET whose reply is read as it comes; nothing of the chunks is forgiven."""

    def __init__(self, port, path, accept="*/*", small_buffer=False):
        self.socket = socket.socket()
        if small_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\n"
                            "X-Request-Id: r1\r\n\r\n".encode())
        self.received = b""
        self.body = bytearray()
        self.status = None
        self.headers = {}
        self.ended = False  # by the chunk that says so

    def close(self):
        self.socket.close()

    def is_silent(self):
        """Whether not a byte has come, nor the end."""
        return not self.received and not select.select([self.socket], [], [], 0)[0]

    def _fill(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)

    def _take(self, end):
        """What stands before end; None if the connection ends before."""
        while end not in self.received:
            if not self._fill():
                return None
        taken, _, self.received = self.received.partition(end)
        return taken

    def head(self):
        """Reads the head; returns self."""
        first, *lines = self._take(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip()
                        for name, _, value in (line.partition(":") for line in lines)}
        return self

    def _chunk(self):
        """Reads a chunk; False behind the last one, and where the connection is cut."""
        size = self._take(b"\r\n")
        if size is None:
            return False
        count = int(size, 16)
        while len(self.received) < count + 2:
            if not self._fill():
                return False
        data, end = self.received[:count], self.received[count:count + 2]
        if end != b"\r\n":
            raise AssertionError(f"a chunk of {count} bytes ends with {end}")
        self.received = self.received[count + 2:]
        self.body += data
        self.ended = count == 0
        return not self.ended

    def until(self, text):
        """Reads until the body holds text; returns the body."""
        begin = 0
        while self.body.find(text, begin) < 0:
            begin = max(0, len(self.body) - len(text))
            if not self._chunk():
                raise AssertionError(f"no {text} in a body that ends with {self.body[-300:]}")
        return self.body

    def rest(self):
        """Reads to the end, or to where the connection is cut; returns the body."""
        while self._chunk():
            pass
        return self.body

    def objects(self):
        """The objects of a body in lines, to the end."""
        return [json.loads(line) for line in self.rest().decode().split("\n") if line]


def part(number):
    # Numbers of 0 are not printed.
    data = {"text": f"m{number}", **({"number": number} if number else {})}
    return {"code": 200, "data": data, "message": "success", "requestId": "r1"}


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)

    def setUp(self):
        self.server = Server(self.place.path)
        self.addCleanup(self.server.stop)

    def gateway(self, *options):
        gateway = Gateway(self.server.address, "--descriptors", self.server.set, *options)
        self.addCleanup(gateway.kill)
        return gateway

    def stream(self, gateway, path, **more):
        stream = Stream(gateway.port, path, **more)
        self.addCleanup(stream.close)
        return stream

    # --- what is sent ---

    def test_lines_are_the_default_and_events_come_by_accept(self):
        gateway = self.gateway()
        for accept in ("*/*", "application/x-ndjson", "application/json"):
            stream = self.stream(gateway, "/v1/watch/count?count=3", accept=accept).head()
            self.assertEqual((200, "application/x-ndjson", "chunked", "no-store", "Accept"), tuple(
                stream.headers.get(name, stream.status) for name in (
                    ":", "content-type", "transfer-encoding", "cache-control", "vary")), accept)
            self.assertEqual([part(0), part(1), part(2)], stream.objects())
            self.assertTrue(stream.ended)
        stream = self.stream(gateway, "/v1/watch/count?count=2", accept="text/event-stream").head()
        self.assertEqual((200, "text/event-stream"),
                         (stream.status, stream.headers["content-type"]))
        retry, *events, last = stream.rest().decode().split("\n\n")
        self.assertEqual(("retry: 1000", "", [part(0), part(1)]), (
            retry, last, [json.loads(event.removeprefix("data: ")) for event in events]))
        self.assertTrue(stream.ended)
        self.assertEqual(0, gateway.stop())

    def test_each_message_is_sent_when_it_comes(self):
        gateway = self.gateway()
        stream = self.stream(gateway, "/v1/watch/hold?count=2").head()
        stream.until(b'"m1"')
        self.assertFalse(self.server.calls[0].gate.is_set())
        self.server.calls[0].gate.set()
        self.assertEqual([part(0), part(1)], stream.objects())
        self.assertTrue(stream.ended)

    def test_nothing_is_sent_before_the_upstream_sends_something(self):
        gateway = self.gateway("--stream-heartbeat-ms", "100", "--stream-headers-ms", "off")
        late = self.stream(gateway, "/v1/watch/late?count=1")
        call = self.server.wait_call(0)
        other = self.stream(gateway, "/v1/watch/hold?count=1").head()
        other.until(b"\n\n\n\n")  # three heartbeats later
        self.assertTrue(late.is_silent())
        call.gate.set()
        self.assertEqual(200, late.head().status)
        self.assertEqual([part(0)], late.objects())

    def test_a_stream_whose_upstream_sends_nothing_begins_after_a_while(self):
        gateway = self.gateway("--stream-heartbeat-ms", "100", "--stream-headers-ms", "100")
        late = self.stream(gateway, "/v1/watch/late?count=1").head()
        call = self.server.wait_call(0)
        self.assertEqual(200, late.status)
        late.until(b"\n\n\n")
        call.gate.set()
        self.assertEqual([part(0)], late.objects())

    def test_one_array_of_all_if_that_is_the_gateways_choice(self):
        gateway = self.gateway("--stream-json", "array", "--stream-heartbeat-ms", "100")
        stream = self.stream(gateway, "/v1/watch/count?count=2", accept="*/*").head()
        self.assertEqual("application/json", stream.headers["content-type"])
        self.assertEqual([part(0), part(1)], json.loads(stream.rest()))
        failing = self.stream(gateway, "/v1/watch/fail?count=1").head()
        first, last = json.loads(failing.rest())
        self.assertEqual((part(0), 409), (first, last["code"]))
        quiet = self.stream(gateway, "/v1/watch/hold?count=1").head()
        quiet.until(b"}\n\n\n")  # heartbeats are white space
        self.server.calls[2].gate.set()
        self.assertEqual([part(0)], json.loads(quiet.rest()))
        lines = self.stream(gateway, "/v1/watch/count?count=2", accept="application/x-ndjson")
        self.assertEqual([part(0), part(1)], lines.head().objects())

    def test_an_error_before_the_first_message_is_a_plain_reply(self):
        gateway = self.gateway()
        for accept in ("*/*", "text/event-stream"):
            reply = rest.request(gateway.port, "GET", "/v1/watch/fail?count=0",
                                 headers={"Accept": accept})
            self.assertEqual((409, "application/json", "ABORTED", "failed midway"), (
                reply.status, reply.headers["Content-Type"].partition(";")[0],
                reply.error["status"], reply.json()["message"]))
            self.assertIsNone(reply.headers["Transfer-Encoding"])

    def test_an_error_midway_is_the_last_object(self):
        gateway = self.gateway()
        stream = self.stream(gateway, "/v1/watch/fail?count=2").head()
        self.assertEqual(200, stream.status)
        *parts, last = stream.objects()
        self.assertEqual([part(0), part(1)], parts)
        self.assertEqual((409, "ABORTED", "failed midway", "r1"), (
            last["code"], last["error"]["status"], last["message"], last["requestId"]))
        self.assertTrue(stream.ended)
        events = self.stream(gateway, "/v1/watch/fail?count=1", accept="text/event-stream").head()
        *_, last, empty = events.rest().decode().split("\n\n")
        self.assertEqual("", empty)
        self.assertTrue(last.startswith("event: stream-error\ndata: "), last)
        self.assertEqual(409, json.loads(last.partition("data: ")[2])["code"])

    def test_an_upstream_that_dies_midway_is_the_last_object(self):
        gateway = self.gateway()
        stream = self.stream(gateway, "/v1/watch/hold?count=1").head()
        stream.until(b'"m0"')
        self.server.stop()
        first, last = stream.objects()
        self.assertEqual(part(0), first)
        self.assertIn(last["error"]["status"], ("UNAVAILABLE", "CANCELLED"))

    def test_a_quiet_stream_has_heartbeats(self):
        gateway = self.gateway("--stream-heartbeat-ms", "100")
        lines = self.stream(gateway, "/v1/watch/hold?count=1").head()
        events = self.stream(gateway, "/v1/watch/hold?count=1", accept="text/event-stream").head()
        lines.until(b"}\n\n\n")
        events.until(b"}\n\n: heartbeat\n\n: heartbeat\n\n")
        for call in self.server.calls:
            call.gate.set()
        self.assertEqual([part(0)], lines.objects())  # empty lines are passed over
        self.assertNotIn(b"error", events.rest())
        self.assertTrue(events.ended)

    def test_http_bodies_are_sent_as_they_are(self):
        gateway = self.gateway()
        stream = self.stream(gateway, "/v1/download/count?count=3").head()
        self.assertEqual((200, "text/plain"), (stream.status, stream.headers["content-type"]))
        self.assertEqual(b"m0;m1;m2;", stream.rest())
        self.assertTrue(stream.ended)
        failing = self.stream(gateway, "/v1/download/fail?count=2").head()
        self.assertEqual(b"m0;m1;", failing.rest())
        self.assertFalse(failing.ended, "bytes have no place for an error: the end must be cut")

    # --- who goes, and who does not read ---

    def test_a_client_that_is_gone_cancels_the_call(self):
        gateway = self.gateway()
        for index, (path, is_begun) in enumerate((
                ("/v1/watch/hold?count=1", True),     # between two messages
                ("/v1/watch/late?count=1", False),    # before the first
                ("/v1/watch/flood", True),            # while much is under way
                ("/v1/download/hold?count=1", True))):
            with self.subTest(path):
                stream = self.stream(gateway, path)
                call = self.server.wait_call(index)
                if is_begun:
                    stream.head().until(b"m0" if "hold" in path else b"number")
                self.assertFalse(call.cancelled.is_set())
                if path.startswith("/v1/download"):
                    # Bytes have no heartbeat to find a silent close by; TCP asks after a while.
                    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                             struct.pack("ii", 1, 0))
                stream.close()
                self.assertTrue(call.cancelled.wait(AT_ONCE_S), f"{path} goes on")
                gateway.wait_count("request", index + 1)
        self.assertEqual(0, gateway.stop())

    def test_who_does_not_read_holds_the_server_back(self):
        gateway = self.gateway()
        before = resident_bytes(gateway)
        stream = self.stream(gateway, "/v1/watch/flood", small_buffer=True).head()
        call = self.server.wait_call(0)
        wait_until(lambda: time.monotonic() - call.sent_at > QUIET_S, "the standstill")
        held_at = call.sent
        self.assertGreater(held_at, 0)
        self.assertLess(held_at, FLOOD_UNDER_WAY)
        self.assertLess(resident_bytes(gateway) - before, 64 << 20)
        # What was held back comes, and more, once it is read.
        stream.until(b'"number":%d,' % (held_at + 1))
        numbers = [json.loads(line)["data"].get("number", 0)
                   for line in stream.body.split(b"\n")[:held_at]]
        self.assertEqual(list(range(held_at)), numbers)
        self.assertGreater(call.sent, held_at)
        self.assertFalse(call.cancelled.is_set())

    # --- the stop ---

    def test_a_stop_never_looks_like_the_end(self):
        gateway = self.gateway("--drain-ms", "500", "--stream-headers-ms", "off")
        lines = self.stream(gateway, "/v1/watch/hold?count=1").head()
        lines.until(b'"m0"')
        events = self.stream(gateway, "/v1/watch/hold?count=1", accept="text/event-stream").head()
        events.until(b'"m0"')
        raw = self.stream(gateway, "/v1/download/hold?count=1").head()
        raw.until(b"m0;")
        late = self.stream(gateway, "/v1/watch/late?count=1")
        unread = self.stream(gateway, "/v1/watch/flood", small_buffer=True).head()
        calls = [self.server.wait_call(index) for index in range(5)]
        self.assertEqual(0, gateway.stop())
        first, last = lines.objects()
        self.assertEqual((part(0), 503, "SERVER_STOPPING"),
                         (first, last["code"], last["error"]["reason"]))
        error = events.rest().decode().partition("\n\nevent: stream-error\ndata: ")[2]
        self.assertEqual("SERVER_STOPPING", json.loads(error)["error"]["reason"])
        self.assertEqual(b"m0;", raw.rest())
        self.assertFalse(raw.ended)
        self.assertEqual(503, late.head().status)
        unread.rest()
        self.assertTrue(not unread.ended or b"SERVER_STOPPING" in unread.body[-1000:])
        for call in calls:
            self.assertTrue(call.cancelled.wait(AT_ONCE_S), f"{call.what} goes on")


def resident_bytes(process):
    with open(f"/proc/{process.popen.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


if __name__ == "__main__":
    unittest.main()
