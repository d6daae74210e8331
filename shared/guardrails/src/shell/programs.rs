//! What is known of programs: one table, `data/programs.txt`. A program that is not in it may run anything.

use super::syntax::Word;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Options of a program.
#[derive(Debug, Default)]
pub(super) struct Options {
    any: bool,
    /// Without a value.
    flags: Vec<&'static str>,
    /// With one.
    valued: Vec<&'static str>,
}

/// How an argument is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// It is none of the options, or no option.
    Positional,
    /// A known option; its value is in it, or it has none.
    Option,
    /// A known option whose value is the next argument.
    OptionWithValue,
    /// An option that is not known.
    Unknown,
}

impl Options {
    fn new(text: &'static str) -> Self {
        let mut options = Self::default();
        for option in text.split_whitespace() {
            match option.strip_suffix('=') {
                _ if option == "*" => options.any = true,
                Some(option) => options.valued.push(option),
                None => options.flags.push(option),
            }
        }
        options
    }

    /// How an argument is read; `-n`, `--name value`, `--name=value`, `-abc`, `-nvalue`.
    pub(super) fn read(&self, argument: &str) -> Argument {
        if self.flags.contains(&argument) {
            return Argument::Option;
        }
        if self.valued.contains(&argument) {
            return Argument::OptionWithValue;
        }
        if argument.len() < 2
            || !argument.starts_with(['-', '+'])
            || (argument.starts_with('+') && !self.flags.iter().any(|flag| flag.starts_with('+')))
        {
            return Argument::Positional;
        }
        if self.any || argument == "--" {
            return Argument::Option;
        }
        if let Some((name, _)) = argument.split_once('=')
            && self.valued.contains(&name)
        {
            return Argument::Option;
        }
        // `-50`
        if argument.get(1..).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())) {
            return Argument::Option;
        }
        if argument.starts_with("--") {
            return Argument::Unknown;
        }
        for (at, letter) in argument.char_indices().skip(1) {
            let short = format!("-{letter}");
            if self.flags.contains(&short.as_str()) {
                continue;
            }
            if !self.valued.contains(&short.as_str()) {
                return Argument::Unknown;
            }
            let ends = argument.len() == at + letter.len_utf8();
            return if ends { Argument::OptionWithValue } else { Argument::Option };
        }
        Argument::Option
    }
}

/// What is known of a program.
#[derive(Debug)]
pub(super) enum Program {
    /// It runs no other code.
    Plain,
    /// It runs no other code with these options.
    Options(Options),
    /// It runs the program behind so many arguments.
    Wrap(usize, Options),
    /// It has commands of its own.
    Commands(Vec<&'static str>, Options),
    /// It runs what is in a text, a file or on its standard input.
    Code,
}

static PROGRAMS: LazyLock<BTreeMap<&'static str, Program>> = LazyLock::new(|| {
    let mut programs = BTreeMap::new();
    for line in include_str!("../../data/programs.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let class = cells.next().unwrap_or_default();
        let name = cells.next().unwrap_or_default();
        let mut cell = || cells.next().unwrap_or_default();
        match class {
            "plain" => programs.extend(name.split_whitespace().map(|name| (name, Program::Plain))),
            "options" => _ = programs.insert(name, Program::Options(Options::new(cell()))),
            "wrap" => {
                // A count that cannot be read would be a mistake in the table; a test finds it.
                let count = cell().parse().unwrap_or_default();
                programs.insert(name, Program::Wrap(count, Options::new(cell())));
            }
            "commands" => {
                let commands = cell().split_whitespace().collect();
                programs.insert(name, Program::Commands(commands, Options::new(cell())));
            }
            // Whatever else stands there is taken for the strictest.
            _ => programs.extend(name.split_whitespace().map(|name| (name, Program::Code))),
        }
    }
    programs
});

/// What is known of a program, by its name without directories.
pub(super) fn known(name: &str) -> Option<&'static Program> {
    // `python3.11`, `mkfs.ext4`
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let head = name.split('.').next().unwrap_or(name);
    [name, stem, head].into_iter().filter(|name| !name.is_empty()).find_map(|name| PROGRAMS.get(name))
}

/// Whether a program can run or write something that its arguments name, so that any option of it is a risk.
pub(crate) fn may_run_code(name: &str) -> bool {
    !matches!(known(base(name)), Some(Program::Plain))
}

/// Destroy or stop something with few words.
const DANGEROUS: [&str; 30] = [
    "chattr", "chmod", "chown", "dd", "fdisk", "halt", "init", "insmod", "iptables", "kill", "killall",
    "mkfs", "mkswap", "modprobe", "mount", "nft", "parted", "passwd", "pkill", "poweroff", "reboot", "rm",
    "rmdir", "rmmod", "shred", "shutdown", "truncate", "umount", "userdel", "wipefs",
];

pub(super) fn is_dangerous(name: &str) -> bool {
    let head = name.split('.').next().unwrap_or(name);
    DANGEROUS.contains(&name) || DANGEROUS.contains(&head)
}

/// Variables that change which program a name means, or what runs before it.
pub(crate) fn changes_meaning(variable: &str) -> bool {
    matches!(
        variable,
        "PATH"
            | "IFS"
            | "ENV"
            | "BASH_ENV"
            | "SHELL"
            | "PROMPT_COMMAND"
            | "EDITOR"
            | "VISUAL"
            | "PAGER"
            | "CDPATH"
            | "PS4"
            | "SHELLOPTS"
            | "BASHOPTS"
            | "HOME"
            | "KUBECONFIG"
            | "KUBECTL_EXTERNAL_DIFF"
            | "LESSOPEN"
            | "LESSCLOSE"
            | "MANPAGER"
            | "BROWSER"
            | "TERMINFO"
            | "HISTFILE"
    ) || [
        "LD_",
        "DYLD_",
        "BASH_FUNC",
        "GIT_",
        "PYTHON",
        "PERL5",
        "RUBY",
        "NODE_",
        "JAVA_",
        "TAR_",
        "RSYNC_",
        "SSH_",
        "DOCKER_",
        "SYSTEMD_",
    ]
    .iter()
    .any(|start| variable.starts_with(start))
}

