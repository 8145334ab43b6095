"""A link shows its quote on its page, to whoever has it, for as long as the document is there."""

import base64
import hashlib
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest
from ezdxf.filemanagement import new
from fastapi.testclient import TestClient
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from api.assemble import Sightline
from api.links import Links
from core.settings import Settings
from core.types import PUBLIC, Access, Chunk
from tests.api.small import add, small

NASTY = '<script>alert("1")</script> & <img src=x onerror=alert(2)> costs 5 crowns.'


class Markup(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.marked = ""
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "mark" or self._inside

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "mark"

    def handle_data(self, data: str) -> None:
        self.marked += data if self._inside else ""


def link(sightline: Sightline, words: str, tenant: str = "a") -> str:
    """The path of a link to these words, wherever they stand."""
    access = Access(tenant)
    for hit in sightline.retriever.search(words, access=access, limit=5):
        if words in hit.chunk.text:
            start = hit.chunk.text.index(words)
            return "/e/" + sightline.links.token(hit.chunk, start, start + len(words), access)
    raise AssertionError(f"{words!r} was not found")


def test_a_passage_without_pages_is_shown_with_its_quote_marked(
    library: Sightline, client: TestClient
) -> None:
    response = client.get(link(library, "the price of diesel doubled"), headers={"authorization": ""})
    assert response.status_code == 200
    assert Markup(response.text).marked == "the price of diesel doubled"
    assert "ferry.txt" in response.text
    assert "12.5 percent" in response.text


def test_a_chinese_passage_has_a_chinese_page(library: Sightline, client: TestClient) -> None:
    response = client.get(link(library, "保质期为十八个月"))
    markup = Markup(response.text)
    assert markup.tags[0] == ("html", {"lang": "zh"})
    assert markup.marked == "保质期为十八个月"


def test_a_page_runs_and_loads_nothing(empty: Sightline, serve: Callable[[Sightline], TestClient]) -> None:
    add(empty, "<b>nasty</b>.txt", NASTY)
    response = serve(empty).get(link(empty, "costs 5 crowns"))
    tags = {tag for tag, _ in Markup(response.text).tags}
    assert tags <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "h1",
        "p",
        "main",
        "blockquote",
        "section",
        "mark",
    }
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_the_style_is_the_one_that_the_policy_allows(library: Sightline, client: TestClient) -> None:
    response = client.get(link(library, "chaired by Ingrid Halvorsen"))
    style = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["content-security-policy"]


def test_whatever_the_link_does_not_open_is_the_same_404(library: Sightline, client: TestClient) -> None:
    good = link(library, "chaired by Ingrid Halvorsen").removeprefix("/e/")
    chunk = library.retriever.search("chaired", access=Access("a"), limit=1)[0].chunk
    forged = Links(b"another secret", "").token(chunk, 0, 5, Access("a"))
    lost = library.links.token(
        Chunk(
            id="00000000-0000-5000-8000-000000000000",
            doc_id="doc-0",
            version=1,
            ordinal=0,
            tenant="a",
            access=PUBLIC,
            kind="text",
            title="",
            section=(),
            text="gone",
            places=(),
        ),
        0,
        4,
        Access("a"),
    )
    bodies = set()
    for token in (forged, lost, good[:-2], good[::-1], "x", good + "AAAA", "茶"):
        response = client.get(f"/e/{token}")
        assert response.status_code == 404, token
        bodies.add(response.text)
    assert len(bodies) == 1


def test_a_link_of_one_tenant_does_not_open_another_ones_passage(
    library: Sightline, client: TestClient
) -> None:
    chunk = library.retriever.search("canary", access=Access("b"), limit=1)[0].chunk
    assert client.get(link(library, "The canary of tenant b", "b")).status_code == 200
    foreign = Chunk(
        id=chunk.id,
        doc_id=chunk.doc_id,
        version=chunk.version,
        ordinal=0,
        tenant="a",
        access=PUBLIC,
        kind="text",
        title="",
        section=(),
        text=chunk.text,
        places=(),
    )
    assert client.get(f"/e/{library.links.token(foreign, 0, 5, Access('a'))}").status_code == 404


def test_a_replaced_document_takes_its_links_with_it(
    empty: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(empty)
    add(empty, "fleet", "The ferry is called Otter.")
    path = link(empty, "called Otter")
    assert client.get(path).status_code == 200
    add(empty, "fleet", "The ferry is called Heron.")
    assert client.get(path).status_code == 404
    assert client.get(link(empty, "called Heron")).status_code == 200


def test_text_has_no_page_image(library: Sightline, client: TestClient) -> None:
    path = link(library, "chaired by Ingrid Halvorsen")
    assert client.get(f"{path}.png").status_code == 404


# ---------------------------------------------------------------- pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Sightline:
    """A real PDF of two pages."""
    folder = tmp_path_factory.mktemp("pages")
    canvas = Canvas(str(folder / "report.pdf"), pagesize=(300, 400))
    canvas.drawString(40, 300, "The first page speaks of boats.")
    canvas.showPage()
    canvas.drawString(60, 200, "The second page speaks of harbours.")
    canvas.save()
    sightline = small(Settings(state=folder / "state"))
    accepted = sightline.pipeline.accept("a", "report.pdf", folder / "report.pdf")
    sightline.jobs.enqueue(accepted)
    status = sightline.catalog.get("a", accepted.id)
    assert status.status == "ready", status.reason
    return sightline


def test_a_page_is_shown_as_an_image_with_the_quote_framed(
    pages: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(pages)
    path = link(pages, "speaks of harbours")
    page = client.get(path)
    assert "page 2" in page.text
    images = [attributes["src"] for tag, attributes in Markup(page.text).tags if tag == "img"]
    assert images == [f"{path}.png?page=2"]

    response = client.get(str(images[0]))
    assert response.headers["content-type"] == "image/png"
    assert "private" in response.headers["cache-control"]
    pixels = np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB")).astype(int)
    coloured = (pixels.max(axis=2) - pixels.min(axis=2)) > 60
    rows, columns = np.nonzero(coloured)
    scale = pixels.shape[1] / 300
    # "speaks of harbours" stands right of x = 60 and 200 points above the lower edge of 400.
    assert 60 * scale < columns.min() < columns.max() < 300 * scale
    assert 180 * scale < rows.min() < 200 * scale < rows.max() < 215 * scale


def test_only_the_pages_of_the_quote_are_shown(
    pages: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(pages)
    path = link(pages, "speaks of harbours")
    assert client.get(f"{path}.png?page=1").status_code == 404
    assert client.get(f"{path}.png?page=0").status_code == 422


def test_a_page_that_the_file_cannot_draw_is_shown_from_its_kept_picture(
    empty: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    drawing = new("R2010")
    drawing.modelspace().add_text("Chamfer 17 all edges", height=5, dxfattribs={"insert": (10, 60)})
    drawing.modelspace().add_line((0, 0), (120, 80))
    text = io.StringIO()
    drawing.write(text)
    add(empty, "plate.dxf", text.getvalue())
    client, path = serve(empty), link(empty, "Chamfer 17")
    assert f'src="{path}.png?page=1"' in client.get(path).text
    shown = client.get(f"{path}.png?page=1")
    assert shown.status_code == 200, shown.text
    assert shown.headers["content-type"] == "image/png"
    picture = np.asarray(Image.open(io.BytesIO(shown.content)).convert("RGB")).astype(int)
    marked = picture.max(axis=2) - picture.min(axis=2) > 40
    assert 0 < marked.mean() < 0.5, "the quote is framed, and nothing else"
    assert picture[marked].min() < 60, "its letters show through"
