"""A gRPC server whose watches do what a test says: for what a real one does rarely."""

import concurrent.futures
import threading

import grpc
from google.protobuf import any_pb2

import stubs
from harness import DEADLINE_S

feed = stubs.feed_pb2
run = stubs.run_pb2
SERVICE = "runs.v1.RunsService"


def change(revision, run_id="r1", to=run.RUN_STATUS_RUNNING, **more):
    """The change of that revision, which is the run's sequence too."""
    event = run.RunEvent(run_id=run_id, sequence=revision, revision=revision, to_status=to,
                         actor="tester", **{"kind": run.RUN_EVENT_KIND_STATUS_CHANGED, **more})
    event.at.FromSeconds(1800000000 + revision)
    return feed.WatchRunsResponse(change=event, cursor=f"c{revision}")


def snapshot_run(run_id="r1", sequence=1, status=run.RUN_STATUS_RUNNING):
    return feed.WatchRunsResponse(snapshot_run=feed.SnapshotRun(
        run=run.Run(id=run_id, status=status, workflow_id="w"), sequence=sequence))


def snapshot_end():
    return feed.WatchRunsResponse(snapshot_end=feed.SnapshotEnd())


def bookmark(revision):
    return feed.WatchRunsResponse(cursor=f"c{revision}", bookmark=feed.Bookmark(
        revision=revision, newest_revision=revision))


class End:
    """An end by an error; with a reason it has an ErrorInfo, as the server's own have."""

    def __init__(self, code, reason=None, message="the end"):
        self.code, self.reason, self.message = code, reason, message

    def abort(self, context):
        if self.reason:
            packed = any_pb2.Any()
            packed.Pack(stubs.details_pb2.ErrorInfo(reason=self.reason, domain="runs.v1"))
            status = stubs.status_pb2.Status(code=self.code.value[0], message=self.message,
                                             details=[packed])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(self.code, self.message)


# What a watch ends with that ends runsctl too.
LAST = End(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def rest(test):
    """For a script: nothing more comes until the test is over."""
    event = threading.Event()
    test.addCleanup(event.set)
    return event


class Feed:
    """Answers each watch with the next script: messages to send, an End, an Event to wait for.
    run and events are what GetRun, after an error for each of refusals, and ListRunEvents answer;
    requests is what was asked."""

    def __init__(self, test, *scripts):
        self.scripts = list(scripts)
        self.requests = []
        self.refusals = []
        self.run = None
        self.events = []
        handlers = {
            "WatchRuns": grpc.unary_stream_rpc_method_handler(
                self._watch, feed.WatchRunsRequest.FromString, lambda m: m.SerializeToString()),
            "GetRun": grpc.unary_unary_rpc_method_handler(
                self._get, stubs.service_pb2.GetRunRequest.FromString,
                lambda m: m.SerializeToString()),
            "ListRunEvents": grpc.unary_unary_rpc_method_handler(
                self._list_events, stubs.service_pb2.ListRunEventsRequest.FromString,
                lambda m: m.SerializeToString()),
        }
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()
        test.addCleanup(lambda: self.server.stop(None).wait())

    def _watch(self, request, context):
        self.requests.append(request)
        context.send_initial_metadata(())
        for item in self.scripts.pop(0) if self.scripts else (LAST,):
            if isinstance(item, End):
                item.abort(context)
            elif isinstance(item, threading.Event):
                item.wait(DEADLINE_S)
            else:
                yield item

    def _get(self, request, context):
        if self.refusals:
            self.refusals.pop(0).abort(context)
        if self.run is None:
            End(grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND", "there is no such run").abort(context)
        return self.run

    def _list_events(self, request, context):
        return stubs.service_pb2.ListRunEventsResponse(events=self.events)
