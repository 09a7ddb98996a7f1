"""Pictures that are no phantoms of this recipe, for the judge of the domain to refuse. NumPy and Pillow.

Some are far away (one grey, noise, shapes, textures), some near: phantoms inverted, turned, torn, bent, blurred,
covered or mixed with something else, and bodies of another build. The near ones draw the boundary close, so that what
looks like a chest and is none of ours, a person's radiograph or slice first of all, falls outside.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float32]
Rng = np.random.Generator


def stranger(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Return a picture (side, side) over 0..1 that is no phantom, made afresh or from two that are."""
    if rng.random() < 0.45:
        far = FAR[rng.integers(len(FAR))](rng, phantom.shape[0])
        return far if rng.random() < 0.6 else grained(rng, far)
    return NEAR[rng.integers(len(NEAR))](rng, phantom, other)


def smooth_field(rng: Rng, side: int, cells: int) -> Picture:
    """Return a smooth random field over 0..1 with about `cells` hills along each side."""
    coarse = Image.fromarray(rng.random((cells + 1, cells + 1), np.float32))
    field = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
    return (field - field.min()) / (np.ptp(field) + 1e-6)


def blank(rng: Rng, side: int) -> Picture:
    """One grey, perhaps with a little noise."""
    noise = rng.choice((0.0, 0.02)) * rng.standard_normal((side, side), np.float32)
    return np.clip(rng.uniform(0, 1) + noise, 0, 1).astype(np.float32)


def noise(rng: Rng, side: int) -> Picture:
    """White noise of any strength, mean and grain."""
    cells = int(rng.choice((16, 32, 64, side)))
    field = rng.standard_normal((cells, cells), np.float32) * rng.uniform(0.03, 0.4) + rng.uniform(0.2, 0.8)
    grain = Image.fromarray(np.clip(field, 0, 1).astype(np.float32))
    return np.asarray(grain.resize((side, side), Image.Resampling.BILINEAR))


def gradient(rng: Rng, side: int) -> Picture:
    """A ramp in any direction."""
    angle, down = rng.uniform(0, 2 * np.pi), np.linspace(-1, 1, side, dtype=np.float32)
    ramp = np.cos(angle) * down[:, None] + np.sin(angle) * down[None, :]
    return np.clip(0.5 + rng.uniform(0.2, 0.7) * ramp, 0, 1).astype(np.float32)


def texture(rng: Rng, side: int) -> Picture:
    """Hills of several sizes."""
    picture = np.zeros((side, side), np.float32)
    for cells in rng.choice((2, 3, 5, 9, 17, 33), size=3, replace=False):
        picture += rng.uniform(0.2, 1) * smooth_field(rng, side, int(cells))
    return (picture / picture.max()) ** np.float32(rng.uniform(0.5, 2))


def shapes(rng: Rng, side: int) -> Picture:
    """Ellipses and boxes, soft or hard, as slices and limbs have them, often on black."""
    at = np.linspace(-1, 1, side, dtype=np.float32)
    y, x = at[:, None], at[None, :]
    picture = np.full((side, side), rng.choice((0.0, rng.uniform(0, 1))), np.float32)
    for _ in range(rng.integers(1, 9)):
        turn, (cx, cy) = rng.uniform(0, np.pi), rng.uniform(-0.7, 0.7, 2)
        u = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        v = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        a, b = rng.uniform(0.05, 0.9, 2)
        inside = 1 - ((u / a) ** 2 + (v / b) ** 2) if rng.random() < 0.7 else 1 - np.maximum(abs(u / a), abs(v / b))
        cover = 1 / (1 + np.exp(np.clip(-inside * rng.uniform(5, 60), -30, 30)))
        picture = picture * (1 - cover) + cover * rng.uniform(0, 1)
    return np.clip(picture + 0.02 * rng.standard_normal((side, side), np.float32), 0, 1).astype(np.float32)


def film(rng: Rng, side: int) -> Picture:
    """A body with two dark lungs, a white middle and ribs, but of another build than any phantom's."""
    at = np.linspace(-1, 1, side, dtype=np.float32)
    y, x = at[:, None] + 0 * at[None, :], at[None, :] + 0 * at[:, None]
    picture = np.full((side, side), rng.uniform(0.5, 0.95), np.float32) * (0.6 + 0.4 * smooth_field(rng, side, 4))
    for sign in (-1, 1):
        cx, cy = sign * rng.uniform(0.3, 0.55), rng.uniform(-0.25, 0.15)
        bend = (x - cx - sign * rng.uniform(-0.3, 0.3) * (y - cy) ** 2) / rng.uniform(0.2, 0.42)
        inside = 1 - (np.abs(bend) ** rng.uniform(1.6, 3) + np.abs((y - cy) / rng.uniform(0.45, 0.85)) ** 2.2)
        picture -= rng.uniform(0.3, 0.7) / (1 + np.exp(np.clip(-inside * rng.uniform(3, 10), -30, 30)))
    ribs = np.sin((y + rng.uniform(0.2, 0.7) * x**2 - 0.3 * np.abs(x)) * rng.uniform(18, 40) + rng.uniform(0, 6))
    picture += rng.uniform(0.02, 0.12) * ribs * (0.4 + 0.6 * smooth_field(rng, side, 6))
    picture += 0.15 * (smooth_field(rng, side, 20) - 0.5) * rng.uniform(0, 2)
    low, high = np.quantile(picture, (0.01, 0.99))
    return np.clip((picture - low) / (high - low + 1e-6), 0, 1).astype(np.float32)


