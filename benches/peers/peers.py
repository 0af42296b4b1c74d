"""The other side of the speed comparison: numpy, torch and numba, written as a good practitioner would.

    python3 -m venv .venv && .venv/bin/pip install numpy torch numba threadpoolctl
    .venv/bin/python benches/peers/peers.py --threads 2 --out peers.csv
    cargo run --release --bin throughput -- --threads 2 --peers peers.csv

Single precision for training and annealing (double is slower), double for exact sums; the same sizes, data densities
and whole updates as `throughput` measures. Every size is measured in turn, round after round; the
table holds medians of the wall time of one unit (a sample, a state, a spin update, or a temperature of all chains).
"""
import argparse
import csv
import os
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--kernels", help="only these, with commas between, as `throughput` names them")
parser.add_argument("--out", default="peers.csv")
options = parser.parse_args()
for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = str(options.threads)

import numpy as np
import threadpoolctl

limits = threadpoolctl.threadpool_limits(options.threads)
try:
    import torch

    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
except ImportError:
    torch = None
    print("torch is not installed: numpy alone", file=sys.stderr)

try:
    import numba

    numba.set_num_threads(min(options.threads, numba.config.NUMBA_NUM_THREADS))
except ImportError:
    numba = None
    print("numba is not installed: no spin updates", file=sys.stderr)

TRAINING = [  # kernel, visible, hidden, batch, Gibbs steps, rows, density
    ("cd", 784, 500, 100, 1, 1000, 0.13),
    ("cd", 784, 500, 100, 10, 500, 0.13),
    ("pcd", 784, 500, 20, 15, 200, 0.13),
    ("cd", 100, 400, 100, 10, 1000, 0.5),
    ("cd", 64, 64, 100, 10, 2000, 0.5),
    ("cd", 16, 16, 100, 10, 5000, 0.5),
]
LOG_PARTITION = [(16, 16), (20, 20), (24, 20)]  # over the smaller layer
EXACT_GRADIENT = [(16, 16), (20, 20)]
ANNEALING = [(784, 500, 100, 200), (64, 64, 100, 2000)]  # visible, hidden, chains, temperatures
METROPOLIS = [(64, 1024, 100, 4, 200), (64, 1, 5000, 1, 500)]  # side; chains, sweeps there; chains, sweeps here
CHUNK = 1 << 14  # states whose inputs fit the second-level cache
RATE = 1e-6  # so small that the machine stays as it is


class Numpy:
    name = "numpy"

    def __init__(self, visible, hidden, deviation, dtype):
        self.rng = np.random.default_rng(0)
        self.W = (self.rng.standard_normal((visible, hidden)) * deviation).astype(dtype)
        self.b, self.c = np.zeros(visible, dtype), np.zeros(hidden, dtype)
        self.dtype = dtype

    def data(self, rows, density):
        return (self.rng.random((rows, len(self.b))) < density).astype(self.dtype)

    @staticmethod
    def sigmoid(x):
        np.negative(x, out=x)
        np.exp(x, out=x)
        x += 1
        return np.reciprocal(x, out=x)

    def draw(self, p):
        return (self.rng.random(p.shape, dtype=self.dtype) < p).astype(self.dtype)

    def hidden(self, v):
        x = v @ self.W
        x += self.c
        return self.sigmoid(x)

    def visible(self, h):
        x = h @ self.W.T
        x += self.b
        return self.sigmoid(x)

    def update(self, v0, gibbs_steps, chains):
        p0 = self.hidden(v0)
        h = self.draw(p0 if chains is None else self.hidden(chains))
        for step in range(gibbs_steps):
            v = self.draw(self.visible(h))
            p = self.hidden(v)
            if step + 1 < gibbs_steps:
                h = self.draw(p)
        rate = self.dtype(RATE / len(v0))
        gradient = v0.T @ p0
        gradient -= v.T @ p
        gradient *= rate
        self.W += gradient
        self.b += rate * (v0.sum(0) - v.sum(0))
        self.c += rate * (p0.sum(0) - p.sum(0))
        return v

    def annealing(self, chains, temperatures):
        betas = np.linspace(0, 1, 14501)[: temperatures + 1].astype(self.dtype)
        v, log_weights = self.data(chains, 0.5), np.zeros(chains, self.dtype)
        for lower, upper in zip(betas, betas[1:]):
            x = v @ self.W
            x += self.c
            # softplus(upper x) - softplus(lower x), with one logarithm for both.
            magnitude = np.abs(x)
            ratio = np.exp(magnitude * -upper)
            ratio += 1
            magnitude *= -lower
            np.exp(magnitude, out=magnitude)
            magnitude += 1
            ratio /= magnitude
            np.log(ratio, out=ratio)
            linear = v @ self.b + np.maximum(x, 0, out=magnitude).sum(1)
            log_weights += (upper - lower) * linear + ratio.sum(1)
            x *= upper
            y = self.draw(self.sigmoid(x)) @ self.W.T
            y += self.b
            y *= upper
            v = self.draw(self.sigmoid(y))
        return log_weights

    def chunks(self):
        bits = np.arange(len(self.b))
        for start in range(0, 1 << len(self.b), CHUNK):
            states = np.arange(start, min(start + CHUNK, 1 << len(self.b)))
            v = ((states[:, None] >> bits) & 1).astype(self.dtype)
            x = v @ self.W
            x += self.c
            e = np.exp(-np.abs(x))
            yield v, x, e, v @ self.b + (np.maximum(x, 0) + np.log1p(e)).sum(1)

    def log_partition(self):
        sums = []
        for _, _, _, log_weight in self.chunks():
            largest = log_weight.max()
            sums.append(largest + np.log(np.exp(log_weight - largest).sum()))
        sums = np.array(sums)
        return sums.max() + np.log(np.exp(sums - sums.max()).sum())

    def exact_gradient(self):
        W, b, c = np.zeros_like(self.W), np.zeros_like(self.b), np.zeros_like(self.c)
        Z, largest = 0.0, -np.inf
        for v, x, e, log_weight in self.chunks():
            p = np.where(x >= 0, 1, e) / (1 + e)
            top = log_weight.max()
            if top > largest:
                scale = np.exp(largest - top)
                W, b, c, Z, largest = W * scale, b * scale, c * scale, Z * scale, top
            weight = np.exp(log_weight - largest)
            Z += weight.sum()
            p *= weight[:, None]
            W += v.T @ p
            b += weight @ v
            c += p.sum(0)
        return W / Z, b / Z, c / Z


