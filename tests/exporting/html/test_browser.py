"""The page in Chromium, offline: drawn, dropped, tested, looked at."""

import base64
import contextlib
import gzip
import io
import socketserver
import threading
import time

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.facts import DatasetFacts
from kerascnn.data.pictures import fit_picture, read_picture
from kerascnn.data.splits import take
from kerascnn.exporting.html.export import SAMPLE_SEED, SELF_TEST_IMAGES
from kerascnn.model_files.keras_model import predict_probabilities

Error = pytest.importorskip(
    "playwright.sync_api", reason="comes with the extra test"
).Error
pytestmark = pytest.mark.slow

MNIST = DatasetFacts.from_table("mnist")
# Digits as strokes, in a square of 100.
DIGITS = {
    0: ["50,15 30,25 25,50 30,75 50,85 70,75 75,50 70,25 50,15"],
    1: ["52,12 50,88"],
    2: ["28,30 40,16 60,16 70,30 62,48 28,84 74,84"],
    3: ["30,20 50,13 68,25 62,42 45,48 65,54 72,70 55,86 30,80"],
    4: ["35,15 28,52 72,52", "66,20 62,88"],
    5: ["70,15 36,15 33,44 55,42 70,56 66,76 48,86 28,78"],
    6: ["62,13 40,35 30,62 38,84 58,84 66,68 56,54 36,60"],
    7: ["26,17 72,17 56,48 44,88"],
    8: ["52,48 32,34 38,16 58,14 68,28 52,48 32,66 40,86 60,86 70,68 52,48"],
    9: ["66,34 54,16 36,22 34,40 50,48 66,34 64,60 56,88"],
}
ANSWER = "() => Number(document.getElementById('model-0').dataset.answer)"
SEEN = """() => {
  const canvas = document.getElementById("seen");
  const context = canvas.getContext("2d");
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return [...data].filter((value, place) => place % 4 === 0);
}"""
STATUS = "() => document.getElementById('status').textContent"
GIVE = """([how, name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type: "image/png" }));
  document.getElementById("status").textContent = "";
  document.body.dispatchEvent(how === "drop"
    ? new DragEvent("drop", { dataTransfer: data, bubbles: true })
    : new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}"""


def draw(page, strokes):
    """Draw by the mouse; the answer is there when it is done."""
    page.click("#clear")
    box = page.locator("#canvas").bounding_box()
    for stroke in strokes:
        points = [
            (box["x"] + x / 100 * box["width"], box["y"] + y / 100 * box["height"])
            for x, y in (map(int, point.split(",")) for point in stroke.split())
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=6)
        page.mouse.up()
    page.wait_for_selector("#models[aria-busy=false]")


