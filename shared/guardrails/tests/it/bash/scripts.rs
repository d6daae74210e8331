//! Scripts made of the parts of bash's grammar, and changes of them.

use super::random::Random;

/// The denied program, so that its name is no word of the text.
const DENIED: [&str; 4] = ["r\\m X", "r''m X", "r\"\"m X", "\"r\"m X"];

/// A script of one to four lines.
pub(super) fn script(random: &mut Random) -> String {
    let lines: Vec<String> = (0..=random.below(4)).map(|_| line(random, 3)).collect();
    lines.join("\n")
}

fn line(random: &mut Random, depth: usize) -> String {
    let mut text = pipeline(random, depth);
    for _ in 0..random.below(2) {
        text.push_str(random.pick(&["; ", " && ", " || ", " & ", ";", "\n", " &&\n"]));
        text.push_str(&pipeline(random, depth));
    }
    if random.one_in(8) {
        text.push_str(&format!(" # {}", denied(random)));
    }
    text
}

fn pipeline(random: &mut Random, depth: usize) -> String {
    let mut text = command(random, depth);
    if random.one_in(5) {
        text.push_str(random.pick(&[" | ", "|", " |& ", " |\n"]));
        text.push_str(&command(random, depth));
    }
    text
}

fn denied(random: &mut Random) -> &'static str {
    random.pick(&DENIED)
}

fn command(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return simple(random, depth);
    }
    let inner = |random: &mut Random| line(random, depth - 1);
    match random.below(22) {
        0 => format!("({})", inner(random)),
        1 => format!("{{ {}; }}", inner(random)),
        2 => format!("if {}; then {}; fi", pipeline(random, 0), inner(random)),
        3 => format!("if [ -f x ]; then {}; else {}\nfi", inner(random), pipeline(random, 0)),
        4 => format!("for x in a {}; do {}; done", word(random, depth - 1), inner(random)),
        5 => format!(
            "case {} in {}) {};; *) {} ;; esac",
            word(random, 0),
            random.pick(&["a", "(a|b", "'x)'", "x|y"]),
            inner(random),
            pipeline(random, 0)
        ),
        6 => format!(
            "[[ {} {} {} ]]",
            word(random, depth - 1),
            random.pick(&["==", "!=", "=~", "-eq", "<", "-nt"]),
            word(random, 0)
        ),
        7 => format!("f() {{ {}; }}\nf", inner(random)),
        8 => format!("while read -r x; do {}; done < in", inner(random)),
        9 | 10 => document(random, depth),
        11 => format!(
            "{} {}",
            random.pick(&[
                "env",
                "nice",
                "nice -n 5",
                "timeout 1",
                "nohup",
                "env A=1",
                "command",
                "exec",
                "time",
                "!",
                "xargs",
                "xargs -n 1",
                "xargs -I% ",
                "env -u x"
            ]),
            simple(random, depth - 1)
        ),
        12 => format!("{}< <({})", random.pick(&["", "grep x ", "cat "]), inner(random)),
        13 => format!(
            "find . -name in {} {} {}",
            random.pick(&["-exec", "-execdir", "-print -exec"]),
            simple(random, 0),
            random.pick(&["{} +", "\\;", "{} \\;"])
        ),
        _ => simple(random, depth - 1),
    }
}

/// A command with a here-document.
fn document(random: &mut Random, depth: usize) -> String {
    let body = match random.below(6) {
        0 => "$x \\$y \"'".to_owned(),
        1 => denied(random).to_owned(),
        2 => format!("$({})", simple(random, 0)),
        3 => "x\\".to_owned(),
        4 => format!("E\n{}\nE", denied(random)),
        _ => word(random, depth - 1),
    };
    let (marker, end) = random.pick(&[
        ("E", "E"),
        ("'E'", "E"),
        ("\\E", "E"),
        ("\"E\"", "E"),
        ("E\\\n", "E"),
        ("-E", "\tE"),
        ("E", "E\\\n"),
        ("'E", "E"),
    ]);
    let program = random.pick(&["cat", "grep x", "ls", ":", "cat -", "exec", "[[ a ]]"]);
    let more = random.pick(&["", "; echo a", " | cat", " && ls"]);
    format!("{program} <<{marker}{more}\n{body}\n{end}\n{}", pipeline(random, 0))
}

