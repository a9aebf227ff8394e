//! Drift: fields of records that do not go with the schema of their type.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect;

pub(crate) struct Drift;

impl MigrationName for Drift {
    fn name(&self) -> &str {
        "m0005_drift"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Drift {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for statement in dialect::statements(include_str!("sql/m0005_drift.sql"), backend) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
