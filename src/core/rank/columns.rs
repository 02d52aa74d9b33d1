//! Which columns of a table the question is about.

use std::collections::{HashMap, HashSet};

use super::question::Question;
use super::{Index, VectorScore, values};
use crate::schema::Catalog;

/// What is known about columns before a table is chosen.
pub(super) struct Evidence<'a> {
    stems: HashSet<u64>,
    cosines: HashMap<(usize, usize), f32>,
    values: &'a values::Evidence,
}

impl<'a> Evidence<'a> {
    pub fn new(question: &Question, vectors: &[VectorScore], values: &'a values::Evidence) -> Self {
        let mut cosines = HashMap::new();
        for score in vectors {
            if let Some(column) = score.column.filter(|_| score.cosine.is_finite()) {
                cosines.insert((score.table, column), score.cosine);
            }
        }
        Self { stems: question.terms.iter().map(|t| t.0).collect(), cosines, values }
    }
}

impl Index {
    /// All columns of a table, best first: said by name, near by vector, owner
    /// of a value; keys before the rest, because joins need them. `standing` is
    /// what the table itself adds.
    pub(super) fn columns(
        &self,
        catalog: &Catalog,
        table: usize,
        evidence: &Evidence,
        standing: f32,
    ) -> Vec<(usize, f32)> {
        let joined: HashSet<usize> = self.joins[table]
            .iter()
            .flat_map(|join| {
                let edge = &catalog.edges[join.edge as usize];
                let own = if edge.from == table { &edge.from_columns } else { &edge.to_columns };
                own.iter().copied()
            })
            .collect();
        let score = |column: usize| {
            let stems = &self.columns[table][column];
            let whole: f32 = stems.iter().map(|&s| self.rarity(s)).sum();
            let said: f32 = stems.iter().filter(|s| evidence.stems.contains(s)).map(|&s| self.rarity(s)).sum();
            let said = said / whole.max(1e-6);
            let near = evidence.cosines.get(&(table, column)).copied().unwrap_or(0.0);
            let value = evidence.values.columns.get(&(table, column)).copied().unwrap_or(0.0);
            let key = catalog.column(table, column).key || joined.contains(&column);
            standing + said + near + value + if key { 0.25 } else { 0.0 }
        };
        let mut columns: Vec<(usize, f32)> = (0..self.columns[table].len()).map(|c| (c, score(c))).collect();
        columns.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        columns
    }
}
