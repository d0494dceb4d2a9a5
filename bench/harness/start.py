"""How long a server that was killed under load takes until it answers again."""

import dataclasses
import http.client
import os
import statistics
import time

from harness import background, processes

NAME = "start"
WHERE = "serve"
LOAD_SECONDS = 1.0       # of cancels before the kill
RUNS = 50000             # to cancel in that time
READY_SECONDS = 120      # at most
PERIOD_SECONDS = 0.002   # between two requests


@dataclasses.dataclass(frozen=True)
class Row:
    """One kill and start."""

    seconds: float  # from the start of the process to the first 200 of a GET
    log_mib: float  # the write-ahead log's file that was left


def _answers(target, run):
    """Whether a GET of the run ends with 200."""
    host, port = target.http.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=READY_SECONDS)
    try:
        connection.request("GET", "/v1/runs/" + run,
                           headers={"Authorization": "Bearer " + target.token})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def seconds_to_start(target, run):
    """Starts the server; returns the seconds until it answers."""
    begin = time.monotonic()
    server = target.launch_one_process()
    while time.monotonic() - begin < READY_SECONDS:
        if _answers(target, run):
            return time.monotonic() - begin
        if not server.alive():
            raise processes.BenchError(f"the killed server did not start: {server.log_tail()}")
        time.sleep(PERIOD_SECONDS)
    raise processes.BenchError(f"the killed server does not answer within {READY_SECONDS} s")


def _cancel(target, ids, connections):
    """Cancels until the server is gone, which is no error; returns the load report."""
    path = target.write_list(NAME, [f"/v1/runs/{i}/cancel" for i in ids])
    return target.load_http("POST", path, [
        "--once", "--seconds", str(10 * LOAD_SECONDS), "--connections", str(connections),
        "--timeout", "1"])


def measure(runs, connections):
    """Kills the server of a FilledTarget under cancels in random order and starts it again;
    returns a Row."""
    target = runs.target
    runs.renew(RUNS, False)
    ids = runs.take(RUNS, False)
    load = background.Background(lambda: _cancel(target, ids, connections))
    time.sleep(LOAD_SECONDS)
    target.servers["runsctl"].kill()
    report = load.result()
    runs.give_back(len(ids) - report["targetsUsed"], False)
    if report["answers"].get("200", 0) == 0:
        raise processes.BenchError("no run was cancelled before the kill")
    log_mib = os.path.getsize(target.database + "-wal") / 2**20
    return Row(seconds_to_start(target, ids[0]), log_mib)


def lines(rows, title=""):
    """The block under the benchmark's table, of ours or the programs of that title."""
    return ["", f"Start{title and f' of {title}'} after kill -9 under cancels in random order, until a GET is answered: "
                f"{1000 * statistics.median(r.seconds for r in rows):,.0f} ms (median of "
                f"{len(rows)}), at most {1000 * max(r.seconds for r in rows):,.0f} ms, with a "
                f"write-ahead log of up to {max(r.log_mib for r in rows):,.0f} MiB."]
