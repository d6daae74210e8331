//! A command as tokens: what is comment, what is string, what is left.

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

/// A command without comments and strings, and how deep its tree could get.
pub(crate) struct Lexed {
    /// One space where space or comments were, `''` where a string was.
    pub(crate) code: String,
    /// The deepest nesting of brackets.
    pub(crate) nesting: usize,
    /// The longest run of tokens between commas and semicolons.
    pub(crate) chain: usize,
}

impl Lexed {
    /// From tokens with their text.
    pub(crate) fn new<'a>(tokens: impl IntoIterator<Item = (Class, &'a str)>) -> Self {
        let mut lexed = Self { code: String::new(), nesting: 0, chain: 0 };
        let (mut depth, mut run) = (0_usize, 0_usize);
        for (class, text) in tokens {
            match class {
                Class::Nothing => {
                    if !lexed.code.ends_with(' ') {
                        lexed.code.push(' ');
                    }
                    continue;
                }
                Class::Text => lexed.code.push_str("''"),
                Class::Break => {
                    lexed.code.push_str(text);
                    run = 0;
                    continue;
                }
                Class::Open => {
                    lexed.code.push_str(text);
                    depth += 1;
                }
                Class::Close => {
                    lexed.code.push_str(text);
                    depth = depth.saturating_sub(1);
                }
                Class::Code => lexed.code.push_str(text),
            }
            run += 1;
            lexed.nesting = lexed.nesting.max(depth);
            lexed.chain = lexed.chain.max(run);
        }
        lexed
    }
}