fn simple(random: &mut Random, depth: usize) -> String {
    let mut text = random
        .pick(&[
            "echo",
            "echo",
            "ls",
            "ls",
            ":",
            "true",
            "kubectl get",
            "kubectl",
            "grep x",
            "cat",
            "head -n 1",
            "head -c 9",
            "tee out",
            "NS=a",
            "x=1",
            "read x",
            "read -r x",
            "x=",
            "echo $NS",
            "kubectl get -n $NS",
            "set --",
            "f",
            "printf %s",
            "NS=a;kubectl get $NS",
        ])
        .to_owned();
    if random.one_in(12) {
        text = denied(random).to_owned();
    }
    for _ in 0..random.below(3) {
        text.push(' ');
        text.push_str(&word(random, depth));
    }
    if random.one_in(5) {
        text.push_str(random.pick(&[
            " > out",
            " >> out",
            " 2>&1",
            " < in",
            " <<< x",
            " >out<in",
            " 2> out",
            " > o",
            " < secret",
            " <> out",
            " >& out",
            " &> out",
            " <&0",
            " 3<&0",
        ]));
    }
    text
}

fn word(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return random
            .pick(&[
                "a",
                "x",
                "'a b'",
                "\"a b\"",
                "$x",
                "\"$x\"",
                "-n",
                "-l",
                "*",
                "a*",
                "\\;",
                "{a,b}",
                "~",
                "''",
                "1",
                "--",
                "X",
                "-",
                "${x}",
                "\"a\"b'c'",
            ])
            .to_owned();
    }
    let deeper = depth - 1;
    match random.below(20) {
        0 => format!("$({})", line(random, deeper)),
        1 => format!("\"$({})\"", line(random, deeper)),
        2 => format!("`{}`", simple(random, 0)),
        3 => format!("\"`{}`\"", simple(random, 0)),
        4 => format!("'{}'", denied(random).replace('\'', "")),
        5 => format!("\"{}\"", denied(random).replace('"', "")),
        6 => format!(
            "${{x{}{}}}",
            random.pick(&[":-", "-", ":+", "#", "%", "/", "//", ":?", "^", ",,"]),
            word(random, deeper)
        ),
        7 => format!("\"${{x{}{}}}\"", random.pick(&[":-", "-", ":+", "#", "%", "/"]), word(random, deeper)),
        8 => format!("'$({})'", denied(random).replace('\'', "")),
        9 => format!("$'{}'", random.pick(&["a\\nb", "a\\'b", "\\\\", "a\\x41", "'"])),
        10 => random.pick(&["$((1+(2)))", "$((1))", "$((x))", "$(( (1) ))", "$((1+2) )", "$[1]"]).to_owned(),
        11 => format!("<({})", line(random, deeper)),
        12 => format!("\"a'{}'b\"", word(random, deeper)),
        13 => format!("a\\\n{}", word(random, 0)),
        14 => random
            .pick(&[
                "$#", "$@", "\"$@\"", "$*", "$?", "${#x}", "${x", "$", "\"$\"", "${!x}", "${x@P}", "${x:1}",
                "#a", "a#b", "=a",
            ])
            .to_owned(),
        _ => word(random, 0),
    }
}

/// Pieces that move the boundaries of what bash reads.
const PIECES: [&str; 44] = [
    "'", "\"", "\\", "`", "$", "(", ")", "{", "}", "[", "]", "<", ">", "|", "&", ";", "#", "\n", "\\\n", " ",
    "\t", "=", "~", "*", "!", "$(", "${", "$'", "<(", "<<E", "<<'E'", "\nE\n", ";;", "&&", "||", "r\\m X",
    "$\\\n(", "done", "fi", "esac", "do", "in", "then", "-",
];

/// The script with one to four changes.
pub(super) fn changed(script: &str, random: &mut Random) -> String {
    let mut text: Vec<char> = script.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(6)).min(text.len());
        match random.below(7) {
            0..=2 => _ = text.splice(at..at, random.pick(&PIECES).chars()).count(),
            3 => _ = text.drain(at..end).count(),
            4 => _ = text.splice(at..(at + 1).min(end), random.pick(&PIECES).chars()).count(),
            5 => {
                let copy: Vec<char> = text[at..end].to_vec();
                let to = random.below(text.len() + 1);
                text.splice(to..to, copy);
            }
            _ => {
                let last = text.len().saturating_sub(1);
                text.swap(at.min(last), end.min(last));
            }
        }
        if text.is_empty() {
            text.push(':');
        }
    }
    text.into_iter().collect()
}

/// Whether it can be run: it names no program by a path, leaves the folder in no way and ends no process.
pub(super) fn is_safe(script: &str) -> bool {
    !["/", "kill", "BASH", "PATH", "cd", "~", "OLDPWD", "disown"].iter().any(|word| script.contains(word))
}
