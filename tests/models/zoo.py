#!/usr/bin/env python3
"""torchvision's models, traced and scripted: loaded from .pt files, they agree with torch.

    PYTHONPATH=bindings/python python3 tests/models/zoo.py [--filter REGEX] [--sample] [--all] [--batches]

Weights are random (seed 1). A model at a time; its file is deleted before the next. --sample: five small ones at a low resolution.
--all: every classification model of less than 100 million weights, not one or two of each family. --batches: each traced model runs at
three batch sizes. The error of an output is max |a - b| / max |b|; 1e-4 is allowed, for detections too, whose number must agree."""
import argparse
import os
import re
import resource
import sys
import tempfile
import time
import warnings

import numpy as np

import xinf

try:
    import torch
    import torchvision
except ImportError:
    print("torchvision is not installed")
    sys.exit(77)

warnings.filterwarnings("ignore")
models = torchvision.models
FAMILIES = """alexnet vgg11 vgg16_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2 densenet121 inception_v3 googlenet squeezenet1_0
squeezenet1_1 shufflenet_v2_x1_0 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet1_0 efficientnet_b0 efficientnet_v2_s
regnet_x_400mf regnet_y_400mf convnext_tiny vit_b_16 swin_t swin_v2_t maxvit_t""".split()
SEGMENTATION = ["fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"]
DETECTION = ["ssdlite320_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn"]
SAMPLE = ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "regnet_y_400mf"]
SIZES = {"inception_v3": 299, "maxvit_t": 224, "vit_b_16": 224, "fcn_resnet50": 192, "deeplabv3_mobilenet_v3_large": 192,
         "lraspp_mobilenet_v3_large": 192, "ssdlite320_mobilenet_v3_large": 320, "fasterrcnn_mobilenet_v3_large_320_fpn": 320}


def every():
    """The names of all classification models that are not too large for a small machine."""
    names = models.list_models(module=torchvision.models)
    weights = {n: models.get_model_weights(n).DEFAULT.meta["num_params"] for n in names}
    return [n for n in names if weights[n] < 100e6]


class Tuple(torch.nn.Module):
    """A trace gives no dicts: the parts of a dict in the order of their names; of detections those of the first image."""

    def __init__(self, module, detection):
        super().__init__()
        self.module, self.detection = module, detection

    def forward(self, x):
        y = self.module([x[0]])[0] if self.detection else self.module(x)
        if self.detection:
            return y["boxes"], y["scores"], y["labels"]
        return tuple(y[k] for k in sorted(y))


def make(name):
    torch.manual_seed(1)
    extra = {"weights": None}
    if name in SEGMENTATION + DETECTION:
        extra["weights_backbone"] = None
    if name in ("inception_v3", "googlenet"):
        extra.update(init_weights=False, aux_logits=True)
    if name in DETECTION:
        extra.update(num_classes=7)
    module = models.get_model(name, **extra)
    for m in module.modules():  # as if it had been trained: an untrained network's values vanish or burst
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.uniform_(-0.1, 0.1)
            m.running_var.uniform_(0.5, 1.5)
    for p in module.parameters():  # some heads begin with zeros, which would hide everything
        if not p.any():
            torch.nn.init.normal_(p, std=0.05)
    return module.eval()


def inputs_of(name, size, batch=1):
    g = torch.Generator().manual_seed(7)
    x = torch.rand(batch, 3, size, size, generator=g)
    return x


def flat(value):
    if isinstance(value, torch.Tensor):
        return [value.numpy()]
    if isinstance(value, dict):
        return [a for k in sorted(value) for a in flat(value[k])]
    return [a for v in value for a in flat(v)] if isinstance(value, (list, tuple)) else []


def error_of(ours, theirs):
    if len(ours) != len(theirs):
        return f"{len(ours)} outputs, not {len(theirs)}"
    worst = 0.0
    for a, b in zip(ours, theirs):
        if a.shape != b.shape:
            return f"shape {a.shape}, not {b.shape}"
        if b.size and b.dtype.kind == "f":
            worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
        elif b.size and not np.array_equal(a, b):
            return "other whole numbers"
    return worst


def run_ours(path, x):
    start = time.perf_counter()
    model = xinf.load(path, threads=0)
    loaded = time.perf_counter() - start
    result = model.run({model.inputs[0].name: x})
    # Names in the order of the outputs; a scripted model's dict in the order of its keys.
    names = [o.name for o in model.outputs]
    if all(re.fullmatch(r"output(\.\d+)*", n) for n in names):
        outputs = [result[n] for n in names]
    else:
        outputs = [result[n] for n in sorted(names)]
    return model, outputs, loaded


def check(name, form, module, size, batches, folder):
    """A row of the table."""
    detection, parts = name in DETECTION, name in SEGMENTATION + DETECTION
    x = inputs_of(name, size)
    path = os.path.join(folder, "m.pt")
    with torch.no_grad():
        if form == "traced":
            whole = Tuple(module, detection) if parts else module
            program = torch.jit.trace(whole, x, check_trace=False)
        else:
            whole = module
            program = torch.jit.script(module)
        program.save(path)
        given = [x[0]] if detection and form == "scripted" else x
        theirs = program(given)
    if detection and form == "scripted":
        theirs = theirs[1][0]
    try:
        model, ours, loaded = run_ours(path, [x[0].numpy()] if detection and form == "scripted" else x.numpy())
        start = time.perf_counter()
        model.run({model.inputs[0].name: [x[0].numpy()] if detection and form == "scripted" else x.numpy()})
        seconds = time.perf_counter() - start
        wanted = flat(theirs)
        if form == "scripted" and name in ("inception_v3", "googlenet"):
            wanted = flat(theirs[:1] if isinstance(theirs, tuple) else theirs)
        error = error_of(ours, wanted)
        if batches and form == "traced" and not detection:
            for batch in (3, 2):
                y = inputs_of(name, size, batch)
                with torch.no_grad():
                    wanted = flat(program(y))
                result = model.run({model.inputs[0].name: y.numpy()})
                worse = error_of([result[o.name] for o in model.outputs], wanted)
                error = worse if isinstance(worse, str) or isinstance(error, str) else max(error, worse)
    except xinf.Error as e:
        return str(e), 0, 0, 0
    finally:
        os.unlink(path)
    return error, loaded, seconds, sum(np.size(a) for a in wanted)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--filter", default="")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--batches", action="store_true")
    parser.add_argument("--forms", default="traced,scripted")
    o = parser.parse_args()
    names = SAMPLE if o.sample else (every() if o.all else FAMILIES) + SEGMENTATION + DETECTION
    passed = failed = skipped = 0
    print(f"{'model':40} {'form':9} {'load s':>7} {'run s':>7} {'error':>8}")
    for name in names:
        if not re.search(o.filter, name):
            continue
        size = 64 if o.sample else SIZES.get(name, 224)
        module = make(name)
        for form in o.forms.split(","):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    error, loaded, seconds, _ = check(name, form, module, size, o.batches or o.sample, folder)
                except (RuntimeError, torch.jit.frontend.NotSupportedError) as e:
                    skipped += 1
                    print(f"{name:40} {form:9} torch itself: {str(e).strip().splitlines()[0][:100]}")
                    continue
            good = not isinstance(error, str) and error < 1e-4
            passed += good
            failed += not good
            text = error if isinstance(error, str) else f"{error:8.1e}"
            print(f"{name:40} {form:9} {loaded:7.2f} {seconds:7.2f} {text}{'' if good else '  FAILED'}", flush=True)
        del module
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
