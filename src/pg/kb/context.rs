//! Contexts (`databases`) and models.

use crate::error::{Error, Result};
use crate::pg::frame::Frame;
use crate::pg::{role, spi};
use serde::Deserialize;

/// A context to ask in.
#[derive(Clone, Debug, Deserialize)]
pub struct Context {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub schemas: Vec<String>,
    pub include: Option<Vec<String>>,
    pub exclude: Option<Vec<String>>,
    pub enforce: bool,
    /// Whether it is the context of this database as a whole.
    pub is_current: bool,
    /// Changes whenever something indexed here changes.
    pub generation: String,
    pub indexed: bool,
    pub embedding: Option<EmbeddingModel>,
    /// Set by set_embedder(); becomes `embedding` once everything is embedded with it.
    pub next_embedding: Option<EmbeddingModel>,
    pub llm: Option<LlmModel>,
    /// Extra instructions of the active prompt template.
    pub instructions: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EmbeddingModel {
    pub id: i64,
    pub model_name: String,
    /// `builtin`, or the name of a foreign server.
    pub provider: String,
    pub dimensions: i32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LlmModel {
    pub id: i64,
    pub model_name: String,
    pub server: String,
    pub temperature: f32,
}

const SELECT: &str = "SELECT jsonb_build_object(
        'id', d.id, 'name', d.name, 'description', d.description, 'schemas', d.schemas, 'include', d.include, 'exclude', d.exclude,
        'enforce', d.enforce, 'is_current', d.is_current, 'generation', d.generation || '/' || (SELECT concat(count(*), '/', max(s.updated_at)) FROM t2sql.sql_samples s WHERE s.database_id = d.id), 'indexed', d.indexed_at IS NOT NULL,
        'embedding', (SELECT to_jsonb(e) FROM t2sql.embedding_models e WHERE e.id = d.embedding_model_id),
        'next_embedding', (SELECT to_jsonb(e) FROM t2sql.embedding_models e WHERE e.id = d.next_embedding_model_id),
        'llm', (SELECT to_jsonb(l) FROM t2sql.llm_models l WHERE l.id = d.llm_model_id AND l.is_active),
        'instructions', (SELECT p.template_text FROM t2sql.prompt_templates p WHERE p.id = d.prompt_template_id)
    )::text FROM t2sql.databases d";

/// The context called `name`; without a name, or with this database's own, the current one.
pub fn find(name: Option<&str>) -> Result<Option<Context>> {
    let _frame = Frame::owner();
    let by_name = format!(
        "{SELECT} WHERE CASE WHEN $1 IS NULL OR $1 = current_database() THEN d.is_current ELSE d.name = $1 END"
    );
    spi::json(&by_name, &[name.into()])
}

/// As [`find`]; an error that names what is registered where there is none.
pub fn get(name: Option<&str>) -> Result<Context> {
    if let Some(context) = find(name)? {
        return Ok(context);
    }
    match name {
        Some(name) if current_database()? != name => {
            let known = names(&role::name(role::reader()?))?;
            Err(Error::UnknownDatabase { name: name.into(), known })
        }
        _ => Err(Error::NotIndexed(None)),
    }
}

/// Whether anything was indexed or registered.
pub fn any() -> Result<bool> {
    let _frame = Frame::owner();
    Ok(spi::cell("SELECT EXISTS (SELECT FROM t2sql.databases)", &[])?.unwrap_or_default())
}

/// Names of the contexts that `role` may read something of.
fn names(role: &str) -> Result<Vec<String>> {
    let _frame = Frame::owner();
    Ok(spi::cell(
        "SELECT array_agg(d.name ORDER BY d.name) FROM t2sql.databases d
         WHERE EXISTS (SELECT FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
                       WHERE n.nspname = ANY (d.schemas) AND has_schema_privilege($1, n.oid, 'USAGE')
                         AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND has_any_column_privilege($1, c.oid, 'SELECT'))",
        &[role.into()],
    )?
    .unwrap_or_default())
}

pub fn current_database() -> Result<String> {
    let _frame = Frame::caller();
    Ok(spi::cell("SELECT current_database()::text", &[])?.unwrap_or_default())
}

/// What [`put`] stores of a context.
pub struct Definition<'a> {
    pub name: &'a str,
    pub schemas: &'a [String],
    pub description: Option<&'a str>,
    pub include: Option<&'a [String]>,
    pub exclude: Option<&'a [String]>,
    pub enforce: bool,
    pub is_current: bool,
}