/// A file's name without its directories.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a program of `awk` or a script of `sed` only prints and replaces. A short list of what is known to be so.
pub(super) fn is_calm_script(name: &str, script: &str) -> bool {
    let fields = |text: &str| {
        text.split(',').all(|item| {
            let item = item.trim();
            item.is_empty()
                || item.strip_prefix('$').is_some_and(|number| {
                    number == "NF" || !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
                })
        })
    };
    match name {
        "awk" | "gawk" | "mawk" => script
            .trim()
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .and_then(|text| text.trim().strip_prefix("print"))
            .is_some_and(fields),
        "sed" => {
            let address = |text: &str| {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'$')
            };
            let prints = script.strip_suffix(['p', 'd']).is_some_and(address);
            let parts: Vec<&str> = script.split('/').collect();
            // `s/a/b/g`; the flags `e` and `w` run and write.
            let replaces = matches!(parts.as_slice(), ["s", from, to, flags]
                if !from.contains(['\\', '\n', ';']) && !to.contains(['\\', '\n', ';']) && matches!(*flags, "" | "g" | "p" | "gp" | "i" | "gi"));
            prints || replaces
        }
        _ => false,
    }
}

/// The words of a wrapped command: what is behind the options and arguments of the wrapper itself.
pub(super) enum Inner<'a> {
    /// These words.
    Words(&'a [Word]),
    /// None: the wrapper alone.
    Nothing,
    /// It cannot be told where they begin.
    Hidden,
}

pub(super) fn inner<'a>(count: usize, options: &Options, arguments: &'a [Word], assigns: bool) -> Inner<'a> {
    let mut left = count;
    let mut rest = arguments;
    while let [first, tail @ ..] = rest {
        let Some(text) = first.literal() else { return Inner::Hidden };
        if text == "--" && left == 0 {
            return if tail.is_empty() { Inner::Nothing } else { Inner::Words(tail) };
        }
        match options.read(&text) {
            Argument::Option => {}
            Argument::OptionWithValue => {
                let [value, tail @ ..] = tail else { return Inner::Hidden };
                if value.literal().is_none() {
                    return Inner::Hidden;
                }
                rest = tail;
                continue;
            }
            Argument::Unknown => return Inner::Hidden,
            // `env NAME=value program`
            Argument::Positional if assigns && text.contains('=') => {
                if text.split_once('=').is_some_and(|(name, _)| changes_meaning(name)) {
                    return Inner::Hidden;
                }
            }
            Argument::Positional if left > 0 => left -= 1,
            Argument::Positional => return Inner::Words(rest),
        }
        rest = tail;
    }
    Inner::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_line_that_is_read_wrongly() {
        for line in include_str!("../../data/programs.txt").lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = line.split('\t').collect();
            let (class, rest) = cells.split_first().unwrap();
            let expected = match *class {
                "plain" | "code" => 1,
                "options" => 2,
                "wrap" | "commands" => 3,
                other => panic!("{other}"),
            };
            assert_eq!(rest.len(), expected, "{line}");
            assert!(*class != "wrap" || rest[1].parse::<usize>().is_ok(), "{line}");
        }
        let names: Vec<&str> = include_str!("../../data/programs.txt")
            .lines()
            .filter(|line| line.starts_with("plain") || line.starts_with("code"))
            .flat_map(|line| line.split('\t').nth(1).unwrap_or_default().split(' '))
            .collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len(), "a program is listed twice");
    }

    #[test]
    fn options_are_read_in_all_their_forms() {
        let options = Options::new("-a -n= --name= --all");
        for (argument, expected) in [
            ("x", Argument::Positional),
            ("-", Argument::Positional),
            ("-a", Argument::Option),
            ("-aa", Argument::Option),
            ("-n", Argument::OptionWithValue),
            ("-an", Argument::OptionWithValue),
            ("-n5", Argument::Option),
            ("--name", Argument::OptionWithValue),
            ("--name=x", Argument::Option),
            ("--all", Argument::Option),
            ("--", Argument::Option),
            ("-50", Argument::Option),
            ("-x", Argument::Unknown),
            ("-ax", Argument::Unknown),
            ("--all=x", Argument::Unknown),
            ("--nam=x", Argument::Unknown),
        ] {
            assert_eq!(options.read(argument), expected, "{argument}");
        }
    }

    #[test]
    fn scripts_that_only_print_and_replace_are_calm() {
        for (name, script) in [
            ("awk", "{print $1}"),
            ("awk", "{ print $1, $NF }"),
            ("sed", "1,20p"),
            ("sed", "s/a/b/"),
            ("sed", "$d"),
        ] {
            assert!(is_calm_script(name, script), "{script}");
        }
        for (name, script) in [
            ("awk", "BEGIN{system(\"rm x\")}"),
            ("awk", "{print $1 | \"sh\"}"),
            ("sed", "s/a/rm x/e"),
            ("sed", "1e rm x"),
            ("sed", "s/a/b/w f"),
        ] {
            assert!(!is_calm_script(name, script), "{script}");
        }
    }
}
