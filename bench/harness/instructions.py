"""Counts the instructions of requests: `runsctl serve` under callgrind, one request
at a time, so that what is counted does not depend on the machine's mood."""

import dataclasses
import glob
import os
import re
import statistics

from harness import callgrind, cases, deployment, processes

NAMES = ("cancel", "cancel-keyed", "get", "not-found", "conflict", "grpc-get-serve")
REQUESTS = 500       # of one round
WARM_UP = 200        # requests that nobody counts: caches, arenas and pools fill
ROUNDS = 3           # the one in the middle counts
SHARED_RUNS = 200    # read again and again, or refused
CONTROL_SECONDS = 60
DUMPS = "callgrind.out"
# "rep stosb" is counted as one instruction a byte: memset and memcpy of large blocks
# shall use vectors, as they do for small ones.
TUNABLES = ("glibc.cpu.x86_rep_stosb_threshold=0x7fffffff:"
            "glibc.cpu.x86_rep_movsb_threshold=0x7fffffff")
# Spins while another thread holds the mutex: that is waiting, and differs from run to run.
SPINNING = re.compile(r"absl::(\w+::)?Mutex::Lock ")
ENVIRONMENT = ("LD_BIND_NOW=1", "GLIBC_TUNABLES=" + TUNABLES)


@dataclasses.dataclass
class Count:
    """What one request of a case takes."""

    instructions: float
    allocations: float
    frees: float
    spread: float  # of the rounds: largest to smallest, as a share of the median
    functions: dict  # name -> instructions of its own
    inclusive: dict  # name -> those and what it calls


def _work(profile):
    """Function -> its own instructions, of those that do not wait."""
    return {name: cost for name, cost in profile.self_cost.items() if not SPINNING.match(name)}


def per_request(profiles, requests):
    """Makes a Count of the rounds' profiles: that of the median total, whole, so that
    its functions add up."""
    works = [_work(profile) for profile in profiles]
    totals = [sum(work.values()) for work in works]
    middle = totals.index(statistics.median_low(totals))
    profile = profiles[middle]
    return Count(
        totals[middle] / requests, profile.allocations / requests, profile.frees / requests,
        (max(totals) - min(totals)) / max(totals[middle], 1),
        {name: cost / requests for name, cost in works[middle].items()},
        {name: cost / requests for name, cost in profile.inclusive.items()})


class ProfiledDeployment(deployment.Deployment):
    """One process, under callgrind once it is wanted."""

    profiled = False

    def _start(self, name, command):
        if self.profiled:
            # Under valgrind threads take turns; on one CPU they do so in fewer orders.
            cpu = str(min(os.sched_getaffinity(0)))
            command = ["/usr/bin/env", *ENVIRONMENT, "taskset", "--cpu-list", cpu, "valgrind",
                       "--tool=callgrind", "--callgrind-out-file=" + DUMPS, *command,
                       # Valgrind writes the code that it runs.
                       "--sandbox", "off"]
        return super()._start(name, command)

    def restart_profiled(self):
        self.stop()
        self.profiled = True
        self.start_in_one_process()

    def _control(self, option):
        processes.settle(self.pids())
        processes.run(["callgrind_control", option, str(self.pids()[0])], self.folder,
                      CONTROL_SECONDS)

    def zero(self):
        self._control("--zero")

    def dump(self):
        """Returns the profile since zero()."""
        self._control("--dump")
        paths = glob.glob(os.path.join(self.folder, DUMPS + ".*"))
        if len(paths) != 1:
            raise processes.BenchError(f"callgrind left {len(paths)} dumps instead of one")
        with open(paths[0], encoding="utf-8", errors="replace") as file:
            try:
                profile = callgrind.parse(file)
            except ValueError as error:
                raise processes.BenchError(str(error)) from error
        os.remove(paths[0])
        return profile


def _send(target, case, ids):
    """Sends one request for each id, one after the other."""
    targets = target.write_list("targets", [case.path % i for i in ids])
    if case.protocol == "http":
        keys = ["--keys"] * case.keyed
        report = target.load_http(case.method, targets, ["--once", "--connections", "1", *keys])
    else:
        report = target.load_grpc(case.method, targets, ["--once", "--outstanding", "1"])
    target.check_alive()
    deployment.expect_all(report, case.answer, case.name)


def _repeated(ids, count):
    return [ids[i % len(ids)] for i in range(count)]


def _seed(target, wanted):
    """Creates runs, one at a time: so each store is alike. Returns {kind of runs: ids}; those of
    a case that uses up "fresh" ones have its name."""
    ids = {"existing": target.new_ids(SHARED_RUNS), "finished": target.new_ids(SHARED_RUNS)}
    for case in wanted:
        if case.runs == "fresh":
            ids[case.name] = target.new_ids(WARM_UP + ROUNDS * REQUESTS)
    created = target.write_list("created", sum(ids.values(), []))
    one = ["--once", "--outstanding", "1"]
    deployment.expect_all(target.load_grpc("CreateRun", created, one), "OK", "CreateRun")
    finished = target.write_list("finished", ids["finished"])
    deployment.expect_all(target.load_grpc("CancelRun", finished, one), "OK", "CancelRun")
    ids["missing"] = target.new_ids(SHARED_RUNS)
    return ids


def _batches(case, ids):
    """The ids of the warm-up and of each round."""
    if case.runs != "fresh":
        return [_repeated(ids, WARM_UP)] + [_repeated(ids, REQUESTS)] * ROUNDS
    starts = [WARM_UP + i * REQUESTS for i in range(ROUNDS)]
    return [ids[:WARM_UP]] + [ids[start:start + REQUESTS] for start in starts]


def measure(names, programs, folder, say):
    """Returns {name of a case: Count}."""
    wanted = [case for case in cases.CASES if case.name in names]
    # With metrics: without anybody who can look at them, they would cost nothing.
    target = ProfiledDeployment("serve", programs, folder, ["--admin", "127.0.0.1:0"])
    try:
        target.start_in_one_process()
        ids = _seed(target, wanted)
        target.restart_profiled()
        counts = {}
        for case in wanted:
            warm_up, *rounds = _batches(case, ids.get(case.name) or ids[case.runs])
            _send(target, case, warm_up)
            profiles = []
            for batch in rounds:
                target.zero()
                _send(target, case, batch)
                profiles.append(target.dump())
            counts[case.name] = per_request(profiles, REQUESTS)
            say(f"{case.name:<14} {counts[case.name].instructions:>9,.0f} instructions, "
                f"{ROUNDS} rounds within {100 * counts[case.name].spread:.2f} %")
        return counts
    finally:
        target.stop()
