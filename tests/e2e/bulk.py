"""What tests of bulk cancels share: many runs, calls with short names, and a server whose thread
that cancels stands still."""

import contextlib

import grpc

import stubs
from harness import DEADLINE_S, wait_until
from leases import Caller, Refused, run_pb
from thread_stop import let_thread_go, reap_thread, stop_thread

pb = stubs.bulk_pb2

STATE = {name: getattr(pb, f"BULK_CANCEL_STATE_{name.upper()}")
         for name in ("planning", "planned", "running", "done", "aborted")}
WORD = {number: name for name, number in STATE.items()}
OUTCOME = {name: getattr(pb, f"BULK_CANCEL_OUTCOME_{name.upper()}")
           for name in ("cancelled", "already_final", "not_found", "open")}
OUTCOME_WORD = {number: name for name, number in OUTCOME.items()}

# How many creations are in flight at once.
AT_ONCE = 200


class BulkCaller(Caller):
    """Calls a server as one token: runs, and bulk cancels too."""

    def __init__(self, address, token):
        super().__init__(address, token)
        self.bulk_stub = stubs.bulk_grpc.BulkCancelsServiceStub(self.channel)

    def bulk_call(self, method, request, timeout=DEADLINE_S):
        try:
            return getattr(self.bulk_stub, method)(request, metadata=self.metadata,
                                                   timeout=timeout)
        except grpc.RpcError as error:
            raise Refused(error) from None

    def create_many(self, ids, **fields):
        """Creates the runs, many at once."""
        ids = list(ids)
        for begin in range(0, len(ids), AT_ONCE):
            calls = [self.start("CreateRun", creation(run_id, **fields))
                     for run_id in ids[begin:begin + AT_ONCE]]
            for call in calls:
                call.result()
        return ids

    def cancel_runs(self, timeout=DEADLINE_S, **fields):
        return self.call("CancelRuns", pb.CancelRunsRequest(**fields), timeout)

    def bulk(self, bulk_id):
        return self.bulk_call("GetBulkCancel", pb.GetBulkCancelRequest(id=bulk_id))

    def abort(self, bulk_id):
        return self.bulk_call("AbortBulkCancel", pb.AbortBulkCancelRequest(id=bulk_id))

    def bulks(self, page_size=0):
        """All bulk cancels, by as many pages as it takes."""
        found, token = [], ""
        while True:
            page = self.bulk_call("ListBulkCancels", pb.ListBulkCancelsRequest(
                page_size=page_size, page_token=token))
            found += page.bulk_cancels
            token = page.next_page_token
            if not token:
                return found

    def outcomes(self, bulk_id, *words, page_size=1000):
        """What became of each run, by its id: of those outcomes, or of all."""
        found, token = {}, ""
        while True:
            page = self.bulk_call("ListBulkCancelOutcomes", pb.ListBulkCancelOutcomesRequest(
                id=bulk_id, outcome=[OUTCOME[word] for word in words], page_size=page_size,
                page_token=token))
            for run in page.outcomes:
                if run.run_id in found:
                    raise AssertionError(f"{run.run_id} is there twice")
                found[run.run_id] = OUTCOME_WORD[run.outcome]
            token = page.next_page_token
            if not token:
                return found

    def finished(self, bulk_id, seconds=DEADLINE_S):
        """Waits until it is over; returns it as it is then."""
        box = []

        def is_over():
            box[:] = [self.bulk(bulk_id)]
            return WORD[box[0].state] in ("done", "aborted")

        wait_until(is_over, f"the end of the bulk cancel {bulk_id}", seconds)
        return box[0]

    def statuses(self, **fields):
        """The status of each run by its id, by pages of ListRuns."""
        request = stubs.service_pb2.ListRunsRequest(page_size=1000, **fields)
        found = {}
        while True:
            page = self.call("ListRuns", request)
            for run in page.runs:
                found[run.id] = run.status
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


def creation(run_id, parent=None, workflow_id="wf", **fields):
    run = run_pb.Run(id=run_id, workflow_id=workflow_id, **fields)
    run.workflow_definition.nodes.update({"root": {"type": "manual"}})
    if parent is not None:
        run.parent_run_id.value = parent
    return stubs.service_pb2.CreateRunRequest(run=run)


def counts(bulk):
    """What it says of its runs, as one tuple: cancelled, already final, not found, open."""
    if bulk.total != bulk.cancelled + bulk.already_final + bulk.not_found + bulk.open:
        raise AssertionError(f"the counts do not add up: {bulk}")
    return (bulk.cancelled, bulk.already_final, bulk.not_found, bulk.open)


@contextlib.contextmanager
def standing_still(server):
    """The thread that cancels does nothing meanwhile. Gives a function that kills the process as it
    is, with kill -9; if that was not called the thread goes on afterwards."""
    tid = stop_thread(server.popen.pid, "bulk-cancels")

    def kill():
        server.popen.kill()
        reap_thread(tid)
        server.kill()

    try:
        yield kill
    finally:
        if server.popen.poll() is None:
            let_thread_go(tid)
