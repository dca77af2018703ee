"""The pictures of folders, in the cache as they are on the disk."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data import cache, workers
from kerascnn.data.cache import PARTS
from kerascnn.data.folder import list_folder
from kerascnn.data.reading import find_background, read_folder, read_item
from kerascnn.data.sources import Reading
from kerascnn.errors import DatasetError

RED, BLUE = np.full((2, 4, 8, 3), 9, np.uint8)
RED[..., 0] = 250
BLUE[..., 2] = 250


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache of its own, to look into."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "datasets"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "pictures"


def read(path, stage=lambda text: None, **reading):
    return read_folder(list_folder(str(path)), Reading(**reading), stage=stage)


def image_of(stored, name):
    [place] = np.flatnonzero(stored.files == name)
    return stored.images[place]


def save(image, root, name, **options):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    image.save(root / name, **options)


def test_pictures_are_squares_with_label_part_and_name(root, write_pictures):
    pictures = {
        "train/b/1.png": RED,
        "train/a/2.png": BLUE,
        "train/a/1.png": RED,
        "val/b/3.png": BLUE,
        "test/a/4.png": RED,
    }
    stored = read(write_pictures(root, **pictures), image_size=4)
    assert stored.images.shape == (5, 4, 4, 3)
    assert stored.class_names == ("a", "b")
    assert [
        (name, int(label), PARTS[part])
        for name, label, part in zip(
            stored.files, stored.labels, stored.parts, strict=True
        )
    ] == [
        ("train/a/1.png", 0, "train"),
        ("train/a/2.png", 0, "train"),
        ("train/b/1.png", 1, "train"),
        ("val/b/3.png", 1, "validation"),
        ("test/a/4.png", 0, "test"),
    ]
    for name, pixels in pictures.items():
        assert (image_of(stored, name) == pixels[0, 0]).all()
    assert stored.left_out == {}
    assert stored.background is None


@pytest.mark.parametrize("resize", ["pad", "crop", "stretch"])
def test_the_way_of_resizing_is_kept(root, write_pictures, resize):
    # Bright to the right: what is cut off, squeezed or put around can be told.
    wide = np.full((4, 8), 90, np.uint8)
    wide[:, 6:] = 255
    path = write_pictures(root, **{"a/1.png": wide, "b/1.png": wide})
    image = read(path, image_size=4, resize=resize).images[0, ..., 0]
    if resize == "crop":
        assert (image == 90).all()
    elif resize == "stretch":
        assert (image[:, -1] > 200).all()
        assert (image[:, :2] < 100).all()
    else:
        assert (image[[0, 3]] == 90).all()
        assert (image[1:3, -1] > 200).all()


def test_every_format_and_kind_of_pixels_is_read(root, photos):
    """In the folder of one class, the same picture as all formats have it."""
    photo = photos[0].resize((40, 40))
    for suffix in ("png", "bmp", "tif", "ppm", "gif"):
        save(photo, root, f"color/exact.{suffix}")
    save(photo, root, "color/photo.webp", lossless=True)
    save(photo, root, "color/photo.JPEG", quality=95)
    save(photo.convert("CMYK"), root, "color/cmyk.tiff")
    save(photo.convert("P", palette=Image.Palette.ADAPTIVE), root, "color/palette.png")
    save(photo.convert("RGBA"), root, "color/alpha.png")
    deep = np.asarray(photo.convert("L")).astype(np.uint16) * 257
    save(Image.fromarray(deep), root, "gray/deep.png")
    save(photo.convert("L"), root, "gray/plain.jpg", quality=95)
    save(photo.convert("LA"), root, "gray/alpha.png")
    frames = [Image.new("RGB", (40, 40), color) for color in ("blue", "red")]
    save(
        photo,
        root,
        "color/animation.webp",
        save_all=True,
        append_images=frames,
        lossless=True,
    )
    stored = read(root, image_size=40)
    assert stored.left_out == {}
    assert stored.images.shape == (14, 40, 40, 3)
    color = np.asarray(photo).astype(int)
    gray = np.asarray(photo.convert("L").convert("RGB")).astype(int)
    for name, image in zip(stored.files, stored.images, strict=True):
        expected = color if name.startswith("color") else gray
        error = abs(image.astype(int) - expected)
        lossy = name.endswith(("gif", "palette.png", "JPEG", "jpg"))
        assert error.mean() <= (6 if lossy else 0), name


def test_cameras_turn_pictures_upright(root):
    picture = Image.new("RGB", (16, 16), "black")
    picture.paste("white", (0, 0, 16, 8))  # light above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    save(picture, root, "a/turned.jpg", exif=exif, quality=95)
    save(picture, root, "b/upright.jpg", quality=95)
    stored = read(root, image_size=16)
    for name, light in (("a/turned.jpg", np.s_[:, 9:]), ("b/upright.jpg", np.s_[:7])):
        image = image_of(stored, name)[..., 0]
        assert (image[light] > 200).all(), name
        assert image.mean() < 140


def test_gray_stays_one_channel_if_all_are(root, write_pictures):
    rows = np.arange(64, dtype=np.uint8).reshape(8, 8)
    pictures = {
        "a/1.png": rows,
        "b/1.png": rows[::-1],
        "b/2.png": np.dstack([rows] * 3),
    }
    stored = read(write_pictures(root, **pictures), image_size=8)
    assert stored.images.shape == (3, 8, 8, 1)
    np.testing.assert_array_equal(stored.images[0, ..., 0], rows)
    np.testing.assert_array_equal(stored.images[2, ..., 0], rows)
    write_pictures(root, **{"b/3.png": RED})
    stored = read(root, image_size=8)
    assert stored.images.shape == (4, 8, 8, 3)
    np.testing.assert_array_equal(stored.images[0], np.dstack([rows] * 3))


def test_channels_may_be_settled(root, write_pictures):
    rows = np.arange(64, dtype=np.uint8).reshape(8, 8)
    path = write_pictures(root, **{"a/1.png": rows, "b/1.png": rows})
    color = read(path, image_size=8, channels=3).images
    np.testing.assert_array_equal(color[1], np.dstack([rows] * 3))
    path = write_pictures(
        root, **{"b/1.png": np.full((8, 8, 3), (255, 0, 0), np.uint8)}
    )
    gray = read(path, image_size=8, channels=1).images
    assert gray.shape == (2, 8, 8, 1)
    assert (gray[1] == 76).all()  # the weight of red, by ITU-R 601


def test_broken_files_are_left_out_and_named(root, write_pictures):
    path = write_pictures(root, **{f"{c}/{n}.png": RED for c in "ab" for n in range(3)})
    whole = (root / "a" / "0.png").read_bytes()
    (root / "a" / "1.png").write_bytes(whole[:40])
    (root / "a" / "empty.jpg").write_bytes(b"")
    (root / "a" / "text.png").write_text("no picture")
    (root / "b" / "gone.png").symlink_to(root / "nowhere")
    (root / "b" / "round.png").symlink_to("round.png")
    os.mkfifo(root / "b" / "pipe.png")
    stored = read(path, image_size=4)
    assert stored.files.tolist() == [
        *("a/0.png", "a/2.png", "b/0.png", "b/1.png", "b/2.png"),
    ]
    assert stored.labels.tolist() == [0, 0, 1, 1, 1]
    assert (stored.images == RED[0, 0]).all()
    assert stored.left_out.keys() == {
        *("a/1.png", "a/empty.jpg", "a/text.png"),
        *("b/gone.png", "b/pipe.png", "b/round.png"),
    }
    assert stored.left_out["b/gone.png"] == "there is no such file."
    assert "it is a pipe" in stored.left_out["b/pipe.png"]
    assert "not a picture in the format" in stored.left_out["a/text.png"]


def test_class_that_is_unreadable_as_a_whole_is_one_line(root, own_cache):
    save(Image.new("L", (4, 4)), root, "a/1.png")
    (root / "b\n\udcff").mkdir()
    (root / "b\n\udcff" / "1.png").write_text("no picture")
    with pytest.raises(DatasetError) as caught:
        read(root, image_size=4)
    words = str(caught.value)
    assert words.startswith("None of the pictures of the class 'b\\n\\udcff' in ")
    assert "'b\\n\\udcff/1.png': it is not a picture" in words
    assert len(words.splitlines()) == 1
    assert not [path for path in own_cache.iterdir() if path.is_dir()]


def test_names_of_every_kind_are_kept(root, write_pictures):
    names = [
        *("a/ä 数字 ☃.png", "a/two\nlines.png", "a/\udcff\udcfe.png"),
        *("a/" + "x" * 251 + ".png", "b/quote'\".png", "b/deep/er/1.png"),
    ]
    path = write_pictures(root, **dict.fromkeys(names, RED))
    (root / "b" / "link.png").symlink_to(root / "a" / names[0][2:])
    assert sorted(read(path).files) == sorted([*names, "b/link.png"])
    assert sorted(read(path).files) == sorted([*names, "b/link.png"])  # the cache's


def test_pictures_are_read_once_and_anew_when_they_change(root, write_pictures):
    path = write_pictures(root, **{"a/1.png": RED, "b/1.png": RED})
    first = read(path, image_size=4).images
    again = read(path, image_size=4)
    assert again.images.filename == first.filename
    assert read(path, image_size=5).images.filename != first.filename
    assert read(path, image_size=4, resize="crop").images.filename != first.filename
    write_pictures(root, **{"b/1.png": BLUE})
    changed = read(path, image_size=4).images
    assert (changed[1] == BLUE[0, 0]).all()
    # Of the same size and name, and another date.
    os.utime(root / "b" / "1.png", ns=(0, 0))
    assert read(path, image_size=4).images.filename != changed.filename
    (root / "b").rename(root / "c")
    assert read(path, image_size=4).class_names == ("a", "c")


def test_the_folder_is_left_as_it_was(root, write_pictures):
    path = write_pictures(root, **{"a/1.png": RED, "b/1.png": RED})
    before = {file: file.stat().st_mtime_ns for file in root.rglob("*")}
    for folder in (root, root / "a", root / "b"):
        folder.chmod(0o555)
    try:
        assert len(read(path).images) == 2
    finally:
        for folder in (root, root / "a", root / "b"):
            folder.chmod(0o755)
    assert {file: file.stat().st_mtime_ns for file in root.rglob("*")} == before


def test_several_processes_give_the_same_as_one(digit_folder, own_cache, monkeypatch):
    told = []
    several = read(digit_folder, told.append, image_size=28)
    assert told[-1] == "reading 240 of 240 pictures"
    monkeypatch.setattr(workers, "FEW", 1000)
    cache.clear_cache()
    one = read(digit_folder, image_size=28)
    np.testing.assert_array_equal(several.images, one.images)
    assert several.files.tolist() == one.files.tolist()
    assert several.images.shape == (240, 28, 28, 1)
    assert several.background == 0


def test_picture_that_ends_its_process_is_left_out(digit_folder, monkeypatch):
    """As when memory is short: the others are read by the next process."""
    tasks = Path("/proc/self/task")
    if not (tasks / str(os.getpid()) / "children").exists():
        pytest.skip("the system does not tell of children")
    killed = []

    def kill_once(text):
        done = int(text.split()[1])
        if not killed and done >= 128:  # when both have started
            for children in tasks.glob("*/children"):
                killed.extend(map(int, children.read_text().split()))
            for process in killed:
                os.kill(process, signal.SIGKILL)

    stored = read(digit_folder, kill_once, image_size=28)
    assert killed
    assert set(stored.left_out.values()) <= {"it ended the process that read it"}
    assert len(stored.left_out) <= len(killed)
    assert len(stored.images) + len(stored.left_out) == 240


def test_file_that_may_not_grow_is_one_line_and_leaves_nothing(
    root, own_cache, write_pictures, run_python
):
    path = write_pictures(root, **{f"{c}/{n}.png": RED for c in "ab" for n in range(9)})
    code = (
        "import resource, sys\n"
        "from kerascnn.data.folder import list_folder\n"
        "from kerascnn.data.reading import read_folder\n"
        "from kerascnn.data.sources import Reading\n"
        "from kerascnn.errors import DatasetError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    read_folder(list_folder(sys.argv[1]), Reading(), stage=print)\n"
        "except DatasetError as error:\n"
        "    print(error)\n"
    )
    done = run_python("-c", code, path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Cannot write {own_cache}")
    assert "File too large" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert not [path for path in own_cache.iterdir() if path.is_dir()]


def test_place_that_cannot_be_written_is_told(root, write_pictures):
    path = write_pictures(root, **{"a/1.png": RED})
    item = {"path": f"{path}/a/1.png", "side": 4, "resize": "pad", "channels": None}
    with pytest.raises(DatasetError, match=r"Cannot write .*: No such file"):
        read_item(item | {"target": str(root / "gone.npy"), "offset": 0})


def test_more_bytes_than_a_file_may_have_are_one_line(root, write_pictures):
    path = write_pictures(root, **{"a/1.png": RED, "b/1.png": RED})
    with pytest.raises(DatasetError, match=r"Cannot write .*: File too large"):
        read(path, image_size=10**10)


def test_far_too_large_picture_is_left_out_with_words(root, write_pictures):
    write_pictures(root, **{"a/1.png": RED, "b/1.png": RED})
    Image.new("1", (10_100, 10_000)).save(root / "b" / "huge.pbm")
    [words] = read(root, image_size=4).left_out.values()
    assert words == (
        "it has 10,100 x 10,000 pixels, more than 100 million. Make it smaller."
    )


@pytest.mark.parametrize(
    ("edge", "inner", "background"),
    [(0, 255, 0), (255, 0, 255), (20, 255, 0), (128, 255, None), (230, 0, 255)],
)
def test_background_of_drawings_is_that_of_their_edges(edge, inner, background):
    images = np.full((50, 8, 8, 1), edge, np.uint8)
    images[:, 2:6, 2:6] = inner
    assert find_background(images) == background
    assert find_background(np.repeat(images, 3, axis=3)) is None
    images[::4] = 128  # a quarter of them have another
    assert find_background(images) is None
    assert find_background(images[:0]) is None
