//! The text of an expression → a [`Check`]. Only what gives the same answer for the same record, always, is let in.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{Expr, Operator};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Literal, NegativeExpr};
use datafusion::prelude::SessionConfig;
use thiserror::Error;

use super::admit::admit;
use super::contained::contained;
use super::{Check, spelling};
use crate::schema::field::Field;
use crate::schema::violation::clipped;

/// Characters of a planner's message that are told on.
const REASON: usize = 300;

/// Bytes of an expression. Trees are taken down by recursion, and it must fit on the stack of any thread.
const LONGEST: usize = 4000;

/// Why an expression cannot be a check: what follows its name in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckFault {
    #[error(
        "has an expression of {found} characters; at most {LONGEST} are possible: make it several checks"
    )]
    TooLong { found: usize },
    #[error("has an expression of more than {} parts: make it several checks", spelling::MOST_PARTS)]
    TooManyParts,
    #[error("is not an SQL expression: {reason}")]
    Syntax { reason: String },
    #[error("gives its expression a name of its own; \"name\" has it already")]
    Alias,
    #[error("names \"{name}\", which is no column; {suggestion}{}", if *quoted { " (a text stands in single quotes)" } else { "" })]
    UnknownColumn { name: String, suggestion: String, quoted: bool },
    #[error("looks for \"{name}\" in a value that has no members")]
    NoMembers { name: String },
    #[error("uses {what}; a check may use the columns of one record and functions of them, nothing else")]
    NotAllowed { what: String },
    #[error(
        "uses {name}(), which does not always give the same answer; a record must be good or bad for ever"
    )]
    Unsteady { name: String },
    #[error("uses {name}(), whose values may be of any size")]
    Boundless { name: String },
    #[error("names no column, so it would say the same of every record")]
    NoColumn,
    #[error("gives {found}; a check is true, false or null")]
    NotBoolean { found: String },
    #[error("cannot be computed: {reason}")]
    Unplannable { reason: String },
}

/// Compiles the checks of one table.
pub struct Compiler<'f> {
    fields: &'f [Field],
    schema: DFSchema,
    state: SessionState,
}

impl<'f> Compiler<'f> {
    /// # Errors
    /// The columns are none that DataFusion knows, which other checks of a definition rule out.
    pub fn new(fields: &'f [Field]) -> Result<Compiler<'f>, CheckFault> {
        let arrow = Schema::new(fields.iter().map(Field::arrow).collect::<Vec<_>>());
        let mut config = SessionConfig::new();
        let options = config.options_mut();
        // As in `lakegate sql`: an expression means the same in both.
        options.execution.time_zone = Some("+00:00".into());
        options.sql_parser.parse_float_as_decimal = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
        Ok(Compiler { fields, schema: DFSchema::try_from(arrow).map_err(unplannable)?, state })
    }

    /// # Errors
    /// What is wrong with the expression.
    pub fn compile(&self, name: &str, text: &str) -> Result<Check, CheckFault> {
        if text.len() > LONGEST {
            return Err(CheckFault::TooLong { found: text.chars().count() });
        }
        let dialect = self.state.config_options().sql_parser.dialect;
        let mut parsed = self.state.sql_to_expr_with_alias(text, &dialect).map_err(syntax)?;
        if parsed.alias.is_some() {
            return Err(CheckFault::Alias);
        }
        let columns = spelling::resolve(&mut parsed.expr, self.fields)?;
        let logical = contained(|| self.state.create_logical_expr_from_sql_expr(parsed, &self.schema))
            .map_err(unplannable)?;
        admit(&logical)?;
        if columns.is_empty() {
            return Err(CheckFault::NoColumn);
        }
        let compiled = contained(|| self.physical(logical)).map_err(unplannable)?;
        match compiled.data_type(self.schema.as_arrow()).map_err(unplannable)? {
            DataType::Boolean => {
                // What fails without any record, such as a broken pattern, would fail for all of them.
                let none = RecordBatch::new_empty(Arc::clone(self.schema.inner()));
                contained(|| compiled.evaluate(&none)).map_err(unplannable)?;
                Ok(Check { name: name.into(), expr: text.into(), columns, compiled })
            }
            other => Err(CheckFault::NotBoolean { found: clipped(REASON, other) }),
        }
    }

    fn physical(&self, logical: Expr) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
        let context = SimplifyContext::default()
            .with_schema(Arc::new(self.schema.clone()))
            .with_config_options(Arc::clone(self.state.config_options()));
        let logical = spelled_out(logical, &context, &self.schema)?;
        exact(self.state.create_physical_expr(logical, &self.schema)?, self.schema.as_arrow())
    }
}

/// Functions that say themselves what they mean by other expressions are those expressions; as they are, they cannot be
/// computed. Nothing else is simplified: sums of constants would wrap around.
fn spelled_out(expr: Expr, context: &SimplifyContext, schema: &DFSchema) -> Result<Expr, DataFusionError> {
    let typed = ExprSimplifier::new(context.clone()).coerce(expr, schema)?;
    typed
        .transform_up(|node| {
            let Expr::ScalarFunction(ScalarFunction { func, args }) = node else {
                return Ok(Transformed::no(node));
            };
            Ok(match func.simplify(args, context)? {
                ExprSimplifyResult::Simplified(meant) => Transformed::yes(meant),
                ExprSimplifyResult::Original(args) => {
                    Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args }))
                }
            })
        })
        .data()
}

/// Whole numbers that overflow are an error instead of another number.
fn exact(expr: Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let minus = |left: Arc<dyn PhysicalExpr>, op: Operator, right: Arc<dyn PhysicalExpr>| {
        Arc::new(BinaryExpr::new(left, op, right).with_fail_on_overflow(true)) as Arc<dyn PhysicalExpr>
    };
    expr.transform_up(|node| {
        if let Some(binary) = node.as_any().downcast_ref::<BinaryExpr>() {
            let (left, right) = (Arc::clone(binary.left()), Arc::clone(binary.right()));
            return Ok(Transformed::yes(minus(left, *binary.op(), right)));
        }
        if let Some(negative) = node.as_any().downcast_ref::<NegativeExpr>() {
            let kind = negative.arg().data_type(schema)?;
            if kind.is_signed_integer() {
                let zero: Arc<dyn PhysicalExpr> = Arc::new(Literal::new(ScalarValue::new_zero(&kind)?));
                return Ok(Transformed::yes(minus(zero, Operator::Minus, Arc::clone(negative.arg()))));
            }
        }
        Ok(Transformed::no(node))
    })
    .data()
}

fn syntax(error: DataFusionError) -> CheckFault {
    CheckFault::Syntax { reason: reason(&error) }
}

pub(super) fn unplannable(error: DataFusionError) -> CheckFault {
    CheckFault::Unplannable { reason: reason(&error) }
}

/// What DataFusion says, in one line and without the names of its own parts.
pub(super) fn reason(error: &DataFusionError) -> String {
    let text = match error.find_root() {
        DataFusionError::SQL(inner, _) => inner.to_string(),
        DataFusionError::ArrowError(inner, _) => inner.to_string(),
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::NotImplemented(text) => text.clone(),
        other => other.strip_backtrace(),
    };
    let text = text.split("\n\nbacktrace:").next().unwrap_or_default();
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    clipped(REASON, text.split_whitespace().collect::<Vec<_>>().join(" "))
}
