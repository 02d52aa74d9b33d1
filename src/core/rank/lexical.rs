//! Words that question and catalogue share: BM25, coverage of names, and what
//! a whole schema says.

use super::index::Index;
use super::question::Question;
use super::values;

pub(super) struct Lexical {
    pub bm25: Vec<f32>,
    pub names: Vec<f32>,
}

impl Index {
    pub(super) fn lexical(&self, question: &Question) -> Lexical {
        let tables = self.table_words.len();
        let mut bm25 = vec![0.0f32; tables];
        let mut named = vec![0.0f32; tables];
        for &(hash, weight) in &question.terms {
            let Some(term) = self.terms.get(&hash) else {
                continue;
            };
            for posting in &term.postings {
                let table = posting.table as usize;
                bm25[table] += weight * term.idf * posting.weight;
                if self.table_words[table].contains(&hash) {
                    named[table] += weight * term.idf;
                }
            }
        }
        for (table, said) in named.iter_mut().enumerate() {
            if *said > 0.0 {
                let whole: f32 = self.table_words[table].iter().map(|&w| self.rarity(w)).sum();
                // half a name is much less than half the proof
                *said *= (*said / whole.max(1e-6)).min(1.0);
            }
        }
        Lexical { bm25, names: named }
    }

    /// Evidence of a table's schema: each word of the question counts once, by
    /// its best place anywhere in the schema.
    pub(super) fn pooled(&self, question: &Question, values: &values::Evidence) -> Vec<f32> {
        let pools = self.pool_sizes.len();
        let mut total = vec![0.0f32; pools];
        let mut best = vec![0.0f32; pools];
        for &(hash, weight) in &question.terms {
            let Some(term) = self.terms.get(&hash) else {
                continue;
            };
            let mut touched: Vec<usize> = Vec::new();
            for posting in &term.postings {
                let pool = self.pools[posting.table as usize] as usize;
                if best[pool] == 0.0 {
                    touched.push(pool);
                }
                best[pool] = best[pool].max(posting.place);
            }
            for pool in touched {
                total[pool] += weight * term.idf * std::mem::take(&mut best[pool]);
            }
        }
        for (pool, evidence) in values.pools.iter().enumerate() {
            total[pool] += evidence;
        }
        self.pools.iter().map(|&pool| total[pool as usize]).collect()
    }
}
