//! A command as tokens: what is comment, what is string, what is left, and how much work it is for a parser.

/// What a token is, as far as the guardrails care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Space or comment.
    Nothing,
    /// A string.
    Text,
    /// A comma or semicolon: ends a chain.
    Break,
    /// Opens a bracket.
    Open,
    /// Closes one.
    Close,
    /// Everything else.
    Code,
}

impl Class {
    /// Of a token of one character.
    pub(crate) fn of_sign(text: &str) -> Self {
        match text {
            "," | ";" => Self::Break,
            "(" | "[" | "{" => Self::Open,
            ")" | "]" | "}" => Self::Close,
            _ => Self::Code,
        }
    }
}

/// What a parser has to do for a command, by its tokens alone.
#[derive(Default)]
pub(crate) struct Depth {
    /// The deepest nesting of brackets.
    pub(crate) nesting: usize,
    /// The longest run of tokens between commas and semicolons.
    pub(crate) chain: usize,
    /// How long a parser and a walk may take, in parts of [`crate::bounds::MAX_COST`]: the square of each run, and for
    /// each outermost bracket three times the cube of its nesting (measured, see docs/performance.md).
    pub(crate) cost: usize,
}

impl Depth {
    pub(crate) fn of(tokens: impl IntoIterator<Item = Class>) -> Self {
        let mut found = Self::default();
        let (mut depth, mut deepest, mut run) = (0_usize, 0_usize, 0_usize);
        let mut cost = 0_usize;
        for class in tokens {
            match class {
                Class::Nothing => continue,
                Class::Break => {
                    cost = cost.saturating_add(run.saturating_mul(run));
                    run = 0;
                    continue;
                }
                Class::Open => depth += 1,
                Class::Close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        cost = cost.saturating_add(deepest.saturating_pow(3).saturating_mul(3));
                        deepest = 0;
                    }
                }
                Class::Text | Class::Code => {}
            }
            run += 1;
            deepest = deepest.max(depth);
            found.nesting = found.nesting.max(depth);
            found.chain = found.chain.max(run);
        }
        let last = run.saturating_mul(run).saturating_add(deepest.saturating_pow(3).saturating_mul(3));
        found.cost = cost.saturating_add(last);
        found
    }
}

/// A command without comments and strings: one space where space or comments were, `''` where a string was.
pub(crate) fn code<'a>(tokens: impl IntoIterator<Item = (Class, &'a str)>) -> String {
    let mut code = String::new();
    for (class, text) in tokens {
        match class {
            Class::Nothing if code.ends_with(' ') => {}
            Class::Nothing => code.push(' '),
            Class::Text => code.push_str("''"),
            Class::Break | Class::Open | Class::Close | Class::Code => code.push_str(text),
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_that_of_all_runs_and_brackets() {
        let depth = |text: &str| {
            let classes: Vec<Class> =
                text.split("").filter(|one| !one.is_empty()).map(Class::of_sign).collect();
            Depth::of(classes)
        };
        assert_eq!(depth("").cost, 0);
        assert_eq!(depth("aaa,aa").cost, 9 + 4);
        assert_eq!(depth("((a))").cost, 25 + 3 * 8);
        assert_eq!(depth("(a),((").cost, 9 + 3 + 4 + 3 * 8);
        assert_eq!((depth("((a),a").nesting, depth("((a),aa").chain), (2, 4));
    }
}
