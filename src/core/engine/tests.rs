use jiff::civil::date;

use super::*;

fn ask(question: &str) -> Outcome {
    let catalog = fixture::library();
    answer(&catalog, &mut fixture::values(), &Request { question, evidence: None, today: date(2025, 5, 14) })
}

fn sql(question: &str) -> String {
    match ask(question) {
        Outcome::Answer(answer) => answer.sql.replace('\n', " ").split_whitespace().collect::<Vec<_>>().join(" "),
        Outcome::Refusal(refusal) => format!("{:?}: {}", refusal.reason, refusal.message),
    }
}

#[test]
fn forms() {
    for (question, expected) in [
        ("How many members are there?", "SELECT count(*) AS members_count FROM library.members m"),
        ("List the title and price of all books", "SELECT b.title, b.price FROM library.books b"),
        ("members from Oslo", "SELECT m.name FROM library.members m WHERE m.city = 'Oslo'"),
    ] {
        assert_eq!(sql(question), expected, "{question}");
    }
}
