//! Schema linking: which tables and columns the words of a question mean.
//!
//! A [`Lexicon`] holds the words of every name in a catalog; [`Lexicon::mentions`]
//! scores them against a span of the question. Nothing is decided here: all
//! candidates are kept, the engine chooses among them together.

use std::collections::{HashMap, HashSet};

use crate::schema::{Catalog, Column};
use crate::text::words;

pub mod profile;
pub(crate) mod vocabulary;

pub use vocabulary::{are_synonyms, is_function_word, is_generic, is_key_word, lines, normalize};

/// What a name from a comment is worth beside a name of the catalogue.
const ALIAS: f32 = 0.75;
/// Words of a comment that may be a name; more are a sentence.
const LONGEST_ALIAS: usize = 3;

/// What a span of words may mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub target: Target,
    /// 0..1, how well the words fit the name.
    pub score: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Table(usize),
    Column(usize, usize),
}

impl Target {
    pub fn table(self) -> usize {
        match self {
            Target::Table(t) | Target::Column(t, _) => t,
        }
    }
}

/// One word of a name: its alternatives, and how much of the name it makes up.
#[derive(Clone, Debug)]
struct NameWord {
    forms: Vec<String>,
    weight: f32,
}

#[derive(Clone, Debug, Default)]
pub struct TableWords {
    words: Vec<NameWord>,
    /// Other names, from the comment.
    aliases: Vec<Vec<NameWord>>,
    pub columns: Vec<ColumnWords>,
    /// See [`profile::label`].
    pub label: Vec<usize>,
    /// See [`profile::primary_key`].
    pub primary_key: Option<usize>,
    /// See [`profile::main_date`].
    pub main_date: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub struct ColumnWords {
    words: Vec<NameWord>,
    /// Other names, from the comment.
    aliases: Vec<Vec<NameWord>>,
    comment: Vec<String>,
    /// The name repeats the table's: `member_id` in `members`.
    pub is_named_after_table: bool,
    /// The name is the table's: `element` in `elements`.
    pub is_table_word_only: bool,
    /// The column holds text.
    pub is_text: bool,
}

impl ColumnWords {
    /// Stems without those that only repeat the table's name.
    pub fn own_words(&self) -> Vec<&str> {
        self.words.iter().filter(|w| w.weight > 0.5).map(|w| w.forms[0].as_str()).collect()
    }

    /// Whether one of the name's words is one of `stems`.
    pub fn has_any(&self, stems: &[&str]) -> bool {
        self.words.iter().any(|w| w.forms.iter().any(|f| stems.contains(&f.as_str())))
    }

    /// Whether the name or another name says one of `stems`.
    pub fn means_any(&self, stems: &[&str]) -> bool {
        self.has_any(stems) || stems_of(&self.aliases).any(|form| stems.contains(&form))
    }

    pub fn last_is(&self, stems: &[&str]) -> bool {
        self.words.last().is_some_and(|w| w.forms.iter().any(|f| stems.contains(&f.as_str())))
    }

    pub fn starts_with_any(&self, stems: &[&str]) -> bool {
        self.words.first().is_some_and(|w| w.forms.iter().any(|f| stems.contains(&f.as_str())))
    }

    /// All stems of the name.
    pub fn stems(&self) -> impl Iterator<Item = &str> {
        self.words.iter().flat_map(|w| w.forms.iter().map(String::as_str))
    }

