//! Indexing: look at the catalogue, keep what changed, embed what is new.
//!
//! An index run adds and refreshes what its caller may read, and removes only
//! what no longer exists. Each phase looks up by itself what is left to do, so
//! a run that was cut off is continued by the next one.

use crate::error::{Error, Result};
use crate::flow::embedder::{BUILTIN, Embedder};
use crate::flow::scope::Scope;
use crate::pg::catalog::{self, Found, FoundTable, Values};
use crate::pg::kb::catalog::{ColumnValues, Stores};
use crate::pg::kb::context::{self, Context, Definition, EmbeddingModel};
use crate::pg::kb::vectors::{self, Chunk};
use crate::pg::{guc, interrupt, kb, lock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use t2sql_core::schema::{Catalog, Column, Edge, Family, Origin, TableKind};
use t2sql_core::text::{content_hash, fold, words};
use t2sql_core::{embed, relate};

/// Values longer than this are prose: nobody names them in a question.
const LONGEST_VALUE: usize = 100;
/// Tables with more rows are not scanned for values.
const MOST_ROWS: f64 = 1e6;
/// Texts embedded and written at a time.
const BATCH: usize = 256;

pub mod batch;

/// What one run did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    pub tables: i64,
    pub columns: i64,
    pub relationships: i64,
    pub values: i64,
    pub embeddings: i64,
    pub unchanged: i64,
    pub hidden: i64,
    pub removed: i64,
    /// Tables without statistics, whose profile is therefore empty.
    pub unanalysed: i64,
    /// Columns whose values could not be read safely.
    #[serde(default)]
    pub unreadable: i64,
    /// Whether values are left for a later run.
    pub values_left: bool,
}

/// The whole run in one transaction: what `index_schema()` does.
pub fn run(
    database: Option<&str>,
    schemas: Option<Vec<String>>,
    force: bool,
    tell: &dyn Fn(&str),
) -> Result<(Context, Report)> {
    let context = prepare(database, schemas.as_deref())?;
    let mut report = Report::default();
    let found = structure(&context, schemas.as_deref(), force, &mut report)?;
    tell(&format!("{} tables and views found, {} new or changed", found.tables.len(), report.tables));
    let budget = guc::index_values_timeout();
    let mut pending = pending_values(&context, &found, force)?;
    let scanned = values(&context, &mut pending, Instant::now() + budget, &mut report)?;
    if scanned > 0 {
        tell(&format!("values of {scanned} tables read, {} new", report.values));
    }
    if report.unreadable > 0 {
        tell(&format!("values of {} columns were skipped, because they could not be read safely", report.unreadable));
    }
    report.values_left = !pending.is_empty();
    let mut texts = pending_texts(&context, force)?;
    let all = texts.len();
    let mut said = Instant::now();
    while embed_batch(&context, &mut texts, &mut report)? {
        if said.elapsed() > Duration::from_secs(2) {
            tell(&format!("{} of {all} texts embedded", report.embeddings));
            said = Instant::now();
        }
    }
    finish(&context, &report)?;
    Ok((context::get(Some(&context.name))?, report))
}

/// Finds or registers the context and takes the lock on indexing it.
pub fn prepare(database: Option<&str>, schemas: Option<&[String]>) -> Result<Context> {
    if !kb::can_write() {
        return Err(Error::ReadOnly {
            message: "nothing can be indexed in a read-only transaction".into(),
            hint: "Index on the primary, in a READ WRITE transaction; a standby asks with what it receives.".into(),
        });
    }
    let current = context::current_database()?;
    let is_current = database.is_none_or(|name| name == current);
    if !is_current && schemas.is_some() {
        return Err(Error::argument(
            "schemas of a registered database are given when it is registered",
            "Use t2sql.register_database(name, schemas) to change them, and call index_schema(database => name) without schemas.",
        ));
    }
    if let Some(given) = schemas {
        if given.is_empty() {
            return Err(Error::argument(
                "schemas is empty",
                "Name schemas of this database, or leave the argument out for all.",
            ));
        }
        let missing = catalog::missing_schemas(given)?;
        if !missing.is_empty() {
            return Err(Error::argument(
                format!("schema {} does not exist", missing.join(", ")),
                "Name schemas of this database, or none for all.",
            ));
        }
    }
    if is_current {
        register_current(&current)?;
    }
    let context = context::get(database)?;
    if !lock::try_index(context.id) {
        return Err(Error::Busy {
            message: format!("database \"{}\" is being indexed already", context.name),
            hint: "Wait for the other run to end; t2sql.index_runs shows reindex() at work.".into(),
        });
    }
    Ok(context)
}

