#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Put together what the hosts and the client of a demo saw.

    report.py DIR REPORT.json

DIR holds migration-N.json (migctl migrate --json) and client.json. Prints the
table; the exit status is 0 only if everything was right.
"""
import json
import os
import sys


def load(path):
    try:
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError) as err:
        print(f"{path}: {err}")
        return None


def migration(raw, seen, number):
    hosts = "AB" if number == 1 else "BA"
    return {
        "from": hosts[0], "to": hosts[1],
        "rounds": raw["rounds"],
        "pages_sent": raw["pages_sent"],
        "bytes_sent": raw["bytes_sent"],
        "stop_ms": raw["stop_ms"],
        "stop_steps": raw.get("stop_steps", {}),
        "client_gap_ms": seen["client_gap_ms"] if seen else None,
        "total_s": raw["total_s"],
    }


LATENCY = ("p50_ms", "p99_ms", "p99_9_ms", "max_ms")


def table(m, ops, latency):
    print(f"\n  {m['from']} -> {m['to']}")
    print("    round      pages         MB    seconds")
    for n, r in enumerate(m["rounds"]):
        name = "stopped" if r.get("final") else f"{n}"
        print(f"    {name:>7} {r['pages']:>10} {r['bytes'] / 1e6:>10.2f} {r['seconds']:>10.3f}")
    print(f"    sent {m['bytes_sent'] / 1e6:.2f} MB in {m['total_s']:.2f} s")
    steps = ", ".join(f"{k} {v:.1f}" for k, v in m["stop_steps"].items())
    print(f"    stopped for {m['stop_ms']:.1f} ms ({steps})")
    print(f"    longest gap seen by the client: {m['client_gap_ms']} ms")
    print("    operations before / during / after:", " / ".join(str(o) for o in ops))
    print("    latency, ms        p50        p99      p99.9        max")
    for name, seen in zip(("before", "during", "after"), latency):
        if seen:
            print(f"    {name:>7}    ", *(f"{seen[k]:>10.2f}" for k in LATENCY))


def main():
    out, target = sys.argv[1:3]
    client = load(f"{out}/client.json")
    if client is None:
        client = {"ops": 0, "errors": 1, "reconnects": 0, "mismatches": 0,
                  "verified": 0, "phases": {}, "latency": {}, "migrations": [], "app": "?"}
    report = {"app": client["app"], "migrations": []}
    phases = client["phases"]
    for n in (1, 2):
        raw = load(f"{out}/migration-{n}.json")
        if raw is None:
            continue
        seen = client["migrations"][n - 1] if len(client["migrations"]) >= n else None
        report["migrations"].append(migration(raw, seen, n))
        names = ("before" if n == 1 else f"after {n - 1}", f"during {n}", f"after {n}")
        table(report["migrations"][-1], [phases.get(name, 0) for name in names],
              [client["latency"].get(name) for name in names])
    report["client"] = {k: client[k] for k in ("ops", "errors", "reconnects", "mismatches")}
    report["client"].update(phases=phases, latency=client["latency"])
    report["keys_verified"] = client["verified"]
    report["ok"] = bool(len(report["migrations"]) == 2 and client["verified"]
                        and not any(client[k] for k in ("errors", "reconnects", "mismatches")))
    print(f"\n  client: {client['ops']} operations, {client['errors']} errors, "
          f"{client['reconnects']} reconnects, {client['mismatches']} mismatches, "
          f"{client['verified']} keys verified")
    for line in client.get("problems", []):
        print("    " + line)
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    with open(target, "w") as f:
        json.dump(report, f, indent=1)
    print(f"\n  {'ok' if report['ok'] else 'NOT OK'}: {target}")
    return not report["ok"]


if __name__ == "__main__":
    sys.exit(main())
