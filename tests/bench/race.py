#!/usr/bin/env python3
"""Races libxinf against other engines on networks that it makes itself.

    race.py FOLDER [--models A,B] [--engines A,B] [--threads N] [--rounds N] [--slice SECONDS] [--batch N] [--install] [--json FILE] [--svg FILE]

Models are made once into FOLDER, with random weights and torch's results beside them. Each engine gets a process of its own; they take turns, a
slice of time each, so that drift of the machine hits all alike, and two inputs alternate, so that nothing is gained from a repeated one. Printed are the
tables of docs/performance.md (table.py makes them); --svg draws them as bars. --install fetches the engines from the package registry by pip.
The library is found as the Python binding finds it: put bindings/python on PYTHONPATH and set XINF_LIBRARY.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import table

PACKAGES = ["numpy", "onnx", "torch", "torchvision", "onnxruntime", "openvino"]
ENGINES = ["xinf", "onnxruntime", "openvino", "torch"]
VISION = ["resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "squeezenet1_1", "vit_b_16", "convnext_tiny"]
MODELS = VISION + ["encoder_12", "unet", "speech"]


# ---- models ----


def networks():
    """Name → (constructor, inputs for a batch) for the networks that torchvision does not have."""
    import torch
    from torch import nn

    class Encoder(nn.Module):  # the shape of BERT-base over 128 tokens
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(30522, 768), nn.Parameter(torch.randn(1, 128, 768) * 0.02)
            layer = nn.TransformerEncoderLayer(768, 12, 3072, activation="gelu", batch_first=True)
            self.norm, self.body = nn.LayerNorm(768), nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)

        def forward(self, ids):
            return self.body(self.norm(self.words(ids) + self.places))

    def pair(i, o):
        rest = [nn.BatchNorm2d(o), nn.ReLU()]
        return nn.Sequential(nn.Conv2d(i, o, 3, 1, 1), *rest, nn.Conv2d(o, o, 3, 1, 1), nn.BatchNorm2d(o), nn.ReLU())

    class UNet(nn.Module):
        def __init__(self, base=32, depth=4):
            super().__init__()
            sizes = [base << i for i in range(depth)]
            self.down = nn.ModuleList(pair(i, o) for i, o in zip([1] + sizes, sizes))
            self.lift = nn.ModuleList(nn.ConvTranspose2d(o, i, 2, 2) for i, o in zip(sizes[-2::-1], sizes[:0:-1]))
            self.up = nn.ModuleList(pair(2 * i, i) for i in sizes[-2::-1])
            self.head = nn.Conv2d(base, 2, 1)

        def forward(self, x):
            kept = []
            for i, step in enumerate(self.down):
                x = step(x if i == 0 else nn.functional.max_pool2d(x, 2))
                kept.append(x)
            for i, (lift, step) in enumerate(zip(self.lift, self.up)):
                x = step(torch.cat([lift(x), kept[-2 - i]], 1))
            return self.head(x)

    class Speech(nn.Module):
        def __init__(self):
            super().__init__()
            self.front = nn.Sequential(nn.Conv1d(80, 256, 3, 2, 1), nn.ReLU(), nn.Conv1d(256, 256, 3, 1, 1), nn.ReLU())
            self.body, self.head = nn.LSTM(256, 256, 3, bidirectional=True, batch_first=True), nn.Linear(512, 64)

        def forward(self, x):
            return self.head(self.body(self.front(x).transpose(1, 2))[0]).log_softmax(-1)

    return {
        "encoder_12": (Encoder, lambda n: torch.randint(0, 30522, (n, 128))),
        "unet": (UNet, lambda n: torch.randn(n, 1, 256, 256)),
        "speech": (Speech, lambda n: torch.randn(n, 80, 400)),
    }


def make(name, path, batch):
    """PATH.onnx, PATH.pt and PATH.npz: two inputs and torch's result for the first. In a process of its own: no thread of torch is to outlive it."""
    import numpy
    import torch
    import torchvision

    torch.manual_seed(7)
    torch.backends.mha.set_fastpath_enabled(False)
    build, feed = (getattr(torchvision.models, name), lambda n: torch.randn(n, 3, 224, 224)) if name in VISION else networks()[name]
    net, first, second = build().eval(), feed(batch), feed(batch)
    for m in net.modules():  # statistics as training leaves them, and no head of zeros that would hide errors
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.normal_(0, 0.1)
            m.running_var.uniform_(0.5, 1.5)
        if isinstance(m, torch.nn.Linear) and not m.weight.any():
            torch.nn.init.normal_(m.weight, std=0.05)
    with torch.no_grad():
        result = net(first)
        torch.onnx.export(net, (first,), f"{path}.onnx", opset_version=17, dynamo=False, input_names=["x"], output_names=["y"])
        torch.jit.trace(net, first, check_trace=False).save(f"{path}.pt")
    numpy.savez(f"{path}.npz", first=first.numpy(), second=second.numpy(), result=result.numpy())


# ---- engines ----


def engine_xinf(path, threads):
    import xinf

    model = xinf.load(f"{path}.onnx", threads=threads)
    return lambda x: model.run({"x": x})["y"]


