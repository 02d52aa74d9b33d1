-- 20_triggers.sql: updated_at, one trigger per table.
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.embedding_models FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.llm_models FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.prompt_templates FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.databases FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.database_schemas FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.db_tables FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.db_columns FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.table_relationships FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.column_values FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.terms FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.synonyms FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.sql_samples FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.query_feedback FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.query_usage_stats FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.requests FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.vector_embeddings FOR EACH ROW EXECUTE FUNCTION t2sql._touch();
CREATE TRIGGER touch BEFORE UPDATE ON t2sql.index_runs FOR EACH ROW EXECUTE FUNCTION t2sql._touch();

-- Vectors belong to objects of several tables, so no foreign key can remove them.
CREATE FUNCTION t2sql._forget_vectors() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    DELETE FROM t2sql.vector_embeddings WHERE collection = TG_ARGV[0] AND object_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_vectors AFTER DELETE ON t2sql.db_tables FOR EACH ROW EXECUTE FUNCTION t2sql._forget_vectors('table');
CREATE TRIGGER forget_vectors AFTER DELETE ON t2sql.db_columns FOR EACH ROW EXECUTE FUNCTION t2sql._forget_vectors('column');
CREATE TRIGGER forget_vectors AFTER DELETE ON t2sql.sql_samples FOR EACH ROW EXECUTE FUNCTION t2sql._forget_vectors('sample_question');
