"""A gRPC proxy between clients and the real server, which loses and ends what a test says."""

import concurrent.futures
import threading

import grpc

import stubs
from harness import DEADLINE_S

SERVICE = "/runs.v1.RunsService/"


class Relay:
    """Passes calls of RunsService on as bytes. watches: None passes streams on; a list of codes ends
    each stream with the next one after its first message, and when they are used up passes on;
    "mute" takes streams and never says anything. lost: names of methods, each of which is passed on
    once more, and its answer replaced by UNAVAILABLE, after before_loss(), if that is given."""

    def __init__(self, test, address, watches=None, lost=(), before_loss=None):
        self.watches = watches
        self.lost = list(lost)
        self.before_loss = before_loss
        self.calls = []  # (method, request) of each call
        self.cursors = []  # that streams were opened with
        self.is_over = threading.Event()
        self.channel = grpc.insecure_channel(address)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(32))
        self.server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()
        test.addCleanup(self._stop)

    def _stop(self):
        self.is_over.set()
        self.server.stop(None).wait()
        self.channel.close()

    def service(self, details):
        """grpc.GenericRpcHandler: how a method is served."""
        path, metadata = details.method, [pair for pair in details.invocation_metadata
                                          if pair[0] == "authorization"]
        if path == SERVICE + "WatchRuns":
            return grpc.unary_stream_rpc_method_handler(
                lambda request, context: self._watch(request, context, metadata))
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._call(path, request, context, metadata))

    def _call(self, path, request, context, metadata):
        name = path.removeprefix(SERVICE)
        self.calls.append((name, request))
        call = self.channel.unary_unary(path).future(request, metadata=metadata, timeout=DEADLINE_S)
        context.add_callback(call.cancel)
        try:
            reply = call.result()
        except grpc.FutureCancelledError:
            return None
        except grpc.RpcError as error:
            self._fail(context, error)
        if name in self.lost:
            self.lost.remove(name)
            if self.before_loss:
                self.before_loss()
            context.abort(grpc.StatusCode.UNAVAILABLE, "the answer is lost")
        return reply

    def _watch(self, request, context, metadata):
        self.cursors.append(stubs.feed_pb2.WatchRunsRequest.FromString(request).cursor)
        if self.watches == "mute":
            self.is_over.wait()
            return
        call = self.channel.unary_stream(SERVICE + "WatchRuns")(request, metadata=metadata)
        context.add_callback(call.cancel)
        try:
            for message in call:
                yield message
                if self.watches:
                    context.abort(self.watches.pop(0), "a proxy ended the stream")
        except grpc.RpcError as error:
            self._fail(context, error)
        finally:
            call.cancel()

    @staticmethod
    def _fail(context, error):
        context.set_trailing_metadata(tuple(
            (key, value) for key, value in error.trailing_metadata() or ()
            if key == "grpc-status-details-bin"))
        context.abort(error.code(), error.details())
