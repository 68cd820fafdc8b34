"""Columns that a file lacks or has twice: the error names those it has and how to choose one."""

from helpers.mistakes import CSV, TRAIN, each_case

CASES = [
    (
        "a text column of a wrong name",
        {"rows.csv": "headline,desk\none goal,sports\n"},
        [TRAIN + "rows.csv", "data.text_column=headlines", "data.label_column=desk"],
        (
            "data.train: {folder}/rows.csv has no column 'headlines'. Did you mean 'headline'? Its "
            "columns are headline, desk; name one with data.text_column=…"
        ),
    ),
    (
        "a label column of a wrong name",
        {"rows.csv": "headline,desk\none goal,sports\n"},
        [TRAIN + "rows.csv", "data.text_column=headline", "data.label_column=dessk"],
        (
            "data.train: {folder}/rows.csv has no column 'dessk'. Did you mean 'desk'? Its columns "
            "are headline, desk; name one with data.label_column=…"
        ),
    ),
    (
        "one of several text columns of a wrong name",
        {"rows.csv": "title,body,desk\none goal,in Porto,sports\n"},
        [TRAIN + "rows.csv", "data.text_column=[title,boddy]", "data.label_column=desk"],
        (
            "data.train: {folder}/rows.csv has no column 'boddy'. Did you mean 'body'? Its columns "
            "are title, body, desk; name one with data.text_column=…"
        ),
    ),
    (
        "no column of a usual name for texts",
        {"rows.csv": "schlagzeile,label\nein Tor,sport\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has none of the usual names for the column of the text "
            "(text, texts, sentence, content, review, headline, title, body, message, comment, "
            "description, document, question, query, utterance, tweet, post, abstract). Its "
            "columns are schlagzeile, label; name one with data.text_column=…"
        ),
    ),
    (
        "no column of a usual name for labels",
        {"rows.csv": "text,ressort\nein Tor,sport\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv has none of the usual names for the column of the label "
            "(label, labels, class, category, target, topic, intent, sentiment, emotion, tag, "
            "stars, rating, cats). Its columns are text, ressort; name one with "
            "data.label_column=…"
        ),
    ),
    (
        "one column for both",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.text_column=text", "data.label_column=text"],
        "data.text_column and data.label_column are both 'text'; two columns were expected.",
    ),
    (
        "two columns of one name",
        {"rows.csv": "text,label,text\none,goal,sports\n"},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv has two columns 'text': each needs a name of its own.",
    ),
    (
        "two columns of one name of which one is named",
        {"rows.csv": "note,note,label\none,goal,sports\n"},
        [TRAIN + "rows.csv", "data.text_column=note"],
        "data.train: {folder}/rows.csv has two columns 'note': each needs a name of its own.",
    ),
    (
        "a file without a header",
        {"rows.csv": "1,a goal\n2,shares fall\n1,two goals\n"},
        [TRAIN + "rows.csv", "data.text_column=text", "data.label_column=label"],
        (
            "data.train: {folder}/rows.csv seems to have no header: its first row holds '1', 'a "
            "goal', like the rows below. Give data.header=false with positions from 1, such as "
            "data.text_column=2 data.label_column=1, or with a name for each of the 2 columns, "
            "data.columns=[…]; or data.header=true if these are the names."
        ),
    ),
    (
        "names of columns beside a header",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.columns=[text,label]"],
        (
            "data.columns=[text,label] names the columns of a file without a header: give "
            "data.header=false, too, or leave it out."
        ),
    ),
    (
        "a glob of files with other columns",
        {"1.csv": CSV, "2.csv": "title,label\none goal,sports\n"},
        [TRAIN + "*.csv"],
        (
            "data.train: {folder}/2.csv has no column 'text', which {folder}/1.csv has. Its "
            "columns are title, label; all files of a glob need the same."
        ),
    ),
]


@each_case(CASES)
def test_a_wrong_column_is_named_with_what_to_do(assert_refused, files, overrides, message):
    assert_refused(files, overrides, message)