def cloud(rng: Rng, side: int) -> Picture:
    """A texture as nature has them: strength falls with one over the frequency, or faster."""
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    strength = np.hypot(down, across)
    strength[0, 0] = 1
    spectrum = np.exp(2j * np.pi * rng.random(strength.shape)) / strength ** rng.uniform(0.9, 2.2)
    spectrum[0, 0] = 0
    picture = np.fft.irfft2(spectrum, (side, side))
    low, high = np.quantile(picture, (0.01, 0.99))
    return np.clip((picture - low) / (high - low + 1e-9), 0, 1).astype(np.float32)


def section(rng: Rng, side: int) -> Picture:
    """A slice through a body of any build, in any window: outline, organs, air, bone, vessels, often on black."""
    at = np.linspace(-1, 1, side, dtype=np.float32)
    y, x = at[:, None] + 0 * at[None, :], at[None, :] + 0 * at[:, None]
    picture = np.full((side, side), rng.choice((0.0, 0.0, 0.1)), np.float32)

    def put(cx: float, cy: float, a: float, b: float, shade: float) -> None:
        turn = rng.uniform(-0.5, 0.5)
        u, v = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn), (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        wave = 1 + rng.uniform(0, 0.25) * np.sin(np.arctan2(v, u) * rng.integers(2, 6) + rng.uniform(0, 6))
        inside = wave - (np.abs(u / a) ** rng.uniform(1.8, 3) + np.abs(v / b) ** rng.uniform(1.8, 3))
        cover = 1 / (1 + np.exp(np.clip(-inside * rng.uniform(10, 60), -30, 30)))
        picture[:] = picture * (1 - cover) + cover * shade

    width, height = rng.uniform(0.6, 1.0), rng.uniform(0.4, 0.8)
    put(0, 0, width, height, rng.uniform(0.2, 0.7))
    put(0, 0, width * 0.9, height * 0.88, rng.uniform(0.4, 0.9))
    for sign in (-1, 1):
        put(
            sign * rng.uniform(0.25, 0.5),
            rng.uniform(-0.15, 0.15),
            rng.uniform(0.15, 0.4),
            rng.uniform(0.15, 0.5),
            rng.uniform(0, 0.5),
        )
    for _ in range(rng.integers(3, 14)):
        put(*rng.uniform(-0.5, 0.5, 2), *rng.uniform(0.03, 0.25, 2), rng.uniform(0, 1))
    put(0, rng.uniform(0.2, 0.5), rng.uniform(0.06, 0.16), rng.uniform(0.06, 0.16), rng.uniform(0.8, 1))
    picture += rng.uniform(0, 0.2) * (cloud(rng, side) - 0.5) * (picture > 0.05)
    return np.clip(picture + rng.uniform(0, 0.05) * rng.standard_normal((side, side), np.float32), 0, 1)


def grained(rng: Rng, picture: Picture) -> Picture:
    """With a natural texture over it, as bodies have and phantoms have not."""
    texture = cloud(rng, picture.shape[0]) - 0.5
    return np.clip(picture + rng.uniform(0.1, 0.6) * texture * (0.3 + picture), 0, 1).astype(np.float32)


def organic(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """With a natural texture over it."""
    return grained(rng, phantom)


def leaning(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Turned far more than a patient leans."""
    angle = rng.choice((-1, 1)) * rng.uniform(22, 160)
    grey = Image.fromarray(phantom).rotate(angle, Image.Resampling.BILINEAR, fillcolor=float(rng.choice((0.0, 0.5))))
    return np.asarray(grey)


def stretched(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Far too narrow or too low, the rest empty or cut off."""
    side = phantom.shape[0]
    long, short = round(side * rng.uniform(1.0, 1.4)), round(side * rng.uniform(0.4, 0.68))
    size = (long, short) if rng.random() < 0.5 else (short, long)
    image = Image.fromarray(phantom).resize(size, Image.Resampling.BILINEAR)
    out = Image.new("F", (side, side), 0.0)
    out.paste(image, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(out)


def mistoned(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Its greys bent: far too dark, far too bright, or in folds."""
    kind = rng.integers(3)
    if kind == 2:
        return (0.5 + 0.5 * np.sin(phantom * rng.uniform(5, 14) + rng.uniform(0, 6))).astype(np.float32)
    power = rng.uniform(2.4, 5) if kind else rng.uniform(0.15, 0.45)
    return (np.clip(phantom, 0, 1) ** power).astype(np.float32)


def inverted(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Black for white."""
    return 1 - phantom


def turned(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """By a quarter, a half, three quarters, or upside down."""
    kind = rng.integers(4)
    return np.ascontiguousarray(phantom[::-1] if kind == 3 else np.rot90(phantom, kind + 1))


def torn(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Patches in another order."""
    cells = int(rng.choice((2, 4, 8)))
    size = phantom.shape[0] // cells
    patches = phantom.reshape(cells, size, cells, size).swapaxes(1, 2).reshape(-1, size, size)
    order = np.roll(np.arange(cells * cells), 1) if cells == 2 else rng.permutation(cells * cells)
    return patches[order].reshape(cells, cells, size, size).swapaxes(1, 2).reshape(phantom.shape)


def bent(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Pulled about like rubber."""
    side, strength = phantom.shape[0], rng.uniform(18, 40)
    down, across = np.mgrid[:side, :side]
    pull = [strength * (smooth_field(rng, side, int(rng.integers(3, 7))) - 0.5) for _ in range(2)]
    rows = np.clip(down + pull[0], 0, side - 1).astype(int)
    columns = np.clip(across + pull[1], 0, side - 1).astype(int)
    return phantom[rows, columns]


def blurred(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Far out of focus."""
    cells = int(rng.integers(4, 13))
    small = Image.fromarray(phantom).resize((cells, cells), Image.Resampling.BOX)
    return np.asarray(small.resize(phantom.shape, Image.Resampling.BICUBIC)).clip(0, 1)


def covered(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """A large part is something else."""
    side, picture = phantom.shape[0], phantom.copy()
    rows, columns = rng.integers(side // 3, side, 2)
    top, left = rng.integers(0, side - rows + 1), rng.integers(0, side - columns + 1)
    cover = FAR[rng.integers(len(FAR))](rng, side)
    picture[top : top + rows, left : left + columns] = cover[top : top + rows, left : left + columns]
    return picture


def mixed(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Laid over a texture or over another picture that is turned or moved."""
    if rng.random() < 0.5:
        under = FAR[rng.integers(2, len(FAR))](rng, phantom.shape[0])
    else:
        under = np.roll(turned(rng, other, phantom), rng.integers(-40, 40, 2), (0, 1))
    share = np.float32(rng.uniform(0.35, 0.65))
    return share * phantom + (1 - share) * under


def moved(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """A part, much enlarged, or the whole, much reduced."""
    side = phantom.shape[0]
    size = int(rng.uniform(0.35, 0.6) * side)
    if rng.random() < 0.5:
        top, left = rng.integers(0, side - size + 1, 2)
        part = Image.fromarray(phantom[top : top + size, left : left + size])
        return np.asarray(part.resize((side, side), Image.Resampling.BILINEAR))
    picture = np.full_like(phantom, rng.choice((0.0, rng.uniform(0, 1))))
    small = Image.fromarray(phantom).resize((size, size), Image.Resampling.BOX)
    top, left = rng.integers(0, side - size + 1, 2)
    picture[top : top + size, left : left + size] = np.asarray(small)
    return picture


def clipped(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """Exposed or windowed until half of it is lost, or until next to no contrast is left."""
    if rng.random() < 0.3:
        return (rng.uniform(0, 0.9) + 0.1 * phantom).astype(np.float32)
    cut = np.float32(rng.uniform(0.35, 0.55))
    if rng.random() < 0.5:
        return np.clip((phantom - cut) * rng.uniform(2, 6), 0, 1).astype(np.float32)
    return np.clip(phantom / cut * rng.uniform(1.2, 3), 0, 1).astype(np.float32)


def crowded(rng: Rng, phantom: Picture, other: Picture) -> Picture:
    """With texture all over: vessels, soft tissue, cables, that no phantom has."""
    side = phantom.shape[0]
    fine = sum(smooth_field(rng, side, int(cells)) - 0.5 for cells in rng.choice((12, 20, 32, 48), size=2))
    return np.clip(phantom + rng.uniform(0.15, 0.5) * fine, 0, 1).astype(np.float32)


FAR: tuple[Callable[[Rng, int], Picture], ...] = (
    blank, noise, gradient, texture, shapes, cloud, film, film, film, section, section, section,
)  # fmt: skip
NEAR: tuple[Callable[[Rng, Picture, Picture], Picture], ...] = (
    inverted,
    turned,
    torn,
    bent,
    blurred,
    covered,
    mixed,
    moved,
    clipped,
    crowded,
    organic,
    organic,
    leaning,
    stretched,
    mistoned,
)
