"""Naive Bayes on words: the textbook's example, and texts that it has not seen."""

import numpy as np
import pytest

from playbook.methods import word_weights

# Manning, Raghavan & Schuetze (2008), table 13.1; class 1: China.
TEXTS = ["Chinese Beijing Chinese", "Chinese Chinese Shanghai", "Chinese Macao", "Tokyo Japan Chinese",
         "Chinese Chinese Chinese Tokyo Japan"]  # fmt: skip
LABELS = [1, 1, 1, 0, -1]


def test_the_textbook_example_has_its_published_likelihoods_and_class():
    """P(Chinese|China) = 3/7, P(Tokyo|China) = 1/14, P(Chinese|other) = P(Tokyo|other) = 2/9; the text is of China."""
    words = word_weights.words_of(TEXTS)
    model = word_weights.learn(words, LABELS, classes=2)
    share = dict(zip(words.vocabulary, np.exp(model.likelihood).T, strict=True))
    assert share["chinese"].tolist() == pytest.approx([2 / 9, 3 / 7])
    assert share["tokyo"].tolist() == pytest.approx([2 / 9, 1 / 14])
    last = np.exp(word_weights.scores(model, words)[4])
    assert last.tolist() == pytest.approx([1 / 4 * (2 / 9) ** 5, 3 / 4 * (3 / 7) ** 3 * (1 / 14) ** 2])
    assert last.round(4).tolist() == [0.0001, 0.0003]


def test_weights_of_two_classes_are_the_ratio_of_their_likelihoods():
    """Chinese occurs 3/7 over 2/9 times as often in texts of China."""
    words = word_weights.words_of(TEXTS)
    weights = word_weights.learn(words, LABELS, classes=2).weights(1)
    assert np.exp(weights[words.vocabulary.index("chinese")]) == pytest.approx((3 / 7) / (2 / 9))


def test_rare_words_go_and_texts_without_words_keep_their_place():
    """A word must be in two texts, not twice in one; accents are letters, figures are not."""
    words = word_weights.words_of(["très bien", "", "Très 15 mal mal"], least=2)
    assert words.vocabulary == ["très"]
    assert (words.text.tolist(), words.texts) == ([0, 2], 3)


def test_a_text_is_guessed_without_its_own_label():
    """Labels that have nothing to do with the texts are guessed no better than by chance, not learned by heart."""
    rng = np.random.default_rng(1)
    texts = [
        " ".join("".join(pair) for pair in rng.choice(list("abcdefghijklmnopqrstuvwxyz"), (20, 2)))
        for _ in range(400)
    ]
    labels = rng.integers(0, 2, 400)
    words = word_weights.words_of(texts)
    assert abs((word_weights.guessed(words, labels, classes=2) == labels).mean() - 0.5) < 0.09
    model = word_weights.learn(words, labels, classes=2)
    assert (word_weights.scores(model, words).argmax(axis=1) == labels).mean() > 0.8


def test_a_class_without_texts_is_refused():
    """Nothing can be learned of it."""
    with pytest.raises(ValueError, match="each of 3 classes"):
        word_weights.learn(word_weights.words_of(TEXTS), LABELS, classes=3)
