//! Templates over an invented lending library.

use super::*;
use crate::schema::{Catalog, Column, Family, Table, ValueHit, ValueSource};
use crate::text::fold;

struct Values(Vec<ValueHit>);

impl ValueSource for Values {
    fn equal(&mut self, folded: &[String]) -> Vec<ValueHit> {
        self.0.iter().filter(|h| folded.contains(&h.matched)).cloned().collect()
    }

    fn similar(&mut self, folded: &str, limit: usize) -> Vec<ValueHit> {
        self.0.iter().filter(|h| h.matched.contains(folded)).take(limit).cloned().collect()
    }
}

fn library() -> (Catalog, Values) {
    let table = |name: &str, columns: &[(&str, Family)]| Table {
        schema: "library".into(),
        name: name.into(),
        columns: columns
            .iter()
            .map(|(name, family)| Column { name: (*name).into(), family: *family, ..Column::default() })
            .collect(),
        ..Table::default()
    };
    let catalog = Catalog {
        tables: vec![
            table(
                "reader",
                &[("id", Family::Number), ("name", Family::Text), ("city", Family::Text), ("born", Family::Date)],
            ),
            table(
                "book",
                &[("id", Family::Number), ("title", Family::Text), ("genre", Family::Text), ("pages", Family::Number)],
            ),
            table("loan", &[("reader", Family::Number), ("book", Family::Number), ("due", Family::Date)]),
        ],
        ..Catalog::default()
    };
    let stored = [
        (0, 2, "Bern"),
        (0, 2, "St. Gallen"),
        (0, 2, "The Hague"),
        (0, 2, "L'Aquila"),
        (1, 1, "Bern"),
        (1, 1, "A Night in Rome"),
        (1, 1, "The Oak"),
        (1, 2, "Crime"),
        (1, 2, "Poetry"),
    ];
    let hit = |(table, column, value): (usize, usize, &str)| ValueHit {
        table,
        column,
        value: value.into(),
        matched: fold(value),
        similarity: 1.0,
    };
    (catalog, Values(stored.into_iter().map(hit).collect()))
}

fn ask(learnt: (&str, &str), question: &str) -> Option<String> {
    let (catalog, mut values) = library();
    let template = Template::learn(&catalog, &mut values, learnt.0, learnt.1);
    // what is stored is what is read back
    let template: Template = serde_json::from_str(&serde_json::to_string(&template).unwrap()).unwrap();
    template.bind(&catalog, &mut values, question).map(|b| b.sql)
}

const IN_BERN: (&str, &str) =
    ("How many readers live in Bern?", "SELECT count(*) FROM library.reader r WHERE r.city = 'Bern'");

#[test]
fn other_values_of_the_same_column_fit() {
    for (question, city) in [
        ("How many readers live in St. Gallen?", "'St. Gallen'"),
        ("how many readers live in THE HAGUE", "'The Hague'"),
        ("What is the number of readers live in L'Aquila?", "'L''Aquila'"),
        ("how many readers live in \"Bern\"", "'Bern'"),
    ] {
        let sql = ask(IN_BERN, question).unwrap_or_else(|| panic!("{question}"));
        assert_eq!(sql, format!("SELECT count(*) FROM library.reader r WHERE r.city = {city}"));
    }
}

#[test]
fn other_words_do_not_fit() {
    for question in [
        "How many readers live in Poetry?",
        "How many readers live in Paris?",
        "How many readers do not live in Bern?",
        "How many books live in Bern?",
        "How many readers live in Bern and The Hague?",
        "How many readers live?",
        "readers live in Bern",
        "",
    ] {
        assert_eq!(ask(IN_BERN, question), None, "{question}");
    }
}

#[test]
fn the_same_question_always_fits() {
    let odd = ("List the *oldest* 'thing'", "SELECT 'thing");
    assert_eq!(ask(odd, "list  the *OLDEST* 'thing'").as_deref(), Some(odd.1));
    assert_eq!(ask(IN_BERN, IN_BERN.0).as_deref(), Some(IN_BERN.1));
}

#[test]
fn numbers_dates_and_limits_change() {
    let top = (
        "top 3 books with more than 200 pages",
        "SELECT title FROM book WHERE pages > 200 ORDER BY pages DESC LIMIT 3",
    );
    assert_eq!(
        ask(top, "the top five books with more than 1,250 pages").as_deref(),
        Some("SELECT title FROM book WHERE pages > 1250 ORDER BY pages DESC LIMIT 5")
    );
    assert_eq!(ask(top, "top 0 books with more than 9 pages"), None);
    assert_eq!(ask(top, "top 3 books with less than 200 pages"), None);
    let due = ("loans due before 2024-03-01", "SELECT * FROM loan WHERE due < DATE '2024-03-01'");
    assert_eq!(
        ask(due, "loans due before 2025-12-31").as_deref(),
        Some("SELECT * FROM loan WHERE due < DATE '2025-12-31'")
    );
    assert_eq!(ask(due, "loans due before 2025-02-30"), None);
    let weeks = ("loans due in the next 2 weeks", "SELECT * FROM loan WHERE due < now() + interval '2 weeks'");
    assert_eq!(
        ask(weeks, "which loans are due in the next 6 weeks?").as_deref(),
        Some("SELECT * FROM loan WHERE due < now() + interval '6 weeks'")
    );
    assert_eq!(ask(weeks, "loans due in the next 2 months"), None);
}

