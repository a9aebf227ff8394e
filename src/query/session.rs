//! DataFusion as Lakegate uses it: one runtime with a memory limit for all queries, UTC, and no way to name a file.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::CatalogProviderList;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use super::error::QueryError;
use super::json_text::json_get_text;
use super::lake_table::LAKE_STORE;
use super::store::LakeStore;

/// Where unqualified names are looked up, and the two schemas that say which side is meant.
pub const DEFAULT_SCHEMA: &str = "main";
pub const LAKE_SCHEMA: &str = "lake";
pub const LEDGER_SCHEMA: &str = "ledger";
const CATALOG: &str = "lakegate";

/// What queries may use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Past it sorts and aggregations spill to temporary files, and what cannot spill fails.
    pub memory_bytes: usize,
    /// Partitions computed at the same time; 0 means one for each core.
    pub threads: usize,
}

/// The state from which every query starts: functions, limits, the lake's store; no tables.
pub fn base_state(lake: &Path, limits: Limits) -> Result<SessionState, QueryError> {
    let set_up = |cause: Box<dyn std::error::Error + Send + Sync>| QueryError::SetUp(cause);
    std::fs::create_dir_all(lake).map_err(|cause| set_up(cause.into()))?;
    let store = LakeStore::new(lake).map_err(|cause| set_up(cause.into()))?;
    let largest_shown = NonZeroUsize::MIN.saturating_add(4);
    let pool = TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes), largest_shown);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .build_arc()
        .map_err(|cause| set_up(cause.into()))?;
    let url = ObjectStoreUrl::parse(LAKE_STORE).map_err(|cause| set_up(cause.into()))?;
    runtime.register_object_store(url.as_ref(), Arc::new(store));
    let mut state = SessionStateBuilder::new()
        .with_config(config(limits))
        .with_runtime_env(runtime)
        .with_default_features()
        .build();
    datafusion::execution::FunctionRegistry::register_udf(&mut state, Arc::new(json_get_text()))
        .map_err(|cause| set_up(cause.into()))?;
    Ok(state)
}

fn config(limits: Limits) -> SessionConfig {
    let threads = match limits.threads {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        given => given,
    };
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        .with_parquet_pruning(true);
    let options = config.options_mut();
    // Each partition of a sort sets this aside to merge what it spilled; together they must leave room to sort.
    let aside = limits.memory_bytes / (8 * threads);
    options.execution.sort_spill_reservation_bytes =
        aside.min(options.execution.sort_spill_reservation_bytes);
    options.execution.time_zone = Some("+00:00".into());
    options.sql_parser.enable_ident_normalization = true;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.explain.show_schema = false;
    config
}

/// The tables of one query.
#[derive(Debug)]
pub struct Tables {
    list: Arc<MemoryCatalogProviderList>,
    catalog: Arc<MemoryCatalogProvider>,
}

impl Tables {
    pub fn new() -> Result<Self, QueryError> {
        let tables = Tables {
            list: Arc::new(MemoryCatalogProviderList::new()),
            catalog: Arc::new(MemoryCatalogProvider::new()),
        };
        for schema in [DEFAULT_SCHEMA, LAKE_SCHEMA, LEDGER_SCHEMA] {
            tables
                .catalog
                .register_schema(schema, Arc::new(MemorySchemaProvider::new()))
                .map_err(QueryError::planning)?;
        }
        tables.list.register_catalog(CATALOG.into(), Arc::clone(&tables.catalog) as Arc<dyn CatalogProvider>);
        Ok(tables)
    }

    /// Makes `table` known under `schema.name`.
    pub fn add(
        &self,
        schema: &str,
        name: &str,
        table: Arc<dyn datafusion::catalog::TableProvider>,
    ) -> Result<(), QueryError> {
        let Some(provider) = self.catalog.schema(schema) else { return Ok(()) };
        if !provider.table_exist(name) {
            provider.register_table(name.to_string(), table).map_err(QueryError::planning)?;
        }
        Ok(())
    }

    /// A session that knows these tables and nothing else.
    pub fn session(&self, base: &SessionState) -> SessionContext {
        let state = SessionStateBuilder::new_from_existing(base.clone())
            .with_catalog_list(Arc::clone(&self.list) as Arc<dyn CatalogProviderList>)
            .build();
        SessionContext::new_with_state(state)
    }
}
