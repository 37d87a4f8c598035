"""What the pictures of a film cost by each encoder at hand: milliseconds, bytes, nearness. Why the agent sends what it sends.

    python -m tests.bench.encoders [--pictures 60] [--only h264-420,vp9-420] [--sizes 854x480]

Three films: real footage; coloured source text that moves by itself; the footage with such text over it. Four modes: "auto"
and "saver" are the agent's constant qualities of these names without a bound, and the others at about the same nearness;
"2500" and "600" are what a link lets through, in kbit/s for 854x480 and in proportion for other sizes. H.264 is the agent's
own `VideoStream`; the others are as quick as they can be told to be, AV1 as `agent.screen.av1` does it. All make one packet
a picture, with no delay, and a key picture only at the beginning, which is told apart. Nearness is PSNR of red, green and
blue after decoding. JSON lines and a table go to build/bench/. Processor milliseconds are of all threads: steadier than the
others on a shared machine.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray
from PIL import Image

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.backends.priority import kept_priority
from agent.screen.av1 import CRF, ENCODER
from agent.screen.colour import FORMATS, Converter, colour_kept
from agent.screen.video import QUALITIES, RATE, SMPTE_170M, VIDEO_RANGE, VideoQuality, VideoStream
from technician_client.picture import widened
from tests.bench.assets import VIDEO_SIZE, make
from tests.bench.harness import cache_directory, percentile, psnr

ROOT = Path(__file__).resolve().parents[2]
MODES = {"auto": 0, "saver": 0, "2500": 2500, "600": 600}
"""kbit/s for `VIDEO_SIZE`; 0: a constant quality."""
SIZES = (VIDEO_SIZE, (1920, 1080))
WARM = 5
"""Delta pictures at the beginning that are not counted: the rate control finds its way."""
LISTING = (1000, 8000)
Size = tuple[int, int]
Encode = Callable[[Pixels], bytes]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Encoder:
    """One way to code: FFmpeg's `options`, those `bound` to a bitrate, and the quantisers of the two qualities."""

    codec: str
    decoder: str
    full_chroma: bool
    options: dict[str, str]
    bound: dict[str, str]
    crf: dict[str, int]


QUICK_VP9 = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0", "row-mt": "1"}
SVT = "pred-struct=1:lookahead=0:rtc=1:lp=1"
OURS = {"h264-420": False, "h264-444": True}
OTHERS = {
    "vp9-420": Encoder("libvpx-vp9", "vp9", False, QUICK_VP9, {}, {"auto": 36, "saver": 48}),
    "vp9-444": Encoder("libvpx-vp9", "vp9", True, QUICK_VP9, {}, {"auto": 36, "saver": 48}),
    "av1-420": Encoder(
        ENCODER,
        "libdav1d",
        False,
        {"preset": "12", "svtav1-params": SVT},
        {"svtav1-params": f"{SVT}:rc=2"},
        {"auto": 40, "saver": CRF},
    ),
}


def footage(assets: Path, size: Size, pictures: int) -> Iterator[Pixels]:
    """Real footage, scaled where it has to be."""
    data = np.memmap(assets / "video.raw", np.uint8, "r").reshape(-1, VIDEO_SIZE[1], VIDEO_SIZE[0], 4)
    for number in range(pictures):
        picture = np.array(data[number % len(data)])
        if size != VIDEO_SIZE:
            picture = np.asarray(Image.fromarray(picture, "RGBA").resize(size, Image.Resampling.BICUBIC)).copy()
        yield picture.view(np.uint32)[..., 0]


def listing(assets: Path) -> Pixels:
    """Coloured source text, twice as wide as the asset."""
    text = np.fromfile(assets / "code.raw", np.uint32).reshape(LISTING[1], LISTING[0])
    return np.tile(text, (1, 3))


def moving_text(assets: Path, size: Size, pictures: int) -> Iterator[Pixels]:
    """Coloured text that goes its way in both directions."""
    text = listing(assets)
    for number in range(pictures):
        x, y = number * 3, number * 5
        yield np.ascontiguousarray(text[y : y + size[1], x : x + size[0]])


def captioned(assets: Path, size: Size, pictures: int) -> Iterator[Pixels]:
    """The footage, and across its lower third text that goes to the left."""
    text, top = listing(assets), size[1] * 2 // 3
    for number, picture in enumerate(footage(assets, size, pictures)):
        x = number * 3
        picture[top:] = text[100 : 100 + size[1] - top, x : x + size[0]]
        yield picture


FILMS = {"footage": footage, "text": moving_text, "captions": captioned}


def own(full_chroma: bool, size: Size, mode: str, bitrate: int) -> Encode:
    """The agent's encoder."""
    # Without a bound a quality has none at all, so that every size is coded to the same nearness.
    quality = QUALITIES["auto"] if bitrate else VideoQuality(QUALITIES[mode].crf, 10**9)
    stream = VideoStream(1, Rect(0, 0, *size), full_chroma=full_chroma, quality=quality, bitrate=bitrate or 10**9)
    return lambda pixels: stream.encode(pixels).data


