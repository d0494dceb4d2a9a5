"""bench/instructions.json: what a request took when it was written, and how a new
count compares with it."""

import json

from harness import instructions, table

TOLERANCE_PERCENT = 3        # runs of one build agree within 0.5 % (REST) to 1.5 % (gRPC)
ALLOCATIONS_TOLERANCE = 0.5  # a request; less is background work
KEPT_FUNCTIONS = 60
SHOWN_FUNCTIONS = 12
LEAST_CHANGE = 0.001  # of a case: a smaller growth of a function is not worth a line
# Their -dev packages have the versions of the libraries, under names that stay.
PACKAGES = ("libc6-dev", "libgrpc-dev", "libmicrohttpd-dev", "libprotobuf-c-dev",
            "libsqlite3-dev", "libssl-dev", "libxxhash-dev", "valgrind", "zlib1g-dev")
# Valgrind shows one CPU of its own, with these where the machine has them.
CPU_FEATURES = ("avx", "avx2", "bmi1", "abm", "f16c", "rdrand")
HOW = "script/bench --instructions --write-baseline writes it"


def toolchain(gcc, packages, cpuinfo):
    """What the counts depend on beside our code, of gcc's version, dpkg-query's
    "package version" lines and the text of /proc/cpuinfo."""
    flags = set()
    for line in cpuinfo.splitlines():
        if line.startswith("flags"):
            flags = set(line.partition(":")[2].split())
            break
    versions = dict(line.split(" ", 1) for line in packages.splitlines() if " " in line)
    return {"gcc": gcc, **{name: versions.get(name, "none") for name in PACKAGES},
            "cpu": " ".join(name for name in CPU_FEATURES if name in flags)}


def text(counts, used_toolchain):
    """The file's text."""
    found = {
        "about": f"Instructions and allocations of one request, by callgrind: {HOW}. "
                 "Runs of one build agree within 0.5 % (REST) to 1.5 % (gRPC). "
                 "functions: the largest, by instructions of their own.",
        "tolerancePercent": TOLERANCE_PERCENT,
        "requests": instructions.REQUESTS,
        "environment": list(instructions.ENVIRONMENT),
        "toolchain": used_toolchain,
        "cases": {name: {
            "instructions": round(count.instructions),
            "allocations": round(count.allocations, 1),
            "functions": {function: round(cost) for function, cost in _by_size(
                count.functions)[:KEPT_FUNCTIONS]},
        } for name, count in counts.items()},
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def read(path, used_toolchain):
    """Returns (baseline, problem): one of both is None."""
    name = "bench/instructions.json"
    try:
        with open(path, encoding="utf-8") as file:
            baseline = json.load(file)
        for case in baseline["cases"].values():
            _ = case["instructions"] + case["allocations"], case["functions"].items()
        _ = baseline["tolerancePercent"] + 0
        written = dict(baseline["toolchain"], requests=baseline["requests"],
                       environment=baseline["environment"])
    except FileNotFoundError:
        return None, f"{name} is missing, so nothing was compared; {HOW}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return None, f"{name} cannot be read ({error!r}), so nothing was compared; {HOW}"
    here = dict(used_toolchain, requests=instructions.REQUESTS,
                environment=list(instructions.ENVIRONMENT))
    other = [f"{key} {written.get(key)}, here {value}" for key, value in here.items()
             if written.get(key) != value]
    if other:
        return None, (f"{name} is of another toolchain ({'; '.join(other)}), so nothing was "
                      f"compared; {HOW}")
    return baseline, None


def _by_size(functions):
    return sorted(functions.items(), key=lambda item: (-item[1], item[0]))


def _percent(now, before):
    return 100 * (now - before) / max(before, 1)


def table_of(counts, baseline):
    rows = [("case", "instructions", "baseline", "change %", "allocations", "baseline", "frees",
             "spread %")]
    for name, count in counts.items():
        case = baseline["cases"].get(name) if baseline else None
        rows.append((
            name, table.number(count.instructions, 0),
            table.number(case and case["instructions"], 0),
            f"{_percent(count.instructions, case['instructions']):+.1f}" if case else "-",
            table.number(count.allocations), table.number(case and case["allocations"]),
            table.number(count.frees), table.number(100 * count.spread, 2)))
    return "\n".join(table.aligned(rows))


def largest(counts, number):
    """Lines that tell each case's largest functions, by their own instructions."""
    lines = []
    for name, count in counts.items():
        shown = _by_size(count.functions)[:number]
        if shown:
            lines += ["", f"{name}: own instructions, with those called, function"]
        lines += [f"{cost:9,.0f} {count.inclusive.get(function, cost):9,.0f}  {function}"
                  for function, cost in shown]
    return lines


def _grown_functions(count, case):
    """[(growth, function, now, before as text)], largest first."""
    kept = case["functions"]
    # What the baseline left out was no larger than the smallest that it kept.
    left_out = min(kept.values()) if len(kept) >= KEPT_FUNCTIONS else 0
    grown = []
    for function, now in count.functions.items():
        before = kept.get(function, left_out)
        if now - before >= LEAST_CHANGE * case["instructions"]:
            at_most = "" if function in kept or left_out == 0 else "at most "
            grown.append((now - before, function, now, f"{at_most}{before:,.0f}"))
    return sorted(grown, key=lambda row: (-row[0], row[1]))


def _grown_lines(count, case):
    return [f"  {growth:+9,.0f}  {function}: {now:,.0f}, baseline {before}"
            for growth, function, now, before in _grown_functions(count, case)[:SHOWN_FUNCTIONS]
            ] or ["  no single function did, many did a little"]


def compare(counts, baseline):
    """Returns (lines to print, whether a case grew by more than the tolerance)."""
    tolerance = baseline["tolerancePercent"]
    lines = []
    grew = False
    for name, count in counts.items():
        case = baseline["cases"].get(name)
        if case is None:
            grew = True
            lines.append(f"{name}: not in the baseline; {HOW}")
            continue
        change = _percent(count.instructions, case["instructions"])
        more = count.allocations - case["allocations"]
        if more > ALLOCATIONS_TOLERANCE:
            grew = True
            lines.append(f"{name}: allocations grew from {case['allocations']:,.1f} to "
                         f"{count.allocations:,.1f}")
        if change > tolerance:
            grew = True
            lines.append(f"{name}: instructions grew from {case['instructions']:,} to "
                         f"{count.instructions:,.0f} ({change:+.1f} %, tolerated "
                         f"{tolerance:g} %); most in")
            lines += _grown_lines(count, case)
        elif change < -tolerance or more < -ALLOCATIONS_TOLERANCE:
            lines.append(f"{name}: shrunk ({change:+.1f} % instructions, {more:+.1f} allocations); "
                         f"the baseline can be lowered: {HOW}")
    return lines or [f"No case differs from the baseline by more than {tolerance:g} %."], grew