class Torch:
    name = "torch"

    def __init__(self, visible, hidden, deviation, dtype):
        torch.manual_seed(0)
        self.dtype = torch.float32 if dtype == np.float32 else torch.float64
        self.W = torch.randn(visible, hidden, dtype=self.dtype) * deviation
        self.b, self.c = torch.zeros(visible, dtype=self.dtype), torch.zeros(hidden, dtype=self.dtype)

    def data(self, rows, density):
        return (torch.rand(rows, len(self.b)) < density).to(self.dtype)

    @staticmethod
    def draw(p):  # several times cheaper on a processor than torch.bernoulli
        return torch.lt(torch.empty_like(p).uniform_(), p).to(p.dtype)

    def hidden(self, v):
        return torch.addmm(self.c, v, self.W).sigmoid_()

    def visible(self, h):
        return torch.addmm(self.b, h, self.W.t()).sigmoid_()

    def update(self, v0, gibbs_steps, chains):
        p0 = self.hidden(v0)
        h = self.draw(p0 if chains is None else self.hidden(chains))
        for step in range(gibbs_steps):
            v = self.draw(self.visible(h))
            p = self.hidden(v)
            if step + 1 < gibbs_steps:
                h = self.draw(p)
        rate = RATE / len(v0)
        self.W.addmm_(v0.t(), p0, alpha=rate)
        self.W.addmm_(v.t(), p, alpha=-rate)
        self.b.add_(v0.sum(0) - v.sum(0), alpha=rate)
        self.c.add_(p0.sum(0) - p.sum(0), alpha=rate)
        return v

    def annealing(self, chains, temperatures):
        betas = np.linspace(0, 1, 14501)[: temperatures + 1].tolist()
        v, log_weights = self.data(chains, 0.5), torch.zeros(chains, dtype=self.W.dtype)
        softplus = torch.nn.functional.softplus
        for lower, upper in zip(betas, betas[1:]):
            x = torch.addmm(self.c, v, self.W)
            log_weights += (upper - lower) * (v @ self.b)
            log_weights += softplus(upper * x).sum(1) - softplus(lower * x).sum(1)
            y = torch.addmm(self.b, self.draw(x.mul_(upper).sigmoid_()), self.W.t())
            v = self.draw(y.mul_(upper).sigmoid_())
        return log_weights

    def chunks(self):
        bits = torch.arange(len(self.b))
        for start in range(0, 1 << len(self.b), CHUNK):
            states = torch.arange(start, min(start + CHUNK, 1 << len(self.b)))
            v = ((states[:, None] >> bits) & 1).to(self.dtype)
            x = torch.addmm(self.c, v, self.W)
            yield v, x, v @ self.b + torch.nn.functional.softplus(x).sum(1)

    def log_partition(self):
        return torch.logsumexp(torch.stack([torch.logsumexp(w, 0) for _, _, w in self.chunks()]), 0)

    def exact_gradient(self):
        W, b, c = torch.zeros_like(self.W), torch.zeros_like(self.b), torch.zeros_like(self.c)
        Z, largest = torch.zeros((), dtype=self.dtype), torch.tensor(-float("inf"), dtype=self.dtype)
        for v, x, log_weight in self.chunks():
            top = log_weight.max()
            if top > largest:
                scale = torch.exp(largest - top)
                W, b, c, Z, largest = W * scale, b * scale, c * scale, Z * scale, top
            weight = torch.exp(log_weight - largest)
            Z += weight.sum()
            p = x.sigmoid_() * weight[:, None]
            W.addmm_(v.t(), p)
            b += weight @ v
            c += p.sum(0)
        return W / Z, b / Z, c / Z


