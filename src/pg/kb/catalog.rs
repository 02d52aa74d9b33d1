//! Tables, columns, relationships and values of a context.

use crate::error::{Error, Result};
use crate::pg::catalog::Found;
use crate::pg::frame::Frame;
use crate::pg::kb::context::Context;
use crate::pg::{role, spi};
use pgrx::pg_sys;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use t2sql_core::schema::{Catalog, Column, Edge, Origin, Table, TableKind, Term};

/// A stored catalogue: what is known, whoever asks.
#[derive(Debug, Default)]
pub struct Stored {
    pub catalog: Catalog,
    pub samples: Vec<StoredSample>,
    /// Keys of the columns that have indexed values.
    pub valued: HashSet<i64>,
}

/// A verified question as stored.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredSample {
    pub id: i64,
    pub question: String,
    pub sql: String,
    pub normalised: String,
    pub template: Option<serde_json::Value>,
    pub verified: bool,
    owner: String,
    owner_key: Option<String>,
    /// Tables that its SQL reads, as `schema.table`.
    pub touched: Vec<String>,
}

impl StoredSample {
    /// Whether the current role gave it.
    pub fn is_callers(&self) -> bool {
        role::is_current(&self.owner, self.owner_key.as_deref())
    }
}

#[derive(Deserialize)]
struct Document {
    tables: Vec<DocumentTable>,
    edges: Vec<DocumentEdge>,
    terms: Vec<Term>,
    samples: Vec<StoredSample>,
    valued: HashSet<i64>,
}

#[derive(Deserialize)]
struct DocumentTable {
    id: i64,
    schema: String,
    name: String,
    kind: TableKind,
    comment: Option<String>,
    rows: f64,
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct DocumentEdge {
    from: i64,
    from_columns: Vec<String>,
    to: i64,
    to_columns: Vec<String>,
    origin: Origin,
    weight: f32,
}

/// Reads everything that is stored of a context.
pub fn read(database: i64) -> Result<Stored> {
    let document: Document = {
        let _frame = Frame::owner();
        spi::json(include_str!("../sql/read_catalog.sql"), &[database.into()])?
            .ok_or_else(|| Error::Internal("the catalogue of a context is missing".into()))?
    };
    let place: HashMap<i64, usize> = document.tables.iter().enumerate().map(|(i, t)| (t.id, i)).collect();
    let tables: Vec<Table> = document
        .tables
        .into_iter()
        .map(|t| Table {
            id: t.id,
            schema: t.schema,
            name: t.name,
            kind: t.kind,
            comment: t.comment,
            rows: t.rows,
            columns: t.columns,
        })
        .collect();
    let edges = document.edges.iter().filter_map(|edge| resolve(edge, &tables, &place)).collect();
    Ok(Stored {
        catalog: Catalog { tables, edges, terms: document.terms },
        samples: document.samples,
        valued: document.valued,
    })
}

fn resolve(edge: &DocumentEdge, tables: &[Table], place: &HashMap<i64, usize>) -> Option<Edge> {
    let (from, to) = (*place.get(&edge.from)?, *place.get(&edge.to)?);
    let columns = |table: usize, names: &[String]| -> Option<Vec<usize>> {
        names.iter().map(|name| tables[table].columns.iter().position(|c| c.name == *name)).collect()
    };
    Some(Edge {
        from,
        from_columns: columns(from, &edge.from_columns)?,
        to,
        to_columns: columns(to, &edge.to_columns)?,
        origin: edge.origin,
        weight: edge.weight,
    })
}

/// What a role may read: tables by id, with the permitted columns where not all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub enum Permission {
    Whole(bool),
    Columns(Vec<String>),
}

/// What a role may read of one table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Readable {
    pub id: i64,
    pub columns: Permission,
    /// Whether the role may SELECT the whole of it, whatever its owner keeps from questions.
    pub whole: bool,
    /// Whether stored values may be shown, except those of `withheld` columns.
    pub values: bool,
    pub withheld: Vec<String>,
    /// Columns that t2sql is not to know.
    pub hidden: Vec<String>,
}

/// What `role` may read of a context right now.
pub fn readable(database: i64, role: &str) -> Result<Vec<Readable>> {
    let _frame = Frame::owner();
    let sql = concat!(include_str!("../sql/protected.sql"), include_str!("../sql/readable.sql"));
    Ok(spi::json(sql, &[database.into(), role.into()])?.unwrap_or_default())
}

