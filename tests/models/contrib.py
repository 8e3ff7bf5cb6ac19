#!/usr/bin/env python3
"""Operators of domain com.microsoft against onnxruntime, whose own they are, on random inputs.

    PYTHONPATH=bindings/python python3 tests/models/contrib.py [-v]

Prints `N passed, N failed`; exits 77 where onnxruntime is not installed."""
import sys

import numpy as np
import onnx
from onnx import helper as h
from onnx import numpy_helper as nh

import xinf

try:
    import onnxruntime as ort
except ImportError:
    print("onnxruntime is not installed")
    sys.exit(77)

DOMAIN = "com.microsoft"
random = np.random.default_rng(11)
CASES = []


def case(op, inputs, outputs=1, tolerance=2e-5, weights=(), **attrs):
    """inputs: arrays or None for one that is left out; those whose place is in `weights` are constants."""
    CASES.append((op, inputs, outputs, tolerance, set(weights), attrs))


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def bytes_(*shape, dtype=np.uint8, low=0, high=256):
    return random.integers(low, high, shape).astype(dtype)


def number(value, dtype=np.float32):
    return np.array(value, dtype)


def build(op, inputs, outputs, weights, attrs):
    names = [f"x{i}" if v is not None else "" for i, v in enumerate(inputs)]
    # An output that the operator would not give here stays out.
    results = [f"y{i}" if i in outputs else "" for i in range(max(outputs) + 1)]
    node = h.make_node(op, names, results, domain=DOMAIN, **attrs)
    infos = [h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(v.dtype), v.shape)
             for i, (n, v) in enumerate(zip(names, inputs)) if v is not None and i not in weights]
    consts = [nh.from_array(inputs[i], names[i]) for i in weights]
    outs = [onnx.ValueInfoProto(name=n) for n in results if n]
    graph = h.make_graph([node], op, infos, outs, consts)
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 20), h.make_opsetid(DOMAIN, 1)], ir_version=10).SerializeToString()


def check(op, inputs, outputs, tolerance, weights, attrs):
    outputs = list(range(outputs)) if isinstance(outputs, int) else outputs
    data = build(op, inputs, outputs, weights, attrs)
    feeds = {f"x{i}": v for i, v in enumerate(inputs) if v is not None and i not in weights}
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    theirs = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run([f"y{i}" for i in outputs], feeds)
    ours = xinf.load(data, threads=1).run(feeds)
    for i, want in zip(outputs, theirs):
        got = ours[f"y{i}"]
        if got.shape != want.shape or got.dtype != want.dtype:
            return f"output {i}: {got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
        off = np.abs(got.astype(np.float64) - want.astype(np.float64)).max(initial=0)
        # Quantised results may fall one step apart where the number lies between two.
        most = tolerance * max(1.0, np.abs(want.astype(np.float64)).max(initial=0)) if want.dtype == np.float32 else 1
        if not off <= most:
            return f"output {i} differs by {off:.3g}"
    return None


# ---- activations and products ----
for shape in ((3, 5), (2, 1, 7)):
    case("Gelu", [floats(*shape)], tolerance=1e-5)
    case("BiasGelu", [floats(*shape), floats(shape[-1])])
    case("FastGelu", [floats(*shape), floats(shape[-1])])
    case("FastGelu", [floats(*shape)])
    case("QuickGelu", [floats(*shape)], alpha=1.5)
case("FusedMatMul", [floats(3, 4), floats(4, 5)], alpha=0.5)
case("FusedMatMul", [floats(2, 4, 3), floats(2, 5, 4)], transA=1, transB=1, alpha=2.0)
case("FusedMatMul", [floats(3, 2, 4), floats(2, 4, 5)], transBatchA=1)
case("FusedMatMul", [floats(4, 2, 3), floats(5, 2, 4)], transA=1, transB=1, transBatchA=1, transBatchB=1)
case("FusedGemm", [floats(3, 4), floats(4, 5), floats(5)], activation="Relu")
case("FusedGemm", [floats(4, 3), floats(5, 4), floats(3, 5)], activation="LeakyRelu", activation_alpha=0.2, transA=1, transB=1, alpha=0.5,
     beta=2.0)
for activation, params in (("Relu", None), ("Tanh", None), ("Clip", [-0.5, 0.7]), ("HardSigmoid", [0.3, 0.4])):
    extra = {"activation_params": params} if params else {}
    case("FusedConv", [floats(1, 4, 7, 6), floats(6, 4, 3, 3), floats(6)], weights=[1, 2], activation=activation, pads=[1, 1, 1, 1],
         strides=[2, 1], **extra)
