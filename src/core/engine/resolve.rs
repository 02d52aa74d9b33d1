//! Decides what every mention and value on a path means, all of them together:
//! a beam over the alternatives, scored by how well the tables fit each other.

use super::join::Graph;
use super::lattice::{Arc, Link, Path};
use super::operator::{Aggregate, Op};
use super::period::Period;
use super::token::Token;
use crate::link::{Lexicon, Target, profile};
use crate::schema::Catalog;

/// Assignments kept at each step and handed on.
const BEAM: usize = 24;
const HANDED_ON: usize = 6;

/// One decided piece of the question.
#[derive(Clone, Debug)]
pub struct Node {
    pub item: Item,
    /// Tokens `start..end`.
    pub start: usize,
    pub end: usize,
    /// The first word, folded.
    pub word: String,
    /// The last word, folded.
    pub last: String,
}

#[derive(Clone, Debug)]
pub enum Item {
    Op(Op),
    Table(usize),
    Column(usize, usize),
    Value { table: usize, column: usize, value: String, similarity: f32 },
    Text(String),
    Number(f64),
    Period(Period),
    Word,
    Unknown,
    Comma,
    Stop,
}

pub struct Assignment {
    pub nodes: Vec<Node>,
    pub score: f32,
}

#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Mention,
    Value,
}

/// The best assignments of a path, best first.
pub fn assignments(
    catalog: &Catalog,
    lexicon: &Lexicon,
    graph: &Graph,
    tokens: &[Token],
    path: &Path,
) -> Vec<Assignment> {
    let links = &path.links;
    let mut open: Vec<usize> =
        (0..links.len()).filter(|i| matches!(links[*i].arc, Arc::Mention(_) | Arc::Value(_))).collect();
    // what is certain first, so that it can guide the rest
    open.sort_by_key(|i| (alternatives(&links[*i]), *i));
    let resolver = Resolver { catalog, lexicon, graph, links, tokens };
    let mut beam: Vec<(f32, Vec<(usize, usize)>)> = vec![(0.0, Vec::new())];
    for i in open {
        let mut next = Vec::new();
        for (score, chosen) in &beam {
            for option in 0..alternatives(&links[i]) {
                let gain = resolver.gain(i, option, chosen);
                let mut chosen = chosen.clone();
                chosen.push((i, option));
                next.push((score + gain, chosen));
            }
        }
        next.sort_by(|a, b| b.0.total_cmp(&a.0));
        next.truncate(BEAM);
        beam = next;
    }
    beam.truncate(HANDED_ON);
    beam.into_iter()
        .map(|(score, chosen)| Assignment {
            nodes: links
                .iter()
                .enumerate()
                .map(|(i, link)| resolver.node(link, chosen.iter().find(|c| c.0 == i).map(|c| c.1)))
                .collect(),
            score: score + path.score,
        })
        .collect()
}

fn alternatives(link: &Link) -> usize {
    match &link.arc {
        Arc::Mention(candidates) => candidates.len(),
        Arc::Value(hits) => hits.len().min(12),
        _ => 0,
    }
}

struct Resolver<'a> {
    catalog: &'a Catalog,
    lexicon: &'a Lexicon,
    graph: &'a Graph<'a>,
    links: &'a [Link],
    tokens: &'a [Token],
}

