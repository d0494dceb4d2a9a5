"""Ours beside another's, measured in turn in the same run."""

import statistics

from harness import table

FIELDS = (("CPU", "cpu_us"), ("rate", "rate"), ("p50", "p50_us"), ("p99", "p99_us"),
          ("longest", "longest_us"))


def ratio(ours, theirs, field):
    """The median of the rounds' ratios, whose two measurements the machine treated alike;
    None where there is none."""
    values = [table.ratio(getattr(a, field), getattr(b, field)) for a, b in zip(ours, theirs)]
    return None if not values or None in values else statistics.median(values)


def _cells(name, ours, theirs):
    def both(field, digits, divisor=1):
        values = [table.number(table.median(side, field) / divisor, digits)
                  for side in (ours, theirs)]
        return values[0] + " : " + values[1]

    return ((name, both("cpu_us", 1), both("rate", 0), both("p50_us", 2, 1000),
             both("p99_us", 1, 1000), both("longest_us", 1, 1000))
            + tuple(table.number(ratio(ours, theirs, field), 2) for _, field in FIELDS))


def lines(title, ours, theirs):
    """The block under the benchmark's table, of {case: measurements} of both sides; none
    where nothing was measured on both."""
    rows = [_cells(case.name, ours[case], measured) for case, measured in theirs.items()
            if case in ours]
    if not rows:
        return []
    heading = ("case", "CPU µs", "rate/s", "p50 ms", "p99 ms", "longest ms") + tuple(
        "/ " + name for name, _ in FIELDS)
    return ["", title, ""] + table.aligned([heading] + rows)
