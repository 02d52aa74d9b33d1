//! The built-in engine: English questions to SQL without a model.
//!
//! ```text
//! question → tokens → operators, values, periods   what the words are
//!          → lattice  → resolve                    what they mean together
//!          → forms    → ir                         what is asked
//!          → join     → print, paraphrase          how SQL and people say it
//!          → confidence                            how sure that is
//! ```
//!
//! Every stage keeps alternatives; complete readings are ranked at the end.

use jiff::civil::Date;

use crate::link::{Candidate, Lexicon, Target, is_function_word, profile};
use crate::schema::{Catalog, Origin, TableKind, ValueSource};

mod confidence;
#[cfg(test)]
pub(crate) mod fixture;
mod forms;
mod hint;
mod ir;
mod join;
mod lattice;
mod operator;
mod paraphrase;
mod period;
mod print;
mod refuse;
mod resolve;
#[cfg(test)]
mod tests;
mod token;
mod values;

use forms::{Builder, Context, Reading as Form};
use lattice::{Arc, Findings, Path};
use resolve::{Assignment, Item};
use token::Token;

/// A question, as the user put it.
pub struct Request<'a> {
    pub question: &'a str,
    /// A hint that goes with the question.
    pub evidence: Option<&'a str>,
    /// What `last month` is counted from.
    pub today: Date,
}

pub enum Outcome {
    Answer(Box<Answer>),
    Refusal(Refusal),
}

/// SQL that answers the question, and how sure that is.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Schema-qualified, no semicolon.
    pub sql: String,
    /// Estimated probability of being right.
    pub confidence: f32,
    /// How the question was understood.
    pub explanation: String,
    /// What was read into the question: `'last quarter' read as 2026-07-01 to 2026-09-30`.
    pub assumptions: Vec<String>,
    /// Words that mean nothing here.
    pub unknown: Vec<String>,
    /// Indices of the tables that the SQL reads.
    pub tables: Vec<usize>,
    pub form: &'static str,
    /// Other readings, best first.
    pub alternatives: Vec<Reading>,
    pub trace: Vec<String>,
}

/// Another way to read the question.
#[derive(Clone, Debug)]
pub struct Reading {
    pub sql: String,
    pub explanation: String,
    pub score: f32,
}

/// Why there is no answer, and what may help.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub reason: Reason,
    pub message: String,
    /// What of the question was understood.
    pub understood: Vec<String>,
    /// Words that mean nothing here.
    pub unknown: Vec<String>,
    /// Names that resemble the unknown words.
    pub suggestions: Vec<String>,
    pub readings: Vec<Reading>,
    pub trace: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No words.
    Empty,
    /// A command to change something.
    Command,
    /// Not English.
    Language,
    /// Nothing that is known of the database is mentioned.
    NoTable,
    /// A value or measure is asked for that is not there.
    NoMatch,
    /// The tables cannot be joined.
    NoJoin,
    /// Running totals, ranks and the like.
    Unsupported,
    /// Several readings, none better than the others.
    Ambiguous,
}

/// Other readings that are handed out.
const MAX_ALTERNATIVES: usize = 4;

/// A complete reading with its SQL.
struct Whole {
    form: Form,
    sql: String,
    tree: join::Tree,
    score: f32,
    quality: f32,
    unknown: Vec<String>,
    ignored: Ignored,
    trace: String,
}

/// Words that a reading leaves out.
struct Ignored {
    words: Vec<String>,
    /// Whether one of them surely narrows the question down, so that the answer is one to another question.
    telling: bool,
}