def canvas_picture(page):
    """What is drawn, as a picture that `predict` would be given."""
    content = page.evaluate("document.getElementById('canvas').toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(content.partition(",")[2])))


def give(page, name, image, how="drop"):
    """Drop or paste a picture, and wait for what is said of it."""
    content = io.BytesIO()
    image.save(content, "PNG")
    page.evaluate(GIVE, [how, name, base64.b64encode(content.getvalue()).decode()])
    return wait_until(page, STATUS)


def wait_until(page, expression, seconds=30):
    """The value of an expression, as soon as there is one.

    Playwright's own way evaluates a text in the page, which its policy forbids.
    """
    end = time.monotonic() + seconds
    while not (value := page.evaluate(expression)):
        assert time.monotonic() < end, expression
        time.sleep(0.01)
    return value


def test_ten_digits_are_drawn_seen_as_predict_sees_them_and_answered(
    open_page, exported_page, lenet
):
    page = open_page(exported_page[0].path)
    right = 0
    for digit, strokes in DIGITS.items():
        draw(page, strokes)
        fitted = fit_picture(read_picture(canvas_picture(page)), MNIST)
        seen = np.array(page.evaluate(SEEN), np.uint8).reshape(28, 28)
        np.testing.assert_array_equal(seen, fitted.pixels[..., 0], err_msg=str(digit))
        [expected] = predict_probabilities(lenet, fitted.pixels[None]).argmax(1)
        assert page.evaluate(ANSWER) == expected, digit
        right += expected == digit
    assert right >= 8
    assert page.faults == []


def test_finger_draws_as_the_mouse_does(open_page, exported_page):
    options = {"has_touch": True, "viewport": {"width": 360, "height": 740}}
    page = open_page(exported_page[0].path, **options)
    page.locator("#canvas").scroll_into_view_if_needed()
    session = page.context.new_cdp_session(page)
    box = page.locator("#canvas").bounding_box()
    middle = box["x"] + box["width"] / 2

    def touch(kind, share):
        points = [{"x": middle, "y": box["y"] + share * box["height"]}]
        ending = {"type": kind, "touchPoints": [] if kind == "touchEnd" else points}
        session.send("Input.dispatchTouchEvent", ending)

    touch("touchStart", 0.15)
    for share in np.linspace(0.15, 0.85, 12):
        touch("touchMove", float(share))
    touch("touchEnd", 0.85)
    wait_until(page, f"() => ({ANSWER})() >= 0")
    assert page.evaluate(ANSWER) == 1
    assert page.evaluate("window.scrollX") == 0


def test_keyboard_draws_and_clears(open_page, exported_page):
    page = open_page(exported_page[0].path)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "canvas":
            break
    for _ in range(5):
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Space")
    for _ in range(10):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    wait_until(page, f"() => ({ANSWER})() >= 0")
    assert page.evaluate(ANSWER) == 1
    page.keyboard.press("Delete")
    cleared = "document.querySelector('#model-0 .answer').textContent === '–'"
    wait_until(page, f"() => {cleared}")


def test_camera_is_asked_and_its_picture_classified(open_page, exported_page):
    page = open_page(exported_page[0].path)
    page.click("#camera")
    page.wait_for_selector("#video", state="visible")
    page.click("#shoot")
    wait_until(page, f"() => ({ANSWER})() >= 0")
    assert "The camera's picture: " in page.locator("#status").text_content()
    page.click("#camera")
    page.wait_for_selector("#video", state="hidden")


def test_files_are_dropped_chosen_and_refused(open_page, exported_page, splits, lenet):
    page = open_page(exported_page[0].path)
    pixels = np.pad(splits[1].images[0, ..., 0], 20)  # a 7
    dark = Image.fromarray(255 - pixels).resize((300, 300), Image.Resampling.NEAREST)
    status = give(page, "seven.png", dark)
    fitted = fit_picture(read_picture(dark), MNIST)
    seen = np.array(page.evaluate(SEEN), np.uint8).reshape(28, 28)
    np.testing.assert_array_equal(seen, fitted.pixels[..., 0])
    assert page.evaluate(ANSWER) == 7
    assert status.startswith("seven.png: ")
    assert "light and dark were exchanged" in status
    light = Image.fromarray(np.pad(splits[1].images[1, ..., 0], 20)).resize((200, 200))
    status = give(page, "pasted.png", light, how="paste")
    assert status.startswith("pasted.png: LeNet-5, float32 says 2, ")
    assert "exchanged" not in status
    photograph = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (90, 90), np.uint8)
    )
    assert "kerascnn predict would look for" in give(page, "paper.png", photograph)
    page.set_input_files(
        "#file", {"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    wait_until(page, f"() => ({STATUS})().includes('no picture that')")


def test_replayed_test_images_are_as_accurate_as_the_model(
    open_page, exported_page, splits, lenet
):
    """Test images, larger, and pasted at other places, are found again."""
    page = open_page(exported_page[0].path)
    samples = take(splits[1], SELF_TEST_IMAGES, seed=SAMPLE_SEED)
    rng = np.random.default_rng(0)
    correct = 0
    for pixels, label in zip(samples.images[..., 0], samples.labels, strict=True):
        margins = rng.integers(0, 20, (2, 2))
        image = Image.fromarray(np.pad(pixels, margins))
        image = image.resize((image.width * 6, image.height * 6))
        give(page, "digit.png", image)
        correct += page.evaluate(ANSWER) == label
    expected = (
        predict_probabilities(lenet, samples.images).argmax(1) == samples.labels
    ).mean()
    assert correct / len(samples) >= expected - 0.02


def test_self_test_passes_and_nothing_is_asked_of_the_network(open_page, exported_page):
    path = exported_page[0].path
    page = open_page(path)
    page.click("#self-test")
    page.wait_for_selector("body[data-test]", timeout=60_000)
    lines = page.locator("#results li").all_text_contents()
    assert page.get_attribute("body", "data-test") == "passed"
    assert "float32 agrees with Keras on 200 of 200 test images" in lines[0]
    assert lines[1].startswith("Passed: LeNet-5, int8")
    page.locator(".example").first.click()
    wait_until(page, f"() => ({ANSWER})() >= 0")
    outside = [url for url in page.asked if not url.startswith(("data:", "blob:"))]
    assert outside == [path.as_uri()]
    assert page.faults == []


@pytest.fixture
def listener():
    """An address of this machine, and the requests that came to it."""
    requests = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.settimeout(5)
            with contextlib.suppress(OSError):
                # Browsers open connections beforehand, and may send nothing by them.
                if line := self.request.recv(1000).partition(b"\r\n")[0]:
                    requests.append(line.decode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", requests
        server.shutdown()


# All ways by which a script in the page could send something.
SEND = """async (address) => {
  const url = `http://${address}/`;
  const attempts = [
    () => fetch(url, { mode: "no-cors" }),
    () => navigator.sendBeacon(url, "x"),
    () => new WebSocket(`ws://${address}/`),
    () => new EventSource(url),
    () => new Worker(url),
    () => import(url),
  ];
  const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
  for (const attempt of attempts) {
    try { await Promise.race([attempt(), pause()]); } catch {}
  }
  for (const [name, attribute] of [["img", "src"], ["script", "src"], ["iframe", "src"],
      ["video", "src"], ["object", "data"]]) {
    const element = document.createElement(name);
    element[attribute] = url;
    document.body.append(element);
  }
  const sheet = document.createElement("link");
  [sheet.rel, sheet.href] = ["stylesheet", url];
  document.head.append(sheet);
  const form = document.createElement("form");
  form.action = url;
  document.body.append(form);
  form.submit();
  const script = document.createElement("script");
  script.textContent = "window.added = true";
  document.body.append(script);
  await pause();
  return window.added === true;
}"""


def test_policy_stops_what_would_leave_the_page(
    open_page, exported_page, listener, tmp_path
):
    """With a network: the same page without its policy does send."""
    address, requests = listener
    path = exported_page[0].path
    page = open_page(path, offline=False)
    assert not page.evaluate(SEND, address)
    assert requests == []
    assert any("Content Security Policy" in fault for fault in page.faults)
    text = path.read_text("utf-8")
    bare = tmp_path / "bare.html"
    bare.write_text(text.replace("Content-Security-Policy", "nothing"), "utf-8")
    page = open_page(bare, offline=False)
    with contextlib.suppress(Error):  # the form takes the page away
        page.evaluate(SEND, address)
    assert len(requests) > 3


def test_failed_self_test_is_told(open_page, exported_page, tmp_path):
    """Where the answers in the page are others than the model's."""
    text = exported_page[0].path.read_text("utf-8")
    first, rest = text.split('id="answers-0">', 1)
    answers, rest = rest.split("</script>", 1)
    other = rest.split('id="answers-1">', 1)[1].split("</script>", 1)[0]
    assert other == answers  # both are Keras's
    values = np.frombuffer(gzip.decompress(base64.b64decode(answers)), "<f4")
    turned = np.roll(values.reshape(200, 10), 1, axis=1).tobytes()
    block = base64.b64encode(gzip.compress(turned)).decode()
    path = tmp_path / "page.html"
    path.write_text(f'{first}id="answers-0">{block}</script>{rest}', "utf-8")
    page = open_page(path)
    page.click("#self-test")
    page.wait_for_selector("body[data-test=failed]", timeout=60_000)
    lines = page.locator("#results li").all_text_contents()
    assert lines[0].startswith("Failed: LeNet-5, float32 agrees with Keras on 0 of 200")
    assert lines[1].startswith("Passed")


CONTRAST = """() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!own || element.offsetParent === null || element.tagName === "SCRIPT") continue;
    const [a, b] = [parse(getComputedStyle(element).color), ground(element)]
      .map(luminance).sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push([element.outerHTML.slice(0, 80), ratio]);
  }
  return found;
}"""
UNNAMED = """() => [
    ...document.querySelectorAll("button, input, canvas, video, [role]")]
  .filter((element) => {
    if (element.closest("[aria-hidden=true]")) return false;
    if (element.tagName === "CANVAS" && element.closest("button")) return false;
    if (element.getAttribute("aria-label") || element.id === "status") return false;
    const text = (element.labels?.[0] ?? element).textContent.trim();
    return text === "";
  })
  .map((element) => element.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1600])
def test_page_fits_is_legible_and_has_names(open_page, exported_page, width, scheme):
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = open_page(exported_page[0].path, **options)
    draw(page, DIGITS[3])
    page.click("#self-test")
    page.wait_for_selector("body[data-test]", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNNAMED) == []
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, .button")]
        .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44)
        .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert small == []
    picture = page.screenshot(full_page=True)
    assert Image.open(io.BytesIO(picture)).width == width


@pytest.fixture(scope="module")
def color_run(tmp_path_factory):
    """LeNet on a folder of reddish and greenish noise, which are no squares."""
    from kerascnn.settings.config import TrainConfig
    from kerascnn.training.train import train_model

    folder = tmp_path_factory.mktemp("colors")
    rng = np.random.default_rng(0)
    for place, name in enumerate(("red", "green")):
        (folder / name).mkdir()
        for number in range(30):
            pixels = rng.integers(0, 150, (40, 50, 3), np.uint8)
            pixels[..., place] += 100
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    config = TrainConfig(model="lenet", dataset=str(folder), epochs=6)
    return train_model(config, tmp_path_factory.mktemp("runs"))


def test_photographs_are_dropped_and_there_is_nothing_to_draw_on(
    open_page, color_run, litertjs, tmp_path
):
    from kerascnn.exporting.html.export import export_page
    from kerascnn.models.load import load_model

    [export] = export_page([color_run], tmp_path)
    page = open_page(export.path)
    assert page.locator("#canvas").count() == 0
    model, facts = load_model(color_run.model_path), color_run.dataset
    rng = np.random.default_rng(1)
    for place in (0, 1):
        pixels = rng.integers(0, 150, (90, 130, 3), np.uint8)
        pixels[..., place] += 100
        image = Image.fromarray(pixels)
        give(page, "photograph.png", image)
        fitted = fit_picture(read_picture(image), facts).pixels
        seen = np.array(page.evaluate(SEEN), np.uint8).reshape(fitted.shape[:2])
        np.testing.assert_array_equal(seen, fitted[..., 0])
        [expected] = predict_probabilities(model, fitted[None]).argmax(1)
        assert page.evaluate(ANSWER) == expected
    page.click("#self-test")
    page.wait_for_selector("body[data-test=passed]", timeout=60_000)
    assert page.faults == []


def test_your_own_pictures_are_drawn_and_dropped(open_page, picture_run, picture_page):
    page = open_page(picture_page.path)
    assert page.locator("#canvas").count() == 1  # light on black, as the folder's
    test = picture_run.dataset.load("test")
    give(page, "digit.png", Image.fromarray(test.images[0, ..., 0]))
    seen = np.array(page.evaluate(SEEN), np.uint8).reshape(test.images.shape[1:3])
    np.testing.assert_array_equal(seen, test.images[0, ..., 0])
    labels = page.locator("#model-0 .bars li > span:first-child").all_text_contents()
    assert labels == ["none <0>", "one", "two"]
