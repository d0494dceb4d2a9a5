"""Streams of the gRPC port: when they are taken, those that need no token, and clients that
ping."""

import queue
import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, Place, Serve, create_token, serve_for, wait_until

WATCH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
GET_RUN = "/runs.v1.RunsService/GetRun"
LIMIT = 20


def opened(test, channel, metadata=()):
    """A Watch, and its first message; it lasts until the test's end."""
    call = channel.unary_stream(WATCH)(b"", metadata=metadata)
    test.addCleanup(call.cancel)
    return call


class Requests:
    """The client's side of a stream, which says nothing until it is told."""

    def __init__(self):
        self.queue = queue.Queue()

    def __iter__(self):
        return iter(self.queue.get, None)


class InitialMetadata(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def test_it_comes_before_the_first_message(self):
        with grpc.insecure_channel(self.server.grpc) as channel:
            requests = Requests()
            call = channel.stream_stream(REFLECT)(iter(requests), timeout=DEADLINE_S)
            # Returns only when it is there; the server waits for a request.
            self.assertIsNotNone(call.initial_metadata())
            self.assertTrue(call.is_active())
            requests.queue.put(None)
            self.assertEqual([], list(call))
            self.assertEqual(grpc.StatusCode.OK, call.code())

    def test_a_refusal_is_a_status_alone(self):
        with grpc.insecure_channel(self.server.grpc) as channel:
            for _ in range(20):
                call = channel.unary_stream(WATCH)(b"\xff", timeout=DEADLINE_S)
                with self.assertRaises(grpc.RpcError):
                    next(call)
                self.assertEqual(grpc.StatusCode.INVALID_ARGUMENT, call.code())


class AnonymousStreams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--max-grpc-anonymous", str(LIMIT))
        run = rest.request(cls.server.http_port, "POST", "/v1/runs", cls.token,
                           contract.new_run())
        cls.run_id = run.json()["data"]["id"]

    def refused(self, call):
        with self.assertRaises(grpc.RpcError) as caught:
            next(call)
        error = caught.exception
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, error.code(), error.details())
        self.assertIn(f"{LIMIT} streams open that need no token", error.details())
        details = stubs.details(error)
        self.assertEqual("QUEUE_FULL", details["ErrorInfo"].reason)
        self.assertGreater(details["RetryInfo"].retry_delay.seconds, 0)

    def get_run(self, channel):
        request = stubs.service_pb2.GetRunRequest(id=self.run_id).SerializeToString()
        return channel.unary_unary(GET_RUN)(request, metadata=stubs.bearer(self.token),
                                            timeout=DEADLINE_S)

    def test_a_flood_is_refused_and_takes_nothing_from_calls(self):
        with grpc.insecure_channel(self.server.grpc) as channel:
            watches = [opened(self, channel) for _ in range(LIMIT // 2)]
            for watch in watches:
                next(watch)
            talks = []
            for _ in range(LIMIT - len(watches)):
                # Also with a token: the method needs none.
                talks.append(channel.stream_stream(REFLECT)(
                    iter(Requests()), metadata=stubs.bearer(self.token)))
                self.addCleanup(talks[-1].cancel)
                self.assertIsNotNone(talks[-1].initial_metadata())
            for _ in range(300):
                self.refused(opened(self, channel))
            self.refused(channel.stream_stream(REFLECT)(iter(Requests())))
            self.assertTrue(self.get_run(channel))
            for _ in range(20):  # checks are calls, and are answered
                self.assertTrue(channel.unary_unary("/grpc.health.v1.Health/Check")(b""))
            # Room comes back.
            watches[0].cancel()

            def is_open():
                call = opened(self, channel)
                try:
                    next(call)
                except grpc.RpcError:
                    return False
                return True
            wait_until(is_open, "room for one more")

    def test_their_messages_are_small(self):
        with grpc.insecure_channel(self.server.grpc) as channel:
            request = b"\x0a\xff\xff\x01" + b"x" * 0x7fff
            call = channel.unary_stream(WATCH)(request, timeout=DEADLINE_S)
            with self.assertRaises(grpc.RpcError) as caught:
                next(call)
            self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, caught.exception.code())
            self.assertIn("larger than 16384 bytes", caught.exception.details())


class Pings(unittest.TestCase):
    """grpcio pings, with the server silent, every 200 ms."""

    OPTIONS = [("grpc.keepalive_time_ms", 200), ("grpc.keepalive_timeout_ms", 20000),
               ("grpc.http2.max_pings_without_data", 0),
               ("grpc.http2.min_sent_ping_interval_without_data_ms", 200),
               ("grpc.enable_retries", 0)]

    def server(self, *options):
        place = Place()
        self.addCleanup(place.remove)
        create_token(place.store)
        server = Serve(place.store, *options)
        self.addCleanup(server.stop)
        return server

    def test_too_many_end_the_connection_and_are_logged(self):
        server = self.server()
        with grpc.insecure_channel(server.grpc, options=self.OPTIONS) as channel:
            call = opened(self, channel)
            next(call)
            with self.assertRaises(grpc.RpcError) as caught:
                next(call)
            self.assertIn(caught.exception.code(), (grpc.StatusCode.UNAVAILABLE,
                                                    grpc.StatusCode.RESOURCE_EXHAUSTED))
            self.assertIn("pings", caught.exception.details())
        line = server.wait_for_log(lambda l: "pings more often" in l.get("text", ""), "pings")
        self.assertEqual("warn", line["level"])
        self.assertRegex(line["peer"], r"^ipv4:127\.0\.0\.1:\d+$")

    def test_as_many_as_are_allowed_are_answered(self):
        server = self.server("--min-ping-interval-ms", "50")
        with grpc.insecure_channel(server.grpc, options=self.OPTIONS) as channel:
            call = opened(self, channel)
            next(call)
            # A connection to the default's server has been ended long before.
            reference = self.server()
            with grpc.insecure_channel(reference.grpc, options=self.OPTIONS) as other:
                for _ in range(3):
                    ended = opened(self, other)
                    next(ended)
                    with self.assertRaises(grpc.RpcError):
                        next(ended)
            self.assertTrue(call.is_active(), call.code)
        self.assertFalse([l for l in server.lines if "pings" in l.get("text", "")])


if __name__ == "__main__":
    unittest.main()
