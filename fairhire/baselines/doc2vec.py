"""A transcript as one vector that was learned by guessing its words: the paper's non-sequential text.

Le and Mikolov 2014. The only file that knows gensim.
"""

from __future__ import annotations

import logging

import numpy as np
from gensim.models.doc2vec import Doc2Vec, TaggedDocument
from numpy.typing import NDArray

from fairhire.baselines.describe import AnswerRows
from fairhire.data.corpus import Corpus
from fairhire.errors import DataError
from fairhire.interview import TEXT

__all__ = ["document_vectors"]

_WIDTH = 100  # numbers of a vector, and
_EPOCHS = 20  # passes: ours, the paper's are unknown
_LEAST = 2  # occurrences of a word among training answers


def document_vectors(
    corpus: Corpus, answers: AnswerRows, train: NDArray[np.int64], *, seed: int
) -> NDArray[np.float32]:
    """Return a vector (A, 100) of every answer with words, inferred by a model of training answers alone.

    One thread, so that a seed gives the same vectors again. Raises :class:`DataError` where no word occurs twice among
    training answers.
    """
    logging.getLogger("gensim").setLevel(logging.ERROR)
    words = np.array(corpus.words, dtype=object)
    spoken = [list(words[corpus.frames(TEXT, int(answer))]) for answer in answers.answer]
    documents = [TaggedDocument(spoken[place], [number]) for number, place in enumerate(answers.of(train))]
    model = Doc2Vec(
        vector_size=_WIDTH, window=5, min_count=_LEAST, epochs=_EPOCHS, dm=0, dbow_words=1, seed=seed, workers=1
    )
    model.build_vocab(documents)
    if len(model.wv) == 0:
        raise DataError(f"{corpus.path}: expected a word that occurs {_LEAST} times in training answers, got none")
    model.train(documents, total_examples=model.corpus_count, epochs=model.epochs)
    # Training answers are inferred like all others: the vectors they were trained with lie elsewhere.
    found = np.empty((len(spoken), _WIDTH), dtype=np.float32)
    for place, said in enumerate(spoken):
        model.random.seed(seed)  # an answer's vector must not depend on which answers came before it
        found[place] = model.infer_vector(said)
    mine = answers.of(train)
    deviation = found[mine].std(axis=0)
    scaled: NDArray[np.float32] = (found - found[mine].mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return scaled
