-- 30_endpoint.sql: endpoints of models are foreign servers, so that CREATE SERVER decides where requests go.
CREATE FOREIGN DATA WRAPPER t2sql_endpoint VALIDATOR t2sql._endpoint_validator;

COMMENT ON FOREIGN DATA WRAPPER t2sql_endpoint IS
    'Endpoints of language and embedding models. Server options: url, api_key_file, api_key_env, azure_api_version; user mapping option: api_key.';

GRANT USAGE ON FOREIGN DATA WRAPPER t2sql_endpoint TO t2sql_admin;