def engine_onnxruntime(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(f"{path}.onnx", options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def engine_openvino(path, threads):
    import openvino

    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(f"{path}.onnx", "CPU", options)
    request = model.create_infer_request()

    def run(x):
        request.infer({0: x})
        return request.get_output_tensor(0).data

    return run


def engine_torch(path, threads):
    import torch

    torch.set_num_threads(threads)
    net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.load(f"{path}.pt").eval()))

    def run(x):
        with torch.inference_mode():
            return net(torch.from_numpy(x)).numpy()

    return run


def work(pipe, engine, path, threads):
    """The engine's process: answers what loading brought, then times for each slice asked for, then its peak of memory."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        import numpy

        data = numpy.load(f"{path}.npz")
        inputs, want = [data["first"], data["second"]], data["result"]
        start = time.perf_counter()
        run = globals()[f"engine_{engine}"](str(path), threads)
        loaded = time.perf_counter()
        got = run(inputs[0])
        answer = {"load": loaded - start, "first": time.perf_counter() - loaded, "err": float(abs(got - want).max() / abs(want).max())}
        for _ in range(3):
            run(inputs[1])
    except Exception as problem:  # an engine that is not there or cannot run the model is a row of the table
        pipe.send({"error": f"{type(problem).__name__}: {problem}"[:120]})
        return
    pipe.send(answer)
    while (seconds := pipe.recv()) is not None:
        times, end = [], time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            inputs.reverse()
            start = time.perf_counter()
            run(inputs[0])
            times.append(time.perf_counter() - start)
        pipe.send(times)
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def race(path, engines, options):
    context, rows, live = multiprocessing.get_context("spawn"), {}, {}
    for engine in engines:
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, engine, path, options.threads), daemon=True)
        process.start()
        theirs.close()
        try:
            rows[engine] = ours.recv()
        except EOFError:
            rows[engine] = {"error": "its process died"}
        if "error" not in rows[engine]:
            live[engine] = (process, ours, [], [])
    for _ in range(options.rounds):
        for process, pipe, medians, times in live.values():
            time.sleep(0.05)
            pipe.send(options.slice)
            some = pipe.recv()
            medians.append(statistics.median(some))
            times += some
    for engine, (process, pipe, medians, times) in live.items():
        pipe.send(None)
        times.sort()
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        rows[engine] |= {"ms": statistics.median(medians) * 1e3, "min_ms": times[0] * 1e3, "p99_p50": p99 / times[len(times) // 2], "rss": pipe.recv()}
        process.join()
    return rows


# ---- picture ----


def draw(results, path):
    """Bars as long as the time over ours: the line at 1 is libxinf."""
    colours = {"onnxruntime": "#4c78a8", "openvino": "#f58518", "torch": "#b279a2"}
    bars = []
    for model, rows in sorted(results.items()):
        rows = table.ran(rows)
        if table.OURS in rows:
            bars.append((model, [(e, r["ms"] / rows[table.OURS]["ms"]) for e, r in sorted(rows.items()) if e != table.OURS]))
    height, longest, y = 30, max((v for _, b in bars for _, v in b), default=1), 30
    scale = 560 / max(longest, 1.2)
    height += sum(24 + 14 * len(b) for _, b in bars)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{height}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/><text x="10" y="18">time of one run over libxinf\'s (longer is slower)</text>']
    for model, parts in bars:
        out.append(f'<text x="10" y="{y + 14}" font-weight="bold">{model}</text>')
        y += 18
        for engine, value in parts:
            out.append(f'<rect x="130" y="{y}" width="{value * scale:.1f}" height="11" fill="{colours.get(engine, "#888")}"/>'
                       f'<text x="20" y="{y + 10}">{engine}</text><text x="{134 + value * scale:.1f}" y="{y + 10}">{value:.2f}</text>')
            y += 14
        y += 6
    out.append(f'<line x1="{130 + scale:.1f}" x2="{130 + scale:.1f}" y1="26" y2="{y}" stroke="black" stroke-dasharray="3"/></svg>')
    pathlib.Path(path).write_text("\n".join(out) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--models", default=",".join(MODELS))
    p.add_argument("--engines", default=",".join(ENGINES))
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--slice", type=float, default=0.6)
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--install", action="store_true")
    p.add_argument("--json")
    p.add_argument("--svg")
    options = p.parse_args()
    if options.install:
        subprocess.run([sys.executable, "-m", "pip", "install", *PACKAGES], check=True)
    options.folder.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in options.models.split(","):
        path = options.folder / (name if options.batch == 1 else f"{name}_{options.batch}")
        if not path.with_name(path.name + ".npz").exists():
            print(f"making {path}", file=sys.stderr)
            maker = multiprocessing.get_context("spawn").Process(target=make, args=(name, path, options.batch))
            maker.start()
            maker.join()
        results[path.name] = race(path, options.engines.split(","), options)
        for engine, row in results[path.name].items():
            print(f"{path.name:20} {engine:12} {row['ms']:9.2f} ms" if "ms" in row else f"{path.name:20} {engine:12} {row['error']}", file=sys.stderr)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    if options.svg:
        draw(results, options.svg)
    table.speed(results)
    table.memory(results)


if __name__ == "__main__":
    main()
