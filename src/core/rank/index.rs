//! The index over a catalogue: built once, shared by all questions.

use std::collections::{HashMap, HashSet};

use super::question::{is_stop_word, stem_hash, term};
use super::trigram::Names;
use crate::link::vocabulary::identifier_words;
use crate::schema::{Catalog, Table};
use crate::text::words;

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// A word of a table's name counts as often.
const NAME_COUNT: f32 = 3.0;
/// Longer comments tell stories; their first words say what the thing is.
const COMMENT_WORDS: usize = 30;

/// What a part of a run-together or shortened name weighs against a whole word.
const GUESSED: f32 = 0.6;

/// What a word of a name, a column name or a comment proves about a table.
const IN_NAME: f32 = 1.0;
const IN_COLUMN: f32 = 0.7;
const IN_COMMENT: f32 = 0.4;

/// Statistics over the names and comments of one catalogue.
pub struct Index {
    pub(super) terms: HashMap<u64, Term>,
    pub(super) names: Names,
    /// Stems of each table's name.
    pub(super) table_words: Vec<Box<[u64]>>,
    /// Per table: the sum of its name's rarity.
    pub(super) columns: Vec<Box<[Box<[u64]>]>>,
    /// Tables with evidence in common: number of the schema.
    pub(super) pools: Vec<u32>,
    pub(super) pool_sizes: Vec<u32>,
    pub(super) joins: Vec<Box<[Join]>>,
    tables: usize,
}

pub(super) struct Term {
    pub idf: f32,
    pub postings: Box<[Posting]>,
}

/// One word in one table.
pub(super) struct Posting {
    pub table: u32,
    /// Its BM25 weight, without the idf.
    pub weight: f32,
    /// 1 in the table's name, less in column names and comments.
    pub place: f32,
}

/// A way from one table to another.
pub(super) struct Join {
    pub to: u32,
    /// Position in `Catalog::edges`.
    pub edge: u32,
    /// 1 for a declared foreign key, up to 1.5 for a doubtful one.
    pub cost: f32,
}

#[derive(Default, Clone, Copy)]
struct Count {
    count: f32,
    place: f32,
}

impl Index {
    /// Reads all names and comments of a catalogue.
    pub fn build(catalog: &Catalog) -> Self {
        let documents: Vec<HashMap<u64, Count>> = {
            let known = known_words(catalog);
            catalog.tables.iter().map(|table| document(table, &known)).collect()
        };
        let count = documents.len();
        let length = |document: &HashMap<u64, Count>| document.values().map(|c| c.count).sum::<f32>();
        let average = (documents.iter().map(length).sum::<f32>() / count.max(1) as f32).max(1.0);
        let mut lists: HashMap<u64, Vec<Posting>> = HashMap::new();
        for (table, document) in documents.iter().enumerate() {
            let norm = K1 * (1.0 - B + B * length(document) / average);
            for (&term, c) in document {
                let weight = c.count * (K1 + 1.0) / (c.count + norm);
                lists.entry(term).or_default().push(Posting { table: table as u32, weight, place: c.place });
            }
        }
        let terms = lists.into_iter().map(|(hash, postings)| {
            let idf = idf(count, postings.len());
            (hash, Term { idf, postings: postings.into() })
        });
        let mut index = Self {
            terms: terms.collect(),
            names: Names::build(catalog),
            table_words: catalog.tables.iter().map(|t| stems(&t.name)).collect(),
            columns: catalog.tables.iter().map(|t| t.columns.iter().map(|c| stems(&c.name)).collect()).collect(),
            pools: Vec::new(),
            pool_sizes: Vec::new(),
            joins: Vec::new(),
            tables: count,
        };
        index.group(catalog);
        index.connect(catalog);
        index
    }

    /// How rare a stem is among the tables: what it weighs in a question.
    pub fn idf(&self, stem: &str) -> f32 {
        if is_stop_word(stem) {
            return 0.0;
        }
        let hash = stem_hash(stem);
        // "taught" is indexed as "teach"
        self.rarity(if self.terms.contains_key(&hash) { hash } else { term(stem) })
    }

