"""What tests of leases and deadlines share: calls with short names, and errors as they are read."""

import contextlib

import grpc

import stubs
from harness import DEADLINE_S

pb = stubs.service_pb2
lease_pb = stubs.lease_pb2
run_pb = stubs.run_pb2

STATUS = {name: getattr(run_pb, f"RUN_STATUS_{name.upper()}")
          for name in ("running", "waiting", "success", "failure", "cancelled")}


def duration(seconds):
    return stubs.Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


class Refused(Exception):
    """A call's error: its code, reason, metadata and the fields at fault."""

    def __init__(self, error):
        super().__init__(f"{error.code()}: {error.details()}")
        self.code = error.code()
        self.message = error.details()
        details = stubs.details(error)
        info = details.get("ErrorInfo")
        self.reason = info.reason if info else ""
        self.metadata = dict(info.metadata) if info else {}
        bad = details.get("BadRequest")
        self.fields = {v.field: v.description for v in bad.field_violations} if bad else {}
        self.retries = "RetryInfo" in details


class Caller:
    """Calls a server as one token, over one channel."""

    def __init__(self, address, token):
        self.channel = grpc.insecure_channel(address)
        self.stub = stubs.service_grpc.RunsServiceStub(self.channel)
        self.metadata = stubs.bearer(token)

    def close(self):
        self.channel.close()

    def start(self, method, request, timeout=DEADLINE_S):
        return getattr(self.stub, method).future(request, metadata=self.metadata, timeout=timeout)

    def call(self, method, request, timeout=DEADLINE_S):
        try:
            return getattr(self.stub, method)(request, metadata=self.metadata, timeout=timeout)
        except grpc.RpcError as error:
            raise Refused(error) from None

    def create(self, run_id, holder=None, seconds=None, **fields):
        run = run_pb.Run(id=run_id, workflow_id=fields.pop("workflow_id", "wf"))
        run.workflow_definition.nodes.update({"root": {"type": "manual"}})
        for name, value in fields.items():
            if name in ("timeout", "waiting_timeout"):
                getattr(run, name).CopyFrom(duration(value))
            else:
                setattr(run, name, value)
        request = pb.CreateRunRequest(run=run)
        if holder is not None:
            request.lease.CopyFrom(wish(holder, seconds))
        return self.call("CreateRun", request)

    def create_leased(self, run_id, **fields):
        return self.create(run_id, dispatch=run_pb.RUN_DISPATCH_LEASE, **fields)

    def acquire(self, holder, seconds=None, wait=None, timeout=DEADLINE_S, **fields):
        return list(self.call("AcquireRuns", acquisition(holder, seconds, wait, **fields),
                              timeout).runs)

    def acquire_soon(self, holder, seconds=None, wait=30, timeout=DEADLINE_S, **fields):
        return self.start("AcquireRuns", acquisition(holder, seconds, wait, **fields), timeout)

    def renew(self, holder, *leases, seconds=None):
        held = [lease_pb.HeldLease(run_id=run_id, attempt=attempt) for run_id, attempt in leases]
        return list(self.call("RenewLeases", lease_pb.RenewLeasesRequest(
            lease=wish(holder, seconds), leases=held)).renewals)

    def report(self, run_id, status, attempt=0):
        return self.call("ReportRun", pb.ReportRunRequest(id=run_id, status=STATUS[status],
                                                          attempt=attempt))

    def cancel(self, run_id, reason="", wait=None, timeout=DEADLINE_S):
        return self.call("CancelRun", cancellation(run_id, reason, wait), timeout)

    def release(self, run_id, attempt, reason=""):
        return self.call("ReleaseRun", lease_pb.ReleaseRunRequest(id=run_id, attempt=attempt,
                                                                  reason=reason))

    def acknowledge(self, run_id, attempt=0, reason=""):
        return self.call("AcknowledgeCancel", lease_pb.AcknowledgeCancelRequest(
            id=run_id, attempt=attempt, reason=reason))

    def get(self, run_id):
        return self.call("GetRun", pb.GetRunRequest(id=run_id))

    def events(self, run_id):
        return list(self.call("ListRunEvents", pb.ListRunEventsRequest(id=run_id)).events)


def wish(holder, seconds=None):
    request = lease_pb.LeaseRequest(holder=holder)
    if seconds is not None:
        request.duration.CopyFrom(duration(seconds))
    return request


def acquisition(holder, seconds=None, wait=None, **fields):
    request = lease_pb.AcquireRunsRequest(lease=wish(holder, seconds), **fields)
    if wait is not None:
        request.wait.CopyFrom(duration(wait))
    return request


def cancellation(run_id, reason="", wait=None):
    request = pb.CancelRunRequest(id=run_id, reason=reason)
    if wait is not None:
        request.wait.CopyFrom(duration(wait))
    return request


@contextlib.contextmanager
def refused(test, reason, **metadata):
    """Expects the error of that reason with at least that metadata; gives it in a list."""
    box = []
    try:
        yield box
    except Refused as error:
        test.assertEqual(reason, error.reason, error.message)
        for name, value in metadata.items():
            test.assertEqual(str(value), error.metadata.get(name), error.metadata)
        box.append(error)
        return
    test.fail(f"{reason} was expected")
