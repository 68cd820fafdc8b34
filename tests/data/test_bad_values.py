"""Values of data.… that cannot be meant: the error names the key and what was expected."""

from helpers.mistakes import MANY, TRAIN, each_case

CASES = [
    (
        "texts of no length",
        {},
        ["data.max_length=0"],
        "data.max_length must be at least 1, got 0.",
    ),
    (
        "a vocabulary without words",
        {},
        ["data.tokenizer=word", "data.vocab_size=2"],
        "data.vocab_size must be at least 3, got 2.",
    ),
    (
        "a vocabulary without pieces",
        {"rows.csv": MANY},
        [TRAIN + "rows.csv", "data.tokenizer=bpe", "data.vocab_size=200"],
        (
            "data.vocab_size must be above 258 for data.tokenizer=bpe, which keeps 258 ids for "
            "padding, unknowns and single bytes; got 200."
        ),
    ),
    (
        "an unknown way to cut",
        {},
        ["data.truncate=tails"],
        "data.truncate must be one of head, tail, head_tail, got 'tails'. Did you mean 'tail'?",
    ),
    (
        "two ways to even out the classes",
        {},
        ["data.oversample=true", "data.class_weights=balanced"],
        "data.oversample=true and data.class_weights=balanced both even the classes out; give one.",
    ),
    (
        "too many class weights",
        {"rows.csv": MANY},
        [TRAIN + "rows.csv", "data.class_weights=[1,2,3]"],
        (
            "data.class_weights must be null, balanced or a list of 2 numbers (for money, sports), "
            "got [1, 2, 3]."
        ),
    ),
]


@each_case(CASES)
def test_a_bad_value_is_named_with_what_was_expected(assert_refused, files, overrides, message):
    assert_refused(files, overrides, message)
