//! Which joins connect the tables of a query: an approximate minimum Steiner
//! tree over the catalog's edges, grown by shortest paths.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::schema::{Catalog, Edge, Origin};

/// Most tables in one FROM clause.
const MAX_TABLES: usize = 9;

/// Tables in FROM order; each after the first with the edge that joins it to an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub root: usize,
    pub joins: Vec<Step>,
    pub cost: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub table: usize,
    /// Index into [`Catalog::edges`].
    pub edge: usize,
}

impl Tree {
    pub fn tables(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.root).chain(self.joins.iter().map(|s| s.table))
    }

    /// Whether a row of `table` can appear more than once: some edge of the tree,
    /// walked away from `table`, leads to its many side.
    pub fn repeats(&self, table: usize, edges: &[Edge]) -> bool {
        let mut seen = vec![table];
        let mut todo = vec![table];
        while let Some(here) = todo.pop() {
            for step in &self.joins {
                let edge = &edges[step.edge];
                let there = if edge.from == here {
                    edge.to
                } else if edge.to == here {
                    edge.from
                } else {
                    continue;
                };
                if seen.contains(&there) {
                    continue;
                }
                if edge.to == here {
                    return true;
                }
                seen.push(there);
                todo.push(there);
            }
        }
        false
    }
}

/// The catalog's join graph with what the question says about roles.
pub struct Graph<'a> {
    catalog: &'a Catalog,
    /// Edges at each table.
    at: Vec<Vec<usize>>,
    cost: Vec<f32>,
}

impl<'a> Graph<'a> {
    /// `bonus` is what words of the question say for an edge (a role such as `sender`), 0 or more.
    pub fn new(catalog: &'a Catalog, bonus: impl Fn(&Edge) -> f32) -> Self {
        let mut at = vec![Vec::new(); catalog.tables.len()];
        let mut cost = Vec::with_capacity(catalog.edges.len());
        for (i, edge) in catalog.edges.iter().enumerate() {
            if edge.from < at.len() && edge.to < at.len() {
                at[edge.from].push(i);
                if edge.to != edge.from {
                    at[edge.to].push(i);
                }
            }
            let doubt =
                if matches!(edge.origin, Origin::Fk | Origin::Declared) { 0.0 } else { 0.6 * (1.0 - edge.weight) };
            cost.push((1.0 + doubt - bonus(edge).min(0.3)).max(0.5));
        }
        Graph { catalog, at, cost }
    }

    pub fn edges(&self) -> &'a [Edge] {
        &self.catalog.edges
    }

    /// Joins from `a` to `b`, their number 0 for the same table; `None` where there is no way.
    pub fn distance(&self, a: usize, b: usize) -> Option<usize> {
        self.path(&[a], b, &[]).map(|(steps, _)| steps.len())
    }

    /// Connects all of `tables`, the first of them the root. `named` tables cost less to pass through.
    pub fn connect(&self, tables: &[usize], named: &[usize]) -> Option<Tree> {
        let (root, rest) = tables.split_first()?;
        let mut tree = Tree { root: *root, joins: Vec::new(), cost: 0.0 };
        let mut left: Vec<usize> = rest.iter().copied().filter(|t| t != root).collect();
        left.dedup();
        while !left.is_empty() {
            let inside: Vec<usize> = tree.tables().collect();
            left.retain(|t| !inside.contains(t));
            // the nearest table next, ties in the order of the question
            let mut best: Option<(Vec<Step>, f32)> = None;
            for table in &left {
                if let Some((steps, cost)) = self.path(&inside, *table, named)
                    && best.as_ref().is_none_or(|(_, c)| cost < *c - 1e-6)
                {
                    best = Some((steps, cost));
                }
            }
            if left.is_empty() {
                break;
            }
            let (steps, cost) = best?;
            tree.joins.extend(steps);
            tree.cost += cost;
            if tree.joins.len() >= MAX_TABLES {
                return None;
            }
        }
        Some(tree)
    }

    /// The cheapest path from any of `from` to `to`.
    fn path(&self, from: &[usize], to: usize, named: &[usize]) -> Option<(Vec<Step>, f32)> {
        if from.contains(&to) {
            return Some((Vec::new(), 0.0));
        }
        let mut best: Vec<f32> = vec![f32::MAX; self.at.len()];
        let mut via: Vec<Option<(usize, usize)>> = vec![None; self.at.len()];
        let mut heap = BinaryHeap::new();
        for start in from {
            best[*start] = 0.0;
            heap.push((Reverse(0u32), *start));
        }
        while let Some((Reverse(key), here)) = heap.pop() {
            if here == to {
                break;
            }
            if key > (best[here] * 1000.0) as u32 {
                continue;
            }
            for edge_index in &self.at[here] {
                let edge = &self.catalog.edges[*edge_index];
                let there = if edge.from == here { edge.to } else { edge.from };
                let passing = if there == to || named.contains(&there) { 0.0 } else { 0.15 };
                let cost = best[here] + self.cost[*edge_index] + passing;
                if cost < best[there] - 1e-6 {
                    best[there] = cost;
                    via[there] = Some((here, *edge_index));
                    heap.push((Reverse((cost * 1000.0) as u32), there));
                }
            }
        }
        let mut steps = Vec::new();
        let mut here = to;
        while let Some((before, edge)) = via[here] {
            steps.push(Step { table: here, edge });
            here = before;
            if steps.len() > MAX_TABLES {
                return None;
            }
        }
        if steps.is_empty() {
            return None;
        }
        steps.reverse();
        Some((steps, best[to]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn shortest_ways_are_found() {
        let catalog = fixture::library();
        let graph = Graph::new(&catalog, |_| 0.0);
        let find = |name: &str| catalog.find("library", name).unwrap();
        let (members, books, authors) = (find("members"), find("books"), find("authors"));
        let tree = graph.connect(&[members, authors], &[]).unwrap();
        let names: Vec<&str> = tree.tables().map(|t| catalog.tables[t].name.as_str()).collect();
        assert_eq!(names, ["members", "loans", "books", "authors"]);
        assert!(tree.repeats(members, &catalog.edges));
        assert!(tree.repeats(books, &catalog.edges));
        assert!(!tree.repeats(find("loans"), &catalog.edges));
        assert_eq!(graph.distance(members, find("opening_hours")), None);
    }
}
