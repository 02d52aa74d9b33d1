//! The join graph: which tables connect those that a question is about.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use super::{Index, Parts};

/// Longer paths connect anything with anything.
const LONGEST_PATH: f32 = 4.5;
/// The best tables between which bridges are looked for.
const ENDS: usize = 4;

/// Tables together with the joins between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    /// The seeds, in their order, then the tables that connect them.
    pub tables: Vec<usize>,
    /// Positions in `Catalog::edges` of all joins between these tables; two
    /// foreign keys between the same tables are two entries.
    pub edges: Vec<usize>,
}

impl Index {
    /// Closes a set of tables over the join graph by shortest connecting paths:
    /// the next nearest seed is joined to what is connected already. Seeds that
    /// no short path reaches stay by themselves.
    pub fn closure(&self, seeds: &[usize]) -> Closure {
        let mut tables: Vec<usize> = Vec::new();
        for &seed in seeds {
            if seed < self.joins.len() && !tables.contains(&seed) {
                tables.push(seed);
            }
        }
        let mut left: BTreeSet<usize> = tables.iter().copied().skip(1).collect();
        let mut reached: Vec<usize> = tables.first().copied().into_iter().collect();
        while !left.is_empty() {
            match self.path(&reached, &left) {
                Some(path) => {
                    for table in path {
                        left.remove(&table);
                        if !reached.contains(&table) {
                            reached.push(table);
                        }
                        if !tables.contains(&table) {
                            tables.push(table);
                        }
                    }
                }
                // another island: begin again from its first seed
                None => reached = left.pop_first().into_iter().collect(),
            }
        }
        let inside: HashSet<usize> = tables.iter().copied().collect();
        let mut edges: Vec<usize> = tables
            .iter()
            .flat_map(|&table| self.joins[table].iter())
            .filter(|join| inside.contains(&(join.to as usize)))
            .map(|join| join.edge as usize)
            .collect();
        edges.sort_unstable();
        edges.dedup();
        Closure { tables, edges }
    }

    /// Shortest path from any of `from` to any of `to`, both ends included.
    fn path(&self, from: &[usize], to: &BTreeSet<usize>) -> Option<Vec<usize>> {
        // costs are at least 1 and few: thousandths keep them ordered in a heap
        let limit = (LONGEST_PATH * 1000.0) as u32;
        let mut heap: BinaryHeap<Reverse<(u32, usize)>> = from.iter().map(|&t| Reverse((0, t))).collect();
        let mut best: HashMap<usize, (u32, Option<usize>)> = from.iter().map(|&t| (t, (0, None))).collect();
        while let Some(Reverse((cost, table))) = heap.pop() {
            if best[&table].0 < cost {
                continue;
            }
            if to.contains(&table) {
                let mut path = vec![table];
                let mut at = table;
                while let Some(before) = best[&at].1 {
                    path.push(before);
                    at = before;
                }
                path.reverse();
                return Some(path);
            }
            for join in &self.joins[table] {
                let next = join.to as usize;
                let cost = cost + (join.cost * 1000.0) as u32;
                if cost <= limit && best.get(&next).is_none_or(|known| cost < known.0) {
                    best.insert(next, (cost, Some(table)));
                    heap.push(Reverse((cost, next)));
                }
            }
        }
        None
    }

    /// Lifts tables that lie on the shortest path between two of the best ones
    /// towards the weaker of the two.
    pub(super) fn lift_bridges(&self, order: &[usize], parts: &mut [Parts], weight: f32) {
        let ends = &order[..order.len().min(ENDS)];
        let mut lifted: HashMap<usize, f32> = HashMap::new();
        for (i, &a) in ends.iter().enumerate() {
            for &b in &ends[i + 1..] {
                let Some(path) = self.path(&[a], &BTreeSet::from([b])) else {
                    continue;
                };
                let weaker = parts[a].sum().min(parts[b].sum());
                for &bridge in &path[1..path.len() - 1] {
                    let lift = weight * (weaker - parts[bridge].sum());
                    let old = lifted.entry(bridge).or_insert(0.0);
                    *old = old.max(lift);
                }
            }
        }
        for (table, lift) in lifted {
            parts[table].closure += lift;
        }
    }
}