impl Ignored {
    fn of(form: &Form, nodes: &[resolve::Node], tokens: &[Token]) -> Ignored {
        let telling = |node: &resolve::Node| match node.item {
            Item::Text(_) | Item::Value { .. } | Item::Number(_) | Item::Period(_) => true,
            Item::Op(op) => op.decides(),
            Item::Unknown => {
                let token = &tokens[node.start];
                token.proper || token.text.contains(|c: char| c.is_ascii_digit()) || period::is_time_word(&token.folded)
            }
            _ => false,
        };
        // `blue reviews`, `reviews from atlantis`: the word stands where a value or quality stands
        let narrows = |i: usize| {
            let before = i.checked_sub(1).map_or("", |b| nodes[b].word.as_str());
            let follows = nodes.get(i + 1).map(|n| &n.item);
            matches!(nodes[i].item, Item::Unknown)
                && (matches!(follows, Some(Item::Table(_)))
                    || matches!(before, "from" | "in" | "at" | "with" | "without" | "of" | "to")
                        && matches!(follows, None | Some(Item::Stop | Item::Comma)))
        };
        let pieces = || form.ignored.iter().map(|i| &nodes[*i]);
        let text = |node: &resolve::Node| {
            tokens[node.start..node.end].iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ")
        };
        Ignored {
            words: pieces().map(text).collect(),
            telling: pieces().any(telling) || form.ignored.iter().any(|i| narrows(*i)),
        }
    }
}

/// Answers the question from what the catalog and the stored values tell.
pub fn answer(catalog: &Catalog, values: &mut dyn ValueSource, request: &Request) -> Outcome {
    let question = token::readable(request.question);
    let tokens = token::tokenize(question);
    let operators = operator::find(&tokens);
    if let Some(refusal) = refuse::at_once(&tokens, &operators) {
        return Outcome::Refusal(refusal);
    }
    if catalog.tables.is_empty() {
        return Outcome::Refusal(Refusal::new(Reason::NoTable, "there are no tables that can be asked about"));
    }
    let words: Vec<String> = tokens.iter().filter(|t| t.is_word()).map(|t| t.folded.clone()).collect();
    let lexicon = Lexicon::new(catalog, &words);
    let stems: Vec<&str> = tokens.iter().map(|t| t.stem.as_str()).collect();
    let graph = join::Graph::new(catalog, |edge| role_bonus(catalog, &lexicon, edge, &stems));
    let mut found_values = values::find(catalog, &lexicon, values, question, &tokens, &operators);
    found_values.extend(hint::find(catalog, &lexicon, request.evidence.unwrap_or_default(), &tokens));
    let periods = period::find(&tokens, request.today);
    let money = money(catalog, &lexicon);
    let findings =
        Findings { tokens: &tokens, operators: &operators, values: &found_values, periods: &periods, money: &money };
    let paths = lattice::paths(&lexicon, &findings);
    let context = Context { catalog, lexicon: &lexicon, graph: &graph };
    let mut candidates = Vec::new();
    let mut disconnected = false;
    for path in &paths {
        for assignment in resolve::assignments(catalog, &lexicon, &graph, &tokens, path) {
            match read(&context, &tokens, path, &assignment) {
                Ok(Some(candidate)) => candidates.push(candidate),
                Ok(None) => {}
                Err(NotJoined) => disconnected = true,
            }
        }
    }
    candidates.sort_by(|a: &Whole, b: &Whole| b.score.total_cmp(&a.score));
    let mut seen = std::collections::HashSet::new();
    candidates.retain(|c| seen.insert(c.sql.clone()));
    if candidates.is_empty() {
        return Outcome::Refusal(nothing_found(catalog, &lexicon, &tokens, disconnected));
    }
    let best = candidates.remove(0);
    let hinted = request.evidence.is_some_and(|e| e.contains('='));
    conclude(catalog, &lexicon, &tokens, hinted, best, candidates)
}

/// The tables of a reading cannot be joined.
struct NotJoined;

