"""Medians, and the tables that are printed."""

import statistics


def median(measurements, field):
    """The median of the field; None if a measurement has none."""
    values = [getattr(m, field) for m in measurements]
    return None if None in values else statistics.median(values)


def number(value, digits=1):
    """A number as the tables have it; "-" for None."""
    if value is None:
        return "-"
    return f"{value:,.{digits}f}"


def ratio(value, part):
    """value / part, or None where there is no part."""
    return None if value is None or not part else value / part


def aligned(rows, left=1):
    """Lines of a Markdown table, its columns aligned: the first ones to the left,
    the others to the right. rows[0] is the heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    def line(row):
        cells = [cell.ljust(width) if i < left else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        return "| " + " | ".join(cells) + " |"

    rule = ["-" * width if i < left else "-" * (width - 1) + ":"
            for i, width in enumerate(widths)]
    return [line(rows[0]), line(rule)] + [line(row) for row in rows[1:]]
