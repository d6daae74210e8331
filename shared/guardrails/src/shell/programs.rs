//! What is known of programs by their names.

/// Run what is in a text, a file or on their standard input.
const INTERPRETERS: [&str; 52] = [
    ".",
    "ash",
    "at",
    "awk",
    "bash",
    "batch",
    "busybox",
    "cmd",
    "crontab",
    "csh",
    "dash",
    "deno",
    "ed",
    "emacs",
    "eval",
    "ex",
    "expect",
    "fish",
    "gawk",
    "gdb",
    "irb",
    "ksh",
    "lua",
    "make",
    "mawk",
    "mongo",
    "mongosh",
    "mysql",
    "mariadb",
    "node",
    "nodejs",
    "perl",
    "php",
    "psql",
    "pwsh",
    "powershell",
    "python",
    "rsh",
    "ruby",
    "screen",
    "sed",
    "sh",
    "source",
    "sqlcmd",
    "sqlite3",
    "sqlplus",
    "ssh",
    "su",
    "tclsh",
    "tmux",
    "vi",
    "vim",
];

/// Run the program that is named in their arguments.
const WRAPPERS: [&str; 28] = [
    "builtin", "chroot", "chrt", "command", "coproc", "doas", "env", "exec", "find", "flock", "ionice",
    "ld.so", "nice", "nohup", "nsenter", "parallel", "script", "setarch", "setsid", "stdbuf", "strace",
    "sudo", "taskset", "time", "timeout", "trap", "watch", "xargs",
];

/// Have commands of their own, which a rule may name: `kubectl delete`.
const WITH_COMMANDS: [&str; 24] = [
    "apt",
    "apt-get",
    "argocd",
    "aws",
    "az",
    "docker",
    "doctl",
    "eksctl",
    "flux",
    "gcloud",
    "git",
    "gsutil",
    "helm",
    "heroku",
    "ip",
    "kubectl",
    "nomad",
    "npm",
    "oc",
    "podman",
    "service",
    "systemctl",
    "terraform",
    "vault",
];

/// Destroy or stop something with few words.
const DANGEROUS: [&str; 30] = [
    "chattr", "chmod", "chown", "dd", "fdisk", "halt", "init", "insmod", "iptables", "kill", "killall",
    "mkfs", "mkswap", "modprobe", "mount", "nft", "parted", "passwd", "pkill", "poweroff", "reboot", "rm",
    "rmdir", "rmmod", "shred", "shutdown", "truncate", "umount", "userdel", "wipefs",
];

fn is_one_of(list: &[&str], name: &str) -> bool {
    // `python3.11`, `mkfs.ext4`
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let head = name.split('.').next().unwrap_or(name);
    list.contains(&name)
        || (!stem.is_empty() && list.contains(&stem))
        || (!head.is_empty() && list.contains(&head))
}

pub(super) fn is_interpreter(name: &str) -> bool {
    is_one_of(&INTERPRETERS, name)
}

pub(super) fn is_wrapper(name: &str) -> bool {
    is_one_of(&WRAPPERS, name)
}

pub(super) fn has_commands(name: &str) -> bool {
    is_one_of(&WITH_COMMANDS, name)
}

pub(super) fn is_dangerous(name: &str) -> bool {
    is_one_of(&DANGEROUS, name)
}

/// Variables that change which program a name means, or what runs before it.
pub(super) fn changes_meaning(variable: &str) -> bool {
    matches!(
        variable,
        "PATH" | "IFS" | "ENV" | "BASH_ENV" | "SHELL" | "PROMPT_COMMAND" | "EDITOR" | "PAGER" | "CDPATH"
    ) || variable.starts_with("LD_")
        || variable.starts_with("DYLD_")
        || variable.starts_with("BASH_FUNC")
        || variable.starts_with("GIT_")
}

/// A file's name without its directories.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
