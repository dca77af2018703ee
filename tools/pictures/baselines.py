"""What methods without networks reach on a corpus.

    python tools/pictures/baselines.py FOLDER

Raw pixels or HOG, each with logistic regression and with an SVM. C is chosen by five
splits of the training pictures, in which those of one origin, such as a font, stay
together; the test pictures are read once. Rows go to `results/pictures/baselines.csv`;
what is there is not done again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

from corpus import RESULTS, Part, Row, add_row, read
from hog import hog
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.svm import SVC

TABLE = RESULTS / "baselines.csv"

CHOICES = (0.01, 0.1, 1, 10, 100)  # of C
FEATURES = {
    "pixels": lambda images: images.reshape(len(images), -1),
    # Eight cells a side, four where they would be single pixels.
    "HOG": lambda images: hog(images, max(2, images.shape[1] // 8)),
}
CLASSIFIERS = {
    "logistic regression": (LogisticRegression(max_iter=3000), CHOICES),
    "SVM, RBF": (SVC(), CHOICES),
}


def main(folder: Path) -> None:
    """Measure each pair of features and a classifier on the corpus in a folder."""
    train, test = read(folder, "train"), read(folder, "test")
    for features in FEATURES:
        for classifier in CLASSIFIERS:
            add_row(
                TABLE,
                {
                    "corpus": folder.resolve().name,
                    "features": features,
                    "classifier": classifier,
                },
                lambda words=(features, classifier): measure(train, test, *words),
            )


def measure(train: Part, test: Part, features: str, classifier: str) -> Row:
    """Choose C on the training pictures, fit all of them, and measure the others."""
    start = perf_counter()
    compute = FEATURES[features]
    estimator, choices = CLASSIFIERS[classifier]
    splits = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(estimator, {"C": choices}, cv=splits, n_jobs=-1)
    search.fit(compute(train.images), train.labels, groups=train.names)
    predicted = search.predict(compute(test.images))
    return {
        "training_images": len(train.labels),
        "test_images": len(test.labels),
        "C": search.best_params_["C"],
        "validation_accuracy": f"{search.best_score_:.4f}",
        "accuracy": f"{accuracy_score(test.labels, predicted):.4f}",
        "macro_f1": f"{f1_score(test.labels, predicted, average='macro'):.4f}",
        "seconds": f"{perf_counter() - start:.0f}",
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