    /// Whether the comment says the word.
    pub fn comment_has(&self, stems: &[&str]) -> bool {
        self.comment.iter().any(|s| stems.contains(&s.as_str()))
    }
}

impl TableWords {
    /// All stems of the name.
    pub fn stems(&self) -> impl Iterator<Item = &str> {
        self.words.iter().flat_map(|w| w.forms.iter().map(String::as_str))
    }
}

/// The words of every name in a catalog.
pub struct Lexicon {
    pub tables: Vec<TableWords>,
    /// Stem → names that contain it.
    index: HashMap<String, Vec<Target>>,
}

impl Lexicon {
    /// Reads every name of the catalog. `question_words` (folded) help to split
    /// names that are run together.
    pub fn new(catalog: &Catalog, question_words: &[String]) -> Self {
        let mut known: HashSet<String> = question_words.iter().filter(|w| w.len() > 3).cloned().collect();
        for table in &catalog.tables {
            for name in std::iter::once(&table.name).chain(table.columns.iter().map(|c| &c.name)) {
                let parts = words(name);
                if parts.len() > 1 {
                    known.extend(parts.into_iter().filter(|p| p.len() > 3));
                }
            }
        }
        let prefix = shared_prefix(catalog.tables.iter().map(|t| t.name.as_str()), 1.0);
        let mut tables: Vec<TableWords> = Vec::with_capacity(catalog.tables.len());
        for table in &catalog.tables {
            let name = table.name.strip_prefix(prefix.as_str()).unwrap_or(&table.name);
            let words = name_words(name, &known, |form| {
                if matches!(form, "ref" | "referenc" | "tbl" | "tabl" | "dim" | "fact") { 0.1 } else { 1.0 }
            });
            let column_prefix = shared_prefix(table.columns.iter().map(|c| c.name.as_str()), 0.7);
            let columns =
                table.columns.iter().map(|column| column_words(column, &column_prefix, &words, &known)).collect();
            let aliases = alias(table.comment.as_deref(), &words).into_iter().collect();
            let mut entry = TableWords { words, aliases, columns, ..TableWords::default() };
            entry.primary_key = profile::primary_key(&entry, table);
            entry.label = profile::label(&entry, table);
            entry.main_date = profile::main_date(&entry, table);
            tables.push(entry);
        }
        let mut index: HashMap<String, Vec<Target>> = HashMap::new();
        let mut add = |forms: &mut dyn Iterator<Item = &str>, target: Target| {
            for form in forms {
                index.entry(form.to_string()).or_default().push(target);
            }
        };
        for (t, table) in tables.iter().enumerate() {
            add(&mut table.stems().chain(stems_of(&table.aliases)), Target::Table(t));
            for (c, column) in table.columns.iter().enumerate() {
                add(&mut column.stems().chain(stems_of(&column.aliases)), Target::Column(t, c));
            }
        }
        Lexicon { tables, index }
    }

    pub fn column(&self, table: usize, column: usize) -> &ColumnWords {
        &self.tables[table].columns[column]
    }

