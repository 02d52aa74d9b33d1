//! Whole questions on the library of [`fixture`].

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
        ("Number of members?", "SELECT count(*) AS members_count FROM library.members m"),
        ("List the title and price of all books", "SELECT b.title, b.price FROM library.books b"),
        ("members from Oslo", "SELECT m.name FROM library.members m WHERE m.city = 'Oslo'"),
        ("MEMBERS FROM OSLO", "SELECT m.name FROM library.members m WHERE m.city = 'Oslo'"),
        ("How many different genres are there?", "SELECT count(DISTINCT b.genre) AS count_genre FROM library.books b"),
        ("average age of members", "SELECT avg(m.age) AS average_age FROM library.members m"),
        (
            "maximum and minimum price of books",
            "SELECT max(b.price) AS highest_price, min(b.price) AS lowest_price FROM library.books b",
        ),
        (
            "titles of books ordered by price descending",
            "SELECT b.title FROM library.books b ORDER BY b.price DESC NULLS LAST",
        ),
        ("the oldest member", "SELECT m.name FROM library.members m ORDER BY m.age DESC NULLS LAST LIMIT 1"),
        ("the 3 most expensive books", "SELECT b.title FROM library.books b ORDER BY b.price DESC NULLS LAST LIMIT 3"),
        (
            "How many loans does each member have?",
            "SELECT m.name, count(*) AS loans_count FROM library.members m JOIN library.loans l ON m.member_id = l.member_id GROUP BY m.member_id, m.name",
        ),
        ("number of books per genre", "SELECT b.genre, count(*) AS books_count FROM library.books b GROUP BY b.genre"),
        (
            "loans per month in 2024",
            "SELECT date_trunc('month', l.loan_date)::date AS month, count(*) AS loans_count FROM library.loans l WHERE l.loan_date >= DATE '2024-01-01' AND l.loan_date < DATE '2025-01-01' GROUP BY date_trunc('month', l.loan_date)::date ORDER BY date_trunc('month', l.loan_date)::date",
        ),
        (
            "members with more than 3 loans",
            "SELECT m.name FROM library.members m JOIN library.loans l ON m.member_id = l.member_id GROUP BY m.member_id, m.name HAVING count(*) > 3",
        ),
        (
            "How many members have more than 3 loans?",
            "SELECT count(*) FROM (SELECT m.member_id FROM library.members m JOIN library.loans l ON m.member_id = l.member_id GROUP BY m.member_id, m.name HAVING count(*) > 3) AS counted",
        ),
        (
            "members without loans",
            "SELECT m.name FROM library.members m WHERE NOT EXISTS (SELECT 1 FROM library.loans l WHERE m.member_id = l.member_id)",
        ),
        (
            "members who never borrowed",
            "SELECT m.name FROM library.members m WHERE NOT EXISTS (SELECT 1 FROM library.loans l WHERE m.member_id = l.member_id)",
        ),
        ("books published after 2000", "SELECT b.title FROM library.books b WHERE b.publication_year >= 2001"),
        ("books with a price between 5 and 10", "SELECT b.title FROM library.books b WHERE b.price BETWEEN 5 AND 10"),
        (r#"books whose title starts with "The""#, "SELECT b.title FROM library.books b WHERE b.title ILIKE 'the%'"),
        (
            "which author has written the most books",
            "SELECT a.name FROM library.authors a JOIN library.books b ON a.author_id = b.author_id GROUP BY a.author_id, a.name ORDER BY count(*) DESC NULLS LAST LIMIT 1",
        ),
        (
            "the most common genre",
            "SELECT b.genre FROM library.books b GROUP BY b.genre ORDER BY count(*) DESC NULLS LAST LIMIT 1",
        ),
        (
            "books that cost more than the average",
            "SELECT b.title FROM library.books b WHERE b.price > (SELECT avg(b2.price) AS average_price FROM library.books b2)",
        ),
        ("members older than 30", "SELECT m.name FROM library.members m WHERE m.age > 30"),
        ("members from Oslo or Bergen", "SELECT m.name FROM library.members m WHERE m.city IN ('Oslo', 'Bergen')"),
        ("members not from Oslo", "SELECT m.name FROM library.members m WHERE m.city <> 'Oslo'"),
        (
            "members who borrowed a poetry book",
            "SELECT m.name FROM library.members m JOIN library.loans l ON m.member_id = l.member_id JOIN library.books b ON b.book_id = l.book_id WHERE b.genre = 'Poetry' GROUP BY m.member_id, m.name",
        ),
        (
            "ratio of fantasy books to poetry books",
            "SELECT (count(*) FILTER (WHERE b.genre = 'Fantasy'))::numeric / nullif(count(*) FILTER (WHERE b.genre = 'Poetry'), 0) AS ratio FROM library.books b",
        ),
        (
            "percentage of members that are from Oslo",
            "SELECT 100.0 * (count(*) FILTER (WHERE m.city = 'Oslo'))::numeric / nullif(count(*), 0) AS percentage FROM library.members m",
        ),
        (
            "the most expensive book of each genre",
            "SELECT DISTINCT ON (b.genre) b.genre, b.title FROM library.books b ORDER BY b.genre, b.price DESC NULLS LAST",
        ),
        (
            "total fines by city",
            "SELECT m.city, sum(l.fine) AS total_fine FROM library.members m JOIN library.loans l ON m.member_id = l.member_id GROUP BY m.city",
        ),
        (
            "books with more than 300 pages or a price below 5",
            "SELECT b.title FROM library.books b WHERE (b.pages > 300 OR b.price < 5)",
        ),
        (
            "cities of members older than 60 and younger than 20",
            "SELECT m.city FROM library.members m WHERE m.age > 60 INTERSECT SELECT m.city FROM library.members m WHERE m.age < 20",
        ),
        (
            "How many cities have more than 3 members?",
            "SELECT count(*) FROM (SELECT m.city FROM library.members m GROUP BY m.city HAVING count(*) > 3) AS counted",
        ),
        (
            "the second most expensive book",
            "SELECT b.title FROM library.books b ORDER BY b.price DESC NULLS LAST LIMIT 1 OFFSET 1",
        ),
        (
            "Which three members are the oldest?",
            "SELECT m.name FROM library.members m ORDER BY m.age DESC NULLS LAST LIMIT 3",
        ),
        ("books of fantasies", "SELECT b.title FROM library.books b WHERE b.genre = 'Fantasy'"),
        ("members whose phone is missing", "SELECT m.name FROM library.members m WHERE m.phone IS NULL"),
        ("all information about authors", "SELECT a.* FROM library.authors a"),
        (
            "genres of books that were borrowed last month",
            "SELECT DISTINCT b.genre FROM library.books b JOIN library.loans l ON b.book_id = l.book_id WHERE l.loan_date >= DATE '2025-04-01' AND l.loan_date < DATE '2025-05-01'",
        ),
    ] {
        assert_eq!(sql(question), expected, "{question}");
    }
}

