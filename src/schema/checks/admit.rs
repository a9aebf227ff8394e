//! What a check may use: one record, functions that always say the same, and memory that one record justifies.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, Volatility};

use super::compile::{CheckFault, unplannable};

/// Functions that make much of little.
const BOUNDLESS: [&str; 5] = ["repeat", "range", "generate_series", "array_repeat", "array_resize"];
/// Functions that make a text as long as they are told, and how long that may be.
const PADDING: [&str; 2] = ["lpad", "rpad"];
const WIDEST: i64 = 1000;

/// Refuses whatever looks beyond one record or is not the same at all times.
pub(super) fn admit(expr: &Expr) -> Result<(), CheckFault> {
    let mut fault = None;
    let walked = expr.apply(|node| {
        fault = fault_of(node);
        Ok(if fault.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    match (fault, walked) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(unplannable(error)),
        (None, Ok(_)) => Ok(()),
    }
}

fn fault_of(node: &Expr) -> Option<CheckFault> {
    let what = match node {
        Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
            return Some(CheckFault::Unsteady { name: call.func.name().to_owned() });
        }
        Expr::ScalarFunction(call) if is_boundless(call) => {
            return Some(CheckFault::Boundless { name: call.func.name().to_owned() });
        }
        Expr::AggregateFunction(call) => format!("the aggregate function {}()", call.func.name()),
        Expr::WindowFunction(call) => format!("the window function {}()", call.fun.name()),
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) => {
            "a subquery".to_owned()
        }
        Expr::Placeholder(_) => "a placeholder".to_owned(),
        Expr::ScalarVariable(..) => "a variable".to_owned(),
        Expr::Unnest(_) => "unnest()".to_owned(),
        #[expect(deprecated, reason = "the parser may still produce it")]
        Expr::Wildcard { .. } => "*".to_owned(),
        Expr::GroupingSet(_) | Expr::OuterReferenceColumn(..) => "a part of a query".to_owned(),
        _ => return None,
    };
    Some(CheckFault::NotAllowed { what })
}

fn is_boundless(call: &ScalarFunction) -> bool {
    let name = call.func.name();
    let width = || match call.args.get(1) {
        Some(Expr::Literal(width, _)) => i64::try_from(width.clone()).ok(),
        _ => None,
    };
    BOUNDLESS.contains(&name) || (PADDING.contains(&name) && width().is_none_or(|width| width > WIDEST))
}
