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
    /// Stems of each column's name, by table.
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
        let mut reader = Reader::new(catalog);
        let documents: Vec<Document> = catalog.tables.iter().map(|table| reader.document(table)).collect();
        let count = documents.len();
        let average = (documents.iter().map(|d| d.length).sum::<f32>() / count.max(1) as f32).max(1.0);
        let mut lists: HashMap<u64, Vec<Posting>> = HashMap::new();
        for (table, document) in documents.iter().enumerate() {
            let norm = K1 * (1.0 - B + B * document.length / average);
            for (&term, c) in &document.counts {
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
            table_words: catalog.tables.iter().map(|t| distinct(&reader.spell(&t.name).stems)).collect(),
            columns: catalog
                .tables
                .iter()
                .map(|t| t.columns.iter().map(|c| distinct(&reader.spell(&c.name).stems)).collect())
                .collect(),
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

fn distinct(stems: &[u64]) -> Box<[u64]> {
    let mut stems = stems.to_vec();
    stems.sort_unstable();
    stems.dedup();
    stems.into()
}

/// Counts of the words that speak of a table.
#[derive(Default)]
struct Document {
    counts: HashMap<u64, Count>,
    length: f32,
}

impl Document {
    fn add(&mut self, term: u64, count: f32, place: f32) {
        let entry = self.counts.entry(term).or_default();
        entry.count += count;
        entry.place = entry.place.max(place);
        self.length += count;
    }

    fn add_name(&mut self, name: &Spelt, count: f32, place: f32) {
        for &stem in &name.stems {
            self.add(stem, count, place);
        }
        for &guess in &name.guesses {
            self.add(guess, GUESSED * count, GUESSED * place);
        }
        for &pair in &name.pairs {
            self.add(pair, 0.0, place);
        }
    }

    fn add_comment(&mut self, comment: Option<&str>) {
        for word in words(comment.unwrap_or_default()).iter().take(COMMENT_WORDS) {
            self.add(term(word), 1.0, IN_COMMENT);
        }
    }
}

/// What a name can be asked for by.
struct Spelt {
    stems: Vec<u64>,
    /// What is run together or shortened, spelt out.
    guesses: Vec<u64>,
    /// "order lines" may be asked for as "orderlines".
    pairs: Vec<u64>,
}

/// Reads names; the same ones come again and again.
struct Reader<'a> {
    known: HashSet<String>,
    spelt: HashMap<&'a str, Spelt>,
}

impl<'a> Reader<'a> {
    /// Names that are run together are split by words that stand apart in others.
    fn new(catalog: &'a Catalog) -> Self {
        let names = catalog.tables.iter().flat_map(names).collect::<HashSet<&str>>();
        let parts = names.into_iter().map(words).filter(|parts| parts.len() > 1);
        let known = parts.flatten().filter(|part| part.len() > 3).collect();
        Self { known, spelt: HashMap::new() }
    }

    fn document(&mut self, table: &'a Table) -> Document {
        let mut document = Document::default();
        document.add_name(self.spell(&table.name), NAME_COUNT, IN_NAME);
        document.add_comment(table.comment.as_deref());
        for column in &table.columns {
            document.add_name(self.spell(&column.name), 1.0, IN_COLUMN);
            document.add_comment(column.comment.as_deref());
        }
        document
    }

    fn spell(&mut self, name: &'a str) -> &Spelt {
        self.spelt.entry(name).or_insert_with(|| {
            let words = words(name);
            let stems: Vec<u64> = words.iter().map(|word| term(word)).collect();
            let spelt_out = identifier_words(name, &self.known);
            let guesses = spelt_out.iter().flatten().map(|guess| stem_hash(guess)).filter(|g| !stems.contains(g));
            let guesses = guesses.collect();
            let pairs = words.windows(2).map(|pair| term(&pair.concat())).collect();
            Spelt { stems, guesses, pairs }
        })
    }
}

/// The table's name and its columns'.
fn names(table: &Table) -> impl Iterator<Item = &str> {
    std::iter::once(table.name.as_str()).chain(table.columns.iter().map(|c| c.name.as_str()))
}
