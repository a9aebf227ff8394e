//! Alerts that reach people: how they end, what each channel was told, and which files are expected when.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect;

pub(crate) struct Alerts;

impl MigrationName for Alerts {
    fn name(&self) -> &str {
        "m0006_alerts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Alerts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for statement in dialect::statements(include_str!("sql/m0006_alerts.sql"), backend) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
