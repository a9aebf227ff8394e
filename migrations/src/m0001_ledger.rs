//! The ledger: every table of the first version, and the triggers that keep it true to itself.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::dialect;

pub(crate) struct Ledger;

impl MigrationName for Ledger {
    fn name(&self) -> &str {
        "m0001_ledger"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Ledger {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let triggers = match backend {
            DbBackend::Sqlite => include_str!("sql/m0001_triggers.sqlite.sql"),
            _ => include_str!("sql/m0001_triggers.postgres.sql"),
        };
        for text in [include_str!("sql/m0001_ledger.sql"), triggers] {
            for statement in dialect::statements(text, backend) {
                manager.get_connection().execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}
