//! Who asks in which context, and what of it this role may read right now.

use crate::error::{Error, Result};
use crate::flow::probe;
use crate::flow::retrieve::Places;
use crate::pg::kb::catalog::{self, Permission, Readable, Stored, StoredSample};
use crate::pg::kb::context::{self, Context};
use crate::pg::{role, seal};
use pgrx::pg_sys;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use t2sql_core::rank::Index;
use t2sql_core::sample::Template;
use t2sql_core::schema::{Catalog, Column, Edge, Family, ValueHit, ValueSource};

/// One caller in one context.
pub struct Scope {
    pub context: Context,
    pub caller: String,
    pub view: Rc<View>,
    /// With `enforce`: the only relations that SQL may read.
    enforced: Option<Vec<pg_sys::Oid>>,
    /// What went to an embedding model so far.
    embedded: RefCell<Option<Embedded>>,
}

/// Questions that were sent to the endpoint of an embedding model.
#[derive(Clone, Debug, Serialize)]
pub struct Embedded {
    pub server: String,
    pub calls: u64,
    pub bytes: u64,
}

/// What a role may read of a context, with what is derived from it.
pub struct View {
    pub catalog: Catalog,
    pub index: Index,
    pub samples: Vec<(StoredSample, Option<Template>)>,
    places: Places,
    /// Keys of the columns that may have indexed values.
    value_columns: Vec<i64>,
    /// Text columns without indexed values.
    unindexed: Vec<(usize, usize)>,
}

impl View {
    /// Text columns whose values are not indexed: (table, column).
    pub fn unindexed(&self) -> &[(usize, usize)] {
        &self.unindexed
    }
}

/// What a role may read: tables by their keys.
type Permissions = Vec<Readable>;

/// Catalogues stay parsed in the backend until their generation changes.
struct Cached {
    generation: String,
    stored: Rc<Stored>,
    views: Vec<(Permissions, Rc<View>)>,
}

/// Contexts that one backend keeps: enough for a person, too few to hurt.
const KEPT_CONTEXTS: usize = 4;
const KEPT_VIEWS: usize = 4;

thread_local! {
    static CACHE: RefCell<Vec<(i64, Cached)>> = const { RefCell::new(Vec::new()) };
}

impl Scope {
    /// The context called `name` (the current database without one) as the caller may read it.
    pub fn open(name: Option<&str>) -> Result<Scope> {
        let context = context::get(name)?;
        if !context.indexed {
            return Err(Error::NotIndexed((!context.is_current).then_some(context.name)));
        }
        Scope::of(context)
    }

    /// As [`Scope::open`] for a context that was found already.
    pub fn of(context: Context) -> Result<Scope> {
        let caller = role::name(role::current());
        let reader = role::name(role::reader()?);
        let permissions = catalog::readable(context.id, &reader)?;
        if permissions.is_empty() {
            return Err(Error::Privilege {
                message: format!("role \"{reader}\" may read no table of database \"{}\"", context.name),
                hint: format!(
                    "Grant it: GRANT USAGE ON SCHEMA … TO \"{reader}\"; GRANT SELECT ON … TO \"{reader}\". New tables need SELECT * FROM t2sql.index_schema()."
                ),
            });
        }
        let view = view(&context, permissions)?;
        let enforced = if context.enforce { Some(catalog::relations(context.id)?) } else { None };
        Ok(Scope { context, caller, view, enforced, embedded: RefCell::default() })
    }

    /// Remembers that a question leaves the database to be embedded.
    pub fn note_sent(&self, server: &str, bytes: usize) {
        let mut embedded = self.embedded.borrow_mut();
        let sum = embedded.get_or_insert_with(|| Embedded { server: server.to_owned(), calls: 0, bytes: 0 });
        sum.calls += 1;
        sum.bytes += bytes as u64;
    }

    /// What [`Scope::note_sent`] was told.
    pub fn embedded(&self) -> Option<Embedded> {
        self.embedded.borrow().clone()
    }

    /// Samples that serve this caller: everybody's, and the caller's own.
    pub fn samples(&self) -> impl Iterator<Item = &(StoredSample, Option<Template>)> {
        self.view.samples.iter().filter(|(sample, _)| sample.verified || sample.is_callers())
    }

    /// Where generated SQL looks up names, and what it may read.
    pub fn seal<'a>(&'a self, search_path: &'a [String]) -> seal::Scope<'a> {
        seal::Scope { search_path, relations: self.enforced.as_deref() }
    }

