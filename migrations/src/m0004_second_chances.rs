//! Second chances: rejected records that load after all, and files whose rows leave their table again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect;

pub(crate) struct SecondChances;

impl MigrationName for SecondChances {
    fn name(&self) -> &str {
        "m0004_second_chances"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SecondChances {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for statement in dialect::statements(include_str!("sql/m0004_second_chances.sql"), backend) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
