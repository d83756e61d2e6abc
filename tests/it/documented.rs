//! What the pages and `--help` tell people to type is what the program takes, and no page leads nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lazaret::cli::Args;

use crate::support::fixtures::read;

/// Every page that people read, from the README to the ADRs.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    for folder in [".", "docs", "docs/adr", "deploy", "bench"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The words of a line of shell, up to its comment, redirection or next command.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for char in line.chars().chain([' ']) {
        match (char, quote) {
            ('\'' | '"', None) => quote = Some(char),
            (_, Some(open)) if char == open => quote = None,
            (' ', None) if word.is_empty() => {}
            (' ', None) => match word.as_str() {
                "#" | ">" | "|" | "&&" | ";" | "<" => return words,
                _ => words.push(std::mem::take(&mut word)),
            },
            _ => word.push(char),
        }
    }
    words
}

/// A command as somebody types it, and where it stands.
struct Told {
    place: String,
    line: String,
    /// Of a block of code or an example, which people copy whole; elsewhere some of it may be meant by a word.
    whole: bool,
}

impl Told {
    fn mistake(&self) -> Option<String> {
        let typed = words(&self.line);
        let typed = typed.iter().filter(|word| *word != "…");
        let error = Args::try_parse_from(typed).err()?;
        let fine = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => false,
            _ => !self.whole,
        };
        (!fine).then(|| format!("{}: {}\n{error}", self.place, self.line))
    }
}

/// The command that a line of code begins with. A description that stands beside it is no part of it.
fn command(line: &str, place: &str) -> Option<Told> {
    let typed = line.trim_start().trim_start_matches("$ ");
    let typed = typed.strip_prefix("sudo ").unwrap_or(typed);
    let typed = typed.split("  ").next().unwrap();
    typed.starts_with("lazaret ").then(|| Told {
        place: place.to_owned(),
        line: typed.to_owned(),
        whole: !typed.contains('…'),
    })
}

/// All lines, those that a backslash continues as one; with the number of the last.
fn lines(text: &str) -> Vec<(usize, String)> {
    let (mut lines, mut begun) = (Vec::new(), String::new());
    for (number, line) in text.lines().enumerate() {
        let line = if begun.is_empty() {
            line
        } else {
            line.trim_start()
        };
        match line.strip_suffix('\\') {
            Some(part) => begun.push_str(part),
            None => lines.push((number + 1, std::mem::take(&mut begun) + line)),
        }
    }
    lines
}

/// The commands in blocks of code and in spans of it.
fn told(page: &Path) -> Vec<Told> {
    let (mut told, mut code) = (Vec::new(), false);
    for (number, line) in lines(&read(page)) {
        let place = format!("{}:{number}", page.display());
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if code {
            told.extend(command(&line, &place));
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            let commands =
                spans.filter(|span| span.starts_with("lazaret ") && !span.starts_with("lazaret …"));
            told.extend(commands.map(|span| Told {
                place: place.clone(),
                line: span.to_owned(),
                whole: false,
            }));
        }
    }
    told
}

/// The examples under a command's help and those of the commands below it.
fn examples(of: &clap::Command, told: &mut Vec<Told>) {
    let place = format!("lazaret {} --help", of.get_name());
    let after = of.get_after_long_help().or(of.get_after_help());
    let text = after.map(ToString::to_string).unwrap_or_default();
    told.extend(
        lines(&text)
            .iter()
            .filter_map(|(_, line)| command(line, &place)),
    );
    of.get_subcommands().for_each(|below| examples(below, told));
}

fn assert_taken(told: &[Told], least: usize) {
    assert!(
        told.len() >= least,
        "only {} commands were found",
        told.len()
    );
    let mistakes: Vec<_> = told.iter().filter_map(Told::mistake).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn the_commands_of_the_pages_are_taken() {
    let told: Vec<Told> = pages().iter().flat_map(|page| told(page)).collect();
    assert_taken(&told, 100);
}

#[test]
fn the_examples_of_the_help_are_taken() {
    let mut told = Vec::new();
    examples(&Args::command(), &mut told);
    assert_taken(&told, 30);
}

#[test]
fn links_lead_somewhere() {
    let mut nowhere = Vec::new();
    for page in pages() {
        for part in read(&page).split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            if target.contains("://") || file.is_empty() {
                continue;
            }
            if !page.parent().unwrap().join(file).exists() {
                nowhere.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(nowhere.is_empty(), "{}", nowhere.join("\n"));
}