    /// Position of the table with this key, if it may be read.
    pub fn place(&self, id: i64) -> Option<usize> {
        self.view.places.table(id)
    }

    /// Position of the column with this key, if it may be read.
    pub fn column_place(&self, id: i64) -> Option<(usize, usize)> {
        self.view.places.column(id)
    }

    /// Where stored values of readable columns are looked up for `question`.
    pub fn values<'a>(&'a self, question: &'a str) -> Values<'a> {
        Values { scope: self, question, found: Vec::new(), failed: None }
    }
}

fn view(context: &Context, permissions: Permissions) -> Result<Rc<View>> {
    let hit = CACHE.with_borrow(|cache| {
        let (_, cached) = cache.iter().find(|(id, c)| *id == context.id && c.generation == context.generation)?;
        let view = cached.views.iter().find(|(p, _)| *p == permissions).map(|(_, v)| Rc::clone(v));
        Some((Rc::clone(&cached.stored), view))
    });
    let stored = match hit {
        Some((_, Some(view))) => return Ok(view),
        Some((stored, None)) => stored,
        None => Rc::new(catalog::read(context.id)?),
    };
    let catalog = restrict(&stored.catalog, &permissions);
    let permitted = by_table(&permissions);
    let by_name: HashMap<String, &Readable> = (stored.catalog.tables.iter())
        .filter_map(|t| Some((format!("{}.{}", t.schema, t.name), *permitted.get(&t.id)?)))
        .collect();
    let index = Index::build(&catalog);
    let samples = stored
        .samples
        .iter()
        .filter(|sample| may_show(sample, &by_name))
        .map(|sample| (sample.clone(), sample.template.clone().and_then(|t| serde_json::from_value(t).ok())))
        .collect();
    let places = Places::of(&catalog);
    let texts = catalog
        .tables
        .iter()
        .enumerate()
        .flat_map(|(t, table)| table.columns.iter().enumerate().map(move |(c, column)| (t, c, column)));
    let texts = texts.filter(|(_, _, column)| matches!(column.family, Family::Text | Family::Enum));
    let place = |t: usize| permitted.get(&catalog.tables[t].id);
    // what its owner withholds is neither looked up nor probed
    let texts = texts.filter(|(t, _, column)| place(*t).is_some_and(|p| !p.withheld.contains(&column.name)));
    let (valued, rest): (Vec<_>, Vec<_>) =
        texts.partition(|(t, _, column)| stored.valued.contains(&column.id) && place(*t).is_some_and(|p| p.values));
    let value_columns = valued.into_iter().map(|(_, _, column)| column.id).collect();
    let unindexed = rest.into_iter().map(|(t, c, _)| (t, c)).collect();
    let view = Rc::new(View { catalog, index, samples, places, value_columns, unindexed });
    CACHE.with_borrow_mut(|cache| {
        cache.retain(|(id, c)| *id != context.id || c.generation == context.generation);
        if !cache.iter().any(|(id, _)| *id == context.id) {
            cache.insert(0, (context.id, Cached { generation: context.generation.clone(), stored, views: Vec::new() }));
            cache.truncate(KEPT_CONTEXTS);
        }
        if let Some((_, cached)) = cache.iter_mut().find(|(id, _)| *id == context.id) {
            cached.views.insert(0, (permissions, Rc::clone(&view)));
            cached.views.truncate(KEPT_VIEWS);
        }
    });
    Ok(view)
}

fn by_table(permissions: &[Readable]) -> HashMap<i64, &Readable> {
    permissions.iter().map(|readable| (readable.id, readable)).collect()
}

/// A sample shows its SQL, so it serves only those who may read all of the tables that it reads, and
/// nobody while it names a column that was hidden.
fn may_show(sample: &StoredSample, by_name: &HashMap<String, &Readable>) -> bool {
    sample.touched.iter().all(|table| {
        let readable = by_name.get(table);
        readable.is_some_and(|r| r.whole && !r.hidden.iter().any(|column| names(&sample.sql, column)))
    })
}

/// Whether SQL holds this name as a word, whatever its case.
fn names(sql: &str, name: &str) -> bool {
    let (sql, name) = (sql.to_lowercase(), name.to_lowercase().replace('"', "\"\""));
    let part = |c: char| c.is_alphanumeric() || c == '_';
    sql.match_indices(&name).any(|(at, _)| !sql[..at].ends_with(part) && !sql[at + name.len()..].starts_with(part))
}

