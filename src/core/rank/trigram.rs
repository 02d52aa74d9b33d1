//! Names that are spelt like words of the question.

use std::collections::HashMap;

use super::index::Index;
use super::question::Question;
use crate::schema::Catalog;
use crate::text::words;

/// Below this likeness two spellings have nothing to do with each other.
const LEAST: f32 = 0.45;
/// Likeness to a column's name against likeness to the table's own.
const COLUMN: f32 = 0.4;

/// The distinct names of a catalogue, with their trigrams.
pub(super) struct Names {
    lists: HashMap<[char; 3], Vec<u32>>,
    names: Vec<Name>,
}

struct Name {
    trigrams: u16,
    tables: Vec<u32>,
    columns: Vec<u32>,
}

impl Names {
    pub fn build(catalog: &Catalog) -> Self {
        let mut built = Self { lists: HashMap::new(), names: Vec::new() };
        let mut numbers: HashMap<String, usize> = HashMap::new();
        for (number, table) in catalog.tables.iter().enumerate() {
            let name = built.number(&mut numbers, &table.name);
            built.names[name].tables.push(number as u32);
            for column in &table.columns {
                let name = built.number(&mut numbers, &column.name);
                let columns = &mut built.names[name].columns;
                if columns.last() != Some(&(number as u32)) {
                    columns.push(number as u32);
                }
            }
        }
        built
    }

    fn number(&mut self, numbers: &mut HashMap<String, usize>, name: &str) -> usize {
        let joined = words(name).concat();
        if let Some(&number) = numbers.get(&joined) {
            return number;
        }
        let trigrams = trigrams(&joined);
        let number = self.names.len();
        for &trigram in &trigrams {
            self.lists.entry(trigram).or_default().push(number as u32);
        }
        self.names.push(Name { trigrams: trigrams.len() as u16, tables: Vec::new(), columns: Vec::new() });
        numbers.insert(joined, number);
        number
    }
}

impl Index {
    /// For each table: the likeness of its name to one to three words of the
    /// question, plus a part of that of its best column names.
    pub(super) fn spelt_alike(&self, question: &Question) -> Vec<f32> {
        let names = &self.names;
        let mut tables = vec![0.0f32; self.table_words.len()];
        let mut columns = vec![0.0f32; self.table_words.len()];
        let mut shared = vec![0u16; names.names.len()];
        let words = &question.content;
        for length in 1..=3.min(words.len()) {
            for run in words.windows(length) {
                let joined: String = run.iter().map(|w| w.0.as_str()).collect();
                let trigrams = trigrams(&joined);
                let mut touched: Vec<u32> = Vec::new();
                for trigram in &trigrams {
                    for &name in names.lists.get(trigram).map_or(&[][..], Vec::as_slice) {
                        if shared[name as usize] == 0 {
                            touched.push(name);
                        }
                        shared[name as usize] += 1;
                    }
                }
                for name in touched {
                    let common = f32::from(std::mem::take(&mut shared[name as usize]));
                    let name = &names.names[name as usize];
                    let likeness = 2.0 * common / (f32::from(name.trigrams) + trigrams.len() as f32);
                    if likeness >= LEAST {
                        for &table in &name.tables {
                            tables[table as usize] = tables[table as usize].max(likeness);
                        }
                        for &table in &name.columns {
                            columns[table as usize] = columns[table as usize].max(likeness);
                        }
                    }
                }
            }
        }
        tables.iter().zip(columns).map(|(table, column)| table + COLUMN * column).collect()
    }
}

/// The distinct trigrams of a word, as pg_trgm pads them.
fn trigrams(word: &str) -> Vec<[char; 3]> {
    let padded: Vec<char> = "  ".chars().chain(word.chars()).chain([' ']).collect();
    let mut trigrams: Vec<[char; 3]> = padded.windows(3).map(|w| [w[0], w[1], w[2]]).collect();
    trigrams.sort_unstable();
    trigrams.dedup();
    trigrams
}
