"""Images that are refused by their header, with no model at hand."""

import base64

import pytest

from core.errors import TooLarge
from rag.vl.media import ImageSource, open_picture

# A header and no pixels: what is refused here was never decoded, or it would be called broken.
CLAIMS = b"P6 20000 20000 255\n"


@pytest.mark.parametrize(
    "source", [CLAIMS, "data:image/x-portable-pixmap;base64," + base64.b64encode(CLAIMS).decode()]
)
def test_a_header_that_claims_more_than_can_be_decoded_is_refused_by_it(source: ImageSource) -> None:
    with pytest.raises(TooLarge, match=r"at most 40,000,000 (pixels )?are decoded"):
        open_picture(source, budget=1_000_000)
