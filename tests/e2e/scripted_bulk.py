"""A gRPC server whose bulk cancels do what a test says: for what a real one does rarely, or too fast
to be seen."""

import concurrent.futures
import threading

import grpc

import stubs
from scripted_feed import End

bulk = stubs.bulk_pb2
PLANNING, PLANNED, RUNNING, DONE, ABORTED = (
    getattr(bulk, f"BULK_CANCEL_STATE_{name}")
    for name in ("PLANNING", "PLANNED", "RUNNING", "DONE", "ABORTED"))


def job(state, total=0, cancelled=0, already_final=0, not_found=0, job_id="b1", **more):
    return bulk.BulkCancel(
        id=job_id, state=state, total=total, cancelled=cancelled, already_final=already_final,
        not_found=not_found, open=total - cancelled - already_final - not_found, actor="tester", **more)


def plan(total, job_id="b1", sample=100, **more):
    return job(PLANNED, total, job_id=job_id, dry_run=True,
               sample=[f"run-{i}" for i in range(min(total, sample))], **more)


class Bulks:
    """Answers CancelRuns and GetBulkCancel with what the next of answers[name] is: a message, an
    End, or an Event to wait for before the next one; the last is kept. AbortBulkCancel answers
    that it is aborted. requests[name] is what was asked."""

    METHODS = {"CancelRuns": ("runs.v1.RunsService", bulk.CancelRunsRequest),
               "GetBulkCancel": ("runs.v1.BulkCancelsService", bulk.GetBulkCancelRequest),
               "AbortBulkCancel": ("runs.v1.BulkCancelsService", bulk.AbortBulkCancelRequest)}

    def __init__(self, test, cancel=(), get=()):
        self.answers = {"CancelRuns": list(cancel), "GetBulkCancel": list(get),
                        "AbortBulkCancel": [job(ABORTED)]}
        self.requests = {name: [] for name in self.METHODS}
        self.is_over = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        for name, (service, request) in self.METHODS.items():
            handler = grpc.unary_unary_rpc_method_handler(
                lambda request, context, name=name: self._answer(name, request, context),
                request.FromString, lambda m: m.SerializeToString())
            self.server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {name: handler}),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()
        test.addCleanup(self._stop)

    def _stop(self):
        self.is_over.set()
        self.server.stop(None).wait()

    def _answer(self, name, request, context):
        self.requests[name].append(request)
        answers = self.answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, threading.Event):
            while not answer.wait(0.05) and not self.is_over.is_set():
                pass
            return self._answer(name, request, context)
        if isinstance(answer, End):
            answer.abort(context)
        return answer