#[test]
fn patterns_and_letters_are_kept() {
    let like = ("books with Night in the title", "SELECT * FROM book WHERE title ILIKE '%Night%'");
    assert_eq!(
        ask(like, "books with oak in the title").as_deref(),
        Some("SELECT * FROM book WHERE title ILIKE '%Oak%'")
    );
    let lower = ("books of crime", "SELECT * FROM book WHERE lower(genre) = 'crime'");
    assert_eq!(ask(lower, "books of Poetry").as_deref(), Some("SELECT * FROM book WHERE lower(genre) = 'poetry'"));
}

#[test]
fn ambiguous_literals_stay() {
    // 2 is a number of loans and a limit: which of them would change?
    let two = ("readers with 2 loans", "SELECT reader FROM loan GROUP BY 1 HAVING count(*) = 2 LIMIT 2");
    assert_eq!(ask(two, "readers with 3 loans"), None);
    let twice = ("Is Bern in Bern?", "SELECT city = 'Bern' FROM reader");
    assert_eq!(ask(twice, "Is Bern in The Hague?"), None);
}

#[test]
fn one_word_may_fill_two_literals() {
    let both = ("readers in Bern or born in Bern city", "SELECT 1 FROM reader WHERE city = 'Bern'");
    assert_eq!(ask(both, "readers in The Hague or born in The Hague city"), None);
    let union = (
        "names in Bern",
        "SELECT name FROM reader WHERE city = 'Bern' UNION SELECT name FROM reader WHERE city = 'Bern'",
    );
    assert_eq!(
        ask(union, "names in The Hague").as_deref(),
        Some("SELECT name FROM reader WHERE city = 'The Hague' UNION SELECT name FROM reader WHERE city = 'The Hague'")
    );
}

#[test]
fn hostile_values_stay_literals() {
    let (catalog, mut values) = library();
    values.0.push(ValueHit {
        table: 0,
        column: 2,
        value: r"x\'; DROP TABLE reader; --".into(),
        matched: fold(r"x\'; DROP TABLE reader; --"),
        similarity: 1.0,
    });
    let template = Template::learn(&catalog, &mut values, IN_BERN.0, IN_BERN.1);
    let question = r"How many readers live in x\'; DROP TABLE reader; --";
    if let Some(bound) = template.bind(&catalog, &mut values, question) {
        let tokens = lexer::lex(&bound.sql);
        assert_eq!(lexer::text_value(tokens.last().unwrap().text).unwrap(), r"x\'; DROP TABLE reader; --");
    }
}

#[test]
fn signatures_mask_the_slots() {
    let (catalog, mut values) = library();
    let template = Template::learn(&catalog, &mut values, IN_BERN.0, IN_BERN.1);
    assert_eq!(template.signature(), "how many reader live {city}");
    let bound = template.bind(&catalog, &mut values, "how many readers live in the hague?").unwrap();
    assert_eq!(bound.assumptions, ["reader.city = The Hague"]);
    assert_eq!(bound.parameters[0].value, "The Hague");
}

#[test]
fn a_template_outlives_its_columns() {
    let (mut catalog, mut values) = library();
    let template = Template::learn(&catalog, &mut values, IN_BERN.0, IN_BERN.1);
    catalog.tables[0].columns[2].name = "town".into();
    assert_eq!(template.bind(&catalog, &mut values, "How many readers live in The Hague?"), None);
}

#[test]
fn a_template_from_elsewhere_does_no_harm() {
    let (catalog, mut values) = library();
    let template =
        Template { question: String::new(), pieces: vec![Piece::Slot(3)], slots: Vec::new(), sql: "SELECT 1".into() };
    assert_eq!(template.signature(), "{number}");
    assert_eq!(template.bind(&catalog, &mut values, "5"), None);
}

#[test]
fn a_question_without_an_end_is_compared_as_a_whole() {
    let (catalog, mut values) = library();
    // one word to the eye, thousands to the scanner, and every span of them would be looked up
    let long = "a-".repeat(8_000);
    let template = Template::learn(&catalog, &mut values, &long, IN_BERN.1);
    assert_eq!(template.slots, []);
    assert!(template.bind(&catalog, &mut values, &long).is_some());
    let short = Template::learn(&catalog, &mut values, IN_BERN.0, IN_BERN.1);
    assert_eq!(short.bind(&catalog, &mut values, &format!("{} {long}", IN_BERN.0)), None);
}

#[test]
fn sql_that_is_none_is_read_to_its_end() {
    let (catalog, mut values) = library();
    for sql in [
        ") < 5",
        ")= 'Bern'",
        "< 5",
        ", 5)",
        "(5",
        "::text = 5",
        ". = 5",
        "and 5",
        "5 and 5",
        "in (5",
        "between 5 and 5",
    ] {
        let template = Template::learn(&catalog, &mut values, "over 5 in Bern", sql);
        assert_eq!(template.sql, sql);
    }
}
