"""Health and server reflection of runsd, by Python's gRPC and protobuf."""

import importlib
import queue
import threading
import unittest

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool

import stubs
from harness import DEADLINE_S, Place, Process, create_token, program, serve_for

health_pb2 = importlib.import_module("grpc.health.v1.health_pb2")
health_grpc = importlib.import_module("grpc.health.v1.health_pb2_grpc")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
SERVICES = {"runs.v1.RunsService", "runs.v1.BulkCancelsService", "runs.v1.OrganizationsService",
            "runs.v1.TokensService", "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}


class Conversation:
    """One ServerReflectionInfo stream, asked one request at a time."""

    def __init__(self, channel, version):
        self.pb2 = importlib.import_module(f"grpc.reflection.{version}.reflection_pb2")
        made = importlib.import_module(f"grpc.reflection.{version}.reflection_pb2_grpc")
        self.requests = queue.Queue()
        self.replies = made.ServerReflectionStub(channel).ServerReflectionInfo(
            iter(self.requests.get, None), timeout=DEADLINE_S)

    def ask(self, **fields):
        request = self.pb2.ServerReflectionRequest(**fields)
        self.requests.put(request)
        reply = next(self.replies)
        if reply.original_request != request:
            raise AssertionError(f"{request} came back as {reply.original_request}")
        return reply

    def end(self):
        """Returns the status."""
        self.requests.put(None)
        for reply in self.replies:
            raise AssertionError(f"a reply that nobody asked for: {reply}")
        return self.replies.code()


def pool_of(reply):
    """A pool of the files of a reply, which must be all that is needed."""
    files = {}
    for raw in reply.file_descriptor_response.file_descriptor_proto:
        file = descriptor_pb2.FileDescriptorProto.FromString(raw)
        files[file.name] = file
    pool = descriptor_pool.DescriptorPool()
    added = set()

    def add(name):
        if name not in added:
            added.add(name)
            for needed in files[name].dependency:
                add(needed)
            pool.Add(files[name])

    for name in files:
        add(name)
    return pool


class Reflection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def conversations(self):
        for version in ("v1", "v1alpha"):
            with self.subTest(version=version), grpc.insecure_channel(self.server.grpc) as channel:
                conversation = Conversation(channel, version)
                yield conversation
                self.assertEqual(grpc.StatusCode.OK, conversation.end())

    def test_every_service_can_be_built(self):
        for conversation in self.conversations():
            listed = conversation.ask(list_services="").list_services_response.service
            self.assertEqual(SERVICES, {service.name for service in listed})
            for service in listed:
                pool = pool_of(conversation.ask(file_containing_symbol=service.name))
                self.assertTrue(pool.FindServiceByName(service.name).methods)

    def test_a_call_can_be_made_from_reflection_alone(self):
        from google.protobuf import message_factory  # pylint: disable=import-outside-toplevel
        for conversation in self.conversations():
            pool = pool_of(conversation.ask(file_containing_symbol="runs.v1.RunsService.ListRuns"))
            method = pool.FindMethodByName("runs.v1.RunsService.ListRuns")
            factory = message_factory.MessageFactory(pool)
            request = factory.GetPrototype(method.input_type)
            reply = factory.GetPrototype(method.output_type)
            with grpc.insecure_channel(self.server.grpc) as channel:
                call = channel.unary_unary("/runs.v1.RunsService/ListRuns",
                                           request_serializer=request.SerializeToString,
                                           response_deserializer=reply.FromString)
                page = call(request(page_size=1), metadata=stubs.bearer(self.token),
                            timeout=DEADLINE_S)
            self.assertEqual(0, len(page.runs))

    def test_http_rules_are_told(self):
        for conversation in self.conversations():
            reply = conversation.ask(file_containing_extension={
                "containing_type": "google.protobuf.MethodOptions", "extension_number": 72295728})
            self.assertEqual("google.api.http",
                             pool_of(reply).FindExtensionByName("google.api.http").full_name)
            numbers = conversation.ask(
                all_extension_numbers_of_type="google.protobuf.MethodOptions")
            self.assertIn(72295728,
                          numbers.all_extension_numbers_response.extension_number)

    def test_what_is_not_there(self):
        for conversation in self.conversations():
            for fields in ({"file_by_filename": "none.proto"},
                           {"file_containing_symbol": "runs.v1.None"},
                           {"file_containing_extension": {"containing_type": "runs.v1.Run",
                                                          "extension_number": 1}},
                           {"all_extension_numbers_of_type": "runs.v1.None"}):
                reply = conversation.ask(host="here", **fields)
                self.assertEqual("here", reply.valid_host)
                self.assertEqual(grpc.StatusCode.NOT_FOUND.value[0],
                                 reply.error_response.error_code, fields)


class Health(unittest.TestCase):
    """runsd alone, watched over its whole life."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        create_token(self.place.store)
        self.runsd = Process(program("runsd"), "--listen", "127.0.0.1:0", "--store",
                             self.place.store)
        self.addCleanup(self.runsd.stop)
        ready = self.runsd.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.channel = grpc.insecure_channel(f"127.0.0.1:{ready['port']}")
        self.addCleanup(self.channel.close)
        self.health = health_grpc.HealthStub(self.channel)

    def watch(self, service):
        return self.health.Watch(health_pb2.HealthCheckRequest(service=service),
                                 timeout=DEADLINE_S)

    def test_check(self):
        for service in ("", *SERVICES):
            reply = self.health.Check(health_pb2.HealthCheckRequest(service=service),
                                      timeout=DEADLINE_S)
            self.assertEqual(SERVING, reply.status, service)
        with self.assertRaises(grpc.RpcError) as raised:
            self.health.Check(health_pb2.HealthCheckRequest(service="none"), timeout=DEADLINE_S)
        self.assertEqual(grpc.StatusCode.NOT_FOUND, raised.exception.code())

    def test_watch_until_the_stop(self):
        watches = [self.watch("") for _ in range(3)]
        unknown = self.watch("none")
        for watch in watches:
            self.assertEqual(SERVING, next(watch).status)
        self.assertEqual(SERVICE_UNKNOWN, next(unknown).status)
        stopping = threading.Thread(target=self.runsd.stop)
        stopping.start()
        for watch in (*watches, unknown):
            last = []
            with self.assertRaises(grpc.RpcError) as raised:
                for reply in watch:
                    last.append(reply.status)
            self.assertEqual(grpc.StatusCode.UNAVAILABLE, raised.exception.code())
            # The last words may be lost with the connection; others never come.
            self.assertIn(last, ([], [NOT_SERVING]) if watch is not unknown else ([],))
        stopping.join(DEADLINE_S)
        # The watchers did not hold it up until the drain time was over.
        self.assertNotIn("drain time is over", self.runsd.text())

    def test_a_watcher_that_goes_is_forgotten(self):
        watch = self.watch("")
        self.assertEqual(SERVING, next(watch).status)
        watch.cancel()
        line = self.runsd.wait_for_log(
            lambda l: l.get("method") == "/grpc.health.v1.Health/Watch", "the watch's end")
        self.assertEqual("CANCELLED", line["code"])


if __name__ == "__main__":
    unittest.main()
