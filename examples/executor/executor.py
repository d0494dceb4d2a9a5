"""An executor: acquires runs, runs the command of each, and stops it when the run is cancelled.

RUNSD_TOKEN=... executor.py ADDRESS; LEASE_S, GRACE_S and SLOTS are read from the environment, too.
"""
import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import time
import types
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from runs.v1 import feed_pb2, lease_pb2, run_pb2, runs_service_pb2, runs_service_pb2_grpc

LEASE_S = int(os.environ.get("LEASE_S", 30))    # a run that is not renewed for so long is another's
GRACE_S = float(os.environ.get("GRACE_S", 10))  # from a child's TERM to its KILL
SLOTS = int(os.environ.get("SLOTS", 4))         # children at once
HOLDER = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"  # a fresh name at each start
LEASE = lease_pb2.LeaseRequest(holder=HOLDER, duration=Duration(seconds=LEASE_S))
METADATA = [("authorization", f"Bearer {os.environ.pop('RUNSD_TOKEN')}")]  # no child is to have it
# Restarts, proxies and limits end calls and streams with all of these.
AGAIN = {getattr(grpc.StatusCode, name) for name in (
    "UNAVAILABLE", "INTERNAL", "UNKNOWN", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED")}
CHANNEL = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 2000),
           ("grpc.keepalive_time_ms", 20000)]  # to notice a connection that a proxy forgot
