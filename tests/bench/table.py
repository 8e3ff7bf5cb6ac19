#!/usr/bin/env python3
"""Turns the figures of a race between engines into the tables of docs/performance.md.

    table.py RACE.json > tables.md

RACE.json maps model → engine → {ms, min_ms, p99_p50, load, first, rss, err}, or {error} for an engine that did not run.
"""
import json
import sys

OURS = "xinf"


def ran(rows):
    return {e: r for e, r in rows.items() if "ms" in r}


def speed(race):
    """Median times; the last column is the fastest peer's time over ours, above 1 when ours is faster."""
    engines = sorted({e for rows in race.values() for e in ran(rows)} - {OURS})
    print("| model | " + " | ".join([OURS] + engines) + " | best peer / ours |")
    print("|---|" + "---|" * (len(engines) + 2))
    product, count = 1.0, 0
    for model, rows in sorted(race.items()):
        rows = ran(rows)
        best = min(r["ms"] for e, r in rows.items() if e != OURS)
        ratio = best / rows[OURS]["ms"]
        product, count = product * ratio, count + 1
        cells = [f"{rows[e]['ms']:.2f}" if e in rows else "–" for e in [OURS] + engines]
        print(f"| {model} | " + " | ".join(cells) + f" | {ratio:.2f} |")
    print(f"\nGeometric mean of the last column: {product ** (1 / count):.2f}.\n")


def memory(race):
    """Ours against the best peer of each column."""
    print("| model | peak MiB | leanest peer | first run ms | quickest peer | p99/p50 | best peer | error | best peer |")
    print("|---|" + "---|" * 8)
    for model, rows in sorted(race.items()):
        rows = ran(rows)
        peers = [r for e, r in rows.items() if e != OURS]
        ours = rows[OURS]
        print(f"| {model} | {ours['rss']:.0f} | {min(r['rss'] for r in peers):.0f} | {ours['first'] * 1e3:.0f} | "
              f"{min(r['first'] for r in peers) * 1e3:.0f} | {ours['p99_p50']:.2f} | {min(r['p99_p50'] for r in peers):.2f} | "
              f"{ours['err']:.1e} | {min(r['err'] for r in peers):.1e} |")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        race = json.load(file)
    speed(race)
    memory(race)


if __name__ == "__main__":
    main()
