//! Compaction: which commits and which earlier data files the rows of a merged data file came from.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect;

pub(crate) struct Compaction;

impl MigrationName for Compaction {
    fn name(&self) -> &str {
        "m0002_compaction"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Compaction {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for statement in dialect::statements(include_str!("sql/m0002_compaction.sql"), backend) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