WAIT = Duration(seconds=min(5, LEASE_S // 2))  # for a run, if there is none
works = []  # what is held: id, attempt, until (our clock), why (a future: stop it for this)


def log(text):
    print(text, file=sys.stderr, flush=True)


async def pause(error, tries):
    """Waits before the next try: longer each time, and random, so that many do not come at once."""
    if error.code() not in AGAIN:
        raise error
    log(f"trying again: {error.code().name} {error.details()}")
    await asyncio.sleep(min(0.1 * 2 ** tries, 5) * random.uniform(0.5, 1))


async def call(method, request):
    """Calls until there is an answer; what a call did whose answer was lost, the next answer says."""
    for tries in range(sys.maxsize):
        try:
            return await method(request, metadata=METADATA, timeout=10)
        except grpc.RpcError as error:
            await pause(error, tries)


def error_info(error):
    """The ErrorInfo of an error that the server made; an empty one of one that gRPC made itself."""
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            any(detail.Unpack(info) for detail in status_pb2.Status.FromString(value).details)
    return info


def signal_group(child, number):
    with contextlib.suppress(ProcessLookupError):  # nothing is left of it
        os.killpg(child.pid, number)


def stop(work, why):
    if not work.why.done():
        work.why.set_result(why)


async def acquire(runs, slots, now):
    """Takes a run whenever there is a free slot."""
    request = lease_pb2.AcquireRunsRequest(lease=LEASE, max_runs=1, wait=WAIT)
    while await slots.acquire():
        asked = time.monotonic()
        reply = await call(runs.AcquireRuns, request)
        for got in reply.runs:
            why = asyncio.get_running_loop().create_future()
            works.append(types.SimpleNamespace(
                id=got.run.id, attempt=got.attempt, until=asked + LEASE_S, why=why))
            asyncio.create_task(execute(runs, got.run, works[-1])).add_done_callback(
                lambda _: slots.release())
            now.set()
        if not reply.runs:
            slots.release()


async def execute(runs, run, work):
    """Runs the run's command to its end, or until it is to stop; then says so to the server."""
    log(f"acquired {run.id} #{work.attempt}")
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", run.prop_values.fields["command"].string_value or "exit 64",
        env={**os.environ, "RUN_ID": run.id, "ATTEMPT": str(work.attempt)}, start_new_session=True)
    end = asyncio.create_task(child.wait())
    while not end.done() and not work.why.done():
        left = work.until - time.monotonic()
        if left < 0:
            stop(work, "lost")  # nothing was heard for a whole lease: another may work on it now
        await asyncio.wait({end, work.why}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    why = None if end.done() else work.why.result()
    if why:
        log(f"stopping {run.id} #{work.attempt}: {why}")
        signal_group(child, signal.SIGTERM)
        await asyncio.wait({end}, timeout=GRACE_S)
    signal_group(child, signal.SIGKILL)  # and what it has left behind: stopped means all of it
    said = await settle(runs, run.id, work.attempt, why, await end)
    works.remove(work)
    log(f"done with {run.id} #{work.attempt}: {said}")


async def settle(runs, run_id, attempt, why, code):
    """Says to the server what became of the work; returns what was said."""
    mine = {"id": run_id, "attempt": attempt}
    try:
        if why == "lost":  # the run may be another's: nothing of it is ours to say
            return "nothing said"
        if why == "cancelled":
            await call(runs.AcknowledgeCancel, lease_pb2.AcknowledgeCancelRequest(**mine))
            return "acknowledged"
        if why == "released":
            await call(runs.ReleaseRun, lease_pb2.ReleaseRunRequest(**mine))
            return "released"
        status = run_pb2.RUN_STATUS_FAILURE if code else run_pb2.RUN_STATUS_SUCCESS
        await call(runs.ReportRun, runs_service_pb2.ReportRunRequest(
            **mine, status=status, reason=f"exit code {code}"))
        return f"reported exit code {code}"
    except grpc.RpcError as error:
        info = error_info(error)
    # RUN_ALREADY_FINISHED may be our own report, whose answer was lost.
    said = f"refused: {info.reason} {info.metadata.get('status', '')}"
    is_cancelled = info.metadata.get("status") == "cancelled" and info.reason != "ATTEMPT_STALE"
    if is_cancelled and why != "cancelled":  # and we had not heard of it when the child ended
        return await settle(runs, run_id, attempt, "cancelled", code)
    return said


async def renew(runs, now):
    """Renews what is held, often enough that a failure costs no lease; stops what is not ours."""
    while True:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(now.wait(), LEASE_S / 3)
        now.clear()
        held, asked = list(works), time.monotonic()
        reply = await call(runs.RenewLeases, lease_pb2.RenewLeasesRequest(lease=LEASE, leases=[
            lease_pb2.HeldLease(run_id=work.id, attempt=work.attempt) for work in held]))
        for work, renewal in zip(held, reply.renewals):
            if renewal.state == lease_pb2.LEASE_STATE_HELD:
                work.until = asked + LEASE_S
            else:
                is_cancelled = renewal.status == run_pb2.RUN_STATUS_CANCELLED
                stop(work, "cancelled" if is_cancelled else "lost")


async def watch(runs, now):
    """Has all renewed at once when something happens to what is held: the renewal says what."""
    cursor, tries = "", 0
    while True:
        try:
            request = feed_pb2.WatchRunsRequest(holder=HOLDER, cursor=cursor)
            async for message in runs.WatchRuns(request, metadata=METADATA):
                cursor, tries = message.cursor or cursor, 0
                if any(work.id == message.change.run_id for work in works):
                    now.set()
            await asyncio.sleep(1)  # an end in good order
        except grpc.RpcError as error:
            now.set()  # for what is missed meanwhile
            if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                cursor = ""  # CURSOR_EXPIRED: the feed does not go back so far
            else:
                await pause(error, tries)
            tries += 1


async def main(address):
    log(f"holder {HOLDER}")
    slots, stopping, now = asyncio.Semaphore(SLOTS), asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with grpc.aio.insecure_channel(address, options=CHANNEL) as channel:
        runs = runs_service_pb2_grpc.RunsServiceStub(channel)
        tasks = [asyncio.create_task(task) for task in (
            acquire(runs, slots, now), renew(runs, now), watch(runs, now))]
        for task in tasks:  # one that cannot go on, since the token was revoked say, ends all
            task.add_done_callback(lambda _: stopping.set())
        await stopping.wait()
        tasks[0].cancel()  # takes no more runs
        for work in works:
            stop(work, "released")
        while works:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(task for task in tasks if task.done() and not task.cancelled()))


asyncio.run(main(sys.argv[1]))
