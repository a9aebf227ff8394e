//! Control totals: what senders say that their files hold.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect;

pub(crate) struct Control;

impl MigrationName for Control {
    fn name(&self) -> &str {
        "m0007_control"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Control {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for statement in dialect::statements(include_str!("sql/m0007_control.sql"), backend) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