fn read(context: &Context, tokens: &[Token], path: &Path, assignment: &Assignment) -> Result<Option<Whole>, NotJoined> {
    let nodes = &assignment.nodes;
    if !nodes.iter().any(|n| matches!(n.item, Item::Table(_) | Item::Column(..) | Item::Value { .. })) {
        return Ok(None);
    }
    let Some(form) = Builder::new(context, nodes).build() else {
        return Ok(None);
    };
    let printer =
        print::Printer { catalog: context.catalog, lexicon: context.lexicon, graph: context.graph, named: &form.named };
    let (Some(tree), Some(sql)) = (printer.tree(&form.query), printer.print(&form.query)) else {
        return Err(NotJoined);
    };
    let unknown = nodes.iter().filter(|n| matches!(n.item, Item::Unknown)).map(|n| n.word.clone()).collect();
    let decided: Vec<f32> = path
        .links
        .iter()
        .filter(|l| matches!(l.arc, Arc::Mention(_) | Arc::Value(_)))
        .map(|l| (l.score / (l.end - l.start) as f32).min(1.2))
        .collect();
    let quality = if decided.is_empty() { 0.0 } else { decided.iter().sum::<f32>() / decided.len() as f32 };
    let score = assignment.score - confidence::penalty(&form, &tree);
    let trace = trace(context.catalog, tokens, assignment);
    let ignored = Ignored::of(&form, nodes, tokens);
    Ok(Some(Whole { form, sql, tree, score, quality, unknown, ignored, trace }))
}

fn conclude(
    catalog: &Catalog,
    lexicon: &Lexicon,
    tokens: &[Token],
    hinted: bool,
    best: Whole,
    others: Vec<Whole>,
) -> Outcome {
    let content = tokens.iter().filter(|t| t.is_word() && !is_function_word(&t.folded)).count().max(1);
    let evidence = confidence::Evidence {
        unknown_share: best.unknown.len() as f32 / content as f32,
        quality: best.quality,
        margin: others.first().map_or(1.0, |o| best.score - o.score),
        length: tokens.len(),
        hinted,
        sentences: tokens.iter().filter(|t| matches!(t.kind, token::Kind::Symbol('.' | '?' | '!' | ';'))).count(),
        tables: catalog.tables.len(),
        inferred: best.tree.joins.iter().filter(|s| matches!(catalog.edges[s.edge].origin, Origin::Inferred)).count(),
        tree: Some(best.tree.clone()),
    };
    let features = confidence::features(&best.form, &evidence);
    let confidence = confidence::confidence(&features);
    // a name, number or date that is left out makes it an answer to another question
    let confidence = if best.ignored.telling { confidence.min(confidence::GUESS) } else { confidence };
    let mut trace = vec![
        format!("read as: {}", best.trace),
        format!("form: {}, score {:.2}", best.form.form, best.score),
        format!(
            "features: {}",
            confidence::NAMES.iter().zip(features).map(|(n, f)| format!("{n} {f:.3}")).collect::<Vec<_>>().join(", ")
        ),
    ];
    trace.extend(others.iter().take(MAX_ALTERNATIVES).map(|o| format!("or: {} ({:.2})", o.trace, o.score)));
    let alternatives: Vec<Reading> = others
        .iter()
        .take(MAX_ALTERNATIVES)
        .map(|o| Reading {
            sql: o.sql.clone(),
            explanation: paraphrase::paraphrase(catalog, &o.form.query),
            score: o.score,
        })
        .collect();
    let explanation = paraphrase::paraphrase(catalog, &best.form.query);
    if let Some((reason, message)) = missing(&best, content) {
        let mut refusal = Refusal::new(reason, message);
        refusal.understood = vec![explanation.clone()];
        refusal.suggestions = refuse::suggestions(catalog, lexicon, &best.unknown);
        refusal.unknown = best.unknown;
        refusal.readings =
            std::iter::once(Reading { sql: best.sql, explanation, score: best.score }).chain(alternatives).collect();
        refusal.trace = trace;
        return Outcome::Refusal(refusal);
    }
    let mut tables: Vec<usize> = best.tree.tables().collect();
    tables.sort_unstable();
    let mut assumptions = best.form.assumptions;
    if !best.ignored.words.is_empty() {
        assumptions.push(format!("not used: {}", best.ignored.words.join(", ")));
    }
    Outcome::Answer(Box::new(Answer {
        sql: best.sql,
        confidence,
        explanation,
        assumptions,
        unknown: best.unknown,
        tables,
        form: best.form.form,
        alternatives,
        trace,
    }))
}

