use super::*;
use crate::engine::fixture;

fn best(question: &str) -> Option<(String, f32)> {
    let catalog = fixture::library();
    let words: Vec<String> = question.split(' ').map(str::to_string).collect();
    let lexicon = Lexicon::new(&catalog, &words);
    let stems: Vec<Vec<(String, f32)>> = words.iter().map(|w| lexicon.similar_stems(&normalize(w))).collect();
    let span: Vec<&[(String, f32)]> = stems.iter().map(Vec::as_slice).collect();
    lexicon.mentions(&span).first().map(|c| {
        let name = match c.target {
            Target::Table(t) => catalog.tables[t].name.clone(),
            Target::Column(t, c) => {
                format!("{}.{}", catalog.tables[t].name, catalog.column(t, c).name)
            }
        };
        (name, c.score)
    })
}

#[test]
fn words_find_their_names() {
    for (question, expected) in [
        ("members", "members"),
        ("loan date", "loans.loan_date"),
        ("member name", "members.name"),
        ("publication year", "books.publication_year"),
        ("writers", "authors"),
        ("phoen", "members.phone"),
    ] {
        assert_eq!(best(question).map(|b| b.0).as_deref(), Some(expected), "{question}");
    }
    assert_eq!(best("penguins"), None);
}

#[test]
fn partial_names_score_below_whole_ones() {
    let whole = best("publication year").unwrap().1;
    let part = best("publication").unwrap().1;
    assert!(part < whole, "{part} {whole}");
}

#[test]
fn prefixes_are_found_where_most_names_share_them() {
    let prefix = |names: &[&str]| shared_prefix(names.iter().copied(), 0.7);
    assert_eq!(prefix(&["lb_name", "lb_city", "lb_age"]), "lb_");
    assert_eq!(prefix(&["lbname", "lbcity", "lbage"]), "lb");
    assert_eq!(prefix(&["name", "city"]), "");
}

/// What a comment calls a table or column is another name of it; a sentence is none.
#[test]
fn comments_name_things() {
    let mut catalog = fixture::library();
    catalog.tables[0].name = "mitgl".into();
    catalog.tables[0].comment = Some("foreign penfriends, past and present".into());
    let means = |catalog: &Catalog, word: &str| {
        let lexicon = Lexicon::new(catalog, &[]);
        let span = lexicon.similar_stems(&normalize(word));
        lexicon.mentions(&[&span]).first().map(|c| (c.target, c.score))
    };
    let (target, score) = means(&catalog, "penfriend").expect("a mention");
    assert_eq!(target, Target::Table(0));
    assert!(score < 0.8, "{score}");
    catalog.tables[0].comment = Some("whoever has paid is kept here".into());
    assert!(means(&catalog, "paid").is_none_or(|(target, _)| target != Target::Table(0)));
}
