"""The model card says what it must, and no path."""

from __future__ import annotations

from tfreg.recipe import Recipe
from tfreg.runs.card import model_card, recipe_changes, score_table, setting
from tfreg.runs.run import Run


def a_run(**facts) -> Run:
    return Run(
        recipe=Recipe(dropout=0.25).to_json(),
        labels=["neg", "pos"],
        metrics={
            "task": "classify",
            "dev": {"accuracy": 0.5, "mcc": 0.25},
            "test": {},
            "epochs": [{}, {}],
            "seconds": 12.0,
            "real_tokens_per_second": 345.6,
        },
        facts={
            "kind": "text",
            "data": "reviews",
            "preset": "minilm",
            "rows": {"train": 40, "dev": 8},
            "report": ["3 empty texts"],
            "versions": {"tfreg": "0.1.0"},
            **facts,
        },
    )


def test_it_tells_data_counts_recipe_scores_and_use():
    card = model_card(a_run(), split="dev", picture="confusion_matrix.png")
    for part in (
        "# reviews: one label a text",
        "Rows: 40 train, 8 dev.",
        "2 labels: `neg`, `pos`.",
        "- 3 empty texts",
        "| accuracy | 0.5000 |",
        "| `dropout` | 0.25 |",
        "2 epochs in 12 s, 346 word pieces a second.",
        "![true against predicted](confusion_matrix.png)",
        "](reliability.png)",
        'model.predict_labels(["A text.", "Another."])',
    ):
        assert part in card


def test_scores_stand_side_by_side_with_gaps():
    table = score_table({"dev": {"mse": 1.0}, "test": {"mse": None, "pearson": 0.5}})
    assert table.splitlines()[2:] == ["| mse | 1.0000 |  |", "| pearson |  | 0.5000 |"]


def test_only_changed_fields_are_told():
    assert recipe_changes(Recipe().to_json()) == {}
    changed = Recipe(freeze="embeddings", epochs=5).to_json()
    assert recipe_changes(changed) == {"freeze": "embeddings", "epochs": "5"}


def test_regularisers_read_as_calls():
    l2sp = {"class_name": "L2SP", "config": {"alpha": 0.01}, "module": "tfreg"}
    assert setting(l2sp) == "L2SP(alpha=0.01)"
    assert setting({"*kernel": l2sp}) == "*kernel: L2SP(alpha=0.01)"
    assert (
        setting({"class_name": "L2", "config": {"l2": 0.10000000149}}) == "L2(l2=0.1)"
    )