impl Resolver<'_> {
    fn choice(&self, i: usize, option: usize) -> (Target, Choice, f32) {
        match &self.links[i].arc {
            Arc::Mention(candidates) => {
                let c = candidates[option];
                (c.target, Choice::Mention, c.score - candidates[0].score)
            }
            Arc::Value(hits) => {
                let hit = &hits[option];
                (Target::Column(hit.table, hit.column), Choice::Value, hit.similarity - 1.0)
            }
            _ => unreachable!("only mentions and values are open"),
        }
    }

    /// How much the choice adds, given those made before.
    fn gain(&self, i: usize, option: usize, chosen: &[(usize, usize)]) -> f32 {
        let (target, kind, base) = self.choice(i, option);
        let table = target.table();
        let words = (self.links[i].end - self.links[i].start) as f32;
        let mut gain = 1.5 * base * words.min(3.0);
        let mut nearest: Option<usize> = None;
        let mut inside = false;
        for (j, other) in chosen {
            let (theirs, ..) = self.choice(*j, *other);
            if theirs.table() == table {
                inside = true;
                if matches!(theirs, Target::Table(_)) {
                    gain += 0.2;
                }
                gain += self.binding(i, *j, target, theirs);
                continue;
            }
            gain += self.binding(i, *j, target, theirs).min(0.0);
            if let Some(d) = self.graph.distance(table, theirs.table()) {
                nearest = Some(nearest.map_or(d, |n| n.min(d)));
            }
        }
        gain += match (inside, nearest, chosen.is_empty()) {
            (_, _, true) => 0.0,
            (true, ..) => 0.25,
            (_, Some(1), _) => 0.0,
            (_, Some(d), _) => -0.25 * (d as f32 - 1.0) - 0.05,
            (_, None, _) => -1.5,
        };
        match (kind, target) {
            (Choice::Mention, Target::Column(t, c)) => gain += self.column_fits(i, t, c),
            (Choice::Mention, Target::Table(_)) => {
                if self.operator_before(i).is_some_and(|op| matches!(op, Op::Count | Op::No | Op::Never | Op::Most)) {
                    gain += 0.3;
                }
                gain += 0.12 + 0.04 * self.catalog.tables[table].rows.max(1.0).log10().min(3.0) as f32 / 3.0;
            }
            (Choice::Value, Target::Column(t, c)) => {
                let column = self.catalog.column(t, c);
                gain += self.role(i, t, c);
                // a label is more likely meant than a remark or a code
                if self.lexicon.tables[t].label.contains(&c) {
                    gain += 0.1;
                }
                if column.n_distinct.is_some_and(|n| n < 50.0) {
                    gain += 0.03;
                }
            }
            _ => {}
        }
        gain
    }

    /// Grammar between two choices of the same table, or of different ones where they should agree.
    fn binding(&self, i: usize, j: usize, target: Target, other: Target) -> f32 {
        let (first, second, first_target, second_target) =
            if i < j { (i, j, target, other) } else { (j, i, other, target) };
        let same = target.table() == other.table();
        let gap: Vec<&str> =
            self.tokens[self.links[first].end..self.links[second].start].iter().map(|t| t.folded.as_str()).collect();
        let value = |k: usize| matches!(self.links[k].arc, Arc::Value(_));
        match (first_target, second_target) {
            // `the name and address of all members`
            (Target::Column(..), Target::Table(_)) if !value(first) && self.is_of(&gap, first, second) => {
                if same {
                    0.5
                } else {
                    -0.25
                }
            }
            // `members' names`, `member names`, `members whose name`
            (Target::Table(_), Target::Column(..)) if gap.is_empty() || gap == ["'s"] || gap == ["'"] => {
                if same {
                    0.5
                } else {
                    -0.1
                }
            }
            (Target::Table(_), Target::Column(..))
                if gap.len() <= 3 && gap.iter().any(|w| matches!(*w, "whose" | "with" | "their" | "by")) && same =>
            {
                0.3
            }
            // `city Oslo`, `city is Oslo`: a column and its own value
            (Target::Column(..), Target::Column(..))
                if value(second)
                    && gap.len() <= 3
                    && gap.iter().all(|w| {
                        matches!(
                            *w,
                            "is" | "are"
                                | "was"
                                | "="
                                | "of"
                                | "the"
                                | "named"
                                | "called"
                                | "equal"
                                | "to"
                                | "in"
                                | "as"
                                | "not"
                                | ":"
                        )
                    })
                    && first_target == second_target =>
            {
                0.7
            }
            (Target::Column(..), Target::Column(..))
                if value(first) && gap.is_empty() && first_target == second_target =>
            {
                0.5
            }
            _ => 0.0,
        }
    }

    /// Whether `of`, `for` or `in` stands before `second` with only columns between.
    fn is_of(&self, gap: &[&str], first: usize, second: usize) -> bool {
        let joins = gap.iter().any(|w| matches!(*w, "of" | "for" | "in" | "from"));
        joins
            && gap.len() <= 8
            && self.links[first + 1..second].iter().all(|l| match &l.arc {
                Arc::Word | Arc::Comma | Arc::Unknown | Arc::Op(Op::Distinct) => true,
                Arc::Mention(c) => matches!(c[0].target, Target::Column(..)),
                _ => false,
            })
            && !gap.iter().any(|w| matches!(*w, "that" | "who" | "which" | "with" | "whose"))
    }

    /// `to Oslo` is where something goes, `from Oslo` where it comes from.
    fn role(&self, i: usize, t: usize, c: usize) -> f32 {
        let words = self.lexicon.column(t, c);
        let before = self.links[i].start.checked_sub(1).map_or("", |k| self.tokens[k].folded.as_str());
        let goal = words.has_any(&["destin", "arriv", "to", "receiv", "target", "end"]);
        let origin = words.has_any(&["origin", "depart", "sourc", "from", "sender", "start"]);
        match before {
            "to" | "into" if goal => 0.3,
            "to" | "into" if origin => -0.3,
            "from" | "leaving" if origin => 0.3,
            "from" | "leaving" if goal => -0.3,
            _ => 0.0,
        }
    }

    fn column_fits(&self, i: usize, t: usize, c: usize) -> f32 {
        let column = self.catalog.column(t, c);
        let words = self.lexicon.column(t, c);
        let mut gain = 0.0;
        let measure = profile::is_measure(words, column);
        match self.operator_before(i) {
            Some(Op::Agg(Aggregate::Avg | Aggregate::Sum | Aggregate::Median)) => {
                gain += if measure { 0.35 } else { -0.35 }
            }
            Some(Op::Agg(_) | Op::Cmp(_) | Op::Superlative(_)) if (measure || profile::is_temporal(column)) => {
                gain += 0.2;
            }
            _ => {}
        }
        if matches!(self.links.get(i + 1).map(|l| &l.arc), Some(Arc::Op(Op::Cmp(_) | Op::Between))) && measure {
            gain += 0.25;
        }
        // keys are meant only where they are named
        let said = self.tokens[self.links[i].start..self.links[i].end]
            .iter()
            .any(|t| matches!(t.stem.as_str(), "id" | "code" | "key" | "number"));
        if !said && words.last_is(&["id"]) {
            gain -= 0.3;
        }
        // in its own table rather than as a reference elsewhere
        if said && words.is_named_after_table {
            gain += 0.1;
        }
        gain
    }

    /// The operator that stands directly before, small words aside.
    fn operator_before(&self, i: usize) -> Option<Op> {
        for link in self.links[..i].iter().rev() {
            match link.arc {
                Arc::Op(op) => return Some(op),
                Arc::Word | Arc::Number(_) => {}
                _ => return None,
            }
        }
        None
    }

    fn node(&self, link: &Link, option: Option<usize>) -> Node {
        let item = match (&link.arc, option) {
            (Arc::Mention(candidates), Some(o)) => match candidates[o].target {
                Target::Table(t) => Item::Table(t),
                Target::Column(t, c) => Item::Column(t, c),
            },
            (Arc::Value(hits), Some(o)) => Item::Value {
                table: hits[o].table,
                column: hits[o].column,
                value: hits[o].value.clone(),
                similarity: hits[o].similarity,
            },
            (Arc::Op(op), _) => Item::Op(*op),
            (Arc::Text(text), _) => Item::Text(text.clone()),
            (Arc::Number(n), _) => Item::Number(*n),
            (Arc::Period(p), _) => Item::Period(p.clone()),
            (Arc::Comma, _) => Item::Comma,
            (Arc::Stop, _) => Item::Stop,
            (Arc::Word, _) => Item::Word,
            _ => Item::Unknown,
        };
        Node {
            item,
            start: link.start,
            end: link.end,
            word: self.tokens[link.start].folded.clone(),
            last: self.tokens[link.end - 1].folded.clone(),
        }
    }
}
