"""What tests of several figures look at."""


def texts(figure):
    """All words of a figure, or of a part of it."""
    return " ".join(
        text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
    )


def drawn(made):
    """Lay a figure out, where matplotlib says what does not fit."""
    made.draw_without_rendering()
    return made