def training(library, visible, hidden, batch, gibbs_steps, rows, density, persistent):
    machine = library(visible, hidden, 0.01, np.float32)
    data = machine.data(rows, density)
    chains = [machine.data(batch, 0.5) if persistent else None]

    def epoch():
        for start in range(0, rows, batch):
            v = machine.update(data[start : start + batch], gibbs_steps, chains[0])
            if persistent:
                chains[0] = v

    return epoch


if numba:

    @numba.njit(fastmath=True, parallel=True)
    def sweeps_in_order(spins, sweeps, acceptance):
        chains, side = spins.shape[0], spins.shape[1]
        for chain in numba.prange(chains):
            s = spins[chain]
            for _ in range(sweeps):
                for i in range(side):
                    up, down = (i - 1) % side, (i + 1) % side
                    for j in range(side):
                        around = s[up, j] + s[down, j] + s[i, (j - 1) % side] + s[i, (j + 1) % side]
                        if np.random.random() < acceptance[s[i, j] * around + 4]:
                            s[i, j] = -s[i, j]

    def metropolis(side, chains, sweeps):
        spins = np.where(np.random.default_rng(0).random((chains, side, side)) < 0.5, 1, -1).astype(np.int8)
        cost = np.arange(-4, 5)
        # Ties at probability 1/2, as the other side does.
        acceptance = np.where(cost == 0, 0.5, np.minimum(1, np.exp(-2 * cost / 2.269185314213022)))
        return lambda: sweeps_in_order(spins, sweeps, acceptance)


cases = []  # (columns of the table, units of work, what to run)
for library in [Numpy] + ([Torch] if torch else []):
    for kernel, visible, hidden, batch, gibbs_steps, rows, density in TRAINING:
        run = training(library, visible, hidden, batch, gibbs_steps, rows, density, kernel == "pcd")
        cases.append(((library.name, kernel, visible, hidden, batch, gibbs_steps, "sample"), rows, run))
    for visible, hidden in LOG_PARTITION:
        small, large = sorted((visible, hidden))
        run = library(small, large, 0.1, np.float64).log_partition
        cases.append(((library.name, "log_partition", visible, hidden, "", "", "state"), 1 << small, run))
    for visible, hidden in EXACT_GRADIENT:
        run = library(visible, hidden, 0.1, np.float64).exact_gradient
        cases.append(((library.name, "exact_gradient", visible, hidden, "", "", "state"), 1 << visible, run))
    for visible, hidden, chains, temperatures in ANNEALING:
        machine = library(visible, hidden, 0.01, np.float32)
        run = lambda machine=machine, size=(chains, temperatures): machine.annealing(*size)
        columns = (library.name, "ais", visible, hidden, chains, 1, "temperature")
        cases.append((columns, temperatures, run))

for side, their_chains, their_sweeps, chains, sweeps in METROPOLIS if numba else []:
    columns = ("numba", "metropolis", side * side, "", their_chains, their_sweeps, "update")
    cases.append((columns, side * side * chains * sweeps, metropolis(side, chains, sweeps)))

if options.kernels:
    cases = [case for case in cases if case[0][1] in options.kernels.split(",")]
times = [[] for _ in cases]
for round_number in range(options.rounds + 1):
    for (_, units, run), measured in zip(cases, times):
        start = time.perf_counter()
        run()
        if round_number > 0:  # the first round warms up
            measured.append((time.perf_counter() - start) * 1e6 / units)
    print(f"round {round_number} of {options.rounds}", file=sys.stderr)

with open(options.out, "w", newline="") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow("peer,version,kernel,visible,hidden,batch,gibbs_steps,threads,unit,microseconds".split(","))
    for (columns, _, _), measured in zip(cases, times):
        peer, kernel, visible, hidden, batch, gibbs_steps, unit = columns
        version = {"numpy": np, "torch": torch, "numba": numba}[peer].__version__
        microseconds = statistics.median(measured)
        table.writerow([peer, version, kernel, visible, hidden, batch, gibbs_steps, options.threads, unit, microseconds])
        print(f"{peer:6} {kernel:15} {visible}x{hidden} {microseconds:.4g} us a {unit}")