    /// As [`Index::idf`], for a stem that is hashed already.
    pub(super) fn rarity(&self, term: u64) -> f32 {
        match self.terms.get(&term) {
            Some(term) => term.idf,
            // never seen: may be a typing error, a synonym or a value
            None => 0.5 * idf(self.tables, 0),
        }
    }

    fn group(&mut self, catalog: &Catalog) {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        for table in &catalog.tables {
            let next = numbers.len() as u32;
            let number = *numbers.entry(&table.schema).or_insert(next);
            self.pools.push(number);
            self.pool_sizes.resize(numbers.len(), 0);
            self.pool_sizes[number as usize] += 1;
        }
    }

    fn connect(&mut self, catalog: &Catalog) {
        let mut joins: Vec<Vec<Join>> = catalog.tables.iter().map(|_| Vec::new()).collect();
        for (number, edge) in catalog.edges.iter().enumerate() {
            if edge.from < joins.len() && edge.to < joins.len() {
                let cost = 1.0 + 0.5 * (1.0 - edge.weight.clamp(0.0, 1.0));
                for (from, to) in [(edge.from, edge.to), (edge.to, edge.from)] {
                    joins[from].push(Join { to: to as u32, edge: number as u32, cost });
                }
            }
        }
        self.joins = joins.into_iter().map(Vec::into_boxed_slice).collect();
    }
}

/// Robertson's idf, kept positive.
fn idf(tables: usize, containing: usize) -> f32 {
    let (n, df) = (tables as f32, containing as f32);
    (1.0 + (n - df + 0.5) / (df + 0.5)).ln()
}

/// The distinct stems of an identifier.
fn stems(name: &str) -> Box<[u64]> {
    let mut stems: Vec<u64> = words(name).iter().map(|w| term(w)).collect();
    stems.sort_unstable();
    stems.dedup();
    stems.into()
}

/// Counts of the words that speak of a table.
fn document(table: &Table, known: &HashSet<String>) -> HashMap<u64, Count> {
    let mut document = HashMap::new();
    name(&mut document, &table.name, known, NAME_COUNT, IN_NAME);
    comment(&mut document, table.comment.as_deref());
    for column in &table.columns {
        name(&mut document, &column.name, known, 1.0, IN_COLUMN);
        comment(&mut document, column.comment.as_deref());
    }
    document
}

fn name(document: &mut HashMap<u64, Count>, name: &str, known: &HashSet<String>, count: f32, place: f32) {
    let words = words(name);
    let stems: Vec<u64> = words.iter().map(|word| term(word)).collect();
    for &stem in &stems {
        add(document, stem, count, place);
    }
    // what is run together or shortened, spelt out: a guess, so it weighs less
    for guess in identifier_words(name, known).iter().flatten() {
        let guess = stem_hash(guess);
        if !stems.contains(&guess) {
            add(document, guess, GUESSED * count, GUESSED * place);
        }
    }
    // "order lines" may be asked for as "orderlines"
    for pair in words.windows(2) {
        add(document, term(&pair.concat()), 0.0, place);
    }
}

fn comment(document: &mut HashMap<u64, Count>, comment: Option<&str>) {
    for word in words(comment.unwrap_or_default()).iter().take(COMMENT_WORDS) {
        add(document, term(word), 1.0, IN_COMMENT);
    }
}

fn add(document: &mut HashMap<u64, Count>, term: u64, count: f32, place: f32) {
    let entry: &mut Count = document.entry(term).or_default();
    entry.count += count;
    entry.place = entry.place.max(place);
}

/// Words by which names that are run together may be split: those that stand
/// apart in other names.
fn known_words(catalog: &Catalog) -> HashSet<String> {
    let names = catalog.tables.iter().flat_map(|t| std::iter::once(&t.name).chain(t.columns.iter().map(|c| &c.name)));
    let parts = names.map(|name| words(name)).filter(|parts| parts.len() > 1);
    parts.flatten().filter(|part| part.len() > 3).collect()
}