/// The part of a catalogue that the permissions leave; edges follow their columns.
fn restrict(whole: &Catalog, permissions: &[Readable]) -> Catalog {
    let permitted = by_table(permissions);
    let mut places: Vec<Option<(usize, Vec<Option<usize>>)>> = Vec::with_capacity(whole.tables.len());
    let mut tables = Vec::new();
    for table in &whole.tables {
        let readable = permitted.get(&table.id);
        let keep = |name: &str| match readable.map(|r| &r.columns) {
            None | Some(Permission::Whole(false)) => false,
            Some(Permission::Whole(true)) => true,
            Some(Permission::Columns(names)) => names.iter().any(|n| n == name),
        };
        let mut kept = table.clone();
        kept.columns.retain(|c| keep(&c.name));
        if let Some(readable) = readable {
            kept.columns.iter_mut().for_each(|column| forget_values(column, readable));
        }
        if kept.columns.is_empty() {
            places.push(None);
            continue;
        }
        let mut next = 0..;
        let columns = table.columns.iter().map(|c| if keep(&c.name) { next.next() } else { None }).collect();
        places.push(Some((tables.len(), columns)));
        tables.push(kept);
    }
    let moved = |table: usize, columns: &[usize]| -> Option<(usize, Vec<usize>)> {
        let (place, map) = places[table].as_ref()?;
        Some((*place, columns.iter().map(|&c| map[c]).collect::<Option<_>>()?))
    };
    let edges = whole
        .edges
        .iter()
        .filter_map(|edge| {
            let (from, from_columns) = moved(edge.from, &edge.from_columns)?;
            let (to, to_columns) = moved(edge.to, &edge.to_columns)?;
            Some(Edge { from, from_columns, to, to_columns, origin: edge.origin, weight: edge.weight })
        })
        .collect();
    Catalog { tables, edges, terms: whole.terms.clone() }
}

/// Leaves nothing of what is stored in a column whose values may not be shown. The labels of an enum
/// belong to its type and stay, unless the owner withholds just them.
fn forget_values(column: &mut Column, readable: &Readable) {
    let withheld = readable.withheld.contains(&column.name);
    if withheld || (!readable.values && column.family != Family::Enum) {
        column.common.clear();
    }
    if withheld || !readable.values {
        (column.min, column.max) = (None, None);
    }
}

/// The value index, narrowed to the columns of a view.
pub struct Values<'a> {
    scope: &'a Scope,
    question: &'a str,
    /// Values that a search of their own has found.
    found: Vec<ValueHit>,
    failed: Option<Error>,
}

impl Values<'_> {
    /// With values that were found elsewhere.
    pub fn with(self, found: Vec<ValueHit>) -> Self {
        Values { found, ..self }
    }

    /// The first look-up that failed: without its values nothing else is to be trusted.
    pub fn done(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    fn noted<T: Default>(&mut self, outcome: Result<T>) -> T {
        outcome.unwrap_or_else(|error| {
            self.failed.get_or_insert(error);
            T::default()
        })
    }

    fn hit(&self, column: i64, value: String, matched: String, similarity: f32) -> Option<ValueHit> {
        let (table, column) = self.scope.view.places.column(column)?;
        Some(ValueHit { table, column, value, matched, similarity })
    }
}

impl ValueSource for Values<'_> {
    fn equal(&mut self, folded: &[String]) -> Vec<ValueHit> {
        let found = self.noted(catalog::equal_values(&self.scope.view.value_columns, folded));
        let mut hits: Vec<ValueHit> =
            found.into_iter().filter_map(|(column, value, matched)| self.hit(column, value, matched, 1.0)).collect();
        hits.extend(self.found.iter().filter(|hit| folded.contains(&hit.matched)).cloned());
        hits.extend(self.noted(probe::look_up(self.scope, self.question, &hits)));
        hits
    }

    fn similar(&mut self, folded: &str, limit: usize) -> Vec<ValueHit> {
        let found = self.noted(catalog::similar_values(&self.scope.view.value_columns, folded, limit));
        found
            .into_iter()
            .filter_map(|(column, value, similarity)| self.hit(column, value, folded.to_owned(), similarity))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_found_as_a_word() {
        for sql in ["SELECT ssn FROM p", "select p.\"SSN\" from p", "SELECT max(Ssn)", "ssn"] {
            assert!(names(sql, "ssn"), "{sql}");
        }
        for sql in ["SELECT ssn_hash FROM p", "SELECT assn", "SELECT *"] {
            assert!(!names(sql, "ssn"), "{sql}");
        }
        assert!(names("SELECT \"a\"\"b\"", "a\"b"));
    }
}