    /// Which stems of the catalog a question's stem may mean, with weights.
    pub fn similar_stems(&self, stem: &str) -> Vec<(String, f32)> {
        let mut found = Vec::new();
        for known in self.index.keys() {
            let weight = similarity(stem, known);
            if weight > 0.0 {
                found.push((known.clone(), weight));
            }
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        found.truncate(12);
        found
    }

    /// Names that the span may mean. `span` holds for each content word what
    /// [`Lexicon::similar_stems`] found. Best first.
    pub fn mentions(&self, span: &[&[(String, f32)]]) -> Vec<Candidate> {
        let Some(first) = span.first() else {
            return Vec::new();
        };
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for (stem, _) in first.iter() {
            for target in self.index.get(stem).into_iter().flatten() {
                if seen.insert(*target)
                    && let Some(score) = self.score(*target, span)
                {
                    found.push(Candidate { target: *target, score });
                }
            }
            // `member name`: the first word may be that of the column's table
            if span.len() > 1 {
                for target in self.index.get(stem).into_iter().flatten() {
                    let Target::Table(t) = *target else { continue };
                    for c in 0..self.tables[t].columns.len() {
                        let target = Target::Column(t, c);
                        if seen.insert(target)
                            && let Some(score) = self.score(target, span)
                        {
                            found.push(Candidate { target, score });
                        }
                    }
                }
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let best = found.first().map_or(0.0, |c| c.score);
        found.retain(|c| c.score >= best - 0.3);
        found.truncate(16);
        found
    }

    /// How well the span's words fit the name or another name, or `None`.
    fn score(&self, target: Target, span: &[&[(String, f32)]]) -> Option<f32> {
        let (name, aliases, table): (&[NameWord], _, &[NameWord]) = match target {
            Target::Table(t) => (&self.tables[t].words, &self.tables[t].aliases, &[]),
            Target::Column(t, c) => {
                let column = &self.tables[t].columns[c];
                (&column.words, &column.aliases, &self.tables[t].words)
            }
        };
        let own = self.score_name(target, name, table, span);
        let other = aliases.iter().filter_map(|alias| self.score_name(target, alias, table, span));
        other.map(|score| score * ALIAS).chain(own).max_by(f32::total_cmp)
    }

    fn score_name(
        &self,
        target: Target,
        name: &[NameWord],
        table: &[NameWord],
        span: &[&[(String, f32)]],
    ) -> Option<f32> {
        let is_text = match target {
            Target::Table(_) => false,
            Target::Column(t, c) => self.column(t, c).is_text,
        };
        let mut used = vec![false; name.len()];
        let (mut sum, mut matched, mut from_table) = (0.0, 0, 0);
        for word in span {
            let fit =
                |n: &NameWord| word.iter().filter(|(s, _)| n.forms.contains(s)).map(|(_, w)| *w).fold(0.0, f32::max);
            let best = (0..name.len())
                .filter(|i| !used[*i])
                .map(|i| (i, fit(&name[i])))
                .filter(|(_, w)| *w > 0.0)
                .max_by(|a, b| a.1.total_cmp(&b.1));
            let own = table.iter().map(fit).fold(0.0, f32::max);
            match best {
                Some((i, weight)) => {
                    used[i] = true;
                    sum += weight;
                    matched += 1;
                }
                // `city name`, where the column is called `city`
                None if matched > 0 && is_text && word.iter().any(|(s, w)| s == "name" && *w == 1.0) => {
                    sum += 0.9;
                }
                None if own > 0.0 => {
                    sum += own;
                    from_table += 1;
                }
                None => return None,
            }
        }
        if matched == 0 {
            return None;
        }
        // `name` of people, who have a first and a last one
        if let (Target::Column(t, c), [word]) = (target, span) {
            let label = &self.tables[t].label;
            if label.len() == 2 && label[0] == c && word.iter().any(|(s, w)| s == "name" && *w == 1.0) {
                return Some(0.95);
            }
        }
        let total: f32 = name.iter().map(|w| w.weight).sum();
        let covered: f32 = name.iter().zip(&used).filter(|(_, u)| **u).map(|(w, _)| w.weight).sum();
        // `course id` is not `program_courses.program_id`
        let repeated = name.iter().zip(&used).any(|(w, u)| !u && w.weight > 0.25 && w.weight < 0.5);
        if from_table > 0 && repeated {
            return None;
        }
        // matching only the words that repeat the table's name says nothing of the column
        if covered < 0.5 {
            return None;
        }
        let mean = sum / span.len() as f32;
        let coverage = covered / total.max(0.01);
        let missing = || name.iter().zip(&used).filter(|(w, u)| !**u && w.weight > 0.5).map(|(w, _)| w);
        let has = |w: &NameWord, test: fn(&str) -> bool| w.forms.iter().any(|f| test(f));
        let head = name.iter().rposition(|w| w.weight > 0.5 && !has(w, is_generic));
        let whole = missing().next().is_none();
        let fit = if whole {
            1.0
        } else if missing().all(|w| has(w, is_key_word)) {
            0.45 + 0.3 * coverage
        } else if missing().all(|w| has(w, is_generic)) {
            0.6 + 0.3 * coverage
        } else if head.is_some_and(|h| used[h]) {
            0.55 + 0.3 * coverage
        } else if head.is_none() || matched >= 2 {
            0.4 + 0.3 * coverage
        } else {
            0.25 + 0.3 * coverage
        };
        let bonus = if from_table > 0 { 0.05 } else { 0.0 };
        Some((mean * fit + bonus).min(1.0)).filter(|s| *s >= 0.35)
    }
}

fn name_words(name: &str, known: &HashSet<String>, weight: impl Fn(&str) -> f32) -> Vec<NameWord> {
    vocabulary::identifier_words(name, known)
        .into_iter()
        .map(|forms| {
            let weight = weight(&forms[0]);
            NameWord { forms, weight }
        })
        .collect()
}

fn column_words(column: &Column, prefix: &str, table: &[NameWord], known: &HashSet<String>) -> ColumnWords {
    let name = column.name.strip_prefix(prefix).filter(|n| !n.is_empty()).unwrap_or(&column.name);
    let of_table = |form: &str| table.iter().any(|w| w.forms.iter().any(|f| f == form));
    let mut words = name_words(name, known, |form| match form {
        _ if of_table(form) => 0.3,
        // `published_by`: the small word adds little
        "by" | "of" | "in" | "at" | "on" | "for" | "to" | "from" | "the" | "and" => 0.2,
        _ => 1.0,
    });
    let repeats = words.iter().filter(|w| w.weight < 0.5).count();
    let only = repeats > 0 && repeats == words.len();
    if only {
        words.iter_mut().for_each(|w| w.weight = 1.0);
    }
    // an unknown prefix of one or two letters is most often the table's initial
    if words.len() > 1
        && words[0].forms[0].len() <= 2
        && !is_generic(&words[0].forms[0])
        && !matches!(words[0].forms[0].as_str(), "is" | "on")
    {
        words[0].weight = 0.2;
    }
    ColumnWords {
        aliases: alias(column.comment.as_deref(), &words).into_iter().collect(),
        words,
        comment: comment_stems(column.comment.as_deref()),
        is_named_after_table: repeats > 0,
        is_table_word_only: only,
        is_text: profile::is_text(column),
    }
}

/// What a comment calls the thing: the words before its first pause, where they are few and say more than
/// the name does. `club members, past and present` → `club members`.
fn alias(comment: Option<&str>, name: &[NameWord]) -> Option<Vec<NameWord>> {
    let comment = comment?;
    let pause = |c: char| matches!(c, '.' | ',' | ';' | ':' | '(' | '[' | '=' | '\n');
    let head = comment.split(pause).next().unwrap_or_default();
    let mut forms: Vec<String> = Vec::new();
    for word in words(head) {
        match word.as_str() {
            "a" | "an" | "the" | "all" | "our" | "each" | "every" => {}
            // what follows says of what or which
            "of" | "for" | "in" | "that" | "which" | "who" | "with" | "by" | "per" | "from" | "to" | "and" | "or"
                if !forms.is_empty() =>
            {
                break;
            }
            _ if is_function_word(&word) => return None,
            _ => forms.push(normalize(&word)),
        }
    }
    let known = |form: &String| is_generic(form) || name.iter().any(|w| w.forms.contains(form));
    let says_more = !forms.iter().all(known);
    (forms.len() <= LONGEST_ALIAS && says_more)
        .then(|| forms.into_iter().map(|form| NameWord { forms: vec![form], weight: 1.0 }).collect())
}

fn stems_of(aliases: &[Vec<NameWord>]) -> impl Iterator<Item = &str> {
    aliases.iter().flatten().flat_map(|w| w.forms.iter().map(String::as_str))
}

fn comment_stems(comment: Option<&str>) -> Vec<String> {
    let mut stems: Vec<String> = crate::text::words(comment.unwrap_or_default())
        .iter()
        .take(40)
        .filter(|w| !is_function_word(w))
        .map(|w| normalize(w))
        .collect();
    stems.sort();
    stems.dedup();
    stems
}

/// The prefix that at least `share` of the names begin with: up to its last `_`
/// in snake case, as it is elsewhere. Empty for fewer than three names.
fn shared_prefix<'a>(names: impl Iterator<Item = &'a str>, share: f32) -> String {
    let names: Vec<&str> = names.collect();
    if names.len() < 3 {
        return String::new();
    }
    let needed = (names.len() as f32 * share).ceil() as usize;
    let mut best = "";
    for name in &names {
        for (end, _) in name.char_indices().skip(1) {
            let prefix = &name[..end];
            let snake = name.contains('_');
            if prefix.len() > best.len()
                && (!snake || prefix.ends_with('_'))
                && (snake || prefix.len() >= 2)
                && names.iter().filter(|n| n.starts_with(prefix)).count() >= needed
            {
                best = prefix;
            }
        }
    }
    best.to_string()
}

/// How much a question's stem resembles a name's: same, synonym, prefix, typo.
fn similarity(asked: &str, name: &str) -> f32 {
    if asked == name {
        return 1.0;
    }
    if are_synonyms(asked, name) {
        return 0.8;
    }
    let (a, n) = (asked.len(), name.len());
    if a >= 4 && n >= 4 && (name.starts_with(asked) || asked.starts_with(name)) && a.abs_diff(n) <= 4 {
        return 0.7;
    }
    if a >= 5
        && n >= 5
        && a.abs_diff(n) <= 1
        && asked.as_bytes()[0] == name.as_bytes()[0]
        && strsim::osa_distance(asked, name) == 1
    {
        return 0.65;
    }
    0.0
}

#[cfg(test)]
mod tests;