/// The relations of a context that exist right now.
pub fn relations(database: i64) -> Result<Vec<pg_sys::Oid>> {
    let _frame = Frame::owner();
    Ok(spi::cell::<Vec<pg_sys::Oid>>(
        "SELECT array_agg(c.oid) FROM t2sql.database_schemas s JOIN t2sql.db_tables t ON t.schema_id = s.id
         JOIN pg_namespace n ON n.nspname = s.schema_name JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.table_name
         WHERE s.database_id = $1",
        &[database.into()],
    )?
    .unwrap_or_default())
}

/// Counts of one structure update.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Stores {
    pub tables: i64,
    pub columns: i64,
    pub relationships: i64,
    pub unchanged: i64,
    pub removed: i64,
}

/// Stores what an introspection found: tables, columns and foreign keys; removes what is gone.
pub fn store(context: &Context, found: &Found, force: bool) -> Result<Stores> {
    #[derive(Deserialize)]
    struct Changed {
        changed: Vec<i64>,
        unchanged: i64,
    }
    #[derive(Deserialize)]
    struct Gone {
        tables: i64,
        columns: i64,
    }
    let _frame = Frame::owner();
    let document = encode(&found.tables)?;
    spi::execute(
        "INSERT INTO t2sql.database_schemas (database_id, schema_name) SELECT $1, s FROM unnest($2::text[]) AS s ON CONFLICT DO NOTHING",
        &[context.id.into(), context.schemas.clone().into()],
    )?;
    let stored: Changed = spi::write_json(
        include_str!("../sql/store_tables.sql"),
        &[context.id.into(), document.as_str().into(), force.into()],
    )?
    .ok_or_else(missing)?;
    let columns = count(
        include_str!("../sql/store_columns.sql"),
        &[context.id.into(), document.as_str().into(), stored.changed.clone().into()],
    )?;
    let gone: Gone = spi::write_json(
        concat!(include_str!("../sql/protected.sql"), include_str!("../sql/remove_gone.sql")),
        &[
            context.id.into(),
            context.schemas.clone().into(),
            context.include.clone().into(),
            context.exclude.clone().into(),
        ],
    )?
    .ok_or_else(missing)?;
    let keys: Vec<Relationship> = found
        .keys
        .iter()
        .map(|k| Relationship {
            from_schema: &k.from_schema,
            from_table: &k.from_table,
            from_columns: k.from_columns.iter().map(String::as_str).collect(),
            to_schema: &k.to_schema,
            to_table: &k.to_table,
            to_columns: k.to_columns.iter().map(String::as_str).collect(),
            r#type: if k.one_to_one { "one-to-one" } else { "many-to-one" },
            origin: Origin::Fk,
            weight: 1.0,
        })
        .collect();
    let visible = visible(context, found)?;
    let relationships = store_relationships(context.id, &keys, Origin::Fk, &visible)?;
    spi::execute(include_str!("../sql/mark_keys.sql"), &[context.id.into()])?;
    Ok(Stores {
        tables: stored.changed.len() as i64,
        columns,
        relationships,
        unchanged: stored.unchanged,
        removed: gone.tables + gone.columns,
    })
}

/// Ids of the stored tables that this introspection could see.
fn visible(context: &Context, found: &Found) -> Result<Vec<i64>> {
    let (schemas, names): (Vec<String>, Vec<String>) =
        found.tables.iter().map(|t| (t.schema.clone(), t.name.clone())).unzip();
    Ok(spi::cell::<Vec<i64>>(
        "SELECT array_agg(t.id) FROM unnest($2::text[], $3::text[]) AS f(s, n)
         JOIN t2sql.database_schemas s ON s.database_id = $1 AND s.schema_name = f.s
         JOIN t2sql.db_tables t ON t.schema_id = s.id AND t.table_name = f.n",
        &[context.id.into(), schemas.into(), names.into()],
    )?
    .unwrap_or_default())
}