/// What the best reading leaves out that no answer may leave out.
fn missing(best: &Whole, content: usize) -> Option<(Reason, String)> {
    let unknown = best.unknown.join(", ");
    if best.form.trouble.missing_value {
        return Some((Reason::NoMatch, "a value that the question quotes is stored nowhere".to_string()));
    }
    if best.form.trouble.no_measure
        && best.form.query.having.is_empty()
        && best.form.query.filters.is_empty()
        && best.unknown.len() > 1
    {
        return Some((Reason::NoMatch, format!("there is nothing to compare; unknown: {unknown}")));
    }
    if best.unknown.len() * 2 > content && best.unknown.len() > 1 {
        return Some((Reason::NoTable, format!("nothing in this database is called {unknown}")));
    }
    None
}

fn nothing_found(catalog: &Catalog, lexicon: &Lexicon, tokens: &[Token], disconnected: bool) -> Refusal {
    let unknown: Vec<String> =
        tokens.iter().filter(|t| t.is_word() && !is_function_word(&t.folded)).map(|t| t.folded.clone()).collect();
    let mut refusal = if disconnected {
        Refusal::new(Reason::NoJoin, "the tables that the question names cannot be joined")
    } else {
        Refusal::new(Reason::NoTable, "the question names no table, column or value of this database")
    };
    if !disconnected {
        refusal.suggestions = refuse::suggestions(catalog, lexicon, &unknown);
        refusal.unknown = unknown;
    }
    refusal
}

/// Columns that hold amounts of money that flows, best first: what `revenue` may mean.
fn money(catalog: &Catalog, lexicon: &Lexicon) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (t, table) in catalog.tables.iter().enumerate() {
        for (c, column) in table.columns.iter().enumerate() {
            let words = lexicon.column(t, c);
            if !profile::is_measure(words, column) || words.has_any(&["tax", "cost", "refund", "discount", "fee"]) {
                continue;
            }
            let score = if words.has_any(&["revenu", "turnov", "sale"]) || words.comment_has(&["revenu", "turnov"]) {
                1.0
            } else if words.has_any(&["amount", "total"]) && !words.has_any(&["number", "count"]) {
                0.4
            } else {
                continue;
            };
            // rows of a table that others refer to are things, not events
            let view = if table.kind == TableKind::Table { 0.0 } else { 0.1 };
            found.push(Candidate { target: Target::Column(t, c), score: score - view });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(6);
    found
}

/// Whether words of the question name the role of an edge: `shipped to` for `shipping_address_id`.
fn role_bonus(catalog: &Catalog, lexicon: &Lexicon, edge: &crate::schema::Edge, stems: &[&str]) -> f32 {
    let Some(words) = lexicon.tables.get(edge.from).and_then(|t| t.columns.get(*edge.from_columns.first()?)) else {
        return 0.0;
    };
    let target: Vec<&str> = lexicon.tables.get(edge.to).map_or(Vec::new(), |t| t.stems().collect());
    let _ = catalog;
    let named = words
        .own_words()
        .iter()
        .filter(|w| !target.contains(w) && !matches!(**w, "id" | "code"))
        .any(|w| stems.contains(w));
    if named { 0.3 } else { 0.0 }
}

fn trace(catalog: &Catalog, tokens: &[Token], assignment: &Assignment) -> String {
    let mut parts = Vec::new();
    for node in &assignment.nodes {
        let text = tokens[node.start..node.end].iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ");
        parts.push(match &node.item {
            Item::Table(t) => format!("[{text}: {}]", catalog.tables[*t].name),
            Item::Column(t, c) => format!("[{text}: {}.{}]", catalog.tables[*t].name, catalog.column(*t, *c).name),
            Item::Value { table, column, value, .. } => {
                format!("[{text}: {}.{} = {value}]", catalog.tables[*table].name, catalog.column(*table, *column).name)
            }
            Item::Op(op) => format!("<{text}: {op:?}>"),
            Item::Period(_) => format!("<{text}: period>"),
            Item::Number(_) => format!("<{text}>"),
            Item::Text(_) => format!("\"{text}\""),
            Item::Unknown => format!("?{text}"),
            Item::Word | Item::Comma | Item::Stop => text,
        });
    }
    parts.join(" ")
}
