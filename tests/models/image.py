#!/usr/bin/env python3
"""ImageDecoder against Pillow, and on bytes that are no whole image.

    PYTHONPATH=bindings/python python3 tests/models/image.py

JPEG, PNG, WebP and JPEG 2000 need a build with their libraries; without, the refusal by name is what is tested. Exits 77 where Pillow is missing."""
import io
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h

import xinf

try:
    import PIL.Image as I
except ImportError:
    print("Pillow is not installed")
    sys.exit(77)

R = np.random.default_rng(3)
LIBRARY = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "jpeg2000": "JPEG 2000"}


def decoder(pixel_format):
    node = h.make_node("ImageDecoder", ["x"], ["y"], pixel_format=pixel_format)
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("x", T.UINT8, ["n"])], [h.make_tensor_value_info("y", T.UINT8, None)])
    return xinf.load(h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=10).SerializeToString(), threads=1)


MODELS = {f: decoder(f) for f in ("RGB", "BGR", "Grayscale")}


def decode(data, pixel_format="RGB"):
    return MODELS[pixel_format].run({"x": np.frombuffer(data, np.uint8)})["y"]


def saved(image, kind, **options):
    f = io.BytesIO()
    image.save(f, format=kind, **options)
    return f.getvalue()


def pictures():
    """(name, bytes)"""
    for width, height in ((1, 1), (7, 5), (33, 20), (64, 64)):
        base = R.integers(0, 256, (height, width, 4)).astype(np.uint8)
        rgb, gray = I.fromarray(base[:, :, :3]), I.fromarray(base[:, :, 0])
        palette = rgb.quantize(16)
        bits = gray.point(lambda v: 255 * (v > 127)).convert("1")
        for name, image in (("rgb", rgb), ("gray", gray), ("palette", palette), ("bits", bits)):
            yield f"bmp {name} {width}x{height}", saved(image, "BMP")
            yield f"png {name} {width}x{height}", saved(image, "PNG")
        yield f"png alpha {width}x{height}", saved(I.fromarray(base), "PNG")
        for quality in (30, 95):
            yield f"jpeg {quality} {width}x{height}", saved(rgb, "JPEG", quality=quality)
        yield f"jpeg progressive {width}x{height}", saved(rgb, "JPEG", progressive=True)
        yield f"jpeg gray {width}x{height}", saved(gray, "JPEG")
        yield f"ppm {width}x{height}", saved(rgb, "PPM")
        yield f"pgm {width}x{height}", saved(gray, "PPM")
        yield f"pbm {width}x{height}", saved(bits, "PPM")
        for name, image in (("rgb", rgb), ("gray", gray), ("palette", palette), ("bits", bits), ("alpha", I.fromarray(base))):
            for packing in ("raw", "tiff_lzw", "packbits"):
                yield f"tiff {name} {packing} {width}x{height}", saved(image, "TIFF", compression=packing, strip_size=100)
        yield f"tiff differences {width}x{height}", saved(rgb, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
        for name, options in (("lossless", {"lossless": True}), ("lossy", {"quality": 60})):
            yield f"webp {name} {width}x{height}", saved(rgb, "WEBP", **options)
        for name, image in (("rgb", rgb), ("gray", gray), ("alpha", I.fromarray(base))):
            yield f"jpeg2000 {name} {width}x{height}", saved(image, "JPEG2000")
        text = " ".join(map(str, base[:, :, :3].ravel()))
        yield f"ppm text {width}x{height}", f"P3\n# a comment\n{width} {height}\n255\n{text}\n".encode()
        yield f"pgm text {width}x{height}", f"P2 {width} {height} 255\n{' '.join(map(str, base[:, :, 0].ravel()))}".encode()


def down_bmp():
    """Top row first, 32 bits with masks in another order."""
    pixels = R.integers(0, 256, (3, 4, 4)).astype(np.uint8)
    head = struct.pack("<IiiHHIIiiII", 40, 4, -3, 1, 32, 3, 0, 0, 0, 0, 0) + struct.pack("<III", 0xFF, 0xFF00, 0xFF0000)
    return struct.pack("<2sIHHI", b"BM", 14 + len(head) + pixels.nbytes, 0, 0, 14 + len(head)) + head + pixels.tobytes(), pixels[:, :, :3]


def check(name, data):
    with I.open(io.BytesIO(data)) as image:
        rgb = np.array(image.convert("RGB") if image.mode != "RGBA" else I.fromarray(np.array(image)[:, :, :3].copy()))
    try:
        got = decode(data)
    except xinf.Error as e:
        kind = LIBRARY.get(name.split()[0])
        return "" if kind and f"{kind} (this build is without" in e.message else e.message
    if got.shape != rgb.shape or not np.array_equal(got, rgb):
        return f"shape {got.shape} where {rgb.shape} is expected" if got.shape != rgb.shape else f"other pixels, by {np.abs(got.astype(int) - rgb).max()}"
    if not np.array_equal(decode(data, "BGR"), rgb[:, :, ::-1]):
        return "other pixels in BGR"
    return "" if np.array_equal(decode(data, "Grayscale")[:, :, 0], np.array(I.fromarray(rgb).convert("L"))) else "other pixels in gray"


def broken(name, data):
    """Cut or changed bytes: an empty image, an image, or a refusal; never anything else."""
    for cut in sorted({0, 1, 2, 10, 20, 40, len(data) // 2, len(data) - 1}):
        try:
            got = decode(data[:cut])
            if got.ndim != 3 or (got.size and name.startswith(("bmp", "ppm", "pgm", "pbm")) and "text" not in name and cut < len(data) - 3):
                return f"{got.shape} from {cut} of {len(data)} bytes"
        except xinf.Error as e:
            if e.status not in ("XINF_UNSUPPORTED", "XINF_LIMIT"):
                return e.message
    for _ in range(8):
        changed = bytearray(data)
        for _ in range(3):
            changed[R.integers(0, min(len(changed), 64))] = R.integers(0, 256)
        try:
            decode(bytes(changed))
        except xinf.Error as e:
            if e.status not in ("XINF_UNSUPPORTED", "XINF_LIMIT", "XINF_OUT_OF_MEMORY"):
                return e.message
    return ""


def main():
    passed = failed = 0

    def count(name, why):
        nonlocal passed, failed
        passed, failed = passed + (not why), failed + bool(why)
        if why:
            print(f"FAILED {name}: {why}")

    for name, data in pictures():
        count(name, check(name, data))
        count(name + " broken", broken(name, data))
    data, want = down_bmp()
    count("bmp with masks", "" if np.array_equal(decode(data), want) else "other pixels")
    count("no image", "" if decode(b"no image at all").shape == (0, 0, 3) else "not empty")
    for kind in ("GIF",):
        try:
            decode(saved(I.fromarray(R.integers(0, 256, (4, 4, 3)).astype(np.uint8)), kind.upper()))
            count(kind, "it was not refused")
        except xinf.Error as e:
            count(kind, "" if e.status == "XINF_UNSUPPORTED" and kind in e.message else e.message)
    try:
        decode(b"P5 99999999 99999999 255 ")
        count("too large", "it was not refused")
    except xinf.Error as e:
        count("too large", "" if e.status == "XINF_LIMIT" else e.message)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