/// Registers a context or changes it; returns its id.
pub fn put(d: &Definition) -> Result<i64> {
    let _frame = Frame::owner();
    // where a restore renamed the database, its context follows by the flag
    if d.is_current {
        spi::execute("UPDATE t2sql.databases SET name = $1 WHERE is_current AND name <> $1", &[d.name.into()])?;
    }
    let (_, id) = spi::write::<i64>(
        "INSERT INTO t2sql.databases AS d (name, schemas, description, include, exclude, enforce, is_current)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (name) DO UPDATE SET schemas = excluded.schemas, description = coalesce(excluded.description, d.description),
             include = excluded.include, exclude = excluded.exclude, enforce = excluded.enforce, generation = nextval('t2sql._generation_seq')
         RETURNING id",
        &[
            d.name.into(),
            d.schemas.to_vec().into(),
            d.description.into(),
            d.include.map(<[_]>::to_vec).into(),
            d.exclude.map(<[_]>::to_vec).into(),
            d.enforce.into(),
            d.is_current.into(),
        ],
    )?;
    id.ok_or_else(|| Error::Internal("a context was stored without an id".into()))
}

/// Forgets a context and all that was indexed for it. False where there was none.
pub fn remove(name: &str) -> Result<bool> {
    let _frame = Frame::owner();
    Ok(spi::execute("DELETE FROM t2sql.databases WHERE name = $1", &[name.into()])? > 0)
}

/// Marks everything cached of a context as outdated. (Samples do so by being counted, without a lock on this row.)
pub fn bump(id: i64, indexed: bool) -> Result<()> {
    let _frame = Frame::owner();
    spi::execute(
        "UPDATE t2sql.databases SET generation = nextval('t2sql._generation_seq'),
             indexed_at = CASE WHEN $2 THEN clock_timestamp() ELSE indexed_at END WHERE id = $1",
        &[id.into(), indexed.into()],
    )?;
    Ok(())
}

/// Registers a model; returns its id.
pub fn put_embedding_model(provider: &str, model: &str, dimensions: usize) -> Result<i64> {
    let _frame = Frame::owner();
    let dimensions = i32::try_from(dimensions).unwrap_or(i32::MAX);
    let known = "SELECT id FROM t2sql.embedding_models WHERE provider = $1 AND model_name = $2 AND dimensions = $3";
    if let Some(id) = spi::cell::<i64>(known, &[provider.into(), model.into(), dimensions.into()])? {
        return Ok(id);
    }
    let insert =
        "INSERT INTO t2sql.embedding_models (provider, model_name, dimensions) VALUES ($1, $2, $3) RETURNING id";
    spi::write(insert, &[provider.into(), model.into(), dimensions.into()])?
        .1
        .ok_or_else(|| Error::Internal("a model was stored without an id".into()))
}

/// Makes a context search with an embedding model from now on.
pub fn use_embedding_model(database: i64, model: i64) -> Result<()> {
    let _frame = Frame::owner();
    spi::execute(
        "UPDATE t2sql.databases SET embedding_model_id = $2, next_embedding_model_id = NULL, generation = nextval('t2sql._generation_seq')
         WHERE id = $1",
        &[database.into(), model.into()],
    )?;
    Ok(())
}

/// Lets the next index run of a context (all without `database`) embed with another model.
pub fn plan_embedding_model(database: Option<i64>, model: i64) -> Result<()> {
    let _frame = Frame::owner();
    spi::execute(
        "UPDATE t2sql.databases SET next_embedding_model_id = nullif($2, embedding_model_id) WHERE $1 IS NULL OR id = $1",
        &[database.into(), model.into()],
    )?;
    Ok(())
}

/// Registers a language model and lets a context (all without `database`) use it.
pub fn use_llm(database: Option<i64>, server: &str, model: &str) -> Result<()> {
    let _frame = Frame::owner();
    let (_, id) = spi::write::<i64>(
        "INSERT INTO t2sql.llm_models (server, model_name) VALUES ($1, $2)
         ON CONFLICT (server, model_name) DO UPDATE SET is_active = true RETURNING id",
        &[server.into(), model.into()],
    )?;
    spi::execute(
        "UPDATE t2sql.databases SET llm_model_id = $2, generation = nextval('t2sql._generation_seq') WHERE $1 IS NULL OR id = $1",
        &[database.into(), id.into()],
    )?;
    Ok(())
}

/// Lets a context (all without `database`) answer without a language model.
pub fn drop_llm(database: Option<i64>) -> Result<()> {
    let _frame = Frame::owner();
    spi::execute(
        "UPDATE t2sql.databases SET llm_model_id = NULL, generation = nextval('t2sql._generation_seq') WHERE $1 IS NULL OR id = $1",
        &[database.into()],
    )?;
    Ok(())
}