#[test]
fn no_question_is_too_strange() {
    let long = "how many books by ".repeat(900);
    let quotes = "\"'".repeat(3000);
    for question in [
        "",
        " ",
        "?",
        "🦀",
        "'",
        "\"\"",
        "how many",
        "top",
        "top 5",
        "by",
        "most",
        "ratio of",
        "ratio of to",
        "percentage of",
        "between 3 and",
        "more than",
        "members members members",
        "not not not",
        "or or",
        "both and",
        "1 2 3 4 5",
        "each each each",
        "\u{0}",
        "é'é\"é",
        "order by",
        "books with price between 5 and",
        "members whose",
        "never",
        "no",
        "with",
        "average",
        "sorted by",
        "in 9999",
        "after 2024-99-99",
        &long,
        &quotes,
    ] {
        let _ = ask(question);
    }
}

#[test]
fn what_is_refused() {
    for (question, reason) in [
        ("", Reason::Empty),
        ("?!", Reason::Empty),
        ("delete all loans", Reason::Command),
        ("create a table of loans", Reason::Command),
        ("update the price of all books", Reason::Command),
        ("¿Cuántos libros hay en Oslo?", Reason::Language),
        ("Anzahl Ausleihen", Reason::Language),
        ("please drop the table books", Reason::Command),
        ("wie viele Bücher gibt es und wer ist der Autor", Reason::Language),
        ("сколько книг", Reason::Language),
        ("running total of fines", Reason::Unsupported),
        ("What is the meaning of life?", Reason::NoTable),
        ("members named \"Nobody Atall\"", Reason::NoMatch),
    ] {
        match ask(question) {
            Outcome::Refusal(refusal) => assert_eq!(refusal.reason, reason, "{question}"),
            Outcome::Answer(answer) => panic!("{question}: {}", answer.sql),
        }
    }
}

#[test]
fn relative_periods_are_said() {
    let Outcome::Answer(answer) = ask("How many loans were there last quarter?") else { panic!("refused") };
    assert_eq!(answer.assumptions[0], "'last quarter' read as 2025-01-01 to 2025-03-31");
    assert!(
        answer.sql.contains("loan_date >= DATE '2025-01-01' AND l.loan_date < DATE '2025-04-01'"),
        "{}",
        answer.sql
    );
    assert!(answer.explanation.contains("the number of loans") || answer.explanation.contains("The number of loans"));
}

#[test]
fn other_readings_are_kept() {
    let Outcome::Answer(answer) = ask("names of members from Oslo") else { panic!("refused") };
    assert!(answer.confidence > 0.5, "{}", answer.confidence);
    assert_eq!(answer.tables, [2]);
    assert!(answer.trace[0].starts_with("read as: "));
}

/// What a question says and the SQL does not is told, and makes a guess of the answer.
#[test]
fn what_is_not_used_is_told() {
    for (question, words) in [
        ("how many loans from Atlantis", "Atlantis"),
        ("how many books in \"Klingon\"", "Klingon"),
        ("how many loans on weekends", "weekends"),
        ("how many purple books", "purple"),
    ] {
        match ask(question) {
            Outcome::Answer(answer) => {
                assert!(answer.confidence < 0.5, "{question}: {}", answer.confidence);
                assert!(
                    answer.assumptions.iter().any(|a| a == &format!("not used: {words}")),
                    "{:?}",
                    answer.assumptions
                );
            }
            Outcome::Refusal(refusal) => assert_ne!(refusal.reason, Reason::Command, "{question}"),
        }
    }
    let Outcome::Answer(answer) = ask("create a list of members") else { panic!("refused") };
    assert!(answer.sql.starts_with("SELECT"), "{}", answer.sql);
}