def other(encoder: Encoder, size: Size, mode: str, bitrate: int) -> Encode:
    """FFmpeg's `encoder`."""
    context = av.CodecContext.create(encoder.codec, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = FORMATS[encoder.full_chroma]
    context.time_base, context.framerate = Fraction(1, RATE), Fraction(RATE)
    context.color_range = VIDEO_RANGE
    context.colorspace = context.color_primaries = context.color_trc = SMPTE_170M
    context.gop_size = 100_000
    context.thread_count = 1 if size == VIDEO_SIZE else 2
    options = dict(encoder.options)
    context.bit_rate = bitrate
    if bitrate:
        options |= encoder.bound
        if encoder.codec == "libvpx-vp9":
            options |= {"minrate": str(bitrate), "maxrate": str(bitrate), "bufsize": str(bitrate // 10)}
    else:
        options["crf"] = str(encoder.crf[mode])
    context.options = options
    with kept_priority():
        context.open()
    converter, count = Converter(*size, full_chroma=encoder.full_chroma), 0

    def encode(pixels: Pixels) -> bytes:
        nonlocal count
        frame = converter.convert(pixels)
        frame.pts, count = count, count + 1
        return b"".join(bytes(packet) for packet in context.encode(frame))

    return encode


def decoder_of(name: str) -> Callable[[bytes], NDArray[np.uint8]]:
    """Coded pictures to (height, width, 4) blue, green, red, 255."""
    context = av.CodecContext.create("h264" if name in OURS else OTHERS[name].decoder, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    if name.startswith("av1"):
        context.options = {"max_frame_delay": "1"}

    def decode(data: bytes) -> NDArray[np.uint8]:
        frames = context.decode(av.Packet(data))
        shown = widened(frames[-1]).to_ndarray(format="bgra").astype(np.uint8, copy=False)
        return shown[: frames[-1].height, : frames[-1].width]

    return decode


def measure(name: str, film: str, assets: Path, size: Size, mode: str, pictures: int) -> Row:
    """One encoder on one film."""
    bitrate = round(MODES[mode] * 1000 * size[0] * size[1] / (VIDEO_SIZE[0] * VIDEO_SIZE[1]))
    encode = own(OURS[name], size, mode, bitrate) if name in OURS else other(OTHERS[name], size, mode, bitrate)
    decode = decoder_of(name)
    walls, processor, sizes, near, kept = [], [], [], [], []
    for pixels in FILMS[film](assets, size, pictures):
        begun, used = time.perf_counter(), time.process_time()
        data = encode(pixels)
        walls.append((time.perf_counter() - begun) * 1000)
        processor.append((time.process_time() - used) * 1000)
        sizes.append(len(data))
        expected = pixels.view(np.uint8).reshape(*pixels.shape, 4)
        near.append(psnr(decode(data)[..., :3], expected[..., :3]))
        kept.append(colour_kept(pixels))
    steady = slice(1 + WARM, None)
    return {
        "encoder": name,
        "film": film,
        "size": f"{size[0]}x{size[1]}",
        "mode": mode,
        "p50_ms": percentile(np.array(walls[steady]), 50),
        "p95_ms": percentile(np.array(walls[steady]), 95),
        "cpu_ms": round(statistics.mean(processor[steady]), 2),
        "kB": round(statistics.mean(sizes[steady]) / 1000, 2),
        "most_kB": round(max(sizes[steady]) / 1000, 1),
        "dB": round(statistics.mean(near[steady]), 1),
        "key_ms": round(walls[0], 1),
        "key_kB": round(sizes[0] / 1000, 1),
        "420_dB": round(min(99.0, statistics.mean(kept)), 1),
    }


def table(rows: list[Row]) -> str:
    """Markdown."""
    head = ("film", "size", "mode", "encoder", "p50/p95 ms", "CPU ms", "kB a picture (most)", "dB", "key ms/kB")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        values = (
            row["film"],
            row["size"],
            row["mode"],
            row["encoder"],
            f"{row['p50_ms']:.1f}/{row['p95_ms']:.1f}",
            f"{row['cpu_ms']:.1f}",
            f"{row['kB']:.1f} ({row['most_kB']:.1f})",
            f"{row['dB']:.1f}",
            f"{row['key_ms']:.0f}/{row['key_kB']:.0f}",
        )
        lines.append("| " + " | ".join(str(value) for value in values) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run, print the table, keep both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--only", default="", help="encoders, with commas between")
    parser.add_argument("--sizes", default=",".join(f"{width}x{height}" for width, height in SIZES))
    options = parser.parse_args()
    names = [name for name in (*OURS, *OTHERS) if not options.only or name in options.only.split(",")]
    os.environ.setdefault("SVT_LOG", "0")  # it tells its settings otherwise
    sizes = [(int(width), int(height)) for width, height in (size.split("x") for size in options.sizes.split(","))]
    assets = make(cache_directory())
    rows = []
    for size in sizes:
        for film in FILMS:
            for mode in MODES:
                for name in names:
                    rows.append(measure(name, film, assets, size, mode, options.pictures))
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    (out / f"encoders-{stamp}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (out / f"encoders-{stamp}.md").write_text(table(rows))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
