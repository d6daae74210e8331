//! Functions, operators and types that are not part of the server.

use serde::{Deserialize, Serialize};

use crate::{Catalogue, Name};

/// What a function may do, by its declaration and its language. Ordered from harmless to unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Volatility {
    /// It computes.
    #[serde(rename = "i")]
    Immutable,
    /// It computes and reads.
    #[serde(rename = "s")]
    Stable,
    /// It may do anything, by its declaration or because its language can do more than the database allows.
    #[serde(rename = "v")]
    Volatile,
}

impl Volatility {
    /// Whether a call changes nothing.
    #[must_use]
    pub fn only_reads(self) -> bool {
        match self {
            Self::Immutable | Self::Stable => true,
            Self::Volatile => false,
        }
    }
}

/// What kind of function it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FunctionKind {
    /// A function.
    #[default]
    Function,
    /// A procedure, for CALL.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A window function.
    Window,
}

/// All functions of one name in one schema: which of them a call means depends on types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Their name.
    #[serde(flatten)]
    pub name: Name,
    /// The kind of the first one.
    #[serde(rename = "k", default)]
    pub kind: FunctionKind,
    /// The worst of them.
    #[serde(rename = "v")]
    pub volatility: Volatility,
    /// The extension that they belong to.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// All operators of one name in one schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Their name.
    #[serde(flatten)]
    pub name: Name,
    /// The worst of their functions.
    #[serde(rename = "v")]
    pub volatility: Volatility,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TypeKind {
    /// A list of labels.
    Enum,
    /// Another type with conditions.
    Domain {
        /// The other type as the server writes it, qualified unless it is the server's own.
        base: String,
        /// The conditions, as expressions over `VALUE`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<String>,
    },
    /// A type with functions of its own, such as `citext`.
    Base,
    /// A row, a range or anything else.
    Other,
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserType {
    /// Its name.
    #[serde(flatten)]
    pub name: Name,
    /// What it is made of.
    #[serde(rename = "k")]
    pub kind: TypeKind,
    /// The worst of the functions that read, write and cast its values.
    #[serde(rename = "v")]
    pub volatility: Volatility,
}

impl Catalogue {
    /// The worst function that a call may mean; `None` if there is none of that name.
    #[must_use]
    pub fn function(&self, schema: Option<&str>, name: &str) -> Option<Volatility> {
        let named = self.functions.iter().filter(|function| self.may_mean(schema, name, &function.name));
        // A procedure is called by CALL only, and it is no read.
        named
            .map(|function| match function.kind {
                FunctionKind::Procedure => Volatility::Volatile,
                FunctionKind::Function | FunctionKind::Aggregate | FunctionKind::Window => {
                    function.volatility
                }
            })
            .max()
    }

    /// The worst operator that a sign may mean; `None` if there is none of that name.
    #[must_use]
    pub fn operator(&self, schema: Option<&str>, name: &str) -> Option<Volatility> {
        let named = self.operators.iter().filter(|operator| self.may_mean(schema, name, &operator.name));
        named.map(|operator| operator.volatility).max()
    }

    /// All types that a name may mean.
    pub fn types_named<'a>(
        &'a self,
        schema: Option<&'a str>,
        name: &'a str,
    ) -> impl Iterator<Item = &'a UserType> {
        self.types.iter().filter(move |found| self.may_mean(schema, name, &found.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_functions_the_worst_counts() {
        let function = |schema: &str, volatility| Function {
            name: Name::new(schema, "f"),
            kind: FunctionKind::Function,
            volatility,
            extension: None,
        };
        let catalogue = Catalogue {
            functions: vec![function("a", Volatility::Stable), function("b", Volatility::Volatile)],
            ..Catalogue::default()
        };
        assert_eq!(catalogue.function(None, "f"), Some(Volatility::Volatile));
        assert_eq!(catalogue.function(Some("a"), "f"), Some(Volatility::Stable));
        assert_eq!(catalogue.function(Some("c"), "f"), None);
        assert_eq!(catalogue.function(None, "g"), None);
    }
}