/// The current database's context covers all schemas of users; schemas that a weaker caller
/// can't see stay in it.
fn register_current(name: &str) -> Result<()> {
    let mut schemas = catalog::user_schemas()?;
    let known = context::find(None)?;
    if let Some(known) = &known {
        let gone = catalog::missing_schemas(&known.schemas)?;
        let kept = known.schemas.iter().filter(|s| !gone.contains(s)).cloned();
        let new: Vec<String> = schemas.iter().filter(|s| !known.schemas.contains(s)).cloned().collect();
        schemas = kept.chain(new).collect();
        if schemas == known.schemas && known.name == name {
            return Ok(());
        }
    }
    context::put(&Definition {
        name,
        schemas: &schemas,
        description: None,
        include: known.as_ref().and_then(|k| k.include.as_deref()),
        exclude: known.as_ref().and_then(|k| k.exclude.as_deref()),
        enforce: known.as_ref().is_some_and(|k| k.enforce),
        is_current: true,
    })?;
    Ok(())
}

/// Tables, columns and relationships.
pub fn structure(context: &Context, schemas: Option<&[String]>, force: bool, report: &mut Report) -> Result<Found> {
    let found = catalog::introspect(
        schemas.unwrap_or(&context.schemas),
        context.include.as_deref(),
        context.exclude.as_deref(),
    )?;
    if found.tables.is_empty() {
        let places = schemas.unwrap_or(&context.schemas).join(", ");
        if found.hidden > 0 {
            return Err(Error::Privilege {
                message: format!("this role may read none of the {} relations in {places}", found.hidden),
                hint: "GRANT USAGE on the schema and SELECT on its tables first.".into(),
            });
        }
        return Err(Error::setup(
            format!("there is no table to index in {places}"),
            "Create tables first, or name other schemas.",
        ));
    }
    let stores: Stores = kb::catalog::store(context, &found, force)?;
    report.tables += stores.tables;
    report.columns += stores.columns;
    report.relationships += stores.relationships;
    report.unchanged += stores.unchanged;
    report.removed += stores.removed;
    report.hidden = found.hidden;
    report.unanalysed = found.tables.iter().filter(|t| lacks_statistics(t)).count() as i64;
    if stores.tables > 0 || stores.removed > 0 || force {
        report.relationships += infer(context, &found)?;
    }
    Ok(found)
}

/// Also where an index or a restore counted the rows, but nobody looked at the columns.
fn lacks_statistics(table: &FoundTable) -> bool {
    matches!(table.kind.as_str(), "table" | "materialized_view")
        && !table.row_security
        && table.rows != 0.0
        && table.columns.iter().all(|c| c.column.n_distinct.is_none())
}

/// Guesses joins, schema by schema: equal names in unrelated schemas mean nothing.
fn infer(context: &Context, found: &Found) -> Result<i64> {
    let whole = kb::catalog::read(context.id)?.catalog;
    let mut parts: BTreeMap<&str, (Vec<usize>, Catalog)> = BTreeMap::new();
    let mut places = Vec::with_capacity(whole.tables.len());
    for (t, table) in whole.tables.iter().enumerate() {
        let (members, part) = parts.entry(&table.schema).or_default();
        places.push(members.len());
        members.push(t);
        part.tables.push(table.clone());
    }
    for edge in whole.edges.iter().filter(|e| e.origin != Origin::Inferred) {
        let schema = whole.tables[edge.from].schema.as_str();
        if whole.tables[edge.to].schema == schema
            && let Some((_, part)) = parts.get_mut(schema)
        {
            part.edges.push(Edge { from: places[edge.from], to: places[edge.to], ..edge.clone() });
        }
    }
    let mut edges = Vec::new();
    for (members, part) in parts.values() {
        interrupt::tick();
        let inferred = relate::infer(part).into_iter();
        edges.extend(inferred.map(|e| Edge { from: members[e.from], to: members[e.to], ..e }));
    }
    kb::catalog::store_inferred(context, &whole, &edges, found)
}

