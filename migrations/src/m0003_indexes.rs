//! Indexes for ledgers that have grown: no question of the daemon reads more than its answer.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect;

pub(crate) struct Indexes;

impl MigrationName for Indexes {
    fn name(&self) -> &str {
        "m0003_indexes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Indexes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for statement in dialect::statements(include_str!("sql/m0003_indexes.sql"), backend) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
