"""Sittings of both sides in turn: peers.py, then `throughput`, again and again.

    .venv/bin/python benches/peers/sittings.py --threads 2 --sittings 10

Every sitting is kept, in results/throughput/sittings.csv; the medians and ranges of the ratios to the faster
peer are printed as the README's table has them. Build first: cargo build --release.
"""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", default="2")
parser.add_argument("--sittings", type=int, default=10)
parser.add_argument("--kernels", help="only these, with commas between")
parser.add_argument("--out", default="results/throughput/sittings.csv")
options = parser.parse_args()
chosen = ["--kernels", options.kernels] if options.kernels else []
here = os.path.dirname(os.path.abspath(__file__))
throughput = os.path.join(here, "..", "..", "target", "release", "throughput")
WORK = ["kernel", "visible", "hidden", "batch", "gibbs_steps"]


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


rows = []
for sitting in range(1, options.sittings + 1):
    with tempfile.TemporaryDirectory() as folder:
        peers = os.path.join(folder, "peers.csv")
        both = [
            [sys.executable, os.path.join(here, "peers.py"), "--rounds", "3", "--out", peers],
            [throughput, "--rounds", "9", "--longest", "1", "--out", folder],
        ]
        for command in both:
            subprocess.run(command + ["--threads", options.threads] + chosen, check=True, stdout=subprocess.DEVNULL)
        for own in read(os.path.join(folder, "rows.csv")):
            same = [peer for peer in read(peers) if all(peer[key] == own[key] for key in WORK)]
            if same:
                best = min(same, key=lambda peer: float(peer["microseconds"]))
                ratio = float(best["microseconds"]) / float(own["microseconds"])
                work = [own[key] for key in WORK]
                rows.append([sitting, *work, own["microseconds"], best["peer"], best["microseconds"], ratio])

with open(options.out, "w", newline="") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["sitting", *WORK, "microseconds", "best_peer", "peer_microseconds", "ratio"])
    table.writerows(rows)
for work in dict.fromkeys(tuple(row[1:6]) for row in rows):
    ratios = [row[-1] for row in rows if tuple(row[1:6]) == work]
    print(*work, f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})")
