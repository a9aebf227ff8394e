//! Names in an expression: which columns are meant. An unquoted name means a column whatever its case; columns of one table differ
//! in more than that.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, VisitMut, VisitorMut};

use super::compile::CheckFault;
use crate::schema::field::Field;
use crate::schema::names;
use crate::schema::violation::named;

/// Operators, names and values of an expression: it is evaluated by recursion.
pub(super) const MOST_PARTS: usize = 500;

/// Quotes every name in the expression as its column is spelled; the positions of the columns, in their order.
pub(super) fn resolve(expr: &mut Expr, fields: &[Field]) -> Result<Vec<usize>, CheckFault> {
    let mut pass = Resolver { fields, found: Vec::new(), parts: 0 };
    match VisitMut::visit(expr, &mut pass) {
        ControlFlow::Break(fault) => Err(fault),
        ControlFlow::Continue(()) => Ok(pass.found),
    }
}

struct Resolver<'f> {
    fields: &'f [Field],
    found: Vec<usize>,
    parts: usize,
}

impl Resolver<'_> {
    fn column(&mut self, ident: &mut Ident) -> Result<DataType, CheckFault> {
        let names = self.fields.iter().map(|field| field.name.as_str());
        let Some(at) = position(names, ident) else {
            let known: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
            return Err(unknown(ident, &known));
        };
        if !self.found.contains(&at) {
            self.found.push(at);
        }
        *ident = Ident::with_quote('"', &self.fields[at].name);
        Ok(self.fields[at].kind.arrow())
    }

    /// `customer.city`: a column and members of it.
    fn path(&mut self, parts: &mut [Ident]) -> Result<(), CheckFault> {
        let Some((first, members)) = parts.split_first_mut() else { return Ok(()) };
        let mut kind = self.column(first)?;
        for part in members {
            let DataType::Struct(inner) = &kind else {
                return Err(CheckFault::NoMembers { name: named(&part.value) });
            };
            let known: Vec<&str> = inner.iter().map(|member| member.name().as_str()).collect();
            let at = position(known.iter().copied(), part).ok_or_else(|| unknown(part, &known))?;
            *part = Ident::with_quote('"', inner[at].name());
            kind = inner[at].data_type().clone();
        }
        Ok(())
    }
}

impl VisitorMut for Resolver<'_> {
    type Break = CheckFault;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<CheckFault> {
        self.parts += 1;
        let resolved = match expr {
            _ if self.parts > MOST_PARTS => Err(CheckFault::TooManyParts),
            Expr::Identifier(ident) => self.column(ident).map(drop),
            Expr::CompoundIdentifier(parts) => self.path(parts),
            _ => Ok(()),
        };
        match resolved {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => ControlFlow::Break(fault),
        }
    }

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<CheckFault> {
        ControlFlow::Break(CheckFault::NotAllowed { what: "a subquery".into() })
    }
}

/// Exactly as it is spelled; else, unquoted, whatever the case.
fn position<'n>(names: impl Iterator<Item = &'n str> + Clone, ident: &Ident) -> Option<usize> {
    let folded = names::folded(&ident.value);
    let exact = names.clone().position(|name| name == ident.value);
    exact.or_else(|| {
        let mut names = names;
        ident.quote_style.is_none().then(|| names.position(|name| names::folded(name) == folded)).flatten()
    })
}

fn unknown(ident: &Ident, known: &[&str]) -> CheckFault {
    CheckFault::UnknownColumn {
        name: named(&ident.value),
        suggestion: names::suggestion(&ident.value, known),
        quoted: ident.quote_style.is_some(),
    }
}