/// Makes the inferred relationships of a context those of `edges`; returns how many are new.
pub fn store_inferred(context: &Context, catalog: &Catalog, edges: &[Edge], found: &Found) -> Result<i64> {
    let name =
        |table: usize, columns: &[usize]| columns.iter().map(|&c| catalog.column(table, c).name.as_str()).collect();
    let inferred: Vec<Relationship> = edges
        .iter()
        .map(|e| Relationship {
            from_schema: &catalog.tables[e.from].schema,
            from_table: &catalog.tables[e.from].name,
            from_columns: name(e.from, &e.from_columns),
            to_schema: &catalog.tables[e.to].schema,
            to_table: &catalog.tables[e.to].name,
            to_columns: name(e.to, &e.to_columns),
            r#type: "many-to-one",
            origin: e.origin,
            weight: e.weight,
        })
        .collect();
    let _frame = Frame::owner();
    let visible = visible(context, found)?;
    store_relationships(context.id, &inferred, Origin::Inferred, &visible)
}

#[derive(Serialize)]
struct Relationship<'a> {
    from_schema: &'a str,
    from_table: &'a str,
    from_columns: Vec<&'a str>,
    to_schema: &'a str,
    to_table: &'a str,
    to_columns: Vec<&'a str>,
    r#type: &'a str,
    origin: Origin,
    weight: f32,
}

fn store_relationships(database: i64, wanted: &[Relationship], origin: Origin, visible: &[i64]) -> Result<i64> {
    let origin = serde_json::to_value(origin).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    count(
        include_str!("../sql/store_relationships.sql"),
        &[database.into(), encode(wanted)?.into(), vec![origin].into(), visible.to_vec().into()],
    )
}

/// What an index run would mend of what `role` may read.
#[derive(Debug, Default, Deserialize)]
pub struct Staleness {
    /// Tables that are not indexed, or whose columns changed since.
    pub outdated: i64,
    /// Tables without statistics, which ANALYZE makes.
    pub unanalysed: i64,
}

pub fn staleness(context: &Context, role: &str) -> Result<Staleness> {
    let _frame = Frame::owner();
    Ok(spi::json(
        include_str!("../sql/staleness.sql"),
        &[
            context.id.into(),
            role.into(),
            context.schemas.clone().into(),
            context.include.clone().into(),
            context.exclude.clone().into(),
        ],
    )?
    .unwrap_or_default())
}

/// State of the value index of each table: (schema, table) → what it was built from.
pub fn values_states(database: i64) -> Result<HashMap<(String, String), String>> {
    let _frame = Frame::owner();
    let states: Vec<(String, String, String)> = spi::json(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(s.schema_name, t.table_name, coalesce(t.values_state, ''))), '[]')::text
         FROM t2sql.database_schemas s JOIN t2sql.db_tables t ON t.schema_id = s.id WHERE s.database_id = $1",
        &[database.into()],
    )?
    .unwrap_or_default();
    Ok(states.into_iter().map(|(schema, table, state)| ((schema, table), state)).collect())
}

/// The values of one column.
pub struct ColumnValues {
    pub column: String,
    pub values: Vec<String>,
    pub normalised: Vec<String>,
    pub frequencies: Vec<i64>,
}

