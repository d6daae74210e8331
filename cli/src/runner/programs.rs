//! Which programs this machine is willing to start: its own word, whatever the service says.

use std::collections::BTreeMap;

use crate::error::CliError;

/// A connection and its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowed {
    connection: String,
    program: Vec<String>,
}

/// The programs by connection.
#[derive(Debug)]
pub(crate) struct Programs(BTreeMap<String, Vec<String>>);

/// Reads `CONNECTION=WORDS`, or `CONNECTION=["word", "word"]`.
///
/// # Errors
/// What was expected.
pub(crate) fn parse(text: &str) -> Result<Allowed, String> {
    let expected = "expected a connection and its program, such as `ops=bash -s` or `ops=[\"bash\", \"-s\"]`";
    let (connection, program) = text.split_once('=').ok_or(expected)?;
    let program = program.trim();
    let program: Vec<String> = if program.starts_with('[') {
        serde_json::from_str(program).map_err(|error| format!("{expected}: {error}"))?
    } else {
        program.split_whitespace().map(str::to_owned).collect()
    };
    if connection.trim().is_empty() || program.first().is_none_or(String::is_empty) {
        return Err(expected.to_owned());
    }
    Ok(Allowed { connection: connection.trim().to_owned(), program })
}

impl Programs {
    /// Puts them together.
    ///
    /// # Errors
    /// [`CliError::Usage`] if a connection has two.
    pub(crate) fn new(all: Vec<Allowed>) -> Result<Self, CliError> {
        let mut programs = BTreeMap::new();
        for Allowed { connection, program } in all {
            if programs.insert(connection.clone(), program).is_some() {
                return Err(CliError::Usage(format!("`{connection}` has two programs, expected one")));
            }
        }
        Ok(Self(programs))
    }

    /// The connections.
    pub(crate) fn connections(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The connections, for people.
    pub(crate) fn names(&self) -> String {
        self.connections().collect::<Vec<_>>().join(", ")
    }

    /// The program of a connection, if it is the one that the service names.
    ///
    /// # Errors
    /// Why it is not started.
    pub(crate) fn of(&self, connection: &str, named: &[String]) -> Result<&[String], String> {
        let own = self.0.get(connection).ok_or("this runner has no program for the connection")?;
        if own == named {
            return Ok(own);
        }
        let said = |words: &[String]| serde_json::json!(words).to_string();
        Err(format!("this runner starts {} for the connection, not {}", said(own), said(named)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_program_is_words_and_no_shell_looks_at_them() {
        let allowed = parse("ops=bash  -s").unwrap();
        assert_eq!((allowed.connection.as_str(), allowed.program), ("ops", words(&["bash", "-s"])));
        let allowed = parse(r#"ops=["sh", "-c", "cat; $x"]"#).unwrap();
        assert_eq!(allowed.program, words(&["sh", "-c", "cat; $x"]));
        for wrong in ["ops", "ops=", "=bash", "ops=[]", "ops=[1]", "ops=[\"\"]", "ops=[bash"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_very_program_of_this_machine_is_started() {
        let programs = Programs::new(vec![parse("ops=bash -s").unwrap()]).unwrap();
        assert_eq!(programs.of("ops", &words(&["bash", "-s"])).unwrap(), words(&["bash", "-s"]));
        assert!(programs.of("ops", &words(&["bash", "-s", "x"])).is_err());
        assert!(programs.of("ops", &words(&["sh", "-s"])).is_err());
        assert!(programs.of("other", &words(&["bash", "-s"])).is_err());
        assert!(Programs::new(vec![parse("a=b").unwrap(), parse("a=c").unwrap()]).is_err());
    }
}