case("FusedConv", [floats(1, 4, 5, 5), floats(4, 2, 3, 3), floats(4), floats(1, 4, 5, 5)], weights=[1, 2], activation="Relu",
     pads=[1, 1, 1, 1], group=2)
for bits in (4, 8):
    for k, block in ((64, 16), (40, 32), (128, 128)):
        rows, blocks = 5, -(-k // block)
        packed = bytes_(rows, blocks, block * bits // 8)
        zeros = bytes_(rows * -(-blocks * bits // 8))
        scales = floats(rows * blocks) * 0.1
        if bits == 8:
            zeros = bytes_(rows * blocks)
        case("MatMulNBits", [floats(3, k), packed, scales], tolerance=2e-4, weights=[1, 2], K=k, N=rows, bits=bits, block_size=block)
        case("MatMulNBits", [floats(2, 3, k), packed, scales, zeros, None, floats(rows)], tolerance=2e-4, weights=[1, 2, 3, 5], K=k, N=rows,
             bits=bits, block_size=block)

# ---- quantised arithmetic ----
for dtype, low, high, zero in ((np.uint8, 0, 256, 120), (np.int8, -128, 128, -3)):
    def q(*shape, dtype=dtype, low=low, high=high):
        return bytes_(*shape, dtype=dtype, low=low, high=high)

    def scaled(scale, dtype=dtype, zero=zero):
        return [number(scale), number(zero, dtype)]

    case("QLinearAdd", [q(3, 4), *scaled(0.05), q(3, 4), *scaled(0.03), *scaled(0.09)])
    case("QLinearAdd", [q(2, 3, 4), *scaled(0.05), q(4), *scaled(0.03), *scaled(0.09)])
    case("QLinearMul", [q(3, 4), *scaled(0.05), q(1, 4), *scaled(0.03), *scaled(0.2)])
    case("QLinearSigmoid", [q(3, 40), *scaled(0.05), number(1 / 256), number(0 if dtype is np.uint8 else -128, dtype)])
    case("QLinearLeakyRelu", [q(3, 40), *scaled(0.05), *scaled(0.04)], alpha=0.3)
    case("QLinearConcat", [*scaled(0.08), q(2, 3), *scaled(0.05), q(2, 4), *scaled(0.1)], axis=1)
    case("QLinearAveragePool", [q(1, 3, 6, 7), *scaled(0.05), *scaled(0.05)], kernel_shape=[3, 2], strides=[2, 2],
         pads=[1, 0, 1, 1])
    case("QLinearGlobalAveragePool", [q(1, 3, 6, 7), *scaled(0.05), *scaled(0.02)])
    case("QLinearGlobalAveragePool", [q(1, 6, 7, 3), *scaled(0.05), *scaled(0.02)], channels_last=1)
    case("QLinearSoftmax", [q(3, 10), *scaled(0.05), number(1 / 256), number(0 if dtype is np.uint8 else -128, dtype)], axis=-1,
         opset=13)
    # Small weights: onnxruntime's integer product saturates for large ones on processors without VNNI.
    case("QGemm", [q(4, 6), *scaled(0.05), bytes_(6, 5, dtype=np.int8, low=-30, high=31), number(0.02), number(0, np.int8),
                   bytes_(5, dtype=np.int32, low=-500, high=500), *scaled(0.1)], weights=[3, 6])
case("QGemm", [bytes_(4, 6), number(0.05), number(7, np.uint8), bytes_(5, 6, dtype=np.int8, low=-30, high=31), floats(5) ** 2 + 0.01,
               np.zeros(5, np.int8), bytes_(5, dtype=np.int32, low=-500, high=500)], weights=[3, 4, 5, 6], transB=1, alpha=1.0)
case("MatMulIntegerToFloat", [bytes_(4, 6), bytes_(6, 5, high=60), number(0.05), number(0.02), number(100, np.uint8), number(3, np.uint8),
                              floats(5)])
case("DynamicQuantizeMatMul", [floats(4, 6), bytes_(6, 5, high=60), number(0.02), number(30, np.uint8), floats(5)], tolerance=1e-3)

# ---- transformers ----
B, S, N, H = 2, 5, 3, 16
D = N * H
case("SkipLayerNormalization", [floats(B, S, D), floats(B, S, D), floats(D), floats(D), floats(D)], outputs=[0, 3], epsilon=1e-5)
case("SkipLayerNormalization", [floats(B, S, D), floats(B, S, D), floats(D)], epsilon=1e-5)
case("SkipSimplifiedLayerNormalization", [floats(B, S, D), floats(B, S, D), floats(D), floats(D)], outputs=[0, 3], epsilon=1e-5)
ids = bytes_(B, S, dtype=np.int32, high=9)
case("EmbedLayerNormalization", [ids, ids % 2, floats(9, D), floats(S + 2, D), floats(2, D), floats(D), floats(D),
                                 np.array([[1] * S, [1, 1, 0, 0, 0]], np.int32)], outputs=[0, 1], epsilon=1e-5)
case("EmbedLayerNormalization", [ids, None, floats(9, D), floats(S + 2, D), None, floats(D), floats(D)], outputs=[0, 1], epsilon=1e-5)
mask2 = np.array([[1] * S, [1, 1, 1, 0, 0]], np.int32)
lengths = np.array([5, 3], np.int32)
for causal in (0, 1):
    for mask in (None, mask2, lengths):
        case("Attention", [floats(B, S, D), floats(D, 3 * D) * 0.2, floats(3 * D), mask], num_heads=N, unidirectional=causal)
case("Attention", [floats(B, S, D), floats(D, 3 * D) * 0.2, floats(3 * D), None, floats(2, B, N, 4, H)], outputs=2, num_heads=N,
     unidirectional=1)
case("Attention", [floats(B, S, D), floats(D, 2 * D + 12) * 0.2, floats(2 * D + 12)], num_heads=N, qkv_hidden_sizes=[D, D, 12], scale=0.3)
case("Attention", [floats(B, S, D), floats(D, 3 * D) * 0.2, floats(3 * D), None, None, floats(B, N, S, S)], num_heads=N)
case("MultiHeadAttention", [floats(B, S, D), floats(B, 7, D), floats(B, 7, D)], num_heads=N)
case("MultiHeadAttention", [floats(B, S, D), floats(B, 7, D), floats(B, 7, 12), floats(2 * D + 12)], num_heads=N, scale=0.4)
case("MultiHeadAttention", [floats(B, S, D), floats(B, S, D), floats(B, S, D), None, mask2, floats(1, N, S, S)], num_heads=N)
case("MultiHeadAttention", [floats(B, S, D), floats(B, N, 7, H), floats(B, N, 7, H)], num_heads=N)
case("MultiHeadAttention", [floats(B, 2, D), floats(B, 2, D), floats(B, 2, D), None, None, None, floats(B, N, 4, H), floats(B, N, 4, H)],
     outputs=3, num_heads=N, unidirectional=1)
angles = np.outer(np.arange(16), 1 / 100 ** (np.arange(H // 2) / (H // 2))).astype(np.float32)
cosine, sine = np.cos(angles), np.sin(angles)
for interleaved in (0, 1):
    case("RotaryEmbedding", [floats(B, S, D), np.array([2], np.int64), cosine, sine], num_heads=N, interleaved=interleaved)
    case("RotaryEmbedding", [floats(B, N, S, H), np.arange(B * S, dtype=np.int64).reshape(B, S), cosine, sine], interleaved=interleaved)
for kv in (1, 3):
    for rotary in (0, 1):
        case("GroupQueryAttention", [floats(B, S, D), floats(B, S, kv * H), floats(B, S, kv * H), None, None, np.array([4, 4], np.int32),
                                     number(5, np.int32), cosine, sine], outputs=3, num_heads=N, kv_num_heads=kv, do_rotary=rotary)
        case("GroupQueryAttention", [floats(1, 1, D), floats(1, 1, kv * H), floats(1, 1, kv * H), floats(1, kv, 6, H), floats(1, kv, 6, H),
                                     np.array([6], np.int32), number(7, np.int32), cosine, sine], outputs=3, num_heads=N, kv_num_heads=kv,
             do_rotary=rotary)


def main():
    failed = 0
    for i, test in enumerate(CASES):
        try:
            wrong = check(*test)
        except Exception as error:  # either engine's refusal is a failure of the case
            wrong = f"{type(error).__name__}: {str(error)[:300]}"
        if wrong:
            print(f"{i} {test[0]} {test[5]}: {wrong}")
        elif "-v" in sys.argv:
            print(f"{i} {test[0]}")
        failed += wrong is not None
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