/// Tables whose values must be read, with what their index will have been built from.
pub fn pending_values(context: &Context, found: &Found, force: bool) -> Result<Vec<FoundTable>> {
    let states = kb::catalog::values_states(context.id)?;
    let mut pending = Vec::new();
    for table in &found.tables {
        let known = states.get(&(table.schema.clone(), table.name.clone()));
        if force || known.is_none_or(|state| *state != values_state(table)) {
            pending.push(table.clone());
        }
    }
    pending.reverse(); // taken from the end
    Ok(pending)
}

fn values_state(table: &FoundTable) -> String {
    // row security that is switched on takes away what was kept
    let most = if may_keep_values(table) { guc::max_indexed_values() } else { 0 };
    format!("{}/{most}", table.values_state)
}

/// Reads values until `deadline`; returns how many tables were read. What is left stays in `pending`.
pub fn values(
    context: &Context,
    pending: &mut Vec<FoundTable>,
    deadline: Instant,
    report: &mut Report,
) -> Result<usize> {
    let mut scanned = 0;
    while Instant::now() < deadline {
        let Some(table) = pending.pop() else { break };
        interrupt::tick();
        let mut columns = Vec::new();
        if may_keep_values(&table) {
            let shown = table.columns.iter().filter(|found| !found.withheld).map(|found| &found.column);
            for column in shown.filter(|c| has_few_values(c, &table)) {
                columns.extend(column_values(&table, column, report)?);
            }
            scanned += 1;
        }
        report.values +=
            kb::catalog::store_values(context.id, &table.schema, &table.name, &columns, &values_state(&table))?;
    }
    Ok(scanned)
}

/// Never of views (their values may differ by user) nor of tables with row security.
fn may_keep_values(table: &FoundTable) -> bool {
    matches!(table.kind.as_str(), "table" | "materialized_view" | "partitioned_table")
        && !table.row_security
        && table.whole
        && table.rows <= MOST_ROWS
}

fn has_few_values(column: &Column, table: &FoundTable) -> bool {
    let most = f64::from(guc::max_indexed_values());
    match column.family {
        Family::Enum => most > 0.0,
        // without statistics a small table is read all the same
        Family::Text => column.n_distinct.map_or(most > 0.0 && table.rows <= 10_000.0, |n| n <= most),
        _ => false,
    }
}

fn column_values(table: &FoundTable, column: &Column, report: &mut Report) -> Result<Option<ColumnValues>> {
    let limit = usize::try_from(guc::max_indexed_values()).unwrap_or_default();
    let found = match catalog::distinct_values(table, column, limit)? {
        Values::Found(found) => found,
        Values::TooMany => return Ok(None),
        Values::Unreadable => {
            report.unreadable += 1;
            return Ok(None);
        }
    };
    let mut kept = ColumnValues {
        column: column.name.clone(),
        values: Vec::new(),
        normalised: Vec::new(),
        frequencies: Vec::new(),
    };
    for (value, frequency) in found {
        let normalised = fold(&value);
        if !normalised.is_empty() && value.chars().count() <= LONGEST_VALUE {
            kept.values.push(value);
            kept.normalised.push(normalised);
            kept.frequencies.push(frequency);
        }
    }
    Ok(Some(kept))
}

/// Texts that the context's embedding model has not embedded yet, with that model.
pub struct PendingTexts {
    model: EmbeddingModel,
    embedder: Embedder,
    chunks: Vec<Chunk>,
}

impl PendingTexts {
    pub fn len(&self) -> usize {
        self.chunks.len()
    }
}

/// What is to be embedded: tables, columns and verified questions whose text changed.
pub fn pending_texts(context: &Context, force: bool) -> Result<PendingTexts> {
    let model = target_model(context)?;
    let embedder = Embedder::open(&model)?;
    let stored = kb::catalog::read(context.id)?;
    let known = vectors::hashes(context.id, model.id)?;
    let mut chunks = Vec::new();
    let mut add = |collection: &'static str, object_id: i64, source_id: String, text: String| {
        let hash = content_hash(&text);
        if force || known.get(&(collection.to_owned(), object_id)) != Some(&hash) {
            chunks.push(Chunk { collection, object_id, source_id, text, hash });
        }
    };
    for table in &stored.catalog.tables {
        let source = format!("{}.{}", table.schema, table.name);
        add("table", table.id, source.clone(), embed::table_text(table));
        for column in &table.columns {
            add("column", column.id, format!("{source}.{}", column.name), embed::column_text(table, column));
        }
    }
    for sample in &stored.samples {
        add("sample_question", sample.id, sample.id.to_string(), sample.question.clone());
    }
    chunks.reverse(); // taken from the end
    Ok(PendingTexts { model, embedder, chunks })
}

