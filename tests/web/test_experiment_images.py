"""Images that experiments made, as files: what is a PNG is sent as one, and nothing else is."""


def test_an_image_is_sent_as_a_png_and_its_panel_points_at_it(visitor, visit):
    answer = visitor.get("/experiments/demo/asked/image/0.png")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content.startswith(b"\x89PNG")
    sources = [image.attributes["src"] for image in visit("/experiments/demo/asked").all("img")]
    assert "/experiments/demo/asked/image/0.png" in sources


def test_an_image_that_is_not_there_is_a_page_that_says_so(visitor):
    for address in ("/experiments/demo/asked/image/99.png", "/experiments/demo/nowhere/image/0.png"):
        answer = visitor.get(address)
        assert answer.status_code == 404
        assert "has no image" in answer.text
    assert visitor.get("/experiments/demo/asked/image/x.png").status_code == 404
