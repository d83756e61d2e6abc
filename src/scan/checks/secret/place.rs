//! Which files hold secrets by their place, and which are public anyway.

/// Folders of what packages of languages bring: everybody has it.
const PUBLISHED: [&str; 15] = [
    "node_modules",
    "site-packages",
    "dist-packages",
    "gems",
    "mod/cache",
    "pkg/mod",
    "registry/src",
    "usr/local/go",
    "usr/lib/go",
    "usr/lib/python3",
    "usr/local/lib/python3",
    "usr/include",
    "usr/local/lib/ruby",
    "usr/lib/ruby",
    "opt/java",
];
/// Folders, anywhere, of what is written to be read: keys and tokens in them are for tests and manuals.
const EXAMPLES: [&str; 14] = [
    "test",
    "tests",
    "testdata",
    "testing",
    "__tests__",
    "spec",
    "fixtures",
    "example",
    "examples",
    "sample",
    "samples",
    "doc",
    "docs",
    "man",
];
/// Ends of names of what is written to be read.
const TEXTS: [&str; 7] = [".md", ".rst", ".adoc", ".html", ".pyc", ".map", ".example"];
/// The key that Debian's `ssl-cert` makes for trying things out, trusted by nobody.
const SNAKEOIL: &str = "etc/ssl/private/ssl-cert-snakeoil.key";

/// Whether the file came to everybody with a package of a language, or is a text about secrets.
pub(super) fn is_published(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole = format!("/{folder}/");
    let published = PUBLISHED.iter().any(|name| match name.split_once('/') {
        // From the root, and the beginning of a name: `python3.11`.
        Some(("usr" | "opt", _)) => folder.starts_with(name),
        _ => whole.contains(&format!("/{name}/")),
    });
    published
        || folder.split('/').any(|part| EXAMPLES.contains(&part))
        || TEXTS.iter().any(|end| path.ends_with(end))
        || path == SNAKEOIL
}

/// Whether `path` is one of these files, in whichever folder.
pub(super) fn ends(path: &str, files: &[&str]) -> bool {
    files.iter().any(|file| {
        let before = path.strip_suffix(file);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    })
}

/// Whether it is how a client of Kubernetes finds its cluster.
pub(super) fn is_kubeconfig(path: &str) -> bool {
    let admin = path.starts_with("etc/kubernetes/") && path.ends_with(".conf");
    admin
        || ends(
            path,
            &[
                ".kube/config",
                "kubeconfig",
                "kubeconfig.yaml",
                "kubeconfig.yml",
            ],
        )
}

/// Whether it is a file of settings for the environment: `.env`, `.env.production`.
pub(super) fn is_settings(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let written = [".example", ".sample", ".template", ".dist", ".test"];
    (name == ".env" || name.starts_with(".env.")) && !written.iter().any(|end| name.ends_with(end))
}
