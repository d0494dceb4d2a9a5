"""A gRPC server whose bulk cancels do what a test says."""

import stubs
from scripted_calls import Calls

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


class Bulks(Calls):
    """CancelRuns and GetBulkCancel answer with what is given, AbortBulkCancel that it is aborted."""

    METHODS = {"CancelRuns": ("runs.v1.RunsService", bulk.CancelRunsRequest),
               "GetBulkCancel": ("runs.v1.BulkCancelsService", bulk.GetBulkCancelRequest),
               "AbortBulkCancel": ("runs.v1.BulkCancelsService", bulk.AbortBulkCancelRequest)}

    def __init__(self, test, cancel=(), get=()):
        super().__init__(test, self.METHODS, {"CancelRuns": cancel, "GetBulkCancel": get,
                                              "AbortBulkCancel": [job(ABORTED)]})