/// The model that the context is to use: the one set last, else the built-in one.
fn target_model(context: &Context) -> Result<EmbeddingModel> {
    if let Some(model) = context.next_embedding.clone().or_else(|| context.embedding.clone()) {
        return Ok(model);
    }
    let id = context::put_embedding_model(BUILTIN, embed::MODEL, embed::DIMENSIONS)?;
    Ok(EmbeddingModel {
        id,
        model_name: embed::MODEL.into(),
        provider: BUILTIN.into(),
        dimensions: embed::DIMENSIONS as i32,
    })
}

/// Embeds and writes one batch; false when nothing is left.
pub fn embed_batch(context: &Context, pending: &mut PendingTexts, report: &mut Report) -> Result<bool> {
    interrupt::tick();
    let from = pending.chunks.len().saturating_sub(BATCH);
    let mut chunks = pending.chunks.split_off(from);
    chunks.reverse();
    let texts: Vec<String> = chunks.iter().map(|c| c.text.clone()).collect();
    let vectors = pending.embedder.documents(&texts)?;
    // a name without any letter or digit has no vector; it is found by spelling
    let (chunks, vectors): (Vec<Chunk>, Vec<Vec<f32>>) =
        chunks.into_iter().zip(vectors).filter_map(|(c, v)| Some((c, v?))).unzip();
    vectors::store(context.id, pending.model.id, &chunks, &vectors)?;
    report.embeddings += chunks.len() as i64;
    if pending.chunks.is_empty() && context.embedding.as_ref().map(|m| m.id) != Some(pending.model.id) {
        // complete: switch in one UPDATE, then forget the old model's vectors
        context::use_embedding_model(context.id, pending.model.id)?;
        vectors::keep_only(context.id, pending.model.id)?;
    }
    Ok(!pending.chunks.is_empty())
}

/// Makes other backends see what changed.
pub fn finish(context: &Context, report: &Report) -> Result<()> {
    let changed = report.tables + report.columns + report.relationships + report.values + report.removed > 0;
    if changed || !context.indexed {
        context::bump(context.id, true)?;
    }
    Ok(())
}

/// One sentence for people, ending with a question to try.
pub fn message(context: &Context, report: &Report) -> Result<String> {
    let mut parts = vec![format!("{} tables added or refreshed, {} unchanged", report.tables, report.unchanged)];
    if report.removed > 0 {
        parts.push(format!("{} objects removed", report.removed));
    }
    if report.hidden > 0 {
        parts.push(format!("{} skipped because this role may not read them", report.hidden));
    }
    if report.unanalysed > 0 {
        parts.push(format!(
            "{} have no statistics yet: run ANALYZE, then index again, for better answers",
            report.unanalysed
        ));
    }
    if report.values_left {
        parts.push("values are left to read (t2sql.index_values_timeout): index again to go on".into());
    }
    let mut message = parts.join("; ");
    // of what the caller may read, as everything that is shown
    if let Some(question) = question_to_try(&Scope::of(context.clone())?.view.catalog) {
        message.push_str(&format!(". Try: SELECT t2sql.ask('{question}')"));
    }
    Ok(message)
}

/// A question that surely makes sense: counting the table that most others refer to.
fn question_to_try(catalog: &Catalog) -> Option<String> {
    let referred = |t: usize| catalog.edges.iter().filter(|e| e.to == t).count();
    let table = (0..catalog.tables.len())
        .filter(|&t| catalog.tables[t].kind != TableKind::View)
        .filter(|&t| catalog.tables[t].name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .max_by_key(|&t| (referred(t), catalog.tables[t].rows as i64))?;
    Some(format!("how many {} are there", plural(&words(&catalog.tables[table].name).join(" "))))
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if noun.ends_with('s') => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}
