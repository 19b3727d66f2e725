"""A text classifier that can be read: multinomial naive Bayes, in which each word adds its weight to each class.

Source: Manning, Raghavan & Schuetze (2008), Introduction to Information Retrieval, section 13.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Words:
    """Texts as words.

    Parameters
    ----------
    vocabulary : list of str
        Words, sorted.
    text, word : array of int, shape (t,)
        Of each occurrence: which text, which word of the vocabulary.
    texts : int
        How many texts.
    """

    vocabulary: list[str]
    text: NDArray[np.int64]
    word: NDArray[np.int64]
    texts: int


def words_of(texts: Iterable[str], *, least: int = 1) -> Words:
    """Split texts into words of two letters or more, in lower case; words in fewer than `least` texts are dropped.

    Examples
    --------
    >>> words_of(["Not happy.", "Happy!"]).vocabulary
    ['happy', 'not']
    """
    found = [_WORD.findall(text.lower()) for text in texts]
    text = np.repeat(np.arange(len(found)), [len(own) for own in found])
    every = sorted({word for own in found for word in own})
    place_of = {word: place for place, word in enumerate(every)}
    vocabulary = np.array(every, dtype=object)
    word = np.array([place_of[word] for own in found for word in own], dtype=np.int64)
    if least > 1:
        pairs = np.unique(text * max(len(vocabulary), 1) + word)
        kept = np.bincount(pairs % max(len(vocabulary), 1), minlength=len(vocabulary)) >= least
        place = np.cumsum(kept) - 1
        occurs = kept[word]
        vocabulary, text, word = vocabulary[kept], text[occurs], place[word[occurs]]
    return Words(vocabulary.tolist(), text, word, len(found))


@dataclass(frozen=True)
class WordModel:
    """Natural logarithms of shares: `prior` of classes, shape (k,); `likelihood` of words in a class, shape (k, words)."""

    prior: NDArray[np.float64]
    likelihood: NDArray[np.float64]

    def weights(self, of: int) -> NDArray[np.float64]:
        """Return how much more often each word occurs in class `of` than in the others taken together, as log-ratio."""
        rest = np.delete(np.arange(len(self.prior)), of)
        other = np.logaddexp.reduce(self.likelihood[rest] + self.prior[rest, None], axis=0)
        return self.likelihood[of] - other + np.logaddexp.reduce(self.prior[rest])


def learn(words: Words, labels: ArrayLike, *, classes: int, smoothing: float = 1.0) -> WordModel:
    """Learn a class's words from labelled texts.

    Parameters
    ----------
    words : Words
        All texts.
    labels : array_like of int, shape (texts,)
        Class, 0 to classes - 1; -1 for texts without a label.
    classes : int
        How many.
    smoothing : float
        Added to each count (Laplace), so that a word never seen rules nothing out.

    Raises
    ------
    ValueError
        When a class has no labelled text.
    """
    labels = np.asarray(labels)
    size = np.bincount(labels[labels >= 0], minlength=classes)
    if len(size) > classes or (size == 0).any():
        raise ValueError(f"learning needs labelled texts of each of {classes} classes")
    own = labels[words.text]
    at = own[own >= 0] * len(words.vocabulary) + words.word[own >= 0]
    counts = np.bincount(at, minlength=classes * len(words.vocabulary)).reshape(classes, -1) + smoothing
    return WordModel(np.log(size / size.sum()), np.log(counts / counts.sum(axis=1, keepdims=True)))


def scores(model: WordModel, words: Words) -> NDArray[np.float64]:
    """Return the log of prior times likelihood of each text and class, shape (texts, k); the largest is the guess."""
    added = [np.bincount(words.text, own[words.word], minlength=words.texts) for own in model.likelihood]
    return model.prior + np.column_stack(added)


def guessed(
    words: Words, labels: ArrayLike, *, classes: int, folds: int = 5, seed: int = 0
) -> NDArray[np.int64]:
    """Return each text's class as guessed by a model that has not seen its own label (cross-fitting), shape (texts,)."""
    labels = np.asarray(labels)
    fold = np.random.default_rng(seed).permutation(words.texts) % folds
    guess = np.empty(words.texts, dtype=np.int64)
    for k in range(folds):
        model = learn(words, np.where(fold == k, -1, labels), classes=classes)
        guess[fold == k] = scores(model, words)[fold == k].argmax(axis=1)
    return guess