/// Replaces the indexed values of a table; columns that are not listed lose theirs. Returns how many are new.
pub fn store_values(database: i64, schema: &str, table: &str, columns: &[ColumnValues], state: &str) -> Result<i64> {
    let _frame = Frame::owner();
    let names: Vec<String> = columns.iter().map(|c| c.column.clone()).collect();
    spi::execute(
        "DELETE FROM t2sql.column_values v USING t2sql.database_schemas s, t2sql.db_tables t, t2sql.db_columns c
         WHERE s.database_id = $1 AND s.schema_name = $2 AND t.schema_id = s.id AND t.table_name = $3 AND c.table_id = t.id
           AND v.column_id = c.id AND c.column_name <> ALL ($4)",
        &[database.into(), schema.into(), table.into(), names.into()],
    )?;
    let mut added = 0;
    for column in columns {
        added += count(
            "WITH col AS (
                 SELECT c.id FROM t2sql.database_schemas s JOIN t2sql.db_tables t ON t.schema_id = s.id JOIN t2sql.db_columns c ON c.table_id = t.id
                 WHERE s.database_id = $1 AND s.schema_name = $2 AND t.table_name = $3 AND c.column_name = $4
             ), gone AS (
                 DELETE FROM t2sql.column_values v USING col WHERE v.column_id = col.id AND v.value <> ALL ($5)
             ), stored AS (
                 INSERT INTO t2sql.column_values AS v (column_id, value, normalised, frequency)
                 SELECT col.id, n.value, n.normalised, n.frequency FROM col, unnest($5::text[], $6::text[], $7::bigint[]) AS n(value, normalised, frequency)
                 ON CONFLICT (column_id, value) DO UPDATE SET frequency = excluded.frequency, normalised = excluded.normalised
                     WHERE (v.frequency, v.normalised) IS DISTINCT FROM (excluded.frequency, excluded.normalised)
                 RETURNING (xmax = 0) AS added
             )
             SELECT count(*) FILTER (WHERE added)::text FROM stored",
            &[
                database.into(),
                schema.into(),
                table.into(),
                column.column.as_str().into(),
                column.values.clone().into(),
                column.normalised.clone().into(),
                column.frequencies.clone().into(),
            ],
        )?;
    }
    spi::execute(
        "UPDATE t2sql.db_tables t SET values_state = $4 FROM t2sql.database_schemas s
         WHERE s.id = t.schema_id AND s.database_id = $1 AND s.schema_name = $2 AND t.table_name = $3 AND t.values_state IS DISTINCT FROM $4",
        &[database.into(), schema.into(), table.into(), state.into()],
    )?;
    Ok(added)
}

/// Values equal to one of `folded`: (column id, value, folded form).
pub fn equal_values(columns: &[i64], folded: &[String]) -> Result<Vec<(i64, String, String)>> {
    let _frame = Frame::owner();
    Ok(spi::json(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(v.column_id, v.value, v.normalised) ORDER BY v.column_id, v.frequency DESC NULLS LAST, v.value), '[]')::text
         FROM t2sql.column_values v WHERE v.normalised = ANY ($2) AND v.column_id = ANY ($1)",
        &[columns.to_vec().into(), folded.to_vec().into()],
    )?
    .unwrap_or_default())
}

/// Values that contain or resemble `folded`, best first: (column id, value, similarity).
pub fn similar_values(columns: &[i64], folded: &str, limit: usize) -> Result<Vec<(i64, String, f32)>> {
    let _frame = Frame::owner();
    Ok(spi::json(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(s.column_id, s.value, s.similarity) ORDER BY s.similarity DESC), '[]')::text
         FROM t2sql._similar_values($1, $2, $3) s",
        &[columns.to_vec().into(), folded.into(), (limit as i32).into()],
    )?
    .unwrap_or_default())
}

/// Sets the description of a table or column (`column` given) of a context. False where there is none.
pub fn describe(
    database: i64,
    schema: &str,
    table: &str,
    column: Option<&str>,
    description: Option<&str>,
) -> Result<bool> {
    let _frame = Frame::owner();
    // without a text the object follows its COMMENT again at the next index run
    let from = if description.is_some() { "user" } else { "comment" };
    let args = [database.into(), schema.into(), table.into(), description.into(), from.into(), column.into()];
    let rows = match column {
        None => spi::execute(
            "UPDATE t2sql.db_tables t SET description = $4, description_from = $5, content_hash = NULL FROM t2sql.database_schemas s
             WHERE s.id = t.schema_id AND s.database_id = $1 AND s.schema_name = $2 AND t.table_name = $3 AND $6::text IS NULL",
            &args,
        )?,
        Some(_) => spi::execute(
            "UPDATE t2sql.db_columns c SET description = $4, description_from = $5, content_hash = NULL
             FROM t2sql.database_schemas s, t2sql.db_tables t
             WHERE t.id = c.table_id AND s.id = t.schema_id AND s.database_id = $1 AND s.schema_name = $2 AND t.table_name = $3 AND c.column_name = $6",
            &args,
        )?,
    };
    Ok(rows > 0)
}

fn count(sql: &str, args: &[pgrx::datum::DatumWithOid]) -> Result<i64> {
    Ok(spi::write_json(sql, args)?.unwrap_or(0))
}

fn encode<T: Serialize + ?Sized>(document: &T) -> Result<String> {
    serde_json::to_string(document).map_err(|e| Error::Internal(format!("a document could not be written: {e}")))
}

fn missing() -> Error {
    Error::Internal("a statement on the knowledge base returned nothing".into())
}
